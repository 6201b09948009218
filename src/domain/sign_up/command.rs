//! Commands to a sign-up.

use crate::domain::redirect::RedirectUrl;
use crate::domain::verification::{AuthorizationResponse, PhoneChannel, Strategy, VerifyLink};

use super::{BackendUpdate, Fields};

/// A command to an existing sign-up.
#[derive(Clone, Debug)]
pub enum Command {
    /// Set fields.
    Update(Box<Fields>),
    /// Begin to verify a field.
    Prepare(Prepare),
    /// Verify a field.
    Attempt(Attempt),
    /// The response of a provider to an authorization request.
    Return(Box<AuthorizationResponse>),
    /// Verify the e-mail address by the link that was sent to it.
    VerifyLink(VerifyLink),
    /// An update by the application's backend.
    BackendUpdate(BackendUpdate),
    /// A captcha was solved, as its service confirms.
    SolveCaptcha,
    /// An administrator approves the sign-up.
    Approve,
    /// An administrator refuses the sign-up; the text is for the person.
    Refuse(Option<String>),
}

/// Begins to verify the field that the strategy verifies.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Prepare {
    /// The strategy.
    pub strategy: Strategy,
    /// The channel of a phone code; `sms` when absent.
    pub channel: Option<PhoneChannel>,
    /// Where the browser goes after a link.
    pub redirect_url: Option<RedirectUrl>,
    /// Whether the client's token is in a cookie that browser navigations send.
    pub in_cookie: bool,
    /// Whether a user holds the address, by a look-up before the command, and enumeration protection must hide that.
    pub taken: bool,
}

/// Verifies the field that the strategy verifies.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Attempt {
    /// The strategy.
    pub strategy: Strategy,
    /// The code as typed.
    pub code: Option<String>,
    /// Whether the caller presents a token that was rotated; that is valid only to fetch the lost completing response.
    pub again: bool,
}
