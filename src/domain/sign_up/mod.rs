//! The sign-up: a value that gathers fields and proofs until it becomes a user.
//!
//! [`SignUp::create`] and [`SignUp::apply`] turn a command into a [`Transition`]: the next value plus effects as
//! data. Nothing is changed in place, so whoever holds the old value keeps it when a commit is refused.

mod admission;
mod apply;
mod attempt;
mod backend_update;
mod command;
mod convert;
mod email_link;
mod fields;
mod oauth;
mod own_words;
mod prepare;
mod state;
mod ticket;
mod transfer;
mod transition;
mod update;

pub use backend_update::BackendUpdate;
pub use command::{Attempt, Command, Prepare, VerifyLink};
pub(super) use fields::channel;
pub use fields::{Fields, Patch, RawFields, check_enabled};
pub use oauth::{AuthorizationRequest, AuthorizationResponse, External, ProviderOutcome};
pub use own_words::own_words;
pub use state::{Collected, Phase, SignUp, Status};
pub use transition::Transition;
pub use update::taken;
