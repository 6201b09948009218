//! From commits to writes. A batch is planned commit by commit; each sees the results of those before it, and a refused
//! one leaves no writes. Uniqueness of identifiers is decided only here.

mod handshakes;
mod housekeeping;
mod invitations;
mod listed;
mod messages;
mod passkeys;
mod sessions;
mod sign_in_tokens;
mod users;
mod webhooks;

use std::borrow::Cow;
#[cfg(test)]
use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::Arc;

use bytes::Bytes;

use crate::domain::client::activity::Activity;
use crate::domain::client::{Client, ClientChange};
use crate::domain::event::{EndUser, Happened};
use crate::domain::id::SignUpId;
use crate::domain::policy::AddressLimits;
use crate::domain::quota::{QuotaKind, QuotaUse};
use crate::domain::sign_in::{Account, Failures, Held, Try};
use crate::domain::time::Timestamp;
use crate::domain::user::User;

use super::closing::Adds;
use super::codec::{self, Record};
use super::key_value::Write;
use super::lately::Lately;
use super::reads::Reads;
use super::record::{
    ApplicationValueRecordV1, ClientRecordV5, CounterRecordV1, FailuresRecordV2, SignUpRecordV3, ValueRecordV1,
};
use super::unreadable::Unreadable;
use super::{key, quota};
use crate::store::commit::{ClientWrite, Commit, Committed, Decision, SignUpWrite, ValueWrite};
use crate::store::error::{CommitError, StoreError};
use crate::store::hash::Keys;

pub(in crate::store) use users::{mailboxes, places};

/// A batch that is being planned.
pub(in crate::store) struct WriteBatch<'a, K> {
    stored: &'a K,
    unreadable: &'a Unreadable,
    staged: HashMap<Bytes, Option<Bytes>, Keys>,
    /// Clients as they were written lately.
    clients: Option<&'a Lately<Arc<Client>>>,
}

impl<'a, K: Reads> WriteBatch<'a, K> {
    /// An empty batch over what is stored.
    pub(in crate::store) fn over(stored: &'a K, unreadable: &'a Unreadable) -> Self {
        Self { stored, unreadable, staged: HashMap::default(), clients: None }
    }

    /// The same batch with room for so many commits, which notes the clients that it writes.
    pub(in crate::store) fn for_commits(mut self, count: usize, clients: &'a Lately<Arc<Client>>) -> Self {
        self.staged.reserve(count * WRITES_USUAL);
        self.clients = Some(clients);
        self
    }

    /// Plans the commit; commits planned after it see its writes.
    pub(in crate::store) fn plan(&mut self, commit: &Commit) -> Plan {
        let mut draft = Transaction {
            batch: self,
            writes: BTreeMap::new(),
            #[cfg(test)]
            reads: RefCell::default(),
            adds: Adds::default(),
            ignores_dots: commit.decision.ignores_dots,
            end_user: commit.end_user.as_deref(),
        };
        let outcome = draft.make(commit);
        #[cfg(test)]
        let reads = draft.reads.into_inner();
        let (writes, adds) = if outcome.is_ok() { (draft.writes, draft.adds) } else { Default::default() };
        self.staged.extend(writes.iter().map(|(k, v)| (k.clone(), v.clone())));
        let mut writes: Vec<_> = writes.into_iter().map(|(key, value)| Write { key, value }).collect();
        // Puts before removals, so a concurrent reader finds a finished sign-up in one place or both.
        writes.sort_by_key(|write| write.value.is_none());
        Plan {
            outcome,
            writes,
            adds,
            #[cfg(test)]
            reads,
        }
    }
}

/// The plan of one commit.
#[derive(Debug)]
pub(in crate::store) struct Plan {
    /// The result for the caller, or why the commit is refused.
    pub(in crate::store) outcome: Result<Committed, CommitError>,
    /// Its writes; none where it is refused.
    pub(in crate::store) writes: Vec<Write>,
    /// What it adds to the records that all commits of one append share; nothing where it is refused.
    pub(in crate::store) adds: Adds,
    /// The reads on which the plan depends, also that of a refusal.
    #[cfg(test)]
    pub(in crate::store) reads: ReadSet,
}

/// Each key that was looked up in the underlying map, with the value found there. Keys that the batch itself wrote
/// before are not included. As long as these values are unchanged, the plan is valid. A map that is shared with other nodes
/// accepts its writes only then, else the commit is planned again; there the view of the map notes them, so only tests
/// keep them here.
#[cfg(test)]
pub(in crate::store) type ReadSet = Vec<(Bytes, Option<Bytes>)>;

/// The writes of one commit so far: dropped when it is refused.
struct Transaction<'b, 'a, K> {
    batch: &'b WriteBatch<'a, K>,
    writes: BTreeMap<Bytes, Option<Bytes>>,
    #[cfg(test)]
    reads: RefCell<ReadSet>,
    /// What the commit does, as far as it is planned.
    adds: Adds,
    /// Whether spellings of one Gmail address are one address.
    ignores_dots: bool,
    /// Whose request it is.
    end_user: Option<&'b EndUser>,
}

impl<K: Reads> Transaction<'_, '_, K> {
    fn make(&mut self, commit: &Commit) -> Result<Committed, CommitError> {
        let committed = self.decide(&commit.decision, commit.at)?;
        self.tidy(&commit.housekeeping, commit.at)?;
        for (name, bytes) in &commit.values {
            let bytes = bytes.clone();
            self.put(key::value(name), &ValueRecordV1 { bytes })?;
        }
        self.adds.settle(commit);
        Ok(committed)
    }

    /// The order matters where two refusals are possible: a used-up quota is reported before a taken identifier, which
    /// would reveal that the code was right.
    fn decide(&mut self, decision: &Decision, at: Timestamp) -> Result<Committed, CommitError> {
        if let Some(write) = &decision.sign_up {
            self.sign_up(write, decision.user.as_deref())?;
        }
        let client = decision.client.as_ref();
        let client = match (client, &decision.entry) {
            (Some(write), Some(entry)) => Some(Cow::Owned(self.begun_in_order(write, entry)?)),
            (write, _) => write.map(Cow::Borrowed),
        };
        let (client, generation_before) = match client.map(|write| self.client(&write, at)).transpose()? {
            Some((client, before)) => (Some(client), before),
            None => (None, None),
        };
        if let Some(limits) = &decision.limits {
            for charge in &decision.quota_uses {
                self.charge(charge, limits, decision.user.is_some(), at)?;
            }
        }
        let attempts_left = match &decision.tried {
            Some(tried) => self.tried(tried, decision.limits.as_ref(), at)?,
            None => None,
        };
        if let Some(user) = &decision.user {
            self.user(user, decision.sign_up.as_ref(), at)?;
        }
        if let Some(entry) = &decision.entry {
            self.entry(entry, at)?;
        }
        for write in &decision.users {
            self.write_user(write, at)?;
        }
        if let Some(write) = &decision.address_verification {
            self.address_verification(write)?;
        }
        if let Some(user) = decision.forgiven {
            self.remove_if_there(key::failures(&Account::User(user)))?;
        }
        // Waiting list first: for a person already invited from it, the error says that, not that an invitation exists.
        for change in &decision.waitlist {
            self.waitlist(change, at)?;
        }
        self.invitations(&decision.invitations, at)?;
        for change in &decision.sign_in_tokens {
            self.sign_in_token(change, at)?;
        }
        for change in &decision.handshakes {
            self.handshake(change, at)?;
        }
        for change in &decision.challenges {
            self.passkey_challenge(change, at)?;
        }
        for change in &decision.webhooks {
            self.webhook(change)?;
        }
        for write in &decision.values {
            match write {
                ValueWrite::Put(value) => {
                    self.put(key::application_value(&value.key), &ApplicationValueRecordV1::from(value))?;
                }
                ValueWrite::Remove(value) => self.remove_if_there(key::application_value(value))?,
            }
        }
        for change in &decision.listed {
            self.listed(change)?;
        }
        for change in &decision.redirect_urls {
            self.redirect_url(change)?;
        }
        if let Some(write) = &decision.named_value {
            self.value(write)?;
        }
        for entry in &decision.outbox {
            self.queue(entry)?;
        }
        Ok(Committed { client, generation_before, last_event: None, attempts_left })
    }

    /// Writes the next value of an open sign-up. A finished one is stored by [`Self::user`]; here its own entries are
    /// removed.
    fn sign_up(&mut self, write: &SignUpWrite, user: Option<&User>) -> Result<(), CommitError> {
        let id = write.next.id;
        let key = key::sign_up(id);
        let current: Option<SignUpRecordV3> = self.record(&key)?;
        let known = current.as_ref().map(|record| record.sign_up.version());
        if known != write.expected_version {
            return Err(CommitError::Stale);
        }
        // Its creator alone knows the id of a new sign-up, so no other node finishes it meanwhile.
        if current.is_none() && self.glance(&key::user(id.cast()))?.is_some() {
            return Err(CommitError::Stale);
        }
        let indexed_at = current.as_ref().map(|record| Timestamp::from_millis(record.deadline_key));
        let waited_since = current.as_ref().and_then(|record| record.sign_up.waits_since());
        let waits_since = write.next.waits_since().filter(|_| user.is_none());
        if waited_since != waits_since {
            self.waits_for_approval(waited_since, waits_since, id);
        }
        let version = write.next.version;
        if current.is_none() {
            self.adds.happened.push(Happened::SignUpCreated { id, version });
        } else if user.is_none() {
            self.adds.happened.push(Happened::SignUpUpdated { id, version });
        }
        if let Some(user) = user {
            self.adds.happened.push(Happened::SignUpCompleted { id, version, user_id: user.id });
        }
        if user.is_some() {
            if let Some(indexed_at) = indexed_at {
                self.remove(key);
                self.remove(key::deadline(indexed_at, id));
            }
            return Ok(());
        }
        // A deadline that comes earlier is that of a sign-up that no longer waits for approval.
        let indexed_at = match indexed_at {
            Some(later) if later > write.deadline => {
                self.remove(key::deadline(later, id));
                None
            }
            indexed_at => indexed_at,
        };
        if indexed_at.is_none() {
            self.list(write.deadline, id);
        }
        let record = SignUpRecordV3 {
            deadline_key: indexed_at.unwrap_or(write.deadline).as_millis(),
            deadline: write.deadline.as_millis(),
            sign_up: (&*write.next).into(),
        };
        Ok(self.put(key, &record)?)
    }

    /// The client after the changes, and the generation of its token before them.
    fn client(&mut self, write: &ClientWrite, at: Timestamp) -> Result<(Arc<Client>, Option<u32>), CommitError> {
        let key = key::client(write.id);
        let current = self.get(&key)?.map(|bytes| self.stored_client(&key, &bytes));
        let mut current = current.transpose().map_err(refuse)?;
        if let Some(client) = &mut current {
            for (session, status) in client.drop_ended(|id| self.known_user(id))? {
                self.session_over(&session.ended(status, at))?;
            }
        }
        let mut next = Client::change(current.as_ref(), write.id, &write.changes, at)?;
        self.note_activity(&mut next, &write.changes);
        self.sessions(current.as_ref(), &next, &write.changes, at)?;
        self.forget_challenge(current.as_ref(), &next)?;
        let next = Arc::new(next);
        let bytes = codec::encode(&ClientRecordV5::from(&*next))?;
        debug_assert_eq!(decoded(&bytes).as_ref(), Ok(&*next), "a client is read back as it was written");
        if let Some(clients) = self.batch.clients {
            clients.keep([(key.clone(), bytes.clone(), next.clone())]);
        }
        self.writes.insert(key, Some(bytes));
        Ok((next, current.map(|client| client.generation)))
    }

    fn stored_client(&self, key: &Bytes, bytes: &Bytes) -> Result<Client, StoreError> {
        match self.batch.clients.and_then(|clients| clients.get(key, bytes)) {
            Some(known) => Ok((*known).clone()),
            None => decoded(bytes),
        }
    }

    /// Notes in the sessions that the changes begin or use from where that is.
    fn note_activity(&self, client: &mut Client, changes: &[ClientChange]) {
        let Some(end_user) = self.end_user else { return };
        for change in changes {
            let id = match change {
                ClientChange::AddSession { session, .. } => session.id,
                ClientChange::Touch(id) => *id,
                _ => continue,
            };
            for session in client.sessions.iter_mut().filter(|session| session.id == id) {
                session.activity = Some(Activity::of(end_user.address, &end_user.user_agent));
            }
        }
    }

    /// Counts a use of the quotas, or, at a proof, resets them; a conversion also resets the client's.
    fn charge(
        &mut self,
        charge: &QuotaUse,
        limits: &AddressLimits,
        converts: bool,
        at: Timestamp,
    ) -> Result<(), CommitError> {
        let over = |retry_after| CommitError::LimitExceeded { retry_after };
        let of_address = key::address_counter(&charge.address);
        let of_client = key::client_counter(charge.client);
        if charge.what == QuotaKind::Proof {
            self.remove_if_there(of_address)?;
            if converts {
                self.remove_if_there(of_client)?;
            }
            return Ok(());
        }
        let counter: Option<CounterRecordV1> = self.record(&of_address)?;
        let client = charge.client;
        let next = quota::use_quota(counter.as_ref(), client, charge.what, limits, at).map_err(over)?;
        self.put(of_address, &next)?;
        if matches!(charge.what, QuotaKind::Message | QuotaKind::OwnMessage) {
            let counter: Option<CounterRecordV1> = self.record(&of_client)?;
            let next = quota::charge_client(counter.as_ref(), &charge.address, limits, at).map_err(over)?;
            self.put(of_client, &next)?;
        }
        Ok(())
    }

    /// Counts an attempt to sign in; a success resets the failures. Returns how many more failures lock the account.
    fn tried(
        &mut self,
        tried: &Try,
        limits: Option<&AddressLimits>,
        at: Timestamp,
    ) -> Result<Option<u32>, CommitError> {
        let over = |retry_after| CommitError::LimitExceeded { retry_after };
        let key = key::failures(&tried.account);
        let record: Option<FailuresRecordV2> = self.record(&key)?;
        let current = record.map(Failures::from);
        let next = match (tried.lockout, limits) {
            (Some(lockout), _) => {
                Failures::after_under(current.as_ref(), tried, lockout, at).map_err(|held| match held {
                    Held::Locked(remaining) => CommitError::Locked { remaining },
                    Held::Slowed(wait) => over(wait),
                })?
            }
            (None, Some(limits)) => {
                let tried = Try { source: tried.source.filter(|_| limits.by_source), ..tried.clone() };
                Failures::after(current.as_ref(), &tried, limits.account_failures, at).map_err(over)?
            }
            (None, None) => return Ok(None),
        };
        let was_locked = current.as_ref().and_then(|failures| failures.locks.latest());
        if let (Some(failures), Account::User(id)) = (&next, &tried.account)
            && failures.locks.latest() > was_locked
            && let Some(user) = self.known_user(*id)?
        {
            self.adds.happened.push(Happened::UserUpdated { id: user.id, version: user.version });
        }
        let left = next.as_ref().zip(tried.lockout).map(|(failures, lockout)| failures.left(tried.share, lockout));
        match next {
            Some(failures) => self.put(key, &FailuresRecordV2::from(&failures))?,
            None => self.remove_if_there(key)?,
        }
        Ok(left)
    }

    /// Lists a sign-up among those that wait for approval, or no longer.
    fn waits_for_approval(&mut self, before: Option<Timestamp>, now: Option<Timestamp>, id: SignUpId) {
        if let Some(since) = before {
            self.remove(key::awaiting_approval(since, id));
        }
        if let Some(since) = now {
            self.writes.insert(key::awaiting_approval(since, id), Some(Bytes::new()));
        }
    }

    fn list(&mut self, deadline: Timestamp, id: SignUpId) {
        self.writes.insert(key::deadline(deadline, id), Some(Bytes::new()));
    }

    fn put<R: Record>(&mut self, key: Bytes, record: &R) -> Result<(), StoreError> {
        debug_assert_eq!(key.first(), Some(&R::KIND.byte()), "a key of its kind");
        let bytes = codec::encode(record)?;
        self.writes.insert(key, Some(bytes));
        Ok(())
    }

    fn remove(&mut self, key: Bytes) {
        self.writes.insert(key, None);
    }

    /// Avoids writes for keys that the back end does not have.
    fn remove_if_there(&mut self, key: Bytes) -> Result<(), StoreError> {
        self.writes.remove(&key);
        if self.glance(&key)?.is_some() {
            self.remove(key);
        }
        Ok(())
    }

    /// At most `limit` stored keys with this prefix, and all that the batch writes. The scan is not among the reads that the
    /// plan names, so a process beside this one may add a key meanwhile.
    fn keys_that_begin_with(&self, prefix: &[u8], limit: usize) -> Result<BTreeSet<Bytes>, StoreError> {
        let stored = self.batch.stored.scan(prefix, prefix, limit)?;
        let staged = self.batch.staged.keys().chain(self.writes.keys()).filter(|key| key.starts_with(prefix));
        Ok(stored.into_iter().map(|(key, _)| key).chain(staged.cloned()).collect())
    }

    fn record<R: Record>(&self, key: &Bytes) -> Result<Option<R>, StoreError> {
        let bytes = self.get(key)?;
        bytes.map(|bytes| codec::decode(&bytes)).transpose()
    }

    fn get(&self, key: &Bytes) -> Result<Option<Bytes>, StoreError> {
        self.find(key, K::get)
    }

    /// The value of a key, where it does not matter when another node makes it meanwhile.
    fn glance(&self, key: &Bytes) -> Result<Option<Bytes>, StoreError> {
        self.find(key, K::glance)
    }

    fn find(
        &self,
        key: &Bytes,
        stored: impl FnOnce(&K, &[u8]) -> Result<Option<Bytes>, StoreError>,
    ) -> Result<Option<Bytes>, StoreError> {
        let drafted = self.writes.get(key);
        match drafted.or_else(|| self.batch.staged.get(key)) {
            Some(value) => Ok(value.clone()),
            None => {
                let value = stored(self.batch.stored, key)?;
                self.note_read(key, value.as_ref());
                Ok(value)
            }
        }
    }

    /// Notes a read on which the plan depends.
    #[cfg(test)]
    fn note_read(&self, key: &Bytes, value: Option<&Bytes>) {
        self.reads.borrow_mut().push((key.clone(), value.cloned()));
    }

    #[cfg(not(test))]
    const fn note_read(&self, _key: &Bytes, _value: Option<&Bytes>) {}
}

impl<K: Reads> WriteBatch<'_, K> {
    fn may_contain(&self, key: &Bytes) -> bool {
        self.staged.contains_key(key) || self.stored.probably_contains(key)
    }
}

impl From<StoreError> for CommitError {
    fn from(error: StoreError) -> Self {
        refuse(error)
    }
}

/// How many keys a commit usually writes.
const WRITES_USUAL: usize = 5;

fn decoded(client: &Bytes) -> Result<Client, StoreError> {
    codec::decode::<ClientRecordV5>(client).and_then(Client::try_from)
}

/// An unreadable record prevents a decision, so the commit is refused and nothing is written.
fn refuse(error: StoreError) -> CommitError {
    tracing::error!(%error, "a commit is refused");
    match error {
        StoreError::Unavailable(_) => CommitError::Unavailable,
        StoreError::Damaged(_) | StoreError::TooLarge(_) => CommitError::BadRecord,
    }
}

#[cfg(test)]
mod tests;
