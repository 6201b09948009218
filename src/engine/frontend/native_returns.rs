//! A sign-in by an account at a provider, in an application without cookies: the system's browser brings the provider's answer to
//! the application, which presents it with its client's token
//! ([guide: Native hand-over](crate::guide::contract_sign_ups#native-hand-over)).

use crate::domain::id::SignInId;
use crate::domain::rejection::{ErrorCode, Rejection};
use crate::limiter::LimitedAction;
use crate::token::{FlowId, OAuthState, TokenCarrier};

use crate::engine::{Caller, ClientView, Engine, EngineError, RequestContext, SignInView};

impl Engine {
    /// [`SignIns::claim_return`](crate::engine::SignIns::claim_return).
    pub(crate) async fn claim_sign_in_return(
        &self,
        caller: &Caller,
        id: SignInId,
        native_handoff: &str,
        context: &RequestContext,
    ) -> Result<(SignInView, ClientView), EngineError> {
        self.admitted(async {
            self.inner.admission.spend(LimitedAction::Write, context, self.now())?;
            let invalid = || EngineError::from(Rejection::from(ErrorCode::OAuthCallbackInvalid));
            let client = caller.client().ok_or(EngineError::NotFound)?;
            if client.finished(id, self.now()).is_some() {
                return Err(invalid());
            }
            let account = self.in_progress(Some(client), id)?.external.clone();
            let account = account.filter(|account| account.awaits_callback(&account.nonce, self.now()));
            let account = account.ok_or_else(invalid)?;
            let (of, nonce) = (FlowId::SignIn(id), account.nonce);
            let trip = OAuthState { of, client: client.id, carrier: TokenCarrier::Header, nonce };
            let callback = self.answer_handed_over(&trip, native_handoff).ok_or_else(invalid)?;
            let back = self.back(&trip, &account, &callback, true).await?;
            let (value, committed) = self.settle_sign_in(id, client.id, caller.terms(), &back, context).await?;
            self.shown_after(caller, value, &committed, context).await
        })
        .await
    }
}
