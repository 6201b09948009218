//! Sessions on their own: found by id and by user, with how they ended, until they are abandoned.

use crate::domain::client::ClientChange;
use crate::domain::client::session::{Session, SessionStatus};
use crate::domain::id::{ClientId, SessionId, UserId};
use crate::domain::user::{EndReason, SessionsEnded, User};
use crate::store::{Commit, Decision, Store, UserWrite};

use super::support::*;

pub(super) async fn the_sessions_of_a_user_are_found_on_all_clients_the_newest_first(store: &impl Store) {
    // The first session has the user's 16 bytes, so no entry leads to it.
    let user = signed_in(store, &[(1, 51), (2, 52), (3, 53)]).await;
    people_beside(store).await;
    assert_eq!(ids(store, user.id, None, 9).await, [3, 2, 1]);
    assert_eq!(ids(store, user.id, None, 2).await, [3, 2]);
    assert_eq!(ids(store, user.id, Some(SessionId::from_bytes([2; 16])), 2).await, [1]);
    commit(store, changed(client(51), 7, vec![ClientChange::Touch(SessionId::from_bytes([1; 16]))]))
        .await
        .expect("a use");
    assert_eq!(found(store, 1).await, Some(Session { last_active_at: at(7), updated_at: at(7), ..of(&user, 1, 51) }));
    assert_eq!(found(store, 2).await, Some(of(&user, 2, 52)));
    assert_eq!(found(store, 9).await, None);
}

pub(super) async fn a_session_that_leaves_its_client_keeps_how_it_ended(store: &impl Store) {
    let user = signed_in(store, &[(1, 51), (2, 52), (3, 53), (4, 54)]).await;
    let end = ClientChange::EndSession(SessionId::from_bytes([1; 16]), SessionStatus::Revoked);
    let replace = ClientChange::AddSession { session: of(&user, 5, 53), single: true, strategy: None };
    for (n, change) in [(51, end), (52, ClientChange::EndAllSessions), (53, replace)] {
        commit(store, changed(client(n), 8, vec![change])).await.expect("a change");
    }
    let end_late = changed(client(54), 2 * HOUR, vec![ClientChange::EndAllSessions]);
    commit(store, end_late).await.expect("a change");
    let expected = [
        (1, 51, SessionStatus::Revoked, 8),
        (2, 52, SessionStatus::Removed, 8),
        (3, 53, SessionStatus::Replaced, 8),
        (4, 54, SessionStatus::Active, 0), // It had expired before.
        (5, 53, SessionStatus::Active, 0),
    ];
    for (n, client, status, updated_at) in expected {
        assert_eq!(found(store, n).await, Some(Session { status, updated_at: at(updated_at), ..of(&user, n, client) }));
    }
    assert_eq!(ids(store, user.id, None, 9).await, [5, 4, 3, 2, 1], "those that are over are listed too");
}

pub(super) async fn the_sessions_of_a_banned_user_are_over_at_once(store: &impl Store) {
    let user = signed_in(store, &[(1, 51), (2, 52)]).await;
    let ended = Some(SessionsEnded { at: at(9), except: None, reason: EndReason::Revoked });
    let banned = User { banned: true, sessions_ended: ended, version: user.version + 1, ..user.clone() };
    let ban = UserWrite::Change { next: Box::new(banned.clone()), expected_version: user.version };
    commit(store, of_users(vec![ban])).await.expect("a ban");
    let revoked = |n, client| Session { status: SessionStatus::Revoked, updated_at: at(9), ..of(&user, n, client) };
    for round in 0..2 {
        assert_eq!(found(store, 1).await, Some(revoked(1, 51)), "round {round}");
        let held = store.client(client(51)).await.expect("a read").expect("a client");
        assert!(held.sessions.is_empty() && held.last_active_session_id.is_none());
        // The client's next change drops the session for good.
        commit(store, changed(client(51), 9, vec![ClientChange::EndAllSessions])).await.expect("a change");
    }
    let free = User { banned: false, sessions_ended: None, version: banned.version + 1, ..banned.clone() };
    let free = UserWrite::Change { next: Box::new(free), expected_version: banned.version };
    commit(store, of_users(vec![free])).await.expect("an end of the ban");
    assert_eq!(found(store, 1).await, Some(revoked(1, 51)), "what was recorded as over stays over");
}

pub(super) async fn the_sessions_of_a_removed_user_are_nowhere(store: &impl Store) {
    let user = signed_in(store, &[(1, 51), (2, 52)]).await;
    let third = ClientChange::AddSession { session: of(&user, 3, 53), single: true, strategy: None };
    commit(store, open_client(client(53))).await.expect("a client");
    // A session of the same batch is removed as well.
    let mut answers = store.commit(vec![changed(client(53), 3, vec![third]), remove(&user)]).await;
    assert!(answers.drain(..).all(|answer| answer.is_ok()));
    assert_eq!(ids(store, user.id, None, 9).await, [0; 0]);
    for n in 1..=3 {
        assert_eq!(found(store, n).await, None);
        let held = store.client(client(50 + n)).await.expect("a read").expect("a client");
        assert!(held.sessions.is_empty() && held.last_active_session_id.is_none());
    }
    commit(store, changed(client(51), 9, vec![ClientChange::EndAllSessions])).await.expect("a change");
    assert_eq!(found(store, 1).await, None, "the end of a session of nobody is not recorded");
}

pub(super) async fn the_activity_of_a_user_is_noted_once_a_day_and_is_no_change(store: &impl Store) {
    let day = 24 * HOUR;
    let user = signed_in(store, &[]).await;
    commit(store, open_client(client(51))).await.expect("a client");
    let long = Session { expire_at: at(9 * day), ..of(&user, 1, 51) };
    let add = ClientChange::AddSession { session: long, single: true, strategy: None };
    commit(store, changed(client(51), 3, vec![add])).await.expect("a session");
    let touch = |ms| changed(client(51), ms, vec![ClientChange::Touch(SessionId::from_bytes([1; 16]))]);
    for (ms, noted) in [(day, day), (2 * day - 1, day), (2 * day, 2 * day)] {
        commit(store, touch(ms)).await.expect("a use");
        let now = store.user(user.id).await.expect("a read").expect("a user");
        assert_eq!((now.last_active_at, now.version), (Some(at(noted)), user.version), "after {ms} ms");
    }
    let next = User { first_name: Some("Ada".into()), version: user.version + 1, ..user.clone() };
    let change = UserWrite::Change { next: Box::new(next), expected_version: user.version };
    commit(store, of_users(vec![change])).await.expect("the note is no reason to refuse it");
    let now = store.user(user.id).await.expect("a read").expect("a user");
    assert_eq!(now.last_active_at, Some(at(2 * day)), "what was read before a note does not undo it");
}

/// A user with these sessions, each on its client.
async fn signed_in(store: &impl Store, sessions: &[(u8, u8)]) -> User {
    let (_, user) = finish(&open(1, "ada@example.com"));
    commit(store, create_user(&user)).await.expect("a user");
    for (n, on) in sessions {
        commit(store, open_client(client(*on))).await.expect("a client");
        let add = ClientChange::AddSession { session: of(&user, *n, *on), single: false, strategy: None };
        commit(store, changed(client(*on), 0, vec![add])).await.expect("a session");
    }
    user
}

/// Users whose ids are the neighbours of the first one's, with a session each.
async fn people_beside(store: &impl Store) {
    for n in [0, 2] {
        let (_, user) = finish(&open(n, &format!("eve{n}@example.com")));
        let on = client(60 + n);
        let add = ClientChange::AddSession { session: of(&user, 60 + n, 60 + n), single: false, strategy: None };
        commit(store, open_client(on)).await.expect("a client");
        let mut both = changed(on, 0, vec![add]);
        both.decision = Decision { users: vec![UserWrite::Create(Box::new(user))], ..both.decision };
        commit(store, Commit { at: at(0), ..both }).await.expect("a user with a session");
    }
}

async fn ids(store: &impl Store, user: UserId, after: Option<SessionId>, limit: usize) -> Vec<u8> {
    let sessions = store.sessions_of(user, after, limit).await.expect("a read");
    sessions.iter().map(|session| session.id.as_bytes()[0]).collect()
}

async fn found(store: &impl Store, n: u8) -> Option<Session> {
    store.session(SessionId::from_bytes([n; 16])).await.expect("a read")
}

fn of(user: &User, n: u8, on: u8) -> Session {
    Session { user_id: user.id, ..session(n, client(on)) }
}

fn client(n: u8) -> ClientId {
    ClientId::from_bytes([n; 16])
}
