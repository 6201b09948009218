use crate::domain::id::SignUpId;
use crate::domain::sign_up::{BackendUpdate, NewSignUp, SignUpPatch};
use crate::engine::{
    ApprovedLink, AttemptVerification, Caller, ClientView, Engine, EngineError, Followed, PrepareVerification,
    RequestContext, SignUpView,
};

handle! {
    /// The calls about sign-ups.
    ///
    /// ```
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// use vestibule::{Caller, Engine, NewSignUp, RequestContext, SignUpStatus};
    ///
    /// let settings = vestibule::settings::sample_settings("email_code")?;
    /// let engine = Engine::builder().settings(settings).build().await?;
    /// let context = RequestContext::default();
    /// let input = NewSignUp::new().email_address("ada@example.com");
    /// let (begun, client) = engine.sign_ups().create(&Caller::anonymous(), &input, &context).await?;
    /// assert_eq!(begun.status, SignUpStatus::MissingRequirements);
    ///
    /// let token = client.new_token.ok_or("a new client has a token")?;
    /// let caller = engine.identify(Some(token.expose())).await?;
    /// let shown = engine.sign_ups().show(&caller, begun.id()).await?;
    /// assert_eq!(shown.id(), begun.id());
    /// # engine.shutdown().await;
    /// # Ok(())
    /// # }
    /// ```
    SignUps by sign_ups;

    /// Begins a sign-up and replaces the client's earlier one. A caller without a client gets a new one, whose token is
    /// in the view. Equal concurrent calls begin one sign-up, and each shows it; the same holds for every call below
    /// that changes something.
    ///
    /// # Errors
    /// [`EngineError::Rejected`] with every fault of the fields, or because the requested authorization request is
    /// impossible; nothing is stored then. Where the fields are valid and only the message may not be sent now, the
    /// sign-up is begun all the same, if the caller has a client: the error is `too_many_requests`, and
    /// [`Engine::client_view`] shows the sign-up. A caller without a client could not receive its token: see
    /// [`Engine::or_opened`].
    create(caller: &Caller, input: &NewSignUp, context: &RequestContext) -> (SignUpView, ClientView): create_sign_up;
    /// Shows a sign-up of the caller's client.
    ///
    /// # Errors
    /// [`EngineError::NotFound`] for unknown ids and for other clients' sign-ups, alike.
    show(caller: &Caller, id: SignUpId) -> SignUpView: sign_up;
    /// Shows a sign-up of the caller's client, and the client.
    ///
    /// # Errors
    /// As [`SignUps::show`].
    show_with_client(caller: &Caller, id: SignUpId, context: &RequestContext) -> (SignUpView, ClientView):
        sign_up_and_client;
    /// Sets fields.
    ///
    /// # Errors
    /// [`EngineError::Rejected`] with every fault of the fields; nothing is stored then. Where the fields are valid and
    /// only the action requested with them is impossible now, the fields are kept, and the error says what to ask for
    /// again later: `too_many_requests` and `verification_code_too_many_requests` for a message, codes such as
    /// `oauth_token_exchange_error` for an authorization request. There is no such error where the sign-up is complete
    /// without that action, or the same message was sent already. The write that completed the sign-up with its
    /// password, repeated within a minute, shows the result again.
    update(caller: &Caller, id: SignUpId, patch: &SignUpPatch, context: &RequestContext) -> (SignUpView, ClientView):
        update_sign_up;
    /// Begins to verify the field of the strategy: a code or a link is made and sent, or an authorization request begins.
    ///
    /// # Errors
    /// [`EngineError::Rejected`], such as `verification_code_too_many_requests` within the cool-down, and
    /// `form_param_missing` for a link or a provider without a `redirect_url`.
    prepare(caller: &Caller, id: SignUpId, input: &PrepareVerification, context: &RequestContext)
        -> (SignUpView, ClientView): prepare;
    /// Proves the field of the strategy. The attempt that meets the last requirement completes the sign-up.
    ///
    /// # Errors
    /// [`EngineError::Rejected`]; a wrong code is counted before it is refused.
    attempt(caller: &Caller, id: SignUpId, input: &AttemptVerification, context: &RequestContext)
        -> (SignUpView, ClientView): attempt_verification;
    /// Follows an e-mail link by its token. A client other than the sign-up's changes nothing without `confirmed`. The
    /// session always goes to the sign-up's client.
    ///
    /// # Errors
    /// When the engine can't decide.
    follow_link(caller: &Caller, token: &str, confirmed: bool, context: &RequestContext) -> Followed: follow_link;
    /// Completes a link that was opened and approved, for the application that asked for it and has the verifier of PKCE. A
    /// caller without the client's token gets it with the answer.
    ///
    /// # Errors
    /// `approval_token_invalid`, `approval_token_expired`, `approval_token_consumed`, `pkce_verification_failed`, and what a
    /// conversion can be refused with.
    complete_link(caller: &Caller, link: &ApprovedLink, context: &RequestContext) -> (SignUpView, ClientView):
        complete_link;
    /// Accepts the one-time value that the system's browser gave to an application without cookies. The application
    /// presents it together with its client's token
    /// (`rotating_token_nonce`, [guide: Native hand-over](crate::guide::contract_sign_ups#native-hand-over)).
    ///
    /// # Errors
    /// `oauth_callback_invalid` where the value was not issued for this sign-up, or is used up.
    claim_return(caller: &Caller, id: SignUpId, native_handoff: &str, context: &RequestContext)
        -> (SignUpView, ClientView): claim_return;
    /// Shows a sign-up of any client.
    ///
    /// # Errors
    /// [`EngineError::NotFound`] for unknown ids.
    inspect(id: SignUpId) -> SignUpView: inspect_sign_up;
    /// Applies an update by the backend. It may complete the sign-up: the client gets the session with its next
    /// request.
    ///
    /// # Errors
    /// [`EngineError::NotFound`] for unknown ids, [`EngineError::Rejected`] such as `sign_up_cannot_be_updated`.
    update_by_backend(id: SignUpId, update: BackendUpdate) -> SignUpView: update_sign_up_by_backend;
    /// Lists the sign-ups that wait for approval, the longest waiting first, at most `limit` of them and at most 500.
    /// With `after`, those behind that sign-up; from the first where it no longer waits. One whose client has begun
    /// another sign-up is shown as abandoned, and can't be approved any more.
    ///
    /// # Errors
    /// When the store can't be read.
    awaiting_approval(after: Option<SignUpId>, limit: usize) -> Vec<SignUpView>: sign_ups_awaiting_approval;
    /// Approves a sign-up: it becomes a user, and its client gets the session with its next request.
    ///
    /// # Errors
    /// [`EngineError::NotFound`] for unknown ids, `sign_up_not_awaiting_approval`, `form_data_missing` where the
    /// settings require more of it by now, `sign_up_cannot_be_updated` where it is abandoned, and what a conversion can
    /// be refused with, such as `form_identifier_exists` and the refusal of a hook. After an error it waits as before.
    approve(id: SignUpId) -> SignUpView: approve_sign_up;
    /// Refuses a sign-up. `reason` is a sentence for the person of at most 512 bytes, who reads it with the next step;
    /// without one there is a usual text. Its identifiers stay free.
    ///
    /// # Errors
    /// [`EngineError::NotFound`] for unknown ids, `sign_up_not_awaiting_approval`, and what is wrong with the reason.
    refuse(id: SignUpId, reason: Option<&str>) -> SignUpView: refuse_sign_up;
}
