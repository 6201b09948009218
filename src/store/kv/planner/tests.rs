use super::*;
use crate::domain::client::ClientChange;
use crate::domain::client::session::Session;
use crate::domain::field::Field;
use crate::domain::id::{IdentificationId, SignInId, UserId};
use crate::domain::identifier::{Identifier, IdentifierKind};
use crate::domain::passkey::{ChallengeChange, ChallengeOwner, KeptChallenge};
use crate::domain::secret::Secret;
use crate::domain::sign_in;
use crate::domain::sign_up::{Phase, SignUp};
use crate::domain::verification::{Method, Strategy, Verification};
use crate::store::kv::key::Kind;
use crate::store::kv::record::samples;
use crate::store::{Housekeeping, KeyValue, Memory, UserWrite};

#[test]
fn a_conversion_leaves_the_user_and_its_identifiers_and_nothing_of_the_sign_up() {
    let memory = Memory::default();
    let user = samples::user();
    let finished = samples::sign_up();
    let open = SignUp { phase: Phase::Open, version: finished.version - 1, ..finished.clone() };
    apply(&memory, &written(open, None));
    assert_eq!(kinds(&memory), [Kind::SignUp.byte(), Kind::Deadline.byte()]);

    let before = finished.version - 1;
    let mut convert = written(finished, Some(before));
    convert.decision.user = Some(Box::new(user));
    apply(&memory, &convert);
    let (user, identifier) = (Kind::User.byte(), Kind::Identifier.byte());
    let lists = [Kind::UserCreated, Kind::UserSignedIn].map(Kind::byte);
    assert_eq!(
        kinds(&memory),
        [vec![user], vec![identifier; 5], lists.to_vec(), vec![Kind::UserAddress.byte(); 4]].concat(),
        "two addresses that it began with elsewhere, and two that are not proved"
    );
}

#[test]
fn a_removed_user_leaves_nothing() {
    let memory = Memory::default();
    let user = samples::user();
    let mut create = Commit::of_decision(DEADLINE, Decision::default());
    create.decision.users = vec![UserWrite::Create(Box::new(user.clone()))];
    create.decision.limits = Some(AddressLimits::default());
    create.decision.quota_uses = vec![QuotaUse {
        address: user.phone_numbers[0].value.identifier(),
        client: samples::client().id,
        what: QuotaKind::Guess,
    }];
    let mut open = Commit::of_decision(DEADLINE, Decision::default());
    let session = Session { expire_at: Timestamp::MAX, ..samples::client().sessions[0].clone() };
    let add = ClientChange::AddSession { session, single: false, strategy: None };
    let changes = vec![ClientChange::Open { salt: Secret::new([1; 16]) }, add];
    open.decision.client = Some(ClientWrite { id: samples::client().id, changes });
    let asked = samples::client().sessions[0].id;
    let owners = [ChallengeOwner::Registration(asked), ChallengeOwner::Reverification(asked)];
    open.decision.challenges = owners.map(challenge_of).into();
    apply(&memory, &create);
    apply(&memory, &open);
    let write = UserWrite::Remove { id: user.id, expected_version: user.version };
    apply(&memory, &Commit::of_decision(DEADLINE, Decision { users: vec![write], ..Decision::default() }));
    assert_eq!(kinds(&memory), [Kind::Client.byte()]);
}

#[test]
fn what_a_sign_in_asked_for_goes_when_another_one_takes_its_place() {
    let memory = Memory::default();
    let id = samples::client().id;
    let asked = |n: u8| {
        let mut sign_in = samples::client().sign_in.expect("one in progress");
        sign_in.id = SignInId::from_bytes([n; 16]);
        sign_in.phase = sign_in::Phase::Open;
        let address = IdentificationId::from_bytes([n; 16]).to_string();
        sign_in.first_factor = Some(sign_in::FirstFactor {
            address: Identifier { kind: IdentifierKind::ExternalId, value: address },
            verification: Verification {
                method: Method::Known(Strategy::Passkey),
                verified: None,
                ..samples::verification()
            },
        });
        assert!(sign_in.awaited_challenge().is_some());
        sign_in
    };
    let set = |expected: Option<u8>, next: Option<u8>| {
        let version = asked(1).version;
        let expected = expected.map(|n| (SignInId::from_bytes([n; 16]), version));
        let mut commit = Commit::of_decision(DEADLINE, Decision::default());
        let change = ClientChange::SetSignIn { expected, next: next.map(asked) };
        let open = expected.is_none().then(|| ClientChange::Open { salt: Secret::new([1; 16]) });
        let changes = open.into_iter().chain([change]).collect();
        commit.decision.client = Some(ClientWrite { id, changes });
        let owner = next.map(|n| ChallengeOwner::SignIn(SignInId::from_bytes([n; 16])));
        commit.decision.challenges = owner.map(challenge_of).into_iter().collect();
        commit
    };
    let challenge = Kind::PasskeyChallenge.byte();
    let count = || kinds(&memory).into_iter().filter(|kind| *kind == challenge).count();
    apply(&memory, &set(None, Some(1)));
    assert_eq!(count(), 1);
    apply(&memory, &set(Some(1), Some(2)));
    assert_eq!(count(), 1, "that of the first is gone");
    apply(&memory, &set(Some(2), None));
    assert_eq!(count(), 0);
}

#[test]
fn what_a_forgotten_sign_up_counted_goes_with_it_once_its_hour_is_over() {
    for (at, left) in [(HOUR - 1, 2), (HOUR, 0)] {
        let memory = Memory::default();
        let sign_up = SignUp { phase: Phase::Open, ..samples::sign_up() };
        let id = sign_up.id;
        let mut create = written(sign_up.clone(), None);
        create.decision.limits = Some(AddressLimits::default());
        create.decision.quota_uses = vec![QuotaUse {
            address: sign_up.address(&Field::PhoneNumber).expect("a number"),
            client: sign_up.client_id,
            what: QuotaKind::Message,
        }];
        apply(&memory, &create);
        let forget = Commit {
            at: Timestamp::from_millis(at),
            housekeeping: Housekeeping { expire: vec![(DEADLINE, id)], ..Housekeeping::default() },
            ..Commit::default()
        };
        apply(&memory, &forget);
        assert_eq!(kinds(&memory), vec![Kind::Counter.byte(); left]);
    }
}

#[test]
fn a_proof_of_what_was_never_counted_writes_nothing() {
    let memory = Memory::default();
    let mut proof = Commit {
        decision: Decision { limits: Some(AddressLimits::default()), ..Decision::default() },
        ..Commit::default()
    };
    for what in [QuotaKind::Guess, QuotaKind::Proof] {
        proof.decision.quota_uses.push(QuotaUse {
            address: samples::phone_number(),
            client: samples::client().id,
            what,
        });
    }
    let plan = WriteBatch::over(&memory, &Unreadable::default()).plan(&proof);
    assert!(plan.outcome.is_ok());
    assert_eq!(plan.writes, []);
}

#[test]
fn a_plan_rests_on_the_values_that_it_names_and_on_nothing_else() {
    let memory = Memory::default();
    let finished = samples::sign_up();
    let open = SignUp { phase: Phase::Open, version: finished.version - 1, ..finished.clone() };
    let address = finished.address(&Field::PhoneNumber).expect("a number");
    let charge = QuotaUse { address, client: finished.client_id, what: QuotaKind::Message };
    let mut create = written(open.clone(), None);
    create.decision.limits = Some(AddressLimits::default());
    create.decision.quota_uses = vec![charge; 2];
    let mut convert = written(finished, Some(open.version));
    convert.decision.user = Some(Box::new(samples::user()));
    let mut taken = convert.clone();
    let other = UserId::from_bytes([77; 16]);
    taken.decision.sign_up = None;
    taken.decision.user = Some(Box::new(User { id: other, ..samples::user() }));
    let forget = Commit {
        at: DEADLINE,
        housekeeping: Housekeeping { expire: vec![(DEADLINE, open.id)], ..Housekeeping::default() },
        ..Commit::default()
    };
    let user = samples::user();
    let next = User { version: user.version + 1, username: None, ..user.clone() };
    let change = UserWrite::Change { next: Box::new(next), expected_version: user.version };
    let remove = UserWrite::Remove { id: user.id, expected_version: user.version + 1 };
    let [change, remove] = [change, remove]
        .map(|write| Commit { decision: Decision { users: vec![write], ..Decision::default() }, ..Commit::default() });
    let mut read = Vec::new();
    let before = [&create, &written(open.clone(), None), &forget.clone(), &create, &convert, &convert, &taken];
    for commit in before.into_iter().chain([&change, &change, &remove]) {
        let plan = WriteBatch::over(&memory, &Unreadable::default()).plan(commit);
        let only_these = Memory::default();
        let known = plan.reads.iter().filter(|(_, value)| value.is_some());
        let known = known.map(|(key, value)| Write { key: key.clone(), value: value.clone() }).collect();
        only_these.append(&[known], false).expect("memory takes all");
        let again = WriteBatch::over(&only_these, &Unreadable::default()).plan(commit);
        assert_eq!((&again.writes, &again.reads), (&plan.writes, &plan.reads));
        assert_eq!(again.outcome.as_ref().err(), plan.outcome.as_ref().err());
        read.push((plan.reads.len(), plan.outcome.is_ok()));
        memory.append(&[plan.writes], false).expect("memory takes all");
    }
    assert!(read.iter().all(|(reads, _)| *reads > 0), "{read:?}");
    assert_eq!(
        read.iter().map(|(_, is_made)| *is_made).collect::<Vec<_>>(),
        [true, false, true, true, true, false, false, true, false, true]
    );
}

fn challenge_of(owner: ChallengeOwner) -> ChallengeChange {
    let kept = KeptChallenge { owner, id: [1; 16], sealed: vec![1], expire_at: Timestamp::MAX };
    ChallengeChange::Keep(Box::new(kept))
}

fn written(next: SignUp, expected_version: Option<u64>) -> Commit {
    Commit {
        decision: Decision {
            sign_up: Some(SignUpWrite { next: Arc::new(next), expected_version, deadline: DEADLINE }),
            ..Decision::default()
        },
        ..Commit::default()
    }
}

fn apply(memory: &Memory, commit: &Commit) {
    let plan = WriteBatch::over(memory, &Unreadable::default()).plan(commit);
    plan.outcome.expect("nothing to refuse");
    memory.append(&[plan.writes], false).expect("memory takes all");
}

/// The kinds of all entries.
fn kinds(memory: &Memory) -> Vec<u8> {
    let all = KeyValue::scan(memory, &[], &[], 99).expect("memory reads");
    all.iter().map(|(key, _)| key[0]).collect()
}

const HOUR: u64 = 3_600_000;
const DEADLINE: Timestamp = Timestamp::from_millis(7);
