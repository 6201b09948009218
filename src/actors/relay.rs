//! The relay: opens what the outbox holds, has it delivered, and strikes it out. The commit wakes it; it does not
//! poll. Delivery is at least once: a message may go out twice, with the same id, never with another code.

use std::sync::Arc;
use std::time::Duration;

use ractor::{Actor, ActorProcessingErr, ActorRef, RpcReplyPort};
use tokio::sync::Semaphore;

use crate::delivery::{self, Envelope, Outcome, Transport, Wording};
use crate::domain::effect::Message;
use crate::domain::secret::Secret;
use crate::store::{Commit, CommitError, OutboxEntry};

use super::environment::Environment;
use super::persister::Persister;

/// A message to the relay.
pub(super) enum RelayMessage {
    /// The persister stands: begin with what an earlier run left behind.
    Begin(Persister),
    /// A commit holds this entry.
    Deliver(OutboxEntry),
    /// Answer once nothing is on its way.
    Rest(RpcReplyPort<()>),
}

/// How messages leave.
pub(super) struct Arguments {
    pub(super) environment: Arc<Environment>,
    pub(super) transports: Transports,
    /// What the messages say beside their secrets.
    pub(super) wording: Wording,
}

/// The transports by channel.
#[derive(Clone)]
pub struct Transports {
    /// For e-mail.
    pub email: Arc<dyn Transport>,
    /// For text messages.
    pub sms: Arc<dyn Transport>,
}

pub(super) struct RelayActor;

pub(super) struct State {
    courier: Arc<Courier>,
    persister: Option<Persister>,
    places: Arc<Semaphore>,
}

struct Courier {
    environment: Arc<Environment>,
    transports: Transports,
    wording: Wording,
}

impl Actor for RelayActor {
    type Msg = RelayMessage;
    type State = State;
    type Arguments = Arguments;

    async fn pre_start(&self, _: ActorRef<Self::Msg>, arguments: Arguments) -> Result<State, ActorProcessingErr> {
        let Arguments { environment, transports, wording } = arguments;
        let places = Arc::new(Semaphore::new(environment.options.deliveries_max));
        Ok(State { courier: Arc::new(Courier { environment, transports, wording }), persister: None, places })
    }

    async fn handle(
        &self,
        myself: ActorRef<Self::Msg>,
        message: RelayMessage,
        state: &mut State,
    ) -> Result<(), ActorProcessingErr> {
        match message {
            RelayMessage::Begin(persister) => {
                state.persister = Some(persister);
                state.resume(myself).await;
            }
            RelayMessage::Deliver(entry) => state.deliver(entry),
            RelayMessage::Rest(reply) => {
                let all = u32::try_from(state.courier.environment.options.deliveries_max).unwrap_or(u32::MAX);
                let rest = tokio::time::timeout(REST_MAX, state.places.acquire_many(all)).await;
                if rest.is_err() {
                    tracing::warn!("messages were still on their way; they stay in the outbox");
                }
                drop(reply.send(()));
            }
        }
        Ok(())
    }
}

impl State {
    /// Takes up what is in the outbox from before.
    async fn resume(&self, myself: ActorRef<RelayMessage>) {
        let mut after = None;
        loop {
            match self.courier.environment.store.outbox(after, PAGE).await {
                Ok(page) => {
                    after = page.last().map(|entry| entry.id);
                    let is_last = page.len() < PAGE;
                    for entry in page {
                        drop(myself.send_message(RelayMessage::Deliver(entry)));
                    }
                    if is_last {
                        return;
                    }
                }
                Err(error) => return tracing::error!(%error, "the outbox could not be read"),
            }
        }
    }

    fn deliver(&self, entry: OutboxEntry) {
        let Some(persister) = self.persister.clone() else { return };
        let (courier, places) = (self.courier.clone(), self.places.clone());
        tokio::spawn(async move { courier.carry(&entry, &persister, &places).await });
    }
}

impl Courier {
    /// Tries until the message is sent, refused or no longer worth sending, and strikes it out. A place is held
    /// while a transport works and not between tries, so that messages that can't leave hold up no others.
    async fn carry(&self, entry: &OutboxEntry, persister: &Persister, places: &Semaphore) {
        let Some(message) = self.open(entry) else { return strike_out(persister, entry).await };
        let transport = match message.channel {
            delivery::Channel::Email => &self.transports.email,
            delivery::Channel::Sms => &self.transports.sms,
        };
        let mut pause = PAUSE_FIRST;
        loop {
            let Ok(place) = places.acquire().await else { return };
            if self.environment.now() >= entry.expire_at {
                tracing::warn!(message.id = %entry.id, "a message expired before it could be sent");
                return strike_out(persister, entry).await;
            }
            match transport.deliver(&message).await {
                Outcome::Sent => return strike_out(persister, entry).await,
                Outcome::Refused { reason } => {
                    tracing::warn!(message.id = %entry.id, reason, "a message was refused for good");
                    return strike_out(persister, entry).await;
                }
                Outcome::Retry { reason } => {
                    tracing::warn!(message.id = %entry.id, reason, "a message could not be sent; it is tried again");
                }
            }
            drop(place);
            tokio::time::sleep(self.jittered(pause)).await;
            pause = (pause * 2).min(PAUSE_MAX);
        }
    }

    /// The message with its secret; `None` if that was sealed under another key, so that it can never be sent.
    fn open(&self, entry: &OutboxEntry) -> Option<delivery::Message> {
        let plain = self.environment.sealer.open(entry.id.as_bytes(), &entry.sealed);
        let Some(secrets) = plain.and_then(|plain| String::from_utf8(plain).ok()).map(|plain| parts(&plain)) else {
            tracing::error!(message.id = %entry.id, "a message can't be opened with this instance key");
            return None;
        };
        let envelope = Envelope {
            id: entry.id,
            to: &entry.to,
            display_to: &entry.display_to,
            created_at: entry.created_at,
            expire_at: entry.expire_at,
        };
        let words = &self.wording;
        Some(match secrets {
            [_, _, Some(ticket)] => words.invitation_message(envelope, &ticket),
            [code, Some(token), None] => words.link_message(envelope, &token, code.as_ref()),
            [Some(code), None, None] => words.code_message(envelope, &code),
            [None, None, None] => words.notice_message(envelope),
        })
    }

    /// `pause` ± 50 %, so that failed messages do not all come back at once.
    fn jittered(&self, pause: Duration) -> Duration {
        let mut byte = [0];
        self.environment.decide(|cx| cx.entropy.fill(&mut byte));
        pause.mul_f64(0.5 + f64::from(byte[0]) / 255.0)
    }
}

/// The secrets of a message as they are sealed together, a line each, which may be empty: the code, the token of the
/// link, the ticket.
pub(super) fn joined(message: &Message) -> Secret<String> {
    let text = |secret: &Option<Secret<String>>| secret.as_ref().map_or_else(String::new, |s| s.expose().clone());
    Secret::new([&message.code, &message.link, &message.ticket].map(text).join("\n"))
}

fn parts(plain: &str) -> [Option<Secret<String>>; 3] {
    let mut lines = plain.split('\n').map(|line| (!line.is_empty()).then(|| Secret::new(line.to_owned())));
    [(); 3].map(|()| lines.next().flatten())
}

/// Strikes an entry out; a full queue is waited for, since the message would be sent again otherwise.
async fn strike_out(persister: &Persister, entry: &OutboxEntry) {
    for _ in 0..STRIKES_MAX {
        let commit = Commit { at: entry.created_at, sent: vec![entry.id], relaxed: true, ..Commit::default() };
        match persister.commit(commit).await {
            Ok(_) => return,
            Err(CommitError::Overloaded) => tokio::time::sleep(PAUSE_FIRST).await,
            Err(error) => return tracing::warn!(message.id = %entry.id, %error, "a sent message stays in the outbox"),
        }
    }
}

const PAGE: usize = 256;
const PAUSE_FIRST: Duration = Duration::from_secs(1);
const PAUSE_MAX: Duration = Duration::from_secs(60);
const STRIKES_MAX: usize = 10;
/// How long a shutdown waits for what is on its way.
const REST_MAX: Duration = Duration::from_secs(5);
