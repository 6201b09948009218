//! Proving an address of a user who is known: a code is sent to the address, and comes back. The application's backend
//! brings the code that the person typed into its page ([guide: Addresses](crate::guide::contract_backend#addresses)), or
//! the person's own session does ([guide: The profile](crate::guide::contract_me)).
//!
//! The backend or the session vouches that this person is the user. So unlike the first proof by a sign-in, this one ends
//! nothing that the user has.

use crate::domain::context::Context;
use crate::domain::id::{AddressVerificationId, ClientId, IdentificationId, SessionId, UserId};
use crate::domain::identifier::Identifier;
use crate::domain::message::Message;
use crate::domain::quota::{QuotaKind, QuotaUse};
use crate::domain::rejection::{ErrorCode, Rejection};
use crate::domain::verification::{
    Challenge, Guess, Letter, Means, MessageKind, OneTimeCode, Strategy, Verification, VerificationStatus,
};

use super::User;

/// A code that was sent to an address of a user, and the state of its verification. An address has at most one: a new one
/// replaces it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AddressVerification {
    /// Its id.
    pub id: AddressVerificationId,
    /// The user.
    pub user_id: UserId,
    /// The id of the address.
    pub address_id: IdentificationId,
    /// The address.
    pub address: Identifier,
    /// What it is proved for. A code for one purpose is no proof for another.
    pub purpose: Purpose,
    /// The code's digest, the number of attempts, and the proof.
    pub(crate) verification: Verification,
}

/// What an address is proved for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Purpose {
    /// The application's backend asks whether the person has the address.
    Backend,
    /// The person adds the address to the user.
    Profile,
    /// The person of this session proves again who they are.
    Session(SessionId),
}

/// Who asks for a code, and what for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Asker {
    /// What for.
    pub(crate) purpose: Purpose,
    /// The person's client; `None` for the application's backend.
    pub(crate) client: Option<ClientId>,
    /// Whether nothing is sent, and no code is right: another user has the address, and the person must not learn that.
    pub(crate) is_decoy: bool,
}

impl Asker {
    /// The application's backend.
    pub(crate) const BACKEND: Self = Self { purpose: Purpose::Backend, client: None, is_decoy: false };
}

/// What to commit: the next value, the message that it sends, and what it is counted as.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct AddressStep {
    pub(crate) next: AddressVerification,
    pub(crate) message: Option<Message>,
    pub(crate) uses: Vec<QuotaUse>,
    /// The user with the address proved, where it was not before.
    pub(crate) user: Option<User>,
}

impl AddressVerification {
    /// A new code for an address of `user`, verified or not; `before` is the address's verification so far.
    ///
    /// # Errors
    /// `resource_not_found` for an address that is not the user's; `verification_code_too_many_requests` within the
    /// cool-down; `unsupported_country_code`.
    pub(crate) fn prepare(
        user: &User,
        address_id: IdentificationId,
        before: Option<&Self>,
        for_whom: &Asker,
        cx: &mut Context<'_>,
    ) -> Result<AddressStep, Rejection> {
        let known = user.address(address_id).ok_or(ErrorCode::ResourceNotFound)?;
        let Address { identifier: address, display, strategy } = known;
        let id = AddressVerificationId::generate(cx.now, cx.entropy);
        let mut sends = before.iter().map(|sent| (sent.address.clone(), sent.verification.prepared_at)).collect();
        let challenge = Challenge { owner: id.into(), address: &address };
        let means = Means::Code { strategy, channel: None };
        let kind = if for_whom.is_decoy { MessageKind::Decoy } else { MessageKind::Secret };
        let letter = Letter { kind, display_to: display, locale: user.locale.clone() };
        let (mut verification, message) = challenge.send(means, letter, &mut sends, cx)?;
        if for_whom.is_decoy {
            // Also where the address takes a fixed code.
            verification.forget_secrets(cx);
        }
        let next = Self { id, user_id: user.id, address_id, address, purpose: for_whom.purpose, verification };
        let uses = message.iter().map(|_| next.used_for(QuotaKind::Message, for_whom.client)).collect();
        Ok(AddressStep { next, message, uses, user: None })
    }

    /// The verification after a guess. A right one proves the address of `user`; a wrong one is counted.
    ///
    /// # Errors
    /// `verification_already_verified`; `resource_not_found` where the address is no longer the user's.
    pub(crate) fn attempt(
        &self,
        code: &OneTimeCode,
        user: &User,
        by: Option<ClientId>,
        cx: &mut Context<'_>,
    ) -> Result<Option<AddressStep>, Rejection> {
        match self.verification.status(cx.now, cx.policy.attempts_max) {
            VerificationStatus::Verified => return Err(ErrorCode::VerificationAlreadyVerified.into()),
            VerificationStatus::Expired | VerificationStatus::Failed => return Ok(None),
            VerificationStatus::Unverified => {}
        }
        let challenge = Challenge { owner: self.id.into(), address: &self.address };
        let client = by.unwrap_or_else(|| self.address_id.cast());
        let (verification, guess) = challenge.guess(&self.verification, code, client, cx);
        let next = Self { verification, ..self.clone() };
        let mut uses = vec![next.used_for(QuotaKind::Guess, by)];
        let mut proved = None;
        if guess == Guess::Right {
            uses.push(next.used_for(QuotaKind::Proof, by));
            proved = user.with_proof(self.address_id, next.verification.strategy(), cx)?;
        }
        Ok(Some(AddressStep { next, message: None, uses, user: proved }))
    }

    /// Whether the right code was brought.
    pub const fn is_verified(&self) -> bool {
        self.verification.verified.is_some()
    }

    /// Id and number of attempts, which a change expects.
    pub(crate) fn stamp(&self) -> (AddressVerificationId, u32) {
        (self.id, self.verification.attempts)
    }

    /// A use of the quotas of the address. The backend calls without a client, so the id of the address is counted as the
    /// client.
    fn used_for(&self, what: QuotaKind, by: Option<ClientId>) -> QuotaUse {
        QuotaUse { address: self.address.clone(), client: by.unwrap_or_else(|| self.address_id.cast()), what }
    }
}

/// An address of a user, of either kind.
struct Address {
    identifier: Identifier,
    display: String,
    strategy: Strategy,
}

impl User {
    fn address(&self, id: IdentificationId) -> Option<Address> {
        let mut emails = self.email_addresses.iter().chain(&self.unproved_emails);
        let email = emails.find(|email| email.id == id).map(|email| Address {
            identifier: email.value.identifier(),
            display: email.value.typed().to_owned(),
            strategy: Strategy::EmailCode,
        });
        let phone = || {
            let mut phones = self.phone_numbers.iter().chain(&self.unproved_phones);
            phones.find(|phone| phone.id == id).map(|phone| Address {
                identifier: phone.value.identifier(),
                display: phone.value.as_str().to_owned(),
                strategy: Strategy::PhoneCode,
            })
        };
        email.or_else(phone)
    }

    /// The user with the address proved; `None` where it was proved before.
    fn with_proof(&self, id: IdentificationId, by: &Strategy, cx: &Context<'_>) -> Result<Option<Self>, ErrorCode> {
        let mut next = self.clone();
        if !next.prove(id, by).ok_or(ErrorCode::ResourceNotFound)? {
            return Ok(None);
        }
        next.note_changed_factors(self, cx.now);
        next.touch(cx.now);
        Ok(Some(next))
    }
}
