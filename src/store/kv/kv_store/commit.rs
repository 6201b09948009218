//! A batch of commits: planned one after the other, appended in as few parts as the map takes.

use std::sync::PoisonError;

use crate::domain::event::Position;
use crate::store::commit::{Commit, Committed};
use crate::store::error::CommitError;
use crate::store::kv::closing::{Adds, Closing};
use crate::store::kv::key::COUNTED_HERE;
use crate::store::kv::key_value::{KeyValue, Write};
use crate::store::kv::planner::WriteBatch;

use super::Shared;
use super::events::Numbers;

impl<K: KeyValue> Shared<K> {
    pub(super) fn commit(&self, commits: &[Commit]) -> Vec<Result<Committed, CommitError>> {
        let mut numbers = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        let mut batch = WriteBatch::over(&self.kv, &self.unreadable).for_commits(commits.len(), &self.clients);
        let (mut groups, mut adds) = (Vec::new(), Vec::new());
        let mut relaxed = true;
        let planned: Vec<_> = commits
            .iter()
            .map(|commit| {
                // Because of the lock the values that the plan read need no comparison.
                let plan = batch.plan(commit);
                let group = (!plan.writes.is_empty()).then_some(groups.len());
                if group.is_some() {
                    relaxed &= commit.relaxed && commit.decision.user.is_none() && commit.decision.users.is_empty();
                    groups.push(plan.writes);
                    adds.push(plan.adds);
                }
                Planned { outcome: plan.outcome, group, rests_on: groups.len() }
            })
            .collect();
        let groups = self.kv.prepare(groups);
        let Appended { last_events, failure } = self.append(groups, &adds, relaxed, &mut numbers);
        let answer = |planned: Planned| match &failure {
            // A refusal may depend on an earlier commit that was not written, so it is not valid; itself it wrote
            // nothing.
            Some(CommitError::Unknown) if planned.rests_on > last_events.len() && planned.outcome.is_err() => {
                Err(CommitError::Unavailable)
            }
            Some(error) if planned.rests_on > last_events.len() => Err(error.clone()),
            _ => {
                let last_event = planned.group.and_then(|group| last_events[group]);
                planned.outcome.map(|committed| Committed { last_event, ..committed })
            }
        };
        planned.into_iter().map(answer).collect()
    }

    /// Appends the groups in as few parts as the map takes, each part with what its commits write together. `adds` has an
    /// entry for each group.
    fn append(&self, mut groups: Vec<Vec<Write>>, adds: &[Adds], relaxed: bool, numbers: &mut Numbers) -> Appended {
        let mut appended = Appended { last_events: Vec::with_capacity(groups.len()), failure: None };
        while appended.last_events.len() < groups.len() {
            let written = appended.last_events.len();
            let part = self.append_part(&mut groups[written..], &adds[written..], relaxed, numbers);
            match part {
                Ok(last_events) => appended.last_events.extend(last_events),
                Err(error) => {
                    appended.failure = Some(error);
                    break;
                }
            }
        }
        appended
    }

    /// Appends the first groups, as many as the map takes at once, at least one. Returns for each the position of its
    /// last event.
    fn append_part(
        &self,
        groups: &mut [Vec<Write>],
        adds: &[Adds],
        relaxed: bool,
        numbers: &mut Numbers,
    ) -> Result<Vec<Option<Position>>, CommitError> {
        let mut count = self.kv.fits(groups).clamp(1, groups.len());
        let first = self.reader(&self.kv).next_events(numbers)?;
        loop {
            let closing = Closing::of(&self.kv, adds[..count].iter(), COUNTED_HERE)?;
            let (last_events, next) = (closing.last_events(first), first + closing.log.len() as u64);
            let closing = closing.numbered(first);
            let part = &mut groups[..count];
            let own = part[count - 1].len();
            // The closing writes are a part of the last group: what takes groups one by one takes them with it.
            if !closing.is_empty() {
                part[count - 1].extend(self.kv.prepare(vec![closing]).into_iter().flatten());
            }
            if count > 1 && self.kv.fits(part) < count {
                part[count - 1].truncate(own);
                count /= 2;
                continue;
            }
            numbers.used_below(next);
            self.kv.append(part, relaxed)?;
            return Ok(last_events);
        }
    }
}

/// A commit of a batch, and what was planned for it.
struct Planned {
    outcome: Result<Committed, CommitError>,
    /// Its own group of writes; `None` if it has none.
    group: Option<usize>,
    /// The number of groups that the answer depends on: its own and those of the commits before it.
    rests_on: usize,
}

/// What was written of the groups of a batch.
struct Appended {
    /// For each group that was written, the position of its last event.
    last_events: Vec<Option<Position>>,
    /// Why the others were not.
    failure: Option<CommitError>,
}
