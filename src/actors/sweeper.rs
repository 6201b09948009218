//! The sweeper: deletes sign-ups that were abandoned and kept long enough, and other expired records. No other part
//! waits for it: every read checks expiry itself.

use std::sync::Arc;

use ractor::{Actor, ActorProcessingErr, ActorRef};

use crate::domain::sign_up::Phase;
use crate::store::{Commit, CommitError, Housekeeping, ScanCursor, StoreError};

use super::context::ActorContext;
use super::lease::Lease;
use super::persister::Persister;

pub(super) struct Sweeper;

pub(super) struct Sweep;

#[derive(Clone)]
pub(super) struct State {
    context: Arc<ActorContext>,
    persister: Persister,
    /// Of several nodes one tidies for all.
    lease: Lease,
    /// The position of the scan over all records.
    place: ScanCursor,
}

impl Actor for Sweeper {
    type Msg = Sweep;
    type State = State;
    type Arguments = (Arc<ActorContext>, Persister, Lease);

    async fn pre_start(
        &self,
        myself: ActorRef<Sweep>,
        (context, persister, lease): Self::Arguments,
    ) -> Result<State, ActorProcessingErr> {
        drop(myself.send_interval(context.options.sweep_interval, || Sweep));
        Ok(State { context, persister, lease, place: ScanCursor::default() })
    }

    async fn handle(&self, _: ActorRef<Sweep>, _: Sweep, state: &mut State) -> Result<(), ActorProcessingErr> {
        let mut round = state.clone();
        // If the store panics, this round is lost and the next one comes at its usual time.
        let done = tokio::spawn(async move {
            let outcome = if round.lease.is_held() { round.sweep_and_walk().await } else { Ok(()) };
            round.tell_of_limits().await;
            round.keep_time().await;
            (round, outcome)
        });
        match done.await {
            Ok((round, outcome)) => {
                *state = round;
                if let Err(error) = outcome {
                    tracing::warn!(%error, "a sweep failed; it continues in the next round");
                }
            }
            Err(error) => tracing::error!(%error, "a sweep panicked"),
        }
        Ok(())
    }
}

impl State {
    async fn sweep_and_walk(&mut self) -> Result<(), StoreError> {
        self.sweep().await?;
        self.trim_events().await?;
        self.walk().await
    }

    /// Removes events whose time is over. There may be many more of them than of other records, so the scan over all
    /// records alone would come by too seldom.
    async fn trim_events(&self) -> Result<(), StoreError> {
        let (now, keep) = (self.context.now(), self.context.policy.retention());
        for _ in 0..TRIMS_MAX {
            let portion = self.context.store.scan_expired(ScanCursor::of_events(), keep, now, PORTION).await?;
            let count = portion.stale.len();
            if count == 0 {
                break;
            }
            let tidied = Housekeeping { collect_garbage: (keep, portion.stale), ..Housekeeping::default() };
            if let Err(error) = self.persister.commit(Commit::of_housekeeping(now, tidied)).await {
                tracing::warn!(%error, "old events could not be removed");
                break;
            }
            tracing::debug!(count, "old events were removed");
        }
        Ok(())
    }

    /// Records as events which messages a limit has refused.
    async fn tell_of_limits(&self) {
        let now = self.context.now();
        let limited = self.context.limited.take_due(now);
        if limited.is_empty() {
            return;
        }
        let told = Housekeeping { limited: limited.clone(), ..Housekeeping::default() };
        if let Err(error) = self.persister.commit(Commit::of_housekeeping(now, told)).await {
            tracing::warn!(%error, "it could not be recorded that limits refused messages");
            if error != CommitError::Unknown {
                self.context.limited.put_back(&limited);
            }
        }
    }

    /// Stores the time with an empty commit when no other commit has stored it for long.
    async fn keep_time(&self) {
        let now = self.context.now();
        if !self.context.last_seen.is_old(&*self.context.store, now) {
            return;
        }
        if let Err(error) = self.persister.commit(Commit { at: now, relaxed: true, ..Commit::default() }).await {
            tracing::debug!(%error, "the time could not be stored");
        }
    }

    /// Scans a few portions of all records and deletes the expired ones.
    async fn walk(&mut self) -> Result<(), StoreError> {
        let (now, keep) = (self.context.now(), self.context.policy.retention());
        let portion = self.context.store.scan_expired(self.place.clone(), keep, now, PORTION).await?;
        let count = portion.stale.len();
        if count > 0 {
            let tidied = Housekeeping { collect_garbage: (keep, portion.stale), ..Housekeeping::default() };
            match self.persister.commit(Commit::of_housekeeping(now, tidied)).await {
                Ok(_) => tracing::debug!(count, "purged"),
                // The scan keeps its position and retries in the next round.
                Err(error) => {
                    tracing::warn!(%error, "expired records could not be removed");
                    return Ok(());
                }
            }
        }
        self.place = portion.next;
        Ok(())
    }

    /// One bounded portion; the rest waits for the next tick, so that many deadlines at once cause no load peak.
    async fn sweep(&self) -> Result<(), StoreError> {
        let now = self.context.now();
        let due = self.context.store.due(now, PORTION).await?;
        let mut tidied = Housekeeping::default();
        for (indexed_at, id) in due {
            let keep_until = match self.context.store.sign_up(id).await {
                Ok(Some(sign_up)) if sign_up.phase == Phase::Open => sign_up.forget_at(&self.context.policy),
                // The store has logged a damaged sign-up, and lists it again for a later round.
                Ok(_) | Err(StoreError::Damaged(_)) => now,
                Err(error) => return Err(error),
            };
            if keep_until > now {
                tidied.reindex.push((indexed_at, keep_until, id));
            } else {
                tidied.expire.push((indexed_at, id));
            }
        }
        if tidied.expire.is_empty() && tidied.reindex.is_empty() {
            return Ok(());
        }
        let (forgotten, moved) = (tidied.expire.len(), tidied.reindex.len());
        match self.persister.commit(Commit::of_housekeeping(now, tidied)).await {
            Ok(_) => tracing::debug!(forgotten, moved, "swept"),
            Err(error) => tracing::warn!(%error, "the result of a sweep could not be written"),
        }
        Ok(())
    }
}

const PORTION: usize = 500;
/// How many portions of events one round removes.
const TRIMS_MAX: usize = 20;

#[cfg(test)]
mod tests;
