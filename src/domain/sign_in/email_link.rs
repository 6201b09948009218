//! Opening an e-mail link ([guide: E-mail links](crate::guide::contract_sign_ins#e-mail-links)). The link proves the
//! address. The session belongs to the client that asked for the link, so a link never affects any other client.
//!
//! Where the link may do its work without an answer to that client, the client gets a new token with the answer to its
//! prepare call, and only the holder of that token gets the session: an attacker may know the token from before
//! ([guide: Sessions and client tokens](crate::guide::security#sessions-and-client-tokens)).

use crate::domain::context::Context;
use crate::domain::id::ClientId;
use crate::domain::quota::QuotaKind;
use crate::domain::redirect::RedirectUrl;
use crate::domain::rejection::{ErrorCode, Rejection};
use crate::domain::user::User;
use crate::domain::verification::{Link, LinkOwner, LinkSecret, Strategy, VerificationStatus, VerifyLink};

use super::{Credential, FirstFactor, Share, SignIn, Transition};

impl SignIn {
    /// Applies a link that was followed; `user` is the one that the sign-in is about. Unchanged where the person must confirm
    /// first, or where the link did its work before. A link to an address that no user holds makes the sign-in
    /// transferable, if it may become a sign-up.
    ///
    /// # Errors
    /// `verification_link_token_invalid`, `verification_link_token_expired`, `sign_in_email_link_not_same_client`;
    /// `approval_token_consumed` for a link of PKCE that did its work before.
    pub fn verify_link(
        &self,
        follow: &VerifyLink,
        user: Option<&User>,
        cx: &mut Context<'_>,
    ) -> Result<Transition, Rejection> {
        let invalid = || Rejection::from(ErrorCode::VerificationLinkTokenInvalid);
        let factor = self.first_factor.as_ref().ok_or_else(invalid)?;
        let FirstFactor { address, verification } = factor;
        if !self.is_link(&follow.secret, cx) {
            // Not counted: 192 bits can't be guessed, and strangers who know an id must not use up the owner's attempts.
            return Err(invalid());
        }
        match verification.status(cx.now, cx.policy.attempts_max) {
            VerificationStatus::Unverified => {}
            // What it was exchanged for works once, also where two present it at the same time.
            VerificationStatus::Verified if follow.secret.challenge().is_some() => {
                return Err(ErrorCode::ApprovalTokenConsumed.into());
            }
            VerificationStatus::Verified if follow.by == Some(self.client_id) => {
                return Ok(Transition::unchanged(self));
            }
            VerificationStatus::Expired => return Err(ErrorCode::VerificationLinkTokenExpired.into()),
            VerificationStatus::Verified | VerificationStatus::Failed => return Err(invalid()),
        }
        self.offered(&Strategy::EmailLink, user, cx).map_err(|_| invalid())?;
        let is_owner = follow.is_by(self.client_id);
        if !is_owner {
            if cx.settings.attack_protection.email_link.require_same_client {
                return Err(ErrorCode::SignInEmailLinkNotSameClient.into());
            }
            if !follow.confirmed {
                return Ok(Transition::unchanged(self));
            }
        }
        // A user may have signed up with the identifier in the meantime: then that user is signing in.
        let since = user.filter(|_| self.newcomer.is_some()).map(|user| user.id);
        let known = self.user_id.or(since);
        let user = user.filter(|user| known == Some(user.id) && user.holds(address));
        if user.is_none() && (known.is_some() || self.newcomer.is_none()) {
            // The backend has deleted the user in the meantime, or has given the address to another one.
            return Err(invalid());
        }
        // A caller without a client gets a new id, which differs from the sign-in's client.
        let by = follow.by.unwrap_or_else(|| ClientId::generate(cx.now, cx.entropy));
        let mut next = self.touched(cx);
        next.first_factor = Some(FirstFactor { address: address.clone(), verification: verification.followed(by, cx) });
        next.user_id = known;
        let mut transition = Transition::to(next);
        transition.use_quota(address, self.client_id, QuotaKind::Proof);
        transition.tried(user, address, Share::Codes, true);
        let Some(user) = user else { return Ok(transition.kept(Some(self.stamp()))) };
        let proof = Credential::Code { strategy: Strategy::EmailLink, address: address.clone() };
        let transition = transition.proved(Some(self.stamp()), user, (Some(Strategy::EmailLink), proof), cx);
        // Otherwise the response goes to another client, or to one whose token is not in a cookie that a navigation sets.
        let is_told = is_owner && self.link().is_some_and(|link| follow.is_heard(link));
        Ok(if is_told { transition } else { transition.without_rotation() })
    }

    /// Whether `secret` is that of its link.
    pub fn is_link(&self, secret: &LinkSecret, cx: &Context<'_>) -> bool {
        let owner = LinkOwner::SignIn(self.id, self.client_id);
        let address = self.first_factor.as_ref().map(|factor| &factor.address);
        self.link().zip(address).is_some_and(|(link, address)| link.fits(owner, &address.value, secret, cx.digest))
    }

    /// Where the browser goes after its link; `None` where the last message had no link.
    pub fn link_redirect(&self) -> Option<&RedirectUrl> {
        self.link().map(|link| &link.redirect_url)
    }

    /// Whether a sent link has not been opened yet.
    #[cfg_attr(not(feature = "server"), allow(dead_code, reason = "embedders set no cookies for a navigation"))]
    pub fn awaits_link(&self) -> bool {
        let verification = self.first_factor.as_ref().map(|factor| &factor.verification);
        verification.is_some_and(|verification| verification.link().is_some() && verification.verified.is_none())
    }

    /// Whether its link may do its work without an answer to this client: another browser may follow it, or the
    /// client's token is in no cookie.
    pub(super) fn is_left_to_a_link(&self, cx: &Context<'_>) -> bool {
        let is_bound = cx.settings.attack_protection.email_link.require_same_client;
        self.link().is_some_and(|link| !(link.in_cookie && is_bound))
    }

    fn link(&self) -> Option<&Link> {
        self.first_factor.as_ref()?.verification.link()
    }
}
