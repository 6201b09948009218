//! Integration tests: one binary, mirroring `src`.
