//! The calls grouped by what they are about: `engine.sign_ups().create(…)` is `engine.create_sign_up(…)`. A handle
//! borrows the engine and adds nothing to it.

use std::sync::Arc;

use crate::domain::client::session::Session;
use crate::domain::id::{InvitationId, SessionId, SignInId, SignUpId, UserId, WaitlistEntryId};
use crate::domain::identifier::Identifier;
use crate::domain::invitation::NewInvitation;
use crate::domain::secret::Secret;
use crate::domain::sign_in::Prepare as PrepareFirstFactor;
use crate::domain::sign_up::{BackendUpdate, NewSignUp, SignUpPatch};
use crate::domain::time::Span;
use crate::domain::user::{NewUser, User, UserChange, UserPatch};
use crate::domain::waitlist::WaitlistEntry;

use super::{
    AttemptFirstFactor, AttemptVerification, Caller, ClientView, Engine, EngineError, Followed, InvitationView,
    ListParams, NewSignIn, Page, PrepareVerification, RequestContext, SessionListParams, SessionView, SignInView,
    SignUpView, TicketHolder, UserFilter, UserListParams, WaitlistEntryView,
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
                ///
                /// # Errors
                #[doc = concat!("As [`Engine::", stringify!($call), "`], which is the same call.")]
                pub async fn $name(&self, $($argument: $type),*) -> Result<$ok, EngineError> {
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

    /// Begins a sign-up.
    create(caller: &Caller, input: &NewSignUp, context: &RequestContext) -> (SignUpView, ClientView): create_sign_up;
    /// Shows a sign-up of the caller's client.
    show(caller: &Caller, id: SignUpId) -> SignUpView: sign_up;
    /// Shows a sign-up and the client.
    show_with_client(caller: &Caller, id: SignUpId, context: &RequestContext) -> (SignUpView, ClientView):
        sign_up_and_client;
    /// Sets fields.
    update(caller: &Caller, id: SignUpId, patch: &SignUpPatch, context: &RequestContext) -> (SignUpView, ClientView):
        update_sign_up;
    /// Begins to verify a field: a code or a link is made and sent.
    prepare(caller: &Caller, id: SignUpId, input: &PrepareVerification, context: &RequestContext)
        -> (SignUpView, ClientView): prepare;
    /// Proves a field.
    attempt(caller: &Caller, id: SignUpId, input: &AttemptVerification, context: &RequestContext)
        -> (SignUpView, ClientView): attempt_verification;
    /// Follows an e-mail link by its token.
    follow_link(caller: &Caller, token: &str, confirmed: bool, context: &RequestContext) -> Followed: follow_link;
    /// Accepts the one-time value that the system's browser got from a provider's redirect, for an application without
    /// cookies.
    claim_return(caller: &Caller, id: SignUpId, native_handoff: &str, context: &RequestContext)
        -> (SignUpView, ClientView): claim_return;
    /// Shows a sign-up of any client to the application's backend.
    inspect(id: SignUpId) -> SignUpView: inspect_sign_up;
    /// Applies an update by the application's backend.
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

    /// Begins a sign-in.
    create(caller: &Caller, input: &NewSignIn, context: &RequestContext) -> (SignInView, ClientView): create_sign_in;
    /// Shows the sign-in in progress, or the one that was finished a moment ago.
    show(caller: &Caller, id: SignInId, context: &RequestContext) -> (SignInView, ClientView): sign_in;
    /// Begins to verify the first factor: a code is made and sent.
    prepare(caller: &Caller, id: SignInId, input: &PrepareFirstFactor, context: &RequestContext) -> (SignInView, ClientView):
        prepare_first_factor;
    /// Proves the first factor, which completes the sign-in.
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
    touch(caller: &Caller, id: SessionId, context: &RequestContext) -> (SessionView, ClientView): touch_session;
    /// A new token of a session.
    token(caller: &Caller, id: SessionId, context: &RequestContext) -> Secret<String>: session_token;
    /// Ends a session.
    end(caller: &Caller, id: SessionId, removed: bool, context: &RequestContext) -> (SessionView, ClientView):
        end_session;
    /// Ends all sessions of the caller's client.
    end_all(caller: &Caller, context: &RequestContext) -> ClientView: end_sessions;
    /// A session of any user, for the application's backend.
    get(id: SessionId) -> Session: session;
    /// Lists the sessions of a user or a client.
    list(params: &SessionListParams) -> Page<Session>: list_sessions;
    /// Revokes a session.
    revoke(id: SessionId) -> Session: revoke_session;
    /// A token of any user's session, for the application's backend.
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

    /// The user of a session of the caller's client; of the last active session where none is named.
    current(caller: &Caller, session: Option<SessionId>) -> Arc<User>: me;
    /// A user.
    get(id: UserId) -> Arc<User>: user;
    /// The user who holds an identifier.
    by_identifier(identifier: &Identifier) -> Arc<User>: user_by_identifier;
    /// Lists users.
    list(params: &UserListParams) -> Vec<Arc<User>>: list_users;
    /// Counts users.
    count(filter: &UserFilter) -> u64: count_users;
    /// Creates a user without a sign-up.
    create(input: &NewUser) -> Arc<User>: create_user;
    /// Sets attributes of a user.
    update(id: UserId, patch: &UserPatch, version: Option<u64>) -> Arc<User>: update_user;
    /// Changes a user: its metadata, its addresses, its lock, and all else that a [`UserChange`] says.
    change(id: UserId, change: &UserChange, version: Option<u64>) -> Arc<User>: change_user;
    /// Applies one change to several users.
    change_all(ids: &[UserId], change: &UserChange) -> Vec<Arc<User>>: change_users;
    /// Bans a user and ends its sessions.
    ban(id: UserId, version: Option<u64>) -> Arc<User>: ban_user;
    /// Ends a ban.
    unban(id: UserId, version: Option<u64>) -> Arc<User>: unban_user;
    /// Whether a password is the user's.
    verify_password(id: UserId, password: &Secret<String>) -> (): verify_user_password;
    /// Deletes a user.
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

    /// Invites a person.
    create(input: &NewInvitation) -> InvitationView: create_invitation;
    /// Invites several people, all of them or none.
    create_all(inputs: &[NewInvitation]) -> Vec<InvitationView>: create_invitations;
    /// Revokes an invitation.
    revoke(id: InvitationId) -> InvitationView: revoke_invitation;
    /// Deletes an invitation.
    delete(id: InvitationId) -> (): delete_invitation;
    /// Lists invitations.
    list(listing: &ListParams) -> Page<InvitationView>: list_invitations;
    /// What the holder of a ticket should do next.
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

    /// Adds a person at their own request.
    join(email_address: Option<&str>, context: &RequestContext) -> WaitlistEntry: join_waitlist;
    /// Adds a person at the operator's request.
    enter(email_address: Option<&str>) -> WaitlistEntryView: enter_waitlist;
    /// Makes and sends an invitation for an entry.
    invite(id: WaitlistEntryId, ignore_existing: Option<bool>) -> WaitlistEntryView: invite_from_waitlist;
    /// Rejects an entry.
    reject(id: WaitlistEntryId) -> WaitlistEntryView: reject_from_waitlist;
    /// Deletes an entry.
    delete(id: WaitlistEntryId) -> (): delete_from_waitlist;
    /// Lists entries.
    list(listing: &ListParams) -> Page<WaitlistEntryView>: list_waitlist;
}
