//! What the engine answers when it can't do what was asked.

use crate::domain::rejection::{Reason, Rejection};
use crate::domain::time::Span;

/// Why a call failed.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum EngineError {
    /// The caller's fault, in Clerk's codes.
    #[error(transparent)]
    Rejected(#[from] Rejection),
    /// Nothing that this caller may see has that id.
    #[error("nothing with that id")]
    NotFound,
    /// The call needs a client and there is none.
    #[error("no client")]
    NoClient,
    /// The session is over, or never was this client's.
    #[error("signed out")]
    SignedOut,
    /// Too much is going on; try again later. Nothing was changed.
    #[error("overloaded")]
    Overloaded {
        /// When to try again.
        retry_after: Span,
    },
    /// The source of the call, or the network around it, has used up what it may do.
    #[error("too much from one source")]
    Limited {
        /// When to try again.
        retry_after: Span,
    },
    /// Too many calls are in flight on one sign-up.
    #[error("too many calls on one sign-up")]
    Busy {
        /// When to try again.
        retry_after: Span,
    },
    /// The store or a key can't be used, or the engine is shutting down.
    #[error("unavailable: {0}")]
    Unavailable(String),
    /// A defect in the engine; the log says more.
    #[error("internal error")]
    Internal,
}

impl From<Reason> for EngineError {
    fn from(reason: Reason) -> Self {
        Self::Rejected(reason.into())
    }
}
