//! Sign-ins as they are shown.

use crate::domain::sign_in::{self, SignIn};
use crate::store::Committed;

use super::visible::Visible;
use crate::engine::{Caller, ClientView, Engine, EngineError, RequestContext, SignInView};

impl Engine {
    /// A sign-in as the caller's own commit left it, and the client.
    pub(in crate::engine) async fn shown_after(
        &self,
        caller: &Caller,
        value: SignIn,
        committed: &Committed,
        context: &RequestContext,
    ) -> Result<(SignInView, ClientView), EngineError> {
        let seen = match committed.client {
            Some(_) => self.visible_after(caller, committed)?,
            // Nothing was written.
            None => self.visible(caller).await?.ok_or(EngineError::NotFound)?,
        };
        self.shown(value, seen, context).await
    }

    pub(in crate::engine) async fn shown(
        &self,
        value: SignIn,
        seen: Visible,
        context: &RequestContext,
    ) -> Result<(SignInView, ClientView), EngineError> {
        let view = self.view_sign_in(value).await?;
        Ok((view, self.view_client(seen, context).await?))
    }

    /// A sign-in as it is shown now. The user is shown once they are proved, or where the instance reveals users
    /// anyway.
    pub(in crate::engine) async fn view_sign_in(&self, value: SignIn) -> Result<SignInView, EngineError> {
        let user = self.user_of(&value).await?;
        let passkey_options = self.passkey_options(&value).await?;
        let policy = &self.inner.actor_context.policy;
        Ok(self.inner.actor_context.decide(|cx| SignInView {
            status: value.status(),
            supported_identifiers: sign_in::supported_identifiers(cx.settings),
            first_factors: value.first_factors(user.as_deref(), cx),
            second_factors: value.second_factors(user.as_deref(), cx.settings),
            passkey_options,
            abandon_at: value.abandon_at(policy),
            attempts_max: policy.attempts_max,
            now: cx.now,
            user: user.filter(|_| value.is_proved() || !cx.settings.hides_users()),
            value,
        }))
    }
}
