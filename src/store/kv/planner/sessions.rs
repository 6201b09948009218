//! The records of sessions: written in the commit that changes the client which holds a session.

use bytes::Bytes;

use crate::domain::client::session::{Session, SessionStatus};
use crate::domain::client::{Client, ClientChange};
use crate::domain::id::UserId;
use crate::domain::sign_in::Entry;
use crate::domain::time::{Span, Timestamp};
use crate::domain::user::User;
use crate::store::commit::ClientWrite;
use crate::store::error::CommitError;
use crate::store::kv::key;
use crate::store::kv::key_value::KeyValue;
use crate::store::kv::record::{SessionRecordV1, UserRecordV3};

use super::Transaction;

impl<K: KeyValue> Transaction<'_, '_, K> {
    /// Records the sessions that `changes` brought to a client, ended or used.
    pub(super) fn sessions(
        &mut self,
        before: Option<&Client>,
        next: &Client,
        changes: &[ClientChange],
        at: Timestamp,
    ) -> Result<(), CommitError> {
        let before = before.map(|client| &client.sessions[..]).unwrap_or_default();
        let is_in = |sessions: &[Session], session: &Session| sessions.iter().any(|other| other.id == session.id);
        for session in next.sessions.iter().filter(|session| !is_in(before, session)) {
            self.put(key::session(session.id), &SessionRecordV1::held(session))?;
            self.writes.insert(key::user_session(session.user_id, session.id), Some(Bytes::new()));
        }
        for session in before.iter().filter(|session| !is_in(&next.sessions, session)) {
            let status = changes.iter().rev().find_map(|change| change.ends(session.id));
            self.session_over(&session.ended(status.unwrap_or(SessionStatus::Ended), at))?;
        }
        for change in changes {
            let ClientChange::Touch(id) = change else { continue };
            if let Some(session) = next.live_session(*id, at) {
                self.active(session.user_id, at)?;
            }
        }
        Ok(())
    }

    /// The changes to a client whose sign-in is `entry`: the new session begins after those that its user has ended.
    pub(super) fn begun_in_order(&self, write: &ClientWrite, entry: &Entry) -> Result<ClientWrite, CommitError> {
        let mut write = write.clone();
        let Some(user) = self.known_user(entry.user_id)? else { return Ok(write) };
        for change in &mut write.changes {
            if let ClientChange::AddSession { session, .. } = change
                && session.id == entry.session_id
            {
                *session = session.not_before(user.begins_at(session.created_at));
            }
        }
        Ok(write)
    }

    /// Records how a session ended. It stays readable until it is abandoned.
    pub(super) fn session_over(&mut self, session: &Session) -> Result<(), CommitError> {
        self.writes.insert(key::user_session(session.user_id, session.id), Some(Bytes::new()));
        Ok(self.put(key::session(session.id), &SessionRecordV1::over(session))?)
    }

    /// Removes the records of all sessions of a user. The scan is not among the reads that the plan names: where several
    /// processes write, one may add a session meanwhile. Without its user it is shown nowhere, and the scan for expired
    /// records removes it.
    pub(super) fn remove_sessions(&mut self, user: UserId) -> Result<(), CommitError> {
        let prefix = key::sessions_of(user);
        let stored = self.batch.stored.scan(&prefix, &prefix, SESSIONS_REMOVED_MAX)?;
        let staged = self.batch.staged.keys().chain(self.writes.keys()).filter(|key| key.starts_with(&prefix));
        let keys: Vec<_> = stored.into_iter().map(|(key, _)| key).chain(staged.cloned()).collect();
        for key in keys {
            if let Some(id) = key::parse_user_session(&key) {
                self.remove(key::session(id));
            }
            self.remove(key);
        }
        Ok(())
    }

    /// Notes that a user is active, once a day. It is not a change of the user, so the version stays.
    fn active(&mut self, user: UserId, at: Timestamp) -> Result<(), CommitError> {
        let Some(user) = self.known_user(user)? else { return Ok(()) };
        if user.last_active_at.is_some_and(|last| at.since(last) < NOTED_EVERY) {
            return Ok(());
        }
        let next = User { last_active_at: Some(at), ..user };
        Ok(self.put(key::user(next.id), &UserRecordV3::from(&next))?)
    }
}

/// The most sessions that are removed with their user; the scan for expired records finds further ones.
const SESSIONS_REMOVED_MAX: usize = 10_000;
/// How often the activity of a user is noted.
const NOTED_EVERY: Span = Span::from_secs(86_400);
