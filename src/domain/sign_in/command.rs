//! What can be asked of a sign-in.

use crate::domain::id::{ClientId, IdentificationId, SignInId};
use crate::domain::identifier::Identifier;
use crate::domain::rejection::{ErrorCode, Reason};
use crate::domain::verification::{
    self, AuthorizationRequest, ExternalAccount, ProviderOutcome, Strategy, availability,
};

use super::{Fit, Newcomer};

/// What a new sign-in begins with.
#[derive(Clone, Debug)]
pub struct Create {
    /// Its id.
    pub id: SignInId,
    /// The client it belongs to.
    pub client_id: ClientId,
    /// The sign-in it takes the place of.
    pub replaces: Option<(SignInId, u64)>,
    /// Who the person says they are.
    pub identifier: Option<Identifier>,
    /// Where they may sign up by it if nobody holds the identifier.
    pub newcomer: Option<Newcomer>,
    /// What follows in the same step.
    pub start: Start,
    /// The origin it is made from.
    pub origin: Option<String>,
}

/// What a sign-in does in the step that makes it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Start {
    /// Nothing yet.
    Identify,
    /// Have a code sent.
    Prepare(Prepare),
    /// Prove a password.
    Password {
        /// What shows that it is the user's; `None` where it is not.
        fits: Option<Fit>,
    },
    /// Go to a provider.
    Leave(Box<AuthorizationRequest>),
    /// Take over the account that the client's sign-up found to be a user's.
    TakeOver(Box<(ExternalAccount, ProviderOutcome)>),
}

/// Begin to prove a first factor.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Prepare {
    /// How.
    pub strategy: Strategy,
    /// Which of the user's addresses; the one that the identifier names, else the first, when absent.
    pub address_id: Option<IdentificationId>,
    /// The channel of a phone code; `sms` when absent.
    pub channel: Option<String>,
}

/// Prove a first factor.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Attempt {
    /// How.
    pub strategy: Strategy,
    /// With what.
    pub proof: Proof,
}

/// What the person brings.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Proof {
    /// A code; `None` is one that can't be any.
    Code(Option<verification::OneTimeCode>),
    /// A password, which was compared already.
    Password {
        /// What shows that it is the user's; `None` where it is not.
        fits: Option<Fit>,
    },
}

impl Prepare {
    /// Reads the parameters of a prepare.
    ///
    /// # Errors
    /// `form_param_missing` without a strategy, `form_param_value_invalid` for unknown words.
    pub fn parse(strategy: Option<&str>, address_id: Option<&str>, channel: Option<&str>) -> Result<Self, Reason> {
        let strategy = availability::parse_strategy(strategy)?;
        let param = if strategy == Strategy::PhoneCode { "phone_number_id" } else { "email_address_id" };
        let address_id = address_id.filter(|text| !text.is_empty());
        let address_id =
            address_id.map(|text| text.parse().map_err(|_| ErrorCode::FormParamValueInvalid.on(param))).transpose()?;
        Ok(Self { strategy, address_id, channel: availability::channel(channel) })
    }
}

/// Refuses a strategy that could begin a sign-in on its own, without the person saying who they are. Of those only the
/// accounts at providers are built; with an identifier beside it, it is one that its user does not have.
///
/// # Errors
/// `form_param_value_disabled`.
pub fn check_begins_alone(strategy: &Strategy) -> Result<(), Reason> {
    match strategy {
        Strategy::NotBuilt(name) if name != "passkey" => Ok(()),
        Strategy::NotBuilt(_)
        | Strategy::Ticket
        | Strategy::Web3(_)
        | Strategy::OAuthToken(_)
        | Strategy::GoogleOneTap
        | Strategy::Enterprise(_) => Err(ErrorCode::FormParamValueDisabled.on("strategy")),
        _ => Ok(()),
    }
}
