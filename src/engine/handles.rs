//! The calls grouped by what they are about: `engine.sign_ups().create(…)` is `engine.create_sign_up(…)`. A handle
//! borrows the engine and adds nothing to it.

use std::sync::Arc;

use crate::domain::client::session::Session;
use crate::domain::id::{
    InvitationId, ListedIdentifierId, RedirectUrlId, SessionId, SignInId, SignUpId, UserId, WaitlistEntryId,
};
use crate::domain::identifier::Identifier;
use crate::domain::invitation::NewInvitation;
use crate::domain::listed::{List, ListedRedirect};
use crate::domain::secret::Secret;
use crate::domain::settings::overrides::Overrides;
use crate::domain::sign_in::Prepare as PrepareFirstFactor;
use crate::domain::sign_up::{BackendUpdate, NewSignUp, SignUpPatch};
use crate::domain::time::Span;
use crate::domain::user::{NewUser, User, UserChange, UserPatch};
use crate::domain::waitlist::WaitlistEntry;

use super::{
    AttemptFirstFactor, AttemptVerification, Caller, ClientView, Engine, EngineError, Followed, InvitationView,
    ListParams, ListedIdentifierView, NewSignIn, OverridesView, Page, PrepareVerification, RequestContext,
    SessionListParams, SessionView, SignInView, SignUpView, TicketHolder, UserFilter, UserListParams,
    WaitlistEntryView,
};

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
    /// assert_eq!(late.err().map(|error| error.code()), Some("resource_conflict"));
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
    /// sign-ins. Its sessions go on.
    ///
    /// # Errors
    /// `feature_not_enabled` where the policy does not limit failed sign-ins, and as [`Self::change`].
    lock(id: UserId, version: Option<u64>) -> Arc<User>: lock_user;
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
    /// Says what the holder of a ticket should do next. Changes nothing. An existing user is told to sign in, whatever
    /// the invitation's status.
    ///
    /// # Errors
    /// `ticket_invalid_code`.
    accept_ticket(caller: &Caller, ticket: &str, context: &RequestContext) -> TicketHolder: accept_ticket;
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
    /// assert_eq!(refused.err().map(|error| error.code()), Some("not_allowed_access"));
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
    /// engine was built without the service for it; `form_invalid_origin`.
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
