//! What is known of a message in the outbox without opening it.

use crate::domain::id::{AddressVerificationId, InvitationId, SignInId, SignUpId, UserId};
use crate::domain::message::{Origin, Template};
use crate::store::kv::codec::encode;
use crate::store::{MessageAbout, OutboxEntry, OutboxKind};

use super::super::{OutboxRecordV2, samples};
use super::through;

#[test]
fn every_template_and_every_origin_comes_back() {
    let origins = [
        Origin::SignUp(SignUpId::from_bytes([1; 16])),
        Origin::SignIn(SignInId::from_bytes([2; 16])),
        Origin::Invitation(InvitationId::from_bytes([3; 16])),
        Origin::AddressVerification(AddressVerificationId::from_bytes([4; 16])),
        Origin::User(UserId::from_bytes([5; 16])),
    ];
    for template in Template::ALL {
        for origin in origins {
            let mut entry = samples::outbox_entry();
            let OutboxKind::Message { about, .. } = &mut entry.kind;
            *about = Some(MessageAbout { template, origin, locale: None, phone_channel: None });
            let record: OutboxRecordV2 = through(&(&entry).into());
            assert_eq!(OutboxEntry::from(record), entry);
        }
    }
}

/// The number of a template in stored bytes is its place in this list, for ever.
#[test]
fn templates_keep_their_numbers() {
    let bytes = |template| {
        let mut entry = samples::outbox_entry();
        let (origin, OutboxKind::Message { about, .. }) = (Origin::User(UserId::from_bytes([5; 16])), &mut entry.kind);
        *about = Some(MessageAbout { template, origin, locale: None, phone_channel: None });
        // Behind the header, which has a checksum.
        encode(&OutboxRecordV2::from(&entry)).expect("a small record")[8..].to_vec()
    };
    let first = bytes(STORED[0]);
    let last = bytes(STORED[STORED.len() - 1]);
    let at = first.iter().zip(last.iter()).position(|(one, other)| one != other).expect("they differ");
    for (number, template) in STORED.into_iter().enumerate() {
        assert_eq!(usize::from(bytes(template)[at]), number, "{template:?}");
    }
    assert!(Template::ALL.iter().all(|template| STORED.contains(template)));
}

const STORED: [Template; 14] = [
    Template::VerificationCode,
    Template::MagicLinkSignUp,
    Template::Invitation,
    Template::AccountExists,
    Template::PasswordChanged,
    Template::MagicLinkSignIn,
    Template::MagicLinkUserProfile,
    Template::SecondFactorRemoved,
    Template::PrimaryEmailAddressChanged,
    Template::PasskeyAdded,
    Template::PasskeyRemoved,
    Template::SecondFactorAdded,
    Template::BackupCodesCreated,
    Template::ExternalAccountConnected,
];
