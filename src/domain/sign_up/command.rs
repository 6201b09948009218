//! Commands to a sign-up.

use crate::domain::id::ClientId;
use crate::domain::redirect::RedirectUrl;
use crate::domain::verification::{AuthorizationResponse, CodeChallenge, Link, LinkSecret, PhoneChannel, Strategy};

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
    /// The challenge of PKCE: the link in the mail then only approves, and the application that has the verifier completes it.
    pub challenge: Option<CodeChallenge>,
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

/// Verifies the e-mail address by the link that was sent to it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct VerifyLink {
    /// The secret in the link.
    pub secret: LinkSecret,
    /// The client that opened the link, if known.
    pub by: Option<ClientId>,
    /// Whether the person confirmed on a page. Needed only where it is not the sign-up's client: mail scanners open
    /// links too.
    pub confirmed: bool,
    /// Whether the sign-up's client retries because the completing response was lost.
    pub again: bool,
    /// Whether the response to this request can set the client's cookies.
    pub in_cookie: bool,
}

impl VerifyLink {
    /// Whether the link was opened by this client, with its current token.
    pub(super) fn is_by(&self, client: ClientId) -> bool {
        self.by == Some(client) && !self.again
    }

    /// Whether the response reaches the sign-up's client: by its cookie, or because the application itself asks.
    pub(super) const fn is_heard(&self, link: &Link) -> bool {
        self.secret.challenge().is_some() || (self.in_cookie && link.in_cookie)
    }
}
