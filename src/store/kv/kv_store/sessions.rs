//! Sessions on their own and by their users.

use crate::domain::client::Client;
use crate::domain::client::session::Session;
use crate::domain::id::{SessionId, UserId};
use crate::domain::user::User;
use crate::store::error::StoreError;
use crate::store::kv::codec::{self, Record};
use crate::store::kv::key;
use crate::store::kv::reads::Reads;
use crate::store::kv::record::{ClientRecordV5, SessionRecordV2, UserRecordV4};

use super::Reader;

impl<R: Reads> Reader<'_, R> {
    /// A session is held by its client until a commit changes the client, so what its user says counts as well.
    pub(super) fn session(&self, id: SessionId) -> Result<Option<Session>, StoreError> {
        let Some(record) = self.read::<SessionRecordV2>(&key::session(id))? else { return Ok(None) };
        let user = self.read::<UserRecordV4>(&key::user(record.user_id()))?.map(User::try_from).transpose()?;
        let Some(user) = user else { return Ok(None) };
        let client = key::client(record.client_id());
        if record.is_over() {
            return Ok(record.final_session());
        }
        let client = self.read::<ClientRecordV5>(&client)?.map(Client::try_from).transpose()?;
        let held = client.and_then(|client| client.sessions.into_iter().find(|session| session.id == id));
        Ok(held.map(|session| match user.has_ended(&session) {
            Some(status) => session.ended(status, user.ended_at(&session).unwrap_or(session.updated_at)),
            None => session,
        }))
    }

    pub(super) fn sessions_of(
        &self,
        user: UserId,
        after: Option<SessionId>,
        limit: usize,
    ) -> Result<Vec<Session>, StoreError> {
        let prefix = key::sessions_of(user);
        let mut below = after.map_or_else(|| key::after_all_of(&prefix), |id| key::user_session(user, id));
        // The session that the user began with has no key in the list, and is read where it would have one.
        let mut first = Some(key::user_session(user, user.cast())).filter(|first| *first < below);
        let mut found = Vec::new();
        while found.len() < limit {
            let asked = limit - found.len();
            let entries = self.kv.scan_back(&prefix, &below, asked)?;
            let last = entries.last().map(|(key, _)| key.clone()).filter(|_| entries.len() == asked);
            let mut keys: Vec<_> = entries.into_iter().map(|(key, _)| key).collect();
            if let Some(first) = first.take_if(|first| last.as_ref().is_none_or(|last| *first >= last)) {
                let at = keys.partition_point(|key| *key > first);
                keys.insert(at, first);
                keys.dedup();
            }
            for id in keys.iter().filter_map(|key| key::parse_user_session(key)) {
                let read = self.session(id);
                found.extend(self.unreadable.skip(&key::session(id), read)?.flatten());
            }
            let Some(last) = last else { break };
            below = last;
        }
        found.truncate(limit);
        Ok(found)
    }

    fn read<V: Record>(&self, key: &[u8]) -> Result<Option<V>, StoreError> {
        self.kv.get(key)?.map(|bytes| codec::decode(&bytes)).transpose()
    }
}
