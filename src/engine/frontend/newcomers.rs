//! Whoever signs in to the user that they may not be yet, and signs up with what they proved
//! ([guide: Sign up if missing](crate::guide::contract_sign_ins#sign-up-if-missing)): the look-ups around what
//! `domain::sign_in::newcomer` decides.

use std::sync::Arc;

use crate::domain::identifier::Identifier;
use crate::domain::rejection::{ErrorCode, Rejection};
use crate::domain::sign_in::{self, Newcomer, SignIn};
use crate::domain::text::is_true;
use crate::domain::transfer::{Consumed, Proved};
use crate::domain::user::User;
use crate::domain::verification::Strategy;

use crate::engine::{Caller, Engine, EngineError, RawSignIn, RequestContext};

impl Engine {
    /// Whether somebody may sign up by the sign-in that they ask for
    /// ([guide: Sign up if missing](crate::guide::contract_sign_ins#sign-up-if-missing)).
    pub(in crate::engine) async fn newcomer_by(
        &self,
        raw: &RawSignIn,
        identifier: Option<&Identifier>,
        strategy: Option<&Strategy>,
        context: &RequestContext,
    ) -> Result<Option<Newcomer>, EngineError> {
        let is_asked_for = raw.sign_up_if_missing.as_deref().is_some_and(is_true);
        let Some(identifier) = identifier.filter(|_| is_asked_for) else { return Ok(None) };
        let has_password = raw.password.as_ref().is_some_and(|password| !password.expose().is_empty());
        let strategy = strategy.or(has_password.then_some(&Strategy::Password));
        sign_in::may_be_missing(identifier, strategy, &self.settings())?;
        Ok(Some(Newcomer { captcha_solved: self.newcomer_solves_captcha(raw, context).await? }))
    }

    /// Who a sign-in is about: where somebody may sign up by it, whoever holds its identifier by now. It is looked for
    /// whether or not it was found before, which takes the same time.
    pub(in crate::engine) async fn user_of(&self, sign_in: &SignIn) -> Result<Option<Arc<User>>, EngineError> {
        let identifier = sign_in.identifier.as_ref().filter(|_| sign_in.newcomer.is_some());
        let since = match identifier {
            Some(identifier) => self.inner.store().owner(identifier).await?,
            None => None,
        };
        self.user_behind(sign_in.user_id.or(since)).await
    }

    /// What a transfer to a sign-up takes from the client's sign-in: the identifier that it proved, where it did, and
    /// itself, which is used up thereby.
    ///
    /// # Errors
    /// `account_transfer_invalid` where there is no sign-in.
    pub(in crate::engine) async fn handed_over(
        &self,
        caller: &Caller,
    ) -> Result<(Option<Proved>, Consumed), EngineError> {
        let nothing = || Rejection::from(ErrorCode::AccountTransferInvalid);
        let client = caller.client_id().ok_or_else(nothing)?;
        let client = self.inner.store().client(client).await?.ok_or_else(nothing)?;
        let open = client.open_sign_in(self.now(), &self.inner.actor_context.policy).ok_or_else(nothing)?;
        Ok((open.proved_by_newcomer(), open.stamp()))
    }
}
