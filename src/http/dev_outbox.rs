//! The captured messages of a development instance, as `GET /dev/outbox` shows them.

use serde::Serialize;

use crate::delivery::{Capture, Channel, Message};
use crate::domain::time::Timestamp;

/// The messages that a development instance captured instead of sending them.
pub trait DevOutbox: Send + Sync {
    /// The messages to one normalised address, or all of them; oldest first.
    fn messages(&self, to: Option<&str>) -> Vec<CapturedMessage>;
}

/// A captured message, as `GET /dev/outbox` shows it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct CapturedMessage {
    /// Its id.
    pub id: String,
    /// `email` or `sms`.
    pub channel: String,
    /// The normalised address.
    pub to: String,
    /// The code in the message.
    pub code: Option<String>,
    /// The link in the message.
    pub link: Option<String>,
    /// The subject of an e-mail.
    pub subject: Option<String>,
    /// The whole text.
    pub text: String,
    /// The time of creation.
    pub created_at: Timestamp,
}

impl DevOutbox for Capture {
    fn messages(&self, to: Option<&str>) -> Vec<CapturedMessage> {
        let messages = to.map_or_else(|| self.latest(LISTED_MAX), |address| self.to(address));
        messages.iter().map(|message| CapturedMessage::from(&**message)).collect()
    }
}

impl From<&Message> for CapturedMessage {
    fn from(message: &Message) -> Self {
        Self {
            id: message.id.to_string(),
            channel: match message.channel {
                Channel::Email => "email",
                Channel::Sms => "sms",
            }
            .into(),
            to: message.to.clone(),
            code: message.code.as_ref().map(|code| code.expose().clone()),
            link: message.link.as_ref().map(|link| link.expose().clone()),
            subject: Some(message.subject.clone()),
            text: message.text.expose().clone(),
            created_at: message.created_at,
        }
    }
}

/// How many messages the mailbox lists.
const LISTED_MAX: usize = 200;
