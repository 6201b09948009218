//! Formats a message as e-mail (RFC 5322).

use std::time::{Duration, SystemTime};

use lettre::Address;
use lettre::message::Mailbox;
use lettre::message::header::{ContentType, Header, HeaderName, HeaderValue, MIME_VERSION_1_0};

use super::super::Message;

/// An e-mail, ready to be sent over SMTP.
pub(super) struct Mail {
    /// Address for `MAIL FROM`.
    pub(super) sender: String,
    /// Address for `RCPT TO`.
    pub(super) recipient: String,
    /// Content for `DATA`, with dots doubled and the final dot.
    pub(super) data: Vec<u8>,
}

impl Mail {
    /// Formats `message`; `None` if its address can't be written in an e-mail.
    pub(super) fn compose(message: &Message, from: &Mailbox) -> Option<Self> {
        // Uses the normalised address: it names exactly one mailbox, and it has no display name and no room for a line
        // break (header injection).
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
            // The id and the date are the same in each retry, so that a server can detect duplicates.
            .message_id(Some(format!("<{}@{domain}>", message.id)))
            .date(SystemTime::UNIX_EPOCH + Duration::from_millis(message.created_at.as_millis()))
            .header(AutoSubmitted)
            .header(MIME_VERSION_1_0)
            .header(ContentType::TEXT_PLAIN)
            .body(message.text.expose().clone())
            .ok()?;
        Some(Self { sender: from.email.to_string(), recipient, data: with_dots(&written.formatted()) })
    }

    /// Whether an address is not ASCII, so that the server must support SMTPUTF8 (RFC 6531).
    pub(super) fn needs_utf8(&self) -> bool {
        !(self.sender.is_ascii() && self.recipient.is_ascii())
    }
}

/// Header that asks for no automatic replies (RFC 3834 5).
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

/// The content as `DATA` sends it (RFC 5321 4.5.2): a dot at the start of a line is doubled, and a line with one dot
/// ends it.
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
