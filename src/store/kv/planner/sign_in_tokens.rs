//! How commits change sign-in tokens: that one is used once is decided here.

use crate::domain::id::{SignInTokenId, UserId};
use crate::domain::rejection::{ErrorCode, Rejection};
use crate::domain::sign_in_token::SignInToken;
use crate::domain::time::Timestamp;
use crate::store::commit::SignInTokenChange;
use crate::store::error::CommitError;
use crate::store::kv::key;
use crate::store::kv::reads::Reads;
use crate::store::kv::record::SignInTokenRecordV1;

use super::Transaction;

impl<K: Reads> Transaction<'_, '_, K> {
    pub(super) fn sign_in_token(&mut self, change: &SignInTokenChange, at: Timestamp) -> Result<(), CommitError> {
        let missing = || Rejection::from(ErrorCode::ResourceNotFound);
        let next = match change {
            SignInTokenChange::Issue(token) => {
                self.known_user(token.user_id)?.ok_or_else(missing)?;
                (**token).clone()
            }
            SignInTokenChange::Revoke(id) => {
                let known = self.known_sign_in_token(*id)?.ok_or_else(missing)?;
                known.revoked(at).map_err(Rejection::from)?
            }
        };
        Ok(self.put(key::sign_in_token(next.id), &SignInTokenRecordV1::from(&next))?)
    }

    /// Marks a token as used by a sign-in to `user`.
    pub(super) fn accept_sign_in_token(
        &mut self,
        id: SignInTokenId,
        user: UserId,
        at: Timestamp,
    ) -> Result<(), CommitError> {
        let known = self.known_sign_in_token(id)?.ok_or_else(|| Rejection::from(ErrorCode::TicketInvalidCode))?;
        let accepted = known.accepted(user, at).map_err(Rejection::from)?;
        Ok(self.put(key::sign_in_token(id), &SignInTokenRecordV1::from(&accepted))?)
    }

    fn known_sign_in_token(&self, id: SignInTokenId) -> Result<Option<SignInToken>, CommitError> {
        let record: Option<SignInTokenRecordV1> = self.record(&key::sign_in_token(id))?;
        Ok(record.map(SignInToken::from))
    }
}
