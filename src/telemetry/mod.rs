//! Logs. Spans and events carry ids; addresses, codes, tokens and passwords stay out of them.
//!
//! Begin reading at `log.rs`; how one event stays one line is in `line.rs`.

#[cfg(test)]
mod captured;
mod line;
mod log;

#[cfg(test)]
pub(crate) use captured::captured;
pub use log::{FilterError, LogFormat, init};
