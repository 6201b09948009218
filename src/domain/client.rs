//! Clients: one browser or device, with its sessions and the sign-up and sign-in in progress
//! ([guide: The Client object](crate::guide::contract#the-client-object)).
//!
//! A client is changed by [`ClientChange`]s rather than by snapshots: the store applies them under the client's version
//! in the same commit as everything else. So two tabs, or a sign-out beside a conversion, lose no changes.

use super::id::{ClientId, SessionId, SignInId, SignUpId};
use super::policy::Policy;
use super::rejection::{ErrorCode, Reason, Rejection};
use super::secret::Secret;
use super::sign_in::{self, SignIn};
use super::time::{Span, Timestamp};
use super::user::User;
use super::verification::Strategy;
use reverification::Reverification;
use session::{Session, SessionStatus, SessionTask};

/// A client.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Client {
    /// Its id.
    pub id: ClientId,
    /// Number of changes so far.
    pub version: u64,
    /// The salt from which its token is derived, together with the instance key
    /// ([guide: Client identity and tokens](crate::guide::design#client-identity-and-tokens)).
    pub salt: Secret<[u8; 16]>,
    /// Generation of the current token; raised with every session that is added, and with [`ClientChange::Renew`].
    pub generation: u32,
    /// The generation of the token that the client still has, when it could not be told the current one. A request with
    /// that token gets the current token; until then that token shows nothing. [`NOBODY`] where no token is good for
    /// that.
    pub owed_to: Option<u32>,
    /// When the token last changed.
    pub rotated_at: Timestamp,
    /// The sign-up in progress.
    pub sign_up: Option<SignUpId>,
    /// The sign-in in progress, stored whole.
    pub sign_in: Option<Box<SignIn>>,
    /// The sign-in that led to the newest session, for a caller that retries the completing request.
    pub finished_sign_in: Option<Box<SignIn>>,
    /// The live sessions.
    pub sessions: Vec<Session>,
    /// The session used last.
    pub last_active_session_id: Option<SessionId>,
    /// The strategy of the last authentication, for the "Last used" badge.
    pub last_authentication_strategy: Option<Strategy>,
    /// When it was created.
    pub created_at: Timestamp,
    /// When it last changed.
    pub updated_at: Timestamp,
    /// When its sessions last changed: the value of the `__client_uat` cookie.
    pub sessions_changed_at: Option<Timestamp>,
}

/// One change to a client.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ClientChange {
    /// Create the client, unless it exists already.
    Open {
        /// The salt of its tokens.
        salt: Secret<[u8; 16]>,
    },
    /// Make this sign-up the current one; the previous one is thereby abandoned.
    SetSignUp(SignUpId),
    /// Refuse the whole commit unless the token of this generation is current. The caller that presented it receives
    /// the response, which may carry the next token.
    RequireToken(u32),
    /// Refuse the whole commit unless this sign-up is the current one.
    RequireSignUp(SignUpId),
    /// Replace or remove the sign-in in progress; refuses the whole commit unless the present one is `expected`. A
    /// complete sign-in is no longer in progress; it is kept for a while beside its session.
    SetSignIn {
        /// The id and version of the sign-in that `next` was made from or replaces.
        expected: Option<(SignInId, u64)>,
        /// The next sign-in; `None` removes it.
        next: Option<Box<SignIn>>,
    },
    /// Forget the finished sign-in with this id before its time is up.
    ForgetFinished(SignInId),
    /// Add a session and end the sign-up and sign-in in progress. With `single` the other sessions are removed, else
    /// the oldest ones beyond [`SESSIONS_MAX`]. The token is rotated: earlier tokens show nothing any more. Without
    /// [`ClientChange::Rotate`] the client still has to be told the new token, and only the holder of a token that was
    /// [renewed](ClientChange::Renew) during that sign-up or sign-in is told it: an earlier one may have been planted.
    /// A session that no caller could be told of is not added to a client with a live session: the new token would end the
    /// use of that session, and no caller could use the new one.
    AddSession {
        /// The session.
        session: Session,
        /// Whether it replaces the other sessions.
        single: bool,
        /// The last factor that the person proved.
        strategy: Option<Strategy>,
    },
    /// The response to this commit carries the new token to the client. Without [`ClientChange::RequireToken`] the
    /// response goes to another caller, and the client still has to be told the token.
    Rotate,
    /// Replace the token without a session: the person has done all, and from now on others may complete the flow in
    /// progress. So the session will be handed to the holder of the token that the response to this commit carries,
    /// and not to an attacker who knew the one from before. Without [`ClientChange::RequireToken`] it changes nothing.
    Renew {
        /// When the flow was last written.
        at: Timestamp,
    },
    /// Hand the pending token to the caller that presented the token of this generation; refuses the whole commit
    /// unless it is pending for that generation.
    Collect(u32),
    /// Remove a session from the client; the status says by what it ended.
    EndSession(SessionId, SessionStatus),
    /// Remove all sessions from the client, and abandon its sign-up and sign-in in progress: a person who leaves a machine
    /// leaves nothing on it that could become a session later.
    EndAllSessions,
    /// The person of a session has set up a second factor: the session is no longer pending.
    SecondFactorSetUp {
        /// The session.
        session: SessionId,
        /// Whether the person has proved it just now.
        is_proved: bool,
    },
    /// Record that a session is in use, and make it the last active one.
    Touch(SessionId),
    /// Store how far the re-verification of a session is, and what was proved in it.
    Reverify(SessionId, Reverification),
}

/// Why changes do not apply to the client in its present state.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ClientConflict {
    /// There is no such client.
    #[error("the client does not exist")]
    Unknown,
    /// The token presented was replaced in the meantime.
    #[error("the client's token has been replaced")]
    TokenReplaced,
    /// Another sign-up has replaced the expected one.
    #[error("the sign-up is no longer the client's current one")]
    SignUpReplaced,
    /// The sign-in is not the one that the change was made from: it was replaced or has another version.
    #[error("the client's sign-in has changed")]
    SignInChanged,
}

impl Client {
    /// The client after `changes` at `now`; `current` is `None` where it does not exist yet.
    ///
    /// # Errors
    /// When the client is unknown and not opened, or a required sign-up or sign-in is not the current one.
    pub fn change(
        current: Option<&Self>,
        id: ClientId,
        changes: &[ClientChange],
        now: Timestamp,
    ) -> Result<Self, ClientConflict> {
        let mut client = match (current, changes.first()) {
            (Some(client), _) => client.clone(),
            (None, Some(ClientChange::Open { salt })) => Self::open(id, salt.clone(), now),
            (None, _) => return Err(ClientConflict::Unknown),
        };
        // The caller that creates a client also receives the response.
        let is_answered = current.is_none() || changes.iter().any(|c| matches!(c, ClientChange::RequireToken(_)));
        let is_told = is_answered && changes.contains(&ClientChange::Rotate);
        let began_at = changes.iter().find_map(ClientChange::flow_began_at);
        for change in changes {
            client.take(change, Answer { is_answered, is_told, began_at }, now)?;
        }
        let is_recent = |sign_in: &SignIn| sign_in.updated_at.is_within(FINISHED_KEPT, now);
        client.finished_sign_in = client.finished_sign_in.filter(|sign_in| is_recent(sign_in));
        client.version += 1;
        client.updated_at = client.updated_at.max(now);
        Ok(client)
    }

    /// Whether the token that `changes` require is current: the same check that a commit of them makes.
    pub fn meets(&self, changes: &[ClientChange]) -> bool {
        !changes.iter().any(|c| matches!(c, ClientChange::RequireToken(generation) if *generation != self.generation))
    }

    /// Whether a person may sign up or in on this client now; `user` is the person's user, once known.
    ///
    /// # Errors
    /// `session_exists` where a client holds only one session, `identifier_already_signed_in`.
    pub fn admits(&self, user: Option<&User>, single: bool, now: Timestamp) -> Result<(), Rejection> {
        if let Some(session) = self.session_in_use(now).filter(|_| single) {
            return Err(Reason::from(ErrorCode::SessionExists).instead(session.id).into());
        }
        let theirs = user.and_then(|user| self.live_sessions(now).find(|session| session.user_id == user.id));
        match theirs {
            // The page continues with this session.
            Some(session) => Err(ErrorCode::IdentifierAlreadySignedIn.on("identifier").instead(session.id).into()),
            None => Ok(()),
        }
    }

    /// The sessions that can be used at `now`.
    pub fn live_sessions(&self, now: Timestamp) -> impl Iterator<Item = &Session> {
        self.sessions.iter().filter(move |s| s.is_live(now))
    }

    /// The live session that was used last, else the newest: the one to continue with.
    pub fn session_in_use(&self, now: Timestamp) -> Option<&Session> {
        let last_active = self.last_active_session_id.and_then(|id| self.live_session(id, now));
        last_active.or_else(|| self.live_sessions(now).last())
    }

    /// The session with this id, where it can be used at `now`.
    pub fn live_session(&self, id: SessionId, now: Timestamp) -> Option<&Session> {
        self.live_sessions(now).find(|s| s.id == id)
    }

    /// The sign-in in progress, unless it is abandoned at `now`.
    pub fn open_sign_in(&self, now: Timestamp, policy: &Policy) -> Option<&SignIn> {
        self.sign_in.as_deref().filter(|sign_in| now < sign_in.abandon_at(policy))
    }

    /// The finished sign-in with this id, while its session is live on this client and it was finished less than ten
    /// minutes ago.
    pub fn finished(&self, id: SignInId, now: Timestamp) -> Option<&SignIn> {
        let finished = self.finished_sign_in.as_deref().filter(|finished| finished.id == id)?;
        let is_recent = finished.updated_at.is_within(FINISHED_KEPT, now);
        let is_live = finished.session().is_some_and(|session| self.live_session(session, now).is_some());
        Some(finished).filter(|_| is_recent && is_live)
    }

    /// Whether the current token was issued by a step of the flow that began at `began_at`, so that only who took that
    /// step can have it. A client's first token may be older than its record.
    fn was_renewed_since(&self, began_at: Timestamp) -> bool {
        self.generation > 0 && self.rotated_at >= began_at
    }

    /// Whether the previous token may still fetch the result of the step that replaced it.
    pub fn accepts_replay(&self, generation: u32, now: Timestamp) -> bool {
        let is_the_one_before = generation.checked_add(1) == Some(self.generation);
        is_the_one_before && self.owed_to.is_none() && self.rotated_at.is_within(REPLAY_WINDOW, now)
    }

    /// A new client, stored or not. Its creation time is that of its id.
    pub fn open(id: ClientId, salt: Secret<[u8; 16]>, now: Timestamp) -> Self {
        Self {
            id,
            version: 0,
            salt,
            generation: 0,
            owed_to: None,
            rotated_at: now,
            sign_up: None,
            sign_in: None,
            finished_sign_in: None,
            sessions: Vec::new(),
            last_active_session_id: None,
            last_authentication_strategy: None,
            created_at: id.made_at().min(now),
            updated_at: now,
            sessions_changed_at: None,
        }
    }

    /// Applies one change.
    fn take(&mut self, change: &ClientChange, answer: Answer, now: Timestamp) -> Result<(), ClientConflict> {
        match change {
            ClientChange::Open { .. } => {}
            ClientChange::RequireToken(generation) if self.generation == *generation => {}
            ClientChange::RequireToken(_) => return Err(ClientConflict::TokenReplaced),
            ClientChange::SetSignUp(id) => self.sign_up = Some(*id),
            ClientChange::RequireSignUp(id) if self.sign_up == Some(*id) => {}
            ClientChange::RequireSignUp(_) => return Err(ClientConflict::SignUpReplaced),
            ClientChange::SetSignIn { expected, next } => {
                if self.sign_in.as_deref().map(SignIn::stamp) != *expected {
                    return Err(ClientConflict::SignInChanged);
                }
                let next = next.clone();
                (self.sign_in, self.finished_sign_in) = match next.as_deref().map(SignIn::status) {
                    Some(sign_in::Status::Complete) => (None, next),
                    _ => (next, self.finished_sign_in.take()),
                };
            }
            ClientChange::ForgetFinished(id) => {
                self.finished_sign_in = self.finished_sign_in.take().filter(|sign_in| sign_in.id != *id);
            }
            ClientChange::AddSession { session, single, strategy } => {
                self.add(session, *single, strategy.as_ref(), answer, now);
            }
            ClientChange::Rotate => {
                if answer.is_answered {
                    self.owed_to = None;
                    self.rotated_at = now;
                }
            }
            ClientChange::Renew { at } => {
                if answer.is_answered {
                    self.generation += 1;
                    self.owed_to = None;
                    self.rotated_at = *at;
                }
            }
            ClientChange::Collect(generation) => {
                if self.owed_to != Some(*generation) {
                    return Err(ClientConflict::TokenReplaced);
                }
                self.owed_to = None;
                self.rotated_at = now;
            }
            ClientChange::EndSession(id, _) => self.end(now, |s| s.id == *id),
            ClientChange::EndAllSessions => {
                self.sign_up = None;
                self.sign_in = None;
                self.end(now, |_| true);
            }
            ClientChange::SecondFactorSetUp { session, is_proved } => {
                self.note_second_factor(*session, *is_proved, now)
            }
            ClientChange::Touch(id) => {
                if let Some(session) = self.sessions.iter_mut().find(|s| s.id == *id && s.is_live(now)) {
                    session.last_active_at = session.last_active_at.max(now);
                    session.updated_at = session.updated_at.max(now);
                    self.last_active_session_id = Some(*id);
                }
            }
            ClientChange::Reverify(id, step) => {
                let session = self.sessions.iter_mut().find(|s| s.id == *id && s.is_live(now));
                session.into_iter().for_each(|session| session.reverify(*step, now));
            }
        }
        Ok(())
    }

    fn add(
        &mut self,
        session: &Session,
        single: bool,
        strategy: Option<&Strategy>,
        Answer { is_told, began_at, .. }: Answer,
        now: Timestamp,
    ) {
        self.sign_up = None;
        self.sign_in = None;
        let is_theirs = began_at.is_some_and(|began_at| self.was_renewed_since(began_at));
        let is_of_nobody = began_at.is_some() && !is_told && !is_theirs;
        if is_of_nobody && self.live_sessions(now).next().is_some() {
            return;
        }
        if single {
            self.sessions.clear();
        }
        self.sessions.retain(|s| s.is_live(now));
        self.sessions.push(session.clone());
        let too_many = self.sessions.len().saturating_sub(SESSIONS_MAX);
        self.sessions.drain(..too_many);
        let made_it = |sign_in: &SignIn| sign_in.session() == Some(session.id);
        self.finished_sign_in = self.finished_sign_in.take().filter(|sign_in| made_it(sign_in));
        self.last_active_session_id = Some(session.id);
        self.last_authentication_strategy = strategy.cloned();
        self.sessions_changed_at = Some(now);
        self.owed_to = self.owed_to.or(Some(if is_theirs { self.generation } else { NOBODY }));
        self.generation += 1;
    }

    fn note_second_factor(&mut self, id: SessionId, is_proved: bool, now: Timestamp) {
        if let Some(session) = self.sessions.iter_mut().find(|s| s.id == id && s.is_live(now)) {
            session.task = session.task.filter(|task| *task != SessionTask::SetupMfa);
            session.second_factor_at = session.second_factor_at.max(is_proved.then_some(now));
            session.updated_at = session.updated_at.max(now);
        }
    }

    fn end(&mut self, now: Timestamp, chosen: impl Fn(&Session) -> bool) {
        let before = self.sessions.len();
        self.sessions.retain(|s| !chosen(s));
        if self.sessions.len() != before {
            self.sessions_changed_at = Some(now);
        }
        let is_there = |id| self.sessions.iter().any(|s| s.id == id);
        let made_one = |sign_in: &SignIn| sign_in.session().is_some_and(is_there);
        self.finished_sign_in = self.finished_sign_in.take().filter(|sign_in| made_one(sign_in));
        if !self.last_active_session_id.is_some_and(is_there) {
            self.last_active_session_id = self.sessions.last().map(|s| s.id);
        }
    }
}

/// Whom the response to a commit reaches.
#[derive(Clone, Copy)]
struct Answer {
    /// Whether it reaches the client.
    is_answered: bool,
    /// Whether it carries the token of a session that the commit adds.
    is_told: bool,
    /// When the flow began that the commit is about.
    began_at: Option<Timestamp>,
}

/// The generation of no token: a session that is owed to it is handed over to no caller.
pub const NOBODY: u32 = u32::MAX;

/// Maximum number of sessions on a client: more than the people who share a browser, and few enough for one record.
pub const SESSIONS_MAX: usize = 20;

/// How long a finished sign-in is kept: as long as a code is valid.
const FINISHED_KEPT: Span = Span::from_secs(600);

/// How long a lost completing response can be requested again with the token it replaced
/// ([guide: Client identity and tokens](crate::guide::design#client-identity-and-tokens)).
const REPLAY_WINDOW: Span = Span::from_secs(60);

impl ClientChange {
    /// When the sign-up or sign-in began that this change names.
    fn flow_began_at(&self) -> Option<Timestamp> {
        match self {
            Self::RequireSignUp(id) => Some(id.made_at()),
            Self::SetSignIn { expected: Some((id, _)), .. } => Some(id.made_at()),
            _ => None,
        }
    }

    /// How this change ends a session, if the session is not on the client any more afterwards.
    pub fn ends(&self, session: SessionId) -> Option<SessionStatus> {
        match self {
            Self::EndSession(id, status) if *id == session => Some(*status),
            Self::EndAllSessions => Some(SessionStatus::Removed),
            Self::AddSession { .. } => Some(SessionStatus::Replaced),
            _ => None,
        }
    }

    /// The changes for a new session whose token reaches the client in the response to its own call.
    pub fn signed_in(session: Session, single: bool, strategy: Option<Strategy>) -> [Self; 2] {
        debug_assert_eq!(session.status, SessionStatus::Active, "a session begins active");
        [Self::AddSession { session, single, strategy }, Self::Rotate]
    }
}
pub mod activity;
pub mod reverification;
pub mod session;
