//! Loads the configuration: default < file < environment < flag.

use std::fs;
use std::path::{Path, PathBuf};

use serde::Deserialize;
use toml::Table;

use crate::domain::policy::Policy;
use crate::domain::settings::Settings;
use crate::domain::settings::branding::Branding;
use crate::domain::time::Span;

use super::checks::{self, check_apart_from};
use super::differences::{Difference, differences};
use super::document::Document;
use super::effective::{has_secrets, is_secret, masked};
use super::error::ConfigError;
use super::layer::{Fault, Layer, lay, lay_what_fits};
use super::risks::risks;
use super::sections::{
    Captcha, Email, Events, Instance, Limits, Messages, Passkeys, Password, Server, Session, SignUp, Sms, StoreSection,
    Telemetry, Verification, WebhooksSection,
};
use super::values::{Listen, Mode, PublicUrl, PublishableKey, RequestLog, WebUrl};

/// Sources of a configuration besides the defaults.
#[derive(Clone, Debug, Default)]
pub struct Sources {
    /// Path of the file: `--config`.
    pub file: Option<PathBuf>,
    /// Environment variables; only `VESTIBULE_<SECTION>__<KEY>` counts.
    pub environment: Vec<(String, String)>,
    /// Value of `--listen`.
    pub listen: Option<String>,
    /// Value of `--data`.
    pub data: Option<PathBuf>,
}

/// A complete, checked configuration, one field per section of `config/default.toml`.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Config {
    /// `[instance]`: its name, its mode, its keys.
    pub instance: Instance,
    /// `[server]`: where it listens, and who may call.
    pub server: Server,
    /// `[store]`: where the data is, and how it is kept.
    pub store: StoreSection,
    /// `[verification]`: lifetimes and tries of codes and links.
    pub verification: Verification,
    /// `[limits]`: how often one address, source or client may do what.
    pub limits: Limits,
    /// `[sign_up]`: lifetimes of sign-ups.
    pub sign_up: SignUp,
    /// `[session]`: lifetimes of sessions and clients.
    pub session: Session,
    /// `[events]`: the record of what has happened.
    pub events: Events,
    /// `[messages]`: what becomes of messages.
    pub messages: Messages,
    /// `[password]`: what the hash of a password costs.
    pub password: Password,
    /// `[passkeys]`: the domain that passkeys are bound to.
    pub passkeys: Passkeys,
    /// `[email]`: how mail is sent.
    pub email: Email,
    /// `[sms]`: how text messages are sent.
    pub sms: Sms,
    /// `[captcha]`: the captcha service and its keys.
    pub captcha: Captcha,
    /// `[webhooks]`: who is told of what has happened.
    pub webhooks: WebhooksSection,
    /// `[telemetry]`: the log.
    pub telemetry: Telemetry,
    #[serde(skip)]
    pub(super) settings: Settings,
    #[serde(skip)]
    pub(super) settings_origin: String,
    #[serde(skip)]
    pub(super) differences: Vec<Difference>,
    #[serde(skip)]
    pub(super) warnings: Vec<String>,
    /// Whether the settings were chosen explicitly, by name or inline.
    #[serde(skip)]
    pub(super) has_settings: bool,
    /// Set values and defaults without `[settings]`, secrets masked.
    #[serde(skip)]
    pub(super) given: Table,
}

impl Config {
    /// Loads and checks a configuration.
    ///
    /// # Errors
    /// A sentence for each fault, with the key and where it was set.
    pub fn load(sources: &Sources) -> Result<Self, ConfigError> {
        let (mut layer, mut over) = layers(sources)?;
        let settings = (layer.split_off(SETTINGS), over.split_off(SETTINGS));
        layer.0.extend(over.0);

        let mut defaults = defaults()?;
        let default_settings = defaults.remove(SETTINGS);
        let directory = sources.file.as_deref().and_then(Path::parent).unwrap_or(Path::new(""));
        let laid = lay_what_fits::<Self>(defaults.clone(), &layer, "", is_secret)?;
        let document = Document::choose(default_settings, settings.0, settings.1, directory);
        let (mut config, given) = (laid.value, laid.table);
        let document = match document {
            Ok(document) if laid.faults.is_empty() => document,
            document => return Err(all_faults(config, laid.faults, document, layer)),
        };

        config.email.begin_at(directory, &layer);
        config.differences = differences(&defaults, &given, &layer, &document)?;
        config.given = masked(given);
        layer.0.extend(document.layer.under(SETTINGS).0);
        config.settings = document.settings;
        config.settings_origin = document.origin;
        config.has_settings = document.is_given;
        checks::check(&config, &layer)?;
        config.warnings = risks(&config, &layer);
        Ok(config)
    }

    /// The address on which a server with these sources listens. Faults of other keys are ignored, because a server
    /// that started before them still runs.
    ///
    /// # Errors
    /// When the file is not valid TOML, or `server.listen` is no address.
    pub fn listen(sources: &Sources) -> Result<Listen, ConfigError> {
        let (mut layer, over) = layers(sources)?;
        layer.0.extend(over.0);
        layer.0.retain(|entry| entry.key() == LISTEN);
        let mut defaults = defaults()?;
        defaults.remove(SETTINGS);
        lay::<Self>(defaults, &layer, "", is_secret).map(|(config, _)| config.server.listen)
    }

    /// Differences from the defaults and where each was set: keys in the order of `config/default.toml`, then the
    /// settings. Secrets are masked.
    pub fn differences(&self) -> &[Difference] {
        &self.differences
    }

    /// Settings that work but are risky or probably unintended: sentences that say why, and what to write instead.
    pub fn warnings(&self) -> &[String] {
        &self.warnings
    }

    /// Source of the sign-up policy, such as `the sample "password"`.
    pub fn settings_origin(&self) -> &str {
        &self.settings_origin
    }

    /// The sign-up policy.
    pub const fn settings(&self) -> &Settings {
        &self.settings
    }

    /// Whether this is a development instance.
    pub fn is_development(&self) -> bool {
        self.instance.mode == Mode::Development
    }

    /// Name, links and images of the application that people see.
    pub fn branding(&self) -> Branding {
        let instance = &self.instance;
        let url = |url: &Option<WebUrl>| url.as_ref().map(|url| url.as_str().to_owned());
        Branding {
            name: instance.name.as_str().to_owned(),
            home_url: url(&instance.home_url),
            logo_url: url(&instance.logo_url),
            favicon_url: url(&instance.favicon_url),
            terms_url: url(&instance.terms_url),
            privacy_url: url(&instance.privacy_url),
            support_email: instance.support_email.as_ref().map(|address| address.as_str().to_owned()),
        }
    }

    /// The numbers on which sign-up decisions depend.
    pub fn policy(&self) -> Policy {
        Policy {
            code_ttl: Span::from_secs(self.verification.code_ttl_s),
            link_ttl: Span::from_secs(self.verification.link_ttl_s),
            attempts_max: self.verification.attempts_max,
            resend_cooldown: Span::from_secs(self.verification.resend_cooldown_s),
            test_mode: self.verification.test_mode,
            test_mode_settable: self.is_development(),
            address_limits: self.address_limits(),
            abandon_after: Span::from_secs(self.sign_up.abandon_after_s),
            approval_wait: Span::from_secs(self.sign_up.approval_wait_s),
            keep_finished: Span::from_secs(self.sign_up.keep_finished_s),
            keep_client: Span::from_secs(self.session.keep_client_s),
            record_events: self.events.record,
            keep_events: Span::from_secs(self.events.keep_s),
            keep_messages: Span::from_secs(self.messages.keep_s),
            session_lifetime: Span::from_secs(self.session.lifetime_s),
            single_session: self.session.single,
            reverification: self.session.reverification,
            // The engine adds them from its captcha service.
            captcha_bypass: Vec::new(),
            sms_costly_numbers: self.limits.sms_costly_numbers,
            whatsapp: self.sends_by_whatsapp(),
        }
    }

    /// The publishable key: as set, or the constant default.
    pub fn publishable_key(&self) -> PublishableKey {
        self.instance.publishable_key.clone().unwrap_or_else(PublishableKey::generated)
    }

    /// The `iss` claim of session tokens.
    pub fn issuer(&self) -> String {
        format!("https://{}", self.publishable_key().host())
    }

    /// Path of the instance key file: as set, or in the data folder.
    pub fn key_file(&self) -> PathBuf {
        self.instance.key_file.clone().unwrap_or_else(|| self.store.path.join("instance.key"))
    }

    /// URL at which browsers reach the engine: as set, or `http://localhost` with `port`.
    ///
    /// # Panics
    /// Never: an address and a port make a URL.
    pub fn public_url(&self, port: u16) -> PublicUrl {
        let derived = || {
            let ip = self.server.listen.address.ip();
            let host = match ip {
                _ if ip.is_loopback() || ip.is_unspecified() => "localhost".into(),
                std::net::IpAddr::V4(ip) => ip.to_string(),
                std::net::IpAddr::V6(ip) => format!("[{ip}]"),
            };
            format!("http://{host}:{port}").parse().expect("an address and a port make a URL")
        };
        self.server.public_url.clone().unwrap_or_else(derived)
    }

    /// Which requests are logged: as set, or the default of the mode.
    pub fn request_log(&self) -> RequestLog {
        let fitting = if self.is_development() { RequestLog::All } else { RequestLog::Sampled };
        self.telemetry.requests.unwrap_or(fitting)
    }

    /// Port of the SMTP server: as set, or the default of its encryption.
    pub fn email_port(&self) -> u16 {
        self.email.port.unwrap_or(self.email.security.default_port())
    }
}

/// All faults at once: those of single keys, and those between keys that could be parsed, so that one run of `check`
/// finds them all.
fn all_faults(
    mut config: Config,
    faults: Vec<Fault>,
    document: Result<Document, ConfigError>,
    mut layer: Layer,
) -> ConfigError {
    let sections: Vec<String> = faults.iter().filter_map(|f| f.key.split('.').next().map(str::to_owned)).collect();
    let sections: Vec<&str> = sections.iter().map(String::as_str).collect();
    let mut errors: Vec<ConfigError> = faults.into_iter().map(ConfigError::from).collect();
    match document {
        Ok(document) => {
            config.settings = document.settings;
            layer.0.extend(document.layer.under(SETTINGS).0);
        }
        // No further check needs the settings.
        Err(error) => errors.push(error),
    }
    errors.extend(check_apart_from(&sections, &config, &layer).err());
    ConfigError::together(errors)
}

/// The keys of the file, and those of environment and flags over it.
fn layers(sources: &Sources) -> Result<(Layer, Layer), ConfigError> {
    let layer = match &sources.file {
        Some(path) => Layer::file(&path.display().to_string(), &read(path)?)?,
        None => Layer::default(),
    };
    let may_be_in_file = |path: &[String]| is_secret(path) || has_secrets(path);
    let mut over = Layer::environment(&sources.environment, may_be_in_file)?;
    if let Some(listen) = &sources.listen {
        over.flag("--listen", LISTEN, listen.clone());
    }
    if let Some(data) = &sources.data {
        over.flag("--data", "store.path", data.display().to_string());
    }
    Ok((layer, over))
}

/// The defaults as a table.
fn defaults() -> Result<Table, ConfigError> {
    super::DEFAULT.parse().map_err(|e| ConfigError::new(format!("config/default.toml: {e}")))
}

fn read(path: &Path) -> Result<String, ConfigError> {
    fs::read_to_string(path)
        .map_err(|error| ConfigError::new(format!("--config: {} can't be read: {error}", path.display())))
}

const SETTINGS: &str = "settings";
const LISTEN: &str = "server.listen";
