//! Histories of commands against the pure core, made by chance: whatever people, strangers, providers, backends and
//! clocks do in whatever order, some laws hold. A history that breaks one is made as short as it goes, printed, and
//! tried first from then on (`proptest-regressions`).
//!
//! Every decision is made twice, to see that it depends on nothing but its inputs. What it comes to is committed to a
//! store in memory, and the value goes on as it was read back.

mod instance;
mod laws;
mod people;
mod sign_in;
mod sign_in_laws;
mod sign_in_steps;
mod sign_up;
mod steps;
mod world;
