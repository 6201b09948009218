//! Links that prove an address of the own user ([guide: Addresses of the profile](crate::guide::contract_me)).

use crate::domain::client::Client;
use crate::domain::id::{ClientId, IdentificationId};
use crate::domain::rejection::ErrorCode;
use crate::domain::user::{AddressVerification, Purpose, User};
use crate::domain::verification::{LinkOwner, LinkSecret, Strategy, VerifyLink, check_enabled};
use crate::limiter::LimitedAction;

use super::address_steps::Beside;
use super::email_links::{Followed, LinkOutcome, refusal};
use super::sign_in_commits::TRIES_MAX;
use crate::engine::admission::RETRY_AFTER;
use crate::engine::{Caller, Engine, EngineError, RequestContext};

impl Engine {
    /// Follows the link to an address that a user has added on the client `owner`; `None` where nothing waits for such a link. The
    /// session that asked for it, or another one of the user on that client, must still live.
    pub(super) async fn follow_address_link(
        &self,
        caller: &Caller,
        (id, owner): (IdentificationId, ClientId),
        secret: LinkSecret,
        confirmed: bool,
        context: &RequestContext,
    ) -> Result<Option<Followed>, EngineError> {
        if self.link_to_address(id).await?.is_none() {
            return Ok(None);
        }
        self.inner.admission.spend(LimitedAction::Write, context, self.now())?;
        let by = caller.client_id();
        let follow = VerifyLink { secret, by, confirmed, again: false, in_cookie: context.in_cookie() };
        // Only the holder of the link is told where it leads.
        let leads = |known: &AddressVerification| {
            let of = LinkOwner::Address(id, owner);
            let is_link = self.inner.actor_context.decide(|cx| known.is_link(of, &follow.secret, cx));
            known.link_redirect().filter(|_| is_link).cloned().and_then(|url| self.still_allowed(url))
        };
        let followed = |known: &AddressVerification, outcome| Followed {
            outcome,
            redirect_url: leads(known),
            client: None,
            by_owner: by == Some(owner),
            refusal: None,
            awaits_approval: false,
            approval_token: None,
        };
        for _ in 0..TRIES_MAX {
            let store = self.inner.store();
            let Some(known) = self.link_to_address(id).await? else { return Ok(None) };
            let (user, client) = (store.user(known.user_id).await?, store.client(owner).await?);
            let Some((user, client)) = user.zip(client) else { return Ok(Some(followed(&known, LinkOutcome::Failed))) };
            let is_on = check_enabled(&Strategy::EmailLink, &self.settings()).is_ok();
            if !is_on || !self.is_at_home(&user, &client) {
                return Ok(Some(followed(&known, LinkOutcome::Failed)));
            }
            let owner = (LinkOwner::Address(id, owner), owner);
            let step = match self.inner.actor_context.decide(|cx| known.follow(&follow, owner, &user, cx)) {
                Ok(Some(step)) => step,
                Ok(None) if known.is_verified() => {
                    return Ok(Some(followed(&known, LinkOutcome::Verified { session: None })));
                }
                Ok(None) => return Ok(Some(followed(&known, LinkOutcome::Unconfirmed))),
                Err(refused) => return Ok(Some(followed(&known, refusal(refused.into())?.0))),
            };
            let by_owner = by == Some(owner.1);
            let caller = if by_owner { caller.clone() } else { Caller::anonymous() };
            let beside = Beside::of(&caller, context);
            match self.commit_step(&step, Some(&known), Some(&user), beside).await {
                Ok(Some(_)) => return Ok(Some(followed(&known, LinkOutcome::Verified { session: None }))),
                Ok(None) => {}
                // The address has become another user's.
                Err(EngineError::Rejected(refused)) if refused.is(ErrorCode::FormIdentifierExists) => {
                    return Ok(Some(followed(&known, LinkOutcome::Failed)));
                }
                Err(error) => return Err(error),
            }
        }
        Err(EngineError::Busy { retry_after: RETRY_AFTER })
    }

    async fn link_to_address(&self, id: IdentificationId) -> Result<Option<AddressVerification>, EngineError> {
        let known = self.inner.store().address_verification(id).await?;
        Ok(known.filter(|known| known.purpose == Purpose::Profile && known.link_redirect().is_some()))
    }

    /// Whether the user has a session on this client that may change the profile.
    fn is_at_home(&self, user: &User, client: &Client) -> bool {
        let mut sessions = client.live_sessions(self.now());
        sessions
            .any(|session| session.user_id == user.id && session.task.is_none() && user.has_ended(session).is_none())
    }
}
