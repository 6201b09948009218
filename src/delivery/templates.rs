//! The texts of messages. Begin with [`MessageTemplates`]; `compiled` has the templates, `check` looks at them before the
//! first message, and the folder `built_in` is what a translator or designer reads.

mod catalogue;
mod check;
mod compiled;
mod error;
mod files;
mod locale;
mod sms;
mod style;

use std::borrow::Cow;

use crate::domain::id::MessageId;
use crate::domain::identifier::Identifier;
use crate::domain::message::{Origin, Template};
use crate::domain::secret::Secret;
use crate::domain::time::Timestamp;
use crate::domain::verification::PhoneChannel;

use super::{Channel, Message};
use compiled::{Letter, Shown, Validity};

pub use compiled::Templates;
pub use error::{TemplateError, TemplateFault};
pub use style::{Color, Logo, MessageStyle, StyleError};

/// The instance's values that messages contain, and how messages look.
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
    /// The host of the pages on which codes are entered, to which text messages bind them.
    pub page_host: Option<String>,
    /// Templates, language and looks.
    pub style: MessageStyle,
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
    /// What it was made for.
    pub origin: Option<Origin>,
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
        self.message(envelope, Template::VerificationCode, Some(code), None)
    }

    /// A message with a link that contains `token`, and perhaps a code. The envelope says whether it signs in.
    pub fn link_message(
        &self,
        envelope: Envelope<'_>,
        token: &Secret<String>,
        code: Option<&Secret<String>>,
    ) -> Message {
        let link = format!("{}?token={}", self.verify_url, token.expose());
        let template = if envelope.template.is_magic_link() { envelope.template } else { Template::MagicLinkSignUp };
        self.message(envelope, template, code, Some(link))
    }

    /// A message with an invitation link that contains `ticket`.
    pub fn invitation_message(&self, envelope: Envelope<'_>, ticket: &Secret<String>) -> Message {
        let link = format!("{}?ticket={}", self.accept_url, ticket.expose());
        self.message(envelope, Template::Invitation, None, Some(link))
    }

    /// A notice to the owner of an address that was used in another person's sign-up (enumeration protection).
    pub fn notice_message(&self, envelope: Envelope<'_>) -> Message {
        self.message(envelope, Template::AccountExists, None, None)
    }

    /// A notice to a user about the change of the account that the envelope names.
    pub fn change_message(&self, envelope: Envelope<'_>) -> Message {
        self.message(envelope, envelope.template, None, None)
    }

    /// The same without the logo: its messages show the application's name instead. For receivers of webhooks, which get the
    /// HTML without the image.
    #[cfg(feature = "webhooks")]
    pub(crate) fn without_logo(mut self) -> Self {
        self.style.logo = None;
        self
    }

    /// The same with another address of the support; none where it is empty.
    pub fn with_support(&self, address: &str) -> Self {
        Self { support_email: (!address.is_empty()).then(|| address.to_owned()), ..self.clone() }
    }

    fn message(
        &self,
        envelope: Envelope<'_>,
        template: Template,
        code: Option<&Secret<String>>,
        link: Option<String>,
    ) -> Message {
        let style = &self.style;
        let language = style.templates.language(envelope.locale, &style.locale);
        let application = one_line(&self.application);
        let (home, support) = (self.home_url.as_deref().map(one_line), self.support_email.as_deref().map(one_line));
        let accent = style.accent_color.to_string();
        let [edge, edge_dark] = style.accent_color.edges().map(|edge| edge.to_string());
        let shown = Shown {
            template,
            application: &application,
            home_url: home.as_deref(),
            support_email: support.as_deref(),
            code: code.map(|code| code.expose().as_str()),
            link: link.as_deref(),
            validity: envelope.validity(),
            accent: &accent,
            on_accent: style.accent_color.readable(),
            edge: &edge,
            edge_dark: &edge_dark,
            has_logo: style.logo.is_some(),
        };
        let channel = envelope.channel();
        let (subject, text, html) = self.rendered(channel, language, &shown);
        Message {
            id: envelope.id,
            channel,
            to: envelope.to.value.clone(),
            display_to: envelope.display_to.to_owned(),
            code: code.cloned(),
            template: envelope.template,
            origin: envelope.origin,
            phone_channel: envelope.phone_channel,
            locale: language.tag.clone(),
            subject: one_line(&subject).into_owned(),
            text: Secret::new(text),
            logo: html.is_some().then(|| style.logo.clone()).flatten(),
            html: html.map(Secret::new),
            link: link.map(Secret::new),
            created_at: envelope.created_at,
            expire_at: envelope.expire_at,
        }
    }

    /// The subject, the text, and for an e-mail the HTML.
    fn rendered(
        &self,
        channel: Channel,
        language: &compiled::Language,
        shown: &Shown<'_>,
    ) -> (String, String, Option<String>) {
        let templates = self.style.templates.compiled();
        let rendered = match channel {
            Channel::Email => {
                templates.letter(language, shown).map(|Letter { subject, text, html }| (subject, text, Some(html)))
            }
            Channel::Sms => templates.sms(language, shown).and_then(|text| {
                let text = text.unwrap_or_default();
                let text = match shown.code {
                    Some(code) => sms::bound(text, self.page_host.as_deref(), code),
                    None => text,
                };
                Ok((templates.subject(language, shown)?, text, None))
            }),
        };
        rendered.unwrap_or_else(|error| {
            // The check at the start has rendered each template, so only a template that depends on values gets here.
            let fault = templates.fault(&error);
            tracing::error!(%fault, "a template failed; the message is sent without it");
            let secrets = [shown.code, shown.link].into_iter().flatten();
            let text = secrets.fold(format!("{}\n", shown.application), |text, secret| format!("{text}\n{secret}\n"));
            (shown.application.to_owned(), text, None)
        })
    }
}

impl Envelope<'_> {
    fn channel(self) -> Channel {
        Channel::of(self.to)
    }

    fn validity(self) -> Validity {
        let minutes = self.expire_at.since(self.created_at).as_secs_ceil().div_ceil(60);
        match minutes {
            0..120 => Validity::Minutes(minutes),
            120..2880 => Validity::Hours(minutes / 60),
            _ => Validity::Days(minutes / 1440),
        }
    }
}

/// Puts a setting on one line: line breaks become spaces, and Unicode's bidirectional controls (UAX 9), which could
/// reorder the line, are removed.
fn one_line(text: &str) -> Cow<'_, str> {
    if text.split(' ').all(|word| !word.is_empty() && word.bytes().all(|byte| byte.is_ascii_graphic())) {
        return text.into();
    }
    let is_bidi_control =
        |c: &char| matches!(c, '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}');
    let plain: String =
        text.chars().filter(|c| !is_bidi_control(c)).map(|c| if c.is_control() { ' ' } else { c }).collect();
    plain.split_whitespace().collect::<Vec<_>>().join(" ").into()
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
                "sign up:\n\nhttps://clerk.acme.example/v1/tickets/accept?ticket=t2\n\nThe invitation is good for 30 days, for this address only.",
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

    #[test]
    fn an_e_mail_keeps_its_direction_where_the_body_is_shown_alone() {
        let to = mail();
        for (locale, dir) in [("ar", "rtl"), ("en", "ltr")] {
            let envelope = Envelope { locale: Some(locale), ..envelope(&to, 600) };
            let token = Secret::new("t1".to_owned());
            let templates = named("Acme");
            for message in [
                templates.code_message(envelope, &code()),
                templates.link_message(envelope, &token, Some(&code())),
                templates.invitation_message(envelope, &token),
                templates.notice_message(envelope),
            ] {
                let html = message.html.expect("HTML").into_inner();
                let (_, body) = html.split_once("<body").expect("a body");
                let (_, inner) = body.split_once('>').expect("its end");
                for outermost in ["<div", "<table"] {
                    let tag = inner.split(outermost).nth(1).and_then(|rest| rest.split('>').next()).expect(outermost);
                    let wanted = format!(" dir=\"{dir}\" lang=\"{locale}\"");
                    assert!(tag.contains(&wanted), "{outermost}{tag}");
                }
            }
        }
    }

    #[test]
    fn the_address_of_the_support_is_a_link_and_escaped() {
        let to = mail();
        for (address, link) in [
            ("help@acme.example", "<a href=\"mailto:help@acme.example\""),
            ("o'neil&co@acme.example", "<a href=\"mailto:o&#39;neil&amp;co@acme.example\""),
        ] {
            for locale in ["en", "ar", "de", "ja"] {
                let words = MessageTemplates { support_email: Some(address.into()), ..named("Acme") };
                let message = words.notice_message(Envelope { locale: Some(locale), ..envelope(&to, 600) });
                let html = message.html.expect("HTML").into_inner();
                assert_eq!(html.matches(link).count(), 1, "{html}");
                assert!(!html.contains("&lt;a") && !html.contains("&amp;amp;"), "{html}");
                assert!(!message.text.expose().contains("mailto:"), "{}", message.text.expose());
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
            page_host: None,
            style: MessageStyle::default(),
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
            phone_channel: None,
            id: MessageId::from_bytes([7; 16]),
            to,
            display_to: &to.value,
            template: Template::VerificationCode,
            origin: None,
            locale: None,
            created_at: Timestamp::EPOCH,
            expire_at: Timestamp::from_millis(seconds * 1000),
        }
    }
}
