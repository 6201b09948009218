use std::sync::Arc;

use crate::domain::client::reverification::Level;
use crate::domain::client::session::Session;
use crate::domain::id::{ExternalAccountId, IdentificationId, SessionId, UserId};
use crate::domain::metadata::Metadata;
use crate::domain::redirect::RedirectUrl;
use crate::domain::secret::Secret;
use crate::domain::user::{AddressVerification, ProfilePatch, User};
use crate::domain::verification::{AuthorizeParams, Strategy};
use crate::engine::{
    Caller, ClientView, Engine, EngineError, NewOwnPassword, NewPasskey, RequestContext, ReverificationView,
    ReverifyAttempt, ReverifyPrepare, SessionView,
};

handle! {
    /// The calls of people about their own users ([guide: The profile](crate::guide::contract_me)). Each is made with a
    /// live session of the caller's client, the last active one where none is named, and else refused with
    /// [`EngineError::SignedOut`]. Where the instance asks for re-verification, the calls that change how the person signs in
    /// are refused with `session_reverification_required` until a factor was proved again.
    ///
    /// ```
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// # use vestibule::{Caller, Engine, EngineError, NewSignUp, Patch, RequestContext, Secret};
    /// # use vestibule::users::ProfilePatch;
    /// # let settings = vestibule::settings::sample_settings("username_password")?;
    /// # let engine = Engine::builder().settings(settings).build().await?;
    /// # let context = RequestContext::default();
    /// # let password = Secret::new("a long sentence that is no word".into());
    /// # let input = NewSignUp::new().username("ada_lovelace").password(password);
    /// # let (_, client) = engine.sign_ups().create(&Caller::anonymous(), &input, &context).await?;
    /// # let token = client.new_token.ok_or("a client has a token")?;
    /// // `token` is a client's, and the client has a session.
    /// let caller = engine.identify(Some(token.expose())).await?;
    /// let patch = ProfilePatch { username: Patch::Set("countess".into()), ..ProfilePatch::default() };
    /// let (user, _) = engine.own_user().update(&caller, None, &patch, &context).await?;
    /// assert_eq!(user.username.as_ref().map(|name| name.as_str()), Some("countess"));
    ///
    /// let refused = engine.own_user().delete(&caller, None, &context).await;
    /// assert!(refused.is_err_and(|error| error.code() == "user_delete_self_not_enabled"));
    /// # engine.shutdown().await;
    /// # Ok(())
    /// # }
    /// ```
    OwnUser by own_user;

    /// Sets names, the username, the primary addresses and metadata.
    ///
    /// # Errors
    /// Every fault of the parameters at once; `resource_not_found` for a primary address that is not proved or not theirs;
    /// `form_identifier_exists`; `immutable_attribute_modification_not_allowed`.
    update(caller: &Caller, session: Option<SessionId>, patch: &ProfilePatch, context: &RequestContext)
        -> (Arc<User>, ClientView): update_own;
    /// Merges metadata into what the person's browser may write (RFC 7396).
    ///
    /// # Errors
    /// `form_param_exceeds_allowed_size`, `form_param_value_invalid` about the result.
    merge_metadata(caller: &Caller, session: Option<SessionId>, unsafe_metadata: &Metadata, context: &RequestContext)
        -> (Arc<User>, ClientView): merge_own_metadata;
    /// Sets or changes the password. The calling session goes on where all others end.
    ///
    /// # Errors
    /// `form_password_validation_failed` for a wrong current one, which counts as a failed sign-in;
    /// `form_new_password_matches_current`, and the rules for passwords, about `new_password`.
    change_password(caller: &Caller, session: Option<SessionId>, input: &NewOwnPassword, context: &RequestContext)
        -> (Arc<User>, ClientView): change_own_password;
    /// Removes the password.
    ///
    /// # Errors
    /// `no_password_set`; `password_required` where the instance or the person needs it;
    /// `form_password_validation_failed`.
    remove_password(
        caller: &Caller,
        session: Option<SessionId>,
        current_password: Option<&Secret<String>>,
        context: &RequestContext
    ) -> (Arc<User>, ClientView): remove_own_password;
    /// Deletes the user. All its sessions are over.
    ///
    /// # Errors
    /// `user_delete_self_not_enabled`.
    delete(caller: &Caller, session: Option<SessionId>, context: &RequestContext) -> (UserId, ClientView): delete_own;
    /// Adds an e-mail address, which is to be proved. It reserves nothing until then.
    ///
    /// # Errors
    /// `form_identifier_exists` for an address of a user, unless the instance hides who is one; restrictions;
    /// `too_many_unverified_identifications`.
    add_email_address(caller: &Caller, session: Option<SessionId>, address: &str, context: &RequestContext)
        -> (IdentificationId, Arc<User>, ClientView): add_own_email;
    /// Adds a phone number, which is to be proved; the second part says whether it is meant as a second factor.
    ///
    /// # Errors
    /// As [`Self::add_email_address`].
    add_phone_number(caller: &Caller, session: Option<SessionId>, number: (&str, bool), context: &RequestContext)
        -> (IdentificationId, Arc<User>, ClientView): add_own_phone;
    /// The user with an address, and how far the proof of that address is.
    ///
    /// # Errors
    /// [`EngineError::NotFound`].
    address(caller: &Caller, session: Option<SessionId>, id: IdentificationId, context: &RequestContext)
        -> (Arc<User>, Option<AddressVerification>, ClientView): own_address;
    /// Sends a code or, by the strategy `email_link`, a link to an address that is not proved. A link needs the URL where the
    /// browser goes after it; it is opened by [`SignUps::follow_link`](crate::engine::SignUps::follow_link).
    ///
    /// # Errors
    /// `form_param_value_disabled` for links where the settings have none, `form_param_missing` for a link without a URL;
    /// `verification_already_verified`; `form_identifier_exists` where it is another user's by now; the limits of messages.
    prepare_address(
        caller: &Caller,
        session: Option<SessionId>,
        address: (IdentificationId, &Strategy, Option<&RedirectUrl>),
        context: &RequestContext
    ) -> (Arc<User>, AddressVerification, ClientView): prepare_own_address;
    /// Proves an address by the code that was sent to it.
    ///
    /// # Errors
    /// `form_code_incorrect`, `verification_expired`, `verification_failed`; `form_identifier_exists` where it is another
    /// user's by now.
    attempt_address(
        caller: &Caller,
        session: Option<SessionId>,
        attempt: (IdentificationId, &str),
        context: &RequestContext
    ) -> (Arc<User>, AddressVerification, ClientView): attempt_own_address;
    /// Removes an address.
    ///
    /// # Errors
    /// [`EngineError::NotFound`]; `identification_deletion_failed`, `last_required_identification_deletion_failed`,
    /// `delete_linked_identification_disallowed`.
    remove_address(caller: &Caller, session: Option<SessionId>, id: IdentificationId, context: &RequestContext)
        -> (Arc<User>, ClientView): remove_own_address;
    /// Says whether a phone number is a second factor, and whether it is the one that is asked for first.
    ///
    /// # Errors
    /// [`EngineError::NotFound`]; `form_param_value_disabled` where the instance takes no phone number as one.
    mark_phone_number(
        caller: &Caller,
        session: Option<SessionId>,
        mark: (IdentificationId, Option<bool>, Option<bool>),
        context: &RequestContext
    ) -> (Arc<User>, ClientView): mark_own_phone;
    /// Begins to connect an account at a provider: the person leaves for the `authorize_url` of the connection, and comes
    /// back to [`Engine::return_from_provider`].
    ///
    /// # Errors
    /// `oauth_provider_not_enabled`, `form_identifier_exists` where an account at the provider is connected.
    connect_account(
        caller: &Caller,
        session: Option<SessionId>,
        account: (&Strategy, &AuthorizeParams),
        context: &RequestContext
    ) -> (ExternalAccountId, Arc<User>, ClientView): connect_own_account;
    /// Accepts the one-time value that the system's browser gave to an application without cookies, when the person came back
    /// from the provider. The application presents it together with its client's token (`rotating_token_nonce`). The
    /// connection of the user then says whether the account is connected, or why not.
    ///
    /// # Errors
    /// `oauth_callback_invalid` where the value was not issued for an attempt of this user on this client, or is used up.
    claim_account(caller: &Caller, session: Option<SessionId>, native_handoff: &str, context: &RequestContext)
        -> (Arc<User>, ClientView): claim_own_account;
    /// Begins to connect an account again.
    ///
    /// # Errors
    /// [`EngineError::NotFound`], and as [`Self::connect_account`].
    reauthorize_account(
        caller: &Caller,
        session: Option<SessionId>,
        account: (ExternalAccountId, &AuthorizeParams),
        context: &RequestContext
    ) -> (Arc<User>, ClientView): reauthorize_own_account;
    /// Removes an account at a provider, or the attempt to connect one. The address that it vouched for stays.
    ///
    /// # Errors
    /// [`EngineError::NotFound`]; `identification_deletion_failed`.
    remove_account(caller: &Caller, session: Option<SessionId>, id: ExternalAccountId, context: &RequestContext)
        -> (Arc<User>, ClientView): remove_own_account;
    /// Begins to add a passkey: the person's device is asked to make one by what the answer has. It is no passkey of the user
    /// before [`Self::attempt_passkey`].
    ///
    /// # Errors
    /// `feature_not_enabled` where the instance has no passkeys; `passkey_quota_exceeded` where the user has ten.
    begin_passkey(caller: &Caller, session: Option<SessionId>, context: &RequestContext) -> (NewPasskey, ClientView):
        begin_own_passkey;
    /// Adds a passkey by the answer of the browser, as JSON. An answer is used up, whether it is accepted or not.
    ///
    /// # Errors
    /// [`EngineError::NotFound`] for what this session did not begin; `verification_expired`;
    /// `passkey_invalid_public_key_credential` for what is no answer of a browser; `passkey_registration_failure`.
    attempt_passkey(
        caller: &Caller,
        session: Option<SessionId>,
        attempt: (IdentificationId, &str),
        context: &RequestContext
    ) -> (Arc<User>, ClientView): attempt_own_passkey;
    /// Names a passkey.
    ///
    /// # Errors
    /// [`EngineError::NotFound`]; faults of the name.
    rename_passkey(
        caller: &Caller,
        session: Option<SessionId>,
        name: (IdentificationId, &str),
        context: &RequestContext
    ) -> (Arc<User>, ClientView): rename_own_passkey;
    /// Removes a passkey, or ends the attempt to add one.
    ///
    /// # Errors
    /// [`EngineError::NotFound`]; `identification_deletion_failed` for the last way to sign in.
    remove_passkey(caller: &Caller, session: Option<SessionId>, id: IdentificationId, context: &RequestContext)
        -> (Arc<User>, ClientView): remove_own_passkey;
    /// The sessions of the user on all clients, at most 500, those that are over among them until they are abandoned.
    ///
    /// # Errors
    /// [`EngineError::SignedOut`].
    sessions(caller: &Caller, session: Option<SessionId>, context: &RequestContext) -> Vec<Session>: own_sessions;
    /// Ends a session of the user, on any client. The view shows it as it ended.
    ///
    /// # Errors
    /// [`EngineError::NotFound`] for one that is over or another user's.
    revoke_session(caller: &Caller, session: Option<SessionId>, id: SessionId, context: &RequestContext)
        -> (SessionView, ClientView): revoke_own_session;
    /// Begins a re-verification of a session. A user without a second factor is asked for a first one.
    ///
    /// # Errors
    /// [`EngineError::SignedOut`].
    reverify(caller: &Caller, id: SessionId, level: Level, context: &RequestContext)
        -> (ReverificationView, ClientView): start_reverification;
    /// Sends a code for a re-verification.
    ///
    /// # Errors
    /// `session_reverification_missing`, `invalid_action_for_session_reverification`, `strategy_for_user_invalid`; the
    /// limits of messages.
    prepare_reverification(caller: &Caller, id: SessionId, asked: &ReverifyPrepare, context: &RequestContext)
        -> (ReverificationView, ClientView): prepare_reverification;
    /// Proves a factor in a re-verification. Right or wrong, it counts as an attempt to sign in.
    ///
    /// # Errors
    /// As [`Self::prepare_reverification`]; `form_password_incorrect`, `form_code_incorrect`, `user_locked`.
    attempt_reverification(caller: &Caller, id: SessionId, attempt: &ReverifyAttempt, context: &RequestContext)
        -> (ReverificationView, ClientView): attempt_reverification;
}
