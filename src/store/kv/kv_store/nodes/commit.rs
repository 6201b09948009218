//! A batch of commits over a shared map: planned from a view, written if all that was read is still so, else planned again.

use std::collections::BTreeMap;
use std::sync::Arc;

use bytes::Bytes;

use crate::domain::event::Position;
use crate::domain::time::Timestamp;
use crate::entropy::unique_bytes;
use crate::store::commit::{Commit, Committed};
use crate::store::error::CommitError;
use crate::store::kv::closing::{Adds, Closing};
use crate::store::kv::codec;
use crate::store::kv::key::{self, Kind, USER_COUNT_PARTS};
use crate::store::kv::key_value::Write;
use crate::store::kv::planner::WriteBatch;
use crate::store::kv::reads::Reads;
use crate::store::kv::record::ValueRecordV1;
use crate::store::kv::shared_map::{AppendError, Batch, ReadSet, SharedMap, Stamp, Versioned};
use crate::store::kv::view::Missing;

use super::super::events::follows;
use super::super::{Beneath, Shared};
#[cfg(feature = "postgres")]
use super::patience::{makes_user, writes_user};
use super::usual_keys::usual_keys;
use super::{Deciding, Nodes};

type Answer = Result<Committed, CommitError>;

/// Makes each commit, or returns why not.
pub(super) async fn commit<M: SharedMap>(shared: &Arc<Shared<Nodes<M>>>, commits: &[Commit]) -> Vec<Answer> {
    let mut deciding = shared.state.lock().await;
    deciding.view.begin();
    #[cfg(feature = "postgres")]
    deciding.patience.begin();
    let at = commits.iter().map(|commit| commit.at).max().unwrap_or_default();
    let mut run = Run {
        commits,
        at,
        answers: vec![None; commits.len()],
        conflicts: vec![0; commits.len()],
        others: 0,
        at_once: COMMITS_MAX,
    };
    let mut expected = usual_keys(commits);
    expected.push(shared.kv.fence.clone());
    if let Err(error) = deciding.view.fetch(&shared.kv.map, Missing::of(expected)).await {
        tracing::warn!(%error, "commits are refused because the store can't be read");
        run.refuse_all(&CommitError::Unavailable);
    }
    while run.open().next().is_some() {
        #[cfg(feature = "postgres")]
        if deciding.patience.is_used_up() && run.held_up(&run.users()).is_ok() {
            continue;
        }
        if let Err(error) = deciding.round(shared, &mut run).await {
            run.refuse_all(&error);
        }
    }
    run.answers.into_iter().map(|answer| answer.unwrap_or(Err(CommitError::Unavailable))).collect()
}

/// The commits of a batch, and what became of them so far.
struct Run<'a> {
    commits: &'a [Commit],
    /// The time of the latest.
    at: Timestamp,
    answers: Vec<Option<Answer>>,
    /// How often each had to be planned again because of what it had read.
    conflicts: Vec<u32>,
    /// How often a round failed because of something else.
    others: u32,
    /// How many of them are written at once.
    at_once: usize,
}

impl Run<'_> {
    /// The indexes of those without an answer.
    fn open(&self) -> impl Iterator<Item = usize> {
        self.answers.iter().enumerate().filter(|(_, answer)| answer.is_none()).map(|(index, _)| index)
    }

    /// The indexes of those without an answer that make users.
    #[cfg(feature = "postgres")]
    fn users(&self) -> Vec<usize> {
        self.open().filter(|index| self.makes_user(*index)).collect()
    }

    #[cfg(feature = "postgres")]
    fn makes_user(&self, index: usize) -> bool {
        makes_user(&self.commits[index].decision)
    }

    fn refuse_all(&mut self, error: &CommitError) {
        for answer in self.answers.iter_mut().filter(|answer| answer.is_none()) {
            *answer = Some(Err(error.clone()));
        }
    }

    /// A commit has to be planned again: but not for ever, for an attacker could keep all others waiting.
    fn conflicted(&mut self, index: usize) {
        self.conflicts[index] += 1;
        if self.conflicts[index] > CONFLICTS_MAX {
            self.answers[index] = Some(Err(CommitError::Overloaded));
        }
    }

    /// It is unknown whether these commits are written. Those that write nothing may have been refused because of
    /// others that are.
    fn unknown(&mut self, round: &Round) {
        for plan in &round.plans {
            let error = if plan.writes.is_empty() { CommitError::Unavailable } else { CommitError::Unknown };
            self.answers[plan.index] = Some(Err(error));
        }
    }

    /// These commits are held up by the application. They can be tried again.
    #[cfg(feature = "postgres")]
    fn held_up(&mut self, commits: &[usize]) -> Result<(), CommitError> {
        for index in commits {
            self.answers[*index] = Some(Err(CommitError::Overloaded));
        }
        if commits.is_empty() { Err(CommitError::Overloaded) } else { Ok(()) }
    }

    /// A round has to be made again, for no fault of its commits.
    fn failed(&mut self) -> Result<u32, CommitError> {
        self.others += 1;
        if self.others > OTHERS_MAX { Err(CommitError::Overloaded) } else { Ok(self.others) }
    }
}

/// The plan of one commit of a round.
struct Planned {
    index: usize,
    outcome: Answer,
    reads: ReadSet,
    writes: Vec<Write>,
    adds: Adds,
}

/// The plans of a round, and what its commits write together.
struct Round {
    plans: Vec<Planned>,
    /// What the closing rests on.
    reads: ReadSet,
    closing: Closing,
}

impl Round {
    /// All that is written, and on what it rests.
    fn batch(&self) -> Batch {
        let mut batch = Batch::default();
        for plan in self.plans.iter().filter(|plan| !plan.writes.is_empty()) {
            batch.add(&plan.reads, plan.writes.clone());
        }
        if !batch.writes.is_empty() {
            batch.add(&self.reads, self.closing.writes.clone());
            batch.log.clone_from(&self.closing.log);
        }
        batch
    }

    /// The indexes of those of its commits for whose plan this holds.
    #[cfg(feature = "postgres")]
    fn indexes(&self, is_among: impl Fn(&Planned) -> bool) -> Vec<usize> {
        self.plans.iter().filter(|plan| is_among(plan)).map(|plan| plan.index).collect()
    }
}

/// What became of a batch without an answer.
enum Settled {
    Written,
    NotWritten,
    Unknown,
}

impl Deciding {
    /// Plans the first commits without an answer, as many as one batch takes, and writes them. After it one of them has an
    /// answer, or one has come nearer to being refused.
    async fn round<M: SharedMap>(
        &mut self,
        nodes: &Arc<Shared<Nodes<M>>>,
        run: &mut Run<'_>,
    ) -> Result<(), CommitError> {
        let round = self.planned(nodes, run).await?;
        let batch = round.batch();
        let mut last_events = Vec::new();
        if !batch.writes.is_empty() {
            match self.append(nodes, run, &round, &batch).await? {
                Some(appended) => last_events = appended,
                None => return Ok(()),
            }
        }
        let mut last_events = last_events.into_iter();
        let mut others = Vec::new();
        for plan in round.plans {
            if plan.writes.is_empty() {
                others.push(plan);
                continue;
            }
            let last_event = last_events.next().flatten();
            run.answers[plan.index] = Some(plan.outcome.map(|committed| Committed { last_event, ..committed }));
        }
        self.confirm(&nodes.kv.map, run, others, &batch).await
    }

    /// Plans until nothing is missing that the plans need.
    async fn planned<M: SharedMap>(
        &mut self,
        nodes: &Arc<Shared<Nodes<M>>>,
        run: &Run<'_>,
    ) -> Result<Round, CommitError> {
        if !self.is_numbered {
            let last = Nodes::read(nodes, |reader| reader.last_event()).await?;
            nodes.kv.map.number_from(follows(last)).await?;
            self.is_numbered = true;
        }
        for _ in 0..FETCHES_MAX {
            let round = self.plan(nodes, run)?;
            let missing = self.view.take_missing();
            if missing.is_empty() {
                return Ok(round);
            }
            self.view.fetch(&nodes.kv.map, missing).await?;
        }
        Err(CommitError::Overloaded)
    }

    /// Plans from what is known. The plans are of use only if nothing was missing.
    fn plan<M: SharedMap>(&self, nodes: &Shared<Nodes<M>>, run: &Run<'_>) -> Result<Round, CommitError> {
        let view = &self.view;
        let mut batch = WriteBatch::over(view, &nodes.unreadable).for_commits(run.commits.len(), &nodes.clients);
        let (mut plans, mut size) = (Vec::new(), 0);
        for index in run.open().take(run.at_once) {
            drop((view.take_reads(), view.take_alone()));
            let plan = batch.plan(&run.commits[index]);
            let mut writes = plan.writes;
            if plan.outcome.is_ok() {
                for key in view.take_alone() {
                    writes.push(marker(key, Timestamp::EPOCH)?);
                }
            }
            size +=
                writes.iter().map(|write| write.key.len() + write.value.as_ref().map_or(0, Bytes::len)).sum::<usize>();
            plans.push(Planned { index, outcome: plan.outcome, reads: view.take_reads(), writes, adds: plan.adds });
            if size > BYTES_MAX {
                break;
            }
        }
        let adds = plans.iter().filter(|plan| !plan.writes.is_empty()).map(|plan| &plan.adds);
        let mut closing = Closing::of(view, adds, self.part)?;
        closing.writes.push(marker(nodes.kv.fence.clone(), run.at)?);
        view.get(&nodes.kv.fence)?;
        let reads = view.take_reads();
        Ok(Round { plans, reads, closing })
    }

    /// Writes a batch. Returns for each commit that it has the position of the last event; `None` where it must be planned again.
    async fn append<M: SharedMap>(
        &mut self,
        nodes: &Arc<Shared<Nodes<M>>>,
        run: &mut Run<'_>,
        round: &Round,
        batch: &Batch,
    ) -> Result<Option<Vec<Option<Position>>>, CommitError> {
        let (map, stamp) = (&nodes.kv.map, Stamp::draw());
        let appended = match map.append(stamp, batch).await {
            Ok(first) => Ok(round.closing.last_events(first)),
            Err(AppendError::Unknown) => match self.settle(&nodes.kv, stamp, run.at).await {
                Settled::Written => Ok(Self::found(map, stamp, round).await),
                Settled::NotWritten => Err(AppendError::Again),
                Settled::Unknown => Err(AppendError::Unknown),
            },
            Err(error) => Err(error),
        };
        match appended {
            Ok(last_events) => {
                for (key, value) in &batch.writes {
                    let entry = value.clone().map(|value| Versioned { stamp, value });
                    self.view.insert(key.clone(), entry);
                }
                #[cfg(feature = "postgres")]
                if round.plans.iter().any(|plan| !plan.writes.is_empty() && run.makes_user(plan.index)) {
                    self.patience.note_users();
                }
                Ok(Some(last_events))
            }
            Err(AppendError::Conflict(keys)) => self.conflicted(run, round, &keys).map(|()| None),
            Err(error @ (AppendError::Again | AppendError::Unnumbered)) => {
                let tries = run.failed()?;
                self.is_numbered &= error == AppendError::Again;
                map.pause(tries).await;
                Ok(None)
            }
            #[cfg(feature = "postgres")]
            Err(AppendError::Refused(user, rejection)) => {
                let refused = round.indexes(|plan| plan.writes.iter().any(|write| write.key == user));
                for index in &refused {
                    run.answers[*index] = Some(Err(CommitError::Rejected(rejection.clone())));
                }
                if refused.is_empty() { Err(CommitError::Unavailable) } else { Ok(None) }
            }
            #[cfg(feature = "postgres")]
            Err(AppendError::Slow(user)) if self.patience.is_over_for_users(user.is_some()) => {
                tracing::error!("new users are refused for now, since the application's SQL for them is slow");
                run.held_up(&run.users()).map(|()| None)
            }
            #[cfg(feature = "postgres")]
            Err(AppendError::Slow(None)) if round.plans.len() > 1 => {
                run.at_once = (round.plans.len() / FEWER_BY).max(1);
                Ok(None)
            }
            #[cfg(feature = "postgres")]
            Err(AppendError::Slow(user)) => {
                let is_theirs = |plan: &Planned| {
                    user.as_ref().is_none_or(|user| plan.writes.iter().any(|write| write.key == *user))
                };
                run.held_up(&round.indexes(is_theirs)).map(|()| None)
            }
            #[cfg(feature = "postgres")]
            Err(AppendError::Locked) if self.patience.is_over_for_locks() => {
                run.held_up(&round.indexes(|plan| writes_user(&plan.writes))).map(|()| None)
            }
            // The wait for the lock was a pause.
            #[cfg(feature = "postgres")]
            Err(AppendError::Locked) => run.failed().map(|_| None),
            #[cfg(feature = "postgres")]
            Err(AppendError::OneOfThem) if round.plans.len() > 1 => {
                run.at_once = 1;
                Ok(None)
            }
            #[cfg(feature = "postgres")]
            Err(AppendError::OneOfThem) => {
                for plan in &round.plans {
                    run.answers[plan.index] = Some(Err(CommitError::Unavailable));
                }
                Ok(None)
            }
            Err(AppendError::Unavailable) => Err(CommitError::Unavailable),
            Err(AppendError::Unknown) => {
                self.view.clear();
                run.unknown(round);
                Ok(None)
            }
        }
    }

    /// The positions of the last events of a round that was written under this stamp, where the map did not tell its numbers: they
    /// are looked for among the last records. `None` where they can't be read now.
    async fn found<M: SharedMap>(map: &M, stamp: Stamp, round: &Round) -> Vec<Option<Position>> {
        let nothing = vec![None; round.closing.last_events(0).len()];
        if round.closing.log.is_empty() {
            return nothing;
        }
        let end = key::after(Kind::Event);
        let Ok(last) = map.scan_back(&[Kind::Event.byte()], &end, RECORDS_LOOKED_AT).await else { return nothing };
        let keys: Vec<_> = last.into_iter().map(|(key, _)| key).rev().collect();
        let Ok(records) = map.get_many(&keys).await else { return nothing };
        let is_ours = |record: &Option<Versioned>| record.as_ref().is_some_and(|record| record.stamp == stamp);
        let first = records.iter().position(is_ours).and_then(|index| key::parse_events(&keys[index]));
        first.map_or(nothing, |first| round.closing.last_events(first))
    }

    /// Some keys are not as they were read: they are read again.
    fn conflicted(&mut self, run: &mut Run<'_>, round: &Round, keys: &[Bytes]) -> Result<(), CommitError> {
        self.view.forget(keys);
        let is_among = |reads: &ReadSet| keys.iter().any(|key| reads.contains_key(key));
        let mut is_theirs = false;
        for plan in round.plans.iter().filter(|plan| is_among(&plan.reads)) {
            is_theirs = true;
            run.conflicted(plan.index);
        }
        if keys.contains(&key::user_count(self.part)) {
            self.part = another_part();
        }
        // The conflict is in what all commits of a batch write together: none of them caused it.
        if is_theirs { Ok(()) } else { run.failed().map(drop) }
    }

    /// Finds out what became of a batch under this stamp, by writing the fence from the stamp that it had before: if that is
    /// written, the batch never will be.
    async fn settle<M: SharedMap>(&mut self, node: &Nodes<M>, batch: Stamp, at: Timestamp) -> Settled {
        let before = self.view.stamp(&node.fence);
        let Ok(marker) = marker(node.fence.clone(), at) else { return Settled::Unknown };
        let mut fence = Batch::default();
        fence.add(&[(node.fence.clone(), before)].into(), vec![marker]);
        let mut drawn = Vec::new();
        for tries in 1..=SETTLES_MAX {
            let stamp = Stamp::draw();
            match node.map.append(stamp, &fence).await {
                Ok(_) => {
                    self.view.forget([&node.fence]);
                    return Settled::NotWritten;
                }
                Err(AppendError::Conflict(_)) => {
                    if let Ok(found) = node.map.get_many(std::slice::from_ref(&node.fence)).await {
                        let found = found.into_iter().next().flatten().map(|entry| entry.stamp);
                        self.view.forget([&node.fence]);
                        return match found {
                            Some(found) if found == batch => Settled::Written,
                            Some(found) if drawn.contains(&found) => Settled::NotWritten,
                            _ => Settled::Unknown,
                        };
                    }
                }
                Err(AppendError::Unknown) => drawn.push(stamp),
                // The fence alone is refused by nobody.
                Err(_) => {}
            }
            node.map.pause(tries).await;
        }
        tracing::warn!("what became of a batch of commits is not known: the store does not answer");
        Settled::Unknown
    }

    /// Answers for the commits that write nothing: refusals above all. What they rest on is compared here, for it may be
    /// known from long ago. Those for which it has changed are planned again.
    async fn confirm<M: SharedMap>(
        &mut self,
        map: &M,
        run: &mut Run<'_>,
        plans: Vec<Planned>,
        written: &Batch,
    ) -> Result<(), CommitError> {
        // What this very batch wrote was as expected until then.
        let reads = plans.iter().flat_map(|plan| &plan.reads).filter(|(key, _)| !written.writes.contains_key(*key));
        let mut known: BTreeMap<Bytes, Option<Stamp>> = reads.map(|(key, stamp)| (key.clone(), *stamp)).collect();
        let keys: Vec<_> = known.keys().cloned().collect();
        let found = if keys.is_empty() { Vec::new() } else { map.get_many(&keys).await? };
        for (key, entry) in keys.into_iter().zip(found) {
            if known.get(&key) == Some(&entry.as_ref().map(|entry| entry.stamp)) {
                known.remove(&key);
            } else {
                self.view.forget([&key]);
                self.view.insert(key, entry);
            }
        }
        for plan in plans {
            if plan.reads.keys().any(|key| known.contains_key(key)) {
                run.conflicted(plan.index);
            } else {
                run.answers[plan.index] = Some(plan.outcome);
            }
        }
        Ok(())
    }
}

/// A value that is written for its stamp alone; it has a time.
fn marker(key: Bytes, at: Timestamp) -> Result<Write, CommitError> {
    let bytes = at.as_millis().to_be_bytes().to_vec();
    Ok(Write { key, value: Some(codec::encode(&ValueRecordV1 { bytes })?) })
}

fn another_part() -> u8 {
    unique_bytes()[0] % USER_COUNT_PARTS
}

/// How often a commit is planned again because of what it has read.
const CONFLICTS_MAX: u32 = 3;
/// How often a batch is planned again because of something else, such as what another node has just written.
const OTHERS_MAX: u32 = 32;
/// Among how many records of events those of a batch are looked for.
const RECORDS_LOOKED_AT: usize = 1000;
/// How often plans may need values that come from values.
const FETCHES_MAX: usize = 64;
/// How often the store is asked what became of a batch.
const SETTLES_MAX: u32 = 4;
/// How many commits one batch has at most, and how many bytes: those of its last commit come on top.
const COMMITS_MAX: usize = 256;
const BYTES_MAX: usize = 1 << 20;
/// To which part of them a batch shrinks whose users together take the application too long.
#[cfg(feature = "postgres")]
const FEWER_BY: usize = 16;
