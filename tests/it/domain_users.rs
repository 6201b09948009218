//! What the backend creates and changes on a user: pure decisions.

use std::collections::BTreeSet;

use proptest::prelude::{any, prop, prop_assert, prop_assert_eq, proptest};
use vestibule::domain::context::Context;
use vestibule::domain::id::{ClientId, IdentificationId, SessionId, SignInTokenId, UserId};
use vestibule::domain::identifier::EmailAddress;
use vestibule::domain::metadata::Metadata;
use vestibule::domain::policy::Policy;
use vestibule::domain::ports::{Entropy, KeyedDigest};
use vestibule::domain::rejection::{ErrorCode, Rejection};
use vestibule::domain::secret::Secret;
use vestibule::domain::settings::{Attribute, Settings};
use vestibule::domain::sign_in::{Credential, Entry, Fit};
use vestibule::domain::sign_up::Patch;
use vestibule::domain::time::{Span, Timestamp};
use vestibule::domain::user::{
    AddressChange, AddressStatus, EndReason, GivenPassword, MetadataChange, NewUser, NewUserFields, SecondFactorChange,
    User, UserChange, UserFields, UserPatch,
};
use vestibule::domain::verification::Strategy;

#[test]
fn a_ban_ends_all_sessions_and_lasts_until_it_is_lifted() {
    let banned = apply(&ada(), &UserChange::Ban, 5).expect("a ban");
    assert!(banned.banned);
    let ended = banned.sessions_ended.expect("an end");
    assert_eq!((ended.at, ended.except, ended.reason), (at(5), None, EndReason::Revoked));
    assert_eq!(banned.check_may_sign_in(at(9)), Err(ErrorCode::UserBanned.into()));
    assert_eq!(apply(&banned, &UserChange::Ban, 7).expect("again"), banned, "a second ban changes nothing");
    let free = apply(&banned, &UserChange::Unban, 8).expect("the end of the ban");
    assert_eq!(free.check_may_sign_in(at(9)), Ok(()));
    assert_eq!(free.sessions_ended, banned.sessions_ended, "the old sessions stay over");
}

#[test]
fn a_lock_ends_by_itself_or_by_the_backend_and_leaves_sessions() {
    let hour = Span::from_secs(3_600);
    let locked = apply(&ada(), &UserChange::Lock(Some(hour)), 1_000).expect("a lock");
    assert_eq!(locked.sessions_ended, None);
    let refused = locked.check_may_sign_in(at(1_001)).expect_err("locked");
    assert_eq!((refused.code, refused.number), (ErrorCode::UserLocked, Some(3_600)));
    assert_eq!(locked.check_may_sign_in(at(1_000) + hour), Ok(()));
    let for_good = apply(&ada(), &UserChange::Lock(None), 1).expect("a lock");
    let refused = for_good.check_may_sign_in(at(u64::MAX - 1)).expect_err("locked");
    assert_eq!((refused.code, refused.number), (ErrorCode::UserLocked, None));
    assert_eq!(apply(&for_good, &UserChange::Unlock, 2).expect("unlocked").locked_until, None);
}

#[test]
fn the_first_verified_address_after_the_primary_one_takes_its_place() {
    let mut user = ada();
    for (text, status) in [("b@example.com", AddressStatus::Reserved), ("c@example.com", AddressStatus::Verified)] {
        user = apply(&user, &add(text, status, false), 1).expect(text);
    }
    assert_eq!(addresses(&user), ["ada@example.com", "b@example.com", "c@example.com"]);
    let without = apply(&user, &UserChange::EmailAddress(AddressChange::Remove(user.email_addresses[0].id)), 2);
    assert_eq!(addresses(&without.expect("a removal")), ["c@example.com", "b@example.com"]);
    let other = apply(&user, &UserChange::EmailAddress(AddressChange::Remove(user.email_addresses[1].id)), 2);
    assert_eq!(addresses(&other.expect("a removal")), ["ada@example.com", "c@example.com"]);
}

#[test]
fn an_address_is_verified_by_the_word_of_the_backend_or_only_reserved() {
    let user = apply(&ada(), &add("b@example.com", AddressStatus::Reserved, true), 1).expect("an address");
    assert_eq!(addresses(&user), ["b@example.com", "ada@example.com"]);
    assert!(user.email_addresses[0].reserved && user.email_addresses[0].verified_by.is_none());
    let id = user.email_addresses[0].id;
    let mark = AddressChange::Mark { id, status: Some(AddressStatus::Verified), primary: false };
    let user = apply(&user, &UserChange::EmailAddress(mark), 2).expect("a mark");
    assert!(!user.email_addresses[0].reserved);
    assert_eq!(user.email_addresses[0].verified_by, Some(Strategy::Admin));
}

#[test]
fn what_is_not_the_users_and_what_is_there_already_is_refused() {
    let user = ada();
    let unknown = IdentificationId::from_bytes([9; 16]);
    let refused = |change: UserChange| apply(&user, &change, 1).expect_err("a refusal").reasons()[0].code;
    assert_eq!(refused(UserChange::EmailAddress(AddressChange::Remove(unknown))), ErrorCode::ResourceNotFound);
    assert_eq!(refused(add("Ada@example.com", AddressStatus::Verified, false)), ErrorCode::FormIdentifierExists);
    assert_eq!(refused(UserChange::RemovePassword { end_sessions: false }), ErrorCode::NoPasswordSet);
    let primary = UserFields { primary_email_address: Some(unknown), ..UserFields::default() };
    assert_eq!(refused(UserChange::Update(Box::new(primary))), ErrorCode::ResourceNotFound);
}

#[test]
fn an_unverified_address_does_not_become_the_primary_one() {
    let mut user = apply(&ada(), &add("b@example.com", AddressStatus::Verified, false), 1).expect("an address");
    user.email_addresses[1].verified_by = None;
    let primary = UserFields { primary_email_address: Some(user.email_addresses[1].id), ..UserFields::default() };
    let refused = apply(&user, &UserChange::Update(Box::new(primary)), 2).expect_err("a refusal");
    assert_eq!(refused.reasons(), [ErrorCode::FormParamValueInvalid.on("primary_email_address_id")]);
}

#[test]
fn a_new_password_is_not_compromised_and_ends_sessions_where_that_is_wanted() {
    let mark = UserChange::MarkPassword { compromised: true, end_sessions: false };
    let user = apply(&with_password(ada()), &mark, 1).expect("a mark");
    assert!(user.password_compromised);
    let digest = Some(Secret::new("$new".to_owned()));
    let fields = UserFields { password_digest: digest, end_sessions: true, ..UserFields::default() };
    let user = apply(&user, &UserChange::Update(Box::new(fields)), 7).expect("a new password");
    assert!(!user.password_compromised);
    assert_eq!(user.password_last_updated_at, Some(at(7)));
    assert_eq!(user.sessions_ended.map(|ended| ended.at), Some(at(7)));
    let user = apply(&user, &UserChange::RemovePassword { end_sessions: false }, 8).expect("no password");
    assert_eq!((user.password_digest, user.password_last_updated_at), (None, None));
}

#[test]
fn metadata_is_merged_or_replaced_and_the_other_kinds_stay() {
    let given = |text: &str| Some(Metadata::parse("m", text).expect(text));
    let change = |merge, text| {
        UserChange::Metadata(MetadataChange { merge, private_metadata: given(text), ..MetadataChange::default() })
    };
    let user = apply(&ada(), &change(false, r#"{"a":{"b":1},"c":2}"#), 1).expect("metadata");
    let merged = apply(&user, &change(true, r#"{"a":{"d":3},"c":null}"#), 2).expect("metadata");
    assert_eq!(merged.private_metadata, r#"{"a":{"b":1,"d":3}}"#);
    assert_eq!((merged.public_metadata.as_str(), merged.unsafe_metadata.as_str()), ("{}", "{}"));
    let replaced = apply(&user, &change(false, r#"{"e":4}"#), 2).expect("metadata");
    assert_eq!(replaced.private_metadata, r#"{"e":4}"#);
}

#[test]
fn a_new_user_names_all_its_faults_at_once() {
    let input = NewUser {
        email_address: vec!["ada".into(), "b@example.com".into(), "B@example.com".into()],
        phone_number: vec!["+14155552671".into()],
        first_name: Some("x".repeat(300)),
        password_digest: Some(Secret::new("x".into())),
        created_at: Some(at(10_001)),
        ..NewUser::default()
    };
    let mut settings = settings();
    settings.attributes.username = Attribute { required: true, ..on() };
    let refused = NewUserFields::parse(&input, &settings, at(10_000)).expect_err("many faults");
    let faults: BTreeSet<_> =
        refused.reasons().iter().map(|r| (r.code.as_str(), r.param.as_deref().unwrap_or_default())).collect();
    let expected = [
        ("form_param_format_invalid", "email_address"),
        ("form_param_duplicate", "email_address"),
        ("form_param_unknown", "phone_number"),
        ("form_param_max_length_exceeded", "first_name"),
        ("form_conditional_param_missing", "password_hasher"),
        ("form_param_value_invalid", "created_at"),
        ("form_data_missing", ""),
    ];
    assert_eq!(faults, BTreeSet::from(expected));
    let missing = refused.reasons().iter().find(|r| r.code == ErrorCode::FormDataMissing).expect("what is missing");
    assert_eq!(missing.params, ["username"]);
}

#[test]
fn what_the_settings_require_can_be_left_out_where_the_backend_says_so() {
    let mut settings = settings();
    settings.attributes.email_address.required = true;
    settings.attributes.password.required = true;
    settings.sign_up.legal_consent_enabled = true;
    let missing = |input: &NewUser| {
        let refused = NewUserFields::parse(input, &settings, at(1));
        refused.err().map(|refused| refused.reasons()[0].params.clone()).unwrap_or_default()
    };
    assert_eq!(missing(&NewUser::default()), ["email_address", "password", "legal_accepted_at"]);
    let input = NewUser { skip_password_requirement: true, skip_legal_checks: true, ..NewUser::default() };
    assert_eq!(missing(&input), ["email_address"]);
    assert_eq!(missing(&NewUser { skip_user_requirement: true, ..input }), Vec::<String>::new());
}

#[test]
fn a_password_keeps_the_rules_unless_the_backend_skips_them() {
    let input = |skip| NewUser {
        username: Some("ada_l".into()),
        password: Some(Secret::new("short".into())),
        skip_password_checks: skip,
        ..NewUser::default()
    };
    let refused = NewUserFields::parse(&input(false), &settings(), at(1)).expect_err("too short");
    assert!(refused.is(ErrorCode::FormPasswordLengthTooShort));
    let (_, password) = NewUserFields::parse(&input(true), &settings(), at(1)).expect("skipped");
    assert!(matches!(password, Some(GivenPassword::Unchecked(_))));
}

#[test]
fn a_sign_in_that_was_decided_before_the_second_factor_was_there_does_not_come_in() {
    let user = with_password(ada());
    let entry = Entry {
        user_id: user.id,
        client_id: ClientId::from_bytes([2; 16]),
        session_id: SessionId::from_bytes([3; 16]),
        proof: Credential::Password(Fit { compared: Secret::new("$old".to_owned()), renewed: None }),
        second: None,
        had_second_factor: false,
        at: at(7),
    };
    assert!(user.entered(&entry).is_ok());
    let app = SecondFactorChange::SetApp { secret: Secret::new(vec![1; 20]) };
    let user = apply(&user, &UserChange::SecondFactor(app), 5).expect("an app");
    assert!(user.entered(&entry).is_err(), "set up meanwhile");
    let seen = Entry { had_second_factor: true, ..entry.clone() };
    assert!(user.entered(&seen).is_ok(), "the decision has seen that the settings do not offer it");
    let ticket = Entry { proof: Credential::Ticket(SignInTokenId::from_bytes([4; 16])), ..entry };
    assert!(user.entered(&ticket).is_ok(), "the backend says who it is");
    assert_eq!(user.begins_at(at(2)), at(6), "a session that is committed later begins later");
    let again = SecondFactorChange::ProveApp { step: 9, backup_codes: Vec::new() };
    let refused = apply(&user, &UserChange::SecondFactor(again), 8).expect_err("a proved app");
    assert!(refused.is(ErrorCode::TotpAlreadyEnabled));
}

#[test]
fn a_required_username_is_not_cleared() {
    let mut settings = settings();
    let clear = UserPatch { username: Patch::Clear, ..UserPatch::default() };
    assert!(UserFields::parse(&clear, &settings, at(1)).is_ok());
    settings.attributes.username.required = true;
    let refused = UserFields::parse(&clear, &settings, at(1)).expect_err("required");
    assert_eq!(refused.reasons(), [ErrorCode::FormParamMissing.on("username")]);
}

proptest! {
    #[test]
    fn a_change_raises_the_version_by_one_or_changes_nothing(changes in prop::collection::vec((0..12_u8, 0..4_usize, any::<bool>()), 1..40)) {
        let mut user = ada();
        for (n, choice) in changes.into_iter().enumerate() {
            let before = user.clone();
            let now = 100 - n as u64 / 2;
            let change = &chosen(&user, choice);
            let made = apply(&user, change, now);
            prop_assert_eq!(&made, &apply(&user, change, now), "equal inputs give equal values");
            prop_assert_eq!(&user, &before, "the value itself is never changed");
            let Ok(next) = made else { continue };
            if next == before {
                continue;
            }
            prop_assert_eq!(next.version, before.version + 1);
            prop_assert!(next.updated_at > before.updated_at);
            prop_assert_eq!(next.id, before.id);
            let identifiers = next.identifiers();
            prop_assert_eq!(identifiers.iter().collect::<BTreeSet<_>>().len(), identifiers.len());
            let ids: BTreeSet<_> = next.email_addresses.iter().map(|email| email.id).collect();
            prop_assert_eq!(ids.len(), next.email_addresses.len());
            user = next;
        }
    }
}

/// A change of the user as it is then.
fn chosen(user: &User, (kind, n, flag): (u8, usize, bool)) -> UserChange {
    let status = if flag { AddressStatus::Verified } else { AddressStatus::Reserved };
    let id = user.email_addresses.get(n).map_or(IdentificationId::from_bytes([9; 16]), |email| email.id);
    let value = email(&format!("{n}@example.com"));
    match kind {
        0 => UserChange::Ban,
        1 => UserChange::Unban,
        2 => UserChange::Lock(flag.then(|| Span::from_secs(n as u64))),
        3 => UserChange::Unlock,
        4 => UserChange::RemovePassword { end_sessions: flag },
        5 => UserChange::MarkPassword { compromised: flag, end_sessions: n == 0 },
        6 | 7 => UserChange::EmailAddress(AddressChange::Add { value, status, primary: n % 2 == 0 }),
        8 => UserChange::EmailAddress(AddressChange::Mark { id, status: Some(status), primary: n % 2 == 0 }),
        9 => UserChange::EmailAddress(AddressChange::Remove(id)),
        10 => UserChange::EmailAddress(AddressChange::ReplaceAll { value, status }),
        _ => UserChange::Update(Box::new(UserFields {
            first_name: if flag { Patch::Set(format!("Ada {n}")) } else { Patch::Clear },
            password_digest: (n == 1).then(|| Secret::new("$digest".to_owned())),
            primary_email_address: (n == 2).then_some(id),
            ..UserFields::default()
        })),
    }
}

fn ada() -> User {
    let user = User::new(UserId::from_bytes([1; 16]), at(0));
    apply(&user, &add("ada@example.com", AddressStatus::Verified, true), 0).expect("an address")
}

fn with_password(user: User) -> User {
    User { password_digest: Some(Secret::new("$old".to_owned())), ..user }
}

fn add(text: &str, status: AddressStatus, primary: bool) -> UserChange {
    UserChange::EmailAddress(AddressChange::Add { value: email(text), status, primary })
}

fn email(text: &str) -> EmailAddress {
    EmailAddress::parse(text).expect("an address")
}

fn addresses(user: &User) -> Vec<&str> {
    user.email_addresses.iter().map(|email| email.value.as_str()).collect()
}

fn apply(user: &User, change: &UserChange, now: u64) -> Result<User, Rejection> {
    // Ids differ from version to version, and equal inputs give equal ids.
    let mut entropy = Counter(user.version);
    let (settings, policy) = (settings(), Policy::default());
    let cx = &mut Context { now: at(now), settings: &settings, policy: &policy, entropy: &mut entropy, digest: &Plain };
    user.apply(change, cx)
}

fn settings() -> Settings {
    let mut settings = Settings::default();
    let attributes = &mut settings.attributes;
    for attribute in
        [&mut attributes.email_address, &mut attributes.username, &mut attributes.password, &mut attributes.first_name]
    {
        *attribute = on();
    }
    settings
}

fn on() -> Attribute {
    Attribute { enabled: true, ..Attribute::default() }
}

fn at(ms: u64) -> Timestamp {
    Timestamp::from_millis(ms)
}

struct Counter(u64);

impl Entropy for Counter {
    fn fill(&mut self, buffer: &mut [u8]) {
        self.0 += 1;
        let end = buffer.len() - 4;
        buffer[end..].copy_from_slice(&(self.0 as u32).to_be_bytes());
    }
}

struct Plain;

impl KeyedDigest for Plain {
    fn digest(&self, _parts: &[&[u8]]) -> [u8; 32] {
        [0; 32]
    }

    fn equal(&self, left: &[u8; 32], right: &[u8; 32]) -> bool {
        left == right
    }
}
