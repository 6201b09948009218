//! Loading: default < file < environment < flag.

use std::fs;
use std::path::{Path, PathBuf};

use serde::Deserialize;
use toml::{Table, Value};

use crate::domain::branding::Branding;
use crate::domain::context::{AddressLimits, Policy};
use crate::domain::settings::Settings;
use crate::domain::source_limits::{Budget, SourceLimits};
use crate::domain::time::Span;

use super::checks;
use super::effective::{is_secret, masked};
use super::error::ConfigError;
use super::layer::{Given, Layer, lay};
use super::samples::{sample, sample_names};
use super::sections::{
    Captcha, Email, Instance, Limits, Password, Server, Session, SignUp, Sms, StoreSection, Telemetry, Verification,
};
use super::values::{Mode, PublicUrl, PublishableKey, RequestLog, WebUrl};

/// Where a configuration comes from, beside the defaults.
#[derive(Clone, Debug, Default)]
pub struct Sources {
    /// The file: `--config`.
    pub file: Option<PathBuf>,
    /// The environment; only `VESTIBULE_<SECTION>__<KEY>` counts.
    pub environment: Vec<(String, String)>,
    /// `--listen`
    pub listen: Option<String>,
    /// `--data`
    pub data: Option<PathBuf>,
}

/// A whole configuration that has been checked.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
#[expect(missing_docs, reason = "the sections of config/default.toml")]
pub struct Config {
    pub instance: Instance,
    pub server: Server,
    pub store: StoreSection,
    pub verification: Verification,
    pub limits: Limits,
    pub sign_up: SignUp,
    pub session: Session,
    pub password: Password,
    pub email: Email,
    pub sms: Sms,
    pub captcha: Captcha,
    pub telemetry: Telemetry,
    #[serde(skip)]
    settings: Settings,
    #[serde(skip)]
    pub(super) settings_origin: String,
    /// What was given and the defaults, secrets masked, without `[settings]`.
    #[serde(skip)]
    pub(super) given: Table,
}

impl Config {
    /// Loads and checks a configuration.
    ///
    /// # Errors
    /// A sentence for each fault, naming the key and where it was given.
    pub fn load(sources: &Sources) -> Result<Self, ConfigError> {
        let mut layer = match &sources.file {
            Some(path) => Layer::file(&path.display().to_string(), &read(path)?)?,
            None => Layer::default(),
        };
        let mut over = Layer::environment(&sources.environment, is_secret)?;
        if let Some(listen) = &sources.listen {
            over.flag("--listen", "server.listen", listen.clone());
        }
        if let Some(data) = &sources.data {
            over.flag("--data", "store.path", data.display().to_string());
        }
        let settings = (layer.split_off(SETTINGS), over.split_off(SETTINGS));
        layer.0.extend(over.0);

        let mut table = defaults()?;
        let default_settings = table.remove(SETTINGS);
        let (mut config, given): (Self, Table) = lay(table, &layer, "", is_secret)?;
        config.given = masked(given);

        let directory = sources.file.as_deref().and_then(Path::parent).unwrap_or(Path::new(""));
        config.load_settings(default_settings, settings.0, settings.1, directory)?;
        checks::check(&config, &layer)?;
        Ok(config)
    }

    /// The sign-up policy.
    pub const fn settings(&self) -> &Settings {
        &self.settings
    }

    /// Whether this is a development instance.
    pub fn is_development(&self) -> bool {
        self.instance.mode == Mode::Development
    }

    /// What people see of the application.
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

    /// The numbers that decisions about sign-ups depend on.
    pub fn policy(&self) -> Policy {
        let limits = &self.limits;
        Policy {
            code_ttl: Span::from_secs(self.verification.code_ttl_s),
            link_ttl: Span::from_secs(self.verification.link_ttl_s),
            attempts_max: self.verification.attempts_max,
            resend_cooldown: Span::from_secs(self.verification.resend_cooldown_s),
            test_mode: self.verification.test_mode,
            address_limits: limits.address.then_some(AddressLimits {
                messages: limits.address_messages_per_hour,
                messages_per_client: limits.address_messages_per_client_per_hour,
                guesses: limits.address_guesses_per_hour,
                guesses_per_client: limits.address_guesses_per_client_per_hour,
                account_failures: limits.account_failures_max,
                by_source: limits.source,
                addresses_per_client: limits.addresses_per_client_per_hour,
                sms_per_client: limits.sms_per_client_per_hour,
            }),
            abandon_after: Span::from_secs(self.sign_up.abandon_after_s),
            keep_finished: Span::from_secs(self.sign_up.keep_finished_s),
            keep_client: Span::from_secs(self.session.keep_client_s),
            session_lifetime: Span::from_secs(self.session.lifetime_s),
            single_session: self.session.single,
            // The engine takes them from its captcha service.
            captcha_bypass: Vec::new(),
            sms_costly_numbers: limits.sms_costly_numbers,
        }
    }

    /// What one source may do; `None` when that family of limits is off.
    pub fn source_limits(&self) -> Option<SourceLimits> {
        let limits = &self.limits;
        let (creates, attempts) = (limits.source_creates_per_10s, limits.source_attempts_per_10s);
        // What only costs this machine something is free for developers; what others would notice is as in production.
        let generosity = if self.is_development() { DEVELOPMENT_FACTOR } else { 1 };
        let factor = limits.network_factor.saturating_mul(generosity);
        let budget = |count, seconds| Budget::new(count, factor, Span::from_secs(seconds));
        let own = |count| Budget::new(count, limits.network_factor, Span::from_secs(10)).times(generosity);
        let by_creates = |given: Option<u32>, times: u32| given.unwrap_or_else(|| creates.saturating_mul(times));
        let passwords = limits.source_passwords_per_10s;
        limits.source.then(|| SourceLimits {
            creates: budget(creates, 10),
            attempts: budget(attempts, 10),
            look_ups: budget(by_creates(limits.source_look_ups_per_minute, 12), 60),
            emails: budget(by_creates(limits.source_emails_per_minute, 12), 60),
            sms: budget(limits.source_sms_per_10min, 600),
            passwords: own(passwords.unwrap_or_else(|| creates.saturating_add(attempts).saturating_mul(2))),
            clients: own(by_creates(limits.source_clients_per_10s, 6)),
            writes: own(by_creates(limits.source_writes_per_10s, 60)),
            tokens: own(by_creates(limits.source_tokens_per_10s, 120)),
            sms_per_prefix: Some(limits.sms_prefix_per_day.saturating_mul(generosity)).filter(|count| *count > 0),
        })
    }

    /// The publishable key: as given, or generated.
    pub fn publishable_key(&self) -> PublishableKey {
        self.instance.publishable_key.clone().unwrap_or_else(PublishableKey::generated)
    }

    /// The `iss` of session tokens.
    pub fn issuer(&self) -> String {
        format!("https://{}", self.publishable_key().host())
    }

    /// The file of the instance key.
    pub fn key_file(&self) -> PathBuf {
        self.instance.key_file.clone().unwrap_or_else(|| self.store.path.join("instance.key"))
    }

    /// Where browsers reach the engine: as given, or `http://localhost` with the port it listens on.
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

    /// Which requests have a line in the log: as given, or what suits the mode.
    pub fn request_log(&self) -> RequestLog {
        let fitting = if self.is_development() { RequestLog::All } else { RequestLog::Sampled };
        self.telemetry.requests.unwrap_or(fitting)
    }

    /// The port of the SMTP server.
    pub fn email_port(&self) -> u16 {
        self.email.port.unwrap_or(self.email.security.default_port())
    }

    fn load_settings(
        &mut self,
        default: Option<Value>,
        from_file: Layer,
        over: Layer,
        directory: &Path,
    ) -> Result<(), ConfigError> {
        let (bare, inside): (Vec<_>, Vec<_>) = from_file.0.into_iter().partition(|e| e.path.is_empty());
        if let Some(entry) = bare.iter().find(|e| !matches!(e.given, Given::Toml(Value::Table(_)))) {
            return Err(ConfigError::at(Some(&entry.place), SETTINGS, "must be a section: [settings]"));
        }
        let (file, inline): (Vec<_>, Vec<_>) = inside.into_iter().partition(|e| e.path == [FILE]);
        let file = file.first();
        if let (Some(file), false) = (file, inline.is_empty()) {
            let reason = "stands beside inline settings; keep one of the two";
            return Err(ConfigError::at(Some(&file.place), "settings.file", reason));
        }
        let (chosen, patches): (Vec<_>, Vec<_>) = over.0.into_iter().partition(|e| e.path == [FILE]);
        let layer = if let Some(entry) = chosen.first().or(file) {
            let name = match &entry.given {
                Given::Text(name) | Given::Toml(Value::String(name)) => name,
                Given::Toml(_) => {
                    return Err(ConfigError::at(Some(&entry.place), "settings.file", "must be a text in quotes"));
                }
            };
            let relative_to = if file.is_some_and(|f| f.place == entry.place) { directory } else { Path::new("") };
            self.named_settings(name, relative_to)
                .map_err(|reason| ConfigError::at(Some(&entry.place), "settings.file", &reason))??
        } else if !inline.is_empty() {
            self.settings_origin = "the configuration file".into();
            Layer(inline)
        } else {
            let name = default.and_then(|t| t.get(FILE).and_then(Value::as_str).map(str::to_owned)).unwrap_or_default();
            self.named_settings(&name, directory).map_err(ConfigError::new)??
        };
        self.settings = settings_of(&Layer(layer.0.into_iter().chain(patches).collect()))?;
        Ok(())
    }

    /// The settings of a sample or a file; the outer error is the name's, the inner one its content's.
    fn named_settings(&mut self, name: &str, directory: &Path) -> Result<Result<Layer, ConfigError>, String> {
        if let Some(text) = sample(name) {
            self.settings_origin = format!("the sample {name:?}");
            return Ok(Layer::file(&self.settings_origin, text));
        }
        let path = directory.join(name);
        let text = fs::read_to_string(&path).map_err(|error| {
            format!(
                "names neither a sample ({}) nor a file that can be read: {}: {error}",
                sample_names(),
                path.display()
            )
        })?;
        self.settings_origin = path.display().to_string();
        Ok(Layer::file(&self.settings_origin, &text))
    }
}

/// Reads and validates one whole settings document.
pub(super) fn settings_of(layer: &Layer) -> Result<Settings, ConfigError> {
    let secret = |path: &[String]| path.last().is_some_and(|key| key == "client_secret");
    let (settings, _): (Settings, Table) = lay(Table::new(), layer, "settings.", secret)?;
    settings.validate().map_err(|e| {
        ConfigError::at(layer.place(&e.key), &format!("settings.{}", e.key), &format!("does not fit: {}", e.reason))
    })?;
    Ok(settings)
}

/// The defaults as a table.
fn defaults() -> Result<Table, ConfigError> {
    super::DEFAULT.parse().map_err(|e| ConfigError::new(format!("config/default.toml: {e}")))
}

fn read(path: &Path) -> Result<String, ConfigError> {
    fs::read_to_string(path)
        .map_err(|error| ConfigError::new(format!("--config: {} can't be read: {error}", path.display())))
}

/// How many times as much a development instance lets its developers do.
const DEVELOPMENT_FACTOR: u32 = 20;
const SETTINGS: &str = "settings";
const FILE: &str = "file";
