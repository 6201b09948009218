//! Sessions: a user signed in on a client ([guide: Sessions](crate::guide::contract_sign_ins#sessions)).

use crate::domain::context::Context;
use crate::domain::id::{ClientId, SessionId, UserId};
use crate::domain::time::{Span, Timestamp};

use super::activity::Activity;
use super::reverification::{Reverification, ReverificationStatus};

/// A session. It is stored in its client, and only that client can use it.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Session {
    /// Its id.
    pub id: SessionId,
    /// The user who is signed in.
    pub user_id: UserId,
    /// The client that holds it.
    pub client_id: ClientId,
    /// The stored status; expiry is derived from the time.
    pub status: SessionStatus,
    /// When it began.
    pub created_at: Timestamp,
    /// When it last changed.
    pub updated_at: Timestamp,
    /// When it was last used.
    pub last_active_at: Timestamp,
    /// When it expires.
    pub expire_at: Timestamp,
    /// The origin it was made from, for the `azp` of requests that send none
    /// ([guide: Session tokens](crate::guide::contract_sign_ins#session-tokens)).
    pub origin: Option<String>,
    /// When the person last proved a first factor; `None` where never.
    pub first_factor_at: Option<Timestamp>,
    /// When the person last proved a second factor; `None` where never.
    pub second_factor_at: Option<Timestamp>,
    /// What the person still has to do before the session is of use: until then it is pending.
    pub task: Option<SessionTask>,
    /// A re-verification in progress.
    pub reverification: Option<Reverification>,
    /// What is known of the browser or device that last used it.
    pub activity: Option<Activity>,
}

/// What a person has to do before a session is of use.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum SessionTask {
    /// Set up a second factor, which the settings require.
    SetupMfa,
}

/// The stored statuses of a session.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum SessionStatus {
    /// In use, until it expires.
    Active,
    /// Ended by the person, or with all others of the user.
    Ended,
    /// Removed from the client.
    Removed,
    /// Another session of the client has taken its place (`session.single`).
    Replaced,
    /// Ended by an administrator.
    Revoked,
}

impl Session {
    /// A session that begins now.
    pub fn begin(user_id: UserId, client_id: ClientId, origin: Option<String>, cx: &mut Context<'_>) -> Self {
        let id = SessionId::generate(cx.now, cx.entropy);
        Self::with_id(id, user_id, client_id, origin, cx)
    }

    /// The session that a new user begins with. It takes the user's 16 bytes, so that it is found by the user's id, without
    /// an entry in the list of the user's sessions.
    pub fn begin_first(user_id: UserId, client_id: ClientId, origin: Option<String>, cx: &Context<'_>) -> Self {
        let task = cx.settings.requires_second_factor().then_some(SessionTask::SetupMfa);
        Self { task, ..Self::with_id(user_id.cast(), user_id, client_id, origin, cx) }
    }

    fn with_id(id: SessionId, user_id: UserId, client_id: ClientId, origin: Option<String>, cx: &Context<'_>) -> Self {
        Self {
            id,
            user_id,
            client_id,
            status: SessionStatus::Active,
            created_at: cx.now,
            updated_at: cx.now,
            last_active_at: cx.now,
            expire_at: cx.now + cx.policy.session_lifetime,
            origin,
            first_factor_at: Some(cx.now),
            second_factor_at: None,
            task: None,
            reverification: None,
            activity: None,
        }
    }

    /// The same session, which begins at `at` or later; it lasts as long.
    #[must_use]
    pub fn not_before(&self, at: Timestamp) -> Self {
        let later = at.since(self.created_at);
        Self {
            created_at: self.created_at + later,
            updated_at: self.updated_at + later,
            last_active_at: self.last_active_at + later,
            expire_at: self.expire_at + later,
            first_factor_at: self.first_factor_at.map(|at| at + later),
            second_factor_at: self.second_factor_at.map(|at| at + later),
            ..self.clone()
        }
    }

    /// The session as it ended at `at`; one that had expired before stays as it was.
    #[must_use]
    pub fn ended(&self, status: SessionStatus, at: Timestamp) -> Self {
        if !self.is_live(at) {
            return self.clone();
        }
        Self { status, updated_at: self.updated_at.max(at), ..self.clone() }
    }

    /// Notes how far a re-verification is, and what was proved in it.
    pub(super) fn reverify(&mut self, step: Reverification, now: Timestamp) {
        self.reverification = Some(step);
        // What is proved half-way is no fresh proof: the factor that is still asked for could be changed by it.
        if step.status() == ReverificationStatus::Complete {
            self.first_factor_at = self.first_factor_at.max(step.first_factor_at);
            self.second_factor_at = self.second_factor_at.max(step.second_factor_at);
        }
        self.updated_at = self.updated_at.max(now);
    }

    /// How many minutes ago the person proved a first and a second factor; −1 for never.
    pub fn factor_ages(&self, now: Timestamp) -> [i64; 2] {
        let minutes = |at: Timestamp| i64::try_from(now.since(at).as_millis() / 60_000).unwrap_or(i64::MAX);
        [self.first_factor_at, self.second_factor_at].map(|at| at.map_or(NEVER, minutes))
    }

    /// Whether the person proved a factor so recently that sensitive changes need no further proof.
    pub fn is_fresh(&self, now: Timestamp) -> bool {
        let mut proofs = [self.first_factor_at, self.second_factor_at].into_iter().flatten();
        proofs.any(|at| at.is_within(FRESH, now))
    }

    /// Whether the person proved the second factor so recently.
    pub fn has_fresh_second_factor(&self, now: Timestamp) -> bool {
        self.second_factor_at.is_some_and(|at| at.is_within(FRESH, now))
    }

    /// The word for its status at `now`: `active`, `pending` while there is something to do first, `expired`, `ended`,
    /// `removed`, `replaced` or `revoked`.
    pub fn status_at(&self, now: Timestamp) -> &'static str {
        match self.status {
            SessionStatus::Active if now >= self.expire_at => "expired",
            SessionStatus::Active if self.task.is_some() => "pending",
            SessionStatus::Active => "active",
            SessionStatus::Ended => "ended",
            SessionStatus::Removed => "removed",
            SessionStatus::Replaced => "replaced",
            SessionStatus::Revoked => "revoked",
        }
    }

    /// Whether it can be used at `now`.
    pub fn is_live(&self, now: Timestamp) -> bool {
        self.status == SessionStatus::Active && now < self.expire_at
    }

    /// When Clerk would delete it: 30 days after it expires
    /// ([guide: Sessions](crate::guide::contract_sign_ins#sessions)).
    pub fn abandon_at(&self) -> Timestamp {
        self.expire_at + Span::from_secs(30 * 86_400)
    }
}

/// The age of a factor that was never proved.
const NEVER: i64 = -1;
/// For how long a proved factor counts for sensitive changes, as in Clerk.
const FRESH: Span = Span::from_secs(600);
