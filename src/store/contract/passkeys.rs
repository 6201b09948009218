//! Passkeys: a challenge is answered once, and a credential is one user's.

use crate::domain::id::{IdentificationId, SessionId, SignInId, UserId};
use crate::domain::passkey::{ChallengeChange, ChallengeOwner, KeptChallenge};
use crate::domain::rejection::ErrorCode;
use crate::domain::user::{Passkey, User};
use crate::store::{Commit, CommitError, Decision, Store, UserWrite};

use super::support::*;

pub(super) async fn a_challenge_is_taken_once_by_its_owner_and_not_after_it_expired(store: &impl Store) {
    let owners = [
        ChallengeOwner::SignIn(SignInId::from_bytes([1; 16])),
        ChallengeOwner::Registration(SessionId::from_bytes([1; 16])),
        ChallengeOwner::Reverification(SessionId::from_bytes([1; 16])),
    ];
    for (owner, n) in owners.into_iter().zip(1..) {
        commit(store, kept(owner, n)).await.expect("a challenge");
    }
    for (owner, n) in owners.into_iter().zip(1..) {
        assert_eq!(store.passkey_challenge(owner).await, Ok(Some(challenge(owner, n))), "{owner:?} has its own");
    }
    let [owner, other, third] = owners;
    let gone = Err(CommitError::Stale);
    assert_eq!(commit(store, taken(owner, 2, 1)).await, gone, "the challenge of another owner");
    assert_eq!(commit(store, taken(owner, 1, 59_999)).await, Ok(()));
    assert_eq!(store.passkey_challenge(owner).await, Ok(None));
    assert_eq!(commit(store, taken(owner, 1, 59_999)).await, gone, "it was used");
    assert_eq!(commit(store, taken(other, 2, 60_000)).await, gone, "it has expired");
    commit(store, kept(third, 9)).await.expect("a newer challenge");
    assert_eq!(commit(store, taken(third, 3, 1)).await, gone, "a newer one took its place");
    let outcomes: Vec<_> =
        store.commit(vec![taken(third, 9, 1), taken(third, 9, 1)]).await.into_iter().map(bare).collect();
    assert_eq!(outcomes, [Ok(()), gone], "of two at once one gets it");
}

pub(super) async fn a_credential_is_one_users_until_the_passkey_or_the_user_is_removed(store: &impl Store) {
    let (first, second) = (with_passkeys(1, &["one", "two"]), with_passkeys(2, &["one"]));
    let refused = Err(CommitError::Rejected(ErrorCode::PasskeyRegistrationFailure.into()));
    assert_eq!(commit(store, written(UserWrite::Create(Box::new(first.clone())))).await, Ok(()));
    assert_eq!(store.passkey_holder("one").await, Ok(Some(first.id)));
    assert_eq!(store.passkey_holder("three").await, Ok(None));
    assert_eq!(commit(store, written(UserWrite::Create(Box::new(second.clone())))).await, refused.clone());
    assert_eq!(store.user(second.id).await, Ok(None), "nothing of it is written");

    let mut fewer = User { version: 2, ..first.clone() };
    fewer.passkeys.remove(0);
    let change = UserWrite::Change { next: Box::new(fewer.clone()), expected_version: 1 };
    assert_eq!(commit(store, written(change)).await, Ok(()));
    assert_eq!(store.passkey_holder("one").await, Ok(None), "it went with the passkey");
    assert_eq!(store.passkey_holder("two").await, Ok(Some(first.id)));
    assert_eq!(commit(store, written(UserWrite::Create(Box::new(second.clone())))).await, Ok(()));
    assert_eq!(store.passkey_holder("one").await, Ok(Some(second.id)));

    let change = UserWrite::Change { next: Box::new(User { version: 3, ..first.clone() }), expected_version: 2 };
    assert_eq!(commit(store, written(change)).await, refused, "it is the other one's now");
    let remove = UserWrite::Remove { id: second.id, expected_version: 1 };
    assert_eq!(commit(store, written(remove)).await, Ok(()));
    assert_eq!(store.passkey_holder("one").await, Ok(None), "it went with the user");
}

/// The challenge `n` of an owner, which is good for a minute.
pub(super) fn challenge(owner: ChallengeOwner, n: u8) -> KeptChallenge {
    KeptChallenge { owner, id: [n; 16], sealed: vec![n], expire_at: at(60_000) }
}

pub(super) fn kept(owner: ChallengeOwner, n: u8) -> Commit {
    changed(ChallengeChange::Keep(Box::new(challenge(owner, n))), 0)
}

fn taken(owner: ChallengeOwner, n: u8, ms: u64) -> Commit {
    changed(ChallengeChange::Take(owner, [n; 16]), ms)
}

fn changed(change: ChallengeChange, ms: u64) -> Commit {
    Commit::of_decision(at(ms), Decision { challenges: vec![change], ..Decision::default() })
}

fn written(write: UserWrite) -> Commit {
    Commit::of_decision(at(0), Decision { users: vec![write], ..Decision::default() })
}

fn with_passkeys(n: u8, credentials: &[&str]) -> User {
    let passkey = |credential: &&str| Passkey {
        id: IdentificationId::from_bytes([credential.as_bytes()[0]; 16]),
        name: (*credential).to_owned(),
        credential: format!("{credential} {{}}"),
        created_at: at(0),
        last_used_at: None,
    };
    let passkeys = credentials.iter().map(passkey).collect();
    User { passkeys, ..User::new(UserId::from_bytes([n; 16]), at(0)) }
}
