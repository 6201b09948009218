//! A sign-in token.

use serde::{Deserialize, Serialize};

use crate::domain::id::{SignInTokenId, UserId};
use crate::domain::sign_in_token::{SignInToken, SignInTokenStatus};
use crate::domain::time::Timestamp;
use crate::store::kv::codec::Record;
use crate::store::kv::key::Kind;

/// A sign-in token.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(in crate::store) struct SignInTokenRecordV1 {
    id: [u8; 16],
    user_id: [u8; 16],
    status: SignInTokenStatusV1,
    created_at: u64,
    updated_at: u64,
    expire_at: u64,
}

#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
enum SignInTokenStatusV1 {
    Pending,
    Accepted,
    Revoked,
}

impl Record for SignInTokenRecordV1 {
    const KIND: Kind = Kind::SignInToken;
    const SCHEMA: u8 = 1;
}

impl From<&SignInToken> for SignInTokenRecordV1 {
    fn from(token: &SignInToken) -> Self {
        Self {
            id: *token.id.as_bytes(),
            user_id: *token.user_id.as_bytes(),
            status: match token.status {
                SignInTokenStatus::Pending => SignInTokenStatusV1::Pending,
                SignInTokenStatus::Accepted => SignInTokenStatusV1::Accepted,
                SignInTokenStatus::Revoked => SignInTokenStatusV1::Revoked,
            },
            created_at: token.created_at.as_millis(),
            updated_at: token.updated_at.as_millis(),
            expire_at: token.expire_at.as_millis(),
        }
    }
}

impl From<SignInTokenRecordV1> for SignInToken {
    fn from(record: SignInTokenRecordV1) -> Self {
        let status = match record.status {
            SignInTokenStatusV1::Pending => SignInTokenStatus::Pending,
            SignInTokenStatusV1::Accepted => SignInTokenStatus::Accepted,
            SignInTokenStatusV1::Revoked => SignInTokenStatus::Revoked,
        };
        let times = [record.created_at, record.updated_at, record.expire_at].map(Timestamp::from_millis);
        Self::restore((SignInTokenId::from_bytes(record.id), UserId::from_bytes(record.user_id)), status, times)
    }
}
