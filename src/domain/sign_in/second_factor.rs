//! The second factor: an authenticator app, a code to a phone number, or a backup code
//! ([guide: Second factors](crate::guide::contract_sign_ins#second-factors)).

use crate::domain::context::Context;
use crate::domain::id::InvitationId;
use crate::domain::identifier::Identifier;
use crate::domain::quota::QuotaKind;
use crate::domain::rejection::{ErrorCode, Reason, Rejection};
use crate::domain::secret::Secret;
use crate::domain::settings::Settings;
use crate::domain::time::Span;
use crate::domain::user::User;
use crate::domain::verification::{
    Challenge, Guess, Letter, Means, MessageKind, OneTimeCode, SecondFactorNeed, Strategy, Verification,
};

use super::factor::{Factor, FactorAddress};
use super::oauth::linked;
use super::state::{PasswordMark, Phase, SecondFactor, SignIn};
use super::{Credential, Fit, Prepare, SecondAttempt, SecondCredential, SecondProof, Share, Transition};

/// Whether a sign-in to the user needs a second factor: it has one that the settings allow. Backup codes alone are none.
/// `proves` is the address that is proved first: the first proof of an address makes its owner the owner of the user, whose
/// factors of before are dropped then.
pub fn second_factor_need(user: &User, proves: Option<&Identifier>, settings: &Settings) -> SecondFactorNeed {
    let is_first_proof = proves.is_some_and(|address| user.holds_unproved(address));
    let factors = if is_first_proof { Vec::new() } else { second_factors_of(user, settings) };
    let has_one = factors.iter().any(|factor| factor.strategy != Strategy::BackupCode);
    match (has_one, settings.requires_second_factor()) {
        (true, _) => SecondFactorNeed::Needed,
        (false, true) => SecondFactorNeed::ToSetUp,
        (false, false) => SecondFactorNeed::None,
    }
}

/// The ways of the user to prove a second factor.
pub fn second_factors_of(user: &User, settings: &Settings) -> Vec<Factor> {
    let own = user.second_factors.as_deref();
    let has_app = own.and_then(|own| own.totp.as_ref()).is_some_and(|totp| totp.verified_at.is_some());
    let mut factors = Vec::new();
    if has_app && settings.attributes.authenticator_app.is_second_factor() {
        factors.push(Factor { strategy: Strategy::Totp, address: None });
    }
    if settings.attributes.phone_number.is_second_factor() {
        let phones = user.phone_numbers.iter().enumerate();
        let fit = phones.filter(|(_, phone)| phone.reserved_for_second_factor && phone.verified_by.is_some());
        factors.extend(fit.map(|(n, phone)| {
            let (identifier, display) = (phone.value.identifier(), phone.value.as_str().to_owned());
            let default = phone.default_second_factor;
            Factor::to(
                Strategy::PhoneCode,
                FactorAddress { id: phone.id, identifier, display, primary: n == 0, default },
            )
        }));
    }
    let has_codes = own.is_some_and(|own| !own.backup_codes.is_empty());
    if has_codes && settings.attributes.backup_code.is_second_factor() {
        factors.push(Factor { strategy: Strategy::BackupCode, address: None });
    }
    factors
}

impl SignIn {
    /// The ways to prove the second factor, while one is needed.
    pub fn second_factors(&self, user: Option<&User>, settings: &Settings) -> Vec<Factor> {
        let is_needed = matches!(self.phase, Phase::SecondFactor { .. });
        user.filter(|user| is_needed && self.user_id == Some(user.id))
            .map(|user| second_factors_of(user, settings))
            .unwrap_or_default()
    }

    /// Begins to prove the second factor by a code to a phone number.
    ///
    /// # Errors
    /// `client_state_invalid` where no second factor is needed now, `strategy_for_user_invalid` where the user has no such
    /// factor, `verification_code_too_many_requests` within the cool-down.
    pub fn prepare_second_factor(
        &self,
        prepare: &Prepare,
        user: Option<&User>,
        cx: &mut Context<'_>,
    ) -> Result<Transition, Rejection> {
        let (user, factors) = self.awaited(&prepare.strategy, user, cx)?;
        let mut addresses = factors.into_iter().filter_map(|factor| factor.address);
        let chosen = match prepare.address_id {
            Some(id) => addresses.find(|address| address.id == id),
            None => {
                let all: Vec<FactorAddress> = addresses.collect();
                all.iter().find(|address| address.default).or(all.first()).cloned()
            }
        };
        let FactorAddress { identifier: address, display, .. } =
            chosen.ok_or_else(|| ErrorCode::StrategyForUserInvalid.on("strategy"))?;
        let mut next = self.touched(cx);
        let challenge = Challenge { owner: self.id.into(), address: &address };
        let means = Means::Code { strategy: prepare.strategy.clone(), channel: prepare.channel };
        let letter = Letter { kind: MessageKind::Secret, display_to: display, locale: user.locale.clone() };
        let (verification, message) = challenge.send(means, letter, &mut next.recent_sends, cx)?;
        next.second_factor = Some(Box::new(SecondFactor { address: Some(address), verification }));
        let mut transition = Transition::to(next).kept(Some(self.stamp()));
        if let Some(message) = message {
            let is_known = user.knows(self.client_id);
            let what = if is_known { QuotaKind::OwnMessage } else { QuotaKind::Message };
            transition.send(message, self.client_id, what);
        }
        Ok(transition)
    }

    /// Proves the second factor, which completes the sign-in.
    ///
    /// # Errors
    /// `client_state_invalid` where no second factor is needed now, or what was proved first is no longer the user's;
    /// `strategy_for_user_invalid`; `verification_missing` and the like where no code can be attempted;
    /// `verification_expired` where the first factor was proved too long ago.
    pub fn attempt_second_factor(
        &self,
        attempt: &SecondAttempt,
        user: Option<&User>,
        cx: &mut Context<'_>,
    ) -> Result<Transition, Rejection> {
        let (user, _) = self.awaited(&attempt.strategy, user, cx)?;
        let first = self.first_credential(user, cx).ok_or(ErrorCode::ClientStateInvalid)?;
        let mut next = self.counted();
        let (proved, address) = match &attempt.proof {
            SecondProof::Code(code) => {
                let code = code.as_ref().ok_or_else(|| ErrorCode::FormCodeIncorrect.on("code"))?;
                let (factor, is_right) = self.guess_second(&attempt.strategy, code, cx)?;
                let address = factor.address.clone();
                next.second_factor = Some(Box::new(factor));
                (is_right.then(|| SecondCredential::Phone(address.clone())), address)
            }
            SecondProof::Totp(step) => (step.filter(|step| user.takes_step(*step)).map(SecondCredential::Totp), None),
            SecondProof::BackupCode(digest) => {
                let found =
                    digest.filter(|digest| user.backup_codes().iter().any(|code| cx.digest.equal(code, digest)));
                (found.map(SecondCredential::BackupCode), None)
            }
        };
        let counted = self.first_factor.as_ref().map(|factor| &factor.address).or(self.identifier.as_ref()).cloned();
        let counted = counted.or_else(|| user.identifiers().into_iter().next());
        let client = self.client_id;
        if proved.is_some() {
            next.updated_at = cx.now.max(self.updated_at);
            let verified = Verification::verified_by_provider(attempt.strategy.clone(), client, cx.now);
            let sent = next.second_factor.take().filter(|factor| factor.verification.verified.is_some());
            next.second_factor =
                sent.or_else(|| Some(Box::new(SecondFactor { address: None, verification: verified })));
        }
        let mut transition = Transition::to(next);
        if let Some(counted) = &counted {
            transition.tried(Some(user), counted, Share::Codes, proved.is_some());
        }
        if let Some(address) = &address {
            if !user.knows(client) {
                transition.use_quota(address, client, QuotaKind::Guess);
            }
            if proved.is_some() {
                transition.use_quota(address, client, QuotaKind::Proof);
            }
        }
        let Some(second) = proved else {
            // Codes that are not sent have no verification to count attempts in: the failures of the account count.
            let transition = if address.is_some() { transition.kept(Some(self.stamp())) } else { transition };
            return Ok(transition.refused(ErrorCode::FormCodeIncorrect.on("code")));
        };
        let mut transition = transition.completed(
            Some(self.stamp()),
            user.id,
            (Some(attempt.strategy.clone()), first),
            SecondFactorNeed::None,
            cx,
        );
        if let Some(entry) = &mut transition.outcome.entry {
            entry.second = Some(second);
        }
        Ok(transition)
    }

    /// Whether this code proved the second factor: then the request is a retry.
    pub fn was_completed_by(&self, strategy: &Strategy, code: &OneTimeCode, cx: &Context<'_>) -> bool {
        self.second_factor.as_deref().is_some_and(|factor| {
            let Some(address) = &factor.address else { return false };
            let challenge = Challenge { owner: self.id.into(), address };
            challenge.is_repeated_by(&factor.verification, strategy, code, cx)
        })
    }

    /// The user, and its factors by `strategy`, while a second factor is needed.
    fn awaited<'a>(
        &self,
        strategy: &Strategy,
        user: Option<&'a User>,
        cx: &Context<'_>,
    ) -> Result<(&'a User, Vec<Factor>), Reason> {
        if !matches!(self.phase, Phase::SecondFactor { .. }) {
            return Err(ErrorCode::ClientStateInvalid.into());
        }
        if !self.updated_at.is_within(GOOD_FOR, cx.now) {
            return Err(ErrorCode::VerificationExpired.into());
        }
        let mut factors = self.second_factors(user, cx.settings);
        factors.retain(|factor| factor.strategy == *strategy);
        let none = || ErrorCode::StrategyForUserInvalid.on("strategy");
        let user = user.filter(|_| !factors.is_empty()).ok_or_else(none)?;
        Ok((user, factors))
    }

    fn guess_second(
        &self,
        strategy: &Strategy,
        code: &OneTimeCode,
        cx: &Context<'_>,
    ) -> Result<(SecondFactor, bool), Rejection> {
        let factor = self.second_factor.as_deref().ok_or(ErrorCode::VerificationMissing)?;
        let address = factor.address.as_ref().ok_or(ErrorCode::VerificationMissing)?;
        factor.verification.check_attempt(strategy, cx)?;
        let challenge = Challenge { owner: self.id.into(), address };
        let (verification, guess) = challenge.guess(&factor.verification, code, self.client_id, cx);
        Ok((SecondFactor { address: Some(address.clone()), verification }, guess == Guess::Right))
    }

    /// What was proved first, where it is still the user's.
    fn first_credential(&self, user: &User, cx: &mut Context<'_>) -> Option<Credential> {
        let Phase::SecondFactor { password, invitation } = self.phase else { return None };
        let Some(factor) = &self.first_factor else {
            let account = self.external.as_deref()?;
            let known = account.identifier()?;
            if user.holds(&known) {
                return Some(Credential::Account(known));
            }
            let email = account.profile.as_ref()?.email()?.identifier();
            let own = user.address_like(&email, cx.settings.ignores_dots())?;
            let own = user.email_addresses.iter().find(|email| email.value.identifier() == own)?;
            return linked(account, own.value.clone(), cx);
        };
        let address = factor.address.clone();
        match (password, invitation) {
            (Some(mark), _) => {
                let compared = user.password_digest.clone()?;
                let is_same = password_mark(&compared, cx) == mark;
                is_same.then_some(Credential::Password(Fit { compared, renewed: None }))
            }
            (None, Some(invitation)) => Some(Credential::Invitation { invitation, address }),
            (None, None) => Some(Credential::Code { strategy: factor.verification.strategy().clone(), address }),
        }
    }
}

/// What a half-way sign-in remembers of what was proved first, beside its first factor.
pub(super) fn remembered(proof: &Credential, cx: &Context<'_>) -> (Option<PasswordMark>, Option<InvitationId>) {
    match proof {
        Credential::Password(fit) => (Some(password_mark(&fit.compared, cx)), None),
        Credential::Invitation { invitation, .. } => (None, Some(*invitation)),
        _ => (None, None),
    }
}

/// The mark of a password, by its stored digest.
fn password_mark(digest: &Secret<String>, cx: &Context<'_>) -> PasswordMark {
    let digest = cx.digest.digest(&[b"password that was proved", digest.expose().as_bytes()]);
    let mut mark = [0; 16];
    mark.copy_from_slice(&digest[..16]);
    mark
}

/// How long after the first factor, or after the last code that was asked for, the second one may be proved.
const GOOD_FOR: Span = Span::from_secs(1800);
