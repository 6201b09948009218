//! The store's contract: what every back end does, tested by one suite for all of them.

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
    /// The moment of the decision; counters and clients take their time from it.
    pub at: Timestamp,
    /// The next value of a sign-up. With a `user`, the finished sign-up is kept inside that user's record.
    pub sign_up: Option<SignUpWrite>,
    /// A user that comes into being; its identifiers are claimed.
    pub user: Option<User>,
    /// Somebody signs in to a user who is there already. Refused as [`CommitError::Stale`] where what they proved is
    /// not that user's any more.
    pub entry: Option<Entry>,
    /// A try at signing in to be counted. Refused as [`CommitError::LimitExceeded`] where there is no room for it,
    /// right or wrong.
    pub tried: Option<Try>,
    /// Changes to a client.
    pub client: Option<ClientWrite>,
    /// What happens to invitations, in order.
    pub invitations: Vec<InvitationChange>,
    /// What happens to the waiting list, in order.
    pub waitlist: Vec<WaitlistChange>,
    /// What is to leave.
    pub outbox: Vec<OutboxEntry>,
    /// Messages that are done with.
    pub sent: Vec<MessageId>,
    /// Budgets to use, and how large they are.
    pub quota_uses: Vec<QuotaUse>,
    /// The sizes of the budgets; `None` counts nothing.
    pub limits: Option<AddressLimits>,
    /// Sign-ups to forget, with the deadline each is listed under: the sweeper's. One that was given a deadline
    /// after `at` in the meantime is kept and listed under that one.
    pub expire: Vec<(Timestamp, SignUpId)>,
    /// Sign-ups to list under another deadline: the old one, the new one, which.
    pub reindex: Vec<(Timestamp, Timestamp, SignUpId)>,
    /// Records that were over when the walk came by, and how long records are kept. Each is looked at again.
    pub collect_garbage: (RetentionPolicy, Vec<ExpiredKey>),
    /// Named values to write, such as sealed keys.
    pub values: Vec<(String, Vec<u8>)>,
    /// Whether the acknowledgement may come before the disk has it, where the store's durability allows that.
    pub relaxed: bool,
}

/// The next value of a sign-up.
#[derive(Clone, Debug)]
pub struct SignUpWrite {
    /// The value.
    pub next: SignUp,
    /// The version it was made from; `None` for a new one.
    pub expected_version: Option<u64>,
    /// When the sweeper should look at it. A new sign-up is listed under it; one that is known stays listed where
    /// it is, because deadlines move later at every write, and the sweeper lists it anew when it comes by.
    pub deadline: Timestamp,
}

/// Changes to a client.
#[derive(Clone, Debug)]
pub struct ClientWrite {
    /// Which client.
    pub id: ClientId,
    /// What changes, in order.
    pub changes: Vec<ClientChange>,
}

/// What happens to an invitation.
#[derive(Clone, Debug)]
pub enum InvitationChange {
    /// It is made.
    Issue {
        /// The invitation.
        invitation: Box<Invitation>,
        /// Whether it may be beside another one that is pending for the same address.
        beside_others: bool,
    },
    /// Somebody who became a user has used it; who waited is done with waiting.
    Accept(InvitationId, UserId),
    /// It is taken back.
    Revoke(InvitationId),
    /// It is forgotten.
    Delete(InvitationId),
}

/// What happens to an entry of the waiting list.
#[derive(Clone, Debug)]
pub enum WaitlistChange {
    /// Somebody joins; whoever is on the list already stays as they are.
    Join(Box<WaitlistEntry>),
    /// They are let in.
    Invite(WaitlistEntryId, InvitationId),
    /// They are not, and what invitation they have is taken back.
    Reject(WaitlistEntryId),
    /// They are taken off.
    Delete(WaitlistEntryId),
}

/// Something on its way out; its secret part is sealed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OutboxEntry {
    /// Its id, the same over retries.
    pub id: MessageId,
    /// What it is, and where it goes.
    pub kind: OutboxKind,
    /// What it says, such as a code and the token of a link, sealed under the instance key.
    pub sealed: Vec<u8>,
    /// When it was made.
    pub created_at: Timestamp,
    /// After this it is not sent any more.
    pub expire_at: Timestamp,
}

/// What an entry of the outbox is. Every use of it names each kind, so that the compiler shows what a new one touches.
/// It also needs a record of its own, with the next schema number.
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

/// What a commit leaves behind that its caller wants to show.
#[derive(Clone, Debug, Default)]
pub struct Committed {
    /// The client after the changes.
    pub client: Option<Arc<Client>>,
    /// The generation of its token before them; `None` where this commit opened it.
    pub generation_before: Option<u32>,
}

/// Why a commit was not made.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum CommitError {
    /// Another user holds the identifier.
    #[error("the {0:?} belongs to another user")]
    IdentifierTaken(IdentifierKind),
    /// The sign-up has another version than expected, or the user who signs in is gone or has changed.
    #[error("what was to change was changed by somebody else")]
    Stale,
    /// The client does not allow it.
    #[error(transparent)]
    Client(#[from] ClientConflict),
    /// What it would change refuses that, or is not there.
    #[error(transparent)]
    Rejected(#[from] Rejection),
    /// A budget is spent.
    #[error("a limit is reached")]
    LimitExceeded {
        /// When it is filled again.
        retry_after: Span,
    },
    /// Too much is waiting; certainly not written.
    #[error("the store is overloaded")]
    Overloaded,
    /// A record that it concerns can't be read, or would be too large; certainly not written. Others are not affected.
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
    /// What is stored fails its checksum or can't be decoded. Nothing of it is served.
    #[error("a stored record is damaged: {0}")]
    Damaged(String),
    /// A record is larger than an entry may be, and so is not written.
    #[error("a record is too large: {0}")]
    TooLarge(String),
}

/// A back end.
pub trait Store: Send + Sync + 'static {
    /// Makes each commit, or says why not; one answer for each, in order. Returns once everything acknowledged is
    /// as durable as the store was told to make it. Called by one persister at a time.
    fn commit(&self, batch: Vec<Commit>) -> BoxFuture<'_, Vec<Result<Committed, CommitError>>>;

    /// A sign-up, open or finished.
    fn sign_up(&self, id: SignUpId) -> BoxFuture<'_, Result<Option<SignUp>, StoreError>>;

    /// A user.
    fn user(&self, id: UserId) -> BoxFuture<'_, Result<Option<Arc<User>>, StoreError>>;

    /// A client, without the sessions that their users ended elsewhere.
    fn client(&self, id: ClientId) -> BoxFuture<'_, Result<Option<Arc<Client>>, StoreError>>;

    /// Who holds an identifier. Courtesy only: the commit decides.
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

    /// Sign-ups listed under a deadline that has come at `now`, earliest first. They may have a later one by now.
    fn due(&self, now: Timestamp, limit: usize) -> BoxFuture<'_, Result<Vec<(Timestamp, SignUpId)>, StoreError>>;

    /// Walks on through the records from `place`, `limit` of them at most, and tells which are over.
    fn scan_expired(
        &self,
        place: ScanCursor,
        keep: RetentionPolicy,
        now: Timestamp,
        limit: usize,
    ) -> BoxFuture<'_, Result<ScanPage, StoreError>>;

    /// A named value.
    fn value<'a>(&'a self, name: &'a str) -> BoxFuture<'a, Result<Option<Vec<u8>>, StoreError>>;

    /// Whether the store can commit now, or why not. Waits for nothing, so that it may be asked on any thread.
    fn health(&self) -> Health;

    /// Whether the store can commit now.
    fn is_healthy(&self) -> bool {
        self.health().is_ok()
    }

    /// Writes out what is still in memory and lets go of the files.
    fn close(&self) -> BoxFuture<'_, ()>;
}
