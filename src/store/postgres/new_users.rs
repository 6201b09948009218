//! What the application writes with SQL of its own in the transaction that makes a user.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::time::Duration;

use bytes::Bytes;
use tokio::time::Instant;
use tokio_postgres::error::SqlState;
use tokio_postgres::types::{ToSql, Type};
use tokio_postgres::{Client, Error};

use crate::domain::id::SessionId;
use crate::domain::refusal::{Declined, Refusal};
use crate::domain::rejection::{Reason, Rejection};
use crate::domain::user::User;
use crate::store::kv::projection::NewUser;

/// SQL of the application's own that runs in the transaction that makes a user: its rows are there if and only if the user
/// is. It is asked for each new user, whether a sign-up, a sign-in with an account at a provider, or the backend makes it.
///
/// The transaction makes many users at once, and all of them wait for it, so the statements should be few and quick. The row of
/// the user in the table for SQL is there before them, so they may refer to it. A statement that fails undoes everything, and
/// is no user: what was proved is not used up, the sign-up stays open, and the person may try again. Other users of the same
/// transaction are made without that one.
///
/// A statement that takes longer than a second, or waits longer than 250 ms for a lock, is no refusal: the store is overloaded
/// for its user. Where it goes on like that for a second, it is for all users of the batch; other commits go on.
///
/// A transaction may be made again, where it was not written: so what is not in the database must not happen here.
pub trait NewUserSql: Send + Sync + 'static {
    /// The statements, in their order. Neither of them may begin or end a transaction. The session is that of the sign-up.
    fn statements(&self, user: &User, session_id: Option<SessionId>) -> Vec<SqlStatement>;

    /// What a person is told whose user is not made because a statement failed; `None` says that the sign-up could not be checked
    /// (`sign_up_check_failed`), and logs the error.
    fn refusal(&self, _failure: &SqlFailure) -> Option<Refusal> {
        None
    }
}

/// A statement with its parameters.
#[derive(Clone, Debug, PartialEq)]
pub struct SqlStatement {
    text: String,
    parameters: Vec<SqlValue>,
}

/// A parameter: NULL, or a value of `boolean`, `bigint`, `double precision`, `text` or `bytea`. Others are cast in the
/// statement: `$1::jsonb`.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub enum SqlValue {
    /// A `boolean`.
    Boolean(Option<bool>),
    /// A `bigint`.
    Integer(Option<i64>),
    /// A `double precision`.
    Float(Option<f64>),
    /// A `text`.
    Text(Option<String>),
    /// A `bytea`.
    Bytes(Option<Vec<u8>>),
}

/// Why a statement failed.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct SqlFailure {
    /// The SQLSTATE: `23505` where a key is not unique, `P0001` where a function of PL/pgSQL raises an exception.
    pub code: String,
    /// The constraint that does not hold, where the database names one.
    pub constraint: Option<String>,
    /// The words of the database, or of the exception.
    pub message: String,
}

/// Why a batch was not written.
#[derive(Debug)]
pub(super) enum WriteError {
    Database(Error),
    /// A new user, by its key, is refused by the application.
    Refused(Bytes, Rejection),
    /// The application's statements took too long, or waited for a lock: those for the user with this key, or all together.
    Slow(Option<Bytes>),
}

impl From<Error> for WriteError {
    fn from(error: Error) -> Self {
        Self::Database(error)
    }
}

impl SqlStatement {
    /// A statement without parameters; in its text they are `$1`, `$2` and so on.
    pub fn new(text: impl Into<String>) -> Self {
        Self { text: text.into(), parameters: Vec::new() }
    }

    /// The same with the next parameter.
    pub fn bind(mut self, value: impl Into<SqlValue>) -> Self {
        self.parameters.push(value.into());
        self
    }

    async fn run(&self, client: &Client) -> Result<(), Error> {
        let parameters: Vec<_> = self.parameters.iter().map(SqlValue::typed).collect();
        client.query_typed(&self.text, &parameters).await.map(drop)
    }
}

impl SqlValue {
    fn typed(&self) -> (&(dyn ToSql + Sync), Type) {
        match self {
            Self::Boolean(value) => (value, Type::BOOL),
            Self::Integer(value) => (value, Type::INT8),
            Self::Float(value) => (value, Type::FLOAT8),
            Self::Text(value) => (value, Type::TEXT),
            Self::Bytes(value) => (value, Type::BYTEA),
        }
    }
}

/// Values and optional values of a type.
macro_rules! values {
    ($($type:ty => $variant:ident)*) => {
        $(
            impl From<$type> for SqlValue {
                fn from(value: $type) -> Self {
                    Self::$variant(Some(value))
                }
            }

            impl From<Option<$type>> for SqlValue {
                fn from(value: Option<$type>) -> Self {
                    Self::$variant(value)
                }
            }
        )*
    };
}

values! { bool => Boolean i64 => Integer f64 => Float String => Text Vec<u8> => Bytes }

impl From<&str> for SqlValue {
    fn from(value: &str) -> Self {
        Self::Text(Some(value.to_owned()))
    }
}

/// Runs what the application has for these users, in the transaction that is open.
pub(super) async fn run(client: &Client, sql: &dyn NewUserSql, users: &[NewUser]) -> Result<(), WriteError> {
    client.batch_execute(BOUNDED).await?;
    let begun = Instant::now();
    for NewUser { key, user, session_id } in users {
        let refused = |declined: &Declined| WriteError::Refused(key.clone(), Reason::from(declined).into());
        let Ok(statements) = catch_unwind(AssertUnwindSafe(|| sql.statements(user, *session_id))) else {
            tracing::error!("the application's SQL for a new user could not be made: it panicked");
            return Err(refused(&Declined::Unchecked));
        };
        for statement in statements {
            if begun.elapsed() > ALL_WITHIN {
                tracing::warn!(
                    users = users.len(),
                    "the application's SQL for the new users of a batch takes too long"
                );
                return Err(WriteError::Slow(None));
            }
            let Err(error) = statement.run(client).await else { continue };
            if is_slow(&error) {
                let code = error.code().map(SqlState::code);
                tracing::warn!(code, "the application's SQL for a new user waits for a lock or takes too long");
                return Err(WriteError::Slow(Some(key.clone())));
            }
            let Some(failure) = failure_of(&error) else { return Err(error.into()) };
            let refusal = catch_unwind(AssertUnwindSafe(|| sql.refusal(&failure))).unwrap_or_default();
            let declined = refusal.map_or(Declined::Unchecked, Declined::Refused);
            if declined == Declined::Unchecked {
                // Without its words, which may have what people have typed.
                let SqlFailure { code, constraint, .. } = &failure;
                tracing::error!(code, constraint, "the application's SQL for a new user failed");
            }
            return Err(refused(&declined));
        }
    }
    // The end of the transaction may wait for a standby, and is never ended by time.
    Ok(client.batch_execute(UNBOUNDED).await?)
}

/// Whether the statement was ended because of its time.
fn is_slow(error: &Error) -> bool {
    error.code().is_some_and(|code| [SqlState::LOCK_NOT_AVAILABLE, SqlState::QUERY_CANCELED].contains(code))
}

/// The failure of the statement itself; `None` where the transaction has failed for another reason, such as its connection or a
/// full disk.
fn failure_of(error: &Error) -> Option<SqlFailure> {
    let failure = error.as_db_error()?;
    let code = failure.code();
    let is_of_transaction = ["08", "40", "53", "57P", "58", "XX"].iter().any(|class| code.code().starts_with(class))
        || *code == SqlState::IDLE_IN_TRANSACTION_SESSION_TIMEOUT;
    (!is_of_transaction).then(|| SqlFailure {
        code: code.code().to_owned(),
        constraint: failure.constraint().map(str::to_owned),
        message: failure.message().to_owned(),
    })
}

/// After how long no further statement of a batch begins.
const ALL_WITHIN: Duration = Duration::from_secs(2);
const BOUNDED: &str = "SET LOCAL statement_timeout = '1s'";
const UNBOUNDED: &str = "SET LOCAL statement_timeout = 0";
