//! Options of the SMTP transport.

use std::time::Duration;

use crate::domain::secret::Secret;

use super::super::Security;
use super::dkim::Dkim;

/// Options of the SMTP transport.
#[derive(Clone, Debug)]
pub struct SmtpOptions {
    /// Host name or IP address of the server.
    pub host: String,
    /// Port of the server.
    pub port: u16,
    /// Encryption of the connection.
    pub security: Security,
    /// User name for `AUTH`; no login if absent.
    pub username: Option<String>,
    /// Password for `AUTH`.
    pub password: Option<Secret<String>>,
    /// The sender, such as `Acme <no-reply@acme.example>`.
    pub from: String,
    /// The name in `EHLO`; the domain of `from` if absent.
    pub hello_name: Option<String>,
    /// What signs the e-mails; they are not signed if absent.
    pub dkim: Option<Dkim>,
    /// Maximum number of connections at once. Servers refuse clients that open too many.
    pub connections_max: usize,
    /// Timeouts.
    pub limits: SmtpLimits,
}

/// Timeouts for one message. After a timeout the message is retried later.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SmtpLimits {
    /// Timeout of one step: name look-up, connection, TLS handshake or one command.
    pub command: Duration,
    /// Timeout of the whole delivery, from the first step until the server has accepted the message.
    pub delivery: Duration,
}

impl Default for SmtpLimits {
    /// 10 s per step and 45 s in all. RFC 5321 4.5.3.2 gives servers minutes; that is too long for a code that a person
    /// waits for.
    fn default() -> Self {
        Self { command: Duration::from_secs(10), delivery: Duration::from_secs(45) }
    }
}

/// Invalid options.
#[derive(Debug, thiserror::Error)]
pub enum SmtpError {
    /// `from` is not a mailbox.
    #[error("`email.from` is not a mailbox such as `Acme <no-reply@acme.example>`")]
    From,
    /// `hello_name` is not a host name.
    #[error("`email.hello_name` is not a name such as `acme.example`")]
    HelloName,
    /// The signatures are for another domain than the sender's.
    #[error(
        "`email.dkim.domain` is not the domain of `email.from` and not above it, so receivers would not count the signature; write \
         the domain of the sender"
    )]
    Dkim,
    /// `host`, or TLS to it, can't be used.
    #[error("`email.host` can't be used: {0}")]
    Host(String),
}
