//! What is known of a message in the outbox without opening it.

use crate::domain::id::{AddressVerificationId, InvitationId, SignInId, SignUpId, UserId};
use crate::domain::message::{Origin, Template};
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
