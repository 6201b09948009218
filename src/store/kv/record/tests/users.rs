//! Users of all schemas.

use crate::domain::user::{EndReason, Identification, SessionsEnded, User};
use crate::store::StoreError;
use crate::store::kv::codec::encode;

use super::super::{UserRecordV4, samples};
use super::{golden, read_golden};

#[test]
fn golden_user() {
    let record = UserRecordV4::from(&samples::user());
    golden(&record, include_str!("../golden/user_v4.hex"));
    golden(&record.base, include_str!("../golden/user_v3.hex"));
}

#[test]
fn a_user_without_a_profile_takes_one_byte_more_than_before_there_were_any() {
    let user = without_additions(samples::user());
    let record = UserRecordV4::from(&user);
    let bytes = |record: Result<bytes::Bytes, StoreError>| record.expect("a small record").len();
    assert_eq!(bytes(encode(&record)), bytes(encode(&record.base)) + 1);
}

#[test]
fn a_user_from_before_people_changed_their_users_has_added_nothing() {
    let old = read_golden::<UserRecordV4>(include_str!("../golden/user_v3.hex"));
    assert_eq!(User::try_from(old), Ok(without_additions(samples::user())));
}

/// A user without what the fourth schema adds.
fn without_additions(user: User) -> User {
    fn plain<T: Clone>(all: &[Identification<T>]) -> Vec<Identification<T>> {
        let plain = |known: &Identification<T>| Identification {
            verified_by: known.verified_by.clone(),
            reserved: known.reserved,
            ..Identification::unproved(known.id, known.value.clone())
        };
        all.iter().map(plain).collect()
    }
    User {
        email_addresses: plain(&user.email_addresses),
        phone_numbers: plain(&user.phone_numbers),
        unproved_emails: Vec::new(),
        unproved_phones: Vec::new(),
        connections: Vec::new(),
        second_factors: None,
        passkeys: Vec::new(),
        ..user
    }
}

#[test]
fn a_user_from_before_the_backend_wrote_users_has_what_every_user_then_had() {
    let old = read_golden::<UserRecordV4>(include_str!("../golden/user_v2.hex"));
    let ended = SessionsEnded { reason: EndReason::Elsewhere, ..samples::user().sessions_ended.expect("a sample") };
    assert_eq!(User::try_from(old), Ok(User { sessions_ended: Some(ended), ..before_the_backend() }));
}

#[test]
fn a_user_from_before_devices_is_known_on_the_client_of_its_sign_up() {
    let old = read_golden::<UserRecordV4>(include_str!("../golden/user_v1.hex"));
    assert_eq!(User::try_from(old), Ok(User { sessions_ended: None, ..before_the_backend() }));
}

/// The sample without what the second schema did not store.
fn before_the_backend() -> User {
    let sample = without_additions(samples::user());
    let fresh = User::new(sample.id, sample.created_at);
    User {
        version: 0,
        phone_numbers: sample.phone_numbers.iter().map(|p| Identification { reserved: false, ..p.clone() }).collect(),
        password_last_updated_at: None,
        password_compromised: false,
        private_metadata: fresh.private_metadata,
        last_active_at: sample.last_sign_in_at,
        banned: false,
        locked_until: None,
        delete_self_enabled: false,
        create_organization_enabled: false,
        create_organizations_limit: None,
        bypass_client_trust: false,
        ..sample
    }
}
