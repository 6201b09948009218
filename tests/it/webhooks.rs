//! Webhooks: what is signed, what receivers make of it, and when a message is tried again. Answers of receivers are in
//! the unit tests of `src/webhook/sender.rs`.

use std::io::Write as _;
use std::process::{Command, Stdio};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use proptest::collection::vec;
use proptest::prelude::*;
use serde_json::value::RawValue;
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;
use vestibule::clock::{Clock, SystemClock};
use vestibule::domain::id::{InstanceId, MessageId};
use vestibule::domain::time::{Span, Timestamp};
use vestibule::entropy::{OsEntropy, SeededEntropy};
use vestibule::webhook::{
    ATTEMPTS_MAX, EndpointUrl, Envelope, EventFilter, EventType, HttpRequest, Outcome, RETRY_AFTER_MAX,
    ReceivedHeaders, Sender, SigningSecret, SigningSecrets, Targets, VerifyError, next_attempt_in, sign, verify,
};

use crate::clients;

/// The packages that applications verify webhooks with read what the engine sends, and refuse what was changed.
#[tokio::test]
async fn official_packages_read_what_is_sent_and_refuse_what_was_changed() {
    let Some(suites) = clients::suites() else { return };
    let [old, new] = [(); 2].map(|()| SigningSecret::generate(&mut OsEntropy::new()));
    let one = SigningSecrets::new(old.clone());
    let two = one.clone().rotated_to(new.clone());
    let body = body(r#"{"object":"user","id":"user_1","first_name":"Zoë \u2028","n" : 100}"#);

    let sent_with_one = send(&one, &body).await;
    let sent_with_two = send(&two, &body).await;
    let changed = |what: &str, to: &str| {
        let mut request = sent_with_one.clone();
        request.headers.iter_mut().filter(|(name, _)| name.ends_with(what)).for_each(|(_, value)| *value = to.into());
        request
    };
    let longer = Sent { body: [&body[..], b" "].concat(), ..sent_with_one.clone() };
    let stale = (SystemClock::new().now().as_secs() - 301).to_string();
    let requests = [
        (&sent_with_one, &old, true),
        (&sent_with_two, &old, true),
        (&sent_with_two, &new, true),
        (&sent_with_one, &new, false),
        (&longer, &old, false),
        (&changed("-id", "msg_0"), &old, false),
        (&changed("-timestamp", &stale), &old, false),
        (&changed("-signature", "v1,AAAA"), &old, false),
    ];

    let input: Vec<Value> = requests.iter().map(|(request, secret, _)| request.to_json(secret)).collect();
    let answers = verified_by_packages(&suites, &json!(input));
    assert_eq!(answers.len(), requests.len());
    let sent: Value = serde_json::from_slice(&body).expect("JSON");
    for (at, (answer, (_, _, is_genuine))) in answers.iter().zip(requests).enumerate() {
        for package in ["svix", "standardwebhooks", "@clerk/backend"] {
            let (event, refused) = (&answer[package]["event"], &answer[package]["refused"]);
            assert_eq!(event.is_object(), is_genuine, "request {at}, {package}: {refused}");
            assert_eq!(refused.is_string(), !is_genuine, "request {at}, {package}: {event}");
            for field in ["type", "object", "data", "event_attributes"].into_iter().filter(|_| is_genuine) {
                assert_eq!(event[field], sent[field], "request {at}, {package}");
            }
        }
    }
}

proptest! {
    #[test]
    fn a_message_verifies_with_each_of_its_secrets_and_with_no_other(
        body in vec(any::<u8>(), 0..300),
        id in any::<[u8; 16]>(),
        at_ms in 0..4_000_000_000_000_u64,
        seed in any::<u64>(),
    ) {
        let [old, new, other] = secrets(seed);
        let both = SigningSecrets::new(old.clone()).rotated_to(new.clone());
        let now = Timestamp::from_millis(at_ms);
        let signed = sign(&both, MessageId::from_bytes(id), now, &body);
        let pairs = signed.pairs();
        let headers = ReceivedHeaders::find(|name| pairs.iter().find(|(known, _)| *known == name).map(|pair| pair.1));
        let headers = headers.expect("the headers");
        for known in [old, new] {
            prop_assert_eq!(verify(&SigningSecrets::new(known), &headers, &body, now), Ok(()));
        }
        prop_assert_eq!(verify(&SigningSecrets::new(other), &headers, &body, now), Err(VerifyError::NoMatch));
    }

    #[test]
    fn a_message_that_was_changed_anywhere_does_not_verify(
        body in vec(any::<u8>(), 1..300),
        at in any::<prop::sample::Index>(),
        flip in 1..=255_u8,
        seed in any::<u64>(),
    ) {
        let [secret, ..] = secrets(seed);
        let secrets = SigningSecrets::new(secret);
        let now = Timestamp::from_millis(1_700_000_000_000);
        let signed = sign(&secrets, MessageId::from_bytes([7; 16]), now, &body);
        let genuine = ReceivedHeaders { id: &signed.id, timestamp: &signed.timestamp, signature: &signed.signature };
        let verify = |headers: &ReceivedHeaders<'_>, body: &[u8]| verify(&secrets, headers, body, now);
        prop_assert_eq!(verify(&genuine, &body), Ok(()));

        let mut other_body = body.clone();
        other_body[at.index(body.len())] ^= flip;
        prop_assert_eq!(verify(&genuine, &other_body), Err(VerifyError::NoMatch));
        prop_assert_eq!(verify(&genuine, &body[..at.index(body.len())]), Err(VerifyError::NoMatch));
        let later = ReceivedHeaders { timestamp: "1700000001", ..genuine };
        prop_assert_eq!(verify(&later, &body), Err(VerifyError::NoMatch));
        let of_another = MessageId::from_bytes([8; 16]).to_string();
        prop_assert_eq!(verify(&ReceivedHeaders { id: &of_another, ..genuine }, &body), Err(VerifyError::NoMatch));
        let mut signature = signed.signature.clone().into_bytes();
        // The last letter before the padding has two bits that mean nothing, so a change of it is malformed or wrong.
        let place = at.index(signature.len());
        signature[place] = if signature[place] == b'x' { b'y' } else { b'x' };
        let signature = String::from_utf8(signature).expect("ASCII");
        let changed = ReceivedHeaders { signature: &signature, ..genuine };
        prop_assert_eq!(verify(&changed, &body), Err(VerifyError::NoMatch));
    }

    #[test]
    fn whatever_headers_come_verifying_ends(id in ".{0,40}", timestamp in ".{0,24}", signature in ".{0,80}") {
        let [secret, ..] = secrets(1);
        let headers = ReceivedHeaders { id: &id, timestamp: &timestamp, signature: &signature };
        let verified = verify(&SigningSecrets::new(secret), &headers, b"{}", Timestamp::from_millis(1_700_000_000_000));
        prop_assert!(verified.is_err());
    }

    #[test]
    fn a_secret_is_read_back_or_refused(bytes in vec(any::<u8>(), 0..100), text in ".{0,100}") {
        let written = format!("whsec_{}", STANDARD.encode(&bytes));
        let read = written.parse::<SigningSecret>();
        prop_assert_eq!(read.is_ok(), (24..=64).contains(&bytes.len()));
        prop_assert!(read.is_err() || read.is_ok_and(|secret| *secret.to_text().expose() == written));
        prop_assert!(text.parse::<SigningSecret>().is_err());
    }

    #[test]
    fn waits_grow_and_stay_within_their_jitter(
        asked_s in prop::option::of(0..200_000_u64),
        seed in any::<u64>(),
    ) {
        let planned = [5, 300, 1_800, 7_200, 18_000, 36_000, 36_000];
        prop_assert_eq!(planned.len() + 1, usize::try_from(ATTEMPTS_MAX).expect("a small number"));
        let (asked, mut entropy) = (asked_s.map(Span::from_secs), SeededEntropy::new(seed));
        let asked_ms = asked.unwrap_or_default().min(RETRY_AFTER_MAX).as_millis();
        let mut least = 0;
        for (failures, planned_s) in (1..).zip(planned) {
            let wait = next_attempt_in(failures, asked, &mut entropy).expect("another attempt").as_millis();
            let wanted = asked_ms.max(planned_s * 1000);
            prop_assert!((wanted..wanted + wanted / 5).contains(&wait), "{wait} ms after {failures} failures");
            prop_assert!(wait >= least, "{wait} ms after a wait of at least {least} ms");
            least = wanted;
        }
        prop_assert_eq!(next_attempt_in(ATTEMPTS_MAX, asked, &mut entropy), None);
    }

    #[test]
    fn a_filter_has_what_one_of_its_parts_has(chosen in vec(prop::sample::select(PARTS), 1..6)) {
        let filter = EventFilter::parse(chosen.iter().copied()).expect("known parts");
        for event in EventType::ALL.iter().copied() {
            let by_part = chosen.iter().any(|part| EventFilter::parse([*part]).expect("a known part").has(event));
            prop_assert_eq!(filter.has(event), by_part, "{}", event);
            prop_assert!(!event.has_codes() || filter.has(event) == chosen.contains(&event.as_str()), "{}", event);
        }
    }
}

/// A request as a receiver saw it.
#[derive(Clone)]
struct Sent {
    headers: Vec<(String, String)>,
    body: Vec<u8>,
}

impl Sent {
    fn to_json(&self, secret: &SigningSecret) -> Value {
        let headers: serde_json::Map<String, Value> =
            self.headers.iter().map(|(name, value)| (name.clone(), json!(value))).collect();
        json!({ "secret": secret.to_text().expose(), "headers": headers, "body": STANDARD.encode(&self.body) })
    }
}

/// Sends a body to a receiver on this machine, and returns what arrived.
async fn send(secrets: &SigningSecrets, body: &[u8]) -> Sent {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let url = format!("http://{}/webhooks", listener.local_addr().expect("an address"));
    let url = EndpointUrl::parse(&url, Targets::AlsoLocal).expect("a URL");
    let now = SystemClock::new().now();
    let id = MessageId::generate(now, &mut OsEntropy::new());
    let receive = async {
        let (mut stream, _) = listener.accept().await.expect("a sender");
        let mut received = Vec::new();
        while !received.ends_with(body) {
            let length = stream.read_buf(&mut received).await.expect("a request");
            assert!(length > 0, "the request ended early: {}", String::from_utf8_lossy(&received));
        }
        stream.write_all(b"HTTP/1.1 204 No Content\r\n\r\n").await.expect("a sender that listens");
        received
    };
    let sender = Sender::new(Targets::AlsoLocal);
    let (received, outcome) = tokio::join!(receive, sender.attempt(&url, secrets, id, body, now));
    assert_eq!(outcome, Outcome::Delivered);
    let head = String::from_utf8_lossy(&received[..received.len() - body.len()]).into_owned();
    let headers = head.lines().filter_map(|line| line.split_once(": "));
    let headers = headers.filter(|(name, _)| name.starts_with("svix-") || name.starts_with("webhook-"));
    let headers: Vec<_> = headers.map(|(name, value)| (name.to_owned(), value.to_owned())).collect();
    assert_eq!(headers.len(), 6, "{head}");
    Sent { headers, body: body.to_vec() }
}

/// What each package makes of each request.
fn verified_by_packages(suites: &std::path::Path, requests: &Value) -> Vec<Value> {
    let mut node = Command::new("node")
        .arg("support/verify_webhooks.mjs")
        .current_dir(suites)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("node");
    let mut input = node.stdin.take().expect("a pipe");
    input.write_all(requests.to_string().as_bytes()).expect("node reads");
    drop(input);
    let output = node.wait_with_output().expect("an end");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    serde_json::from_slice(&output.stdout).expect("a list")
}

fn body(data: &str) -> Vec<u8> {
    let data = RawValue::from_string(data.to_owned()).expect("JSON");
    let envelope = Envelope {
        data: &data,
        event: EventType::UserCreated,
        at: SystemClock::new().now(),
        instance: InstanceId::from_bytes([1; 16]),
        http_request: HttpRequest { client_ip: "203.0.113.7", user_agent: "Mozilla/5.0" },
    };
    envelope.to_body().expect("a body")
}

fn secrets(seed: u64) -> [SigningSecret; 3] {
    let mut entropy = SeededEntropy::new(seed);
    [(); 3].map(|()| SigningSecret::generate(&mut entropy))
}

const PARTS: &[&str] =
    &["user.*", "session.*", "waitlistEntry.*", "user.created", "session.ended", "email.created", "sms.created"];
