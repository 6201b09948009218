//! E-mails of all kinds in all languages as a server gets them, read by Python's own package and dkimpy.

use std::fs;
use std::path::Path;
use std::process::Command;
use std::sync::Arc;

use serde_json::json;
use tempfile::TempDir;
use vestibule::delivery::{
    Dkim, Envelope, Logo, Message, MessageStyle, MessageTemplates, Outcome, Smtp, SmtpOptions, Transport,
};
use vestibule::domain::id::MessageId;
use vestibule::domain::identifier::{Identifier, IdentifierKind};
use vestibule::domain::message::Template;
use vestibule::domain::secret::Secret;
use vestibule::domain::time::Timestamp;

use crate::clients::python;
use crate::support::smtp::{SmtpServer, options};

#[tokio::test]
async fn mails_are_read_by_another_program_and_their_signatures_hold() {
    let suite = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/clients/mail");
    let Some(python) = python(&suite) else { return };
    let folder = TempDir::new().expect("a folder");
    let server = SmtpServer::start();
    let mut records = serde_json::Map::new();
    for (n, (selector, key)) in [("rsa", RSA), ("ed", ED25519)].into_iter().enumerate() {
        let dkim = Dkim::new("acme.example", selector, key).expect("a signer");
        records.insert(dkim.record_name(), dkim.record().into());
        let smtp = Smtp::new(&SmtpOptions { dkim: Some(dkim), ..server.options() }).expect("a transport");
        for message in messages(n == 1) {
            assert!(matches!(smtp.deliver(&message).await, Outcome::Sent(_)));
            let taken = server.taken().pop().expect("a mail");
            let name = format!("{selector}-{}-{}", message.locale, message.template.as_str());
            fs::write(
                folder.path().join(format!("{name}.eml")),
                taken.data.replace("\n..", "\n.").replace('\n', "\r\n"),
            )
            .expect("a file");
            fs::write(folder.path().join(format!("{name}.json")), expected(&message).to_string()).expect("a file");
        }
    }
    fs::write(folder.path().join("records.json"), serde_json::Value::from(records).to_string()).expect("a file");
    let read = Command::new(python)
        .args(["-B", "-W", "ignore", "-m", "unittest"])
        .env("VESTIBULE_MAILS", folder.path())
        .current_dir(suite)
        .status();
    assert!(read.expect("Python runs").success(), "Python has said what is wrong");
}

#[tokio::test]
async fn a_retry_is_the_same_to_the_byte() {
    let server = SmtpServer::start();
    let dkim = Dkim::new("acme.example", "ed", ED25519).expect("a signer");
    let smtp = Smtp::new(&SmtpOptions { dkim: Some(dkim), ..server.options() }).expect("a transport");
    let message = messages(true).pop().expect("a message");
    for _ in 0..2 {
        assert!(matches!(smtp.deliver(&message).await, Outcome::Sent(_)));
    }
    let taken = server.taken();
    assert_eq!(taken[0].data, taken[1].data);
}

#[test]
fn a_signature_for_another_domain_than_the_senders_is_refused_at_the_start() {
    let dkim = Dkim::new("other.example", "ed", ED25519).expect("a signer");
    let error = Smtp::new(&SmtpOptions { dkim: Some(dkim), ..options(25) }).err().expect("an error").to_string();
    assert!(error.starts_with("`email.dkim.domain` is not the domain of `email.from`"), "{error}");
}

/// A message of each kind in each language.
fn messages(has_logo: bool) -> Vec<Message> {
    let png = [b"\x89PNG\r\n\x1a\n".as_slice(), &[7; 900]].concat();
    let logo = has_logo.then(|| Arc::new(Logo::new(png).expect("a logo")));
    let style = MessageStyle { logo, ..MessageStyle::default() };
    let words = MessageTemplates {
        application: "Acme & <Söhne>".into(),
        verify_url: "https://clerk.acme.example/v1/verify".into(),
        accept_url: "https://clerk.acme.example/v1/tickets/accept".into(),
        home_url: Some("https://acme.example/?a=1&b=2".into()),
        support_email: Some("help@acme.example".into()),
        page_host: Some("acme.example".into()),
        style: style.clone(),
    };
    let to = Identifier { kind: IdentifierKind::EmailAddress, value: "ada@example.com".into() };
    let (code, token) = (Secret::new("424242".to_owned()), Secret::new("t".repeat(200)));
    let mut messages = Vec::new();
    for locale in style.templates.locales() {
        for (n, template) in (0..).zip(Template::ALL) {
            let envelope = Envelope {
                phone_channel: None,
                id: MessageId::from_bytes([n; 16]),
                to: &to,
                display_to: "Ada@example.com",
                template,
                origin: None,
                locale: Some(locale),
                created_at: Timestamp::from_millis(1_760_000_000_000),
                expire_at: Timestamp::from_millis(1_760_000_600_000),
            };
            messages.push(match template {
                Template::VerificationCode => words.code_message(envelope, &code),
                Template::MagicLinkSignUp => words.link_message(envelope, &token, Some(&code)),
                Template::Invitation => words.invitation_message(envelope, &token),
                _ => words.notice_message(envelope),
            });
        }
    }
    messages
}

fn expected(message: &Message) -> serde_json::Value {
    let link = message.link.as_ref().map(|link| link.expose().clone());
    let secrets: Vec<_> = message.code.iter().map(|code| code.expose().clone()).chain(link.clone()).collect();
    let links: Vec<_> = link.into_iter().chain(["https://acme.example/?a=1&b=2".to_owned()]).collect();
    json!({
        "id": message.id.to_string(),
        "to": message.to,
        "subject": message.subject,
        "text": message.text.expose(),
        "secrets": secrets,
        "links": links,
        "locale": message.locale,
        "direction": if message.locale == "ar" { "rtl" } else { "ltr" },
        "logo": message.logo.is_some(),
    })
}

/// Keys for tests only, made with `openssl genpkey`.
const RSA: &str = include_str!("../../support/tls/dkim_rsa.pem");
const ED25519: &str = include_str!("../../support/tls/dkim_ed25519.pem");
