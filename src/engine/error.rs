//! What the engine answers when it can't do what was asked.

use crate::domain::rejection::{Reason, Rejection};
use crate::domain::time::Span;
use crate::store::Unready;

/// Why a call failed.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
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
    /// The caller's token was replaced while the call was under way, or a moment before: nothing was changed, and
    /// nothing is shown. Whoever has the new token asks again with that.
    #[error("the client's token has been replaced")]
    TokenReplaced,
    /// Tokens of several clients were presented at once.
    #[error("several clients at once")]
    SeveralClients,
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

/// Why an engine can't do its work at present.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum NotReady {
    /// The store knows that it can't.
    #[error(transparent)]
    Store(#[from] Unready),
    /// The store refuses what it is given, for want of room most likely. The engine tries again by itself.
    #[error("commits fail; is the disk full?")]
    CommitsFail,
}

#[cfg(test)]
mod tests {
    use crate::domain::client::ClientConflict;
    use crate::domain::identifier::IdentifierKind;
    use crate::domain::rejection::ErrorCode;
    use crate::store::CommitError;

    use super::*;

    #[test]
    fn a_refused_commit_means_the_same_in_every_call() {
        let wait = Span::from_secs(7);
        let code = |code: ErrorCode| EngineError::Rejected(code.into());
        let unavailable = |error: &EngineError| matches!(error, EngineError::Unavailable(_));
        for (error, meant) in [
            (CommitError::Client(ClientConflict::TokenReplaced), EngineError::TokenReplaced),
            (CommitError::Client(ClientConflict::Unknown), EngineError::NoClient),
            (CommitError::Client(ClientConflict::SignInChanged), EngineError::NoClient),
            (CommitError::Rejected(ErrorCode::ResourceNotFound.into()), EngineError::NotFound),
            (CommitError::Rejected(ErrorCode::TicketInvalidCode.into()), code(ErrorCode::TicketInvalidCode)),
            (CommitError::LimitExceeded { retry_after: wait }, ErrorCode::TooManyRequests.after(wait).into()),
            (CommitError::Overloaded, EngineError::Overloaded { retry_after: Span::from_secs(1) }),
        ] {
            assert_eq!(EngineError::from(error.clone()), meant, "{error:?}");
        }
        let taken = EngineError::from(CommitError::IdentifierTaken(IdentifierKind::Username));
        assert!(matches!(taken, EngineError::Rejected(rejection) if rejection.is(ErrorCode::FormIdentifierExists)));
        for error in [CommitError::Unavailable, CommitError::BadRecord, CommitError::Unknown, CommitError::Stale] {
            assert!(unavailable(&error.clone().into()), "{error:?}");
        }
    }
}
