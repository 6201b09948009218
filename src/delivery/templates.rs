//! Texts of messages.

use crate::domain::id::MessageId;
use crate::domain::identifier::Identifier;
use crate::domain::message::Template;
use crate::domain::secret::Secret;
use crate::domain::time::Timestamp;
use crate::domain::verification::PhoneChannel;

use super::{Channel, Message};

/// The instance's values that message texts contain.
#[derive(Clone, Debug)]
pub struct MessageTemplates {
    /// Name of the application.
    pub application: String,
    /// URL of links; `token` is added as a query parameter.
    pub verify_url: String,
    /// URL of invitation links; `ticket` is added as a query parameter.
    pub accept_url: String,
    /// URL of the application's home page.
    pub home_url: Option<String>,
    /// Address of the application's support.
    pub support_email: Option<String>,
}

/// Fields that every message has.
#[derive(Clone, Copy, Debug)]
pub struct Envelope<'a> {
    /// Message id, the same in all retries.
    pub id: MessageId,
    /// The normalised address.
    pub to: &'a Identifier,
    /// The address as the person typed it.
    pub display_to: &'a str,
    /// What it is for.
    pub template: Template,
    /// How a message to a phone number is to arrive, if the person chose.
    pub phone_channel: Option<PhoneChannel>,
    /// The person's language, if it is known.
    pub locale: Option<&'a str>,
    /// Time of creation.
    pub created_at: Timestamp,
    /// Expiry: after this time it is not sent any more.
    pub expire_at: Timestamp,
}

impl MessageTemplates {
    /// A message with a code.
    pub fn code_message(&self, envelope: Envelope<'_>, code: &Secret<String>) -> Message {
        let application = one_line(&self.application);
        let good_for = envelope.good_for();
        let digits = code.expose();
        let text = match envelope.channel() {
            // Short, because a text message of more than 160 characters, or 70 with characters outside GSM 03.38, costs
            // as much as two.
            Channel::Sms => format!("{digits} is your {application} code. It is good for {good_for}."),
            Channel::Email => self.signed_text(&format!(
                "Your verification code for {application} is\n\n    {digits}\n\nIt is good for {good_for}. Do not tell \
                 it to anybody. If you did not ask for it, you can ignore this message; without the code nothing \
                 happens.\n"
            )),
        };
        let subject = format!("{digits} is your {application} verification code");
        Message { code: Some(code.clone()), ..envelope.around(subject, text) }
    }

    /// A message with a link that contains `token`, and perhaps a code.
    pub fn link_message(
        &self,
        envelope: Envelope<'_>,
        token: &Secret<String>,
        code: Option<&Secret<String>>,
    ) -> Message {
        let application = one_line(&self.application);
        let good_for = envelope.good_for();
        let link = format!("{}?token={}", self.verify_url, token.expose());
        let or_code = code.map_or_else(String::new, |code| {
            format!("\nOr enter this code on the page where you began:\n\n    {}\n", code.expose())
        });
        let text = self.signed_text(&format!(
            "Open this link to verify your e-mail address for {application}:\n\n{link}\n{or_code}\nIt is good for \
             {good_for} and works once. If you did not ask for it, do not open it; without it nothing happens.\n"
        ));
        let subject = format!("Verify your e-mail address for {application}");
        Message { code: code.cloned(), link: Some(Secret::new(link)), ..envelope.around(subject, text) }
    }

    /// A message with an invitation link that contains `ticket`.
    pub fn invitation_message(&self, envelope: Envelope<'_>, ticket: &Secret<String>) -> Message {
        let application = one_line(&self.application);
        let good_for = envelope.good_for();
        let link = format!("{}?ticket={}", self.accept_url, ticket.expose());
        let text = self.signed_text(&format!(
            "You are invited to {application}. Open this link to sign up:\n\n{link}\n\nIt is good for {good_for}, for \
             this address. If you do not want to sign up, there is nothing to do.\n"
        ));
        let subject = format!("You are invited to {application}");
        Message { link: Some(Secret::new(link)), ..envelope.around(subject, text) }
    }

    /// A notice to the owner of an address that was used in another person's sign-up (enumeration protection).
    pub fn notice_message(&self, envelope: Envelope<'_>) -> Message {
        let application = one_line(&self.application);
        let text = match envelope.channel() {
            Channel::Sms => format!(
                "Somebody tried to sign up for {application} with your number, which has an account. Was it you? Sign in."
            ),
            Channel::Email => self.signed_text(&format!(
                "Somebody tried to sign up for {application} with this address, which has an account already.\n\nIf it was \
                 you, sign in instead. If it was not, there is nothing to do: nothing happened.\n"
            )),
        };
        envelope.around(format!("You already have an account at {application}"), text)
    }

    /// The text, followed by the application's name, home page and support address as far as they are set.
    fn signed_text(&self, text: &str) -> String {
        let home = self.home_url.as_deref().map(one_line);
        let help = self.support_email.as_deref().map(|address| format!("Questions? Write to {}", one_line(address)));
        if home.is_none() && help.is_none() {
            return text.to_owned();
        }
        let lines = [Some(one_line(&self.application)), home, help];
        lines.into_iter().flatten().fold(format!("{text}\n"), |all, line| format!("{all}{line}\n"))
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
            template: self.template,
            phone_channel: self.phone_channel,
            locale: "en".into(),
            subject,
            text: Secret::new(text),
            html: None,
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

/// Puts a setting on one line: line breaks become spaces, and Unicode's bidirectional controls (UAX 9), which could
/// reorder the line, are removed.
fn one_line(text: &str) -> String {
    let is_bidi_control =
        |c: &char| matches!(c, '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}');
    let plain: String =
        text.chars().filter(|c| !is_bidi_control(c)).map(|c| if c.is_control() { ' ' } else { c }).collect();
    plain.split_whitespace().collect::<Vec<_>>().join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::identifier::IdentifierKind;

    const DAY: u64 = 86_400;

    #[test]
    fn how_long_a_message_is_good_is_said_in_whole_words() {
        for (seconds, said) in [
            (1, "1 minute"),
            (60, "1 minute"),
            (61, "2 minutes"),
            (600, "10 minutes"),
            (7200, "2 hours"),
            (DAY, "24 hours"),
            (30 * DAY, "30 days"),
        ] {
            for to in [mail(), phone()] {
                let message = named("Acme").code_message(envelope(&to, seconds), &code());
                assert!(message.text.expose().contains(&format!("is good for {said}.")), "{}", message.text.expose());
            }
        }
    }

    #[test]
    fn mail_says_what_it_is_for_and_who_it_is_from() {
        let words = MessageTemplates {
            home_url: Some("https://acme.example".into()),
            support_email: Some("help@acme.example".into()),
            ..named("Acme")
        };
        let to = mail();
        let below = "\nAcme\nhttps://acme.example\nQuestions? Write to help@acme.example\n";
        let (token, ticket) = (Secret::new("t1".to_owned()), Secret::new("t2".to_owned()));
        for (message, subject, said) in [
            (
                words.code_message(envelope(&to, 600), &code()),
                "424242 is your Acme verification code",
                "Your verification code for Acme is\n\n    424242\n\nIt is good for 10 minutes. Do not tell it to anybody.",
            ),
            (
                words.link_message(envelope(&to, 600), &token, Some(&code())),
                "Verify your e-mail address for Acme",
                "Acme:\n\nhttps://clerk.acme.example/v1/verify?token=t1\n\nOr enter this code on the page where you \
                 began:\n\n    424242\n",
            ),
            (
                words.invitation_message(envelope(&to, 30 * DAY), &ticket),
                "You are invited to Acme",
                "sign up:\n\nhttps://clerk.acme.example/v1/tickets/accept?ticket=t2\n\nIt is good for 30 days, for this address.",
            ),
            (
                words.notice_message(envelope(&to, 600)),
                "You already have an account at Acme",
                "Somebody tried to sign up for Acme with this address, which has an account already.",
            ),
        ] {
            let text = message.text.expose();
            assert_eq!(message.subject, subject);
            assert!(text.contains(said) && text.ends_with(below) && !text.contains("\n\n\n"), "{text}");
        }
        let alone = named("Acme").code_message(envelope(&to, 600), &code());
        assert!(alone.text.expose().ends_with("nothing happens.\n"), "a name alone is in the text already");
        let home = MessageTemplates { support_email: None, ..words };
        let text = home.code_message(envelope(&to, 600), &code()).text.into_inner();
        assert!(text.ends_with("happens.\n\nAcme\nhttps://acme.example\n"), "{text}");
    }

    #[test]
    fn a_text_message_is_one_where_the_name_allows() {
        // The longest name that the configuration allows, in GSM 03.38 characters; then one outside them.
        for (name, letters_max) in [("A".repeat(64), 160), ("Ёлки-палки".to_owned(), 70)] {
            let message = named(&name).code_message(envelope(&phone(), 600), &code());
            let text = message.text.expose();
            assert!(text.starts_with("424242 is your ") && text.contains(&name), "{text}");
            assert!(text.chars().count() <= letters_max, "{}: {text}", text.chars().count());
        }
        let notice = named(&"A".repeat(64)).notice_message(envelope(&phone(), 600));
        assert!(notice.text.expose().chars().count() <= 160, "{}", notice.text.expose());
    }

    #[test]
    fn a_name_stays_within_its_line_whatever_it_is() {
        for (name, shown) in [
            ("Acme\r\nBcc: mallory@example.com", "Acme Bcc: mallory@example.com"),
            (" Acme\t\u{2028} Inc ", "Acme Inc"),
            ("<b>Acme</b> & \"Sons\"", "<b>Acme</b> & \"Sons\""),
            ("Acme\u{202e}moc", "Acmemoc"),
            ("Café \u{1f370}", "Café \u{1f370}"),
        ] {
            for to in [mail(), phone()] {
                let message = named(name).code_message(envelope(&to, 600), &code());
                assert_eq!(message.subject, format!("424242 is your {shown} verification code"));
                assert!(message.text.expose().contains(shown), "{}", message.text.expose());
            }
        }
    }

    fn named(application: &str) -> MessageTemplates {
        MessageTemplates {
            application: application.into(),
            verify_url: "https://clerk.acme.example/v1/verify".into(),
            accept_url: "https://clerk.acme.example/v1/tickets/accept".into(),
            home_url: None,
            support_email: None,
        }
    }

    fn code() -> Secret<String> {
        Secret::new("424242".to_owned())
    }

    fn mail() -> Identifier {
        Identifier { kind: IdentifierKind::EmailAddress, value: "ada@example.com".into() }
    }

    fn phone() -> Identifier {
        Identifier { kind: IdentifierKind::PhoneNumber, value: "+12025550143".into() }
    }

    fn envelope(to: &Identifier, seconds: u64) -> Envelope<'_> {
        Envelope {
            template: Template::VerificationCode,
            locale: None,
            phone_channel: None,
            id: MessageId::from_bytes([7; 16]),
            to,
            display_to: &to.value,
            created_at: Timestamp::EPOCH,
            expire_at: Timestamp::from_millis(seconds * 1000),
        }
    }
}
