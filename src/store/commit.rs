//! A commit: what it writes, and what it answers.

use std::sync::Arc;

use crate::domain::client::{Client, ClientChange};
use crate::domain::id::{ClientId, InvitationId, MessageId, SignUpId, UserId, WaitlistEntryId};
use crate::domain::identifier::Identifier;
use crate::domain::invitation::Invitation;
use crate::domain::policy::{AddressLimits, RetentionPolicy};
use crate::domain::quota::QuotaUse;
use crate::domain::sign_in::{Entry, Try};
use crate::domain::sign_up::SignUp;
use crate::domain::time::Timestamp;
use crate::domain::user::User;
use crate::domain::waitlist::WaitlistEntry;

#[cfg(doc)]
use super::error::CommitError;
use super::scan::ExpiredKey;

/// One atomic unit: all of it is written or nothing.
#[derive(Clone, Debug, Default)]
pub struct Commit {
    /// The time of the decision, used for counters and clients.
    pub at: Timestamp,
    /// The next value of a sign-up. With a `user`, the finished sign-up is stored inside that user's record.
    pub sign_up: Option<SignUpWrite>,
    /// A new user; its identifiers are claimed.
    pub user: Option<User>,
    /// A sign-in to an existing user. Refused as [`CommitError::Stale`] if what was proved no longer belongs to that
    /// user.
    pub entry: Option<Entry>,
    /// An attempt to sign in, to be counted. Refused as [`CommitError::LimitExceeded`] if its allowance is used up,
    /// whether it is right or wrong.
    pub tried: Option<Try>,
    /// Changes to a client.
    pub client: Option<ClientWrite>,
    /// Changes to invitations, in order.
    pub invitations: Vec<InvitationChange>,
    /// Changes to the waiting list, in order.
    pub waitlist: Vec<WaitlistChange>,
    /// New outbox entries.
    pub outbox: Vec<OutboxEntry>,
    /// Messages that need no more sending; they leave the outbox.
    pub sent: Vec<MessageId>,
    /// Uses of the exact quotas.
    pub quota_uses: Vec<QuotaUse>,
    /// The sizes of the quotas; `None` counts nothing.
    pub limits: Option<AddressLimits>,
    /// Sign-ups to delete, each with the deadline it is listed under; from the sweeper. One whose deadline was moved
    /// beyond `at` in the meantime is kept and listed under its new deadline.
    pub expire: Vec<(Timestamp, SignUpId)>,
    /// Sign-ups to list under another deadline: the old one, the new one, the sign-up.
    pub reindex: Vec<(Timestamp, Timestamp, SignUpId)>,
    /// Records that were expired at the time of the scan, and how long records are kept. Each record is checked again.
    pub collect_garbage: (RetentionPolicy, Vec<ExpiredKey>),
    /// Named values to write, such as sealed keys.
    pub values: Vec<(String, Vec<u8>)>,
    /// Whether the commit may be acknowledged before it is on disk, if the store's durability allows that.
    pub relaxed: bool,
}

/// The next value of a sign-up.
#[derive(Clone, Debug)]
pub struct SignUpWrite {
    /// The value.
    pub next: SignUp,
    /// The version that it was made from; `None` for a new one.
    pub expected_version: Option<u64>,
    /// When the sweeper should check it. A new sign-up is listed under it. A known one keeps its place in the list,
    /// because every write moves the deadline later; the sweeper lists it again when it checks it.
    pub deadline: Timestamp,
}

/// Changes to a client.
#[derive(Clone, Debug)]
pub struct ClientWrite {
    /// The client's id.
    pub id: ClientId,
    /// The changes, in order.
    pub changes: Vec<ClientChange>,
}

/// A change to an invitation.
#[derive(Clone, Debug)]
pub enum InvitationChange {
    /// Create it.
    Issue {
        /// The invitation.
        invitation: Box<Invitation>,
        /// Whether it may exist beside another pending one for the same address.
        beside_others: bool,
    },
    /// Mark it as used by a new user; this also completes the user's entry on the waiting list.
    Accept(InvitationId, UserId),
    /// Revoke it.
    Revoke(InvitationId),
    /// Delete it.
    Delete(InvitationId),
}

/// A change to an entry of the waiting list.
#[derive(Clone, Debug)]
pub enum WaitlistChange {
    /// Add an entry; an existing one stays unchanged.
    Join(Box<WaitlistEntry>),
    /// Invite it with this invitation.
    Invite(WaitlistEntryId, InvitationId),
    /// Reject it, and revoke its invitation.
    Reject(WaitlistEntryId),
    /// Delete it.
    Delete(WaitlistEntryId),
}

/// An outbox entry; its secret part is sealed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OutboxEntry {
    /// Its id; retries have the same one.
    pub id: MessageId,
    /// Its kind and recipient.
    pub kind: OutboxKind,
    /// The secret content, such as a code and the token of a link, sealed under the instance key.
    pub sealed: Vec<u8>,
    /// When it was created.
    pub created_at: Timestamp,
    /// When it is no longer sent.
    pub expire_at: Timestamp,
}

/// The kind of an outbox entry. Every use matches all kinds, so that the compiler shows what a new kind affects. A new
/// kind also needs a record of its own, with the next schema number.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum OutboxKind {
    /// A message to an address.
    Message {
        /// The normalised address.
        to: Identifier,
        /// The address as typed.
        display_to: String,
    },
}

/// Results of a commit that its caller may show.
#[derive(Clone, Debug, Default)]
pub struct Committed {
    /// The client after the changes.
    pub client: Option<Arc<Client>>,
    /// The generation of its token before the changes; `None` if this commit created it.
    pub generation_before: Option<u32>,
}
