//! The store in a table of PostgreSQL: an ordered map that several nodes may write to.
//!
//! Begin reading at `map.rs`: how a batch becomes one statement, and how it is found out what became of it. `open.rs` has the
//! tables, `pool.rs` the connections.

mod clocks;
mod map;
mod names;
mod open;
mod pool;
mod statements;
#[cfg(test)]
pub(in crate::store) mod tests;
mod tls;

pub use open::{PostgresError, PostgresOptions, PostgresStore};
