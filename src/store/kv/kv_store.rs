//! The store over any ordered key-value map: plans commits, decodes what it reads, and keeps disk waits off the
//! asynchronous threads.

mod beneath;
mod calls;
mod commit;
mod events;
mod lists;
mod messages;
#[cfg(any(test, feature = "postgres"))]
pub(in crate::store) mod nodes;
mod sessions;
mod upgrade;
mod users;
mod webhooks;

use std::sync::Arc;

use bytes::Bytes;

use super::codec::{self, Record};
use super::key::{self, Kind};
#[cfg(any(test, feature = "test-util"))]
use super::key_value::Write;
use super::lately::Lately;
use super::reads::Reads;
use super::unreadable::Unreadable;
use crate::domain::client::Client;
use crate::domain::user::User;
#[cfg(any(test, feature = "test-util"))]
use crate::store::error::CommitError;
use crate::store::error::StoreError;

pub(in crate::store) use beneath::Beneath;

/// A store over a key-value map.
#[derive(Debug)]
pub struct KvStore<K: Beneath> {
    shared: Arc<Shared<K>>,
}

/// What all calls of a store share.
#[derive(Debug)]
pub struct Shared<K: Beneath> {
    kv: K,
    state: K::State,
    unreadable: Unreadable,
    /// Users as they were decoded lately.
    users: Lately<Arc<User>>,
    /// Clients as they were written lately.
    clients: Lately<Arc<Client>>,
}

/// Reads entries, and decodes what they hold.
#[derive(Debug)]
pub struct Reader<'a, R> {
    kv: &'a R,
    unreadable: &'a Unreadable,
}

impl<K: Beneath> Shared<K> {
    const fn reader<'a, R: Reads>(&'a self, kv: &'a R) -> Reader<'a, R> {
        Reader { kv, unreadable: &self.unreadable }
    }
}

impl<K: Beneath> KvStore<K> {
    /// The store over this map.
    pub fn over(kv: K) -> Self {
        let (state, unreadable) = (K::State::default(), Unreadable::default());
        let (users, clients) = (Lately::default(), Lately::default());
        Self { shared: Arc::new(Shared { kv, state, unreadable, users, clients }) }
    }

    /// The underlying map.
    pub fn key_value(&self) -> &K {
        &self.shared.kv
    }

    async fn read<T: Send + 'static>(
        &self,
        work: impl Fn(&Reader<'_, K::Reads>) -> Result<T, StoreError> + Send + 'static,
    ) -> Result<T, StoreError> {
        K::read(&self.shared, work).await
    }

    async fn read_together<T: Send + 'static>(
        &self,
        work: impl Fn(&Reader<'_, K::Reads>) -> Result<T, StoreError> + Send + 'static,
    ) -> Result<T, StoreError> {
        K::read_together(&self.shared, work).await
    }

    pub(in crate::store) async fn get(&self, key: Bytes) -> Result<Option<Bytes>, StoreError> {
        match self.shared.kv.known(&key) {
            Some(known) => Ok(known),
            None => self.read(move |reader| reader.kv.get(&key)).await,
        }
    }

    async fn record<R: Record>(&self, key: Bytes) -> Result<Option<R>, StoreError> {
        let bytes = self.get(key).await?;
        bytes.map(|bytes| codec::decode(&bytes)).transpose()
    }

    /// The first `limit` readable entries of a kind, from `from` on.
    async fn scan<T: Send + 'static>(
        &self,
        kind: Kind,
        from: Bytes,
        limit: usize,
        read: impl Fn(&[u8], &[u8]) -> Result<T, StoreError> + Send + 'static,
    ) -> Result<Vec<T>, StoreError> {
        self.scan_within(key::before(kind), from, limit, read).await
    }

    /// The same of the entries whose keys begin with `prefix`.
    async fn scan_within<T: Send + 'static>(
        &self,
        prefix: Bytes,
        from: Bytes,
        limit: usize,
        read: impl Fn(&[u8], &[u8]) -> Result<T, StoreError> + Send + 'static,
    ) -> Result<Vec<T>, StoreError> {
        self.read(move |reader| {
            let (mut from, mut found) = (from.clone(), Vec::new());
            loop {
                let asked = limit - found.len();
                let entries = reader.kv.scan(&prefix, &from, asked)?;
                for (key, value) in &entries {
                    found.extend(reader.unreadable.skip(key, read(key, value))?);
                }
                match entries.last() {
                    Some((last, _)) if entries.len() == asked && found.len() < limit => {
                        from = just_after(last);
                    }
                    _ => return Ok(found),
                }
            }
        })
        .await
    }
}

/// For tests of what a map does, beneath all that a store does with it.
#[cfg(any(test, feature = "test-util"))]
impl<K: Beneath> KvStore<K> {
    pub(in crate::store) async fn entries(
        &self,
        prefix: &[u8],
        from: &[u8],
        limit: usize,
    ) -> Result<Vec<(Bytes, Bytes)>, StoreError> {
        let (prefix, from) = (prefix.to_vec(), from.to_vec());
        self.read(move |reader| reader.kv.scan(&prefix, &from, limit)).await
    }

    pub(in crate::store) async fn entries_back(
        &self,
        prefix: &[u8],
        below: &[u8],
        limit: usize,
    ) -> Result<Vec<(Bytes, Bytes)>, StoreError> {
        let (prefix, below) = (prefix.to_vec(), below.to_vec());
        self.read(move |reader| reader.kv.scan_back(&prefix, &below, limit)).await
    }

    pub(in crate::store) async fn write_entries(&self, groups: Vec<Vec<Write>>) -> Result<(), CommitError> {
        K::write(&self.shared, groups, false).await
    }
}

/// The smallest key after `last`, or a position before all keys of the kind.
fn from_after(kind: Kind, last: Option<Bytes>) -> Bytes {
    last.map_or_else(|| key::before(kind), |last| just_after(&last))
}

/// The smallest key after `last`.
fn just_after(last: &[u8]) -> Bytes {
    [last, &[0]].concat().into()
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicBool, Ordering};
    use std::sync::{Arc, Mutex};

    use super::{Bytes, Kind, KvStore, Shared, StoreError, key};
    use crate::domain::client::ClientChange;
    use crate::domain::id::{ClientId, MessageId, SignUpId, UserId};
    use crate::domain::policy::RetentionPolicy;
    use crate::domain::secret::Secret;
    use crate::domain::time::{Span, Timestamp};
    use crate::domain::user::User;
    use crate::store::kv::key_value::{KeyValue, Write};
    use crate::store::scan::ScanCursor;
    use crate::store::{ClientWrite, Commit, CommitError, Committed, Decision, Housekeeping, Memory, Store, UserWrite};

    /// A map that reports that it blocks, fails on demand and records the appends.
    #[derive(Debug, Default)]
    struct Odd {
        memory: Memory,
        fails_with: Mutex<Option<CommitError>>,
        damaged: AtomicBool,
        appended: Mutex<Vec<(usize, bool)>>,
        /// How many groups one append takes, and how many appends succeed; 0 means no limit.
        takes: (usize, usize),
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

        fn scan_back(&self, prefix: &[u8], below: &[u8], limit: usize) -> Result<Vec<(Bytes, Bytes)>, StoreError> {
            self.memory.scan_back(prefix, below, limit)
        }

        fn append(&self, groups: &[Vec<Write>], relaxed: bool) -> Result<(), CommitError> {
            let fails_with = self.fails_with.lock().expect("no panic").clone();
            let mut appended = self.appended.lock().expect("no panic");
            if self.takes.1 == 0 || appended.len() >= self.takes.1 {
                fails_with.map_or(Ok(()), Err)?;
            }
            appended.push((groups.len(), relaxed));
            self.memory.append(groups, relaxed)
        }

        fn fits(&self, groups: &[Vec<Write>]) -> usize {
            if self.takes.0 == 0 { groups.len() } else { self.takes.0 }
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
            decision: Decision {
                client: Some(crate::store::ClientWrite { id: ClientId::from_bytes([1; 16]), changes: vec![] }),
                ..Decision::default()
            },
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
    async fn a_start_never_uses_a_number_of_events_again() {
        let create = |n: u8| {
            let user = crate::domain::user::User::new(UserId::from_bytes([n; 16]), Timestamp::EPOCH);
            let users = vec![UserWrite::Create(Box::new(user))];
            Commit::of_decision(Timestamp::EPOCH, Decision { users, ..Decision::default() })
        };
        let store = KvStore::over(Odd::default());
        store.commit(vec![create(1)]).await;
        *store.key_value().fails_with.lock().expect("no panic") = Some(CommitError::Unknown);
        assert_eq!(errors(store.commit(vec![create(2)]).await), [Some(CommitError::Unknown)]);
        *store.key_value().fails_with.lock().expect("no panic") = None;
        store.commit(vec![create(3)]).await;
        let sequences = async |store: &KvStore<Memory>| {
            let page = store.events(None, 9).await.expect("a page");
            page.events.iter().map(|event| event.position.sequence()).collect::<Vec<_>>()
        };
        let Some(Shared { kv: Odd { memory, .. }, .. }) = Arc::into_inner(store.shared) else { panic!("one handle") };
        let again = KvStore::over(memory);
        assert_eq!(sequences(&again).await, [1 << 32, (1 << 32) + 2], "what may have been written keeps its number");
        again.commit(vec![create(4)]).await;
        assert_eq!(sequences(&again).await[2], 2 << 32, "a reader may have seen later ones that the disk has lost");
    }

    #[tokio::test]
    async fn a_batch_too_large_for_one_append_is_appended_in_parts() {
        let store = KvStore::over(Odd { takes: (2, 0), ..Odd::default() });
        let batch = ["a", "b", "c", "d", "e"].map(|name| value(name, false));
        let answers = store.commit(batch.into()).await;
        assert!(answers.iter().all(Result::is_ok));
        let appended = store.key_value().appended.lock().expect("no panic").clone();
        assert_eq!(appended, [(2, false), (2, false), (1, false)]);
        assert_eq!(store.value("e").await, Ok(Some(vec![1])));
    }

    #[tokio::test]
    async fn what_was_written_of_a_batch_stands_and_what_comes_after_does_not() {
        for (error, beside) in
            [(CommitError::Overloaded, CommitError::Overloaded), (CommitError::Unknown, CommitError::Unavailable)]
        {
            let store = KvStore::over(Odd { takes: (2, 1), ..Odd::default() });
            *store.key_value().fails_with.lock().expect("no panic") = Some(error.clone());
            let [a, b, c, d] = ["a", "b", "c", "d"].map(|name| value(name, false));
            let answers = errors(store.commit(vec![refused(), a, refused(), b, c, refused(), d]).await);
            assert!(answers[0].is_some() && answers[0] == answers[2], "{answers:?}");
            assert_ne!(answers[0], Some(beside.clone()));
            let failed = Some(error.clone());
            assert_eq!(answers[1], None);
            assert_eq!(answers[3..], [None, failed.clone(), Some(beside), failed]);
            assert_eq!((store.value("b").await, store.value("c").await), (Ok(Some(vec![1])), Ok(None)));
        }
    }

    #[tokio::test]
    async fn what_the_commits_of_a_part_write_together_is_written_once_and_with_them() {
        let create = |id: u8| {
            let user = User::new(UserId::from_bytes([id; 16]), Timestamp::from_millis(1));
            let decision = Decision { users: vec![UserWrite::Create(Box::new(user))], ..Decision::default() };
            Commit::of_decision(Timestamp::from_millis(u64::from(id)), decision)
        };
        for (takes, records, written) in [((0, 0), 1, 5), ((2, 0), 3, 5), ((2, 1), 1, 2), ((1, 2), 2, 2)] {
            let store = KvStore::over(Odd { takes, ..Odd::default() });
            if takes.1 > 0 {
                *store.key_value().fails_with.lock().expect("no panic") = Some(CommitError::Overloaded);
            }
            let answers = store.commit([1, 2, 3, 4, 5].map(create).into()).await;
            let told: Vec<_> = answers.into_iter().filter_map(Result::ok).map(|made| made.last_event).collect();
            assert_eq!(told.len(), written, "{takes:?}");
            let events = store.events(None, 10).await.expect("a log").events;
            assert_eq!(events.iter().map(|event| Some(event.position)).collect::<Vec<_>>(), told);
            let users = events.iter().map(|event| (event.name(), event.at.as_millis()));
            assert!(users.eq((1..).map(|at| ("user.created", at)).take(written)), "{events:?}");
            let kept = store.key_value().memory.scan(&[Kind::Event.byte()], &[], 9).expect("memory reads");
            assert_eq!((kept.len(), store.count_users().await), (records, Ok(written as u64)), "{takes:?}");
        }
    }

    #[tokio::test]
    async fn damage_is_neither_served_nor_decided_upon() {
        let store = KvStore::over(Odd::default());
        store.key_value().damaged.store(true, Ordering::Relaxed);
        let read = store.client(ClientId::from_bytes([1; 16])).await;
        assert!(matches!(read, Err(StoreError::Damaged(_))));
        let answers = store.commit(vec![refused()]).await;
        assert_eq!(errors(answers), [Some(CommitError::BadRecord)]);
    }

    #[tokio::test]
    async fn a_record_that_cannot_be_read_is_told_once_and_holds_up_nothing_else() {
        let store = KvStore::over(Memory::default());
        let (damaged, whole) = (SignUpId::from_bytes([1; 16]), SignUpId::from_bytes([2; 16]));
        let (early, late) = (Timestamp::from_millis(5), Timestamp::from_millis(1_000_000_000));
        let put = |key: Bytes| Write { key, value: Some(Bytes::from_static(b"neither this nor that")) };
        let listed = |id| Write { key: key::deadline(early, id), value: Some(Bytes::new()) };
        let (outbox, client) =
            (key::outbox(MessageId::from_bytes([1; 16])), key::client(ClientId::from_bytes([1; 16])));
        let writes = vec![put(key::sign_up(damaged)), put(client), put(outbox), listed(damaged), listed(whole)];
        store.key_value().append(&[writes], false).expect("memory takes all");
        for id in [[0; 16], [9; 16]] {
            let changes = vec![ClientChange::Open { salt: Secret::new(id) }];
            let open = ClientWrite { id: ClientId::from_bytes(id), changes };
            store
                .commit(vec![Commit::of_decision(early, Decision { client: Some(open), ..Decision::default() })])
                .await;
        }

        let keep = RetentionPolicy {
            client: Span::from_millis(1),
            finished: Span::from_millis(1),
            events: Span::from_millis(1),
            messages: Span::from_millis(1),
        };
        for round in 0..2 {
            let (mut place, mut stale) = (ScanCursor::default(), Vec::new());
            loop {
                let portion = store.scan_expired(place, keep, late, 1).await.expect("a portion");
                stale.extend(portion.stale);
                place = portion.next;
                if place == ScanCursor::default() {
                    break;
                }
            }
            assert_eq!(stale.len(), 2, "round {round}: the clients before and behind the damaged one");
        }
        assert_eq!(store.shared.unreadable.count(), 1 + 1, "a client and a message, once each");
        assert_eq!(store.outbox(None, 1).await, Ok(vec![]));

        assert_eq!(store.due(late, 10).await, Ok(vec![(early, damaged), (early, whole)]));
        let forget = Commit {
            at: late,
            housekeeping: Housekeeping { expire: vec![(early, damaged), (early, whole)], ..Housekeeping::default() },
            ..Commit::default()
        };
        assert_eq!(errors(store.commit(vec![forget]).await), [None]);
        assert_eq!(store.due(late, 10).await, Ok(vec![]));
        let next_day = Timestamp::from_millis(late.as_millis() + 86_400_000);
        let due = store.due(next_day, 10).await;
        assert_eq!(due, Ok(vec![(next_day, damaged)]), "it comes by again, and is still there");
    }

    #[tokio::test]
    async fn a_commit_too_large_to_store_fails_alone() {
        let store = KvStore::over(Memory::default());
        let large = Commit { values: vec![("large".into(), vec![1; 70_000])], ..Commit::default() };
        let answers = store.commit(vec![value("a", false), large, value("b", false)]).await;
        assert_eq!(errors(answers), [None, Some(CommitError::BadRecord), None]);
        assert_eq!(store.value("b").await, Ok(Some(vec![1])));
    }
}
