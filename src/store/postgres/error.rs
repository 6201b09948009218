//! Why a database can't be used.

use super::pool::in_words;
use super::statements::FORMAT;

/// Why a database can't be used.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum PostgresError {
    /// The URL can't be read. It is not shown, because it may have a password.
    #[error("the URL of the database can't be read: {0}")]
    Url(String),
    /// The prefix can't be the beginning of the names of tables.
    #[error("a prefix of tables has at most 48 lower-case letters, digits and underscores, and begins with no digit")]
    Prefix,
    /// TLS can't be used: this system, or the file that the URL names, has no root certificates.
    #[error("TLS to the database can't be used: {0}")]
    Tls(String),
    /// There is no connection.
    #[error("the database can't be reached: {0}")]
    Unreachable(String),
    /// It refuses what is needed to open the store.
    #[error("the database refuses: {0}")]
    Refused(String),
    /// The tables are missing, and were not to be made.
    #[error("the database has no tables of this name; `vestibule migrate` makes them, or `store.migrate = true`")]
    NotMigrated,
    /// An older version made the tables, and they were not to be changed.
    #[error(
        "the tables have an older format; `vestibule migrate` brings them to this version's, or `store.migrate = true`"
    )]
    Older,
    /// They are a copy of another store that was begun and not finished.
    #[error(
        "the tables are an unfinished copy of another store: `vestibule store copy` with the same source goes on with it; to \
         begin anew, drop them"
    )]
    Unfinished,
    /// The database can't hold the texts of users.
    #[error(
        "the encoding of the database is {0}, and the table of users needs UTF8; use another database, or set \
         `store.projection` to false"
    )]
    Encoding(String),
    /// A newer version made the tables.
    #[error("the tables have format {0}, and this version knows formats up to {FORMAT}; use a newer version")]
    TooNew(String),
    /// What is noted about the deployment is missing or can't be read.
    #[error("the tables can't be used: {0}")]
    Damaged(&'static str),
    /// Its values are sealed under another instance key.
    #[error(
        "the data in the database is encrypted under another instance key; use the key file that it was written with"
    )]
    WrongKey,
}

pub(super) fn refused(error: tokio_postgres::Error) -> PostgresError {
    PostgresError::Refused(in_words(&error))
}
