//! How commits change the results of handshakes: that one is fetched once is decided here.

use crate::domain::rejection::{ErrorCode, Rejection};
use crate::domain::time::Timestamp;
use crate::store::commit::HandshakeChange;
use crate::store::error::CommitError;
use crate::store::kv::key;
use crate::store::kv::reads::Reads;
use crate::store::kv::record::HandshakeRecordV1;

use super::Transaction;

impl<K: Reads> Transaction<'_, '_, K> {
    pub(super) fn handshake(&mut self, change: &HandshakeChange, at: Timestamp) -> Result<(), CommitError> {
        match change {
            HandshakeChange::Keep(kept) => {
                self.put(key::handshake(&kept.digest), &HandshakeRecordV1::from(&**kept))?;
            }
            HandshakeChange::Take(digest) => {
                let key = key::handshake(digest);
                let kept: Option<HandshakeRecordV1> = self.record(&key)?;
                if kept.is_none_or(|kept| kept.expire_at() <= at) {
                    return Err(Rejection::from(ErrorCode::InvalidNonce.on("nonce")).into());
                }
                self.remove(key);
            }
        }
        Ok(())
    }
}
