//! A store for tests, around another store: it fails, waits and panics on demand, records the calls that it gets, and can
//! run another call in the middle of a read.

mod calls;

use std::collections::VecDeque;
use std::future::Future;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::watch;

use crate::domain::id::SignUpId;

use super::store::BoxFuture;
use super::store::sealed::Sealed;
use super::{Commit, MemoryStore, Store, StoreError};

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
    /// The store answers only after this time, with what it had before.
    Late(Duration),
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
    /// [`Store::sign_in_token`] and [`Store::handshake`].
    SignInToken,
    /// [`Store::passkey_challenge`] and [`Store::passkey_holder`].
    Passkey,
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
    /// [`Store::message`], [`Store::messages`] and [`Store::message_of_provider`].
    Messages,
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
    /// Whether it says so of its clock and of this node's.
    are_clocks_apart: AtomicBool,
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
            are_clocks_apart: AtomicBool::new(false),
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

    /// Says of the clock of this node that it is apart from the store's, or that they agree.
    #[cfg(test)]
    pub(crate) fn set_clocks_apart(&self, are_apart: bool) {
        self.are_clocks_apart.store(are_apart, Ordering::SeqCst);
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
        let late = self.fail_read(kind)?;
        // Not the reads of sign-ups: actors make them too, and the other call may need the same actor, which would wait
        // for itself.
        let can_be_interrupted = matches!(kind, StoreRead::User | StoreRead::Client | StoreRead::Owner);
        if can_be_interrupted {
            self.interruption_point().await;
        }
        let found = read.await;
        if let Some(late) = late {
            tokio::time::sleep(late).await;
        }
        if can_be_interrupted {
            self.interruption_point().await;
        }
        found
    }

    /// How late the answer comes, if it does.
    fn fail_read(&self, kind: StoreRead) -> Result<Option<Duration>, StoreError> {
        let unavailable = || Err(StoreError::Unavailable(WANTED.into()));
        if self.is_cut_off.load(Ordering::SeqCst) {
            return unavailable();
        }
        let mut faults = lock(&self.read_faults);
        let planned = faults.iter().position(|(read, _)| *read == kind).map(|at| faults.remove(at));
        drop(faults);
        match planned {
            None => Ok(None),
            Some((_, ReadFault::Late(time))) => Ok(Some(time)),
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

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

const WANTED: &str = "a test wanted this";
