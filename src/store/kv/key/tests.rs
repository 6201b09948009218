//! Keys: their order, and that they read back.

use super::*;

#[test]
fn deadlines_lie_in_the_order_of_time_and_read_back() {
    let id = SignUpId::from_bytes([255; 16]);
    let other = SignUpId::from_bytes([0; 16]);
    let early = deadline(Timestamp::from_millis(255), id);
    let late = deadline(Timestamp::from_millis(256), other);
    assert!(early < late);
    assert_eq!(parse_deadline(&early), Some((Timestamp::from_millis(255), id)));
    assert_eq!(parse_deadline(&early[1..]), None);
    assert_eq!(parse_deadline(b""), None);
}

#[test]
fn users_lie_in_the_order_of_time_and_read_back() {
    let (first, second) = (UserId::from_bytes([255; 16]), UserId::from_bytes([0; 16]));
    let (early, late) = (Timestamp::from_millis(255), Timestamp::from_millis(256));
    assert!(user_created(early, first) < user_created(late, second));
    assert!(user_signed_in(None, first) < user_signed_in(Some(early), second));
    assert_eq!(parse_user_at(&user_created(early, first)), Some((early, first)));
    assert_eq!(parse_user_at(&user_signed_in(None, first)[..24]), None);
    assert!(user_signed_in(Some(Timestamp::MAX), first) < after(Kind::UserSignedIn));
}

#[test]
fn messages_that_wait_for_an_endpoint_lie_in_the_order_of_their_time_and_read_back() {
    let of = |endpoint, due, sequence, index| RetryKey {
        endpoint: WebhookEndpointId::from_bytes([endpoint; 16]),
        due: Timestamp::from_millis(due),
        event: Position::new(sequence, index),
    };
    let ascending = [of(1, 255, 9, 9), of(1, 256, 1, 255), of(1, 256, 1, 256), of(1, 256, 2, 0), of(2, 0, 0, 0)];
    let keys = ascending.each_ref().map(webhook_retry);
    assert!(keys.is_sorted());
    assert_eq!(keys.each_ref().map(|key| parse_webhook_retry(key)), ascending.map(Some));
    assert!(keys[0].starts_with(&webhook_retries_of(ascending[0].endpoint)));
    assert_eq!(parse_webhook_retry(&keys[0][..30]), None);
}

#[test]
fn events_lie_in_the_order_of_their_numbers_and_read_back() {
    assert!(events(255) < events(256) && events(u64::MAX) < after(Kind::Event));
    assert_eq!(parse_events(&events(1 << 32)), Some(1 << 32));
    assert_eq!(parse_events(&events(1)[..8]), None);
    assert_eq!(parse_events(&user(UserId::from_bytes([1; 16]))), None);
}

#[test]
fn messages_lie_in_the_order_of_their_making() {
    let made = |bucket, at: u8| {
        let mut bytes = [0; 16];
        bytes[0] = bucket;
        bytes[6] = at;
        outbox(MessageId::from_bytes(bytes))
    };
    assert!(made(200, 1) < made(3, 2));
}

#[test]
fn values_of_the_application_lie_by_namespace_and_name_and_read_back() {
    let of = |namespace, name| ValueKey::new(namespace, name).expect("a key");
    let (first, second) = (of("a", "b"), of("a.b", "a"));
    assert!(application_value(&first) < application_value(&second));
    for key in [first, second] {
        assert_eq!(parse_application_value(&application_value(&key)), Some(key.clone()));
        assert!(application_value(&key).starts_with(&application_values(key.namespace(), "")));
    }
    assert!(!application_value(&of("a.b", "c")).starts_with(&application_values("a", "")));
}

#[test]
fn who_waits_for_approval_lies_in_the_order_of_time_and_reads_back() {
    let (first, second) = (SignUpId::from_bytes([255; 16]), SignUpId::from_bytes([0; 16]));
    let (early, late) = (Timestamp::from_millis(255), Timestamp::from_millis(256));
    assert!(awaiting_approval(early, first) < awaiting_approval(late, second));
    assert_eq!(parse_awaiting_approval(&awaiting_approval(early, first)), Some(first));
    assert_eq!(parse_awaiting_approval(b""), None);
}

#[test]
fn keys_of_equal_texts_of_other_kinds_differ() {
    let of = |kind| Identifier { kind, value: "ada".into() };
    let (email, username) = (of(IdentifierKind::EmailAddress), of(IdentifierKind::Username));
    assert_ne!(identifier(&email), identifier(&username));
    assert_ne!(address_counter(&email), identifier(&email));
    assert_eq!(identifier(&email).len(), 34);
}
