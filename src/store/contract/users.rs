//! Users: an identifier belongs to one user, and a second claim writes nothing.

use crate::domain::client::ClientChange;
use crate::domain::id::{IdentificationId, UserId};
use crate::domain::identifier::{EmailAddress, PhoneNumber, Username};
use crate::domain::quota::QuotaKind;
use crate::domain::user::{Identification, User};
use crate::store::{ClientWrite, Commit, Decision, Store, UserWrite};

use super::support::*;

pub(super) async fn the_first_to_convert_wins_across_batches(store: &impl Store) {
    let (winner, loser) = (open(1, "ada@example.com"), open(2, "ada@example.com"));
    commit(store, create(&winner)).await.expect("a new sign-up");
    commit(store, create(&loser)).await.expect("a new sign-up");
    commit(store, convert(&winner)).await.expect("a conversion");
    assert_eq!(commit(store, convert(&loser)).await, TAKEN);
    assert_eq!(store.sign_up(loser.id).await, Ok(Some(loser.clone())));
    assert_eq!(store.user(loser.id.cast()).await, Ok(None));
}

pub(super) async fn the_first_to_convert_wins_within_a_batch(store: &impl Store) {
    let (winner, loser) = (open(1, "ada@example.com"), open(2, "ada@example.com"));
    store.commit(vec![create(&winner), create(&loser)]).await;
    let mut answers = store.commit(vec![convert(&winner), convert(&loser)]).await;
    assert_eq!(answers.pop().map(bare), Some(TAKEN));
    assert_eq!(answers.pop().map(bare), Some(Ok(())));
    let owner = store.owner(&email("ada@example.com").identifier()).await;
    assert_eq!(owner, Ok(Some(winner.id.cast())));
}

pub(super) async fn whoever_loses_writes_nothing(store: &impl Store) {
    let (winner, mut loser) = (open(1, "ada@example.com"), open(2, "ada@example.com"));
    loser.username = Some(Username::restore("free".into()));
    commit(store, create(&winner)).await.expect("a new sign-up");
    commit(store, convert(&winner)).await.expect("a conversion");
    commit(store, create(&loser)).await.expect("a new sign-up");
    commit(store, open_client(loser.client_id)).await.expect("a client");
    let before = store.client(loser.client_id).await;
    let due = store.due(at(u64::MAX), 10).await;

    let mut losing = convert(&loser);
    let user = losing.decision.user.as_mut().expect("a user");
    user.username = Some(Username::restore("free".into()));
    losing.decision.client = Some(ClientWrite { id: loser.client_id, changes: vec![ClientChange::Rotate] });
    losing.decision.outbox = vec![message(1, 1)];
    losing.decision.quota_uses = vec![charge("ada@example.com", loser.client_id, QuotaKind::Guess)];
    losing.decision.limits = Some(one_guess());
    losing.values = vec![("name".into(), vec![1])];
    assert_eq!(commit(store, losing.clone()).await, TAKEN);

    assert_eq!(store.client(loser.client_id).await, before);
    assert_eq!(store.outbox(None, 10).await, Ok(vec![]));
    assert_eq!(store.value("name").await, Ok(None));
    assert_eq!(store.due(at(u64::MAX), 10).await, due);
    let free = Username::restore("free".into()).identifier();
    assert_eq!(store.owner(&free).await, Ok(None));
    assert_eq!(commit(store, losing).await, TAKEN, "its guess was not counted");
}

pub(super) async fn an_import_claims_like_a_conversion(store: &impl Store) {
    let (_, user) = finish(&open(1, "ada@example.com"));
    let import = |user: &User| Commit {
        decision: Decision { user: Some(user.clone()), ..Decision::default() },
        ..Commit::default()
    };
    commit(store, import(&user)).await.expect("a user");
    assert_eq!(commit(store, import(&user)).await, STALE);
    let (_, other) = finish(&open(2, "ada@example.com"));
    assert_eq!(commit(store, import(&other)).await, TAKEN);
    assert_eq!(store.user(user.id).await.expect("a read").as_deref(), Some(&user));
}

pub(super) async fn a_changed_user_claims_what_is_new_and_frees_what_is_gone(store: &impl Store) {
    let ada = stored(store, 1, "ada@example.com").await;
    let eve = stored(store, 2, "eve@example.com").await;
    let moved = User { email_addresses: addresses("countess@example.com"), ..ada.clone() };
    assert_eq!(commit(store, change(&moved)).await, Ok(()));
    assert_eq!(owner(store, "countess@example.com").await, Some(ada.id));
    assert_eq!(owner(store, "ada@example.com").await, None);
    let heir = User { version: eve.version + 1, email_addresses: addresses("ada@example.com"), ..eve.clone() };
    let greedy = User { email_addresses: addresses("countess@example.com"), ..eve.clone() };
    assert_eq!(commit(store, change(&greedy)).await, TAKEN);
    assert_eq!(owner(store, "eve@example.com").await, Some(eve.id), "what is refused frees nothing");
    let answers = store.commit(vec![change_from(&heir, eve.version), change_from(&moved, 9)]).await;
    assert!(answers[0].is_ok(), "what one commit freed, a later one may claim");
    assert_eq!(answers[1].clone().map(drop), STALE);
    assert_eq!(owner(store, "ada@example.com").await, Some(eve.id));
}

pub(super) async fn of_two_changes_made_from_one_version_the_later_one_is_stale(store: &impl Store) {
    let ada = stored(store, 1, "ada@example.com").await;
    let next = |name: &str| User { version: ada.version + 1, first_name: Some(name.into()), ..ada.clone() };
    let both = ["Ada", "Augusta"].map(|name| change_from(&next(name), ada.version));
    let answers = store.commit(both.to_vec()).await;
    assert_eq!(answers.into_iter().map(bare).collect::<Vec<_>>(), [Ok(()), STALE]);
    assert_eq!(commit(store, change_from(&next("Augusta"), ada.version)).await, STALE);
    assert_eq!(commit(store, remove(&ada)).await, STALE, "a removal is decided on a version too");
    let stored = store.user(ada.id).await.expect("a read").expect("a user");
    assert_eq!((stored.first_name.as_deref(), stored.version), (Some("Ada"), ada.version + 1));
    let nobody = User { id: UserId::from_bytes([9; 16]), ..ada };
    assert_eq!(commit(store, change(&nobody)).await, STALE);
}

pub(super) async fn a_removed_user_is_gone_and_its_identifiers_are_free(store: &impl Store) {
    let ada = stored(store, 1, "ada@example.com").await;
    assert_eq!(commit(store, create_user(&User { id: UserId::from_bytes([2; 16]), ..ada.clone() })).await, TAKEN);
    assert_eq!(commit(store, create_user(&ada)).await, STALE, "its id is in use");
    let heir = User { id: UserId::from_bytes([2; 16]), ..ada.clone() };
    let answers = store.commit(vec![remove(&ada), create_user(&heir)]).await;
    assert!(answers.iter().all(Result::is_ok), "{answers:?}");
    assert_eq!(store.user(ada.id).await, Ok(None));
    assert_eq!(owner(store, "ada@example.com").await, Some(heir.id));
    assert_eq!(commit(store, remove(&ada)).await, STALE);
    assert_eq!(store.sign_up(ada.id.cast()).await, Ok(None), "the finished sign-up went with it");
}

pub(super) async fn kinds_of_identifiers_do_not_collide(store: &impl Store) {
    let (_, mut ada) = finish(&open(1, "ada@example.com"));
    ada.username = Some(Username::restore("+14155552671".into()));
    let (_, mut eve) = finish(&open(2, "eve@example.com"));
    eve.phone_numbers = vec![Identification {
        id: IdentificationId::from_bytes([7; 16]),
        value: PhoneNumber::restore("+14155552671".into()),
        verified_by: None,
        reserved: false,
    }];
    for user in [ada, eve] {
        let commit_of = Commit { decision: Decision { user: Some(user), ..Decision::default() }, ..Commit::default() };
        commit(store, commit_of).await.expect("a user");
    }
}

async fn stored(store: &impl Store, n: u8, address: &str) -> User {
    let (_, user) = finish(&open(n, address));
    commit(store, create_user(&user)).await.expect("a user");
    user
}

async fn owner(store: &impl Store, address: &str) -> Option<UserId> {
    store.owner(&email(address).identifier()).await.expect("a read")
}

fn addresses(address: &str) -> Vec<Identification<EmailAddress>> {
    finish(&open(1, address)).1.email_addresses
}

fn change(next: &User) -> Commit {
    change_from(next, next.version)
}

fn change_from(next: &User, expected_version: u64) -> Commit {
    of_users(vec![UserWrite::Change { next: Box::new(next.clone()), expected_version }])
}
