//! An in-memory store that fails, waits and panics on demand, and records what it is given.

use std::collections::VecDeque;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use tokio::sync::watch;

use crate::domain::client::Client;
use crate::domain::id::{ClientId, InvitationId, MessageId, SignUpId, UserId, WaitlistEntryId};
use crate::domain::identifier::Identifier;
use crate::domain::invitation::Invitation;
use crate::domain::policy::RetentionPolicy;
use crate::domain::sign_up::SignUp;
use crate::domain::time::Timestamp;
use crate::domain::user::User;
use crate::domain::waitlist::WaitlistEntry;
use crate::store::{
    BoxFuture, Commit, CommitError, Committed, Health, MemoryStore, OutboxEntry, ScanCursor, ScanPage, Store,
    StoreError,
};

/// How a batch fails.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Fault {
    /// Nothing of it is written, and the store reports the failure.
    Refuses,
    /// Nothing of it is written, and the store reports an unknown outcome.
    Forgets,
    /// All of it is written, and the store reports an unknown outcome.
    Hides,
    /// Nothing of it is written, and the store panics.
    Panics,
    /// All of it is written, and the store panics.
    WritesAndPanics,
}

/// How a read fails.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum BadRead {
    Unavailable,
    Panics,
}

/// An in-memory store that fails on demand.
pub(crate) struct FaultyStore {
    inner: Arc<dyn Store>,
    faults: Mutex<VecDeque<Option<Fault>>>,
    /// While it is true every commit waits.
    is_held: watch::Sender<bool>,
    batches: Mutex<Vec<Vec<Commit>>>,
    damaged: Mutex<Vec<SignUpId>>,
    bad_reads: Mutex<VecDeque<BadRead>>,
    loads: AtomicUsize,
    is_cut_off: AtomicBool,
}

impl FaultyStore {
    pub(crate) fn new() -> Self {
        Self::over(Arc::new(MemoryStore::new()))
    }

    /// A faulty store over another store.
    pub(crate) fn over(inner: Arc<dyn Store>) -> Self {
        Self {
            inner,
            faults: Mutex::default(),
            is_held: watch::Sender::new(false),
            batches: Mutex::default(),
            damaged: Mutex::default(),
            bad_reads: Mutex::default(),
            loads: AtomicUsize::new(0),
            is_cut_off: AtomicBool::new(false),
        }
    }

    /// Makes the next batches fail like this, in order.
    pub(crate) fn fail(&self, faults: impl IntoIterator<Item = Fault>) {
        self.plan(faults.into_iter().map(Some));
    }

    /// Makes the next batches fail like this, or succeed for `None`, in order.
    pub(crate) fn plan(&self, faults: impl IntoIterator<Item = Option<Fault>>) {
        self.faults.lock().expect("no panic").extend(faults);
    }

    /// Lets all further batches succeed.
    pub(crate) fn heal(&self) {
        self.faults.lock().expect("no panic").clear();
    }

    /// Makes every commit wait until [`Self::release`].
    pub(crate) fn hold(&self) {
        self.is_held.send_replace(true);
    }

    /// Lets the commits continue.
    pub(crate) fn release(&self) {
        self.is_held.send_replace(false);
    }

    /// Makes this sign-up's record unreadable.
    pub(crate) fn damage(&self, id: SignUpId) {
        self.damaged.lock().expect("no panic").push(id);
    }

    /// Makes all records readable again.
    pub(crate) fn repair(&self) {
        self.damaged.lock().expect("no panic").clear();
    }

    /// Makes the next lists fail like this, in order: of the outbox, of deadlines, of the scan.
    pub(crate) fn read_badly(&self, reads: impl IntoIterator<Item = BadRead>) {
        self.bad_reads.lock().expect("no panic").extend(reads);
    }

    /// How often a sign-up was loaded.
    pub(crate) fn loads(&self) -> usize {
        self.loads.load(Ordering::SeqCst)
    }

    /// For each batch, how many of its commits satisfy `is_counted`. Batches with none are left out: the time and
    /// probes are stored in addition to what a test does.
    pub(crate) fn batches(&self, is_counted: impl Fn(&Commit) -> bool) -> Vec<usize> {
        let batches = self.batches.lock().expect("no panic");
        let counts = batches.iter().map(|batch| batch.iter().filter(|commit| is_counted(commit)).count());
        counts.filter(|count| *count > 0).collect()
    }

    /// Ends access for a run that has ended.
    pub(crate) fn cut_off(&self) {
        self.is_cut_off.store(true, Ordering::SeqCst);
    }

    /// The store as the next run finds it.
    pub(crate) fn after_a_crash(&self) -> Self {
        Self::over(self.inner.clone())
    }

    fn bad_read(&self) -> Result<(), StoreError> {
        let gone = || Err(StoreError::Unavailable("a test wanted this".into()));
        if self.is_cut_off.load(Ordering::SeqCst) {
            return gone();
        }
        let bad = self.bad_reads.lock().expect("no panic").pop_front();
        match bad {
            None => Ok(()),
            Some(BadRead::Unavailable) => gone(),
            Some(BadRead::Panics) => panic!("a test wanted this panic"),
        }
    }
}

impl Store for FaultyStore {
    fn commit(&self, batch: Vec<Commit>) -> BoxFuture<'_, Vec<Result<Committed, CommitError>>> {
        Box::pin(async move {
            self.batches.lock().expect("no panic").push(batch.clone());
            let mut held = self.is_held.subscribe();
            held.wait_for(|held| !held).await.expect("the sender is here");
            let fault = self.faults.lock().expect("no panic").pop_front().flatten();
            let fault = if self.is_cut_off.load(Ordering::SeqCst) { Some(Fault::Refuses) } else { fault };
            let error = match fault {
                None => return self.inner.commit(batch).await,
                Some(Fault::Refuses) => CommitError::Unavailable,
                Some(Fault::Forgets) => CommitError::Unknown,
                Some(Fault::Hides) => {
                    self.inner.commit(batch.clone()).await;
                    CommitError::Unknown
                }
                Some(Fault::Panics) => panic!("a test wanted this panic"),
                Some(Fault::WritesAndPanics) => {
                    self.inner.commit(batch).await;
                    panic!("a test wanted this panic")
                }
            };
            batch.iter().map(|_| Err(error.clone())).collect()
        })
    }

    fn sign_up(&self, id: SignUpId) -> BoxFuture<'_, Result<Option<SignUp>, StoreError>> {
        self.loads.fetch_add(1, Ordering::SeqCst);
        if self.damaged.lock().expect("no panic").contains(&id) {
            return Box::pin(std::future::ready(Err(StoreError::Damaged("a test wanted this".into()))));
        }
        self.inner.sign_up(id)
    }

    fn user(&self, id: UserId) -> BoxFuture<'_, Result<Option<Arc<User>>, StoreError>> {
        self.inner.user(id)
    }

    fn client(&self, id: ClientId) -> BoxFuture<'_, Result<Option<Arc<Client>>, StoreError>> {
        self.inner.client(id)
    }

    fn owner<'a>(&'a self, identifier: &'a Identifier) -> BoxFuture<'a, Result<Option<UserId>, StoreError>> {
        self.inner.owner(identifier)
    }

    fn invitation(&self, id: InvitationId) -> BoxFuture<'_, Result<Option<Invitation>, StoreError>> {
        self.inner.invitation(id)
    }

    fn invitations(
        &self,
        after: Option<InvitationId>,
        limit: usize,
    ) -> BoxFuture<'_, Result<Vec<Invitation>, StoreError>> {
        self.inner.invitations(after, limit)
    }

    fn waitlist_entry(&self, id: WaitlistEntryId) -> BoxFuture<'_, Result<Option<WaitlistEntry>, StoreError>> {
        self.inner.waitlist_entry(id)
    }

    fn waitlist(
        &self,
        after: Option<WaitlistEntryId>,
        limit: usize,
    ) -> BoxFuture<'_, Result<Vec<WaitlistEntry>, StoreError>> {
        self.inner.waitlist(after, limit)
    }

    fn outbox(&self, after: Option<MessageId>, limit: usize) -> BoxFuture<'_, Result<Vec<OutboxEntry>, StoreError>> {
        Box::pin(async move {
            self.bad_read()?;
            self.inner.outbox(after, limit).await
        })
    }

    fn due(&self, now: Timestamp, limit: usize) -> BoxFuture<'_, Result<Vec<(Timestamp, SignUpId)>, StoreError>> {
        Box::pin(async move {
            self.bad_read()?;
            self.inner.due(now, limit).await
        })
    }

    fn scan_expired(
        &self,
        place: ScanCursor,
        keep: RetentionPolicy,
        now: Timestamp,
        limit: usize,
    ) -> BoxFuture<'_, Result<ScanPage, StoreError>> {
        Box::pin(async move {
            self.bad_read()?;
            self.inner.scan_expired(place, keep, now, limit).await
        })
    }

    fn value<'a>(&'a self, name: &'a str) -> BoxFuture<'a, Result<Option<Vec<u8>>, StoreError>> {
        self.inner.value(name)
    }

    fn health(&self) -> Health {
        self.inner.health()
    }

    fn close(&self) -> BoxFuture<'_, ()> {
        self.inner.close()
    }
}
