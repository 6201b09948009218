//! `vestibule store`: copies a store, and completes the table of users for SQL.

use std::io::{self, IsTerminal, Write};
use std::time::Duration;

use clap::{Args, Subcommand};

use crate::clock::Stopwatch;
use crate::config::Config;
use crate::domain::text::hex;
use crate::startup;
use crate::store::CopyProgress;

use super::migrate::wait;

/// Arguments of `vestibule store`.
#[derive(Clone, Debug, PartialEq, Args)]
pub(super) struct StoreArguments {
    /// What to do.
    #[command(subcommand)]
    action: Action,
}

/// What to do.
#[derive(Clone, Debug, PartialEq, Subcommand)]
enum Action {
    /// Copy everything into an empty store of the other kind; servers of both must be stopped
    #[command(
        long_about = "Copies everything from one store into an empty one: from the folder of the embedded store to tables \
        of PostgreSQL, or back. Each side is a folder, a URL such as postgres://user@host/database, or `store.url` for the \
        database of the configuration. Servers of both sides must be stopped. Values are encrypted anew for the target \
        under the same instance key. A copy that was interrupted is gone on with by the same command; until it is finished \
        no server starts on it. At the end both sides are read and compared: the status is 0 only if they have the same."
    )]
    Copy(CopyArguments),
    /// Write the rows of all users anew in the table for SQL; servers may run
    Project,
}

/// Arguments of `vestibule store copy`.
#[derive(Clone, Debug, PartialEq, Args)]
struct CopyArguments {
    /// What is copied: a folder, a URL, or `store.url`
    #[arg(long, value_name = "STORE")]
    from: String,
    /// Where it is copied to: a folder, a URL, or `store.url`
    #[arg(long, value_name = "STORE")]
    to: String,
    /// What the names of the tables begin with; `store.prefix` without it
    #[arg(long, value_name = "PREFIX")]
    prefix: Option<String>,
}

/// Does what is wanted. Returns what to print.
///
/// # Errors
/// One sentence that says what is wrong and what to do.
pub(super) fn store(wanted: &StoreArguments, config: &Config) -> Result<String, String> {
    match &wanted.action {
        Action::Copy(wanted) => copy(wanted, config),
        Action::Project => {
            let done = wait(startup::project(config))?.map_err(|error| error.to_string())?;
            let (prefix, users, removed) = (&config.store.prefix, done.users, done.removed);
            let unreadable = match done.unreadable {
                0 => String::new(),
                number => format!(" {number} users can't be read, and have no row."),
            };
            Ok(format!("{prefix}_user has {users} users; {removed} rows were removed.{unreadable}\n"))
        }
    }
}

fn copy(wanted: &CopyArguments, config: &Config) -> Result<String, String> {
    let CopyArguments { from, to, prefix } = wanted;
    let prefix = prefix.as_ref().unwrap_or(&config.store.prefix);
    let mut shown = Shown::new(io::stderr().is_terminal());
    let done = wait(startup::copy_store(config, from, to, prefix, &mut |progress| shown.show(progress)));
    shown.end();
    let (copied, key_file) = done?.map_err(|error| error.to_string())?;
    let summary = copied.summary;
    let begun = if copied.goes_on { "Went on with an unfinished copy. " } else { "" };
    let unopened = match summary.unopened {
        0 => String::new(),
        number => format!("{number} values could not be opened, and are copied as they are.\n"),
    };
    Ok(format!(
        "{begun}Both sides have {} keys, {} bytes, SHA-256 {}.\n{unopened}Servers need the same key file: {}\n",
        summary.keys,
        summary.bytes,
        hex(&summary.digest),
        key_file.display()
    ))
}

/// Shows on standard error how far a copy is: on a terminal in one line that changes, else in a line every few seconds.
struct Shown {
    is_terminal: bool,
    begun: Stopwatch,
    last: Stopwatch,
    /// What was copied in all.
    copied: u64,
    has_line: bool,
}

impl Shown {
    fn new(is_terminal: bool) -> Self {
        let now = Stopwatch::start();
        Self { is_terminal, begun: now, last: now, copied: 0, has_line: false }
    }

    fn show(&mut self, progress: CopyProgress) {
        if let CopyProgress::Copied { keys, .. } = progress {
            self.copied = keys;
        }
        let every = if self.is_terminal { ON_TERMINAL } else { IN_LOG };
        if self.last.elapsed() < every {
            return;
        }
        self.last = Stopwatch::start();
        let line = self.line(progress);
        let text = if self.is_terminal { format!("\r\u{1b}[K{line}") } else { format!("{line}\n") };
        // Nothing depends on it.
        drop(io::stderr().lock().write_all(text.as_bytes()));
        self.has_line = self.is_terminal;
    }

    fn line(&self, progress: CopyProgress) -> String {
        match progress {
            CopyProgress::Copied { keys, bytes } => {
                let seconds = self.begun.elapsed().as_secs().max(1);
                format!("copied {keys} keys, {} MiB, {} keys a second", bytes >> 20, keys / seconds)
            }
            CopyProgress::Compared { keys } if self.copied >= keys => {
                let part = usize::try_from(keys * BAR / self.copied.max(1)).unwrap_or_default();
                format!("comparing [{:<width$}] {keys} of {} keys", "#".repeat(part), self.copied, width = BAR as usize)
            }
            CopyProgress::Compared { keys } => format!("comparing {keys} keys"),
        }
    }

    /// Clears the line that changes.
    fn end(&self) {
        if self.has_line {
            drop(io::stderr().lock().write_all(b"\r\x1b[K"));
        }
    }
}

const ON_TERMINAL: Duration = Duration::from_millis(200);
const IN_LOG: Duration = Duration::from_secs(5);
/// How wide the bar is.
const BAR: u64 = 30;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_tells_how_far_a_copy_is() {
        let mut shown = Shown::new(false);
        let line = shown.line(CopyProgress::Copied { keys: 2000, bytes: 3 << 20 });
        assert!(line.starts_with("copied 2000 keys, 3 MiB, "), "{line}");
        shown.show(CopyProgress::Copied { keys: 2000, bytes: 1 });
        let bar = format!("comparing [{}{}] 1000 of 2000 keys", "#".repeat(15), " ".repeat(15));
        assert_eq!(shown.line(CopyProgress::Compared { keys: 1000 }), bar);
        assert_eq!(
            shown.line(CopyProgress::Compared { keys: 2001 }),
            "comparing 2001 keys",
            "an earlier run copied a part"
        );
    }
}
