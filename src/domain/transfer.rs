//! What a sign-in hands over to a sign-up: the two flows do not know each other
//! ([guide: Transfer](crate::guide::contract_sign_ups#transfer)).

use super::id::SignInId;
use super::identifier::Identifier;
use super::time::Timestamp;
use super::verification::Strategy;

/// An identifier that was proved at a sign-in and is nobody's, on its way to a sign-up.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Proved {
    /// The identifier.
    pub identifier: Identifier,
    /// How it was proved.
    pub strategy: Strategy,
    /// When.
    pub at: Timestamp,
    /// Whether a captcha was solved on the way.
    pub captcha_solved: bool,
    /// Whether it has become somebody's since.
    pub is_taken: bool,
}

/// The sign-in that a sign-up takes something over from, as it was read: it is used up thereby.
pub type Consumed = (SignInId, u64);
