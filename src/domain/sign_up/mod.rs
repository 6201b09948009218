//! The sign-up: a value that collects fields and proofs until it becomes a user.
//!
//! Begin here: [`SignUp`] in `state.rs` is what a sign-up holds, [`SignUp::create`] and [`SignUp::apply`] in `apply.rs`
//! are the two ways to change it, and each [`Command`] has a file of its own.
//!
//! ```text
//!  value      command      context: time, settings, policy, entropy, keyed digest
//!    └───────────┼────────────┘
//!                ▼
//!    SignUp::create, SignUp::apply        pure: equal inputs give equal outputs
//!        │                  │
//!        ▼                  ▼
//!    Rejection         Transition { next, verdict, effects, quota_uses, client_changes, outcome }
//!    nothing changes        │
//!                           ▼
//!                      Store::commit      one atomic write decides on uniqueness, quotas and versions
//!                       │         │
//!              refused ◄┘         └► written
//!     the old value remains           `next` is the value now
//!                                     `verdict` is the answer
//!                                     `effects` are in the outbox, and the relay carries them out
//! ```
//!
//! 1. A command comes with the results of earlier look-ups, such as whether an address is in use.
//! 2. The transition is computed. Nothing is changed in place, so the old value remains if the commit is refused.
//! 3. Everything in the transition is committed as one, or nothing is.
//! 4. The caller is answered only after the commit: a wrong code is counted before it is called wrong.
//! 5. [`SignUp::next_deadline`] is the next time at which the value changes without a write. Every read computes from
//!    the time, so a late timer changes no answer.
//!
//! The room does not know the store, the actors or the wire.

mod admission;
mod apply;
mod approval;
mod attempt;
mod backend_update;
mod command;
mod convert;
mod email_link;
mod fields;
mod hand_over;
mod input;
mod oauth;
mod own_words;
mod prepare;
mod state;
mod ticket;
mod transfer;
mod update;

#[cfg(feature = "unstable")]
pub use crate::domain::verification::VerifyLink;
pub use backend_update::BackendUpdate;
pub use command::{Attempt, Command, Prepare};
pub use fields::{Fields, Patch};
pub use input::{NewSignUp, SignUpPatch};
pub use oauth::External;
pub use own_words::own_words;
pub use state::{Approval, Collected, Phase, SignUp, Status};
pub use update::taken;

use super::transition;
use super::user::Conversion;

/// The result of a decision about a sign-up; the outcome is the new user, when it is complete.
pub type Transition = transition::Transition<SignUp, Option<Conversion>>;
