//! The load generator behind `vestibule load`: complete sign-ups against a Clerk-compatible server, measured from their
//! planned start. It knows the wire protocol and nothing of the engine, so that all servers are treated alike.
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

pub use condition::Condition;
pub use options::{Arrivals, FlowKind, Mode, Options};
pub use recorder::Progress;
pub use run::run;

/// Why the run could not start, and what to do about it.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct LoadError(pub(self) String);
