//! Users: an identifier belongs to one user, and a second claim writes nothing.

use crate::domain::client::ClientChange;
use crate::domain::id::IdentificationId;
use crate::domain::identifier::{PhoneNumber, Username};
use crate::domain::quota::QuotaKind;
use crate::domain::user::{Identification, User};
use crate::store::{ClientWrite, Commit, Decision, Store};

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
