//! What a run is told.

use std::time::Duration;

use url::Url;

/// What a run is told.
#[derive(Clone, Debug)]
pub struct Options {
    /// Where the server is: what stands before `/v1`.
    pub base: Url,
    /// When sign-ups begin.
    pub arrivals: Arrivals,
    /// What people do.
    pub flow: FlowKind,
    /// The share of people who leave once their code is on its way, from 0 to 1.
    pub abandon: f64,
    /// How clients are known.
    pub mode: Mode,
    /// The origin that pages call from in cookie mode; the server's own when absent.
    pub origin: Option<String>,
    /// How long sign-ups begin.
    pub duration: Duration,
    /// How many sign-ups begin at most.
    pub count: u64,
    /// How many requests are in flight at most.
    pub connections: usize,
    /// Whether the server may be another machine.
    pub allow_remote: bool,
}

/// When sign-ups begin.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Arrivals {
    /// So many a second, whether the server keeps up or not: a late answer makes nobody come later, and the wait for it
    /// counts from the moment that was meant.
    Open {
        /// How many a second.
        per_second: f64,
    },
    /// Each of so many callers begins the next one when the last one is done: as fast as the server goes.
    Closed {
        /// How many callers.
        callers: usize,
    },
}

/// What people do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FlowKind {
    /// Give an e-mail address, have a code sent, type it in.
    Otp,
    /// The same with a password beside the address.
    Password,
    /// Give one thing at a time.
    Progressive,
    /// One after the other of these.
    Mixed,
}

/// How clients are known.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mode {
    /// By `Authorization`, as applications without cookies are.
    Native,
    /// By cookie, as browsers are.
    Cookie,
}

impl FlowKind {
    /// The word for it.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Otp => "otp",
            Self::Password => "password",
            Self::Progressive => "progressive",
            Self::Mixed => "mixed",
        }
    }
}

impl Mode {
    /// The word for it.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Native => "native",
            Self::Cookie => "cookie",
        }
    }
}
