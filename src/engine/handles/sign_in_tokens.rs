use crate::domain::id::{SignInTokenId, UserId};
use crate::domain::time::Span;
use crate::engine::{Engine, EngineError, SignInTokenView};

handle! {
    /// The calls about sign-in tokens.
    ///
    /// ```
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// use vestibule::users::NewUser;
    /// use vestibule::{Caller, Engine, NewSignIn, RequestContext};
    ///
    /// let engine = Engine::builder().build().await?;
    /// let input = NewUser { skip_user_requirement: true, ..NewUser::default() };
    /// let user = engine.users().create(&input).await?;
    /// let token = engine.sign_in_tokens().create(user.id, None).await?;
    ///
    /// // The person follows `token.url`, or the application hands over the ticket.
    /// let input = NewSignIn::by_ticket(token.ticket);
    /// let (done, _) = engine.sign_ins().create(&Caller::anonymous(), &input, &RequestContext::default()).await?;
    /// assert!(done.value.session().is_some());
    /// let again = engine.sign_ins().create(&Caller::anonymous(), &input, &RequestContext::default()).await;
    /// assert!(again.is_err_and(|error| error.code() == "sign_in_token_already_used_code"));
    /// # engine.shutdown().await;
    /// # Ok(())
    /// # }
    /// ```
    SignInTokens by sign_in_tokens;

    /// Makes a token whose ticket signs in once to a user, without any other proof. It is valid for `expires_in`, or 30
    /// days. Whether the user may sign in is decided when the ticket is used.
    ///
    /// # Errors
    /// [`EngineError::NotFound`] for an unknown user; `form_param_value_invalid` for a validity that is not from a second to
    /// ten years.
    create(user: UserId, expires_in: Option<Span>) -> SignInTokenView: create_sign_in_token;
    /// Revokes a token that was not used.
    ///
    /// # Errors
    /// [`EngineError::NotFound`], `sign_in_token_cannot_be_revoked_code`.
    revoke(id: SignInTokenId) -> SignInTokenView: revoke_sign_in_token;
}
