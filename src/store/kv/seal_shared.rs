//! Encryption of the values in a map that several nodes share: as in `seal.rs`, under one key and the number of the deployment.
//! Each start of a node draws its own subkey, so no two nodes use a nonce twice.
//!
//! Records of the log of events get their keys from the map, after they are sealed. So their associated data have the first byte
//! of these keys in the place of the key: that one of them was moved to another number is not noticed.

use bytes::Bytes;

use super::key::Kind;
use super::projection::{ProjectedUsers, projected_users};
use super::seal::Sealer;
use super::shared_map::{AppendError, Batch, SharedMap, Stamp, Versioned};
use crate::store::error::StoreError;
use crate::store::health::Health;

/// A shared map that seals its values in the underlying map.
pub struct SealedShared<M> {
    beneath: M,
    /// `None` passes values unchanged.
    sealer: Option<Sealer>,
}

impl<M> SealedShared<M> {
    pub(in crate::store) const fn over(beneath: M, sealer: Option<Sealer>) -> Self {
        Self { beneath, sealer }
    }

    /// The opened value. One that can't be opened is returned unchanged, and no reader will take it for a record.
    fn open(&self, key: &[u8], value: Bytes) -> Bytes {
        self.sealer.as_ref().and_then(|sealer| open(sealer, key, &value)).unwrap_or(value)
    }

    fn opened(&self, mut entries: Vec<(Bytes, Bytes)>) -> Vec<(Bytes, Bytes)> {
        for (key, value) in &mut entries {
            *value = self.open(key, std::mem::take(value));
        }
        entries
    }
}

/// The plain form of a sealed value of a shared map; `None` if it is not sealed, or under another key or store.
pub(in crate::store) fn open(sealer: &Sealer, key: &[u8], value: &[u8]) -> Option<Bytes> {
    let of_log = (key.first() == Some(&LOG[0])).then(|| sealer.open(&LOG, value)).flatten();
    // A copy of a store, and earlier versions, have sealed records of the log as all others.
    of_log.or_else(|| sealer.open(key, value))
}

impl<M: SharedMap> SharedMap for SealedShared<M> {
    async fn get_many(&self, keys: &[Bytes]) -> Result<Vec<Option<Versioned>>, StoreError> {
        let mut found = self.beneath.get_many(keys).await?;
        for (key, entry) in keys.iter().zip(&mut found) {
            if let Some(entry) = entry {
                entry.value = self.open(key, std::mem::take(&mut entry.value));
            }
        }
        Ok(found)
    }

    async fn scan(&self, prefix: &[u8], from: &[u8], limit: usize) -> Result<Vec<(Bytes, Bytes)>, StoreError> {
        Ok(self.opened(self.beneath.scan(prefix, from, limit).await?))
    }

    async fn scan_back(&self, prefix: &[u8], below: &[u8], limit: usize) -> Result<Vec<(Bytes, Bytes)>, StoreError> {
        Ok(self.opened(self.beneath.scan_back(prefix, below, limit).await?))
    }

    async fn append(&self, stamp: Stamp, batch: &Batch) -> Result<u64, AppendError> {
        let users =
            if self.beneath.asks_for_users() { projected_users(&batch.writes) } else { Ok(ProjectedUsers::default()) };
        let Ok(users) = users.inspect_err(|error| tracing::error!(%error, "a user that is written can't be read"))
        else {
            return Err(AppendError::Unavailable);
        };
        let sealer = self.sealer.as_ref().filter(|sealer| sealer.seals());
        let seal = |key: &[u8], value: &Bytes| sealer.map_or_else(|| value.clone(), |sealer| sealer.seal(key, value));
        let sealed =
            |(key, value): (&Bytes, &Option<Bytes>)| (key.clone(), value.as_ref().map(|value| seal(key, value)));
        let writes = batch.writes.iter().map(sealed).collect();
        let log = batch.log.iter().map(|value| seal(&LOG, value)).collect();
        self.beneath.append(stamp, &Batch { expected: batch.expected.clone(), writes, log, users }).await
    }

    async fn number_from(&self, first: u64) -> Result<(), StoreError> {
        self.beneath.number_from(first).await
    }

    fn asks_for_users(&self) -> bool {
        self.beneath.asks_for_users()
    }

    async fn pause(&self, tries: u32) {
        self.beneath.pause(tries).await;
    }

    fn health(&self) -> Health {
        self.beneath.health()
    }

    async fn close(&self) {
        self.beneath.close().await;
    }
}

/// What the associated data of a record of events have in the place of its key: the first byte of such keys.
const LOG: [u8; 1] = [Kind::Event.byte()];
