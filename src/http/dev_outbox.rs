//! The captured messages of a development instance, as `/dev/outbox` shows them.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use serde::Serialize;

use crate::delivery::{BoxFuture, Capture, Channel, Logo, Message};
use crate::domain::id::MessageId;
use crate::domain::time::Timestamp;

/// The messages that a development instance captured instead of sending them. Only the first method must be written; the
/// mailbox shows less without the others.
pub trait DevOutbox: Send + Sync {
    /// The messages to one normalised address, or all of them; oldest first.
    fn messages(&self, to: Option<&str>) -> Vec<CapturedMessage>;

    /// The newest messages that contain all of these words; oldest first.
    fn search(&self, words: &str) -> Vec<CapturedMessage> {
        self.messages(None).into_iter().filter(|message| message.has(words)).collect()
    }

    /// One message as it was sent.
    fn sent(&self, id: MessageId) -> Option<SentMessage> {
        let _ = id;
        None
    }

    /// Forgets all messages.
    fn clear(&self) {}

    /// A number that is another one after each change, as soon as it is not `seen`.
    fn changed<'a>(&'a self, seen: Option<u64>) -> BoxFuture<'a, u64> {
        let _ = seen;
        Box::pin(std::future::pending())
    }
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
    /// What it is for, such as `verification_code`.
    pub template: String,
    /// The id of the sign-up, sign-in, invitation or address verification that it was made for.
    pub origin: Option<String>,
    /// The language that it is written in.
    pub locale: String,
    /// Whether its HTML can be shown.
    pub has_html: bool,
}

impl CapturedMessage {
    /// Whether it contains all of these words: in its address, subject or text, or as its id or the id of what it was made
    /// for. Case does not matter.
    pub fn has(&self, words: &str) -> bool {
        let (subject, origin) =
            (self.subject.as_deref().unwrap_or_default(), self.origin.as_deref().unwrap_or_default());
        let all = [&*self.to, subject, &*self.text, &*self.id, origin].map(str::to_lowercase);
        words.to_lowercase().split_whitespace().all(|word| all.iter().any(|text| text.contains(word)))
    }
}

/// A captured message as it was sent.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct SentMessage {
    /// What the list has of it.
    #[serde(flatten)]
    pub message: CapturedMessage,
    /// The address as the person typed it.
    pub display_to: String,
    /// The HTML of an e-mail, in which the logo is a `data:` URL.
    pub html: Option<String>,
    /// The whole e-mail, with its headers.
    pub source: Option<String>,
}

impl DevOutbox for Capture {
    fn messages(&self, to: Option<&str>) -> Vec<CapturedMessage> {
        let messages = to.map_or_else(|| self.latest(LISTED_MAX), |address| self.to(address));
        messages.iter().map(|message| CapturedMessage::from(&**message)).collect()
    }

    fn search(&self, words: &str) -> Vec<CapturedMessage> {
        let found = Self::search(self, words, LISTED_MAX);
        found.iter().map(|message| CapturedMessage::from(&**message)).collect()
    }

    fn sent(&self, id: MessageId) -> Option<SentMessage> {
        let message = self.message(id)?;
        let html = message.html.as_ref().map(|html| match &message.logo {
            Some(logo) => html.expose().replace(&format!("cid:{}", Logo::CONTENT_ID), &data_url(logo)),
            None => html.expose().clone(),
        });
        Some(SentMessage {
            message: CapturedMessage::from(&*message),
            display_to: message.display_to.clone(),
            html,
            source: source(&message, self.sender()),
        })
    }

    fn clear(&self) {
        Self::clear(self);
    }

    fn changed<'a>(&'a self, seen: Option<u64>) -> BoxFuture<'a, u64> {
        match seen {
            Some(seen) => Box::pin(Self::changed(self, seen)),
            None => Box::pin(std::future::ready(self.version())),
        }
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
            template: message.template.as_str().into(),
            origin: message.origin.map(|origin| origin.to_string()),
            locale: message.locale.clone(),
            has_html: message.html.is_some(),
        }
    }
}

#[cfg(feature = "smtp")]
fn source(message: &Message, sender: &str) -> Option<String> {
    let is_mail = message.channel == Channel::Email;
    let source = is_mail.then(|| crate::delivery::mail_source(message, sender)).flatten()?;
    Some(String::from_utf8_lossy(&source).into_owned())
}

/// Without SMTP nothing writes e-mails.
#[cfg(not(feature = "smtp"))]
fn source(_: &Message, _: &str) -> Option<String> {
    None
}

fn data_url(logo: &Logo) -> String {
    format!("data:{};base64,{}", logo.content_type, BASE64.encode(&logo.bytes))
}

/// How many messages the mailbox lists.
const LISTED_MAX: usize = 200;
