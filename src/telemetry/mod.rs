//! Logs. Spans and events carry ids; addresses, codes, tokens and passwords stay out of them.
//!
//! Begin reading at `log.rs`; how one event stays one line is in `line.rs`.

mod line;
mod log;

pub use log::{FilterError, LogFormat, init};
