//! A client with its sessions and the sign-in in progress.

use serde::{Deserialize, Serialize};

use crate::domain::client::Client;
use crate::domain::id::{ClientId, SessionId, SignUpId};
use crate::domain::secret::Secret;
use crate::domain::time::Timestamp;
use crate::store::StoreError;
use crate::store::kv::codec::{Older, Record};
use crate::store::kv::key::Kind;

use super::session::{SessionV1, SessionV2};
use super::sign_in::{SignInV1, SignInV2, SignInV3};
use super::strategy::strategy;

/// A client with its sessions, before a new token could be pending for it: a session added elsewhere did not rotate the
/// token.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(in crate::store) struct ClientRecordV1 {
    id: [u8; 16],
    version: u64,
    salt: [u8; 16],
    generation: u32,
    rotated_at: u64,
    sign_up: Option<[u8; 16]>,
    sign_in: Option<Box<SignInV1>>,
    sessions: Vec<SessionV1>,
    last_active_session_id: Option<[u8; 16]>,
    last_authentication_strategy: Option<String>,
    created_at: u64,
    updated_at: u64,
    sessions_changed_at: Option<u64>,
}

/// A client with its sessions, before it stored its last finished sign-in.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(in crate::store) struct ClientRecordV2 {
    id: [u8; 16],
    version: u64,
    salt: [u8; 16],
    generation: u32,
    owed_to: Option<u32>,
    rotated_at: u64,
    sign_up: Option<[u8; 16]>,
    sign_in: Option<Box<SignInV1>>,
    sessions: Vec<SessionV1>,
    last_active_session_id: Option<[u8; 16]>,
    last_authentication_strategy: Option<String>,
    created_at: u64,
    updated_at: u64,
    sessions_changed_at: Option<u64>,
}

/// A client with its sessions, before these told when a factor was proved, and where they are used.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(in crate::store) struct ClientRecordV3 {
    id: [u8; 16],
    version: u64,
    salt: [u8; 16],
    generation: u32,
    owed_to: Option<u32>,
    rotated_at: u64,
    sign_up: Option<[u8; 16]>,
    sign_in: Option<Box<SignInV2>>,
    finished_sign_in: Option<Box<SignInV2>>,
    sessions: Vec<SessionV1>,
    last_active_session_id: Option<[u8; 16]>,
    last_authentication_strategy: Option<String>,
    created_at: u64,
    updated_at: u64,
    sessions_changed_at: Option<u64>,
}

/// A client with its sessions, before its sign-in could need more than a first factor.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(in crate::store) struct ClientRecordV4 {
    id: [u8; 16],
    version: u64,
    salt: [u8; 16],
    generation: u32,
    owed_to: Option<u32>,
    rotated_at: u64,
    sign_up: Option<[u8; 16]>,
    sign_in: Option<Box<SignInV2>>,
    finished_sign_in: Option<Box<SignInV2>>,
    sessions: Vec<SessionV2>,
    last_active_session_id: Option<[u8; 16]>,
    last_authentication_strategy: Option<String>,
    created_at: u64,
    updated_at: u64,
    sessions_changed_at: Option<u64>,
}

/// A client with its sessions.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(in crate::store) struct ClientRecordV5 {
    id: [u8; 16],
    version: u64,
    salt: [u8; 16],
    generation: u32,
    owed_to: Option<u32>,
    rotated_at: u64,
    sign_up: Option<[u8; 16]>,
    sign_in: Option<Box<SignInV3>>,
    finished_sign_in: Option<Box<SignInV3>>,
    sessions: Vec<SessionV2>,
    last_active_session_id: Option<[u8; 16]>,
    last_authentication_strategy: Option<String>,
    created_at: u64,
    updated_at: u64,
    sessions_changed_at: Option<u64>,
}

impl Record for ClientRecordV1 {
    const KIND: Kind = Kind::Client;
    const SCHEMA: u8 = 1;
}

impl Record for ClientRecordV2 {
    const KIND: Kind = Kind::Client;
    const SCHEMA: u8 = 2;

    fn from_older(older: Older<'_>) -> Result<Self, StoreError> {
        older.read::<ClientRecordV1>().map(Self::from)
    }
}

impl Record for ClientRecordV3 {
    const KIND: Kind = Kind::Client;
    const SCHEMA: u8 = 3;

    fn from_older(older: Older<'_>) -> Result<Self, StoreError> {
        older.read::<ClientRecordV2>().map(Self::from)
    }
}

impl Record for ClientRecordV4 {
    const KIND: Kind = Kind::Client;
    const SCHEMA: u8 = 4;

    fn from_older(older: Older<'_>) -> Result<Self, StoreError> {
        older.read::<ClientRecordV3>().map(Self::from)
    }
}

impl Record for ClientRecordV5 {
    const KIND: Kind = Kind::Client;
    const SCHEMA: u8 = 5;

    fn from_older(older: Older<'_>) -> Result<Self, StoreError> {
        older.read::<ClientRecordV4>().map(Self::from)
    }
}

impl From<ClientRecordV1> for ClientRecordV2 {
    fn from(record: ClientRecordV1) -> Self {
        Self {
            id: record.id,
            version: record.version,
            salt: record.salt,
            generation: record.generation,
            owed_to: None,
            rotated_at: record.rotated_at,
            sign_up: record.sign_up,
            sign_in: record.sign_in,
            sessions: record.sessions,
            last_active_session_id: record.last_active_session_id,
            last_authentication_strategy: record.last_authentication_strategy,
            created_at: record.created_at,
            updated_at: record.updated_at,
            sessions_changed_at: record.sessions_changed_at,
        }
    }
}

impl From<ClientRecordV2> for ClientRecordV3 {
    fn from(record: ClientRecordV2) -> Self {
        Self {
            id: record.id,
            version: record.version,
            salt: record.salt,
            generation: record.generation,
            owed_to: record.owed_to,
            rotated_at: record.rotated_at,
            sign_up: record.sign_up,
            sign_in: record.sign_in.map(|sign_in| Box::new((*sign_in).into())),
            finished_sign_in: None,
            sessions: record.sessions,
            last_active_session_id: record.last_active_session_id,
            last_authentication_strategy: record.last_authentication_strategy,
            created_at: record.created_at,
            updated_at: record.updated_at,
            sessions_changed_at: record.sessions_changed_at,
        }
    }
}

impl From<ClientRecordV3> for ClientRecordV4 {
    fn from(record: ClientRecordV3) -> Self {
        Self {
            id: record.id,
            version: record.version,
            salt: record.salt,
            generation: record.generation,
            owed_to: record.owed_to,
            rotated_at: record.rotated_at,
            sign_up: record.sign_up,
            sign_in: record.sign_in,
            finished_sign_in: record.finished_sign_in,
            sessions: record.sessions.into_iter().map(Into::into).collect(),
            last_active_session_id: record.last_active_session_id,
            last_authentication_strategy: record.last_authentication_strategy,
            created_at: record.created_at,
            updated_at: record.updated_at,
            sessions_changed_at: record.sessions_changed_at,
        }
    }
}

impl From<ClientRecordV4> for ClientRecordV5 {
    fn from(record: ClientRecordV4) -> Self {
        Self {
            id: record.id,
            version: record.version,
            salt: record.salt,
            generation: record.generation,
            owed_to: record.owed_to,
            rotated_at: record.rotated_at,
            sign_up: record.sign_up,
            sign_in: record.sign_in.map(|sign_in| Box::new((*sign_in).into())),
            finished_sign_in: record.finished_sign_in.map(|sign_in| Box::new((*sign_in).into())),
            sessions: record.sessions,
            last_active_session_id: record.last_active_session_id,
            last_authentication_strategy: record.last_authentication_strategy,
            created_at: record.created_at,
            updated_at: record.updated_at,
            sessions_changed_at: record.sessions_changed_at,
        }
    }
}

impl From<&Client> for ClientRecordV5 {
    fn from(client: &Client) -> Self {
        Self {
            id: *client.id.as_bytes(),
            version: client.version,
            salt: *client.salt.expose(),
            generation: client.generation,
            owed_to: client.owed_to,
            rotated_at: client.rotated_at.as_millis(),
            sign_up: client.sign_up.map(|id| *id.as_bytes()),
            sign_in: client.sign_in.as_deref().map(|sign_in| Box::new(sign_in.into())),
            finished_sign_in: client.finished_sign_in.as_deref().map(|sign_in| Box::new(sign_in.into())),
            sessions: client.sessions.iter().map(SessionV2::from).collect(),
            last_active_session_id: client.last_active_session_id.map(|id| *id.as_bytes()),
            last_authentication_strategy: client.last_authentication_strategy.as_ref().map(ToString::to_string),
            created_at: client.created_at.as_millis(),
            updated_at: client.updated_at.as_millis(),
            sessions_changed_at: client.sessions_changed_at.map(Timestamp::as_millis),
        }
    }
}

impl TryFrom<ClientRecordV5> for Client {
    type Error = StoreError;

    fn try_from(record: ClientRecordV5) -> Result<Self, StoreError> {
        let id = ClientId::from_bytes(record.id);
        Ok(Self {
            id,
            version: record.version,
            salt: Secret::new(record.salt),
            generation: record.generation,
            owed_to: record.owed_to,
            rotated_at: Timestamp::from_millis(record.rotated_at),
            sign_up: record.sign_up.map(SignUpId::from_bytes),
            sign_in: record.sign_in.map(|sign_in| sign_in.on(id).map(Box::new)).transpose()?,
            finished_sign_in: record.finished_sign_in.map(|sign_in| sign_in.on(id).map(Box::new)).transpose()?,
            sessions: record.sessions.into_iter().map(|session| session.on(id)).collect(),
            last_active_session_id: record.last_active_session_id.map(SessionId::from_bytes),
            last_authentication_strategy: record.last_authentication_strategy.as_deref().map(strategy).transpose()?,
            created_at: Timestamp::from_millis(record.created_at),
            updated_at: Timestamp::from_millis(record.updated_at),
            sessions_changed_at: record.sessions_changed_at.map(Timestamp::from_millis),
        })
    }
}
