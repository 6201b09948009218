//! Logging. Spans and events carry ids; identifiers, codes, tokens and passwords stay out of them.
//!
//! Begin reading at `log.rs`. `single_line.rs` keeps each event on one line, and `hold_back.rs` limits repeated lines.

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
