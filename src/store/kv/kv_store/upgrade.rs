//! What an older version wrote gets what this one needs beside it: users get their places in the lists by time, and are
//! counted, and their addresses are found by their ids; the sessions of clients get their records.

use bytes::Bytes;

use crate::domain::client::Client;
use crate::domain::user::User;
use crate::store::error::StoreError;
use crate::store::kv::codec::{self, Record};
use crate::store::kv::key::{self, COUNTED_HERE, Kind, USER_COUNT_PARTS, USERS_INDEXED};
use crate::store::kv::key_value::Write;
use crate::store::kv::planner::{mailboxes, places};
use crate::store::kv::reads::Reads;
use crate::store::kv::record::{ClientRecordV5, CountRecordV1, SessionRecordV2, UserRecordV4, ValueRecordV1};

use super::{Beneath, KvStore, from_after};

impl<K: Beneath> KvStore<K> {
    /// Does nothing where it was done before. Interrupted, it begins again and writes the same.
    pub(super) async fn add_what_is_missing(&self) -> Result<(), StoreError> {
        K::tidy(&self.shared).await?;
        let marker = key::value(USERS_INDEXED);
        let done: Option<ValueRecordV1> = self.record(marker.clone()).await?;
        if done.as_ref().is_some_and(|done| done.bytes == ALL_INDEXED) {
            return Ok(());
        }
        if done.is_some_and(|done| done.bytes == WITHOUT_MAILBOXES) {
            return self.index_mailboxes(marker).await;
        }
        let mut users = 0;
        self.page_by_page(Kind::User, |key, value, writes| {
            let read = codec::decode::<UserRecordV4>(value).and_then(User::try_from);
            let Some(user) = self.shared.unreadable.skip(key, read)? else { return Ok(()) };
            users += 1;
            writes.extend(places(&user).into_iter().map(|key| Write { key, value: Some(Bytes::new()) }));
            Ok(())
        })
        .await?;
        self.page_by_page(Kind::Client, |key, value, writes| {
            let read = codec::decode::<ClientRecordV5>(value).and_then(Client::try_from);
            for session in self.shared.unreadable.skip(key, read)?.iter().flat_map(|client| &client.sessions) {
                writes.push(put(key::session(session.id), &SessionRecordV2::held(session))?);
                let place = key::place_of_session(session.user_id, session.id);
                writes.extend(place.map(|key| Write { key, value: Some(Bytes::new()) }));
            }
            Ok(())
        })
        .await?;
        let mut writes = vec![put(key::user_count(COUNTED_HERE), &CountRecordV1 { count: users })?];
        for part in (0..USER_COUNT_PARTS).filter(|part| *part != COUNTED_HERE) {
            let key = key::user_count(part);
            if self.get(key.clone()).await?.is_some() {
                writes.push(put(key, &CountRecordV1 { count: 0 })?);
            }
        }
        writes.push(put(marker, &ValueRecordV1 { bytes: ALL_INDEXED.to_vec() })?);
        self.write(writes, false).await?;
        if users > 0 {
            tracing::info!(users, "the users of a store of an older version are now listed and counted");
        }
        Ok(())
    }

    /// Lets users be found by the mailboxes of their addresses; all else is there.
    async fn index_mailboxes(&self, marker: Bytes) -> Result<(), StoreError> {
        self.page_by_page(Kind::User, |key, value, writes| {
            let read = codec::decode::<UserRecordV4>(value).and_then(User::try_from);
            let Some(user) = self.shared.unreadable.skip(key, read)? else { return Ok(()) };
            writes.extend(mailboxes(&user).into_iter().map(|key| Write { key, value: Some(Bytes::new()) }));
            Ok(())
        })
        .await?;
        self.write(vec![put(marker, &ValueRecordV1 { bytes: ALL_INDEXED.to_vec() })?], false).await
    }

    /// Visits all entries of a kind, and writes what that gives for each page.
    async fn page_by_page(
        &self,
        kind: Kind,
        mut visit: impl FnMut(&[u8], &[u8], &mut Vec<Write>) -> Result<(), StoreError> + Send,
    ) -> Result<(), StoreError> {
        let mut from = key::before(kind);
        loop {
            let at = from.clone();
            let entries = self.read(move |reader| reader.kv.scan(&[kind.byte()], &at, PAGE)).await?;
            let mut writes = Vec::new();
            for (key, value) in &entries {
                visit(key, value, &mut writes)?;
            }
            if !writes.is_empty() {
                self.write(writes, true).await?;
            }
            match entries.last() {
                Some((last, _)) if entries.len() == PAGE => from = from_after(kind, Some(last.clone())),
                _ => return Ok(()),
            }
        }
    }

    async fn write(&self, writes: Vec<Write>, relaxed: bool) -> Result<(), StoreError> {
        let failed = |error| StoreError::Unavailable(format!("the lists of users can't be written: {error}"));
        K::write(&self.shared, vec![writes], relaxed).await.map_err(failed)
    }
}

fn put<R: Record>(key: Bytes, record: &R) -> Result<Write, StoreError> {
    Ok(Write { key, value: Some(codec::encode(record)?) })
}

/// The value of [`USERS_INDEXED`] once all of this is done. Stores have 1 there whose addresses are not found by their ids
/// yet.
const ALL_INDEXED: [u8; 1] = [3];
/// The value where only the mailboxes of addresses are not found yet.
const WITHOUT_MAILBOXES: [u8; 1] = [2];
/// How many entries are read at once. A client has up to 20 sessions with two keys each, and what a page gives has to fit
/// one append.
const PAGE: usize = 1000;
