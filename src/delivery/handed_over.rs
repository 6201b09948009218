//! The transport of a channel whose messages the application sends itself.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use crate::domain::time::Timestamp;

use super::{BoxFuture, Channel, Failure, FailureClass, Message, Outcome, Receipt, Transport};

/// Hands messages over to the receivers of the webhook `email.created` or `sms.created`, which send them. While no endpoint
/// that gets webhooks names that event, it takes none.
#[derive(Clone, Debug)]
pub struct HandedOver {
    hearers: Arc<Hearers>,
}

/// The endpoints that are sent the messages of a channel at present.
#[derive(Debug, Default)]
pub struct Hearers(Mutex<Heard>);

#[derive(Debug, Default)]
struct Heard {
    last: u64,
    /// The number, the channel, and since when it hears.
    all: Vec<(u64, Channel, Timestamp)>,
}

/// Counts as a hearer until it is dropped.
#[derive(Debug)]
pub struct Hearing {
    hearers: Arc<Hearers>,
    number: u64,
}

impl Hearers {
    /// An endpoint that hears of the messages of a channel that are made from `since` on.
    pub fn begin(self: &Arc<Self>, channel: Channel, since: Timestamp) -> Hearing {
        let mut heard = self.heard();
        heard.last += 1;
        let number = heard.last;
        heard.all.push((number, channel, since));
        Hearing { hearers: self.clone(), number }
    }

    /// Since when the first of a channel's endpoints hears; `None` if there is none.
    fn since(&self, channel: Channel) -> Option<Timestamp> {
        self.heard().all.iter().filter(|(_, of, _)| *of == channel).map(|(_, _, since)| *since).min()
    }

    fn heard(&self) -> MutexGuard<'_, Heard> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Hearing {
    fn drop(&mut self) {
        self.hearers.heard().all.retain(|(number, _, _)| *number != self.number);
    }
}

impl HandedOver {
    /// Hands over to these endpoints.
    pub const fn new(hearers: Arc<Hearers>) -> Self {
        Self { hearers }
    }

    async fn hand_over(&self, message: &Message) -> Outcome {
        let mut since = self.hearers.since(message.channel);
        // An endpoint that is changed, or starts with the engine, is back at once.
        for _ in 0..WAITS {
            if since.is_some() {
                break;
            }
            tokio::time::sleep(WAIT).await;
            since = self.hearers.since(message.channel);
        }
        match since {
            Some(since) if since <= message.created_at => {
                Outcome::Sent(Receipt { provider: "webhook", message_id: None })
            }
            Some(_) => Outcome::Refused(Failure::new(FailureClass::Unconfigured, TOO_EARLY)),
            None => {
                let channel = message.channel;
                let reason = format!(
                    "`{channel}.delivered_by` is \"webhook\", and no endpoint that is switched on names {channel}.created"
                );
                Outcome::Unavailable(Failure::new(FailureClass::Unconfigured, reason))
            }
        }
    }
}

impl Transport for HandedOver {
    fn deliver<'a>(&'a self, message: &'a Message) -> BoxFuture<'a, Outcome> {
        Box::pin(self.hand_over(message))
    }
}

const TOO_EARLY: &str = "it was made before there was an endpoint of webhooks that sends such messages";
const WAITS: u32 = 20;
const WAIT: Duration = Duration::from_millis(50);

#[cfg(test)]
mod tests {
    use super::*;
    use crate::delivery::samples::message;

    #[tokio::test(start_paused = true)]
    async fn a_message_is_handed_over_only_to_who_hears_of_it() {
        let hearers = Arc::new(Hearers::default());
        let (transport, message) = (HandedOver::new(hearers.clone()), message("ada@example.com", ""));
        let other = hearers.begin(Channel::Sms, Timestamp::EPOCH);
        let outcome = transport.deliver(&message).await;
        let Outcome::Unavailable(failure) = outcome else { panic!("{outcome:?}") };
        assert!(failure.reason.contains("names email.created"), "{}", failure.reason);

        let late = hearers.begin(Channel::Email, message.created_at + crate::domain::time::Span::from_secs(1));
        let outcome = transport.deliver(&message).await;
        assert!(matches!(outcome, Outcome::Refused(_)), "its event went to nobody: {outcome:?}");
        let early = hearers.begin(Channel::Email, message.created_at);
        assert!(matches!(transport.deliver(&message).await, Outcome::Sent(_)));
        drop((late, early, other));
        assert!(matches!(transport.deliver(&message).await, Outcome::Unavailable(_)));

        let started = async {
            tokio::time::sleep(Duration::from_millis(200)).await;
            hearers.begin(Channel::Email, Timestamp::EPOCH)
        };
        let (outcome, _hearing) = tokio::join!(transport.deliver(&message), started);
        assert!(matches!(outcome, Outcome::Sent(_)), "an endpoint that is only changed is waited for");
    }
}
