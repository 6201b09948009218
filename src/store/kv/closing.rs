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
    /// The writes. The events are last, so that who reads one finds all that it tells of.
    pub(super) writes: Vec<Write>,
    /// For each commit the position of its last event; `None` without any.
    pub(super) last_events: Vec<Option<Position>>,
    /// The number of the next record of events.
    pub(super) next_events: u64,
}

impl Closing {
    /// The last writes of an append of commits that add this. Records of events have numbers from `first` on, and users
    /// are counted in this part of their number.
    ///
    /// # Errors
    /// When the number of users can't be read or a record can't be written.
    pub(super) fn of<'a>(
        stored: &impl Reads,
        adds: impl Iterator<Item = &'a Adds> + Clone,
        first: u64,
        part: u8,
    ) -> Result<Self, StoreError> {
        let mut closing = Self { next_events: first, ..Self::default() };
        let users: i64 = adds.clone().map(|adds| adds.users).sum();
        if users != 0 {
            let key = key::user_count(part);
            let known = stored.get(&key)?.map(|bytes| codec::decode::<CountRecordV1>(&bytes)).transpose()?;
            // Parts are added up modulo 2^64, since a user may have been counted in another part than it is removed from.
            let count = known.map_or(0, |known| known.count).wrapping_add_signed(users);
            closing.put(key, codec::encode(&CountRecordV1 { count })?);
        }
        let mut open = OpenEvents::default();
        for adds in adds {
            let mut last = None;
            for happened in &adds.happened {
                if !open.has_room() {
                    closing.close(&mut open)?;
                }
                let index = open.push(adds.at, adds.end_user.as_deref(), happened);
                last = Some(Position::new(closing.next_events, index));
            }
            closing.last_events.push(last);
        }
        if !open.is_empty() {
            closing.close(&mut open)?;
        }
        Ok(closing)
    }

    fn close(&mut self, record: &mut OpenEvents) -> Result<(), StoreError> {
        self.put(key::events(self.next_events), codec::encode(&std::mem::take(record).finish())?);
        self.next_events += 1;
        Ok(())
    }

    fn put(&mut self, key: Bytes, value: Bytes) {
        self.writes.push(Write { key, value: Some(value) });
    }
}
