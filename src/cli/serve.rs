//! `vestibule serve`: builds the server from its parts and runs it until a signal.

use std::io::Write;
use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::oneshot;
use tokio::time::timeout;
use url::Url;

use crate::actors::ActorOptions;
use crate::captcha::{Captcha, CaptchaProvider};
use crate::config::{self, Config, Sources, near_misses};
use crate::delivery::{Capture, NullTransport, Security, Smtp, SmtpLimits, SmtpOptions, Transport};
use crate::domain::time::Span;
use crate::engine::{BackendKey, Engine};
use crate::http::{App, BoundServer, DevOutbox, HttpOptions, bind};
use crate::oauth::Providers;
use crate::outbound::{Outbound, OutboundOptions};
use crate::password::{HashOptions, HashParameters};
use crate::pwned::PwnedRange;
use crate::store::ledger::Durability;
use crate::store::{EmbeddedOptions, EmbeddedStore, MemoryStore, Sealing, Store, make_private};
use crate::telemetry::{self, LogFormat};
use crate::token::{Algorithm, InstanceKey};

use super::example::example;
use super::reload::HangupSignals;
use super::{Banner, banner, data_error, descriptors, key_file, listen_error};

/// Serves until SIGTERM or SIGINT, then drains. SIGHUP reloads the settings of `sources`.
///
/// # Errors
/// One sentence that says what is wrong and what to do.
pub fn serve(config: &Config, sources: &Sources) -> Result<(), String> {
    start_log(config)?;
    let of_key = key_file::weakness(config);
    for warning in near_misses(&sources.environment).iter().chain(config.warnings()).chain(&of_key) {
        tracing::warn!("{warning}");
    }
    quiet_panics();
    let max_connections = descriptors::max_connections(descriptors::raise(), config.server.max_connections)?;
    // All files that this process or sled creates are readable by their owner only.
    rustix::process::umask(rustix::fs::Mode::RWXG | rustix::fs::Mode::RWXO);
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
        .map_err(|error| format!("the async runtime can't be started: {error}"))?;
    let ended = runtime.block_on(run(config, sources, max_connections));
    // Does not wait for threads that are blocked on a disk or a provider: all work is done, or the drain timeout is
    // over.
    runtime.shutdown_background();
    ended
}

/// Starts logging.
///
/// # Errors
/// When `RUST_LOG` can't be read.
pub(super) fn start_log(config: &Config) -> Result<(), String> {
    let format = match config.telemetry.log {
        config::LogFormat::Human => LogFormat::Human,
        config::LogFormat::Json => LogFormat::Json,
    };
    telemetry::init(format).map_err(|error| error.to_string())
}

async fn run(config: &Config, sources: &Sources, max_connections: usize) -> Result<(), String> {
    let hangups = HangupSignals::listen().map_err(|error| unhandled(&error))?;
    let mut options = http_options(config, max_connections)?;
    let server = bind(&options).await.map_err(|error| listen_error(config.server.listen.address, &error))?;
    let port = server.local_addrs().first().map_or(config.server.listen.port(), SocketAddr::port);
    options.public_url = public_url(config, port)?;

    let capture = Arc::new(Capture::new());
    let new_key = key_file::inspect(config)?;
    let engine = build_engine(config, &capture, browser_url(config, port)?).await?;
    if let Some(path) = &new_key {
        tracing::info!("made a new instance key in {}; back it up apart from the data", path.display());
    }
    let outbox: Arc<dyn DevOutbox> = capture;
    let per_source = options.max_connections_per_source;
    let app = Arc::new(App::new(engine.clone(), options, Some(outbox)));
    announce(config, port, &engine, new_key.as_deref());
    tracing::info!(
        connections = max_connections,
        per_source,
        "serving; no more connections than these are open at once"
    );
    let drain = Duration::from_secs(config.server.drain_timeout_s);
    let reloads = hangups.reload_until_the_terminal_closes(config.clone(), sources.clone(), engine.clone());
    match serve_until_end(server, app, engine, reloads, drain).await? {
        End::Asked => Ok(()),
        End::StoreFailed => {
            Err("the store failed and can't acknowledge any more; start again to recover what it holds".into())
        }
    }
}

/// Why the server ends.
#[derive(Clone, Copy, Debug)]
enum End {
    /// SIGTERM, SIGINT or a closed terminal.
    Asked,
    /// The store can't write until a restart, so the process must end.
    StoreFailed,
}

/// Serves until there is a reason to end, then waits at most `drain` for all work in progress.
async fn serve_until_end(
    server: BoundServer,
    app: Arc<App>,
    engine: Engine,
    reloads: impl Future<Output = ()> + Send + 'static,
    drain: Duration,
) -> Result<End, String> {
    let handler = |kind| signal(kind).map_err(|error| unhandled(&error));
    let (mut terminate, mut interrupt) = (handler(SignalKind::terminate())?, handler(SignalKind::interrupt())?);
    let (decided, decision) = oneshot::channel();
    let watched = engine.clone();
    let stop = async move {
        let end = tokio::select! {
            _ = terminate.recv() => End::Asked,
            _ = interrupt.recv() => End::Asked,
            () = reloads => End::Asked,
            () = failed(&watched) => End::StoreFailed,
        };
        tracing::info!("draining");
        if decided.send(end).is_err() {
            tracing::debug!("nobody waits for the reason any more");
        }
    };
    let serving = tokio::spawn(async move {
        server.serve(app, stop).await;
        engine.shutdown().await;
    });
    let end = decision.await.unwrap_or(End::StoreFailed);
    match timeout(drain, serving).await {
        Ok(Ok(())) => tracing::info!("stopped"),
        Ok(Err(error)) => tracing::error!(%error, "serving ended out of order"),
        Err(_) => tracing::warn!(
            "stopped before all was finished: `server.drain_timeout_s` is over; what was acknowledged is kept"
        ),
    }
    Ok(end)
}

fn unhandled(error: &std::io::Error) -> String {
    format!("signals can't be handled: {error}")
}

async fn failed(engine: &Engine) {
    while !engine.has_failed() {
        tokio::time::sleep(HEALTH_INTERVAL).await;
    }
}

async fn build_engine(config: &Config, capture: &Arc<Capture>, public_url: Url) -> Result<Engine, String> {
    let sentence = |error: &dyn std::fmt::Display| error.to_string();
    let key_file = config.key_file();
    let on_disk = matches!(config.store.kind, config::StoreKind::Sled);
    if on_disk {
        let path = &config.store.path;
        make_private(path).map_err(|error| data_error(path, &error))?;
    }
    let key = if on_disk || config.instance.key_file.is_some() {
        InstanceKey::load_or_create(&key_file).map_err(|e| sentence(&e))?
    } else {
        InstanceKey::generate()
    };
    let store: Arc<dyn Store> = match config.store.kind {
        config::StoreKind::Memory => Arc::new(MemoryStore::new()),
        config::StoreKind::Sled => {
            let durability = match config.store.durability {
                config::Durability::Synced => Durability::Synced,
                config::Durability::Relaxed => Durability::Relaxed,
                config::Durability::None => Durability::None,
            };
            let sealing = Some(Sealing { key: key.store_key(), seal: config.store.encryption });
            let days = config.store.rewrite_after_days;
            let rewrite_after = (days > 0).then(|| Span::from_secs(days.saturating_mul(86_400)));
            let options = EmbeddedOptions { durability, sealing, rewrite_after };
            Arc::new(EmbeddedStore::open_with(&config.store.path, &options).map_err(|e| sentence(&e))?)
        }
    };
    let passwords = &config.password;
    let hashing = HashOptions {
        parameters: HashParameters { m_kib: passwords.m_kib, t: passwords.t, p: passwords.p },
        threads: if passwords.threads == 0 { HashOptions::default().threads } else { passwords.threads },
        queue: passwords.queue,
        ..HashOptions::default()
    };
    let actors = ActorOptions {
        passivate_after: Duration::from_secs(config.sign_up.passivate_after_s),
        // The transport's own timeout is shorter and gives a better reason.
        delivery_timeout: Duration::from_secs(config.email.timeout_s) + DELIVERY_MARGIN,
        ..ActorOptions::default()
    };
    // In development the provider may run on this machine.
    let outbound = OutboundOptions { allow_private: config.is_development(), ..OutboundOptions::default() };
    let outbound = Outbound::new(outbound);
    let builder = match captcha(config, &outbound) {
        Some(captcha) => Engine::builder().captcha(captcha),
        None => Engine::builder(),
    };
    let builder = match &config.password.pwned_range_url {
        Some(url) => builder.pwned_range(PwnedRange::new(url.as_str().parse().map_err(|e| sentence(&e))?)),
        None => builder,
    };
    builder
        .store(store)
        .key(key)
        .settings(config.settings().clone())
        .policy(config.policy())
        .source_limits(config.source_limits())
        .actors(actors)
        .hashing(hashing)
        .email(email_transport(config, capture)?)
        .sms(sms_transport(config, capture))
        .branding(config.branding())
        .publishable_key(config.publishable_key().as_str().to_owned())
        .secret_key(match &config.instance.secret_key {
            Some(key) => BackendKey::Given(key.clone()),
            None if config.is_development() => BackendKey::Generated,
            None => BackendKey::Off,
        })
        .issuer(config.issuer())
        .algorithm(match config.session.algorithm {
            config::Algorithm::Rs256 => Algorithm::Rs256,
            config::Algorithm::EdDsa => Algorithm::EdDsa,
        })
        .token_ttl(Span::from_secs(config.session.token_ttl_s))
        .public_url(public_url)
        .allowed_origins(config.server.allowed_origins.iter().map(|o| o.as_str().to_owned()).collect())
        .allowed_redirects(config.server.allowed_redirects.iter().map(|r| r.as_str().to_owned()).collect())
        // Developers' pages run on this machine, on ports of their own.
        .local_pages(config.is_development())
        .providers(Providers::new(outbound))
        .build()
        .await
        .map_err(|e| sentence(&e))
}

pub(super) fn email_transport(config: &Config, capture: &Arc<Capture>) -> Result<Arc<dyn Transport>, String> {
    let email = &config.email;
    match email.transport {
        config::EmailTransport::Capture => return Ok(capture.clone()),
        config::EmailTransport::None => return Ok(Arc::new(NullTransport)),
        config::EmailTransport::Smtp => {}
    }
    let options = SmtpOptions {
        host: email.host.clone().unwrap_or_default(),
        port: config.email_port(),
        security: match email.security {
            config::Security::None => Security::None,
            config::Security::StartTls => Security::StartTls,
            config::Security::Tls => Security::Tls,
        },
        username: email.username.clone(),
        password: email.password.clone(),
        from: email.from.clone().unwrap_or_default(),
        hello_name: email.hello_name.clone(),
        connections_max: email.connections_max,
        limits: SmtpLimits {
            command: Duration::from_secs(email.command_timeout_s),
            delivery: Duration::from_secs(email.timeout_s),
        },
    };
    Ok(Arc::new(Smtp::new(&options).map_err(|error| error.to_string())?))
}

/// The capture is for development only: a production instance must not keep codes in memory.
fn sms_transport(config: &Config, capture: &Arc<Capture>) -> Arc<dyn Transport> {
    match config.sms.transport {
        config::SmsTransport::Capture if config.is_development() => capture.clone(),
        config::SmsTransport::Capture | config::SmsTransport::None => Arc::new(NullTransport),
    }
}

fn http_options(config: &Config, max_connections: usize) -> Result<HttpOptions, String> {
    let server = &config.server;
    let url = public_url(config, server.listen.port())?;
    let key = config.publishable_key();
    let defaults = HttpOptions::new(url, key.as_str(), config.is_development());
    Ok(HttpOptions {
        listen: [Some(server.listen.address), server.listen.beside].into_iter().flatten().collect(),
        trusted_proxies: server.trusted_proxies.clone(),
        max_body_bytes: server.max_body_bytes,
        header_timeout: Duration::from_millis(server.header_timeout_ms),
        body_timeout: Duration::from_millis(server.body_timeout_ms),
        write_timeout: Duration::from_millis(server.write_timeout_ms),
        min_bytes_per_s: server.min_bytes_per_s,
        requests: config.request_log(),
        requests_one_in: config.telemetry.requests_one_in,
        // The rest of the time is for the engine and the store, which stop after the last answer.
        drain_timeout: Duration::from_secs(server.drain_timeout_s).mul_f64(ANSWERS_SHARE),
        max_connections,
        max_connections_per_source: server.connections_per_source.unwrap_or(defaults.max_connections_per_source),
        ..defaults
    })
}

fn public_url(config: &Config, port: u16) -> Result<Url, String> {
    config.public_url(port).origin().parse().map_err(|error| format!("server.public_url: {error}"))
}

/// The captcha service. The configuration checks have made sure that its keys are there.
fn captcha(config: &Config, outbound: &Outbound) -> Option<Captcha> {
    let section = &config.captcha;
    let provider = match section.provider {
        config::CaptchaProvider::None => return None,
        config::CaptchaProvider::Turnstile => CaptchaProvider::Turnstile,
        config::CaptchaProvider::HCaptcha => CaptchaProvider::HCaptcha,
        config::CaptchaProvider::ReCaptcha => CaptchaProvider::ReCaptcha,
    };
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

/// URL at which browsers reach the engine, including the path of `server.public_url`.
fn browser_url(config: &Config, port: u16) -> Result<Url, String> {
    config.public_url(port).to_string().parse().map_err(|error| format!("server.public_url: {error}"))
}

/// Prints the banner on standard output. A failure is ignored, because there is no other place to report it.
fn announce(config: &Config, port: u16, engine: &Engine, new_key: Option<&Path>) {
    let url = config.public_url(port).origin();
    let mut urls = vec![("engine", url.clone())];
    if config.is_development() {
        urls = vec![("sign up", format!("{url}/")), ("read the mail", format!("{url}/dev/mailbox"))];
    }
    // Shows the secret key only in development, and only if it was generated.
    let made = engine.secret_key().filter(|_| config.is_development() && config.instance.secret_key.is_none());
    let development = config.is_development();
    let captures = development && config.email.transport == config::EmailTransport::Capture;
    let example = captures.then(|| example(&engine.settings(), &url)).flatten();
    let key = config.publishable_key();
    let text = banner(&Banner {
        urls: &urls,
        publishable_key: key.as_str(),
        secret_key: made,
        development,
        example: example.as_deref(),
        new_key_file: new_key.filter(|_| !development),
    });
    drop(writeln!(std::io::stdout().lock(), "{text}"));
}

/// A panic is one line in the log, without its text on standard error: it may repeat what it was about.
fn quiet_panics() {
    std::panic::set_hook(Box::new(|panic| {
        let place = panic.location().map(|place| in_package(&place.to_string()).to_owned()).unwrap_or_default();
        tracing::error!(place, "a part of the program panicked");
    }));
}

/// The source location of a panic, starting at the package name: the path on the build machine is not of interest.
fn in_package(place: &str) -> &str {
    let package = place.split_once("/registry/src/").and_then(|(_, rest)| rest.split_once('/'));
    package.map_or(place, |(_, place)| place)
}

/// Share of the drain timeout for answers in progress.
const ANSWERS_SHARE: f64 = 0.75;
const DELIVERY_MARGIN: Duration = Duration::from_secs(15);
const HEALTH_INTERVAL: Duration = Duration::from_secs(1);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_place_of_a_panic_shows_no_folder_of_the_machine_that_built_it() {
        let registry = "/home/builder/.cargo/registry/src/index.example-1949cf8c6b5b557f/tokio-1.54.1/src/task.rs:1:2";
        assert_eq!(in_package(registry), "tokio-1.54.1/src/task.rs:1:2");
        assert_eq!(in_package("src/cli/serve.rs:3:4"), "src/cli/serve.rs:3:4");
    }
}
