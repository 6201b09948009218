//! Password hashing: argon2id on a bounded pool of threads with low priority, so that hashing does not delay other work
//! ([guide: Password hashing](crate::guide::design#password-hashing)). Which passwords are accepted is decided in
//! `domain`.

mod hasher;
mod pool;
mod share;

pub use hasher::{HashParameters, Implementation};
pub use pool::{HashOptions, HashPool, PoolError};
pub use share::Requester;
