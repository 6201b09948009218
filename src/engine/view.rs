//! What the engine shows: stored values together with values that are derived from them at the time of reading. The
//! room `wire` knows what they are as JSON.

use std::sync::Arc;

use crate::domain::client::Client;
use crate::domain::client::session::Session;
use crate::domain::field::Field;
use crate::domain::id::{ClientId, SessionId, SignInId, SignUpId, UserId};
use crate::domain::identifier::{EmailAddress, Identifier, PhoneNumber, Username};
use crate::domain::requirements::Requirements;
use crate::domain::secret::Secret;
use crate::domain::sign_in::{self, Factor, SignIn};
use crate::domain::sign_up::{Phase, SignUp, Status};
use crate::domain::time::Timestamp;
use crate::domain::user::User;

use super::frontend::visible::Visible;

/// A sign-up as it is shown. Like every view it serializes to what the HTTP front end sends, byte for byte, with or
/// without the feature `server`.
///
/// ```
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// use vestibule::{Caller, Engine, NewSignUp, RequestContext};
///
/// let engine = Engine::builder().settings(vestibule::settings::sample_settings("email_code")?).build().await?;
/// let fields = NewSignUp { email_address: Some("ada@example.com".into()), ..NewSignUp::default() };
/// let (sign_up, client) = engine.sign_ups().create(&Caller::anonymous(), &fields, &RequestContext::default()).await?;
///
/// let json = serde_json::to_string(&sign_up)?;
/// assert!(json.starts_with(r#"{"object":"sign_up_attempt","id":"sua_"#));
/// assert_eq!(serde_json::to_value(&client)?["sign_up"], serde_json::to_value(&sign_up)?);
/// # engine.shutdown().await;
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct SignUpView {
    /// The stored sign-up. It contains secrets: embedders use the methods, which return only what may be shown.
    #[cfg(feature = "unstable")]
    pub value: Arc<SignUp>,
    #[cfg(not(feature = "unstable"))]
    pub(crate) value: Arc<SignUp>,
    /// Its status now.
    pub status: Status,
    /// Its four lists of fields now.
    pub requirements: Requirements,
    /// The strategies that can verify the e-mail address, by the settings.
    pub email_strategies: Vec<String>,
    /// The same for the phone number.
    pub phone_strategies: Vec<String>,
    /// When it counts as abandoned.
    pub abandon_at: Timestamp,
    /// How many attempts a verification allows, from which its status is derived.
    pub attempts_max: u32,
    /// The time of reading.
    pub now: Timestamp,
}

/// A sign-in as it is shown.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct SignInView {
    /// The stored sign-in. It contains secrets: embedders use the methods, which return only what may be shown.
    #[cfg(feature = "unstable")]
    pub value: SignIn,
    #[cfg(not(feature = "unstable"))]
    pub(crate) value: SignIn,
    /// Its status now.
    pub status: sign_in::Status,
    /// The kinds of identifiers that sign-ins accept in this instance.
    pub supported_identifiers: Vec<Field>,
    /// The ways to prove the first factor.
    pub first_factors: Vec<Factor>,
    /// The ways to prove the second factor, where one is needed now.
    pub second_factors: Vec<Factor>,
    /// What the person's device is asked, while a passkey is awaited: `PublicKeyCredentialRequestOptionsJSON` (Web
    /// Authentication 5.1.9).
    pub passkey_options: Option<String>,
    /// The user, where it may be shown.
    pub user: Option<Arc<User>>,
    /// When it counts as abandoned.
    pub abandon_at: Timestamp,
    /// How many attempts a verification allows, from which its status is derived.
    pub attempts_max: u32,
    /// The time of reading.
    pub now: Timestamp,
}

/// A session with its user and, if one was made, a token.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct SessionView {
    /// The session.
    pub session: Session,
    /// Its user.
    pub user: Arc<User>,
    /// The newest token.
    pub token: Option<Secret<String>>,
    /// The time of reading.
    pub now: Timestamp,
}

/// A client with everything that its answers contain, as one caller may see it. Only the engine makes one, from what
/// the presented token may see.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct ClientView {
    /// The client. It contains secrets of flows in progress: embedders use the fields beside it.
    #[cfg(feature = "unstable")]
    pub client: Arc<Client>,
    #[cfg(not(feature = "unstable"))]
    pub(crate) client: Arc<Client>,
    /// The sign-in in progress.
    pub sign_in: Option<SignInView>,
    /// The sign-up in progress.
    pub sign_up: Option<SignUpView>,
    /// Its live sessions.
    pub sessions: Vec<SessionView>,
    /// The client's current token, if it differs from the presented one: the caller must receive it.
    pub new_token: Option<Secret<String>>,
    _seen: Seen,
}

/// A marker that only this file can make, so that only this file can make a [`ClientView`].
#[derive(Clone, Copy, Debug)]
struct Seen;

impl SignUpView {
    /// Its id.
    pub fn id(&self) -> SignUpId {
        self.value.id
    }

    /// The e-mail address, once it is given.
    pub fn email_address(&self) -> Option<&EmailAddress> {
        self.value.email_address.as_ref().map(|given| &given.value)
    }

    /// The phone number, once it is given.
    pub fn phone_number(&self) -> Option<&PhoneNumber> {
        self.value.phone_number.as_ref().map(|given| &given.value)
    }

    /// The username, once it is given.
    pub fn username(&self) -> Option<&Username> {
        self.value.username.as_ref()
    }

    /// The first name, once it is given.
    pub fn first_name(&self) -> Option<&str> {
        self.value.first_name.as_deref()
    }

    /// The last name, once it is given.
    pub fn last_name(&self) -> Option<&str> {
        self.value.last_name.as_deref()
    }

    /// Whether a password was given.
    pub fn has_password(&self) -> bool {
        self.value.password_digest.is_some()
    }

    /// Metadata that the application's pages store with it: the text of a JSON object.
    pub fn unsafe_metadata(&self) -> &str {
        &self.value.unsafe_metadata
    }

    /// Metadata that the application's backend stores with it: the text of a JSON object.
    pub fn public_metadata(&self) -> &str {
        &self.value.public_metadata
    }

    /// The person's id in the application's own system, set by its backend.
    pub fn external_id(&self) -> Option<&str> {
        self.value.external_id.as_deref()
    }

    /// When the legal terms were accepted.
    pub fn legal_accepted_at(&self) -> Option<Timestamp> {
        self.value.legal_accepted_at
    }

    /// The person's language.
    pub fn locale(&self) -> Option<&str> {
        self.value.locale.as_deref()
    }

    /// When it was begun.
    pub fn created_at(&self) -> Timestamp {
        self.value.created_at
    }

    /// When it was last changed.
    pub fn updated_at(&self) -> Timestamp {
        self.value.updated_at
    }

    /// The user and the session that it created.
    pub fn created(&self) -> Option<(UserId, SessionId)> {
        match self.value.phase {
            Phase::Open => None,
            Phase::Complete { user_id, session_id, .. } => Some((user_id, session_id)),
        }
    }
}

impl SignInView {
    /// Its id.
    pub fn id(&self) -> SignInId {
        self.value.id
    }

    /// The identifier that it was begun with.
    pub fn identifier(&self) -> Option<&Identifier> {
        self.value.identifier.as_ref()
    }
}

impl ClientView {
    /// Its id.
    pub fn id(&self) -> ClientId {
        self.client.id
    }

    /// The view of what is visible of a client.
    pub(super) fn of(
        seen: Visible,
        sign_in: Option<SignInView>,
        sign_up: Option<SignUpView>,
        sessions: Vec<SessionView>,
    ) -> Self {
        let (client, new_token) = seen.into_parts();
        Self { client, sign_in, sign_up, sessions, new_token, _seen: Seen }
    }

    /// A view of a client for tests, without an engine.
    #[cfg(test)]
    pub(crate) fn sample(client: Client, sign_up: Option<SignUpView>, sessions: Vec<SessionView>) -> Self {
        Self { client: Arc::new(client), sign_in: None, sign_up, sessions, new_token: None, _seen: Seen }
    }
}
