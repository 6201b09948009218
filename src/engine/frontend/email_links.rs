//! The call behind an e-mail link ([guide: E-mail links](crate::guide::contract_sign_ups#e-mail-links)).

use crate::actors::Outcome;
use crate::domain::id::SessionId;
use crate::domain::rejection::ErrorCode;
use crate::domain::sign_up::{Command, Phase, VerifyLink};
use crate::domain::verification::{LinkToken, VerificationStatus};

use crate::limiter::LimitedAction;

use crate::engine::{Caller, ClientView, Engine, EngineError, RequestContext};

/// What came of following a link.
#[derive(Clone, Debug)]
pub struct Followed {
    /// What it means.
    pub outcome: LinkOutcome,
    /// Where the browser goes, as the sign-up has it; `None` where the token is about no sign-up with a link.
    pub redirect_url: Option<String>,
    /// The client, where it is the sign-up's own that followed the link and that hears of its token here: it must be
    /// given it.
    pub client: Option<ClientView>,
    /// Whether the sign-up's own client followed the link.
    pub by_owner: bool,
}

/// What following a link means.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum LinkOutcome {
    /// The address is verified.
    Verified {
        /// The session of the sign-up's client, where that completed the sign-up.
        session: Option<SessionId>,
    },
    /// Nothing has changed yet: a person must say that they mean it.
    Unconfirmed,
    /// The link is too old.
    Expired,
    /// The link is wrong, or was used already, and not by who brings it.
    Failed,
    /// The address became a user's since: they sign in instead.
    Transferable,
    /// The instance wants it followed by the client that asked for it.
    ClientMismatch,
}

impl Engine {
    /// Follows an e-mail link by its token. Whoever is not the sign-up's client changes nothing without
    /// `confirmed`; the session is that client's in any case.
    ///
    /// # Errors
    /// When the engine can't tell.
    pub async fn follow_link(
        &self,
        caller: &Caller,
        token: &str,
        confirmed: bool,
        context: &RequestContext,
    ) -> Result<Followed, EngineError> {
        self.admitted(async {
            let nowhere = Followed { outcome: LinkOutcome::Failed, redirect_url: None, client: None, by_owner: false };
            let Some(token) = LinkToken::parse(token) else { return Ok(nowhere) };
            let id = token.sign_up;
            // Read past the actors: whoever makes ids up wakes none.
            let Some(found) = self.inner.store().sign_up(id).await? else { return Ok(nowhere) };
            // Any page can have its visitors' browsers ask for links that are none. That costs them nothing that they need
            // for their own codes; and a token is nothing that anybody could guess.
            self.inner.admission.spend(LimitedAction::Write, context, self.now())?;
            let owner = found.client_id;
            // A token that was replaced is good for asking for the completing answer again and for nothing else.
            let is_over = found.phase != Phase::Open;
            let again = is_over && caller.replaced().is_some_and(|(client, _)| client == owner);
            let by = if again { Some(owner) } else { caller.client_id() };
            let by_owner = by == Some(owner);
            let terms = if by_owner { caller.terms() } else { Vec::new() };
            let follow = VerifyLink { secret: token.secret, by, confirmed, again, in_cookie: context.in_cookie() };
            let redirect_url = found.link_redirect().map(str::to_owned);
            let answer = match self.inner.system.command(id, owner, terms, Command::VerifyLink(follow)).await {
                Ok(answer) => answer,
                Err(error) => {
                    let outcome = refusal(error.into())?;
                    return Ok(Followed { outcome, redirect_url, by_owner: by_owner && !again, ..nowhere });
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
            let is_new = matches!(answer.outcome, Outcome::Committed(_));
            let hears = match &answer.outcome {
                Outcome::Again => by_owner,
                Outcome::Committed(_) => by_owner && !answer.is_owed(),
                Outcome::Unchanged => false,
            };
            let client = match hears {
                true => match self.answered(caller, answer, context).await {
                    Ok((_, client)) => Some(client),
                    // The answer to an earlier click brings it.
                    Err(EngineError::TokenReplaced) if !is_new => None,
                    Err(error) => return Err(error),
                },
                false => None,
            };
            // One that was used before tells of the session only while that is there.
            let known = client.as_ref().map(|view| &view.client).or_else(|| caller.client());
            let is_live = |id: &SessionId| known.is_some_and(|client| client.live_session(*id, self.now()).is_some());
            let outcome = match is_verified {
                true => LinkOutcome::Verified { session: completed.filter(|id| is_new || is_live(id)) },
                false => LinkOutcome::Unconfirmed,
            };
            Ok(Followed { outcome, redirect_url, client, by_owner })
        })
        .await
    }
}

/// What a refused link means to a browser; what is no fault of the link stays an error.
fn refusal(error: EngineError) -> Result<LinkOutcome, EngineError> {
    let rejection = match error {
        EngineError::Rejected(rejection) => rejection,
        // Swept away since it was found.
        EngineError::NotFound => return Ok(LinkOutcome::Failed),
        error => return Err(error),
    };
    let is = |code| rejection.is(code);
    if is(ErrorCode::TooManyRequests) {
        return Err(rejection.into());
    }
    Ok(if is(ErrorCode::FormIdentifierExists) {
        LinkOutcome::Transferable
    } else if is(ErrorCode::SignUpEmailLinkNotSameClient) {
        LinkOutcome::ClientMismatch
    } else if is(ErrorCode::VerificationLinkTokenExpired) {
        LinkOutcome::Expired
    } else {
        LinkOutcome::Failed
    })
}
