//! Why a commit or a read fails.

use crate::domain::client::ClientConflict;
use crate::domain::identifier::IdentifierKind;
use crate::domain::rejection::Rejection;
use crate::domain::time::Span;

/// Why a commit was refused or failed.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum CommitError {
    /// Another user holds the identifier.
    #[error("the {0:?} belongs to another user")]
    IdentifierTaken(IdentifierKind),
    /// The sign-up or the user has another version than expected, or the user who signs in is gone or has changed.
    #[error("the value was changed by another commit")]
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
    /// Failures in a row have locked the account for attempts of this kind.
    #[error("the account is locked")]
    Locked {
        /// How long still; `None` until it is unlocked.
        remaining: Option<Span>,
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
