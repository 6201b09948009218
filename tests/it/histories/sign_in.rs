//! Histories of sign-ins on two clients, on one of which a user signed in before.

use proptest::prelude::*;
use proptest::test_runner::TestCaseError;
use vestibule::domain::client::{Client, ClientChange};
use vestibule::domain::id::{ClientId, SignInId, UserId};
use vestibule::domain::identifier::Identifier;
use vestibule::domain::rejection::Rejection;
use vestibule::domain::secret::Secret;
use vestibule::domain::sign_in::{
    self, Account, Attempt, Create, Fit, Newcomer, Prepare, Proof, SignIn, Start, Transition,
};
use vestibule::domain::user::User;
use vestibule::domain::verification::{
    AuthorizationResponse, ExternalAccount, OneTimeCode, ProviderOutcome, Strategy as Way,
};
use vestibule::store::{ClientWrite, Commit, CommitError, Decision, Store};

use super::instance::{Instance, instances};
use super::people::{EMAILS, Live, PHONES, USERNAMES, answer, oauth_request};
use super::sign_in_laws::{self as laws, Asked};
use super::sign_in_steps::{Begin, IDENTIFIERS, Step, group};
use super::steps::{Answer, Means, Which};
use super::world::{Law, World};

proptest! {
    #[test]
    fn whatever_happens_to_a_sign_in_the_laws_hold(
        one in instances(),
        other in instances(),
        seed in any::<u64>(),
        steps in proptest::collection::vec(group(), 1..16),
    ) {
        let mut history = History::new(&[one, other], seed);
        for step in steps.concat() {
            history.step(&step)?;
        }
    }
}

struct History {
    world: World,
    devices: [Device; 2],
    /// Number of failures in a row, by account.
    failures: Vec<(Account, u32)>,
    made: u8,
}

/// A client, and what the test knows about it.
struct Device {
    id: ClientId,
    live: Option<Live>,
    codes: Vec<String>,
    nonces: Vec<[u8; 16]>,
    sessions: usize,
    /// The last completing step: its value, command and result.
    last: Option<(SignIn, Asked, Transition)>,
}

impl History {
    fn new(instances: &[Instance; 2], seed: u64) -> Self {
        let mut world = World::new(instances, seed);
        world.settle(1, EMAILS[4], PHONES[4], USERNAMES[3], true);
        world.settle(3, EMAILS[3], PHONES[2], USERNAMES[2], false);
        let device = |n| Device {
            id: ClientId::from_bytes([n; 16]),
            live: None,
            codes: Vec::new(),
            nonces: Vec::new(),
            sessions: 0,
            last: None,
        };
        // The first user has signed in on the second client before.
        Self { world, devices: [device(120), device(1)], failures: Vec::new(), made: 0 }
    }

    fn step(&mut self, step: &Step) -> Law {
        match step {
            Step::Pass(ms) => self.world.pass(*ms),
            Step::PutBack(ms) => self.world.step_back(*ms),
            Step::SwapSettings => self.world.swap(),
            Step::Create { who, identifier, is_newcomer, begin } => {
                let identifier = identifier.and_then(|at| identifier_at(at, &self.world));
                let start = self.start(*who, identifier.as_ref(), begin);
                self.create(*who, identifier, *is_newcomer, start)?;
            }
            Step::Again(who) => self.again(*who)?,
            Step::SignOut(who) => self.sign_out(*who)?,
            Step::Arrive if self.world.owner(&unknown_identifier()).is_none() => {
                self.world.settle(5, "nobody@example.com", PHONES[1], USERNAMES[1], true);
            }
            Step::Arrive => {}
            step => {
                if let Some((who, asked)) = self.asked(step) {
                    self.ask(who, asked)?;
                }
            }
        }
        Ok(())
    }

    fn start(&mut self, who: usize, identifier: Option<&Identifier>, begin: &Begin) -> Start {
        match begin {
            Begin::Identify => Start::Identify,
            Begin::Prepare(means) => Start::Prepare(prepare(*means)),
            Begin::Password(is_right) => {
                let user = identifier.and_then(|identifier| self.world.owner(identifier));
                Start::Password { fits: self.fit(user, *is_right) }
            }
            Begin::Leave => {
                let device = &mut self.devices[who];
                let nonce = [device.nonces.len() as u8 + 1; 16].map(|byte| byte ^ device.id.as_bytes()[0]);
                device.nonces.push(nonce);
                Start::Leave(Box::new(oauth_request(nonce)))
            }
            Begin::TakeOver(said) => {
                let (answer, request) = (self.answer(who, said), oauth_request([200; 16]));
                let account = ExternalAccount::pending(&request, self.world.now);
                let account = ExternalAccount { profile: answer.outcome.clone().ok(), authorize_url: None, ..account };
                Start::TakeOver(Box::new((account, answer)))
            }
        }
    }

    /// A provider's answer, with the session of its user on this client, if any.
    fn answer(&self, who: usize, said: &Answer) -> ProviderOutcome {
        let answer = answer(said, &self.world);
        let sessions = self.client(who).map(|client| client.sessions).unwrap_or_default();
        let theirs =
            sessions.iter().find(|session| Some(session.user_id) == answer.owner && session.is_live(self.world.now));
        ProviderOutcome { session: answer.session.or(theirs.map(|session| session.id)), ..answer }
    }

    /// A correct password is one that was compared with the user's hash.
    fn fit(&self, user: Option<UserId>, is_right: bool) -> Option<Fit> {
        let digest = user.and_then(|id| self.world.user(id)).and_then(|user| user.password_digest);
        digest.filter(|_| is_right).map(|compared| Fit { compared, renewed: None })
    }

    fn asked(&self, step: &Step) -> Option<(usize, Asked)> {
        Some(match step {
            Step::Prepare(who, means) => (*who, Asked::Prepare(prepare(*means))),
            Step::Attempt(who, means, secret) => {
                let (mine, theirs) = (&self.devices[*who].codes, &self.devices[1 - *who].codes);
                let code = match secret {
                    Which::Last => mine.last().cloned(),
                    Which::Earlier => mine.first().cloned(),
                    Which::Others => theirs.last().cloned(),
                    Which::Odd => Some("424242".to_owned()),
                    Which::Wrong => None,
                };
                let is_free = |code: &String| !mine.contains(code) && !theirs.contains(code);
                let code = code.or_else(|| (0..).map(|n| format!("{n:06}")).find(is_free))?;
                let proof = Proof::Code(OneTimeCode::parse(&code));
                (*who, Asked::Attempt(Attempt { strategy: means.way(), proof }, Some(code)))
            }
            Step::Password { who, is_right } => {
                let client = self.client(*who)?;
                let user = client.sign_in.as_deref().and_then(|sign_in| self.user_of(sign_in)).map(|user| user.id);
                let proof = Proof::Password { fits: self.fit(user, *is_right) };
                (*who, Asked::Attempt(Attempt { strategy: Way::Password, proof }, None))
            }
            Step::Return { who, request, answer: said } => {
                let (mine, theirs) = (&self.devices[*who].nonces, &self.devices[1 - *who].nonces);
                let nonce = match request {
                    Which::Last => mine.last(),
                    Which::Earlier => mine.first(),
                    Which::Others => theirs.last(),
                    Which::Wrong | Which::Odd => None,
                };
                let nonce = nonce.copied().unwrap_or([255; 16]);
                let answer = self.answer(*who, said);
                (*who, Asked::Return(Box::new(AuthorizationResponse { nonce, answer, by_owner: true })))
            }
            _ => return None,
        })
    }

    fn create(&mut self, who: usize, identifier: Option<Identifier>, is_newcomer: bool, start: Start) -> Law {
        let client = self.client(who);
        let user = identifier.as_ref().and_then(|identifier| self.world.owner(identifier));
        let user = user.and_then(|id| self.world.user(id));
        let may_be_new = |identifier| sign_in::may_be_missing(identifier, None, self.world.settings()).is_ok();
        let newcomer = identifier.as_ref().filter(|identifier| is_newcomer && may_be_new(identifier));
        self.made += 1;
        let create = Create {
            id: SignInId::from_bytes([self.made; 16]),
            client_id: self.devices[who].id,
            replaces: client.as_ref().and_then(|client| client.sign_in.as_deref()).map(SignIn::stamp),
            newcomer: newcomer.map(|_| Newcomer { captcha_solved: false }),
            identifier,
            start,
            origin: None,
        };
        let single = self.world.policy().single_session;
        let decided = self.world.decide(|cx| {
            client.as_ref().map_or(Ok(()), |client| client.admits(user.as_ref(), single, cx.now))?;
            SignIn::create(&create, user.as_ref(), cx)
        })?;
        self.judge(who, None, &Asked::Create(Box::new(create)), user.as_ref(), decided)
    }

    fn ask(&mut self, who: usize, asked: Asked) -> Law {
        let Some(client) = self.client(who) else { return Ok(()) };
        let Some(value) = client.open_sign_in(self.world.now, self.world.policy()).cloned() else { return Ok(()) };
        let user = self.user_of(&value);
        let single = self.world.policy().single_session;
        let decided = self.world.decide(|cx| {
            if let Asked::Attempt(..) = asked {
                client.admits(user.as_ref(), single, cx.now)?;
            }
            asked.decide(&value, user.as_ref(), cx)
        })?;
        self.judge(who, Some(&value), &asked, user.as_ref(), decided)
    }

    fn judge(
        &mut self,
        who: usize,
        before: Option<&SignIn>,
        asked: &Asked,
        user: Option<&User>,
        decided: Result<Transition, Rejection>,
    ) -> Law {
        let Ok(transition) = decided else { return Ok(()) };
        let live = self.devices[who].live.as_ref();
        laws::of_transition(&laws::Decision { before, asked, user, live, world: &self.world }, &transition)?;
        let unchanged = self.client(who);
        match self.commit(who, &transition)? {
            Ok(()) => {}
            // The user has changed since the proof, or the account has another owner now.
            Err(CommitError::LimitExceeded { .. } | CommitError::Stale | CommitError::IdentifierTaken(_)) => {
                prop_assert_eq!(self.client(who), unchanged, "refused, and something is written");
                return Ok(());
            }
            Err(error) => prop_assert!(false, "a commit is refused: {error}"),
        }
        self.count_failures(&transition)?;
        if transition.client_changes.is_empty() {
            prop_assert_eq!(self.client(who), unchanged, "only what is counted is kept");
            return Ok(());
        }
        for message in transition.messages() {
            self.world.note_message(transition.next.id.cast(), &message.to)?;
        }
        self.remember(who, before, &transition);
        if let (Some(before), true) = (before, transition.outcome.entry.is_some()) {
            self.devices[who].last = Some((before.clone(), asked.clone(), transition.clone()));
        }
        self.shows_its_sessions(who, &transition)
    }

    fn commit(&mut self, who: usize, transition: &Transition) -> Result<Result<(), CommitError>, TestCaseError> {
        let id = self.devices[who].id;
        let opened = self.client(who).is_none().then_some(ClientChange::Open { salt: Secret::new([1; 16]) });
        let changes: Vec<_> = opened.into_iter().chain(transition.client_changes.iter().cloned()).collect();
        let is_written = !transition.client_changes.is_empty();
        let commit = Commit {
            decision: Decision {
                client: is_written.then_some(ClientWrite { id, changes }),
                tried: transition.outcome.tried.clone(),
                entry: transition.outcome.entry.clone(),
                quota_uses: transition.quota_uses.clone(),
                ..Decision::default()
            },
            ..Commit::default()
        };
        let committed = match self.world.commit(commit)? {
            Ok(committed) => committed,
            Err(error) => return Ok(Err(error)),
        };
        if is_written {
            // A session that began at or before the time of "sign out everywhere" ends at once, even at that same
            // moment or after the clock was set back.
            let mut written = committed.client.as_deref().cloned();
            let user = |id| Ok::<_, TestCaseError>(self.world.user(id));
            written.as_mut().map(|client| client.drop_ended(user)).transpose()?;
            prop_assert_eq!(self.client(who), written, "another client than was written");
        }
        Ok(Ok(()))
    }

    fn count_failures(&mut self, transition: &Transition) -> Law {
        let Some(tried) = &transition.outcome.tried else { return Ok(()) };
        let at = self.failures.iter().position(|(account, _)| *account == tried.account);
        match (at, tried.succeeded) {
            (Some(at), true) => drop(self.failures.remove(at)),
            (Some(at), false) => self.failures[at].1 += 1,
            (None, true) => {}
            (None, false) => self.failures.push((tried.account.clone(), 1)),
        }
        let most = self.world.policy().address_limits.map_or(0, |limits| limits.account_failures);
        prop_assert!(self.failures.iter().all(|(_, failed)| *failed <= most), "more failures in a row than allowed");
        Ok(())
    }

    fn remember(&mut self, who: usize, before: Option<&SignIn>, transition: &Transition) {
        let device = &mut self.devices[who];
        let factor = transition.next.first_factor.as_ref();
        let secret = |value: &SignIn| {
            value.first_factor.as_ref().map(|factor| factor.verification.code().map(|(_, digest)| *digest))
        };
        if before.and_then(secret) != secret(&transition.next) {
            device.live = factor.map(|factor| Live {
                address: factor.address.clone(),
                code: None,
                token: None,
                until: factor.verification.expire_at,
                wrong: 0,
            });
            let is_test = self.world.policy().test_mode && transition.effects.is_empty();
            let code = is_test.then(|| "424242".to_owned());
            device.live.iter_mut().for_each(|live| live.code.clone_from(&code));
        }
        for message in transition.messages() {
            let code = message.content.code().map(|code| code.expose().clone());
            device.codes.extend(code.clone());
            device.live.iter_mut().for_each(|live| live.code.clone_from(&code));
        }
        if transition.verdict.is_err() {
            device.live.iter_mut().for_each(|live| live.wrong += 1);
        }
        if transition.outcome.entry.is_some() {
            device.live = None;
        }
    }

    /// Each proof adds one session, and no user has two sessions on one client.
    fn shows_its_sessions(&mut self, who: usize, transition: &Transition) -> Law {
        let client = self.client(who).expect("it was written");
        let device = &mut self.devices[who];
        let known = std::mem::replace(&mut device.sessions, client.sessions.len());
        let mut users: Vec<_> = client.sessions.iter().map(|session| session.user_id).collect();
        users.sort_unstable_by_key(|user| *user.as_bytes());
        users.dedup();
        prop_assert_eq!(users.len(), client.sessions.len(), "two sessions of one user");
        match &transition.outcome.entry {
            None => prop_assert!(client.sessions.len() <= known, "a session without a proof"),
            Some(entry) => {
                let session = client.sessions.last().map(|session| (session.id, session.user_id));
                let ended = self.world.user(entry.user_id).and_then(|user| user.sessions_ended);
                let is_over = ended.is_some_and(|ended| entry.at <= ended.at && ended.except != Some(entry.session_id));
                prop_assert!(
                    is_over || session == Some((entry.session_id, entry.user_id)),
                    "a proof without a session"
                );
                prop_assert!(client.sign_in.is_none(), "nothing is in progress any more");
            }
        }
        Ok(())
    }

    /// A repeated completing step creates no second session, neither from the earlier value nor from the finished one.
    fn again(&mut self, who: usize) -> Law {
        let Some((before, asked, transition)) = self.devices[who].last.clone() else { return Ok(()) };
        let client = self.client(who);
        prop_assert!(self.commit(who, &transition)?.is_err(), "the same commit twice");
        let finished = client.as_ref().and_then(|client| client.finished_sign_in.as_deref().cloned());
        for value in [Some(before), finished].into_iter().flatten() {
            let user = self.user_of(&value);
            let decided = self.world.decide(|cx| asked.decide(&value, user.as_ref(), cx))?;
            if let Ok(second) = decided
                && second.outcome.entry.is_some()
            {
                prop_assert!(self.commit(who, &second)?.is_err(), "a second session");
            }
        }
        prop_assert_eq!(self.client(who), client);
        Ok(())
    }

    fn sign_out(&mut self, who: usize) -> Law {
        let Some(client) = self.client(who) else { return Ok(()) };
        let write = ClientWrite { id: client.id, changes: vec![ClientChange::EndAllSessions] };
        let ended = self.world.commit(Commit {
            decision: Decision { client: Some(write), ..Decision::default() },
            ..Commit::default()
        })?;
        prop_assert!(ended.is_ok());
        self.devices[who].sessions = 0;
        Ok(())
    }

    fn client(&self, who: usize) -> Option<Client> {
        let id = self.devices[who].id;
        self.world.read(async |store| store.client(id).await).expect("memory reads").map(|client| (*client).clone())
    }

    /// The user of a sign-in, as the engine looks it up.
    fn user_of(&self, value: &SignIn) -> Option<User> {
        let found = match value.user_id {
            Some(id) => Some(id),
            None => value.identifier.as_ref().filter(|_| value.newcomer.is_some()).and_then(|id| self.world.owner(id)),
        };
        found.and_then(|id| self.world.user(id))
    }
}

fn prepare(means: Means) -> Prepare {
    Prepare::new(means.way())
}

/// The identifier with this index, if the instance supports its kind.
fn identifier_at(at: usize, world: &World) -> Option<Identifier> {
    let texts: [_; IDENTIFIERS] =
        [EMAILS[4], PHONES[4], USERNAMES[3], EMAILS[3], "nobody@example.com", PHONES[1], EMAILS[6], EMAILS[5]];
    sign_in::identifier(texts[at], world.settings()).ok()
}

fn unknown_identifier() -> Identifier {
    vestibule::domain::identifier::EmailAddress::parse("nobody@example.com").expect("an address").identifier()
}
