//! The records of sessions: written in the commit that changes the client which holds a session.

use std::collections::BTreeSet;

use bytes::Bytes;

use crate::domain::client::session::{Session, SessionStatus};
use crate::domain::client::{Client, ClientChange};
use crate::domain::event::Happened;
use crate::domain::id::{SessionId, UserId};
use crate::domain::sign_in::Entry;
use crate::domain::time::{Span, Timestamp};
use crate::domain::user::User;
use crate::store::commit::ClientWrite;
use crate::store::error::{CommitError, StoreError};
use crate::store::kv::key;
use crate::store::kv::reads::Reads;
use crate::store::kv::record::{ClientRecordV5, SessionRecordV2, UserRecordV4};

use super::{Transaction, refuse};

impl<K: Reads> Transaction<'_, '_, K> {
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
            self.put(key::session(session.id), &SessionRecordV2::held(session))?;
            self.list_session(session);
            self.adds.happened.push(Happened::SessionCreated { id: session.id, user_id: session.user_id });
        }
        for session in before.iter().filter(|session| !is_in(&next.sessions, session)) {
            let status = changes.iter().rev().find_map(|change| change.ends(session.id));
            let status = status.unwrap_or(SessionStatus::Ended);
            if session.is_live(at) {
                self.session_ended(session, status);
            }
            self.session_over(&session.ended(status, at))?;
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
        self.list_session(session);
        Ok(self.put(key::session(session.id), &SessionRecordV2::over(session))?)
    }

    fn list_session(&mut self, session: &Session) {
        if let Some(place) = key::place_of_session(session.user_id, session.id) {
            self.writes.insert(place, Some(Bytes::new()));
        }
    }

    /// Tells of the sessions that are over since their user has changed from `before` to `next`, or was removed. Their
    /// clients drop them later, which is no further event.
    pub(super) fn sessions_ended(
        &mut self,
        before: &User,
        next: Option<&User>,
        at: Timestamp,
    ) -> Result<(), CommitError> {
        let ends = |user: &User| (user.sessions_ended, user.banned, user.mfa_enabled_at());
        let is_changed = |next: &User| ends(next) != ends(before);
        if !next.is_none_or(is_changed) {
            return Ok(());
        }
        for key in self.listed_sessions(before.id)? {
            let Some(session) = key::parse_user_session(&key).map(|id| self.held_session(id)).transpose()?.flatten()
            else {
                continue;
            };
            let status = next.map_or(Some(SessionStatus::Revoked), |next| next.has_ended(&session));
            if let Some(status) = status.filter(|_| session.is_live(at) && before.has_ended(&session).is_none()) {
                self.session_ended(&session, status);
            }
        }
        Ok(())
    }

    /// Removes the records of all sessions of a user.
    pub(super) fn remove_sessions(&mut self, user: UserId) -> Result<(), CommitError> {
        for key in self.listed_sessions(user)? {
            if let Some(id) = key::parse_user_session(&key) {
                self.remove(key::session(id));
                self.remove_challenges(id)?;
            }
            self.remove(key);
        }
        Ok(())
    }

    fn session_ended(&mut self, session: &Session, status: SessionStatus) {
        self.adds.happened.push(Happened::SessionEnded { id: session.id, user_id: session.user_id, status });
    }

    /// The keys of the sessions in the list of a user, and the key that the one would have which it began with. Where several processes write, one may add a session meanwhile. Without
    /// its user it is shown nowhere, and the scan for expired records removes it.
    fn listed_sessions(&self, user: UserId) -> Result<BTreeSet<Bytes>, StoreError> {
        let mut listed = self.keys_that_begin_with(&key::sessions_of(user), SESSIONS_MAX)?;
        if self.get(&key::session(user.cast()))?.is_some() {
            listed.insert(key::user_session(user, user.cast()));
        }
        Ok(listed)
    }

    /// A session as its client holds it.
    fn held_session(&self, id: SessionId) -> Result<Option<Session>, CommitError> {
        let record: Option<SessionRecordV2> = self.record(&key::session(id))?;
        let Some(held) = record.filter(|record| !record.is_over()) else { return Ok(None) };
        let client: Option<ClientRecordV5> = self.record(&key::client(held.client_id()))?;
        let client = client.map(Client::try_from).transpose().map_err(refuse)?;
        Ok(client.and_then(|client| client.sessions.into_iter().find(|session| session.id == id)))
    }

    /// Notes that a user is active, once a day. It is not a change of the user, so the version stays.
    fn active(&mut self, user: UserId, at: Timestamp) -> Result<(), CommitError> {
        let Some(user) = self.known_user(user)? else { return Ok(()) };
        if user.last_active_at.is_some_and(|last| at.since(last) < NOTED_EVERY) {
            return Ok(());
        }
        let next = User { last_active_at: Some(at), ..user };
        Ok(self.put(key::user(next.id), &UserRecordV4::from(&next))?)
    }
}

/// The most sessions of a user that are looked at. The scan for expired records removes further ones of a removed user.
const SESSIONS_MAX: usize = 10_000;
/// How often the activity of a user is noted.
const NOTED_EVERY: Span = Span::from_secs(86_400);
