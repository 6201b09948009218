//! Sign-in tokens: the application's backend lets a person sign in once to a user that exists, without any other proof
//! ([guide: Sign-in tokens](crate::guide::contract_backend#sign-in-tokens)).

use super::context::Context;
use super::id::{SignInTokenId, UserId};
use super::rejection::{ErrorCode, Reason};
use super::time::{Span, Timestamp};

/// A sign-in token. Its ticket is derived from its id, so it holds no secret.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct SignInToken {
    /// Its id.
    pub id: SignInTokenId,
    /// The user to whom it signs in.
    pub user_id: UserId,
    /// Its stored status; expiry is derived from the time.
    pub status: SignInTokenStatus,
    /// When it was created.
    pub created_at: Timestamp,
    /// When it last changed.
    pub updated_at: Timestamp,
    /// When it expires.
    pub expire_at: Timestamp,
}

/// The status of a sign-in token, in the words of Clerk's Backend API. It has none for a token that has expired.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum SignInTokenStatus {
    /// Neither used nor revoked.
    Pending,
    /// Used for a sign-in.
    Accepted,
    /// Revoked by the backend.
    Revoked,
}

impl SignInToken {
    /// A new token for this user. It is valid for `expires_in`; 30 days if absent.
    ///
    /// # Errors
    /// `form_param_value_invalid` for a validity of less than a second or more than ten years.
    pub fn issue(user_id: UserId, expires_in: Option<Span>, cx: &mut Context<'_>) -> Result<Self, Reason> {
        let expires_in = expires_in.unwrap_or(VALID_FOR);
        if expires_in < VALID_FOR_MIN || expires_in > VALID_FOR_MAX {
            return Err(ErrorCode::FormParamValueInvalid.on("expires_in_seconds"));
        }
        Ok(Self {
            id: SignInTokenId::generate(cx.now, cx.entropy),
            user_id,
            status: SignInTokenStatus::Pending,
            created_at: cx.now,
            updated_at: cx.now,
            expire_at: cx.now + expires_in,
        })
    }

    /// A token as it is stored.
    pub(crate) const fn restore(
        (id, user_id): (SignInTokenId, UserId),
        status: SignInTokenStatus,
        [created_at, updated_at, expire_at]: [Timestamp; 3],
    ) -> Self {
        Self { id, user_id, status, created_at, updated_at, expire_at }
    }

    /// Whether it signs in at `now`.
    ///
    /// # Errors
    /// `sign_in_token_already_used_code`, `sign_in_token_revoked_code`, `ticket_expired_code`.
    pub fn check_redeemable(&self, now: Timestamp) -> Result<(), ErrorCode> {
        match self.status {
            SignInTokenStatus::Accepted => Err(ErrorCode::SignInTokenAlreadyUsed),
            SignInTokenStatus::Revoked => Err(ErrorCode::SignInTokenRevoked),
            SignInTokenStatus::Pending if now >= self.expire_at => Err(ErrorCode::TicketExpiredCode),
            SignInTokenStatus::Pending => Ok(()),
        }
    }

    /// The token after a sign-in to `user`. It must be valid at this moment, even if it was when the sign-in was decided.
    ///
    /// # Errors
    /// As [`Self::check_redeemable`]; `sign_in_token_cannot_be_used_code` for another user than its own.
    pub fn accepted(&self, user: UserId, now: Timestamp) -> Result<Self, ErrorCode> {
        self.check_redeemable(now)?;
        if self.user_id != user {
            return Err(ErrorCode::SignInTokenCannotBeUsed);
        }
        Ok(Self { status: SignInTokenStatus::Accepted, updated_at: now, ..self.clone() })
    }

    /// The token after the backend revokes it; one that has expired can be revoked too.
    ///
    /// # Errors
    /// `sign_in_token_cannot_be_revoked_code` for one that was used or revoked.
    pub fn revoked(&self, now: Timestamp) -> Result<Self, ErrorCode> {
        match self.status {
            SignInTokenStatus::Pending => {
                Ok(Self { status: SignInTokenStatus::Revoked, updated_at: now, ..self.clone() })
            }
            SignInTokenStatus::Accepted | SignInTokenStatus::Revoked => Err(ErrorCode::SignInTokenCannotBeRevoked),
        }
    }

    /// Whether its record may be deleted: it has expired so long ago that its state is of no use to anyone.
    pub fn is_forgotten(&self, now: Timestamp) -> bool {
        self.expire_at + KEPT <= now
    }
}

impl SignInTokenStatus {
    /// The word on the wire.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Pending => "pending",
            Self::Accepted => "accepted",
            Self::Revoked => "revoked",
        }
    }
}

/// How long a token is valid, as in Clerk: 30 days.
const VALID_FOR: Span = Span::from_secs(2_592_000);
const VALID_FOR_MIN: Span = Span::from_secs(1);
const VALID_FOR_MAX: Span = Span::from_secs(315_360_000);
/// How long a token is kept after it expires, so that a person with an old link is told why it does not work.
const KEPT: Span = Span::from_secs(7 * 86_400);
