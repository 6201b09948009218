//! Why an engine can't be built, and why it refuses or fails a call.

use crate::actors::StartError;
use crate::domain::event::Position;
use crate::domain::rejection::{Reason, Rejection};
use crate::domain::settings::InvalidSettings;
use crate::domain::time::Span;
use crate::store::{CommitError, StoreError, Unready};

/// Why a call failed. It says what the HTTP front end would answer, for embedders that answer requests themselves:
///
/// ```
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// use vestibule::{Caller, Engine, NewSignUp, RequestContext};
///
/// let engine = Engine::builder().settings(vestibule::settings::sample_settings("email_code")?).build().await?;
/// let fields = NewSignUp { email_address: Some("ada".into()), ..NewSignUp::default() };
/// let refused = engine.sign_ups().create(&Caller::anonymous(), &fields, &RequestContext::default()).await;
///
/// let error = refused.err().ok_or("that is no address")?;
/// assert_eq!(error.http_status(), 422);
/// assert_eq!((error.code(), error.param()), ("form_param_format_invalid", Some("email_address")));
/// let body = serde_json::json!({ "errors": error }); // with the texts for people
/// assert_eq!(body["errors"][0]["message"], "is invalid");
/// # engine.shutdown().await;
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum EngineError {
    /// The caller's fault, with Clerk's error codes.
    #[error(transparent)]
    Rejected(#[from] Rejection),
    /// This caller may see nothing with that id.
    #[error("nothing with that id")]
    NotFound,
    /// The call needs a client and there is none.
    #[error("no client")]
    NoClient,
    /// The caller's token was replaced during the call or a moment before: nothing was changed, and nothing is shown.
    /// The caller should retry with the new token.
    #[error("the client's token has been replaced")]
    TokenReplaced,
    /// Tokens of several clients were presented at once.
    #[error("the request names several clients")]
    SeveralClients,
    /// The session is over, or never was this client's.
    #[error("signed out")]
    SignedOut,
    /// The engine is overloaded; retry later. Nothing was changed.
    #[error("overloaded")]
    Overloaded {
        /// How long to wait before the retry.
        retry_after: Span,
    },
    /// The quota of the call's source, or of the network around it, is used up.
    #[error("a limit of the source is reached")]
    Limited {
        /// How long to wait before the retry.
        retry_after: Span,
    },
    /// Too many calls are in flight on one sign-up.
    #[error("too many calls on one sign-up")]
    Busy {
        /// How long to wait before the retry.
        retry_after: Span,
    },
    /// The reader of events continues from a position behind which events were removed because of their age. It has missed
    /// some, and begins anew from a place of its choice.
    #[error("events up to {removed_to} are no longer kept")]
    EventsLost {
        /// The position of the last event that was removed.
        removed_to: Position,
    },
    /// The store or a key can't be used, or the engine is shutting down.
    #[error("unavailable: {0}")]
    Unavailable(String),
    /// A bug in the engine; the log has the details.
    #[error("internal error")]
    Internal,
}

impl From<Reason> for EngineError {
    fn from(reason: Reason) -> Self {
        Self::Rejected(reason.into())
    }
}

/// Why an engine could not be built.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum BuildError {
    /// The settings contradict themselves.
    #[error(transparent)]
    Settings(#[from] InvalidSettings),
    /// The store can't be read.
    #[error(transparent)]
    Read(#[from] StoreError),
    /// The store can't be written.
    #[error("the store can't be written: {0}")]
    Write(#[from] CommitError),
    /// The data was written under another instance key.
    #[error("this data was written with another instance key; restore the old key file, or use another data directory")]
    WrongKey,
    /// A signing key could not be made or read.
    #[error("the signing key can't be used: {0}")]
    SigningKey(String),
    /// The password hash gives a wrong result for a known input.
    #[error("password hashing can't be used: {0}")]
    Hashing(String),
    /// The endpoints of webhooks can't be used.
    #[cfg(feature = "webhooks")]
    #[error("the endpoints of webhooks can't be used: {0}")]
    Webhooks(String),
    /// The deadline of a hook is zero or above 10 seconds.
    #[error("the deadline of a hook must be above zero, and at most 10 seconds")]
    Hook,
    /// The name of a hook after commits can't be stored, or another hook has it.
    #[error("the name of a hook must be 1 to 64 of a-z 0-9 _ - . and no other hook's: {0}")]
    HookName(String),
    /// The actors could not be started.
    #[error(transparent)]
    Actors(#[from] StartError),
}

/// Why the engine can't work at present.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum NotReady {
    /// The store reports that it can't.
    #[error(transparent)]
    Store(#[from] Unready),
    /// The store refuses commits, most likely because its disk is full. The engine retries by itself.
    #[error("commits fail; is the disk full?")]
    CommitsFail,
}

#[cfg(test)]
mod tests {
    use crate::domain::client::ClientConflict;
    use crate::domain::identifier::IdentifierKind;
    use crate::domain::rejection::ErrorCode;

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
            (CommitError::Locked { remaining: Some(wait) }, Reason::from(ErrorCode::UserLocked).with(7).into()),
            (CommitError::Locked { remaining: None }, code(ErrorCode::UserLocked)),
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
