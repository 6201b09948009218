//! A session on its own: while it lasts it is stored with its client.

use serde::{Deserialize, Serialize};

use crate::domain::client::session::Session;
use crate::domain::id::{ClientId, UserId};
use crate::store::kv::codec::Record;
use crate::store::kv::key::Kind;

use super::client::SessionV1;

/// The user and the client of a session. After its end also the session itself, with its final status.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(in crate::store) struct SessionRecordV1 {
    user_id: [u8; 16],
    client_id: [u8; 16],
    over: Option<SessionV1>,
}

impl Record for SessionRecordV1 {
    const KIND: Kind = Kind::Session;
    const SCHEMA: u8 = 1;
}

impl SessionRecordV1 {
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
