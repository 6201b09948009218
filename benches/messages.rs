//! What a message costs to render: an e-mail as text and HTML from the templates, beside the plain text that a format string
//! makes of the same values.

#![allow(clippy::disallowed_methods, reason = "a bench measures real time")]

mod support;

use std::hint::black_box;
use std::time::Instant;

use vestibule::delivery::{Envelope, MessageStyle, MessageTemplates};
use vestibule::domain::id::MessageId;
use vestibule::domain::identifier::{Identifier, IdentifierKind};
use vestibule::domain::message::Template;
use vestibule::domain::secret::Secret;
use vestibule::domain::time::Timestamp;

const MESSAGES: usize = 5_000;
const ROUNDS: usize = 7;

fn main() {
    let words = MessageTemplates {
        application: "Acme".into(),
        verify_url: "https://clerk.acme.example/v1/verify".into(),
        accept_url: "https://clerk.acme.example/v1/tickets/accept".into(),
        home_url: Some("https://acme.example".into()),
        support_email: Some("help@acme.example".into()),
        page_host: Some("acme.example".into()),
        style: MessageStyle::default(),
    };
    let mail = Identifier { kind: IdentifierKind::EmailAddress, value: "ada@example.com".into() };
    let phone = Identifier { kind: IdentifierKind::PhoneNumber, value: "+12025550143".into() };
    let (code, token) = (Secret::new("424242".to_owned()), Secret::new("t".repeat(200)));
    for (what, locale, to, has_link) in [
        ("e-mail with a code, English", "en", &mail, false),
        ("e-mail with a link and a code, Arabic", "ar", &mail, true),
        ("text message", "en", &phone, false),
    ] {
        let (mut rates, mut plain, mut latencies) = (Vec::new(), Vec::new(), Vec::new());
        for _ in 0..ROUNDS {
            let elapsed = support::timed(|| {
                for _ in 0..MESSAGES {
                    let began = Instant::now();
                    let envelope = envelope(to, locale);
                    black_box(match has_link {
                        true => words.link_message(envelope, &token, Some(&code)),
                        false => words.code_message(envelope, &code),
                    });
                    latencies.push(began.elapsed());
                }
            });
            rates.push(support::rate(MESSAGES, elapsed));
            let elapsed = support::timed(|| {
                for _ in 0..MESSAGES {
                    black_box(text(&words, &code));
                }
            });
            plain.push(support::rate(MESSAGES, elapsed));
        }
        support::compare(
            what,
            support::median(rates),
            "a format string of the text alone",
            support::median(plain),
            0.01,
        );
        support::percentiles(&format!("{what} (target 100 µs)"), &mut latencies);
    }
}

/// The text of a code as a program without templates would make it.
fn text(words: &MessageTemplates, code: &Secret<String>) -> String {
    let MessageTemplates { application, home_url, support_email, .. } = words;
    let (home, support) = (home_url.as_deref().unwrap_or_default(), support_email.as_deref().unwrap_or_default());
    let code = code.expose();
    format!(
        "Your verification code for {application} is\n\n    {code}\n\nIt is good for 10 minutes. Do not tell it to anybody. If \
         you did not ask for it, you can ignore this message; without the code nothing happens.\n\n{application}\n{home}\n\
         Questions? Write to {support}\n"
    )
}

fn envelope<'a>(to: &'a Identifier, locale: &'a str) -> Envelope<'a> {
    Envelope {
        phone_channel: None,
        id: MessageId::from_bytes([7; 16]),
        to,
        display_to: &to.value,
        template: Template::VerificationCode,
        origin: None,
        locale: Some(locale),
        created_at: Timestamp::from_millis(1_800_000_000_000),
        expire_at: Timestamp::from_millis(1_800_000_600_000),
    }
}
