//! The store in a table of PostgreSQL: an ordered map that several nodes may write to.
//!
//! Begin reading at `map.rs`: how a batch becomes one statement, and how it is found out what became of it. `open.rs` has the
//! tables, `pool.rs` the connections, `projection.rs` the rows of users, `copying.rs` what a copy of a store needs.

mod clocks;
mod columns;
#[cfg(feature = "sled")]
mod copying;
mod error;
mod facts;
mod map;
mod names;
mod new_users;
mod open;
mod pool;
mod projection;
mod statements;
#[cfg(test)]
pub(in crate::store) mod tests;
mod tls;
mod together;
mod url;

#[cfg(feature = "sled")]
pub(in crate::store) use copying::Tables;
pub use error::PostgresError;
pub use new_users::{NewUserSql, SqlFailure, SqlStatement, SqlValue};
pub use open::{PostgresOptions, PostgresStore};
pub use projection::Projected;
