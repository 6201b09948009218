//! How each failure of a server or a transport ends, and what is tried again.

use std::sync::Arc;
use std::time::Duration;

use vestibule::actors::ActorOptions;
use vestibule::delivery::{Capture, Failure, Message, Outcome, Receipt, Smtp, Transport};
use vestibule::engine::Engine;

use super::{begin, engine, header, in_time, message, told, until};
use crate::support::smtp::{Act, Script, SmtpServer};

#[tokio::test]
async fn a_refusal_for_good_is_told_from_one_for_now_and_retries_keep_their_id() {
    let server = SmtpServer::start();
    server.refuse(&["451 try later", "535 wrong password", "550 no such mailbox"]);
    let smtp = Smtp::new(&server.options()).expect("a transport");
    let message = message("ada@example.com");
    assert!(matches!(smtp.deliver(&message).await, Outcome::Retry(_)));
    let login = smtp.deliver(&message).await;
    assert!(matches!(login, Outcome::Unavailable(_)), "a refused login is the operator's to mend: {login:?}");
    let Outcome::Refused(Failure { reason, .. }) = smtp.deliver(&message).await else { panic!("a 550 is for good") };
    assert!(!reason.contains("ada@"), "{reason}");
    assert_eq!(smtp.deliver(&message).await, Outcome::Sent(Receipt::default()));
    assert_eq!(smtp.deliver(&message).await, Outcome::Sent(Receipt::default()));
    let mail = server.mail(2).await;
    assert!(header(&mail[0], "Message-ID: ").contains(&message.id.to_string()));
    assert_eq!(header(&mail[0], "Message-ID: "), header(&mail[1], "Message-ID: "));
    assert_eq!(server.connections(), 2, "a refused login costs the connection, and a refused message does not");
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
                    _ => Outcome::Sent(Receipt::default()),
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
