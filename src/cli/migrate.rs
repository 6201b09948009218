//! `vestibule migrate`: makes the tables of a store in a database.

use crate::config::Config;
use crate::startup;

/// Makes the tables where they are missing. Says in one line that they are there.
///
/// # Errors
/// One sentence that says what is wrong and what to do.
pub(super) fn migrate(config: &Config) -> Result<String, String> {
    wait(startup::migrate(config))?.map_err(|error| error.to_string())?;
    Ok(format!("The tables {0}_kv, {0}_meta and {0}_user are there.\n", config.store.prefix))
}

/// Waits for what is done on a runtime of its own.
///
/// # Errors
/// Why there is none.
pub(super) fn wait<T>(work: impl Future<Output = T>) -> Result<T, String> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .map_err(|error| format!("the async runtime can't be started: {error}"))?;
    Ok(runtime.block_on(work))
}
