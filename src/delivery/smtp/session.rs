//! An SMTP session. Each command has a timeout and each reply a maximum size, so that a silent, slow or endless server
//! can't block it.

use std::pin::Pin;
use std::task::Poll;
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use tokio::io::{AsyncBufRead, AsyncWriteExt, BufReader};
use tokio::time::timeout;

use crate::domain::secret::Secret;

use super::super::Security;
use super::super::milestone::{Milestone, Tell};
use super::compose::Mail;
use super::dial::{self, Stream, Tls};
use super::reply::{NoReply, Reply};
use super::trouble::{Step, Trouble};

/// The server and the options of a session.
pub(super) struct Server {
    pub(super) host: String,
    pub(super) port: u16,
    pub(super) security: Security,
    /// `None` for an unencrypted connection.
    pub(super) tls: Option<Tls>,
    pub(super) login: Option<Login>,
    pub(super) hello_name: String,
    /// Timeout of one step.
    pub(super) limit: Duration,
}

/// Credentials.
pub(super) struct Login {
    pub(super) username: String,
    pub(super) password: Secret<String>,
}

/// An open session, ready for `MAIL`.
pub(super) struct Session {
    stream: BufReader<Box<dyn Stream>>,
    limit: Duration,
    offers: Offers,
    /// Whether a message was started and not finished; `RSET` must come before the next.
    has_open_message: bool,
}

/// Extensions that the server offers in its `EHLO` reply.
#[derive(Default)]
struct Offers {
    start_tls: bool,
    utf8: bool,
    plain: bool,
    login: bool,
}

impl Session {
    /// Connects, sends `EHLO`, encrypts the connection and logs in.
    pub(super) async fn open(server: &Server, tell: Tell<'_>) -> Result<Self, Trouble> {
        let mut stream = dial::connect(&server.host, server.port, server.limit, tell).await?;
        if let (Security::Tls, Some(tls)) = (server.security, &server.tls) {
            stream = tls.wrap(stream, server.limit, tell).await?;
        }
        let mut session = Self {
            stream: BufReader::new(stream),
            limit: server.limit,
            offers: Offers::default(),
            has_open_message: false,
        };
        session.expect(Step::Greeting, b"").await?;
        session.hello(&server.hello_name).await?;
        tell(Milestone::Greeted);
        if let (Security::StartTls, Some(tls)) = (server.security, &server.tls) {
            session = session.encrypt(tls, tell).await?;
            session.hello(&server.hello_name).await?;
        }
        if let Some(login) = &server.login {
            tell(Milestone::LoggedIn(session.log_in(login).await?));
        }
        Ok(session)
    }

    /// Sends a message.
    pub(super) async fn send(&mut self, mail: &Mail, tell: Tell<'_>) -> Result<(), Trouble> {
        if mail.needs_utf8() && !self.offers.utf8 {
            return Err(if mail.sender.is_ascii() { Trouble::AsciiOnly } else { Trouble::AsciiSender });
        }
        if self.has_open_message {
            self.command(Step::Reset, "RSET").await?;
        }
        self.has_open_message = true;
        // RFC 6531 3.4: servers with SMTPUTF8 also support 8BITMIME.
        let parameters = if mail.needs_utf8() { " BODY=8BITMIME SMTPUTF8" } else { "" };
        let sender = format!("MAIL FROM:<{}>{parameters}", mail.sender);
        let is_for_the_recipient = mail.needs_utf8() && mail.sender.is_ascii();
        let answer = self.command(Step::Sender, &sender).await;
        answer.map_err(|trouble| if is_for_the_recipient { trouble.for_recipient_parameters() } else { trouble })?;
        tell(Milestone::SenderTaken(mail.sender.clone()));
        self.command(Step::Recipient, &format!("RCPT TO:<{}>", mail.recipient)).await?;
        tell(Milestone::RecipientTaken);
        let go_on = self.command(Step::Data, "DATA").await?;
        if go_on.code.basic != 354 {
            return Err(Trouble::Garbled(Step::Data));
        }
        // A server may scan a message before it accepts it, so only the timeout of the whole delivery applies here.
        let answer = self.exchange(Step::Text, &mail.data).await?;
        self.has_open_message = false;
        let answer = accepted(Step::Text, answer)?;
        tell(Milestone::Accepted(format!("{} {}", answer.code.basic, answer.lines.join(" "))));
        Ok(())
    }

    /// Whether the server has neither closed the connection nor sent anything unasked.
    pub(super) async fn is_quiet(&mut self) -> bool {
        let stream = &mut self.stream;
        std::future::poll_fn(|cx| Poll::Ready(Pin::new(&mut *stream).poll_fill_buf(cx).is_pending())).await
    }

    /// Sends `QUIT` and waits briefly for the reply.
    pub(super) async fn quit(mut self) {
        let goodbye = async {
            drop(self.stream.write_all(b"QUIT\r\n").await);
            drop(self.stream.flush().await);
            drop(Reply::read(&mut self.stream).await);
        };
        drop(timeout(QUIT_TIMEOUT, goodbye).await);
    }

    async fn hello(&mut self, name: &str) -> Result<(), Trouble> {
        let reply = self.command(Step::Hello, &format!("EHLO {name}")).await?;
        self.offers = Offers::default();
        for line in reply.lines.iter().skip(1) {
            let line = line.to_ascii_uppercase();
            // `AUTH=` is the form of servers older than RFC 2554.
            let mut words = line.split([' ', '=']);
            match words.next().unwrap_or_default() {
                "STARTTLS" => self.offers.start_tls = true,
                "SMTPUTF8" => self.offers.utf8 = true,
                "AUTH" => {
                    for mechanism in words {
                        self.offers.plain |= mechanism == "PLAIN";
                        self.offers.login |= mechanism == "LOGIN";
                    }
                }
                _ => {}
            }
        }
        Ok(())
    }

    async fn encrypt(mut self, tls: &Tls, tell: Tell<'_>) -> Result<Self, Trouble> {
        if !self.offers.start_tls {
            return Err(Trouble::NoStartTls);
        }
        self.command(Step::StartTls, "STARTTLS").await?;
        // Bytes that arrived before TLS may come from an attacker in the middle (command injection into STARTTLS).
        if !self.stream.buffer().is_empty() {
            return Err(Trouble::Tls("it spoke before the connection was protected".into()));
        }
        let limit = self.limit;
        let stream = tls.wrap(self.stream.into_inner(), limit, tell).await?;
        Ok(Self { stream: BufReader::new(stream), limit, offers: Offers::default(), has_open_message: false })
    }

    /// Returns the mechanism.
    async fn log_in(&mut self, login: &Login) -> Result<&'static str, Trouble> {
        let (username, password) = (&login.username, login.password.expose());
        if self.offers.plain {
            let initial = Secret::new(STANDARD.encode(format!("\0{username}\0{password}")));
            return self.login_step(&format!("AUTH PLAIN {}", initial.expose()), false).await.map(|()| "PLAIN");
        }
        if !self.offers.login {
            return Err(Trouble::NoLogin);
        }
        // The server asks for the user name, then for the password. Its texts differ between servers and are not
        // compared.
        self.login_step("AUTH LOGIN", true).await?;
        self.login_step(&STANDARD.encode(username), true).await?;
        self.login_step(&STANDARD.encode(password), false).await.map(|()| "LOGIN")
    }

    async fn login_step(&mut self, line: &str, goes_on: bool) -> Result<(), Trouble> {
        let reply = self.timed(Step::Login, format!("{line}\r\n").as_bytes()).await?;
        match reply.code.basic {
            334 if goes_on => Ok(()),
            200..300 if !goes_on => Ok(()),
            400..600 => Err(Trouble::Login(reply.code)),
            _ => Err(Trouble::Garbled(Step::Login)),
        }
    }

    async fn command(&mut self, step: Step, line: &str) -> Result<Reply, Trouble> {
        self.expect(step, format!("{line}\r\n").as_bytes()).await
    }

    /// Sends these bytes and requires a positive reply.
    async fn expect(&mut self, step: Step, bytes: &[u8]) -> Result<Reply, Trouble> {
        accepted(step, self.timed(step, bytes).await?)
    }

    async fn timed(&mut self, step: Step, bytes: &[u8]) -> Result<Reply, Trouble> {
        let limit = self.limit;
        timeout(limit, self.exchange(step, bytes)).await.unwrap_or(Err(Trouble::Slow(step)))
    }

    async fn exchange(&mut self, step: Step, bytes: &[u8]) -> Result<Reply, Trouble> {
        let closed = |_| Trouble::Closed(step);
        if !bytes.is_empty() {
            self.stream.write_all(bytes).await.map_err(closed)?;
            self.stream.flush().await.map_err(closed)?;
        }
        Reply::read(&mut self.stream).await.map_err(|fault| match fault {
            NoReply::Closed => Trouble::Closed(step),
            NoReply::Garbled => Trouble::Garbled(step),
            NoReply::TooLarge => Trouble::TooLarge(step),
        })
    }
}

fn accepted(step: Step, reply: Reply) -> Result<Reply, Trouble> {
    if reply.code.is_positive() { Ok(reply) } else { Err(Trouble::Refused(step, reply.code)) }
}

/// Timeout for the reply to `QUIT`.
const QUIT_TIMEOUT: Duration = Duration::from_secs(1);
