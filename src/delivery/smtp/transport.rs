//! The transport: one message, one deadline.

use std::time::Duration;

use lettre::message::Mailbox;
use tokio::time::timeout;

use super::super::{BoxFuture, Message, Outcome, Transport};
use super::compose::Mail;
use super::dial::Tls;
use super::options::{Security, SmtpError, SmtpOptions};
use super::pool::Pool;
use super::session::{Login, Server, Session};
use super::trouble::Trouble;

/// Sends e-mail over SMTP, with connections kept open between messages.
pub struct Smtp {
    server: Server,
    from: Mailbox,
    idle: Pool,
    /// How long a message may take as a whole.
    limit: Duration,
}

impl Smtp {
    /// A transport; it connects when there is something to send.
    ///
    /// # Errors
    /// See [`SmtpError`].
    pub fn new(options: &SmtpOptions) -> Result<Self, SmtpError> {
        let tls = match options.security {
            Security::None => None,
            Security::StartTls | Security::Tls => Some(Tls::new(&options.host)?),
        };
        Self::with(options, tls)
    }

    fn with(options: &SmtpOptions, tls: Option<Tls>) -> Result<Self, SmtpError> {
        let from: Mailbox = options.from.parse().map_err(|_| SmtpError::From)?;
        let hello_name = options.hello_name.clone().unwrap_or_else(|| from.email.domain().to_owned());
        if hello_name.is_empty() || !hello_name.bytes().all(|byte| byte.is_ascii_graphic()) {
            return Err(SmtpError::HelloName);
        }
        let login = match (&options.username, &options.password) {
            (Some(username), Some(password)) => Some(Login { username: username.clone(), password: password.clone() }),
            _ => None,
        };
        let server = Server {
            host: options.host.clone(),
            port: options.port,
            security: options.security,
            tls,
            login,
            hello_name,
            limit: options.limits.command,
        };
        Ok(Self { server, from, idle: Pool::default(), limit: options.limits.delivery })
    }

    async fn hand_over(&self, mail: &Mail) -> Result<(), Trouble> {
        if let Some(session) = self.idle.take().await {
            match self.send(session, mail).await {
                // It had gone stale, and the message is still ours.
                Err(trouble) if trouble.is_of_the_connection() => self.idle.clear(),
                outcome => return outcome,
            }
        }
        let session = Session::open(&self.server).await?;
        self.send(session, mail).await
    }

    async fn send(&self, mut session: Session, mail: &Mail) -> Result<(), Trouble> {
        let outcome = session.send(mail).await;
        if outcome.as_ref().err().is_none_or(Trouble::leaves_the_connection) {
            self.idle.put(session);
        }
        outcome
    }
}

impl Transport for Smtp {
    fn deliver<'a>(&'a self, message: &'a Message) -> BoxFuture<'a, Outcome> {
        Box::pin(async move {
            let Some(mail) = Mail::compose(message, &self.from) else {
                return Outcome::Refused { reason: "the address can't be written in a message".into() };
            };
            let outcome = timeout(self.limit, self.hand_over(&mail)).await.unwrap_or_else(|_| {
                self.idle.clear();
                Err(Trouble::TooLong)
            });
            match outcome {
                Ok(()) => Outcome::Sent,
                Err(trouble) => trouble.outcome(&format!("{}:{}", self.server.host, self.server.port)),
            }
        })
    }
}
