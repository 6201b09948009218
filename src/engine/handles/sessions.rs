use crate::domain::client::session::Session;
use crate::domain::id::{SessionId, UserId};
use crate::domain::secret::Secret;
use crate::domain::time::Span;
use crate::engine::{
    Caller, ClientView, Engine, EngineError, Handshake, HandshakeRequest, Page, RequestContext, SessionListParams,
    SessionView,
};

handle! {
    /// The calls about sessions.
    ///
    /// ```
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// # use vestibule::{Caller, Engine, EngineError, NewSignUp, RequestContext, Secret};
    /// # let settings = vestibule::settings::sample_settings("username_password")?;
    /// # let engine = Engine::builder().settings(settings).build().await?;
    /// # let context = RequestContext::default();
    /// # let password = Secret::new("a long sentence that is no word".into());
    /// # let input = NewSignUp::new().username("ada_lovelace").password(password);
    /// # let (_, client) = engine.sign_ups().create(&Caller::anonymous(), &input, &context).await?;
    /// # let token = client.new_token.ok_or("a client has a token")?;
    /// // `token` is a client's, and the client has a session.
    /// let caller = engine.identify(Some(token.expose())).await?;
    /// let session = caller.client().and_then(|client| client.last_active_session_id).ok_or("no session")?;
    /// let jwt = engine.sessions().token(&caller, session, &context).await?;
    /// assert_eq!(jwt.expose().split('.').count(), 3);
    ///
    /// engine.sessions().end(&caller, session, false, &context).await?;
    /// let caller = engine.identify(Some(token.expose())).await?;
    /// let refused = engine.sessions().token(&caller, session, &context).await;
    /// assert!(matches!(refused, Err(EngineError::SignedOut)));
    /// # engine.shutdown().await;
    /// # Ok(())
    /// # }
    /// ```
    Sessions by sessions;

    /// Records that a session is in use and makes it the last active one.
    ///
    /// # Errors
    /// [`EngineError::NotFound`] unless the session is live on the caller's client.
    touch(caller: &Caller, id: SessionId, context: &RequestContext) -> (SessionView, ClientView): touch_session;
    /// A new token of a session ([guide: Session tokens](crate::guide::contract_sign_ins#session-tokens)).
    ///
    /// # Errors
    /// [`EngineError::SignedOut`] unless the session is live on the caller's client; [`EngineError::Limited`] where the
    /// source's token quota is used up.
    token(caller: &Caller, id: SessionId, context: &RequestContext) -> Secret<String>: session_token;
    /// Ends a session; `removed` says by which of the two calls. The view shows the ended session.
    ///
    /// # Errors
    /// [`EngineError::NotFound`] unless the session is live on the caller's client.
    end(caller: &Caller, id: SessionId, removed: bool, context: &RequestContext) -> (SessionView, ClientView):
        end_session;
    /// Ends all sessions of the caller's client; the client itself stays.
    ///
    /// # Errors
    /// [`EngineError::NoClient`] for an anonymous caller, [`EngineError::TokenReplaced`] where the token was replaced
    /// meanwhile.
    end_all(caller: &Caller, context: &RequestContext) -> ClientView: end_sessions;
    /// A session, also one that is over, until it is abandoned.
    ///
    /// # Errors
    /// [`EngineError::NotFound`].
    get(id: SessionId) -> Session: session;
    /// Lists sessions. With a user and a client, those of the user on the client.
    ///
    /// # Errors
    /// `form_param_missing` without a user and a client, `form_param_value_invalid` for an unknown status.
    list(params: &SessionListParams) -> Page<Session>: list_sessions;
    /// Revokes a session: it is over at once. One that is over already stays as it is.
    ///
    /// # Errors
    /// [`EngineError::NotFound`].
    revoke(id: SessionId) -> Session: revoke_session;
    /// A token of any user's session, for the application's backend.
    ///
    /// # Errors
    /// [`EngineError::NotFound`] unless the session is live; `form_param_value_invalid` for a lifetime that is not from 30
    /// seconds to ten years.
    create_token(id: SessionId, expires_in: Option<Span>) -> Secret<String>: create_session_token;
    /// Creates a session of a user on a new client, for the application's tests. The client's token is not shown, so
    /// that only the backend can use the session: by [tokens](Self::create_token) of it. The user counts as signed in.
    ///
    /// # Errors
    /// [`EngineError::NotFound`] for an unknown user; `user_banned`, `user_locked`.
    create(user: UserId) -> Session: create_session;
    /// The session of a session token that this instance signed and that has not expired.
    ///
    /// # Errors
    /// [`EngineError::NotFound`] unless the session is live; `form_param_value_invalid` for anything else than such a token of
    /// this session.
    verify(id: SessionId, token: &str) -> Session: verify_session;
    /// Tells the server of a page who is signed in: where to send the browser, and with which cookie. `caller` is the holder
    /// of the `__client` cookie ([guide: Handshakes](crate::guide::contract_handshakes)).
    ///
    /// # Errors
    /// `invalid_redirect_url` for what is no URL of a web page; `invalid_handshake` for a page that is not allowed, or that
    /// no cookie of this host reaches; [`EngineError::Limited`] where the source's token quota is used up.
    handshake(caller: &Caller, request: &HandshakeRequest, context: &RequestContext) -> Handshake: handshake;
    /// The cookies of a handshake that was not handed over, for the application's server: once for each nonce, and within a
    /// minute.
    ///
    /// # Errors
    /// `invalid_nonce`.
    handshake_cookies(nonce: &str) -> Vec<String>: handshake_cookies;
}
