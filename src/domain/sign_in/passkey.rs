//! Signing in with a passkey: of the user whose identifier was given, or of the one whom the passkey names
//! ([guide: Passkeys](crate::guide::contract_sign_ins#passkeys)). The signature was checked before; whether the passkey is
//! still the user's, and was not used since, is decided by the commit.

use crate::domain::context::Context;
use crate::domain::id::{IdentificationId, SignInId};
use crate::domain::identifier::{Identifier, IdentifierKind};
use crate::domain::passkey::{ChallengeChange, ChallengeId, ChallengeOwner, KeptChallenge};
use crate::domain::policy::Policy;
use crate::domain::rejection::{ErrorCode, Rejection};
use crate::domain::time::Timestamp;
use crate::domain::user::User;
use crate::domain::verification::{SecondFactorNeed, Strategy, Verification, VerificationStatus};

use super::second_factor::second_factor_need;
use super::state::{Phase, SecondFactor, Status};
use super::{Credential, FirstFactor, Share, SignIn, Transition};

/// What a person submits to prove that they have a passkey.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PasskeyProof {
    /// The challenge that it answers, which is used up by it.
    pub challenge: ChallengeId,
    /// The use of the passkey; `None` where its signature proves nothing.
    pub used: Option<PasskeyUse>,
}

/// The use of a passkey of a user.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PasskeyUse {
    /// The passkey.
    pub id: IdentificationId,
    /// Its stored credential, with which the signature was checked.
    pub compared: String,
    /// The credential after this use: its signature counter is higher.
    pub next: String,
}

impl SignIn {
    /// Begins to prove a first factor by a passkey: where there is an identifier, one of its user.
    ///
    /// # Errors
    /// `strategy_for_user_invalid` where the user has none, `form_param_value_disabled` where passkeys do not sign in,
    /// `verification_already_verified` where a first factor is proved.
    pub fn begin_passkey(
        &self,
        challenge: KeptChallenge,
        user: Option<&User>,
        cx: &mut Context<'_>,
    ) -> Result<Transition, Rejection> {
        self.touched(cx).begin_passkey_in_place(challenge, Some(self.stamp()), user, cx)
    }

    /// The same on a value that is already the next one.
    pub(super) fn begin_passkey_in_place(
        mut self,
        challenge: KeptChallenge,
        expected: Option<(SignInId, u64)>,
        user: Option<&User>,
        cx: &mut Context<'_>,
    ) -> Result<Transition, Rejection> {
        self.check_offers_passkey(user, cx)?;
        if self.is_transferable() || self.phase != Phase::Open {
            return Err(ErrorCode::VerificationAlreadyVerified.into());
        }
        self.first_factor = Some(FirstFactor {
            address: address_of(&challenge.id),
            verification: Verification::awaited(Strategy::Passkey, cx.now, challenge.expire_at),
        });
        let mut transition = Transition::to(self).kept(expected);
        transition.outcome.challenge = Some(ChallengeChange::Keep(Box::new(challenge)));
        Ok(transition)
    }

    /// The challenge that waits for its answer.
    pub fn awaited_challenge(&self) -> Option<ChallengeId> {
        let factor = self.first_factor.as_ref().filter(|_| self.phase == Phase::Open)?;
        let is_open = *factor.verification.strategy() == Strategy::Passkey && factor.verification.verified.is_none();
        let id: IdentificationId = factor.address.value.parse().ok()?;
        is_open.then(|| *id.as_bytes())
    }

    /// Whether an answer to that challenge can be judged at `now`.
    pub fn awaits_answer(&self, now: Timestamp, policy: &Policy) -> bool {
        let verification = self.first_factor.as_ref().map(|factor| &factor.verification);
        verification
            .is_some_and(|verification| verification.status(now, policy.attempts_max) == VerificationStatus::Unverified)
    }

    /// Applies the result of checking a signature, on a value that is already the next one. Right or wrong, the challenge is
    /// used up. A passkey is two factors in one, the device and what
    /// unlocks it, so no other one is asked for.
    pub(super) fn prove_passkey(
        mut self,
        proof: &PasskeyProof,
        expected: Option<(SignInId, u64)>,
        user: Option<&User>,
        cx: &mut Context<'_>,
    ) -> Result<Transition, Rejection> {
        if !cx.settings.signs_in_with_passkeys() {
            return Err(ErrorCode::FormParamValueDisabled.on("strategy").into());
        }
        let factor = self.first_factor.clone().ok_or(ErrorCode::VerificationMissing)?;
        factor.verification.check_attempt(&Strategy::Passkey, cx)?;
        if self.awaited_challenge() != Some(proof.challenge) {
            return Err(ErrorCode::VerificationMissing.into());
        }
        let known = self.user_id;
        let is_theirs = |user: &&User| match (known, &self.identifier) {
            (Some(id), _) => id == user.id,
            (None, identifier) => identifier.is_none(),
        };
        let fitting = user.filter(is_theirs).zip(proof.used.as_ref());
        let client = self.client_id;
        let need = fitting.map(|(user, _)| second_factor_need(user, None, cx.settings));
        if let Some((user, _)) = fitting {
            let proved = || Verification::verified_by_provider(Strategy::Passkey, client, cx.now);
            self.user_id = Some(user.id);
            self.updated_at = cx.now.max(self.updated_at);
            self.first_factor = Some(FirstFactor { address: factor.address.clone(), verification: proved() });
            if need == Some(SecondFactorNeed::Needed) {
                self.second_factor = Some(Box::new(SecondFactor { address: None, verification: proved() }));
            }
        } else {
            // The next attempt needs a new challenge.
            let verification = Verification { attempts: cx.policy.attempts_max, ..factor.verification };
            self.first_factor = Some(FirstFactor { address: factor.address.clone(), verification });
        }
        let taken = ChallengeChange::Take(ChallengeOwner::SignIn(self.id), proof.challenge);
        let mut transition = Transition::to(self);
        transition.outcome.challenge = Some(taken);
        // A signature can't be guessed: who sends wrong ones must not use up what the user has for codes.
        if fitting.is_some() {
            transition.tried(user, &factor.address, Share::Codes, true);
        }
        let Some((user, used)) = fitting else {
            let refused = match user {
                Some(_) => ErrorCode::PasskeyAuthenticationFailure,
                None => ErrorCode::PasskeyNotRegistered,
            };
            return Ok(transition.kept(expected).refused(refused));
        };
        let need = match need {
            Some(SecondFactorNeed::ToSetUp) => SecondFactorNeed::ToSetUp,
            _ => SecondFactorNeed::None,
        };
        let proof = (Some(Strategy::Passkey), Credential::Passkey(used.clone()));
        Ok(transition.completed(expected, user.id, proof, need, cx).seeing(user.has_second_factor()))
    }

    /// Whether a passkey can prove the first factor now.
    fn check_offers_passkey(&self, user: Option<&User>, cx: &Context<'_>) -> Result<(), Rejection> {
        match self.status() {
            Status::NeedsIdentifier if cx.settings.signs_in_with_passkeys() => Ok(()),
            Status::NeedsIdentifier => Err(ErrorCode::FormParamValueDisabled.on("strategy").into()),
            _ => self.offered(&Strategy::Passkey, user, cx).map(|_| ()),
        }
    }
}

impl User {
    /// The user after one of its passkeys was used outside of a sign-in; `None` where the passkey was used or removed since
    /// its signature was checked.
    pub(crate) fn after_use_of(&self, used: &PasskeyUse, at: Timestamp) -> Option<Self> {
        let mut next = self.clone();
        next.use_passkey(used, at).ok()?;
        next.touch(at);
        Some(next)
    }
}

/// Where a first factor by a passkey keeps its challenge: a passkey has no address.
fn address_of(challenge: &ChallengeId) -> Identifier {
    Identifier { kind: IdentifierKind::ExternalId, value: IdentificationId::from_bytes(*challenge).to_string() }
}
