//! The requests of each API, what its answers mean, and whose reports are believed.
