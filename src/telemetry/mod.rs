//! Logs. Spans and events carry ids; addresses, codes, tokens and passwords stay out of them.
//!
//! Begin reading at `log.rs`; how one event stays one line is in `line.rs`, how a thousand like ones stay a few in
//! `hold_back.rs`.

#[cfg(test)]
mod captured;
mod hold_back;
mod line;
mod log;
mod repeats;

#[cfg(test)]
pub(crate) use captured::captured;
pub use log::{FilterError, LogFormat, init};
pub(crate) use repeats::{Repeats, Sum};
