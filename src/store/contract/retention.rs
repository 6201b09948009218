//! Retention: expired records are removed, records in use stay, and a record that changed since the scan is not lost.

use crate::domain::client::ClientChange;
use crate::domain::client::session::{Session, SessionStatus};
use crate::domain::id::{ClientId, InvitationId, SessionId, SignInId, UserId, WaitlistEntryId};
use crate::domain::invitation::{Invitation, InvitationState};
use crate::domain::passkey::ChallengeOwner;
use crate::domain::policy::RetentionPolicy;
use crate::domain::quota::QuotaKind;
use crate::domain::time::{Span, Timestamp};
use crate::domain::waitlist::{WaitlistEntry, WaitlistStatus};
use crate::store::scan::ExpiredKey;
use crate::store::{ClientWrite, Commit, Decision, Housekeeping, InvitationChange, ScanCursor, Store, WaitlistChange};

use super::passkeys::{challenge, kept};
use super::sign_in_tokens::{issue, token};
use super::support::*;

pub(super) async fn everything_that_is_over_goes_and_users_stay(store: &impl Store) {
    for n in 1..=20 {
        let sign_up = open(n, &format!("ada{n}@example.com"));
        commit(store, open_client(sign_up.client_id)).await.expect("a client");
        let session = ClientChange::AddSession { session: session(n, sign_up.client_id), single: true, strategy: None };
        let signed_in = ClientWrite { id: sign_up.client_id, changes: vec![session] };
        commit(store, create(&sign_up)).await.expect("a sign-up");
        let mut finish = convert(&sign_up);
        finish.decision.client = Some(signed_in);
        commit(store, finish).await.expect("a user");
        let guess = charge(&format!("eve{n}@example.com"), sign_up.client_id, QuotaKind::Guess);
        commit(store, spending(guess, one_guess(), 0)).await.expect("a guess");
        commit(
            store,
            Commit { decision: Decision { outbox: vec![message(n, 1)], ..Decision::default() }, ..Commit::default() },
        )
        .await
        .expect("a message");
    }
    assert_eq!(round(store, at(HOUR - 1)).await.len(), 0, "all of it is of use");

    let late = at(3 * HOUR);
    let stale = round(store, late).await;
    assert_eq!(stale.len(), 20 + 20 + 20, "sessions' clients are kept a while, sign-ups, counters and messages go");
    purge(store, late, stale).await;
    let last = at(100 * HOUR);
    purge(store, last, round(store, last).await).await;
    assert_eq!(round(store, last).await, vec![], "nothing is left to go");
    for n in 1..=20 {
        let sign_up = open(n, "");
        assert_eq!(store.sign_up(sign_up.id).await, Ok(None));
        assert_eq!(store.client(sign_up.client_id).await, Ok(None));
        let user = store.user(sign_up.id.cast()).await.expect("a read").expect("a user");
        assert!(user.sign_up.is_none() && user.email_addresses.len() == 1);
        assert_eq!(store.owner(&email(&format!("ada{n}@example.com")).identifier()).await, Ok(Some(user.id)));
    }
    assert_eq!(store.outbox(None, 10).await, Ok(vec![]));
    assert_eq!(commit(store, convert(&open(30, "ada1@example.com"))).await, STALE, "there is no such sign-up");
}

pub(super) async fn sessions_that_are_over_go_when_they_are_abandoned(store: &impl Store) {
    people(store, 2).await;
    let clients = [1, 2].map(|n| ClientId::from_bytes([50 + n; 16]));
    for (n, id) in (1..).zip(clients) {
        commit(store, open_client(id)).await.expect("a client");
        let add = ClientChange::AddSession { session: session(n, id), single: false, strategy: None };
        commit(store, changed(id, 0, vec![add])).await.expect("a session");
    }
    let id = |n| SessionId::from_bytes([n; 16]);
    let end = ClientChange::EndSession(id(1), SessionStatus::Ended);
    commit(store, changed(clients[0], 5, vec![end])).await.expect("an end");
    // The clients go first. The second one held a session until then.
    let later = at(100 * HOUR);
    purge(store, later, round(store, later).await).await;
    let statuses = async || {
        let read = async |n| store.session(id(n)).await.expect("a read").map(|session| session.status);
        [read(1).await, read(2).await]
    };
    assert_eq!(store.client(clients[1]).await, Ok(None));
    assert_eq!(statuses().await, [Some(SessionStatus::Ended), Some(SessionStatus::Active)], "the latter has expired");
    let abandoned = at(HOUR + 30 * 24 * HOUR);
    let before = at(abandoned.as_millis() - 1);
    purge(store, before, round(store, before).await).await;
    assert_eq!(statuses().await, [Some(SessionStatus::Ended), Some(SessionStatus::Active)]);
    purge(store, abandoned, round(store, abandoned).await).await;
    assert_eq!(statuses().await, [None, None]);
    for n in 1..=2 {
        assert_eq!(store.sessions_of(UserId::from_bytes([n; 16]), None, 9).await, Ok(vec![]));
    }
}

pub(super) async fn what_a_removed_user_leaves_goes_with_the_next_round(store: &impl Store) {
    let (_, user) = finish(&open(1, "ada@example.com"));
    let client = ClientId::from_bytes([51; 16]);
    let entry = waiting("ada@example.com");
    let used = invitation(1, Some(entry.id));
    let change = |waitlist, invitations| Commit {
        decision: Decision { waitlist, invitations, ..Decision::default() },
        ..Commit::default()
    };
    let issue = |invitation| InvitationChange::Issue { invitation: Box::new(invitation), beside_others: true };
    let issued = vec![issue(used.clone()), issue(invitation(2, None))];
    let wait = vec![WaitlistChange::Join(Box::new(entry.clone())), WaitlistChange::Invite(entry.id, used.id)];
    commit(store, change(wait, issued)).await.expect("two invitations");
    commit(store, change(vec![], vec![InvitationChange::Accept(used.id, user.id)])).await.expect("a use");
    commit(store, open_client(client)).await.expect("a client");
    commit(store, create_user(&user)).await.expect("a user");
    let long = Session { expire_at: at(1000 * HOUR), ..session(1, client) };
    let add = ClientChange::AddSession { session: long, single: false, strategy: None };
    commit(store, changed(client, 0, vec![add])).await.expect("a session");
    assert_eq!(round(store, at(1)).await, vec![]);

    commit(store, remove(&user)).await.expect("a removal");
    purge(store, at(2), round(store, at(2)).await).await;
    assert_eq!(store.invitation(used.id).await, Ok(None));
    assert_eq!(store.waitlist_entry(entry.id).await, Ok(None));
    let left = store.invitations(None, 9).await.expect("a read");
    assert_eq!(left.iter().map(|left| left.id).collect::<Vec<_>>(), [invitation(2, None).id], "still to be used");
    let idle = at(51 * HOUR);
    purge(store, idle, round(store, idle).await).await;
    assert_eq!(store.client(client).await, Ok(None), "a session of a removed user does not keep its client");
}

pub(super) async fn a_sign_in_token_is_kept_for_a_while_after_it_expires(store: &impl Store) {
    people(store, 2).await;
    for token in [token(1, 1), token(2, 2)] {
        commit(store, issue(&token)).await.expect("a token");
    }
    let week = 7 * 24 * HOUR;
    let early = at(HOUR + week - 1);
    purge(store, early, round(store, early).await).await;
    assert_eq!(store.sign_in_token(token(1, 1).id).await, Ok(Some(token(1, 1))));
    let user = store.user(token(2, 2).user_id).await.expect("readable").expect("a user");
    commit(store, remove(&user)).await.expect("a removal");
    purge(store, early, round(store, early).await).await;
    assert_eq!(store.sign_in_token(token(2, 2).id).await, Ok(None), "it goes with its user");
    let late = at(HOUR + week);
    purge(store, late, round(store, late).await).await;
    assert_eq!(store.sign_in_token(token(1, 1).id).await, Ok(None));
}

pub(super) async fn a_code_for_an_address_is_kept_for_a_day_after_it_expires(store: &impl Store) {
    let (_, user) = finish(&open(1, "ada@example.com"));
    commit(store, create_user(&user)).await.expect("a user");
    let email = &user.email_addresses[0];
    let code = verification_of(1, user.id, email.id, email.value.identifier());
    commit(store, prove(&code, None)).await.expect("a code");
    let early = at(25 * HOUR - 1);
    purge(store, early, round(store, early).await).await;
    assert_eq!(store.address_verification(email.id).await, Ok(Some(code)));
    let late = at(25 * HOUR);
    purge(store, late, round(store, late).await).await;
    assert_eq!(store.address_verification(email.id).await, Ok(None));
}

pub(super) async fn a_handshake_goes_when_it_expires(store: &impl Store) {
    commit(store, keep(&handshake(1))).await.expect("a handshake");
    for (ms, expected) in [(59_999, Some(handshake(1))), (60_000, None)] {
        purge(store, at(ms), round(store, at(ms)).await).await;
        assert_eq!(store.handshake([1; 32]).await, Ok(expected));
    }
}

pub(super) async fn a_challenge_goes_when_it_expires(store: &impl Store) {
    let owner = ChallengeOwner::SignIn(SignInId::from_bytes([1; 16]));
    commit(store, kept(owner, 1)).await.expect("a challenge");
    for (ms, expected) in [(59_999, Some(challenge(owner, 1))), (60_000, None)] {
        purge(store, at(ms), round(store, at(ms)).await).await;
        assert_eq!(store.passkey_challenge(owner).await, Ok(expected));
    }
}

pub(super) async fn a_client_that_comes_back_while_the_walk_is_on_stays(store: &impl Store) {
    let sign_up = open(1, "ada@example.com");
    commit(store, open_client(sign_up.client_id)).await.expect("a client");
    let late = at(100 * HOUR);
    let stale = round(store, late).await;
    assert_eq!(stale.len(), 1);
    let changes = vec![ClientChange::SetSignUp(sign_up.id)];
    let back = ClientWrite { id: sign_up.client_id, changes };
    let mut again = Commit { at: late, ..create(&sign_up) };
    again.decision.client = Some(back);
    commit(store, again).await.expect("it is back");
    purge(store, late, stale).await;
    assert!(store.client(sign_up.client_id).await.expect("a read").is_some());
    assert_eq!(round(store, at(300 * HOUR)).await, vec![], "while its sign-up is there");
}

fn invitation(n: u8, waitlist_entry: Option<WaitlistEntryId>) -> Invitation {
    Invitation {
        id: InvitationId::from_bytes([n; 16]),
        email_address: email("ada@example.com"),
        public_metadata: "{}".into(),
        redirect_url: None,
        waitlist_entry,
        state: InvitationState::Pending,
        created_at: at(0),
        updated_at: at(0),
        expire_at: at(1000 * HOUR),
    }
}

fn waiting(address: &str) -> WaitlistEntry {
    WaitlistEntry {
        id: WaitlistEntryId::from_bytes([7; 16]),
        email_address: email(address),
        status: WaitlistStatus::Pending,
        invitation: None,
        invited_at: None,
        created_at: at(0),
        updated_at: at(0),
    }
}

/// One full scan, in small pages.
async fn round(store: &impl Store, now: Timestamp) -> Vec<ExpiredKey> {
    let (mut place, mut stale) = (ScanCursor::default(), Vec::new());
    loop {
        let portion = store.scan_expired(place, KEEP, now, 7).await.expect("a portion");
        stale.extend(portion.stale);
        place = portion.next;
        if place == ScanCursor::default() {
            return stale;
        }
    }
}

async fn purge(store: &impl Store, now: Timestamp, stale: Vec<ExpiredKey>) {
    let purge = Commit {
        at: now,
        housekeeping: Housekeeping { collect_garbage: (KEEP, stale), ..Housekeeping::default() },
        ..Commit::default()
    };
    commit(store, purge).await.expect("a purge");
}

const KEEP: RetentionPolicy = RetentionPolicy {
    client: Span::from_millis(50 * HOUR),
    finished: Span::from_millis(2 * HOUR),
    events: Span::from_millis(1000 * HOUR),
    messages: Span::from_millis(100 * HOUR),
};
