//! The engine: sign-up in process. This is the embedding API; HTTP is one of its users.

mod error;
mod view;

pub use error::EngineError;
pub use view::{ClientView, SessionView, SignUpView};
