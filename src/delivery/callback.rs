//! Reports of providers about messages that they accepted earlier: requests that a provider makes to this instance.

use crate::domain::time::Timestamp;

use super::Failure;

/// A request of a provider, as it arrived.
#[derive(Clone, Copy)]
pub struct Callback<'a> {
    /// The whole URL as the provider knows it: scheme, public host, path and query. Some signatures cover it.
    pub url: &'a str,
    /// Names and values of the headers.
    pub headers: &'a [(&'a str, &'a str)],
    /// The body, byte for byte.
    pub body: &'a [u8],
    /// When it arrived.
    pub at: Timestamp,
    /// What the provider signs with, where the report names a place for that and the transport has fetched it.
    pub certificate: Option<&'a [u8]>,
}

/// What a provider reports about one message.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Report {
    /// The provider's id of the message, as in [`Receipt::message_id`](super::Receipt::message_id).
    pub message_id: String,
    /// What became of it.
    pub state: ReportedState,
}

/// What became of a message after the provider accepted it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ReportedState {
    /// The recipient's mail server or phone has it.
    Delivered,
    /// It did not arrive, and the provider does not try again.
    Failed(Failure),
}

/// Why a report is not believed. The provider gets the status that says so, and no more.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum CallbackError {
    /// The key that checks the provider's reports is not configured.
    #[error("the key that checks reports of this provider is not configured")]
    NoKey,
    /// The signature or the password is missing or wrong.
    #[error("the signature is wrong")]
    Signature,
    /// It was signed longer ago than the provider tries to deliver it, or as long in the future: it may be a request that was
    /// recorded. For most providers that is five minutes.
    #[error("the time of the signature is too far from now")]
    Stale,
    /// It is signed and can't be read.
    #[error("the report can't be read")]
    Unreadable,
}

impl<'a> Callback<'a> {
    /// The first value of a header; the case of `name` does not matter.
    pub fn header(&self, name: &str) -> Option<&'a str> {
        self.headers.iter().find(|(given, _)| given.eq_ignore_ascii_case(name)).map(|(_, value)| *value)
    }

    /// Whether a time in seconds since 1970 is within five minutes of the arrival.
    #[cfg(feature = "http-messages")]
    pub(super) fn is_near(&self, seconds: &str) -> bool {
        seconds.parse::<u64>().is_ok_and(|seconds| self.at.as_secs().abs_diff(seconds) <= TOLERANCE_S)
    }
}

/// How old a signature may be, in seconds. Standard Webhooks and Svix allow the same.
#[cfg(feature = "http-messages")]
const TOLERANCE_S: u64 = 300;
