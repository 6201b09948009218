//! Preparing the first factor: making a code and having it sent.

use crate::domain::context::Context;
use crate::domain::id::{MessageId, SignInId};
use crate::domain::identifier::{EmailAddress, Identifier, IdentifierKind, PhoneNumber};
use crate::domain::message::{Content, Message};
use crate::domain::quota::QuotaKind;
use crate::domain::rejection::{ErrorCode, Rejection};
use crate::domain::secret::Secret;
use crate::domain::transition::Effect;
use crate::domain::user::User;
use crate::domain::verification::{OneTimeCode, Strategy, Verification};

use super::factor::{Factor, FactorAddress};
use super::state::Status;
use super::{FirstFactor, Prepare, SignIn, Transition};

impl SignIn {
    /// Begins to prove a first factor by a code.
    ///
    /// # Errors
    /// `strategy_for_user_invalid` where the user has no such factor, `verification_code_too_many_requests` within
    /// the cool-down.
    pub fn prepare(
        &self,
        prepare: &Prepare,
        user: Option<&User>,
        cx: &mut Context<'_>,
    ) -> Result<Transition, Rejection> {
        self.touched(cx).prepare_in_place(prepare, Some(self.stamp()), user, cx)
    }

    /// Prepares on a value that is already the next one.
    pub(super) fn prepare_in_place(
        mut self,
        prepare: &Prepare,
        expected: Option<(SignInId, u64)>,
        user: Option<&User>,
        cx: &mut Context<'_>,
    ) -> Result<Transition, Rejection> {
        let FactorAddress { identifier: address, display, .. } = self.chosen(prepare, user, cx)?;
        if self.is_transferable() {
            return Err(ErrorCode::VerificationAlreadyVerified.into());
        }
        let is_protected = cx.settings.attack_protection.enumeration_protection.enabled;
        let is_sent = match (user, self.newcomer) {
            (Some(_), _) => true,
            (None, None) => false,
            (None, Some(_)) => match self.may_sign_up_with(&address, cx) {
                Err(refused) if !is_protected => return Err(refused.into()),
                admitted => admitted.is_ok(),
            },
        };
        let costs_much = |address: &Identifier| {
            address.kind == IdentifierKind::PhoneNumber && PhoneNumber::restore(address.value.clone()).is_costly()
        };
        if !cx.policy.sms_costly_numbers && costs_much(&address) {
            return Err(ErrorCode::UnsupportedCountryCode.on("phone_number").into());
        }
        self.cool_down(&address, cx)?;
        let is_test = cx.policy.test_mode && is_test(&address);
        let code = if is_test { OneTimeCode::TEST } else { OneTimeCode::generate(cx.entropy) };
        let channel =
            (prepare.strategy == Strategy::PhoneCode).then(|| prepare.channel.clone().unwrap_or_else(|| "sms".into()));
        let strategy = prepare.strategy.clone();
        let verification = Verification::by_code(self.id.cast(), strategy, &address.value, &code, channel, cx);
        let expire_at = verification.expire_at;
        self.first_factor = Some(FirstFactor { address: address.clone(), verification });
        self.recent_sends.push((address.clone(), cx.now));
        let mut transition = Transition::to(self).kept(expected);
        if !is_test {
            let client = transition.next.client_id;
            let is_known = user.is_some_and(|user| user.knows(client));
            transition.use_quota(&address, client, if is_known { QuotaKind::OwnMessage } else { QuotaKind::Message });
            // The code of nobody, who can't sign up by it either, is counted like everybody's and sent to nobody.
            let code = Secret::new(code.expose());
            transition.effects.push(Effect::Deliver(Message {
                id: MessageId::generate(cx.now, cx.entropy),
                to: address,
                display_to: display,
                content: if is_sent { Content::Code(code) } else { Content::Decoy },
                created_at: cx.now,
                expire_at,
            }));
        }
        Ok(transition)
    }

    /// The user's factors by `strategy`.
    pub(super) fn offered(
        &self,
        strategy: &Strategy,
        user: Option<&User>,
        cx: &Context<'_>,
    ) -> Result<Vec<Factor>, Rejection> {
        if self.status() == Status::NeedsIdentifier {
            return Err(ErrorCode::FormParamMissing.on("identifier").into());
        }
        let mut factors = self.first_factors(user, cx);
        factors.retain(|factor| factor.strategy == *strategy);
        if !factors.is_empty() {
            return Ok(factors);
        }
        let is_protected = cx.settings.attack_protection.enumeration_protection.enabled;
        let may_be_nobody = self.newcomer.is_some() && (user.is_none() || is_protected);
        Err(match may_be_nobody {
            true => ErrorCode::SignUpIfMissingStrategyNotSupported.on("strategy").into(),
            false => ErrorCode::StrategyForUserInvalid.on("strategy").into(),
        })
    }

    /// The address that is meant: the one named, else the one the person came with, else the first.
    fn chosen(&self, prepare: &Prepare, user: Option<&User>, cx: &Context<'_>) -> Result<FactorAddress, Rejection> {
        let factors = self.offered(&prepare.strategy, user, cx)?;
        let mut addresses = factors.into_iter().filter_map(|factor| factor.address).collect::<Vec<_>>();
        let at = match prepare.address_id {
            Some(id) => addresses.iter().position(|address| address.id == id),
            None => {
                let own = addresses.iter().position(|address| Some(&address.identifier) == self.identifier.as_ref());
                own.or(if addresses.is_empty() { None } else { Some(0) })
            }
        };
        let at = at.ok_or_else(|| ErrorCode::StrategyForUserInvalid.on("strategy"))?;
        Ok(addresses.swap_remove(at))
    }

    /// One code at a time to one address from one sign-in ([guide: Limits](crate::guide::contract_errors#limits)); also
    /// forgets sends that are too old to matter.
    fn cool_down(&mut self, address: &Identifier, cx: &Context<'_>) -> Result<(), Rejection> {
        let cooldown = cx.policy.resend_cooldown;
        self.recent_sends.retain(|(_, at)| cx.now.since(*at) < cooldown);
        match self.recent_sends.iter().filter(|(to, _)| to == address).map(|(_, at)| *at).max() {
            Some(at) => Err(ErrorCode::VerificationCodeTooManyRequests.after((at + cooldown).since(cx.now)).into()),
            None => Ok(()),
        }
    }
}

fn is_test(address: &Identifier) -> bool {
    match address.kind {
        IdentifierKind::EmailAddress => EmailAddress::restore(address.value.clone(), String::new()).is_test(),
        IdentifierKind::PhoneNumber => PhoneNumber::restore(address.value.clone()).is_test(),
        IdentifierKind::Username | IdentifierKind::ExternalAccount | IdentifierKind::ExternalId => false,
    }
}
