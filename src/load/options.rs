//! Options of a run.

use std::time::Duration;

use url::Url;

/// Options of a run.
#[derive(Clone, Debug)]
pub struct Options {
    /// Base URL of the server: the part before `/v1`.
    pub base: Url,
    /// How sign-ups are timed.
    pub arrivals: Arrivals,
    /// The flow.
    pub flow: FlowKind,
    /// Share of people who leave after their code was sent, from 0 to 1.
    pub abandon: f64,
    /// How clients send their token.
    pub mode: Mode,
    /// `Origin` header in cookie mode; the server's own origin if absent.
    pub origin: Option<String>,
    /// Time during which sign-ups begin.
    pub duration: Duration,
    /// Maximum number of sign-ups.
    pub count: u64,
    /// Maximum number of requests in flight.
    pub connections: usize,
    /// Whether the server may be on another machine.
    pub allow_remote: bool,
}

/// How sign-ups are timed.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Arrivals {
    /// Open loop: a fixed rate, even if the server is slow. Latency counts from the planned start, so a slow server
    /// can't hide its delays (coordinated omission).
    Open {
        /// Sign-ups per second.
        per_second: f64,
    },
    /// Closed loop: each caller starts the next sign-up when its last one has ended.
    Closed {
        /// Number of callers.
        callers: usize,
    },
}

/// A flow.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FlowKind {
    /// E-mail address and code.
    Otp,
    /// E-mail address, password and code.
    Password,
    /// One field per request.
    Progressive,
    /// The three others in turn.
    Mixed,
}

/// How clients send their token.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mode {
    /// In the `Authorization` header, like applications without cookies.
    Native,
    /// In a cookie, like browsers.
    Cookie,
}

impl FlowKind {
    /// Its name in options and reports.
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
    /// Its name in options and reports.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Native => "native",
            Self::Cookie => "cookie",
        }
    }
}
