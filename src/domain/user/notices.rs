//! What a user is told of changes of the own account, so that the person hears of those that somebody else made
//! ([guide: Notices](crate::guide::contract_me#notices)).

use crate::domain::context::Context;
use crate::domain::id::MessageId;
use crate::domain::identifier::EmailAddress;
use crate::domain::message::{Content, Message, Origin};
use crate::domain::time::Span;

use super::{Identification, User, UserAccount};

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
        // What the backend adds takes nothing away, and comes with many users at once.
        let is_told = by == ChangedBy::Session;
        let has_new_factor = self.has_new_factor(next);
        let contents = [
            self.has_new_password(next, by).then_some(Content::PasswordChanged),
            self.has_lost_a_factor(next).then_some(Content::SecondFactorRemoved),
            (is_told && has_new_factor).then_some(Content::SecondFactorAdded),
            // The codes that come with a factor are part of it.
            (is_told && !has_new_factor && self.has_new_codes(next)).then_some(Content::BackupCodesCreated),
            next.has_passkey_beside(self).then_some(Content::PasskeyAdded),
            self.has_passkey_beside(next).then_some(Content::PasskeyRemoved),
            self.has_new_account(next).then_some(Content::ExternalAccountConnected),
            self.has_other_primary(next).then_some(Content::PrimaryEmailChanged),
        ];
        contents.into_iter().flatten().filter_map(|content| self.notice(content, self.id.into(), cx)).collect()
    }

    /// What the user is told of an account at a provider that a sign-in connects, because the provider vouches for `address`.
    /// The first proof of an address makes its owner that of the user, who is told nothing.
    pub(crate) fn notice_of_account(&self, address: &EmailAddress, cx: &mut Context<'_>) -> Option<Message> {
        let is_proved = self.has_verified(&address.identifier());
        self.notice(Content::ExternalAccountConnected, self.id.into(), cx).filter(|_| is_proved)
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
        next.has_new_factor(self)
    }

    /// Whether `next` has a second factor that this one has not.
    fn has_new_factor(&self, next: &Self) -> bool {
        fn numbers(user: &User) -> impl Iterator<Item = &str> {
            let phones = user.phone_numbers.iter().filter(|phone| phone.reserved_for_second_factor);
            phones.filter(|phone| phone.verified_by.is_some()).map(|phone| phone.value.as_str())
        }
        (!self.has_app() && next.has_app()) || numbers(next).any(|number| numbers(self).all(|known| known != number))
    }

    fn has_new_codes(&self, next: &Self) -> bool {
        let codes = |user: &Self| user.second_factors.as_ref().map_or(Vec::new(), |own| own.backup_codes.clone());
        let known = codes(self);
        codes(next).iter().any(|code| !known.contains(code))
    }

    /// Whether it has a passkey that `other` has not.
    fn has_passkey_beside(&self, other: &Self) -> bool {
        self.passkeys.iter().any(|passkey| other.passkeys.iter().all(|known| known.id != passkey.id))
    }

    fn has_new_account(&self, next: &Self) -> bool {
        let is_new = |account: &UserAccount| self.external_accounts.iter().all(|known| known.id != account.id);
        next.external_accounts.iter().any(is_new)
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
    use super::super::{Passkey, SecondFactors};
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
    fn a_user_is_told_of_each_way_in_that_is_added() {
        let before = user(&["ada@example.com"], &[]);
        let told = |from: &User, next: &User, by| {
            decide(|cx| from.notices(next, by, cx)).into_iter().map(|message| message.content).collect::<Vec<_>>()
        };
        let (session, backend) = (ChangedBy::Session, ChangedBy::Backend);
        let with_phone = User { phone_numbers: user(&[], &["+12025550143"]).phone_numbers, ..before.clone() };
        assert_eq!(told(&before, &with_phone, session), vec![Content::SecondFactorAdded]);
        assert_eq!(told(&before, &with_phone, backend), Vec::new(), "the backend adds it to many at once");

        let codes = |codes: &[u8]| SecondFactors {
            backup_codes: codes.iter().map(|code| [*code; 32]).collect(),
            ..SecondFactors::default()
        };
        let with_codes =
            |user: &User, given: &[u8]| User { second_factors: Some(Box::new(codes(given))), ..user.clone() };
        let both = with_codes(&with_phone, &[1, 2]);
        assert_eq!(told(&before, &both, session), vec![Content::SecondFactorAdded], "its codes are part of it");
        assert_eq!(told(&both, &with_codes(&both, &[3, 4]), session), vec![Content::BackupCodesCreated]);
        assert_eq!(told(&both, &with_codes(&both, &[2]), session), Vec::new(), "one is used");
        assert_eq!(told(&both, &with_codes(&both, &[3, 4]), backend), Vec::new());

        let passkey = |n: u8| Passkey {
            id: IdentificationId::from_bytes([n; 16]),
            name: "a key".into(),
            credential: format!("{n} key"),
            created_at: Timestamp::EPOCH,
            last_used_at: None,
        };
        let one = User { passkeys: vec![passkey(1)], ..before.clone() };
        let other = User { passkeys: vec![passkey(2)], ..before.clone() };
        let mut used = one.clone();
        used.passkeys[0].credential = "1 counted".into();
        assert_eq!(told(&before, &one, session), vec![Content::PasskeyAdded]);
        assert_eq!(told(&one, &before, backend), vec![Content::PasskeyRemoved]);
        assert_eq!(told(&one, &other, session), vec![Content::PasskeyAdded, Content::PasskeyRemoved]);
        assert_eq!(told(&one, &used, session), Vec::new());
    }

    #[test]
    fn an_account_that_a_sign_in_connects_is_told_where_the_address_was_proved_before() {
        let mut before = user(&["ada@example.com"], &[]);
        let address = before.email_addresses[0].value.clone();
        let told = decide(|cx| before.notice_of_account(&address, cx)).expect("a notice");
        assert_eq!((told.content, told.origin), (Content::ExternalAccountConnected, Origin::User(before.id)));
        before.email_addresses[0].verified_by = None;
        assert_eq!(decide(|cx| before.notice_of_account(&address, cx)), None);
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
