//! Sessions: with their client while they last, and on their own.

use std::net::IpAddr;

use serde::{Deserialize, Serialize};

use crate::domain::client::activity::{Activity, Browser, System};
use crate::domain::client::reverification::{Level, Reverification};
use crate::domain::client::session::{Session, SessionStatus, SessionTask};
use crate::domain::id::{ClientId, IdentificationId, SessionId, UserId};
use crate::domain::time::Timestamp;
use crate::store::StoreError;
use crate::store::kv::codec::{Older, Record};
use crate::store::kv::key::Kind;

/// The user and the client of a session. After its end also the session itself, with its final status.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(in crate::store) struct SessionRecordV2 {
    user_id: [u8; 16],
    client_id: [u8; 16],
    over: Option<SessionV2>,
}

/// The first schema, before sessions told when a factor was proved.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(super) struct SessionRecordV1 {
    user_id: [u8; 16],
    client_id: [u8; 16],
    over: Option<SessionV1>,
}

/// A session inside the record of its client. Most sessions have only the base and the activity.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(super) struct SessionV2 {
    base: SessionV1,
    activity: Option<ActivityV1>,
    /// `None` where the person proved a first factor when the session began, and nothing else is noted.
    proofs: Option<Box<ProofsV1>>,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(super) struct SessionV1 {
    id: [u8; 16],
    user_id: [u8; 16],
    status: SessionStatusV1,
    created_at: u64,
    updated_at: u64,
    last_active_at: u64,
    expire_at: u64,
    origin: Option<String>,
}

#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
enum SessionStatusV1 {
    Active,
    Ended,
    Removed,
    Replaced,
    /// The sessions of a client are active; this one is for the record of a session on its own.
    Revoked,
}

#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
struct ProofsV1 {
    first_factor_at: Option<u64>,
    second_factor_at: Option<u64>,
    task: Option<SessionTaskV1>,
    reverification: Option<ReverificationV1>,
}

#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
enum SessionTaskV1 {
    SetupMfa,
}

#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
struct ReverificationV1 {
    level: LevelV1,
    created_at: u64,
    first_factor_at: Option<u64>,
    second_factor_at: Option<u64>,
    address_id: Option<[u8; 16]>,
}

#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
enum LevelV1 {
    First,
    Second,
    Multi,
}

#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
struct ActivityV1 {
    address: Option<IpAddr>,
    browser: BrowserV1,
    browser_version: u16,
    system: SystemV1,
    is_mobile: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
enum BrowserV1 {
    Unknown,
    Chrome,
    Edge,
    Firefox,
    Opera,
    Safari,
    Samsung,
}

#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
enum SystemV1 {
    Unknown,
    Android,
    ChromeOs,
    IPad,
    IPhone,
    Linux,
    MacOs,
    Windows,
}

impl Record for SessionRecordV1 {
    const KIND: Kind = Kind::Session;
    const SCHEMA: u8 = 1;
}

impl Record for SessionRecordV2 {
    const KIND: Kind = Kind::Session;
    const SCHEMA: u8 = 2;

    fn from_older(older: Older<'_>) -> Result<Self, StoreError> {
        let old = older.read::<SessionRecordV1>()?;
        Ok(Self { user_id: old.user_id, client_id: old.client_id, over: old.over.map(Into::into) })
    }
}

impl SessionRecordV2 {
    /// The record of a session that its client holds.
    pub(in crate::store) fn held(session: &Session) -> Self {
        Self { user_id: *session.user_id.as_bytes(), client_id: *session.client_id.as_bytes(), over: None }
    }

    /// The record of a session that is over.
    pub(in crate::store) fn over(session: &Session) -> Self {
        Self { over: Some(session.into()), ..Self::held(session) }
    }

    pub(in crate::store) fn user_id(&self) -> UserId {
        UserId::from_bytes(self.user_id)
    }

    pub(in crate::store) fn client_id(&self) -> ClientId {
        ClientId::from_bytes(self.client_id)
    }

    pub(in crate::store) const fn is_over(&self) -> bool {
        self.over.is_some()
    }

    /// The session, once it is over.
    pub(in crate::store) fn final_session(self) -> Option<Session> {
        let client = self.client_id();
        self.over.map(|session| session.on(client))
    }
}

impl From<SessionV1> for SessionV2 {
    fn from(base: SessionV1) -> Self {
        Self { base, activity: None, proofs: None }
    }
}

impl From<&Session> for SessionV2 {
    fn from(session: &Session) -> Self {
        let proofs = ProofsV1 {
            first_factor_at: session.first_factor_at.map(Timestamp::as_millis),
            second_factor_at: session.second_factor_at.map(Timestamp::as_millis),
            task: session.task.map(|SessionTask::SetupMfa| SessionTaskV1::SetupMfa),
            reverification: session.reverification.as_ref().map(Into::into),
        };
        let plain = ProofsV1::of_a_new_session(session.created_at.as_millis());
        Self {
            base: session.into(),
            activity: session.activity.as_ref().map(Into::into),
            proofs: (proofs != plain).then(|| Box::new(proofs)),
        }
    }
}

impl SessionV2 {
    /// A session belongs to the client whose record it is in.
    pub(super) fn on(self, client_id: ClientId) -> Session {
        let proofs = self.proofs.map_or_else(|| ProofsV1::of_a_new_session(self.base.created_at), |proofs| *proofs);
        Session {
            first_factor_at: proofs.first_factor_at.map(Timestamp::from_millis),
            second_factor_at: proofs.second_factor_at.map(Timestamp::from_millis),
            task: proofs.task.map(|SessionTaskV1::SetupMfa| SessionTask::SetupMfa),
            reverification: proofs.reverification.map(Into::into),
            activity: self.activity.map(Into::into),
            ..self.base.on(client_id)
        }
    }
}

impl ProofsV1 {
    const fn of_a_new_session(created_at: u64) -> Self {
        Self { first_factor_at: Some(created_at), second_factor_at: None, task: None, reverification: None }
    }
}

impl From<&Reverification> for ReverificationV1 {
    fn from(value: &Reverification) -> Self {
        Self {
            level: match value.level {
                Level::FirstFactor => LevelV1::First,
                Level::SecondFactor => LevelV1::Second,
                Level::MultiFactor => LevelV1::Multi,
            },
            created_at: value.created_at.as_millis(),
            first_factor_at: value.first_factor_at.map(Timestamp::as_millis),
            second_factor_at: value.second_factor_at.map(Timestamp::as_millis),
            address_id: value.address_id.map(|id| *id.as_bytes()),
        }
    }
}

impl From<ReverificationV1> for Reverification {
    fn from(record: ReverificationV1) -> Self {
        Self {
            level: match record.level {
                LevelV1::First => Level::FirstFactor,
                LevelV1::Second => Level::SecondFactor,
                LevelV1::Multi => Level::MultiFactor,
            },
            created_at: Timestamp::from_millis(record.created_at),
            first_factor_at: record.first_factor_at.map(Timestamp::from_millis),
            second_factor_at: record.second_factor_at.map(Timestamp::from_millis),
            address_id: record.address_id.map(IdentificationId::from_bytes),
        }
    }
}

impl From<&Activity> for ActivityV1 {
    fn from(activity: &Activity) -> Self {
        Self {
            address: activity.address,
            browser: match activity.browser {
                Browser::Unknown => BrowserV1::Unknown,
                Browser::Chrome => BrowserV1::Chrome,
                Browser::Edge => BrowserV1::Edge,
                Browser::Firefox => BrowserV1::Firefox,
                Browser::Opera => BrowserV1::Opera,
                Browser::Safari => BrowserV1::Safari,
                Browser::Samsung => BrowserV1::Samsung,
            },
            browser_version: activity.browser_version,
            system: match activity.system {
                System::Unknown => SystemV1::Unknown,
                System::Android => SystemV1::Android,
                System::ChromeOs => SystemV1::ChromeOs,
                System::IPad => SystemV1::IPad,
                System::IPhone => SystemV1::IPhone,
                System::Linux => SystemV1::Linux,
                System::MacOs => SystemV1::MacOs,
                System::Windows => SystemV1::Windows,
            },
            is_mobile: activity.is_mobile,
        }
    }
}

impl From<ActivityV1> for Activity {
    fn from(record: ActivityV1) -> Self {
        Self {
            address: record.address,
            browser: match record.browser {
                BrowserV1::Unknown => Browser::Unknown,
                BrowserV1::Chrome => Browser::Chrome,
                BrowserV1::Edge => Browser::Edge,
                BrowserV1::Firefox => Browser::Firefox,
                BrowserV1::Opera => Browser::Opera,
                BrowserV1::Safari => Browser::Safari,
                BrowserV1::Samsung => Browser::Samsung,
            },
            browser_version: record.browser_version,
            system: match record.system {
                SystemV1::Unknown => System::Unknown,
                SystemV1::Android => System::Android,
                SystemV1::ChromeOs => System::ChromeOs,
                SystemV1::IPad => System::IPad,
                SystemV1::IPhone => System::IPhone,
                SystemV1::Linux => System::Linux,
                SystemV1::MacOs => System::MacOs,
                SystemV1::Windows => System::Windows,
            },
            is_mobile: record.is_mobile,
        }
    }
}

impl From<&Session> for SessionV1 {
    fn from(session: &Session) -> Self {
        Self {
            id: *session.id.as_bytes(),
            user_id: *session.user_id.as_bytes(),
            status: match session.status {
                SessionStatus::Active => SessionStatusV1::Active,
                SessionStatus::Ended => SessionStatusV1::Ended,
                SessionStatus::Removed => SessionStatusV1::Removed,
                SessionStatus::Replaced => SessionStatusV1::Replaced,
                SessionStatus::Revoked => SessionStatusV1::Revoked,
            },
            created_at: session.created_at.as_millis(),
            updated_at: session.updated_at.as_millis(),
            last_active_at: session.last_active_at.as_millis(),
            expire_at: session.expire_at.as_millis(),
            origin: session.origin.clone(),
        }
    }
}

impl SessionV1 {
    fn on(self, client_id: ClientId) -> Session {
        Session {
            id: SessionId::from_bytes(self.id),
            user_id: UserId::from_bytes(self.user_id),
            client_id,
            status: match self.status {
                SessionStatusV1::Active => SessionStatus::Active,
                SessionStatusV1::Ended => SessionStatus::Ended,
                SessionStatusV1::Removed => SessionStatus::Removed,
                SessionStatusV1::Replaced => SessionStatus::Replaced,
                SessionStatusV1::Revoked => SessionStatus::Revoked,
            },
            created_at: Timestamp::from_millis(self.created_at),
            updated_at: Timestamp::from_millis(self.updated_at),
            last_active_at: Timestamp::from_millis(self.last_active_at),
            expire_at: Timestamp::from_millis(self.expire_at),
            origin: self.origin,
            first_factor_at: Some(Timestamp::from_millis(self.created_at)),
            second_factor_at: None,
            task: None,
            reverification: None,
            activity: None,
        }
    }
}
