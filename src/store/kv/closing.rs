//! What the commits of one append write together, at its end: the log of their events, and the number of users. Both
//! change with nearly every commit, so a record of their own in each would be a large part of all writes.

use bytes::Bytes;

use crate::domain::event::{EndUser, Happened, Position};
use crate::domain::time::Timestamp;
use crate::store::commit::Commit;
use crate::store::error::StoreError;

use super::codec;
use super::key;
use super::key_value::Write;
use super::reads::Reads;
use super::record::{CountRecordV1, OpenEvents};

/// What one commit adds to them.
#[derive(Clone, Debug, Default)]
pub(in crate::store) struct Adds {
    /// When it was decided.
    at: Timestamp,
    /// Whose request it is.
    end_user: Option<Box<EndUser>>,
    /// Its events.
    pub(in crate::store) happened: Vec<Happened>,
    /// How many users it adds; removed ones count as -1.
    pub(in crate::store) users: i64,
}

impl Adds {
    /// Puts the events of the planned commit in order, and notes whose they are.
    pub(super) fn settle(&mut self, commit: &Commit) {
        if commit.unrecorded {
            self.happened.clear();
        }
        self.happened.sort_by_key(Happened::rank);
        self.at = commit.at;
        self.end_user.clone_from(&commit.end_user);
    }
}

/// The last writes of an append.
#[derive(Debug, Default)]
pub(super) struct Closing {
    /// The writes of keys that are known beforehand.
    pub(super) writes: Vec<Write>,
    /// The records of events, in their order. They get their numbers when they are written, and are written last, so that who
    /// reads one finds all that it tells of.
    pub(super) log: Vec<Bytes>,
    /// For each commit where its last event is: the index of its record, and the index in it. `None` without any.
    last: Vec<Option<(u64, u16)>>,
}

impl Closing {
    /// The last writes of an append of commits that add this. Users are counted in this part of their number.
    ///
    /// # Errors
    /// When the number of users can't be read or a record can't be written.
    pub(super) fn of<'a>(
        stored: &impl Reads,
        adds: impl Iterator<Item = &'a Adds> + Clone,
        part: u8,
    ) -> Result<Self, StoreError> {
        let mut closing = Self::default();
        let users: i64 = adds.clone().map(|adds| adds.users).sum();
        if users != 0 {
            let key = key::user_count(part);
            let known = stored.get(&key)?.map(|bytes| codec::decode::<CountRecordV1>(&bytes)).transpose()?;
            // Parts are added up modulo 2^64, since a user may have been counted in another part than it is removed from.
            let count = known.map_or(0, |known| known.count).wrapping_add_signed(users);
            closing.writes.push(Write { key, value: Some(codec::encode(&CountRecordV1 { count })?) });
        }
        let mut open = OpenEvents::default();
        for adds in adds {
            let mut last = None;
            for happened in &adds.happened {
                if !open.has_room() {
                    closing.close(&mut open)?;
                }
                let index = open.push(adds.at, adds.end_user.as_deref(), happened);
                last = Some((closing.log.len() as u64, index));
            }
            closing.last.push(last);
        }
        if !open.is_empty() {
            closing.close(&mut open)?;
        }
        Ok(closing)
    }

    /// For each commit the position of its last event, where the first record of events gets this number.
    pub(super) fn last_events(&self, first: u64) -> Vec<Option<Position>> {
        let position = |(record, index)| Position::new(first + record, index);
        self.last.iter().map(|last| last.map(position)).collect()
    }

    /// All writes, where the first record of events gets this number.
    pub(super) fn numbered(self, first: u64) -> Vec<Write> {
        let log = (first..).zip(self.log).map(|(number, value)| Write { key: key::events(number), value: Some(value) });
        self.writes.into_iter().chain(log).collect()
    }

    fn close(&mut self, record: &mut OpenEvents) -> Result<(), StoreError> {
        self.log.push(codec::encode(&std::mem::take(record).finish())?);
        Ok(())
    }
}
