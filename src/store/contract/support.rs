//! Values and commits for the suite.

use std::sync::Arc;

use crate::domain::client::ClientChange;
use crate::domain::client::session::{Session, SessionStatus};
use crate::domain::handshake::KeptHandshake;
use crate::domain::id::{AddressVerificationId, ClientId, IdentificationId, MessageId, SessionId, SignUpId, UserId};
use crate::domain::identifier::{EmailAddress, Identifier, IdentifierKind};
use crate::domain::message::FailureClass;
use crate::domain::policy::AddressLimits;
use crate::domain::quota::{QuotaKind, QuotaUse};
use crate::domain::secret::Secret;
use crate::domain::sign_up::{Collected, Phase, SignUp};
use crate::domain::time::{Span, Timestamp};
use crate::domain::user::{AddressVerification, Identification, Purpose, User};
use crate::domain::verification::{CodeDigest, Method, Strategy, Verification};
use crate::store::{
    AddressVerificationWrite, ClientWrite, Commit, CommitError, Committed, Decision, HandshakeChange, MessageEnd,
    OutboxEntry, OutboxKind, SignUpWrite, Store, UserWrite,
};

pub(super) async fn commit(store: &impl Store, commit: Commit) -> Result<(), CommitError> {
    let mut answers = store.commit(vec![commit]).await;
    assert_eq!(answers.len(), 1, "one answer for each");
    bare(answers.remove(0))
}

pub(super) fn bare(answer: Result<Committed, CommitError>) -> Result<(), CommitError> {
    answer.map(drop)
}

pub(super) fn open(n: u8, address: &str) -> SignUp {
    let empty = SignUp::new(SignUpId::from_bytes([n; 16]), ClientId::from_bytes([100 + n; 16]), None, at(0));
    SignUp { email_address: Some(Collected { value: email(address), verification: None }), ..empty }
}

pub(super) fn bumped(sign_up: &SignUp) -> SignUp {
    SignUp { version: sign_up.version + 1, ..sign_up.clone() }
}

pub(super) fn finish(sign_up: &SignUp) -> (SignUp, User) {
    let mut finished = bumped(sign_up);
    finished.phase =
        Phase::Complete { user_id: sign_up.id.cast(), session_id: SessionId::from_bytes([3; 16]), at: at(5) };
    let user = User {
        email_addresses: finished
            .email_address
            .iter()
            .map(|email| Identification {
                verified_by: Some(Strategy::EmailCode),
                ..Identification::unproved(IdentificationId::from_bytes([6; 16]), email.value.clone())
            })
            .collect(),
        username: finished.username.clone(),
        external_id: finished.external_id.clone(),
        last_sign_in_at: Some(at(5)),
        devices: vec![sign_up.client_id],
        sign_up: Some(Box::new(finished.clone())),
        ..User::new(sign_up.id.cast(), at(5))
    };
    (finished, user)
}

pub(super) fn create(sign_up: &SignUp) -> Commit {
    write(sign_up, None)
}

pub(super) fn update(next: &SignUp) -> Commit {
    write(next, next.version.checked_sub(1))
}

pub(super) fn convert(sign_up: &SignUp) -> Commit {
    let (finished, user) = finish(sign_up);
    let mut commit = update(&finished);
    commit.decision.user = Some(Box::new(user));
    commit
}

pub(super) fn write(next: &SignUp, expected_version: Option<u64>) -> Commit {
    Commit {
        decision: Decision {
            sign_up: Some(SignUpWrite { next: Arc::new(next.clone()), expected_version, deadline: at(DEADLINE) }),
            ..Decision::default()
        },
        ..Commit::default()
    }
}

pub(super) fn open_client(id: ClientId) -> Commit {
    Commit {
        decision: Decision {
            client: Some(ClientWrite { id, changes: vec![ClientChange::Open { salt: Secret::new([1; 16]) }] }),
            ..Decision::default()
        },
        ..Commit::default()
    }
}

/// Creates the users of the sessions 1 to `last`.
pub(super) async fn people(store: &impl Store, last: u8) {
    for n in 1..=last {
        commit(store, create_user(&finish(&open(n, &format!("ada{n}@example.com"))).1)).await.expect("a user");
    }
}

/// A commit of changes to a client.
pub(super) fn changed(id: ClientId, ms: u64, changes: Vec<ClientChange>) -> Commit {
    Commit::of_decision(at(ms), Decision { client: Some(ClientWrite { id, changes }), ..Decision::default() })
}

pub(super) fn create_user(user: &User) -> Commit {
    of_users(vec![UserWrite::Create(Box::new(user.clone()))])
}

pub(super) fn remove(user: &User) -> Commit {
    of_users(vec![UserWrite::Remove { id: user.id, expected_version: user.version }])
}

pub(super) fn of_users(users: Vec<UserWrite>) -> Commit {
    Commit { decision: Decision { users, ..Decision::default() }, ..Commit::default() }
}

pub(super) fn session(n: u8, client_id: ClientId) -> Session {
    Session {
        id: SessionId::from_bytes([n; 16]),
        user_id: UserId::from_bytes([n; 16]),
        client_id,
        status: SessionStatus::Active,
        created_at: at(0),
        updated_at: at(0),
        last_active_at: at(0),
        expire_at: at(HOUR),
        origin: None,
        first_factor_at: Some(at(0)),
        second_factor_at: None,
        task: None,
        reverification: None,
        activity: None,
    }
}

pub(super) fn message(bucket: u8, ms: u8) -> OutboxEntry {
    let mut id = [0; 16];
    (id[0], id[6]) = (bucket, ms);
    OutboxEntry {
        id: MessageId::from_bytes(id),
        kind: OutboxKind::Message {
            to: email("ada@example.com").identifier(),
            display_to: "ada@example.com".into(),
            about: None,
        },
        sealed: vec![1, 2, 3],
        created_at: at(ms.into()),
        expire_at: at(HOUR),
    }
}

/// A message that a provider took.
pub(super) fn sent() -> MessageEnd {
    MessageEnd::Sent { provider: "resend".into(), message_id: Some("re_1".into()), attempts: 2 }
}

/// A message whose address does not exist.
pub(super) fn failed() -> MessageEnd {
    MessageEnd::Failed { class: FailureClass::Address, attempts: 1 }
}

/// The code `n` for an address of a user.
pub(super) fn verification_of(
    n: u8,
    user_id: UserId,
    address_id: IdentificationId,
    address: Identifier,
) -> AddressVerification {
    let digest = CodeDigest { nonce: [n; 16], digest: [n; 32] };
    let verification = Verification {
        method: Method::Code { strategy: Strategy::EmailCode, digest },
        attempts: 0,
        prepared_at: at(0),
        expire_at: at(HOUR),
        verified: None,
        channel: None,
    };
    let id = AddressVerificationId::from_bytes([n; 16]);
    AddressVerification { id, user_id, address_id, address, purpose: Purpose::Backend, verification }
}

/// Writes the verification of an address in the place of `before`.
pub(super) fn prove(next: &AddressVerification, before: Option<&AddressVerification>) -> Commit {
    let expected = before.map(AddressVerification::stamp);
    let write = AddressVerificationWrite { next: Box::new(next.clone()), expected };
    Commit { decision: Decision { address_verification: Some(write), ..Decision::default() }, ..Commit::default() }
}

/// The result `n` of a handshake, which can be fetched for a minute.
pub(super) fn handshake(n: u8) -> KeptHandshake {
    KeptHandshake { digest: [n; 32], sealed: vec![n], expire_at: at(60_000) }
}

pub(super) fn keep(handshake: &KeptHandshake) -> Commit {
    let change = HandshakeChange::Keep(Box::new(handshake.clone()));
    Commit::of_decision(at(0), Decision { handshakes: vec![change], ..Decision::default() })
}

pub(super) fn take(n: u8, ms: u64) -> Commit {
    let change = HandshakeChange::Take([n; 32]);
    Commit::of_decision(at(ms), Decision { handshakes: vec![change], ..Decision::default() })
}

pub(super) fn charge(address: &str, client: ClientId, what: QuotaKind) -> QuotaUse {
    let kind = if address.starts_with('+') { IdentifierKind::PhoneNumber } else { IdentifierKind::EmailAddress };
    let value = address.to_owned();
    QuotaUse { address: Identifier { kind, value }, client, what }
}

pub(super) fn spending(charge: QuotaUse, limits: AddressLimits, ms: u64) -> Commit {
    Commit::of_decision(at(ms), Decision { quota_uses: vec![charge], limits: Some(limits), ..Decision::default() })
}

pub(super) fn one_guess() -> AddressLimits {
    AddressLimits { guesses: 1, ..AddressLimits::default() }
}

pub(super) fn email(address: &str) -> EmailAddress {
    EmailAddress::restore(address.into(), address.into())
}

pub(super) const fn at(ms: u64) -> Timestamp {
    Timestamp::from_millis(ms)
}

pub(super) const fn over(ms: u64) -> Result<(), CommitError> {
    let retry_after = Span::from_millis(ms);
    Err(CommitError::LimitExceeded { retry_after })
}

pub(super) const DEADLINE: u64 = 86_400_000;
pub(super) const HOUR: u64 = 3_600_000;
pub(super) const STALE: Result<(), CommitError> = Err(CommitError::Stale);
pub(super) const TAKEN: Result<(), CommitError> = Err(CommitError::IdentifierTaken(IdentifierKind::EmailAddress));
