//! Messages that wait while a server is down, slow or refuses the sender, and after a crash.

use std::sync::Arc;

use serde_json::json;
use tempfile::TempDir;
use vestibule::actors::ActorOptions;
use vestibule::delivery::{Capture, Channel, SmtpOptions};

use super::{begin, engine, engine_with, until};
use crate::support::binary::Binary;
use crate::support::server::{Server, log_of};
use crate::support::smtp::{Act, Script, SmtpServer};

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
    assert_eq!((lines("messages can't be sent"), lines("messages can be sent again")), (1, 1), "{log}");
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
    let server = Binary::start(folder.path(), &config);
    let form = "email_address=ada@example.com&strategy=email_code";
    assert_eq!(server.native("POST", "/v1/client/sign_ups", "", form).expect("an answer").status, 200);
    server.kill_in_place();
    drop(server);
    mail_server.follow(Script::new());
    let server = Server::start(folder.path(), &config);
    assert_eq!(mail_server.mail(1).await[0].to, "<ada@example.com>");
    assert_eq!(server.terminate(), Some(0));
}
