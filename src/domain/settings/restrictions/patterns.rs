//! Entries of the lists: addresses, domains, numbers and prefixes, prepared when they are read.

use std::collections::{HashMap, HashSet};
use std::fmt;
use std::str::FromStr;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use crate::domain::identifier::{EmailAddress, PhoneNumber, gmail_mailbox};
use crate::domain::text;

/// One entry of a list, normalised. Two texts that mean the same give equal patterns.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Pattern {
    /// An e-mail address.
    Email(String),
    /// A domain with all its subdomains, written `*@example.com`.
    Domain(String),
    /// A phone number in E.164.
    Phone(String),
    /// The beginning of phone numbers, written `+1900*`.
    PhonePrefix(String),
}

/// E-mail addresses, domains (`@example.com` with all subdomains), phone numbers, and prefixes of numbers (`+1900*`).
/// Clones share the entries until one of them is changed.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(try_from = "Vec<String>", into = "Vec<String>")]
pub struct Patterns(Arc<Sets>);

#[derive(Clone, Debug, Default, PartialEq)]
struct Sets {
    /// The entries as they were written, where they came as one list.
    written: Vec<String>,
    addresses: HashSet<Arc<str>>,
    /// The mailboxes of the addresses at Gmail, and how many of the addresses are spellings of each.
    mailboxes: HashMap<String, usize>,
    domains: HashSet<Arc<str>>,
    numbers: HashSet<Arc<str>>,
    prefixes: HashSet<Arc<str>>,
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

impl FromStr for Pattern {
    type Err = InvalidPattern;

    fn from_str(entry: &str) -> Result<Self, InvalidPattern> {
        let invalid = || InvalidPattern(entry.to_owned());
        let text = &*text::line(entry);
        if let Some(domain) = text.strip_prefix('*').unwrap_or(text).strip_prefix(text::is_at_sign) {
            let stand_in = EmailAddress::parse(&format!("x@{domain}")).map_err(|_| invalid())?;
            Ok(Self::Domain(parts(stand_in.as_str()).1.to_owned()))
        } else if let Some(prefix) = text.strip_suffix('*') {
            Ok(Self::PhonePrefix(PhoneNumber::parse_prefix(prefix).ok_or_else(invalid)?))
        } else if !text.contains(text::is_at_sign) && PhoneNumber::is_meant(text) {
            let number = PhoneNumber::parse(text).map_err(|_| invalid())?;
            Ok(Self::Phone(number.as_str().to_owned()))
        } else {
            let address = EmailAddress::parse(text).map_err(|_| invalid())?;
            Ok(Self::Email(address.as_str().to_owned()))
        }
    }
}

/// Its normal form, which reads back as the same pattern.
impl fmt::Display for Pattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Email(text) | Self::Phone(text) => f.write_str(text),
            Self::Domain(domain) => write!(f, "*@{domain}"),
            Self::PhonePrefix(prefix) => write!(f, "{prefix}*"),
        }
    }
}

impl Patterns {
    /// Whether there are no entries.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// How many different entries there are.
    pub fn len(&self) -> usize {
        let sets = &self.0;
        [&sets.addresses, &sets.domains, &sets.numbers, &sets.prefixes].map(HashSet::len).iter().sum()
    }

    /// Adds an entry. The cost grows with the number of entries where a clone still uses them.
    pub(crate) fn insert(&mut self, pattern: &Pattern) {
        let sets = Arc::make_mut(&mut self.0);
        let (set, text) = sets.set_of(pattern);
        if set.insert(text.into())
            && let Pattern::Email(address) = pattern
            && let Some(mailbox) = gmail_mailbox(address)
        {
            *sets.mailboxes.entry(mailbox).or_default() += 1;
        }
    }

    /// Removes an entry, at the cost of [`Self::insert`].
    pub(crate) fn remove(&mut self, pattern: &Pattern) {
        let sets = Arc::make_mut(&mut self.0);
        let (set, text) = sets.set_of(pattern);
        if set.remove(text)
            && let Pattern::Email(address) = pattern
            && let Some(mailbox) = gmail_mailbox(address)
            && let Some(spellings) = sets.mailboxes.get_mut(&mailbox)
        {
            *spellings -= 1;
            if *spellings == 0 {
                sets.mailboxes.remove(&mailbox);
            }
        }
    }

    /// Whether it has an address, its domain, or another spelling of its `mailbox`.
    pub(super) fn has_email(&self, address: &str, mailbox: Option<&str>) -> bool {
        self.0.addresses.contains(address)
            || mailbox.is_some_and(|mailbox| self.0.mailboxes.contains_key(mailbox))
            || self.has_domain(parts(address).1)
    }

    pub(super) fn has_domain(&self, domain: &str) -> bool {
        let domains = &self.0.domains;
        !domains.is_empty() && suffixes(domain).any(|suffix| domains.contains(suffix))
    }

    pub(in crate::domain) fn has_phone(&self, number: &str) -> bool {
        let sets = &self.0;
        let mut starts = (1..=number.len()).filter_map(|end| number.get(..end));
        sets.numbers.contains(number)
            || (!sets.prefixes.is_empty() && starts.any(|start| sets.prefixes.contains(start)))
    }
}

impl Sets {
    fn set_of<'a>(&mut self, pattern: &'a Pattern) -> (&mut HashSet<Arc<str>>, &'a str) {
        match pattern {
            Pattern::Email(text) => (&mut self.addresses, text),
            Pattern::Domain(text) => (&mut self.domains, text),
            Pattern::Phone(text) => (&mut self.numbers, text),
            Pattern::PhonePrefix(text) => (&mut self.prefixes, text),
        }
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
            patterns.insert(&entry.parse()?);
        }
        Arc::make_mut(&mut patterns.0).written = written;
        Ok(patterns)
    }
}

impl From<Patterns> for Vec<String> {
    fn from(patterns: Patterns) -> Self {
        patterns.0.written.clone()
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
