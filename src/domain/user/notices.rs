//! What a user is told of changes of the own account, so that the person hears of those that somebody else made
//! ([guide: Notices](crate::guide::contract_me#notices)).

use crate::domain::context::Context;
use crate::domain::id::MessageId;
use crate::domain::identifier::EmailAddress;
use crate::domain::message::{Content, Message, Origin};
use crate::domain::time::Span;

use super::{Identification, User};

/// Who changed a user.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum ChangedBy {
    /// A session of the user: it may be another person's.
    Session,
    /// The application's backend.
    Backend,
}

impl User {
    /// What the user is told of the change to `next`: at the address that was the primary one before, so that who made
    /// the change can't choose the address. Nothing where no address is proved.
    pub(crate) fn notices(&self, next: &Self, by: ChangedBy, cx: &mut Context<'_>) -> Vec<Message> {
        let contents = [
            self.has_new_password(next, by).then_some(Content::PasswordChanged),
            self.has_lost_a_factor(next).then_some(Content::SecondFactorRemoved),
            self.has_other_primary(next).then_some(Content::PrimaryEmailChanged),
        ];
        contents.into_iter().flatten().filter_map(|content| self.notice(content, self.id.into(), cx)).collect()
    }

    /// A notice to the user's first verified e-mail address.
    pub(in crate::domain) fn notice(&self, content: Content, origin: Origin, cx: &mut Context<'_>) -> Option<Message> {
        let email = self.verified_email()?;
        Some(Message {
            id: MessageId::generate(cx.now, cx.entropy),
            to: email.value.identifier(),
            display_to: email.value.typed().to_owned(),
            content,
            origin,
            locale: self.locale.clone(),
            phone_channel: None,
            created_at: cx.now,
            expire_at: cx.now + GOOD_FOR,
        })
    }

    fn verified_email(&self) -> Option<&Identification<EmailAddress>> {
        self.email_addresses.iter().find(|email| email.verified_by.is_some())
    }

    /// A first password that the backend sets takes nothing away, and comes with many users at once.
    fn has_new_password(&self, next: &Self, by: ChangedBy) -> bool {
        let is_told = self.has_password() || by == ChangedBy::Session;
        is_told && next.has_password() && next.password_digest != self.password_digest
    }

    fn has_lost_a_factor(&self, next: &Self) -> bool {
        let is_factor = |user: &Self, number: &str| {
            let mut phones = user.phone_numbers.iter().filter(|phone| phone.reserved_for_second_factor);
            phones.any(|phone| phone.value.as_str() == number && phone.verified_by.is_some())
        };
        let mut numbers = self.phone_numbers.iter().map(|phone| phone.value.as_str());
        (self.has_app() && !next.has_app()) || numbers.any(|number| is_factor(self, number) && !is_factor(next, number))
    }

    fn has_other_primary(&self, next: &Self) -> bool {
        let (before, after) = (self.email_addresses.first(), next.email_addresses.first());
        let is_other = |(before, after): (&Identification<EmailAddress>, &Identification<EmailAddress>)| {
            before.value.as_str() != after.value.as_str() && after.is_theirs()
        };
        before.zip(after).is_some_and(is_other)
    }
}

/// How long a notice is tried to be sent.
const GOOD_FOR: Span = Span::from_secs(86_400);

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::id::{IdentificationId, UserId};
    use crate::domain::identifier::PhoneNumber;
    use crate::domain::policy::Policy;
    use crate::domain::ports::{Entropy, KeyedDigest};
    use crate::domain::secret::Secret;
    use crate::domain::settings::Settings;
    use crate::domain::time::Timestamp;
    use crate::domain::verification::Strategy;

    #[test]
    fn a_user_is_told_at_the_address_from_before_the_change() {
        let before = user(&["ada@example.com"], &["+12025550143"]);
        let told = |next: &User, by| {
            let sent = decide(|cx| before.notices(next, by, cx));
            assert!(sent.iter().all(|message| message.to.value == "ada@example.com"), "{sent:?}");
            assert!(sent.iter().all(|message| message.origin == Origin::User(before.id)));
            sent.into_iter().map(|message| message.content).collect::<Vec<_>>()
        };
        let session = ChangedBy::Session;
        assert_eq!(told(&before, session), Vec::new());

        let with_password = User { password_digest: Some(Secret::new("a digest".into())), ..before.clone() };
        assert_eq!(told(&with_password, session), vec![Content::PasswordChanged]);
        assert_eq!(told(&with_password, ChangedBy::Backend), Vec::new(), "a first password by the backend");
        let changed = User { password_digest: Some(Secret::new("another".into())), ..before.clone() };
        let sent = decide(|cx| with_password.notices(&changed, ChangedBy::Backend, cx));
        assert_eq!(sent.into_iter().map(|m| m.content).collect::<Vec<_>>(), vec![Content::PasswordChanged]);
        assert_eq!(decide(|cx| with_password.notices(&before, session, cx)), Vec::new(), "a password less");

        let mut moved = before.clone();
        moved.email_addresses = user(&["eve@example.com", "ada@example.com"], &[]).email_addresses;
        assert_eq!(told(&moved, session), vec![Content::PrimaryEmailChanged]);
        let without = User { email_addresses: Vec::new(), ..before.clone() };
        assert_eq!(told(&without, session), Vec::new());

        let mut plain = before.clone();
        plain.phone_numbers[0].reserved_for_second_factor = false;
        assert_eq!(told(&plain, session), vec![Content::SecondFactorRemoved]);
        let without = User { phone_numbers: Vec::new(), ..before.clone() };
        assert_eq!(told(&without, session), vec![Content::SecondFactorRemoved]);
    }

    #[test]
    fn nobody_is_told_at_an_address_that_is_not_proved() {
        let mut before = user(&["ada@example.com"], &["+12025550143"]);
        before.email_addresses[0].verified_by = None;
        let next = User { password_digest: Some(Secret::new("a digest".into())), ..user(&[], &[]) };
        assert_eq!(decide(|cx| before.notices(&next, ChangedBy::Session, cx)), Vec::new());
    }

    fn user(emails: &[&str], factors: &[&str]) -> User {
        let id = |n: usize| IdentificationId::from_bytes([u8::try_from(n).expect("a few"); 16]);
        let emails = emails.iter().enumerate().map(|(n, address)| Identification {
            verified_by: Some(Strategy::EmailCode),
            ..Identification::unproved(id(n), EmailAddress::parse(address).expect("an address"))
        });
        let phones = factors.iter().enumerate().map(|(n, number)| Identification {
            verified_by: Some(Strategy::PhoneCode),
            reserved_for_second_factor: true,
            ..Identification::unproved(id(100 + n), PhoneNumber::parse(number).expect("a number"))
        });
        User {
            email_addresses: emails.collect(),
            phone_numbers: phones.collect(),
            ..User::new(UserId::from_bytes([1; 16]), Timestamp::EPOCH)
        }
    }

    fn decide<T>(decision: impl FnOnce(&mut Context<'_>) -> T) -> T {
        let (settings, policy) = (Settings::default(), Policy::default());
        let now = Timestamp::from_millis(1_000);
        decision(&mut Context { now, settings: &settings, policy: &policy, entropy: &mut Ones, digest: &Nothing })
    }

    struct Ones;

    impl Entropy for Ones {
        fn fill(&mut self, buffer: &mut [u8]) {
            buffer.fill(1);
        }
    }

    struct Nothing;

    impl KeyedDigest for Nothing {
        fn digest(&self, _: &[&[u8]]) -> [u8; 32] {
            [0; 32]
        }

        fn equal(&self, left: &[u8; 32], right: &[u8; 32]) -> bool {
            left == right
        }
    }
}
