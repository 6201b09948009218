//! How commits change invitations and the waiting list.

use bytes::Bytes;

use crate::domain::event::Happened;
use crate::domain::id::{InvitationId, WaitlistEntryId};
use crate::domain::invitation::Invitation;
use crate::domain::metadata::Metadata;
use crate::domain::rejection::{ErrorCode, Reason, Rejection};
use crate::domain::time::Timestamp;
use crate::domain::user::User;
use crate::domain::waitlist::WaitlistEntry;
use crate::store::commit::{InvitationChange, WaitlistChange};
use crate::store::error::{CommitError, StoreError};
use crate::store::kv::key;
use crate::store::kv::reads::Reads;
use crate::store::kv::record::{InvitationRecordV1, InvitedRecordV2, WaitlistEntryRecordV1};

use super::Transaction;

impl<K: Reads> Transaction<'_, '_, K> {
    /// Changes to invitations, in order. Of those that can't be made beside others, all addresses are told.
    pub(super) fn invitations(&mut self, changes: &[InvitationChange], at: Timestamp) -> Result<(), CommitError> {
        let mut invited = Vec::new();
        for change in changes {
            match self.invitation(change, at) {
                Err(CommitError::Rejected(refused)) if refused.is(ErrorCode::DuplicateRecord) => {
                    let addresses = refused.reasons().iter().flat_map(|reason| reason.params.clone());
                    for address in addresses {
                        if !invited.contains(&address) {
                            invited.push(address);
                        }
                    }
                }
                outcome => outcome?,
            }
        }
        if invited.is_empty() { Ok(()) } else { Err(Rejection::from(duplicate(invited)).into()) }
    }

    pub(super) fn invitation(&mut self, change: &InvitationChange, at: Timestamp) -> Result<(), CommitError> {
        match change {
            InvitationChange::Issue { invitation, beside_others } => {
                let address = key::invited(&invitation.email_address.identifier());
                let mut pending = self.pending(&address, at)?;
                if !pending.is_empty() && !beside_others || pending.len() >= PENDING_MAX {
                    let address = invitation.email_address.as_str().to_owned();
                    return Err(Rejection::from(duplicate(vec![address])).into());
                }
                pending.push(*invitation.id.as_bytes());
                self.put(address, &InvitedRecordV2 { invitations: pending })?;
                self.adds.happened.push(Happened::InvitationCreated { id: invitation.id });
                Ok(self.put(key::invitation(invitation.id), &InvitationRecordV1::from(&**invitation))?)
            }
            InvitationChange::Accept(id, user) => {
                // A deleted invitation admits no person.
                let known = self.known_invitation(*id)?.ok_or_else(|| Rejection::from(ErrorCode::TicketInvalidCode))?;
                let accepted = known.accepted(*user, at).map_err(Rejection::from)?;
                self.put(key::invitation(*id), &InvitationRecordV1::from(&accepted))?;
                self.adds.happened.push(Happened::InvitationAccepted { id: *id, user_id: *user });
                let Some(waiting) = known.waitlist_entry else { return Ok(()) };
                let Some(entry) = self.known_entry(waiting)? else { return Ok(()) };
                self.adds.happened.push(Happened::WaitlistEntryUpdated { id: waiting });
                Ok(self.put(key::waitlist_entry(waiting), &WaitlistEntryRecordV1::from(&entry.completed(at)))?)
            }
            InvitationChange::Revoke(id) => {
                let known = self.known_invitation(*id)?.ok_or_else(gone)?;
                let revoked = known.revoked(at).map_err(Rejection::from)?;
                self.adds.happened.push(Happened::InvitationRevoked { id: *id });
                Ok(self.put(key::invitation(*id), &InvitationRecordV1::from(&revoked))?)
            }
            InvitationChange::Delete(id) => {
                let known = self.known_invitation(*id)?.ok_or_else(gone)?;
                self.forget_invited(&known)?;
                self.remove(key::invitation(*id));
                self.adds.happened.push(Happened::InvitationDeleted { id: *id });
                Ok(())
            }
        }
    }

    /// Marks an invitation as used by a user who signs in with its ticket, and gives the user its metadata.
    pub(super) fn accept_invitation(
        &mut self,
        id: InvitationId,
        user: &mut User,
        at: Timestamp,
    ) -> Result<(), CommitError> {
        const METADATA: &str = "public_metadata";
        let known = self.known_invitation(id)?.ok_or_else(|| Rejection::from(ErrorCode::TicketInvalidCode))?;
        let given = Metadata::parse(METADATA, &known.public_metadata).map_err(Rejection::from)?;
        let merged = given.merged_into(METADATA, &user.public_metadata).map_err(Rejection::from)?;
        if merged.as_str() != user.public_metadata {
            merged.as_str().clone_into(&mut user.public_metadata);
            user.updated_at = user.updated_at.max(at);
        }
        self.invitation(&InvitationChange::Accept(id, user.id), at)
    }

    /// Removes an invitation from the list of its address.
    pub(super) fn forget_invited(&mut self, known: &Invitation) -> Result<(), StoreError> {
        let address = key::invited(&known.email_address.identifier());
        let invited: Option<InvitedRecordV2> = self.record(&address)?;
        if let Some(mut invited) = invited {
            invited.invitations.retain(|other| other != known.id.as_bytes());
            if invited.invitations.is_empty() {
                self.remove(address);
            } else {
                self.put(address, &invited)?;
            }
        }
        Ok(())
    }

    pub(super) fn waitlist(&mut self, change: &WaitlistChange, at: Timestamp) -> Result<(), CommitError> {
        let (id, next) = match change {
            // An existing entry is kept unchanged, but written all the same: the time that a join takes must not reveal
            // who was on the list. The event of a new one is a hundred bytes more of the same write to the disk.
            WaitlistChange::Join(entry) => {
                let known = self.known_entry(entry.id)?;
                if known.is_none() {
                    self.adds.happened.push(Happened::WaitlistEntryCreated { id: entry.id });
                }
                (entry.id, known.unwrap_or_else(|| (**entry).clone()))
            }
            WaitlistChange::Invite(id, invitation) => {
                let known = self.known_entry(*id)?.ok_or_else(gone)?;
                let earlier = known.invitation.map(|id| self.known_invitation(id)).transpose()?.flatten();
                (*id, known.invited(*invitation, earlier.as_ref(), at).map_err(Rejection::from)?)
            }
            WaitlistChange::Reject(id) => {
                let known = self.known_entry(*id)?.ok_or_else(gone)?;
                let next = known.rejected(at).map_err(Rejection::from)?;
                let invitation = known.invitation.map(|id| self.known_invitation(id)).transpose()?.flatten();
                if let Some(revoked) = invitation.and_then(|invitation| invitation.revoked(at).ok()) {
                    self.put(key::invitation(revoked.id), &InvitationRecordV1::from(&revoked))?;
                    self.adds.happened.push(Happened::InvitationRevoked { id: revoked.id });
                }
                (*id, next)
            }
            WaitlistChange::Delete(id) => {
                let known = self.known_entry(*id)?.ok_or_else(gone)?;
                known.check_deletable().map_err(Rejection::from)?;
                self.remove(key::waitlist_entry(*id));
                self.adds.happened.push(Happened::WaitlistEntryDeleted { id: *id });
                return Ok(());
            }
        };
        if !matches!(change, WaitlistChange::Join(_)) {
            self.adds.happened.push(Happened::WaitlistEntryUpdated { id });
        }
        Ok(self.put(key::waitlist_entry(id), &WaitlistEntryRecordV1::from(&next))?)
    }

    /// The invitations of an address that are pending at `at`. Each one is read, so the list needs no update when one
    /// of them is used, revoked or expires.
    fn pending(&self, address: &Bytes, at: Timestamp) -> Result<Vec<[u8; 16]>, CommitError> {
        let invited: Option<InvitedRecordV2> = self.record(address)?;
        let mut pending = Vec::new();
        for id in invited.unwrap_or_default().invitations {
            let known = self.known_invitation(InvitationId::from_bytes(id))?;
            if known.is_some_and(|known| known.check_redeemable(at).is_ok()) {
                pending.push(id);
            }
        }
        Ok(pending)
    }

    fn known_invitation(&self, id: InvitationId) -> Result<Option<Invitation>, CommitError> {
        let record: Option<InvitationRecordV1> = self.record(&key::invitation(id))?;
        Ok(record.map(Invitation::from))
    }

    fn known_entry(&self, id: WaitlistEntryId) -> Result<Option<WaitlistEntry>, CommitError> {
        let record: Option<WaitlistEntryRecordV1> = self.record(&key::waitlist_entry(id))?;
        Ok(record.map(WaitlistEntry::from))
    }
}

fn duplicate(addresses: Vec<String>) -> Reason {
    ErrorCode::DuplicateRecord.on("email_address").about(addresses)
}

fn gone() -> Rejection {
    ErrorCode::ResourceNotFound.into()
}

/// Maximum number of pending invitations per address: each is read when another is created.
const PENDING_MAX: usize = 100;
