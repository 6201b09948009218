//! Opens a store: its tables, what is noted about the deployment, and the check of the instance key.

use std::sync::Arc;
use std::time::Duration;

use tokio::time::sleep;
use tokio_postgres::Client;
use tokio_postgres::config::{Host, SslMode};

use super::error::{PostgresError, refused};
use super::facts::{fact, facts};
use super::map::Postgres;
use super::names::Names;
use super::new_users::NewUserSql;
use super::pool::Pool;
use super::projection::{self, Projected};
use super::statements::FORMAT;
use super::tls::Tls;
use super::url;
use crate::domain::secret::Secret;
use crate::domain::text::hex;
use crate::entropy::unique_bytes;
use crate::store::kv::kv_store::KvStore;
use crate::store::kv::kv_store::nodes::Nodes;
use crate::store::kv::seal::{Sealer, Sealing};
use crate::store::kv::seal_shared::SealedShared;

/// The store in a database that speaks PostgreSQL's protocol.
pub type PostgresStore = KvStore<Nodes<SealedShared<Postgres>>>;

/// How a store in PostgreSQL is opened.
#[derive(Debug)]
pub struct PostgresOptions {
    /// Where the database is: `postgres://user:password@host/database?sslmode=require`. With `sslmode=require` the connection is
    /// encrypted, and the server's certificate must be valid for its name under the system's root certificates, or under
    /// those in the file that `sslrootcert` names (PEM); with `prefer` it is so where the server offers encryption; `disable`
    /// never is. `verify-full` is the same as `require`. A folder of a Unix socket is written as
    /// `postgres:///database?host=/run/postgresql`.
    pub url: Secret<String>,
    /// What the names of its tables begin with: lower-case letters, digits and underscores, at most 48.
    pub prefix: String,
    /// The encryption of values; without it they are stored in plain.
    pub sealing: Option<Sealing>,
    /// Whether missing tables are made. Without it they must be there: [`PostgresStore::migrate`] makes them.
    pub migrates: bool,
    /// Whether each commit that changes a user also writes the user's row in a table for SQL, whose name ends in `_user`. The
    /// store does not read it. Where the table is not complete, an opening completes it.
    pub projects: bool,
}

impl PostgresStore {
    /// Opens the store.
    ///
    /// # Errors
    /// One sentence that says what to do; see [`PostgresError`].
    pub async fn open(options: &PostgresOptions) -> Result<Self, PostgresError> {
        Self::opened(options, None).await
    }

    /// The same, with SQL of the application's own in each transaction that makes users.
    ///
    /// # Errors
    /// One sentence that says what to do; see [`PostgresError`].
    pub async fn open_with(options: &PostgresOptions, sql: Arc<dyn NewUserSql>) -> Result<Self, PostgresError> {
        Self::opened(options, Some(sql)).await
    }

    async fn opened(options: &PostgresOptions, sql: Option<Arc<dyn NewUserSql>>) -> Result<Self, PostgresError> {
        let pool = pool(options)?;
        let client = pool.bare().await.map_err(|error| PostgresError::Unreachable(error.to_string()))?;
        if options.migrates {
            migrate(&client, &pool.names).await?;
        }
        let deployment = deployment(&client, &pool.names).await?;
        let sealer = options.sealing.as_ref().map(|sealing| Sealer::new(sealing, deployment));
        check_key(&client, &pool.names, sealer.as_ref()).await?;
        refuse_unfinished(&client, &pool.names).await?;
        projection::at_opening(&client, &pool.names, sealer.as_ref(), options.projects).await?;
        drop(client);
        Ok(Self::over(Nodes::over(SealedShared::over(Postgres::over(pool, sql), sealer))))
    }

    /// Makes the tables where they are missing, and brings older ones to the format of this version. It may run while nodes use
    /// them.
    ///
    /// # Errors
    /// One sentence that says what to do; see [`PostgresError`].
    pub async fn migrate(options: &PostgresOptions) -> Result<(), PostgresError> {
        let pool = pool(options)?;
        let client = pool.bare().await.map_err(|error| PostgresError::Unreachable(error.to_string()))?;
        migrate(&client, &pool.names).await
    }

    /// Writes the rows of all users anew in the table for SQL, and removes those without a user. Servers may be running.
    ///
    /// # Errors
    /// One sentence that says what to do; see [`PostgresError`].
    pub async fn project(options: &PostgresOptions) -> Result<Projected, PostgresError> {
        let pool = pool(options)?;
        let client = pool.bare().await.map_err(|error| PostgresError::Unreachable(error.to_string()))?;
        let deployment = deployment(&client, &pool.names).await?;
        let sealer = options.sealing.as_ref().map(|sealing| Sealer::new(sealing, deployment));
        compare_key(&client, &pool.names, sealer.as_ref()).await?;
        projection::complete(&client, &pool.names, sealer.as_ref()).await
    }
}

impl PostgresStore {
    /// Looks whether a start could use the database, and changes nothing: tables that it would make may be missing.
    ///
    /// # Errors
    /// Why a start would fail; see [`PostgresError`].
    pub async fn inspect(options: &PostgresOptions) -> Result<(), PostgresError> {
        let pool = pool(options)?;
        let client = pool.bare().await.map_err(|error| PostgresError::Unreachable(error.to_string()))?;
        let deployment = match deployment(&client, &pool.names).await {
            Err(PostgresError::NotMigrated | PostgresError::Older) if options.migrates => return Ok(()),
            found => found?,
        };
        refuse_unfinished(&client, &pool.names).await?;
        if options.projects {
            projection::check_encoding(&client).await?;
        }
        let sealer = options.sealing.as_ref().map(|sealing| Sealer::new(sealing, deployment));
        compare_key(&client, &pool.names, sealer.as_ref()).await
    }
}

pub(super) fn pool(options: &PostgresOptions) -> Result<Pool, PostgresError> {
    let names = Names::of(&options.prefix).ok_or(PostgresError::Prefix)?;
    let (mut config, roots) = url::parse(options.url.expose())?;
    if config.get_application_name().is_none() {
        config.application_name("vestibule");
    }
    let is_remote = config.get_hosts().iter().any(|host| matches!(host, Host::Tcp(_)));
    let tls = if is_remote && config.get_ssl_mode() != SslMode::Disable {
        Some(Tls::with(roots).map_err(|error| PostgresError::Tls(error.to_string()))?)
    } else {
        None
    };
    Ok(Pool::new(config, tls, names, options.projects))
}

/// Makes what is missing. Several nodes may do it at once.
pub(super) async fn migrate(client: &Client, names: &Names) -> Result<(), PostgresError> {
    let mut tries = 0;
    while are_there(client, names).await? != (true, true) {
        // Where several make them at once, some are told that a name is taken by a table that is not there yet: the other
        // transaction may still wait for a standby.
        match client.batch_execute(&names.tables()).await {
            Ok(()) => break,
            Err(error) if tries == TABLES_TRIED => return Err(refused(error)),
            Err(_) => tries += 1,
        }
        sleep(TABLES_PAUSE).await;
    }
    let bytes = unique_bytes();
    let id = u64::from_be_bytes([bytes[0], bytes[1], bytes[2], bytes[3], bytes[4], bytes[5], bytes[6], bytes[7]]);
    // In this order: who finds a format finds the rest.
    for (name, value) in [(DEPLOYMENT, id.to_string()), (FORMAT_NAME, FORMAT.to_string())] {
        client.execute(&names.note(), &[&name, &value]).await.map_err(refused)?;
    }
    client.execute(&names.raise_format(), &[]).await.map_err(refused)?;
    Ok(())
}

/// Whether the tables of the first format are there, and whether those that came later are, too.
async fn are_there(client: &Client, names: &Names) -> Result<(bool, bool), PostgresError> {
    let row = client.query_one(&names.is_there(), &[]).await.map_err(refused)?;
    Ok((row.try_get(0).map_err(refused)?, row.try_get(1).map_err(refused)?))
}

/// The number of the deployment, under which its values are sealed.
pub(super) async fn deployment(client: &Client, names: &Names) -> Result<u64, PostgresError> {
    if !are_there(client, names).await?.0 {
        return Err(PostgresError::NotMigrated);
    }
    let facts = facts(client, names).await?;
    let Some(format) = facts.get(FORMAT_NAME) else { return Err(PostgresError::NotMigrated) };
    match format.parse::<u32>() {
        Ok(FORMAT) => {}
        Ok(1 | 2) => return Err(PostgresError::Older),
        Ok(newer) if newer > FORMAT => return Err(PostgresError::TooNew(format.clone())),
        _ => return Err(PostgresError::Damaged("their format is not a number that was ever written")),
    }
    let deployment = facts.get(DEPLOYMENT).and_then(|id| id.parse().ok());
    deployment.ok_or(PostgresError::Damaged("the number of the deployment is missing"))
}

/// Compares the fingerprint of the instance key, which the first node that seals values notes.
pub(super) async fn check_key(client: &Client, names: &Names, sealer: Option<&Sealer>) -> Result<(), PostgresError> {
    if let Some(sealer) = sealer.filter(|sealer| sealer.seals()) {
        client.execute(&names.note(), &[&KEY_CHECK, &hex(&sealer.check_value())]).await.map_err(refused)?;
    }
    compare_key(client, names, sealer).await
}

pub(super) async fn compare_key(client: &Client, names: &Names, sealer: Option<&Sealer>) -> Result<(), PostgresError> {
    let noted = facts(client, names).await?.remove(KEY_CHECK);
    let known = sealer.map(|sealer| hex(&sealer.check_value()));
    if noted.is_none() || noted == known { Ok(()) } else { Err(PostgresError::WrongKey) }
}

async fn refuse_unfinished(client: &Client, names: &Names) -> Result<(), PostgresError> {
    if fact(client, names, COPYING).await?.is_some() { Err(PostgresError::Unfinished) } else { Ok(()) }
}

/// How often missing tables are made again where that failed, and how long is waited before each time.
const TABLES_TRIED: u32 = 50;
const TABLES_PAUSE: Duration = Duration::from_millis(100);
/// The names of the facts; they are in the table.
const FORMAT_NAME: &str = "format";
const DEPLOYMENT: &str = "deployment";
const KEY_CHECK: &str = "instance_key_check";
/// How far the copy of another store is that the tables are.
pub(super) const COPYING: &str = "copying";
