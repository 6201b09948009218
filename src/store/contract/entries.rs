//! Signing in: what was proved must still be the user's, and the first proof of an address makes its owner the owner of
//! the user.

use crate::domain::client::ClientChange;
use crate::domain::client::session::Session;
use crate::domain::id::{ClientId, IdentificationId, SessionId, UserId};
use crate::domain::identifier::{Identifier, IdentifierKind, PhoneNumber};
use crate::domain::policy::{AddressLimits, RetentionPolicy};
use crate::domain::secret::Secret;
use crate::domain::settings::Lockout;
use crate::domain::sign_in::{Account, Credential, Entry, FORGOTTEN_AFTER, Fit, Share, Try};
use crate::domain::time::{Span, Timestamp};
use crate::domain::user::{Identification, User};
use crate::domain::verification::Strategy;
use crate::store::{ClientWrite, Commit, CommitError, Decision, ScanCursor, Store, UserWrite};

use super::support::*;

pub(super) async fn the_first_proof_of_an_address_ends_what_others_had(store: &impl Store) {
    let user = unproved(store).await;
    let (stranger, owner) = (ClientId::from_bytes([50; 16]), ClientId::from_bytes([51; 16]));
    // One just before the proof, and one decided a little after the proof but committed before it.
    for (n, ms) in [(60, 9), (61, 12)] {
        signs_in(store, &user, stranger, (n, ms), by_password("old")).await.expect("the password fits");
    }
    assert_eq!(store.client(stranger).await.expect("readable").expect("a client").sessions.len(), 2);
    signs_in(store, &user, owner, (62, 10), by_code("ada@example.com")).await.expect("the address is the user's");

    let now = store.user(user.id).await.expect("readable").expect("a user");
    assert_eq!(now.email_addresses[0].verified_by, Some(Strategy::EmailCode));
    assert_eq!((&now.password_digest, &now.sign_up, now.phone_numbers.len()), (&None, &None, 0));
    assert!(now.knows(owner) && !now.knows(stranger));
    assert_eq!(store.owner(&number()).await, Ok(None), "what is dropped is free");
    assert_eq!(store.owner(&email("ada@example.com").identifier()).await, Ok(Some(user.id)));

    let client = store.client(stranger).await.expect("readable").expect("a client");
    assert_eq!((client.sessions.len(), client.last_active_session_id), (0, None));
    assert_eq!(client.sessions_changed_at, Some(at(12)));
    let touch = ClientWrite { id: stranger, changes: vec![ClientChange::Touch(SessionId::from_bytes([60; 16]))] };
    let mut touched = store
        .commit(vec![Commit { decision: Decision { client: Some(touch), ..Decision::default() }, ..Commit::default() }])
        .await;
    let touched = touched.remove(0).expect("a client").client.expect("changed");
    assert_eq!(touched.sessions, [], "a change brings none back");
    assert_eq!(store.client(owner).await.expect("readable").expect("a client").sessions.len(), 1);

    signs_in(store, &user, stranger, (63, 20), by_code("ada@example.com")).await.expect("whoever has the mailbox");
    assert_eq!(store.client(owner).await.expect("readable").expect("a client").sessions.len(), 1, "a later proof");
}

pub(super) async fn the_order_of_commits_tells_which_sessions_are_over(store: &impl Store) {
    let user = unproved(store).await;
    let client = ClientId::from_bytes([50; 16]);
    signs_in(store, &user, client, (60, 10), by_password("old")).await.expect("the password fits");
    end_all(store, &user, 10).await;
    // In the same moment, and by a clock that was set back.
    for (n, ms) in [(61, 10), (62, 3)] {
        signs_in(store, &user, client, (n, ms), by_password("old")).await.expect("the password fits");
    }
    let there = async || {
        let client = store.client(client).await.expect("readable").expect("a client");
        client.sessions.iter().map(|session| session.id.as_bytes()[0]).collect::<Vec<_>>()
    };
    assert_eq!(there().await, [61, 62]);
    end_all(store, &user, 4).await;
    assert_eq!(there().await, [] as [u8; 0]);
    signs_in(store, &user, client, (63, 4), by_password("old")).await.expect("the password fits");
    assert_eq!(there().await, [63]);
    let session = store.session(SessionId::from_bytes([63; 16])).await.expect("readable").expect("a session");
    assert_eq!(session.expire_at.since(session.created_at), Span::from_millis(HOUR - 4), "it lasts as long as any");
}

pub(super) async fn what_was_proved_must_be_the_users_still(store: &impl Store) {
    let user = unproved(store).await;
    let client = ClientId::from_bytes([50; 16]);
    assert_eq!(signs_in(store, &user, client, (60, 1), by_password("another")).await, STALE);
    assert_eq!(signs_in(store, &user, client, (60, 1), by_code("eve@example.com")).await, STALE);
    let account = Identifier { kind: IdentifierKind::ExternalAccount, value: "oauth_google 1".into() };
    assert_eq!(signs_in(store, &user, client, (60, 1), Credential::Account(account)).await, STALE);
    assert_eq!(store.client(client).await, Ok(None), "nothing came of them");

    let ways = [by_password("old"), by_code("+14155552671")];
    signs_in(store, &user, client, (61, 2), by_code("ada@example.com")).await.expect("theirs");
    for way in ways {
        assert_eq!(signs_in(store, &user, client, (62, 3), way).await, STALE, "looked at before, and dropped since");
    }
}

pub(super) async fn a_renewed_digest_takes_the_place_of_the_one_compared(store: &impl Store) {
    let user = unproved(store).await;
    let client = ClientId::from_bytes([50; 16]);
    let renewed = Some(Secret::new("new".into()));
    let way = Credential::Password(Fit { compared: Secret::new("old".into()), renewed });
    signs_in(store, &user, client, (60, 1), way.clone()).await.expect("the password fits");
    assert_eq!(signs_in(store, &user, client, (61, 2), way).await, STALE);
    signs_in(store, &user, client, (61, 2), by_password("new")).await.expect("the same password");
}

pub(super) async fn failures_in_a_row_are_exact_until_a_success(store: &impl Store) {
    let limits = Some(AddressLimits { account_failures: 10, ..AddressLimits::default() });
    let unknown = Account::Unknown(email("nobody@example.com").identifier());
    for account in [Account::User(UserId::from_bytes([1; 16])), unknown] {
        let tried = |succeeded, ms| {
            Commit::of_decision(
                at(ms),
                Decision {
                    tried: Some(Try {
                        account: account.clone(),
                        share: Share::Codes,
                        source: None,
                        succeeded,
                        needs_more: false,
                        lockout: None,
                    }),
                    limits,
                    ..Decision::default()
                },
            )
        };
        let answers = store.commit(vec![tried(false, 0); 8]).await;
        assert_eq!(answers.iter().filter(|answer| answer.is_ok()).count(), 4, "two fifths");
        let wait = FORGOTTEN_AFTER.as_millis();
        assert_eq!(commit(store, tried(true, 1)).await, over(wait - 1), "a right one as well");
        commit(store, tried(true, wait)).await.expect("it is long ago");
        for _ in 0..4 {
            commit(store, tried(false, wait)).await.expect("it began anew");
        }
        assert!(commit(store, tried(false, wait)).await.is_err());
    }
    let before = at(2 * FORGOTTEN_AFTER.as_millis() - 1);
    assert_eq!(stale(store, before).await, 0);
    assert_eq!(stale(store, before + Span::from_millis(1)).await, 2, "they are swept away then");
}

pub(super) async fn a_lockout_is_exact_until_a_success_or_an_unlocking(store: &impl Store) {
    let (_, user) = finish(&open(1, "ada@example.com"));
    commit(store, create_user(&user)).await.expect("a user");
    let lockout = Some(Lockout { max_attempts: 5, duration: Some(Span::from_millis(HOUR)) });
    let tried = |share, succeeded, ms| {
        let account = Account::User(user.id);
        let tried = Some(Try { account, share, source: None, succeeded, needs_more: false, lockout });
        Commit::of_decision(at(ms), Decision { tried, ..Decision::default() })
    };
    let locked = |remaining| Err(CommitError::Locked { remaining: Some(Span::from_millis(remaining)) });
    let answers = store.commit(vec![tried(Share::Passwords, false, 0); 7]).await;
    let left: Vec<_> = answers.iter().filter_map(|answer| answer.as_ref().ok()?.attempts_left).collect();
    assert_eq!(left, [4, 3, 2, 1, 0]);
    assert_eq!(commit(store, tried(Share::Passwords, true, 1)).await, locked(HOUR - 1), "a right one as well");
    let failures = store.failures(user.id).await.expect("readable").expect("failures");
    assert_eq!(failures.locks.passwords, Some(at(HOUR)));
    commit(store, tried(Share::Codes, true, 2)).await.expect("codes are counted apart");
    assert_eq!(store.failures(user.id).await, Ok(None), "a success ends it");

    store.commit(vec![tried(Share::Passwords, false, 3); 5]).await;
    let forgiven = Decision { forgiven: Some(user.id), ..Decision::default() };
    commit(store, Commit::of_decision(at(4), forgiven)).await.expect("an unlocking");
    commit(store, tried(Share::Passwords, false, 5)).await.expect("it began anew");
    store.commit(vec![tried(Share::Passwords, false, 6); 4]).await;
    assert_eq!(commit(store, tried(Share::Passwords, false, 7)).await, locked(HOUR - 1));
    commit(store, tried(Share::Passwords, false, 6 + HOUR)).await.expect("the time is over");
    commit(store, remove(&user)).await.expect("a removal");
    assert_eq!(store.failures(user.id).await, Ok(None));
}

/// How many expired records a full scan finds.
async fn stale(store: &impl Store, now: Timestamp) -> usize {
    let (mut place, mut count) = (ScanCursor::default(), 0);
    loop {
        let portion = store.scan_expired(place, RetentionPolicy::default(), now, 100).await.expect("readable");
        count += portion.stale.len();
        place = portion.next;
        if place == ScanCursor::default() {
            return count;
        }
    }
}

/// A user without any proof: an address, a number and the password whose digest is `old`.
async fn unproved(store: &impl Store) -> User {
    let (_, user) = finish(&open(1, "ada@example.com"));
    let user = User {
        email_addresses: user
            .email_addresses
            .iter()
            .map(|e| Identification { verified_by: None, ..e.clone() })
            .collect(),
        phone_numbers: vec![Identification::unproved(
            IdentificationId::from_bytes([7; 16]),
            PhoneNumber::restore(number().value),
        )],
        password_digest: Some(Secret::new("old".into())),
        ..user
    };
    commit(
        store,
        Commit {
            decision: Decision { user: Some(Box::new(user.clone())), ..Decision::default() },
            ..Commit::default()
        },
    )
    .await
    .expect("a user");
    user
}

/// Ends all sessions of a user, as a ban or a change of the password does.
async fn end_all(store: &impl Store, user: &User, ms: u64) {
    let user = store.user(user.id).await.expect("readable").expect("a user");
    let mut next = User { version: user.version + 1, ..(*user).clone() };
    next.revoke_sessions(at(ms));
    let write = UserWrite::Change { next: Box::new(next), expected_version: user.version };
    commit(store, of_users(vec![write])).await.expect("no other change");
}

async fn signs_in(
    store: &impl Store,
    user: &User,
    client: ClientId,
    (n, ms): (u8, u64),
    proof: Credential,
) -> Result<(), CommitError> {
    let session = Session { user_id: user.id, created_at: at(ms), ..session(n, client) };
    let entry = Entry {
        user_id: user.id,
        client_id: client,
        session_id: session.id,
        proof,
        second: None,
        had_second_factor: false,
        at: at(ms),
    };
    let add = ClientChange::AddSession { session, single: false, strategy: None };
    let write = ClientWrite { id: client, changes: vec![ClientChange::Open { salt: Secret::new([1; 16]) }, add] };
    commit(
        store,
        Commit::of_decision(at(ms), Decision { client: Some(write), entry: Some(entry), ..Decision::default() }),
    )
    .await
}

fn by_password(digest: &str) -> Credential {
    Credential::Password(Fit { compared: Secret::new(digest.into()), renewed: None })
}

fn by_code(address: &str) -> Credential {
    let (kind, strategy) = match address.starts_with('+') {
        true => (IdentifierKind::PhoneNumber, Strategy::PhoneCode),
        false => (IdentifierKind::EmailAddress, Strategy::EmailCode),
    };
    Credential::Code { strategy, address: Identifier { kind, value: address.into() } }
}

fn number() -> Identifier {
    Identifier { kind: IdentifierKind::PhoneNumber, value: "+14155552671".into() }
}
