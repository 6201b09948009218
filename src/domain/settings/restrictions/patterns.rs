//! Entries of the lists: addresses, domains, numbers and prefixes, prepared when the settings are read.

use std::collections::HashSet;

use serde::{Deserialize, Serialize};

use crate::domain::identifier::{EmailAddress, PhoneNumber};
use crate::domain::text;

/// E-mail addresses, domains (`@example.com` with all subdomains), phone numbers, and prefixes of numbers (`+1900*`).
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(try_from = "Vec<String>", into = "Vec<String>")]
pub struct Patterns {
    written: Vec<String>,
    addresses: HashSet<String>,
    domains: HashSet<String>,
    numbers: HashSet<String>,
    prefixes: HashSet<String>,
}

/// Domains, each with all subdomains: `example.com`, `@example.com` or `*@example.com`.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(try_from = "Vec<String>", into = "Vec<String>")]
pub struct Domains {
    written: Vec<String>,
    domains: HashSet<String>,
}

/// An entry that is not a domain.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is not a domain such as `example.com`")]
pub struct InvalidDomain(String);

/// An entry of no known kind.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is not an e-mail address, a domain such as `@example.com`, a phone number or a prefix such as `+1900*`")]
pub struct InvalidPattern(String);

impl Patterns {
    /// Whether there are no entries.
    pub fn is_empty(&self) -> bool {
        self.written.is_empty()
    }

    pub(in crate::domain) fn has_email(&self, address: &str) -> bool {
        self.addresses.contains(address) || self.has_domain(parts(address).1)
    }

    pub(super) fn has_domain(&self, domain: &str) -> bool {
        !self.domains.is_empty() && suffixes(domain).any(|suffix| self.domains.contains(suffix))
    }

    pub(in crate::domain) fn has_phone(&self, number: &str) -> bool {
        let mut starts = (1..=number.len()).filter_map(|end| number.get(..end));
        self.numbers.contains(number)
            || (!self.prefixes.is_empty() && starts.any(|start| self.prefixes.contains(start)))
    }
}

impl Domains {
    /// Whether there are no entries.
    pub fn is_empty(&self) -> bool {
        self.written.is_empty()
    }

    pub(super) fn have(&self, domain: &str) -> bool {
        !self.domains.is_empty() && suffixes(domain).any(|suffix| self.domains.contains(suffix))
    }
}

impl TryFrom<Vec<String>> for Domains {
    type Error = InvalidDomain;

    fn try_from(written: Vec<String>) -> Result<Self, InvalidDomain> {
        let read = |entry: &String| {
            let text = entry.trim().trim_start_matches('*').trim_start_matches('@');
            let stand_in = EmailAddress::parse(&format!("x@{text}")).map_err(|_| InvalidDomain(entry.clone()))?;
            Ok(parts(stand_in.as_str()).1.to_owned())
        };
        let domains = written.iter().map(read).collect::<Result<_, _>>()?;
        Ok(Self { written, domains })
    }
}

impl From<Domains> for Vec<String> {
    fn from(domains: Domains) -> Self {
        domains.written
    }
}

impl TryFrom<Vec<String>> for Patterns {
    type Error = InvalidPattern;

    fn try_from(written: Vec<String>) -> Result<Self, InvalidPattern> {
        let mut patterns = Self::default();
        for entry in &written {
            let invalid = || InvalidPattern(entry.clone());
            let text = &*text::line(entry);
            if let Some(domain) = text.strip_prefix('*').unwrap_or(text).strip_prefix(text::is_at_sign) {
                let domain = EmailAddress::parse(&format!("x@{domain}")).map_err(|_| invalid())?;
                patterns.domains.insert(domain.as_str()[2..].to_owned());
            } else if let Some(prefix) = text.strip_suffix('*') {
                patterns.prefixes.insert(PhoneNumber::parse_prefix(prefix).ok_or_else(invalid)?);
            } else if !text.contains(text::is_at_sign) && PhoneNumber::is_meant(text) {
                let number = PhoneNumber::parse(text).map_err(|_| invalid())?;
                patterns.numbers.insert(number.as_str().to_owned());
            } else {
                let address = EmailAddress::parse(text).map_err(|_| invalid())?;
                patterns.addresses.insert(address.as_str().to_owned());
            }
        }
        patterns.written = written;
        Ok(patterns)
    }
}

impl From<Patterns> for Vec<String> {
    fn from(patterns: Patterns) -> Self {
        patterns.written
    }
}

/// The local part and the domain of a normalised address.
pub(super) fn parts(address: &str) -> (&str, &str) {
    address.rsplit_once('@').unwrap_or(("", address))
}

/// A domain, and each of its parent domains.
pub(super) fn suffixes(domain: &str) -> impl Iterator<Item = &str> {
    std::iter::successors(Some(domain), |rest| rest.split_once('.').map(|(_, above)| above))
}
