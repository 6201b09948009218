//! Time, build and machine of a run. Without them results can't be compared.

use std::fs;
use std::thread;

use serde_json::{Value, json};

use crate::clock::{Clock, SystemClock};
use crate::domain::time::Timestamp;

/// Time, build and machine of a run.
#[derive(Clone, Debug)]
pub(super) struct Circumstances {
    began_at: Timestamp,
    cores: usize,
    processor: Option<String>,
    system: String,
}

impl Circumstances {
    /// The circumstances of a run that starts now.
    pub(super) fn of_now() -> Self {
        Self {
            began_at: SystemClock::new().now(),
            cores: thread::available_parallelism().map_or(1, usize::from),
            processor: line_of("/proc/cpuinfo", "model name", ':'),
            system: system(),
        }
    }

    /// Start time, RFC 3339 in UTC.
    pub(super) fn began_at(&self) -> String {
        rfc3339(self.began_at)
    }

    /// The version of the load generator, with the commit where the build knows it.
    pub(super) fn version() -> String {
        match COMMIT {
            "" => format!("vestibule {VERSION}"),
            commit => format!("vestibule {VERSION} ({commit})"),
        }
    }

    /// A short description of the machine that makes the load.
    pub(super) fn machine(&self) -> String {
        let cores = if self.cores == 1 { "1 core".to_owned() } else { format!("{} cores", self.cores) };
        let processor = self.processor.iter().map(|name| format!(" of {name}")).collect::<String>();
        format!("{cores}{processor}, {}", self.system)
    }

    /// All values, for the JSON report.
    pub(super) fn json(&self) -> Value {
        json!({
            "began_at": self.began_at(),
            "version": VERSION,
            "commit": Some(COMMIT).filter(|commit| !commit.is_empty()),
            "cores": self.cores,
            "processor": self.processor,
            "system": self.system,
        })
    }
}

/// The operating system and its kernel.
fn system() -> String {
    let name = line_of("/etc/os-release", "PRETTY_NAME", '=').unwrap_or_else(|| std::env::consts::OS.to_owned());
    let kernel = fs::read_to_string("/proc/sys/kernel/osrelease").unwrap_or_default();
    let kernel = Some(kernel.trim()).filter(|kernel| !kernel.is_empty()).map(|kernel| format!(", kernel {kernel}"));
    format!("{name}{} ({})", kernel.unwrap_or_default(), std::env::consts::ARCH)
}

/// The first value of `name` in a file of names and values.
fn line_of(path: &str, name: &str, separator: char) -> Option<String> {
    let text = fs::read_to_string(path).ok()?;
    let mut pairs = text.lines().filter_map(|line| line.split_once(separator));
    let (_, value) = pairs.find(|(found, _)| found.trim() == name)?;
    Some(value.trim().trim_matches('"').to_owned()).filter(|value| !value.is_empty())
}

/// Formats a time as RFC 3339, to the second. Days are counted from 1 March 0000: each period of 400 years then has the
/// same calendar, and leap days come last in their year.
fn rfc3339(at: Timestamp) -> String {
    let seconds = at.as_secs();
    let days = seconds / 86_400 + 719_468;
    let (era, day_of_era) = (days / 146_097, days % 146_097);
    let year_of_era = (day_of_era - day_of_era / 1460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let from_march = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * from_march + 2) / 5 + 1;
    let month = if from_march < 10 { from_march + 3 } else { from_march - 9 };
    let year = era * 400 + year_of_era + u64::from(month <= 2);
    let (hour, minute, second) = (seconds / 3600 % 24, seconds / 60 % 60, seconds % 60);
    format!("{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}Z")
}

const VERSION: &str = env!("CARGO_PKG_VERSION");
/// The commit, set by `build.rs`; empty if unknown.
const COMMIT: &str = env!("VESTIBULE_BUILT_FROM");

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn moments_are_written_as_the_world_does() {
        for (seconds, written) in [
            (0, "1970-01-01T00:00:00Z"),
            (951_782_400, "2000-02-29T00:00:00Z"),
            (1_709_251_199, "2024-02-29T23:59:59Z"),
            (1_735_689_600, "2025-01-01T00:00:00Z"),
            (4_107_542_400, "2100-03-01T00:00:00Z"),
        ] {
            assert_eq!(rfc3339(Timestamp::from_millis(seconds * 1000 + 999)), written);
        }
    }

    #[test]
    fn a_machine_has_cores_and_a_system() {
        let here = Circumstances::of_now();
        assert!(here.cores > 0 && !here.system.is_empty());
        assert!(here.machine().contains("core"), "{}", here.machine());
    }
}
