//! What people change of their own users, in whatever order: no address is theirs without its proof, each change counts
//! once, and no change leaves a person without a way to sign in.

use std::collections::BTreeSet;

use proptest::collection::vec;
use proptest::prelude::{Just, Strategy, any, prop_assert, prop_assert_eq, prop_oneof, proptest};
use vestibule::domain::context::Context;
use vestibule::domain::id::{ClientId, ExternalAccountId, IdentificationId, UserId};
use vestibule::domain::identifier::{EmailAddress, PhoneNumber, Username};
use vestibule::domain::policy::Policy;
use vestibule::domain::ports::{Entropy, KeyedDigest};
use vestibule::domain::rejection::ErrorCode;
use vestibule::domain::secret::Secret;
use vestibule::domain::settings::{Attribute, Settings, Social};
use vestibule::domain::sign_up::Patch;
use vestibule::domain::time::Timestamp;
use vestibule::domain::user::{Connected, Connection, Identification, OwnChange, Passkey, User, UserFields};
use vestibule::domain::verification::{AuthorizationRequest, ExternalAccount, ExternalState, Profile, Strategy as Way};

use crate::support::redirects::allowed;

/// One step of a person. Numbers choose among what there is.
#[derive(Clone, Debug)]
enum Step {
    AddEmail(u8),
    AddPhone(u8),
    Prove(u8),
    Remove(u8),
    Primary(u8),
    Mark(u8, bool),
    SetPassword,
    RemovePassword,
    Username(bool),
    Connect,
    Return(u8, Option<u8>),
    Disconnect(u8),
}

proptest! {
    #[test]
    fn what_is_theirs_was_proved_and_there_is_always_a_way_in(steps in vec(steps(), 1..40), required in any::<bool>()) {
        let settings = settings(required);
        let (mut user, mut proved, mut chance) = (start(), BTreeSet::from([String::from("ada@example.com")]), Counter(0));
        for (n, step) in steps.into_iter().enumerate() {
            let now = Timestamp::from_millis(1_000 + n as u64);
            let policy = Policy::default();
            let cx = &mut Context { now, settings: &settings, policy: &policy, entropy: &mut chance, digest: &NoDigest };
            let before = user.clone();
            let Some(next) = take(&user, &step, &mut proved, cx) else { continue };
            prop_assert_eq!(&user, &before, "a refusal or a new value leaves the old one");
            prop_assert_eq!(next == before, next.version == before.version, "{:?}", step);
            prop_assert!(next.version <= before.version + 1 && next.updated_at >= before.updated_at);
            prop_assert!(next.version == before.version || next.updated_at > before.updated_at);
            for email in &next.email_addresses {
                prop_assert!(email.verified_by.is_some() && proved.contains(email.value.as_str()), "{:?}", step);
            }
            for phone in &next.phone_numbers {
                prop_assert!(phone.verified_by.is_some() && proved.contains(phone.value.as_str()), "{:?}", step);
            }
            prop_assert!(next.unproved_emails.len() + next.unproved_phones.len() <= 11);
            prop_assert!(next.is_accessible(&settings));
            prop_assert!(!required || !next.email_addresses.is_empty());
            let all = next.email_addresses.iter().chain(&next.unproved_emails).map(|email| email.value.as_str());
            let all: Vec<_> = all.collect();
            prop_assert_eq!(all.iter().collect::<BTreeSet<_>>().len(), all.len(), "each address once");
            user = next;
        }
    }
}

/// The user after a step; `None` where it was refused.
fn take(user: &User, step: &Step, proved: &mut BTreeSet<String>, cx: &mut Context<'_>) -> Option<User> {
    let emails = || user.email_addresses.iter().chain(&user.unproved_emails).map(|email| email.id);
    let phones = || user.phone_numbers.iter().chain(&user.unproved_phones).map(|phone| phone.id);
    let any: Vec<_> = emails().chain(phones()).collect();
    let address = |n: u8| any.get(usize::from(n) % any.len().max(1)).copied();
    let fields = |fields: UserFields| OwnChange::Update(Box::new(fields));
    let change = match step {
        Step::AddEmail(n) => OwnChange::AddEmail(email(*n)),
        Step::AddPhone(n) => OwnChange::AddPhone { number: phone(*n), second_factor: n % 2 == 0 },
        Step::Prove(n) => {
            let id = address(*n)?;
            let mut next = user.clone();
            if next.prove(id, &Way::EmailCode) != Some(true) {
                return None;
            }
            let known = next.email_addresses.iter().find(|known| known.id == id).map(|known| known.value.as_str());
            let number = next.phone_numbers.iter().find(|known| known.id == id).map(|known| known.value.as_str());
            proved.extend(known.or(number).map(str::to_owned));
            next.touch(cx.now);
            // A second factor is no first one.
            return Some(next).filter(|user| user.is_accessible(cx.settings));
        }
        Step::Remove(n) => OwnChange::RemoveAddress(address(*n)?),
        Step::Primary(n) => fields(UserFields { primary_email_address: address(*n), ..UserFields::default() }),
        Step::Mark(n, reserved) => OwnChange::MarkPhone { id: address(*n)?, reserved: Some(*reserved), default: None },
        Step::SetPassword => {
            fields(UserFields { password_digest: Some(Secret::new("digest".into())), ..UserFields::default() })
        }
        Step::RemovePassword => OwnChange::RemovePassword,
        Step::Username(is_set) => {
            let name = Patch::Set(Username::restore("ada".into()));
            let username = if *is_set { name } else { Patch::Clear };
            fields(UserFields { username, ..UserFields::default() })
        }
        Step::Connect => OwnChange::Connect(Box::new(connection(cx))),
        Step::Return(subject, vouched) => {
            let pending = user.connections.last()?;
            let profile = Profile {
                subject: subject.to_string(),
                email_address: vouched.map(|n| email(n).as_str().to_owned()),
                email_verified: vouched.is_some(),
                ..Profile::default()
            };
            proved.extend(profile.email_address.clone());
            let answer = Connected { nonce: pending.account.nonce, outcome: Ok(profile), owner: None, holder: None };
            return user.connected(pending.id, &answer, cx).ok();
        }
        Step::Disconnect(n) => {
            let accounts = user.external_accounts.iter().map(|account| account.id);
            let ids: Vec<_> = accounts.chain(user.connections.iter().map(|connection| connection.id)).collect();
            OwnChange::RemoveAccount(*ids.get(usize::from(*n) % ids.len().max(1))?)
        }
    };
    user.apply_own(&change, cx).ok()
}

#[test]
fn an_answer_of_a_provider_counts_once_and_only_for_its_own_request() {
    let (settings, policy, mut chance) = (settings(false), Policy::default(), Counter(0));
    let now = Timestamp::from_millis(1_000);
    let cx = &mut Context { now, settings: &settings, policy: &policy, entropy: &mut chance, digest: &NoDigest };
    let user = start();
    let pending = connection(cx);
    let left = user.apply_own(&OwnChange::Connect(Box::new(pending.clone())), cx).expect("a provider that is on");
    let profile = Profile { subject: "1".into(), ..Profile::default() };
    let answer = Connected { nonce: pending.account.nonce, outcome: Ok(profile), owner: None, holder: None };
    let other = Connected { nonce: [9; 16], ..answer.clone() };
    let refused = left.connected(pending.id, &other, cx).expect_err("another request");
    assert!(refused.is(ErrorCode::OAuthCallbackInvalid));
    let taken = Connected { owner: Some(UserId::from_bytes([8; 16])), ..answer.clone() };
    let failed = left.connected(pending.id, &taken, cx).expect("an attempt that says why");
    let code = ErrorCode::OAuthIdentificationClaimed;
    assert_eq!(failed.connections[0].account.state, ExternalState::Failed { code, session: None });
    assert!(failed.external_accounts.is_empty());
    let done = left.connected(pending.id, &answer, cx).expect("connected");
    assert_eq!((done.external_accounts.len(), done.connections.len()), (1, 0));
    assert!(done.connected(pending.id, &answer, cx).is_err(), "it was used");
}

#[test]
fn a_passkey_is_a_way_in_only_where_passkeys_sign_in() {
    let passkey = Passkey {
        id: IdentificationId::from_bytes([7; 16]),
        name: "a key".into(),
        credential: "a key".into(),
        created_at: Timestamp::from_millis(1),
        last_used_at: None,
    };
    let user = User { email_addresses: Vec::new(), passkeys: vec![passkey], ..start() };
    let mut settings = settings(false);
    for (enabled, used_for_first_factor) in [(false, false), (false, true), (true, false), (true, true)] {
        settings.attributes.passkey = Attribute { enabled, used_for_first_factor, ..Attribute::default() };
        assert_eq!(user.is_accessible(&settings), enabled && used_for_first_factor);
    }
}

fn steps() -> impl Strategy<Value = Step> {
    prop_oneof![
        (0..4_u8).prop_map(Step::AddEmail),
        (0..4_u8).prop_map(Step::AddPhone),
        any::<u8>().prop_map(Step::Prove),
        any::<u8>().prop_map(Step::Remove),
        any::<u8>().prop_map(Step::Primary),
        (any::<u8>(), any::<bool>()).prop_map(|(n, reserved)| Step::Mark(n, reserved)),
        Just(Step::SetPassword),
        Just(Step::RemovePassword),
        any::<bool>().prop_map(Step::Username),
        Just(Step::Connect),
        (0..3_u8, proptest::option::of(0..4_u8)).prop_map(|(subject, vouched)| Step::Return(subject, vouched)),
        any::<u8>().prop_map(Step::Disconnect),
    ]
}

fn start() -> User {
    let email = EmailAddress::parse("ada@example.com").expect("an address");
    let id = IdentificationId::from_bytes([1; 16]);
    User {
        email_addresses: vec![Identification {
            verified_by: Some(Way::EmailCode),
            ..Identification::unproved(id, email)
        }],
        devices: vec![ClientId::from_bytes([2; 16])],
        ..User::new(UserId::from_bytes([1; 16]), Timestamp::from_millis(1))
    }
}

fn settings(required: bool) -> Settings {
    let mut settings = Settings::default();
    let on = Attribute { enabled: true, ..Attribute::default() };
    settings.attributes.email_address = Attribute { required, ..on.clone() };
    settings.attributes.phone_number = Attribute { used_for_second_factor: true, ..on.clone() };
    (settings.attributes.username, settings.attributes.password) = (on.clone(), on);
    settings.social.insert("oauth_google".into(), Social { enabled: true, ..Social::default() });
    settings
}

fn connection(cx: &mut Context<'_>) -> Connection {
    let mut nonce = [0; 16];
    cx.entropy.fill(&mut nonce);
    let request = AuthorizationRequest {
        strategy: Way::OAuth("oauth_google".into()),
        nonce,
        redirect_url: allowed("https://app.example/profile"),
        action_complete_redirect_url: None,
        authorize_url: "https://provider.example/authorize".into(),
        answered_elsewhere: false,
    };
    Connection {
        id: ExternalAccountId::generate(cx.now, cx.entropy),
        identification_id: IdentificationId::generate(cx.now, cx.entropy),
        account: ExternalAccount::pending(&request, cx.now),
        created_at: cx.now,
    }
}

fn email(n: u8) -> EmailAddress {
    EmailAddress::parse(&format!("ada{n}@example.com")).expect("an address")
}

fn phone(n: u8) -> PhoneNumber {
    PhoneNumber::restore(format!("+1415555267{n}"))
}

struct Counter(u64);

impl Entropy for Counter {
    fn fill(&mut self, buffer: &mut [u8]) {
        self.0 += 1;
        let bytes = self.0.to_be_bytes();
        for (at, byte) in buffer.iter_mut().rev().enumerate() {
            *byte = bytes[7 - at % 8];
        }
    }
}

struct NoDigest;

impl KeyedDigest for NoDigest {
    fn digest(&self, _: &[&[u8]]) -> [u8; 32] {
        [0; 32]
    }

    fn equal(&self, left: &[u8; 32], right: &[u8; 32]) -> bool {
        left == right
    }
}
