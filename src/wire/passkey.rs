//! Passkeys, in the shape that clerk-js expects ([guide: Passkeys](crate::guide::contract_me#passkeys)).

use serde::{Serialize, Serializer};

use crate::domain::id::IdentificationId;
use crate::domain::time::Timestamp;
use crate::domain::user::{Passkey, User};
use crate::domain::verification::Strategy;
use crate::engine::NewPasskey;

use super::AsDisplay;
use super::verification::State;

/// A passkey on the wire.
#[derive(Debug, PartialEq, Serialize)]
pub(super) struct PasskeyResource<'a> {
    object: &'static str,
    id: AsDisplay<IdentificationId>,
    name: &'a str,
    verification: State<'a>,
    last_used_at: Option<Timestamp>,
    created_at: Timestamp,
    updated_at: Timestamp,
}

/// A passkey of the own user; nothing where the user does not have it.
#[derive(Clone, Copy, Debug)]
#[cfg_attr(not(feature = "server"), expect(dead_code, reason = "only the HTTP front end shows it"))]
pub(crate) struct OwnPasskey<'a> {
    /// The user.
    pub(crate) user: &'a User,
    /// The id of the passkey.
    pub(crate) id: IdentificationId,
}

/// The passkeys of a user.
pub(super) fn passkeys(user: &User) -> Vec<PasskeyResource<'_>> {
    user.passkeys.iter().map(|passkey| of(user, passkey)).collect()
}

fn of<'a>(user: &User, passkey: &'a Passkey) -> PasskeyResource<'a> {
    PasskeyResource {
        object: "passkey",
        id: AsDisplay(passkey.id),
        name: &passkey.name,
        verification: State::verified(&Strategy::Passkey),
        last_used_at: passkey.last_used_at,
        created_at: passkey.created_at,
        updated_at: user.updated_at.max(passkey.created_at),
    }
}

impl Serialize for OwnPasskey<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let found = self.user.passkeys.iter().find(|passkey| passkey.id == self.id);
        found.map(|passkey| of(self.user, passkey)).serialize(serializer)
    }
}

impl Serialize for NewPasskey {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        PasskeyResource {
            object: "passkey",
            id: AsDisplay(self.id),
            name: &self.name,
            verification: State::asking(&Strategy::Passkey, &self.options, self.expire_at),
            last_used_at: None,
            created_at: self.created_at,
            updated_at: self.created_at,
        }
        .serialize(serializer)
    }
}
