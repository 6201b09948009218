//! Preparing a verification: creating a code or a link and sending it.

use crate::domain::context::Context;
use crate::domain::field::Field;
use crate::domain::quota::QuotaKind;
use crate::domain::redirect::RedirectUrl;
use crate::domain::rejection::{ErrorCode, Rejection};
use crate::domain::verification::{
    Challenge, Letter, LinkOwner, Means, MessageKind, Strategy, VerificationStatus, check_enabled,
};

use super::{Prepare, SignUp, Transition};

impl SignUp {
    /// Sends nothing for a value that is already verified: the caller, perhaps a second tab, is shown that it is.
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
        let challenge = Challenge { owner: self.id.into(), address: &address };
        // Enumeration protection: the owner gets a notice, the caller the same answer as for an unused address.
        let kind = if prepare.taken { MessageKind::Notice } else { MessageKind::Secret };
        let letter = Letter { kind, display_to: self.display_address(&field), locale: self.locale.clone() };
        let means = self.means(prepare, cx);
        let (verification, message) = challenge.send(means, letter, &mut self.recent_sends, cx)?;
        if let Some(slot) = self.verification_slot(&field) {
            *slot = Some(verification);
        }
        let client = self.client_id;
        let mut transition = Transition::to(self);
        if let Some(message) = message {
            transition.send(message, client, QuotaKind::Message);
        }
        Ok(transition)
    }

    fn means(&self, prepare: &Prepare, cx: &Context<'_>) -> Means {
        match prepare.strategy {
            Strategy::EmailLink => Means::Link {
                owner: LinkOwner::SignUp(self.id),
                redirect_url: prepare.redirect_url.clone(),
                in_cookie: prepare.in_cookie,
                with_code: check_enabled(&Strategy::EmailCode, cx.settings).is_ok(),
            },
            _ => Means::Code { strategy: prepare.strategy.clone(), channel: prepare.channel },
        }
    }

    /// Whether the message of a moment ago [is](Self::holds_answer_to) the one that `strategy` would send. Then a write
    /// that sets fields and asks for the message again succeeds, and the person gets one message; only a `prepare` call
    /// is refused by the cool-down.
    pub(super) fn awaits_answer(
        &self,
        strategy: &Strategy,
        redirect_url: Option<&RedirectUrl>,
        cx: &Context<'_>,
    ) -> bool {
        let sent_at = strategy.field().and_then(|field| Some(self.verification(&field)?.prepared_at));
        let is_recent = sent_at.is_some_and(|at| at.remaining(cx.policy.resend_cooldown, cx.now).is_some());
        is_recent && self.holds_answer_to(strategy, redirect_url, cx)
    }

    /// Whether the last message is the one that `strategy` would send: its code or link is still valid, for the present
    /// address, and has the wanted redirect URL. Where no other message may be sent, a write that asks for one uses
    /// this one.
    pub fn holds_answer_to(&self, strategy: &Strategy, redirect_url: Option<&RedirectUrl>, cx: &Context<'_>) -> bool {
        let verification = strategy.field().and_then(|field| self.verification(&field));
        verification.is_some_and(|verification| {
            let is_same = match (strategy, verification.link()) {
                (Strategy::EmailLink, Some(link)) => redirect_url == Some(&link.redirect_url),
                _ => verification.takes(strategy),
            };
            let is_good = verification.status(cx.now, cx.policy.attempts_max) == VerificationStatus::Unverified;
            is_same && is_good
        })
    }

    fn display_address(&self, field: &Field) -> String {
        match field {
            Field::EmailAddress => self.email_address.as_ref().map(|e| e.value.typed().to_owned()),
            _ => self.address(field).map(|a| a.value),
        }
        .unwrap_or_default()
    }
}
