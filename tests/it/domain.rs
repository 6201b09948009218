//! The pure core: no actor, no store, no clock.

use vestibule::clock::{Clock, ManualClock};
use vestibule::domain::context::Context;
use vestibule::domain::field::Field;
use vestibule::domain::id::{ClientId, SignUpId};
use vestibule::domain::policy::Policy;
use vestibule::domain::ports::KeyedDigest;
use vestibule::domain::quota::QuotaKind;
use vestibule::domain::rejection::{ErrorCode, Rejection};
use vestibule::domain::requirements::Requirements;
use vestibule::domain::secret::Secret;
use vestibule::domain::settings::{Attribute, Settings};
use vestibule::domain::sign_up::{
    Attempt, BackendUpdate, Command, Fields, NewSignUp, Patch, Phase, Prepare, SignUp, Status, Transition,
};
use vestibule::domain::time::{Span, Timestamp};
use vestibule::domain::transition::Change;
use vestibule::domain::verification::{Strategy, VerificationStatus, parse_strategy};
use vestibule::entropy::SeededEntropy;
use vestibule::token::InstanceKey;

#[test]
fn the_lists_shrink_until_it_converts_by_itself() {
    let mut world = World::new(settings(&["email_address", "username", "password"]));
    let mut sign_up = world.create(&raw(|f| f.email_address = Some("Ada@Example.com".into()))).expect("a sign-up").next;
    assert_eq!(world.lists(&sign_up), "username password | email_address");
    sign_up = world.update(&sign_up, &raw(|f| f.username = Some("ada_l".into()))).expect("an update").next;
    assert_eq!(world.lists(&sign_up), "password | email_address");
    let (prepared, code) = world.prepare(&sign_up, Strategy::EmailCode);
    sign_up = world.attempt(&prepared, Strategy::EmailCode, &code).expect("a right code").next;
    assert_eq!(world.lists(&sign_up), "password | ");
    assert_eq!(sign_up.phase, Phase::Open);
    let done = world.update(&sign_up, &raw(|f| f.password = Some(Secret::new("wanders under elms".into()))));
    let done = done.expect("the last field");
    let conversion = done.outcome.expect("nothing is missing and nothing unverified");
    assert_eq!(conversion.user.id, sign_up.id.cast());
    assert_eq!(conversion.user.public_identifier(), Some("ada@example.com"));
    assert!(matches!(done.next.phase, Phase::Complete { .. }));
}

#[test]
fn username_and_password_complete_inside_create() {
    let mut world = World::new(settings(&["username", "password"]));
    let done = world.create(&raw(|f| {
        f.username = Some("ada_l".into());
        f.password = Some(Secret::new("wanders under elms".into()));
    }));
    assert!(done.expect("a sign-up").outcome.is_some());
}

#[test]
fn an_instance_without_identifiers_converts_nobody() {
    let mut world = World::new(settings(&["password"]));
    let made = world.create(&raw(|f| f.password = Some(Secret::new("wanders under elms".into())))).expect("a sign-up");
    assert!(made.outcome.is_none());
    let mut world = World::new(Settings::default());
    assert!(world.create(&NewSignUp::default()).expect("a sign-up").outcome.is_none());
}

#[test]
fn where_no_identifier_is_required_one_of_the_alternatives_suffices() {
    let mut settings = settings(&["email_address", "phone_number"]);
    settings.attributes.email_address.required = false;
    settings.attributes.phone_number.required = false;
    let mut world = World::new(settings);
    let sign_up = world.create(&NewSignUp::default()).expect("a sign-up").next;
    assert_eq!(world.lists(&sign_up), "email_address phone_number | ");
    let sign_up =
        world.update(&sign_up, &raw(|f| f.phone_number = Some("+14155552671".into()))).expect("an update").next;
    assert_eq!(world.lists(&sign_up), " | phone_number");
}

#[test]
fn five_wrong_codes_fail_the_verification_and_a_new_code_begins_anew() {
    let mut world = World::new(settings(&["email_address"]));
    let sign_up = world.create(&raw(|f| f.email_address = Some("ada@example.com".into()))).expect("a sign-up").next;
    let (mut sign_up, code) = world.prepare(&sign_up, Strategy::EmailCode);
    let wrong = if code == "000000" { "000001" } else { "000000" };
    for tries in 1..=5 {
        let transition = world.attempt(&sign_up, Strategy::EmailCode, wrong).expect("a counted try");
        assert!(transition.verdict.expect_err("a wrong code").is(ErrorCode::FormCodeIncorrect));
        sign_up = transition.next;
        assert_eq!(sign_up.verification(&Field::EmailAddress).map(|v| v.attempts), Some(tries));
    }
    let refused = world.attempt(&sign_up, Strategy::EmailCode, &code).expect_err("a failed verification");
    assert!(refused.is(ErrorCode::VerificationFailed));
    world.clock.advance(Span::from_secs(31));
    let (sign_up, code) = world.prepare(&sign_up, Strategy::EmailCode);
    assert!(world.attempt(&sign_up, Strategy::EmailCode, &code).expect("a fresh code").outcome.is_some());
}

#[test]
fn a_code_is_good_for_ten_minutes_and_not_longer() {
    let mut world = World::new(settings(&["email_address"]));
    let sign_up = world.create(&raw(|f| f.email_address = Some("ada@example.com".into()))).expect("a sign-up").next;
    let (sign_up, code) = world.prepare(&sign_up, Strategy::EmailCode);
    world.clock.advance(Span::from_secs(599));
    assert!(world.attempt(&sign_up, Strategy::EmailCode, &code).is_ok());
    world.clock.advance(Span::from_secs(2));
    let refused = world.attempt(&sign_up, Strategy::EmailCode, &code).expect_err("an expired code");
    assert!(refused.is(ErrorCode::VerificationExpired));
    let verification = sign_up.verification(&Field::EmailAddress).expect("a verification");
    assert_eq!(verification.status(world.clock.now(), 5), VerificationStatus::Expired);
}

#[test]
fn an_older_code_is_refused_after_a_resend() {
    let mut world = World::new(settings(&["email_address"]));
    let sign_up = world.create(&raw(|f| f.email_address = Some("ada@example.com".into()))).expect("a sign-up").next;
    let (sign_up, first) = world.prepare(&sign_up, Strategy::EmailCode);
    let refused = world.try_prepare(&sign_up, Strategy::EmailCode).expect_err("the cool-down");
    assert!(refused.is(ErrorCode::VerificationCodeTooManyRequests));
    assert_eq!(refused.reasons()[0].retry_after, Some(Span::from_secs(30)));
    world.clock.advance(Span::from_secs(30));
    let (sign_up, second) = world.prepare(&sign_up, Strategy::EmailCode);
    assert_ne!(first, second, "with this seed the two codes differ");
    assert!(world.attempt(&sign_up, Strategy::EmailCode, &first).expect("a counted try").verdict.is_err());
    assert!(world.attempt(&sign_up, Strategy::EmailCode, &second).expect("a right code").verdict.is_ok());
}

#[test]
fn a_code_proves_the_value_it_was_sent_to_and_no_other() {
    let mut world = World::new(settings(&["email_address", "username"]));
    let sign_up = world.create(&raw(|f| f.email_address = Some("a@example.com".into()))).expect("a sign-up").next;
    let (prepared, code) = world.prepare(&sign_up, Strategy::EmailCode);
    let moved =
        world.update(&prepared, &raw(|f| f.email_address = Some("b@example.com".into()))).expect("an update").next;
    let refused = world.attempt(&moved, Strategy::EmailCode, &code).expect_err("nothing prepared");
    assert!(refused.is(ErrorCode::VerificationMissing));
    let back = world.update(&moved, &raw(|f| f.email_address = Some("a@example.com".into()))).expect("an update").next;
    assert!(back.verification(&Field::EmailAddress).is_none(), "going back does not bring the proof back");

    let proved = world.attempt(&prepared, Strategy::EmailCode, &code).expect("a right code").next;
    let same =
        world.update(&proved, &raw(|f| f.email_address = Some(" A@EXAMPLE.com".into()))).expect("an update").next;
    assert_eq!(world.lists(&same), "username | ", "the same normalised value keeps its proof");
    let swapped = world.update(
        &proved,
        &raw(|f| {
            f.email_address = Some("b@example.com".into());
            f.username = Some("ada_l".into());
        }),
    );
    assert!(swapped.expect("an update").outcome.is_none(), "swapped after the proof");
}

#[test]
fn parameters_longer_than_anything_they_could_mean_are_refused_before_they_are_read() {
    let world = World::new(settings(&["email_address"]));
    let long = "x".repeat(20_000);
    let faulty = raw(|f| {
        f.web3_wallet = Some(long.clone());
        f.token = Some(Secret::new(long.clone()));
        f.ticket = Some(long.clone());
    });
    let refused = Fields::parse(&faulty.into(), &world.settings).expect_err("faults");
    let params: Vec<_> = refused.reasons().iter().map(|r| (r.code, r.param.as_deref().unwrap_or_default())).collect();
    let too_long = |param| (ErrorCode::FormParamMaxLengthExceeded, param);
    assert_eq!(params, ["web3_wallet", "ticket", "token"].map(too_long));
}

#[test]
fn an_odd_code_is_refused_without_being_counted() {
    let mut world = World::new(settings(&["email_address"]));
    let sign_up = world.create(&raw(|f| f.email_address = Some("ada@example.com".into()))).expect("a sign-up").next;
    let (sign_up, _) = world.prepare(&sign_up, Strategy::EmailCode);
    for odd in ["12345", "1234567", "١٢٣٤٥", "abcdef"] {
        let refused = world.attempt(&sign_up, Strategy::EmailCode, odd).expect_err("no code");
        assert!(refused.is(ErrorCode::FormCodeIncorrect), "{odd}");
    }
    assert!(world.attempt(&sign_up, Strategy::EmailCode, "").expect_err("no code").is(ErrorCode::FormParamMissing));
}

#[test]
fn all_faults_are_reported_at_once() {
    let world = World::new(settings(&["email_address", "username", "password"]));
    let faulty = raw(|f| {
        f.email_address = Some("nonsense".into());
        f.username = Some("x".into());
        f.password = Some(Secret::new("short".into()));
        f.phone_number = Some("+14155552671".into());
    });
    let refused = Fields::parse(&faulty.into(), &world.settings).expect_err("faults");
    let mut found: Vec<_> = refused.reasons().iter().map(|r| (r.code.as_str(), r.param.as_deref())).collect();
    found.sort_unstable();
    assert_eq!(
        found,
        [
            ("form_param_format_invalid", Some("email_address")),
            ("form_param_unknown", Some("phone_number")),
            ("form_password_length_too_short", Some("password")),
            ("form_username_invalid_length", Some("username")),
        ]
    );
}

#[test]
fn an_abandoned_sign_up_takes_nothing_more() {
    let mut world = World::new(settings(&["email_address"]));
    let sign_up = world.create(&NewSignUp::default()).expect("a sign-up").next;
    world.clock.advance(Span::from_secs(86_399));
    let kept = world.update(&sign_up, &NewSignUp::default()).expect("an update moves the deadline").next;
    world.clock.advance(Span::from_secs(86_399));
    assert_eq!(kept.status(world.clock.now(), &world.policy), Status::MissingRequirements);
    assert_eq!(sign_up.status(world.clock.now(), &world.policy), Status::Abandoned);
    let refused = world.update(&sign_up, &NewSignUp::default()).expect_err("abandoned");
    assert!(refused.is(ErrorCode::SignUpCannotBeUpdated));
}

#[test]
fn settings_take_effect_at_the_next_read_and_convert_at_the_next_write() {
    let mut world = World::new(settings(&["email_address", "username"]));
    let sign_up = world.create(&raw(|f| f.username = Some("ada_l".into()))).expect("a sign-up").next;
    assert_eq!(world.lists(&sign_up), "email_address | ");
    world.settings = settings(&["username"]);
    assert_eq!(world.lists(&sign_up), " | ");
    assert_eq!(sign_up.status(world.clock.now(), &world.policy), Status::MissingRequirements);
    assert!(world.update(&sign_up, &NewSignUp::default()).expect("a write").outcome.is_some());
}

#[test]
fn legal_consent_is_a_requirement_of_its_own() {
    let mut settings = settings(&["username"]);
    settings.sign_up.legal_consent_enabled = true;
    let mut world = World::new(settings);
    let sign_up = world.create(&raw(|f| f.username = Some("ada_l".into()))).expect("a sign-up").next;
    assert_eq!(world.lists(&sign_up), "legal_accepted | ");
    let done = world.update(&sign_up, &raw(|f| f.legal_accepted = Some(true))).expect("an update");
    assert_eq!(done.outcome.expect("a user").user.legal_accepted_at, Some(world.clock.now()));
}

#[test]
fn a_lost_completing_answer_can_be_asked_for_again_for_a_minute() {
    let mut world = World::new(settings(&["email_address"]));
    let sign_up = world.create(&raw(|f| f.email_address = Some("ada@example.com".into()))).expect("a sign-up").next;
    let (sign_up, code) = world.prepare(&sign_up, Strategy::EmailCode);
    let done = world.attempt(&sign_up, Strategy::EmailCode, &code).expect("a right code").next;
    let again = world.attempt(&done, Strategy::EmailCode, &code).expect("a replay");
    assert!(again.change == Change::Replay && again.outcome.is_none() && again.next == done);
    assert!(world.attempt(&done, Strategy::EmailCode, "000000").is_err());
    world.clock.advance(Span::from_secs(61));
    let replaced = Attempt { strategy: Strategy::EmailCode, code: Some(code.clone()), again: true };
    assert!(world.decide(|cx| done.apply(&Command::Attempt(replaced), cx)).is_err(), "with the token from before");
    let late = world.attempt(&done, Strategy::EmailCode, &code).expect("they have succeeded");
    assert!(late.change == Change::Nothing, "the client knows its token by now");
    world.clock.advance(Span::from_secs(540));
    assert!(world.attempt(&done, Strategy::EmailCode, &code).is_err(), "no code is good for longer");
}

#[test]
fn the_right_code_twice_is_right_and_what_is_proved_is_not_sent_a_code() {
    let mut world = World::new(settings(&["email_address", "username"]));
    let sign_up = world.create(&raw(|f| f.email_address = Some("ada@example.com".into()))).expect("a sign-up").next;
    let (sign_up, code) = world.prepare(&sign_up, Strategy::EmailCode);
    let proved = world.attempt(&sign_up, Strategy::EmailCode, &code).expect("a right code").next;
    let again = world.attempt(&proved, Strategy::EmailCode, &code).expect("the same code");
    assert!(!again.is_changed() && again.verdict.is_ok() && again.quota_uses.is_empty() && again.next == proved);
    let wrong = if code == "000000" { "000001" } else { "000000" };
    let refused = world.attempt(&proved, Strategy::EmailCode, wrong).expect_err("another code");
    assert!(refused.is(ErrorCode::VerificationAlreadyVerified));
    for after in [0, 31, 601] {
        world.clock.advance(Span::from_secs(after));
        let prepared = world.try_prepare(&proved, Strategy::EmailCode).expect("it is proved");
        assert!(!prepared.is_changed() && prepared.effects.is_empty(), "{after}");
    }
    let refused = world.attempt(&proved, Strategy::EmailCode, &code).expect_err("no code is good for longer");
    assert!(refused.is(ErrorCode::VerificationAlreadyVerified));
    // A proof of one value does not prove another. A repeated proof that did not complete the sign-up gets no
    // completing answer.
    let elsewhere = world.update(&proved, &raw(|f| f.email_address = Some("eve@example.com".into()))).expect("moved");
    assert!(world.attempt(&elsewhere.next, Strategy::EmailCode, &code).is_err());
}

#[test]
fn an_earlier_proof_shows_a_finished_sign_up_to_its_client_and_not_to_the_token_from_before() {
    let mut world = World::new(settings(&["email_address", "username"]));
    let sign_up = world.create(&raw(|f| f.email_address = Some("ada@example.com".into()))).expect("a sign-up").next;
    let (sign_up, code) = world.prepare(&sign_up, Strategy::EmailCode);
    let proved = world.attempt(&sign_up, Strategy::EmailCode, &code).expect("a right code").next;
    world.clock.advance(Span::from_secs(1));
    let done = world.update(&proved, &raw(|f| f.username = Some("ada_l".into()))).expect("complete").next;
    let shown = world.attempt(&done, Strategy::EmailCode, &code).expect("they have succeeded");
    assert!(shown.change == Change::Nothing);
    let replaced = Attempt { strategy: Strategy::EmailCode, code: Some(code), again: true };
    assert!(world.decide(|cx| done.apply(&Command::Attempt(replaced), cx)).is_err());
}

#[test]
fn a_backend_that_says_twice_what_it_did_is_not_refused() {
    let mut settings = settings(&["username"]);
    settings.sign_up.custom_action_required = true;
    let mut world = World::new(settings);
    let sign_up = world.create(&raw(|f| f.username = Some("ada_l".into()))).expect("a sign-up").next;
    let act = |custom_action, id| Command::BackendUpdate(BackendUpdate::parse(custom_action, id).expect("an action"));
    let done = world.decide(|cx| sign_up.apply(&act(Some(true), Some("ext_1")), cx)).expect("complete");
    assert!(done.outcome.is_some());
    for (custom_action, id, is_same) in [
        (Some(true), Some("ext_1"), true),
        (Some(true), None, true),
        (None, None, true),
        (Some(false), None, false),
        (Some(true), Some("ext_2"), false),
        (Some(true), Some(""), false),
    ] {
        let again = world.decide(|cx| done.next.apply(&act(custom_action, id), cx));
        assert_eq!(again.is_ok(), is_same, "{custom_action:?} {id:?}");
        assert!(again.is_ok_and(|again| !again.is_changed()) == is_same);
    }
}

#[test]
fn test_addresses_take_the_fixed_code_only_in_test_mode() {
    let mut world = World::new(settings(&["email_address"]));
    let fields = raw(|f| f.email_address = Some("ada+clerk_test@example.com".into()));
    let sign_up = world.create(&fields).expect("a sign-up").next;
    let (prepared, code) = world.prepare(&sign_up, Strategy::EmailCode);
    assert_ne!(code, "424242", "with this seed the code is another");
    assert!(world.attempt(&prepared, Strategy::EmailCode, "424242").expect("a counted try").verdict.is_err());
    world.policy.test_mode = true;
    let silent = world.try_prepare(&sign_up, Strategy::EmailCode).expect("prepared");
    assert!(silent.effects.is_empty() && silent.quota_uses.is_empty());
    assert!(world.attempt(&silent.next, Strategy::EmailCode, "424242").expect("the code").verdict.is_ok());
}

#[test]
fn strategies_that_are_unknown_off_or_unprepared_are_told_apart() {
    let mut world = World::new(settings(&["email_address"]));
    let sign_up = world.create(&raw(|f| f.email_address = Some("ada@example.com".into()))).expect("a sign-up").next;
    assert!(parse_strategy(Some("carrier_pigeon")).is_err_and(|r| r.code == ErrorCode::FormParamValueInvalid));
    let code = |refused: Rejection| refused.reasons()[0].code;
    assert_eq!(
        code(world.try_prepare(&sign_up, Strategy::PhoneCode).expect_err("off")),
        ErrorCode::FormParamValueDisabled
    );
    let google = Strategy::OAuth("oauth_google".into());
    assert_eq!(code(world.try_prepare(&sign_up, google).expect_err("off")), ErrorCode::OAuthProviderNotEnabled);
    let refused = world.attempt(&sign_up, Strategy::EmailCode, "123456").expect_err("unprepared");
    assert_eq!(code(refused), ErrorCode::VerificationMissing);
}

#[test]
fn every_guess_is_charged_and_a_proof_clears_the_account() {
    let mut world = World::new(settings(&["email_address"]));
    let sign_up = world.create(&raw(|f| f.email_address = Some("ada@example.com".into()))).expect("a sign-up").next;
    let prepared = world.try_prepare(&sign_up, Strategy::EmailCode).expect("prepared");
    let charged = |t: &Transition| t.quota_uses.iter().map(|c| c.what).collect::<Vec<_>>();
    assert_eq!(charged(&prepared), [QuotaKind::Message]);
    let message = prepared.messages().next().expect("a message");
    let code = message.content.code().expect("a code").expose().clone();
    let right = world.attempt(&prepared.next, Strategy::EmailCode, &code).expect("a right code");
    assert_eq!(charged(&right), [QuotaKind::Guess, QuotaKind::Proof]);
}

#[test]
fn the_same_inputs_give_the_same_transition_bit_for_bit() {
    let run = || {
        let mut world = World::new(settings(&["email_address"]));
        let made = world.create(&raw(|f| {
            f.email_address = Some("ada@example.com".into());
            f.strategy = Some(Strategy::EmailCode);
        }));
        made.expect("a sign-up")
    };
    assert_eq!(run(), run());
}

pub(crate) struct World {
    pub(crate) settings: Settings,
    pub(crate) policy: Policy,
    pub(crate) clock: ManualClock,
    entropy: SeededEntropy,
    key: InstanceKey,
}

impl World {
    pub(crate) fn new(settings: Settings) -> Self {
        settings.validate().expect("valid settings");
        Self {
            settings,
            policy: Policy::default(),
            clock: ManualClock::new(Timestamp::from_millis(1_800_000_000_000)),
            entropy: SeededEntropy::new(7),
            key: InstanceKey::from_bytes([7; 32].into()),
        }
    }

    pub(crate) fn decide<T>(&mut self, decision: impl FnOnce(&mut Context<'_>) -> T) -> T {
        let digest: &dyn KeyedDigest = &self.key;
        decision(&mut Context {
            now: self.clock.now(),
            settings: &self.settings,
            policy: &self.policy,
            entropy: &mut self.entropy,
            digest,
        })
    }

    pub(crate) fn fields(&self, raw: &NewSignUp) -> Result<Fields, Rejection> {
        let (mut fields, password) = Fields::parse(&raw.clone().into(), &self.settings)?;
        if password.is_some() {
            fields.password_digest = Patch::Set(Secret::new("a digest".into()));
        }
        Ok(fields)
    }

    pub(crate) fn create(&mut self, raw: &NewSignUp) -> Result<Transition, Rejection> {
        let fields = self.fields(raw)?;
        self.create_from(&fields)
    }

    pub(crate) fn create_from(&mut self, fields: &Fields) -> Result<Transition, Rejection> {
        let (id, client) = (SignUpId::from_bytes([1; 16]), ClientId::from_bytes([2; 16]));
        self.decide(|cx| SignUp::create(id, client, fields, None, cx))
    }

    pub(crate) fn update(&mut self, sign_up: &SignUp, raw: &NewSignUp) -> Result<Transition, Rejection> {
        let fields = self.fields(raw)?;
        self.decide(|cx| sign_up.apply(&Command::Update(Box::new(fields)), cx))
    }

    fn try_prepare(&mut self, sign_up: &SignUp, strategy: Strategy) -> Result<Transition, Rejection> {
        let prepare =
            Prepare { strategy, channel: None, redirect_url: None, in_cookie: false, taken: false, challenge: None };
        self.decide(|cx| sign_up.apply(&Command::Prepare(prepare), cx))
    }

    fn prepare(&mut self, sign_up: &SignUp, strategy: Strategy) -> (SignUp, String) {
        let transition = self.try_prepare(sign_up, strategy).expect("prepared");
        let message = transition.messages().next().expect("a message");
        let code = message.content.code().expect("a code").expose().clone();
        (transition.next, code)
    }

    pub(crate) fn attempt(
        &mut self,
        sign_up: &SignUp,
        strategy: Strategy,
        code: &str,
    ) -> Result<Transition, Rejection> {
        let attempt = Attempt { strategy, code: Some(code.to_owned()), again: false };
        self.decide(|cx| sign_up.apply(&Command::Attempt(attempt), cx))
    }

    /// The missing and the unverified fields.
    fn lists(&self, sign_up: &SignUp) -> String {
        let lists = Requirements::of(sign_up, self.clock.now(), &self.settings, &self.policy);
        let names = |fields: Vec<Field>| fields.iter().map(ToString::to_string).collect::<Vec<_>>().join(" ");
        format!("{} | {}", names(lists.missing_fields), names(lists.unverified_fields))
    }
}

pub(crate) fn raw(fill: impl FnOnce(&mut NewSignUp)) -> NewSignUp {
    let mut raw = NewSignUp::default();
    fill(&mut raw);
    raw
}

/// Settings that require these attributes; addresses are verified by codes.
pub(crate) fn settings(required: &[&str]) -> Settings {
    let mut settings = Settings::default();
    for name in required {
        let attributes = &mut settings.attributes;
        let (attribute, verification) = match *name {
            "email_address" => (&mut attributes.email_address, Some(Strategy::EmailCode)),
            "phone_number" => (&mut attributes.phone_number, Some(Strategy::PhoneCode)),
            "username" => (&mut attributes.username, None),
            "password" => (&mut attributes.password, None),
            other => panic!("no attribute {other}"),
        };
        *attribute = Attribute {
            enabled: true,
            required: true,
            verify_at_sign_up: verification.is_some(),
            verifications: verification.into_iter().collect(),
            ..Attribute::default()
        };
    }
    settings
}
