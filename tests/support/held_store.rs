//! An in-memory store that runs another call before or after one of its reads.

use std::future::Future;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use vestibule::domain::client::Client;
use vestibule::domain::id::{ClientId, InvitationId, MessageId, SignUpId, UserId, WaitlistEntryId};
use vestibule::domain::identifier::Identifier;
use vestibule::domain::invitation::Invitation;
use vestibule::domain::policy::RetentionPolicy;
use vestibule::domain::sign_up::SignUp;
use vestibule::domain::time::Timestamp;
use vestibule::domain::user::User;
use vestibule::domain::waitlist::WaitlistEntry;
use vestibule::store::{
    BoxFuture, Commit, CommitError, Committed, Health, MemoryStore, OutboxEntry, ScanCursor, ScanPage, Store,
    StoreError,
};

/// An in-memory store that runs another call before or after one of its reads, and counts commits.
#[derive(Default)]
pub(crate) struct HeldStore {
    inner: MemoryStore,
    hook: Mutex<Option<(usize, BoxFuture<'static, ()>)>>,
    pub(crate) commits: AtomicUsize,
}

impl HeldStore {
    pub(crate) fn arm(&self, moment: usize, other: impl Future<Output = ()> + Send + 'static) {
        *self.hook.lock().expect("a lock") = Some((moment, Box::pin(other)));
    }

    /// Removes the other call; true if it has not run.
    pub(crate) fn disarm(&self) -> bool {
        self.hook.lock().expect("a lock").take().is_some()
    }

    /// A point at which the other call may run.
    async fn pause(&self) {
        let due = {
            let mut hook = self.hook.lock().expect("a lock");
            match &mut *hook {
                Some((0, _)) => hook.take(),
                Some((left, _)) => {
                    *left -= 1;
                    None
                }
                None => None,
            }
        };
        if let Some((_, other)) = due {
            other.await;
        }
    }
}

impl Store for HeldStore {
    fn commit(&self, batch: Vec<Commit>) -> BoxFuture<'_, Vec<Result<Committed, CommitError>>> {
        self.commits.fetch_add(batch.len(), Ordering::SeqCst);
        self.inner.commit(batch)
    }

    fn sign_up(&self, id: SignUpId) -> BoxFuture<'_, Result<Option<SignUp>, StoreError>> {
        // No pause here: actors read this too, and the other call may need the same actor, which would block both.
        self.inner.sign_up(id)
    }

    fn user(&self, id: UserId) -> BoxFuture<'_, Result<Option<Arc<User>>, StoreError>> {
        Box::pin(async move {
            self.pause().await;
            let found = self.inner.user(id).await;
            self.pause().await;
            found
        })
    }

    fn client(&self, id: ClientId) -> BoxFuture<'_, Result<Option<Arc<Client>>, StoreError>> {
        Box::pin(async move {
            self.pause().await;
            let found = self.inner.client(id).await;
            self.pause().await;
            found
        })
    }

    fn owner<'a>(&'a self, identifier: &'a Identifier) -> BoxFuture<'a, Result<Option<UserId>, StoreError>> {
        Box::pin(async move {
            self.pause().await;
            let found = self.inner.owner(identifier).await;
            self.pause().await;
            found
        })
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
        self.inner.outbox(after, limit)
    }

    fn due(&self, now: Timestamp, limit: usize) -> BoxFuture<'_, Result<Vec<(Timestamp, SignUpId)>, StoreError>> {
        self.inner.due(now, limit)
    }

    fn scan_expired(
        &self,
        place: ScanCursor,
        keep: RetentionPolicy,
        now: Timestamp,
        limit: usize,
    ) -> BoxFuture<'_, Result<ScanPage, StoreError>> {
        self.inner.scan_expired(place, keep, now, limit)
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
