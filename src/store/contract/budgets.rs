//! Quotas: exact, per address and per client, within one hour.

use crate::domain::id::ClientId;
use crate::domain::policy::AddressLimits;
use crate::domain::quota::QuotaKind;
use crate::store::Store;

use super::support::*;

pub(super) async fn budgets_of_an_address_are_exact(store: &impl Store) {
    let limits = AddressLimits {
        messages: 3,
        messages_per_client: 2,
        guesses: 3,
        guesses_per_client: 2,
        ..AddressLimits::default()
    };
    for what in [QuotaKind::Message, QuotaKind::Guess] {
        let spend = |n: u8, ms| {
            let one = charge("ada@example.com", ClientId::from_bytes([n; 16]), what);
            commit(store, spending(one, limits, ms))
        };
        assert_eq!(spend(1, 0).await, Ok(()));
        assert_eq!(spend(1, 0).await, Ok(()));
        assert_eq!(spend(1, 1000).await, over(HOUR - 1000), "the client's share");
        assert_eq!(spend(2, 1000).await, Ok(()));
        assert_eq!(spend(3, HOUR - 1).await, over(1), "the address's budget");
        assert_eq!(spend(3, HOUR - 1).await, over(1), "a refusal is not counted");
    }
    let fresh = charge("ada@example.com", ClientId::from_bytes([1; 16]), QuotaKind::Message);
    assert_eq!(commit(store, spending(fresh, limits, HOUR)).await, Ok(()));
}

pub(super) async fn budgets_hold_within_a_batch(store: &impl Store) {
    let guess = charge("ada@example.com", ClientId::from_bytes([1; 16]), QuotaKind::Guess);
    let guesses = vec![spending(guess, one_guess(), 0); 8];
    let answers = store.commit(guesses).await;
    assert_eq!(answers.iter().filter(|answer| answer.is_ok()).count(), 1);
}

pub(super) async fn budgets_of_a_client_are_exact(store: &impl Store) {
    let limits = AddressLimits { addresses_per_client: 2, sms_per_client: 1, ..AddressLimits::default() };
    let client = ClientId::from_bytes([1; 16]);
    let send = |to| commit(store, spending(charge(to, client, QuotaKind::Message), limits, 0));
    assert_eq!(send("a@example.com").await, Ok(()));
    assert_eq!(send("+14155552671").await, Ok(()));
    assert_eq!(send("a@example.com").await, Ok(()), "the same address again");
    assert_eq!(send("b@example.com").await, over(HOUR), "a third address");
    assert_eq!(send("+14155552671").await, over(HOUR), "a second text message");
    let guess = charge("c@example.com", client, QuotaKind::Guess);
    assert_eq!(commit(store, spending(guess, limits, 0)).await, Ok(()));
}

pub(super) async fn a_proof_begins_the_count_anew(store: &impl Store) {
    let client = ClientId::from_bytes([1; 16]);
    let guess = charge("ada@example.com", client, QuotaKind::Guess);
    let proof = charge("ada@example.com", client, QuotaKind::Proof);
    let mut right = spending(guess.clone(), one_guess(), 0);
    right.decision.quota_uses.push(proof);
    assert_eq!(commit(store, right.clone()).await, Ok(()));
    assert_eq!(commit(store, right.clone()).await, Ok(()));
    assert_eq!(commit(store, spending(guess, one_guess(), 0)).await, Ok(()));
    assert_eq!(commit(store, right).await, over(HOUR), "a spent budget is not asked for proofs");
}

pub(super) async fn a_spent_budget_does_not_tell_that_the_identifier_is_taken(store: &impl Store) {
    let (winner, loser) = (open(1, "ada@example.com"), open(2, "ada@example.com"));
    store.commit(vec![create(&winner), create(&loser)]).await;
    commit(store, convert(&winner)).await.expect("a conversion");
    let mut losing = convert(&loser);
    losing.decision.quota_uses = vec![charge("ada@example.com", loser.client_id, QuotaKind::Guess)];
    losing.decision.limits = Some(AddressLimits { guesses: 0, ..AddressLimits::default() });
    assert_eq!(commit(store, losing).await, over(HOUR));
}

pub(super) async fn without_limits_nothing_is_counted(store: &impl Store) {
    let guess = charge("ada@example.com", ClientId::from_bytes([1; 16]), QuotaKind::Guess);
    let mut uncounted = spending(guess.clone(), one_guess(), 0);
    uncounted.decision.limits = None;
    commit(store, uncounted).await.expect("no limit");
    assert_eq!(commit(store, spending(guess, one_guess(), 0)).await, Ok(()));
}
