//! Delivery by SMTP to good and bad servers on this machine, and its consequences.

mod apis;
mod certificates;
mod connections;
mod fallback;
mod mails;
mod messages;
mod outages;
mod outcomes;

use std::sync::Arc;
use std::time::Duration;

use vestibule::actors::ActorOptions;
use vestibule::delivery::{Capture, Channel, Failure, Message, Outcome, Smtp, SmtpOptions};
use vestibule::domain::id::MessageId;
use vestibule::domain::message::Template;
use vestibule::domain::secret::Secret;
use vestibule::domain::sign_up::NewSignUp;
use vestibule::domain::time::Timestamp;
use vestibule::domain::verification::Strategy;
use vestibule::engine::{Caller, Engine, RequestContext};

use crate::support::smtp::Mail;

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
        engine.sign_ups().create(&Caller::anonymous(), &fields, &RequestContext::default()).await.expect("a sign-up");
    let token = client.new_token.as_ref().map(|token| token.expose().as_str());
    (sign_up.value.id, engine.identify(token).await.expect("readable"))
}

/// The outcome as one word, and its reason.
fn told(outcome: &Outcome) -> (&'static str, &str) {
    match outcome {
        Outcome::Sent(_) => ("sent", ""),
        Outcome::Refused(Failure { reason, .. }) => ("refused", reason),
        Outcome::Retry(Failure { reason, .. }) => ("again", reason),
        Outcome::Unavailable(Failure { reason, .. }) => ("down", reason),
    }
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
        template: Template::VerificationCode,
        phone_channel: None,
        locale: "en".into(),
        subject: "123456 is your Acme verification code".into(),
        text: Secret::new("Your verification code is 123456.\n".into()),
        html: None,
        logo: None,
        origin: None,
        created_at: Timestamp::from_millis(1_800_000_000_000),
        expire_at: Timestamp::from_millis(1_800_000_600_000),
    }
}
