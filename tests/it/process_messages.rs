//! Messages that are sent again by the binary, which is killed meanwhile: each that was acknowledged arrives, with the same
//! code, and none after its end.

use std::time::Duration;

use serde_json::{Value, json};
use tempfile::TempDir;

use crate::support::backend::{SECRET_KEY, backend};
use crate::support::binary::Binary;
use crate::support::smtp::{Act, Mail, Script, SmtpServer};

const ROUNDS: u64 = 8;

#[tokio::test]
async fn what_is_sent_again_survives_kill_9_with_the_same_code_and_ends_when_that_does() {
    let mail_server = SmtpServer::start();
    let folder = TempDir::new().expect("a folder");
    let config = format!(
        "[instance]\nsecret_key = \"{SECRET_KEY}\"\n[settings]\nfile = \"email_code\"\n\
         [limits]\nsource = false\naddress = false\n\
         [email]\ntransport = \"smtp\"\nhost = \"127.0.0.1\"\nport = {}\nsecurity = \"none\"\n\
         from = \"Acme <no-reply@acme.example>\"\n",
        mail_server.options().port
    );
    let start = || Binary::start(folder.path(), &config);
    let mut server = start();
    let form = "email_address=ada@example.com&strategy=email_code";
    assert_eq!(server.native("POST", "/v1/client/sign_ups", "", form).expect("an answer").status, 200);
    let code = code_of(&mail_server.mail(1).await[0]);
    let first = until(&server, "sent").await;

    let mut acknowledged = 1;
    for round in 0..ROUNDS {
        let again = send_again(&server, &first);
        assert_eq!(again["status"], "queued", "{again}");
        acknowledged += 1;
        // Before it is sent, while it is, and after.
        std::thread::sleep(Duration::from_millis(round * round));
        server.kill_in_place();
        drop(server);
        server = start();
        let arrived = mail_server.mail(acknowledged).await;
        // One that was sent, and not noted as sent, comes once more.
        acknowledged = acknowledged.max(arrived.len());
    }
    let arrived = mail_server.taken();
    assert!(arrived.iter().all(|mail| mail.to == "<ada@example.com>"));
    let codes: Vec<_> = arrived.iter().map(code_of).collect();
    assert!(codes.iter().all(|again| *again == code), "{codes:?}");

    mail_server.follow(vec![("rcpt", Act::Say("451 4.3.0 later"))]);
    let late = send_again(&server, &first)["id"].as_str().expect("an id").to_owned();
    server.kill_in_place();
    drop(server);
    let tried = recipients(&mail_server);
    let server = start();
    for _ in 0..3000 {
        if recipients(&mail_server) > tried {
            break;
        }
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    let before = mail_server.taken().len();
    server.advance(11 * 60_000);
    let over = of(&server, &late, |message| message["status"] == "failed").await;
    assert_eq!(over["failure"], "expired", "{over}");
    // Only now, since a try may be under way when its time is over.
    mail_server.follow(Script::new());
    let refused = backend(&server, "POST", &format!("/v1/messages/{first}/send_again"), &json!({}));
    assert!((400..500).contains(&refused.status), "{}", refused.body);
    assert_eq!(server.terminate(), Some(0));
    assert_eq!(mail_server.taken().len(), before);
}

fn send_again(server: &Binary, id: &str) -> Value {
    let again = backend(server, "POST", &format!("/v1/messages/{id}/send_again"), &json!({}));
    assert_eq!(again.status, 200, "{}", again.body);
    again.json()
}

/// The id of a message with this status.
async fn until(server: &Binary, status: &str) -> String {
    for _ in 0..500 {
        let listed = backend(server, "GET", &format!("/v1/messages?status={status}"), &Value::Null).json();
        if let Some(id) = listed["data"][0]["id"].as_str() {
            return id.to_owned();
        }
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    panic!("no message is {status}")
}

/// The message, once it is so.
async fn of(server: &Binary, id: &str, is_so: impl Fn(&Value) -> bool) -> Value {
    let mut shown = Value::Null;
    for _ in 0..3000 {
        shown = backend(server, "GET", &format!("/v1/messages/{id}"), &Value::Null).json();
        if is_so(&shown) {
            return shown;
        }
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    panic!("{shown}")
}

/// How many messages the mail server was offered.
fn recipients(mail_server: &SmtpServer) -> usize {
    mail_server.commands().iter().filter(|command| command.to_ascii_uppercase().starts_with("RCPT")).count()
}

/// The code in the subject.
fn code_of(mail: &Mail) -> String {
    let subject = mail.data.lines().find_map(|line| line.strip_prefix("Subject: ")).expect("a subject");
    let code: String = subject.chars().take_while(char::is_ascii_digit).collect();
    assert_eq!(code.len(), 6, "{subject}");
    code
}
