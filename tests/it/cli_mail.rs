//! `vestibule mail test`: each step that it shows, what it says where one fails, and what it never shows. The mail goes to
//! a server in this process, and to aiosmtpd.

use std::fs;
use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Child, ChildStdout, Command, Output, Stdio};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};
use tempfile::TempDir;

use super::clients::python;
use crate::support::gateway::{Act, Gateway};
use crate::support::smtp::{Act as SmtpAct, SmtpServer};

#[test]
fn each_step_is_shown_and_the_one_that_fails_with_its_remedy() {
    let server = SmtpServer::start();
    let port = server.options().port;
    let plain = format!(
        "[email]\ntransport = \"smtp\"\nhost = \"127.0.0.1\"\nport = {port}\nsecurity = \"none\"\nfrom = \
         \"no-reply@acme.example\"\nusername = \"ada\"\npassword = \"hunter2\"\n"
    );
    let (done, shown) = mail_test(&plain, &["ada@example.com"], &[]);
    assert!(done.status.success(), "{shown}");
    let steps: Vec<_> =
        shown.lines().map(|line| line.split_whitespace().take(2).collect::<Vec<_>>().join(" ")).collect();
    let expected =
        ["smtp", "✓ look-up", "✓ connection", "✓ greeting", "✓ login", "✓ sender", "✓ recipient", "✓ accepted"];
    assert_eq!(steps, expected, "{shown}");
    assert_eq!(server.taken().len(), 1);
    server.follow(vec![("auth", SmtpAct::Say("535 5.7.8 hunter2 is wrong"))]);
    let (done, shown) = mail_test(&plain, &["ada@example.com"], &[]);
    assert_eq!(done.status.code(), Some(1));
    assert!(shown.contains("✗ authentication  the mail server"), "{shown}");
    assert!(shown.contains("check `email.username` and `email.password`") && !shown.contains("hunter2"), "{shown}");
    let errors = String::from_utf8_lossy(&done.stderr).into_owned();
    assert_eq!(errors, "vestibule: not sent by smtp\n");
}

#[tokio::test(flavor = "multi_thread")]
async fn every_provider_is_tried_and_one_can_be_chosen() {
    let gateway = Gateway::start(Act::json(200, &json!({ "id": "re_17" }))).await;
    let config = format!(
        "[email]\ntransport = \"resend\"\nfallback = [\"postmark\"]\nfrom = \"Acme <no-reply@acme.example>\"\n[email.resend]\n\
         api_key = \"re_hush\"\nbase_url = \"{0}\"\n[email.postmark]\nserver_token = \"hush\"\nbase_url = \"{0}\"\n",
        gateway.url()
    );
    let ask = move |arguments: &'static [&'static str]| {
        let config = config.clone();
        tokio::task::spawn_blocking(move || mail_test(&config, arguments, &[]))
    };
    let (done, shown) = ask(&["ada@example.com"]).await.expect("no panic");
    assert_eq!(done.status.code(), Some(1), "{shown}");
    assert!(shown.contains("✓ accepted    re_17"), "{shown}");
    assert!(shown.contains("✗ provider    postmark answered 200 with JSON without the id"), "{shown}");
    assert!(!shown.contains("hush"), "{shown}");
    let (done, shown) = ask(&["ada@example.com", "--provider", "resend"]).await.expect("no panic");
    assert!(done.status.success() && !shown.contains("postmark"), "{shown}");
    let (done, _) = ask(&["ada@example.com", "--provider", "ses"]).await.expect("no panic");
    assert!(String::from_utf8_lossy(&done.stderr).contains("\"ses\" is not a provider"));
    let (done, _) = ask(&["+4915112345678", "--sms"]).await.expect("no panic");
    assert!(String::from_utf8_lossy(&done.stderr).contains("`sms.transport` names no provider"));
    let (done, _) = ask(&["ada"]).await.expect("no panic");
    assert!(String::from_utf8_lossy(&done.stderr).contains("\"ada\" is not an e-mail address"));
}

/// aiosmtpd, which other people write and maintain: STARTTLS, a login, SMTPUTF8, and the mail as Python reads it.
#[test]
fn a_server_of_other_people_takes_the_mail_and_python_reads_it() {
    let suite = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/clients/python");
    let Some(python) = python(&suite) else { return };
    let tls = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/support/tls");
    let mut command = Command::new(python);
    command.arg("-B").arg(suite.join("mail_server.py")).args([tls.join("cert.der"), tls.join("key.der")]);
    let mut server = MailServer(command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().expect("it starts"));
    let mut lines = BufReader::new(server.0.stdout.take().expect("a pipe"));
    let port = line(&mut lines);
    let folder = TempDir::new().expect("a folder");
    let pem = folder.path().join("roots.pem");
    let der = fs::read(tls.join("cert.der")).expect("a certificate");
    let text = format!("-----BEGIN CERTIFICATE-----\n{}\n-----END CERTIFICATE-----\n", STANDARD.encode(der));
    fs::write(&pem, text).expect("a file");
    let pem = pem.display().to_string();
    let config = |password: &str| {
        format!(
            "[email]\ntransport = \"smtp\"\nhost = \"localhost\"\nport = {}\nsecurity = \"starttls\"\nfrom = \"Acme \
             <no-reply@acme.example>\"\nusername = \"vestibule\"\npassword = \"{password}\"\n",
            port.trim()
        )
    };
    let trusted = [("SSL_CERT_FILE", pem.as_str())];
    for (address, is_utf8) in [("ada@example.com", false), ("ädä@example.com", true)] {
        let (done, shown) = mail_test(&config("correct horse"), &[address], &trusted);
        assert!(done.status.success(), "{shown}");
        for step in ["✓ TLS         TLS 1.3, its certificate ends in", "✓ login       PLAIN", "queued as 4F2B"] {
            assert!(shown.contains(step), "{step}: {shown}");
        }
        let mail: Value = serde_json::from_str(&line(&mut lines)).expect("JSON");
        assert_eq!((&mail["to"], &mail["utf8"]), (&json!([address]), &json!(is_utf8)));
        assert_eq!((&mail["tls"], &mail["login"], &mail["defects"]), (&json!(true), &json!("vestibule"), &json!([])));
        assert_eq!(mail["headers"]["Auto-Submitted"], "auto-generated");
        assert_eq!(mail["headers"]["Subject"], "Test of Vestibule");
        assert!(mail["text"].as_str().is_some_and(|text| text.starts_with("This is a test of Vestibule.")), "{mail}");
    }
    for (password, address, trusted, words) in [
        ("wrong", "ada@example.com", &trusted[..], "✗ authentication  the mail server localhost:"),
        ("correct horse", "nobody@example.com", &trusted[..], "answered RCPT with 550"),
        ("correct horse", "ada@example.com", &[][..], "nobody whom this system trusts has issued it; install"),
    ] {
        let (done, shown) = mail_test(&config(password), &[address], trusted);
        assert!(!done.status.success() && shown.contains(words) && !shown.contains(password), "{shown}");
    }
}

fn mail_test(config: &str, arguments: &[&str], environment: &[(&str, &str)]) -> (Output, String) {
    let folder = TempDir::new().expect("a folder");
    fs::write(folder.path().join("vestibule.toml"), config).expect("a file");
    let mut command = Command::new(env!("CARGO_BIN_EXE_vestibule"));
    command.args(["--config", "vestibule.toml", "mail", "test"]).args(arguments).env_clear();
    let done = command.envs(environment.iter().copied()).current_dir(folder.path()).output().expect("it runs");
    let shown = String::from_utf8_lossy(&done.stdout).into_owned();
    (done, shown)
}

fn line(lines: &mut BufReader<ChildStdout>) -> String {
    let mut line = String::new();
    lines.read_line(&mut line).expect("the server says something");
    line
}

/// The server ends when the test does.
struct MailServer(Child);

impl Drop for MailServer {
    fn drop(&mut self) {
        drop(self.0.kill());
        drop(self.0.wait());
    }
}
