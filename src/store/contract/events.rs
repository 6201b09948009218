//! The log of events: each commit tells what it did, once, in the order of the commits.

use crate::domain::client::ClientChange;
use crate::domain::client::session::SessionStatus;
use crate::domain::event::{EndUser, Event, Happened, Position};
use crate::domain::id::{ClientId, InvitationId, UserId, WaitlistEntryId};
use crate::domain::invitation::{Invitation, InvitationState};
use crate::domain::message::FailureClass;
use crate::domain::policy::RetentionPolicy;
use crate::domain::time::Span;
use crate::domain::user::{EndReason, SessionsEnded, User};
use crate::domain::waitlist::{WaitlistEntry, WaitlistStatus};
use crate::store::{
    Commit, Decision, Housekeeping, InvitationChange, MessageEnd, ScanCursor, Store, UserWrite, WaitlistChange,
};

use super::support::*;

pub(super) async fn every_commit_tells_what_it_did_in_the_order_of_the_commits(store: &impl Store) {
    let sign_up = open(1, "ada@example.com");
    let (id, user_id) = (sign_up.id, UserId::from(sign_up.id.cast()));
    assert_eq!((store.last_event().await, told(store).await), (Ok(None), vec![]));
    commit(store, create(&sign_up)).await.expect("a sign-up");
    let changed_once = bumped(&sign_up);
    let mut finish = convert(&changed_once);
    let session = session(1, sign_up.client_id);
    let begin = ClientChange::AddSession { session: session.clone(), single: true, strategy: None };
    finish.decision.client = Some(crate::store::ClientWrite { id: sign_up.client_id, changes: vec![begin] });
    finish.end_user = Some(Box::new(EndUser::new(Some([203, 0, 113, 7].into()), Some("Mozilla/5.0"))));
    finish.at = at(5);
    let batch = vec![open_client(sign_up.client_id), update(&changed_once), finish.clone()];
    let answers = store.commit(batch).await;
    let last = answers.last().and_then(|answer| answer.as_ref().ok()?.last_event);
    let user = *finish.decision.user.expect("a user");
    let next = User { version: 2, external_id: Some("ada-1".into()), ..user };
    let change = UserWrite::Change { next: Box::new(next.clone()), expected_version: 1 };
    commit(store, of_users(vec![change])).await.expect("a change");
    let touch = vec![ClientChange::Touch(session.id)];
    commit(store, changed(sign_up.client_id, 9, touch)).await.expect("a note of activity, which is no event");
    commit(store, remove(&next)).await.expect("a removal");
    let again = open(2, "eve@example.com");
    commit(store, create(&again)).await.expect("a sign-up");
    let expire = vec![(at(DEADLINE), again.id)];
    let sweep = Housekeeping { expire, ..Housekeeping::default() };
    for _ in 0..2 {
        commit(store, Commit::of_housekeeping(at(DEADLINE), sweep.clone())).await.expect("a sweep");
    }

    let events = all(store).await;
    let what: Vec<_> = events.iter().map(|event| event.what.clone()).collect();
    let expected = [
        Happened::SignUpCreated { id, version: sign_up.version },
        Happened::SignUpUpdated { id, version: changed_once.version },
        Happened::SignUpCompleted { id, version: changed_once.version + 1, user_id },
        Happened::UserCreated { id: user_id, version: 1 },
        Happened::SessionCreated { id: session.id, user_id },
        Happened::UserUpdated { id: user_id, version: 2 },
        Happened::SessionEnded { id: session.id, user_id, status: SessionStatus::Revoked },
        Happened::UserDeleted { id: user_id, external_id: Some("ada-1".into()) },
        Happened::SignUpCreated { id: again.id, version: again.version },
        Happened::SignUpAbandoned { id: again.id },
    ];
    assert_eq!(what, expected);
    assert_eq!((events[4].position, events[4].at), (last.expect("the conversion has events"), at(5)));
    assert_eq!(events[2].end_user, finish.end_user.map(|end_user| *end_user));
    assert_eq!(events[0].end_user, None);
    assert_eq!(store.last_event().await, Ok(Some(events[9].position)));
}

pub(super) async fn a_refused_commit_and_an_unrecorded_one_have_no_events(store: &impl Store) {
    people(store, 1).await;
    let before = told(store).await;
    assert_eq!(before, ["user.created"]);
    let (_, rival) = finish(&open(2, "ada1@example.com"));
    assert_eq!(commit(store, create_user(&rival)).await, TAKEN);
    let (_, other) = finish(&open(3, "ada3@example.com"));
    commit(store, Commit { unrecorded: true, ..create_user(&other) }).await.expect("a user");
    assert_eq!(commit(store, update(&bumped(&open(4, "ada4@example.com")))).await, STALE);
    assert_eq!(told(store).await, before);
}

pub(super) async fn a_page_of_events_continues_within_a_commit(store: &impl Store) {
    let sign_ups = [open(1, "ada1@example.com"), open(2, "ada2@example.com")];
    for sign_up in &sign_ups {
        let mut commit_of = convert(sign_up);
        commit_of.decision.sign_up.as_mut().expect("a write").expected_version = None;
        commit(store, commit_of).await.expect("a sign-up that is complete at once");
    }
    let whole = all(store).await;
    let names: Vec<_> = whole.iter().map(Event::name).collect();
    let each = ["sign_up.created", "sign_up.completed", "user.created"];
    assert_eq!(names, [each, each].concat());
    for limit in 1..=7 {
        let mut found: Vec<Event> = Vec::new();
        loop {
            let page = store.events(found.last().map(|event| event.position), limit).await.expect("a page");
            assert_eq!((page.events.len(), page.removed_to), (limit.min(6 - found.len()), None));
            if page.events.is_empty() {
                break;
            }
            found.extend(page.events);
        }
        assert_eq!(found, whole, "in pages of {limit}");
    }
    assert!(whole.is_sorted_by(|left, right| left.position < right.position && left.id != right.id));
}

pub(super) async fn many_events_of_one_commit_are_all_there_in_order(store: &impl Store) {
    let issue = |n: u8| InvitationChange::Issue {
        invitation: Box::new(Invitation {
            id: InvitationId::from_bytes([n; 16]),
            email_address: email(&format!("ada{n}@example.com")),
            public_metadata: "{}".into(),
            redirect_url: None,
            waitlist_entry: (n == 1).then_some(ENTRY),
            state: InvitationState::Pending,
            created_at: at(0),
            updated_at: at(0),
            expire_at: at(HOUR),
        }),
        beside_others: false,
    };
    let join = || {
        WaitlistChange::Join(Box::new(WaitlistEntry {
            id: ENTRY,
            email_address: email("ada1@example.com"),
            status: WaitlistStatus::Pending,
            invitation: None,
            invited_at: None,
            created_at: at(0),
            updated_at: at(0),
        }))
    };
    let decision =
        Decision { waitlist: vec![join(), join()], invitations: (1..=120).map(issue).collect(), ..Decision::default() };
    commit(store, Commit::of_decision(at(0), decision)).await.expect("many invitations");
    let [first, second] = [1, 2].map(|n| InvitationId::from_bytes([n; 16]));
    let changes = vec![InvitationChange::Accept(first, UserId::from_bytes([9; 16])), InvitationChange::Delete(second)];
    let waits = vec![WaitlistChange::Invite(ENTRY, first)];
    let decision = Decision { invitations: changes, waitlist: waits, ..Decision::default() };
    commit(store, Commit::of_decision(at(1), decision)).await.expect("changes");

    let events = all(store).await;
    let invited = events[1..121].iter().map(|event| event.what.clone());
    let expected = (1..=120).map(|n| Happened::InvitationCreated { id: InvitationId::from_bytes([n; 16]) });
    assert!(events[0].name() == "waitlist_entry.created" && invited.eq(expected));
    let rest = ["waitlist_entry.updated", "invitation.accepted", "waitlist_entry.updated", "invitation.deleted"];
    assert_eq!(events[121..].iter().map(Event::name).collect::<Vec<_>>(), rest);
    assert!(events.is_sorted_by(|left, right| left.position < right.position));
}

pub(super) async fn the_end_of_a_session_is_told_once(store: &impl Store) {
    people(store, 3).await;
    let client = ClientId::from_bytes([100; 16]);
    let add = |n, single| ClientChange::AddSession { session: session(n, client), single, strategy: None };
    commit(store, open_client(client)).await.expect("a client");
    let end = |n: u8, status| ClientChange::EndSession(session(n, client).id, status);
    for changes in [
        vec![add(1, false), add(2, false)],
        vec![end(1, SessionStatus::Ended)],
        vec![end(1, SessionStatus::Revoked)],
        vec![add(3, true)],
        vec![ClientChange::EndAllSessions],
        vec![ClientChange::EndAllSessions],
    ] {
        commit(store, changed(client, 1, changes)).await.expect("changes");
    }
    let late = session(4, client);
    commit(store, changed(client, 2, vec![ClientChange::AddSession { session: late, single: false, strategy: None }]))
        .await
        .expect("a session");
    let expired = changed(client, HOUR, vec![ClientChange::EndAllSessions]);
    commit(store, expired).await.expect("the end of a session that has expired, which is no event");
    let (created, ended) = ("session.created", "session.ended");
    let expected = [created, created, ended, created, ended, "session.removed", created];
    assert_eq!(told(store).await[3..], expected);
    let replaced = Happened::SessionEnded {
        id: session(2, client).id,
        user_id: session(2, client).user_id,
        status: SessionStatus::Replaced,
    };
    assert_eq!(all(store).await[7].what, replaced);
}

pub(super) async fn the_sessions_that_end_with_their_user_are_told_with_it(store: &impl Store) {
    let (_, user) = finish(&open(1, "ada@example.com"));
    commit(store, create_user(&user)).await.expect("a user");
    let clients = [100, 101].map(|n| ClientId::from_bytes([n; 16]));
    for (n, client) in (1..).zip(clients) {
        commit(store, open_client(client)).await.expect("a client");
        let session = crate::domain::client::session::Session { user_id: user.id, ..session(n, client) };
        let add = ClientChange::AddSession { session, single: false, strategy: None };
        commit(store, changed(client, 1, vec![add])).await.expect("a session");
    }
    let ended = SessionsEnded { at: at(2), except: Some(session(2, clients[1]).id), reason: EndReason::Revoked };
    let mut next = User { version: 2, sessions_ended: Some(ended), ..user.clone() };
    let write = |next: &User| UserWrite::Change { next: Box::new(next.clone()), expected_version: next.version - 1 };
    commit(store, Commit { at: at(2), ..of_users(vec![write(&next)]) }).await.expect("the end of one of the sessions");
    assert_eq!(told(store).await[3..], ["user.updated", "session.revoked"]);
    commit(store, changed(clients[0], 3, vec![])).await.expect("its client drops it");
    next = User { version: 3, banned: true, ..next };
    commit(store, Commit { at: at(4), ..of_users(vec![write(&next)]) }).await.expect("a ban");
    next = User { version: 4, banned: false, sessions_ended: None, ..next };
    commit(store, changed(clients[1], 5, vec![])).await.expect("its client drops it");
    commit(store, Commit { at: at(6), ..of_users(vec![write(&next)]) }).await.expect("no ban any more");
    commit(store, Commit { at: at(7), ..remove(&next) }).await.expect("a removal");
    let rest = ["user.updated", "session.revoked", "user.updated", "user.deleted"];
    assert_eq!(told(store).await[5..], rest, "each session has ended once");
}

pub(super) async fn what_became_of_a_message_is_told_once(store: &impl Store) {
    let outbox = vec![message(1, 1), message(2, 2), message(3, 3)];
    let ids: Vec<_> = outbox.iter().map(|entry| entry.id).collect();
    commit(store, Commit::of_decision(at(0), Decision { outbox, ..Decision::default() })).await.expect("messages");
    let sent = vec![(ids[0], sent()), (ids[1], failed()), (ids[2], MessageEnd::Decoy)];
    for _ in 0..2 {
        let tidied = Housekeeping { sent: sent.clone(), ..Housekeeping::default() };
        commit(store, Commit::of_housekeeping(at(1), tidied)).await.expect("they are over");
    }
    let what: Vec<_> = all(store).await.into_iter().map(|event| event.what).collect();
    let failed = Happened::MessageFailed { id: ids[1], class: Some(FailureClass::Address) };
    assert_eq!(what, [Happened::MessageSent { id: ids[0] }, failed]);
}

pub(super) async fn old_events_go_and_readers_hear_that_they_have_missed_some(store: &impl Store) {
    for n in 1..=3 {
        let (_, user) = finish(&open(n, &format!("ada{n}@example.com")));
        commit(store, Commit { at: at(u64::from(n) * 100), ..create_user(&user) }).await.expect("a user");
    }
    let events = all(store).await;
    let positions: Vec<Position> = events.iter().map(|event| event.position).collect();
    let keep = RetentionPolicy { client: HOURS, finished: HOURS, events: Span::from_millis(100), messages: HOURS };
    let trim = async |now: u64| {
        let page = store.scan_expired(ScanCursor::of_events(), keep, at(now), 10).await.expect("a page");
        assert_eq!(page.next, ScanCursor::default(), "behind one that is kept, all are");
        let tidied = Housekeeping { collect_garbage: (keep, page.stale), ..Housekeeping::default() };
        commit(store, Commit::of_housekeeping(at(now), tidied)).await.expect("a purge");
    };
    trim(199).await;
    assert_eq!(store.events(None, 9).await.map(|page| page.removed_to), Ok(None));
    trim(200).await;
    let page = store.events(None, 9).await.expect("a page");
    assert_eq!((page.events, page.removed_to), (events[1..].to_vec(), Some(positions[0])));
    trim(400).await;
    let page = store.events(Some(positions[2]), 9).await.expect("a page");
    assert_eq!((page.events, page.removed_to), (vec![], Some(positions[2])));
    assert_eq!(store.last_event().await, Ok(Some(positions[2])), "also when all are gone");
    people(store, 0).await;
    let (_, user) = finish(&open(4, "ada4@example.com"));
    commit(store, create_user(&user)).await.expect("a user");
    let page = store.events(Some(positions[2]), 9).await.expect("a page");
    assert!(page.events.len() == 1 && page.events[0].position > positions[2]);
}

async fn all(store: &impl Store) -> Vec<Event> {
    store.events(None, 1000).await.expect("a page").events
}

/// The names of all events.
async fn told(store: &impl Store) -> Vec<&'static str> {
    all(store).await.iter().map(Event::name).collect()
}

const ENTRY: WaitlistEntryId = WaitlistEntryId::from_bytes([7; 16]);
const HOURS: Span = Span::from_millis(1000 * HOUR);
