//! The engine's handle.

use std::sync::Arc;

use url::Url;

use crate::actors::{ActorContext, CallError, System, Transports};
use crate::captcha::Captcha;
use crate::clock::SystemClock;
use crate::delivery::{Channel, ChannelStatus};
use crate::domain::client::ClientConflict;
use crate::domain::policy::Policy;
use crate::domain::redirect::{RedirectRule, RedirectUrl};
use crate::domain::rejection::{ErrorCode, Rejection};
use crate::domain::secret::Secret;
use crate::domain::settings::branding::Branding;
use crate::domain::settings::{InvalidSettings, Settings};
use crate::domain::time::{Span, Timestamp};
use crate::oauth::Providers;
use crate::passkey::RelyingParty;
use crate::password::{HashPool, PoolError};
use crate::pwned::PwnedRange;
use crate::store::{Commit, CommitError, Store, StoreError, Unready};
use crate::token::{InstanceKey, Keyring};

use super::admission::{Admission, RETRY_AFTER};
use super::amendments::Amendments;
use super::frontend::equal_calls::CallKey;
use super::frontend::single_flight::Flights;
use super::hash_costs::Costs;
#[cfg(feature = "webhooks")]
use super::webhooks::Dispatcher;
use super::{EngineBuilder, EngineError, NotReady, SignInView, SignUpView};

/// A running engine. Clones are handles to the same engine.
///
/// It needs a tokio runtime with time enabled for as long as it lives, and has no global state: two engines in one
/// process are independent. [`Engine::shutdown`] stops it in order. Dropping the last handle without that stops it at
/// once: nothing acknowledged is lost, but messages that are being delivered wait for the next start.
#[derive(Clone)]
pub struct Engine {
    pub(super) inner: Arc<Inner>,
}

pub(super) struct Inner {
    pub(super) actor_context: Arc<ActorContext>,
    pub(super) system: System,
    pub(super) admission: Admission,
    pub(super) transports: Transports,
    pub(super) hashes: HashPool,
    pub(super) costs: Costs,
    pub(super) key: Arc<InstanceKey>,
    pub(super) keyring: Arc<Keyring>,
    pub(super) movable_clock: Option<Arc<SystemClock>>,
    pub(super) branding: Branding,
    pub(super) publishable_key: String,
    pub(super) issuer: String,
    pub(super) secret_key: Option<Secret<String>>,
    pub(super) callback_url: Url,
    pub(super) accept_url: Url,
    pub(super) amendments: Amendments,
    pub(super) providers: Providers,
    pub(super) captcha: Option<Captcha>,
    pub(super) pwned_range: Option<PwnedRange>,
    pub(super) relying_party: Option<RelyingParty>,
    pub(super) token_ttl: Span,
    pub(super) cookie_suffix: String,
    pub(super) handshake_bytes_max: usize,
    pub(super) calls: CallKey,
    pub(super) sign_up_flights: Flights<SignUpView>,
    pub(super) sign_in_flights: Flights<SignInView>,
    #[cfg(feature = "webhooks")]
    pub(super) webhooks: Dispatcher,
}

impl Engine {
    /// Begins to build an engine.
    pub fn builder() -> EngineBuilder {
        EngineBuilder::default()
    }

    /// The engine's current time.
    pub fn now(&self) -> Timestamp {
        self.inner.actor_context.now()
    }

    /// The settings in force: those that are configured, with what the application's backend changed over them
    /// ([`Instance`](super::Instance)).
    pub fn settings(&self) -> Arc<Settings> {
        self.inner.actor_context.settings()
    }

    /// The settings as browsers see them: what they ask for and this instance does not do is shown as off.
    pub fn shown_settings(&self) -> Settings {
        let mut settings = Settings::clone(&self.settings());
        let passwords = &mut settings.password_settings;
        passwords.disable_hibp |= self.inner.pwned_range.is_none();
        // Passwords are checked for leaks when they are set, not at sign-in.
        passwords.enforce_hibp_on_sign_in = false;
        settings
    }

    /// Whether test addresses take the fixed code.
    pub(crate) fn is_in_test_mode(&self) -> bool {
        self.settings().beside.test_mode.unwrap_or(self.policy().test_mode)
    }

    /// The application's name and links, with the support that its backend named.
    #[cfg(feature = "server")]
    pub(crate) fn branding_in_force(&self) -> Branding {
        let mut branding = self.inner.branding.clone();
        if let Some(address) = &self.settings().beside.support_email {
            branding.support_email = Some(address.clone()).filter(|address| !address.is_empty());
        }
        branding
    }

    /// The settings as they are configured: without what the application's backend changed.
    pub fn configured_settings(&self) -> Settings {
        self.inner.amendments.configured_settings()
    }

    /// Replaces the configured settings at once, for sign-ups in progress too, until the engine stops. What the
    /// application's backend changed still takes precedence.
    ///
    /// # Errors
    /// The key at fault; the old settings stay in force then.
    pub fn replace_settings(&self, settings: Settings) -> Result<(), InvalidSettings> {
        check(&settings, self.inner.captcha.as_ref(), self.inner.relying_party.as_ref())?;
        self.inner.amendments.configure(settings, |in_force| self.inner.actor_context.replace_settings(in_force));
        Ok(())
    }

    /// Does the same with a document that was made from [`Self::settings`]. What only the application's backend put into it
    /// is not configured by it.
    ///
    /// # Errors
    /// As [`Self::replace_settings`].
    #[cfg(feature = "server")]
    pub(crate) fn replace_shown_settings(&self, mut settings: Settings) -> Result<(), InvalidSettings> {
        self.inner.amendments.take_out_overrides(&mut settings);
        self.replace_settings(settings)
    }

    /// The public keys of the signing keys, as a JWK Set (RFC 7517).
    pub fn jwks(&self) -> serde_json::Value {
        self.inner.keyring.jwks()
    }

    /// The captcha service, where the settings ask for one.
    pub fn captcha(&self) -> Option<&Captcha> {
        self.inner.captcha.as_ref()
    }

    /// Moves the clock forward permanently: the offset is stored with the data. `None` where the engine's clock can't
    /// be moved.
    ///
    /// # Errors
    /// When the total offset would exceed a hundred years, or can't be stored; the clock is not moved then.
    pub async fn advance_clock(&self, by: Span) -> Result<Option<Timestamp>, EngineError> {
        self.admitted(async {
            let Some(clock) = &self.inner.movable_clock else {
                return Ok(None);
            };
            let offset = clock.offset().as_millis().saturating_add(by.as_millis());
            if offset > CLOCK_OFFSET_MAX.as_millis() {
                return Err(ErrorCode::FormParamValueInvalid.on("advance_ms").into());
            }
            let commit = Commit::of_value(self.now(), CLOCK_OFFSET, offset.to_be_bytes().to_vec());
            self.inner.system.persister().commit(Commit { concerns_others: true, ..commit }).await?;
            clock.advance(by);
            Ok(Some(self.now()))
        })
        .await
    }

    /// Moves the clock as far forward as another node has.
    pub(super) async fn take_clock_offset(&self) -> Result<(), EngineError> {
        if let Some(clock) = &self.inner.movable_clock {
            let offset = stored_offset(self.inner.store()).await?;
            clock.advance(Span::from_millis(offset.as_millis().saturating_sub(clock.offset().as_millis())));
        }
        Ok(())
    }

    /// Whether it can work now, that is, commit. Does not wait.
    ///
    /// # Errors
    /// Why it can't work.
    pub fn readiness(&self) -> Result<(), NotReady> {
        self.inner.store().health()?;
        if self.inner.system.persister().commits_fail() { Err(NotReady::CommitsFail) } else { Ok(()) }
    }

    /// Whether it can work now.
    pub fn is_ready(&self) -> bool {
        self.readiness().is_ok()
    }

    /// Whether it can't work again before it is rebuilt.
    pub fn has_failed(&self) -> bool {
        matches!(self.inner.store().health(), Err(Unready::Stopped | Unready::SnapshotsDead))
    }

    /// The state of the delivery channels. Does not wait.
    pub fn channels(&self) -> [ChannelStatus; 2] {
        [Channel::Email, Channel::Sms].map(|channel| ChannelStatus {
            providers: self.inner.transports.of(channel).providers(),
            ..self.inner.actor_context.health(channel).status()
        })
    }

    /// The URL that others know this engine by, without a slash at its end.
    #[cfg(feature = "server")]
    pub(crate) fn public_base(&self) -> &str {
        self.inner.callback_url.as_str().trim_end_matches("/v1/oauth_callback")
    }

    /// The application's name and looks.
    pub fn branding(&self) -> &Branding {
        &self.inner.branding
    }

    /// The publishable key: what browsers are configured with.
    pub fn publishable_key(&self) -> &str {
        &self.inner.publishable_key
    }

    /// The URL in `text`, if browsers may be sent to it: the only way to the [`RedirectUrl`] that calls take. Use it for
    /// every URL that a page or a person gives. A relative URL is resolved against `origin`, the origin of the calling
    /// page. What is allowed: [`EngineBuilder::allowed_origins`], [`EngineBuilder::allowed_redirects`], and what the
    /// application's backend listed ([`Instance::list_redirect_url`](super::Instance::list_redirect_url)).
    ///
    /// # Errors
    /// `invalid_redirect_url` for a URL that is not allowed, or whose notation different parsers could read
    /// differently.
    pub fn redirect_url(&self, text: &str, origin: Option<&str>) -> Result<RedirectUrl, Rejection> {
        Ok(self.redirects().check("redirect_url", text, origin)?)
    }

    /// The rule which pages may call, and where browsers may be sent.
    pub(crate) fn redirects(&self) -> Arc<RedirectRule> {
        self.inner.amendments.redirects()
    }

    /// A URL that was allowed when it was stored, if it still is.
    pub(super) fn still_allowed(&self, url: RedirectUrl) -> Option<RedirectUrl> {
        Some(url).filter(|url| self.redirects().still_allows(url))
    }

    /// A URL that was listed when it was stored, if it still is.
    pub(super) fn still_listed(&self, url: RedirectUrl) -> Option<RedirectUrl> {
        Some(url).filter(|url| self.redirects().still_lists(url))
    }

    /// The URL to which an application is brought what it continues with, if it is listed.
    pub(super) fn only_listed(&self, url: Option<&RedirectUrl>) -> Result<(), Rejection> {
        url.map_or(Ok(()), |url| Ok(self.redirects().check_listed("redirect_url", url.as_str()).map(drop)?))
    }

    /// Whether a client may have only one session.
    pub fn single_session(&self) -> bool {
        self.inner.actor_context.policy.single_session
    }

    /// The limits and lifetimes in force.
    pub fn policy(&self) -> &Policy {
        &self.inner.actor_context.policy
    }

    /// How many sign-ups have an actor in memory.
    pub async fn awake_sign_ups(&self) -> usize {
        self.inner.system.awake().await
    }

    /// Stops the engine: running calls finish, queued commits are written, messages in delivery are sent, and files are
    /// closed. Later calls fail with [`EngineError::Overloaded`].
    pub async fn shutdown(self) {
        self.inner.admission.close();
        #[cfg(feature = "webhooks")]
        self.inner.webhooks.stop().await;
        self.inner.system.stop().await;
        self.inner.store().close().await;
    }
}

/// Validates settings, by themselves and against what the engine was built with.
pub(super) fn check(
    settings: &Settings,
    captcha: Option<&Captcha>,
    relying_party: Option<&RelyingParty>,
) -> Result<(), InvalidSettings> {
    settings.validate()?;
    if settings.sign_up.captcha_enabled && captcha.is_none() {
        let reason = "needs a captcha service: set `captcha.provider`, `captcha.site_key` and `captcha.secret`".into();
        return Err(InvalidSettings { key: "sign_up.captcha_enabled".into(), reason });
    }
    if settings.attributes.passkey.enabled && relying_party.is_none() {
        let reason = "needs the domain of the application's pages, to which passkeys are bound, and no URL of this instance \
                      has a domain: set `passkeys.rp_id`";
        return Err(InvalidSettings { key: "attributes.passkey.enabled".into(), reason: reason.into() });
    }
    Ok(())
}

impl Inner {
    pub(super) fn store(&self) -> &dyn Store {
        &*self.actor_context.store
    }
}

impl From<StoreError> for EngineError {
    fn from(error: StoreError) -> Self {
        tracing::error!(%error, "a read failed");
        Self::Unavailable("the store can't be read".into())
    }
}

impl From<PoolError> for EngineError {
    fn from(error: PoolError) -> Self {
        match error {
            PoolError::Full { retry_after } => Self::Overloaded { retry_after },
            error => Self::Unavailable(error.to_string()),
        }
    }
}

impl From<CommitError> for EngineError {
    fn from(error: CommitError) -> Self {
        match error {
            // For commits that are not a sign-up's own, these conflicts mean something else.
            CommitError::Client(conflict) if conflict != ClientConflict::TokenReplaced => Self::NoClient,
            CommitError::Rejected(rejection) if rejection.is(ErrorCode::ResourceNotFound) => Self::NotFound,
            error => CallError::from(error).into(),
        }
    }
}

impl From<CallError> for EngineError {
    fn from(error: CallError) -> Self {
        match error {
            CallError::Rejected(rejection) => Self::Rejected(rejection),
            CallError::NotFound => Self::NotFound,
            CallError::TokenReplaced => Self::TokenReplaced,
            CallError::Busy => Self::Busy { retry_after: RETRY_AFTER },
            CallError::Overloaded => Self::Overloaded { retry_after: RETRY_AFTER },
            CallError::Unavailable | CallError::Lost => Self::Unavailable(error.to_string()),
        }
    }
}

/// How far earlier runs over this data moved the clock forward.
pub(super) async fn stored_offset(store: &dyn Store) -> Result<Span, StoreError> {
    let stored = store.value(CLOCK_OFFSET).await?;
    let bytes = stored.and_then(|bytes| <[u8; 8]>::try_from(bytes).ok());
    Ok(Span::from_millis(bytes.map_or(0, u64::from_be_bytes)))
}

/// The name under which the clock's offset is stored.
const CLOCK_OFFSET: &str = "clock_offset_ms";
/// The largest clock offset: dates that are stored and signed stay in the range that all programs can read.
const CLOCK_OFFSET_MAX: Span = Span::from_secs(100 * 366 * 86_400);
