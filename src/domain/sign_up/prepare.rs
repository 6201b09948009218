//! Preparing a verification: making a code or a link and having it sent.

use crate::domain::context::Context;
use crate::domain::field::Field;
use crate::domain::id::MessageId;
use crate::domain::identifier::Identifier;
use crate::domain::message::{Content, Message};
use crate::domain::quota::QuotaKind;
use crate::domain::rejection::{ErrorCode, Rejection};
use crate::domain::secret::Secret;
use crate::domain::transition::Effect;
use crate::domain::verification::{LinkToken, OneTimeCode, Strategy, Verification, VerificationStatus, check_enabled};

use super::{Prepare, SignUp, Transition};

impl SignUp {
    /// Nothing is sent for what is proved already: whoever asks, perhaps in another tab, is shown that it is.
    pub(super) fn prepare(&self, prepare: &Prepare, cx: &mut Context<'_>) -> Result<Transition, Rejection> {
        let field = prepare.strategy.field().filter(|_| check_enabled(&prepare.strategy, cx.settings).is_ok());
        if field.is_some_and(|field| self.is_verified(&field, cx.now, cx.policy)) {
            return Ok(Transition::unchanged(self));
        }
        self.touched(cx).prepare_in_place(prepare, cx)
    }

    /// Prepares on a value that is already the next one.
    pub(super) fn prepare_in_place(mut self, prepare: &Prepare, cx: &mut Context<'_>) -> Result<Transition, Rejection> {
        check_enabled(&prepare.strategy, cx.settings)?;
        let field = prepare.strategy.field().ok_or(ErrorCode::VerificationStrategyInvalid)?;
        let address = self.address(&field).ok_or_else(|| ErrorCode::FormParamMissing.on(field.as_str()))?;
        self.check_may_be_messaged(&field, cx)?;
        self.refuse_costly_number(prepare, cx)?;
        self.cool_down(&address, cx)?;
        let is_test = cx.policy.test_mode && self.is_test_address(&field);
        let by_link = prepare.strategy == Strategy::EmailLink;
        let with_code = !by_link || check_enabled(&Strategy::EmailCode, cx.settings).is_ok();
        let code = match with_code {
            true if is_test => Some(OneTimeCode::TEST),
            true => Some(OneTimeCode::generate(cx.entropy)),
            false => None,
        };
        let token = by_link.then(|| LinkToken::generate(self.id, cx.entropy));
        let mut verification = match (&token, &code) {
            (Some(token), code) => {
                let redirect_url = prepare.redirect_url.clone().filter(|url| !url.is_empty());
                let redirect_url = redirect_url.ok_or_else(|| ErrorCode::FormParamMissing.on("redirect_url"))?;
                Verification::by_link(token, &address.value, code.as_ref(), redirect_url, prepare.in_cookie, cx)
            }
            (None, Some(code)) => {
                let channel = (prepare.strategy == Strategy::PhoneCode)
                    .then(|| prepare.channel.clone().unwrap_or_else(|| "sms".into()));
                Verification::by_code(self.id, prepare.strategy.clone(), &address.value, code, channel, cx)
            }
            (None, None) => return Err(ErrorCode::VerificationStrategyInvalid.into()),
        };
        if prepare.taken {
            verification.forget_secrets(cx);
        }
        let expire_at = verification.expire_at;
        let display_to = self.display_address(&field);
        if let Some(slot) = self.verification_slot(&field) {
            *slot = Some(verification);
        }
        self.recent_sends.push((address.clone(), cx.now));
        let client = self.client_id;
        let mut transition = Transition::to(self);
        // Its owner is told that somebody tried, and whoever tried sees what they would see of a free address.
        let code = code.map(|code| Secret::new(code.expose()));
        let token = token.map(|token| Secret::new(token.expose()));
        let content = match (token, code) {
            _ if prepare.taken => Content::Notice,
            (Some(token), code) => Content::Link { token, code },
            (None, Some(code)) => Content::Code(code),
            (None, None) => return Err(ErrorCode::VerificationStrategyInvalid.into()),
        };
        // Nothing is sent to test addresses, unless only what is sent could verify them.
        if !is_test || !with_code {
            transition.use_quota(&address, client, QuotaKind::Message);
            transition.effects.push(Effect::Deliver(Message {
                id: MessageId::generate(cx.now, cx.entropy),
                to: address,
                display_to,
                content,
                created_at: cx.now,
                expire_at,
            }));
        }
        Ok(transition)
    }

    /// Whether what was sent a moment ago [is](Self::holds_answer_to) what `strategy` would send. A write that asks for it
    /// again beside its fields has what it wants, and the person one message; only a call that is about nothing else is
    /// told to wait (`prepare`).
    pub(super) fn awaits_answer(&self, strategy: &Strategy, redirect_url: Option<&str>, cx: &Context<'_>) -> bool {
        let sent_at = strategy.field().and_then(|field| Some(self.verification(&field)?.prepared_at));
        let is_recent = sent_at.is_some_and(|at| cx.now.since(at) < cx.policy.resend_cooldown);
        is_recent && self.holds_answer_to(strategy, redirect_url, cx)
    }

    /// Whether what was sent is what `strategy` would send: the code or link is good still, for the address as it is now,
    /// and leads where it should. Where no other message may be sent, whoever asks for one beside fields has this one.
    pub fn holds_answer_to(&self, strategy: &Strategy, redirect_url: Option<&str>, cx: &Context<'_>) -> bool {
        let verification = strategy.field().and_then(|field| self.verification(&field));
        verification.is_some_and(|verification| {
            let is_same = match (strategy, &verification.link) {
                (Strategy::EmailLink, Some(link)) => redirect_url == Some(link.redirect_url.as_str()),
                _ => verification.takes(strategy),
            };
            let is_good = verification.status(cx.now, cx.policy.attempts_max) == VerificationStatus::Unverified;
            is_same && is_good
        })
    }

    /// One code at a time to one address from one sign-up ([guide: Limits](crate::guide::contract_errors#limits)); also
    /// forgets sends that are too old to matter.
    fn cool_down(&mut self, address: &Identifier, cx: &Context<'_>) -> Result<(), Rejection> {
        let cooldown = cx.policy.resend_cooldown;
        self.recent_sends.retain(|(_, at)| cx.now.since(*at) < cooldown);
        match self.recent_sends.iter().filter(|(to, _)| to == address).map(|(_, at)| *at).max() {
            Some(at) => Err(ErrorCode::VerificationCodeTooManyRequests.after((at + cooldown).since(cx.now)).into()),
            None => Ok(()),
        }
    }

    /// Text messages to some numbers are paid for dearly, and by whoever runs the instance.
    fn refuse_costly_number(&self, prepare: &Prepare, cx: &Context<'_>) -> Result<(), Rejection> {
        let phone = self.phone_number.as_ref().filter(|_| prepare.strategy == Strategy::PhoneCode);
        match phone {
            Some(phone) if !cx.policy.sms_costly_numbers && phone.value.is_costly() => {
                Err(ErrorCode::UnsupportedCountryCode.on(Field::PhoneNumber.as_str()).into())
            }
            _ => Ok(()),
        }
    }

    fn is_test_address(&self, field: &Field) -> bool {
        match field {
            Field::EmailAddress => self.email_address.as_ref().is_some_and(|e| e.value.is_test()),
            Field::PhoneNumber => self.phone_number.as_ref().is_some_and(|p| p.value.is_test()),
            _ => false,
        }
    }

    fn display_address(&self, field: &Field) -> String {
        match field {
            Field::EmailAddress => self.email_address.as_ref().map(|e| e.value.typed().to_owned()),
            _ => self.address(field).map(|a| a.value),
        }
        .unwrap_or_default()
    }
}
