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
    let good_for = match expire_at.since(created_at).as_secs_ceil().div_ceil(60) {
        1 => "1 minute".to_owned(),
        minutes => format!("{minutes} minutes"),
    };
    let digits = code.expose();
    let channel = match to.kind {
        IdentifierKind::PhoneNumber => Channel::Sms,
        _ => Channel::Email,
    };
    let text = match channel {
        Channel::Sms => format!("{digits} is your {application} verification code. It is good for {good_for}."),
        Channel::Email => format!(
            "Your verification code for {application} is\n\n    {digits}\n\nIt is good for {good_for}. If you \
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_minute_is_not_minutes() {
        for (seconds, words) in [(1, "1 minute"), (60, "1 minute"), (61, "2 minutes"), (600, "10 minutes")] {
            for (kind, value) in
                [(IdentifierKind::EmailAddress, "ada@example.com"), (IdentifierKind::PhoneNumber, "+1")]
            {
                let to = Identifier { kind, value: value.to_owned() };
                let code = Secret::new("424242".to_owned());
                let (id, end) = (MessageId::from_bytes([7; 16]), Timestamp::from_millis(seconds * 1000));
                let message = code_message("Acme", id, &to, value, &code, Timestamp::EPOCH, end);
                assert!(message.text.expose().contains(&format!("is good for {words}.")), "{}", message.text.expose());
            }
        }
    }
}
