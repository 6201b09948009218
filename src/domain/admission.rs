//! Who may become a user, and which users may sign in: the restrictions, checked against all identifiers of a person.
//! Each question is answered in one place, whichever way the person signs up or in.

use super::identifier::{EmailAddress, Identifier, IdentifierKind, PhoneNumber};
use super::rejection::{ErrorCode, Reason, Rejection};
use super::settings::restrictions::Restrictions;
use super::user::User;
use super::verification::Strategy;

/// What is known of a person who wants to sign up.
#[derive(Clone, Debug, Default)]
pub struct Applicant<'a> {
    /// Their e-mail addresses.
    pub emails: Vec<Known<'a>>,
    /// An e-mail address from a provider that can't be parsed.
    pub unreadable: Option<&'a str>,
    /// The phone number.
    pub phone: Option<&'a PhoneNumber>,
    /// The address that the operator invited, if it is the applicant's: an invitation overrides every list but the
    /// block-list.
    pub invited: Option<&'a EmailAddress>,
}

/// An e-mail address of an applicant.
#[derive(Clone, Copy, Debug)]
pub struct Known<'a> {
    /// The address.
    pub address: &'a EmailAddress,
    /// Whether a `+` in the local part is accepted from where the address comes from.
    pub subaddresses: bool,
    /// Whether it counts as the applicant's. `false` for an address that a provider reports but does not vouch for.
    pub counts: bool,
}

impl Restrictions {
    /// Whether the applicant may become a user: none of the addresses and numbers is refused and, where the allow-list
    /// is on, one of them is on it.
    ///
    /// # Errors
    /// Every refusal with its parameter; `not_allowed_access` without a parameter where nothing is on the allow-list.
    pub fn admit(&self, applicant: &Applicant<'_>) -> Result<(), Rejection> {
        let is_invited = applicant.invited.is_some();
        let mut reasons: Vec<Reason> = Vec::new();
        for known in &applicant.emails {
            let verdict = match applicant.invited {
                Some(invited) if invited.as_str() == known.address.as_str() => self.admit_invited(known.address),
                _ => self.admit_email(known.address, known.subaddresses),
            };
            reasons.extend(verdict.err().filter(|reason| !reasons.contains(reason)));
        }
        reasons.extend(applicant.unreadable.and_then(|text| self.admit_unreadable(text).err()));
        if let Some(phone) = applicant.phone {
            let verdict = if is_invited { self.admit_invited_phone(phone) } else { self.admit_phone(phone) };
            reasons.extend(verdict.err());
        }
        let speaks = applicant.phone.is_some() || applicant.emails.iter().any(|known| known.counts);
        if reasons.is_empty() && self.allowlist.enabled && !is_invited && !speaks {
            reasons.push(ErrorCode::NotAllowedAccess.into());
        }
        Rejection::collect(reasons)
    }

    /// Whether the allow-list or the block-list applies to sign-ins.
    pub const fn count_at_sign_in(&self) -> bool {
        !self.allowlist_blocklist_disabled_on_sign_in.enabled && (self.allowlist.enabled || self.blocklist.enabled)
    }

    /// Whether a sign-in with this identifier may begin and messages may be sent to it. The answer does not depend on
    /// whether a user holds the identifier, so it reveals nothing about that.
    ///
    /// # Errors
    /// `not_allowed_access` where it is on the block-list and the block-list applies to sign-ins.
    pub fn admit_at_sign_in(&self, identifier: &Identifier) -> Result<(), Reason> {
        let is_blocked = match identifier.kind {
            IdentifierKind::EmailAddress => self.blocks_email(&identifier.value),
            IdentifierKind::PhoneNumber => self.blocks_phone(&identifier.value),
            IdentifierKind::Username | IdentifierKind::ExternalAccount | IdentifierKind::ExternalId => false,
        };
        if is_blocked && self.count_at_sign_in() { Err(ErrorCode::NotAllowedAccess.on("identifier")) } else { Ok(()) }
    }

    /// Whether a user may sign in: none of the user's identifiers is on the block-list and, where the allow-list is on,
    /// one of them is on it or the user was invited.
    ///
    /// # Errors
    /// `not_allowed_access`.
    pub fn admit_user(&self, user: &User) -> Result<(), Reason> {
        if !self.count_at_sign_in() {
            return Ok(());
        }
        let profiles = user.external_accounts.iter().map(|account| &account.profile);
        let of_accounts = profiles.filter_map(|profile| Some((profile.email()?, profile.email_verified)));
        let own = user.email_addresses.iter().map(|email| (email.value.clone(), true));
        let emails: Vec<(EmailAddress, bool)> = own.chain(of_accounts).collect();
        let phones = || user.phone_numbers.iter().map(|phone| phone.value.as_str());
        let is_blocked = emails.iter().any(|(email, _)| self.blocks_email(email.as_str()))
            || phones().any(|number| self.blocks_phone(number));
        let is_invited = user.email_addresses.iter().any(|email| email.verified_by == Some(Strategy::Ticket));
        let is_allowed = !self.allowlist.enabled
            || is_invited
            || emails.iter().any(|(email, counts)| *counts && self.allows_email(email.as_str()))
            || phones().any(|number| self.allowlist.has_phone(number));
        if is_blocked || !is_allowed { Err(ErrorCode::NotAllowedAccess.on("identifier")) } else { Ok(()) }
    }
}
