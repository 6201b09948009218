//! Messages of a history: those that are tried again, and those that an operator has sent once more. They arrive at least
//! once, with the same code, and never after its end.

use std::collections::BTreeMap;

use super::Random;
use crate::actors::test_support::{Answer, FakeTransport};
use crate::domain::id::MessageId;
use crate::domain::time::Timestamp;
use crate::engine::{Engine, MessageFilter};

/// What an operator was promised.
#[derive(Default)]
pub(super) struct Letters {
    /// A message, the one that repeats it, and until when that is good.
    again: Vec<(MessageId, MessageId, Timestamp)>,
}

impl Letters {
    /// An operator has some message sent once more. Returns how many will be: none where it is over, or the store fails.
    pub(super) async fn send_one_again(&mut self, engine: &Engine, random: &mut Random) -> u64 {
        let Ok(page) = engine.messages().list(&MessageFilter::default(), 20).await else { return 0 };
        let Some(message) = random.pick(&page.items) else { return 0 };
        match engine.messages().send_again(message.id).await {
            Ok(queued) if queued.id != message.id => {
                self.again.push((message.id, queued.id, queued.expire_at));
                1
            }
            _ => 0,
        }
    }

    /// # Errors
    /// What must not be in the messages that were given to the transport.
    pub(super) fn check(&self, transport: &FakeTransport) -> Result<(), String> {
        let handed = transport.handed();
        let mut codes: BTreeMap<MessageId, &Option<String>> = BTreeMap::new();
        for handed in &handed {
            let (id, code, at, expire_at) = (&handed.id, &handed.code, &handed.at, &handed.expire_at);
            if codes.insert(*id, code).is_some_and(|before| before != code) {
                return Err(format!("{id} was tried with two codes"));
            }
            if at.is_none_or(|at| at >= *expire_at) {
                return Err(format!("{id} was tried at {at:?}, and it ended at {expire_at:?}"));
            }
        }
        for (first, again, _) in &self.again {
            if let (Some(first), Some(again)) = (codes.get(first), codes.get(again))
                && first != again
            {
                return Err("a message was sent again with another code".into());
            }
        }
        Ok(())
    }

    /// Where nothing fails any more.
    ///
    /// # Errors
    /// When a message was promised that is still good and was not sent.
    pub(super) fn check_promises(&self, transport: &FakeTransport, now: Timestamp) -> Result<(), String> {
        let handed = transport.handed();
        let is_sent = |id| handed.iter().any(|message| message.id == id && message.answer == Answer::Sent);
        match self.again.iter().find(|(_, again, until)| now < *until && !is_sent(*again)) {
            Some((_, again, _)) => Err(format!("{again} was to be sent again, and was not")),
            None => Ok(()),
        }
    }
}
