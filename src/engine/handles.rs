//! The calls grouped by what they are about: `engine.sign_ups().create(…)` is `engine.create_sign_up(…)`. A handle
//! borrows the engine and adds nothing to it.

use std::sync::Arc;

use crate::domain::application_value::{ApplicationValue, ValueKey};
use crate::domain::client::session::Session;
use crate::domain::event::{Event, Position};
use crate::domain::id::{
    AddressVerificationId, IdentificationId, InvitationId, ListedIdentifierId, RedirectUrlId, SessionId, SignInId,
    SignInTokenId, SignUpId, UserId, WaitlistEntryId,
};
use crate::domain::identifier::Identifier;
use crate::domain::invitation::NewInvitation;
use crate::domain::listed::{List, ListedRedirect};
use crate::domain::secret::Secret;
use crate::domain::settings::overrides::Overrides;
use crate::domain::sign_in::{Prepare as PrepareFirstFactor, SignInAttempts};
use crate::domain::sign_up::{BackendUpdate, NewSignUp, SignUpPatch};
use crate::domain::time::Span;
use crate::domain::user::{AddressVerification, NewUser, User, UserChange, UserPatch};
use crate::domain::waitlist::WaitlistEntry;

#[cfg(feature = "webhooks")]
use crate::domain::id::{EventId, WebhookEndpointId};
#[cfg(feature = "webhooks")]
use crate::domain::time::Timestamp;

use super::{
    AttemptFirstFactor, AttemptVerification, Caller, ClientView, Cursor, Engine, EngineError, EventStream, EventsFrom,
    Followed, InvitationView, ListParams, ListedIdentifierView, NewSignIn, OverridesView, Page, PrepareVerification,
    RequestContext, SessionListParams, SessionView, SignInTokenView, SignInView, SignUpView, TicketHolder, UserFilter,
    UserListParams, WaitlistEntryView,
};
#[cfg(feature = "webhooks")]
use super::{NewWebhookEndpoint, WebhookAttempt, WebhookEndpointPatch, WebhookEndpointView};

/// A handle, and the calls that it forwards.
macro_rules! handle {
    (
        $(#[$about:meta])* $handle:ident by $accessor:ident;
        $($(#[$doc:meta])* $name:ident($($argument:ident: $type:ty),*) -> $ok:ty: $call:ident;)*
    ) => {
        $(#[$about])*
        #[derive(Clone, Copy)]
        pub struct $handle<'a>(&'a Engine);

        impl Engine {
            #[doc = concat!("The calls of [`", stringify!($handle), "`].")]
            pub const fn $accessor(&self) -> $handle<'_> {
                $handle(self)
            }
        }

        impl $handle<'_> {
            $(
                $(#[$doc])*
                pub async fn $name(self, $($argument: $type),*) -> Result<$ok, EngineError> {
                    self.0.$call($($argument),*).await
                }
            )*
        }
    };
}

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
    /// Begins to verify a first factor: a code is made and sent.
    ///
    /// # Errors
    /// [`EngineError::Rejected`], such as `strategy_for_user_invalid`.
    prepare(caller: &Caller, id: SignInId, input: &PrepareFirstFactor, context: &RequestContext) -> (SignInView, ClientView):
        prepare_first_factor;
    /// Proves a first factor, which completes the sign-in. Repeating the same proof shows the result again.
    ///
    /// # Errors
    /// [`EngineError::Rejected`]; a wrong code or password is counted before it is refused.
    attempt(caller: &Caller, id: SignInId, input: &AttemptFirstFactor, context: &RequestContext) -> (SignInView, ClientView):
        attempt_first_factor;
}

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
    /// A session of a user on a new client, whose token nobody has: the application's tests ask for
    /// [tokens](Self::create_token) of it. The user counts as signed in.
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
}

handle! {
    /// The calls about users.
    ///
    /// ```
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// use vestibule::{Caller, Engine, EngineError};
    ///
    /// let engine = Engine::builder().build().await?;
    /// let user = engine.users().current(&Caller::anonymous(), None).await;
    /// assert!(matches!(user, Err(EngineError::SignedOut)), "without a session there is no user");
    ///
    /// // The application's backend creates and changes users without a session.
    /// use vestibule::users::{NewUser, UserFilter};
    ///
    /// let input = NewUser { skip_user_requirement: true, external_id: Some("ada-1".into()), ..NewUser::default() };
    /// let user = engine.users().create(&input).await?;
    /// let banned = engine.users().ban(user.id, Some(user.version)).await?;
    /// assert!(banned.banned && engine.users().count(&UserFilter::default()).await? == 1);
    /// let late = engine.users().unban(user.id, Some(user.version)).await;
    /// assert!(late.is_err_and(|error| error.code() == "resource_conflict"));
    /// # engine.shutdown().await;
    /// # Ok(())
    /// # }
    /// ```
    Users by users;

    /// The user of a session of the caller's client; of the last active session when none is named.
    ///
    /// # Errors
    /// [`EngineError::SignedOut`] when there is no such live session.
    current(caller: &Caller, session: Option<SessionId>) -> Arc<User>: me;
    /// A user.
    ///
    /// # Errors
    /// [`EngineError::NotFound`].
    get(id: UserId) -> Arc<User>: user;
    /// The user who holds an identifier.
    ///
    /// # Errors
    /// [`EngineError::NotFound`].
    by_identifier(identifier: &Identifier) -> Arc<User>: user_by_identifier;
    /// Lists users.
    ///
    /// # Errors
    /// `form_param_value_invalid` for an unknown order, for `starting_after` with another order, an offset or an unknown
    /// user, for too many values of a filter, and for an offset above 100 000 in a list that must read all users.
    list(params: &UserListParams) -> Vec<Arc<User>>: list_users;
    /// How many users a filter fits. Without a filter it reads a fixed number of keys, however many users there are.
    ///
    /// # Errors
    /// `form_param_value_invalid` for too many values of a filter.
    count(filter: &UserFilter) -> u64: count_users;
    /// Creates a user without a sign-up. Nothing is sent to its addresses.
    ///
    /// # Errors
    /// Every fault of the parameters at once; `form_identifier_exists` for an identifier of another user;
    /// `form_password_pwned` and the like for the password.
    create(input: &NewUser) -> Arc<User>: create_user;
    /// Sets attributes of a user, its password among them.
    ///
    /// # Errors
    /// Every fault of the parameters at once, and as [`Self::change`].
    update(id: UserId, patch: &UserPatch, version: Option<u64>) -> Arc<User>: update_user;
    /// Changes a user. With `version`, only if that is still the user's version: so of two administrators who change a
    /// user at the same time the later one is told. A change that changes nothing gives the user as it is.
    ///
    /// # Errors
    /// [`EngineError::NotFound`]; `resource_conflict` where the user has another version, or changes without end;
    /// [`EngineError::Rejected`] as [`User::apply`] refuses, and `form_identifier_exists` for an identifier of another
    /// user.
    change(id: UserId, change: &UserChange, version: Option<u64>) -> Arc<User>: change_user;
    /// Applies one change to several users, one after the other. All of them must exist; where one fails all the same,
    /// those before it are changed, and the call can be repeated.
    ///
    /// # Errors
    /// [`EngineError::NotFound`] before anything is changed, and as [`Self::change`].
    change_all(ids: &[UserId], change: &UserChange) -> Vec<Arc<User>>: change_users;
    /// Bans a user: all its sessions are over at once, and it can't sign in until the ban ends.
    ///
    /// # Errors
    /// As [`Self::change`].
    ban(id: UserId, version: Option<u64>) -> Arc<User>: ban_user;
    /// Ends a ban. Sessions from before stay over.
    ///
    /// # Errors
    /// As [`Self::change`].
    unban(id: UserId, version: Option<u64>) -> Arc<User>: unban_user;
    /// Locks a user: it can't sign in until [`UserChange::Unlock`], or until as much time has passed as after failed
    /// sign-ins. Its sessions go on. Unlocking also forgets failed sign-ins, and ends the lock that they led to.
    ///
    /// # Errors
    /// `feature_not_enabled` where neither the settings nor the policy limit failed sign-ins, and as [`Self::change`].
    lock(id: UserId, version: Option<u64>) -> Arc<User>: lock_user;
    /// How many more failed sign-ins lock each of these users, and until when they are locked, where the settings say
    /// that failures lock users (`attack_protection.user_lockout`). A user who is not known has no failures.
    ///
    /// # Errors
    /// When the store can't be read.
    sign_in_attempts(ids: &[UserId]) -> Vec<SignInAttempts>: sign_in_attempts;
    /// Sends a code to an address of a user, verified or not, for the application to ask for on a page of its own. Another call takes the
    /// place of the code before.
    ///
    /// # Errors
    /// [`EngineError::NotFound`] for an unknown address; `verification_code_too_many_requests` within the cool-down, `too_many_requests` beyond the limits of the address.
    prepare_address(id: IdentificationId) -> AddressVerification: prepare_address;
    /// Whether a code is the one that was sent: the right one verifies the address. The caller vouches that the person
    /// who brought the code is the user, who loses nothing by it. A wrong code is counted, and is no error.
    ///
    /// # Errors
    /// [`EngineError::NotFound`] where that is not the address's latest code; `verification_already_verified`;
    /// `too_many_requests` beyond the limits of the address.
    attempt_address(id: IdentificationId, verification: AddressVerificationId, code: &str) -> AddressVerification:
        attempt_address;
    /// The user who has the address with this id, verified or not.
    ///
    /// # Errors
    /// [`EngineError::NotFound`].
    by_address(id: IdentificationId) -> Arc<User>: user_by_address;
    /// Whether a password is the user's. It is not counted as an attempt to sign in, and neither a ban nor a lock
    /// matters.
    ///
    /// # Errors
    /// [`EngineError::NotFound`]; `no_password_set`; `incorrect_password`; [`EngineError::Overloaded`] where too many
    /// passwords wait to be hashed.
    verify_password(id: UserId, password: &Secret<String>) -> (): verify_user_password;
    /// Deletes a user: its identifiers are free at once, and its sessions are over. Gives the user as it was.
    ///
    /// # Errors
    /// [`EngineError::NotFound`], `resource_conflict` as [`Self::change`].
    delete(id: UserId, version: Option<u64>) -> Arc<User>: delete_user;
}

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

handle! {
    /// The calls about invitations.
    ///
    /// ```
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// use vestibule::Engine;
    /// use vestibule::backend::{InvitationStatus, ListParams, NewInvitation};
    ///
    /// let settings = vestibule::settings::sample_settings("email_code")?;
    /// let engine = Engine::builder().settings(settings).build().await?;
    /// let made = engine.invitations().create(&NewInvitation::to("ada@example.com")).await?;
    /// assert_eq!(engine.invitations().list(&ListParams::default()).await?.total, 1);
    ///
    /// let revoked = engine.invitations().revoke(made.value.id).await?;
    /// assert_eq!(revoked.status, InvitationStatus::Revoked);
    /// # engine.shutdown().await;
    /// # Ok(())
    /// # }
    /// ```
    Invitations by invitations;

    /// Invites a person. The ticket is sent by e-mail unless the input says otherwise.
    ///
    /// # Errors
    /// [`EngineError::Rejected`]: every fault of the parameters, `duplicate_record` where an invitation is pending
    /// for the address, `form_identifier_exists` where a user has it, `not_allowed_access` where it is on the
    /// block-list.
    create(input: &NewInvitation) -> InvitationView: create_invitation;
    /// Invites several people: all of them or, on any error, none.
    ///
    /// # Errors
    /// As [`Invitations::create`].
    create_all(inputs: &[NewInvitation]) -> Vec<InvitationView>: create_invitations;
    /// Revokes an invitation: its ticket can no longer be used to sign up.
    ///
    /// # Errors
    /// [`EngineError::NotFound`], `invitation_already_accepted`, `invitation_already_revoked`.
    revoke(id: InvitationId) -> InvitationView: revoke_invitation;
    /// Deletes an invitation, whatever its status.
    ///
    /// # Errors
    /// [`EngineError::NotFound`].
    delete(id: InvitationId) -> (): delete_invitation;
    /// Lists invitations; revoked ones only where that status is asked for. It reads all invitations, so it is meant
    /// for administrators, not for every request.
    ///
    /// # Errors
    /// `form_param_value_invalid` for an unknown status or order.
    list(listing: &ListParams) -> Page<InvitationView>: list_invitations;
    /// Says what the holder of a ticket, of an invitation or of a sign-in token, should do next. Changes nothing. An existing
    /// user is told to sign in, whatever the invitation's status.
    ///
    /// # Errors
    /// `ticket_invalid_code`, `sign_in_token_revoked_code`.
    accept_ticket(caller: &Caller, ticket: &str, context: &RequestContext) -> TicketHolder: accept_ticket;
}

handle! {
    /// The calls about values of the application: small records of its own beside its users. A hook writes them in the
    /// commit that makes a user ([`EngineBuilder::before_conversion`](super::EngineBuilder::before_conversion)).
    ///
    /// ```
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// use vestibule::Engine;
    /// use vestibule::hooks::{ApplicationValue, ValueKey};
    ///
    /// let engine = Engine::builder().build().await?;
    /// let key = ValueKey::new("billing", "user_1")?;
    /// engine.values().put(&ApplicationValue::new(key.clone(), "free")?).await?;
    /// let found = engine.values().get(&key).await?.ok_or("it was written")?;
    /// assert_eq!(found.bytes.expose(), b"free");
    /// assert_eq!(engine.values().list("billing", "user_", None, 10).await?.len(), 1);
    /// engine.values().remove(&key).await?;
    /// # engine.shutdown().await;
    /// # Ok(())
    /// # }
    /// ```
    Values by values;

    /// A value, if it is there.
    ///
    /// # Errors
    /// When the store can't be read.
    get(key: &ValueKey) -> Option<ApplicationValue>: application_value;
    /// Writes a value. One that is there under the same key is replaced.
    ///
    /// # Errors
    /// When the store can't be written.
    put(value: &ApplicationValue) -> (): put_application_value;
    /// Removes a value, if it is there.
    ///
    /// # Errors
    /// When the store can't be written.
    remove(key: &ValueKey) -> (): remove_application_value;
    /// The values of a namespace whose names begin with `prefix`, in the order of their names, at most `limit` of them
    /// and at most 500. With `after`, those behind that name.
    ///
    /// # Errors
    /// `form_param_value_invalid` for a namespace or a prefix that no key can have.
    list(namespace: &str, prefix: &str, after: Option<&ValueKey>, limit: usize) -> Vec<ApplicationValue>:
        application_values;
}

handle! {
    /// The calls about the waitlist.
    ///
    /// ```
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// use vestibule::Engine;
    /// use vestibule::backend::WaitlistStatus;
    ///
    /// let settings = vestibule::settings::sample_settings("email_code")?;
    /// let engine = Engine::builder().settings(settings).build().await?;
    /// let entry = engine.waitlist().enter(Some("ada@example.com")).await?;
    /// let invited = engine.waitlist().invite(entry.value.id, None).await?;
    /// assert_eq!(invited.value.status, WaitlistStatus::Invited);
    /// assert!(invited.invitation.is_some());
    /// # engine.shutdown().await;
    /// # Ok(())
    /// # }
    /// ```
    Waitlist by waitlist;

    /// Adds a person to the waitlist. An existing entry stays as it is, and the answer is the same as for a new one:
    /// callers can't find out who is on the list.
    ///
    /// # Errors
    /// `feature_not_enabled` unless the instance has a waitlist; `form_identifier_exists` where a user has the address
    /// and the instance may say so; `not_allowed_access` where the restrictions refuse the address.
    join(email_address: Option<&str>, context: &RequestContext) -> WaitlistEntry: join_waitlist;
    /// The same for the operator: in every sign-up mode and for every address.
    ///
    /// # Errors
    /// What is wrong with the address.
    enter(email_address: Option<&str>) -> WaitlistEntryView: enter_waitlist;
    /// Makes and sends an invitation for an entry.
    ///
    /// # Errors
    /// [`EngineError::NotFound`], `waitlist_entry_already_invited` while an earlier invitation is valid,
    /// `waitlist_entry_already_completed` for a person who has signed up, and as [`Invitations::create`].
    invite(id: WaitlistEntryId, ignore_existing: Option<bool>) -> WaitlistEntryView: invite_from_waitlist;
    /// Rejects an entry and revokes its invitation, if there is one.
    ///
    /// # Errors
    /// [`EngineError::NotFound`], `waitlist_entry_already_rejected`, `waitlist_entry_already_completed` for a person
    /// who has signed up.
    reject(id: WaitlistEntryId) -> WaitlistEntryView: reject_from_waitlist;
    /// Deletes an entry that is still waiting.
    ///
    /// # Errors
    /// [`EngineError::NotFound`], `resource_forbidden` for an entry that is not waiting.
    delete(id: WaitlistEntryId) -> (): delete_from_waitlist;
    /// Lists entries of every status. It reads all of them, so it is meant for administrators, not for every request.
    ///
    /// # Errors
    /// `form_param_value_invalid` for an unknown status or order.
    list(listing: &ListParams) -> Page<WaitlistEntryView>: list_waitlist;
}

handle! {
    /// The calls that change the instance itself, beside its configuration: they are stored, and in force at once and
    /// after a restart.
    ///
    /// ```
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// use vestibule::backend::{List, Overrides};
    /// use vestibule::{Caller, Engine, NewSignUp, RequestContext};
    ///
    /// let settings = vestibule::settings::sample_settings("email_code")?;
    /// let engine = Engine::builder().settings(settings).build().await?;
    /// engine.instance().list_identifier(List::Block, "*@example.com", false).await?;
    /// let changed = engine.instance().change(&Overrides { blocklist: Some(true), ..Overrides::default() }, None).await?;
    /// assert!(changed.version == 1 && engine.settings().restrictions.blocklist.enabled);
    ///
    /// let input = NewSignUp::new().email_address("ada@example.com");
    /// let refused = engine.sign_ups().create(&Caller::anonymous(), &input, &RequestContext::default()).await;
    /// assert!(refused.is_err_and(|error| error.code() == "not_allowed_access"));
    /// # engine.shutdown().await;
    /// # Ok(())
    /// # }
    /// ```
    Instance by instance;

    /// The settings that can be changed here: as they are configured, and what overrides them.
    ///
    /// # Errors
    /// When the engine can't answer.
    overrides() -> OverridesView: overrides;
    /// Overrides settings. What is `None` stays as it was. With `version`, only if that is still the version of the
    /// overrides: so of two administrators who change them at the same time the later one is told.
    ///
    /// # Errors
    /// `resource_conflict` where the overrides have another version; `form_param_value_invalid` for `hibp` where the
    /// engine was built without the service for it, and for `test_mode` unless
    /// [`Policy::test_mode_settable`](crate::limits::Policy); `form_param_format_invalid` for a support that is no address;
    /// `form_invalid_origin`.
    change(change: &Overrides, version: Option<u64>) -> OverridesView: change_overrides;
    /// Drops all overrides: the configured settings are in force again. Lists and redirect URLs stay.
    ///
    /// # Errors
    /// `resource_conflict` as [`Self::change`].
    drop_overrides(version: Option<u64>) -> OverridesView: drop_overrides;
    /// Adds an address, a domain such as `*@example.com`, a phone number, or a prefix of phone numbers such as `+1900*` to a
    /// list. It counts while the list is on. With `notify`, the owner of an address on the allow-list is invited.
    ///
    /// # Errors
    /// `form_param_missing`, `form_param_format_invalid`; `duplicate_record` where the list has it;
    /// `form_param_value_invalid` for `notify` with anything but an address on the allow-list, and for an entry beyond
    /// the 100 000th; with `notify` also as [`Invitations::create`].
    list_identifier(list: List, identifier: &str, notify: bool) -> ListedIdentifierView: list_identifier;
    /// Removes an entry from a list. An invitation that was made with it stays.
    ///
    /// # Errors
    /// [`EngineError::NotFound`], also for an entry of the other list.
    unlist_identifier(list: List, id: ListedIdentifierId) -> (): unlist_identifier;
    /// The entries of a list that were added here, without the configured ones. It reads all of them, so it is meant for
    /// administrators, not for every request.
    ///
    /// # Errors
    /// `form_param_value_invalid` for an unknown order.
    listed_identifiers(list: List, listing: &ListParams) -> Page<ListedIdentifierView>: listed_identifiers;
    /// Allows browsers and applications to be sent to a URL: http and https URLs with everything below them, other URLs
    /// exactly, such as `myapp://callback`.
    ///
    /// # Errors
    /// `form_param_missing`, `form_param_format_invalid`; `duplicate_record` where it is listed;
    /// `form_param_value_invalid` for one beyond the 1000th.
    list_redirect_url(url: &str) -> ListedRedirect: list_redirect_url;
    /// Removes a redirect URL.
    ///
    /// # Errors
    /// [`EngineError::NotFound`].
    unlist_redirect_url(id: RedirectUrlId) -> (): unlist_redirect_url;
    /// A redirect URL that was listed here.
    ///
    /// # Errors
    /// [`EngineError::NotFound`].
    redirect_url(id: RedirectUrlId) -> ListedRedirect: listed_redirect_url;
    /// The redirect URLs that were listed here, without the configured ones.
    ///
    /// # Errors
    /// `form_param_value_invalid` for an unknown order.
    redirect_urls(listing: &ListParams) -> Page<ListedRedirect>: listed_redirect_urls;
}

handle! {
    /// The calls about events: what has happened to sign-ups, users, sessions and what belongs to them
    /// ([guide: Events](crate::guide::events)).
    ///
    /// ```
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// use vestibule::Engine;
    /// use vestibule::events::EventsFrom;
    /// use vestibule::users::NewUser;
    ///
    /// let engine = Engine::builder().build().await?;
    /// let mut events = engine.events().subscribe(EventsFrom::Now).await?;
    /// let input = NewUser { skip_user_requirement: true, external_id: Some("ada-1".into()), ..NewUser::default() };
    /// engine.users().create(&input).await?;
    /// let event = events.next().await.ok_or("the engine runs")??;
    /// assert_eq!(event.name(), "user.created");
    /// # engine.shutdown().await;
    /// # Ok(())
    /// # }
    /// ```
    Events by events;

    /// The events from a place on, and each new one when it happens.
    ///
    /// # Errors
    /// [`EngineError::EventsLost`] where events behind the position are no longer kept.
    subscribe(from: EventsFrom) -> EventStream: subscribe_to_events;
    /// The next events behind a position, or the oldest that are kept: up to `limit`, at most a thousand. It does not wait
    /// for new ones.
    ///
    /// # Errors
    /// As [`Events::subscribe`].
    read(after: Option<Position>, limit: usize) -> Vec<Event>: read_events;
    /// The cursors that were advanced and not removed, by name.
    ///
    /// # Errors
    /// When the store can't be read.
    cursors() -> Vec<(String, Position)>: list_cursors;
    /// Removes a cursor.
    ///
    /// # Errors
    /// [`EngineError::NotFound`] for an unknown one, and as [`Cursor::position`].
    remove_cursor(name: &str) -> (): remove_cursor;
}

impl<'a> Events<'a> {
    /// A place in the events with a name, for a reader of an application. It is stored once it is
    /// [advanced](Cursor::advance).
    pub fn cursor(self, name: &str) -> Cursor<'a> {
        Cursor::new(self.0, name)
    }
}

#[cfg(feature = "webhooks")]
handle! {
    /// The calls about webhooks: their endpoints, and what is sent to them
    /// ([guide: Webhooks](crate::guide::contract_backend#webhooks)).
    ///
    /// ```
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// use vestibule::Engine;
    /// use vestibule::webhooks::NewWebhookEndpoint;
    ///
    /// let engine = Engine::builder().build().await?;
    /// let input = NewWebhookEndpoint::new("https://app.example.com/webhooks", ["user.*"]);
    /// let endpoint = engine.webhooks().create(&input).await?;
    /// let secret = endpoint.secret.ok_or("a new endpoint has a new secret")?;
    /// assert!(secret.expose().starts_with("whsec_")); // for the receiver, which verifies with it
    ///
    /// let replaced = engine.webhooks().rotate_secret(endpoint.id).await?;
    /// assert!(replaced.previous_secret_until.is_some(), "for a day both sign");
    /// engine.webhooks().delete(endpoint.id).await?;
    /// # engine.shutdown().await;
    /// # Ok(())
    /// # }
    /// ```
    Webhooks by webhooks;

    /// Adds an endpoint. It is told of what happens from now on. The view has its secret.
    ///
    /// # Errors
    /// Every fault of the input at once; `feature_not_enabled` where [`Policy::record_events`](crate::limits::Policy) is off,
    /// so that there would be nothing to tell; `webhook_endpoint_quota_exceeded` where there are 100 already.
    create(input: &NewWebhookEndpoint) -> WebhookEndpointView: create_webhook_endpoint;
    /// An endpoint.
    ///
    /// # Errors
    /// [`EngineError::NotFound`].
    get(id: WebhookEndpointId) -> WebhookEndpointView: webhook_endpoint;
    /// All endpoints, the oldest first.
    ///
    /// # Errors
    /// When the store can't be read.
    list() -> Page<WebhookEndpointView>: list_webhook_endpoints;
    /// Changes an endpoint. Attempts in flight are made again, with the same ids.
    ///
    /// # Errors
    /// [`EngineError::NotFound`], every fault of the patch at once; `webhook_endpoint_configured` for an endpoint of the
    /// configuration.
    update(id: WebhookEndpointId, patch: &WebhookEndpointPatch) -> WebhookEndpointView: update_webhook_endpoint;
    /// Deletes an endpoint, with the messages that wait for it.
    ///
    /// # Errors
    /// [`EngineError::NotFound`]; `webhook_endpoint_configured` for an endpoint of the configuration.
    delete(id: WebhookEndpointId) -> (): delete_webhook_endpoint;
    /// Switches an endpoint on. It is told of what happened meanwhile, as far as the events are still kept.
    ///
    /// # Errors
    /// [`EngineError::NotFound`].
    enable(id: WebhookEndpointId) -> WebhookEndpointView: enable_webhook_endpoint;
    /// Switches an endpoint off. Its place in the log of events and its waiting messages are kept.
    ///
    /// # Errors
    /// [`EngineError::NotFound`].
    disable(id: WebhookEndpointId) -> WebhookEndpointView: disable_webhook_endpoint;
    /// Replaces the secret of an endpoint. For 24 hours webhooks are signed with both; another replacement within that time
    /// ends the first secret at once. The view has the new secret.
    ///
    /// # Errors
    /// [`EngineError::NotFound`]; `webhook_endpoint_configured` for an endpoint of the configuration.
    rotate_secret(id: WebhookEndpointId) -> WebhookEndpointView: rotate_webhook_secret;
    /// The secret with which webhooks to an endpoint are signed: `whsec_` and base64.
    ///
    /// # Errors
    /// [`EngineError::NotFound`].
    secret(id: WebhookEndpointId) -> Secret<String>: webhook_secret;
    /// The last attempts at an endpoint, at most 100, the latest first. They are in memory: those before the start of the
    /// engine are not there.
    ///
    /// # Errors
    /// [`EngineError::NotFound`].
    attempts(id: WebhookEndpointId) -> Page<WebhookAttempt>: webhook_attempts;
    /// Sends an endpoint everything again that has happened since a time, as far as the events are still kept, with the
    /// ids from before. A receiver that remembers ids drops what it has.
    ///
    /// # Errors
    /// [`EngineError::NotFound`].
    replay(id: WebhookEndpointId, since: Timestamp) -> WebhookEndpointView: replay_webhooks;
    /// Sends an endpoint one event again.
    ///
    /// # Errors
    /// [`EngineError::NotFound`] for an unknown endpoint or event, and for an event that is not kept any more;
    /// `form_param_value_invalid` for one that the endpoint does not want.
    replay_event(id: WebhookEndpointId, event: EventId) -> (): replay_webhook_event;
    /// Sends an endpoint a webhook of the type `webhook.test` now, once, and tells what came of it.
    ///
    /// # Errors
    /// [`EngineError::NotFound`]; `form_param_format_invalid` for a URL that this instance does not send to.
    test(id: WebhookEndpointId) -> WebhookAttempt: test_webhook_endpoint;
}
