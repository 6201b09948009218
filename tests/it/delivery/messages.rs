//! The messages themselves: their headers, addresses and senders.

use std::sync::Arc;
use vestibule::domain::verification::Strategy;
use vestibule::engine::AttemptVerification;

use vestibule::delivery::{Capture, Failure, Outcome, Receipt, Smtp, SmtpError, SmtpOptions, Transport};
use vestibule::domain::sign_up::Status;
use vestibule::engine::RequestContext;

use super::{begin, engine, header, message, told};
use crate::support::smtp::{Act, SmtpServer};

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
        engine.sign_ups().attempt(&caller, id, &AttemptVerification::code(Strategy::EmailCode, code), &source).await;
    assert_eq!(done.expect("the code in the mail").0.status, Status::Complete);
    engine.shutdown().await;
}

#[tokio::test]
async fn mail_says_who_sends_it_and_that_no_machine_should_answer() {
    let server = SmtpServer::start();
    let smtp = Smtp::new(&server.options()).expect("a transport");
    assert_eq!(smtp.deliver(&message("ada@example.com")).await, Outcome::Sent(Receipt::default()));
    let mail = server.mail(1).await;
    assert_eq!(header(&mail[0], "MIME-Version: "), "1.0");
    assert_eq!(header(&mail[0], "Auto-Submitted: "), "auto-generated");
    assert_eq!(header(&mail[0], "Date: "), "Fri, 15 Jan 2027 08:00:00 +0000");
    assert_eq!(server.commands()[0], "EHLO acme.example");
    let named = SmtpOptions { hello_name: Some("mail.acme.example".into()), ..server.options() };
    let smtp = Smtp::new(&named).expect("a transport");
    assert_eq!(smtp.deliver(&message("ada@example.com")).await, Outcome::Sent(Receipt::default()));
    assert!(server.commands().iter().any(|command| command == "EHLO mail.acme.example"));
    let injected = SmtpOptions { hello_name: Some("a\r\nMAIL FROM:<eve@example.com>".into()), ..server.options() };
    assert!(matches!(Smtp::new(&injected).err(), Some(SmtpError::HelloName)));
}

#[tokio::test]
async fn a_line_break_in_an_address_is_never_sent() {
    let server = SmtpServer::start();
    let smtp = Smtp::new(&server.options()).expect("a transport");
    let injected = message("ada@example.com\r\nRCPT TO:<eve@example.com>");
    assert!(matches!(smtp.deliver(&injected).await, Outcome::Refused(_)));
    assert_eq!(server.connections(), 0);
}

#[tokio::test]
async fn an_address_outside_ascii_is_refused_with_the_reason_unless_the_server_takes_it() {
    let server = SmtpServer::start();
    let smtp = Smtp::new(&server.options()).expect("a transport");
    let outcome = smtp.deliver(&message("josé@example.com")).await;
    assert!(
        matches!(&outcome, Outcome::Refused(Failure { reason, .. }) if reason.contains("does not take addresses outside ASCII"))
    );
    assert!(server.commands().iter().all(|command| command.starts_with("EHLO")));
    let server = SmtpServer::scripted(vec![("ehlo", Act::Say("250-test.example\r\n250-8BITMIME\r\n250 SMTPUTF8"))]);
    let smtp = Smtp::new(&server.options()).expect("a transport");
    assert_eq!(smtp.deliver(&message("josé@example.com")).await, Outcome::Sent(Receipt::default()));
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
