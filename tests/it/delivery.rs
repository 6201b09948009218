//! Delivery by SMTP to good and bad servers on this machine, and its consequences.

use std::net::TcpListener;
use std::sync::Arc;
use std::time::Duration;

use serde_json::json;
use tempfile::TempDir;
use vestibule::actors::ActorOptions;
use vestibule::delivery::{Capture, Channel, Message, Outcome, Security, Smtp, SmtpError, SmtpOptions, Transport};
use vestibule::domain::id::MessageId;
use vestibule::domain::secret::Secret;
use vestibule::domain::sign_up::{NewSignUp, Status};
use vestibule::domain::time::Timestamp;
use vestibule::domain::verification::Strategy;
use vestibule::engine::{AttemptVerification, Caller, Engine, RequestContext};

use crate::support::server::{Server, log_of};
use crate::support::smtp::{Act, Mail, Script, SmtpServer, options};

#[tokio::test]
async fn a_code_sent_over_smtp_completes_a_sign_up() {
    let server = SmtpServer::start();
    let engine = engine(&server.options(), &Arc::new(Capture::new())).await;
    let source = RequestContext::default();
    let (id, caller) = begin(&engine, Some("Ada@Example.com"), None).await;
    let mail = server.mail(1).await;
    assert_eq!(mail[0].to, "<ada@example.com>");
    assert!(mail[0].data.contains("From: Acme <no-reply@acme.example>"), "{}", mail[0].data);
    let subject = mail[0].data.lines().find_map(|line| line.strip_prefix("Subject: ")).expect("a subject");
    let code = &subject[..6];
    let done =
        engine.attempt_verification(&caller, id, &AttemptVerification::code(Strategy::EmailCode, code), &source).await;
    assert_eq!(done.expect("the code in the mail").0.status, Status::Complete);
    engine.shutdown().await;
}

#[tokio::test]
async fn a_refusal_for_good_is_told_from_one_for_now_and_retries_keep_their_id() {
    let server = SmtpServer::start();
    server.refuse(&["451 try later", "535 wrong password", "550 no such mailbox"]);
    let smtp = Smtp::new(&server.options()).expect("a transport");
    let message = message("ada@example.com");
    assert!(matches!(smtp.deliver(&message).await, Outcome::Retry { .. }));
    let login = smtp.deliver(&message).await;
    assert!(matches!(login, Outcome::Unavailable { .. }), "a refused login is the operator's to mend: {login:?}");
    let Outcome::Refused { reason } = smtp.deliver(&message).await else { panic!("a 550 is for good") };
    assert!(!reason.contains("ada@"), "{reason}");
    assert_eq!(smtp.deliver(&message).await, Outcome::Sent);
    assert_eq!(smtp.deliver(&message).await, Outcome::Sent);
    let mail = server.mail(2).await;
    assert!(header(&mail[0], "Message-ID: ").contains(&message.id.to_string()));
    assert_eq!(header(&mail[0], "Message-ID: "), header(&mail[1], "Message-ID: "));
    assert_eq!(server.connections(), 2, "a refused login costs the connection, and a refused message does not");
}

#[tokio::test]
async fn mail_says_who_sends_it_and_that_no_machine_should_answer() {
    let server = SmtpServer::start();
    let smtp = Smtp::new(&server.options()).expect("a transport");
    assert_eq!(smtp.deliver(&message("ada@example.com")).await, Outcome::Sent);
    let mail = server.mail(1).await;
    assert_eq!(header(&mail[0], "MIME-Version: "), "1.0");
    assert_eq!(header(&mail[0], "Auto-Submitted: "), "auto-generated");
    assert_eq!(header(&mail[0], "Date: "), "Fri, 15 Jan 2027 08:00:00 +0000");
    assert_eq!(server.commands()[0], "EHLO acme.example");
    let named = SmtpOptions { hello_name: Some("mail.acme.example".into()), ..server.options() };
    let smtp = Smtp::new(&named).expect("a transport");
    assert_eq!(smtp.deliver(&message("ada@example.com")).await, Outcome::Sent);
    assert!(server.commands().iter().any(|command| command == "EHLO mail.acme.example"));
    let injected = SmtpOptions { hello_name: Some("a\r\nMAIL FROM:<eve@example.com>".into()), ..server.options() };
    assert!(matches!(Smtp::new(&injected).err(), Some(SmtpError::HelloName)));
}

#[tokio::test]
async fn a_line_break_in_an_address_is_never_sent() {
    let server = SmtpServer::start();
    let smtp = Smtp::new(&server.options()).expect("a transport");
    let injected = message("ada@example.com\r\nRCPT TO:<eve@example.com>");
    assert!(matches!(smtp.deliver(&injected).await, Outcome::Refused { .. }));
    assert_eq!(server.connections(), 0);
}

/// Whatever the server does at any step, the delivery ends within its timeout and says what was wrong.
#[tokio::test]
async fn every_way_of_failing_has_its_own_words_and_its_own_consequence() {
    use Act::{FallSilent as Fall, Flood, GoOn, HangUp, Say, Trickle};
    let (refused, again, down) = ("refused", "again", "down");
    for (step, act, expected, words) in [
        ("greeting", Fall, down, "took the connection and did not greet in time"),
        ("ehlo", Fall, down, "did not answer EHLO in time"),
        ("mail", Fall, down, "did not answer MAIL in time"),
        ("rcpt", Fall, down, "did not answer RCPT in time"),
        ("data", Fall, down, "did not answer DATA in time"),
        ("text", Fall, down, "took too long for one message"),
        ("greeting", Trickle, down, "did not greet in time"),
        ("rcpt", Trickle, down, "did not answer RCPT in time"),
        ("greeting", GoOn, down, "with more than an answer may have"),
        ("ehlo", GoOn, down, "answered EHLO with more than an answer may have"),
        ("greeting", Flood, down, "with more than an answer may have"),
        ("mail", Flood, down, "answered MAIL with more than an answer may have"),
        ("greeting", HangUp, down, "closed the connection without a greeting"),
        ("ehlo", HangUp, down, "closed the connection at EHLO"),
        ("data", HangUp, down, "closed the connection at DATA"),
        ("text", HangUp, down, "closed the connection at the message"),
        ("greeting", Say("HTTP/1.1 400 Bad Request"), down, "does not speak SMTP"),
        ("greeting", Say("421 4.3.2 ada@example.com is too much"), down, "answered the connection with 421 4.3.2"),
        ("greeting", Say("554 5.3.2 not you"), down, "answered the connection with 554 5.3.2"),
        ("ehlo", Say("550 5.5.0 not you"), down, "answered EHLO with 550 5.5.0"),
        ("mail", Say("421 4.3.2 bye"), down, "answered MAIL with 421 4.3.2"),
        ("mail", Say("452 4.3.1 full"), down, "answered MAIL with 452 4.3.1"),
        ("mail", Say("530 5.7.0 log in"), down, "answered MAIL with 530 5.7.0"),
        // All messages have the same sender, so these rejections concern all of them.
        ("mail", Say("553 5.1.8 not your sender"), down, "answered MAIL with 553 5.1.8; it refuses the sender"),
        ("mail", Say("550 no"), down, "check `email.from`, and whether this login may send for it"),
        ("mail", Say("503 5.5.1 not now"), down, "answered MAIL with 503 5.5.1"),
        ("mail", Say("555 5.5.4 no such parameter"), down, "answered MAIL with 555 5.5.4"),
        ("rcpt", Say("550 5.7.1 ada@example.com may not"), refused, "answered RCPT with 550 5.7.1"),
        ("rcpt", Say("553 5.1.8 not your sender"), down, "answered RCPT with 553 5.1.8; it refuses the sender"),
        ("rcpt", Say("450 4.1.8 not your sender"), down, "check `email.from`"),
        ("rcpt", Say("454 4.7.1 log in"), down, "answered RCPT with 454 4.7.1; check `email.username`"),
        ("rcpt", Say("450 4.2.0 ada@example.com is greylisted"), again, "answered RCPT with 450 4.2.0"),
        ("rcpt", Say("550-5.1.1 no\r\n550 5.1.1 ada@example.com"), refused, "answered RCPT with 550 5.1.1"),
        ("rcpt", Say("421 bye"), down, "answered RCPT with 421"),
        ("data", Say("451 4.3.0 later"), again, "answered DATA with 451 4.3.0"),
        ("data", Say("554 5.5.1 never"), refused, "answered DATA with 554 5.5.1"),
        ("data", Say("250 what?"), down, "does not speak SMTP"),
        ("text", Say("451 4.7.1 later"), again, "answered the message with 451 4.7.1"),
        ("text", Say("554 5.7.1 spam for ada@example.com"), refused, "answered the message with 554 5.7.1"),
        ("text", Say("552 5.3.4 too large"), refused, "answered the message with 552 5.3.4"),
        ("text", Say("554 no"), refused, "answered the message with 554"),
        ("data", Say("550 5.1.7 not your sender"), down, "answered DATA with 550 5.1.7; it refuses the sender"),
        ("text", Say("550 5.7.23 SPF"), down, "answered the message with 550 5.7.23; it refuses the sender"),
        ("text", Say("550 5.7.60 not as this one"), down, "whether this login may send for it"),
        ("text", Say("550 5.7.13 disabled"), down, "check `email.username` and `email.password`"),
    ] {
        let server = SmtpServer::scripted(vec![(step, act)]);
        let smtp = Smtp::new(&server.options()).expect("a transport");
        let outcome = in_time(smtp.deliver(&message("ada@example.com"))).await;
        let (kind, reason) = told(&outcome);
        let server = format!("the mail server 127.0.0.1:{} ", server.options().port);
        assert_eq!((kind, reason.contains(words)), (expected, true), "{step} {act:?}: {outcome:?}");
        assert!(reason.starts_with(&server) && !reason.contains("ada@"), "{reason}");
    }
}

#[tokio::test]
async fn a_server_that_is_not_there_is_told_from_one_that_is_not_found() {
    let closed = TcpListener::bind("127.0.0.1:0").and_then(|l| l.local_addr()).expect("a port").port();
    let nowhere = SmtpOptions { host: "mail.invalid".into(), ..options(closed) };
    for (options, words) in [(options(closed), "nothing listens at this port"), (nowhere, "was not found: ")] {
        let smtp = Smtp::new(&options).expect("a transport");
        let outcome = in_time(smtp.deliver(&message("ada@example.com"))).await;
        let (kind, reason) = told(&outcome);
        assert!(kind == "down" && reason.contains(words) && reason.contains(&options.host), "{outcome:?}");
    }
}

#[tokio::test]
async fn an_address_outside_ascii_is_refused_with_the_reason_unless_the_server_takes_it() {
    let server = SmtpServer::start();
    let smtp = Smtp::new(&server.options()).expect("a transport");
    let outcome = smtp.deliver(&message("josé@example.com")).await;
    assert!(
        matches!(&outcome, Outcome::Refused { reason } if reason.contains("does not take addresses outside ASCII"))
    );
    assert!(server.commands().iter().all(|command| command.starts_with("EHLO")));
    let server = SmtpServer::scripted(vec![("ehlo", Act::Say("250-test.example\r\n250-8BITMIME\r\n250 SMTPUTF8"))]);
    let smtp = Smtp::new(&server.options()).expect("a transport");
    assert_eq!(smtp.deliver(&message("josé@example.com")).await, Outcome::Sent);
    assert_eq!(server.mail(1).await[0].to, "<josé@example.com>");
    assert!(server.commands()[1].ends_with(" BODY=8BITMIME SMTPUTF8"), "{:?}", server.commands());
    // A bad recipient address does not make the channel fail.
    for (refusal, expected) in
        [("555 5.5.4 what?", "refused"), ("550 5.6.7 not such an address", "refused"), ("501 5.1.7 you?", "down")]
    {
        let hello = ("ehlo", Act::Say("250-test.example\r\n250-8BITMIME\r\n250 SMTPUTF8"));
        let server = SmtpServer::scripted(vec![hello, ("mail", Act::Say(refusal))]);
        let smtp = Smtp::new(&server.options()).expect("a transport");
        let outcome = smtp.deliver(&message("josé@example.com")).await;
        assert_eq!(told(&outcome).0, expected, "{outcome:?}");
    }
}

#[tokio::test]
async fn a_sender_outside_ascii_that_the_server_does_not_take_is_the_operators_to_mend() {
    let server = SmtpServer::start();
    let smtp = Smtp::new(&SmtpOptions { from: "josé@acme.example".into(), ..server.options() }).expect("a transport");
    let outcome = smtp.deliver(&message("ada@example.com")).await;
    let (kind, reason) = told(&outcome);
    assert!(kind == "down" && reason.contains("`email.from`") && !reason.contains('@'), "{outcome:?}");
}

#[tokio::test]
async fn a_refused_login_is_told_and_the_password_is_not() {
    for (script, words) in [
        (vec![("auth", Act::Say("535 5.7.8 hunter2 is wrong"))], "refused the login: it answered 535 5.7.8; check"),
        (vec![("auth", Act::FallSilent)], "did not answer AUTH in time"),
        (vec![("ehlo", Act::Say("250-test.example\r\n250 AUTH CRAM-MD5"))], "offers no way to log in"),
    ] {
        let server = SmtpServer::scripted(script);
        let smtp = Smtp::new(&with_login(&server)).expect("a transport");
        let outcome = in_time(smtp.deliver(&message("ada@example.com"))).await;
        let (kind, reason) = told(&outcome);
        assert!(kind == "down" && reason.contains(words) && !reason.contains("hunter2"), "{outcome:?}");
    }
}

#[tokio::test]
async fn a_login_goes_by_plain_or_by_login() {
    let server = SmtpServer::start();
    let smtp = Smtp::new(&with_login(&server)).expect("a transport");
    assert_eq!(smtp.deliver(&message("ada@example.com")).await, Outcome::Sent);
    assert_eq!(server.commands()[1], "AUTH PLAIN AGFkYQBodW50ZXIy");
    let server = SmtpServer::scripted(vec![("ehlo", Act::Say("250-test.example\r\n250 AUTH=LOGIN"))]);
    let smtp = Smtp::new(&with_login(&server)).expect("a transport");
    assert_eq!(smtp.deliver(&message("ada@example.com")).await, Outcome::Sent);
    assert_eq!(server.commands()[1..4], ["AUTH LOGIN", "YWRh", "aHVudGVyMg=="]);
}

#[tokio::test]
async fn tls_that_is_not_to_be_had_is_told() {
    let (plain, silent) = (SmtpServer::start(), SmtpServer::scripted(vec![("greeting", Act::FallSilent)]));
    let refusing = SmtpServer::scripted(vec![
        ("ehlo", Act::Say("250-test.example\r\n250 STARTTLS")),
        ("starttls", Act::Say("554 5.7.3 no")),
    ]);
    for (server, security, words) in [
        (&refusing, Security::StartTls, "answered STARTTLS with 554 5.7.3; check `email.security`"),
        (&plain, Security::StartTls, "does not offer STARTTLS"),
        (&plain, Security::Tls, "could not agree on TLS: it does not speak TLS at this port"),
        (&silent, Security::StartTls, "did not greet in time"),
        (&silent, Security::Tls, "did not answer the TLS handshake in time"),
    ] {
        let smtp = Smtp::new(&SmtpOptions { security, ..server.options() }).expect("a transport");
        let outcome = in_time(smtp.deliver(&message("ada@example.com"))).await;
        let (kind, reason) = told(&outcome);
        assert!(kind == "down" && reason.contains(words), "{outcome:?}");
    }
}

#[tokio::test]
async fn a_connection_that_has_died_since_is_replaced_and_nobody_waits_for_it() {
    let server = SmtpServer::start();
    let smtp = Smtp::new(&server.options()).expect("a transport");
    assert_eq!(smtp.deliver(&message("ada@example.com")).await, Outcome::Sent);
    // The open connection stops answering at the next command, while new ones are served.
    server.follow(vec![("mail", Act::FallSilent)]);
    let second = message("ada@example.com");
    let (outcome, ()) = tokio::join!(in_time(smtp.deliver(&second)), async {
        while server.commands().iter().filter(|command| command.starts_with("MAIL")).count() < 2 {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
        server.follow(Script::new());
    });
    assert_eq!(outcome, Outcome::Sent);
    assert_eq!((server.connections(), server.taken().len()), (2, 2));
}

#[tokio::test]
async fn a_hung_mail_server_holds_up_no_text_message_and_mail_flows_once_it_is_replaced() {
    let server = SmtpServer::scripted(vec![("greeting", Act::FallSilent)]);
    let capture = Arc::new(Capture::new());
    let engine = engine(&server.options(), &capture).await;
    // More messages than a channel sends at once.
    for number in 0..80 {
        begin(&engine, Some(&format!("ada{number}@example.com")), None).await;
    }
    begin(&engine, None, Some("+12015550123")).await;
    until(|| !capture.to("+12015550123").is_empty()).await;
    until(|| engine.channels()[0].failing_since.is_some()).await;
    let [email, sms] = engine.channels();
    assert_eq!((email.channel, sms.channel), (Channel::Email, Channel::Sms));
    assert!(email.reason.as_deref().is_some_and(|reason| reason.contains("did not greet in time")), "{email:?}");
    assert_eq!((email.waiting, sms.failing_since, sms.sent), (80, None, 1));
    server.follow(Script::new());
    let mail = server.mail(80).await;
    let mut to: Vec<_> = mail.iter().map(|mail| &mail.to).collect();
    to.sort();
    to.dedup();
    assert_eq!(to.len(), 80);
    until(|| engine.channels()[0].waiting == 0).await;
    let [email, _] = engine.channels();
    assert_eq!((email.failing_since, email.reason, email.sent), (None, None, 80));
    engine.shutdown().await;
}

#[tokio::test]
async fn messages_that_find_no_room_in_memory_wait_in_the_outbox() {
    let server = SmtpServer::scripted(vec![("greeting", Act::Say("421 not now"))]);
    let capture = Arc::new(Capture::new());
    let actors = ActorOptions { messages_held_max: 4, ..ActorOptions::default() };
    let engine = engine_with(&server.options(), &capture, actors).await;
    for number in 0..20 {
        begin(&engine, Some(&format!("ada{number}@example.com")), None).await;
        begin(&engine, None, Some(&format!("+120155501{number:02}"))).await;
    }
    until(|| engine.channels()[1].sent == 20).await;
    until(|| engine.channels()[0].failing_since.is_some()).await;
    assert_eq!(engine.channels()[0].waiting, 4);
    server.follow(Script::new());
    server.mail(20).await;
    until(|| engine.channels()[0].waiting == 0).await;
    assert_eq!((engine.channels()[0].sent, server.taken().len()), (20, 20), "each once");
    engine.shutdown().await;
}

#[tokio::test]
async fn the_relay_makes_no_more_connections_than_the_server_may_see() {
    let server = SmtpServer::start();
    let options = SmtpOptions { connections_max: 3, ..server.options() };
    let engine = engine(&options, &Arc::new(Capture::new())).await;
    for number in 0..40 {
        begin(&engine, Some(&format!("ada{number}@example.com")), None).await;
    }
    server.mail(40).await;
    assert!(server.connections() <= 3, "{} connections", server.connections());
    engine.shutdown().await;
}

#[tokio::test]
async fn a_message_whose_taking_was_not_confirmed_goes_out_again_under_the_same_id() {
    let server = SmtpServer::scripted(vec![("text", Act::HangUp)]);
    let engine = engine(&server.options(), &Arc::new(Capture::new())).await;
    begin(&engine, Some("ada@example.com"), None).await;
    server.mail(1).await;
    server.follow(Script::new());
    let mail = server.mail(2).await;
    assert_eq!(header(&mail[0], "Message-ID: "), header(&mail[1], "Message-ID: "));
    assert_eq!(header(&mail[0], "Subject: "), header(&mail[1], "Subject: "));
    until(|| engine.channels()[0].waiting == 0).await;
    engine.shutdown().await;
}

#[tokio::test]
async fn a_transport_that_panics_or_hangs_costs_its_messages_a_try() {
    struct Clumsy(std::sync::atomic::AtomicUsize);
    impl Transport for Clumsy {
        fn deliver<'a>(&'a self, _: &'a Message) -> vestibule::delivery::BoxFuture<'a, Outcome> {
            let number = self.0.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
            Box::pin(async move {
                match number {
                    0 => panic!("a bug of the transport's own"),
                    1 => std::future::pending().await,
                    _ => Outcome::Sent,
                }
            })
        }
    }
    let settings = vestibule::config::sample_settings("email_code").expect("a sample");
    let actors = ActorOptions { delivery_timeout: Duration::from_millis(200), ..ActorOptions::default() };
    let engine = Engine::builder().settings(settings).actors(actors).email(Arc::new(Clumsy(0.into())));
    let engine = engine.build().await.expect("an engine");
    begin(&engine, Some("ada@example.com"), None).await;
    until(|| engine.channels()[0].sent == 1).await;
    let [email, _] = engine.channels();
    assert_eq!((email.failed_tries, email.waiting, email.failing_since), (1, 0, None));
    engine.shutdown().await;
}

#[tokio::test]
async fn trouble_with_mail_is_told_once_and_so_is_its_end_and_no_line_names_who_waits() {
    told_once("greeting", "554 5.3.2 not for ada0@example.com", "it does not serve this machine: check `email.host`")
        .await;
}

/// A rejected sender concerns all waiting messages, so none of them is dropped.
#[tokio::test]
async fn a_sender_that_is_refused_is_told_once_and_all_mail_leaves_once_the_server_takes_it() {
    told_once("mail", "550 5.7.1 not from no-reply@acme.example", "it refuses the sender: check `email.from`").await;
}

/// Starts an engine whose mail server rejects each message at `step`, and later accepts all. The log must contain
/// `remedy` once.
async fn told_once(step: &'static str, refusal: &'static str, remedy: &str) {
    const PEOPLE: usize = 5;
    let mail_server = SmtpServer::scripted(vec![(step, Act::Say(refusal))]);
    let folder = TempDir::new().expect("a folder");
    let config = format!(
        "[settings]\nfile = \"email_code\"\n[limits]\nsource = false\n[email]\ntransport = \"smtp\"\n\
         host = \"127.0.0.1\"\nport = {}\nsecurity = \"none\"\nfrom = \"Acme <no-reply@acme.example>\"\n\
         command_timeout_s = 1\ntimeout_s = 2\n",
        mail_server.options().port
    );
    let server = Server::start(folder.path(), &config);
    for number in 0..PEOPLE {
        let form = format!("email_address=ada{number}@example.com&strategy=email_code");
        let answer = server.native("POST", "/v1/client/sign_ups", "", &form).expect("an answer");
        assert_eq!(answer.status, 200, "{}", answer.body);
    }
    let health = || server.request("GET", "/health/ready", &[], "").expect("an answer");
    until(|| health().json()["channels"]["email"]["status"] == "failing").await;
    let told = health();
    assert_eq!((told.status, &told.json()["channels"]["sms"]["status"]), (200, &json!("working")), "{}", told.body);
    assert_eq!(told.json()["channels"]["email"]["waiting"], PEOPLE, "{}", told.body);
    assert!(!told.body.contains("127.0.0.1"), "{}", told.body);
    // Waits for several retries.
    until(|| mail_server.connections() >= PEOPLE + 3).await;
    mail_server.follow(Script::new());
    mail_server.mail(PEOPLE).await;
    until(|| health().json()["channels"]["email"] == json!({"status": "working", "waiting": 0})).await;
    assert_eq!(server.terminate(), Some(0));
    let log = log_of(folder.path());
    let lines = |words: &str| log.lines().filter(|line| line.contains(words)).count();
    assert_eq!((lines("messages can't leave"), lines("messages leave again")), (1, 1), "{log}");
    assert_eq!(lines(&format!("the mail server 127.0.0.1:{} answered", mail_server.options().port)), 1, "{log}");
    assert_eq!(lines(remedy), 1, "{log}");
    assert_eq!((lines("WARN"), lines("ERROR"), lines("/registry/")), (1, 0, 0), "{log}");
    assert!(!log.lines().any(|line| line.contains("vestibule::") && line.contains('@')), "{log}");
}

#[tokio::test]
async fn messages_that_could_not_leave_before_a_crash_leave_after_it() {
    let mail_server = SmtpServer::scripted(vec![("rcpt", Act::FallSilent)]);
    let folder = TempDir::new().expect("a folder");
    let config = format!(
        "[settings]\nfile = \"email_code\"\n[email]\ntransport = \"smtp\"\nhost = \"127.0.0.1\"\nport = {}\n\
         security = \"none\"\nfrom = \"no-reply@acme.example\"\n",
        mail_server.options().port
    );
    let server = Server::start(folder.path(), &config);
    let form = "email_address=ada@example.com&strategy=email_code";
    assert_eq!(server.native("POST", "/v1/client/sign_ups", "", form).expect("an answer").status, 200);
    server.kill_in_place();
    drop(server);
    mail_server.follow(Script::new());
    let server = Server::start(folder.path(), &config);
    assert_eq!(mail_server.mail(1).await[0].to, "<ada@example.com>");
    assert_eq!(server.terminate(), Some(0));
}

/// An engine that verifies by codes, with e-mail over SMTP and text messages into `capture`.
async fn engine(options: &SmtpOptions, capture: &Arc<Capture>) -> Engine {
    engine_with(options, capture, ActorOptions::default()).await
}

async fn engine_with(options: &SmtpOptions, capture: &Arc<Capture>, actors: ActorOptions) -> Engine {
    let mut settings = vestibule::config::sample_settings("email_code").expect("a sample");
    settings.attributes.phone_number = settings.attributes.email_address.clone();
    settings.attributes.phone_number.verifications = vec![Strategy::PhoneCode];
    settings.attributes.phone_number.required = false;
    settings.attributes.email_address.required = false;
    let smtp = Smtp::new(options).expect("a transport");
    let builder = Engine::builder().settings(settings).actors(actors).email(Arc::new(smtp)).sms(capture.clone());
    builder.build().await.expect("an engine")
}

/// Starts the sign-up of a new person, to whom a code is being sent.
async fn begin(engine: &Engine, email: Option<&str>, phone: Option<&str>) -> (vestibule::domain::id::SignUpId, Caller) {
    let strategy = if email.is_some() { Strategy::EmailCode } else { Strategy::PhoneCode };
    let fields = NewSignUp {
        email_address: email.map(str::to_owned),
        phone_number: phone.map(str::to_owned),
        strategy: Some(strategy),
        ..NewSignUp::default()
    };
    let (sign_up, client) =
        engine.create_sign_up(&Caller::anonymous(), &fields, &RequestContext::default()).await.expect("a sign-up");
    let token = client.new_token.as_ref().map(|token| token.expose().as_str());
    (sign_up.value.id, engine.identify(token).await.expect("readable"))
}

/// The outcome as one word, and its reason.
fn told(outcome: &Outcome) -> (&'static str, &str) {
    match outcome {
        Outcome::Sent => ("sent", ""),
        Outcome::Refused { reason } => ("refused", reason),
        Outcome::Retry { reason } => ("again", reason),
        Outcome::Unavailable { reason } => ("down", reason),
    }
}

fn with_login(server: &SmtpServer) -> SmtpOptions {
    let password = Some(Secret::new("hunter2".into()));
    SmtpOptions { username: Some("ada".into()), password, ..server.options() }
}

fn header<'a>(mail: &'a Mail, name: &str) -> &'a str {
    mail.data.lines().find_map(|line| line.strip_prefix(name)).unwrap_or_else(|| panic!("{name}in {}", mail.data))
}

/// Awaits work that has its own timeout; if that fails, the test ends here instead of hanging.
async fn in_time<T>(work: impl Future<Output = T>) -> T {
    tokio::time::timeout(Duration::from_secs(60), work).await.expect("the deadline of the delivery")
}

async fn until(is_so: impl Fn() -> bool) {
    in_time(async {
        while !is_so() {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    })
    .await;
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
