//! The store's contract: the requirements for every back end, tested by one suite for all of them.

use std::sync::Arc;

use crate::domain::client::{Client, ClientChange, ClientConflict};
use crate::domain::id::{ClientId, InvitationId, MessageId, SignUpId, UserId, WaitlistEntryId};
use crate::domain::identifier::{Identifier, IdentifierKind};
use crate::domain::invitation::Invitation;
use crate::domain::policy::{AddressLimits, RetentionPolicy};
use crate::domain::quota::QuotaUse;
use crate::domain::rejection::Rejection;
use crate::domain::sign_in::{Entry, Try};
use crate::domain::sign_up::SignUp;
use crate::domain::time::{Span, Timestamp};
use crate::domain::user::User;
use crate::domain::waitlist::WaitlistEntry;

use super::health::Health;
use super::kv::retention::{ExpiredKey, ScanCursor, ScanPage};

/// A future that can be kept behind a trait object.
pub use futures_util::future::BoxFuture;

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

/// Why a commit was refused or failed.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum CommitError {
    /// Another user holds the identifier.
    #[error("the {0:?} belongs to another user")]
    IdentifierTaken(IdentifierKind),
    /// The sign-up has another version than expected, or the user who signs in is gone or has changed.
    #[error("what was to change was changed by somebody else")]
    Stale,
    /// The changes do not apply to the client.
    #[error(transparent)]
    Client(#[from] ClientConflict),
    /// A value that it would change refuses the change, or does not exist.
    #[error(transparent)]
    Rejected(#[from] Rejection),
    /// A quota is used up.
    #[error("a limit is reached")]
    LimitExceeded {
        /// How long until it is available again.
        retry_after: Span,
    },
    /// Too many commits are waiting; certainly not written.
    #[error("the store is overloaded")]
    Overloaded,
    /// A record that it needs can't be read, or would be too large; certainly not written. Other commits are not
    /// affected.
    #[error("a record can't be read or written")]
    BadRecord,
    /// The store can't write now; certainly not written.
    #[error("the store is unavailable")]
    Unavailable,
    /// The store failed while writing: it may have been written.
    #[error("the outcome of the write is unknown")]
    Unknown,
}

/// Why a read failed.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum StoreError {
    /// The store can't read now.
    #[error("the store is unavailable: {0}")]
    Unavailable(String),
    /// The stored bytes fail their checksum or can't be decoded. None of them are served.
    #[error("a stored record is damaged: {0}")]
    Damaged(String),
    /// A record is larger than an entry may be, so it is not written.
    #[error("a record is too large: {0}")]
    TooLarge(String),
}

/// A store, as the engine uses it. It can't be implemented outside of this crate, because its values and rules change with
/// the engine. A back end of your own implements [`KeyValue`](super::KeyValue), and
/// [`KvStore`](super::KvStore) makes a store of it.
pub trait Store: sealed::Sealed + Send + Sync + 'static {
    /// Makes each commit, or returns why not: one answer for each, in order. Returns once everything acknowledged is as
    /// durable as the store is configured to make it. Called by one persister at a time.
    fn commit(&self, batch: Vec<Commit>) -> BoxFuture<'_, Vec<Result<Committed, CommitError>>>;

    /// A sign-up, open or finished.
    fn sign_up(&self, id: SignUpId) -> BoxFuture<'_, Result<Option<SignUp>, StoreError>>;

    /// A user.
    fn user(&self, id: UserId) -> BoxFuture<'_, Result<Option<Arc<User>>, StoreError>>;

    /// A client, without the sessions that their users ended elsewhere.
    fn client(&self, id: ClientId) -> BoxFuture<'_, Result<Option<Arc<Client>>, StoreError>>;

    /// The user who holds an identifier. Only a hint: the commit decides.
    fn owner<'a>(&'a self, identifier: &'a Identifier) -> BoxFuture<'a, Result<Option<UserId>, StoreError>>;

    /// An invitation.
    fn invitation(&self, id: InvitationId) -> BoxFuture<'_, Result<Option<Invitation>, StoreError>>;

    /// Invitations, oldest first, from after `after`.
    fn invitations(
        &self,
        after: Option<InvitationId>,
        limit: usize,
    ) -> BoxFuture<'_, Result<Vec<Invitation>, StoreError>>;

    /// An entry of the waiting list.
    fn waitlist_entry(&self, id: WaitlistEntryId) -> BoxFuture<'_, Result<Option<WaitlistEntry>, StoreError>>;

    /// Entries of the waiting list in the order of their ids, from after `after`.
    fn waitlist(
        &self,
        after: Option<WaitlistEntryId>,
        limit: usize,
    ) -> BoxFuture<'_, Result<Vec<WaitlistEntry>, StoreError>>;

    /// Unsent messages, oldest first, from after `after`.
    fn outbox(&self, after: Option<MessageId>, limit: usize) -> BoxFuture<'_, Result<Vec<OutboxEntry>, StoreError>>;

    /// Sign-ups listed under a deadline that has passed at `now`, earliest first. Their actual deadline may be later by
    /// now.
    fn due(&self, now: Timestamp, limit: usize) -> BoxFuture<'_, Result<Vec<(Timestamp, SignUpId)>, StoreError>>;

    /// Continues the scan of the records from `place`, with at most `limit` of them, and returns the expired ones.
    fn scan_expired(
        &self,
        place: ScanCursor,
        keep: RetentionPolicy,
        now: Timestamp,
        limit: usize,
    ) -> BoxFuture<'_, Result<ScanPage, StoreError>>;

    /// A named value.
    fn value<'a>(&'a self, name: &'a str) -> BoxFuture<'a, Result<Option<Vec<u8>>, StoreError>>;

    /// Whether the store can commit now, or why not. Does not wait, so any thread may call it.
    fn health(&self) -> Health;

    /// Whether the store can commit now.
    fn is_healthy(&self) -> bool {
        self.health().is_ok()
    }

    /// Writes what is still in memory and closes the files.
    fn close(&self) -> BoxFuture<'_, ()>;
}

pub(crate) mod sealed {
    /// Implemented by the stores of this crate only.
    pub trait Sealed {}
}
