//! How many files and sockets the process may have open, and how many of them connections get.

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

/// Raises the process's limit of open files as far as it may (the soft limit to the hard one, setrlimit(2)), and
/// returns it. The usual soft limit, 1024, is a relic of `select`.
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

/// How many connections may be open where `limit` files may be: as many as were asked for, as long as the store,
/// listeners and connections to elsewhere keep their reserve.
///
/// # Errors
/// When hardly any would be left.
pub(super) fn places(limit: u64, wanted: usize) -> Result<usize, String> {
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

/// The journal's segments, sled's files, listeners, and some connections to mail servers and providers.
const RESERVE_MIN: u64 = 96;
const RESERVE_MAX: u64 = 512;
const PLACES_MIN: u64 = 16;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn connections_leave_a_reserve() {
        for (limit, wanted, places_) in [
            (u64::MAX, 10_000, Ok(10_000)),
            (1_048_576, 10_000, Ok(10_000)),
            (4096, 10_000, Ok(3584)),
            (1024, 10_000, Ok(768)),
            (1024, 100, Ok(100)),
            (256, 10_000, Ok(160)),
            (112, 10_000, Ok(16)),
        ] {
            assert_eq!(places(limit, wanted), places_, "{limit} {wanted}");
        }
        assert!(places(111, 1).is_err_and(|sentence| sentence.contains("112")));
    }
}
