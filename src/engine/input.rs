//! What calls take in, typed. Texts remain where the settings decide how they are read.

use crate::domain::rejection::{ErrorCode, Reason};
use crate::domain::secret::Secret;
use crate::domain::verification::{AuthorizeParams, CodeChallenge, PhoneChannel, Strategy};

/// The input of a preparation: a code or a link is sent, or an authorization request begins
/// ([guide: Prepare](crate::guide::contract_sign_ups#prepare)).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PrepareVerification {
    /// What to begin.
    pub strategy: Strategy,
    /// The channel of a phone code.
    pub channel: Option<PhoneChannel>,
    /// Where the browser goes after a link or a provider.
    pub authorize: AuthorizeParams,
    /// With the strategy of links: the challenge of PKCE of an application that completes the link itself
    /// ([guide: Links for applications](crate::guide::contract_sign_ups#links-for-applications)).
    pub code_challenge: Option<CodeChallenge>,
}

/// The input of an application that completes a link which was opened and approved
/// ([guide: Links for applications](crate::guide::contract_sign_ups#links-for-applications)).
#[derive(Clone, Debug)]
pub struct ApprovedLink {
    /// The sign-up or sign-in, as text.
    pub flow_id: String,
    /// What the browser brought from the link.
    pub approval_token: Secret<String>,
    /// The verifier of PKCE (RFC 7636, 4.1).
    pub code_verifier: Secret<String>,
}

/// The input of an attempt to verify a field of a sign-up.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AttemptVerification {
    /// What is answered.
    pub strategy: Strategy,
    /// The code as typed.
    pub code: Option<String>,
}

/// The input of a new sign-in ([guide: Sign-in calls](crate::guide::contract_sign_ins#sign-in-calls)).
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct NewSignIn {
    /// The identifier as typed: an e-mail address, a phone number or a username.
    pub identifier: Option<String>,
    /// The password, to sign in at once.
    pub password: Option<Secret<String>>,
    /// The ticket of a sign-in token, to sign in at once to its user.
    pub ticket: Option<Secret<String>>,
    /// What to begin in the same call.
    pub strategy: Option<Strategy>,
    /// The channel of a phone code.
    pub channel: Option<PhoneChannel>,
    /// Whether to take over the account that the client's sign-up found to belong to a user.
    pub transfer: bool,
    /// Where the browser goes after a provider.
    pub authorize: AuthorizeParams,
    /// Whether a person whose identifier no user holds may sign up with it.
    pub sign_up_if_missing: bool,
    /// The token of a solved captcha.
    pub captcha_token: Option<Secret<String>>,
    /// The error of a captcha that could not be solved.
    pub captcha_error: Option<String>,
}

/// The input of an attempt to prove the first factor of a sign-in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AttemptFirstFactor {
    /// What is answered.
    pub strategy: Strategy,
    /// The code as typed, for the strategies of codes.
    pub code: Option<String>,
    /// The password, for the strategy of passwords. Beside the code of a reset: the new one, which clients before 2024 set in
    /// the same call.
    pub password: Option<Secret<String>>,
    /// The answer of the browser as JSON, for passkeys: a `PublicKeyCredential` (Web Authentication 5.1).
    pub public_key_credential: Option<String>,
}

/// The input of a new password at the end of a reset
/// ([guide: Resetting a password](crate::guide::contract_sign_ins#resetting-a-password)).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ResetPassword {
    /// The new password.
    pub password: Secret<String>,
    /// Whether all other sessions of the user end.
    pub sign_out_of_other_sessions: bool,
}

/// The input of an attempt to prove the second factor of a sign-in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AttemptSecondFactor {
    /// What is answered.
    pub strategy: Strategy,
    /// The code as typed.
    pub code: Option<String>,
}

/// The input of a create or an update as it came: the parameters that could be read, and the faults of the others. The
/// faults are reported together with those of the values, in the order of the parameters.
#[derive(Clone, Debug, Default)]
pub(crate) struct Given<T> {
    pub(crate) input: T,
    pub(crate) faults: Vec<Reason>,
}

/// The input of a call on a flow that exists, or its fault: that the flow is unknown is reported first.
pub(crate) type Asked<T> = Result<T, Reason>;

impl PrepareVerification {
    /// Begins this.
    pub fn new(strategy: Strategy) -> Self {
        Self { strategy, channel: None, authorize: AuthorizeParams::default(), code_challenge: None }
    }
}

impl AttemptVerification {
    /// An attempt with this code, as typed.
    pub fn code(strategy: Strategy, code: impl Into<String>) -> Self {
        Self { strategy, code: Some(code.into()) }
    }
}

impl AttemptFirstFactor {
    /// An attempt with this code, as typed.
    pub fn code(strategy: Strategy, code: impl Into<String>) -> Self {
        Self { strategy, code: Some(code.into()), password: None, public_key_credential: None }
    }

    /// An attempt with this password.
    pub const fn password(password: Secret<String>) -> Self {
        Self { strategy: Strategy::Password, code: None, password: Some(password), public_key_credential: None }
    }

    /// An attempt with this answer of a browser, as JSON.
    pub fn passkey(public_key_credential: impl Into<String>) -> Self {
        let public_key_credential = Some(public_key_credential.into());
        Self { strategy: Strategy::Passkey, code: None, password: None, public_key_credential }
    }
}

impl NewSignIn {
    /// A sign-in with this identifier, as typed.
    pub fn with(identifier: impl Into<String>) -> Self {
        Self { identifier: Some(identifier.into()), ..Self::default() }
    }

    /// A sign-in with the ticket of a sign-in token.
    pub fn by_ticket(ticket: Secret<String>) -> Self {
        Self { ticket: Some(ticket), strategy: Some(Strategy::Ticket), ..Self::default() }
    }

    /// The ticket, if this is a sign-in by one.
    ///
    /// # Errors
    /// `form_param_missing` where the strategy is that of tickets and there is none; `form_conditional_param_disallowed`
    /// for what does not go with a ticket.
    pub(super) fn given_ticket(&self) -> Result<Option<&str>, Reason> {
        let ticket = self.ticket.as_ref().map(|ticket| ticket.expose().as_str()).filter(|ticket| !ticket.is_empty());
        let is_meant = match &self.strategy {
            Some(strategy) => *strategy == Strategy::Ticket,
            None => ticket.is_some(),
        };
        if !is_meant {
            return Ok(None);
        }
        let password = self.given_password().map(|password| password.expose());
        for (param, beside) in [("identifier", self.identifier.as_ref()), ("password", password)] {
            if beside.is_some_and(|text| !text.is_empty()) {
                return Err(ErrorCode::FormConditionalParamDisallowed.on(param));
            }
        }
        ticket.map(Some).ok_or_else(|| ErrorCode::FormParamMissing.on("ticket"))
    }

    /// The password, if it is not empty.
    pub(super) fn given_password(&self) -> Option<&Secret<String>> {
        self.password.as_ref().filter(|password| !password.expose().is_empty())
    }
}

impl<T> From<T> for Given<T> {
    fn from(input: T) -> Self {
        Self { input, faults: Vec::new() }
    }
}
