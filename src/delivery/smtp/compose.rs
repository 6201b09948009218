//! Formats a message as e-mail (RFC 5322).

use std::time::{Duration, SystemTime};

use lettre::Address;
use lettre::message::header::{ContentType, Header, HeaderName, HeaderValue, MIME_VERSION_1_0};
use lettre::message::{Attachment, Mailbox, MultiPart, SinglePart};

use super::super::{Logo, Message};
use super::dkim::Dkim;

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
    /// Formats `message`, and signs it; `None` if its address can't be written in an e-mail.
    pub(super) fn compose(message: &Message, from: &Mailbox, dkim: Option<&Dkim>) -> Option<Self> {
        let (recipient, mut mail) = written(message, from)?;
        if let Some(mut signed) = dkim.and_then(|dkim| dkim.signature(&mail, message.created_at)) {
            signed.append(&mut mail);
            mail = signed;
        }
        Some(Self { sender: from.email.to_string(), recipient, data: with_dots(&mail) })
    }

    /// Whether an address is not ASCII, so that the server must support SMTPUTF8 (RFC 6531).
    pub(super) fn needs_utf8(&self) -> bool {
        !(self.sender.is_ascii() && self.recipient.is_ascii())
    }
}

/// The whole e-mail as SMTP carries it, unsigned: for people who want to read its source. `from` is the sender. `None`
/// if an address can't be written in an e-mail.
#[cfg(feature = "server")]
pub fn mail_source(message: &Message, from: &str) -> Option<Vec<u8>> {
    written(message, &from.parse().ok()?).map(|(_, mail)| mail)
}

/// The recipient's address, and the e-mail.
fn written(message: &Message, from: &Mailbox) -> Option<(String, Vec<u8>)> {
    // Uses the normalised address: it names exactly one mailbox, and it has no display name and no room for a line
    // break (header injection).
    let to: Address = message.to.parse().ok()?;
    let recipient = to.to_string();
    if recipient.contains(|c: char| c.is_control() || matches!(c, '<' | '>')) {
        return None;
    }
    let domain = from.email.domain();
    let builder = lettre::Message::builder()
        .from(from.clone())
        .to(Mailbox::new(None, to))
        .subject(&message.subject)
        // The id and the date are the same in each retry, so that a server can detect duplicates.
        .message_id(Some(format!("<{}@{domain}>", message.id)))
        .date(SystemTime::UNIX_EPOCH + Duration::from_millis(message.created_at.as_millis()))
        .header(AutoSubmitted)
        .header(MIME_VERSION_1_0);
    let text = message.text.expose().clone();
    let written = match &message.html {
        None => builder.header(ContentType::TEXT_PLAIN).body(text),
        Some(html) => builder.multipart(alternative(message, text, html.expose().clone())),
    };
    Some((recipient, written.ok()?.formatted()))
}

/// The text, then the HTML, which programs prefer that can show it (RFC 2046 5.1.4). The boundaries are the same in each
/// retry, too; the id makes them unlike any line of a message.
fn alternative(message: &Message, text: String, html: String) -> MultiPart {
    let alternative =
        MultiPart::alternative().boundary(format!("alternative_{}", message.id)).singlepart(SinglePart::plain(text));
    let Some(logo) = &message.logo else { return alternative.singlepart(SinglePart::html(html)) };
    let related = MultiPart::related().boundary(format!("related_{}", message.id)).singlepart(SinglePart::html(html));
    match ContentType::parse(logo.content_type) {
        Ok(content_type) => {
            let image = Attachment::new_inline(Logo::CONTENT_ID.to_owned()).body(logo.bytes.clone(), content_type);
            alternative.multipart(related.singlepart(image))
        }
        Err(_) => alternative.multipart(related),
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
