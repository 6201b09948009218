//! What can be asked of a sign-up.

use crate::domain::id::ClientId;
use crate::domain::rejection::Reason;
use crate::domain::verification::{AuthorizationResponse, LinkSecret, Strategy, availability};

use super::{BackendUpdate, Fields};

/// A command to an existing sign-up.
#[derive(Clone, Debug)]
pub enum Command {
    /// Take in fields.
    Update(Box<Fields>),
    /// Begin to verify a field.
    Prepare(Prepare),
    /// Prove a field.
    Attempt(Attempt),
    /// The person is back from a provider.
    Return(Box<AuthorizationResponse>),
    /// Prove the e-mail address by the link that was sent to it.
    VerifyLink(VerifyLink),
    /// The application's backend has its say.
    BackendUpdate(BackendUpdate),
    /// The person solved a captcha, as the captcha's service says.
    SolveCaptcha,
}

/// Begin to verify the field that the strategy verifies.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Prepare {
    /// How.
    pub strategy: Strategy,
    /// The channel of a phone code; `sms` when absent.
    pub channel: Option<String>,
    /// Where the browser goes after a link: an absolute URL that the instance allows.
    pub redirect_url: Option<String>,
    /// Whether the client is known by a cookie that a navigation carries.
    pub in_cookie: bool,
    /// Whether the address belongs to a user, as a look-up before the command found, and nobody may learn that.
    pub taken: bool,
}

/// Prove the field that the strategy verifies.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Attempt {
    /// How.
    pub strategy: Strategy,
    /// The code as typed.
    pub code: Option<String>,
    /// Whether the caller presents a token that was replaced, which is good for the lost completing answer only.
    pub again: bool,
}

/// Prove the e-mail address by the link that was sent to it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct VerifyLink {
    /// The secret in the link.
    pub secret: LinkSecret,
    /// The client of whoever brings it, if they have one.
    pub by: Option<ClientId>,
    /// Whether a person has said that they mean it, which only counts where they are not the sign-up's client:
    /// mail scanners open links too.
    pub confirmed: bool,
    /// Whether it is the sign-up's client, asking again for the completing answer that it lost.
    pub again: bool,
    /// Whether the answer to this click reaches the client's cookies.
    pub in_cookie: bool,
}

impl VerifyLink {
    /// Whether the client that brings the link presents its current token, and is this one.
    pub(super) fn is_by(&self, client: ClientId) -> bool {
        self.by == Some(client) && !self.again
    }
}

impl Prepare {
    /// Reads the parameters of a prepare.
    ///
    /// # Errors
    /// `form_param_missing` without a strategy, `form_param_value_invalid` for unknown words.
    pub fn parse(strategy: Option<&str>, channel: Option<&str>) -> Result<Self, Reason> {
        let (strategy, channel) = (availability::parse_strategy(strategy)?, availability::channel(channel));
        Ok(Self { strategy, channel, redirect_url: None, in_cookie: false, taken: false })
    }
}

impl Attempt {
    /// Reads the parameters of an attempt.
    ///
    /// # Errors
    /// `form_param_missing` without a strategy, `form_param_value_invalid` for unknown words.
    pub fn parse(strategy: Option<&str>, code: Option<&str>) -> Result<Self, Reason> {
        Ok(Self { strategy: availability::parse_strategy(strategy)?, code: code.map(str::to_owned), again: false })
    }
}
