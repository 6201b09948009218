//! The calls that change the instance itself
//! ([guide: The instance](crate::guide::contract_backend#the-instance)): overrides of its settings, entries of the
//! allow-list and the block-list, and redirect URLs. A call answers once the change is stored and in force.

use crate::domain::id::{InstanceId, InvitationId, ListedIdentifierId, RedirectUrlId};
use crate::domain::identifier::EmailAddress;
use crate::domain::invitation::{Invitation, NewInvitation};
use crate::domain::listed::{List, ListedIdentifier, ListedRedirect};
use crate::domain::redirect::origin;
use crate::domain::rejection::{ErrorCode, Reason, Rejection};
use crate::domain::settings::overrides::{Overrides, PreferredStrategy};
use crate::domain::settings::restrictions::Pattern;
use crate::store::{Commit, CommitError, Decision, ListedChange, RedirectUrlChange};

use super::pagination::{ListParams, Page, collect};
use crate::engine::amendments::{Amendment, REDIRECTS_MAX, Stored, Turn, Versioned};
use crate::engine::{Engine, EngineError, keys};

/// The settings that the application's backend can change: as they are configured, and what overrides them.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct OverridesView {
    /// How often the overrides were changed.
    pub version: u64,
    /// What is stored. It takes precedence over what is configured.
    pub stored: Overrides,
    /// What is configured; every value is there.
    pub configured: Overrides,
}

/// An entry of the allow-list or the block-list as it is shown.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct ListedIdentifierView {
    /// The stored entry.
    pub value: ListedIdentifier,
    /// The instance.
    pub instance: InstanceId,
}

impl OverridesView {
    /// What is in force; every value is there.
    pub fn in_force(&self) -> Overrides {
        self.configured.changed_by(&self.stored)
    }
}

impl Engine {
    /// The id of the instance: the same as long as the instance key is.
    pub fn instance_id(&self) -> InstanceId {
        keys::instance_id(&self.inner.key)
    }

    /// What components ask for first at sign-in, where every user has a password.
    #[cfg_attr(not(feature = "server"), allow(dead_code, reason = "only the environment over HTTP shows it"))]
    pub(crate) fn preferred_sign_in_strategy(&self) -> PreferredStrategy {
        self.inner.amendments.preferred_sign_in_strategy()
    }

    /// What overrides the configured settings. It reads no store.
    pub(crate) fn overrides_in_force(&self) -> OverridesView {
        let Versioned { version, overrides } = self.inner.amendments.overrides();
        OverridesView { version, stored: overrides, configured: self.inner.amendments.configured() }
    }

    /// [`Instance::overrides`](crate::engine::Instance::overrides).
    pub(crate) async fn overrides(&self) -> Result<OverridesView, EngineError> {
        self.admitted(async { Ok(self.overrides_in_force()) }).await
    }

    /// [`Instance::change`](crate::engine::Instance::change).
    pub(crate) async fn change_overrides(
        &self,
        change: &Overrides,
        version: Option<u64>,
    ) -> Result<OverridesView, EngineError> {
        self.admitted(async {
            let change = self.checked(change)?;
            self.write_overrides(version, |before| before.changed_by(&change)).await
        })
        .await
    }

    /// [`Instance::drop_overrides`](crate::engine::Instance::drop_overrides).
    pub(crate) async fn drop_overrides(&self, version: Option<u64>) -> Result<OverridesView, EngineError> {
        self.admitted(self.write_overrides(version, |_| Overrides::default())).await
    }

    /// [`Instance::list_identifier`](crate::engine::Instance::list_identifier).
    pub(crate) async fn list_identifier(
        &self,
        list: List,
        identifier: &str,
        notify: bool,
    ) -> Result<ListedIdentifierView, EngineError> {
        self.admitted(async {
            let now = self.now();
            let mut listed = ListedIdentifier::new(list, identifier, &*self.inner.key, now)?;
            let mut commit = Commit { at: now, ..Commit::default() };
            if notify {
                listed.invitation = Some(self.invite_listed(&mut commit, &listed).await?);
            }
            let turn = self.turn().await?;
            if self.inner.amendments.count_listed(list) >= LISTED_MAX {
                return Err(ErrorCode::FormParamValueInvalid.on("identifier").into());
            }
            commit.decision.listed.push(ListedChange::Add(Box::new(listed.clone())));
            self.amend(turn, commit, Amendment::Listed(list, listed.pattern.clone())).await?;
            Ok(self.view_listed(listed))
        })
        .await
    }

    /// [`Instance::unlist_identifier`](crate::engine::Instance::unlist_identifier).
    pub(crate) async fn unlist_identifier(&self, list: List, id: ListedIdentifierId) -> Result<(), EngineError> {
        self.admitted(async {
            let turn = self.turn().await?;
            let listed = self.inner.store().listed_identifier(list, id).await?.ok_or(EngineError::NotFound)?;
            let decision = Decision { listed: vec![ListedChange::Remove(list, id)], ..Decision::default() };
            let commit = Commit::of_decision(self.now(), decision);
            self.amend(turn, commit, Amendment::Unlisted(list, listed.pattern)).await
        })
        .await
    }

    /// [`Instance::listed_identifiers`](crate::engine::Instance::listed_identifiers).
    pub(crate) async fn listed_identifiers(
        &self,
        list: List,
        listing: &ListParams,
    ) -> Result<Page<ListedIdentifierView>, EngineError> {
        self.admitted(async {
            let order = listing.order(&["created_at"])?;
            let store = self.inner.store();
            let all = collect(|after| store.listed(list, after, PORTION), |l| l.id, |_| true, PORTION).await?;
            let page = listing.page(all, |left, right| left.created_at.cmp(&right.created_at), order)?;
            Ok(page.map(|listed| self.view_listed(listed)))
        })
        .await
    }

    /// [`Instance::list_redirect_url`](crate::engine::Instance::list_redirect_url).
    pub(crate) async fn list_redirect_url(&self, url: &str) -> Result<ListedRedirect, EngineError> {
        self.admitted(async {
            let listed = ListedRedirect::new(url, &*self.inner.key, self.now())?;
            let turn = self.turn().await?;
            if self.inner.amendments.count_redirects() >= REDIRECTS_MAX {
                return Err(ErrorCode::FormParamValueInvalid.on("url").into());
            }
            let change = RedirectUrlChange::Add(Box::new(listed.clone()));
            let decision = Decision { redirect_urls: vec![change], ..Decision::default() };
            let commit = Commit::of_decision(self.now(), decision);
            self.amend(turn, commit, Amendment::Redirect(listed.clone())).await?;
            Ok(listed)
        })
        .await
    }

    /// [`Instance::unlist_redirect_url`](crate::engine::Instance::unlist_redirect_url).
    pub(crate) async fn unlist_redirect_url(&self, id: RedirectUrlId) -> Result<(), EngineError> {
        self.admitted(async {
            let turn = self.turn().await?;
            let listed = self.inner.store().redirect_url(id).await?.ok_or(EngineError::NotFound)?;
            let decision = Decision { redirect_urls: vec![RedirectUrlChange::Remove(id)], ..Decision::default() };
            let commit = Commit::of_decision(self.now(), decision);
            self.amend(turn, commit, Amendment::NoRedirect(listed)).await
        })
        .await
    }

    /// [`Instance::redirect_url`](crate::engine::Instance::redirect_url).
    pub(crate) async fn listed_redirect_url(&self, id: RedirectUrlId) -> Result<ListedRedirect, EngineError> {
        self.admitted(async { self.inner.store().redirect_url(id).await?.ok_or(EngineError::NotFound) }).await
    }

    /// [`Instance::redirect_urls`](crate::engine::Instance::redirect_urls).
    pub(crate) async fn listed_redirect_urls(&self, listing: &ListParams) -> Result<Page<ListedRedirect>, EngineError> {
        self.admitted(async {
            let order = listing.order(&["created_at"])?;
            let all = self.inner.store().redirect_urls(None, REDIRECTS_MAX).await?;
            Ok(listing.page(all, |left, right| left.created_at.cmp(&right.created_at), order)?)
        })
        .await
    }

    /// Adds to `commit` an invitation to the entry's address.
    async fn invite_listed(&self, commit: &mut Commit, listed: &ListedIdentifier) -> Result<InvitationId, EngineError> {
        // Invitations are sent by e-mail, and to one person.
        let (List::Allow, Pattern::Email(address)) = (listed.list, &listed.pattern) else {
            return Err(ErrorCode::FormParamValueInvalid.on("notify").into());
        };
        let input = NewInvitation::to(address.clone());
        let invitation = self.inner.actor_context.decide(|cx| Invitation::issue(&input, &[], cx))?;
        self.prepare_invitation(commit, &invitation, &input).await?;
        Ok(invitation.id)
    }

    /// A change of overrides that the instance can carry out, with its origins as browsers write them.
    fn checked(&self, change: &Overrides) -> Result<Overrides, Rejection> {
        let mut reasons: Vec<Reason> = Vec::new();
        if change.hibp == Some(true) && self.inner.pwned_range.is_none() {
            reasons.push(ErrorCode::FormParamValueInvalid.on("hibp"));
        }
        if change.test_mode.is_some() && !self.policy().test_mode_settable {
            reasons.push(ErrorCode::FormParamValueInvalid.on("test_mode"));
        }
        let mut checked = change.clone();
        if let Some(address) = change.support_email.as_deref().map(str::trim) {
            match EmailAddress::parse(address) {
                Ok(read) => checked.support_email = Some(read.typed().to_owned()),
                Err(_) if address.is_empty() => checked.support_email = Some(String::new()),
                Err(_) => reasons.push(ErrorCode::FormParamFormatInvalid.on("support_email")),
            }
        }
        if let Some(origins) = &change.allowed_origins {
            let read: Option<Vec<String>> = origins.iter().map(|text| origin(text.trim())).collect();
            match read {
                Some(read) if read.len() <= ORIGINS_MAX && read.iter().all(|text| text.len() <= ORIGIN_MAX) => {
                    checked.allowed_origins = Some(read);
                }
                _ => reasons.push(ErrorCode::FormInvalidOrigin.on("allowed_origins")),
            }
        }
        Rejection::collect(reasons).map(|()| checked)
    }

    /// Writes the next overrides, if `version` is none or that of those before.
    async fn write_overrides(
        &self,
        version: Option<u64>,
        next: impl FnOnce(&Overrides) -> Overrides,
    ) -> Result<OverridesView, EngineError> {
        let turn = self.turn().await?;
        let before = self.inner.amendments.overrides();
        if version.is_some_and(|version| version != before.version) {
            return Err(Rejection::from(ErrorCode::ResourceConflict).into());
        }
        let overrides = next(&before.overrides);
        if overrides != before.overrides {
            let next = before.next(overrides);
            self.amend(turn, before.replaced_by(self.now(), &next), Amendment::Overrides(next)).await?;
        }
        Ok(self.overrides_in_force())
    }

    /// Waits for the right to change something. Where the store may hold something else than what is in force, it is read
    /// first.
    async fn turn(&self) -> Result<Turn, EngineError> {
        let turn = self.inner.amendments.turn().await;
        if self.inner.amendments.is_unsure(&turn) || self.inner.store().is_shared() {
            self.read_again(&turn).await?;
        }
        Ok(turn)
    }

    /// Puts in force what the store holds: another node may have changed it.
    pub(in crate::engine) async fn restore_amendments(&self) -> Result<(), EngineError> {
        let turn = self.inner.amendments.turn().await;
        self.read_again(&turn).await
    }

    /// Puts in force what the store holds.
    async fn read_again(&self, turn: &Turn) -> Result<(), EngineError> {
        self.inner.amendments.doubt(turn);
        let read = Stored::read(self.inner.store()).await?;
        self.inner.amendments.restore(turn, read, |settings| self.inner.actor_context.replace_settings(settings));
        Ok(())
    }

    /// Commits a change and puts it in force. It does so in a task of its own, which goes on if the caller goes away:
    /// what is stored must be in force.
    async fn amend(&self, turn: Turn, commit: Commit, amendment: Amendment) -> Result<(), EngineError> {
        let engine = self.clone();
        let task = tokio::spawn(async move {
            let inner = &engine.inner;
            let put = |settings| inner.actor_context.replace_settings(settings);
            match inner.system.persister().commit(commit).await {
                Ok(_) => {
                    inner.amendments.amend(&turn, amendment, put);
                    Ok(())
                }
                Err(error) => {
                    // It may have been written, or something else was.
                    if matches!(error, CommitError::Unknown | CommitError::Stale) {
                        engine.read_again(&turn).await?;
                    }
                    Err(match error {
                        CommitError::Stale => Rejection::from(ErrorCode::ResourceConflict).into(),
                        error => error.into(),
                    })
                }
            }
        });
        task.await.unwrap_or(Err(EngineError::Internal))
    }

    fn view_listed(&self, value: ListedIdentifier) -> ListedIdentifierView {
        ListedIdentifierView { value, instance: self.instance_id() }
    }
}

/// How many entries a list may have beside the configured ones: all of them are in memory, each with about 100 bytes.
const LISTED_MAX: usize = 100_000;
/// How many origins may be allowed, and how long one may be, in bytes: they are stored as one value.
const ORIGINS_MAX: usize = 100;
const ORIGIN_MAX: usize = 300;
/// How many entries one read returns.
const PORTION: usize = 512;
