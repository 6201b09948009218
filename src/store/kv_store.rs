//! The store over any ordered key-value map: plans commits, decodes what it reads, and keeps waiting for a disk off
//! the asynchronous threads.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use bytes::Bytes;

use crate::domain::client::Client;
use crate::domain::id::{ClientId, InvitationId, MessageId, SignUpId, UserId, WaitlistEntryId};
use crate::domain::identifier::Identifier;
use crate::domain::invitation::Invitation;
use crate::domain::sign_up::SignUp;
use crate::domain::time::Timestamp;
use crate::domain::user::User;
use crate::domain::waitlist::WaitlistEntry;

use super::codec::{self, Record};
use super::key::{self, Kind};
use super::kv::KeyValue;
use super::plan::Batch;
use super::record::{
    ClientRecordV1, IdentifierRecordV1, InvitationRecordV1, OutboxRecordV1, SignUpRecordV1, UserRecordV2,
    ValueRecordV1, WaitlistEntryRecordV1,
};
use super::retention::{self, Fate, Keep, Place, Portion, Stale, WALKED};
use super::store::{BoxFuture, Commit, CommitError, Committed, OutboxEntry, Store, StoreError};

/// A store over a key-value map.
#[derive(Debug)]
pub struct KvStore<K> {
    shared: Arc<Shared<K>>,
}

#[derive(Debug)]
struct Shared<K> {
    kv: K,
    /// Between the look at an identifier and its claim nobody else may claim it.
    deciding: Mutex<()>,
}

impl<K: KeyValue> KvStore<K> {
    /// The store over this map.
    pub fn over(kv: K) -> Self {
        Self { shared: Arc::new(Shared { kv, deciding: Mutex::new(()) }) }
    }

    /// The map beneath.
    pub fn key_value(&self) -> &K {
        &self.shared.kv
    }

    /// Runs `work` here where it can't wait for a disk, else where waiting is allowed; `None` if it never ended.
    async fn run<T: Send + 'static>(&self, work: impl FnOnce(&Shared<K>) -> T + Send + 'static) -> Option<T> {
        if !self.shared.kv.blocks() {
            return Some(work(&self.shared));
        }
        let shared = Arc::clone(&self.shared);
        let task = tokio::task::spawn_blocking(move || work(&shared));
        task.await.inspect_err(|error| tracing::error!(%error, "the store's work broke off")).ok()
    }

    async fn read<T: Send + 'static>(
        &self,
        work: impl FnOnce(&K) -> Result<T, StoreError> + Send + 'static,
    ) -> Result<T, StoreError> {
        self.run(move |shared| work(&shared.kv))
            .await
            .unwrap_or_else(|| Err(StoreError::Unavailable("the read broke off".into())))
    }

    async fn get(&self, key: Bytes) -> Result<Option<Bytes>, StoreError> {
        match self.shared.kv.get_cached(&key) {
            Some(known) => Ok(known),
            None => self.read(move |kv| kv.get(&key)).await,
        }
    }

    async fn record<R: Record>(&self, key: Bytes) -> Result<Option<R>, StoreError> {
        let bytes = self.get(key).await?;
        bytes.map(|bytes| codec::decode(&bytes)).transpose()
    }

    async fn scan<T: Send + 'static>(
        &self,
        kind: Kind,
        from: Bytes,
        limit: usize,
        read: impl Fn(&[u8], &[u8]) -> Result<T, StoreError> + Send + 'static,
    ) -> Result<Vec<T>, StoreError> {
        self.read(move |kv| {
            let entries = kv.scan(&[kind.byte()], &from, limit)?;
            entries.iter().map(|(key, value)| read(key, value)).collect()
        })
        .await
    }
}

impl<K: KeyValue> Store for KvStore<K> {
    fn commit(&self, batch: Vec<Commit>) -> BoxFuture<'_, Vec<Result<Committed, CommitError>>> {
        Box::pin(async move {
            let count = batch.len();
            self.run(move |shared| shared.commit(&batch))
                .await
                .unwrap_or_else(|| (0..count).map(|_| Err(CommitError::Unknown)).collect())
        })
    }

    fn sign_up(&self, id: SignUpId) -> BoxFuture<'_, Result<Option<SignUp>, StoreError>> {
        Box::pin(async move {
            // In this order: a sign-up that finishes between the two looks is found by the second.
            let open: Option<SignUpRecordV1> = self.record(key::sign_up(id)).await?;
            if let Some(open) = open {
                return open.sign_up.try_into().map(Some);
            }
            let finished: Option<UserRecordV2> = self.record(key::user(id.cast())).await?;
            finished.and_then(|user| user.sign_up).map(TryInto::try_into).transpose()
        })
    }

    fn user(&self, id: UserId) -> BoxFuture<'_, Result<Option<Arc<User>>, StoreError>> {
        Box::pin(async move {
            let record: Option<UserRecordV2> = self.record(key::user(id)).await?;
            record.map(|r| User::try_from(r).map(Arc::new)).transpose()
        })
    }

    fn client(&self, id: ClientId) -> BoxFuture<'_, Result<Option<Arc<Client>>, StoreError>> {
        Box::pin(async move {
            let record: Option<ClientRecordV1> = self.record(key::client(id)).await?;
            let Some(mut client) = record.map(Client::try_from).transpose()? else { return Ok(None) };
            let mut users = HashMap::new();
            for user in client.sessions.iter().map(|session| session.user_id) {
                if let Some(known) = self.user(user).await? {
                    users.insert(user, known);
                }
            }
            client.drop_ended(|id| Ok::<_, StoreError>(users.get(&id).cloned()))?;
            Ok(Some(Arc::new(client)))
        })
    }

    fn holder<'a>(&'a self, identifier: &'a Identifier) -> BoxFuture<'a, Result<Option<UserId>, StoreError>> {
        Box::pin(async move {
            let key = key::identifier(identifier);
            if !self.shared.kv.probably_contains(&key) {
                return Ok(None);
            }
            let record: Option<IdentifierRecordV1> = self.record(key).await?;
            Ok(record.map(UserId::from))
        })
    }

    fn invitation(&self, id: InvitationId) -> BoxFuture<'_, Result<Option<Invitation>, StoreError>> {
        Box::pin(async move {
            let record: Option<InvitationRecordV1> = self.record(key::invitation(id)).await?;
            Ok(record.map(Invitation::from))
        })
    }

    fn invitations(
        &self,
        after: Option<InvitationId>,
        limit: usize,
    ) -> BoxFuture<'_, Result<Vec<Invitation>, StoreError>> {
        let from = from_after(Kind::Invitation, after.map(key::invitation));
        Box::pin(self.scan(Kind::Invitation, from, limit, |_, value| {
            codec::decode::<InvitationRecordV1>(value).map(Invitation::from)
        }))
    }

    fn waitlist_entry(&self, id: WaitlistEntryId) -> BoxFuture<'_, Result<Option<WaitlistEntry>, StoreError>> {
        Box::pin(async move {
            let record: Option<WaitlistEntryRecordV1> = self.record(key::waitlist_entry(id)).await?;
            Ok(record.map(WaitlistEntry::from))
        })
    }

    fn waitlist(
        &self,
        after: Option<WaitlistEntryId>,
        limit: usize,
    ) -> BoxFuture<'_, Result<Vec<WaitlistEntry>, StoreError>> {
        let from = from_after(Kind::WaitlistEntry, after.map(key::waitlist_entry));
        Box::pin(self.scan(Kind::WaitlistEntry, from, limit, |_, value| {
            codec::decode::<WaitlistEntryRecordV1>(value).map(WaitlistEntry::from)
        }))
    }

    fn outbox(&self, after: Option<MessageId>, limit: usize) -> BoxFuture<'_, Result<Vec<OutboxEntry>, StoreError>> {
        let from = from_after(Kind::Outbox, after.map(key::outbox));
        Box::pin(
            self.scan(Kind::Outbox, from, limit, |_, value| {
                codec::decode::<OutboxRecordV1>(value).map(OutboxEntry::from)
            }),
        )
    }

    fn due(&self, now: Timestamp, limit: usize) -> BoxFuture<'_, Result<Vec<(Timestamp, SignUpId)>, StoreError>> {
        Box::pin(async move {
            let from = key::before(Kind::Deadline);
            let listed = self.scan(Kind::Deadline, from, limit, |key, _| {
                key::parse_deadline(key).ok_or_else(|| StoreError::Damaged("a key in the list of deadlines".into()))
            });
            let mut due = listed.await?;
            due.truncate(due.partition_point(|(deadline, _)| *deadline <= now));
            Ok(due)
        })
    }

    fn walk(
        &self,
        place: Place,
        keep: Keep,
        now: Timestamp,
        limit: usize,
    ) -> BoxFuture<'_, Result<Portion, StoreError>> {
        Box::pin(self.read(move |kv| {
            let index = WALKED.iter().position(|kind| place.0.first() == Some(&kind.byte())).unwrap_or(0);
            let kind = WALKED[index];
            let from = if place.0.is_empty() { key::before(kind) } else { place.0 };
            let entries = kv.scan(&[kind.byte()], &from, limit)?;
            let next = match entries.last() {
                Some((last, _)) if entries.len() == limit => from_after(kind, Some(last.clone())),
                _ => WALKED.get(index + 1).map(|kind| key::before(*kind)).unwrap_or_default(),
            };
            let mut stale = Vec::new();
            for (key, value) in entries {
                if retention::fate(&key, &value, keep, now, |key| kv.get(key))? != Fate::Stays {
                    stale.push(Stale(key));
                }
            }
            Ok(Portion { stale, next: Place(next) })
        }))
    }

    fn value<'a>(&'a self, name: &'a str) -> BoxFuture<'a, Result<Option<Vec<u8>>, StoreError>> {
        Box::pin(async move {
            let record: Option<ValueRecordV1> = self.record(key::value(name)).await?;
            Ok(record.map(|record| record.bytes))
        })
    }

    fn is_healthy(&self) -> bool {
        self.shared.kv.is_healthy()
    }

    fn close(&self) -> BoxFuture<'_, ()> {
        Box::pin(async move {
            self.run(|shared| shared.kv.close()).await;
        })
    }
}

/// The least key after `last`, or what lies before all keys of the kind.
fn from_after(kind: Kind, last: Option<Bytes>) -> Bytes {
    last.map_or_else(|| key::before(kind), |last| [&last[..], &[0]].concat().into())
}

impl<K: KeyValue> Shared<K> {
    fn commit(&self, commits: &[Commit]) -> Vec<Result<Committed, CommitError>> {
        let _deciding = self.deciding.lock().unwrap_or_else(PoisonError::into_inner);
        let mut batch = Batch::over(&self.kv);
        let mut groups = Vec::new();
        let mut relaxed = true;
        let mut answers: Vec<_> = commits
            .iter()
            .map(|commit| {
                let (writes, committed) = batch.plan(commit)?;
                if !writes.is_empty() {
                    relaxed &= commit.relaxed && commit.user.is_none();
                    groups.push(writes);
                }
                Ok(committed)
            })
            .collect();
        if groups.is_empty() {
            return answers;
        }
        if let Err(error) = self.kv.append(&groups, relaxed) {
            // A refusal may rest on a neighbour that was not written either, so it does not stand; it wrote nothing.
            let unwritten = match &error {
                CommitError::Unknown => CommitError::Unavailable,
                error => error.clone(),
            };
            for answer in &mut answers {
                *answer = Err(match answer {
                    Ok(_) => error.clone(),
                    Err(_) => unwritten.clone(),
                });
            }
        }
        answers
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicBool, Ordering};

    use super::*;
    use crate::store::{Memory, Write};

    /// A map that says it blocks, fails on demand and remembers how it was written to.
    #[derive(Debug, Default)]
    struct Odd {
        memory: Memory,
        fails_with: Mutex<Option<CommitError>>,
        damaged: AtomicBool,
        appended: Mutex<Vec<(usize, bool)>>,
    }

    impl KeyValue for Odd {
        fn get(&self, key: &[u8]) -> Result<Option<Bytes>, StoreError> {
            if self.damaged.load(Ordering::Relaxed) {
                return Ok(Some(Bytes::from_static(b"neither this nor that")));
            }
            self.memory.get(key)
        }

        fn scan(&self, prefix: &[u8], from: &[u8], limit: usize) -> Result<Vec<(Bytes, Bytes)>, StoreError> {
            self.memory.scan(prefix, from, limit)
        }

        fn append(&self, groups: &[Vec<Write>], relaxed: bool) -> Result<(), CommitError> {
            let fails_with = self.fails_with.lock().expect("no panic").clone();
            fails_with.map_or(Ok(()), Err)?;
            let appended = (groups.len(), relaxed);
            self.appended.lock().expect("no panic").push(appended);
            self.memory.append(groups, relaxed)
        }

        fn is_healthy(&self) -> bool {
            true
        }

        fn close(&self) {}

        fn blocks(&self) -> bool {
            true
        }
    }

    fn value(name: &str, relaxed: bool) -> Commit {
        Commit { values: vec![(name.into(), vec![1])], relaxed, ..Commit::default() }
    }

    fn refused() -> Commit {
        Commit {
            client: Some(crate::store::ClientWrite { id: ClientId::from_bytes([1; 16]), changes: vec![] }),
            ..Commit::default()
        }
    }

    fn errors(answers: Vec<Result<Committed, CommitError>>) -> Vec<Option<CommitError>> {
        answers.into_iter().map(Result::err).collect()
    }

    #[tokio::test]
    async fn a_batch_is_one_append_and_relaxed_only_where_all_of_it_is() {
        let store = KvStore::over(Odd::default());
        store.commit(vec![value("a", true), refused(), value("b", true)]).await;
        store.commit(vec![value("a", true), value("b", false)]).await;
        store.commit(vec![refused()]).await;
        let appended = store.key_value().appended.lock().expect("no panic").clone();
        assert_eq!(appended, [(2, true), (2, false)]);
        assert_eq!(store.value("b").await, Ok(Some(vec![1])));
    }

    #[tokio::test]
    async fn nothing_is_acknowledged_that_was_not_appended() {
        let store = KvStore::over(Odd::default());
        for (error, beside) in
            [(CommitError::Overloaded, CommitError::Overloaded), (CommitError::Unknown, CommitError::Unavailable)]
        {
            *store.key_value().fails_with.lock().expect("no panic") = Some(error.clone());
            let answers = store.commit(vec![value("a", false), refused()]).await;
            assert_eq!(errors(answers), [Some(error), Some(beside)]);
            assert_eq!(store.value("a").await, Ok(None));
        }
    }

    #[tokio::test]
    async fn damage_is_neither_served_nor_decided_upon() {
        let store = KvStore::over(Odd::default());
        store.key_value().damaged.store(true, Ordering::Relaxed);
        let read = store.client(ClientId::from_bytes([1; 16])).await;
        assert!(matches!(read, Err(StoreError::Damaged(_))));
        let answers = store.commit(vec![refused()]).await;
        assert_eq!(errors(answers), [Some(CommitError::Unavailable)]);
    }
}
