//! Users, sessions and clients as the Backend API shows them
//! ([guide: Users](crate::guide::contract_backend#users)): everything there is, and nothing inside of something else.

use serde::{Serialize, Serializer};

use crate::domain::client::Client;
use crate::domain::client::session::Session;
use crate::domain::id::{AddressVerificationId, ClientId, SessionId, SignInId, SignUpId, UserId};
use crate::domain::identifier::{EmailAddress, PhoneNumber};
use crate::domain::sign_in::SignInAttempts;
use crate::domain::time::Timestamp;
use crate::domain::user::{AddressVerification, Identification, User};
use crate::domain::verification::Strategy;

use super::user::{self, UserResource};
use super::verification::word;
use super::{AsDisplay, Metadata};

/// A user for the application's backend, as of `now`: the User with its private metadata and the state of its password.
#[derive(Clone, Copy, Debug)]
pub struct BackendUser<'a> {
    /// The user.
    pub user: &'a User,
    /// The time of reading: a lock is shown until it ends.
    pub now: Timestamp,
    /// What its failed sign-ins have come to
    /// ([`Users::sign_in_attempts`](crate::engine::Users::sign_in_attempts)).
    pub attempts: SignInAttempts,
}

/// A session for the application's backend, as of `now`: without its user and without a token.
#[derive(Clone, Copy, Debug)]
pub struct BackendSession<'a> {
    /// The session.
    pub session: &'a Session,
    /// The time of reading, from which its expiry is derived.
    pub now: Timestamp,
}

/// A client for the application's backend, as of `now`.
#[derive(Clone, Copy, Debug)]
pub struct BackendClient<'a> {
    /// The client.
    pub client: &'a Client,
    /// The time of reading.
    pub now: Timestamp,
}

/// An e-mail address for the application's backend.
#[derive(Clone, Copy, Debug)]
pub struct BackendEmailAddress<'a> {
    /// Its user.
    pub user: &'a User,
    /// The address, one of the user's.
    pub address: &'a Identification<EmailAddress>,
}

/// A phone number for the application's backend.
#[derive(Clone, Copy, Debug)]
pub struct BackendPhoneNumber<'a> {
    /// Its user.
    pub user: &'a User,
    /// The number, one of the user's.
    pub number: &'a Identification<PhoneNumber>,
}

/// The verification of an address for the application's backend, as of `now`.
#[derive(Clone, Copy, Debug)]
pub struct BackendAddressVerification<'a> {
    /// The verification.
    pub verification: &'a AddressVerification,
    /// The time of reading, from which its expiry is derived.
    pub now: Timestamp,
    /// How many attempts a code has ([`Policy::attempts_max`](crate::limits::Policy)).
    pub attempts_max: u32,
}

/// What is left of an object that was deleted.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct DeletedObject {
    object: &'static str,
    id: String,
    deleted: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    external_id: Option<String>,
}

impl DeletedObject {
    /// The object of this kind, such as `email_address`, with this id.
    pub fn new(object: &'static str, id: impl ToString) -> Self {
        Self { object, id: id.to_string(), deleted: true, external_id: None }
    }

    /// A user, with its id in the application's backend.
    pub fn user(user: &User) -> Self {
        Self::user_with(user.id, user.external_id.as_deref())
    }

    /// The same, of a user whose ids are all that is left.
    pub(super) fn user_with(id: UserId, external_id: Option<&str>) -> Self {
        Self { external_id: external_id.map(str::to_owned), ..Self::new("user", id) }
    }
}

#[derive(Serialize)]
struct UserShape<'a> {
    #[serde(flatten)]
    shown: UserResource<'a>,
    private_metadata: Metadata<'a>,
    password_last_updated_at: Option<Timestamp>,
    create_organizations_limit: Option<u32>,
    bypass_client_trust: bool,
}

impl Serialize for BackendUser<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let user = self.user;
        let shape = UserShape {
            shown: UserResource::of(user, user.last_active_at, self.now)
                .without_attempts_to_connect(user)
                .with_attempts(self.attempts, self.now),
            private_metadata: Metadata(&user.private_metadata),
            password_last_updated_at: user.password_last_updated_at,
            create_organizations_limit: user.create_organizations_limit,
            bypass_client_trust: user.bypass_client_trust,
        };
        shape.serialize(serializer)
    }
}

#[derive(Serialize)]
struct SessionShape {
    object: &'static str,
    id: AsDisplay<SessionId>,
    user_id: AsDisplay<UserId>,
    client_id: AsDisplay<ClientId>,
    actor: (),
    status: &'static str,
    last_active_organization_id: (),
    last_active_at: Timestamp,
    latest_activity: (),
    expire_at: Timestamp,
    abandon_at: Timestamp,
    tasks: (),
    created_at: Timestamp,
    updated_at: Timestamp,
}

impl SessionShape {
    fn of(session: &Session, now: Timestamp) -> Self {
        Self {
            object: "session",
            id: AsDisplay(session.id),
            user_id: AsDisplay(session.user_id),
            client_id: AsDisplay(session.client_id),
            actor: (),
            status: session.status_at(now),
            last_active_organization_id: (),
            last_active_at: session.last_active_at,
            latest_activity: (),
            expire_at: session.expire_at,
            abandon_at: session.abandon_at(),
            tasks: (),
            created_at: session.created_at,
            updated_at: session.updated_at,
        }
    }
}

impl Serialize for BackendSession<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        SessionShape::of(self.session, self.now).serialize(serializer)
    }
}

impl Serialize for BackendEmailAddress<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        user::email(self.user, self.address).serialize(serializer)
    }
}

impl Serialize for BackendPhoneNumber<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        user::phone(self.user, self.number).serialize(serializer)
    }
}

#[derive(Serialize)]
struct VerificationShape<'a> {
    object: &'static str,
    id: AsDisplay<AddressVerificationId>,
    status: &'static str,
    strategy: AsDisplay<&'a Strategy>,
    attempts: u32,
    expire_at: Timestamp,
    #[serde(skip_serializing_if = "Option::is_none")]
    channel: Option<&'a str>,
}

impl Serialize for BackendAddressVerification<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let verification = &self.verification.verification;
        let shape = VerificationShape {
            object: "verification_otp",
            id: AsDisplay(self.verification.id),
            status: word(verification.status(self.now, self.attempts_max)),
            strategy: AsDisplay(verification.strategy()),
            attempts: verification.attempts,
            expire_at: verification.expire_at,
            channel: verification.channel.as_deref(),
        };
        shape.serialize(serializer)
    }
}

#[derive(Serialize)]
struct ClientShape {
    object: &'static str,
    id: AsDisplay<ClientId>,
    session_ids: Vec<AsDisplay<SessionId>>,
    sessions: Vec<SessionShape>,
    sign_in_id: Option<AsDisplay<SignInId>>,
    sign_up_id: Option<AsDisplay<SignUpId>>,
    last_active_session_id: Option<AsDisplay<SessionId>>,
    last_authentication_strategy: Option<String>,
    created_at: Timestamp,
    updated_at: Timestamp,
}

impl Serialize for BackendClient<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let (client, now) = (self.client, self.now);
        let shape = ClientShape {
            object: "client",
            id: AsDisplay(client.id),
            session_ids: client.live_sessions(now).map(|session| AsDisplay(session.id)).collect(),
            sessions: client.live_sessions(now).map(|session| SessionShape::of(session, now)).collect(),
            sign_in_id: client.sign_in.as_ref().map(|sign_in| AsDisplay(sign_in.id)),
            sign_up_id: client.sign_up.map(AsDisplay),
            last_active_session_id: client.session_in_use(now).map(|session| AsDisplay(session.id)),
            last_authentication_strategy: client.last_authentication_strategy.as_ref().map(ToString::to_string),
            created_at: client.created_at,
            updated_at: client.updated_at,
        };
        shape.serialize(serializer)
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;
    use crate::domain::time::Span;
    use crate::wire::samples::{self, NOW};

    #[test]
    fn a_backend_sees_what_the_person_sees_and_the_private_metadata() {
        let user = User { private_metadata: r#"{"plan":"gold"}"#.into(), ..samples::user() };
        let shown = show(&BackendUser { user: &user, now: NOW, attempts: SignInAttempts::default() });
        assert_eq!(shown["private_metadata"], json!({"plan": "gold"}));
        let Value::Object(seen) = show(&user) else { panic!("an object") };
        assert_eq!(seen.get("private_metadata"), None);
        for (key, value) in seen {
            assert_eq!(shown[&key], value, "{key}");
        }
        assert!(!shown.to_string().contains("argon2"), "no digest on the wire");
    }

    #[test]
    fn a_ban_is_shown_and_a_lock_until_it_ends() {
        let until = NOW + Span::from_secs(90);
        let user = User { banned: true, locked_until: Some(until), ..samples::user() };
        let shown = |now| {
            let shown = show(&BackendUser { user: &user, now, attempts: SignInAttempts::default() });
            (shown["banned"].clone(), shown["locked"].clone(), shown["lockout_expires_in_seconds"].clone())
        };
        assert_eq!(shown(NOW), (json!(true), json!(true), json!(90)));
        assert_eq!(shown(until), (json!(true), json!(false), json!(null)));
        let user = User { locked_until: Some(Timestamp::MAX), ..samples::user() };
        let shown = show(&BackendUser { user: &user, now: until, attempts: SignInAttempts::default() });
        assert_eq!((&shown["locked"], &shown["lockout_expires_in_seconds"]), (&json!(true), &json!(null)));
    }

    #[test]
    fn failures_lock_a_user_and_the_longer_lock_is_shown() {
        let user = samples::user();
        let locked = User { locked_until: Some(NOW + Span::from_secs(60)), ..samples::user() };
        let forever = User { locked_until: Some(Timestamp::MAX), ..samples::user() };
        let by_failures = SignInAttempts { locked_until: Some(NOW + Span::from_secs(90)), remaining: Some(0) };
        let until_unlocked = SignInAttempts { locked_until: Some(Timestamp::MAX), remaining: Some(0) };
        let open = SignInAttempts { locked_until: None, remaining: Some(7) };
        for (user, attempts, expected) in [
            (&user, SignInAttempts::default(), json!([false, null, null])),
            (&user, open, json!([false, null, 7])),
            (&user, by_failures, json!([true, 90, 0])),
            (&user, until_unlocked, json!([true, null, 0])),
            (&locked, open, json!([true, 60, 7])),
            (&locked, by_failures, json!([true, 90, 0])),
            (&locked, until_unlocked, json!([true, null, 0])),
            (&forever, by_failures, json!([true, null, 0])),
        ] {
            let shown = show(&BackendUser { user, now: NOW, attempts });
            let keys = ["locked", "lockout_expires_in_seconds", "verification_attempts_remaining"];
            assert_eq!(json!(keys.map(|key| shown[key].clone())), expected);
        }
    }

    #[test]
    fn a_session_is_flat_and_has_no_token() {
        let view = samples::session();
        let shown = show(&BackendSession { session: &view.session, now: NOW });
        assert_eq!(shown["user_id"], samples::USER.to_string());
        assert_eq!(shown["client_id"], samples::CLIENT.to_string());
        assert_eq!(shown["status"], "active");
        assert_eq!((shown.get("user"), shown.get("last_active_token")), (None, None));
        assert_eq!(show(&BackendSession { session: &view.session, now: view.session.expire_at })["status"], "expired");
    }

    #[test]
    fn a_client_names_its_sessions_and_keeps_its_secrets() {
        let view = samples::client(Some(samples::sign_up()), vec![samples::session()]);
        let shown = show(&BackendClient { client: &view.client, now: NOW });
        assert_eq!(shown["session_ids"], json!([samples::SESSION.to_string()]));
        assert_eq!(shown["sessions"][0]["id"], samples::SESSION.to_string());
        assert_eq!(shown["sign_up_id"], samples::SIGN_UP.to_string());
        assert_eq!(shown.get("salt"), None);
    }

    #[test]
    fn what_is_left_of_a_user_is_its_ids() {
        let user = User { external_id: Some("ada-1".into()), ..samples::user() };
        let left = json!({"object": "user", "id": samples::USER.to_string(), "deleted": true, "external_id": "ada-1"});
        assert_eq!(show(&DeletedObject::user(&user)), left);
        assert_eq!(show(&DeletedObject::new("email_address", "idn_1")).get("external_id"), None);
    }

    fn show(value: &impl Serialize) -> Value {
        serde_json::to_value(value).expect("JSON")
    }
}
