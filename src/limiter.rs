//! The `limiter` room.
