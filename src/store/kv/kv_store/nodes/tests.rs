//! Nodes over one shared map: what one of them decides holds on all.

mod histories;
mod register;

use crate::domain::client::ClientChange;
use crate::domain::id::{ClientId, IdentificationId, SignUpId, UserId};
use crate::domain::identifier::{EmailAddress, IdentifierKind};
use crate::domain::policy::AddressLimits;
use crate::domain::quota::{QuotaKind, QuotaUse};
use crate::domain::secret::Secret;
use crate::domain::sign_up::SignUp;
use crate::domain::time::{Span, Timestamp};
use crate::domain::user::{Identification, User};
use crate::domain::verification::Strategy;
use crate::store::kv::kv_store::KvStore;
use crate::store::kv::kv_store::nodes::Nodes;
use crate::store::kv::shared_memory::SharedMemory;
use crate::store::{
    ClientWrite, Commit, CommitError, Committed, Decision, LAST_SEEN, NamedValueWrite, SignUpWrite, Store, UserWrite,
};

#[tokio::test]
async fn an_address_that_another_node_gave_away_is_taken() {
    let memory = SharedMemory::default();
    let (one, other) = (memory.node(), memory.node());
    // The second node knows that the address is free, from its own refusal or from before.
    assert_eq!(made(&other, create(user(1, "ada@example.com"), false)).await, Ok(()));
    assert_eq!(made(&other, remove(1, 1)).await, Ok(()));
    assert_eq!(made(&one, create(user(2, "ada@example.com"), false)).await, Ok(()));
    let taken = Err(CommitError::IdentifierTaken(IdentifierKind::EmailAddress));
    assert_eq!(made(&other, create(user(3, "ada@example.com"), false)).await, taken);
    assert_eq!(made(&one, remove(2, 1)).await, Ok(()));
    assert_eq!(made(&other, create(user(3, "ada@example.com"), false)).await, Ok(()), "a refusal is not kept");
    assert_eq!(one.count_users().await, Ok(1));
}

#[tokio::test]
async fn a_spent_budget_is_spent_on_all_nodes() {
    let memory = SharedMemory::default();
    let nodes = [memory.node(), memory.node(), memory.node()];
    let mut made = 0;
    for n in 0..30 {
        made += usize::from(nodes[n % 3].commit(vec![guess("ada@example.com")]).await[0].is_ok());
    }
    assert_eq!(made, GUESSES as usize);
}

#[tokio::test]
async fn two_spellings_of_a_mailbox_are_one_address_on_all_nodes() {
    let memory = SharedMemory::default();
    let (one, other) = (memory.node(), memory.node());
    assert_eq!(made(&one, create(user(1, "a.da@gmail.com"), true)).await, Ok(()));
    let taken = Err(CommitError::IdentifierTaken(IdentifierKind::EmailAddress));
    assert_eq!(made(&other, create(user(2, "ad.a@gmail.com"), true)).await, taken.clone());
    assert_eq!(made(&other, create(user(2, "ada@gmail.com"), true)).await, taken);
}

#[tokio::test]
async fn a_node_that_knows_only_old_values_plans_again_and_is_right() {
    let memory = SharedMemory::default();
    let (one, other) = (memory.node(), memory.node());
    let id = SignUpId::from_bytes([1; 16]);
    let next = |version| SignUp { version, ..SignUp::new(id, ClientId::from_bytes([2; 16]), None, NOW) };
    assert_eq!(made(&one, write(next(1), None)).await, Ok(()));
    assert_eq!(made(&other, write(next(2), Some(1))).await, Ok(()));
    assert_eq!(made(&one, write(next(2), Some(1))).await, Err(CommitError::Stale), "it knew of version 1 only");
    assert_eq!(made(&one, write(next(3), Some(2))).await, Ok(()));
    assert_eq!(other.sign_up(id).await.map(|found| found.map(|found| found.version)), Ok(Some(3)));
    let (_, refused) = memory.counts();
    assert_eq!(refused, 1, "of what it had read then it knew what is stored");
}

#[tokio::test]
async fn nodes_that_write_different_things_number_their_events_without_a_conflict() {
    let memory = SharedMemory::default();
    let nodes = [memory.node(), memory.node(), memory.node()];
    for n in 0..30_u8 {
        let sign_up = SignUp::new(SignUpId::from_bytes([n; 16]), ClientId::from_bytes([n; 16]), None, NOW);
        let sign_up = SignUp { version: 1, ..sign_up };
        let last_event = nodes[usize::from(n) % 3].commit(vec![write(sign_up, None)]).await.remove(0);
        let last_event = last_event.expect("it is written").last_event;
        assert!(last_event.is_some() && nodes[0].last_event().await == Ok(last_event));
    }
    let events = nodes[0].events(None, 100).await.expect("the log").events;
    let numbers: Vec<_> = events.iter().map(|event| event.position.sequence()).collect();
    assert!(numbers.len() == 30 && numbers.windows(2).all(|pair| pair[0] + 1 == pair[1]), "{numbers:?}");
    assert_eq!(memory.counts(), (30, 0));
}

#[tokio::test]
async fn a_batch_with_a_refusal_is_refused_for_what_stands_before_it() {
    let memory = SharedMemory::default();
    let (one, other) = (memory.node(), memory.node());
    let batch =
        vec![create(user(1, "ada@example.com"), false), create(user(2, "ada@example.com"), false), remove(1, 7)];
    let answers = one.commit(batch).await;
    assert!(answers[0].is_ok());
    assert_eq!(answers[1].clone().err(), Some(CommitError::IdentifierTaken(IdentifierKind::EmailAddress)));
    assert_eq!(answers[2].clone().err(), Some(CommitError::Stale));
    assert_eq!(other.count_users().await, Ok(1));
}

#[tokio::test]
async fn batches_of_any_size_are_written_in_parts() {
    let memory = SharedMemory::default();
    let node = memory.node();
    let batch = (0..600).map(|n| set(&format!("value {n}"), None, n)).collect();
    assert!(node.commit(batch).await.iter().all(Result::is_ok));
    assert_eq!(memory.counts(), (3, 0));
    let large = |n: u32| Commit::of_value(NOW, &format!("large {n}"), vec![1; 60_000]);
    assert!(node.commit((0..40).map(large).collect()).await.iter().all(Result::is_ok));
    assert_eq!(memory.counts(), (6, 0), "a part has a megabyte");
    assert_eq!(node.value("large 39").await.map(|value| value.map(|bytes| bytes.len())), Ok(Some(60_000)));
}

#[tokio::test]
async fn a_sign_up_needs_no_key_to_stay_absent_that_it_does_not_write() {
    let memory = SharedMemory::default();
    let node = memory.node();
    let id = SignUpId::from_bytes([1; 16]);
    let client = ClientId::from_bytes([2; 16]);
    let next = |version| SignUp { version, ..SignUp::new(id, client, None, NOW) };
    let mut open = write(next(1), None);
    open.decision.client = opened(client).decision.client;
    assert_eq!(made(&node, open).await, Ok(()));
    let mut prepare = write(next(2), Some(1));
    prepare.decision.limits = Some(AddressLimits::default());
    prepare.decision.quota_uses =
        [QuotaKind::Message, QuotaKind::Guess].map(|what| charge("ada@example.com", what)).into();
    assert_eq!(made(&node, prepare).await, Ok(()));
    let mut convert = write(next(3), Some(2));
    convert.decision.limits = Some(AddressLimits::default());
    convert.decision.quota_uses = vec![charge("ada@example.com", QuotaKind::Proof)];
    convert.decision.client = opened(client).decision.client;
    convert.decision.user = Some(Box::new(user(1, "ada@example.com")));
    assert_eq!(made(&node, convert).await, Ok(()));
    assert_eq!((memory.guards(), memory.counts()), (0, (3, 0)));
}

#[tokio::test]
async fn what_nodes_leave_is_removed_by_a_later_start() {
    let memory = SharedMemory::default();
    let at = |hours: u64| Timestamp::from_millis(NOW.as_millis() + hours * 3_600_000);
    let left = async |store: &KvStore<Nodes<SharedMemory>>| store.values("node:", 9).await.expect("a read").len();
    for hours in [0, 1, 30] {
        let node = memory.node();
        node.upgrade().await.expect("nothing to do");
        let seen = at(hours).as_millis().to_be_bytes().to_vec();
        assert!(node.commit(vec![Commit::of_value(at(hours), LAST_SEEN, seen)]).await[0].is_ok());
    }
    let node = memory.node();
    assert_eq!(left(&node).await, 3);
    node.upgrade().await.expect("an upgrade");
    assert_eq!(left(&node).await, 1, "the others are a day old");
    assert!(node.commit(vec![Commit::of_value(at(31), "a", vec![1])]).await[0].is_ok());
    node.close().await;
    assert_eq!(left(&node).await, 1, "a node that ends in order leaves nothing");
}

async fn made(store: &impl Store, commit: Commit) -> Result<(), CommitError> {
    store.commit(vec![commit]).await.remove(0).map(|_: Committed| ())
}

fn user(n: u8, address: &str) -> User {
    let email = EmailAddress::restore(address.into(), address.into());
    let email = Identification {
        verified_by: Some(Strategy::EmailCode),
        ..Identification::unproved(IdentificationId::from_bytes([n; 16]), email)
    };
    let user = User::new(UserId::from_bytes([n; 16]), NOW);
    User { version: 1, email_addresses: vec![email], ..user }
}

fn create(user: User, ignores_dots: bool) -> Commit {
    let users = vec![UserWrite::Create(Box::new(user))];
    Commit::of_decision(NOW, Decision { users, ignores_dots, ..Decision::default() })
}

fn remove(n: u8, expected_version: u64) -> Commit {
    let users = vec![UserWrite::Remove { id: UserId::from_bytes([n; 16]), expected_version }];
    Commit::of_decision(NOW, Decision { users, ..Decision::default() })
}

fn charge(address: &str, what: QuotaKind) -> QuotaUse {
    let address = EmailAddress::restore(address.into(), address.into()).identifier();
    QuotaUse { address, client: ClientId::from_bytes([2; 16]), what }
}

fn guess(address: &str) -> Commit {
    let limits = AddressLimits { guesses: GUESSES, guesses_per_client: GUESSES, ..AddressLimits::default() };
    let quota_uses = vec![charge(address, QuotaKind::Guess)];
    Commit::of_decision(NOW, Decision { limits: Some(limits), quota_uses, ..Decision::default() })
}

fn opened(id: ClientId) -> Commit {
    let changes = vec![ClientChange::Open { salt: Secret::new([1; 16]) }];
    Commit::of_decision(NOW, Decision { client: Some(ClientWrite { id, changes }), ..Decision::default() })
}

fn write(next: SignUp, expected_version: Option<u64>) -> Commit {
    let deadline = NOW + Span::from_secs(3600);
    let write = SignUpWrite { next: std::sync::Arc::new(next), expected_version, deadline };
    Commit::of_decision(NOW, Decision { sign_up: Some(write), ..Decision::default() })
}

/// Sets a named value to a number, from the number that it had.
fn set(name: &str, expected: Option<u32>, next: u32) -> Commit {
    let bytes = |number: u32| number.to_be_bytes().to_vec();
    let write = NamedValueWrite { name: name.into(), expected: expected.map(bytes), next: bytes(next) };
    Commit::of_decision(NOW, Decision { named_value: Some(write), ..Decision::default() })
}

const NOW: Timestamp = Timestamp::from_millis(1_800_000_000_000);
const GUESSES: u32 = 4;
