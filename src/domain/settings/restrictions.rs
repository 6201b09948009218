//! Who may not sign up or sign in: by address, domain, number and country
//! ([guide: Restrictions](crate::guide::contract#restrictions)). Lists are prepared once, when the settings are read,
//! so that a look-up costs the same in a list of ten and of a hundred thousand.

mod lasting;
mod patterns;
#[cfg(test)]
mod tests;

use serde::{Deserialize, Serialize};

use super::Switch;
use crate::domain::identifier::{EmailAddress, PhoneNumber, gmail_mailbox};
use crate::domain::rejection::{ErrorCode, Reason};
use crate::domain::text;

use lasting::is_lasting;
use patterns::{parts, suffixes};

pub use patterns::{Domains, InvalidDomain, InvalidPattern, Pattern, Patterns};

/// Who may not sign up or sign in.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Restrictions {
    /// The allow-list. Where it is on, a person needs an address or number that is on it, and may have none that is
    /// not.
    pub allowlist: AccessList,
    /// The block-list. Where it is on, no address or number on it may sign up, invited or not. An entry without a `+`
    /// blocks its sub-addresses too.
    pub blocklist: AccessList,
    /// Whether the two lists are ignored at sign-in.
    pub allowlist_blocklist_disabled_on_sign_in: Switch,
    /// Whether addresses with a `+` in their local part are refused.
    pub block_email_subaddresses: Switch,
    /// Whether addresses at disposable-address providers are refused.
    pub block_disposable_email_domains: Disposable,
    /// Whether spellings of one Gmail address that differ in dots count as one address: on the lists, and for the question
    /// whether a user has it.
    pub ignore_dots_for_gmail_addresses: Switch,
    /// Whose phone numbers are refused, by country.
    pub phone_countries: PhoneCountries,
}

/// A list, and whether it is on. Browsers see only whether it is on.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct AccessList {
    /// Whether it is on.
    pub enabled: bool,
    /// Its entries in the settings document.
    #[serde(skip_serializing_if = "Patterns::is_empty")]
    pub identifiers: Patterns,
    /// Its entries that the application's backend added. They are no part of a document: the engine keeps them with its
    /// data, and sets them.
    #[serde(skip)]
    pub stored: Patterns,
}

/// Whether addresses at disposable-address providers are refused, and which providers are disposable beside the known
/// ones. Lasting alias services and the domains of RFC 2606 are not disposable, unless `identifiers` lists them.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Disposable {
    /// Whether it is on.
    pub enabled: bool,
    /// Domains, such as `@example.com`, that are disposable too.
    #[serde(skip_serializing_if = "Patterns::is_empty")]
    pub identifiers: Patterns,
    /// Domains, with all their subdomains, that are never disposable: this overrides everything else.
    #[serde(skip_serializing_if = "Domains::is_empty")]
    pub allowed_domains: Domains,
}

/// Countries by their ISO 3166-1 code of two letters.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct PhoneCountries {
    /// If not empty, only these are allowed.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub allowed: Vec<String>,
    /// These are refused.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub blocked: Vec<String>,
}

impl AccessList {
    /// Whether it has an address, or another spelling of it where `ignores_dots`.
    pub(in crate::domain) fn has_email(&self, address: &str, ignores_dots: bool) -> bool {
        let mailbox = if ignores_dots { gmail_mailbox(address) } else { None };
        [&self.identifiers, &self.stored].iter().any(|entries| entries.has_email(address, mailbox.as_deref()))
    }

    pub(in crate::domain) fn has_phone(&self, number: &str) -> bool {
        self.identifiers.has_phone(number) || self.stored.has_phone(number)
    }

    fn has_domain(&self, domain: &str) -> bool {
        self.identifiers.has_domain(domain) || self.stored.has_domain(domain)
    }
}

impl Restrictions {
    /// Whether an address may sign up. `subaddresses` says whether a `+` is accepted from where the address comes from.
    ///
    /// # Errors
    /// `not_allowed_access`.
    pub fn admit_email(&self, email: &EmailAddress, subaddresses: bool) -> Result<(), Reason> {
        let (local, domain) = parts(email.as_str());
        let has_tag = local.contains('+') && (self.block_email_subaddresses.enabled || !subaddresses);
        let is_listed = !self.allowlist.enabled || self.allows_email(email.as_str());
        if has_tag || self.is_disposable(domain) || !is_listed {
            return Err(ErrorCode::NotAllowedAccess.on("email_address"));
        }
        self.admit_invited(email)
    }

    /// Whether an invited address may sign up: only the block-list applies.
    ///
    /// # Errors
    /// `not_allowed_access`.
    pub fn admit_invited(&self, email: &EmailAddress) -> Result<(), Reason> {
        if self.blocks_email(email.as_str()) { Err(ErrorCode::NotAllowedAccess.on("email_address")) } else { Ok(()) }
    }

    /// Whether a person may sign up whose provider reports an address that can't be parsed. The address is not stored
    /// and on no allow-list, but its domain is known.
    ///
    /// # Errors
    /// `not_allowed_access`.
    pub fn admit_unreadable(&self, address: &str) -> Result<(), Reason> {
        // Invisible characters must not hide a blocked domain.
        let is_hidden = |c| text::is_invisible(c) && !text::is_joiner(c);
        let domain = address.rsplit(text::is_at_sign).next().unwrap_or(address).replace(is_hidden, "");
        let Ok(stand_in) = EmailAddress::parse(&format!("x@{domain}")) else { return Ok(()) };
        let domain = parts(stand_in.as_str()).1;
        let is_blocked = self.blocklist.enabled && self.blocklist.has_domain(domain);
        if is_blocked || self.is_disposable(domain) {
            return Err(ErrorCode::NotAllowedAccess.on("email_address"));
        }
        Ok(())
    }

    /// Whether a phone number may sign up.
    ///
    /// # Errors
    /// `unsupported_country_code` for its country, `not_allowed_access` for itself.
    pub fn admit_phone(&self, phone: &PhoneNumber) -> Result<(), Reason> {
        self.admit_invited_phone(phone)?;
        if self.allowlist.enabled && !self.allowlist.has_phone(phone.as_str()) {
            return Err(ErrorCode::NotAllowedAccess.on("phone_number"));
        }
        Ok(())
    }

    /// Whether the phone number of an invited person may sign up.
    ///
    /// # Errors
    /// As [`Self::admit_phone`].
    pub fn admit_invited_phone(&self, phone: &PhoneNumber) -> Result<(), Reason> {
        let countries = &self.phone_countries;
        if !(countries.allowed.is_empty() && countries.blocked.is_empty()) {
            let country = phone.country();
            let is_in = |list: &[String]| {
                country.as_deref().is_some_and(|c| list.iter().any(|known| known.eq_ignore_ascii_case(c)))
            };
            if is_in(&countries.blocked) || !(countries.allowed.is_empty() || is_in(&countries.allowed)) {
                return Err(ErrorCode::UnsupportedCountryCode.on("phone_number"));
            }
        }
        if self.blocks_phone(phone.as_str()) {
            return Err(ErrorCode::NotAllowedAccess.on("phone_number"));
        }
        Ok(())
    }

    /// The restrictions as browsers see them: without the lists.
    pub fn without_lists(&self) -> Self {
        let bare = |list: &AccessList| AccessList { enabled: list.enabled, ..AccessList::default() };
        Self {
            allowlist: bare(&self.allowlist),
            blocklist: bare(&self.blocklist),
            block_disposable_email_domains: Disposable {
                enabled: self.block_disposable_email_domains.enabled,
                ..Disposable::default()
            },
            phone_countries: PhoneCountries::default(),
            ..self.clone()
        }
    }

    fn is_disposable(&self, domain: &str) -> bool {
        let disposable = &self.block_disposable_email_domains;
        if !disposable.enabled || disposable.allowed_domains.have(domain) {
            return false;
        }
        disposable.identifiers.has_domain(domain)
            || (!is_lasting(domain) && suffixes(domain).any(disposable_emails::is_disposable_domain))
    }

    /// Whether the allow-list has an address.
    pub(in crate::domain) fn allows_email(&self, address: &str) -> bool {
        self.allowlist.has_email(address, self.ignore_dots_for_gmail_addresses.enabled)
    }

    /// Whether the block-list has an address, or the base address of a sub-address.
    pub(in crate::domain) fn blocks_email(&self, address: &str) -> bool {
        let (listed, ignores_dots) = (&self.blocklist, self.ignore_dots_for_gmail_addresses.enabled);
        let without_tag = || {
            let (local, domain) = parts(address);
            local.split_once('+').map(|(name, _)| format!("{name}@{domain}"))
        };
        self.blocklist.enabled
            && (listed.has_email(address, ignores_dots)
                || without_tag().is_some_and(|address| listed.has_email(&address, ignores_dots)))
    }

    pub(in crate::domain) fn blocks_phone(&self, number: &str) -> bool {
        self.blocklist.enabled && self.blocklist.has_phone(number)
    }
}
