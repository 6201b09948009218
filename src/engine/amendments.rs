//! What the application's backend changed of the instance, over what is configured: overrides of settings, entries of the
//! allow-list and the block-list, and redirect URLs. They are stored, and in memory, so that no sign-up reads them from
//! the store.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, RwLock};

use serde::{Deserialize, Serialize};
use tokio::sync::{Mutex as Turns, OwnedMutexGuard};
use url::Url;

use crate::domain::listed::{List, ListedRedirect};
use crate::domain::redirect::{PageOrigins, RedirectRule};
use crate::domain::settings::Settings;
use crate::domain::settings::overrides::{Overrides, PreferredStrategy};
use crate::domain::settings::restrictions::{Pattern, Patterns};
use crate::domain::time::Timestamp;
use crate::store::{Commit, Decision, NamedValueWrite, Store, StoreError};

/// What is configured, what is stored beside it, and the redirect rule that both make.
pub(super) struct Amendments {
    /// Held by a change from before its commit until it is in force, so that changes are in force in the order of their
    /// commits.
    turns: Arc<Turns<()>>,
    /// Whether the store may hold something else, because the outcome of a commit is unknown and it could not be read since.
    is_unsure: AtomicBool,
    parts: Mutex<Parts>,
    redirects: RwLock<Arc<RedirectRule>>,
}

/// The right to change something; the next change waits until it is dropped.
pub(super) type Turn = OwnedMutexGuard<()>;

struct Parts {
    settings: Settings,
    sites: Sites,
    stored: Stored,
}

/// The configured origins and redirect targets.
pub(super) struct Sites {
    pub(super) public_url: Url,
    pub(super) allowed_origins: Vec<String>,
    pub(super) allowed_redirects: Vec<String>,
    pub(super) local_pages: bool,
    pub(super) support_email: Option<String>,
    pub(super) test_mode: bool,
    /// Whether what is stored of the test mode counts.
    pub(super) test_mode_settable: bool,
}

/// What is stored.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Stored {
    pub(super) overrides: Versioned,
    allowlist: Patterns,
    blocklist: Patterns,
    redirects: Vec<ListedRedirect>,
}

/// The overrides, and how often they were changed.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Versioned {
    pub(super) version: u64,
    pub(super) overrides: Overrides,
}

/// A change that was committed.
pub(super) enum Amendment {
    Overrides(Versioned),
    Listed(List, Pattern),
    Unlisted(List, Pattern),
    Redirect(ListedRedirect),
    NoRedirect(ListedRedirect),
}

impl Amendments {
    /// What is stored beside these settings and sites.
    pub(super) fn new(settings: Settings, sites: Sites, stored: Stored) -> Self {
        let parts = Parts { settings, sites, stored };
        let redirects = RwLock::new(Arc::new(parts.redirects()));
        Self { turns: Arc::default(), is_unsure: AtomicBool::new(false), parts: Mutex::new(parts), redirects }
    }

    /// The settings in force.
    pub(super) fn settings(&self) -> Settings {
        self.parts().settings_in_force()
    }

    /// The settings as they are configured.
    pub(super) fn configured_settings(&self) -> Settings {
        self.parts().settings.clone()
    }

    /// Takes newly configured settings; gives those that are in force then to `put`, before another change can.
    pub(super) fn configure(&self, settings: Settings, put: impl FnOnce(Settings)) {
        let mut parts = self.parts();
        parts.settings = settings;
        put(parts.settings_in_force());
    }

    /// Takes out of a document that was made from the settings in force what only the overrides put into it.
    #[cfg(feature = "server")]
    pub(super) fn take_out_overrides(&self, document: &mut Settings) {
        let parts = self.parts();
        parts.stored.overrides.overrides.take_out_of(document, &parts.settings);
    }

    /// The rule for redirects in force.
    pub(super) fn redirects(&self) -> Arc<RedirectRule> {
        self.redirects.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// The overrides that are stored.
    pub(super) fn overrides(&self) -> Versioned {
        self.parts().stored.overrides.clone()
    }

    /// What components ask for first at sign-in.
    pub(super) fn preferred_sign_in_strategy(&self) -> PreferredStrategy {
        let parts = self.parts();
        parts.stored.overrides.overrides.preferred_sign_in_strategy.unwrap_or(PreferredStrategy::Unset)
    }

    /// What can be overridden, as it is configured.
    pub(super) fn configured(&self) -> Overrides {
        let parts = self.parts();
        configured_overrides(&parts.settings, parts.sites.configured())
    }

    /// How many entries a list has beside the configured ones.
    pub(super) fn count_listed(&self, list: List) -> usize {
        self.parts().stored.patterns(list).len()
    }

    /// How many redirect URLs are listed beside the configured ones.
    pub(super) fn count_redirects(&self) -> usize {
        self.parts().stored.redirects.len()
    }

    /// Waits for the right to change something.
    pub(super) async fn turn(&self) -> Turn {
        self.turns.clone().lock_owned().await
    }

    /// Puts a committed change in force. `put` gets the settings, before another change can.
    pub(super) fn amend(&self, _turn: &Turn, amendment: Amendment, put: impl FnOnce(Settings)) {
        let is_of_lists = matches!(amendment, Amendment::Listed(..) | Amendment::Unlisted(..));
        self.change(|stored| stored.amend(amendment), !is_of_lists, put);
    }

    /// Notes that the store may hold something else, until [`Self::restore`].
    pub(super) fn doubt(&self, _turn: &Turn) {
        self.is_unsure.store(true, Ordering::Relaxed);
    }

    /// Whether the store may hold something else.
    pub(super) fn is_unsure(&self, _turn: &Turn) -> bool {
        self.is_unsure.load(Ordering::Relaxed)
    }

    /// Puts in force what was read from the store.
    pub(super) fn restore(&self, _turn: &Turn, read: Stored, put: impl FnOnce(Settings)) {
        self.change(|stored| *stored = read, true, put);
        self.is_unsure.store(false, Ordering::Relaxed);
    }

    fn change(&self, change: impl FnOnce(&mut Stored), moves_redirects: bool, put: impl FnOnce(Settings)) {
        let mut parts = self.parts();
        change(&mut parts.stored);
        if moves_redirects {
            *self.redirects.write().unwrap_or_else(PoisonError::into_inner) = Arc::new(parts.redirects());
        }
        put(parts.settings_in_force());
    }

    fn parts(&self) -> MutexGuard<'_, Parts> {
        self.parts.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Sites {
    fn configured(&self) -> ConfiguredBeside {
        ConfiguredBeside {
            allowed_origins: self.allowed_origins.clone(),
            support_email: self.support_email.clone(),
            test_mode: self.test_mode,
        }
    }
}

impl Parts {
    fn settings_in_force(&self) -> Settings {
        let mut settings = self.stored.over(&self.settings);
        if !self.sites.test_mode_settable {
            settings.beside.test_mode = None;
        }
        settings
    }

    fn redirects(&self) -> RedirectRule {
        let (sites, stored) = (&self.sites, &self.stored);
        let listed = stored.overrides.overrides.allowed_origins.as_ref().unwrap_or(&sites.allowed_origins);
        let origins = PageOrigins::new(&sites.public_url, listed, sites.local_pages);
        let urls = stored.redirects.iter().map(|redirect| &redirect.url);
        let further: Vec<String> = sites.allowed_redirects.iter().chain(urls).cloned().collect();
        RedirectRule::new(origins, &further)
    }
}

impl Stored {
    /// Reads what is stored.
    ///
    /// # Errors
    /// Where the store can't be read, or where it was written by a newer version that stores more.
    pub(super) async fn read(store: &dyn Store) -> Result<Self, StoreError> {
        let mut stored = Self { overrides: read_overrides(store).await?, ..Self::default() };
        for list in [List::Allow, List::Block] {
            let mut after = None;
            loop {
                let portion = store.listed(list, after, PORTION).await?;
                portion.iter().for_each(|listed| stored.patterns_mut(list).insert(&listed.pattern));
                after = portion.last().map(|listed| listed.id);
                if portion.len() < PORTION {
                    break;
                }
            }
        }
        stored.redirects = store.redirect_urls(None, REDIRECTS_MAX).await?;
        Ok(stored)
    }

    /// Logs what is in force instead of what is configured. A stored test mode does not count where it can't be set.
    pub(super) fn tell(&self, test_mode_settable: bool) {
        let overrides = &self.overrides.overrides;
        let test_mode = overrides.test_mode.filter(|_| test_mode_settable);
        let overrides = Overrides { test_mode, ..overrides.clone() }.list();
        if !overrides.is_empty() {
            let keys: Vec<&str> = overrides.iter().map(|(key, _)| *key).collect();
            tracing::info!(
                keys = keys.join(", "),
                "the application's backend changed these settings: what is stored \
                of them is in force, not what is configured"
            );
        }
    }

    /// Settings with what is stored over them.
    fn over(&self, settings: &Settings) -> Settings {
        let mut settings = settings.clone();
        self.overrides.overrides.apply(&mut settings);
        settings.restrictions.allowlist.stored = self.allowlist.clone();
        settings.restrictions.blocklist.stored = self.blocklist.clone();
        settings
    }

    fn amend(&mut self, amendment: Amendment) {
        match amendment {
            Amendment::Overrides(next) => self.overrides = next,
            Amendment::Listed(list, pattern) => self.patterns_mut(list).insert(&pattern),
            Amendment::Unlisted(list, pattern) => self.patterns_mut(list).remove(&pattern),
            Amendment::Redirect(listed) => self.redirects.push(listed),
            Amendment::NoRedirect(gone) => self.redirects.retain(|listed| listed.id != gone.id),
        }
    }

    const fn patterns(&self, list: List) -> &Patterns {
        match list {
            List::Allow => &self.allowlist,
            List::Block => &self.blocklist,
        }
    }

    const fn patterns_mut(&mut self, list: List) -> &mut Patterns {
        match list {
            List::Allow => &mut self.allowlist,
            List::Block => &mut self.blocklist,
        }
    }
}

impl Versioned {
    /// The next version, with these overrides.
    pub(super) fn next(&self, overrides: Overrides) -> Self {
        Self { version: self.version + 1, overrides }
    }

    /// The commit that stores the next version, if this one is stored.
    pub(super) fn replaced_by(&self, at: Timestamp, next: &Self) -> Commit {
        let expected = (self.version > 0).then(|| self.encode());
        let value = NamedValueWrite { name: OVERRIDES.into(), expected, next: next.encode() };
        Commit::of_decision(at, Decision { named_value: Some(value), ..Decision::default() })
    }

    /// The bytes that are stored. Overrides that the first schema can hold are written in it: what was read is found again
    /// in the same bytes, and an older version reads it.
    fn encode(&self) -> Vec<u8> {
        let Self { version, overrides } = self;
        let first = OverridesV1 {
            schema: 1,
            version: *version,
            allowlist: overrides.allowlist,
            blocklist: overrides.blocklist,
            allowlist_blocklist_disabled_on_sign_in: overrides.allowlist_blocklist_disabled_on_sign_in,
            block_email_subaddresses: overrides.block_email_subaddresses,
            block_disposable_email_domains: overrides.block_disposable_email_domains,
            hibp: overrides.hibp,
            allowed_origins: overrides.allowed_origins.clone(),
            preferred_sign_in_strategy: overrides.preferred_sign_in_strategy.map(|p| p.as_str().to_owned()),
        };
        let second = OverridesV2 {
            before: first,
            ignore_dots_for_gmail_addresses: overrides.ignore_dots_for_gmail_addresses,
            support_email: overrides.support_email.clone(),
            test_mode: overrides.test_mode,
        };
        let encoded = match second.is_first() {
            true => serde_json::to_vec(&second.before),
            false => {
                let before = OverridesV1 { schema: SCHEMA, ..second.before };
                serde_json::to_vec(&OverridesV2 { before, ..second })
            }
        };
        encoded.expect("switches and texts are JSON")
    }

    fn decode(bytes: &[u8]) -> Result<Self, StoreError> {
        let damaged = |error: serde_json::Error| StoreError::Damaged(format!("the overrides of settings: {error}"));
        let Schema { schema } = serde_json::from_slice(bytes).map_err(damaged)?;
        if schema > SCHEMA {
            return Err(StoreError::Damaged("the overrides of settings were written by a newer version".into()));
        }
        let stored: OverridesV2 = match schema {
            SCHEMA => serde_json::from_slice(bytes).map_err(damaged)?,
            _ => serde_json::from_slice::<OverridesV1>(bytes).map_err(damaged)?.into(),
        };
        let OverridesV2 { before: stored, ignore_dots_for_gmail_addresses, support_email, test_mode } = stored;
        let overrides = Overrides {
            allowlist: stored.allowlist,
            blocklist: stored.blocklist,
            allowlist_blocklist_disabled_on_sign_in: stored.allowlist_blocklist_disabled_on_sign_in,
            block_email_subaddresses: stored.block_email_subaddresses,
            block_disposable_email_domains: stored.block_disposable_email_domains,
            ignore_dots_for_gmail_addresses,
            hibp: stored.hibp,
            allowed_origins: stored.allowed_origins,
            preferred_sign_in_strategy: stored.preferred_sign_in_strategy.and_then(|p| PreferredStrategy::read(&p)),
            support_email,
            test_mode,
        };
        Ok(Self { version: stored.version, overrides })
    }
}

/// What can be overridden and is configured beside the settings.
#[derive(Clone, Debug, Default)]
pub(crate) struct ConfiguredBeside {
    pub(crate) allowed_origins: Vec<String>,
    pub(crate) support_email: Option<String>,
    pub(crate) test_mode: bool,
}

/// What can be overridden, as it is configured.
pub(super) fn configured_overrides(settings: &Settings, beside: ConfiguredBeside) -> Overrides {
    Overrides {
        allowed_origins: Some(beside.allowed_origins),
        support_email: Some(beside.support_email.unwrap_or_default()),
        test_mode: Some(beside.test_mode),
        preferred_sign_in_strategy: Some(PreferredStrategy::Unset),
        ..Overrides::of(settings)
    }
}

/// The overrides in a store.
///
/// # Errors
/// As [`Stored::read`].
pub(super) async fn read_overrides(store: &dyn Store) -> Result<Versioned, StoreError> {
    let stored = store.value(OVERRIDES).await?;
    stored.map_or_else(|| Ok(Versioned::default()), |bytes| Versioned::decode(&bytes))
}

/// Overrides as they are stored, as JSON. Frozen: another shape is another struct with the next schema.
#[derive(Serialize, Deserialize)]
struct OverridesV1 {
    schema: u8,
    version: u64,
    allowlist: Option<bool>,
    blocklist: Option<bool>,
    allowlist_blocklist_disabled_on_sign_in: Option<bool>,
    block_email_subaddresses: Option<bool>,
    block_disposable_email_domains: Option<bool>,
    hibp: Option<bool>,
    allowed_origins: Option<Vec<String>>,
    preferred_sign_in_strategy: Option<String>,
}

/// The second schema.
#[derive(Serialize, Deserialize)]
struct OverridesV2 {
    #[serde(flatten)]
    before: OverridesV1,
    ignore_dots_for_gmail_addresses: Option<bool>,
    support_email: Option<String>,
    test_mode: Option<bool>,
}

impl OverridesV2 {
    /// Whether the first schema can hold it.
    const fn is_first(&self) -> bool {
        self.ignore_dots_for_gmail_addresses.is_none() && self.support_email.is_none() && self.test_mode.is_none()
    }
}

impl From<OverridesV1> for OverridesV2 {
    fn from(before: OverridesV1) -> Self {
        Self { before, ignore_dots_for_gmail_addresses: None, support_email: None, test_mode: None }
    }
}

/// What every schema begins with.
#[derive(Deserialize)]
struct Schema {
    schema: u8,
}

/// The name under which the overrides are stored.
const OVERRIDES: &str = "instance_overrides";
/// How many redirect URLs may be listed: each one is compared with every URL that is given.
pub(super) const REDIRECTS_MAX: usize = 1000;
const SCHEMA: u8 = 2;
/// How many entries one read returns.
const PORTION: usize = 512;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn golden_overrides() {
        let overrides = Overrides {
            allowlist: Some(true),
            blocklist: Some(false),
            allowlist_blocklist_disabled_on_sign_in: Some(true),
            block_email_subaddresses: Some(false),
            block_disposable_email_domains: Some(true),
            ignore_dots_for_gmail_addresses: None,
            hibp: Some(false),
            allowed_origins: Some(vec!["https://app.example.com".into(), "capacitor://localhost".into()]),
            preferred_sign_in_strategy: Some(PreferredStrategy::Otp),
            support_email: None,
            test_mode: None,
        };
        let dotless = Overrides {
            ignore_dots_for_gmail_addresses: Some(true),
            support_email: Some("help@acme.example".into()),
            test_mode: Some(false),
            ..Overrides::default()
        };
        for (versioned, golden) in [
            (Versioned { version: 258, overrides }, FULL),
            (Versioned { version: 3, overrides: dotless }, SECOND),
            (Versioned::default(), EMPTY),
        ] {
            assert_eq!(String::from_utf8(versioned.encode()).expect("text"), golden);
            assert_eq!(Versioned::decode(golden.as_bytes()), Ok(versioned));
        }
    }

    #[test]
    fn overrides_of_a_newer_version_and_damaged_ones_are_refused() {
        for bytes in [r#"{"schema":3,"version":1,"more":[]}"#, r#"{"schema":1,"version":1,"#, "", r#"{"schema":1}"#] {
            assert!(matches!(Versioned::decode(bytes.as_bytes()), Err(StoreError::Damaged(_))), "{bytes}");
        }
    }

    /// Stored bytes, which every later version reads.
    const FULL: &str = r#"{"schema":1,"version":258,"allowlist":true,"blocklist":false,"allowlist_blocklist_disabled_on_sign_in":true,"block_email_subaddresses":false,"block_disposable_email_domains":true,"hibp":false,"allowed_origins":["https://app.example.com","capacitor://localhost"],"preferred_sign_in_strategy":"otp"}"#;
    const SECOND: &str = r#"{"schema":2,"version":3,"allowlist":null,"blocklist":null,"allowlist_blocklist_disabled_on_sign_in":null,"block_email_subaddresses":null,"block_disposable_email_domains":null,"hibp":null,"allowed_origins":null,"preferred_sign_in_strategy":null,"ignore_dots_for_gmail_addresses":true,"support_email":"help@acme.example","test_mode":false}"#;
    const EMPTY: &str = r#"{"schema":1,"version":0,"allowlist":null,"blocklist":null,"allowlist_blocklist_disabled_on_sign_in":null,"block_email_subaddresses":null,"block_disposable_email_domains":null,"hibp":null,"allowed_origins":null,"preferred_sign_in_strategy":null}"#;
}
