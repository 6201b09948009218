//! Accounts at providers, inside the records of sign-ups and users.

use serde::{Deserialize, Serialize};

use crate::domain::id::{ClientId, ExternalAccountId, IdentificationId, SessionId};
use crate::domain::redirect::RedirectUrl;
use crate::domain::rejection::ErrorCode;
use crate::domain::time::Timestamp;
use crate::domain::user::UserAccount;
use crate::domain::verification::{ExternalAccount, ExternalState, Profile};
use crate::store::StoreError;

use super::strategy::strategy;

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(super) struct ExternalAccountV1 {
    strategy: String,
    state: ExternalStateV1,
    nonce: [u8; 16],
    redirect_url: String,
    action_complete_redirect_url: Option<String>,
    authorize_url: Option<String>,
    expire_at: u64,
    profile: Option<ProfileV1>,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
enum ExternalStateV1 {
    Pending,
    Verified { at: u64, client: [u8; 16] },
    Transferable { code: String },
    Failed { code: String, session: Option<[u8; 16]> },
}

#[derive(Clone, PartialEq, Serialize, Deserialize)]
struct ProfileV1 {
    subject: String,
    email_address: Option<String>,
    email_verified: bool,
    first_name: Option<String>,
    last_name: Option<String>,
    username: Option<String>,
    image_url: Option<String>,
    approved_scopes: Vec<String>,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(super) struct UserAccountV1 {
    id: [u8; 16],
    identification_id: [u8; 16],
    provider: String,
    profile: ProfileV1,
    verified_at: u64,
}

impl std::fmt::Debug for ProfileV1 {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("[profile]")
    }
}

impl From<&ExternalAccount> for ExternalAccountV1 {
    fn from(account: &ExternalAccount) -> Self {
        Self {
            strategy: account.strategy.to_string(),
            state: (&account.state).into(),
            nonce: account.nonce,
            redirect_url: account.redirect_url.as_ref().map(ToString::to_string).unwrap_or_default(),
            action_complete_redirect_url: account.action_complete_redirect_url.as_ref().map(ToString::to_string),
            authorize_url: account.authorize_url.clone(),
            expire_at: account.expire_at.as_millis(),
            profile: account.profile.as_ref().map(Into::into),
        }
    }
}

impl TryFrom<ExternalAccountV1> for ExternalAccount {
    type Error = StoreError;

    fn try_from(record: ExternalAccountV1) -> Result<Self, StoreError> {
        Ok(Self {
            strategy: strategy(&record.strategy)?,
            state: record.state.try_into()?,
            nonce: record.nonce,
            redirect_url: Some(record.redirect_url).filter(|url| !url.is_empty()).map(RedirectUrl::restored),
            action_complete_redirect_url: record.action_complete_redirect_url.map(RedirectUrl::restored),
            authorize_url: record.authorize_url,
            expire_at: Timestamp::from_millis(record.expire_at),
            profile: record.profile.map(Into::into),
        })
    }
}

impl From<&ExternalState> for ExternalStateV1 {
    fn from(state: &ExternalState) -> Self {
        let name = |code: &ErrorCode| code.as_str().to_owned();
        match state {
            ExternalState::Pending => Self::Pending,
            ExternalState::Verified { at, client } => Self::Verified { at: at.as_millis(), client: *client.as_bytes() },
            ExternalState::Transferable(code) => Self::Transferable { code: name(code) },
            ExternalState::Failed { code, session } => {
                Self::Failed { code: name(code), session: session.map(|id| *id.as_bytes()) }
            }
        }
    }
}

impl TryFrom<ExternalStateV1> for ExternalState {
    type Error = StoreError;

    fn try_from(record: ExternalStateV1) -> Result<Self, StoreError> {
        Ok(match record {
            ExternalStateV1::Pending => Self::Pending,
            ExternalStateV1::Verified { at, client } => {
                Self::Verified { at: Timestamp::from_millis(at), client: ClientId::from_bytes(client) }
            }
            ExternalStateV1::Transferable { code } => Self::Transferable(named(&code)?),
            ExternalStateV1::Failed { code, session } => {
                Self::Failed { code: named(&code)?, session: session.map(SessionId::from_bytes) }
            }
        })
    }
}

impl From<&Profile> for ProfileV1 {
    fn from(profile: &Profile) -> Self {
        Self {
            subject: profile.subject.clone(),
            email_address: profile.email_address.clone(),
            email_verified: profile.email_verified,
            first_name: profile.first_name.clone(),
            last_name: profile.last_name.clone(),
            username: profile.username.clone(),
            image_url: profile.image_url.clone(),
            approved_scopes: profile.approved_scopes.clone(),
        }
    }
}

impl From<ProfileV1> for Profile {
    fn from(record: ProfileV1) -> Self {
        Self {
            subject: record.subject,
            email_address: record.email_address,
            email_verified: record.email_verified,
            first_name: record.first_name,
            last_name: record.last_name,
            username: record.username,
            image_url: record.image_url,
            approved_scopes: record.approved_scopes,
        }
    }
}

impl From<&UserAccount> for UserAccountV1 {
    fn from(account: &UserAccount) -> Self {
        Self {
            id: *account.id.as_bytes(),
            identification_id: *account.identification_id.as_bytes(),
            provider: account.provider.clone(),
            profile: (&account.profile).into(),
            verified_at: account.verified_at.as_millis(),
        }
    }
}

impl From<UserAccountV1> for UserAccount {
    fn from(record: UserAccountV1) -> Self {
        Self {
            id: ExternalAccountId::from_bytes(record.id),
            identification_id: IdentificationId::from_bytes(record.identification_id),
            provider: record.provider,
            profile: record.profile.into(),
            verified_at: Timestamp::from_millis(record.verified_at),
        }
    }
}

fn named(code: &str) -> Result<ErrorCode, StoreError> {
    let found = ErrorCode::ALL.iter().find(|known| known.as_str() == code);
    found.copied().ok_or_else(|| StoreError::Damaged(format!("`{code}` is no error code")))
}
