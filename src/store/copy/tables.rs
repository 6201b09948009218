//! The tables of a database as a side of a copy.

use super::entry::time_in;
use super::error::CopyError;
use crate::clock::{Clock, SystemClock};
use crate::store::postgres::{PostgresError, PostgresOptions};

pub(super) use crate::store::postgres::Tables;

/// Opens tables to read: whole ones, and those of no server that runs.
pub(super) async fn source(options: &PostgresOptions) -> Result<Tables, CopyError> {
    let tables = Tables::open(options, false).await?;
    if tables.note().await?.is_some() {
        return Err(PostgresError::Unfinished.into());
    }
    refuse_servers(&tables).await?;
    Ok(tables)
}

/// Opens tables to write, and makes them where they are missing.
pub(super) async fn target(options: &PostgresOptions) -> Result<Tables, CopyError> {
    let tables = Tables::open(options, true).await?;
    refuse_servers(&tables).await?;
    Ok(tables)
}

/// A server writes at least once a minute, each time with its time in a value of its own, and removes that value at its end.
async fn refuse_servers(tables: &Tables) -> Result<(), CopyError> {
    let now = SystemClock::new().now().as_millis();
    for (_, value) in tables.fences().await? {
        let since = now.abs_diff(time_in(&value).unwrap_or_default());
        if since < RUNS_WITHIN_MS {
            return Err(CopyError::InUse(since / 1000));
        }
    }
    Ok(())
}

/// Twice as long as the longest time between two writes of a server.
const RUNS_WITHIN_MS: u64 = 120_000;
