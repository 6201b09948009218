//! The `token` room.
