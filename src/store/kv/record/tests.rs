//! Golden bytes and round trips. A changed golden means that existing data files can't be read any more: a new shape
//! needs a new struct and schema number, not a new golden.

mod any;
mod outbox;
mod users;

use std::collections::BTreeSet;
use std::fmt::Debug;

use crate::domain::client::Client;
use crate::domain::client::session::{Session, SessionStatus};
use crate::domain::event::{EndUser, Event, Happened};
use crate::domain::id::{SessionId, SignInTokenId, SignUpId, UserId};
use crate::domain::invitation::{Invitation, InvitationState};
use crate::domain::listed::{List, ListedIdentifier, ListedRedirect};
use crate::domain::refusal::{Declined, Refusal};
use crate::domain::secret::Secret;
use crate::domain::sign_in::{Failures, Locks, Phase, SignIn};
use crate::domain::sign_in_token::{SignInToken, SignInTokenStatus};
use crate::domain::sign_up::{Approval, SignUp};
use crate::domain::time::Timestamp;
use crate::domain::user::{AddressVerification, Purpose, User};
use crate::domain::verification::Strategy as Way;
use crate::domain::waitlist::{WaitlistEntry, WaitlistStatus};
use crate::domain::webhook::{Disabled, EndpointOwner, Health, Progress, State, WebhookEndpoint};
use crate::store::kv::codec::{Record, decode, encode};
use crate::store::{OutboxEntry, StoreError, StoredMessage};

use super::event::EventsRecordV1;
use super::outbox::OutboxRecordV1;
use super::sign_up::{SignUpRecordV1, SignUpRecordV2};
use super::*;

#[test]
fn golden_sign_up() {
    let (deadline_key, deadline) = (1_700_000_000_060, 1_700_000_000_061);
    let sample = samples::sign_up();
    let first = SignUpRecordV1 { deadline_key, deadline, sign_up: (&sample).into() };
    golden(&first, include_str!("golden/sign_up_v1.hex"));
    let read: SignUpRecordV3 = decode(&encode(&first).expect("a small record")).expect("an older one");
    assert_eq!(read, SignUpRecordV3::from(SignUpRecordV2::from(first)));
    assert_eq!(SignUp::try_from(read.sign_up), Ok(sample.clone()), "whether a captcha was solved was not noted");

    let sample = SignUp { captcha_solved: true, ..sample };
    let second = SignUpRecordV2 { deadline_key, deadline, sign_up: (&sample).into() };
    golden(&second, include_str!("golden/sign_up_v2.hex"));
    let read: SignUpRecordV3 = decode(&encode(&second).expect("a small record")).expect("an older one");
    assert_eq!(SignUp::try_from(read.sign_up), Ok(sample.clone()), "there were no approvals");

    let refusal = Refusal::new("company_only", "Please use your company's address.").expect("a refusal");
    let sample = SignUp {
        approval: Approval::Waiting { since: Timestamp::from_millis(1_700_000_000_070) },
        declined: Some(Declined::Refused(refusal)),
        ..sample
    };
    let record = SignUpRecordV3 { deadline_key, deadline, sign_up: (&sample).into() };
    golden(&record, include_str!("golden/sign_up_v3.hex"));
    assert_eq!(SignUp::try_from(through(&record).sign_up), Ok(sample.clone()));

    let at = Timestamp::from_millis(1_700_000_000_071);
    for approval in
        [Approval::None, Approval::Refused { at, reason: None }, Approval::Refused { at, reason: Some("No.".into()) }]
    {
        let sample = SignUp { approval, declined: Some(Declined::Unchecked), ..sample.clone() };
        let record = SignUpRecordV3 { deadline_key, deadline, sign_up: (&sample).into() };
        assert_eq!(SignUp::try_from(through(&record).sign_up), Ok(sample));
    }
}

#[test]
fn golden_failures() {
    let record = FailuresRecordV2::from(&samples::failures());
    golden(&record, include_str!("golden/failures_v2.hex"));
    assert_eq!(Failures::from(through(&record)), samples::failures());
}

#[test]
fn failures_of_the_first_schema_lock_nothing() {
    let old = read_golden::<FailuresRecordV2>(include_str!("golden/failures_v1.hex"));
    let expected = Failures { locks: Locks::default(), ..samples::failures() };
    assert_eq!(Failures::from(old), expected);
}

#[test]
fn golden_address_verification() {
    let sample = samples::address_verification();
    let record = AddressVerificationRecordV2::from(&sample);
    golden(&record, include_str!("golden/address_verification_v2.hex"));
    assert_eq!(AddressVerification::try_from(through(&record)), Ok(sample.clone()));
    for purpose in [Purpose::Backend, Purpose::Profile] {
        let other = AddressVerification { purpose, ..sample.clone() };
        assert_eq!(back::<AddressVerificationRecordV2, AddressVerification, _>(&other), Ok(other));
    }
    let old = read_golden::<AddressVerificationRecordV2>(include_str!("golden/address_verification_v1.hex"));
    let backends = AddressVerification { purpose: Purpose::Backend, ..sample };
    assert_eq!(AddressVerification::try_from(old), Ok(backends), "only the backend had addresses proved");
}

#[test]
fn golden_handshake() {
    let sample = samples::handshake();
    let record = HandshakeRecordV1::from(&sample);
    golden(&record, include_str!("golden/handshake_v1.hex"));
    assert_eq!(through(&record).kept_as(sample.digest), sample);
}

#[test]
fn golden_passkey_challenge() {
    let sample = samples::passkey_challenge();
    let record = PasskeyChallengeRecordV1::from(&sample);
    golden(&record, include_str!("golden/passkey_challenge_v1.hex"));
    assert_eq!(through(&record).kept_for(sample.owner), sample);
}

#[test]
fn golden_passkey_holder() {
    let record = PasskeyHolderRecordV1::from(UserId::from_bytes([1; 16]));
    golden(&record, include_str!("golden/passkey_holder_v1.hex"));
    assert_eq!(UserId::from(through(&record)), UserId::from_bytes([1; 16]));
}

#[test]
fn golden_sign_in_token() {
    let record = SignInTokenRecordV1::from(&samples::sign_in_token());
    golden(&record, include_str!("golden/sign_in_token_v1.hex"));
    assert_eq!(SignInToken::from(through(&record)), samples::sign_in_token());
    for status in [SignInTokenStatus::Pending, SignInTokenStatus::Accepted, SignInTokenStatus::Revoked] {
        let token = SignInToken::restore(
            (SignInTokenId::from_bytes([1; 16]), UserId::from_bytes([2; 16])),
            status,
            [3, 4, 5].map(Timestamp::from_millis),
        );
        assert_eq!(SignInToken::from(through(&SignInTokenRecordV1::from(&token))), token);
    }
}

#[test]
fn golden_client() {
    let record = ClientRecordV5::from(&samples::client());
    golden(&record, include_str!("golden/client_v5.hex"));
}

#[test]
fn a_client_from_before_second_factors_has_a_sign_in_that_needs_none() {
    let before: ClientRecordV4 = read_golden(include_str!("golden/client_v4.hex"));
    golden(&before, include_str!("golden/client_v4.hex"));
    let read: ClientRecordV5 = read_golden(include_str!("golden/client_v4.hex"));
    assert_eq!(Client::try_from(read), Ok(before_second_factors()));
}

/// The sample without what the fourth schema did not store.
fn before_second_factors() -> Client {
    let client = samples::client();
    let one_factor = |sign_in: Box<SignIn>| {
        let phase = sign_in.session().map_or(Phase::Open, |session_id| Phase::Complete { session_id });
        Box::new(SignIn { phase, second_factor: None, ..*sign_in })
    };
    let (sign_in, finished_sign_in) = (client.sign_in.map(one_factor), client.finished_sign_in.map(one_factor));
    Client { sign_in, finished_sign_in, ..client }
}

#[test]
fn a_sign_in_comes_back_in_every_phase() {
    let client = samples::client();
    let sign_in = client.sign_in.clone().expect("the sample has one");
    for phase in [
        Phase::Open,
        Phase::NewPassword,
        Phase::SecondFactor { password: None, invitation: None },
        Phase::SecondFactor { password: Some([1; 16]), invitation: None },
        Phase::Complete { session_id: SessionId::from_bytes([3; 16]) },
    ] {
        let client = Client { sign_in: Some(Box::new(SignIn { phase, ..*sign_in.clone() })), ..client.clone() };
        assert_eq!(back::<ClientRecordV5, Client, _>(&client), Ok(client));
    }
}

#[test]
fn a_client_from_before_sessions_told_of_factors_proved_one_when_they_began() {
    let before: ClientRecordV3 = read_golden(include_str!("golden/client_v3.hex"));
    golden(&before, include_str!("golden/client_v3.hex"));
    let read: ClientRecordV5 = read_golden(include_str!("golden/client_v3.hex"));
    assert_eq!(Client::try_from(read), Ok(before_factors()));
}

/// The sample without what the third schema did not store.
fn before_factors() -> Client {
    let client = before_second_factors();
    Client { sessions: client.sessions.iter().map(plain_session).collect(), ..client }
}

fn plain_session(session: &Session) -> Session {
    Session {
        first_factor_at: Some(session.created_at),
        second_factor_at: None,
        task: None,
        reverification: None,
        activity: None,
        ..session.clone()
    }
}

#[test]
fn a_client_from_before_sign_ups_by_a_sign_in_has_none_and_has_kept_no_finished_one() {
    let before: ClientRecordV2 = read_golden(include_str!("golden/client_v2.hex"));
    golden(&before, include_str!("golden/client_v2.hex"));
    let read: ClientRecordV5 = read_golden(include_str!("golden/client_v2.hex"));
    assert_eq!(Client::try_from(read), Ok(before_newcomers()));
}

/// The sample without what the second schema did not store.
fn before_newcomers() -> Client {
    let client = before_factors();
    let sign_in = client.sign_in.map(|sign_in| Box::new(SignIn { newcomer: None, ..*sign_in }));
    Client { sign_in, finished_sign_in: None, ..client }
}

#[test]
fn a_client_from_before_tokens_could_be_owed_is_owed_none() {
    let before: ClientRecordV1 = read_golden(include_str!("golden/client_v1.hex"));
    golden(&before, include_str!("golden/client_v1.hex"));
    let read: ClientRecordV5 = read_golden(include_str!("golden/client_v1.hex"));
    assert_eq!(Client::try_from(read), Ok(Client { owed_to: None, ..before_newcomers() }));
}

#[test]
fn golden_outbox() {
    let before: OutboxRecordV1 = read_golden(include_str!("golden/outbox_v1.hex"));
    golden(&before, include_str!("golden/outbox_v1.hex"));
    let read: OutboxRecordV2 = read_golden(include_str!("golden/outbox_v1.hex"));
    assert_eq!(read, OutboxRecordV2::from(before));
    let record = OutboxRecordV2::from(&samples::outbox_entry());
    golden(&record, include_str!("golden/outbox_v2.hex"));
}

#[test]
fn golden_counters() {
    golden(&address_counter(), include_str!("golden/address_counter_v1.hex"));
    golden(&client_counter(), include_str!("golden/client_counter_v1.hex"));
}

#[test]
fn golden_count() {
    golden(&CountRecordV1 { count: 258 }, include_str!("golden/count_v1.hex"));
}

#[test]
fn golden_session() {
    let session = samples::client().sessions[0].clone();
    golden(&SessionRecordV2::held(&session), include_str!("golden/session_held_v2.hex"));
    let over = Session { status: SessionStatus::Revoked, ..session };
    golden(&SessionRecordV2::over(&over), include_str!("golden/session_over_v2.hex"));
    assert_eq!(through(&SessionRecordV2::over(&over)).final_session(), Some(over.clone()));
    let old: SessionRecordV2 = read_golden(include_str!("golden/session_over_v1.hex"));
    assert_eq!(old.final_session(), Some(plain_session(&over)));
    let old: SessionRecordV2 = read_golden(include_str!("golden/session_held_v1.hex"));
    assert_eq!(old, SessionRecordV2::held(&over));
}

#[test]
fn golden_events() {
    let end_user = EndUser::new(Some("203.0.113.7".parse().expect("an address")), Some("Mozilla/5.0"));
    let other = EndUser::new(Some("2001:db8::7".parse().expect("an address")), None);
    let mut open = OpenEvents::default();
    // The events that came later within the second schema have bytes of their own.
    let is_later = |what: &Happened| matches!(what, Happened::MessageLimited { .. });
    let (later, first): (Vec<_>, Vec<_>) = samples::happened().into_iter().partition(is_later);
    let mut limited = OpenEvents::default();
    for happened in later {
        limited.push(Timestamp::from_millis(1_700_000_000_050), None, &happened);
    }
    golden(&limited.finish(), include_str!("golden/events_v2_limited.hex"));
    for happened in first.clone() {
        open.push(Timestamp::from_millis(1_700_000_000_050), Some(&end_user), &happened);
    }
    let expired = Happened::SignUpAbandoned { id: SignUpId::from_bytes([1; 16]) };
    open.push(Timestamp::from_millis(1_700_000_000_050), None, &expired);
    open.push(Timestamp::from_millis(1_700_000_000_049), Some(&other), &expired);
    golden(&open.finish(), include_str!("golden/events_v2.hex"));
    let before: EventsRecordV1 = read_golden(include_str!("golden/events_v1.hex"));
    golden(&before, include_str!("golden/events_v1.hex"));
    let read: EventsRecordV2 = read_golden(include_str!("golden/events_v1.hex"));
    let of_both = |what: &Happened| {
        !matches!(
            what,
            Happened::MessageCreated { .. }
                | Happened::MessageDelivered { .. }
                | Happened::MessageFailed { class: Some(_), .. }
        )
    };
    let known: Vec<_> = first.into_iter().filter(of_both).chain([expired.clone(), expired]).collect();
    assert_eq!(read.events(1).map(|event| event.what).collect::<Vec<_>>(), known);
}

#[test]
fn golden_message() {
    for (number, message) in samples::messages().iter().enumerate() {
        let record = MessageRecordV1::from(message);
        if number == 0 {
            golden(&record, include_str!("golden/message_v1.hex"));
        }
        assert_eq!(StoredMessage::from(through(&record)), *message);
    }
}

#[test]
fn events_come_back_as_they_were_and_those_of_one_request_share_what_is_known_of_it() {
    let (at, end_user) = (Timestamp::from_millis(7), EndUser::new(Some("::1".parse().expect("an address")), Some("é")));
    let mut open = OpenEvents::default();
    for (index, happened) in (0..).zip(samples::happened()) {
        assert_eq!(open.push(at, Some(&end_user), &happened), index);
    }
    let one_request = encode(&open.finish()).expect("a small record");
    let mut open = OpenEvents::default();
    for happened in samples::happened() {
        open.push(at, Some(&end_user), &happened);
        open.push(Timestamp::from_millis(6), None, &happened);
    }
    let record = open.finish();
    assert!(encode(&record).expect("a small record").len() > 2 * one_request.len());
    let last = record.last_position(9);
    assert_eq!(record.at(), at);
    let events: Vec<_> = through(&record).events(9).collect();
    assert!(events.is_sorted_by_key(|event| event.position) && events.last().map(|event| event.position) == Some(last));
    let (of_request, of_none): (Vec<_>, Vec<_>) = events.iter().partition(|event| event.end_user.is_some());
    for (events, at, end_user) in [(of_request, at, Some(end_user)), (of_none, Timestamp::from_millis(6), None)] {
        assert_eq!(events.iter().map(|event| event.what.clone()).collect::<Vec<_>>(), samples::happened());
        assert!(events.iter().all(|event| event.at == at && event.end_user == end_user));
    }
    let names: BTreeSet<_> = events.iter().map(Event::name).collect();
    assert_eq!(
        names.len(),
        samples::happened().len() - 4,
        "a session that was replaced has ended; messages fail in two ways, and three limits refuse them: {names:?}"
    );
}

#[test]
fn a_record_of_events_that_has_no_room_fits_an_entry_and_has_an_index_for_each() {
    let longest = Happened::UserDeleted { id: UserId::from_bytes([255; 16]), external_id: Some("🦀".repeat(256)) };
    let shortest = Happened::SignUpAbandoned { id: SignUpId::from_bytes([255; 16]) };
    for (happened, user_agents) in [(&longest, "🦀".repeat(300)), (&shortest, String::new())] {
        let (mut open, mut events) = (OpenEvents::default(), 0_usize);
        while open.has_room() {
            // Each in a commit of its own.
            let end_user = EndUser::new(Some("::1".parse().expect("an address")), Some(&user_agents));
            let at = Timestamp::from_millis(u64::MAX - events as u64);
            open.push(at, Some(&end_user).filter(|_| !user_agents.is_empty()), happened);
            events += 1;
        }
        let record = open.finish();
        assert!(encode(&record).is_ok(), "{events} events");
        assert_eq!(through(&record).events(1).count(), events);
    }
}

#[test]
fn golden_identifier() {
    let record = IdentifierRecordV1::from(UserId::from_bytes([1; 16]));
    golden(&record, include_str!("golden/identifier_v1.hex"));
}

#[test]
fn golden_invitation() {
    let record = InvitationRecordV1::from(&samples::invitation());
    golden(&record, include_str!("golden/invitation_v1.hex"));
    let record = InvitedRecordV1::from(samples::invitation().id);
    golden(&record, include_str!("golden/invited_v1.hex"));
    let record = InvitedRecordV2 { invitations: vec![*samples::invitation().id.as_bytes(), [8; 16]] };
    golden(&record, include_str!("golden/invited_v2.hex"));
}

#[test]
fn who_was_invited_before_there_was_a_list_is_still_invited() {
    let before = InvitedRecordV1::from(samples::invitation().id);
    let read: InvitedRecordV2 = decode(&encode(&before).expect("a small record")).expect("the shape before");
    assert_eq!(read.invitations, [*samples::invitation().id.as_bytes()]);
}

#[test]
fn golden_waitlist_entry() {
    let record = WaitlistEntryRecordV1::from(&samples::waitlist_entry());
    golden(&record, include_str!("golden/waitlist_entry_v1.hex"));
}

#[test]
fn golden_webhooks() {
    let record = WebhookEndpointRecordV1::from(&samples::webhook_endpoint());
    golden(&record, include_str!("golden/webhook_endpoint_v1.hex"));
    let record = WebhookRetryRecordV1::from(&samples::webhook_retry());
    golden(&record, include_str!("golden/webhook_retry_v1.hex"));
}

#[test]
fn golden_application_value() {
    let bytes = Secret::new(b"free".to_vec());
    golden(&ApplicationValueRecordV1 { bytes }, include_str!("golden/application_value_v1.hex"));
}

#[test]
fn golden_listed() {
    golden(&ListedRecordV1::from(&samples::listed()), include_str!("golden/listed_v1.hex"));
    golden(&RedirectUrlRecordV1::from(&samples::redirect_url()), include_str!("golden/redirect_url_v1.hex"));
}

#[test]
fn golden_value() {
    let bytes = vec![1, 2, 255];
    golden(&ValueRecordV1 { bytes }, include_str!("golden/value_v1.hex"));
}

#[test]
fn samples_come_back_whole() {
    let user = samples::user();
    assert_eq!(back::<UserRecordV4, User, _>(&user), Ok(user));
    let client = samples::client();
    assert_eq!(back::<ClientRecordV5, Client, _>(&client), Ok(client));
    for state in [samples::invitation().state, InvitationState::Pending, InvitationState::Revoked] {
        let invitation = Invitation { state, ..samples::invitation() };
        let record: InvitationRecordV1 = through(&(&invitation).into());
        assert_eq!(Invitation::from(record), invitation);
    }
    use WaitlistStatus::{Completed, Invited, Pending, Rejected};
    for status in [Pending, Invited, Completed, Rejected] {
        let entry = WaitlistEntry { status, ..samples::waitlist_entry() };
        let record: WaitlistEntryRecordV1 = through(&(&entry).into());
        assert_eq!(WaitlistEntry::from(record), entry);
    }
    for (owner, state, health) in [
        (EndpointOwner::Api, State::Enabled, Health::Well),
        (EndpointOwner::Configuration, State::Disabled(Disabled::ByOperator), Health::Well),
        (EndpointOwner::Api, State::Disabled(Disabled::Gone), samples::webhook_endpoint().progress.health),
        (EndpointOwner::Api, State::Disabled(Disabled::Failing), samples::webhook_endpoint().progress.health),
    ] {
        let sample = samples::webhook_endpoint();
        let progress = Progress { health, ..sample.progress };
        let endpoint = WebhookEndpoint { owner, state, progress, ..sample };
        let record: WebhookEndpointRecordV1 = through(&(&endpoint).into());
        assert_eq!(WebhookEndpoint::from(record), endpoint);
    }
    let retry = samples::webhook_retry();
    let record: WebhookRetryRecordV1 = through(&(&retry).into());
    assert_eq!(record.of(retry.key), retry);
}

#[test]
fn what_is_listed_comes_back_as_it_was() {
    for list in [List::Allow, List::Block] {
        for pattern in ["ada@example.com", "*@example.com", "+14155552671", "+1900*"] {
            let pattern = pattern.parse().expect("a pattern");
            let listed = ListedIdentifier { list, pattern, invitation: None, ..samples::listed() };
            let record: ListedRecordV1 = through(&(&listed).into());
            assert_eq!(ListedIdentifier::from(record), listed);
        }
    }
    let record: RedirectUrlRecordV1 = through(&(&samples::redirect_url()).into());
    assert_eq!(ListedRedirect::from(record), samples::redirect_url());
    let entry = samples::outbox_entry();
    let record: OutboxRecordV2 = through(&(&entry).into());
    assert_eq!(OutboxEntry::from(record), entry);
}

#[test]
fn a_strategy_that_nobody_knows_is_damage() {
    let mut client = samples::client();
    client.last_authentication_strategy = Some(Way::Web3("not a strategy".into()));
    let read = back::<ClientRecordV5, Client, _>(&client);
    assert!(matches!(read, Err(StoreError::Damaged(_))));
}

#[test]
fn the_digest_of_a_password_does_not_show_in_debug_output() {
    let record = UserRecordV4::from(&samples::user());
    assert!(!format!("{record:?}").contains("argon2"));
}

fn golden<R: Record + PartialEq + Debug>(record: &R, golden: &str) {
    let bytes = encode(record).expect("a small record");
    let hex = crate::domain::text::hex(&bytes);
    let golden: String = golden.split_whitespace().collect();
    assert_eq!(hex, golden);
    assert_eq!(decode::<R>(&bytes).as_ref(), Ok(record));
}

fn read_golden<R: Record>(golden: &str) -> R {
    let digits: Vec<u8> = golden.bytes().filter(u8::is_ascii_hexdigit).collect();
    let byte = |pair: &[u8]| u8::from_str_radix(str::from_utf8(pair).expect("digits"), 16).expect("a byte");
    decode(&digits.chunks(2).map(byte).collect::<Vec<u8>>()).expect("a record of an earlier version")
}

fn through<R: Record>(record: &R) -> R {
    decode(&encode(record).expect("a small record")).expect("what was just written")
}

fn back<'a, R, V, E>(value: &'a V) -> Result<V, E>
where
    R: Record + From<&'a V>,
    V: TryFrom<R, Error = E>,
{
    V::try_from(through(&R::from(value)))
}

fn address_counter() -> CounterRecordV1 {
    CounterRecordV1::Address {
        window_start: 1_700_000_000_000,
        messages: 3,
        guesses: 300,
        clients: vec![ClientShareV1 { client: [2; 16], messages: 3, guesses: 300 }],
    }
}

fn client_counter() -> CounterRecordV1 {
    CounterRecordV1::Client { window_start: 1_700_000_000_000, sms: 1, addresses: vec![[3; 16], [4; 16]] }
}
