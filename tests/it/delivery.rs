//! Messages on their way out: SMTP to a server on this machine, retries, refusals.

use std::io::{BufRead, BufReader, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::{Arc, Mutex};
use std::thread;

use vestibule::delivery::{Channel, Message, Outcome, Security, Smtp, SmtpOptions, Transport};
use vestibule::domain::id::MessageId;
use vestibule::domain::secret::Secret;
use vestibule::domain::sign_up::{RawFields, Status};
use vestibule::domain::time::Timestamp;
use vestibule::engine::{Caller, Engine, Source};

#[tokio::test]
async fn a_code_sent_over_smtp_completes_a_sign_up() {
    let server = SmtpServer::start(&[]);
    let smtp = Smtp::new(&server.options()).expect("a transport");
    let settings = vestibule::config::sample_settings("email_code").expect("a sample");
    let engine = Engine::builder().settings(settings).email(Arc::new(smtp)).build().await.expect("an engine");
    let fields = RawFields {
        email_address: Some("Ada@Example.com".into()),
        strategy: Some("email_code".into()),
        ..RawFields::default()
    };
    let source = Source::default();
    let (sign_up, client) = engine.create_sign_up(&Caller::nobody(), &fields, &source).await.expect("a sign-up");
    let caller = engine.identify(client.new_token.as_ref().map(|t| t.expose().as_str())).await.expect("readable");
    let mail = server.mail(1).await;
    assert_eq!(mail[0].to, "<ada@example.com>");
    assert!(mail[0].data.contains("From: Acme <no-reply@acme.example>"), "{}", mail[0].data);
    let subject = mail[0].data.lines().find_map(|line| line.strip_prefix("Subject: ")).expect("a subject");
    let code = &subject[..6];
    let id = sign_up.value.id;
    let done = engine.attempt_verification(&caller, id, Some("email_code"), Some(code), &source).await;
    assert_eq!(done.expect("the code in the mail").0.status, Status::Complete);
    engine.shutdown().await;
}

#[tokio::test]
async fn a_refusal_for_good_is_told_from_one_for_now_and_retries_keep_their_id() {
    let server = SmtpServer::start(&["451 try later", "535 wrong password", "550 no such mailbox"]);
    let smtp = Smtp::new(&server.options()).expect("a transport");
    let message = message("ada@example.com");
    assert!(matches!(smtp.deliver(&message).await, Outcome::Retry { .. }));
    assert!(matches!(smtp.deliver(&message).await, Outcome::Retry { .. }), "a refused login is the operator's to mend");
    let Outcome::Refused { reason } = smtp.deliver(&message).await else { panic!("a 550 is for good") };
    assert!(!reason.contains("ada@"), "{reason}");
    assert_eq!(smtp.deliver(&message).await, Outcome::Sent);
    assert_eq!(smtp.deliver(&message).await, Outcome::Sent);
    let mail = server.mail(2).await;
    let id = |mail: &Mail| mail.data.lines().find(|line| line.starts_with("Message-ID: ")).map(str::to_owned);
    assert!(id(&mail[0]).is_some_and(|line| line.contains(&message.id.to_string())));
    assert_eq!(id(&mail[0]), id(&mail[1]));
}

#[tokio::test]
async fn nobody_listening_is_a_retry_and_a_line_break_is_never_sent() {
    let closed = TcpListener::bind("127.0.0.1:0").and_then(|l| l.local_addr()).expect("a port").port();
    let smtp = Smtp::new(&options(closed)).expect("a transport");
    assert!(matches!(smtp.deliver(&message("ada@example.com")).await, Outcome::Retry { .. }));
    let injected = message("ada@example.com\r\nRCPT TO:<eve@example.com>");
    assert!(matches!(smtp.deliver(&injected).await, Outcome::Refused { .. }));
}

/// A server that takes mail on a free port of this machine, refusing the first recipients with `refusals`.
struct SmtpServer {
    port: u16,
    taken: Arc<Mutex<Vec<Mail>>>,
}

#[derive(Clone, Debug, Default)]
struct Mail {
    to: String,
    data: String,
}

impl SmtpServer {
    fn start(refusals: &'static [&'static str]) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
        let port = listener.local_addr().expect("an address").port();
        let (taken, refusals) = (Arc::new(Mutex::default()), Arc::new(Mutex::new(refusals.iter())));
        let mail = Arc::clone(&taken);
        thread::spawn(move || {
            for stream in listener.incoming() {
                let (mail, refusals) = (Arc::clone(&mail), Arc::clone(&refusals));
                // A client that hangs up ends its conversation, not the server.
                thread::spawn(move || converse(stream?, &mail, &refusals));
            }
        });
        Self { port, taken }
    }

    fn options(&self) -> SmtpOptions {
        options(self.port)
    }

    async fn mail(&self, count: usize) -> Vec<Mail> {
        loop {
            let taken = self.taken.lock().expect("no panic").clone();
            if taken.len() >= count {
                return taken;
            }
            tokio::task::yield_now().await;
        }
    }
}

/// One conversation (RFC 5321, the commands that a client needs).
fn converse(
    mut stream: TcpStream,
    taken: &Mutex<Vec<Mail>>,
    refusals: &Mutex<std::slice::Iter<'static, &'static str>>,
) -> std::io::Result<()> {
    let mut lines = BufReader::new(stream.try_clone()?).lines();
    let mut mail = Mail::default();
    writeln!(stream, "220 ready\r")?;
    while let Some(line) = lines.next().transpose()? {
        let verb = line.to_ascii_uppercase();
        if verb.starts_with("RCPT TO:") {
            if let Some(refusal) = refusals.lock().expect("no panic").next() {
                writeln!(stream, "{refusal}\r")?;
                continue;
            }
            mail.to = line["RCPT TO:".len()..].to_owned();
            writeln!(stream, "250 ok\r")?;
        } else if verb == "DATA" {
            writeln!(stream, "354 go on\r")?;
            for line in lines.by_ref() {
                match line?.as_str() {
                    "." => break,
                    line => mail.data.push_str(&format!("{line}\n")),
                }
            }
            taken.lock().expect("no panic").push(std::mem::take(&mut mail));
            writeln!(stream, "250 taken\r")?;
        } else if verb == "QUIT" {
            writeln!(stream, "221 bye\r")?;
            break;
        } else {
            writeln!(stream, "250 ok\r")?;
        }
    }
    Ok(())
}

fn options(port: u16) -> SmtpOptions {
    SmtpOptions {
        host: "127.0.0.1".into(),
        port,
        security: Security::None,
        username: None,
        password: None,
        from: "Acme <no-reply@acme.example>".into(),
    }
}

fn message(to: &str) -> Message {
    Message {
        id: MessageId::from_bytes([7; 16]),
        channel: Channel::Email,
        to: to.into(),
        display_to: to.into(),
        code: Some(Secret::new("123456".into())),
        link: None,
        subject: "123456 is your Acme verification code".into(),
        text: Secret::new("Your verification code is 123456.\n".into()),
        created_at: Timestamp::from_millis(1_800_000_000_000),
        expire_at: Timestamp::from_millis(1_800_000_600_000),
    }
}
