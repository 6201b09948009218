//! The `password` room.
