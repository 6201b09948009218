//! How commits write users: who holds an identifier is decided here and nowhere else.

use bytes::Bytes;

use crate::domain::event::Happened;
use crate::domain::id::{IdentificationId, UserId};
use crate::domain::identifier::{Identifier, gmail_mailbox};
use crate::domain::sign_in::{Account, Credential, Entry};
use crate::domain::time::Timestamp;
use crate::domain::user::{AddressVerification, User, might_begin_with};
use crate::store::commit::{AddressVerificationWrite, SignUpWrite, UserWrite};
use crate::store::error::{CommitError, StoreError};
use crate::store::kv::key;
use crate::store::kv::reads::Reads;
use crate::store::kv::record::{AddressVerificationRecordV2, IdentifierRecordV1, UserRecordV4};

use super::{Transaction, refuse};

impl<K: Reads> Transaction<'_, '_, K> {
    /// Writes a new user, with the finished sign-up in its record.
    pub(super) fn user(&mut self, user: &User, write: Option<&SignUpWrite>, at: Timestamp) -> Result<(), CommitError> {
        if write.is_none() && self.get(&key::user(user.id))?.is_some() {
            return Err(CommitError::Stale);
        }
        let mut record = UserRecordV4::from(user);
        if let Some(write) = write {
            debug_assert_eq!(user.id, write.next.id.cast(), "one key answers for the user and its sign-up");
            if user.sign_up.as_deref() != Some(&*write.next) {
                record.base.sign_up = Some((&*write.next).into());
            }
        }
        self.put_user(None, user, &record, at)
    }

    /// Signs in to a user.
    pub(super) fn entry(&mut self, entry: &Entry, at: Timestamp) -> Result<(), CommitError> {
        let user = self.known_user(entry.user_id)?.ok_or(CommitError::Stale)?;
        let mut next = user.entered(entry).map_err(|_| CommitError::Stale)?;
        match &entry.proof {
            Credential::Ticket(token) => self.accept_sign_in_token(*token, user.id, at)?,
            Credential::Invitation { invitation, .. } => self.accept_invitation(*invitation, &mut next, at)?,
            _ => {}
        }
        self.put_user(Some(&user), &next, &UserRecordV4::from(&next), at)
    }

    /// What the backend writes: a new user, a changed one, or a removal.
    pub(super) fn write_user(&mut self, write: &UserWrite, at: Timestamp) -> Result<(), CommitError> {
        match write {
            UserWrite::Create(user) => self.user(user, None, at),
            UserWrite::Change { next, expected_version } => {
                let current = self.expected_user(next.id, *expected_version)?;
                // A note of activity is not counted by the version, so a later one may have been stored.
                let last_active_at = next.last_active_at.max(current.last_active_at);
                let next = User { last_active_at, ..(**next).clone() };
                self.put_user(Some(&current), &next, &UserRecordV4::from(&next), at)
            }
            UserWrite::Remove { id, expected_version } => {
                let user = self.expected_user(*id, *expected_version)?;
                self.remove_user(&user, at)
            }
        }
    }

    pub(super) fn known_user(&self, id: UserId) -> Result<Option<User>, CommitError> {
        let record: Option<UserRecordV4> = self.record(&key::user(id))?;
        record.map(User::try_from).transpose().map_err(refuse)
    }

    fn expected_user(&self, id: UserId, version: u64) -> Result<User, CommitError> {
        self.known_user(id)?.filter(|user| user.version == version).ok_or(CommitError::Stale)
    }

    /// Writes a user, whose record was `before`: claims new identifiers, and frees those that it has no more.
    fn put_user(
        &mut self,
        before: Option<&User>,
        next: &User,
        record: &UserRecordV4,
        at: Timestamp,
    ) -> Result<(), CommitError> {
        let (had, has) = (before.map(User::identifiers).unwrap_or_default(), next.identifiers());
        for identifier in has.iter().filter(|identifier| !had.contains(identifier)) {
            self.claim(identifier, next.id)?;
        }
        for identifier in had.iter().filter(|identifier| !has.contains(identifier)) {
            self.remove(key::identifier(identifier));
        }
        self.passkey_holders(before, next)?;
        let (was, is) = (before.map(places).unwrap_or_default(), places(next));
        for left in was.iter().filter(|place| !is.contains(place)) {
            self.remove(left.clone());
        }
        for taken in is.iter().filter(|place| !was.contains(place)) {
            self.writes.insert(taken.clone(), Some(Bytes::new()));
        }
        for id in before.map(address_ids).unwrap_or_default().into_iter().filter(|id| !next.has_address(*id)) {
            self.remove_if_there(key::address_verification(id))?;
        }
        match before {
            Some(before) => {
                self.adds.happened.push(Happened::UserUpdated { id: next.id, version: next.version });
                self.sessions_ended(before, Some(next), at)?;
            }
            None => {
                self.adds.happened.push(Happened::UserCreated { id: next.id, version: next.version });
                self.adds.users += 1;
            }
        }
        Ok(self.put(key::user(next.id), record)?)
    }

    /// Removes a user with all that is kept for it alone. Its sessions are over with it: a client that holds one drops
    /// it when it is read.
    fn remove_user(&mut self, user: &User, at: Timestamp) -> Result<(), CommitError> {
        for identifier in user.identifiers() {
            self.remove(key::identifier(&identifier));
            self.remove_if_there(key::address_counter(&identifier))?;
            self.remove_if_there(key::failures(&Account::Unknown(identifier)))?;
        }
        self.remove_if_there(key::failures(&Account::User(user.id)))?;
        for key in places(user) {
            self.remove(key);
        }
        self.free_passkeys(user);
        for id in address_ids(user) {
            self.remove_if_there(key::address_verification(id))?;
        }
        self.adds.users -= 1;
        self.sessions_ended(user, None, at)?;
        self.remove_sessions(user.id)?;
        self.remove(key::user(user.id));
        self.adds.happened.push(Happened::UserDeleted { id: user.id, external_id: user.external_id.clone() });
        Ok(())
    }

    /// Whether another user has the same mailbox in another spelling.
    fn is_spelled_otherwise(&self, identifier: &Identifier, user: UserId) -> Result<bool, StoreError> {
        let Some(mailbox) = identifier.gmail_mailbox() else { return Ok(false) };
        let plain = Identifier { kind: identifier.kind, value: mailbox.clone() };
        let owner: Option<IdentifierRecordV1> = self.record(&key::identifier(&plain))?;
        if owner.is_some_and(|owner| UserId::from(owner) != user) {
            return Ok(true);
        }
        let spellings = key::mailbox(&mailbox);
        self.batch.stored.alone(&spellings)?;
        for key in self.keys_that_begin_with(&spellings, SPELLINGS_MAX)? {
            if key::parse_user_address(&key) != Some(user) && self.get(&key)?.is_some() {
                return Ok(true);
            }
        }
        Ok(false)
    }

    /// Writes the verification of an address, which its user must have.
    pub(super) fn address_verification(&mut self, write: &AddressVerificationWrite) -> Result<(), CommitError> {
        let next = &write.next;
        let key = key::address_verification(next.address_id);
        let current: Option<AddressVerificationRecordV2> = self.record(&key)?;
        let current = current.map(AddressVerification::try_from).transpose().map_err(refuse)?;
        let user = self.known_user(next.user_id)?;
        let is_theirs = user.is_some_and(|user| user.has_address(next.address_id));
        if current.as_ref().map(AddressVerification::stamp) != write.expected || !is_theirs {
            return Err(CommitError::Stale);
        }
        Ok(self.put(key, &AddressVerificationRecordV2::from(&**next))?)
    }

    fn claim(&mut self, identifier: &Identifier, user: UserId) -> Result<(), CommitError> {
        if self.ignores_dots && self.is_spelled_otherwise(identifier, user)? {
            return Err(CommitError::IdentifierTaken(identifier.kind));
        }
        let key = key::identifier(identifier);
        if self.writes.contains_key(&key) || self.batch.may_contain(&key) {
            let owner: Option<IdentifierRecordV1> = self.record(&key)?;
            if owner.is_some_and(|owner| UserId::from(owner) != user) {
                return Err(CommitError::IdentifierTaken(identifier.kind));
            }
        } else {
            self.note_read(&key, None);
        }
        Ok(self.put(key, &IdentifierRecordV1::from(user))?)
    }
}

/// The keys of a user in the lists by time, and of its addresses, as far as they need one.
pub(in crate::store) fn places(user: &User) -> Vec<Bytes> {
    let lists = [key::user_created(user.created_at, user.id), key::user_signed_in(user.last_sign_in_at, user.id)];
    // The id of an address that the user began with leads to the user without an entry.
    let addresses = address_ids(user).into_iter().filter(|id| !might_begin_with(*id).contains(&user.id));
    let addresses = addresses.map(|id| key::user_address(id, user.id));
    lists.into_iter().chain(addresses).chain(mailboxes(user)).collect()
}

/// The keys of the addresses of a user that are spelled with dots where its provider ignores them.
pub(in crate::store) fn mailboxes(user: &User) -> Vec<Bytes> {
    let emails = user.email_addresses.iter().map(|email| email.value.as_str());
    let dotted = emails.filter_map(|email| gmail_mailbox(email).filter(|mailbox| mailbox != email));
    dotted.map(|mailbox| key::user_mailbox(&mailbox, user.id)).collect()
}

fn address_ids(user: &User) -> Vec<IdentificationId> {
    let emails = user.email_addresses.iter().chain(&user.unproved_emails).map(|email| email.id);
    emails.chain(user.phone_numbers.iter().chain(&user.unproved_phones).map(|phone| phone.id)).collect()
}

/// How many spellings of one mailbox are looked at. Two users have one only from the time before dots were ignored.
const SPELLINGS_MAX: usize = 16;
