//! The words of messages.

use crate::domain::id::MessageId;
use crate::domain::identifier::Identifier;
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
    /// Where invitations lead; `ticket` is added as a parameter.
    pub accept_url: String,
}

/// What a message has whatever it says.
#[derive(Clone, Copy, Debug)]
pub struct Envelope<'a> {
    /// The same over all retries.
    pub id: MessageId,
    /// The normalised address.
    pub to: &'a Identifier,
    /// The address as the person typed it.
    pub display_to: &'a str,
    /// When it was made.
    pub created_at: Timestamp,
    /// After this it is not worth sending.
    pub expire_at: Timestamp,
}

impl Wording {
    /// The message that carries a code.
    pub fn code_message(&self, envelope: Envelope<'_>, code: &Secret<String>) -> Message {
        let application = printable(&self.application);
        let good_for = envelope.good_for();
        let digits = code.expose();
        let text = match envelope.channel() {
            Channel::Sms => format!("{digits} is your {application} verification code. It is good for {good_for}."),
            Channel::Email => format!(
                "Your verification code for {application} is\n\n    {digits}\n\nIt is good for {good_for}. If you \
                 did not ask for it, you can ignore this message; without the code nothing happens.\n"
            ),
        };
        let subject = format!("{digits} is your {application} verification code");
        Message { code: Some(code.clone()), ..envelope.around(subject, text) }
    }

    /// The message that carries a link, by its token, and perhaps a code beside it.
    pub fn link_message(
        &self,
        envelope: Envelope<'_>,
        token: &Secret<String>,
        code: Option<&Secret<String>>,
    ) -> Message {
        let application = printable(&self.application);
        let good_for = envelope.good_for();
        let link = format!("{}?token={}", self.verify_url, token.expose());
        let or_code = code.map_or_else(String::new, |code| {
            format!("\nOr type this code where you began:\n\n    {}\n", code.expose())
        });
        let text = format!(
            "Open this link to verify your e-mail address for {application}:\n\n{link}\n{or_code}\nIt is good for \
             {good_for} and works once. If you did not ask for it, do not open it; without it nothing happens.\n"
        );
        let subject = format!("Your {application} verification link");
        Message { code: code.cloned(), link: Some(Secret::new(link)), ..envelope.around(subject, text) }
    }

    /// The message that carries an invitation, by its ticket.
    pub fn invitation_message(&self, envelope: Envelope<'_>, ticket: &Secret<String>) -> Message {
        let application = printable(&self.application);
        let good_for = envelope.good_for();
        let link = format!("{}?ticket={}", self.accept_url, ticket.expose());
        let text = format!(
            "You are invited to {application}. Open this link to sign up:\n\n{link}\n\nIt is good for {good_for}, for \
             this address. If you do not want to sign up, there is nothing to do.\n"
        );
        let subject = format!("Your invitation to {application}");
        Message { link: Some(Secret::new(link)), ..envelope.around(subject, text) }
    }

    /// The message to the owner of an address that somebody tried to sign up with.
    pub fn notice_message(&self, envelope: Envelope<'_>) -> Message {
        let application = printable(&self.application);
        let text = match envelope.channel() {
            Channel::Sms => format!(
                "Somebody tried to sign up for {application} with this number, which has an account. Was it you? Sign in."
            ),
            Channel::Email => format!(
                "Somebody tried to sign up for {application} with this address, which has an account already.\n\nIf it was \
                 you, sign in instead. If it was not, there is nothing to do: nothing happened.\n"
            ),
        };
        envelope.around(format!("You already have an account at {application}"), text)
    }
}

impl Envelope<'_> {
    fn around(self, subject: String, text: String) -> Message {
        Message {
            id: self.id,
            channel: self.channel(),
            to: self.to.value.clone(),
            display_to: self.display_to.to_owned(),
            code: None,
            link: None,
            subject,
            text: Secret::new(text),
            created_at: self.created_at,
            expire_at: self.expire_at,
        }
    }

    fn channel(self) -> Channel {
        Channel::of(self.to)
    }

    fn good_for(self) -> String {
        let minutes = self.expire_at.since(self.created_at).as_secs_ceil().div_ceil(60);
        let (count, unit) = match minutes {
            0..120 => (minutes, "minute"),
            120..2880 => (minutes / 60, "hour"),
            _ => (minutes / 1440, "day"),
        };
        format!("{count} {unit}{}", if count == 1 { "" } else { "s" })
    }
}

fn printable(application: &str) -> String {
    application.chars().filter(|c| !c.is_control()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::identifier::IdentifierKind;

    #[test]
    fn how_long_a_message_is_good_is_said_in_whole_words() {
        const DAY: u64 = 86_400;
        let words = Wording { application: "Acme".into(), verify_url: String::new(), accept_url: String::new() };
        for (seconds, said) in [
            (1, "1 minute"),
            (60, "1 minute"),
            (61, "2 minutes"),
            (600, "10 minutes"),
            (7200, "2 hours"),
            (DAY, "24 hours"),
            (30 * DAY, "30 days"),
        ] {
            for (kind, value) in
                [(IdentifierKind::EmailAddress, "ada@example.com"), (IdentifierKind::PhoneNumber, "+1")]
            {
                let to = Identifier { kind, value: value.to_owned() };
                let envelope = Envelope {
                    id: MessageId::from_bytes([7; 16]),
                    to: &to,
                    display_to: value,
                    created_at: Timestamp::EPOCH,
                    expire_at: Timestamp::from_millis(seconds * 1000),
                };
                let message = words.code_message(envelope, &Secret::new("424242".to_owned()));
                assert!(message.text.expose().contains(&format!("is good for {said}.")), "{}", message.text.expose());
            }
        }
    }
}
