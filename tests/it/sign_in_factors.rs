//! Histories of sign-ins by users with and without a second factor, and of resets: whatever comes in which order, nobody
//! gets a session without all that is needed.

use proptest::prelude::*;
use proptest::test_runner::TestCaseError;
use vestibule::domain::client::ClientChange;
use vestibule::domain::id::{ClientId, SignInId, UserId};
use vestibule::domain::identifier::EmailAddress;
use vestibule::domain::rejection::Rejection;
use vestibule::domain::secret::Secret;
use vestibule::domain::settings::Attribute;
use vestibule::domain::sign_in::{
    Attempt, Create, Credential, Fit, Phase, Prepare, Proof, SecondAttempt, SecondProof, SignIn, Start, Status,
    Transition,
};
use vestibule::domain::time::Span;
use vestibule::domain::user::{AddressStatus, NewUserFields, SecondFactors, Totp, User};
use vestibule::domain::verification::{OneTimeCode, Strategy as Way};

use crate::domain::{World, settings};

proptest! {
    #[test]
    fn nobody_comes_in_without_all_that_is_needed(
        has_app in any::<bool>(),
        steps in proptest::collection::vec(steps(), 1..24),
    ) {
        let mut history = History::new(has_app);
        for step in steps {
            history.step(&step)?;
        }
    }
}

#[derive(Clone, Debug)]
enum Step {
    Pass(u64),
    Create(Begin),
    Prepare(Way),
    Code { way: Way, is_right: bool },
    Password(bool),
    NewPassword { ends: bool },
    App(u64),
    Backup(usize),
    WrongSecond(Way),
}

#[derive(Clone, Debug)]
enum Begin {
    Identify,
    Password(bool),
    Prepare(Way),
}

fn steps() -> impl Strategy<Value = Step> {
    let way = || prop_oneof![2 => Just(Way::EmailCode), 2 => Just(Way::ResetPasswordEmailCode)];
    prop_oneof![
        1 => (1_000..120_000_u64).prop_map(Step::Pass),
        1 => Just(Step::Pass(1_700_000)),
        2 => prop_oneof![
            Just(Begin::Identify),
            any::<bool>().prop_map(Begin::Password),
            way().prop_map(Begin::Prepare),
        ].prop_map(Step::Create),
        2 => way().prop_map(Step::Prepare),
        5 => (way(), proptest::bool::weighted(0.8)).prop_map(|(way, is_right)| Step::Code { way, is_right }),
        2 => any::<bool>().prop_map(Step::Password),
        3 => any::<bool>().prop_map(|ends| Step::NewPassword { ends }),
        3 => (0..4_u64).prop_map(Step::App),
        2 => (0..2_usize).prop_map(Step::Backup),
        1 => prop_oneof![Just(Way::Totp), Just(Way::BackupCode), Just(Way::PhoneCode)].prop_map(Step::WrongSecond),
    ]
}

/// One user, one client, and what the test knows about them.
struct History {
    world: World,
    user: User,
    open: Option<SignIn>,
    code: Option<(Way, String)>,
    /// What was proved in the sign-in in progress.
    proved: Option<Proved>,
    used_steps: Vec<u64>,
    used_codes: Vec<usize>,
    made: u8,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Proved {
    /// A first factor.
    First,
    /// The code of a reset.
    Reset,
    /// The code of a reset, after which a password was set.
    NewPassword,
}

impl History {
    fn new(has_app: bool) -> Self {
        let mut settings = settings(&["email_address", "password"]);
        let second = Attribute { enabled: true, used_for_second_factor: true, ..Attribute::default() };
        settings.attributes.email_address.used_for_first_factor = true;
        settings.attributes.authenticator_app = second.clone();
        settings.attributes.backup_code = second;
        let mut world = World::new(settings);
        let address = EmailAddress::parse("ada@example.com").expect("an address");
        let fields = NewUserFields {
            email_addresses: vec![(address, AddressStatus::Verified)],
            password_digest: Some(Secret::new("first digest".into())),
            ..NewUserFields::default()
        };
        let mut user = world.decide(|cx| User::create(&fields, cx));
        let secret = Secret::new(vec![1; 20]);
        let at = user.created_at;
        user.second_factors = has_app.then(|| {
            Box::new(SecondFactors {
                totp: Some(Totp { secret, created_at: at, verified_at: Some(at), last_step: None }),
                backup_codes: vec![[0; 32], [1; 32]],
                ..SecondFactors::default()
            })
        });
        Self {
            world,
            user,
            open: None,
            code: None,
            proved: None,
            used_steps: Vec::new(),
            used_codes: Vec::new(),
            made: 0,
        }
    }

    fn step(&mut self, step: &Step) -> Result<(), TestCaseError> {
        let (user, world) = (self.user.clone(), &mut self.world);
        let fit = |is_right: bool| {
            user.password_digest.clone().filter(|_| is_right).map(|compared| Fit { compared, renewed: None })
        };
        let decided = match (step, self.open.clone()) {
            (Step::Pass(ms), _) => {
                world.clock.advance(Span::from_millis(*ms));
                return Ok(());
            }
            (Step::Create(begin), open) => {
                self.made += 1;
                let create = Create {
                    id: SignInId::from_bytes([self.made; 16]),
                    client_id: CLIENT,
                    replaces: open.as_ref().map(SignIn::stamp),
                    identifier: Some(user.email_addresses[0].value.identifier()),
                    newcomer: None,
                    start: match begin {
                        Begin::Identify => Start::Identify,
                        Begin::Password(is_right) => Start::Password { fits: fit(*is_right) },
                        Begin::Prepare(way) => Start::Prepare(Prepare::new(way.clone())),
                    },
                    origin: None,
                };
                let decided = world.decide(|cx| SignIn::create(&create, Some(&user), cx));
                return self.judge(None, step, decided);
            }
            (_, None) => return Ok(()),
            (Step::Prepare(way), Some(open)) => {
                world.decide(|cx| open.prepare(&Prepare::new(way.clone()), Some(&user), cx))
            }
            (Step::Code { way, is_right }, Some(open)) => {
                let sent = self.code.as_ref().map(|(_, code)| code.clone()).unwrap_or_else(|| "000000".into());
                let wrong = if sent == "111111" { "111112" } else { "111111" };
                let typed = OneTimeCode::parse(if *is_right { &sent } else { wrong });
                let attempt = Attempt { strategy: way.clone(), proof: Proof::Code(typed) };
                world.decide(|cx| open.attempt(&attempt, Some(&user), cx))
            }
            (Step::Password(is_right), Some(open)) => {
                let attempt = Attempt { strategy: Way::Password, proof: Proof::Password { fits: fit(*is_right) } };
                world.decide(|cx| open.attempt(&attempt, Some(&user), cx))
            }
            (Step::NewPassword { ends }, Some(open)) => {
                let digest = Secret::new(format!("digest {}", user.version));
                world.decide(|cx| open.reset_password(&digest, *ends, &user, cx))
            }
            (Step::App(step), Some(open)) => {
                let attempt = SecondAttempt { strategy: Way::Totp, proof: SecondProof::Totp(Some(*step)) };
                world.decide(|cx| open.attempt_second_factor(&attempt, Some(&user), cx))
            }
            (Step::Backup(at), Some(open)) => {
                let proof = SecondProof::BackupCode(Some([*at as u8; 32]));
                let attempt = SecondAttempt { strategy: Way::BackupCode, proof };
                world.decide(|cx| open.attempt_second_factor(&attempt, Some(&user), cx))
            }
            (Step::WrongSecond(way), Some(open)) => {
                let proof = match way {
                    Way::Totp => SecondProof::Totp(None),
                    Way::BackupCode => SecondProof::BackupCode(None),
                    _ => SecondProof::Code(None),
                };
                let attempt = SecondAttempt { strategy: way.clone(), proof };
                world.decide(|cx| open.attempt_second_factor(&attempt, Some(&user), cx))
            }
        };
        let before = self.open.clone();
        self.judge(before, step, decided)
    }

    fn judge(
        &mut self,
        before: Option<SignIn>,
        step: &Step,
        decided: Result<Transition, Rejection>,
    ) -> Result<(), TestCaseError> {
        let Ok(transition) = decided else { return Ok(()) };
        let next = &transition.next;
        if let Some(before) = &before {
            let expected = before.version + u64::from(transition.is_changed());
            prop_assert_eq!(next.version, expected, "the version counts the changes");
            prop_assert!(transition.is_changed() || next == before);
        }
        if !transition.is_changed() {
            return Ok(());
        }
        let is_written =
            transition.client_changes.iter().any(|change| matches!(change, ClientChange::SetSignIn { .. }));
        let is_right = transition.verdict.is_ok();
        let mut proved = if before.is_none() { None } else { self.proved };
        match step {
            Step::Create(Begin::Password(true)) | Step::Password(true) => proved = Some(Proved::First),
            Step::Code { way: Way::ResetPasswordEmailCode, .. } if is_right => proved = Some(Proved::Reset),
            Step::Code { .. } if is_right => proved = Some(Proved::First),
            Step::NewPassword { .. } if is_right => {
                prop_assert_eq!(self.proved, Some(Proved::Reset), "a new password without a code");
                proved = Some(Proved::NewPassword);
            }
            _ => {}
        }
        let has_app = self.user.has_app();
        match next.status() {
            Status::NeedsSecondFactor => {
                prop_assert!(has_app && matches!(proved, Some(Proved::First | Proved::NewPassword)));
            }
            Status::NeedsNewPassword => prop_assert_eq!(proved, Some(Proved::Reset)),
            Status::Complete => {
                let entry = transition.outcome.entry.as_ref().expect("a session");
                prop_assert!(is_right);
                prop_assert!(matches!(proved, Some(Proved::First | Proved::NewPassword)), "in without a first factor");
                prop_assert_eq!(entry.second.is_some(), has_app, "the second factor is skipped");
                let is_reset = matches!(entry.proof, Credential::NewPassword(_));
                prop_assert_eq!(is_reset, !has_app && proved == Some(Proved::NewPassword));
                self.enters(step, &transition)?;
                (self.open, self.code, self.proved) = (None, None, None);
                return Ok(());
            }
            _ => prop_assert_eq!(next.phase, Phase::Open),
        }
        prop_assert!(transition.outcome.entry.is_none(), "a session of a sign-in that is not complete");
        if let Some((changed, version)) = &transition.outcome.changed {
            prop_assert_eq!((*version, changed.version), (self.user.version, self.user.version + 1));
            prop_assert!(changed.password_digest != self.user.password_digest && has_app);
            self.user = (**changed).clone();
        }
        if is_written {
            let sent =
                transition.messages().find_map(|message| message.content.code().map(|code| code.expose().clone()));
            let way = next.first_factor.as_ref().map(|factor| factor.verification.strategy().clone());
            if let Some((code, way)) = sent.zip(way) {
                self.code = Some((way, code));
            }
            (self.open, self.proved) = (Some(next.clone()), proved);
        }
        Ok(())
    }

    /// The commit: what was proved is checked once more and used up.
    fn enters(&mut self, step: &Step, transition: &Transition) -> Result<(), TestCaseError> {
        let entry = transition.outcome.entry.as_ref().expect("a session");
        prop_assert_eq!((entry.user_id, entry.client_id), (self.user.id, CLIENT));
        let next = self.user.entered(entry).map_err(|error| TestCaseError::fail(error.to_string()))?;
        prop_assert_eq!(next.version, self.user.version + 1);
        match step {
            Step::App(step) => {
                prop_assert!(self.used_steps.iter().all(|used| step > used), "a code works twice");
                self.used_steps.push(*step);
                prop_assert!(next.entered(entry).is_err());
            }
            Step::Backup(at) => {
                prop_assert!(!self.used_codes.contains(at), "a backup code works twice");
                self.used_codes.push(*at);
                prop_assert!(next.entered(entry).is_err());
            }
            Step::NewPassword { ends } => {
                prop_assert_ne!(&next.password_digest, &self.user.password_digest);
                prop_assert_eq!(next.sessions_ended != self.user.sessions_ended, *ends);
                prop_assert_eq!(transition.outcome.forgiven, Some(self.user.id));
            }
            _ => prop_assert_eq!(&next.password_digest, &self.user.password_digest),
        }
        self.user = next;
        Ok(())
    }
}

#[test]
fn a_password_that_was_changed_meanwhile_does_not_lead_to_the_second_factor() {
    let mut history = History::new(true);
    history.step(&Step::Create(Begin::Password(true))).expect("a sign-in");
    let open = history.open.clone().expect("it needs a second factor");
    assert_eq!(open.status(), Status::NeedsSecondFactor);
    let changed = User { password_digest: Some(Secret::new("another".into())), ..history.user.clone() };
    let attempt = SecondAttempt { strategy: Way::Totp, proof: SecondProof::Totp(Some(1)) };
    let refused = history.world.decide(|cx| open.attempt_second_factor(&attempt, Some(&changed), cx));
    assert!(refused.is_err());
    let other = User { id: UserId::from_bytes([9; 16]), ..history.user.clone() };
    assert!(history.world.decide(|cx| open.attempt_second_factor(&attempt, Some(&other), cx)).is_err());
}

const CLIENT: ClientId = ClientId::from_bytes([4; 16]);
