//! The `actors` room.
