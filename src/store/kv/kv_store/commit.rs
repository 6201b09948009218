//! A batch of commits: planned one after the other, appended in as few parts as the map takes.

use std::sync::PoisonError;

use crate::store::commit::{Commit, Committed};
use crate::store::error::CommitError;
use crate::store::kv::key_value::{KeyValue, Write};
use crate::store::kv::planner::{Plan, WriteBatch};

use super::Shared;

impl<K: KeyValue> Shared<K> {
    pub(super) fn commit(&self, commits: &[Commit]) -> Vec<Result<Committed, CommitError>> {
        let mut numbers = self.deciding.lock().unwrap_or_else(PoisonError::into_inner);
        let next_events = match self.next_events(&numbers) {
            Ok(next) => next,
            Err(error) => {
                let refused = CommitError::from(error);
                return commits.iter().map(|_| Err(refused.clone())).collect();
            }
        };
        let mut batch = WriteBatch::over(&self.kv, &self.unreadable, next_events);
        let mut groups = Vec::new();
        let mut relaxed = true;
        // With each answer, the number of groups it depends on: its own and those of the commits before it.
        let planned: Vec<_> = commits
            .iter()
            .map(|commit| {
                // Because of the lock the values that the plan read need no comparison.
                let Plan { outcome, writes, reads: _ } = batch.plan(commit);
                if !writes.is_empty() {
                    relaxed &= commit.relaxed && commit.decision.user.is_none() && commit.decision.users.is_empty();
                    groups.push(writes);
                }
                (groups.len(), outcome)
            })
            .collect();
        numbers.used_below(batch.next_events());
        let groups = self.kv.prepare(groups);
        let (written, failure) = self.append(&groups, relaxed);
        let answer = |(rests_on, answer): (usize, Result<_, _>)| match &failure {
            // A refusal may depend on an earlier commit that was not written, so it is not valid; itself it wrote
            // nothing.
            Some(CommitError::Unknown) if rests_on > written && answer.is_err() => Err(CommitError::Unavailable),
            Some(error) if rests_on > written => Err(error.clone()),
            _ => answer,
        };
        planned.into_iter().map(answer).collect()
    }

    /// Appends the groups in as few parts as the map takes; returns how many were written, and why not the others.
    fn append(&self, groups: &[Vec<Write>], relaxed: bool) -> (usize, Option<CommitError>) {
        let mut written = 0;
        while written < groups.len() {
            let rest = &groups[written..];
            let part = &rest[..self.kv.fits(rest).clamp(1, rest.len())];
            if let Err(error) = self.kv.append(part, relaxed) {
                return (written, Some(error));
            }
            written += part.len();
        }
        (written, None)
    }
}
