//! The call behind an e-mail link of a sign-in ([guide: E-mail links](crate::guide::contract_sign_ins#e-mail-links)).

use crate::domain::client::Client;
use crate::domain::context::Context;
use crate::domain::id::{ClientId, SignInId};
use crate::domain::sign_in::SignIn;
use crate::domain::verification::{LinkOwner, LinkSecret, LinkToken, VerifyLink};
use crate::limiter::LimitedAction;

use super::email_links::{Followed, LinkOutcome, refusal};
use super::sign_in_commits::TRIES_MAX;
use crate::engine::admission::RETRY_AFTER;
use crate::engine::{Caller, Engine, EngineError, RequestContext};

impl Engine {
    /// Follows the link of a sign-in; `None` where there is none with this id on this client.
    pub(super) async fn follow_sign_in_link(
        &self,
        caller: &Caller,
        (id, owner): (SignInId, ClientId),
        secret: LinkSecret,
        confirmed: bool,
        context: &RequestContext,
    ) -> Result<Option<Followed>, EngineError> {
        let Some(client) = self.inner.store().client(owner).await? else { return Ok(None) };
        self.inner.admission.spend(LimitedAction::Write, context, self.now())?;
        let again = caller.replaced().is_some_and(|(client, _)| client == owner);
        let by = if again { Some(owner) } else { caller.client_id() };
        let follow = VerifyLink { secret, by, confirmed, again, in_cookie: context.in_cookie() };
        let by_owner = by == Some(owner) && !again;
        // Only the holder of the link is told where it leads.
        let leads = |value: &SignIn| {
            let is_link = self.inner.actor_context.decide(|cx| value.is_link(&follow.secret, cx));
            value.link_redirect().filter(|_| is_link).cloned().and_then(|url| self.still_allowed(url))
        };
        let followed = |outcome, value: &SignIn| Followed {
            outcome,
            redirect_url: leads(value),
            client: None,
            by_owner,
            refusal: None,
            awaits_approval: false,
            approval_token: None,
        };
        let Ok(open) = self.in_progress(Some(&client), id) else {
            let finished = client.finished(id, self.now());
            return Ok(finished.map(|finished| {
                let is_known = self.inner.actor_context.decide(|cx| finished.is_link(&follow.secret, cx));
                // For its own client a link that was used before still leads to the session.
                let session = finished.session().filter(|_| is_known && by == Some(owner));
                let outcome = session.map_or(LinkOutcome::Failed, |id| LinkOutcome::Verified { session: Some(id) });
                followed(outcome, finished)
            }));
        };
        if follow.secret.challenge().is_some() {
            let token = LinkToken { owner: LinkOwner::SignIn(id, owner), secret: follow.secret.clone() };
            let status = self.status_of_sign_in_link(&token).await?;
            return Ok(Some(self.approve_link(status, open.link_redirect().cloned(), &token)));
        }
        let terms = if by_owner { caller.terms() } else { Vec::new() };
        let single = self.single_session();
        for _ in 0..TRIES_MAX {
            let user = self.user_of(open).await?;
            let user = user.as_deref();
            let decide = |client: Option<&Client>, cx: &mut Context<'_>| {
                let value = self.in_progress(client, id)?;
                client.map_or(Ok(()), |client| client.admits(user, single, cx.now))?;
                Ok(value.verify_link(&follow, user, cx)?)
            };
            let changed = match self.change_sign_in(owner, terms.clone(), context, decide).await {
                Ok(changed) => changed,
                Err(error) => {
                    let (outcome, refusal) = refusal(error)?;
                    return Ok(Some(Followed { refusal, ..followed(outcome, open) }));
                }
            };
            let Some((next, committed)) = changed else { continue };
            let is_verified = next.first_factor.as_ref().is_some_and(|factor| factor.verification.verified.is_some());
            let outcome = match is_verified {
                _ if next.is_transferable() => LinkOutcome::Transferable,
                true => LinkOutcome::Verified { session: next.session() },
                false => LinkOutcome::Unconfirmed,
            };
            let mut answer = followed(outcome, &next);
            if by_owner && follow.in_cookie && committed.client.is_some() {
                answer.client = match self.shown_after(caller, next, &committed, context).await {
                    Ok((_, client)) => Some(client),
                    // The token is not in a cookie that this answer could set: the page that waits gets it.
                    Err(EngineError::TokenReplaced) => None,
                    Err(error) => return Err(error),
                };
            }
            return Ok(Some(answer));
        }
        Err(EngineError::Busy { retry_after: RETRY_AFTER })
    }
}
