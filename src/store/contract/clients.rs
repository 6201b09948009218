//! Clients: changes apply one after the other, or the whole commit is refused.

use crate::domain::client::session::SessionStatus;
use crate::domain::client::{ClientChange, ClientConflict, NOBODY, SESSIONS_MAX};
use crate::domain::id::{ClientId, SessionId, SignUpId};
use crate::store::{ClientWrite, Commit, CommitError, Decision, Store};

use super::support::*;

pub(super) async fn a_client_that_refuses_rolls_everything_back(store: &impl Store) {
    let sign_up = open(1, "ada@example.com");
    commit(store, create(&sign_up)).await.expect("a new sign-up");
    let mut unknown = convert(&sign_up);
    unknown.decision.client = Some(ClientWrite { id: sign_up.client_id, changes: vec![ClientChange::Rotate] });
    let refused = Err(CommitError::Client(ClientConflict::Unknown));
    assert_eq!(commit(store, unknown).await, refused);

    commit(store, open_client(sign_up.client_id)).await.expect("a client");
    let mut replaced = convert(&sign_up);
    replaced.decision.client =
        Some(ClientWrite { id: sign_up.client_id, changes: vec![ClientChange::RequireSignUp(sign_up.id)] });
    let refused = Err(CommitError::Client(ClientConflict::SignUpReplaced));
    assert_eq!(commit(store, replaced).await, refused);

    assert_eq!(store.sign_up(sign_up.id).await, Ok(Some(sign_up.clone())));
    assert_eq!(store.user(sign_up.id.cast()).await, Ok(None));
    let owner = store.owner(&email("ada@example.com").identifier()).await;
    assert_eq!(owner, Ok(None));
}

pub(super) async fn clients_are_listed_by_their_ids(store: &impl Store) {
    let ids = [1, 2, 3].map(|n| ClientId::from_bytes([n; 16]));
    for id in [ids[1], ids[0], ids[2]] {
        commit(store, open_client(id)).await.expect("a client");
    }
    assert_eq!(store.client_ids(None, 2).await, Ok(ids[..2].to_vec()));
    assert_eq!(store.client_ids(Some(ids[1]), 2).await, Ok(ids[2..].to_vec()));
    assert_eq!(store.client_ids(Some(ids[2]), 2).await, Ok(Vec::new()));
}

pub(super) async fn two_tabs_of_one_client_lose_nothing(store: &impl Store) {
    people(store, 3).await;
    let id = ClientId::from_bytes([5; 16]);
    commit(store, open_client(id)).await.expect("a client");
    let add = |n: u8| {
        let presented = ClientChange::RequireToken(u32::from(n) - 1);
        let signed_in = ClientChange::signed_in(session(n, id), false, None);
        let changes = [presented].into_iter().chain(signed_in).collect();
        Commit {
            decision: Decision { client: Some(ClientWrite { id, changes }), ..Decision::default() },
            ..Commit::default()
        }
    };
    let end = Commit {
        decision: Decision {
            client: Some(ClientWrite {
                id,
                changes: vec![ClientChange::EndSession(SessionId::from_bytes([1; 16]), SessionStatus::Ended)],
            }),
            ..Decision::default()
        },
        ..Commit::default()
    };
    let answers = store.commit(vec![add(1), add(2), end]).await;
    let shown = answers[1].as_ref().expect("a session").client.clone();
    assert_eq!(shown.expect("the client").sessions.len(), 2);
    commit(store, add(3)).await.expect("a session");

    let client = store.client(id).await.expect("a read").expect("the client");
    let left: Vec<_> = client.sessions.iter().map(|s| s.id.as_bytes()[0]).collect();
    assert_eq!(left, [2, 3]);
    assert_eq!((client.generation, client.owed_to, client.version), (3, None, 5));
}

pub(super) async fn a_client_holds_so_many_sessions_and_the_oldest_goes(store: &impl Store) {
    let id = ClientId::from_bytes([1; 16]);
    commit(store, open_client(id)).await.expect("a client");
    let all = SESSIONS_MAX as u8 + 7;
    people(store, all).await;
    for n in 1..=all {
        let change = ClientChange::AddSession { session: session(n, id), single: false, strategy: None };
        let write = ClientWrite { id, changes: vec![change] };
        commit(
            store,
            Commit { decision: Decision { client: Some(write), ..Decision::default() }, ..Commit::default() },
        )
        .await
        .expect("a session");
    }
    let client = store.client(id).await.expect("a read").expect("a client");
    let held: Vec<_> = client.sessions.iter().map(|session| session.id).collect();
    let newest: Vec<_> = (all - SESSIONS_MAX as u8 + 1..=all).map(|n| SessionId::from_bytes([n; 16])).collect();
    assert_eq!(held, newest);
    assert_eq!(client.last_active_session_id, newest.last().copied());
}

pub(super) async fn a_client_that_is_not_answered_is_owed_its_token_and_given_it_once(store: &impl Store) {
    people(store, 2).await;
    let id = ClientId::from_bytes([5; 16]);
    commit(store, open_client(id)).await.expect("a client");
    let write = |changes| Commit {
        decision: Decision { client: Some(ClientWrite { id, changes }), ..Decision::default() },
        ..Commit::default()
    };
    let renew = ClientChange::Renew { at: at(0) };
    commit(store, write(vec![renew.clone()])).await.expect("no change of the token");
    commit(store, write(vec![ClientChange::RequireToken(0), renew.clone()])).await.expect("a new token");
    for n in 1..=2 {
        // No request presented its token, so the client still has to be told the new one, even with `Rotate`.
        commit(store, write(elsewhere(n, id))).await.expect("a session");
        let client = store.client(id).await.expect("a read").expect("the client");
        assert_eq!((client.generation, client.owed_to), (u32::from(n) + 1, Some(1)));
        assert!((0..3).all(|generation| !client.accepts_replay(generation, at(0))));
    }
    let replaced = CommitError::Client(ClientConflict::TokenReplaced);
    let end = |generation| vec![ClientChange::RequireToken(generation), ClientChange::EndAllSessions];
    for refused in [end(0), end(1), vec![ClientChange::Collect(0)], vec![ClientChange::Collect(2)]] {
        assert_eq!(commit(store, write(refused)).await, Err(replaced.clone()));
    }
    let collect = write(vec![ClientChange::Collect(1)]);
    let answers = store.commit(vec![collect.clone(), collect]).await;
    let collected = answers[0].as_ref().expect("it is owed");
    assert_eq!(collected.generation_before, Some(3));
    assert_eq!(answers[1].clone().map(drop), Err(replaced));
    let client = store.client(id).await.expect("a read").expect("the client");
    assert_eq!((client.generation, client.owed_to, client.sessions.len()), (3, None, 2));
}

pub(super) async fn a_token_that_the_flow_did_not_renew_is_owed_no_session(store: &impl Store) {
    people(store, 2).await;
    for (n, renewed_at) in [(1, None), (2, Some(at(0)))] {
        let id = ClientId::from_bytes([n; 16]);
        commit(store, open_client(id)).await.expect("a client");
        let write = |changes| Commit {
            decision: Decision { client: Some(ClientWrite { id, changes }), ..Decision::default() },
            ..Commit::default()
        };
        if let Some(at) = renewed_at {
            let renew = vec![ClientChange::RequireToken(0), ClientChange::Renew { at }];
            commit(store, write(renew)).await.expect("a new token");
        }
        // A client's first token may be older than the client; the second one is older than the sign-up.
        let began_at = renewed_at.map_or(0, |_| 1);
        commit(store, write(elsewhere_since(began_at, n, id))).await.expect("a session");
        let client = store.client(id).await.expect("a read").expect("the client");
        assert_eq!((client.owed_to, client.sessions.len()), (Some(NOBODY), 1));
        for generation in 0..=client.generation {
            assert!(commit(store, write(vec![ClientChange::Collect(generation)])).await.is_err());
            assert!(!client.accepts_replay(generation, at(0)));
        }
    }
}

pub(super) async fn a_session_that_is_owed_to_nobody_ends_no_other_session(store: &impl Store) {
    people(store, 2).await;
    for single in [false, true] {
        let id = ClientId::from_bytes([6 + u8::from(single); 16]);
        commit(store, open_client(id)).await.expect("a client");
        let write = |changes| Commit {
            decision: Decision { client: Some(ClientWrite { id, changes }), ..Decision::default() },
            ..Commit::default()
        };
        let here = ClientChange::signed_in(session(1, id), single, None);
        commit(store, write([vec![ClientChange::RequireToken(0)], here.into()].concat())).await.expect("a session");
        let before = store.client(id).await.expect("a read").expect("the client");
        // The token is older than the sign-up.
        let completed = elsewhere_since(1, 2, id).into_iter().map(|change| match change {
            ClientChange::AddSession { session, strategy, .. } => {
                ClientChange::AddSession { session, single, strategy }
            }
            change => change,
        });
        commit(store, write(completed.collect())).await.expect("a finished sign-up");
        let after = store.client(id).await.expect("a read").expect("the client");
        assert_eq!((&after.sessions, after.generation, after.owed_to), (&before.sessions, before.generation, None));
        assert_eq!((after.last_active_session_id, after.sign_up), (before.last_active_session_id, None));
        let still = vec![ClientChange::RequireToken(before.generation), ClientChange::EndAllSessions];
        commit(store, write(still)).await.expect("the token is as good as before");
    }
}

/// The changes by which another's call completes the client's sign-up.
fn elsewhere(n: u8, id: ClientId) -> Vec<ClientChange> {
    elsewhere_since(0, n, id)
}

/// The same for a sign-up that began at that millisecond.
fn elsewhere_since(began_at: u8, n: u8, id: ClientId) -> Vec<ClientChange> {
    let mut bytes = [0; 16];
    bytes[6] = began_at;
    let sign_up = SignUpId::from_bytes(bytes);
    let flow = [ClientChange::SetSignUp(sign_up), ClientChange::RequireSignUp(sign_up)];
    flow.into_iter().chain(ClientChange::signed_in(session(n, id), false, None)).collect()
}

pub(super) async fn a_commit_that_opens_a_client_says_so(store: &impl Store) {
    let id = ClientId::from_bytes([5; 16]);
    for before in [None, Some(0)] {
        let answers = store.commit(vec![open_client(id)]).await;
        assert_eq!(answers[0].as_ref().expect("a client").generation_before, before);
    }
}
