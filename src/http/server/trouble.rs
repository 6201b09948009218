//! Connections that could not be accepted: what to do about it, and a few lines in the log however many there are.

use std::io::{self, ErrorKind};

/// What an error of `accept` calls for (accept(2), "Error handling").
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Trouble {
    /// It concerns that connection only, which is gone: the next one may be there.
    OfThePeer,
    /// The machine or the process has run out of something, or it is not known what is wrong: somebody has to leave,
    /// and a while has to pass.
    OfTheServer,
}

impl Trouble {
    /// What `error` calls for. None of them is a reason to stop.
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

/// How many connections one listener could not accept since it last could.
#[derive(Debug, Default)]
pub(super) struct Failures(u64);

impl Failures {
    /// Counts one; the first is told.
    pub(super) fn note(&mut self, error: &io::Error) {
        if self.0 == 0 {
            tracing::warn!(%error, "connections can't be accepted; the server goes on trying");
        }
        self.0 += 1;
    }

    /// Tells that it goes again, after failures.
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
