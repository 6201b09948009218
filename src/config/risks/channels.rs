//! Risks of message delivery and captchas.

use crate::delivery::{Channel, Security};
use crate::webhook::{EventFilter, EventType};

use super::Risks;
use super::placeholders::is_placeholder;
use crate::config::checks::{is_loopback, sent};
use crate::config::load::Config;
use crate::config::sections::Email;
use crate::config::values::{EmailTransport, Mode, SmsTransport};

pub(super) fn channels(config: &Config) -> Risks {
    let (email, settings) = (&config.email, config.settings());
    let (sends_email, sends_sms) = sent(settings);
    let mut risks = Risks::default();
    risks.add(
        sends_email && email.transport == EmailTransport::None && !config.is_handed_over(Channel::Email),
        "email.transport",
        "is \"none\", but the settings verify e-mail addresses: no sign-up can be completed; write \"smtp\" or the name of a provider",
    );
    risks.add(
        sends_sms && config.sms.transport == SmsTransport::None && !config.is_handed_over(Channel::Sms),
        "sms.transport",
        "is \"none\", but the settings verify phone numbers: no sign-up can be completed; write the name of a \
         provider, or enabled = false in [settings.attributes.phone_number]",
    );
    add_handed_over(&mut risks, config);
    let sends_by_smtp = config.email_transports().contains(&EmailTransport::Smtp);
    risks.add(
        !sends_by_smtp && email.dkim.domain.is_some(),
        "email.dkim.domain",
        "signs e-mails by SMTP only, and no transport of e-mail is \"smtp\"; leave [email.dkim] out",
    );
    if sends_by_smtp {
        add_smtp(&mut risks, email);
    }
    if email.transport.sends() && config.instance.mode == Mode::Production {
        add_examples(&mut risks, email, sends_by_smtp);
    }
    add_providers(&mut risks, config);
    add_captcha(&mut risks, config);
    risks
}

/// Channels that are left to a receiver of webhooks, of whom the configuration names none.
fn add_handed_over(risks: &mut Risks, config: &Config) {
    let all = [
        ("email.delivered_by", Channel::Email, EventType::EmailCreated),
        ("sms.delivered_by", Channel::Sms, EventType::SmsCreated),
    ];
    for (key, channel, event) in all {
        let hears = |events: &[String]| {
            EventFilter::parse(events.iter().map(String::as_str)).is_ok_and(|filter| filter.has(event))
        };
        if config.is_handed_over(channel) && !config.webhooks.endpoints.iter().any(|endpoint| hears(&endpoint.events)) {
            risks.say(
                key,
                format!(
                    "is \"webhook\", but no endpoint of [webhooks] names {event}: unless one was made by the Backend API, \
                     no message is sent; name it in the `events` of the endpoint that sends them"
                ),
            );
        }
    }
}

fn add_smtp(risks: &mut Risks, email: &Email) {
    risks.add(
        email.security == Security::None && !is_loopback(email.host.as_deref()),
        "email.security",
        "is \"none\": codes and links are sent unencrypted to another machine; write \"starttls\" or \"tls\"",
    );
    let misfit = match (email.security, email.port) {
        (Security::Tls, Some(port @ (25 | 587 | 2525))) => Some((port, "without TLS", "\"tls\"", "\"starttls\"", 465)),
        (Security::StartTls, Some(port @ 465)) => Some((port, "with TLS", "\"starttls\"", "\"tls\"", 587)),
        (Security::None, Some(port @ 465)) => Some((port, "with TLS", "\"none\"", "\"tls\"", 25)),
        _ => None,
    };
    if let Some((port, how, written, fitting, other)) = misfit {
        risks.say(
            "email.port",
            format!(
                "is {port}, a port on which connections begin {how}, but `email.security` is {written}: no message can \
                 be sent; write security = {fitting}, or port = {other}"
            ),
        );
    }
    risks.add(
        email.password.as_ref().is_some_and(|password| is_placeholder(password.expose())),
        "email.password",
        "is a placeholder: the SMTP server will refuse the login; write the password of your account there",
    );
}

/// Reserved example domains: no message reaches them, and servers reject them as a sender.
fn add_examples(risks: &mut Risks, email: &Email, sends_by_smtp: bool) {
    let from = email.from.as_deref().unwrap_or_default();
    let domain = from.rsplit('@').next().unwrap_or_default().trim_matches([' ', '>']);
    risks.add(
        is_reserved(domain),
        "email.from",
        &format!(
            "is at {domain}, a name reserved for examples: mail servers refuse such messages, and replies are lost; \
             write an address of your own domain"
        ),
    );
    let host = email.host.as_deref().unwrap_or_default();
    risks.add(
        sends_by_smtp && is_reserved(host) && !is_loopback(Some(host)),
        "email.host",
        &format!("is {host}, a name reserved for examples: no message can be sent; write the name of your SMTP server"),
    );
}

/// Whether a domain is reserved by RFC 2606 or RFC 6761, or is below such a domain.
fn is_reserved(domain: &str) -> bool {
    let domain = domain.trim_end_matches('.').to_ascii_lowercase();
    let is_below =
        |reserved: &&str| domain.strip_suffix(*reserved).is_some_and(|rest| rest.is_empty() || rest.ends_with('.'));
    RESERVED.iter().any(is_below)
}

/// Keys of providers that are placeholders, and what a provider that is used lacks.
fn add_providers(risks: &mut Risks, config: &Config) {
    let names = config.email_transports().into_iter().filter(|name| name.sends()).map(EmailTransport::as_str);
    let of_sms = config.sms_transports_of_all_routes().into_iter().filter(|name| name.sends());
    let names: Vec<_> = names.chain(of_sms.map(SmsTransport::as_str)).collect();
    for (key, secret) in config.secrets() {
        let is_used = key.split('.').nth(1).is_some_and(|provider| names.contains(&provider));
        risks.add(
            is_used && secret.is_some_and(|secret| is_placeholder(secret.expose())),
            key,
            "is a placeholder: the provider will refuse every message; write the one that it gave you",
        );
    }
    let twilio = &config.sms.twilio;
    risks.add(
        config.sends_by_whatsapp() && twilio.whatsapp_content_sid.is_none(),
        "sms.twilio.whatsapp_from",
        "is set without `whatsapp_content_sid`: WhatsApp delivers a message that you begin only by an approved template, \
         so codes will not arrive; write the id of yours",
    );
    risks.add(
        config.sms.http.headers.values().any(|value| is_placeholder(value.expose()) && !value.expose().contains("{{"))
            && names.contains(&"http"),
        "sms.http.headers",
        "has a placeholder: the gateway will refuse every message; write the value that it gave you",
    );
}

fn add_captcha(risks: &mut Risks, config: &Config) {
    let captcha = &config.captcha;
    if captcha.provider.is_none() {
        return;
    }
    risks.add(
        !config.settings().sign_up.captcha_enabled,
        "captcha.provider",
        "is set, but the settings require no captcha; write captcha_enabled = true in [settings.sign_up]",
    );
    let secret = captcha.secret.as_ref().map(|secret| secret.expose().as_str());
    let keys = [
        ("captcha.site_key", captcha.site_key.as_deref()),
        ("captcha.site_key_invisible", captcha.site_key_invisible.as_deref()),
        ("captcha.secret", secret),
    ];
    for (key, value) in keys {
        let Some(value) = value else { continue };
        risks.add(
            is_placeholder(value),
            key,
            "is a placeholder: no captcha can be solved, so every sign-up fails; write the key that the service gave \
             you",
        );
        risks.add(
            config.instance.mode == Mode::Production && FOR_TESTS.iter().any(|start| value.starts_with(start)),
            key,
            "is the service's own key for tests: with it, programs pass as well as people; write the key of your site",
        );
    }
}

const RESERVED: [&str; 7] = ["example.com", "example.net", "example.org", "example", "invalid", "test", "localhost"];

/// Prefixes of the documented test keys of Turnstile, hCaptcha and reCAPTCHA.
const FOR_TESTS: [&str; 8] = [
    "1x00000000000000000000",
    "2x00000000000000000000",
    "3x00000000000000000000",
    "0x0000000000000000000000000000000000000000",
    "10000000-ffff-ffff-ffff-",
    "20000000-ffff-ffff-ffff-",
    "30000000-ffff-ffff-ffff-",
    "6LeIxAcTAAAAA",
];
