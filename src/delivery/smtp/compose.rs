//! Writing a message as mail (RFC 5322).

use std::time::{Duration, SystemTime};

use lettre::Address;
use lettre::message::Mailbox;
use lettre::message::header::{ContentType, Header, HeaderName, HeaderValue, MIME_VERSION_1_0};

use super::super::Message;

/// A message in the form that it is handed over in.
pub(super) struct Mail {
    /// For `MAIL`.
    pub(super) sender: String,
    /// For `RCPT`.
    pub(super) recipient: String,
    /// For `DATA`, dots doubled and ended.
    pub(super) data: Vec<u8>,
}

impl Mail {
    /// `message` from this sender; `None` if its address can't be written in a message.
    pub(super) fn compose(message: &Message, from: &Mailbox) -> Option<Self> {
        // The normalised address is what was proved deliverable to one mailbox; it has no display name and no
        // place for a line break.
        let to: Address = message.to.parse().ok()?;
        let recipient = to.to_string();
        if recipient.contains(|c: char| c.is_control() || matches!(c, '<' | '>')) {
            return None;
        }
        let domain = from.email.domain();
        let written = lettre::Message::builder()
            .from(from.clone())
            .to(Mailbox::new(None, to))
            .subject(&message.subject)
            // Both are the same when the message is sent again, so that a server can see that it has it already.
            .message_id(Some(format!("<{}@{domain}>", message.id)))
            .date(SystemTime::UNIX_EPOCH + Duration::from_millis(message.created_at.as_millis()))
            .header(AutoSubmitted)
            .header(MIME_VERSION_1_0)
            .header(ContentType::TEXT_PLAIN)
            .body(message.text.expose().clone())
            .ok()?;
        Some(Self { sender: from.email.to_string(), recipient, data: with_dots(&written.formatted()) })
    }

    /// Whether a server must take more than ASCII to take it.
    pub(super) fn needs_utf8(&self) -> bool {
        !(self.sender.is_ascii() && self.recipient.is_ascii())
    }
}

/// Asks that no machine answers it (RFC 3834 5).
#[derive(Clone)]
struct AutoSubmitted;

impl Header for AutoSubmitted {
    fn name() -> HeaderName {
        HeaderName::new_from_ascii_str("Auto-Submitted")
    }

    fn parse(_: &str) -> Result<Self, Box<dyn std::error::Error + Send + Sync>> {
        Ok(Self)
    }

    fn display(&self) -> HeaderValue {
        HeaderValue::new(Self::name(), "auto-generated".into())
    }
}

/// The text as `DATA` carries it (RFC 5321 4.5.2): a dot that begins a line is doubled, a lone one ends it.
fn with_dots(text: &[u8]) -> Vec<u8> {
    let mut data = Vec::with_capacity(text.len() + 64);
    for line in text.split_inclusive(|byte| *byte == b'\n') {
        if line.starts_with(b".") {
            data.push(b'.');
        }
        data.extend_from_slice(line);
    }
    if !data.ends_with(b"\r\n") {
        data.extend_from_slice(b"\r\n");
    }
    data.extend_from_slice(b".\r\n");
    data
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dots_at_the_beginning_of_lines_are_doubled() {
        for (text, data) in [
            ("", "\r\n.\r\n"),
            ("a", "a\r\n.\r\n"),
            (".\r\n", "..\r\n.\r\n"),
            ("a.\r\n.b\r\n\r\n..", "a.\r\n..b\r\n\r\n...\r\n.\r\n"),
        ] {
            assert_eq!(String::from_utf8_lossy(&with_dots(text.as_bytes())), data);
        }
    }
}
