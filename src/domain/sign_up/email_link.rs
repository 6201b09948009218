//! Opening an e-mail link ([guide: E-mail links](crate::guide::contract_sign_ups#e-mail-links)). The link proves the
//! address. The session belongs to the client that began the sign-up, so a link never affects any other client.

use crate::domain::context::Context;
use crate::domain::field::Field;
use crate::domain::id::ClientId;
use crate::domain::identifier::Identifier;
use crate::domain::quota::QuotaKind;
use crate::domain::redirect::RedirectUrl;
use crate::domain::rejection::{ErrorCode, Rejection};
use crate::domain::verification::{
    Link, LinkOwner, LinkSecret, Strategy, Verification, VerificationStatus, Verified, VerifyLink, check_enabled,
};

use super::attempt::REPLAY_WINDOW;
use super::state::Phase;
use super::{SignUp, Transition};

impl SignUp {
    /// Unchanged where the person must confirm first.
    pub(super) fn verify_link(&self, follow: &VerifyLink, cx: &mut Context<'_>) -> Result<Transition, Rejection> {
        let (verification, link, address) = self.linked().ok_or(ErrorCode::VerificationLinkTokenInvalid)?;
        if !self.is_link(&follow.secret, cx) {
            // This counts neither as an attempt at the verification nor as a guess at the address: 192 bits can't be
            // guessed, and strangers who know an id must not be able to use up the owner's attempts. The limits per
            // source suffice.
            return Err(ErrorCode::VerificationLinkTokenInvalid.into());
        }
        match verification.status(cx.now, cx.policy.attempts_max) {
            VerificationStatus::Unverified => {}
            // An approval works once, also where two bring it at the same time.
            VerificationStatus::Verified if follow.secret.challenge().is_some() => {
                return Err(ErrorCode::ApprovalTokenConsumed.into());
            }
            // The sign-up's own browser has already verified it, by the link or by the code in the same message.
            VerificationStatus::Verified if follow.is_by(self.client_id) => {
                let transition = self.converted_or_unchanged(cx)?;
                return Ok(if follow.is_heard(link) { transition } else { transition.without_rotation() });
            }
            VerificationStatus::Expired => return Err(ErrorCode::VerificationLinkTokenExpired.into()),
            VerificationStatus::Verified | VerificationStatus::Failed => {
                return Err(ErrorCode::VerificationLinkTokenInvalid.into());
            }
        }
        if check_enabled(&Strategy::EmailLink, cx.settings).is_err() {
            return Err(ErrorCode::VerificationLinkTokenInvalid.into());
        }
        let is_owner = follow.is_by(self.client_id);
        if !is_owner {
            if cx.settings.attack_protection.email_link.require_same_client {
                return Err(ErrorCode::SignUpEmailLinkNotSameClient.into());
            }
            if !follow.confirmed {
                return Ok(Transition::unchanged(self));
            }
        }
        // A caller without a client gets a new id, which differs from the sign-up's client.
        let by = follow.by.unwrap_or_else(|| ClientId::generate(cx.now, cx.entropy));
        let verification = verification.followed(by, cx);
        // Otherwise the response goes to another client, or to one whose token is not in a cookie that a navigation
        // sets.
        let learns_its_token = is_owner && follow.is_heard(link);

        let mut next = self.touched(cx);
        if let Some(slot) = next.verification_slot(&Field::EmailAddress) {
            *slot = Some(verification);
        }
        let mut transition = Transition::to(next);
        transition.use_quota(&address, self.client_id, QuotaKind::Proof);
        let transition = transition.convert_if_complete(cx)?;
        Ok(if learns_its_token { transition.told(cx) } else { transition.without_rotation() })
    }

    /// The response to a link when the sign-up is finished, or its client retries. Its client is told that the address
    /// is verified; with the token before the rotation it gets only the response of the step that replaced it
    /// ([guide: Replaced tokens](crate::guide::contract#replaced-tokens)). For all others the link is used up.
    pub(super) fn replayed_link(&self, follow: &VerifyLink, cx: &Context<'_>) -> Result<Transition, Rejection> {
        let is_verified = self.linked().is_some_and(|(verification, ..)| verification.verified.is_some());
        let is_proved = is_verified && self.is_link(&follow.secret, cx);
        let is_lost_answer = self.replaced_its_token_at(cx).is_some_and(|at| {
            let did_it = |proof: &Verified| proof.at == at && proof.by == Strategy::EmailLink;
            let proof = self.linked().and_then(|(verification, ..)| verification.verified.as_ref());
            proof.is_some_and(did_it) && at.is_within(REPLAY_WINDOW, cx.now)
        });
        if is_proved && follow.secret.challenge().is_some() {
            return Err(ErrorCode::ApprovalTokenConsumed.into());
        }
        if is_proved && follow.by == Some(self.client_id) {
            if is_lost_answer {
                return Ok(Transition::replay(self));
            }
            if !follow.again {
                return Ok(Transition::unchanged(self));
            }
        }
        Err(ErrorCode::VerificationLinkTokenInvalid.into())
    }

    /// Whether `secret` is that of its link.
    pub(crate) fn is_link(&self, secret: &LinkSecret, cx: &Context<'_>) -> bool {
        let fits = |(_, link, address): (_, &Link, Identifier)| {
            link.fits(LinkOwner::SignUp(self.id), &address.value, secret, cx.digest)
        };
        self.linked().is_some_and(fits)
    }

    /// Whether a sent link has not been opened yet.
    pub fn awaits_link(&self) -> bool {
        self.linked().is_some_and(|(verification, ..)| verification.verified.is_none())
    }

    /// Whether it was completed by a link.
    fn was_completed_by_link(&self) -> bool {
        let Phase::Complete { at, .. } = self.phase else {
            return false;
        };
        self.linked().is_some_and(|(verification, ..)| {
            let completed_it = |proof: &Verified| proof.at == at && proof.by == Strategy::EmailLink;
            verification.verified.as_ref().is_some_and(completed_it)
        })
    }

    /// Whether it was completed by another request than its client's own: then a page that does not know yet may still
    /// be waiting.
    pub fn was_completed_elsewhere(&self) -> bool {
        matches!(self.phase, Phase::Complete { .. }) && (self.custom_action || self.was_completed_by_link())
    }

    /// The redirect URL of the last link sent; `None` where the last message had no link.
    pub fn link_redirect(&self) -> Option<&RedirectUrl> {
        self.linked().map(|(_, link, _)| &link.redirect_url)
    }

    fn linked(&self) -> Option<(&Verification, &Link, Identifier)> {
        let verification = self.verification(&Field::EmailAddress)?;
        Some((verification, verification.link()?, self.address(&Field::EmailAddress)?))
    }
}
