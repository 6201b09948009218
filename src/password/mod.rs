//! Password hashing: argon2id on a bounded pool of threads of lower priority, so that hashing never holds up
//! anything else ([guide: Password hashing](crate::guide::design#password-hashing)). Which passwords are accepted is
//! the domain's business.

mod hasher;
mod pool;
mod share;

pub use hasher::{HashError, HashParameters, Implementation};
pub use pool::{HashOptions, HashPool, HashPoolError, PoolError};
pub use share::Requester;
