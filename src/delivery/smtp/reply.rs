//! Replies of a server (RFC 5321 4.2), with a maximum size.

use std::fmt;
use std::io;

use tokio::io::{AsyncBufRead, AsyncBufReadExt, AsyncReadExt};

/// A reply of one or more lines.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Reply {
    /// The reply code.
    pub(super) code: Code,
    /// The lines without codes. They may contain an address, so they are never logged.
    pub(super) lines: Vec<String>,
}

/// The numbers of a reply, the only part of it that is logged.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Code {
    /// The three digits.
    pub(super) basic: u16,
    /// The enhanced code (RFC 3463), such as `5.1.1`.
    pub(super) enhanced: Option<String>,
}

/// Why no reply could be read.
#[derive(Debug)]
pub(super) enum NoReply {
    /// The connection was closed or lost.
    Closed,
    /// The bytes are no SMTP reply.
    Garbled,
    /// The reply is larger than allowed.
    TooLarge,
}

impl Reply {
    /// Reads the next reply.
    pub(super) async fn read(stream: &mut (impl AsyncBufRead + Unpin)) -> Result<Self, NoReply> {
        let mut reply = Self::default();
        loop {
            if reply.lines.len() == LINES_MAX {
                return Err(NoReply::TooLarge);
            }
            let line = line(stream).await?;
            let (digits, rest) = line.split_at_checked(3).ok_or(NoReply::Garbled)?;
            if !digits.bytes().all(|byte| byte.is_ascii_digit()) {
                return Err(NoReply::Garbled);
            }
            reply.code.basic = digits.parse().map_err(|_| NoReply::Garbled)?;
            let (is_last, text) = match rest.as_bytes().first() {
                Some(b'-') => (false, &rest[1..]),
                Some(b' ') => (true, &rest[1..]),
                None => (true, ""),
                Some(_) => return Err(NoReply::Garbled),
            };
            if reply.lines.is_empty() {
                reply.code.enhanced = enhanced(digits, text);
            }
            reply.lines.push(text.to_owned());
            if is_last {
                return Ok(reply);
            }
        }
    }
}

impl Code {
    /// Whether the command was accepted (2yz), or the server waits for more input (3yz).
    pub(super) const fn is_positive(&self) -> bool {
        matches!(self.basic, 200..400)
    }

    /// Whether the failure is permanent, so that a retry is useless (RFC 5321 4.2.1).
    pub(super) const fn is_permanent(&self) -> bool {
        matches!(self.basic, 500..600)
    }

    /// Whether it concerns the login: wrong credentials, or a login is required (RFC 4954 6, registry of RFC 5248).
    pub(super) fn is_about_login(&self) -> bool {
        matches!(self.basic, 454 | 530 | 534 | 535 | 538) || matches!(self.detail(), Some((7, 8..=14)))
    }

    /// Whether it concerns the sender or this machine: the address in `MAIL`, the sender policy of its domain, or the
    /// name of this machine. All messages share these. X.7.1 is not included, because servers use it for senders,
    /// recipients and content alike.
    pub(super) fn is_about_sender(&self) -> bool {
        match self.detail() {
            // Sender address: bad syntax or domain (RFC 3463 3.2).
            Some((1, 7 | 8)) => true,
            // DKIM, SPF, reverse DNS, DMARC, and a domain that accepts no mail (RFC 7372, RFC 7505).
            Some((7, 20..=27)) => true,
            // Microsoft Exchange: this login may not send as this sender.
            Some((7, 60)) => true,
            _ => false,
        }
    }

    /// Whether it rejects the syntax of an address or a parameter of the command (RFC 5321 4.2.2, RFC 6531 3.5).
    pub(super) fn is_about_parameters(&self) -> bool {
        matches!(self.basic, 501 | 504 | 555) || matches!(self.detail(), Some((5, 4) | (6, _)))
    }

    /// Whether the server closes the connection (421).
    pub(super) const fn closes_connection(&self) -> bool {
        self.basic == 421
    }

    /// The second and third number of the enhanced code.
    fn detail(&self) -> Option<(u16, u16)> {
        let (subject, detail) = self.enhanced.as_deref()?.split_once('.')?.1.split_once('.')?;
        Some((subject.parse().ok()?, detail.parse().ok()?))
    }
}

impl fmt::Display for Code {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:03}", self.basic)?;
        self.enhanced.as_ref().map_or(Ok(()), |enhanced| write!(f, " {enhanced}"))
    }
}

/// Reads one line without its line break, at most [`LINE_MAX`] bytes.
async fn line(stream: &mut (impl AsyncBufRead + Unpin)) -> Result<String, NoReply> {
    let mut bytes = Vec::new();
    let read = stream.take(LINE_MAX).read_until(b'\n', &mut bytes).await;
    match read {
        Ok(_) if bytes.ends_with(b"\n") => {}
        Ok(length) if length as u64 == LINE_MAX => return Err(NoReply::TooLarge),
        Ok(_) => return Err(NoReply::Closed),
        Err(error) if error.kind() == io::ErrorKind::InvalidData => return Err(NoReply::Garbled),
        Err(_) => return Err(NoReply::Closed),
    }
    while bytes.last().is_some_and(|byte| matches!(byte, b'\r' | b'\n')) {
        bytes.pop();
    }
    Ok(String::from_utf8_lossy(&bytes).into_owned())
}

/// The enhanced code at the start of the text (RFC 2034 4), if its class matches the reply code.
fn enhanced(digits: &str, text: &str) -> Option<String> {
    let code = text.split(' ').next()?;
    let parts: Vec<&str> = code.split('.').collect();
    let is_number = |part: &&str| matches!(part.len(), 1..=3) && part.bytes().all(|byte| byte.is_ascii_digit());
    let fits = parts.len() == 3 && parts.iter().all(is_number) && parts[0] == &digits[..1];
    fits.then(|| code.to_owned())
}

/// Maximum line length in bytes; RFC 5321 4.5.3.1.5 allows servers 512.
const LINE_MAX: u64 = 2048;
/// Maximum number of lines of a reply.
const LINES_MAX: usize = 64;

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn answers_are_read_with_their_codes() {
        for (text, basic, shown, lines) in [
            ("250 ok\r\n", 250, "250", 1),
            ("250\r\n", 250, "250", 1),
            ("250-mail.example\r\n250-SIZE 1\r\n250 AUTH PLAIN\r\n", 250, "250", 3),
            ("550 5.1.1 <ada@example.com> nobody\r\n", 550, "550 5.1.1", 1),
            ("550 4.1.1 another class\r\n", 550, "550", 1),
            ("451 4.7.1.1 no code\n", 451, "451", 1),
            ("220 \u{fffd}\r\n", 220, "220", 1),
        ] {
            let reply = Reply::read(&mut text.as_bytes()).await.expect(text);
            assert_eq!((reply.code.basic, reply.code.to_string().as_str(), reply.lines.len()), (basic, shown, lines));
        }
    }

    #[tokio::test]
    async fn a_code_tells_whether_it_is_about_login_sender_or_parameters() {
        for (text, login, sender, parameters) in [
            ("535 5.7.8 no", true, false, false),
            ("550 5.7.13 no", true, false, false),
            ("550 5.7.1 no", false, false, false),
            ("550 5.1.1 no", false, false, false),
            ("553 5.1.8 no", false, true, false),
            ("450 4.1.8 no", false, true, false),
            ("550 5.7.23 no", false, true, false),
            ("550 5.7.28 no", false, false, false),
            ("550 5.7.60 no", false, true, false),
            ("555 no", false, false, true),
            ("550 5.6.7 no", false, false, true),
            ("550 5.1 no", false, false, false),
        ] {
            let code = Reply::read(&mut format!("{text}\r\n").as_bytes()).await.expect(text).code;
            let concerns = (code.is_about_login(), code.is_about_sender(), code.is_about_parameters());
            assert_eq!(concerns, (login, sender, parameters), "{text}");
        }
    }

    #[tokio::test]
    async fn what_is_no_answer_is_told_apart_and_never_read_to_its_end() {
        for text in ["HTTP/1.1 400 Bad Request\r\n", "25\r\n", "250ok\r\n", "é50 ok\r\n", "+50 ok\r\n"] {
            assert!(matches!(Reply::read(&mut text.as_bytes()).await, Err(NoReply::Garbled)), "{text}");
        }
        for text in ["", "250 o", "250-ok\r\n"] {
            assert!(matches!(Reply::read(&mut text.as_bytes()).await, Err(NoReply::Closed)), "{text}");
        }
        let (long, many) = ("2".repeat(1 << 20), "250-x\r\n".repeat(1 << 16));
        for text in [&long, &many] {
            let mut rest = text.as_bytes();
            assert!(matches!(Reply::read(&mut rest).await, Err(NoReply::TooLarge)));
            assert!(text.len() - rest.len() <= LINE_MAX as usize * LINES_MAX);
        }
    }
}
