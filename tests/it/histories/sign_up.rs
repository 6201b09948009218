//! Histories of sign-ups.

use std::sync::Arc;

use proptest::prelude::*;
use proptest::test_runner::TestCaseError;
use vestibule::domain::client::ClientChange;
use vestibule::domain::context::Context;
use vestibule::domain::id::ClientId;
use vestibule::domain::rejection::Rejection;
use vestibule::domain::secret::Secret;
use vestibule::domain::sign_up::{
    Attempt, BackendUpdate, Command, Fields, Patch, Phase, Prepare, SignUp, Transition, VerifyLink,
};
use vestibule::domain::verification::{AuthorizationResponse, LinkToken};
use vestibule::store::{ClientWrite, Commit, CommitError, Decision, SignUpWrite, Store};

use crate::support::redirects::allowed;

use super::instance::{Instance, instances};
use super::laws;
use super::people::{EMAILS, PHONES, Person, USERNAMES, answer, fields, is_hidden};
use super::steps::{By, Step, steps};
use super::world::{Law, World};

proptest! {
    #[test]
    fn whatever_happens_to_a_sign_up_the_laws_hold(
        one in instances(),
        other in instances(),
        seed in any::<u64>(),
        steps in steps(),
    ) {
        let mut history = History::new(&[one, other], seed);
        for step in &steps {
            history.step(step)?;
        }
    }
}

struct History {
    world: World,
    people: [Person; 2],
}

impl History {
    fn new(instances: &[Instance; 2], seed: u64) -> Self {
        let mut world = World::new(instances, seed);
        world.settle(1, EMAILS[4], PHONES[4], USERNAMES[3], true);
        Self { world, people: [Person::new(0), Person::new(1)] }
    }

    fn step(&mut self, step: &Step) -> Law {
        match step {
            Step::Pass(ms) => self.world.pass(*ms),
            Step::PutBack(ms) => self.world.step_back(*ms),
            Step::SwapSettings => self.world.swap(),
            Step::Write(who, write) => {
                // Input that can't be parsed never reaches the sign-up.
                let Ok(fields) = fields(write, &mut self.people[*who], &self.world) else { return Ok(()) };
                match self.people[*who].value.is_some() {
                    true => self.command(*who, Command::Update(Box::new(fields)))?,
                    false => self.create(*who, &fields)?,
                }
            }
            step => {
                if let Some((who, command)) = self.asked(step) {
                    self.command(who, command)?;
                }
            }
        }
        self.people
            .iter()
            .filter_map(|person| person.value.as_ref())
            .try_for_each(|value| laws::of_value(value, &self.world))
    }

    /// The command of a step to an existing sign-up.
    fn asked(&self, step: &Step) -> Option<(usize, Command)> {
        let pair = |who: usize| (&self.people[who], &self.people[1 - who]);
        Some(match step {
            Step::Prepare(who, means) => {
                let strategy = means.way();
                let kind = strategy.kind()?;
                let taken = is_hidden(kind, self.people[*who].value.as_ref(), &self.world);
                let redirect_url = Some(allowed("https://app.example/verify"));
                (
                    *who,
                    Command::Prepare(Prepare {
                        strategy,
                        channel: None,
                        redirect_url,
                        in_cookie: true,
                        taken,
                        challenge: None,
                    }),
                )
            }
            Step::Attempt { who, means, secret, again } => {
                let (person, other) = pair(*who);
                let code = Some(person.code(*secret, other));
                (*who, Command::Attempt(Attempt { strategy: means.way(), code, again: *again }))
            }
            Step::VerifyLink { who, secret, by, confirmed, again } => {
                let (person, other) = pair(*who);
                let token = LinkToken::parse(&person.token(*secret, other)?).expect("a token reads back");
                let by = match by {
                    By::Owner => Some(person.client),
                    By::Stranger => Some(ClientId::from_bytes([200; 16])),
                    By::NoClient => None,
                };
                let (confirmed, again) = (*confirmed, *again);
                (*who, Command::VerifyLink(VerifyLink { secret: token.secret, by, confirmed, again, in_cookie: true }))
            }
            Step::Return { who, request, answer: said, by_owner } => {
                let (person, other) = pair(*who);
                let (nonce, answer) = (person.nonce(*request, other), answer(said, &self.world));
                (*who, Command::Return(Box::new(AuthorizationResponse { nonce, answer, by_owner: *by_owner })))
            }
            Step::Act { who, custom_action, external_id } => {
                let external_id = match external_id {
                    None => Patch::Keep,
                    Some(0) => Patch::Clear,
                    Some(n) => Patch::Set(format!("customer {n}")),
                };
                (*who, Command::BackendUpdate(BackendUpdate { custom_action: *custom_action, external_id }))
            }
            Step::SolveCaptcha(who) => (*who, Command::SolveCaptcha),
            Step::Judge { who, approves: true } => (*who, Command::Approve),
            Step::Judge { who, approves: false } => (*who, Command::Refuse(None)),
            Step::Pass(_) | Step::PutBack(_) | Step::SwapSettings | Step::Write(..) => return None,
        })
    }

    fn create(&mut self, who: usize, fields: &Fields) -> Law {
        let (id, client) = (self.people[who].id, self.people[who].client);
        let decided = self.world.decide(|cx: &mut Context<'_>| SignUp::create(id, client, fields, None, cx))?;
        self.judge(who, &Command::Update(Box::new(fields.clone())), decided)
    }

    fn command(&mut self, who: usize, command: Command) -> Law {
        let Some(value) = self.people[who].value.clone() else { return Ok(()) };
        let decided = self.world.decide(|cx| value.apply(&command, cx))?;
        self.judge(who, &command, decided)
    }

    /// Checks the invariants of a decision, commits it, and continues with the stored value.
    fn judge(&mut self, who: usize, command: &Command, decided: Result<Transition, Rejection>) -> Law {
        let person = &self.people[who];
        let decision = laws::Decision { before: person.value.as_ref(), command, person, world: &self.world };
        let transition = match decided {
            Ok(transition) => transition,
            Err(refused) => return laws::of_refusal(&decision, &refused),
        };
        laws::of_transition(&decision, &transition)?;
        if !transition.is_changed() {
            return Ok(());
        }
        let before = person.value.clone();
        match self.commit(who, &transition)? {
            Ok(()) => {}
            Err(CommitError::LimitExceeded { .. }) => return self.goes_on(who, before),
            Err(CommitError::IdentifierTaken(_)) => {
                let user = transition.outcome.as_ref().map(|conversion| &conversion.user);
                let mut claimed = user.into_iter().flat_map(|user| user.identifiers());
                prop_assert!(claimed.any(|identifier| self.world.owner(&identifier).is_some()), "it is nobody's");
                return self.goes_on(who, before);
            }
            Err(error) => prop_assert!(false, "a commit is refused: {error}"),
        }
        for message in transition.messages() {
            self.world.note_message(transition.next.id, &message.to)?;
        }
        self.people[who].remember(before.as_ref(), &transition, &self.world);
        let finished = transition.outcome.is_some();
        // A finished one owes nothing, and does not keep whether a captcha was solved.
        let captcha_solved = transition.next.captcha_solved && !finished;
        self.goes_on(who, Some(SignUp { captcha_solved, ..transition.next.clone() }))?;
        self.people[who].sessions += usize::from(finished);
        self.shows_one_user(who, &transition)
    }

    fn commit(&mut self, who: usize, transition: &Transition) -> Result<Result<(), CommitError>, TestCaseError> {
        let person = &self.people[who];
        let next = transition.next.clone();
        let terms = person.value.is_none().then_some(ClientChange::Open { salt: Secret::new([1; 16]) });
        let changes = terms.into_iter().chain(transition.client_changes.iter().cloned()).collect();
        let expected_version = person.value.as_ref().map(|value| value.version);
        let deadline = next.abandon_at(self.world.policy());
        let commit = Commit {
            decision: Decision {
                client: Some(ClientWrite { id: person.client, changes }),
                sign_up: Some(SignUpWrite { next: Arc::new(next), expected_version, deadline }),
                user: transition.outcome.as_ref().map(|conversion| Box::new(conversion.user.clone())),
                quota_uses: transition.quota_uses.clone(),
                ..Decision::default()
            },
            ..Commit::default()
        };
        Ok(self.world.commit(commit)?.map(drop))
    }

    /// Checks the stored value; later decisions use it as read back.
    fn goes_on(&mut self, who: usize, expected: Option<SignUp>) -> Law {
        let id = self.people[who].id;
        let stored = self.world.read(async |store| store.sign_up(id).await).expect("memory reads");
        prop_assert_eq!(&stored, &expected, "another value than was written");
        self.people[who].value = stored;
        Ok(())
    }

    /// A user and a session exist if and only if the sign-up is complete.
    fn shows_one_user(&self, who: usize, transition: &Transition) -> Law {
        let person = &self.people[who];
        prop_assert!(person.sessions <= 1, "it converts once");
        let user = self.world.user(person.id.cast());
        let client = self.world.read(async |store| store.client(person.client).await).expect("memory reads");
        let sessions: Vec<_> = client.iter().flat_map(|client| &client.sessions).map(|s| (s.id, s.user_id)).collect();
        match transition.next.phase {
            Phase::Open => prop_assert!(user.is_none() && sessions.is_empty(), "a user before it is complete"),
            Phase::Complete { user_id, session_id, at } => {
                prop_assert_eq!(sessions, [(session_id, user_id)]);
                prop_assert!(user.is_some() && at == self.world.now);
            }
        }
        Ok(())
    }
}
