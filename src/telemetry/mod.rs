//! Logging. Spans and events carry ids; identifiers, codes, tokens and passwords stay out of them.
//!
//! Begin reading at `log.rs`; how one event stays one line is in `single_line.rs`, how a thousand like ones stay a few in
//! `hold_back.rs`.

mod format;
#[cfg(feature = "cli")]
mod hold_back;
#[cfg(feature = "cli")]
mod log;
mod repeats;
#[cfg(feature = "cli")]
mod single_line;
#[cfg(all(test, feature = "cli"))]
mod test_support;

pub use format::LogFormat;
#[cfg(feature = "cli")]
pub use log::init;
#[cfg(all(feature = "cli", feature = "unstable"))]
pub use log::log_to;
pub(crate) use repeats::{Repeats, Sum};
#[cfg(all(test, feature = "cli"))]
pub(crate) use test_support::captured;
