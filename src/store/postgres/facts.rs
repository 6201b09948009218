//! The named facts of a deployment, in a table of their own.

use std::collections::HashMap;

use tokio_postgres::Client;

use super::error::{PostgresError, refused};
use super::names::Names;

/// A fact of the deployment.
pub(super) async fn fact(client: &Client, names: &Names, name: &str) -> Result<Option<String>, PostgresError> {
    Ok(facts(client, names).await?.remove(name))
}

/// All of them.
pub(super) async fn facts(client: &Client, names: &Names) -> Result<HashMap<String, String>, PostgresError> {
    let rows = client.query(&names.facts(), &[]).await.map_err(refused)?;
    rows.iter().map(|row| Ok((row.try_get(0).map_err(refused)?, row.try_get(1).map_err(refused)?))).collect()
}
