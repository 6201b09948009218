//! The SMTP transport. Each message has one timeout.

use std::time::Duration;

use lettre::message::Mailbox;
use tokio::time::timeout;

use super::super::milestone::Tell;
use super::super::{BoxFuture, Failure, FailureClass, Message, Outcome, Receipt, Security, Transport};
use super::compose::Mail;
use super::dial::Tls;
use super::dkim::Dkim;
use super::options::{SmtpError, SmtpOptions};
use super::pool::Pool;
use super::session::{Login, Server, Session};
use super::trouble::Trouble;

/// Sends e-mail over SMTP and reuses connections.
pub struct Smtp {
    server: Server,
    from: Mailbox,
    dkim: Option<Dkim>,
    idle: Pool,
    /// Timeout of one delivery.
    limit: Duration,
    connections_max: usize,
}

impl Smtp {
    /// A transport; it connects when the first message is sent.
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
        if options.dkim.as_ref().is_some_and(|dkim| !dkim.is_for(from.email.domain())) {
            return Err(SmtpError::Dkim);
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
        let (limit, connections_max) = (options.limits.delivery, options.connections_max.max(1));
        Ok(Self { server, from, dkim: options.dkim.clone(), idle: Pool::new(connections_max), limit, connections_max })
    }

    async fn hand_over(&self, mail: &Mail) -> Result<(), Trouble> {
        if let Some(session) = self.idle.take().await {
            match self.send(session, mail).await {
                // The idle connection was dead and the server did not accept the message, so a new connection is tried.
                Err(trouble) if trouble.is_connection_fault() => self.idle.clear(),
                outcome => return outcome,
            }
        }
        let session = Session::open(&self.server, SILENT).await?;
        self.send(session, mail).await
    }

    /// Sends a message on a connection of its own, and tells each step that went well.
    #[cfg(feature = "cli")]
    pub async fn examine(&self, message: &Message, tell: Tell<'_>) -> Outcome {
        let Some(mail) = Mail::compose(message, &self.from, self.dkim.as_ref()) else { return unwritable() };
        let work = async {
            let mut session = Session::open(&self.server, tell).await?;
            session.send(&mail, tell).await?;
            session.quit().await;
            Ok(())
        };
        self.outcome(timeout(self.limit, work).await.unwrap_or(Err(Trouble::TooLong)))
    }

    fn outcome(&self, result: Result<(), Trouble>) -> Outcome {
        match result {
            Ok(()) => Outcome::Sent(Receipt::default()),
            Err(trouble) => trouble.outcome(&format!("{}:{}", self.server.host, self.server.port)),
        }
    }

    async fn send(&self, mut session: Session, mail: &Mail) -> Result<(), Trouble> {
        let outcome = session.send(mail, SILENT).await;
        if outcome.as_ref().err().is_none_or(Trouble::keeps_session) {
            self.idle.put(session);
        }
        outcome
    }
}

impl Transport for Smtp {
    fn at_once_max(&self) -> usize {
        self.connections_max
    }

    fn deliver<'a>(&'a self, message: &'a Message) -> BoxFuture<'a, Outcome> {
        Box::pin(async move {
            let Some(mail) = Mail::compose(message, &self.from, self.dkim.as_ref()) else {
                return unwritable();
            };
            let outcome = timeout(self.limit, self.hand_over(&mail)).await.unwrap_or_else(|_| {
                self.idle.clear();
                Err(Trouble::TooLong)
            });
            self.outcome(outcome)
        })
    }
}

fn unwritable() -> Outcome {
    Outcome::Refused(Failure::new(FailureClass::Address, "the address can't be written in a message"))
}

const SILENT: Tell<'static> = &|_| {};

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use tokio::io::{AsyncBufReadExt, AsyncRead, AsyncWrite, AsyncWriteExt, BufReader};
    use tokio::net::{TcpListener, TcpStream};
    use tokio_rustls::TlsAcceptor;
    use tokio_rustls::rustls::pki_types::{CertificateDer, PrivatePkcs8KeyDer};
    use tokio_rustls::rustls::{ClientConfig, RootCertStore, ServerConfig};

    use super::*;
    use crate::delivery::{Channel, SmtpLimits};
    use crate::domain::id::MessageId;
    use crate::domain::message::Template;
    use crate::domain::secret::Secret;
    use crate::domain::time::Timestamp;

    #[tokio::test]
    async fn mail_is_handed_over_under_tls_from_the_first_byte_and_after_starttls() {
        for security in [Security::Tls, Security::StartTls] {
            assert_eq!(
                delivered("localhost", security, true, false).await,
                Outcome::Sent(Receipt::default()),
                "{security:?}"
            );
        }
    }

    #[tokio::test]
    async fn a_certificate_that_is_not_trusted_or_of_another_name_is_refused() {
        for security in [Security::Tls, Security::StartTls] {
            for (host, is_trusted, words) in [
                (
                    "localhost",
                    false,
                    "has a certificate that is not trusted: nobody whom this system trusts has issued it",
                ),
                (
                    "127.0.0.2",
                    true,
                    "has a certificate that is not trusted: it is for another name; write a name of the server that is in",
                ),
            ] {
                let outcome = delivered(host, security, is_trusted, false).await;
                let Outcome::Unavailable(Failure { reason, .. }) = &outcome else { panic!("{outcome:?}") };
                assert!(reason.contains(words), "{reason}");
            }
        }
    }

    #[tokio::test]
    async fn what_is_said_in_the_clear_behind_starttls_is_not_taken_for_the_server() {
        let outcome = delivered("localhost", Security::StartTls, true, true).await;
        let Outcome::Unavailable(Failure { reason, .. }) = &outcome else { panic!("{outcome:?}") };
        assert!(reason.contains("it spoke before the connection was protected"), "{reason}");
    }

    /// The outcome of a message to a server with its own certificate for `localhost`.
    async fn delivered(host: &str, security: Security, is_trusted: bool, injects: bool) -> Outcome {
        let listener = TcpListener::bind((host, 0)).await.expect("a port");
        let options = SmtpOptions {
            host: host.into(),
            port: listener.local_addr().expect("an address").port(),
            security,
            username: None,
            password: None,
            from: "no-reply@acme.example".into(),
            hello_name: None,
            dkim: None,
            connections_max: 4,
            limits: SmtpLimits::default(),
        };
        let tls = if is_trusted { trusting(host) } else { Tls::new(host).expect("the system trusts somebody") };
        let smtp = Smtp::with(&options, Some(tls)).expect("a transport");
        let message = message();
        tokio::select! {
            outcome = smtp.deliver(&message) => outcome,
            () = serve(&listener, security, injects) => panic!("the server is done before the client"),
        }
    }

    fn trusting(host: &str) -> Tls {
        let mut roots = RootCertStore::empty();
        roots.add(CertificateDer::from(CERTIFICATE)).expect("a certificate");
        let config = ClientConfig::builder_with_provider(provider());
        let config = config.with_safe_default_protocol_versions().expect("versions").with_root_certificates(roots);
        Tls::with(host, config.with_no_client_auth()).expect("a name")
    }

    async fn serve(listener: &TcpListener, security: Security, injects: bool) {
        let config = ServerConfig::builder_with_provider(provider());
        let config = config.with_safe_default_protocol_versions().expect("versions").with_no_client_auth();
        let key = PrivatePkcs8KeyDer::from(KEY).into();
        let config = config.with_single_cert(vec![CertificateDer::from(CERTIFICATE)], key).expect("a certificate");
        let acceptor = TlsAcceptor::from(Arc::new(config));
        for _ in 0..CONNECTIONS_MAX {
            let (mut stream, _) = listener.accept().await.expect("a client");
            if security == Security::StartTls {
                let answer: &[u8] = if injects { b"220 go on\r\n250 said too early\r\n" } else { b"220 go on\r\n" };
                until_starttls(&mut stream, answer).await;
            }
            if let Ok(stream) = acceptor.accept(stream).await {
                converse(BufReader::new(stream), security == Security::Tls).await;
            }
        }
    }

    async fn until_starttls(stream: &mut TcpStream, answer: &[u8]) {
        let mut stream = BufReader::new(stream);
        drop(stream.write_all(b"220 ready\r\n").await);
        for answer in [b"250-test.example\r\n250 STARTTLS\r\n".as_slice(), answer] {
            drop(stream.read_line(&mut String::new()).await);
            drop(stream.write_all(answer).await);
        }
    }

    async fn converse(mut stream: BufReader<impl AsyncRead + AsyncWrite + Unpin>, greets: bool) {
        let mut is_text = false;
        if greets {
            drop(stream.write_all(b"220 ready\r\n").await);
        }
        drop(stream.flush().await);
        let mut line = String::new();
        while stream.read_line(&mut line).await.is_ok_and(|length| length > 0) {
            let answer: &[u8] = match (is_text, line.trim_end()) {
                (true, text) if text != "." => b"",
                (false, "DATA") => b"354 go on\r\n",
                _ => b"250 ok\r\n",
            };
            is_text = (is_text && !answer.starts_with(b"250")) || answer.starts_with(b"354");
            drop(stream.write_all(answer).await);
            drop(stream.flush().await);
            line.clear();
        }
    }

    fn provider() -> Arc<tokio_rustls::rustls::crypto::CryptoProvider> {
        Arc::new(tokio_rustls::rustls::crypto::aws_lc_rs::default_provider())
    }

    fn message() -> Message {
        Message {
            id: MessageId::from_bytes([7; 16]),
            channel: Channel::Email,
            to: "ada@example.com".into(),
            display_to: "ada@example.com".into(),
            code: None,
            link: None,
            template: Template::VerificationCode,
            phone_channel: None,
            origin: None,
            locale: "en".into(),
            subject: "hello".into(),
            html: None,
            logo: None,
            text: Secret::new("hello".into()),
            created_at: Timestamp::EPOCH,
            expire_at: Timestamp::EPOCH,
        }
    }

    /// Self-signed for `localhost` and 127.0.0.1, valid until 2120, made with `openssl ca -selfsign`. For tests only.
    const CERTIFICATE: &[u8] = include_bytes!("../../../tests/support/tls/cert.der");
    const KEY: &[u8] = include_bytes!("../../../tests/support/tls/key.der");
    const CONNECTIONS_MAX: usize = 4;
}
