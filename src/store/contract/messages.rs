//! What became of messages.

use crate::domain::event::Happened;
use crate::domain::id::{AddressVerificationId, InvitationId, MessageId, SignInId, SignUpId};
use crate::domain::identifier::IdentifierKind;
use crate::domain::message::{FailureClass, MessageStatus, Origin, Template};
use crate::domain::policy::RetentionPolicy;
use crate::domain::time::{Span, Timestamp};
use crate::store::{
    Commit, Decision, Housekeeping, MessageAbout, MessageEnd, MessageReport, OutboxEntry, OutboxKind, ScanCursor,
    Store, StoredMessage,
};

use super::support::*;

pub(super) async fn what_became_of_messages_is_listed_with_those_that_wait_the_newest_first(store: &impl Store) {
    let decoy = message(7, 9);
    let outbox = vec![about(message(200, 1)), about(message(3, 2)), about(message(100, 3)), decoy.clone()];
    let ids: Vec<MessageId> = outbox.iter().map(|entry| entry.id).collect();
    queue(store, outbox).await;
    end(store, vec![(ids[0], sent()), (ids[2], failed())], true, 5).await;

    let all = store.messages(None, 10).await.expect("a list");
    let seen: Vec<_> = all.iter().map(|message| (message.id, message.status)).collect();
    let (queued, sent, failed) = (MessageStatus::Queued, MessageStatus::Sent, MessageStatus::Failed);
    assert_eq!(seen, [(ids[2], failed), (ids[1], queued), (ids[0], sent)], "a decoy is nothing to see");
    assert_eq!(all[0].failure, Some(FailureClass::Address));
    let of_sent = (&*all[2].provider, all[2].provider_message_id.as_deref(), all[2].attempts, all[2].updated_at);
    assert_eq!(of_sent, ("resend", Some("re_1"), 2, at(5)));
    for (place, message) in all.iter().enumerate() {
        assert_eq!(store.message(message.id).await.as_ref(), Ok(&Some(message.clone())));
        assert_eq!(store.messages(Some(message.id), 1).await, Ok(all[place + 1..].iter().take(1).cloned().collect()));
    }
    assert_eq!(store.message(decoy.id).await, Ok(None));
}

pub(super) async fn nothing_is_kept_of_messages_where_that_is_not_wanted(store: &impl Store) {
    let entry = about(message(1, 1));
    queue(store, vec![entry.clone()]).await;
    end(store, vec![(entry.id, sent())], false, 5).await;
    assert_eq!((store.message(entry.id).await, store.messages(None, 9).await), (Ok(None), Ok(vec![])));
}

pub(super) async fn what_a_provider_reports_is_noted_and_told_once(store: &impl Store) {
    let entry = about(message(1, 1));
    queue(store, vec![entry.clone()]).await;
    end(store, vec![(entry.id, sent())], true, 5).await;
    assert_eq!(store.message_of_provider("resend", "re_1").await, Ok(Some(entry.id)));
    for (provider, known_as) in [("resend", "re_2"), ("ses", "re_1"), ("resendr", "e_1"), ("", "")] {
        assert_eq!(store.message_of_provider(provider, known_as).await, Ok(None), "{provider} {known_as}");
    }
    let complaint = Some(FailureClass::Complaint);
    let unknown = MessageId::from_bytes([77; 16]);
    for (id, failure, status) in [
        (unknown, None, MessageStatus::Sent),
        (entry.id, None, MessageStatus::Delivered),
        (entry.id, None, MessageStatus::Delivered),
        (entry.id, complaint, MessageStatus::Failed),
        (entry.id, complaint, MessageStatus::Failed),
        (entry.id, None, MessageStatus::Failed),
    ] {
        let reports = vec![MessageReport { id, failure }];
        let tidied = Housekeeping { reports, ..Housekeeping::default() };
        commit(store, Commit::of_housekeeping(at(6), tidied)).await.expect("a report");
        assert_eq!(kept(store, entry.id).await.map(|message| message.status), Some(status));
    }
    let id = entry.id;
    let page = store.events(None, 9).await.expect("events");
    let what: Vec<_> = page.events.into_iter().map(|event| event.what).collect();
    let told = [
        Happened::MessageCreated { id, to: IdentifierKind::EmailAddress },
        Happened::MessageSent { id },
        Happened::MessageDelivered { id },
        Happened::MessageFailed { id, class: complaint },
    ];
    assert_eq!(what, told);
}

pub(super) async fn a_message_goes_with_what_it_was_made_for_and_its_secret_when_it_expires(store: &impl Store) {
    let sign_up = open(1, "ada@example.com");
    commit(store, create(&sign_up)).await.expect("a sign-up");
    let of = |bucket, origin: Origin| {
        let mut entry = about(message(bucket, bucket));
        let OutboxKind::Message { about, .. } = &mut entry.kind;
        *about = about.take().map(|about| MessageAbout { origin, ..about });
        entry
    };
    let entries = vec![
        of(1, sign_up.id.into()),
        of(2, SignUpId::from_bytes([99; 16]).into()),
        of(3, InvitationId::from_bytes([99; 16]).into()),
    ];
    let ids: Vec<_> = entries.iter().map(|entry| entry.id).collect();
    queue(store, entries).await;
    end(store, ids.iter().map(|id| (*id, sent())).collect(), true, 5).await;
    assert!(kept(store, ids[0]).await.is_some_and(|message| !message.sealed.is_empty()));

    walk(store, at(6)).await;
    assert_eq!((kept(store, ids[1]).await, kept(store, ids[2]).await), (None, None), "they are of nothing any more");
    assert!(kept(store, ids[0]).await.is_some_and(|message| !message.sealed.is_empty()), "it may be sent again");
    walk(store, at(HOUR)).await;
    assert!(kept(store, ids[0]).await.is_some_and(|message| message.sealed.is_empty()), "it has expired");
    assert_eq!(store.message_of_provider("resend", "re_1").await, Ok(Some(ids[0])), "that of the others is gone");
    walk(store, at(KEPT)).await;
    assert_eq!(kept(store, ids[0]).await.map(|message| message.id), Some(ids[0]));
    walk(store, at(KEPT + 5)).await;
    assert_eq!((kept(store, ids[0]).await, store.messages(None, 9).await), (None, Ok(vec![])));
    assert_eq!(store.message_of_provider("resend", "re_1").await, Ok(None));
}

/// Nothing else of a sign-in is stored, and its address may be of a person who is no user yet.
pub(super) async fn a_message_of_a_sign_in_is_kept_while_it_is_good_and_then_as_long_as_its_user(store: &impl Store) {
    let user = finish(&open(1, "ada1@example.com")).1;
    commit(store, create_user(&user)).await.expect("a user");
    let of = |bucket, address: &str, origin: Origin| {
        let mut entry = about(message(bucket, bucket));
        let OutboxKind::Message { to, about, .. } = &mut entry.kind;
        *to = email(address).identifier();
        *about = about.take().map(|about| MessageAbout { origin, ..about });
        entry
    };
    let entries = vec![
        of(1, "ada1@example.com", SignInId::from_bytes([1; 16]).into()),
        of(2, "new@example.com", SignInId::from_bytes([2; 16]).into()),
        of(3, "new@example.com", AddressVerificationId::from_bytes([3; 16]).into()),
    ];
    let ids: Vec<_> = entries.iter().map(|entry| entry.id).collect();
    queue(store, entries).await;
    end(store, ids.iter().map(|id| (*id, sent())).collect(), true, 5).await;
    for (now, are_there) in [(6, [true; 3]), (HOUR - 1, [true; 3]), (HOUR, [true, false, false])] {
        walk(store, at(now)).await;
        for (id, is_there) in ids.iter().zip(are_there) {
            assert_eq!(kept(store, *id).await.is_some(), is_there, "{id} at {now}");
        }
    }
}

async fn queue(store: &impl Store, outbox: Vec<OutboxEntry>) {
    let decision = Decision { outbox, ..Decision::default() };
    commit(store, Commit::of_decision(at(0), decision)).await.expect("messages");
}

async fn end(store: &impl Store, sent: Vec<(MessageId, MessageEnd)>, keep_messages: bool, ms: u64) {
    let tidied = Housekeeping { sent, keep_messages, ..Housekeeping::default() };
    commit(store, Commit::of_housekeeping(at(ms), tidied)).await.expect("they are over");
}

async fn kept(store: &impl Store, id: MessageId) -> Option<StoredMessage> {
    store.message(id).await.expect("a read")
}

/// A whole round of the retention.
async fn walk(store: &impl Store, now: Timestamp) {
    let day = Span::from_millis(1000 * HOUR);
    let keep = RetentionPolicy { client: day, finished: day, events: day, messages: Span::from_millis(KEPT) };
    let mut place = ScanCursor::default();
    loop {
        let page = store.scan_expired(place, keep, now, 2).await.expect("a page");
        let tidied = Housekeeping { collect_garbage: (keep, page.stale), ..Housekeeping::default() };
        commit(store, Commit::of_housekeeping(now, tidied)).await.expect("a purge");
        place = page.next;
        if place == ScanCursor::default() {
            return;
        }
    }
}

/// The same message with what is known of it.
fn about(mut entry: OutboxEntry) -> OutboxEntry {
    let OutboxKind::Message { about, .. } = &mut entry.kind;
    *about = Some(MessageAbout {
        template: Template::VerificationCode,
        origin: SignUpId::from_bytes([1; 16]).into(),
        locale: None,
        phone_channel: None,
    });
    entry
}

const KEPT: u64 = 3 * HOUR;
