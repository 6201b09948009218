//! What the engine shows: values together with what is derived from them at the moment of reading.

use std::sync::Arc;

use crate::domain::client::Client;
use crate::domain::client::session::Session;
use crate::domain::field::Field;
use crate::domain::requirements::Requirements;
use crate::domain::secret::Secret;
use crate::domain::sign_in::{self, Factor, SignIn};
use crate::domain::sign_up::{SignUp, Status};
use crate::domain::time::Timestamp;
use crate::domain::user::User;

use super::frontend::visible::Visible;

/// A sign-up as it shows itself.
#[derive(Clone, Debug)]
pub struct SignUpView {
    /// The value.
    pub value: Arc<SignUp>,
    /// Its status now.
    pub status: Status,
    /// Its four lists now.
    pub requirements: Requirements,
    /// The strategies that can verify the e-mail address and the phone number, as the settings have them.
    pub email_strategies: Vec<String>,
    /// The same for the phone number.
    pub phone_strategies: Vec<String>,
    /// When it is abandoned.
    pub abandon_at: Timestamp,
    /// How many tries a verification has, to tell its status.
    pub attempts_max: u32,
    /// The moment of reading.
    pub now: Timestamp,
}

/// A sign-in as it shows itself.
#[derive(Clone, Debug)]
pub struct SignInView {
    /// The value.
    pub value: SignIn,
    /// Its status now.
    pub status: sign_in::Status,
    /// What identifies a user in this instance.
    pub supported_identifiers: Vec<Field>,
    /// The ways to prove the first factor.
    pub first_factors: Vec<Factor>,
    /// Who it is about, unless that is not to be told.
    pub user: Option<Arc<User>>,
    /// When it is abandoned.
    pub abandon_at: Timestamp,
    /// How many tries a verification has, to tell its status.
    pub attempts_max: u32,
    /// The moment of reading.
    pub now: Timestamp,
}

/// A session with its user and, where one was made, a token.
#[derive(Clone, Debug)]
pub struct SessionView {
    /// The session.
    pub session: Session,
    /// Its user.
    pub user: Arc<User>,
    /// The newest token.
    pub token: Option<Secret<String>>,
    /// The moment of reading.
    pub now: Timestamp,
}

/// A client with all that the wire piggybacks, as one caller may see it: only the engine makes one, of what is
/// visible to the token that this caller presented.
#[derive(Clone, Debug)]
pub struct ClientView {
    /// The client.
    pub client: Arc<Client>,
    /// The sign-in in progress.
    pub sign_in: Option<SignInView>,
    /// The sign-up in progress.
    pub sign_up: Option<SignUpView>,
    /// Its live sessions.
    pub sessions: Vec<SessionView>,
    /// The client's current token, whenever it differs from the one presented: the caller must be given it.
    pub new_token: Option<Secret<String>>,
    _seen: Seen,
}

/// Can be made in this file only.
#[derive(Clone, Copy, Debug)]
struct Seen;

impl ClientView {
    /// What is visible of a client, with its parts.
    pub(super) fn of(
        seen: Visible,
        sign_in: Option<SignInView>,
        sign_up: Option<SignUpView>,
        sessions: Vec<SessionView>,
    ) -> Self {
        let (client, new_token) = seen.into_parts();
        Self { client, sign_in, sign_up, sessions, new_token, _seen: Seen }
    }

    /// A view of a client that no engine has.
    #[cfg(test)]
    pub(crate) fn sample(client: Client, sign_up: Option<SignUpView>, sessions: Vec<SessionView>) -> Self {
        Self { client: Arc::new(client), sign_in: None, sign_up, sessions, new_token: None, _seen: Seen }
    }
}
