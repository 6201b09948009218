//! Password hashing: argon2id on a bounded pool of threads with low priority, so that hashing does not delay other work
//! ([guide: Password hashing](crate::guide::design#password-hashing)). Which passwords are accepted is decided in
//! `domain`. Digests that other systems made are read in `foreign`; what a user's record holds is described in `stored`.

mod foreign;
mod hasher;
mod pool;
mod share;
mod stored;

#[cfg(feature = "unstable")]
pub use foreign::{ForeignDigest, ForeignDigestError};
pub use hasher::{HashParameters, Implementation};
pub use pool::{HashOptions, HashPool, PoolError};
pub use share::Requester;
pub use stored::{DigestCost, ForeignCost};
