//! Proving an address of a user who is known: a code is sent to the address, and comes back; or a link, and is opened. The
//! application's backend brings the code that the person typed into its page ([guide:
//! Addresses](crate::guide::contract_backend#addresses)), or the person's own session does ([guide: The
//! profile](crate::guide::contract_me)).
//!
//! The backend or the session vouches that this person is the user. So unlike the first proof by a sign-in, this one ends
//! nothing that the user has.

use crate::domain::context::Context;
use crate::domain::id::{AddressVerificationId, ClientId, IdentificationId, SessionId, UserId};
use crate::domain::identifier::Identifier;
use crate::domain::message::Message;
use crate::domain::quota::{QuotaKind, QuotaUse};
use crate::domain::redirect::RedirectUrl;
use crate::domain::rejection::{ErrorCode, Rejection};
use crate::domain::verification::{
    Challenge, Guess, Letter, LinkOwner, LinkSecret, Means, MessageKind, OneTimeCode, Strategy, Verification,
    VerificationStatus, VerifyLink,
};

use super::User;

/// A code or a link that was sent to an address of a user, and the state of its verification. An address has at most one: a new one
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

/// Who asks for a code or a link, and what for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Asker {
    /// What for.
    pub(crate) purpose: Purpose,
    /// The person's client; `None` for the application's backend.
    pub(crate) client: Option<ClientId>,
    /// Whether nothing is sent, and no code is right: another user has the address, and the person must not learn that.
    pub(crate) is_decoy: bool,
    /// The link that is asked for, where it is no code.
    pub(crate) link: Option<AskedLink>,
}

/// A link that a person asks for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct AskedLink {
    /// The person's client.
    pub(crate) client: ClientId,
    /// Where the browser goes after the link.
    pub(crate) redirect_url: Option<RedirectUrl>,
    /// Whether the client's token is in a cookie that browser navigations send.
    pub(crate) in_cookie: bool,
    /// Whether the message also has a code.
    pub(crate) with_code: bool,
}

impl Asker {
    /// The application's backend.
    pub(crate) const BACKEND: Self = Self { purpose: Purpose::Backend, client: None, is_decoy: false, link: None };
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
    /// A new code or link for an address of `user`, verified or not; `before` is the address's verification so far.
    ///
    /// # Errors
    /// `resource_not_found` for an address that is not the user's; `verification_code_too_many_requests` within the
    /// cool-down; `unsupported_country_code`; `form_param_missing` for a link without a redirect URL.
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
        let means = match &for_whom.link {
            None => Means::Code { strategy, channel: None },
            Some(AskedLink { client, redirect_url, in_cookie, with_code }) => Means::Link {
                owner: LinkOwner::Address(address_id, *client),
                redirect_url: redirect_url.clone(),
                in_cookie: *in_cookie,
                with_code: *with_code,
                challenge: None,
            },
        };
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

    /// The verification after its link was opened; `owner` is what the token of the link names. `None` where nothing changes:
    /// the person has to confirm first, or the link did its work before.
    ///
    /// # Errors
    /// `verification_link_token_invalid`, `verification_link_token_expired`, `verification_link_not_same_client`;
    /// `resource_not_found` where the address is no longer the user's.
    pub(crate) fn follow(
        &self,
        follow: &VerifyLink,
        owner: (LinkOwner, ClientId),
        user: &User,
        cx: &mut Context<'_>,
    ) -> Result<Option<AddressStep>, Rejection> {
        if !self.is_link(owner.0, &follow.secret, cx) {
            // Not counted: 192 bits can't be guessed.
            return Err(ErrorCode::VerificationLinkTokenInvalid.into());
        }
        match self.verification.status(cx.now, cx.policy.attempts_max) {
            VerificationStatus::Unverified => {}
            VerificationStatus::Verified if follow.by == Some(owner.1) => return Ok(None),
            VerificationStatus::Expired => return Err(ErrorCode::VerificationLinkTokenExpired.into()),
            VerificationStatus::Verified | VerificationStatus::Failed => {
                return Err(ErrorCode::VerificationLinkTokenInvalid.into());
            }
        }
        if !follow.is_by(owner.1) {
            if cx.settings.attack_protection.email_link.require_same_client {
                return Err(ErrorCode::VerificationLinkNotSameClient.into());
            }
            if !follow.confirmed {
                return Ok(None);
            }
        }
        let by = follow.by.unwrap_or_else(|| ClientId::generate(cx.now, cx.entropy));
        let next = Self { verification: self.verification.followed(by, cx), ..self.clone() };
        let uses = vec![next.used_for(QuotaKind::Proof, Some(owner.1))];
        let user = user.with_proof(self.address_id, &Strategy::EmailLink, cx)?;
        Ok(Some(AddressStep { next, message: None, uses, user }))
    }

    /// Where the browser goes after its link; `None` where the last message had no link.
    pub(crate) fn link_redirect(&self) -> Option<&RedirectUrl> {
        self.verification.link().map(|link| &link.redirect_url)
    }

    /// Whether `secret` is that of its link, whose token names this `owner`.
    pub(crate) fn is_link(&self, owner: LinkOwner, secret: &LinkSecret, cx: &Context<'_>) -> bool {
        self.verification.link().is_some_and(|link| link.fits(owner, &self.address.value, secret, cx.digest))
    }

    /// Whether the right code was brought, or the link was opened.
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
