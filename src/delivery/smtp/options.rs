//! Where and how e-mail is handed over.

use std::time::Duration;

use crate::domain::secret::Secret;

/// Where and how to hand over e-mail.
#[derive(Clone, Debug)]
pub struct SmtpOptions {
    /// The server's name or address.
    pub host: String,
    /// Its port.
    pub port: u16,
    /// How the connection is protected.
    pub security: Security,
    /// The user to log in as.
    pub username: Option<String>,
    /// The password to log in with.
    pub password: Option<Secret<String>>,
    /// The sender, such as `Acme <no-reply@acme.example>`.
    pub from: String,
    /// The name that this instance gives in `EHLO`; the sender's domain when absent.
    pub hello_name: Option<String>,
    /// How many connections there may be at once. Servers refuse a client that opens too many.
    pub connections_max: usize,
    /// How long it may take.
    pub limits: SmtpLimits,
}

/// How long handing over a message may take. A server that does not keep to it has failed, and is tried again later.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SmtpLimits {
    /// For one step: to find and reach the server, to agree on TLS, or to answer a command.
    pub command: Duration,
    /// For a message as a whole, from the first step to the server's word that it took it.
    pub delivery: Duration,
}

impl Default for SmtpLimits {
    /// Ten seconds a step and 45 in all. RFC 5321 4.5.3.2 gives servers minutes, which is for mail that may be late; a
    /// code that comes after minutes comes after the person has gone.
    fn default() -> Self {
        Self { command: Duration::from_secs(10), delivery: Duration::from_secs(45) }
    }
}

/// How an SMTP connection is protected.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Security {
    /// Not at all: for servers on the same machine.
    None,
    /// STARTTLS (RFC 3207), required.
    #[default]
    StartTls,
    /// TLS from the first byte (RFC 8314).
    Tls,
}

/// Options that can't work.
#[derive(Debug, thiserror::Error)]
pub enum SmtpError {
    /// The sender is no mailbox.
    #[error("email.from is not a mailbox such as `Acme <no-reply@acme.example>`")]
    From,
    /// The name for `EHLO` is none.
    #[error("email.hello_name is not a name such as `acme.example`")]
    HelloName,
    /// The server's name or TLS can't be used.
    #[error("email.host can't be used: {0}")]
    Host(String),
}
