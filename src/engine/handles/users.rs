use std::sync::Arc;

use crate::domain::id::{AddressVerificationId, IdentificationId, SessionId, UserId};
use crate::domain::identifier::Identifier;
use crate::domain::secret::Secret;
use crate::domain::sign_in::SignInAttempts;
use crate::domain::user::{AddressVerification, NewUser, User, UserChange, UserPatch};
use crate::engine::{
    Caller, ClientView, CodeKind, Engine, EngineError, RequestContext, TotpView, UserFilter, UserListParams,
};

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
    /// Sends a code to an address of a user, verified or not, for the application to ask for on a page of its own.
    /// Another call takes the place of the code before.
    ///
    /// # Errors
    /// [`EngineError::NotFound`] for an unknown address; `verification_code_too_many_requests` within the cool-down,
    /// `too_many_requests` beyond the limits of the address.
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
    /// Whether a code is one of the user's authenticator app or a backup code; it can't be used again then. It is not counted
    /// as an attempt to sign in.
    ///
    /// # Errors
    /// [`EngineError::NotFound`]; `totp_not_enabled` where the user has neither; `form_code_incorrect`.
    verify_second_factor(id: UserId, code: &str) -> CodeKind: verify_second_factor;
    /// Begins to set up an authenticator app for the user of a session of the caller's client. The view has the secret for
    /// the app; it is no second factor before [`Self::verify_totp`].
    ///
    /// # Errors
    /// [`EngineError::SignedOut`] without a live session; `feature_not_enabled` where the settings have no apps;
    /// `totp_already_enabled`.
    add_totp(caller: &Caller, session: Option<SessionId>, context: &RequestContext) -> (TotpView, ClientView): add_totp;
    /// Proves that the person has the app, by one of its codes. With the first second factor the person gets backup codes,
    /// where the settings have them, and a session that waited for a second factor is no longer pending.
    ///
    /// # Errors
    /// As [`Self::add_totp`]; `totp_not_enabled` where none was begun; `form_code_incorrect`.
    verify_totp(caller: &Caller, session: Option<SessionId>, code: &str, context: &RequestContext) -> (TotpView, ClientView):
        verify_totp;
    /// Removes the authenticator app; with the last second factor the backup codes go too.
    ///
    /// # Errors
    /// [`EngineError::SignedOut`] without a live session; `resource_not_found` without an app.
    remove_totp(caller: &Caller, session: Option<SessionId>, context: &RequestContext) -> (TotpView, ClientView): remove_totp;
    /// Replaces the backup codes. The view has the new ones, which are shown this once.
    ///
    /// # Errors
    /// [`EngineError::SignedOut`] without a live session; `feature_not_enabled` where the settings have none;
    /// `backup_codes_not_available` where the user has no other second factor.
    new_backup_codes(caller: &Caller, session: Option<SessionId>, context: &RequestContext) -> (TotpView, ClientView):
        new_backup_codes;
    /// Deletes a user: its identifiers are free at once, and its sessions are over. Gives the user as it was.
    ///
    /// # Errors
    /// [`EngineError::NotFound`], `resource_conflict` as [`Self::change`].
    delete(id: UserId, version: Option<u64>) -> Arc<User>: delete_user;
}
