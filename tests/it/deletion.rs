//! Deleting means gone: after the removal of a user and the time of retention, no file of the store has a byte of the
//! user's addresses and names.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

use vestibule::domain::client::ClientChange;
use vestibule::domain::client::session::Session;
use vestibule::domain::context::Context;
use vestibule::domain::id::{ClientId, IdentificationId, InvitationId, MessageId, SignUpId, UserId};
use vestibule::domain::identifier::{EmailAddress, PhoneNumber, Username};
use vestibule::domain::invitation::{Invitation, InvitationState};
use vestibule::domain::message::Template;
use vestibule::domain::policy::{Policy, RetentionPolicy};
use vestibule::domain::secret::Secret;
use vestibule::domain::settings::Settings;
use vestibule::domain::sign_up::{Collected, SignUp};
use vestibule::domain::time::{Span, Timestamp};
use vestibule::domain::user::{Identification, User};
use vestibule::domain::verification::Strategy;
use vestibule::entropy::SeededEntropy;
use vestibule::store::{
    ClientWrite, Commit, Decision, EmbeddedOptions, EmbeddedStore, Housekeeping, InvitationChange, LAST_SEEN,
    MessageAbout, MessageEnd, OutboxEntry, OutboxKind, ScanCursor, SignUpWrite, Store, UserWrite,
};
use vestibule::token::InstanceKey;

#[tokio::test]
async fn no_file_has_an_address_of_a_removed_user_after_the_time_of_retention() {
    let folder = tempfile::tempdir().expect("a folder");
    let data = folder.path().join("data");
    // Plain values, so that what is there can be found.
    let options = EmbeddedOptions { rewrite_after: Some(Span::from_millis(0)), ..EmbeddedOptions::default() };
    let store = EmbeddedStore::open_with(&data, &options).expect("a store");
    let user = user();
    let rounds = [
        Decision { invitations: vec![issue()], ..Decision::default() },
        Decision {
            users: vec![UserWrite::Create(Box::new(user.clone()))],
            invitations: vec![InvitationChange::Accept(INVITATION, user.id)],
            outbox: vec![message()],
            ..Decision::default()
        },
        Decision { client: Some(signed_in()), outbox: vec![sent_message()], ..Decision::default() },
        Decision { sign_up: Some(of_another_person()), ..Decision::default() },
    ];
    for decision in rounds {
        commit(&store, Commit::of_decision(NOW, decision)).await;
    }
    let end = MessageEnd::Sent { provider: String::new(), message_id: Some("id-at-provider".into()), attempts: 1 };
    let sent = vec![(sent_message().id, end)];
    let housekeeping = Housekeeping { sent, keep_messages: true, ..Housekeeping::default() };
    commit(&store, Commit::of_housekeeping(NOW, housekeeping)).await;
    assert_eq!(found(&data), NEEDLES, "all of it is on the disk");
    store.close().await;
    drop(store);
    let store = EmbeddedStore::open_with(&data, &options).expect("a store");
    assert_eq!(found(&data), NEEDLES, "and in the snapshots");

    let remove = UserWrite::Remove { id: user.id, expected_version: user.version };
    commit(&store, Commit::of_decision(NOW, Decision { users: vec![remove], ..Decision::default() })).await;
    for _ in 0..3 {
        sweep(&store, LATE).await;
    }
    commit(&store, Commit::of_value(LATE, LAST_SEEN, LATE.as_millis().to_be_bytes().to_vec())).await;
    store.close().await;
    drop(store);
    // This start writes the snapshots anew; the journal is cleaned while the store is idle.
    let store = EmbeddedStore::open_with(&data, &options).expect("a store");
    for _ in 0..300 {
        if found(&data) == [KEPT] {
            break;
        }
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    assert_eq!(found(&data), [KEPT], "only the open sign-up of another person is left");
    assert_eq!(store.count_users().await, Ok(0));
    store.close().await;
}

/// What the walk of the sweeper finds, in the commits that the sweeper makes.
async fn sweep(store: &EmbeddedStore, now: Timestamp) {
    let mut place = ScanCursor::default();
    loop {
        let page = store.scan_expired(place, KEEP, now, 100).await.expect("a page");
        let housekeeping = Housekeeping { collect_garbage: (KEEP, page.stale), ..Housekeeping::default() };
        commit(store, Commit::of_housekeeping(now, housekeeping)).await;
        place = page.next;
        if place == ScanCursor::default() {
            return;
        }
    }
}

async fn commit(store: &EmbeddedStore, commit: Commit) {
    let answers = store.commit(vec![commit]).await;
    assert!(answers.iter().all(Result::is_ok), "{answers:?}");
}

/// The needles that are in the files.
fn found(data: &Path) -> Vec<&'static str> {
    let files: Vec<_> = files(data).iter().map(|file| fs::read(file).unwrap_or_default()).collect();
    let has = |needle: &&&str| {
        let needle = needle.as_bytes();
        files.iter().any(|file| file.windows(needle.len()).any(|window| window == needle))
    };
    NEEDLES.iter().filter(has).copied().collect()
}

fn files(folder: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(folder).expect("a folder").map(|entry| entry.expect("an entry").path());
    entries.flat_map(|path| if path.is_dir() { files(&path) } else { vec![path] }).collect()
}

fn user() -> User {
    User {
        email_addresses: vec![Identification {
            verified_by: Some(Strategy::EmailCode),
            ..Identification::unproved(IdentificationId::from_bytes([2; 16]), address("countess@gone.example"))
        }],
        phone_numbers: vec![Identification {
            reserved: true,
            ..Identification::unproved(
                IdentificationId::from_bytes([3; 16]),
                PhoneNumber::restore("+14155552671".into()),
            )
        }],
        username: Some(Username::restore("countess_of_lovelace".into())),
        first_name: Some("Augusta Ada".into()),
        ..User::new(UserId::from_bytes([1; 16]), NOW)
    }
}

fn issue() -> InvitationChange {
    let invitation = Invitation {
        id: INVITATION,
        email_address: address("invited@gone.example"),
        public_metadata: "{}".into(),
        redirect_url: None,
        waitlist_entry: None,
        state: InvitationState::Pending,
        created_at: NOW,
        updated_at: NOW,
        expire_at: LATE,
    };
    InvitationChange::Issue { invitation: Box::new(invitation), beside_others: false }
}

fn message() -> OutboxEntry {
    let to = address("outbox@gone.example");
    OutboxEntry {
        id: MessageId::from_bytes([5; 16]),
        kind: OutboxKind::Message { to: to.identifier(), display_to: to.as_str().into(), about: None },
        sealed: vec![1],
        created_at: NOW,
        expire_at: NOW,
    }
}

/// A message to an address that the user proved in the sign-up that it came from.
fn sent_message() -> OutboxEntry {
    let to = address("messaged@gone.example");
    let about = MessageAbout {
        template: Template::VerificationCode,
        origin: SignUpId::from_bytes([1; 16]).into(),
        locale: None,
        phone_channel: None,
    };
    OutboxEntry {
        id: MessageId::from_bytes([8; 16]),
        kind: OutboxKind::Message { to: to.identifier(), display_to: to.as_str().into(), about: Some(about) },
        ..message()
    }
}

/// A client with a session of the user.
fn signed_in() -> ClientWrite {
    let id = ClientId::from_bytes([6; 16]);
    let changes = vec![
        ClientChange::Open { salt: Secret::new([7; 16]) },
        ClientChange::AddSession { session: session(id), single: false, strategy: Some(Strategy::EmailCode) },
    ];
    ClientWrite { id, changes }
}

fn session(client: ClientId) -> Session {
    let (settings, policy, key) = (Settings::default(), Policy::default(), InstanceKey::generate());
    let mut context =
        Context { now: NOW, settings: &settings, policy: &policy, entropy: &mut SeededEntropy::new(1), digest: &key };
    Session::begin(UserId::from_bytes([1; 16]), client, None, &mut context)
}

/// The open sign-up of a person who gave an address of the same domain; it has its own time.
fn of_another_person() -> SignUpWrite {
    let empty = SignUp::new(SignUpId::from_bytes([9; 16]), ClientId::from_bytes([10; 16]), None, NOW);
    let email_address = Some(Collected { value: address(KEPT), verification: None });
    SignUpWrite { next: SignUp { email_address, version: 1, ..empty }, expected_version: None, deadline: LATE }
}

fn address(text: &str) -> EmailAddress {
    EmailAddress::restore(text.into(), text.into())
}

const INVITATION: InvitationId = InvitationId::from_bytes([4; 16]);
const NOW: Timestamp = Timestamp::from_millis(1_800_000_000_000);
/// 90 days later.
const LATE: Timestamp = Timestamp::from_millis(1_800_000_000_000 + 90 * 86_400_000);
const KEEP: RetentionPolicy = RetentionPolicy {
    client: Span::from_secs(86_400),
    finished: Span::from_secs(86_400),
    events: Span::from_secs(7 * 86_400),
    messages: Span::from_secs(365 * 86_400),
};
const KEPT: &str = "eve@other.example";
const NEEDLES: [&str; 9] = [
    "countess@gone.example",
    "+14155552671",
    "countess_of_lovelace",
    "Augusta Ada",
    "invited@gone.example",
    "outbox@gone.example",
    "messaged@gone.example",
    "id-at-provider",
    KEPT,
];
