//! Limits of open files: how many the process may have, and how many of them connections get.

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

/// Raises the soft limit of open files to the hard limit (setrlimit(2)) and returns it. The usual soft limit, 1024, is
/// too low for a server.
pub(super) fn raise() -> u64 {
    let Rlimit { current, maximum } = getrlimit(Resource::Nofile);
    if current == maximum {
        return current.unwrap_or(u64::MAX);
    }
    match setrlimit(Resource::Nofile, Rlimit { current: maximum, maximum }) {
        Ok(()) => maximum.unwrap_or(u64::MAX),
        Err(error) => {
            tracing::warn!(%error, "the limit of open files stays as it is");
            current.unwrap_or(u64::MAX)
        }
    }
}

/// Maximum number of connections with `limit` open files: `wanted`, unless the reserve for the store, listeners and
/// outgoing connections needs the files.
///
/// # Errors
/// When too few would be left.
pub(super) fn max_connections(limit: u64, wanted: usize) -> Result<usize, String> {
    let reserve = (limit / 4).clamp(RESERVE_MIN, RESERVE_MAX);
    let left = limit.saturating_sub(reserve);
    if left < PLACES_MIN {
        return Err(format!(
            "the limit of open files is {limit}, and at least {} are needed; raise it (`ulimit -n`, `LimitNOFILE=`)",
            RESERVE_MIN + PLACES_MIN
        ));
    }
    Ok(wanted.min(usize::try_from(left).unwrap_or(usize::MAX)))
}

/// Reserve for journal segments, sled's files, listeners and outgoing connections.
const RESERVE_MIN: u64 = 96;
const RESERVE_MAX: u64 = 512;
const PLACES_MIN: u64 = 16;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn connections_leave_a_reserve() {
        for (limit, wanted, expected) in [
            (u64::MAX, 10_000, Ok(10_000)),
            (1_048_576, 10_000, Ok(10_000)),
            (4096, 10_000, Ok(3584)),
            (1024, 10_000, Ok(768)),
            (1024, 100, Ok(100)),
            (256, 10_000, Ok(160)),
            (112, 10_000, Ok(16)),
        ] {
            assert_eq!(max_connections(limit, wanted), expected, "{limit} {wanted}");
        }
        assert!(max_connections(111, 1).is_err_and(|sentence| sentence.contains("112")));
    }
}
