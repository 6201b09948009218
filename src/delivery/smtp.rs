//! E-mail over SMTP (RFC 5321), through `lettre`.

use std::time::Duration;

use lettre::message::Mailbox;
use lettre::message::header::ContentType;
use lettre::transport::smtp::authentication::Credentials;
use lettre::transport::smtp::response::Category;
use lettre::{Address, AsyncSmtpTransport, AsyncTransport, Tokio1Executor};

use crate::domain::secret::Secret;

use super::{BoxFuture, Message, Outcome, Transport};

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
    /// The server's name or TLS can't be used.
    #[error("email.host can't be used: {0}")]
    Host(#[from] lettre::transport::smtp::Error),
}

/// Sends e-mail over SMTP, with connections kept open between messages.
pub struct Smtp {
    transport: AsyncSmtpTransport<Tokio1Executor>,
    from: Mailbox,
}

impl Smtp {
    /// A transport; it connects when there is something to send.
    ///
    /// # Errors
    /// See [`SmtpError`].
    pub fn new(options: &SmtpOptions) -> Result<Self, SmtpError> {
        let from = options.from.parse().map_err(|_| SmtpError::From)?;
        let builder = match options.security {
            Security::None => AsyncSmtpTransport::<Tokio1Executor>::builder_dangerous(&options.host),
            Security::StartTls => AsyncSmtpTransport::<Tokio1Executor>::starttls_relay(&options.host)?,
            Security::Tls => AsyncSmtpTransport::<Tokio1Executor>::relay(&options.host)?,
        };
        let mut builder = builder.port(options.port).timeout(Some(TIMEOUT));
        if let (Some(username), Some(password)) = (&options.username, &options.password) {
            builder = builder.credentials(Credentials::new(username.clone(), password.expose().clone()));
        }
        Ok(Self { transport: builder.build(), from })
    }

    fn compose(&self, message: &Message) -> Option<lettre::Message> {
        // The normalised address is what was proved deliverable to one mailbox; it has no display name and no
        // place for a line break.
        let to: Address = message.to.parse().ok()?;
        let domain = self.from.email.domain();
        lettre::Message::builder()
            .from(self.from.clone())
            .to(Mailbox::new(None, to))
            .subject(&message.subject)
            .message_id(Some(format!("<{}@{domain}>", message.id)))
            .header(ContentType::TEXT_PLAIN)
            .body(message.text.expose().clone())
            .ok()
    }
}

impl Transport for Smtp {
    fn deliver<'a>(&'a self, message: &'a Message) -> BoxFuture<'a, Outcome> {
        Box::pin(async move {
            let Some(mail) = self.compose(message) else {
                return Outcome::Refused { reason: "the address can't be written in a message".into() };
            };
            match self.transport.send(mail).await {
                Ok(_) => Outcome::Sent,
                // A server's words may repeat the address: only the code of its answer is kept.
                Err(error) if error.is_permanent() && !is_about_login(&error) => {
                    Outcome::Refused { reason: status(&error) }
                }
                Err(error) => Outcome::Retry { reason: status(&error) },
            }
        })
    }
}

/// A refused login (530, 534, 535, 538 of RFC 4954) is the operator's to mend and no fault of the message.
fn is_about_login(error: &lettre::transport::smtp::Error) -> bool {
    error.status().is_some_and(|code| code.category == Category::Unspecified3)
}

fn status(error: &lettre::transport::smtp::Error) -> String {
    match error.status() {
        Some(code) => format!("the SMTP server answered {code}"),
        None if error.is_timeout() => "the SMTP server did not answer in time".into(),
        None => "the SMTP server could not be reached".into(),
    }
}

const TIMEOUT: Duration = Duration::from_secs(15);
