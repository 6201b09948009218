//! The words of messages.

use crate::domain::id::MessageId;
use crate::domain::identifier::{Identifier, IdentifierKind};
use crate::domain::secret::Secret;
use crate::domain::time::Timestamp;

use super::{Channel, Message};

/// The message that carries a code.
pub fn code_message(
    application: &str,
    id: MessageId,
    to: &Identifier,
    display_to: &str,
    code: &Secret<String>,
    created_at: Timestamp,
    expire_at: Timestamp,
) -> Message {
    let application: String = application.chars().filter(|c| !c.is_control()).collect();
    let minutes = expire_at.since(created_at).as_secs_ceil().div_ceil(60);
    let digits = code.expose();
    let channel = match to.kind {
        IdentifierKind::PhoneNumber => Channel::Sms,
        _ => Channel::Email,
    };
    let text = match channel {
        Channel::Sms => format!("{digits} is your {application} verification code. It is good for {minutes} minutes."),
        Channel::Email => format!(
            "Your verification code for {application} is\n\n    {digits}\n\nIt is good for {minutes} minutes. If you \
             did not ask for it, you can ignore this message; without the code nothing happens.\n"
        ),
    };
    Message {
        id,
        channel,
        to: to.value.clone(),
        display_to: display_to.to_owned(),
        code: code.clone(),
        subject: format!("{digits} is your {application} verification code"),
        text: Secret::new(text),
        created_at,
        expire_at,
    }
}
