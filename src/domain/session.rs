//! Sessions: a user being signed in on a client (CONTRACT 13).

use super::id::{ClientId, SessionId, UserId};
use super::time::{Span, Timestamp};

/// A session. It lives on its client, which is the only one to use it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Session {
    /// Its id.
    pub id: SessionId,
    /// Who is signed in.
    pub user_id: UserId,
    /// On which client.
    pub client_id: ClientId,
    /// Where it stands; expiry is computed.
    pub status: SessionStatus,
    /// When it began.
    pub created_at: Timestamp,
    /// When it last changed.
    pub updated_at: Timestamp,
    /// When it was last used.
    pub last_active_at: Timestamp,
    /// When it ends by itself.
    pub expire_at: Timestamp,
    /// The origin it was made from, for the `azp` of requests that send none (DESIGN 7).
    pub origin: Option<String>,
}

/// The stored statuses of a session.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[expect(missing_docs, reason = "the words of CONTRACT 13")]
pub enum SessionStatus {
    Active,
    Ended,
    Removed,
    Replaced,
}

impl Session {
    /// Whether it can be used at `now`.
    pub fn is_live(&self, now: Timestamp) -> bool {
        self.status == SessionStatus::Active && now < self.expire_at
    }

    /// When Clerk would forget it: 30 days after it expires (CONTRACT 13).
    pub fn abandon_at(&self) -> Timestamp {
        self.expire_at + Span::from_secs(30 * 86_400)
    }
}
