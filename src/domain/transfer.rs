//! What a sign-in hands over to a sign-up, as data, because the two flows do not know each other
//! ([guide: Transfer](crate::guide::contract_sign_ups#transfer)).

use super::id::SignInId;
use super::identifier::Identifier;
use super::time::Timestamp;
use super::verification::Strategy;

/// An identifier that a sign-in proved and that no user holds, for use by a sign-up.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Proved {
    /// The identifier.
    pub identifier: Identifier,
    /// The strategy that proved it.
    pub strategy: Strategy,
    /// When it was proved.
    pub at: Timestamp,
    /// Whether a captcha was solved at the sign-in.
    pub captcha_solved: bool,
    /// Whether a user has taken it since.
    pub is_taken: bool,
}

/// Id and version of the sign-in from which a sign-up takes something over; the sign-in is consumed by that.
pub type Consumed = (SignInId, u64);
