//! The calls about the waitlist.

use crate::domain::event::EndUser;
use crate::domain::id::WaitlistEntryId;
use crate::domain::invitation::{Invitation, NewInvitation, invited};
use crate::domain::rejection::{ErrorCode, Rejection};
use crate::domain::settings::SignUpMode;
use crate::domain::sign_up::taken;
use crate::domain::waitlist::{WaitlistEntry, WaitlistStatus};
use crate::limiter::LimitedAction;
use crate::store::{Commit, Decision, WaitlistChange};

use super::invitations::InvitationView;
use super::pagination::{ListParams, Page, collect};
use crate::engine::{Engine, EngineError, RequestContext};

/// A waitlist entry as it is shown.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct WaitlistEntryView {
    /// The stored entry.
    pub value: WaitlistEntry,
    /// The invitation that was made for the entry.
    pub invitation: Option<InvitationView>,
}

impl Engine {
    /// [`Waitlist::join`](crate::engine::Waitlist::join).
    pub(crate) async fn join_waitlist(
        &self,
        email_address: Option<&str>,
        context: &RequestContext,
    ) -> Result<WaitlistEntry, EngineError> {
        self.admitted(async {
            for action in [LimitedAction::Create, LimitedAction::LookUp, LimitedAction::Write] {
                self.inner.admission.spend(action, context, self.now())?;
            }
            let settings = self.settings();
            if settings.sign_up.mode != SignUpMode::Waitlist {
                return Err(Rejection::from(ErrorCode::FeatureNotEnabled).into());
            }
            let email = invited(email_address, &settings)?;
            settings.restrictions.admit_email(&email, true)?;
            let address = email.identifier();
            if !settings.hides_existence(address.kind) && self.owner_of(&address).await?.is_some() {
                return Err(taken(address.kind).into());
            }
            let entry = self.inner.actor_context.decide(|cx| WaitlistEntry::join(email, cx.digest, cx.now));
            self.change_waitlist(WaitlistChange::Join(Box::new(entry.clone())), context.end_user()).await?;
            Ok(entry)
        })
        .await
    }

    /// [`Waitlist::enter`](crate::engine::Waitlist::enter).
    pub(crate) async fn enter_waitlist(&self, email_address: Option<&str>) -> Result<WaitlistEntryView, EngineError> {
        self.admitted(async {
            let email = invited(email_address, &self.settings())?;
            let entry = self.inner.actor_context.decide(|cx| WaitlistEntry::join(email, cx.digest, cx.now));
            self.change_waitlist(WaitlistChange::Join(Box::new(entry.clone())), None).await?;
            // An existing entry stays as it was.
            self.waitlist_entry(entry.id).await
        })
        .await
    }

    /// [`Waitlist::invite`](crate::engine::Waitlist::invite).
    pub(crate) async fn invite_from_waitlist(
        &self,
        id: WaitlistEntryId,
        ignore_existing: Option<bool>,
    ) -> Result<WaitlistEntryView, EngineError> {
        self.admitted(async {
            let WaitlistEntryView { value: entry, invitation: earlier } = self.waitlist_entry(id).await?;
            // Before the errors of the invitation: a second request should be told that the entry is invited. The
            // commit checks this again.
            entry.may_be_invited(earlier.as_ref().map(|view| &view.value), self.now()).map_err(Rejection::from)?;
            let ignore_existing = ignore_existing.unwrap_or(false);
            let input = NewInvitation { ignore_existing, ..NewInvitation::to(entry.email_address.typed()) };
            let invitation = self.inner.actor_context.decide(|cx| Invitation::issue(&input, &[], cx))?;
            let invitation = Invitation { waitlist_entry: Some(id), ..invitation };
            let waitlist = vec![WaitlistChange::Invite(id, invitation.id)];
            let mut commit = Commit::of_decision(self.now(), Decision { waitlist, ..Decision::default() });
            self.prepare_invitation(&mut commit, &invitation, &input).await?;
            self.inner.system.persister().commit(commit).await?;
            self.waitlist_entry(id).await
        })
        .await
    }

    /// [`Waitlist::reject`](crate::engine::Waitlist::reject).
    pub(crate) async fn reject_from_waitlist(&self, id: WaitlistEntryId) -> Result<WaitlistEntryView, EngineError> {
        self.admitted(async {
            self.change_waitlist(WaitlistChange::Reject(id), None).await?;
            self.waitlist_entry(id).await
        })
        .await
    }

    /// [`Waitlist::delete`](crate::engine::Waitlist::delete).
    pub(crate) async fn delete_from_waitlist(&self, id: WaitlistEntryId) -> Result<(), EngineError> {
        self.admitted(self.change_waitlist(WaitlistChange::Delete(id), None)).await
    }

    /// [`Waitlist::list`](crate::engine::Waitlist::list).
    pub(crate) async fn list_waitlist(&self, listing: &ListParams) -> Result<Page<WaitlistEntryView>, EngineError> {
        self.admitted(async {
            let order = listing.order(&["created_at", "invited_at", "email_address"])?;
            let wanted = listing.status(WaitlistStatus::ALL, |status| status.as_str())?;
            let finds = listing.finder();
            let matches = |entry: &WaitlistEntry| {
                wanted.is_none_or(|wanted| wanted == entry.status) && finds(&entry.email_address)
            };
            let store = self.inner.store();
            let all = collect(|after| store.waitlist(after, PORTION), |entry| entry.id, matches, PORTION).await?;
            let compare = |left: &WaitlistEntry, right: &WaitlistEntry| match order.by {
                "email_address" => left.email_address.as_str().cmp(right.email_address.as_str()),
                "invited_at" => left.invited_at.cmp(&right.invited_at),
                _ => left.created_at.cmp(&right.created_at),
            };
            let page = listing.page(all, compare, order)?;
            let mut items = Vec::with_capacity(page.items.len());
            for entry in page.items {
                items.push(self.view_waitlist_entry(entry).await?);
            }
            Ok(Page { items, total: page.total })
        })
        .await
    }

    async fn waitlist_entry(&self, id: WaitlistEntryId) -> Result<WaitlistEntryView, EngineError> {
        let entry = self.inner.store().waitlist_entry(id).await?.ok_or(EngineError::NotFound)?;
        self.view_waitlist_entry(entry).await
    }

    async fn view_waitlist_entry(&self, value: WaitlistEntry) -> Result<WaitlistEntryView, EngineError> {
        let invitation = match value.invitation {
            Some(id) => self.inner.store().invitation(id).await?,
            None => None,
        };
        Ok(WaitlistEntryView { invitation: invitation.map(|i| self.view_invitation(i)), value })
    }

    async fn change_waitlist(&self, change: WaitlistChange, end_user: Option<Box<EndUser>>) -> Result<(), EngineError> {
        let decision = Decision { waitlist: vec![change], ..Decision::default() };
        let commit = Commit { end_user, ..Commit::of_decision(self.now(), decision) };
        self.inner.system.persister().commit(commit).await?;
        Ok(())
    }
}

/// How many entries one read returns.
const PORTION: usize = 512;
