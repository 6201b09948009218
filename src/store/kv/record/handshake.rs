//! The result of a handshake.

use serde::{Deserialize, Serialize};

use crate::domain::handshake::KeptHandshake;
use crate::domain::time::Timestamp;
use crate::store::kv::codec::Record;
use crate::store::kv::key::Kind;

/// The result of a handshake that waits to be fetched; the digest of its nonce is in the key.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(in crate::store) struct HandshakeRecordV1 {
    sealed: Vec<u8>,
    expire_at: u64,
}

impl Record for HandshakeRecordV1 {
    const KIND: Kind = Kind::Handshake;
    const SCHEMA: u8 = 1;
}

impl HandshakeRecordV1 {
    /// When it can't be fetched any more.
    pub(in crate::store) const fn expire_at(&self) -> Timestamp {
        Timestamp::from_millis(self.expire_at)
    }

    /// The result that is kept under this digest.
    pub(in crate::store) fn kept_as(self, digest: [u8; 32]) -> KeptHandshake {
        KeptHandshake { digest, expire_at: self.expire_at(), sealed: self.sealed }
    }
}

impl From<&KeptHandshake> for HandshakeRecordV1 {
    fn from(value: &KeptHandshake) -> Self {
        Self { sealed: value.sealed.clone(), expire_at: value.expire_at.as_millis() }
    }
}
