//! What the tests of this room share.

use crate::domain::id::{MessageId, SignUpId};
use crate::domain::message::{Origin, Template};
use crate::domain::secret::Secret;
use crate::domain::time::Timestamp;

use super::{Channel, Message};

/// An e-mail with nothing in it.
pub(super) fn message(to: &str, subject: &str) -> Message {
    Message {
        phone_channel: None,
        id: MessageId::from_bytes([1; 16]),
        channel: Channel::Email,
        to: to.into(),
        display_to: to.into(),
        code: None,
        link: None,
        template: Template::VerificationCode,
        origin: Some(Origin::SignUp(SignUpId::from_bytes([7; 16]))),
        locale: "en".into(),
        subject: subject.into(),
        html: None,
        logo: None,
        text: Secret::new(String::new()),
        created_at: Timestamp::EPOCH,
        expire_at: Timestamp::EPOCH,
    }
}
