//! A sign-in, inside its client's record.

use serde::{Deserialize, Serialize};

use crate::domain::id::{ClientId, InvitationId, SessionId, SignInId, UserId};
use crate::domain::sign_in::{FirstFactor, Newcomer, PasswordMark, Phase, SecondFactor, SignIn};
use crate::domain::time::Timestamp;
use crate::store::StoreError;

use super::external::ExternalAccountV1;
use super::identifier::IdentifierV1;
use super::sign_up::VerificationV1;

/// A sign-in, before it could become a sign-up.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(super) struct SignInV1 {
    id: [u8; 16],
    version: u64,
    complete: Option<[u8; 16]>,
    identifier: Option<IdentifierV1>,
    user_id: Option<[u8; 16]>,
    first_factor: Option<FirstFactorV1>,
    external: Option<Box<ExternalAccountV1>>,
    created_at: u64,
    updated_at: u64,
    origin: Option<String>,
    recent_sends: Vec<(IdentifierV1, u64)>,
}

/// A sign-in, before it could need more than a first factor.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(super) struct SignInV2 {
    sign_in: SignInV1,
    newcomer: Option<NewcomerV1>,
}

/// A sign-in.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(super) struct SignInV3 {
    sign_in: SignInV2,
    half: HalfV1,
    second_factor: Option<Box<SecondFactorV1>>,
}

/// What is needed beside the first factor.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
enum HalfV1 {
    Nothing,
    NewPassword,
    SecondFactor { password: Option<PasswordMark>, invitation: Option<[u8; 16]> },
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
struct SecondFactorV1 {
    address: Option<IdentifierV1>,
    verification: VerificationV1,
}

#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
struct NewcomerV1 {
    captcha_solved: bool,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
struct FirstFactorV1 {
    address: IdentifierV1,
    verification: VerificationV1,
}

impl From<&SignIn> for SignInV1 {
    fn from(sign_in: &SignIn) -> Self {
        Self {
            id: *sign_in.id.as_bytes(),
            version: sign_in.version,
            complete: match sign_in.phase {
                Phase::Open | Phase::NewPassword | Phase::SecondFactor { .. } => None,
                Phase::Complete { session_id } => Some(*session_id.as_bytes()),
            },
            identifier: sign_in.identifier.as_ref().map(Into::into),
            user_id: sign_in.user_id.map(|id| *id.as_bytes()),
            first_factor: sign_in.first_factor.as_ref().map(|factor| FirstFactorV1 {
                address: (&factor.address).into(),
                verification: (&factor.verification).into(),
            }),
            external: sign_in.external.as_deref().map(|account| Box::new(account.into())),
            created_at: sign_in.created_at.as_millis(),
            updated_at: sign_in.updated_at.as_millis(),
            origin: sign_in.origin.clone(),
            recent_sends: sign_in.recent_sends.iter().map(|(to, at)| (to.into(), at.as_millis())).collect(),
        }
    }
}

impl From<&SignIn> for SignInV2 {
    fn from(sign_in: &SignIn) -> Self {
        let newcomer = sign_in.newcomer.map(|Newcomer { captcha_solved }| NewcomerV1 { captcha_solved });
        Self { sign_in: sign_in.into(), newcomer }
    }
}

impl From<&SignIn> for SignInV3 {
    fn from(sign_in: &SignIn) -> Self {
        Self {
            sign_in: sign_in.into(),
            half: match sign_in.phase {
                Phase::Open | Phase::Complete { .. } => HalfV1::Nothing,
                Phase::NewPassword => HalfV1::NewPassword,
                Phase::SecondFactor { password, invitation } => {
                    HalfV1::SecondFactor { password, invitation: invitation.map(|id| *id.as_bytes()) }
                }
            },
            second_factor: sign_in.second_factor.as_deref().map(|factor| {
                let address = factor.address.as_ref().map(Into::into);
                Box::new(SecondFactorV1 { address, verification: (&factor.verification).into() })
            }),
        }
    }
}

impl From<SignInV2> for SignInV3 {
    fn from(sign_in: SignInV2) -> Self {
        Self { sign_in, half: HalfV1::Nothing, second_factor: None }
    }
}

impl From<SignInV1> for SignInV2 {
    fn from(sign_in: SignInV1) -> Self {
        Self { sign_in, newcomer: None }
    }
}

impl SignInV3 {
    /// A sign-in belongs to the client whose record it is in.
    pub(super) fn on(self, client_id: ClientId) -> Result<SignIn, StoreError> {
        let sign_in = self.sign_in.on(client_id)?;
        let second_factor = self.second_factor.map(|factor| {
            let verification = factor.verification.try_into()?;
            Ok::<_, StoreError>(Box::new(SecondFactor { address: factor.address.map(Into::into), verification }))
        });
        let phase = match self.half {
            HalfV1::Nothing => sign_in.phase,
            HalfV1::NewPassword => Phase::NewPassword,
            HalfV1::SecondFactor { password, invitation } => {
                Phase::SecondFactor { password, invitation: invitation.map(InvitationId::from_bytes) }
            }
        };
        Ok(SignIn { phase, second_factor: second_factor.transpose()?, ..sign_in })
    }
}

impl SignInV2 {
    fn on(self, client_id: ClientId) -> Result<SignIn, StoreError> {
        let newcomer = self.newcomer.map(|NewcomerV1 { captcha_solved }| Newcomer { captcha_solved });
        Ok(SignIn { newcomer, ..self.sign_in.on(client_id)? })
    }
}

impl SignInV1 {
    fn on(self, client_id: ClientId) -> Result<SignIn, StoreError> {
        let factor = |factor: FirstFactorV1| {
            let verification = factor.verification.try_into()?;
            Ok::<_, StoreError>(FirstFactor { address: factor.address.into(), verification })
        };
        Ok(SignIn {
            id: SignInId::from_bytes(self.id),
            client_id,
            version: self.version,
            phase: match self.complete {
                None => Phase::Open,
                Some(session) => Phase::Complete { session_id: SessionId::from_bytes(session) },
            },
            identifier: self.identifier.map(Into::into),
            user_id: self.user_id.map(UserId::from_bytes),
            first_factor: self.first_factor.map(factor).transpose()?,
            external: self.external.map(|account| (*account).try_into().map(Box::new)).transpose()?,
            second_factor: None,
            newcomer: None,
            created_at: Timestamp::from_millis(self.created_at),
            updated_at: Timestamp::from_millis(self.updated_at),
            origin: self.origin,
            recent_sends: self
                .recent_sends
                .into_iter()
                .map(|(to, at)| (to.into(), Timestamp::from_millis(at)))
                .collect(),
        })
    }
}
