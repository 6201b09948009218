//! How commits change what belongs to passkeys: that a challenge is used once, and that a credential is one user's, is
//! decided here.

use bytes::Bytes;

use crate::domain::client::Client;
use crate::domain::id::{SessionId, UserId};
use crate::domain::passkey::{ChallengeChange, ChallengeOwner};
use crate::domain::rejection::{ErrorCode, Rejection};
use crate::domain::time::Timestamp;
use crate::domain::user::{Passkey, User};
use crate::store::error::CommitError;
use crate::store::kv::key;
use crate::store::kv::reads::Reads;
use crate::store::kv::record::{PasskeyChallengeRecordV1, PasskeyHolderRecordV1};

use super::Transaction;

impl<K: Reads> Transaction<'_, '_, K> {
    pub(super) fn passkey_challenge(&mut self, change: &ChallengeChange, at: Timestamp) -> Result<(), CommitError> {
        match change {
            ChallengeChange::Keep(kept) => {
                self.put(key::passkey_challenge(kept.owner), &PasskeyChallengeRecordV1::from(&**kept))?;
            }
            ChallengeChange::Take(owner, id) => {
                let key = key::passkey_challenge(*owner);
                let kept: Option<PasskeyChallengeRecordV1> = self.record(&key)?;
                let kept = kept.map(|kept| kept.kept_for(*owner));
                if kept.is_none_or(|kept| kept.id != *id || !kept.is_good(at)) {
                    return Err(CommitError::Stale);
                }
                self.remove(key);
            }
        }
        Ok(())
    }

    /// Claims the credentials of new passkeys, and frees those that the user has no more.
    pub(super) fn passkey_holders(&mut self, before: Option<&User>, next: &User) -> Result<(), CommitError> {
        let (had, has) = (before.map(credentials).unwrap_or_default(), credentials(next));
        for left in had.iter().filter(|key| !has.contains(key)) {
            self.remove(left.clone());
        }
        for taken in has.iter().filter(|key| !had.contains(key)) {
            let holder: Option<PasskeyHolderRecordV1> = self.record(taken)?;
            if holder.is_some_and(|holder| UserId::from(holder) != next.id) {
                return Err(Rejection::from(ErrorCode::PasskeyRegistrationFailure).into());
            }
            self.put(taken.clone(), &PasskeyHolderRecordV1::from(next.id))?;
        }
        Ok(())
    }

    /// Removes what the ceremonies of a session have begun with: it tells of its user.
    pub(super) fn remove_challenges(&mut self, session: SessionId) -> Result<(), CommitError> {
        self.remove_if_there(key::passkey_challenge(ChallengeOwner::Registration(session)))?;
        self.remove_if_there(key::passkey_challenge(ChallengeOwner::Reverification(session)))?;
        Ok(())
    }

    /// Removes what a sign-in has asked for that is in progress no more, because another one took its place or it was given up.
    /// One that is finished uses up its challenge by itself.
    pub(super) fn forget_challenge(&mut self, before: Option<&Client>, next: &Client) -> Result<(), CommitError> {
        let asked = before.and_then(|client| client.sign_in.as_ref()).filter(|old| old.awaited_challenge().is_some());
        let Some(id) = asked.map(|old| old.id) else { return Ok(()) };
        let is_kept = [&next.sign_in, &next.finished_sign_in].into_iter().flatten().any(|kept| kept.id == id);
        if !is_kept {
            self.remove_if_there(key::passkey_challenge(ChallengeOwner::SignIn(id)))?;
        }
        Ok(())
    }

    /// Frees the credentials of a user who is removed.
    pub(super) fn free_passkeys(&mut self, user: &User) {
        for key in credentials(user) {
            self.remove(key);
        }
    }
}

/// The keys of the credentials of a user.
fn credentials(user: &User) -> Vec<Bytes> {
    user.passkeys.iter().filter_map(Passkey::credential_id).map(key::passkey_holder).collect()
}
