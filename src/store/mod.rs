//! The `store` room.

pub mod sled;
