//! The engine, from the configuration.

use std::sync::Arc;
use std::time::Duration;

use url::Url;

use crate::actors::ActorOptions;
#[cfg(feature = "oauth")]
use crate::captcha::Captcha;
#[cfg(feature = "webhooks")]
use crate::clock::SystemClock;
use crate::config::Config;
use crate::config::DeliveredBy;
#[cfg(feature = "webhooks")]
use crate::config::{OnFailureChoice, WebhookEndpointSection};
use crate::delivery::Capture;
#[cfg(feature = "webhooks")]
use crate::domain::hook::{HookOptions, OnFailure};
use crate::domain::time::Span;
use crate::engine::{BackendKey, Engine, EngineBuilder};
#[cfg(feature = "webhooks")]
use crate::engine::{MessageWebhooks, NewWebhookEndpoint};
#[cfg(feature = "oauth")]
use crate::oauth::Providers;
#[cfg(feature = "oauth")]
use crate::outbound::{Outbound, OutboundOptions};
#[cfg(feature = "passkeys")]
use crate::passkey::RelyingParty;
use crate::password::{HashOptions, HashParameters};
#[cfg(feature = "oauth")]
use crate::pwned::PwnedRange;
#[cfg(feature = "webhooks")]
use crate::webhook::{ConversionWebhook, EndpointUrl, Targets};

use super::messages::message_style;
use super::transports::{delivery_timeout, email_transport, sms_transport};
use super::{StartupError, storage};

/// Opens the store, and says how the engine is to be built. `capture` takes the messages that are not sent, and `public_url` is where
/// browsers reach the engine.
pub(super) async fn engine_builder(
    config: &Config,
    capture: &Arc<Capture>,
    public_url: Url,
) -> Result<EngineBuilder, StartupError> {
    let (key, store) = storage::open(config).await?;
    if config.is_development() {
        storage::keep_mailbox(config, capture)?;
    }
    let actors = ActorOptions {
        passivate_after: Duration::from_secs(config.sign_up.passivate_after_s),
        // The transports' own timeouts are shorter and give a better reason.
        delivery_timeout: delivery_timeout(config) + DELIVERY_MARGIN,
        read_lease: Duration::from_millis(config.store.read_lease_ms),
        ..ActorOptions::default()
    };
    let builder = with_passkeys(with_webhooks(with_outbound(Engine::builder(), config)?, config)?, config)?
        .store(store)
        .key(key)
        .settings(config.settings().clone())
        .policy(config.policy())
        .source_limits(config.source_limits())
        .actors(actors)
        .hashing(hashing(config))
        .email(email_transport(config, capture)?)
        .sms(sms_transport(config, capture)?)
        .branding(config.branding())
        .message_style(message_style(config)?)
        .publishable_key(config.publishable_key().as_str().to_owned())
        .secret_key(match &config.instance.secret_key {
            Some(key) => BackendKey::Given(key.clone()),
            None if config.is_development() => BackendKey::Generated,
            None => BackendKey::Off,
        })
        .issuer(config.issuer())
        .algorithm(config.session.algorithm)
        .token_ttl(Span::from_secs(config.session.token_ttl_s))
        .handshake_bytes_max(usize::try_from(config.session.handshake_bytes_max).unwrap_or(usize::MAX))
        .public_url(public_url)
        .allowed_origins(config.server.allowed_origins.iter().map(|o| o.as_str().to_owned()).collect())
        .allowed_redirects(config.server.allowed_redirects.iter().map(|r| r.as_str().to_owned()).collect())
        // Developers' pages run on this machine, on ports of their own.
        .local_pages(config.is_development());
    Ok(builder)
}

/// URL at which browsers reach the engine, including the path of `server.public_url`.
pub(super) fn browser_url(config: &Config, port: u16) -> Result<Url, StartupError> {
    let url = config.public_url(port).to_string();
    url.parse().map_err(|error| StartupError::new(format!("server.public_url: {error}")))
}

fn hashing(config: &Config) -> HashOptions {
    let section = &config.password;
    let defaults = HashOptions::default();
    HashOptions {
        parameters: HashParameters { m_kib: section.m_kib, t: section.t, p: section.p },
        threads: if section.threads == 0 { defaults.threads } else { section.threads },
        queue: section.queue,
        ..defaults
    }
}

/// Adds the domain that passkeys are bound to, where one is given.
#[cfg(feature = "passkeys")]
fn with_passkeys(builder: EngineBuilder, config: &Config) -> Result<EngineBuilder, StartupError> {
    let section = &config.passkeys;
    let Some(id) = &section.rp_id else { return Ok(builder) };
    let name = section.rp_name.as_ref().unwrap_or(&config.instance.name);
    let party = RelyingParty::new(id).and_then(|party| party.named(name.as_str()).only_from(&section.origins));
    Ok(builder.relying_party(party.map_err(StartupError::new)?))
}

#[cfg(not(feature = "passkeys"))]
fn with_passkeys(builder: EngineBuilder, _: &Config) -> Result<EngineBuilder, StartupError> {
    Ok(builder)
}

/// Adds what asks other servers: providers, the captcha service and the service that knows leaked passwords.
#[cfg(feature = "oauth")]
fn with_outbound(builder: EngineBuilder, config: &Config) -> Result<EngineBuilder, StartupError> {
    // In development the provider may run on this machine.
    let options = OutboundOptions { allow_private: config.is_development(), ..OutboundOptions::default() };
    let outbound = Outbound::new(options);
    let builder = match captcha(config, &outbound) {
        Some(captcha) => builder.captcha(captcha),
        None => builder,
    };
    let builder = match &config.password.pwned_range_url {
        Some(url) => builder.pwned_range(PwnedRange::new(url.as_str().parse().map_err(StartupError::new)?)),
        None => builder,
    };
    Ok(builder.providers(Providers::new(outbound)))
}

#[cfg(not(feature = "oauth"))]
fn with_outbound(builder: EngineBuilder, config: &Config) -> Result<EngineBuilder, StartupError> {
    let missing = |key: &str| {
        Err(StartupError::new(format!("`{key}` is set, but this program was built without the feature `oauth`")))
    };
    if config.captcha.provider.is_some() {
        return missing("captcha.provider");
    }
    if config.password.pwned_range_url.is_some() {
        return missing("password.pwned_range_url");
    }
    Ok(builder)
}

/// The captcha service. The configuration checks have made sure that its keys are there.
#[cfg(feature = "oauth")]
fn captcha(config: &Config, outbound: &Outbound) -> Option<Captcha> {
    let section = &config.captcha;
    let provider = section.provider?;
    let verify_url = section.verify_url.as_ref().map_or_else(|| provider.verify_url(), |url| url.as_str());
    Some(Captcha {
        provider,
        site_key: section.site_key.clone()?,
        site_key_invisible: section.site_key_invisible.clone(),
        secret: section.secret.clone()?,
        verify_url: verify_url.parse().ok()?,
        oauth_bypass: section.oauth_bypass.clone(),
        outbound: outbound.clone(),
    })
}

/// The part before the `@` of a sender such as `Acme <no-reply@acme.example>`.
#[cfg(feature = "webhooks")]
fn local_part(from: &str) -> String {
    let address = from.rsplit_once('<').map_or(from, |(_, address)| address);
    address.split('@').next().unwrap_or_default().trim().to_owned()
}

/// Adds the endpoints of webhooks. The configuration checks have made sure that they can be used.
#[cfg(feature = "webhooks")]
fn with_webhooks(builder: EngineBuilder, config: &Config) -> Result<EngineBuilder, StartupError> {
    let endpoint = |entry: &WebhookEndpointSection| NewWebhookEndpoint {
        url: entry.url.clone(),
        events: entry.events.clone(),
        description: entry.description.clone(),
        secret: Some(entry.secret.clone()),
    };
    let endpoints = config.webhooks.endpoints.iter().map(endpoint).collect();
    let (sms, by_webhook) = (&config.sms, |delivered_by| delivered_by == DeliveredBy::Webhook);
    let messages = MessageWebhooks {
        sends_email: by_webhook(config.email.delivered_by),
        sends_sms: by_webhook(config.sms.delivered_by),
        from_email_name: config.email.from.as_deref().map(local_part).unwrap_or_default(),
        from_phone_number: sms.twilio.from.as_ref().or(sms.vonage.from.as_ref()).cloned().unwrap_or_default(),
    };
    let builder =
        builder.webhook_endpoints(endpoints).local_webhooks(config.is_development()).message_webhooks(messages);
    let asked = &config.webhooks.before_sign_up_completes;
    let (Some(url), Some(secret)) = (&asked.url, &asked.secret) else { return Ok(builder) };
    let targets = if config.is_development() { Targets::AlsoLocal } else { Targets::Public };
    let url = EndpointUrl::parse(url, targets).map_err(StartupError::new)?;
    let secret = secret.expose().parse().map_err(StartupError::new)?;
    let deadline = Duration::from_millis(asked.timeout_ms);
    let on_failure = match asked.on_failure {
        OnFailureChoice::Refuse => OnFailure::Refuse,
        OnFailureChoice::Allow => OnFailure::Allow,
    };
    let hook = ConversionWebhook::new(url, secret, targets, deadline, Arc::new(SystemClock::new()));
    Ok(builder.before_conversion(Arc::new(hook), HookOptions { deadline, on_failure }))
}

#[cfg(not(feature = "webhooks"))]
fn with_webhooks(builder: EngineBuilder, config: &Config) -> Result<EngineBuilder, StartupError> {
    let set = match (&config.webhooks.endpoints[..], &config.webhooks.before_sign_up_completes.url) {
        ([], None) if config.email.delivered_by == DeliveredBy::Webhook => "email.delivered_by",
        ([], None) if config.sms.delivered_by == DeliveredBy::Webhook => "sms.delivered_by",
        ([], None) => return Ok(builder),
        ([], Some(_)) => "webhooks.before_sign_up_completes",
        _ => "webhooks.endpoints",
    };
    Err(StartupError::new(format!("`{set}` is set, but this program was built without the feature `webhooks`")))
}

const DELIVERY_MARGIN: Duration = Duration::from_secs(15);
