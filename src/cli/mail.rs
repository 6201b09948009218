//! `vestibule mail test`: sends one message, and shows step by step what happens.

use std::io::{self, Write};

use clap::{Args, Subcommand};

use crate::clock::{Clock, SystemClock};
use crate::config::Config;
use crate::delivery::{Channel, Failure, Message, Milestone, Outcome};
use crate::domain::id::MessageId;
use crate::domain::identifier::{EmailAddress, PhoneNumber};
use crate::domain::message::Template;
use crate::domain::secret::Secret;
use crate::domain::time::{Span, Timestamp};
use crate::entropy::OsEntropy;
use crate::startup::{ConfiguredProvider, provider, provider_names};

/// Arguments of `vestibule mail`.
#[derive(Clone, Debug, PartialEq, Args)]
pub(super) struct MailArguments {
    #[command(subcommand)]
    action: Action,
}

/// What to do.
#[derive(Clone, Debug, PartialEq, Subcommand)]
enum Action {
    /// Send one message by each configured provider, and show each step and what to do where it fails
    #[command(
        long_about = "Sends one message to the address by each configured provider, without a server, and shows each \
        step: the look-up of the name, the connection, TLS with the end of the certificate, the login, the sender, the \
        recipient, and what the provider said. Where a step fails, it says what to do. No secret is shown. The status is \
        0 if every provider took the message, else 1."
    )]
    Test {
        /// An e-mail address; with --sms a phone number, such as +4915112345678
        address: String,
        /// Send a text message
        #[arg(long)]
        sms: bool,
        /// Only by this provider, such as smtp or resend
        #[arg(long, value_name = "NAME")]
        provider: Option<String>,
    },
}

/// Carries it out. What it shows is written as it happens.
///
/// # Errors
/// A sentence, where a provider did not take the message, or there is none.
pub(super) fn mail(wanted: &MailArguments, config: &Config) -> Result<(), String> {
    let Action::Test { address, sms, provider: only } = &wanted.action;
    let channel = if *sms { Channel::Sms } else { Channel::Email };
    let message = test_message(address, channel, config)?;
    let mut names = provider_names(config, channel);
    if let Some(only) = only {
        names.retain(|name| name == only);
    }
    if names.is_empty() {
        let key = if *sms { "sms.transport" } else { "email.transport" };
        return Err(match only {
            Some(only) => format!("{only:?} is not a provider that `{key}` and its fallback name"),
            None => format!("`{key}` names no provider, so no message is sent; write one there"),
        });
    }
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    let runtime = runtime.map_err(|error| format!("no runtime: {error}"))?;
    let mut failed = Vec::new();
    for name in names {
        let by = provider(name, config).map_err(|error| error.to_string())?;
        say(name);
        let outcome = runtime.block_on(examine(&by, &message));
        if let Outcome::Refused(failure) | Outcome::Retry(failure) | Outcome::Unavailable(failure) = outcome {
            say(&failed_line(&failure));
            failed.push(name);
        }
    }
    if failed.is_empty() { Ok(()) } else { Err(format!("not sent by {}", failed.join(", "))) }
}

async fn examine(by: &ConfiguredProvider, message: &Message) -> Outcome {
    let tell = |step: Milestone| say(&done_line(&step, SystemClock::new().now()));
    match by {
        ConfiguredProvider::Smtp(smtp) => smtp.examine(message, &tell).await,
        ConfiguredProvider::Api(api) => api.examine(message, &tell).await,
    }
}

fn done_line(step: &Milestone, now: Timestamp) -> String {
    let ends = match step {
        Milestone::Protected(facts) => facts.ends_at.map_or_else(String::new, |ends_at| {
            let days = ends_at.since(now).as_secs_ceil() / 86_400;
            let warning = if days < SOON_DAYS { "; renew it soon" } else { "" };
            format!(", its certificate ends in {days} days{warning}")
        }),
        _ => String::new(),
    };
    // What a server says is shown on one line, without control characters.
    let said: String = step.to_string().chars().filter(|c| !c.is_control()).take(SAID_MAX).collect();
    format!("  ✓ {:<10}  {said}{ends}", step.name())
}

fn failed_line(failure: &Failure) -> String {
    let wait = failure.retry_after.map(|wait| format!("; it wants no further message for {} s", wait.as_secs()));
    format!("  ✗ {:<10}  {}{}", failure.class.as_str(), failure.reason, wait.unwrap_or_default())
}

fn test_message(address: &str, channel: Channel, config: &Config) -> Result<Message, String> {
    let to = match channel {
        Channel::Email => EmailAddress::parse(address).map(|address| address.as_str().to_owned()).ok(),
        Channel::Sms => PhoneNumber::parse(address).map(|number| number.as_str().to_owned()).ok(),
    };
    let to = to.ok_or_else(|| match channel {
        Channel::Email => format!("{address:?} is not an e-mail address; for a phone number add --sms"),
        Channel::Sms => format!("{address:?} is not a phone number; write it with + and the calling code"),
    })?;
    let (name, now) = (config.branding().name, SystemClock::new().now());
    let text = format!("This is a test of {name}. Whoever operates it can now send messages to you.\n");
    Ok(Message {
        id: MessageId::generate(now, &mut OsEntropy::new()),
        channel,
        display_to: to.clone(),
        to,
        code: None,
        link: None,
        template: Template::AccountExists,
        origin: None,
        phone_channel: None,
        locale: "en".into(),
        subject: format!("Test of {name}"),
        text: Secret::new(text),
        html: None,
        logo: None,
        created_at: now,
        expire_at: Timestamp::from_millis(now.as_millis() + Span::from_secs(600).as_millis()),
    })
}

/// Writes a line at once, so that slow steps are seen. A failure is ignored: the status tells the result.
fn say(line: &str) {
    let mut out = io::stdout().lock();
    drop(writeln!(out, "{line}").and_then(|()| out.flush()));
}

/// Certificates that end within so many days should have been renewed already.
const SOON_DAYS: u64 = 14;
const SAID_MAX: usize = 200;
