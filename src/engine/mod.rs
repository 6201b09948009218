//! The engine: sign-up and sign-in in process. This is the embedding API; HTTP is one of its users. It knows no hyper and no
//! JSON shapes.
//!
//! [`EngineBuilder`] makes an [`Engine`]; its methods are the calls. Begin reading at `sign_ups.rs`.

mod accounts;
mod admission;
mod backend;
mod builder;
mod caller;
mod captchas;
mod clients;
#[expect(clippy::module_inception, reason = "the room is named after its one handle")]
mod engine;
mod equal_calls;
mod error;
mod external;
mod hash_costs;
mod invitations;
mod keys;
mod late_returns;
mod links;
mod messages;
mod newcomers;
mod pagination;
mod passwords;
mod repeated;
mod sessions;
mod sign_ins;
mod sign_ups;
#[cfg(test)]
mod simulation;
mod single_flight;
mod view;
mod visible;
mod waitlist;

pub use crate::store::Unready;
pub use crate::token::TokenCarrier;
pub use backend::BackendKey;
pub use builder::{BuildError, EngineBuilder};
pub use caller::{Caller, RequestContext};
pub use engine::Engine;
pub use error::{EngineError, NotReady};
pub use external::{CallbackRedirect, ProviderCallback};
pub use invitations::{InvitationView, TicketHolder, TicketStatus};
pub use links::{Followed, LinkOutcome};
pub use pagination::{ListParams, Page};
pub use sign_ins::{RawFirstFactor, RawProof, RawSignIn};
pub use sign_ups::RawPrepare;
pub use view::{ClientView, SessionView, SignInView, SignUpView};
pub use waitlist::WaitlistEntryView;
