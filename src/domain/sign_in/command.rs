//! Commands to a sign-in.

use crate::domain::id::{ClientId, IdentificationId, InvitationId, SignInId, SignInTokenId};
use crate::domain::identifier::Identifier;
use crate::domain::passkey::KeptChallenge;
use crate::domain::redirect::RedirectUrl;
use crate::domain::rejection::{ErrorCode, Reason};
use crate::domain::verification::{
    self, AuthorizationRequest, CodeChallenge, ExternalAccount, PhoneChannel, ProviderOutcome, Strategy,
};

use super::{Fit, Newcomer, PasskeyProof};

/// The content of a new sign-in.
#[derive(Clone, Debug)]
pub struct Create {
    /// Its id.
    pub id: SignInId,
    /// The client it belongs to.
    pub client_id: ClientId,
    /// The sign-in that it replaces, by id and version.
    pub replaces: Option<(SignInId, u64)>,
    /// The identifier that the person gave.
    pub identifier: Option<Identifier>,
    /// Present if the person may sign up where no user holds the identifier.
    pub newcomer: Option<Newcomer>,
    /// The first step, in the same request.
    pub start: Start,
    /// The origin of the request.
    pub origin: Option<String>,
}

/// The first step of a new sign-in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Start {
    /// No step yet.
    Identify,
    /// Send a code.
    Prepare(Prepare),
    /// Check a password.
    Password {
        /// Proof that it is the user's password; `None` where it is not.
        fits: Option<Fit>,
    },
    /// Ask for a passkey.
    Passkey(Box<KeptChallenge>),
    /// Send an authorization request to a provider.
    Leave(Box<AuthorizationRequest>),
    /// Present the ticket of this sign-in token, whose user signs in.
    Ticket(SignInTokenId),
    /// Present the ticket of an invitation whose address a user has.
    Invited {
        /// The invitation.
        invitation: InvitationId,
        /// The invited address.
        address: Identifier,
    },
    /// Take over the account that the client's sign-up found to belong to a user.
    TakeOver(Box<(ExternalAccount, ProviderOutcome)>),
}

/// Begins to prove a first factor.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Prepare {
    /// The strategy that proves it.
    pub strategy: Strategy,
    /// Which of the user's addresses; if absent, the one given as identifier, else the first.
    pub address_id: Option<IdentificationId>,
    /// The channel of a phone code; `sms` when absent.
    pub channel: Option<PhoneChannel>,
    /// Where the browser goes after a link.
    pub redirect_url: Option<RedirectUrl>,
    /// Whether the client's token is in a cookie that browser navigations send. The engine knows it from the request.
    pub in_cookie: bool,
    /// With a link: the challenge of PKCE of an application that completes the link itself.
    pub challenge: Option<CodeChallenge>,
}

/// Proves a first factor.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Attempt {
    /// The strategy that proves it.
    pub strategy: Strategy,
    /// The code or password.
    pub proof: Proof,
}

/// What the person submits as proof.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Proof {
    /// A code; `None` for a text that can't be a code.
    Code(Option<verification::OneTimeCode>),
    /// A password, already compared.
    Password {
        /// Proof that it is the user's password; `None` where it is not.
        fits: Option<Fit>,
    },
    /// A passkey, whose signature was already checked.
    Passkey(PasskeyProof),
}

/// Proves a second factor.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SecondAttempt {
    /// The strategy that proves it.
    pub strategy: Strategy,
    /// What the person submits.
    pub proof: SecondProof,
}

/// What the person submits as proof of a second factor.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum SecondProof {
    /// A code that was sent; `None` for a text that can't be a code.
    Code(Option<verification::OneTimeCode>),
    /// The time step of the code of an authenticator app, already compared; `None` for a wrong one.
    Totp(Option<u64>),
    /// The digest of a backup code; `None` for a text that can't be one.
    BackupCode(Option<[u8; 32]>),
}

impl Prepare {
    /// Begins to prove by this strategy, at the address that was given as identifier, else the first.
    pub const fn new(strategy: Strategy) -> Self {
        Self { strategy, address_id: None, channel: None, redirect_url: None, in_cookie: false, challenge: None }
    }
}

/// Refuses a strategy that could begin a sign-in without an identifier. Of those only tickets, passkeys and accounts at providers
/// are built; with an identifier, the strategy is one that its user does not have.
///
/// # Errors
/// `form_param_value_disabled`.
pub fn check_begins_alone(strategy: &Strategy) -> Result<(), Reason> {
    match strategy {
        // Where passkeys sign in, it is not asked.
        Strategy::Passkey
        | Strategy::Web3(_)
        | Strategy::OAuthToken(_)
        | Strategy::GoogleOneTap
        | Strategy::Enterprise(_) => Err(ErrorCode::FormParamValueDisabled.on("strategy")),
        _ => Ok(()),
    }
}
