//! Links that an application completes by itself, with PKCE
//! ([guide: Links for applications](crate::guide::contract_sign_ups#links-for-applications)). Opening such a link changes
//! nothing: the browser that opens it may be any, and a mail scanner's. It takes a sealed token to the application, which shows
//! that it is the one that asked by the verifier of its challenge. Both are bound to the link in the mail, so that nothing has
//! to be stored for it.

use aws_lc_rs::digest::{SHA256, digest};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;

use crate::domain::field::Field;
use crate::domain::id::SignUpId;
use crate::domain::ports::{KeyedDigest, Sealer};
use crate::domain::redirect::RedirectUrl;
use crate::domain::rejection::{ErrorCode, Rejection};
use crate::domain::secret::Secret;
use crate::domain::sign_up::{Command, SignUp};
use crate::domain::time::{Span, Timestamp};
use crate::domain::verification::{
    CodeChallenge, LinkOwner, LinkToken, Strategy, VerificationStatus, VerifyLink, check_enabled,
};
use crate::engine::input::ApprovedLink;
use crate::engine::{Caller, ClientView, Engine, EngineError, Followed, LinkOutcome, RequestContext, SignUpView};
use crate::limiter::LimitedAction;

impl Engine {
    /// What a browser that opens such a link is told: the way back to the application, with the token for it. `status` is that
    /// of the verification that the link belongs to, if it does.
    pub(in crate::engine) fn approve_link(
        &self,
        status: Option<VerificationStatus>,
        redirect_url: Option<RedirectUrl>,
        token: &LinkToken,
    ) -> Followed {
        // Only the holder of the link is told where it leads.
        let redirect_url = redirect_url.filter(|_| status.is_some()).and_then(|url| self.still_listed(url));
        let outcome = match status {
            Some(VerificationStatus::Unverified) => LinkOutcome::Approved,
            Some(VerificationStatus::Expired) => LinkOutcome::Expired,
            _ => LinkOutcome::Failed,
        };
        let is_approved = outcome == LinkOutcome::Approved;
        let approval_token = is_approved.then(|| self.sealed_link(SEALED, token, APPROVED_FOR));
        Followed {
            outcome,
            redirect_url,
            approval_token,
            client: None,
            by_owner: false,
            refusal: None,
            awaits_approval: false,
        }
    }

    /// [`SignUps::complete_link`](crate::engine::SignUps::complete_link).
    pub(crate) async fn complete_link(
        &self,
        caller: &Caller,
        input: &ApprovedLink,
        context: &RequestContext,
    ) -> Result<(SignUpView, ClientView), EngineError> {
        self.admitted(async {
            self.inner.admission.spend(LimitedAction::Attempt, context, self.now())?;
            let refused = |code: ErrorCode| EngineError::from(Rejection::from(code));
            let id: SignUpId = input
                .flow_id
                .parse()
                .map_err(|_| EngineError::from(Rejection::from(ErrorCode::FormParamValueInvalid.on("flow_id"))))?;
            let token = self.approved_by(input, |owner| owner == LinkOwner::SignUp(id))?;
            let found = self.inner.store().sign_up(id).await?;
            let found = found.ok_or_else(|| refused(ErrorCode::ApprovalTokenInvalid))?;
            check_unused(self.status_of_link(&found, &token))?;
            // Only the application that began has the verifier. It may have lost the token that it had then.
            let owner = found.client_id;
            let is_owner = caller.client_id() == Some(owner);
            if !is_owner && !context.in_application() {
                return Err(refused(ErrorCode::ApprovalTokenInvalid));
            }
            let holder = if is_owner { caller.clone() } else { self.holder(owner).await? };
            let follow = VerifyLink {
                secret: token.secret,
                by: Some(owner),
                confirmed: true,
                again: false,
                in_cookie: context.in_cookie(),
            };
            let terms = context.with(holder.terms());
            let answer = self.inner.system.command(id, owner, terms, Command::VerifyLink(follow)).await?;
            let (sign_up, mut client) = self.answered(&holder, answer, context).await?;
            if !is_owner {
                client.new_token.get_or_insert_with(|| self.token_of(&client.client));
            }
            Ok((sign_up, client))
        })
        .await
    }

    /// The token of the link that was approved, for the application that has the verifier of its challenge.
    ///
    /// # Errors
    /// `approval_token_invalid`, also where the link is not of what `is_owner` accepts; `approval_token_expired`;
    /// `pkce_verification_failed`.
    pub(super) fn approved_by(
        &self,
        input: &ApprovedLink,
        is_owner: impl Fn(LinkOwner) -> bool,
    ) -> Result<LinkToken, Rejection> {
        let opened = self.opened_link(SEALED, input.approval_token.expose());
        let opened = opened.filter(|(token, _)| is_owner(token.owner));
        let (token, until) = opened.ok_or(ErrorCode::ApprovalTokenInvalid)?;
        if self.now() >= until {
            return Err(ErrorCode::ApprovalTokenExpired.into());
        }
        let challenge = token.secret.challenge().ok_or(ErrorCode::ApprovalTokenInvalid)?;
        if !self.inner.key.equal(challenge, &challenge_of(input.code_verifier.expose())) {
            return Err(ErrorCode::PkceVerificationFailed.into());
        }
        Ok(token)
    }

    /// The token of a link, sealed for a purpose and a time.
    pub(super) fn sealed_link(&self, purpose: &[u8], token: &LinkToken, lasts: Span) -> Secret<String> {
        let until = self.now() + lasts;
        let plain = [&until.as_millis().to_be_bytes()[..], token.expose().as_bytes()].concat();
        Secret::new(URL_SAFE_NO_PAD.encode(self.inner.key.seal(purpose, &plain)))
    }

    /// The token of a link that was sealed for this purpose, and until when that is good; `None` for anything else.
    pub(super) fn opened_link(&self, purpose: &[u8], text: &str) -> Option<(LinkToken, Timestamp)> {
        let sealed = URL_SAFE_NO_PAD.decode(text).ok().filter(|_| text.len() <= TEXT_MAX)?;
        let plain = self.inner.key.open(purpose, &sealed)?;
        let (until, token) = plain.split_first_chunk()?;
        let token = LinkToken::parse(str::from_utf8(token).ok()?)?;
        Some((token, Timestamp::from_millis(u64::from_be_bytes(*until))))
    }

    /// The status of the verification that a link belongs to; `None` where it belongs to none.
    pub(super) fn status_of_link(&self, found: &SignUp, token: &LinkToken) -> Option<VerificationStatus> {
        let (settings, policy) = (self.settings(), &self.inner.actor_context.policy);
        check_enabled(&Strategy::EmailLink, &settings).ok()?;
        let verification = found.verification(&Field::EmailAddress)?;
        let address = found.address(&Field::EmailAddress)?;
        let link = verification.link()?;
        link.fits(LinkOwner::SignUp(found.id), &address.value, &token.secret, &*self.inner.key)
            .then(|| verification.status(self.now(), policy.attempts_max))
    }
}

/// Refuses an approval of a link that waits no more; `status` is that of its verification, if it belongs to one.
///
/// # Errors
/// `approval_token_consumed`, `approval_token_expired`, `approval_token_invalid`.
pub(super) fn check_unused(status: Option<VerificationStatus>) -> Result<(), Rejection> {
    match status {
        Some(VerificationStatus::Unverified) => Ok(()),
        Some(VerificationStatus::Verified) => Err(ErrorCode::ApprovalTokenConsumed.into()),
        Some(VerificationStatus::Expired) => Err(ErrorCode::ApprovalTokenExpired.into()),
        Some(VerificationStatus::Failed) | None => Err(ErrorCode::ApprovalTokenInvalid.into()),
    }
}

/// The challenge of a verifier, by the method S256 (RFC 7636, 4.2).
fn challenge_of(verifier: &str) -> CodeChallenge {
    let mut challenge = CodeChallenge::default();
    challenge.copy_from_slice(digest(&SHA256, verifier.as_bytes()).as_ref());
    challenge
}

/// How long an application has after the link was opened.
const APPROVED_FOR: Span = Span::from_secs(600);
const SEALED: &[u8] = b"approval of a link";
/// Longer than any token, in bytes.
const TEXT_MAX: usize = 512;
