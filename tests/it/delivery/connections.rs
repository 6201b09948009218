//! Reaching a server, TLS, logging in, and connections that are kept.

use std::net::TcpListener;
use std::time::Duration;

use vestibule::delivery::{Outcome, Receipt, Security, Smtp, SmtpOptions, Transport};
use vestibule::domain::secret::Secret;

use super::{in_time, message, told};
use crate::support::smtp::{Act, Script, SmtpServer, options};

#[tokio::test]
async fn a_server_that_is_not_there_is_told_from_one_that_is_not_found() {
    let closed = TcpListener::bind("127.0.0.1:0").and_then(|l| l.local_addr()).expect("a port").port();
    let nowhere = SmtpOptions { host: "mail.invalid".into(), ..options(closed) };
    for (options, words) in [
        (options(closed), "nothing listens at this port; check `email.host` and `email.port`"),
        (nowhere, "; check `email.host` and this machine's DNS"),
    ] {
        let smtp = Smtp::new(&options).expect("a transport");
        let outcome = in_time(smtp.deliver(&message("ada@example.com"))).await;
        let (kind, reason) = told(&outcome);
        assert!(kind == "down" && reason.contains(words) && reason.contains(&options.host), "{outcome:?}");
    }
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
    assert_eq!(smtp.deliver(&message("ada@example.com")).await, Outcome::Sent(Receipt::default()));
    assert_eq!(server.commands()[1], "AUTH PLAIN AGFkYQBodW50ZXIy");
    let server = SmtpServer::scripted(vec![("ehlo", Act::Say("250-test.example\r\n250 AUTH=LOGIN"))]);
    let smtp = Smtp::new(&with_login(&server)).expect("a transport");
    assert_eq!(smtp.deliver(&message("ada@example.com")).await, Outcome::Sent(Receipt::default()));
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
        (
            &plain,
            Security::StartTls,
            "does not offer STARTTLS, which `email.security` asks for; check `email.port`; where",
        ),
        (&plain, Security::Tls, "does not speak TLS at this port; check `email.port`, and"),
        (&silent, Security::StartTls, "did not greet in time; check `email.port`, and `email.security`"),
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
    assert_eq!(smtp.deliver(&message("ada@example.com")).await, Outcome::Sent(Receipt::default()));
    // The open connection stops answering at the next command, while new ones are served.
    server.follow(vec![("mail", Act::FallSilent)]);
    let second = message("ada@example.com");
    let (outcome, ()) = tokio::join!(in_time(smtp.deliver(&second)), async {
        while server.commands().iter().filter(|command| command.starts_with("MAIL")).count() < 2 {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
        server.follow(Script::new());
    });
    assert_eq!(outcome, Outcome::Sent(Receipt::default()));
    assert_eq!((server.connections(), server.taken().len()), (2, 2));
}

fn with_login(server: &SmtpServer) -> SmtpOptions {
    let password = Some(Secret::new("hunter2".into()));
    SmtpOptions { username: Some("ada".into()), password, ..server.options() }
}
