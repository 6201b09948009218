//! The `entropy` room.
