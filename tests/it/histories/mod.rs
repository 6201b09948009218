//! Random histories of commands against the pure core (property-based tests): whatever people, attackers, providers,
//! backends and clocks do, the invariants hold. A history that breaks one is shrunk, printed, and tried first from then
//! on (`proptest-regressions`).
//!
//! Each decision is made twice, to check that it depends on its inputs only. It is then committed to an in-memory
//! store, and the history continues with the value read back.

mod instance;
mod laws;
mod people;
mod sign_in;
mod sign_in_laws;
mod sign_in_steps;
mod sign_up;
mod steps;
mod world;
