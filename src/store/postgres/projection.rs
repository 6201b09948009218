//! The table of users for SQL: completes it where it is not, beside servers that write to it.
//!
//! A row is set only where its user still has the stamp that it was read with. Where a server has changed the user since,
//! that commit has written the row.

use tokio_postgres::error::SqlState;
use tokio_postgres::types::ToSql;
use tokio_postgres::{Client, Error};

use super::columns::Columns;
use super::error::{PostgresError, refused};
use super::facts::fact;
use super::names::Names;
use crate::store::kv::key::{self, Kind};
use crate::store::kv::projection::{key_of, projected_user};
use crate::store::kv::seal::Sealer;

/// What was done to complete the table of users.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Projected {
    /// How many users have their rows.
    pub users: u64,
    /// How many rows were removed, whose users are gone.
    pub removed: u64,
    /// How many users can't be read, and have no row.
    pub unreadable: u64,
}

/// Completes the table where that is wanted and was not done. A store without it is noted, so that a later opening with it
/// completes it again.
pub(super) async fn at_opening(
    client: &Client,
    names: &Names,
    sealer: Option<&Sealer>,
    is_wanted: bool,
) -> Result<(), PostgresError> {
    if !is_wanted {
        return client.execute(&names.forget(), &[&COMPLETE]).await.map_err(refused).map(drop);
    }
    check_encoding(client).await?;
    if fact(client, names, COMPLETE).await?.is_some() {
        return Ok(());
    }
    let Projected { users, removed, unreadable } = complete(client, names, sealer).await?;
    if users + removed + unreadable > 0 {
        tracing::info!(users, removed, unreadable, "the table of users was completed");
    }
    Ok(())
}

/// Refuses a database whose texts can't have all characters: a commit would fail because of a name.
pub(super) async fn check_encoding(client: &Client) -> Result<(), PostgresError> {
    let row = client.query_one("SELECT current_setting('server_encoding')", &[]).await.map_err(refused)?;
    let encoding: String = row.try_get(0).map_err(refused)?;
    if ["UTF8", "UTF-8"].contains(&&*encoding.to_uppercase()) { Ok(()) } else { Err(PostgresError::Encoding(encoding)) }
}

/// Writes the rows of all users anew, and removes the others.
pub(super) async fn complete(
    client: &Client,
    names: &Names,
    sealer: Option<&Sealer>,
) -> Result<Projected, PostgresError> {
    check_encoding(client).await?;
    let mut done = Projected::default();
    set_all(client, names, sealer, &mut done).await?;
    done.removed = remove_others(client, names).await?;
    client.execute(&names.note(), &[&COMPLETE, &"1"]).await.map_err(refused)?;
    Ok(done)
}

async fn set_all(
    client: &Client,
    names: &Names,
    sealer: Option<&Sealer>,
    done: &mut Projected,
) -> Result<(), PostgresError> {
    let (mut from, end) = (key::before(Kind::User).to_vec(), key::after(Kind::User));
    loop {
        let rows = client.query(&names.stamped(), &[&from, &&end[..], &PAGE]).await.map_err(refused)?;
        let Some(last) = rows.last() else { return Ok(()) };
        let (mut users, mut keys, mut stamps) = (Vec::new(), Vec::new(), Vec::<i64>::new());
        for row in &rows {
            let key: &[u8] = row.try_get(0).map_err(refused)?;
            let value: &[u8] = row.try_get(2).map_err(refused)?;
            let opened = sealer.and_then(|sealer| sealer.open(key, value));
            match projected_user(opened.as_deref().unwrap_or(value)) {
                Ok(user) => {
                    users.push(user);
                    keys.push(key);
                    stamps.push(row.try_get(1).map_err(refused)?);
                }
                Err(_) => done.unreadable += 1,
            }
        }
        let columns = Columns::of(&users);
        let all = columns.parameters().into_iter().chain([&keys as &(dyn ToSql + Sync), &stamps]);
        patiently(client, &names.project(), &all.collect::<Vec<_>>()).await?;
        done.users += users.len() as u64;
        from = [last.try_get::<_, &[u8]>(0).map_err(refused)?, &[0]].concat();
    }
}

/// Removes the rows without a user.
async fn remove_others(client: &Client, names: &Names) -> Result<u64, PostgresError> {
    let (mut after, mut removed) = (String::new(), 0);
    loop {
        let rows = client.query(&names.projected_ids(), &[&after, &PAGE]).await.map_err(refused)?;
        let ids = rows.iter().map(|row| row.try_get::<_, String>(0)).collect::<Result<Vec<_>, _>>().map_err(refused)?;
        let Some(last) = ids.last() else { return Ok(removed) };
        let keys: Vec<Vec<u8>> = ids.iter().map(|id| key_of(id).map(Vec::from).unwrap_or_default()).collect();
        removed += patiently(client, &names.unproject(), &[&ids, &keys]).await?;
        after.clone_from(last);
    }
}

/// Executes a statement that may be executed again where others hold what it needs.
async fn patiently(client: &Client, statement: &str, parameters: &[&(dyn ToSql + Sync)]) -> Result<u64, PostgresError> {
    let is_held = |error: &Error| {
        let held = [SqlState::LOCK_NOT_AVAILABLE, SqlState::T_R_SERIALIZATION_FAILURE, SqlState::T_R_DEADLOCK_DETECTED];
        error.code().is_some_and(|code| held.contains(code))
    };
    let mut tries = 0;
    loop {
        match client.execute(statement, parameters).await {
            Err(error) if tries < TRIES && is_held(&error) => tries += 1,
            done => return done.map_err(refused),
        }
    }
}

/// The fact that says that all users have their rows.
pub(super) const COMPLETE: &str = "projected";
const PAGE: i64 = 500;
/// How often a page is tried, each time after the database has waited itself.
const TRIES: u32 = 100;
