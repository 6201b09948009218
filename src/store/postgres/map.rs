//! A table as a map that several nodes write to.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use tokio::time::{sleep, timeout};
use tokio_postgres::error::{DbError, SqlState};
use tokio_postgres::types::ToSql;
use tokio_postgres::{Error, Row, Statement};

use super::columns::Columns;
use super::new_users::{self, NewUserSql, WriteError};
use super::pool::{NoConnection, Pool, READERS, Session, in_words};
use super::statements::NOT_AS_EXPECTED;
use super::together::{Found, Together};
use crate::store::error::StoreError;
use crate::store::health::Health;
use crate::store::kv::projection::ProjectedUsers;
use crate::store::kv::shared_map::{AppendError, Batch, SharedMap, Stamp, Versioned};

/// A table of keys, stamps and values.
pub struct Postgres {
    pub(super) pool: Pool,
    together: Together,
    /// What the application writes beside new users.
    pub(super) sql: Option<Arc<dyn NewUserSql>>,
}

/// The keys of a batch by what is done with each: the parameters of the statement.
#[derive(Debug, Default)]
struct Lists<'a> {
    added: (Vec<&'a [u8]>, Vec<&'a [u8]>),
    changed: (Vec<&'a [u8]>, Vec<i64>, Vec<&'a [u8]>),
    removed: (Vec<&'a [u8]>, Vec<i64>),
    put: (Vec<&'a [u8]>, Vec<&'a [u8]>),
    dropped: Vec<&'a [u8]>,
    read: (Vec<&'a [u8]>, Vec<i64>),
    guards: Vec<&'a [u8]>,
}

impl<'a> Lists<'a> {
    fn of(batch: &'a Batch) -> Self {
        let mut lists = Self::default();
        for (key, value) in &batch.writes {
            let key = &key[..];
            match (batch.expected.get(key), value) {
                (Some(None), Some(value)) => {
                    lists.added.0.push(key);
                    lists.added.1.push(value);
                }
                (Some(Some(stamp)), Some(value)) => {
                    lists.changed.0.push(key);
                    lists.changed.1.push(stamp.number());
                    lists.changed.2.push(value);
                }
                (Some(Some(stamp)), None) => {
                    lists.removed.0.push(key);
                    lists.removed.1.push(stamp.number());
                }
                (Some(None), None) => lists.guards.push(key),
                (None, Some(value)) => {
                    lists.put.0.push(key);
                    lists.put.1.push(value);
                }
                (None, None) => lists.dropped.push(key),
            }
        }
        lists.guards.extend(batch.guards().map(|key| &key[..]));
        for (key, stamp) in batch.expected.iter().filter(|(key, _)| !batch.writes.contains_key(*key)) {
            if let Some(stamp) = stamp {
                lists.read.0.push(key);
                lists.read.1.push(stamp.number());
            }
        }
        lists
    }
}

impl Postgres {
    /// The table behind these connections, with what the application writes beside new users.
    pub(super) fn over(pool: Pool, sql: Option<Arc<dyn NewUserSql>>) -> Self {
        Self { pool, together: Together::default(), sql }
    }

    /// The rows of a read, if they come in time. Where a connection turns out to be lost, another one is asked: a read may
    /// be repeated, and each of them may have been lost with it.
    async fn rows(
        &self,
        statement: fn(&Session) -> &Statement,
        parameters: &[&(dyn ToSql + Sync)],
    ) -> Result<Vec<Row>, StoreError> {
        let mut more = READERS;
        loop {
            let session = self.pool.reader().await.map_err(unavailable)?;
            let found = timeout(READ_WITHIN, session.client.query(statement(&session), parameters)).await;
            self.pool.note(found.as_ref().is_ok_and(|found| found.as_ref().err().is_none_or(|e| e.code().is_some())));
            match found {
                Ok(Err(error)) if more > 0 && is_lost(&error) => more -= 1,
                Ok(found) => {
                    self.pool.clocks.compare(&session.client).await;
                    return found.map_err(|error| StoreError::Unavailable(in_words(&error)));
                }
                Err(_) => {
                    // It may lead nowhere: nobody says so of a machine that is gone without a word.
                    self.pool.forget_readers();
                    return Err(StoreError::Unavailable("the database is slow".into()));
                }
            }
        }
    }

    /// The entries of these keys, some of which may be there twice.
    async fn read(&self, keys: Vec<Bytes>) -> Result<Found, StoreError> {
        let wanted: Vec<&[u8]> = keys.iter().map(|key| &key[..]).collect();
        let rows = self.rows(|session| &session.get, &[&wanted]).await?;
        let mut found = Found::with_capacity(rows.len());
        for row in &rows {
            let stamp = row.try_get(1).map_err(|error| StoreError::Damaged(in_words(&error)))?;
            let entry = Versioned { stamp: Stamp::from_number(stamp), value: column(row, 2)? };
            found.insert(column(row, 0)?, entry);
        }
        Ok(found)
    }

    async fn entries(
        &self,
        is_back: bool,
        range: (Vec<u8>, Vec<u8>),
        limit: usize,
    ) -> Result<Vec<(Bytes, Bytes)>, StoreError> {
        let limit = i64::try_from(limit).unwrap_or(i64::MAX);
        let (from, end) = range;
        let statement: fn(&Session) -> &Statement = match is_back {
            true => |session| &session.scan_back,
            false => |session| &session.scan,
        };
        let rows = self.rows(statement, &[&from, &end, &limit]).await?;
        rows.iter().map(|row| Ok((column(row, 0)?, column(row, 1)?))).collect()
    }

    /// Writes a batch, and returns the number of the first record of its log; an error of the database says that it was not
    /// written.
    async fn write(&self, session: &Session, stamp: Stamp, batch: &Batch) -> Result<u64, WriteError> {
        let lists = Lists::of(batch);
        let sql = self.sql_for(batch);
        // What refers to a removed user is removed at the end of a statement, after the numbers.
        if lists.guards.is_empty() && sql.is_none() && batch.users.removed.is_empty() {
            return Ok(append(session, stamp, &lists, &batch.users, &batch.log).await?);
        }
        let (client, names, guards) = (&session.client, &self.pool.names, &lists.guards);
        client.batch_execute("BEGIN").await?;
        if !guards.is_empty() {
            let taken = client.execute(&names.guard(), &[&stamp.number(), guards]).await?;
            if taken != guards.len() as u64 {
                // One of the keys exists: this gives the same error as any other key that is not as expected.
                client.query("SELECT 1 / 0", &[]).await?;
            }
        }
        append(session, stamp, &lists, &batch.users, &[]).await?;
        if !guards.is_empty() {
            client.execute(&names.unguard(), &[guards]).await?;
        }
        if let Some(sql) = sql {
            new_users::run(client, sql, &batch.users.new).await?;
        }
        let mut first = 0;
        if !batch.log.is_empty() {
            // By itself and last, since other nodes wait for the numbers that it takes.
            client.batch_execute("SET CONSTRAINTS ALL IMMEDIATE").await?;
            first = append(session, stamp, &Lists::default(), &ProjectedUsers::default(), &batch.log).await?;
        }
        client.batch_execute("COMMIT").await?;
        Ok(first)
    }

    /// The application's SQL, where the batch makes users.
    fn sql_for(&self, batch: &Batch) -> Option<&dyn NewUserSql> {
        self.sql.as_deref().filter(|_| !batch.users.new.is_empty())
    }

    /// Whether it comes from a row that only nodes write.
    fn is_of_nodes(&self, error: &Error) -> bool {
        let place = error.as_db_error().and_then(DbError::where_).unwrap_or_default();
        let names = &self.pool.names;
        [&names.entries, &names.meta].iter().any(|table| place.contains(&format!("relation \"{table}\"")))
    }

    /// Ends the transaction that may be open after a failed write, so that the connection can be used for the next.
    async fn rolled_back(&self, session: &Session) -> bool {
        matches!(timeout(READ_WITHIN, session.client.batch_execute("ROLLBACK")).await, Ok(Ok(())))
    }

    /// Which of the expected keys are not as expected.
    async fn conflict(&self, batch: &Batch) -> AppendError {
        let keys: Vec<_> = batch.expected.keys().cloned().collect();
        let Ok(found) = self.get_many(&keys).await else { return AppendError::Unavailable };
        let is_changed = |(key, found): &(Bytes, Option<Versioned>)| {
            batch.expected.get(key) != Some(&found.as_ref().map(|found| found.stamp))
        };
        let changed: Vec<_> = keys.into_iter().zip(found).filter(is_changed).map(|(key, _)| key).collect();
        match (changed.is_empty(), batch.log.is_empty()) {
            (false, _) => AppendError::Conflict(changed),
            (true, false) => AppendError::Unnumbered,
            (true, true) => AppendError::Again,
        }
    }
}

/// Runs the statement that writes, and returns the number of the first record of the log.
async fn append(
    session: &Session,
    stamp: Stamp,
    lists: &Lists<'_>,
    users: &ProjectedUsers,
    log: &[Bytes],
) -> Result<u64, Error> {
    let stamp = stamp.number();
    let log: Vec<&[u8]> = log.iter().map(|record| &record[..]).collect();
    let parameters: [&(dyn ToSql + Sync); 14] = [
        &stamp,
        &lists.added.0,
        &lists.added.1,
        &lists.changed.0,
        &lists.changed.1,
        &lists.changed.2,
        &lists.removed.0,
        &lists.removed.1,
        &lists.put.0,
        &lists.put.1,
        &lists.dropped,
        &lists.read.0,
        &lists.read.1,
        &log,
    ];
    let columns = Columns::of(&users.set);
    let rows = match session.append_projected.as_ref().filter(|_| !users.is_empty()) {
        Some(statement) => {
            let users = columns.parameters().into_iter().chain([&users.removed as &(dyn ToSql + Sync)]);
            let parameters: Vec<_> = parameters.into_iter().chain(users).collect();
            session.client.query(statement, &parameters).await?
        }
        None => session.client.query(&session.append, &parameters).await?,
    };
    let first: Option<i64> = rows.first().map(|row| row.try_get(1)).transpose()?.flatten();
    Ok(first.and_then(|first| u64::try_from(first).ok()).unwrap_or_default())
}

impl SharedMap for Postgres {
    async fn get_many(&self, keys: &[Bytes]) -> Result<Vec<Option<Versioned>>, StoreError> {
        let found = self.together.get(keys, |keys| self.read(keys)).await?;
        Ok(keys.iter().map(|key| found.get(key).cloned()).collect())
    }

    async fn scan(&self, prefix: &[u8], from: &[u8], limit: usize) -> Result<Vec<(Bytes, Bytes)>, StoreError> {
        self.entries(false, (from.max(prefix).to_vec(), end_of(prefix)), limit).await
    }

    async fn scan_back(&self, prefix: &[u8], below: &[u8], limit: usize) -> Result<Vec<(Bytes, Bytes)>, StoreError> {
        self.entries(true, (prefix.to_vec(), end_of(prefix).min(below.to_vec())), limit).await
    }

    async fn append(&self, stamp: Stamp, batch: &Batch) -> Result<u64, AppendError> {
        let (mut slot, session) = match self.pool.writer().await {
            Ok(writer) => writer,
            Err(error) => {
                tracing::warn!(%error, "the database can't be reached");
                return Err(AppendError::Unavailable);
            }
        };
        let written = timeout(WRITE_WITHIN, self.write(&session, stamp, batch)).await;
        let error = match written {
            Ok(Ok(first)) => {
                self.pool.note(true);
                return Ok(first);
            }
            Ok(Err(WriteError::Refused(user, rejection))) => {
                if !self.rolled_back(&session).await {
                    *slot = None;
                }
                return Err(AppendError::Refused(user, rejection));
            }
            Ok(Err(WriteError::Slow(user))) => {
                if !self.rolled_back(&session).await {
                    *slot = None;
                }
                return Err(AppendError::Slow(user));
            }
            Ok(Err(WriteError::Database(error))) => error,
            Err(_) => {
                // Dropped and not cancelled: see the settings of a connection.
                *slot = None;
                self.pool.note(false);
                tracing::warn!("a batch of commits has no answer from the database");
                return Err(AppendError::Unknown);
            }
        };
        let refusing = refusing_row(&error)
            .filter(|row| !batch.users.is_empty() && row.table() != Some(self.pool.names.entries.as_str()));
        let is_locked =
            error.code() == Some(&SqlState::LOCK_NOT_AVAILABLE) && !batch.users.is_empty() && !self.is_of_nodes(&error);
        let fate = match refusing {
            Some(_) => Some(AppendError::OneOfThem),
            None if is_locked => Some(AppendError::Locked),
            None => fate_of(&error),
        };
        let is_as_expected = error.code().is_none_or(|code| code.code() != NOT_AS_EXPECTED);
        let is_open =
            !Lists::of(batch).guards.is_empty() || self.sql_for(batch).is_some() || !batch.users.removed.is_empty();
        if fate == Some(AppendError::Unknown) || (is_open && !self.rolled_back(&session).await) {
            *slot = None;
        }
        drop(slot);
        self.pool.note(fate != Some(AppendError::Unknown));
        if let Some(row) = refusing {
            // Without its words, which may have what people have typed.
            let (code, table, constraint) = (row.code().code(), row.table(), row.constraint());
            tracing::warn!(code, table, constraint, "the database refuses what a commit writes of a user");
        } else if is_as_expected {
            tracing::warn!(error = in_words(&error), "a batch of commits failed at the database");
        }
        match fate {
            Some(fate) => Err(fate),
            None => Err(self.conflict(batch).await),
        }
    }

    async fn number_from(&self, first: u64) -> Result<(), StoreError> {
        let first = i64::try_from(first).unwrap_or(i64::MAX);
        let (mut slot, session) = self.pool.writer().await.map_err(unavailable)?;
        let mut more = NUMBERS_TRIED;
        loop {
            let statement = self.pool.names.number_from();
            match timeout(READ_WITHIN, session.client.execute(&statement, &[&first])).await {
                Ok(Ok(_)) => return Ok(()),
                // Other nodes take numbers from the same row.
                Ok(Err(error)) if more > 0 && fate_of(&error) == Some(AppendError::Again) => more -= 1,
                Ok(Err(error)) => return Err(StoreError::Unavailable(in_words(&error))),
                Err(_) => {
                    *slot = None;
                    return Err(StoreError::Unavailable("the database is slow".into()));
                }
            }
        }
    }

    fn asks_for_users(&self) -> bool {
        self.pool.projects || self.sql.is_some()
    }

    async fn pause(&self, tries: u32) {
        sleep(PAUSE * 2_u32.saturating_pow(tries.min(6))).await;
    }

    fn health(&self) -> Health {
        self.pool.health()
    }

    async fn close(&self) {
        self.pool.close().await;
    }
}

/// What an error of a write means; `None` where something was not as expected.
fn fate_of(error: &Error) -> Option<AppendError> {
    let Some(code) = error.code() else {
        // The connection has failed.
        return Some(AppendError::Unknown);
    };
    if code.code() == NOT_AS_EXPECTED {
        return None;
    }
    let again = [
        SqlState::T_R_SERIALIZATION_FAILURE,
        SqlState::T_R_DEADLOCK_DETECTED,
        SqlState::LOCK_NOT_AVAILABLE,
        SqlState::UNIQUE_VIOLATION,
    ];
    if again.contains(code) {
        return Some(AppendError::Again);
    }
    // Connections that end, servers that stop, and internal errors may come behind a commit.
    let is_certain = !["08", "57", "58", "XX", "40"].iter().any(|class| code.code().starts_with(class));
    Some(if is_certain { AppendError::Unavailable } else { AppendError::Unknown })
}

/// The refusal of a row: by a constraint, a trigger, or a table that refers to it.
fn refusing_row(error: &Error) -> Option<&DbError> {
    let is_of_rows = |code: &str| ["22", "23", "27", "44", "P0"].iter().any(|class| code.starts_with(class));
    error.as_db_error().filter(|error| is_of_rows(error.code().code()) && error.code().code() != NOT_AS_EXPECTED)
}

/// Whether a read has failed because its connection has ended, or the server that it led to (class 57P of SQLSTATE).
fn is_lost(error: &Error) -> bool {
    error.code().is_none_or(|code| code.code().starts_with("57P"))
}

/// The first position behind all keys with this prefix.
fn end_of(prefix: &[u8]) -> Vec<u8> {
    let kept = prefix.iter().rposition(|byte| *byte < u8::MAX);
    match kept {
        Some(last) => {
            let mut end = prefix[..=last].to_vec();
            end[last] += 1;
            end
        }
        // No key has that many such bytes.
        None => vec![u8::MAX; 64],
    }
}

fn column(row: &Row, index: usize) -> Result<Bytes, StoreError> {
    let bytes: &[u8] = row.try_get(index).map_err(|error| StoreError::Damaged(in_words(&error)))?;
    Ok(Bytes::copy_from_slice(bytes))
}

fn unavailable(error: NoConnection) -> StoreError {
    StoreError::Unavailable(error.to_string())
}

/// Longer than anything but a database that is not there: a write may wait for a standby.
const WRITE_WITHIN: Duration = Duration::from_secs(10);
/// How often it is tried again to number records from somewhere on; each time may take 250 ms.
const NUMBERS_TRIED: u32 = 20;
const READ_WITHIN: Duration = Duration::from_secs(5);
const PAUSE: Duration = Duration::from_millis(10);
