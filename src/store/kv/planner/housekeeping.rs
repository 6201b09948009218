//! What a commit removes and lists anew: expired sign-ups and records, and deadlines that were moved.

use bytes::Bytes;

use crate::domain::client::Client;
use crate::domain::event::Happened;
use crate::domain::id::SignUpId;
use crate::domain::invitation::Invitation;
use crate::domain::message::LimitedMessages;
use crate::domain::policy::RetentionPolicy;
use crate::domain::sign_up::SignUp;
use crate::domain::time::{Span, Timestamp};
use crate::domain::user::User;
use crate::domain::waitlist::{WaitlistEntry, WaitlistStatus};
use crate::store::commit::Housekeeping;
use crate::store::error::StoreError;
use crate::store::kv::key::{self, EVENTS_REMOVED, Kind};
use crate::store::kv::reads::Reads;
use crate::store::kv::record::{
    ClientRecordV5, CounterRecordV1, EventsRecordV2, InvitationRecordV1, SessionRecordV2, SignUpRecordV3, UserRecordV4,
    ValueRecordV1, WaitlistEntryRecordV1, removed_to, removed_to_value,
};
use crate::store::kv::retention::{self, Verdict};
use crate::store::kv::{codec, quota};
use crate::store::scan::ExpiredKey;

use super::Transaction;

impl<K: Reads> Transaction<'_, '_, K> {
    /// Its only errors are those of the store: tidying is never refused.
    pub(super) fn tidy(&mut self, housekeeping: &Housekeeping, at: Timestamp) -> Result<(), StoreError> {
        for (id, end) in &housekeeping.sent {
            self.message_over(*id, end, housekeeping.keep_messages, at)?;
        }
        for LimitedMessages { to, by, count } in &housekeeping.limited {
            self.adds.happened.push(Happened::MessageLimited { to: *to, by: *by, count: *count });
            // Events are appended with what a commit writes, and this one may write nothing else.
            self.put(key::value(LIMITED), &ValueRecordV1 { bytes: at.as_millis().to_be_bytes().to_vec() })?;
        }
        for report in &housekeeping.reports {
            self.message_reported(report, at)?;
        }
        for (indexed_at, id) in &housekeeping.expire {
            self.expire(*indexed_at, *id, at)?;
        }
        for (old, new, id) in &housekeeping.reindex {
            self.reindex(*old, *new, *id, at)?;
        }
        for name in &housekeeping.forget {
            self.remove(key::value(name));
        }
        let (keep, stale) = &housekeeping.collect_garbage;
        for ExpiredKey(key) in stale {
            self.collect_garbage(key, *keep, at)?;
        }
        for made in &housekeeping.webhooks {
            self.webhook_progress(made, at)?;
        }
        Ok(())
    }

    /// Deletes an open sign-up, with the counters that nothing else would update again.
    fn expire(&mut self, indexed_at: Timestamp, id: SignUpId, at: Timestamp) -> Result<(), StoreError> {
        let Some(record) = self.indexed_at(indexed_at, id, at)? else {
            return Ok(());
        };
        let deadline = Timestamp::from_millis(record.deadline);
        if deadline > at {
            return self.relist(record, indexed_at, deadline, id);
        }
        let key = key::sign_up(id);
        let Some(sign_up) = self.batch.unreadable.skip(&key, SignUp::try_from(record.sign_up))? else {
            self.list(at + UNREADABLE_RETRY, id);
            return Ok(());
        };
        self.remove(key);
        self.remove(key::deadline(Timestamp::from_millis(record.deadline_key), id));
        self.waits_for_approval(sign_up.waits_since(), None, id);
        self.adds.happened.push(Happened::SignUpAbandoned { id });
        let of_addresses = sign_up.addresses_messaged().map(|address| key::address_counter(&address));
        for key in of_addresses.chain([key::client_counter(sign_up.client_id)]) {
            let counter = self.batch.unreadable.skip(&key, self.record::<CounterRecordV1>(&key))?.flatten();
            if counter.is_some_and(|counter| quota::is_over(&counter, at)) {
                self.remove(key);
            }
        }
        Ok(())
    }

    /// The open sign-up listed under a deadline; the listing is removed. An unreadable one is listed again later, so
    /// that it is neither lost nor blocks the others.
    fn indexed_at(
        &mut self,
        deadline: Timestamp,
        id: SignUpId,
        at: Timestamp,
    ) -> Result<Option<SignUpRecordV3>, StoreError> {
        self.remove(key::deadline(deadline, id));
        let key = key::sign_up(id);
        let read = self.batch.unreadable.skip(&key, self.record(&key))?;
        if read.is_none() {
            self.list(at + UNREADABLE_RETRY, id);
        }
        Ok(read.flatten())
    }

    /// Removes expired records; a record that is in use again stays.
    fn collect_garbage(&mut self, key: &Bytes, keep: RetentionPolicy, at: Timestamp) -> Result<(), StoreError> {
        let Some(value) = self.get(key)? else { return Ok(()) };
        // What is gone stays gone, and who uses the record again writes it: then this commit is planned again.
        let fate = retention::fate(key, &value, keep, at, |key| self.glance(key));
        match self.batch.unreadable.skip(key, fate)? {
            Some(Verdict::Keep) | None => {}
            Some(Verdict::Delete) => {
                self.before_deletion(key, &value, at)?;
                self.remove(key.clone());
            }
            Some(Verdict::Rewrite(value)) => drop(self.writes.insert(key.clone(), Some(value))),
        }
        Ok(())
    }

    /// What goes or changes with an expired record.
    fn before_deletion(&mut self, key: &Bytes, value: &[u8], at: Timestamp) -> Result<(), StoreError> {
        let is = |kind: Kind| key.first() == Some(&kind.byte());
        if is(Kind::Client) {
            let client = Client::try_from(codec::decode::<ClientRecordV5>(value)?)?;
            for session in &client.sessions {
                // Without this record the user is gone, or the session was recorded as over before.
                let held: Option<SessionRecordV2> = self.record(&key::session(session.id))?;
                if held.is_some_and(|held| !held.is_over()) {
                    let user: Option<UserRecordV4> = self.record(&key::user(session.user_id))?;
                    let user = user.map(User::try_from).transpose()?;
                    let status = user.and_then(|user| user.has_ended(session)).unwrap_or(session.status);
                    self.put(key::session(session.id), &SessionRecordV2::over(&session.ended(status, at)))?;
                }
            }
        } else if is(Kind::Session) {
            let record: SessionRecordV2 = codec::decode(value)?;
            let id = key::parse_session(key);
            if let Some(place) = id.and_then(|id| key::place_of_session(record.user_id(), id)) {
                self.remove(place);
            }
        } else if is(Kind::Event) {
            let Some(sequence) = key::parse_events(key) else { return Ok(()) };
            let removed = codec::decode::<EventsRecordV2>(value)?.last_position(sequence);
            let known: Option<ValueRecordV1> = self.record(&key::value(EVENTS_REMOVED))?;
            if known.and_then(|known| removed_to(&known)) < Some(removed) {
                self.put(key::value(EVENTS_REMOVED), &removed_to_value(removed))?;
            }
        } else if is(Kind::Message) && key::parse_provider_message(key).is_none() {
            self.forget_message(codec::decode(value)?);
        } else if is(Kind::Invitation) {
            let invitation = Invitation::from(codec::decode::<InvitationRecordV1>(value)?);
            self.forget_invited(&invitation)?;
            self.adds.happened.push(Happened::InvitationDeleted { id: invitation.id });
            let Some(waiting) = invitation.waitlist_entry else { return Ok(()) };
            let entry: Option<WaitlistEntryRecordV1> = self.record(&key::waitlist_entry(waiting))?;
            let entry = entry.map(WaitlistEntry::from);
            if entry.is_some_and(|entry| entry.status == WaitlistStatus::Completed) {
                self.remove(key::waitlist_entry(waiting));
                self.adds.happened.push(Happened::WaitlistEntryDeleted { id: waiting });
            }
        }
        Ok(())
    }

    /// Lists an open sign-up under another deadline; for one that is gone or listed elsewhere, only removes the old
    /// listing.
    fn reindex(&mut self, old: Timestamp, new: Timestamp, id: SignUpId, at: Timestamp) -> Result<(), StoreError> {
        match self.indexed_at(old, id, at)? {
            Some(record) => self.relist(record, old, new, id),
            None => Ok(()),
        }
    }

    fn relist(
        &mut self,
        mut record: SignUpRecordV3,
        old: Timestamp,
        new: Timestamp,
        id: SignUpId,
    ) -> Result<(), StoreError> {
        if record.deadline_key != old.as_millis() {
            return Ok(());
        }
        self.list(new, id);
        record.deadline_key = new.as_millis();
        self.put(key::sign_up(id), &record)
    }
}

/// When limits last refused messages, by the events that tell of them.
const LIMITED: &str = "messages_limited";
/// When the sweeper retries an unreadable sign-up.
const UNREADABLE_RETRY: Span = Span::from_secs(86_400);
