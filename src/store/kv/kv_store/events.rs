//! The log of events: the numbers of its records, and reading it.

use crate::domain::event::{Event, Position};
use crate::store::error::StoreError;
use crate::store::kv::codec;
use crate::store::kv::key::{self, EVENTS_REMOVED, Kind};
use crate::store::kv::reads::Reads;
use crate::store::kv::record::{EventsRecordV2, ValueRecordV1, removed_to};
use crate::store::scan::{EventPage, ScanCursor};

use super::{Reader, from_after};

/// The numbers of the records of events.
#[derive(Debug, Default)]
pub struct Numbers {
    /// The next one, once the last one that is stored is known.
    next: Option<u64>,
}

impl Numbers {
    /// Numbers up to here are used, whether or not what they were used for was written.
    pub(super) const fn used_below(&mut self, next: u64) {
        self.next = Some(next);
    }
}

impl ScanCursor {
    /// Where the scan of the events begins, the oldest first.
    pub fn of_events() -> Self {
        Self(key::before(Kind::Event))
    }
}

impl<R: Reads> Reader<'_, R> {
    /// The number of the next record of events.
    pub(super) fn next_events(&self, numbers: &Numbers) -> Result<u64, StoreError> {
        match numbers.next {
            Some(next) => Ok(next),
            None => Ok(begin_after(self.last_event()?)),
        }
    }

    pub(super) fn events(&self, after: Option<Position>, limit: usize) -> Result<EventPage, StoreError> {
        let mut from = match after.and_then(|after| after.sequence().checked_sub(1)) {
            // The record of the position itself may have further events.
            Some(before) => from_after(Kind::Event, Some(key::events(before))),
            None => key::before(Kind::Event),
        };
        let mut events: Vec<Event> = Vec::new();
        while events.len() < limit {
            let asked = (limit - events.len()).min(RECORDS_READ);
            let records = self.kv.scan(&[Kind::Event.byte()], &from, asked)?;
            for (key, value) in &records {
                let read = events_of(key, value);
                let read = self.unreadable.skip(key, read)?;
                events.extend(read.into_iter().flatten().filter(|event| Some(event.position) > after));
            }
            match records.last() {
                Some((last, _)) if records.len() == asked => from = from_after(Kind::Event, Some(last.clone())),
                _ => break,
            }
        }
        events.truncate(limit);
        // Read after the events: what is removed meanwhile is then known to be.
        Ok(EventPage { events, removed_to: self.events_removed_to()? })
    }

    /// The position of the last event, which the retention may have removed.
    pub(super) fn last_event(&self) -> Result<Option<Position>, StoreError> {
        let last = self.kv.scan_back(&[Kind::Event.byte()], &key::after(Kind::Event), 1)?;
        let last = last.first().map(|(key, value)| last_position(key, value)).transpose()?;
        // Read after the events, for the same reason.
        Ok(last.max(self.events_removed_to()?))
    }

    fn events_removed_to(&self) -> Result<Option<Position>, StoreError> {
        let Some(value) = self.kv.get(&key::value(EVENTS_REMOVED))? else { return Ok(None) };
        Ok(removed_to(&codec::decode::<ValueRecordV1>(&value)?))
    }
}

/// The number of the first record of events of a start that finds this last event: the first of a new block of numbers.
/// The last commits before a loss of power may be gone where they were not on the disk yet (`relaxed` and `none`), and a
/// reader may have seen their events; so their numbers are not used again.
fn begin_after(last: Option<Position>) -> u64 {
    let block = last.map_or(0, Position::sequence) / BLOCK + 1;
    block.saturating_mul(BLOCK)
}

/// The first number that may be free behind this last event, where several nodes write. What was read there is never lost, so no
/// number has to be left out.
#[cfg(any(test, feature = "postgres"))]
pub(super) fn follows(last: Option<Position>) -> u64 {
    last.map_or(BLOCK, |last| last.sequence().saturating_add(1))
}

fn events_of(key: &[u8], value: &[u8]) -> Result<impl Iterator<Item = Event>, StoreError> {
    Ok(codec::decode::<EventsRecordV2>(value)?.events(number(key)?))
}

/// The position of the last event of a record. If the record can't be read, that of its last possible event.
fn last_position(key: &[u8], value: &[u8]) -> Result<Position, StoreError> {
    let number = number(key)?;
    let record = codec::decode::<EventsRecordV2>(value);
    Ok(record.map_or(Position::new(number, u16::MAX), |record| record.last_position(number)))
}

fn number(key: &[u8]) -> Result<u64, StoreError> {
    key::parse_events(key).ok_or_else(|| StoreError::Damaged("a key of events".into()))
}

/// How many records are read at once: each may have hundreds of events.
const RECORDS_READ: usize = 16;
/// How many numbers a start has: more than commits can be lost with the power.
const BLOCK: u64 = 1 << 32;
