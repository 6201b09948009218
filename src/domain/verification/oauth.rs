//! Accounts at providers: an account that is being proved, and what its provider vouches for
//! ([guide: Accounts at providers](crate::guide::contract_sign_ups#accounts-at-providers)).

use std::collections::BTreeSet;
use std::fmt;

use crate::domain::id::{ClientId, SessionId, UserId};
use crate::domain::identifier::{EmailAddress, Identifier, IdentifierKind};
use crate::domain::redirect::RedirectUrl;
use crate::domain::rejection::ErrorCode;
use crate::domain::time::{Span, Timestamp};

use super::{SecondFactorNeed, Strategy};

/// An account at a provider, from the authorization request on.
#[derive(Clone, PartialEq, Eq)]
pub struct ExternalAccount {
    /// The strategy that proves it.
    pub strategy: Strategy,
    /// Its stored state.
    pub state: ExternalState,
    /// The secret from which the `state` parameter, PKCE verifier and `nonce` of this one authorization request are
    /// derived; never reused.
    pub nonce: [u8; 16],
    /// Where the browser goes afterwards if there is no session; `None` where it never left.
    pub redirect_url: Option<RedirectUrl>,
    /// Where it goes with a session; if absent, `redirect_url`.
    pub action_complete_redirect_url: Option<RedirectUrl>,
    /// The provider's page for the redirect; removed once the response has arrived.
    pub authorize_url: Option<String>,
    /// When the authorization request expires.
    pub expire_at: Timestamp,
    /// The provider's profile, once received.
    pub profile: Option<Profile>,
}

/// The stored state of an account; `expired` is derived from the time.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ExternalState {
    /// The response of the provider is pending.
    Pending,
    /// The provider vouched for the account.
    Verified {
        /// When it did.
        at: Timestamp,
        /// The client it was proved on.
        client: ClientId,
    },
    /// The provider vouched for it, but it needs the other flow: a sign-up found that a user has it, or a sign-in found
    /// that no user has it.
    Transferable(ErrorCode),
    /// It failed.
    Failed {
        /// The error code.
        code: ErrorCode,
        /// The session that the account is already signed in with, where that is the cause.
        session: Option<SessionId>,
    },
}

/// The status on the wire ([guide: Verifications](crate::guide::contract_sign_ups#verifications)).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ExternalStatus {
    /// The person is at the provider.
    Unverified,
    /// The provider has confirmed the account.
    Verified,
    /// Confirmed, but it belongs to the other side: a sign-up found a user with the account, a sign-in found none
    /// ([guide: Transfer](crate::guide::contract_sign_ups#transfer)).
    Transferable,
    /// The provider or the engine has refused.
    Failed,
    /// The person came back too late, or not at all.
    Expired,
}

/// What a provider says about a person, after its response was verified. The pair of provider and `subject` identifies
/// the person there; everything else may change or be wrong.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct Profile {
    /// The provider's stable id for the person: `sub` in OpenID Connect, the account's id elsewhere.
    pub subject: String,
    /// The e-mail address, as the provider spells it.
    pub email_address: Option<String>,
    /// Whether the provider vouches that the address is the person's.
    pub email_verified: bool,
    /// The first name.
    pub first_name: Option<String>,
    /// The last name.
    pub last_name: Option<String>,
    /// The username at the provider.
    pub username: Option<String>,
    /// The URL of a picture.
    pub image_url: Option<String>,
    /// The scopes that were granted.
    pub approved_scopes: Vec<String>,
}

/// Where the browser goes after a link or a provider, and hints for the provider's page.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct AuthorizeParams {
    /// Where the browser goes afterwards if there is no session.
    pub redirect_url: Option<RedirectUrl>,
    /// Where it goes with a session; if absent, `redirect_url`. Links don't use it.
    pub action_complete_redirect_url: Option<RedirectUrl>,
    /// The `prompt` of the provider's page (OpenID Connect Core, 3.1.2.1).
    pub prompt: Option<String>,
    /// The `login_hint` of the provider's page (OpenID Connect Core, 3.1.2.1).
    pub login_hint: Option<String>,
    /// Scopes to ask for beside those of the settings (RFC 6749, 3.3).
    pub additional_scopes: Vec<String>,
}

/// One authorization request to a provider.
#[derive(Clone, PartialEq, Eq)]
pub struct AuthorizationRequest {
    /// The strategy of the provider.
    pub strategy: Strategy,
    /// Unique to this request.
    pub nonce: [u8; 16],
    /// Where the browser goes afterwards if there is no session.
    pub redirect_url: RedirectUrl,
    /// Where it goes with a session.
    pub action_complete_redirect_url: Option<RedirectUrl>,
    /// The provider's page for the redirect.
    pub authorize_url: String,
    /// Whether the browser's return can't give the client a new token, because that is in no cookie.
    pub answered_elsewhere: bool,
}

/// The response to the authorization request with this nonce.
#[derive(Clone, PartialEq, Eq)]
pub struct AuthorizationResponse {
    /// The nonce of the authorization request.
    pub nonce: [u8; 16],
    /// The result.
    pub answer: ProviderOutcome,
    /// Whether the response can give the sign-up's client a new token.
    pub by_owner: bool,
}

/// A provider's result, with look-ups about it from just before; the commit decides.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ProviderOutcome {
    /// The person's profile there, or why it is not known.
    pub outcome: Result<Profile, ErrorCode>,
    /// The user who has the account, or who proved the address that the provider vouches for.
    pub owner: Option<UserId>,
    /// That user's address, where the user was found by it alone, so that the account would be new for the user. It is
    /// spelled as the user spells it: the profile may have other dots in it
    /// ([guide: Restrictions](crate::guide::contract#restrictions)).
    pub links: Option<EmailAddress>,
    /// That user's session on this client.
    pub session: Option<SessionId>,
    /// Whether a sign-in to that user needs a second factor.
    pub second_factor: SecondFactorNeed,
    /// Whether that user has a second factor, one that the settings offer or not.
    pub has_second_factor: bool,
    /// Which of the profile's e-mail address and username a user holds.
    pub taken: BTreeSet<IdentifierKind>,
}

impl AuthorizeParams {
    /// The page to go to afterwards, with or without a session.
    pub fn to(redirect_url: RedirectUrl) -> Self {
        Self { redirect_url: Some(redirect_url), ..Self::default() }
    }
}

impl ExternalAccount {
    /// The account at the start of an authorization request.
    pub fn pending(request: &AuthorizationRequest, now: Timestamp) -> Self {
        Self {
            strategy: request.strategy.clone(),
            state: ExternalState::Pending,
            nonce: request.nonce,
            redirect_url: Some(request.redirect_url.clone()),
            action_complete_redirect_url: request.action_complete_redirect_url.clone(),
            authorize_url: Some(request.authorize_url.clone()),
            expire_at: now + TRIP_TTL,
            profile: None,
        }
    }

    /// Its status at `now`.
    pub fn status(&self, now: Timestamp) -> ExternalStatus {
        match self.state {
            ExternalState::Pending if now >= self.expire_at => ExternalStatus::Expired,
            ExternalState::Pending => ExternalStatus::Unverified,
            ExternalState::Verified { .. } => ExternalStatus::Verified,
            ExternalState::Transferable(_) => ExternalStatus::Transferable,
            ExternalState::Failed { .. } => ExternalStatus::Failed,
        }
    }

    /// Whether the response to the authorization request with `nonce` is still expected.
    pub fn awaits_callback(&self, nonce: &[u8; 16], now: Timestamp) -> bool {
        self.nonce == *nonce && self.status(now) == ExternalStatus::Unverified
    }

    /// Whether the account is verified.
    pub fn is_verified(&self) -> bool {
        matches!(self.state, ExternalState::Verified { .. })
    }

    /// The account as an identifier, once known; unique in the instance.
    pub fn identifier(&self) -> Option<Identifier> {
        let provider = self.strategy.provider()?;
        self.profile.as_ref().map(|profile| profile.identifier(&provider))
    }

    /// Where the browser goes next.
    pub fn destination(&self, has_session: bool) -> Option<&RedirectUrl> {
        self.action_complete_redirect_url.as_ref().filter(|_| has_session).or(self.redirect_url.as_ref())
    }
}

impl Profile {
    /// The e-mail address, if it can be parsed.
    pub fn email(&self) -> Option<EmailAddress> {
        self.email_address.as_deref().and_then(|text| EmailAddress::parse(text).ok())
    }

    /// The account at `provider`, such as `oauth_google`. The same subject at two providers is two accounts.
    pub fn identifier(&self, provider: &str) -> Identifier {
        Identifier { kind: IdentifierKind::ExternalAccount, value: format!("{provider} {}", self.subject) }
    }
}

/// Prints no personal data.
impl fmt::Debug for Profile {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("[profile]")
    }
}

/// Without the nonce, and without the URLs: that of the provider contains the `state` made from the nonce, the others
/// may contain secrets of their pages.
impl fmt::Debug for ExternalAccount {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut shown = f.debug_struct("ExternalAccount");
        shown.field("strategy", &self.strategy).field("state", &self.state).field("expire_at", &self.expire_at);
        shown.finish_non_exhaustive()
    }
}

/// As of an [`ExternalAccount`].
impl fmt::Debug for AuthorizationRequest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("AuthorizationRequest").field("strategy", &self.strategy).finish_non_exhaustive()
    }
}

/// As of an [`ExternalAccount`].
impl fmt::Debug for AuthorizationResponse {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut shown = f.debug_struct("AuthorizationResponse");
        shown.field("answer", &self.answer).field("by_owner", &self.by_owner).finish_non_exhaustive()
    }
}

/// How long the response of a provider is awaited
/// ([guide: Accounts at providers](crate::guide::security#accounts-at-providers)).
const TRIP_TTL: Span = Span::from_secs(600);
