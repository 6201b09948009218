//! Following an e-mail link ([guide: E-mail links](crate::guide::contract_sign_ups#e-mail-links)). The link proves the
//! address; whose session comes of it was settled when the sign-up began, so a link never acts on another client than
//! its own.

use crate::domain::context::Context;
use crate::domain::field::Field;
use crate::domain::id::ClientId;
use crate::domain::identifier::Identifier;
use crate::domain::quota::QuotaKind;
use crate::domain::rejection::{ErrorCode, Rejection};
use crate::domain::verification::{Link, Strategy, Verification, VerificationStatus, Verified, check_enabled};

use super::attempt::REPLAY_WINDOW;
use super::state::Phase;
use super::{SignUp, Transition, VerifyLink};

impl SignUp {
    /// Unchanged where a person must say first that they mean it.
    pub(super) fn verify_link(&self, follow: &VerifyLink, cx: &mut Context<'_>) -> Result<Transition, Rejection> {
        let (verification, link, address) = self.linked().ok_or(ErrorCode::VerificationLinkTokenInvalid)?;
        if !link.fits(self.id, &address.value, &follow.secret, cx) {
            // Neither a try at the verification nor a guess at the address: 192 bits are not guessed, and strangers who
            // know an id must not be able to use up what its owner needs. The limits by source are enough.
            return Err(ErrorCode::VerificationLinkTokenInvalid.into());
        }
        match verification.status(cx.now, cx.policy.attempts_max) {
            VerificationStatus::Unverified => {}
            // Its own browser has done what the link is for, by it or by the code beside it.
            VerificationStatus::Verified if follow.is_by(self.client_id) => return Ok(Transition::unchanged(self)),
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
        // Whoever has no client proves under an id that is no client's: it was not the one that began.
        let by = follow.by.unwrap_or_else(|| ClientId::generate(cx.now, cx.entropy));
        let verification = verification.followed(by, cx);
        // Else the client that began is not the one that is answered, or has its token where no navigation sets it.
        let learns_its_token = is_owner && follow.in_cookie && link.in_cookie;

        let mut next = self.touched(cx);
        if let Some(slot) = next.verification_slot(&Field::EmailAddress) {
            *slot = Some(verification);
        }
        let mut transition = Transition::to(next);
        transition.use_quota(&address, self.client_id, QuotaKind::Proof);
        let transition = transition.convert_if_complete(cx)?;
        Ok(if learns_its_token { transition } else { transition.without_rotation() })
    }

    /// The answer to a link when the sign-up is finished. Its client hears that the address is verified; with the token
    /// that the completing answer replaced it hears only that answer again
    /// ([guide: Replaced tokens](crate::guide::contract#replaced-tokens)). To all others the link is used up.
    pub(super) fn replayed_link(&self, follow: &VerifyLink, cx: &Context<'_>) -> Result<Transition, Rejection> {
        let is_proved = self.linked().is_some_and(|(verification, link, address)| {
            verification.verified.is_some() && link.fits(self.id, &address.value, &follow.secret, cx)
        });
        let is_lost_answer = match self.phase {
            Phase::Complete { at, .. } => self.was_completed_by_link() && at.is_within(REPLAY_WINDOW, cx.now),
            Phase::Open => false,
        };
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

    /// Whether a link is on its way to the person.
    pub fn awaits_link(&self) -> bool {
        self.linked().is_some_and(|(verification, ..)| verification.verified.is_none())
    }

    /// Whether a link completed it.
    fn was_completed_by_link(&self) -> bool {
        let Phase::Complete { at, .. } = self.phase else {
            return false;
        };
        self.linked().is_some_and(|(verification, ..)| {
            let completed_it = |proof: &Verified| proof.at == at && proof.by == Strategy::EmailLink;
            verification.verified.as_ref().is_some_and(completed_it)
        })
    }

    /// Whether something else than its client's own call completed it: then a page that did not hear of that may still
    /// be waiting.
    pub fn was_completed_elsewhere(&self) -> bool {
        matches!(self.phase, Phase::Complete { .. }) && (self.custom_action || self.was_completed_by_link())
    }

    /// Where the browser goes after the link that was sent last; `None` where the last thing sent was none.
    pub fn link_redirect(&self) -> Option<&str> {
        self.linked().map(|(_, link, _)| link.redirect_url.as_str())
    }

    fn linked(&self) -> Option<(&Verification, &Link, Identifier)> {
        let verification = self.verification(&Field::EmailAddress)?;
        Some((verification, verification.link()?, self.address(&Field::EmailAddress)?))
    }
}
