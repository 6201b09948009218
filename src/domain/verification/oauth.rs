//! Accounts at other providers: one being proved, and what its provider vouches for
//! ([guide: Accounts at providers](crate::guide::contract_sign_ups#accounts-at-providers)).

use std::collections::BTreeSet;

use crate::domain::id::{ClientId, SessionId, UserId};
use crate::domain::identifier::{EmailAddress, Identifier, IdentifierKind};
use crate::domain::rejection::ErrorCode;
use crate::domain::time::{Span, Timestamp};

use super::Strategy;

/// An account at a provider, from the moment the person is sent there.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ExternalAccount {
    /// How it is proved.
    pub strategy: Strategy,
    /// Where that stands.
    pub state: ExternalState,
    /// What `state`, PKCE verifier and `nonce` of this one trip are derived from; never used again.
    pub nonce: [u8; 16],
    /// Where the browser goes afterwards unless a session came of it.
    pub redirect_url: String,
    /// Where it goes with a session; `redirect_url` when absent.
    pub action_complete_redirect_url: Option<String>,
    /// The provider's page that the browser is sent to; gone once it came back.
    pub authorize_url: Option<String>,
    /// Until when it may come back.
    pub expire_at: Timestamp,
    /// What the provider vouches for, once it did.
    pub profile: Option<Profile>,
}

/// Where an external account stands; `expired` is computed from the time.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ExternalState {
    /// The person is at the provider.
    Pending,
    /// The provider vouched for the account.
    Verified {
        /// When.
        at: Timestamp,
        /// On which client.
        client: ClientId,
    },
    /// The provider vouched for it, and it belongs on the other side: to a user that exists, for a sign-up, or to
    /// nobody yet, for a sign-in.
    Transferable(ErrorCode),
    /// It came to nothing.
    Failed {
        /// Why.
        code: ErrorCode,
        /// The session that the account is signed in with already, where that is why.
        session: Option<SessionId>,
    },
}

/// The status on the wire ([guide: Verifications](crate::guide::contract_sign_ups#verifications)).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[expect(missing_docs, reason = "the words of guide/contract_sign_ups.md#verifications")]
pub enum ExternalStatus {
    Unverified,
    Verified,
    Transferable,
    Failed,
    Expired,
}

/// What a provider says about a person, after its answer was checked. The pair of provider and `subject` is the
/// person's identity there; everything else may change or be wrong.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct Profile {
    /// The provider's own, lasting name for the person: `sub` in OpenID Connect, the account's id elsewhere.
    pub subject: String,
    /// An e-mail address, as the provider spells it.
    pub email_address: Option<String>,
    /// Whether the provider vouches that the address is the person's.
    pub email_verified: bool,
    /// The first name.
    pub first_name: Option<String>,
    /// The last name.
    pub last_name: Option<String>,
    /// What the person calls themselves there.
    pub username: Option<String>,
    /// A picture.
    pub image_url: Option<String>,
    /// The scopes that were granted.
    pub approved_scopes: Vec<String>,
}

/// One trip to a provider.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AuthorizationRequest {
    /// Which provider.
    pub strategy: Strategy,
    /// Fresh for this trip.
    pub nonce: [u8; 16],
    /// Where the browser goes afterwards unless a session came of it: absolute, and one of those allowed.
    pub redirect_url: String,
    /// Where it goes with a session.
    pub action_complete_redirect_url: Option<String>,
    /// The provider's page.
    pub authorize_url: String,
}

/// The person is back from the trip with this nonce.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AuthorizationResponse {
    /// Which trip.
    pub nonce: [u8; 16],
    /// What came of it.
    pub answer: ProviderOutcome,
    /// Whether the sign-up's client hears of a new token of its own.
    pub by_owner: bool,
}

/// What a provider said, and what look-ups found about it just before; the commit decides.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ProviderOutcome {
    /// Who the person is there, or why that is not known.
    pub outcome: Result<Profile, ErrorCode>,
    /// The user whose account it is, or who proved the address that the provider vouches for.
    pub owner: Option<UserId>,
    /// Whether that user is known by the address alone, so that the account would be a new one of theirs.
    pub links: bool,
    /// That user's session on this client.
    pub session: Option<SessionId>,
    /// Which of the profile's e-mail address and username belong to a user.
    pub taken: BTreeSet<IdentifierKind>,
}

impl ExternalAccount {
    /// The account of a person who is sent to a provider now.
    pub fn pending(trip: &AuthorizationRequest, now: Timestamp) -> Self {
        Self {
            strategy: trip.strategy.clone(),
            state: ExternalState::Pending,
            nonce: trip.nonce,
            redirect_url: trip.redirect_url.clone(),
            action_complete_redirect_url: trip.action_complete_redirect_url.clone(),
            authorize_url: Some(trip.authorize_url.clone()),
            expire_at: now + TRIP_TTL,
            profile: None,
        }
    }

    /// Where it stands at `now`.
    pub fn status(&self, now: Timestamp) -> ExternalStatus {
        match self.state {
            ExternalState::Pending if now >= self.expire_at => ExternalStatus::Expired,
            ExternalState::Pending => ExternalStatus::Unverified,
            ExternalState::Verified { .. } => ExternalStatus::Verified,
            ExternalState::Transferable(_) => ExternalStatus::Transferable,
            ExternalState::Failed { .. } => ExternalStatus::Failed,
        }
    }

    /// Whether the person may still come back from the trip that `nonce` belongs to.
    pub fn awaits_callback(&self, nonce: &[u8; 16], now: Timestamp) -> bool {
        self.nonce == *nonce && self.status(now) == ExternalStatus::Unverified
    }

    /// Whether the account is proved and counts.
    pub fn is_verified(&self) -> bool {
        matches!(self.state, ExternalState::Verified { .. })
    }

    /// The account itself, once it is known: what one user holds alone in the instance.
    pub fn identifier(&self) -> Option<Identifier> {
        let provider = self.strategy.provider()?;
        self.profile.as_ref().map(|profile| profile.identifier(&provider))
    }

    /// Where the browser goes now.
    pub fn destination(&self, has_session: bool) -> &str {
        match &self.action_complete_redirect_url {
            Some(url) if has_session => url,
            _ => &self.redirect_url,
        }
    }
}

impl Profile {
    /// The e-mail address, where there is one that can be read.
    pub fn email(&self) -> Option<EmailAddress> {
        self.email_address.as_deref().and_then(|text| EmailAddress::parse(text).ok())
    }

    /// The account at `provider`, such as `oauth_google`. Two providers never mean the same by one subject.
    pub fn identifier(&self, provider: &str) -> Identifier {
        Identifier { kind: IdentifierKind::ExternalAccount, value: format!("{provider} {}", self.subject) }
    }
}

/// Shows nothing about the person.
impl std::fmt::Debug for Profile {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("[profile]")
    }
}

/// How long a person may stay at a provider
/// ([guide: Accounts at providers](crate::guide::security#accounts-at-providers)).
const TRIP_TTL: Span = Span::from_secs(600);
