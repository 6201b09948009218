//! Links of sign-ins that an application completes by itself, with PKCE
//! ([guide: Links for applications](crate::guide::contract_sign_ins#links-for-applications)). The application shows that it
//! has the verifier, and gets a ticket; with that it goes on as with every other ticket. The ticket is sealed, holds the
//! link, and is not stored: the link works once.

use crate::domain::client::Client;
use crate::domain::context::Context;
use crate::domain::id::{ClientId, SignInId};
use crate::domain::rejection::{ErrorCode, Rejection};
use crate::domain::secret::Secret;
use crate::domain::sign_in::SignIn;
use crate::domain::time::Span;
use crate::domain::verification::{LinkOwner, LinkSecret, LinkToken, VerificationStatus, VerifyLink};
use crate::engine::admission::RETRY_AFTER;
use crate::engine::input::ApprovedLink;
use crate::engine::{Caller, ClientView, Engine, EngineError, RequestContext, SignInView};
use crate::limiter::LimitedAction;

use super::approved_links::check_unused;
use super::sign_in_commits::TRIES_MAX;

/// A link whose ticket was presented.
pub(super) struct TicketOfLink {
    id: SignInId,
    owner: ClientId,
    secret: LinkSecret,
}

impl Engine {
    /// [`SignIns::exchange_link`](crate::engine::SignIns::exchange_link).
    pub(crate) async fn exchange_link(
        &self,
        input: &ApprovedLink,
        context: &RequestContext,
    ) -> Result<Secret<String>, EngineError> {
        self.admitted(async {
            self.inner.admission.spend(LimitedAction::Attempt, context, self.now())?;
            let id: SignInId = input.flow_id.parse().map_err(|_| ErrorCode::FormParamValueInvalid.on("flow_id"))?;
            let is_owner = |owner| matches!(owner, LinkOwner::SignIn(known, _) if known == id);
            let token = self.approved_by(input, is_owner)?;
            check_unused(self.status_of_sign_in_link(&token).await?)?;
            Ok(self.sealed_link(SEALED, &token, GOOD_FOR))
        })
        .await
    }

    /// The status of the verification that a link of a sign-in belongs to; `None` where it belongs to none.
    pub(super) async fn status_of_sign_in_link(
        &self,
        token: &LinkToken,
    ) -> Result<Option<VerificationStatus>, EngineError> {
        let LinkOwner::SignIn(id, owner) = token.owner else { return Ok(None) };
        let Some(client) = self.inner.store().client(owner).await? else { return Ok(None) };
        let now = self.now();
        let known = self.in_progress(Some(&client), id).ok().or_else(|| client.finished(id, now));
        let fitting = known.filter(|known| self.inner.actor_context.decide(|cx| known.is_link(&token.secret, cx)));
        let factor = fitting.and_then(|known| known.first_factor.as_ref());
        Ok(factor.map(|factor| factor.verification.status(now, self.policy().attempts_max)))
    }

    /// The link behind a ticket; `None` for a ticket of another kind.
    ///
    /// # Errors
    /// `ticket_expired_code`.
    pub(super) fn ticket_of_link(&self, ticket: &str) -> Result<Option<TicketOfLink>, ErrorCode> {
        let Some((token, until)) = self.opened_link(SEALED, ticket) else { return Ok(None) };
        if self.now() >= until {
            return Err(ErrorCode::TicketExpiredCode);
        }
        Ok(match token.owner {
            LinkOwner::SignIn(id, owner) => Some(TicketOfLink { id, owner, secret: token.secret }),
            LinkOwner::SignUp(_) | LinkOwner::Address(..) => None,
        })
    }

    /// Goes on with the sign-in that asked for the link, by the ticket that its application got. A caller without the
    /// token of that client gets it with the answer.
    ///
    /// # Errors
    /// `sign_in_token_already_used_code` where the link has done its work, `ticket_expired_code`, `ticket_invalid_code`.
    pub(super) async fn enter_by_link(
        &self,
        caller: &Caller,
        TicketOfLink { id, owner, secret }: TicketOfLink,
        context: &RequestContext,
    ) -> Result<(SignInView, ClientView), EngineError> {
        let token = LinkToken { owner: LinkOwner::SignIn(id, owner), secret: secret.clone() };
        let is_owner = caller.client_id() == Some(owner);
        if !is_owner && !context.in_application() {
            return Err(Rejection::from(ErrorCode::TicketInvalidCode).into());
        }
        let in_cookie = context.in_cookie();
        let follow = VerifyLink { secret, by: Some(owner), confirmed: true, again: false, in_cookie };
        let single = self.single_session();
        for _ in 0..TRIES_MAX {
            check_unused(self.status_of_sign_in_link(&token).await?).map_err(|refused| of_ticket(&refused))?;
            let holder = if is_owner { caller.clone() } else { self.holder(owner).await? };
            let client = holder.client().ok_or(EngineError::Internal)?;
            let user = self.user_of(self.open_for_ticket(Some(client), id)?).await?;
            let user = user.as_deref();
            let decide = |client: Option<&Client>, cx: &mut Context<'_>| {
                let value = self.open_for_ticket(client, id)?;
                client.map_or(Ok(()), |client| client.admits(user, single, cx.now))?;
                Ok(value.verify_link(&follow, user, cx)?)
            };
            let changed = self.change_sign_in(owner, holder.terms(), context, decide).await;
            let (next, committed) = match changed {
                Ok(Some(changed)) => changed,
                Ok(None) => continue,
                // Another call with the ticket was faster.
                Err(EngineError::TokenReplaced) if !is_owner => continue,
                Err(EngineError::Rejected(refused)) if is_of_link(&refused) => return Err(of_ticket(&refused).into()),
                Err(error) => return Err(error),
            };
            let (sign_in, mut client) = self.shown_after(&holder, next, &committed, context).await?;
            if !is_owner {
                client.new_token.get_or_insert_with(|| self.token_of(&client.client));
            }
            return Ok((sign_in, client));
        }
        Err(EngineError::Busy { retry_after: RETRY_AFTER })
    }

    /// The sign-in of a ticket. It was in progress a moment ago: where it is not, another call with the ticket was faster.
    fn open_for_ticket<'a>(&self, client: Option<&'a Client>, id: SignInId) -> Result<&'a SignIn, Rejection> {
        self.in_progress(client, id).map_err(|_| ErrorCode::SignInTokenAlreadyUsed.into())
    }
}

/// What a refusal of the link means for its ticket.
fn of_ticket(refused: &Rejection) -> Rejection {
    if refused.is(ErrorCode::ApprovalTokenConsumed) {
        return ErrorCode::SignInTokenAlreadyUsed.into();
    }
    let is_late = refused.is(ErrorCode::ApprovalTokenExpired) || refused.is(ErrorCode::VerificationLinkTokenExpired);
    if is_late { ErrorCode::TicketExpiredCode.into() } else { ErrorCode::TicketInvalidCode.into() }
}

fn is_of_link(refused: &Rejection) -> bool {
    [ErrorCode::ApprovalTokenConsumed, ErrorCode::VerificationLinkTokenInvalid, ErrorCode::VerificationLinkTokenExpired]
        .into_iter()
        .any(|code| refused.is(code))
}

const SEALED: &[u8] = b"ticket of a link";
/// How long the application has to present the ticket.
const GOOD_FOR: Span = Span::from_secs(60);
