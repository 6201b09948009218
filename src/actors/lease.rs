//! Work that one node at a time does for all nodes of a store: whoever holds its lease does it.
//!
//! A lease is a named value, which the holder changes every few seconds. Another node takes it over once it has seen the same
//! value for the whole time of a lease. Both measure that time with their own monotonic clocks, the holder from before its
//! commit on and the other node from after it: so no clocks of nodes are compared, and the holder stops first. A holder that
//! was paused in the middle of its work may do the last of it beside the next one. So leases spare double work, and no
//! rule rests on them. A node whose clock is apart from the store's holds none: it would end too early, or too late, what others
//! have begun.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use tokio::sync::watch;
use tokio::task::AbortHandle;
use tokio::time::{Instant, timeout};

use crate::entropy::unique_bytes;
use crate::store::{Commit, CommitError, Decision, LEASE, NamedValueWrite};

use super::context::ActorContext;
use super::last_seen::is_apart;
use super::persister::Persister;

/// This node's part in a lease. It tries to hold it until it is dropped.
#[derive(Clone)]
pub(crate) struct Lease {
    held: watch::Receiver<Held>,
    /// `None` where no other node can hold it.
    keeper: Option<Arc<Keeper>>,
}

/// Until when this node holds a lease.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Held {
    Always,
    Until(Instant),
    Never,
}

struct Keeper {
    task: AbortHandle,
    shared: Arc<Shared>,
}

struct Shared {
    context: Arc<ActorContext>,
    persister: Persister,
    name: String,
    held: watch::Sender<Held>,
    /// Whether this node is to leave the lease to others for a while.
    rests: AtomicBool,
    /// How this node names itself in the value.
    node: [u8; 16],
    /// The value by which this node holds it. Locked while it is being changed.
    kept: tokio::sync::Mutex<Option<Vec<u8>>>,
}

/// The value of a lease: who holds it, and how often it was changed. Frozen: another shape needs another name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct LeaseValue {
    holder: [u8; 16],
    number: u64,
}

impl Lease {
    /// Begins to try to hold the lease of this name.
    pub(super) fn keep(name: &str, context: &Arc<ActorContext>, persister: &Persister) -> Self {
        if !context.store.is_shared() {
            return Self { held: watch::channel(Held::Always).1, keeper: None };
        }
        let (held, receiver) = watch::channel(Held::Never);
        let name = format!("{LEASE}{name}");
        let (context, persister) = (context.clone(), persister.clone());
        let (node, kept) = (unique_bytes(), tokio::sync::Mutex::default());
        let shared = Arc::new(Shared { context, persister, name, held, rests: AtomicBool::new(false), node, kept });
        let task = tokio::spawn(keep(shared.clone())).abort_handle();
        Self { held: receiver, keeper: Some(Arc::new(Keeper { task, shared })) }
    }

    /// Whether this node holds it now.
    pub(crate) fn is_held(&self) -> bool {
        self.held.borrow().is_now()
    }

    /// Whether other nodes may hold it.
    pub(crate) const fn is_shared(&self) -> bool {
        self.keeper.is_some()
    }

    /// Returns once this node holds it.
    pub(crate) async fn held(&self) {
        let mut held = self.held.clone();
        if held.wait_for(Held::is_now).await.is_err() {
            // It was given back for good.
            std::future::pending::<()>().await;
        }
    }

    /// Returns once this node does not hold it any more.
    pub(crate) async fn lost(&self) {
        let mut held = self.held.clone();
        loop {
            let now = *held.borrow_and_update();
            match now {
                Held::Always => std::future::pending::<()>().await,
                Held::Until(end) if Instant::now() < end => {
                    tokio::select! {
                        () = tokio::time::sleep_until(end) => {}
                        changed = held.changed() => if changed.is_err() { return },
                    }
                }
                Held::Until(_) | Held::Never => return,
            }
        }
    }

    /// Gives it back, so that another node has it at once, and tries no more to hold it. Where the store does not answer soon, it
    /// ends by itself.
    pub(crate) async fn give_back(&self) {
        let Some(keeper) = &self.keeper else { return };
        keeper.task.abort();
        drop(timeout(GIVEN_BACK_WITHIN, keeper.shared.give_back()).await);
    }

    /// Gives it back because this node can't do the work at present, and does not try to hold it for a while.
    pub(crate) async fn pass_on(&self) {
        let Some(keeper) = &self.keeper else { return };
        keeper.shared.rests.store(true, Ordering::Relaxed);
        keeper.shared.give_back().await;
    }
}

impl Drop for Keeper {
    fn drop(&mut self) {
        self.task.abort();
    }
}

impl Held {
    fn is_now(&self) -> bool {
        match self {
            Self::Always => true,
            Self::Until(end) => Instant::now() < *end,
            Self::Never => false,
        }
    }
}

/// Holds a lease whenever it can be had.
async fn keep(shared: Arc<Shared>) {
    let lasts = shared.context.options.lease;
    // What another node has written, and since when it is known.
    let mut seen: Option<(Vec<u8>, Instant)> = None;
    loop {
        if shared.rests.swap(false, Ordering::Relaxed) {
            tokio::time::sleep(lasts * RESTS).await;
        }
        if is_apart(&*shared.context.store) {
            shared.give_back().await;
            tokio::time::sleep(lasts / ROUNDS).await;
            continue;
        }
        let begun = Instant::now();
        let mut kept = shared.kept.lock().await;
        match shared.context.store.value(&shared.name).await {
            Ok(stored) => {
                if shared.is_free(stored.as_deref(), &mut seen, Instant::now()) {
                    let next = LeaseValue::after(stored.as_deref(), shared.node).bytes();
                    *kept = shared.write(stored, next.clone()).await.is_ok().then_some(next);
                    if kept.is_some() {
                        shared.put(Held::Until(begun + lasts - MARGIN.min(lasts / 4)));
                    }
                } else {
                    *kept = None;
                    shared.put(Held::Never);
                }
            }
            Err(error) => tracing::debug!(lease = shared.name, %error, "a lease can't be read"),
        }
        drop(kept);
        tokio::time::sleep(lasts / ROUNDS).await;
    }
}

impl Shared {
    /// Whether this node may write the next value: it holds the lease, or nobody does.
    fn is_free(&self, stored: Option<&[u8]>, seen: &mut Option<(Vec<u8>, Instant)>, now: Instant) -> bool {
        let Some(stored) = stored else { return true };
        let holder = LeaseValue::read(stored).map(|value| value.holder);
        if holder == Some(self.node) || holder == Some(NOBODY) {
            return true;
        }
        match seen {
            Some((known, since)) if known == stored => now - *since > self.context.options.lease,
            _ => {
                *seen = Some((stored.to_vec(), now));
                false
            }
        }
    }

    async fn write(&self, expected: Option<Vec<u8>>, next: Vec<u8>) -> Result<(), CommitError> {
        let value = NamedValueWrite { name: self.name.clone(), expected, next };
        let decision = Decision { named_value: Some(value), ..Decision::default() };
        let commit = Commit { relaxed: true, ..Commit::of_decision(self.context.now(), decision) };
        self.persister.commit(commit).await.map(drop)
    }

    async fn give_back(&self) {
        let kept = self.kept.lock().await.take();
        self.put(Held::Never);
        let Some(value) = kept else { return };
        let next = LeaseValue::after(Some(&value), NOBODY).bytes();
        if let Err(error) = self.write(Some(value), next).await {
            tracing::debug!(lease = self.name, %error, "a lease was not given back; it ends by itself");
        }
    }

    /// Tells those who wait for it.
    fn put(&self, next: Held) {
        self.held.send_if_modified(|held| {
            if held.is_now() != next.is_now() {
                tracing::debug!(lease = self.name, is_held = next.is_now(), "work moves between nodes");
            }
            std::mem::replace(held, next) != next
        });
    }
}

impl LeaseValue {
    /// The value that follows. Bytes that no version has written count as the first value.
    fn after(stored: Option<&[u8]>, holder: [u8; 16]) -> Self {
        Self { holder, number: stored.and_then(Self::read).map_or(0, |value| value.number.wrapping_add(1)) }
    }

    fn bytes(self) -> Vec<u8> {
        [self.holder.as_slice(), &self.number.to_be_bytes()].concat()
    }

    fn read(bytes: &[u8]) -> Option<Self> {
        let (holder, number) = bytes.split_first_chunk()?;
        Some(Self { holder: *holder, number: u64::from_be_bytes(number.try_into().ok()?) })
    }
}

/// The holder of a lease that was given back.
const NOBODY: [u8; 16] = [0; 16];
/// How many times a holder can fail to write until it has lost the lease, and one.
const ROUNDS: u32 = 4;
/// For how many times of a lease a node rests.
const RESTS: u32 = 3;
const GIVEN_BACK_WITHIN: Duration = Duration::from_secs(2);
/// By how much a holder stops earlier, for clocks that do not run at the same speed.
const MARGIN: Duration = Duration::from_secs(1);

#[cfg(test)]
mod tests;
