//! The call behind an e-mail link ([guide: E-mail links](crate::guide::contract_sign_ups#e-mail-links)).

use std::fmt;

use crate::actors::Outcome;
use crate::domain::id::SessionId;
use crate::domain::redirect::RedirectUrl;
use crate::domain::rejection::{ErrorCode, Rejection};
use crate::domain::secret::Secret;
use crate::domain::sign_up::{Command, Phase};
use crate::domain::verification::{LinkOwner, LinkToken, VerificationStatus, VerifyLink};

use crate::limiter::LimitedAction;

use crate::engine::{Caller, ClientView, Engine, EngineError, RequestContext};

/// The result of following a link.
#[derive(Clone)]
#[non_exhaustive]
pub struct Followed {
    /// What happened.
    pub outcome: LinkOutcome,
    /// Where the browser goes next: the redirect URL of the sign-up or sign-in; `None` where the token belongs to none with a
    /// link, or the instance no longer allows the URL.
    pub redirect_url: Option<RedirectUrl>,
    /// The client, where the client that asked for the link followed the link and may receive its token here; the answer must
    /// bring it.
    pub client: Option<ClientView>,
    /// Whether the client that asked for the link followed it.
    pub by_owner: bool,
    /// Why the application, or an administrator of it, does not want the person as a user, with
    /// [`LinkOutcome::Refused`].
    pub refusal: Option<Rejection>,
    /// Whether the sign-up now waits for approval.
    pub awaits_approval: bool,
    /// What the application needs to complete the link, with [`LinkOutcome::Approved`].
    pub approval_token: Option<Secret<String>>,
}

/// Without the redirect URL, which may contain secrets of its page.
impl fmt::Debug for Followed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut shown = f.debug_struct("Followed");
        shown.field("outcome", &self.outcome).field("client", &self.client).field("by_owner", &self.by_owner);
        shown.finish_non_exhaustive()
    }
}

/// What following a link did.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum LinkOutcome {
    /// The address is verified.
    Verified {
        /// The session of the client that asked for the link, if this completed the sign-up or sign-in.
        session: Option<SessionId>,
    },
    /// Nothing has changed yet: the person must confirm.
    Unconfirmed,
    /// Nothing has changed yet: the application that asked for the link completes it with [`Followed::approval_token`].
    Approved,
    /// The link has expired.
    Expired,
    /// The link is invalid, or was already used by another client.
    Failed,
    /// At a sign-up: the address has become a user's meanwhile, and the person should sign in instead. At a sign-in: the
    /// address is verified and no user has it, so the person may sign up with it.
    Transferable,
    /// The address is verified, and the sign-up does not become a user: [`Followed::refusal`] says why.
    Refused,
    /// The instance requires that the client that asked for the link follows it.
    ClientMismatch,
}

impl Engine {
    /// [`SignUps::follow_link`](crate::engine::SignUps::follow_link).
    pub(crate) async fn follow_link(
        &self,
        caller: &Caller,
        token: &str,
        confirmed: bool,
        context: &RequestContext,
    ) -> Result<Followed, EngineError> {
        self.admitted(async {
            let nowhere = Followed {
                outcome: LinkOutcome::Failed,
                redirect_url: None,
                client: None,
                by_owner: false,
                refusal: None,
                awaits_approval: false,
                approval_token: None,
            };
            let Some(token) = LinkToken::parse(token) else { return Ok(nowhere) };
            let id = match token.owner {
                LinkOwner::SignUp(id) => id,
                LinkOwner::SignIn(id, client) => {
                    let followed = self.follow_sign_in_link(caller, (id, client), token.secret, confirmed, context);
                    return Ok(followed.await?.unwrap_or(nowhere));
                }
                LinkOwner::Address(id, client) => {
                    let followed = self.follow_address_link(caller, (id, client), token.secret, confirmed, context);
                    return Ok(followed.await?.unwrap_or(nowhere));
                }
            };
            // Reads the store, not the actors: made-up ids must not wake actors.
            let Some(found) = self.inner.store().sign_up(id).await? else { return Ok(nowhere) };
            // Any page can make its visitors' browsers request invalid links. Such requests must not use up the quota
            // that the visitors need for their own codes; and tokens can't be guessed, so no stricter quota is needed.
            self.inner.admission.spend(LimitedAction::Write, context, self.now())?;
            if token.secret.challenge().is_some() {
                let redirect_url = found.link_redirect().cloned();
                return Ok(self.approve_link(self.status_of_link(&found, &token), redirect_url, &token));
            }
            let is_link = self.inner.actor_context.decide(|cx| found.is_link(&token.secret, cx));
            let owner = found.client_id;
            // A replaced token is valid only for asking for the answer again of the step that replaced it.
            let is_over = self.has_replaced_its_token(&found) && !found.awaits_link();
            let again = is_over && caller.replaced().is_some_and(|(client, _)| client == owner);
            let by = if again { Some(owner) } else { caller.client_id() };
            let by_owner = by == Some(owner);
            let terms = if by_owner { caller.terms() } else { Vec::new() };
            let follow = VerifyLink { secret: token.secret, by, confirmed, again, in_cookie: context.in_cookie() };
            // Only the holder of the link is told where it leads.
            let redirect_url =
                found.link_redirect().filter(|_| is_link).cloned().and_then(|url| self.still_allowed(url));
            let answer = match self
                .inner
                .system
                .command(id, owner, context.with(terms), Command::VerifyLink(follow))
                .await
            {
                Ok(answer) => answer,
                Err(error) => {
                    let (outcome, refusal) = refusal(error.into())?;
                    return Ok(Followed { outcome, redirect_url, by_owner: by_owner && !again, refusal, ..nowhere });
                }
            };
            let policy = &self.inner.actor_context.policy;
            let verification = answer.sign_up.email_address.as_ref().and_then(|e| e.verification.as_ref());
            let status = verification.map(|v| v.status(self.now(), policy.attempts_max));
            let is_verified = status == Some(VerificationStatus::Verified);
            let completed = match answer.sign_up.phase {
                Phase::Complete { session_id, .. } => Some(session_id),
                Phase::Open => None,
            };
            let awaits_approval = answer.sign_up.waits_since().is_some();
            let is_new = matches!(answer.outcome, Outcome::Committed(_));
            let hears = match &answer.outcome {
                Outcome::Again => by_owner,
                Outcome::Committed(_) => by_owner && !answer.is_owed(),
                Outcome::Unchanged => false,
            };
            let client = match hears {
                true => match self.answered(caller, answer, context).await {
                    Ok((_, client)) => Some(client),
                    // The answer to an earlier click brings the token.
                    Err(EngineError::TokenReplaced) if !is_new => None,
                    Err(error) => return Err(error),
                },
                false => None,
            };
            // A link that was used before shows the session only while the session exists.
            let known = client.as_ref().map(|view| &view.client).or_else(|| caller.client());
            let is_live = |id: &SessionId| known.is_some_and(|client| client.live_session(*id, self.now()).is_some());
            let outcome = match is_verified {
                true => LinkOutcome::Verified { session: completed.filter(|id| is_new || is_live(id)) },
                false => LinkOutcome::Unconfirmed,
            };
            Ok(Followed {
                outcome,
                redirect_url,
                client,
                by_owner,
                refusal: None,
                awaits_approval,
                approval_token: None,
            })
        })
        .await
    }
}

/// What a refused link means to a browser. Errors that are not the link's fault stay errors.
pub(super) fn refusal(error: EngineError) -> Result<(LinkOutcome, Option<Rejection>), EngineError> {
    let rejection = match error {
        EngineError::Rejected(rejection) => rejection,
        // It was swept away after it was found.
        EngineError::NotFound => return Ok((LinkOutcome::Failed, None)),
        error => return Err(error),
    };
    let is = |code| rejection.is(code);
    if is(ErrorCode::TooManyRequests) {
        return Err(rejection.into());
    }
    let of_application = [ErrorCode::RefusedByApplication, ErrorCode::SignUpCheckFailed, ErrorCode::SignUpRefused];
    if of_application.into_iter().any(is) {
        return Ok((LinkOutcome::Refused, Some(rejection)));
    }
    let outcome = if is(ErrorCode::FormIdentifierExists) || is(ErrorCode::SignUpIfMissingTransfer) {
        LinkOutcome::Transferable
    } else if NOT_SAME_CLIENT.into_iter().any(is) {
        LinkOutcome::ClientMismatch
    } else if is(ErrorCode::VerificationLinkTokenExpired) {
        LinkOutcome::Expired
    } else {
        LinkOutcome::Failed
    };
    Ok((outcome, None))
}

/// What is said of a link that another client opens.
const NOT_SAME_CLIENT: [ErrorCode; 3] = [
    ErrorCode::SignUpEmailLinkNotSameClient,
    ErrorCode::SignInEmailLinkNotSameClient,
    ErrorCode::VerificationLinkNotSameClient,
];
