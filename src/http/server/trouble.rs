//! Connections that could not be accepted: what to do, and a limited number of log lines.

use std::io::{self, ErrorKind};

/// What an error of `accept` requires (accept(2), "Error handling").
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Trouble {
    /// It concerns only that connection, which is gone: accept the next one.
    OfThePeer,
    /// The machine or the process has run out of a resource, or the error is unknown: one connection must leave, and
    /// the server pauses.
    OfTheServer,
}

impl Trouble {
    /// The kind of `error`. No kind is a reason to stop.
    pub(super) fn of(error: &io::Error) -> Self {
        match error.kind() {
            ErrorKind::ConnectionAborted
            | ErrorKind::ConnectionReset
            | ErrorKind::ConnectionRefused
            | ErrorKind::Interrupted
            | ErrorKind::HostUnreachable
            | ErrorKind::NetworkUnreachable
            | ErrorKind::NetworkDown
            | ErrorKind::TimedOut
            | ErrorKind::WouldBlock => Self::OfThePeer,
            _ => Self::OfTheServer,
        }
    }
}

/// How many connections a listener failed to accept since its last success.
#[derive(Debug, Default)]
pub(super) struct Failures(u64);

impl Failures {
    /// Counts a failure; the first one is logged.
    pub(super) fn note(&mut self, error: &io::Error) {
        if self.0 == 0 {
            tracing::warn!(%error, "connections can't be accepted; the server keeps trying");
        }
        self.0 += 1;
    }

    /// Logs that accepting works again, after failures.
    pub(super) fn end(&mut self) {
        let failures = std::mem::take(&mut self.0);
        if failures > 0 {
            tracing::info!(failures, "connections are accepted again");
        }
    }
}

#[cfg(test)]
mod tests {
    use rustix::io::Errno;

    use super::*;

    #[test]
    fn a_peer_that_is_gone_is_no_reason_to_wait_and_a_want_of_descriptors_is() {
        for errno in [Errno::CONNABORTED, Errno::INTR, Errno::NETDOWN, Errno::HOSTUNREACH, Errno::NETUNREACH] {
            assert_eq!(Trouble::of(&errno.into()), Trouble::OfThePeer, "{errno}");
        }
        for errno in [Errno::MFILE, Errno::NFILE, Errno::NOMEM, Errno::NOBUFS, Errno::PERM, Errno::IO] {
            assert_eq!(Trouble::of(&errno.into()), Trouble::OfTheServer, "{errno}");
        }
    }
}
