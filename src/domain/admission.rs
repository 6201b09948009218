//! Who may become a user, and which users may sign in: the restrictions applied to a whole person. There is one judgement
//! for each, whatever road somebody comes by.

use super::identifier::{EmailAddress, Identifier, IdentifierKind, PhoneNumber};
use super::rejection::{ErrorCode, Reason, Rejection};
use super::settings::restrictions::Restrictions;
use super::user::User;
use super::verification::Strategy;

/// What is known of somebody who would sign up.
#[derive(Clone, Debug, Default)]
pub struct Applicant<'a> {
    /// Their e-mail addresses.
    pub emails: Vec<Known<'a>>,
    /// An address that a provider names and that can't be read.
    pub unreadable: Option<&'a str>,
    /// Their phone number.
    pub phone: Option<&'a PhoneNumber>,
    /// The address that the operator invited, if it is theirs: the operator's word counts more than every list but the
    /// block-list.
    pub invited: Option<&'a EmailAddress>,
}

/// An e-mail address of somebody.
#[derive(Clone, Copy, Debug)]
pub struct Known<'a> {
    /// The address.
    pub address: &'a EmailAddress,
    /// Whether it may have a `+`, as far as where it comes from is concerned.
    pub subaddresses: bool,
    /// Whether it speaks for the person: it does unless it is hearsay, such as what a provider does not vouch for.
    pub counts: bool,
}

impl Restrictions {
    /// Whether somebody may become a user: no address or number of theirs is refused, and where the allow-list is on,
    /// they have one that is on it.
    ///
    /// # Errors
    /// Every refusal with its parameter; `not_allowed_access` without one for who has nothing that is on the list.
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

    /// Whether one of the two lists counts for those who sign in.
    pub const fn count_at_sign_in(&self) -> bool {
        !self.allowlist_blocklist_disabled_on_sign_in.enabled && (self.allowlist.enabled || self.blocklist.enabled)
    }

    /// Whether somebody may come with this identifier to sign in, and be sent something there. It does not depend on
    /// whether it is a user's, so it tells nobody.
    ///
    /// # Errors
    /// `not_allowed_access` where it is on the block-list and that counts.
    pub fn admit_at_sign_in(&self, identifier: &Identifier) -> Result<(), Reason> {
        let is_blocked = match identifier.kind {
            IdentifierKind::EmailAddress => self.blocks_email(&identifier.value),
            IdentifierKind::PhoneNumber => self.blocks_phone(&identifier.value),
            IdentifierKind::Username | IdentifierKind::ExternalAccount | IdentifierKind::ExternalId => false,
        };
        if is_blocked && self.count_at_sign_in() { Err(ErrorCode::NotAllowedAccess.on("identifier")) } else { Ok(()) }
    }

    /// Whether a user may sign in: nothing of theirs is on the block-list, and where the allow-list is on, something
    /// of theirs is on it or they came by invitation.
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
        let allowed = &self.allowlist.identifiers;
        let is_invited = user.email_addresses.iter().any(|email| email.verified_by == Some(Strategy::Ticket));
        let is_allowed = !self.allowlist.enabled
            || is_invited
            || emails.iter().any(|(email, counts)| *counts && allowed.has_email(email.as_str()))
            || phones().any(|number| allowed.has_phone(number));
        if is_blocked || !is_allowed { Err(ErrorCode::NotAllowedAccess.on("identifier")) } else { Ok(()) }
    }
}
