//! Sign-ins by people who may not be users yet, and who then sign up with what they proved
//! ([guide: Sign up if missing](crate::guide::contract_sign_ins#sign-up-if-missing)): the look-ups around the decisions
//! of `domain::sign_in::newcomer`.

use std::sync::Arc;

use crate::domain::identifier::Identifier;
use crate::domain::rejection::{ErrorCode, Rejection};
use crate::domain::sign_in::{self, Newcomer, SignIn};
use crate::domain::transfer::{Consumed, Proved};
use crate::domain::user::User;
use crate::domain::verification::Strategy;

use crate::engine::{Caller, Engine, EngineError, NewSignIn, RequestContext};

impl Engine {
    /// Whether the requested sign-in may become a sign-up
    /// ([guide: Sign up if missing](crate::guide::contract_sign_ins#sign-up-if-missing)).
    pub(in crate::engine) async fn newcomer_by(
        &self,
        input: &NewSignIn,
        identifier: Option<&Identifier>,
        context: &RequestContext,
    ) -> Result<Option<Newcomer>, EngineError> {
        let Some(identifier) = identifier.filter(|_| input.sign_up_if_missing) else { return Ok(None) };
        let has_password = input.given_password().is_some();
        let strategy = input.strategy.as_ref().or(has_password.then_some(&Strategy::Password));
        sign_in::may_be_missing(identifier, strategy, &self.settings())?;
        Ok(Some(Newcomer { captcha_solved: self.newcomer_solves_captcha(input, context).await? }))
    }

    /// The user that a sign-in is about; where it may become a sign-up, the user who owns the identifier now. The
    /// look-up happens whether or not a user was found before, so that both cases take the same time.
    pub(in crate::engine) async fn user_of(&self, sign_in: &SignIn) -> Result<Option<Arc<User>>, EngineError> {
        let identifier = sign_in.identifier.as_ref().filter(|_| sign_in.newcomer.is_some());
        let since = match identifier {
            Some(identifier) => self.owner_of(identifier).await?,
            None => None,
        };
        self.user_behind(sign_in.user_id.or(since)).await
    }

    /// What a transfer to a sign-up takes from the client's sign-in: the identifier, if it was proved, and the sign-in
    /// itself, which is used up by this.
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
