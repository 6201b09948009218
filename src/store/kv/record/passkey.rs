//! Passkeys: the challenges of ceremonies that have begun, and who has a credential.

use serde::{Deserialize, Serialize};

use crate::domain::id::UserId;
use crate::domain::passkey::{ChallengeOwner, KeptChallenge};
use crate::domain::time::Timestamp;
use crate::store::kv::codec::Record;
use crate::store::kv::key::Kind;

/// A challenge that waits for its answer; its owner is in the key.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(in crate::store) struct PasskeyChallengeRecordV1 {
    id: [u8; 16],
    sealed: Vec<u8>,
    expire_at: u64,
}

/// The user who has the passkey with the credential in the key.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(in crate::store) struct PasskeyHolderRecordV1 {
    user_id: [u8; 16],
}

impl Record for PasskeyChallengeRecordV1 {
    const KIND: Kind = Kind::PasskeyChallenge;
    const SCHEMA: u8 = 1;
}

impl Record for PasskeyHolderRecordV1 {
    const KIND: Kind = Kind::PasskeyHolder;
    const SCHEMA: u8 = 1;
}

impl PasskeyChallengeRecordV1 {
    /// When it can't be answered any more.
    pub(in crate::store) const fn expire_at(&self) -> Timestamp {
        Timestamp::from_millis(self.expire_at)
    }

    /// The challenge that is kept for this owner.
    pub(in crate::store) fn kept_for(self, owner: ChallengeOwner) -> KeptChallenge {
        KeptChallenge { owner, id: self.id, expire_at: self.expire_at(), sealed: self.sealed }
    }
}

impl From<&KeptChallenge> for PasskeyChallengeRecordV1 {
    fn from(value: &KeptChallenge) -> Self {
        Self { id: value.id, sealed: value.sealed.clone(), expire_at: value.expire_at.as_millis() }
    }
}

impl From<UserId> for PasskeyHolderRecordV1 {
    fn from(user: UserId) -> Self {
        Self { user_id: *user.as_bytes() }
    }
}

impl From<PasskeyHolderRecordV1> for UserId {
    fn from(record: PasskeyHolderRecordV1) -> Self {
        Self::from_bytes(record.user_id)
    }
}
