//! Sign-in tokens: one lets its user in once, and not after it was revoked.

use crate::domain::client::ClientChange;
use crate::domain::client::session::Session;
use crate::domain::id::{ClientId, SessionId, SignInTokenId, UserId};
use crate::domain::rejection::ErrorCode;
use crate::domain::secret::Secret;
use crate::domain::sign_in::{Credential, Entry};
use crate::domain::sign_in_token::{SignInToken, SignInTokenStatus};
use crate::store::{ClientWrite, Commit, CommitError, Decision, SignInTokenChange, Store};

use super::support::*;

pub(super) async fn a_sign_in_token_is_used_once_and_not_after_it_was_revoked(store: &impl Store) {
    people(store, 2).await;
    let (first, second) = (token(1, 1), token(2, 1));
    for token in [&first, &second] {
        commit(store, issue(token)).await.expect("a token");
    }
    assert_eq!(store.sign_in_token(first.id).await, Ok(Some(first.clone())));
    assert_eq!(uses(store, &first, UserId::from_bytes([2; 16]), 1).await, refused(ErrorCode::SignInTokenCannotBeUsed));
    uses(store, &first, first.user_id, 5).await.expect("it is good");
    let used = store.sign_in_token(first.id).await.expect("readable").expect("a token");
    assert_eq!((used.status, used.updated_at), (SignInTokenStatus::Accepted, at(5)));
    assert_eq!(uses(store, &first, first.user_id, 6).await, refused(ErrorCode::SignInTokenAlreadyUsed));
    assert_eq!(commit(store, revoke(&first)).await, refused(ErrorCode::SignInTokenCannotBeRevoked));

    commit(store, revoke(&second)).await.expect("pending");
    assert_eq!(uses(store, &second, second.user_id, 7).await, refused(ErrorCode::SignInTokenRevoked));
    assert_eq!(commit(store, revoke(&second)).await, refused(ErrorCode::SignInTokenCannotBeRevoked));
    let late = token(3, 1);
    commit(store, issue(&late)).await.expect("a token");
    assert_eq!(uses(store, &late, late.user_id, HOUR).await, refused(ErrorCode::TicketExpiredCode));
    assert_eq!(uses(store, &token(4, 1), late.user_id, 8).await, refused(ErrorCode::TicketInvalidCode));
}

pub(super) async fn of_two_uses_of_a_sign_in_token_in_one_batch_one_is_refused(store: &impl Store) {
    people(store, 1).await;
    let token = token(1, 1);
    commit(store, issue(&token)).await.expect("a token");
    let both = [1, 2].map(|n| entry(&token, token.user_id, n)).to_vec();
    let outcomes: Vec<_> = store.commit(both).await.into_iter().map(bare).collect();
    assert_eq!(outcomes, [Ok(()), refused(ErrorCode::SignInTokenAlreadyUsed)]);
    let sessions = store.sessions_of(token.user_id, None, 9).await.expect("readable");
    assert_eq!(sessions.len(), 1, "the second one left nothing");
}

pub(super) async fn a_sign_in_token_is_for_a_user_that_exists(store: &impl Store) {
    assert_eq!(commit(store, issue(&token(1, 1))).await, refused(ErrorCode::ResourceNotFound));
    assert_eq!(commit(store, revoke(&token(1, 1))).await, refused(ErrorCode::ResourceNotFound));
    assert_eq!(store.sign_in_token(token(1, 1).id).await, Ok(None));
}

/// The token `n` for the user `user`, valid for an hour.
pub(super) fn token(n: u8, user: u8) -> SignInToken {
    let ids = (SignInTokenId::from_bytes([n; 16]), UserId::from_bytes([user; 16]));
    SignInToken::restore(ids, SignInTokenStatus::Pending, [at(0), at(0), at(HOUR)])
}

pub(super) fn issue(token: &SignInToken) -> Commit {
    changed_token(0, SignInTokenChange::Issue(Box::new(token.clone())))
}

fn revoke(token: &SignInToken) -> Commit {
    changed_token(1, SignInTokenChange::Revoke(token.id))
}

fn changed_token(ms: u64, change: SignInTokenChange) -> Commit {
    Commit::of_decision(at(ms), Decision { sign_in_tokens: vec![change], ..Decision::default() })
}

async fn uses(store: &impl Store, token: &SignInToken, user: UserId, ms: u64) -> Result<(), CommitError> {
    commit(store, entry(token, user, ms)).await
}

/// A sign-in by a token at `ms`, on a client of its own.
fn entry(token: &SignInToken, user: UserId, ms: u64) -> Commit {
    let mut id = [9; 16];
    id[8..].copy_from_slice(&ms.to_be_bytes());
    let (client_id, session_id) = (ClientId::from_bytes(id), SessionId::from_bytes(id));
    let session = Session { id: session_id, user_id: user, created_at: at(ms), ..session(1, client_id) };
    let open = ClientChange::Open { salt: Secret::new([1; 16]) };
    let add = ClientChange::AddSession { session, single: false, strategy: None };
    let entry = Entry {
        user_id: user,
        client_id,
        session_id,
        proof: Credential::Ticket(token.id),
        second: None,
        had_second_factor: false,
        at: at(ms),
    };
    let client = Some(ClientWrite { id: client_id, changes: vec![open, add] });
    Commit::of_decision(at(ms), Decision { client, entry: Some(entry), ..Decision::default() })
}

fn refused(code: ErrorCode) -> Result<(), CommitError> {
    Err(CommitError::Rejected(code.into()))
}
