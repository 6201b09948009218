//! Logging. Spans and events carry ids; identifiers, codes, tokens and passwords stay out of them.
//!
//! Begin reading at `log.rs`; how one event stays one line is in `single_line.rs`, how a thousand like ones stay a few in
//! `hold_back.rs`.

mod hold_back;
mod log;
mod repeats;
mod single_line;
#[cfg(test)]
mod test_support;

pub use log::{FilterError, LogFormat, init};
pub(crate) use repeats::{Repeats, Sum};
#[cfg(test)]
pub(crate) use test_support::captured;
