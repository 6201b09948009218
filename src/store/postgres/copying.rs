//! The tables as one side of a copy: read and written in the order of the keys, by one connection.

use bytes::Bytes;
use tokio_postgres::{Client, Row};

use super::error::{PostgresError, refused};
use super::facts::fact;
use super::open::{COPYING, PostgresOptions, check_key, compare_key, deployment, migrate, pool};
use super::pool::Pool;
use super::projection::COMPLETE;
use crate::store::kv::key;
use crate::store::kv::key::bookkeeping::NODE;
use crate::store::kv::seal::Sealer;
use crate::store::kv::seal_shared;
use crate::store::kv::shared_map::Stamp;

/// The tables of a deployment that no server uses.
pub(in crate::store) struct Tables {
    pool: Pool,
    client: Client,
    sealer: Option<Sealer>,
    number: u64,
}

impl Tables {
    /// Opens them; with `makes` they are made where they are missing.
    pub(in crate::store) async fn open(options: &PostgresOptions, makes: bool) -> Result<Self, PostgresError> {
        let pool = pool(options)?;
        let client = pool.bare().await.map_err(|error| PostgresError::Unreachable(error.to_string()))?;
        if makes {
            migrate(&client, &pool.names).await?;
        }
        let number = deployment(&client, &pool.names).await?;
        let sealer = options.sealing.as_ref().map(|sealing| Sealer::new(sealing, number));
        if makes {
            check_key(&client, &pool.names, sealer.as_ref()).await?;
        } else {
            compare_key(&client, &pool.names, sealer.as_ref()).await?;
        }
        Ok(Self { pool, client, sealer, number })
    }

    /// The name of the table with the entries.
    pub(in crate::store) fn name(&self) -> &str {
        &self.pool.names.entries
    }

    /// The number of the deployment.
    pub(in crate::store) const fn number(&self) -> u64 {
        self.number
    }

    /// The first entries from a key on, opened. A value that does not open is returned unchanged.
    pub(in crate::store) async fn range(
        &self,
        from: &[u8],
        limit: usize,
    ) -> Result<Vec<(Bytes, Bytes)>, PostgresError> {
        self.between(from, &[u8::MAX; 64], limit).await
    }

    /// What nodes wrote that have not ended properly.
    pub(in crate::store) async fn fences(&self) -> Result<Vec<(Bytes, Bytes)>, PostgresError> {
        let from = key::value(NODE);
        let end = [&from[..], &[u8::MAX]].concat();
        self.between(&from, &end, FENCES_MAX).await
    }

    async fn between(&self, from: &[u8], end: &[u8], limit: usize) -> Result<Vec<(Bytes, Bytes)>, PostgresError> {
        let limit = i64::try_from(limit).unwrap_or(i64::MAX);
        let rows = self.client.query(&self.pool.names.scan(), &[&from, &end, &limit]).await.map_err(refused)?;
        rows.iter().map(|row| self.entry(row).map_err(refused)).collect()
    }

    fn entry(&self, row: &Row) -> Result<(Bytes, Bytes), tokio_postgres::Error> {
        let (key, value): (&[u8], &[u8]) = (row.try_get(0)?, row.try_get(1)?);
        let opened = self.sealer.as_ref().and_then(|sealer| seal_shared::open(sealer, key, value));
        Ok((Bytes::copy_from_slice(key), opened.unwrap_or_else(|| Bytes::copy_from_slice(value))))
    }

    /// Writes entries, sealed where that is wanted, and with them the note of how far the copy is. It may be done twice.
    pub(in crate::store) async fn put(&self, entries: &[(Bytes, Bytes)], note: &str) -> Result<(), PostgresError> {
        let sealer = self.sealer.as_ref().filter(|sealer| sealer.seals());
        let seal =
            |(key, value): &(Bytes, Bytes)| sealer.map_or_else(|| value.clone(), |sealer| sealer.seal(key, value));
        let values: Vec<Bytes> = entries.iter().map(seal).collect();
        let values: Vec<&[u8]> = values.iter().map(|value| &value[..]).collect();
        let keys: Vec<&[u8]> = entries.iter().map(|(key, _)| &key[..]).collect();
        let stamp = Stamp::draw().number();
        let copy = self.pool.names.copy();
        self.client.execute(&copy, &[&stamp, &keys, &values, &COPYING, &note]).await.map_err(refused).map(drop)
    }

    /// How far the copy is that the tables are; `None` where they are none, or a finished one.
    pub(in crate::store) async fn note(&self) -> Result<Option<String>, PostgresError> {
        fact(&self.client, &self.pool.names, COPYING).await
    }

    /// Removes that note. The table of users, which a copy does not write, is to be completed then.
    pub(in crate::store) async fn finish(&self) -> Result<(), PostgresError> {
        self.client.execute(&self.pool.names.forget(), &[&COMPLETE]).await.map_err(refused)?;
        self.client.execute(&self.pool.names.forget(), &[&COPYING]).await.map_err(refused).map(drop)
    }
}

/// How many servers that have not ended are looked at.
const FENCES_MAX: usize = 10_000;
