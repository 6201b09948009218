//! The words of messages.

use crate::domain::id::MessageId;
use crate::domain::identifier::{Identifier, IdentifierKind};
use crate::domain::secret::Secret;
use crate::domain::time::Timestamp;

use super::{Channel, Message};

/// What messages say beside their secrets.
#[derive(Clone, Debug)]
pub struct Wording {
    /// What they call the application.
    pub application: String,
    /// Where links lead; `token` is added as a parameter.
    pub verify_url: String,
}

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
    let application = printable(application);
    let good_for = good_for(created_at, expire_at);
    let digits = code.expose();
    let channel = channel(to);
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
        code: Some(code.clone()),
        link: None,
        subject: format!("{digits} is your {application} verification code"),
        text: Secret::new(text),
        created_at,
        expire_at,
    }
}

/// The message that carries a link, by its token, and perhaps a code beside it.
#[expect(clippy::too_many_arguments, reason = "each is named at the one call")]
pub fn link_message(
    wording: &Wording,
    id: MessageId,
    to: &Identifier,
    display_to: &str,
    token: &Secret<String>,
    code: Option<&Secret<String>>,
    created_at: Timestamp,
    expire_at: Timestamp,
) -> Message {
    let application = printable(&wording.application);
    let good_for = good_for(created_at, expire_at);
    let link = format!("{}?token={}", wording.verify_url, token.expose());
    let or_code = code
        .map_or_else(String::new, |code| format!("\nOr type this code where you began:\n\n    {}\n", code.expose()));
    let text = format!(
        "Open this link to verify your e-mail address for {application}:\n\n{link}\n{or_code}\nIt is good for \
         {good_for} and works once. If you did not ask for it, do not open it; without it nothing happens.\n"
    );
    Message {
        id,
        channel: Channel::Email,
        to: to.value.clone(),
        display_to: display_to.to_owned(),
        code: code.cloned(),
        link: Some(Secret::new(link)),
        subject: format!("Your {application} verification link"),
        text: Secret::new(text),
        created_at,
        expire_at,
    }
}

/// The message to the owner of an address that somebody tried to sign up with.
pub fn notice_message(
    application: &str,
    id: MessageId,
    to: &Identifier,
    display_to: &str,
    created_at: Timestamp,
    expire_at: Timestamp,
) -> Message {
    let application = printable(application);
    let channel = channel(to);
    let text = match channel {
        Channel::Sms => format!(
            "Somebody tried to sign up for {application} with this number, which has an account. Was it you? Sign in."
        ),
        Channel::Email => format!(
            "Somebody tried to sign up for {application} with this address, which has an account already.\n\nIf it was \
             you, sign in instead. If it was not, there is nothing to do: nothing happened.\n"
        ),
    };
    Message {
        id,
        channel,
        to: to.value.clone(),
        display_to: display_to.to_owned(),
        code: None,
        link: None,
        subject: format!("You already have an account at {application}"),
        text: Secret::new(text),
        created_at,
        expire_at,
    }
}

fn channel(to: &Identifier) -> Channel {
    match to.kind {
        IdentifierKind::PhoneNumber => Channel::Sms,
        _ => Channel::Email,
    }
}

fn printable(application: &str) -> String {
    application.chars().filter(|c| !c.is_control()).collect()
}

fn good_for(created_at: Timestamp, expire_at: Timestamp) -> String {
    match expire_at.since(created_at).as_secs_ceil().div_ceil(60) {
        1 => "1 minute".to_owned(),
        minutes => format!("{minutes} minutes"),
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
