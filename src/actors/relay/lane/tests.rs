//! A lane with made-up times.

use super::*;
use crate::domain::identifier::{Identifier, IdentifierKind};
use crate::store::OutboxKind;

#[tokio::test]
async fn a_lane_has_no_more_deliveries_in_progress_than_allowed() {
    let (mut lane, now) = (Lane::new(2, 10), Instant::now());
    (0..3).for_each(|number| lane.push(entry(number)));
    let (first, second) = (next_delivery(&mut lane, now), next_delivery(&mut lane, now));
    assert_eq!((first.entry.id, second.entry.id), (id(0), id(1)));
    assert!(matches!(lane.next(now), Next::Wait));
    assert_eq!(lane.finish(first, now, DeliveryEnd::Removed(FinalStatus::Sent), now), Change::None);
    assert_eq!(next_delivery(&mut lane, now).entry.id, id(2));
}

#[tokio::test]
async fn a_failing_channel_is_tried_by_few_and_followed_by_all_once_it_works() {
    let (mut lane, start) = (Lane::new(64, 100), Instant::now());
    (0..20).for_each(|number| lane.push(entry(number)));
    let first = next_delivery(&mut lane, start);
    assert!(matches!(lane.finish(first, start, down(), start), Change::Failed { .. }));
    let mut now = start;
    for _ in 0..PROBES_MAX {
        assert!(matches!(lane.next(now), Next::WaitUntil(at) if at == now + PROBE_INTERVAL));
        now += PROBE_INTERVAL;
        next_delivery(&mut lane, now);
    }
    now += PROBE_INTERVAL;
    assert!(matches!(lane.next(now), Next::Wait), "all probes are on their way");
    let delivery = Delivery::new(entry(1));
    assert_eq!(lane.finish(delivery, start, DeliveryEnd::Removed(FinalStatus::Sent), now), Change::Recovered);
    let rest = std::iter::from_fn(|| match lane.next(now) {
        Next::Deliver(delivery) => Some(delivery.entry.id),
        _ => None,
    });
    assert_eq!(rest.collect::<HashSet<_>>().len(), 16, "the one that failed first is not left to its pause");
}

#[tokio::test]
async fn a_failing_channel_works_again_once_the_last_message_is_refused_for_its_own_sake() {
    let (mut lane, start) = (Lane::new(4, 10), Instant::now());
    (0..3).for_each(|number| lane.push(entry(number)));
    let first = next_delivery(&mut lane, start);
    assert!(matches!(lane.finish(first, start, down(), start), Change::Failed { .. }));
    let mut now = start;
    for (status, is_removed, change) in [
        (FinalStatus::Refused, true, Change::None),
        (FinalStatus::Unsent, true, Change::None),
        (FinalStatus::Refused, false, Change::Recovered),
    ] {
        now += PROBE_INTERVAL * 2;
        let delivery = next_delivery(&mut lane, now);
        let end = if is_removed { DeliveryEnd::Removed(status) } else { DeliveryEnd::NotRemoved(status) };
        assert_eq!(lane.finish(delivery, now, end, now), change, "{status:?}");
    }
    assert!(!lane.is_failing());
}

#[tokio::test]
async fn a_message_that_fails_while_others_leave_does_not_make_the_channel_fail() {
    let (mut lane, start) = (Lane::new(4, 10), Instant::now());
    (0..2).for_each(|number| lane.push(entry(number)));
    let (slow, quick) = (next_delivery(&mut lane, start), next_delivery(&mut lane, start));
    let soon = start + Duration::from_secs(1);
    lane.finish(quick, start, DeliveryEnd::Removed(FinalStatus::Sent), soon);
    assert_eq!(lane.finish(slow, start, down(), soon), Change::None);
    assert!(!lane.is_failing());
    assert!(matches!(lane.next(soon), Next::WaitUntil(_)), "it has a pause of its own");
}

#[tokio::test]
async fn pauses_grow_to_their_end() {
    let mut delivery = Delivery::new(entry(0));
    let pauses: Vec<u64> = std::iter::repeat_with(|| {
        delivery = delivery.clone().after_failure();
        delivery.pause.as_secs()
    })
    .take(8)
    .collect();
    assert_eq!(pauses, [2, 4, 8, 16, 32, 60, 60, 60]);
}

#[tokio::test]
async fn what_finds_no_room_is_read_again_when_half_is_free() {
    let (mut lane, now) = (Lane::new(64, 4), Instant::now());
    (0..5).for_each(|number| lane.push(entry(number)));
    assert!(lane.is_full() && !lane.wants_more());
    for _ in 0..2 {
        let delivery = next_delivery(&mut lane, now);
        lane.finish(delivery, now, DeliveryEnd::Removed(FinalStatus::Sent), now);
    }
    assert!(lane.wants_more());
    lane.begin_read();
    (2..5).for_each(|number| lane.push(entry(number)));
    assert_eq!(lane.waiting(), 3, "those that are here are not taken twice");
    assert!(!lane.wants_more());
}

#[tokio::test]
async fn what_is_worthless_is_taken_out_wherever_it_waits() {
    let (mut lane, now) = (Lane::new(1, 10), Instant::now());
    (0..3).for_each(|number| lane.push(entry(number)));
    let delivery = next_delivery(&mut lane, now);
    lane.finish(delivery, now, DeliveryEnd::Retry { after: PAUSE_MAX }, now);
    assert_eq!(lane.take_expired(Timestamp::from_millis(1001)), [(id(1), 0), (id(0), 1)]);
    assert_eq!(lane.waiting(), 1);
}

#[tokio::test]
async fn a_channel_that_asks_for_time_is_not_tried_before() {
    let (mut lane, now) = (Lane::new(4, 10), Instant::now());
    (0..3).for_each(|number| lane.push(entry(number)));
    let (minute, hour) = (Duration::from_secs(60), Duration::from_secs(3600));
    let delivery = next_delivery(&mut lane, now);
    let busy = |hold| DeliveryEnd::Unavailable { after: PAUSE_FIRST, reason: "busy".into(), hold: Some(hold) };
    assert!(matches!(lane.finish(delivery, now, busy(minute), now), Change::Failed { .. }));
    assert!(matches!(lane.next(now + minute / 2), Next::WaitUntil(at) if at == now + minute));
    let delivery = next_delivery(&mut lane, now + minute);
    assert_eq!((delivery.tries, lane.in_delivery), (0, 1));
    lane.finish(delivery, now + minute, busy(hour), now + minute);
    assert!(matches!(lane.next(now + minute), Next::WaitUntil(at) if at == now + minute + HOLD_MAX));
    assert_eq!(next_delivery(&mut lane, now + minute + HOLD_MAX).tries, 0);
}

fn next_delivery(lane: &mut Lane, now: Instant) -> Delivery {
    match lane.next(now) {
        Next::Deliver(delivery) => delivery,
        other => panic!("a message, not {other:?}"),
    }
}

fn down() -> DeliveryEnd {
    DeliveryEnd::Unavailable { after: PAUSE_FIRST, reason: "down".into(), hold: None }
}

fn id(number: u8) -> MessageId {
    MessageId::from_bytes([number; 16])
}

fn entry(number: u8) -> OutboxEntry {
    OutboxEntry {
        id: id(number),
        kind: OutboxKind::Message {
            to: Identifier { kind: IdentifierKind::EmailAddress, value: "ada@example.com".into() },
            display_to: "ada@example.com".into(),
            about: None,
        },
        sealed: Vec::new(),
        created_at: Timestamp::EPOCH,
        expire_at: Timestamp::from_millis(1000 + u64::from(number)),
    }
}
