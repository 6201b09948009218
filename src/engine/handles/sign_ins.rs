use crate::domain::id::SignInId;
use crate::domain::secret::Secret;
use crate::domain::sign_in::Prepare as PrepareFirstFactor;
use crate::engine::{
    ApprovedLink, AttemptFirstFactor, AttemptSecondFactor, Caller, ClientView, Engine, EngineError, NewSignIn,
    RequestContext, ResetPassword, SignInView,
};

handle! {
    /// The calls about sign-ins.
    ///
    /// ```
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// use vestibule::{Caller, Engine, EngineError, NewSignIn, RequestContext};
    ///
    /// let settings = vestibule::settings::sample_settings("email_code")?;
    /// let engine = Engine::builder().settings(settings).build().await?;
    /// let input = NewSignIn::with("ada@example.com");
    /// let begun = engine.sign_ins().create(&Caller::anonymous(), &input, &RequestContext::default()).await;
    /// assert!(matches!(begun, Err(EngineError::Rejected(_))), "there is no such user yet");
    /// # engine.shutdown().await;
    /// # Ok(())
    /// # }
    /// ```
    SignIns by sign_ins;

    /// Begins a sign-in and replaces the client's earlier one. With a password it is complete at once; with the
    /// strategy of a code, the code is sent. A caller without a client gets a new one, whose token is in the view.
    ///
    /// # Errors
    /// [`EngineError::Rejected`], such as `form_identifier_not_found`; a wrong password is counted before it is
    /// refused. If the requested message or authorization request is impossible, no sign-in begins: there is nothing
    /// yet worth keeping. The same call with the same password, repeated within a minute, shows what the first one
    /// completed.
    create(caller: &Caller, input: &NewSignIn, context: &RequestContext) -> (SignInView, ClientView): create_sign_in;
    /// Shows the sign-in in progress of the caller's client, or the one that it finished a moment ago.
    ///
    /// # Errors
    /// [`EngineError::NotFound`] for every other id, whether or not it exists.
    show(caller: &Caller, id: SignInId, context: &RequestContext) -> (SignInView, ClientView): sign_in;
    /// Accepts the one-time value that the system's browser gave to an application without cookies. The application
    /// presents it together with its client's token
    /// (`rotating_token_nonce`, [guide: Native hand-over](crate::guide::contract_sign_ups#native-hand-over)).
    ///
    /// # Errors
    /// `oauth_callback_invalid` where the value was not issued for this sign-in, or is used up.
    claim_return(caller: &Caller, id: SignInId, native_handoff: &str, context: &RequestContext) -> (SignInView, ClientView):
        claim_sign_in_return;
    /// Begins to verify a first factor: a code or a link is made and sent.
    ///
    /// # Errors
    /// [`EngineError::Rejected`], such as `strategy_for_user_invalid`.
    prepare(caller: &Caller, id: SignInId, input: &PrepareFirstFactor, context: &RequestContext) -> (SignInView, ClientView):
        prepare_first_factor;
    /// Takes a link that was opened and approved, for the application that asked for it and has the verifier of PKCE. The
    /// result is a ticket, good for a minute, with which [`Self::create`] goes on.
    ///
    /// # Errors
    /// `approval_token_invalid`, `approval_token_expired`, `approval_token_consumed`, `pkce_verification_failed`;
    /// `form_param_value_invalid` for what is no id of a sign-in.
    exchange_link(link: &ApprovedLink, context: &RequestContext) -> Secret<String>: exchange_link;
    /// Proves a first factor, which completes the sign-in, unless the user has a second factor or the code is one of a reset.
    /// Repeating the same proof shows the result again.
    ///
    /// # Errors
    /// [`EngineError::Rejected`]; a wrong code or password is counted before it is refused.
    attempt(caller: &Caller, id: SignInId, input: &AttemptFirstFactor, context: &RequestContext) -> (SignInView, ClientView):
        attempt_first_factor;
    /// Sets a new password, after the code of a reset was proved. It completes the sign-in, unless the user has a second
    /// factor. The user is told by e-mail.
    ///
    /// # Errors
    /// [`EngineError::Rejected`]: `client_state_invalid` where no such code was proved, every rule that the password breaks,
    /// `form_new_password_matches_current`, `form_password_matches_identifier`, `form_password_pwned`.
    reset_password(caller: &Caller, id: SignInId, input: &ResetPassword, context: &RequestContext) -> (SignInView, ClientView):
        reset_password;
    /// Begins to verify a second factor: a code is made and sent to a phone number.
    ///
    /// # Errors
    /// [`EngineError::Rejected`], such as `strategy_for_user_invalid`, and `client_state_invalid` where no second factor is
    /// needed now.
    prepare_second_factor(caller: &Caller, id: SignInId, input: &PrepareFirstFactor, context: &RequestContext) -> (SignInView, ClientView):
        prepare_second_factor;
    /// Proves a second factor, which completes the sign-in. The code of an authenticator app and a backup code work once.
    ///
    /// # Errors
    /// [`EngineError::Rejected`]; a wrong code is counted before it is refused.
    attempt_second_factor(caller: &Caller, id: SignInId, input: &AttemptSecondFactor, context: &RequestContext) -> (SignInView, ClientView):
        attempt_second_factor;
}
