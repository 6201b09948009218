//! Captures the log for tests.

use std::io;
use std::sync::{Arc, Mutex};

use tracing_subscriber::fmt::MakeWriter;

use super::log::{filter, human};

/// The log of `work` on this thread in the human format; `chosen` is a filter as in `RUST_LOG`.
pub(crate) fn captured(chosen: &str, work: impl FnOnce()) -> String {
    let lines = Lines::default();
    let subscriber = human(filter(chosen).expect("a filter"), false, lines.clone());
    tracing::subscriber::with_default(subscriber, work);
    lines.text()
}

/// A writer that keeps the log lines.
#[derive(Clone, Default)]
pub(super) struct Lines(Arc<Mutex<Vec<u8>>>);

impl Lines {
    pub(super) fn text(&self) -> String {
        String::from_utf8(self.0.lock().expect("lines").clone()).expect("text")
    }
}

impl io::Write for Lines {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().expect("lines").write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl<'w> MakeWriter<'w> for Lines {
    type Writer = Self;

    fn make_writer(&'w self) -> Self {
        self.clone()
    }
}
