//! What must be true at the end, derived from the answers.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use crate::domain::id::{ClientId, SessionId, SignUpId, UserId};
use crate::domain::identifier::{EmailAddress, Identifier};
use crate::domain::sign_up::{Phase, SignUp};
use crate::engine::EngineError;
use crate::store::{Direction, Store, UserList, UserOrder};

use super::calls::{Call, SignUpReply};
use super::events::check_events;
use super::people::Person;

/// The result of a call, as far as its caller knows.
#[derive(Debug)]
pub(super) enum Outcome {
    Done(Box<SignUpReply>),
    /// It certainly changed nothing, except that it may have counted a wrong code.
    Refused(EngineError),
    /// It may have taken effect.
    Unknown,
}

impl Outcome {
    pub(super) fn of(answer: Result<SignUpReply, EngineError>) -> Self {
        match answer {
            Ok(answer) => Self::Done(Box::new(answer)),
            Err(EngineError::Unavailable(_) | EngineError::Internal) => Self::Unknown,
            Err(error) => Self::Refused(error),
        }
    }
}

/// What the store must contain.
#[derive(Default)]
pub(super) struct Model {
    sign_ups: BTreeMap<SignUpId, Known>,
    users: BTreeMap<UserId, Vec<Identifier>>,
    /// The sign-up in progress of each client, where that is certain.
    current: BTreeMap<ClientId, SignUpId>,
    /// The sessions of each client; `None` where they are not known.
    sessions: BTreeMap<ClientId, Option<Vec<SessionId>>>,
    /// The clients that may have proved to be a user.
    grounds: BTreeSet<(ClientId, UserId)>,
    /// The clients that may have proved to own an identifier.
    proofs: BTreeSet<(ClientId, Identifier)>,
}

/// A sign-up as the last answer showed it.
struct Known {
    value: Arc<SignUp>,
    /// What may have happened since that answer.
    since: Since,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Since {
    Nothing,
    /// A wrong code may have been counted.
    Counted,
    /// One call may have taken effect.
    Changed,
}

impl Model {
    /// The number of users that certainly exist.
    pub(super) fn users(&self) -> usize {
        self.users.len()
    }

    /// The session that a client certainly has.
    pub(super) fn session(&self, client: ClientId) -> Option<SessionId> {
        self.sessions.get(&client)?.as_ref()?.first().copied()
    }

    pub(super) fn sign_up(&self, id: SignUpId) -> Option<&SignUp> {
        self.sign_ups.get(&id).map(|known| &*known.value)
    }

    /// A sign-up that is open and in progress on its client, while the client has no session.
    pub(super) fn current(&self, id: SignUpId, client: Option<ClientId>) -> Option<&SignUp> {
        let is_current = self.current.get(&client?) == Some(&id);
        let has_no_session = self.sessions.get(&client?).is_some_and(|held| held.as_ref().is_some_and(Vec::is_empty));
        self.sign_up(id).filter(|value| is_current && has_no_session && value.phase == Phase::Open)
    }

    /// Records the result of a call.
    pub(super) fn note(&mut self, person: &Person, call: &Call, outcome: &Outcome) -> Result<(), String> {
        match (outcome, person.client) {
            (Outcome::Done(answer), _) => self.note_answer(call, answer),
            (Outcome::Refused(_), _) => {
                if let Call::Attempt { id, .. } = call {
                    self.changed(*id, Since::Counted);
                }
                Ok(())
            }
            (Outcome::Unknown, client) => {
                if let Some(client) = client {
                    self.note_unknown(client, call);
                }
                Ok(())
            }
        }
    }

    fn note_answer(&mut self, call: &Call, answer: &SignUpReply) -> Result<(), String> {
        let Some(client) = answer.client.as_ref().map(|view| &view.client) else { return Ok(()) };
        self.sessions.insert(client.id, Some(client.sessions.iter().map(|session| session.id).collect()));
        match client.sign_up {
            Some(sign_up) => self.current.insert(client.id, sign_up),
            None => self.current.remove(&client.id),
        };
        if let Some(view) = &answer.sign_up {
            let value = view.value.clone();
            let before = self.sign_ups.get(&value.id).map(|known| known.value.version);
            if before.is_some_and(|before| value.version < before) {
                return Err(format!("{call:?} went back from version {before:?} to {}", value.version));
            }
            if let Phase::Complete { user_id, .. } = value.phase {
                self.grounds.insert((value.client_id, user_id));
                self.users.insert(user_id, identifiers(&value));
            }
            self.sign_ups.insert(value.id, Known { value, since: Since::Nothing });
        }
        if let Call::Prove { email, .. } = call {
            self.proofs.insert((client.id, holding(email)));
        }
        Ok(())
    }

    fn note_unknown(&mut self, client: ClientId, call: &Call) {
        match call {
            Call::Open | Call::Look => {}
            Call::SignUp { .. } => drop(self.current.remove(&client)),
            Call::Rename { id, .. } | Call::Readdress { id, .. } | Call::Prepare { id } => {
                self.changed(*id, Since::Changed);
            }
            Call::Attempt { id, .. } => {
                self.changed(*id, Since::Changed);
                self.grounds.insert((client, id.cast()));
                self.sessions.insert(client, None);
                self.current.remove(&client);
            }
            Call::SignOut { .. } => drop(self.sessions.insert(client, None)),
            Call::SignIn { .. } => {}
            Call::Prove { email, .. } => {
                self.proofs.insert((client, holding(email)));
                self.sessions.insert(client, None);
                self.current.remove(&client);
            }
        }
    }

    fn changed(&mut self, id: SignUpId, how: Since) {
        if let Some(known) = self.sign_ups.get_mut(&id) {
            // The model can't follow several calls with unknown results, so the store is read after each of them.
            known.since = how;
        }
    }

    /// Compares the model with the store, and reads from the store what was not known.
    pub(super) async fn check(&mut self, store: &dyn Store) -> Result<(), String> {
        for (id, known) in &mut self.sign_ups {
            let stored = store.sign_up(*id).await.map_err(|error| format!("{id}: {error}"))?;
            let stored = stored.ok_or_else(|| format!("{id} was acknowledged and is lost"))?;
            let told = &known.value;
            let is_as_told = match known.since {
                Since::Nothing => stored == **told,
                Since::Counted => {
                    stored == **told || (stored.version == told.version + 1 && stored.phase == told.phase)
                }
                Since::Changed => stored == **told || stored.version == told.version + 1,
            };
            if !is_as_told {
                return Err(format!("{id} is {stored:?}, and was told as {told:?} with {:?} since", known.since));
            }
            if let Phase::Complete { user_id, .. } = stored.phase {
                self.users.insert(user_id, identifiers(&stored));
            }
            *known = Known { value: Arc::new(stored), since: Since::Nothing };
        }
        self.check_users(store).await?;
        check_events(store).await?;
        self.check_sessions(store).await
    }

    async fn check_users(&self, store: &dyn Store) -> Result<(), String> {
        let mut held = BTreeMap::new();
        for (id, identifiers) in &self.users {
            let user = store.user(*id).await.map_err(|error| format!("{id}: {error}"))?;
            let user = user.ok_or_else(|| format!("{id} was acknowledged and is lost"))?;
            if user.identifiers() != *identifiers {
                return Err(format!("{id} has {:?} and not {identifiers:?}", user.identifiers()));
            }
            for identifier in identifiers {
                if let Some(other) = held.insert(identifier.clone(), *id) {
                    return Err(format!("{id} and {other} have the same {:?}", identifier.kind));
                }
                let owner = store.owner(identifier).await.map_err(|error| error.to_string())?;
                if owner != Some(*id) {
                    return Err(format!("the {:?} of {id} is held by {owner:?}", identifier.kind));
                }
            }
        }
        self.check_lists(store).await
    }

    /// Every user is in the lists once, and is counted.
    async fn check_lists(&self, store: &dyn Store) -> Result<(), String> {
        for order in [UserOrder::Created, UserOrder::SignedIn] {
            let list = UserList { order, direction: Direction::Descending, after: None };
            let places = async || store.user_places(list, usize::MAX).await.map_err(|error| error.to_string());
            let (mut before, mut count) = (places().await?, store.count_users().await);
            // A commit whose caller has given up may come in between.
            while places().await? != before {
                (before, count) = (places().await?, store.count_users().await);
            }
            if count != Ok(before.len() as u64) {
                return Err(format!("{count:?} users are counted, and {} are listed", before.len()));
            }
            let mut listed = BTreeSet::new();
            for (at, id) in before {
                let user = store.user(id).await.map_err(|error| format!("{id}: {error}"))?;
                let user = user.ok_or_else(|| format!("{id} is listed and does not exist"))?;
                let is_there = match order {
                    UserOrder::Created => user.created_at == at,
                    UserOrder::SignedIn => user.last_sign_in_at.unwrap_or_default() == at,
                };
                if !is_there || !listed.insert(*id.as_bytes()) {
                    return Err(format!("{id} is listed at {at:?} and is {user:?}"));
                }
            }
            if let Some(missing) = self.users.keys().find(|id| !listed.contains(id.as_bytes())) {
                return Err(format!("{missing} is not listed"));
            }
        }
        Ok(())
    }

    async fn check_sessions(&self, store: &dyn Store) -> Result<(), String> {
        let mut grounds = self.grounds.clone();
        for (client, identifier) in &self.proofs {
            let owner = store.owner(identifier).await.map_err(|error| error.to_string())?;
            grounds.extend(owner.map(|owner| (*client, owner)));
        }
        for (id, told) in &self.sessions {
            let client = store.client(*id).await.map_err(|error| format!("{id}: {error}"))?;
            let sessions = client.map(|client| client.sessions.clone()).unwrap_or_default();
            for session in &sessions {
                if !grounds.contains(&(*id, session.user_id)) {
                    return Err(format!("{id} has a session of {} who never proved it", session.user_id));
                }
                let own = store.session(session.id).await.map_err(|error| error.to_string())?;
                let all = store.sessions_of(session.user_id, None, 99).await.map_err(|error| error.to_string())?;
                if own.as_ref() != Some(session) || !all.contains(session) {
                    return Err(format!("{id} has a session that is stored as {own:?}"));
                }
                if store.user(session.user_id).await.map_err(|error| error.to_string())?.is_none() {
                    return Err(format!("{id} has a session of {}, who is no user", session.user_id));
                }
            }
            let found: Vec<SessionId> = sessions.iter().map(|session| session.id).collect();
            if told.as_ref().is_some_and(|told| *told != found) {
                return Err(format!("{id} has the sessions {found:?}, and was told of {told:?}"));
            }
        }
        Ok(())
    }
}

/// The identifiers that the user of a finished sign-up must own.
fn identifiers(sign_up: &SignUp) -> Vec<Identifier> {
    let email = sign_up.email_address.iter().map(|email| email.value.identifier());
    email.chain(sign_up.username.iter().map(|name| name.identifier())).collect()
}

fn holding(email: &str) -> Identifier {
    EmailAddress::restore(email.to_owned(), email.to_owned()).identifier()
}
