//! The sweeper: forgets sign-ups that were abandoned and kept long enough. Nothing waits for it: every read
//! computes from the time.

use std::sync::Arc;

use ractor::{Actor, ActorProcessingErr, ActorRef};

use crate::domain::sign_up::Phase;
use crate::store::{Commit, StoreError};

use super::environment::Environment;
use super::persister::Persister;

pub(super) struct Sweeper;

pub(super) struct Sweep;

pub(super) struct State {
    environment: Arc<Environment>,
    persister: Persister,
}

impl Actor for Sweeper {
    type Msg = Sweep;
    type State = State;
    type Arguments = (Arc<Environment>, Persister);

    async fn pre_start(
        &self,
        myself: ActorRef<Sweep>,
        (environment, persister): Self::Arguments,
    ) -> Result<State, ActorProcessingErr> {
        drop(myself.send_interval(environment.options.sweep_interval, || Sweep));
        Ok(State { environment, persister })
    }

    async fn handle(&self, _: ActorRef<Sweep>, _: Sweep, state: &mut State) -> Result<(), ActorProcessingErr> {
        if let Err(error) = state.sweep().await {
            tracing::warn!(%error, "a sweep was cut short");
        }
        Ok(())
    }
}

impl State {
    /// One bounded portion; what is left waits for the next tick, so that a flood of deadlines makes no spike.
    async fn sweep(&self) -> Result<(), StoreError> {
        let now = self.environment.now();
        let due = self.environment.store.due(now, PORTION).await?;
        let mut commit = Commit { at: now, relaxed: true, ..Commit::default() };
        for (listed, id) in due {
            let policy = &self.environment.policy;
            let keep_until = match self.environment.store.sign_up(id).await? {
                Some(sign_up) if sign_up.phase == Phase::Open => sign_up.abandon_at(policy) + policy.keep_finished,
                _ => now,
            };
            if keep_until > now {
                commit.reschedule.push((listed, keep_until, id));
            } else {
                commit.forget.push((listed, id));
            }
        }
        if commit.forget.is_empty() && commit.reschedule.is_empty() {
            return Ok(());
        }
        let (forgotten, moved) = (commit.forget.len(), commit.reschedule.len());
        match self.persister.commit(commit).await {
            Ok(_) => tracing::debug!(forgotten, moved, "swept"),
            Err(error) => tracing::warn!(%error, "a sweep could not be written"),
        }
        Ok(())
    }
}

const PORTION: usize = 500;
