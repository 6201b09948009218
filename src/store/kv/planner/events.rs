//! The events of a commit: each part of the planner adds what it does to `happened`; here they are written.

use crate::domain::event::{EndUser, Happened, Position};
use crate::domain::time::Timestamp;
use crate::store::error::StoreError;
use crate::store::kv::key;
use crate::store::kv::key_value::KeyValue;
use crate::store::kv::record::EventsRecordV1;

use super::Transaction;

impl<K: KeyValue> Transaction<'_, '_, K> {
    /// Writes what has happened, and returns the position of the last event.
    pub(super) fn record_events(
        &mut self,
        at: Timestamp,
        end_user: Option<&EndUser>,
    ) -> Result<Option<Position>, StoreError> {
        let mut happened = std::mem::take(&mut self.happened);
        happened.sort_by_key(Happened::rank);
        let mut last = None;
        for (sequence, events) in (self.batch.next_events..).zip(happened.chunks(EventsRecordV1::EVENTS_MAX)) {
            let record = EventsRecordV1::of(at, end_user, events);
            self.put(key::events(sequence), &record)?;
            last = Some(record.last_position(sequence));
        }
        Ok(last)
    }
}
