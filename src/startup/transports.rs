//! The transports of e-mail and text messages, from the configuration.

use std::sync::Arc;
use std::time::Duration;

#[cfg(feature = "http-messages")]
use crate::config::message_api;
use crate::config::{Config, EmailTransport, SmsTransport};
#[cfg(any(feature = "cli", feature = "http-messages", feature = "unstable"))]
use crate::delivery::Channel;
#[cfg(feature = "http-messages")]
use crate::delivery::{ApiLimits, ApiTransport};
use crate::delivery::{Capture, Fallback, NamedTransport, NullTransport, Route, Transport};
#[cfg(feature = "smtp")]
use crate::delivery::{Smtp, SmtpError, SmtpLimits, SmtpOptions};

use super::StartupError;

/// The transport of e-mail; `capture` is the one that keeps messages in memory.
///
/// # Errors
/// When the options of a provider can't be used.
pub fn email_transport(config: &Config, capture: &Arc<Capture>) -> Result<Arc<dyn Transport>, StartupError> {
    match config.email.transport {
        EmailTransport::Capture => Ok(capture.clone()),
        EmailTransport::None => Ok(Arc::new(NullTransport)),
        _ => {
            let names: Vec<_> = config.email_transports().into_iter().map(EmailTransport::as_str).collect();
            let providers = names.iter().map(|name| Ok(provider(name, config)?.named())).collect::<Result<_, _>>()?;
            Ok(Arc::new(Fallback::new(providers, &names, &[])))
        }
    }
}

/// The transport of text messages. The capture is for development only: a production instance must not keep codes in
/// memory.
///
/// # Errors
/// When the options of a provider can't be used.
pub fn sms_transport(config: &Config, capture: &Arc<Capture>) -> Result<Arc<dyn Transport>, StartupError> {
    match config.sms.transport {
        SmsTransport::Capture if config.is_development() => Ok(capture.clone()),
        SmsTransport::Capture | SmsTransport::None => Ok(Arc::new(NullTransport)),
        _ => {
            let names = |transports: &[SmsTransport]| transports.iter().map(|name| name.as_str()).collect::<Vec<_>>();
            let all = names(&config.sms_transports_of_all_routes());
            let providers = all.iter().map(|name| Ok(provider(name, config)?.named())).collect::<Result<_, _>>()?;
            let route = |route: &crate::config::SmsRoute| Route {
                prefix: route.prefix.clone(),
                providers: names(&route.transports),
            };
            let routes: Vec<_> = config.sms.routes.iter().map(route).collect();
            Ok(Arc::new(Fallback::new(providers, &names(&config.sms_transports()), &routes)))
        }
    }
}

/// How long one delivery may take, with all providers that are asked one after the other.
pub(super) fn delivery_timeout(config: &Config) -> Duration {
    let of_email = |transport: EmailTransport| match transport {
        EmailTransport::Smtp => config.email.timeout_s,
        // Twice, because a lost request is repeated once where the API finds repetitions.
        transport if transport.sends() => 2 * config.email.request_timeout_s,
        _ => 0,
    };
    let email = config.email_transports().into_iter().map(of_email).sum::<u64>();
    let longest = config.sms.routes.iter().map(|route| route.transports.len()).max().unwrap_or_default();
    let sms_count = u64::try_from(longest.max(config.sms_transports().len())).unwrap_or(u64::MAX);
    let sms = sms_count.saturating_mul(2 * config.sms.request_timeout_s);
    // As before where nothing is sent.
    Duration::from_secs(email.max(sms).max(config.email.timeout_s))
}

/// A provider, by its kind.
pub enum ConfiguredProvider {
    /// SMTP.
    #[cfg(feature = "smtp")]
    Smtp(Arc<Smtp>),
    /// An HTTP API.
    #[cfg(feature = "http-messages")]
    Api(Arc<ApiTransport>),
}

impl ConfiguredProvider {
    fn named(self) -> NamedTransport {
        match self {
            #[cfg(feature = "smtp")]
            Self::Smtp(smtp) => NamedTransport { name: "smtp", transport: smtp },
            #[cfg(feature = "http-messages")]
            Self::Api(api) => NamedTransport { name: api.name(), transport: api },
        }
    }
}

/// The names of a channel's providers, in the order in which they are asked, those of routes last.
#[cfg(any(feature = "cli", feature = "http-messages", feature = "unstable"))]
pub fn provider_names(config: &Config, channel: Channel) -> Vec<&'static str> {
    match channel {
        Channel::Email => {
            let sends = config.email_transports().into_iter().filter(|transport| transport.sends());
            sends.map(EmailTransport::as_str).collect()
        }
        Channel::Sms => {
            let sends = config.sms_transports_of_all_routes().into_iter().filter(|transport| transport.sends());
            sends.map(SmsTransport::as_str).collect()
        }
    }
}

/// The provider of that name.
///
/// # Errors
/// When its options can't be used, or this program was built without it.
pub fn provider(name: &str, config: &Config) -> Result<ConfiguredProvider, StartupError> {
    if name == "smtp" { smtp(config) } else { api(name, config) }
}

#[cfg(feature = "smtp")]
fn smtp(config: &Config) -> Result<ConfiguredProvider, StartupError> {
    let email = &config.email;
    let options = SmtpOptions {
        host: email.host.clone().unwrap_or_default(),
        port: config.email_port(),
        security: email.security,
        username: email.username.clone(),
        password: email.password.clone(),
        from: email.from.clone().unwrap_or_default(),
        hello_name: email.hello_name.clone(),
        dkim: super::messages::dkim(config)?,
        connections_max: email.connections_max,
        limits: SmtpLimits {
            command: Duration::from_secs(email.command_timeout_s),
            delivery: Duration::from_secs(email.timeout_s),
        },
    };
    Ok(ConfiguredProvider::Smtp(Arc::new(Smtp::new(&options).map_err(|error| misfit(config, &error))?)))
}

/// An option of SMTP that can't be used. Its sentence begins with the key.
#[cfg(feature = "smtp")]
fn misfit(config: &Config, error: &SmtpError) -> StartupError {
    let sentence = error.to_string();
    match sentence.strip_prefix('`').and_then(|rest| rest.split_once("` ")) {
        Some((key, reason)) => StartupError::at(config, key, reason),
        None => StartupError::new(sentence),
    }
}

#[cfg(not(feature = "smtp"))]
fn smtp(_: &Config) -> Result<ConfiguredProvider, StartupError> {
    Err(StartupError::new(
        "the transport \"smtp\" is configured, but this program was built without the feature `smtp`",
    ))
}

#[cfg(feature = "http-messages")]
fn api(name: &str, config: &Config) -> Result<ConfiguredProvider, StartupError> {
    let unknown = || StartupError::new(format!("there is no transport {name:?}"));
    let api = message_api(name, config).ok_or_else(unknown)?.map_err(StartupError::new)?;
    let is_sms = provider_names(config, Channel::Sms).contains(&name);
    let (timeout_s, at_once_max) = match is_sms {
        true => (config.sms.request_timeout_s, config.sms.requests_max),
        false => (config.email.request_timeout_s, config.email.requests_max),
    };
    let limits = ApiLimits { timeout: Duration::from_secs(timeout_s), at_once_max };
    Ok(ConfiguredProvider::Api(Arc::new(ApiTransport::boxed(api, limits).map_err(StartupError::new)?)))
}

#[cfg(not(feature = "http-messages"))]
fn api(name: &str, _: &Config) -> Result<ConfiguredProvider, StartupError> {
    let reason =
        format!("the transport {name:?} is configured, but this program was built without the feature `http-messages`");
    Err(StartupError::new(reason))
}
