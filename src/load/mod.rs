//! The load generator behind `vestibule load`: whole sign-ups against a Clerk-compatible server, measured from the moment
//! each was meant to begin. It knows the wire and nothing of the engine, so that it treats every server alike.
//!
//! Begin reading at `run.rs`.

mod circumstances;
mod condition;
mod flow;
mod options;
mod page;
mod plot;
mod recorder;
mod report;
mod run;
mod target;
mod virtual_user;

pub use condition::{Condition, InvalidCondition};
pub use options::{Arrivals, FlowKind, Mode, Options};
pub use recorder::{Progress, Step};
pub use report::Report;
pub use run::run;

/// Why there was no run, in a sentence that says what to do.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct LoadError(pub(self) String);
