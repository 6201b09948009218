//! A store for tests, around another store: it fails, waits and panics on demand, records the calls that it gets, and can
//! run another call in the middle of a read.

use std::collections::VecDeque;
use std::future::Future;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::watch;

use crate::domain::application_value::{ApplicationValue, ValueKey};
use crate::domain::client::Client;
use crate::domain::client::session::Session;
use crate::domain::event::Position;
use crate::domain::id::{
    ClientId, IdentificationId, InvitationId, ListedIdentifierId, MessageId, RedirectUrlId, SessionId, SignInTokenId,
    SignUpId, UserId, WaitlistEntryId, WebhookEndpointId,
};
use crate::domain::identifier::Identifier;
use crate::domain::invitation::Invitation;
use crate::domain::listed::{List, ListedIdentifier, ListedRedirect};
use crate::domain::policy::RetentionPolicy;
use crate::domain::sign_in::Failures;
use crate::domain::sign_in_token::SignInToken;
use crate::domain::sign_up::SignUp;
use crate::domain::time::Timestamp;
use crate::domain::user::{AddressVerification, User};
use crate::domain::waitlist::WaitlistEntry;
use crate::domain::webhook::{Retry, WebhookEndpoint};

use super::scan::{EventPage, NamedValue, ScanCursor, ScanPage, UserList};
use super::store::BoxFuture;
use super::store::sealed::Sealed;
use super::{Commit, CommitError, Committed, Health, MemoryStore, OutboxEntry, Store, StoreError};

/// How a batch of commits fails.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fault {
    /// Nothing of it is written, and the store says so.
    Refused,
    /// Nothing of it is written, and the store says that it does not know.
    UnknownNotWritten,
    /// All of it is written, and the store says that it does not know.
    UnknownWritten,
    /// Nothing of it is written, and the store panics.
    PanicNotWritten,
    /// All of it is written, and the store panics.
    PanicWritten,
}

/// How a read fails.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ReadFault {
    /// The store says that it can't read now.
    Unavailable,
    /// The store panics.
    Panic,
}

/// A read of a store, by the name of the method of [`Store`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum StoreRead {
    /// [`Store::sign_up`].
    SignUp,
    /// [`Store::user`] and [`Store::failures`].
    User,
    /// [`Store::users`] and [`Store::user_places`].
    Users,
    /// [`Store::count_users`].
    CountUsers,
    /// [`Store::session`] and [`Store::sessions_of`].
    Session,
    /// [`Store::client`] and [`Store::client_ids`].
    Client,
    /// [`Store::owner`], [`Store::holder_of_address`], [`Store::holder_of_mailbox`] and [`Store::address_verification`].
    Owner,
    /// [`Store::sign_in_token`].
    SignInToken,
    /// [`Store::invitation`].
    Invitation,
    /// [`Store::invitations`].
    Invitations,
    /// [`Store::waitlist_entry`].
    WaitlistEntry,
    /// [`Store::waitlist`].
    Waitlist,
    /// [`Store::webhook_endpoint`] and [`Store::webhook_endpoints`].
    WebhookEndpoints,
    /// [`Store::webhook_retries`].
    WebhookRetries,
    /// [`Store::listed_identifier`] and [`Store::listed`].
    Listed,
    /// [`Store::redirect_url`] and [`Store::redirect_urls`].
    RedirectUrls,
    /// [`Store::outbox`].
    Outbox,
    /// [`Store::events`] and [`Store::last_event`].
    Events,
    /// [`Store::due`].
    Due,
    /// [`Store::scan_expired`].
    ScanExpired,
    /// [`Store::awaiting_approval`].
    AwaitingApproval,
    /// [`Store::application_value`] and [`Store::application_values`].
    ApplicationValue,
    /// [`Store::value`] and [`Store::values`].
    Value,
}

/// A call that a store got.
#[derive(Clone, Debug)]
pub enum StoreCall {
    /// A batch of commits.
    Commit(Vec<Commit>),
    /// A read.
    Read(StoreRead),
}

/// A store around another one that fails on demand. As long as a test demands nothing, it does what the other one does.
///
/// ```
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// use std::sync::Arc;
/// use vestibule::testing::{Fault, FaultyStore};
/// use vestibule::{Caller, Engine, EngineError, NewSignUp, RequestContext};
///
/// let store = Arc::new(FaultyStore::new());
/// let settings = vestibule::settings::sample_settings("email_code")?;
/// let engine = Engine::builder().settings(settings).store(store.clone()).build().await?;
///
/// let fields = NewSignUp { email_address: Some("ada@example.com".into()), ..NewSignUp::default() };
/// let (caller, context) = (Caller::anonymous(), RequestContext::default());
/// store.fail([Fault::Refused]);
/// let refused = engine.sign_ups().create(&caller, &fields, &context).await;
/// assert!(matches!(refused, Err(EngineError::Unavailable(_))), "the application shows that it can't be reached now");
/// engine.sign_ups().create(&caller, &fields, &context).await?; // the next one is written
/// # engine.shutdown().await;
/// # Ok(())
/// # }
/// ```
pub struct FaultyStore {
    inner: Arc<dyn Store>,
    faults: Mutex<VecDeque<Option<Fault>>>,
    read_faults: Mutex<Vec<(StoreRead, ReadFault)>>,
    damaged: Mutex<Vec<SignUpId>>,
    /// While it is true every commit waits.
    is_held: watch::Sender<bool>,
    calls: Mutex<Vec<StoreCall>>,
    /// What runs in the middle of a read, and how many points at which it could run come first.
    interruption: Mutex<Option<(usize, BoxFuture<'static, ()>)>>,
    is_cut_off: AtomicBool,
}

impl FaultyStore {
    /// Around an empty store in memory.
    pub fn new() -> Self {
        Self::over(Arc::new(MemoryStore::new()))
    }

    /// Around another store.
    pub fn over(inner: Arc<dyn Store>) -> Self {
        Self {
            inner,
            faults: Mutex::default(),
            read_faults: Mutex::default(),
            damaged: Mutex::default(),
            is_held: watch::Sender::new(false),
            calls: Mutex::default(),
            interruption: Mutex::default(),
            is_cut_off: AtomicBool::new(false),
        }
    }

    /// Makes the next batches of commits fail like this, in order, after those that were planned before; `None` is a
    /// batch that succeeds. A batch holds the commits that waited while the one before it was written. The engine also
    /// commits on its own, for example when it has sent a message.
    pub fn fail<F: Into<Option<Fault>>>(&self, faults: impl IntoIterator<Item = F>) {
        lock(&self.faults).extend(faults.into_iter().map(Into::into));
    }

    /// Lets all further batches succeed.
    pub fn heal(&self) {
        lock(&self.faults).clear();
    }

    /// Makes every commit wait until [`release`](Self::release).
    pub fn hold(&self) {
        self.is_held.send_replace(true);
    }

    /// Lets the commits continue.
    pub fn release(&self) {
        self.is_held.send_replace(false);
    }

    /// Makes the next `count` reads of this kind fail.
    pub fn fail_reads(&self, read: StoreRead, fault: ReadFault, count: usize) {
        lock(&self.read_faults).extend(std::iter::repeat_n((read, fault), count));
    }

    /// Makes the record of a sign-up unreadable, as if its bytes were damaged.
    pub fn damage(&self, id: SignUpId) {
        lock(&self.damaged).push(id);
    }

    /// Makes all records readable again.
    pub fn repair(&self) {
        lock(&self.damaged).clear();
    }

    /// Runs `other` in the middle of a later read, which continues after it: a test of what happens if two calls overlap.
    /// Reads of a user, of a client and of the owner of an identifier have two points each at which it may run, before and
    /// after the read; `points` of them are passed first.
    pub fn interrupt(&self, points: usize, other: impl Future<Output = ()> + Send + 'static) {
        *lock(&self.interruption) = Some((points, Box::pin(other)));
    }

    /// Removes what [`interrupt`](Self::interrupt) was given; true if it has not run.
    pub fn cancel_interruption(&self) -> bool {
        lock(&self.interruption).take().is_some()
    }

    /// Ends all access, as for a process that was killed: every further call fails and nothing more is written.
    pub fn cut_off(&self) {
        self.is_cut_off.store(true, Ordering::SeqCst);
    }

    /// The same data for the next engine, without faults.
    #[must_use]
    pub fn reopened(&self) -> Self {
        Self::over(self.inner.clone())
    }

    /// All calls since the last time that this was asked, in order.
    pub fn take_calls(&self) -> Vec<StoreCall> {
        std::mem::take(&mut lock(&self.calls))
    }

    /// How many commits it got.
    pub fn commits(&self) -> usize {
        self.batches(|_| true).iter().sum()
    }

    /// For each batch, how many of its commits satisfy `is_counted`. Batches with none are left out: the time and probes
    /// are stored in addition to what a test does.
    pub fn batches(&self, is_counted: impl Fn(&Commit) -> bool) -> Vec<usize> {
        let calls = lock(&self.calls);
        let counts = calls.iter().filter_map(|call| match call {
            StoreCall::Commit(batch) => Some(batch.iter().filter(|commit| is_counted(commit)).count()),
            StoreCall::Read(_) => None,
        });
        counts.filter(|count| *count > 0).collect()
    }

    /// How many reads of this kind it got.
    pub fn reads(&self, kind: StoreRead) -> usize {
        let calls = lock(&self.calls);
        calls.iter().filter(|call| matches!(call, StoreCall::Read(read) if *read == kind)).count()
    }

    /// Makes a read, which fails if a test wants it to.
    async fn read<T>(
        &self,
        kind: StoreRead,
        read: impl Future<Output = Result<T, StoreError>>,
    ) -> Result<T, StoreError> {
        lock(&self.calls).push(StoreCall::Read(kind));
        self.fail_read(kind)?;
        // Not the reads of sign-ups: actors make them too, and the other call may need the same actor, which would wait
        // for itself.
        let can_be_interrupted = matches!(kind, StoreRead::User | StoreRead::Client | StoreRead::Owner);
        if can_be_interrupted {
            self.interruption_point().await;
        }
        let found = read.await;
        if can_be_interrupted {
            self.interruption_point().await;
        }
        found
    }

    fn fail_read(&self, kind: StoreRead) -> Result<(), StoreError> {
        let unavailable = || Err(StoreError::Unavailable(WANTED.into()));
        if self.is_cut_off.load(Ordering::SeqCst) {
            return unavailable();
        }
        let mut faults = lock(&self.read_faults);
        let planned = faults.iter().position(|(read, _)| *read == kind).map(|at| faults.remove(at));
        drop(faults);
        match planned {
            None => Ok(()),
            Some((_, ReadFault::Unavailable)) => unavailable(),
            Some((_, ReadFault::Panic)) => panic!("{WANTED}"),
        }
    }

    /// A point at which the other call may run.
    async fn interruption_point(&self) {
        let due = {
            let mut interruption = lock(&self.interruption);
            match &mut *interruption {
                Some((0, _)) => interruption.take(),
                Some((points, _)) => {
                    *points -= 1;
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

impl Default for FaultyStore {
    fn default() -> Self {
        Self::new()
    }
}

impl Sealed for FaultyStore {}

impl Store for FaultyStore {
    fn commit(&self, batch: Vec<Commit>) -> BoxFuture<'_, Vec<Result<Committed, CommitError>>> {
        Box::pin(async move {
            lock(&self.calls).push(StoreCall::Commit(batch.clone()));
            // It fails only if the sender is gone, which is here.
            drop(self.is_held.subscribe().wait_for(|is_held| !is_held).await);
            let fault = lock(&self.faults).pop_front().flatten();
            let fault = if self.is_cut_off.load(Ordering::SeqCst) { Some(Fault::Refused) } else { fault };
            let count = batch.len();
            let error = match fault {
                None => return self.inner.commit(batch).await,
                Some(Fault::Refused) => CommitError::Unavailable,
                Some(Fault::UnknownNotWritten) => CommitError::Unknown,
                Some(Fault::UnknownWritten) => {
                    self.inner.commit(batch).await;
                    CommitError::Unknown
                }
                Some(Fault::PanicNotWritten) => panic!("{WANTED}"),
                Some(Fault::PanicWritten) => {
                    self.inner.commit(batch).await;
                    panic!("{WANTED}")
                }
            };
            std::iter::repeat_n(Err(error), count).collect()
        })
    }

    fn upgrade(&self) -> BoxFuture<'_, Result<(), StoreError>> {
        self.inner.upgrade()
    }

    fn sign_up(&self, id: SignUpId) -> BoxFuture<'_, Result<Option<SignUp>, StoreError>> {
        Box::pin(self.read(StoreRead::SignUp, async move {
            if lock(&self.damaged).contains(&id) {
                return Err(StoreError::Damaged(WANTED.into()));
            }
            self.inner.sign_up(id).await
        }))
    }

    fn user(&self, id: UserId) -> BoxFuture<'_, Result<Option<Arc<User>>, StoreError>> {
        Box::pin(self.read(StoreRead::User, self.inner.user(id)))
    }

    fn users(&self, list: UserList, limit: usize) -> BoxFuture<'_, Result<Vec<Arc<User>>, StoreError>> {
        Box::pin(self.read(StoreRead::Users, self.inner.users(list, limit)))
    }

    fn user_places(&self, list: UserList, limit: usize) -> BoxFuture<'_, Result<Vec<(Timestamp, UserId)>, StoreError>> {
        Box::pin(self.read(StoreRead::Users, self.inner.user_places(list, limit)))
    }

    fn count_users(&self) -> BoxFuture<'_, Result<u64, StoreError>> {
        Box::pin(self.read(StoreRead::CountUsers, self.inner.count_users()))
    }

    fn session(&self, id: SessionId) -> BoxFuture<'_, Result<Option<Session>, StoreError>> {
        Box::pin(self.read(StoreRead::Session, self.inner.session(id)))
    }

    fn sessions_of(
        &self,
        user: UserId,
        after: Option<SessionId>,
        limit: usize,
    ) -> BoxFuture<'_, Result<Vec<Session>, StoreError>> {
        Box::pin(self.read(StoreRead::Session, self.inner.sessions_of(user, after, limit)))
    }

    fn client(&self, id: ClientId) -> BoxFuture<'_, Result<Option<Arc<Client>>, StoreError>> {
        Box::pin(self.read(StoreRead::Client, self.inner.client(id)))
    }

    fn client_ids(&self, after: Option<ClientId>, limit: usize) -> BoxFuture<'_, Result<Vec<ClientId>, StoreError>> {
        Box::pin(self.read(StoreRead::Client, self.inner.client_ids(after, limit)))
    }

    fn owner<'a>(&'a self, identifier: &'a Identifier) -> BoxFuture<'a, Result<Option<UserId>, StoreError>> {
        Box::pin(self.read(StoreRead::Owner, self.inner.owner(identifier)))
    }

    fn holder_of_address(&self, id: IdentificationId) -> BoxFuture<'_, Result<Option<UserId>, StoreError>> {
        Box::pin(self.read(StoreRead::Owner, self.inner.holder_of_address(id)))
    }

    fn holder_of_mailbox<'a>(&'a self, mailbox: &'a str) -> BoxFuture<'a, Result<Option<UserId>, StoreError>> {
        Box::pin(self.read(StoreRead::Owner, self.inner.holder_of_mailbox(mailbox)))
    }

    fn address_verification(
        &self,
        id: IdentificationId,
    ) -> BoxFuture<'_, Result<Option<AddressVerification>, StoreError>> {
        Box::pin(self.read(StoreRead::Owner, self.inner.address_verification(id)))
    }

    fn failures(&self, user: UserId) -> BoxFuture<'_, Result<Option<Failures>, StoreError>> {
        Box::pin(self.read(StoreRead::User, self.inner.failures(user)))
    }

    fn sign_in_token(&self, id: SignInTokenId) -> BoxFuture<'_, Result<Option<SignInToken>, StoreError>> {
        Box::pin(self.read(StoreRead::SignInToken, self.inner.sign_in_token(id)))
    }

    fn invitation(&self, id: InvitationId) -> BoxFuture<'_, Result<Option<Invitation>, StoreError>> {
        Box::pin(self.read(StoreRead::Invitation, self.inner.invitation(id)))
    }

    fn invitations(
        &self,
        after: Option<InvitationId>,
        limit: usize,
    ) -> BoxFuture<'_, Result<Vec<Invitation>, StoreError>> {
        Box::pin(self.read(StoreRead::Invitations, self.inner.invitations(after, limit)))
    }

    fn waitlist_entry(&self, id: WaitlistEntryId) -> BoxFuture<'_, Result<Option<WaitlistEntry>, StoreError>> {
        Box::pin(self.read(StoreRead::WaitlistEntry, self.inner.waitlist_entry(id)))
    }

    fn waitlist(
        &self,
        after: Option<WaitlistEntryId>,
        limit: usize,
    ) -> BoxFuture<'_, Result<Vec<WaitlistEntry>, StoreError>> {
        Box::pin(self.read(StoreRead::Waitlist, self.inner.waitlist(after, limit)))
    }

    fn webhook_endpoint(&self, id: WebhookEndpointId) -> BoxFuture<'_, Result<Option<WebhookEndpoint>, StoreError>> {
        Box::pin(self.read(StoreRead::WebhookEndpoints, self.inner.webhook_endpoint(id)))
    }

    fn webhook_endpoints(
        &self,
        after: Option<WebhookEndpointId>,
        limit: usize,
    ) -> BoxFuture<'_, Result<Vec<WebhookEndpoint>, StoreError>> {
        Box::pin(self.read(StoreRead::WebhookEndpoints, self.inner.webhook_endpoints(after, limit)))
    }

    fn webhook_retries(&self, of: WebhookEndpointId, limit: usize) -> BoxFuture<'_, Result<Vec<Retry>, StoreError>> {
        Box::pin(self.read(StoreRead::WebhookRetries, self.inner.webhook_retries(of, limit)))
    }

    fn listed_identifier(
        &self,
        list: List,
        id: ListedIdentifierId,
    ) -> BoxFuture<'_, Result<Option<ListedIdentifier>, StoreError>> {
        Box::pin(self.read(StoreRead::Listed, self.inner.listed_identifier(list, id)))
    }

    fn listed(
        &self,
        list: List,
        after: Option<ListedIdentifierId>,
        limit: usize,
    ) -> BoxFuture<'_, Result<Vec<ListedIdentifier>, StoreError>> {
        Box::pin(self.read(StoreRead::Listed, self.inner.listed(list, after, limit)))
    }

    fn redirect_url(&self, id: RedirectUrlId) -> BoxFuture<'_, Result<Option<ListedRedirect>, StoreError>> {
        Box::pin(self.read(StoreRead::RedirectUrls, self.inner.redirect_url(id)))
    }

    fn redirect_urls(
        &self,
        after: Option<RedirectUrlId>,
        limit: usize,
    ) -> BoxFuture<'_, Result<Vec<ListedRedirect>, StoreError>> {
        Box::pin(self.read(StoreRead::RedirectUrls, self.inner.redirect_urls(after, limit)))
    }

    fn outbox(&self, after: Option<MessageId>, limit: usize) -> BoxFuture<'_, Result<Vec<OutboxEntry>, StoreError>> {
        Box::pin(self.read(StoreRead::Outbox, self.inner.outbox(after, limit)))
    }

    fn events(&self, after: Option<Position>, limit: usize) -> BoxFuture<'_, Result<EventPage, StoreError>> {
        Box::pin(self.read(StoreRead::Events, self.inner.events(after, limit)))
    }

    fn last_event(&self) -> BoxFuture<'_, Result<Option<Position>, StoreError>> {
        Box::pin(self.read(StoreRead::Events, self.inner.last_event()))
    }

    fn due(&self, now: Timestamp, limit: usize) -> BoxFuture<'_, Result<Vec<(Timestamp, SignUpId)>, StoreError>> {
        Box::pin(self.read(StoreRead::Due, self.inner.due(now, limit)))
    }

    fn scan_expired(
        &self,
        place: ScanCursor,
        keep: RetentionPolicy,
        now: Timestamp,
        limit: usize,
    ) -> BoxFuture<'_, Result<ScanPage, StoreError>> {
        Box::pin(self.read(StoreRead::ScanExpired, self.inner.scan_expired(place, keep, now, limit)))
    }

    fn awaiting_approval(
        &self,
        after: Option<SignUpId>,
        limit: usize,
    ) -> BoxFuture<'_, Result<Vec<SignUp>, StoreError>> {
        Box::pin(self.read(StoreRead::AwaitingApproval, self.inner.awaiting_approval(after, limit)))
    }

    fn application_value<'a>(
        &'a self,
        key: &'a ValueKey,
    ) -> BoxFuture<'a, Result<Option<ApplicationValue>, StoreError>> {
        Box::pin(self.read(StoreRead::ApplicationValue, self.inner.application_value(key)))
    }

    fn application_values<'a>(
        &'a self,
        namespace: &'a str,
        prefix: &'a str,
        after: Option<&'a ValueKey>,
        limit: usize,
    ) -> BoxFuture<'a, Result<Vec<ApplicationValue>, StoreError>> {
        let read = self.inner.application_values(namespace, prefix, after, limit);
        Box::pin(self.read(StoreRead::ApplicationValue, read))
    }

    fn value<'a>(&'a self, name: &'a str) -> BoxFuture<'a, Result<Option<Vec<u8>>, StoreError>> {
        Box::pin(self.read(StoreRead::Value, self.inner.value(name)))
    }

    fn values<'a>(&'a self, prefix: &'a str, limit: usize) -> BoxFuture<'a, Result<Vec<NamedValue>, StoreError>> {
        Box::pin(self.read(StoreRead::Value, self.inner.values(prefix, limit)))
    }

    fn health(&self) -> Health {
        self.inner.health()
    }

    fn close(&self) -> BoxFuture<'_, ()> {
        self.inner.close()
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

const WANTED: &str = "a test wanted this";
