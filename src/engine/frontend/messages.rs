//! Messages are counted when they are requested: each costs money, and the recipient may not have asked for it.

use crate::actors::{CallError, SignUpReply};
use crate::domain::identifier::Identifier;
use crate::domain::message::Message;
use crate::domain::sign_up::{External, Fields, Patch, SignUp};
use crate::domain::time::Timestamp;
use crate::domain::transition::Effect;
use crate::domain::verification::Strategy;

use crate::engine::{Engine, EngineError, RequestContext};

/// A message that was counted before it is certain that it will be sent.
pub(in crate::engine) struct Foreseen {
    to: Identifier,
    at: Timestamp,
}

impl Engine {
    /// Counts the message that `strategy` will send to the address of a sign-up, once `fields` are applied.
    ///
    /// # Errors
    /// [`EngineError::Limited`]; nothing is counted then.
    pub(in crate::engine) fn foresee_message(
        &self,
        strategy: Option<&Strategy>,
        fields: Option<&Fields>,
        sign_up: Option<&SignUp>,
        context: &RequestContext,
    ) -> Result<Option<Foreseen>, EngineError> {
        let sends = |s: &&Strategy| matches!(s, Strategy::EmailCode | Strategy::EmailLink | Strategy::PhoneCode);
        let Some(strategy) = strategy.filter(sends) else { return Ok(None) };
        let given = fields.and_then(|fields| match (&fields.email_address, &fields.phone_number) {
            (_, Patch::Set(phone)) if *strategy == Strategy::PhoneCode => Some(phone.identifier()),
            (Patch::Set(email), _) if *strategy != Strategy::PhoneCode => Some(email.identifier()),
            _ => None,
        });
        let known = || sign_up.and_then(|sign_up| sign_up.address(&strategy.field()?));
        // If the sign-up has no address, it takes the one that the provider gives, and must verify it unless the
        // provider did.
        let named = || match fields?.external.as_ref()? {
            External::Answered(_, answer) if *strategy != Strategy::PhoneCode => {
                let profile = answer.outcome.as_ref().ok().filter(|profile| !profile.email_verified)?;
                Some(profile.email()?.identifier())
            }
            _ => None,
        };
        // Nothing is sent to test addresses: their code is a known one.
        let is_test_mode = self.is_in_test_mode();
        let to = given.or_else(known).or_else(named).filter(|to| !(is_test_mode && to.is_test()));
        let Some(to) = to else { return Ok(None) };
        let at = self.now();
        self.inner.admission.spend_message(&to, context, at, &self.inner.actor_context.limited)?;
        Ok(Some(Foreseen { to, at }))
    }

    /// Uncounts a message that was not sent after all.
    pub(in crate::engine) fn settle_message(
        &self,
        foreseen: Option<Foreseen>,
        outcome: &Result<SignUpReply, CallError>,
        context: &RequestContext,
    ) {
        let Some(Foreseen { to, at }) = foreseen else { return };
        let is_sent = match outcome {
            Ok(answer) => answer.sign_up.recent_sends.iter().any(|(sent_to, when)| *sent_to == to && *when >= at),
            // The call may have taken effect.
            Err(error) => *error == CallError::Lost,
        };
        if !is_sent {
            self.inner.admission.take_back_message(&to, context);
        }
    }

    /// Counts the messages among `effects`. Returns their recipients, to be uncounted if the commit is refused.
    ///
    /// # Errors
    /// [`EngineError::Limited`].
    pub(in crate::engine) fn spend_messages(
        &self,
        effects: &[Effect],
        context: &RequestContext,
    ) -> Result<Vec<Identifier>, EngineError> {
        let spend = |message: &Message| {
            let limited = &self.inner.actor_context.limited;
            let spent = self.inner.admission.spend_message(&message.to, context, self.now(), limited);
            spent.map(|()| message.to.clone())
        };
        // A notice to the user about the user's own account takes nothing from what a source may have sent.
        let messages = effects.iter().filter_map(Effect::message);
        let counted = messages.filter(|message| !message.content.is_notice_of_a_change());
        counted.map(spend).collect()
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;
    use crate::domain::settings::source_limits::{Budget, SourceLimits};
    use crate::domain::time::Span;
    use crate::domain::verification::{Profile, ProviderOutcome, SecondFactorNeed};

    #[tokio::test]
    async fn a_message_to_an_address_that_a_provider_names_is_counted() {
        let limits = SourceLimits { emails: Budget::new(1, 1, Span::from_secs(60)), ..SourceLimits::default() };
        let engine = Engine::builder().source_limits(Some(limits)).build().await.expect("an engine");
        let profile = Profile { email_address: Some("ada@example.com".into()), ..Profile::default() };
        let named = ProviderOutcome {
            outcome: Ok(profile),
            owner: None,
            links: None,
            session: None,
            second_factor: SecondFactorNeed::None,
            has_second_factor: false,
            taken: BTreeSet::new(),
        };
        let external = External::Answered("oauth_google".parse().expect("a strategy"), named);
        let fields = Fields { external: Some(external), ..Fields::default() };
        let context = RequestContext { address: Some([192, 0, 2, 1].into()), ..RequestContext::default() };
        let foresee = |strategy| engine.foresee_message(Some(&strategy), Some(&fields), None, &context);
        assert!(foresee(Strategy::PhoneCode).is_ok_and(|foreseen| foreseen.is_none()), "no number is named");
        assert!(foresee(Strategy::EmailCode).is_ok_and(|foreseen| foreseen.is_some()));
        assert!(matches!(foresee(Strategy::EmailCode), Err(EngineError::Limited { .. })));
    }
}
