//! Building an engine from its parts. Each part has a default that suits tests and first experiments.

use std::collections::BTreeSet;
use std::sync::Arc;

use url::Url;

use crate::actors::{ActorContext, ActorOptions, Follower, Hooked, LastSeen, System, Transports, read_announced};
use crate::captcha::Captcha;
use crate::clock::{Clock, ResumedClock, SystemClock};
use crate::delivery::{Capture, MessageStyle, MessageTemplates, Transport};
#[cfg(feature = "webhooks")]
use crate::delivery::{HandedOver, Hearers};
use crate::domain::application_value::check_namespace;
use crate::domain::hook::{AfterCommit, Hook, HookOptions};
use crate::domain::policy::Policy;
use crate::domain::ports::{Entropy, Sealer};
use crate::domain::redirect::is_loopback;
use crate::domain::settings::Settings;
use crate::domain::settings::branding::Branding;
use crate::domain::settings::source_limits::SourceLimits;
use crate::domain::time::{Span, Timestamp};
use crate::entropy::OsEntropy;
use crate::oauth::Providers;
use crate::passkey::RelyingParty;
use crate::password::{HashOptions, HashPool};
use crate::pwned::PwnedRange;
use crate::store::{MemoryStore, Store};
use crate::token::{Algorithm, InstanceKey, cookie_suffix};
#[cfg(feature = "webhooks")]
use crate::webhook::Targets;

use super::admission::Admission;
use super::amendments::{Amendments, Sites, Stored};
use super::engine::{Inner, check, stored_offset};
use super::error::BuildError;
use super::frontend::equal_calls::CallKey;
use super::frontend::single_flight::Flights;
use super::hash_costs::Costs;
use super::other_nodes::look_for_changes;
#[cfg(feature = "webhooks")]
use super::webhooks::{Composing, Dispatcher, MessageWebhooks, NewWebhookEndpoint, configure};
use super::{BackendKey, Engine, keys};

/// Builds an [`Engine`].
pub struct EngineBuilder {
    settings: Settings,
    policy: Policy,
    actors: ActorOptions,
    hashing: HashOptions,
    store: Option<Arc<dyn Store>>,
    clock: Option<Arc<dyn Clock>>,
    entropy: Option<Box<dyn Entropy + Send>>,
    key: Option<InstanceKey>,
    email: Option<Arc<dyn Transport>>,
    sms: Option<Arc<dyn Transport>>,
    branding: Branding,
    message_style: MessageStyle,
    publishable_key: String,
    secret_key: BackendKey,
    issuer: String,
    algorithm: Algorithm,
    token_ttl: Span,
    handshake_bytes_max: usize,
    public_url: Url,
    allowed_origins: Vec<String>,
    allowed_redirects: Vec<String>,
    local_pages: Option<bool>,
    providers: Option<Providers>,
    captcha: Option<Captcha>,
    pwned_range: Option<PwnedRange>,
    relying_party: Option<RelyingParty>,
    requests_max: usize,
    source_limits: Option<SourceLimits>,
    #[cfg(feature = "webhooks")]
    webhook_endpoints: Vec<NewWebhookEndpoint>,
    #[cfg(feature = "webhooks")]
    local_webhooks: Option<bool>,
    #[cfg(feature = "webhooks")]
    message_webhooks: MessageWebhooks,
    hook: Option<Hooked>,
    followers: Vec<Follower>,
}

impl Default for EngineBuilder {
    fn default() -> Self {
        Self {
            settings: Settings::default(),
            policy: Policy::default(),
            actors: ActorOptions::default(),
            hashing: HashOptions::default(),
            store: None,
            clock: None,
            entropy: None,
            key: None,
            email: None,
            sms: None,
            branding: Branding::default(),
            message_style: MessageStyle::default(),
            publishable_key: "pk_live_Y2xlcmsubG9jYWxob3N0JA".into(),
            secret_key: BackendKey::default(),
            issuer: "https://clerk.localhost".into(),
            algorithm: Algorithm::Rs256,
            token_ttl: Span::from_secs(60),
            handshake_bytes_max: 3500,
            public_url: Url::parse("http://localhost:8080").expect("a URL"),
            allowed_origins: Vec::new(),
            allowed_redirects: Vec::new(),
            local_pages: None,
            providers: None,
            captcha: None,
            pwned_range: None,
            relying_party: None,
            requests_max: 8192,
            source_limits: Some(SourceLimits::default()),
            #[cfg(feature = "webhooks")]
            webhook_endpoints: Vec::new(),
            #[cfg(feature = "webhooks")]
            local_webhooks: None,
            #[cfg(feature = "webhooks")]
            message_webhooks: MessageWebhooks::default(),
            hook: None,
            followers: Vec::new(),
        }
    }
}

macro_rules! setters {
    ($($(#[$doc:meta])* $name:ident: $type:ty $(=> $wrap:expr)?;)*) => {$(
        $(#[$doc])*
        #[must_use]
        pub fn $name(mut self, $name: $type) -> Self {
            self.$name = setters!(@ $name $($wrap)?);
            self
        }
    )*};
    (@ $name:ident) => { $name };
    (@ $name:ident $wrap:expr) => { $wrap($name) };
}

impl EngineBuilder {
    setters! {
        /// What a sign-up requires. By default everything is off.
        settings: Settings;
        /// Limits and lifetimes for verifications and sessions.
        policy: Policy;
        /// The options of the actors.
        actors: ActorOptions;
        /// The options of password hashing.
        hashing: HashOptions;
        /// The store; in memory by default.
        store: Arc<dyn Store> => Some;
        /// The clock; the system's by default.
        clock: Arc<dyn Clock> => Some;
        /// The source of random bytes; the operating system's by default.
        entropy: Box<dyn Entropy + Send> => Some;
        /// The key that seals and digests all secrets; a new random one by default, which works only with an empty
        /// store.
        key: InstanceKey => Some;
        /// The transport for e-mail; kept in memory by default.
        email: Arc<dyn Transport> => Some;
        /// The transport for text messages; kept in memory by default.
        sms: Arc<dyn Transport> => Some;
        /// The application's name and looks in messages, on pages and in the environment.
        branding: Branding;
        /// How messages look: their templates and language, a colour, and a logo. By default the built-in templates in
        /// English.
        message_style: MessageStyle;
        /// The publishable key that browsers are configured with.
        publishable_key: String;
        /// How the application's backend authenticates; off by default.
        secret_key: BackendKey;
        /// The `iss` of session tokens; by default `https://` and the host in the publishable key.
        issuer: String;
        /// The signature algorithm of session tokens. Clerk's backend package accepts RS256 only.
        algorithm: Algorithm;
        /// How long a session token is valid.
        token_ttl: Span;
        /// The largest result of a handshake that is handed over as it is, in bytes; a larger one is kept for the
        /// application's server, if that can fetch it. Browsers refuse cookies of more than 4096 bytes. In URLs it may be
        /// twice as large.
        handshake_bytes_max: usize;
        /// The URL at which browsers reach the engine: the part before `/v1` in links and in redirect URIs for
        /// providers.
        public_url: Url;
        /// The origins whose pages may call the engine, and to whose pages browsers may be sent; compared exactly. The
        /// engine's own origin, from `public_url`, is always allowed. Texts that are no origin are left out.
        allowed_origins: Vec<String>;
        /// Further URLs that browsers and applications may be sent to: http and https URLs with everything below them,
        /// other URLs exactly. Texts that are no absolute URL are left out.
        allowed_redirects: Vec<String>;
        /// Whether all pages of this machine count as allowed origins, on every port: for development. By default
        /// where `public_url` is on this machine.
        local_pages: bool => Some;
        /// The captcha service, needed by settings that ask for captchas.
        #[cfg(feature = "oauth")]
        captcha: Captcha => Some;
        /// The service that knows leaked passwords, needed by settings whose `disable_hibp` is false.
        #[cfg(feature = "oauth")]
        pwned_range: PwnedRange => Some;
        /// The domain that passkeys are bound to. By default the one of the application's home page, else of the first allowed
        /// origin with one, else of `public_url`: the shortest domain that can have cookies, and `localhost` for this machine. It
        /// must not change while people have passkeys.
        #[cfg(feature = "passkeys")]
        relying_party: RelyingParty => Some;
        /// How providers are called; by default only at public addresses and by https.
        #[cfg(feature = "oauth")]
        providers: Providers => Some;
        /// How many requests may be in flight; further ones are refused as overloaded.
        requests_max: usize;
        /// The quotas of one source, counted by the address in [`RequestContext`](super::RequestContext); `None` for no
        /// quotas. By default those of a production instance.
        source_limits: Option<SourceLimits>;
        /// The endpoints of webhooks that the program names, each by its URL, beside those that the Backend API makes.
        /// One that was named at an earlier start and is not named now is removed.
        #[cfg(feature = "webhooks")]
        webhook_endpoints: Vec<NewWebhookEndpoint>;
        /// Whether webhooks may go to this machine and to private networks, by http too on this machine: for
        /// development. By default where `public_url` is on this machine.
        #[cfg(feature = "webhooks")]
        local_webhooks: bool => Some;
        /// Which channels the application sends for itself, as the webhooks `email.created` and `sms.created` tell it. For
        /// them what became of a message is kept for an hour at least ([`Policy::keep_messages`]).
        #[cfg(feature = "webhooks")]
        message_webhooks: MessageWebhooks;
    }

    /// Asks `hook` before a sign-up becomes a user. A later call replaces the hook of an earlier one. A deadline of zero or
    /// above 10 seconds is [`BuildError::Hook`]
    /// ([guide: The hook before a new user](crate::guide::contract_backend#the-hook-before-a-new-user)).
    #[must_use]
    pub fn before_conversion(mut self, hook: Arc<dyn Hook>, options: HookOptions) -> Self {
        self.hook = Some(Hooked { hook, options });
        self
    }

    /// Tells `hook` of each event after its commit. Its place in the log of events is stored under `name`: 1 to 64 of
    /// `a-z 0-9 _ - .`, and another one for each hook, else [`BuildError::HookName`]. Without recorded events ([`Policy::record_events`]) it is told
    /// nothing.
    #[must_use]
    pub fn after_commit(mut self, name: impl Into<String>, hook: Arc<dyn AfterCommit>) -> Self {
        self.followers.push(Follower { name: name.into(), hook });
        self
    }

    /// Builds and starts the engine on the current tokio runtime.
    ///
    /// # Errors
    /// See [`BuildError`].
    pub async fn build(self) -> Result<Engine, BuildError> {
        let relying_party =
            self.relying_party.or_else(|| party_of(&self.branding, &self.allowed_origins, &self.public_url));
        check(&self.settings, self.captcha.as_ref(), relying_party.as_ref())?;
        if self.hook.as_ref().is_some_and(|hooked| !hooked.options.is_bounded()) {
            return Err(BuildError::Hook);
        }
        check_names(&self.followers)?;
        let store = self.store.unwrap_or_else(|| Arc::new(MemoryStore::new()));
        let key = Arc::new(self.key.unwrap_or_else(InstanceKey::generate));
        keys::check_instance_key(&*store, &key).await?;
        store.upgrade().await?;
        let (clock, movable_clock) = match self.clock {
            Some(clock) => (clock, None),
            None => {
                let clock = Arc::new(SystemClock::new());
                clock.advance(stored_offset(&*store).await?);
                (clock.clone() as Arc<dyn Clock>, Some(clock))
            }
        };
        let clock = resume(clock, LastSeen::stored(&*store).await?);
        let mut entropy = self.entropy.unwrap_or_else(|| Box::new(OsEntropy::new()));
        let keyring = keys::load_keyring(&*store, &key, self.algorithm, clock.now(), &mut *entropy).await?;
        let secret_key = keys::load_secret_key(&*store, &key, self.secret_key, &mut *entropy).await?;
        let calls = CallKey::generate(&mut *entropy);
        let hashes = HashPool::new(self.hashing).map_err(|e| BuildError::Hashing(e.to_string()))?;
        let costs = Costs::load(&*store, hashes.parameters()).await?;
        let capture: Arc<dyn Transport> = Arc::new(Capture::default());
        let transports =
            Transports { email: self.email.unwrap_or_else(|| capture.clone()), sms: self.sms.unwrap_or(capture) };
        #[cfg(feature = "webhooks")]
        let hearers = Arc::new(Hearers::default());
        #[cfg(feature = "webhooks")]
        let transports = handed_over(transports, &self.message_webhooks, &hearers);
        let accept_url = below(&self.public_url, "v1/tickets/accept");
        let templates = MessageTemplates {
            application: self.branding.name.clone(),
            verify_url: below(&self.public_url, "v1/verify").into(),
            accept_url: accept_url.to_string(),
            home_url: self.branding.home_url.clone(),
            support_email: self.branding.support_email.clone(),
            page_host: page_host(&self.branding, &self.allowed_origins),
            style: self.message_style,
        };
        let mut policy = self.policy;
        if let Some(captcha) = &self.captcha {
            policy.captcha_bypass.clone_from(&captcha.oauth_bypass);
        }
        #[cfg(feature = "webhooks")]
        if self.message_webhooks.sends_email || self.message_webhooks.sends_sms {
            policy.keep_messages = policy.keep_messages.max(Span::from_secs(3600));
        }
        let local_pages = self.local_pages.unwrap_or_else(|| is_loopback(&self.public_url));
        #[cfg(feature = "webhooks")]
        let targets = match self.local_webhooks.unwrap_or_else(|| is_loopback(&self.public_url)) {
            true => Targets::AlsoLocal,
            false => Targets::Public,
        };
        let sites = Sites {
            public_url: self.public_url.clone(),
            allowed_origins: self.allowed_origins,
            allowed_redirects: self.allowed_redirects,
            local_pages,
            support_email: self.branding.support_email.clone(),
            test_mode: policy.test_mode,
            test_mode_settable: policy.test_mode_settable,
        };
        // Before what it may be about.
        let announced = read_announced(&*store).await?;
        let stored = Stored::read(&*store).await?;
        stored.tell(policy.test_mode_settable);
        let amendments = Amendments::new(self.settings, sites, stored);
        let mut environment = ActorContext::new(
            store,
            clock,
            key.clone(),
            key.clone() as Arc<dyn Sealer>,
            entropy,
            amendments.settings(),
            policy,
            self.actors,
        );
        environment.hook = self.hook;
        let admission = Admission::new(self.requests_max, self.source_limits.as_ref());
        environment.on_sent = admission.on_sent();
        environment.read_switches().await?;
        let system =
            System::start(Arc::new(environment), transports.clone(), templates.clone(), self.followers).await?;
        #[cfg(feature = "webhooks")]
        let composing = Composing {
            composer: system.composer(transports.clone(), templates.without_logo()),
            terms: self.message_webhooks,
            hearers,
        };
        #[cfg(feature = "webhooks")]
        let webhooks = Dispatcher::new(
            system.context().clone(),
            system.persister().clone(),
            keys::instance_id(&key),
            targets,
            composing,
            system.lease("webhooks"),
        );
        #[cfg(feature = "webhooks")]
        match configure(system.context(), system.persister(), &self.webhook_endpoints, targets).await {
            Ok(endpoints) => webhooks.start(endpoints).await,
            Err(error) => {
                system.stop().await;
                return Err(error);
            }
        }
        let inner = Inner {
            actor_context: system.context().clone(),
            system,
            admission,
            transports,
            hashes,
            costs,
            key,
            keyring: Arc::new(keyring),
            movable_clock,
            branding: self.branding,
            cookie_suffix: cookie_suffix(&self.publishable_key),
            handshake_bytes_max: self.handshake_bytes_max,
            publishable_key: self.publishable_key,
            issuer: self.issuer,
            secret_key,
            accept_url,
            amendments,
            callback_url: below(&self.public_url, "v1/oauth_callback"),
            providers: self.providers.unwrap_or_default(),
            captcha: self.captcha,
            pwned_range: self.pwned_range,
            relying_party,
            token_ttl: self.token_ttl,
            calls,
            sign_up_flights: Flights::new(),
            sign_in_flights: Flights::new(),
            #[cfg(feature = "webhooks")]
            webhooks,
        };
        let inner = Arc::new(inner);
        look_for_changes(&inner, announced);
        Ok(Engine { inner })
    }
}

/// The transports, but for the channels that the application sends for itself.
#[cfg(feature = "webhooks")]
fn handed_over(transports: Transports, terms: &MessageWebhooks, hearers: &Arc<Hearers>) -> Transports {
    let or = |own: Arc<dyn Transport>, is_handed_over| match is_handed_over {
        true => Arc::new(HandedOver::new(hearers.clone())),
        false => own,
    };
    Transports { email: or(transports.email, terms.sends_email), sms: or(transports.sms, terms.sends_sms) }
}

/// Each follower has a name of its own, which can be stored.
fn check_names(followers: &[Follower]) -> Result<(), BuildError> {
    let mut names = BTreeSet::new();
    let is_fit = |name: &str| check_namespace(name).is_ok();
    match followers.iter().find(|follower| !is_fit(&follower.name) || !names.insert(&follower.name)) {
        Some(follower) => Err(BuildError::HookName(follower.name.clone())),
        None => Ok(()),
    }
}

/// The host of the application's pages, to which text messages bind their codes: that of its home page, else that of the
/// allowed origins where it is the same in all. A page on this machine needs no such line.
fn page_host(branding: &Branding, allowed_origins: &[String]) -> Option<String> {
    let host = |url: &str| {
        let url = Url::parse(url).ok()?;
        let domain = url.domain()?.to_owned();
        (!is_loopback(&url)).then_some(domain)
    };
    if let Some(home) = &branding.home_url {
        return host(home);
    }
    let hosts: BTreeSet<Option<String>> = allowed_origins.iter().map(|origin| host(origin)).collect();
    if hosts.len() == 1 { hosts.into_iter().next().flatten() } else { None }
}

/// The domain that the application's pages share, named as the application.
fn party_of(branding: &Branding, allowed_origins: &[String], public_url: &Url) -> Option<RelyingParty> {
    let home = branding.home_url.as_deref().into_iter();
    let urls = home.chain(allowed_origins.iter().map(String::as_str)).chain([public_url.as_str()]);
    RelyingParty::of_pages(urls).map(|party| party.named(&branding.name))
}

/// `path` below a base URL, which may have a path of its own.
fn below(base: &Url, path: &str) -> Url {
    let mut url = base.clone();
    if let Ok(mut segments) = url.path_segments_mut() {
        segments.pop_if_empty().extend(path.split('/'));
    }
    url
}

/// The clock. Where it is behind the last time that is stored with this data, it continues from the stored time.
fn resume(clock: Arc<dyn Clock>, seen: Timestamp) -> Arc<dyn Clock> {
    let resumed = ResumedClock::new(clock.clone(), seen);
    let behind_ms = resumed.ahead().as_millis();
    if behind_ms == 0 {
        return clock;
    }
    if behind_ms >= CLOCK_BEHIND_TOLD_MS {
        tracing::warn!(
            clock.behind_ms = behind_ms,
            "the system's clock is behind the latest time stored in this data; the engine continues from the stored \
             time, so that nothing is valid for longer than it should be"
        );
    }
    Arc::new(resumed)
}

/// A clock that is behind by at most this many milliseconds is not logged: time services correct that much all the
/// time.
const CLOCK_BEHIND_TOLD_MS: u64 = 1000;
