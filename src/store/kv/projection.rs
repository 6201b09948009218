//! The rows of users that a map may have beside its keys, derived from the values that are written: for SQL of the
//! operator's. The store does not read them.

use std::collections::BTreeMap;

use bytes::Bytes;

use super::codec;
use super::key::{self, Kind};
use super::record::UserRecordV4;
use crate::domain::id::{SessionId, UserId};
use crate::domain::sign_up::{Phase, SignUp};
use crate::domain::time::Timestamp;
use crate::domain::user::User;
use crate::store::error::StoreError;

/// What SQL sees of a user.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::store) struct ProjectedUser {
    pub(in crate::store) id: String,
    /// The primary one.
    pub(in crate::store) email_address: Option<String>,
    /// The primary one.
    pub(in crate::store) phone_number: Option<String>,
    pub(in crate::store) username: Option<String>,
    pub(in crate::store) first_name: Option<String>,
    pub(in crate::store) last_name: Option<String>,
    pub(in crate::store) external_id: Option<String>,
    /// A JSON object.
    pub(in crate::store) public_metadata: String,
    pub(in crate::store) created_at_ms: i64,
    pub(in crate::store) updated_at_ms: i64,
}

/// A user that a batch makes.
#[derive(Clone, Debug, PartialEq)]
pub(in crate::store) struct NewUser {
    pub(in crate::store) key: Bytes,
    pub(in crate::store) user: User,
    /// The session of its sign-up.
    pub(in crate::store) session_id: Option<SessionId>,
}

/// What a batch does to users.
#[derive(Clone, Debug, Default, PartialEq)]
pub(in crate::store) struct ProjectedUsers {
    /// Those that it makes; their rows are among those that are set.
    pub(in crate::store) new: Vec<NewUser>,
    /// The rows that are set, in the order of the ids.
    pub(in crate::store) set: Vec<ProjectedUser>,
    /// The ids of those that are removed.
    pub(in crate::store) removed: Vec<String>,
}

impl ProjectedUsers {
    pub(in crate::store) fn is_empty(&self) -> bool {
        self.set.is_empty() && self.removed.is_empty()
    }
}

/// What these writes mean for the rows of users.
///
/// # Errors
/// When a value is no user.
pub(in crate::store) fn projected_users(writes: &BTreeMap<Bytes, Option<Bytes>>) -> Result<ProjectedUsers, StoreError> {
    let mut users = ProjectedUsers::default();
    let kind = key::before(Kind::User);
    for (key, value) in writes.range(kind.clone()..).take_while(|(key, _)| key.starts_with(&kind)) {
        match value {
            Some(value) => {
                let user = User::try_from(codec::decode::<UserRecordV4>(value)?)?;
                users.set.push(ProjectedUser::from(&user));
                // The place in the order of creation is taken once.
                if writes.get(&key::user_created(user.created_at, user.id)).is_some_and(Option::is_some) {
                    let session_id = user.sign_up.as_deref().and_then(session_of);
                    users.new.push(NewUser { key: key.clone(), user, session_id });
                }
            }
            None => users.removed.extend(key::parse_user(key).map(|id| id.to_string())),
        }
    }
    Ok(users)
}

/// The row of a user with this value.
///
/// # Errors
/// When it is no user.
pub(in crate::store) fn projected_user(value: &[u8]) -> Result<ProjectedUser, StoreError> {
    Ok(ProjectedUser::from(&User::try_from(codec::decode::<UserRecordV4>(value)?)?))
}

impl From<&User> for ProjectedUser {
    fn from(user: &User) -> Self {
        let text = |text: &str| text.replace('\0', "\u{fffd}");
        Self {
            id: user.id.to_string(),
            email_address: user.email_addresses.first().map(|email| text(email.value.as_str())),
            phone_number: user.phone_numbers.first().map(|phone| text(phone.value.as_str())),
            username: user.username.as_ref().map(|username| text(username.as_str())),
            first_name: user.first_name.as_deref().map(text),
            last_name: user.last_name.as_deref().map(text),
            external_id: user.external_id.as_deref().map(text),
            public_metadata: object(&user.public_metadata),
            created_at_ms: millis(user.created_at),
            updated_at_ms: millis(user.updated_at),
        }
    }
}

fn session_of(sign_up: &SignUp) -> Option<SessionId> {
    match sign_up.phase {
        Phase::Complete { session_id, .. } => Some(session_id),
        _ => None,
    }
}

/// The key of the user with this id.
pub(in crate::store) fn key_of(id: &str) -> Option<Bytes> {
    id.parse::<UserId>().ok().map(key::user)
}

/// A JSON object that PostgreSQL takes: without U+0000, which its texts can't have. What is no object counts as an empty one.
fn object(text: &str) -> String {
    match serde_json::from_str(text) {
        Ok(serde_json::Value::Object(_)) if !text.contains("u0000") => text.to_owned(),
        Ok(serde_json::Value::Object(object)) => without_zeros(serde_json::Value::Object(object)).to_string(),
        _ => "{}".into(),
    }
}

fn without_zeros(value: serde_json::Value) -> serde_json::Value {
    use serde_json::Value;
    let text = |text: String| text.replace('\0', "\u{fffd}");
    match value {
        Value::String(given) => Value::String(text(given)),
        Value::Array(given) => given.into_iter().map(without_zeros).collect(),
        Value::Object(given) => given.into_iter().map(|(name, value)| (text(name), without_zeros(value))).collect(),
        other => other,
    }
}

/// At most the last moment of the year 9999: the type of times in databases does not reach as far as [`Timestamp`].
fn millis(at: Timestamp) -> i64 {
    i64::try_from(at.as_millis()).unwrap_or(i64::MAX).min(253_402_300_799_999)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn metadata_is_what_postgresql_takes() {
        for (given, expected) in [
            (r#"{"a":1}"#, r#"{"a":1}"#),
            (r#"{"a\u0000":["\u0000",{"b":"\\u0000"}]}"#, "{\"a\u{fffd}\":[\"\u{fffd}\",{\"b\":\"\\\\u0000\"}]}"),
            ("", "{}"),
            ("[1]", "{}"),
            ("{", "{}"),
        ] {
            assert_eq!(object(given), expected, "{given}");
        }
    }

    #[test]
    fn only_users_have_rows() {
        let user = User::new(UserId::from_bytes([7; 16]), Timestamp::MAX);
        let value = codec::encode(&UserRecordV4::from(&user)).expect("a small record");
        let gone = UserId::from_bytes([8; 16]);
        let writes = [
            (key::client(crate::domain::id::ClientId::from_bytes([7; 16])), Some(Bytes::from_static(b"x"))),
            (key::user(user.id), Some(value)),
            (key::user(gone), None),
        ];
        let users = projected_users(&writes.into()).expect("a user");
        assert_eq!((users.set.len(), &users.removed), (1, &vec![gone.to_string()]));
        assert_eq!((users.set[0].id.clone(), users.set[0].created_at_ms), (user.id.to_string(), 253_402_300_799_999));
        assert_eq!(key_of(&users.set[0].id), Some(key::user(user.id)));
        let damaged = [(key::user(gone), Some(Bytes::from_static(b"x")))];
        assert!(projected_users(&damaged.into()).is_err());
    }
}
