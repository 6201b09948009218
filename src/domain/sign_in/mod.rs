//! The sign-in: a value with an identifier and the proof of it, until it becomes a session.
//!
//! It is small and short-lived, so it has no record of its own: it is stored in its client's record, at most one, and
//! every [`Transition`] replaces it there under the version it was made from. Begin reading at [`SignIn::create`]; how
//! a sign-in changes the user is in `entry`, the limits on failed attempts are in `failures` and `lockout`.

mod attempt;
mod command;
mod create;
mod email_link;
mod entry;
mod factor;
mod failures;
mod lockout;
mod newcomer;
mod oauth;
mod passkey;
mod prepare;
mod reset;
mod second_factor;
mod state;
mod ticket;
mod transition;

pub use command::{Attempt, Create, Prepare, Proof, SecondAttempt, SecondProof, Start, check_begins_alone};
#[cfg(feature = "unstable")]
pub use entry::NotTheirs;
pub use entry::{Credential, Entry, Fit, SecondCredential};
pub use factor::{Factor, FactorAddress, identifier, supported_identifiers};
pub use failures::{Account, FORGOTTEN_AFTER, Failures, Share, SourceMark, Try};
pub use lockout::{Held, Locks, SignInAttempts};
pub use newcomer::may_be_missing;
pub use passkey::{PasskeyProof, PasskeyUse};
pub use reset::{NewPassword, check_is_no_identifier};
pub use second_factor::{second_factor_need, second_factors_of};
pub use state::{FirstFactor, Newcomer, PasswordMark, Phase, SecondFactor, SignIn, Status};
pub use transition::{Outcome, Transition};
