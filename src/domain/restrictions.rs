//! Who may not sign up, and not sign in: by address, domain, number and country
//! ([guide: Restrictions](crate::guide::contract#restrictions)). Lists are prepared once, when the settings are read,
//! so that a look-up costs the same in a list of ten and of a hundred thousand.

use std::collections::HashSet;

use serde::{Deserialize, Serialize};

use super::identifier::{EmailAddress, PhoneNumber};
use super::rejection::{Code, Reason};
use super::settings::Switch;
use super::text;

/// Who may not sign up, and not sign in.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Restrictions {
    /// Where it is on, only who is on it may sign up: with an address or number on it, and with none that is not.
    pub allowlist: Listing,
    /// Where it is on, nobody who is on it may, invited or not. An entry without a `+` blocks its sub-addresses too.
    pub blocklist: Listing,
    /// Whether the two don't count for those who sign in.
    pub allowlist_blocklist_disabled_on_sign_in: Switch,
    /// Whether addresses with a `+` in their local part are refused.
    pub block_email_subaddresses: Switch,
    /// Whether addresses at providers of throw-away addresses are refused.
    pub block_disposable_email_domains: Disposable,
    /// Which countries' phone numbers are refused.
    pub phone_countries: PhoneCountries,
}

/// A list, and whether it counts. Browsers see only whether.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Listing {
    /// Whether it counts.
    pub enabled: bool,
    /// What is on it.
    #[serde(skip_serializing_if = "Patterns::is_empty")]
    pub identifiers: Patterns,
}

/// Whether addresses at providers of throw-away addresses are refused, and which providers are such beside those that are
/// known. Services of lasting aliases and the domains of RFC 2606 are none, unless they stand in `identifiers`.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Disposable {
    /// Whether it counts.
    pub enabled: bool,
    /// Domains, such as `@example.com`, that are such providers too.
    #[serde(skip_serializing_if = "Patterns::is_empty")]
    pub identifiers: Patterns,
    /// Domains, with all below them, that are not, whatever else is known of them: this wins over all.
    #[serde(skip_serializing_if = "Domains::is_empty")]
    pub allowed_domains: Domains,
}

/// Countries by their ISO 3166-1 code of two letters.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct PhoneCountries {
    /// Where not empty, only these.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub allowed: Vec<String>,
    /// Not these.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub blocked: Vec<String>,
}

/// E-mail addresses, domains (`@example.com` with all below it), phone numbers, and prefixes of them (`+1900*`).
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(try_from = "Vec<String>", into = "Vec<String>")]
pub struct Patterns {
    written: Vec<String>,
    addresses: HashSet<String>,
    domains: HashSet<String>,
    numbers: HashSet<String>,
    prefixes: HashSet<String>,
}

/// Domains, each with all below it: `example.com`, `@example.com` or `*@example.com`.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(try_from = "Vec<String>", into = "Vec<String>")]
pub struct Domains {
    written: Vec<String>,
    domains: HashSet<String>,
}

/// An entry that is no domain.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is no domain such as `example.com`")]
pub struct InvalidDomain(String);

/// An entry that is none of the kinds of entries.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is no e-mail address, no domain such as `@example.com`, no phone number and no prefix such as `+1900*`")]
pub struct InvalidPattern(String);

impl Restrictions {
    /// Whether an address may sign up. `subaddresses` says whether those with a `+` may, as far as where the address
    /// comes from is concerned.
    ///
    /// # Errors
    /// `not_allowed_access`.
    pub fn admit_email(&self, email: &EmailAddress, subaddresses: bool) -> Result<(), Reason> {
        let (local, domain) = parts(email.as_str());
        let has_tag = local.contains('+') && (self.block_email_subaddresses.enabled || !subaddresses);
        let is_listed = !self.allowlist.enabled || self.allowlist.identifiers.has_email(email.as_str());
        if has_tag || self.is_disposable(domain) || !is_listed {
            return Err(Code::NotAllowedAccess.on("email_address"));
        }
        self.admit_invited(email)
    }

    /// Whether an address may sign up that the operator invited: only the block-list counts.
    ///
    /// # Errors
    /// `not_allowed_access`.
    pub fn admit_invited(&self, email: &EmailAddress) -> Result<(), Reason> {
        if self.blocks_email(email.as_str()) { Err(Code::NotAllowedAccess.on("email_address")) } else { Ok(()) }
    }

    /// Whether somebody may sign up whose provider names an address that can't be read here. It is taken in nowhere and
    /// is on no allow-list, but its domain is known.
    ///
    /// # Errors
    /// `not_allowed_access`.
    pub fn admit_unreadable(&self, address: &str) -> Result<(), Reason> {
        // What can't be seen makes no other domain of it.
        let is_hidden = |c| text::is_invisible(c) && !text::is_joiner(c);
        let domain = address.rsplit(text::is_at_sign).next().unwrap_or(address).replace(is_hidden, "");
        let Ok(stand_in) = EmailAddress::parse(&format!("x@{domain}")) else { return Ok(()) };
        let domain = parts(stand_in.as_str()).1;
        let is_blocked = self.blocklist.enabled && self.blocklist.identifiers.has_domain(domain);
        if is_blocked || self.is_disposable(domain) {
            return Err(Code::NotAllowedAccess.on("email_address"));
        }
        Ok(())
    }

    /// Whether a phone number may sign up.
    ///
    /// # Errors
    /// `unsupported_country_code` for its country, `not_allowed_access` for itself.
    pub fn admit_phone(&self, phone: &PhoneNumber) -> Result<(), Reason> {
        self.admit_invited_phone(phone)?;
        if self.allowlist.enabled && !self.allowlist.identifiers.has_phone(phone.as_str()) {
            return Err(Code::NotAllowedAccess.on("phone_number"));
        }
        Ok(())
    }

    /// Whether the phone number of somebody may sign up whom the operator invited.
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
                return Err(Code::UnsupportedCountryCode.on("phone_number"));
            }
        }
        if self.blocks_phone(phone.as_str()) {
            return Err(Code::NotAllowedAccess.on("phone_number"));
        }
        Ok(())
    }

    /// The same restrictions as browsers see them: without the lists.
    pub fn without_lists(&self) -> Self {
        let bare = |list: &Listing| Listing { enabled: list.enabled, ..Listing::default() };
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

    /// Whether an address is on the block-list, or the one is that it is a sub-address of.
    pub(super) fn blocks_email(&self, address: &str) -> bool {
        let listed = &self.blocklist.identifiers;
        let without_tag = || {
            let (local, domain) = parts(address);
            local.split_once('+').map(|(name, _)| format!("{name}@{domain}"))
        };
        self.blocklist.enabled
            && (listed.has_email(address) || without_tag().is_some_and(|address| listed.has_email(&address)))
    }

    pub(super) fn blocks_phone(&self, number: &str) -> bool {
        self.blocklist.enabled && self.blocklist.identifiers.has_phone(number)
    }
}

impl Patterns {
    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.written.is_empty()
    }

    pub(super) fn has_email(&self, address: &str) -> bool {
        self.addresses.contains(address) || self.has_domain(parts(address).1)
    }

    fn has_domain(&self, domain: &str) -> bool {
        !self.domains.is_empty() && suffixes(domain).any(|suffix| self.domains.contains(suffix))
    }

    pub(super) fn has_phone(&self, number: &str) -> bool {
        let mut starts = (1..=number.len()).filter_map(|end| number.get(..end));
        self.numbers.contains(number)
            || (!self.prefixes.is_empty() && starts.any(|start| self.prefixes.contains(start)))
    }
}

impl Domains {
    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.written.is_empty()
    }

    fn have(&self, domain: &str) -> bool {
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
fn parts(address: &str) -> (&str, &str) {
    address.rsplit_once('@').unwrap_or(("", address))
}

/// A domain, and each above it.
fn suffixes(domain: &str) -> impl Iterator<Item = &str> {
    std::iter::successors(Some(domain), |rest| rest.split_once('.').map(|(_, above)| above))
}

/// Whether a domain is known to be no provider of throw-away addresses, though lists of them name it: forwarding services
/// where an alias stays its owner's, domains that belong to nobody (RFC 2606, RFC 6761), and some that only sound so.
fn is_lasting(domain: &str) -> bool {
    let known = [&ALIAS_SERVICES[..], &NO_PROVIDERS, &RESERVED];
    suffixes(domain).any(|suffix| known.iter().any(|list| list.contains(&suffix)))
}

/// Domains of services that forward to a mailbox for as long as its owner wants. People use them to stay reachable.
const ALIAS_SERVICES: [&str; 39] = [
    // DuckDuckGo, Firefox Relay, Apple's Hide My Email
    "duck.com",
    "mozmail.com",
    "relay.firefox.com",
    "privaterelay.appleid.com",
    "icloud.com",
    // SimpleLogin and Proton Pass
    "simplelogin.com",
    "simplelogin.co",
    "simplelogin.io",
    "simplelogin.fr",
    "slmail.me",
    "slmails.com",
    "aleeas.com",
    "8alias.com",
    "8shield.net",
    "dralias.com",
    "silomails.com",
    "passmail.net",
    "passmail.com",
    "passinbox.com",
    "passfwd.com",
    // addy.io
    "addy.io",
    "addymail.com",
    "anonaddy.com",
    "anonaddy.me",
    "mailer.me",
    // Others
    "33mail.com",
    "erine.email",
    "forwardemail.net",
    "improvmx.com",
    "cloaked.id",
    "opayq.com",
    "burnermail.io",
    "sneakemail.com",
    "manyme.com",
    "spamgourmet.com",
    "spamgourmet.net",
    "spamgourmet.org",
    "e4ward.com",
    "spamex.com",
];

/// Domains that lists name because people type them when they try things, though nobody is given a mailbox there.
const NO_PROVIDERS: [&str; 1] = ["test.com"];

/// Domains that nobody can have.
const RESERVED: [&str; 7] = ["example.com", "example.net", "example.org", "example", "test", "invalid", "localhost"];

#[cfg(test)]
mod tests {
    use super::*;

    fn email(text: &str) -> EmailAddress {
        EmailAddress::parse(text).expect("an address")
    }

    fn phone(text: &str) -> PhoneNumber {
        PhoneNumber::parse(text).expect("a number")
    }

    fn list(entries: &[&str]) -> Listing {
        let written: Vec<String> = entries.iter().map(|entry| (*entry).to_owned()).collect();
        Listing { enabled: true, identifiers: written.try_into().expect("entries") }
    }

    fn throw_away(identifiers: &[&str], allowed: &[&str]) -> Disposable {
        let allowed: Vec<String> = allowed.iter().map(|domain| (*domain).to_owned()).collect();
        let allowed_domains = allowed.try_into().expect("domains");
        Disposable { enabled: true, identifiers: list(identifiers).identifiers, allowed_domains }
    }

    #[test]
    fn only_those_on_the_allow_list_may_where_it_counts() {
        let allowlist = list(&["Ada@Example.com", "@friends.example", "+14155552671", "+4930*"]);
        let mut restrictions = Restrictions { allowlist, ..Restrictions::default() };
        for text in ["ada@example.com", "bob@friends.example", "bob@deep.below.friends.example"] {
            assert_eq!(restrictions.admit_email(&email(text), true), Ok(()), "{text}");
        }
        for text in [
            "bob@example.com",
            "bob@notfriends.example",
            "ada@example.com.evil.example",
            "ada@friends.example.evil.org",
        ] {
            assert_eq!(
                restrictions.admit_email(&email(text), true),
                Err(Code::NotAllowedAccess.on("email_address")),
                "{text}"
            );
        }
        assert_eq!(restrictions.admit_phone(&phone("+14155552671")), Ok(()));
        assert_eq!(restrictions.admit_phone(&phone("+493012345678")), Ok(()));
        assert_eq!(restrictions.admit_phone(&phone("+14155552672")), Err(Code::NotAllowedAccess.on("phone_number")));
        restrictions.allowlist.enabled = false;
        assert_eq!(restrictions.admit_email(&email("bob@example.com"), true), Ok(()));
    }

    #[test]
    fn the_block_list_wins_over_the_allow_list() {
        let restrictions = Restrictions {
            allowlist: list(&["@example.com"]),
            blocklist: list(&["mallory@example.com", "*@bad.example.com", "+1900*"]),
            ..Restrictions::default()
        };
        assert!(restrictions.admit_email(&email("ada@example.com"), true).is_ok());
        assert!(restrictions.admit_email(&email("MALLORY@example.com"), true).is_err());
        assert!(restrictions.admit_email(&email("ada@bad.example.com"), true).is_err());
    }

    #[test]
    fn an_entry_blocks_its_sub_addresses_and_allows_only_itself() {
        let mut restrictions =
            Restrictions { blocklist: list(&["mallory@bücher.example"]), ..Restrictions::default() };
        for text in ["mallory@BÜCHER.example", "Mallory+1@xn--bcher-kva.example", "mallory+a+b@bücher.example"] {
            assert!(restrictions.admit_email(&email(text), true).is_err(), "{text}");
            assert!(restrictions.admit_invited(&email(text)).is_err(), "{text}, invited");
        }
        assert!(restrictions.admit_email(&email("m+mallory@bücher.example"), true).is_ok());
        restrictions.blocklist = list(&["mallory+1@example.com"]);
        assert!(restrictions.admit_email(&email("mallory@example.com"), true).is_ok());
        let allowlist = list(&["ada@bücher.example"]);
        let restrictions = Restrictions { allowlist, ..Restrictions::default() };
        assert!(restrictions.admit_email(&email("ADA@xn--bcher-kva.example"), true).is_ok());
        assert!(restrictions.admit_email(&email("ada+1@bücher.example"), true).is_err());
    }

    #[test]
    fn an_address_that_can_not_be_read_is_judged_by_its_domain() {
        let mut restrictions = Restrictions { blocklist: list(&["@bücher.example"]), ..Restrictions::default() };
        restrictions.block_disposable_email_domains.enabled = true;
        for text in [
            "\"a b\"@Bücher.example",
            "a..b@deep.xn--bcher-kva.example",
            "a b@mailinator.com",
            "@mailinator.com",
            "a\u{ad}b@mail\u{ad}inator.com",
            "a b＠ｍailinator.com",
        ] {
            assert!(EmailAddress::parse(text).is_err() && restrictions.admit_unreadable(text).is_err(), "{text}");
        }
        for text in ["", "@", "a b@gmail.com", "nobody", "a@b@"] {
            assert!(restrictions.admit_unreadable(text).is_ok(), "{text}");
        }
    }

    #[test]
    fn subaddresses_and_throw_away_domains_are_switches() {
        let mut restrictions = Restrictions::default();
        let (tagged, disposable) = (email("ada+news@example.com"), email("x@mailinator.com"));
        assert!(restrictions.admit_email(&tagged, true).is_ok() && restrictions.admit_email(&disposable, true).is_ok());
        assert!(restrictions.admit_email(&tagged, false).is_err(), "where it comes from does not allow it");
        restrictions.block_email_subaddresses.enabled = true;
        restrictions.block_disposable_email_domains = throw_away(&["@throwaway.example"], &[]);
        for refused in [&tagged, &disposable, &email("x@deep.mailinator.com"), &email("x@throwaway.example")] {
            assert!(restrictions.admit_email(refused, true).is_err(), "{}", refused.as_str());
        }
        for usual in ["gmail.com", "outlook.com", "proton.me", "gmx.de", "qq.com", "mail.ru"] {
            assert!(restrictions.admit_email(&email(&format!("ada@{usual}")), true).is_ok(), "{usual}");
        }
    }

    #[test]
    fn lasting_aliases_and_domains_of_nobody_are_not_thrown_away() {
        let restrictions =
            Restrictions { block_disposable_email_domains: throw_away(&[], &[]), ..Restrictions::default() };
        for domain in
            ALIAS_SERVICES.iter().chain(&RESERVED[..3]).chain(&["test.com", "a.test", "b.c.example", "d.invalid"])
        {
            for below in ["", "ada.", "deep.below."] {
                let address = format!("ada@{below}{domain}");
                assert_eq!(restrictions.admit_email(&email(&address), true), Ok(()), "{address}");
                assert_eq!(restrictions.admit_unreadable(&address.replace('@', " b@")), Ok(()), "{address}");
            }
        }
        for domain in
            ["mailinator.com", "sharklasers.com", "notduck.duckmail.sbs", "deep.guerrillamail.com", "yopmail.com"]
        {
            assert!(restrictions.admit_email(&email(&format!("ada@{domain}")), true).is_err(), "{domain}");
        }
    }

    #[test]
    fn what_the_operator_says_of_a_domain_wins_over_what_is_known() {
        let restrictions = Restrictions {
            block_disposable_email_domains: throw_away(
                &["@duck.com", "@throwaway.example", "@bücher.example"],
                &["mailinator.com", "@sharklasers.com", "*@kept.throwaway.example", " BÜCHER.example "],
            ),
            ..Restrictions::default()
        };
        for taken in
            ["mailinator.com", "deep.mailinator.com", "sharklasers.com", "a.kept.throwaway.example", "bücher.example"]
        {
            assert!(restrictions.admit_email(&email(&format!("ada@{taken}")), true).is_ok(), "{taken}");
        }
        for refused in ["duck.com", "a.duck.com", "throwaway.example", "other.throwaway.example", "guerrillamail.com"] {
            assert!(restrictions.admit_email(&email(&format!("ada@{refused}")), true).is_err(), "{refused}");
        }
        for entry in ["", "@", "nodot", "a b.com", "ada@example.com", "*", "example..com"] {
            assert!(Domains::try_from(vec![entry.to_owned()]).is_err(), "{entry}");
        }
        let shown = serde_json::to_string(&restrictions.without_lists()).expect("JSON");
        assert!(shown.contains(r#""block_disposable_email_domains":{"enabled":true}"#), "{shown}");
    }

    #[test]
    fn countries_are_those_of_numbers_not_of_their_prefix() {
        let countries = |allowed: &[&str], blocked: &[&str]| {
            let owned = |list: &[&str]| list.iter().map(|c| (*c).to_owned()).collect();
            let phone_countries = PhoneCountries { allowed: owned(allowed), blocked: owned(blocked) };
            Restrictions { phone_countries, ..Restrictions::default() }
        };
        let (us, ca) = (phone("+14155552671"), phone("+16135550123"));
        assert!(countries(&["US"], &[]).admit_phone(&us).is_ok());
        let refused = Err(Code::UnsupportedCountryCode.on("phone_number"));
        assert_eq!(countries(&["US"], &[]).admit_phone(&ca), refused);
        assert_eq!(countries(&[], &["ca"]).admit_phone(&ca), refused);
        assert!(countries(&[], &["CA"]).admit_phone(&us).is_ok());
        // Areas that are newer than what is known about numbers.
        for new in ["+14365552671", "+18615552671"] {
            assert!(countries(&["US"], &[]).admit_phone(&phone(new)).is_ok(), "{new}");
            assert_eq!(countries(&[], &["US"]).admit_phone(&phone(new)), refused, "{new}");
            assert_eq!(countries(&["CA"], &[]).admit_phone(&phone(new)), refused, "{new}");
        }
    }

    #[test]
    fn an_entry_that_means_nothing_is_refused() {
        for entry in ["", "example.com", "@", "@nodot", "*", "1900*", "+*", "+12ab*", "a@b", "*example.com"] {
            assert!(Patterns::try_from(vec![entry.to_owned()]).is_err(), "{entry}");
        }
        let entries = [
            "\u{feff}mallory@example.com\u{a0}",
            "＠bücher.example",
            "+1 212\u{2011}*",
            "\u{202a}+44 20 7946 0958\u{202c}",
        ];
        let blocklist = list(&entries);
        let restrictions = Restrictions { blocklist, ..Restrictions::default() };
        for text in ["mallory@example.com", "a@xn--bcher-kva.example"] {
            assert!(restrictions.admit_email(&email(text), true).is_err(), "{text}");
        }
        for text in ["+12125550123", "+442079460958"] {
            assert!(restrictions.admit_phone(&phone(text)).is_err(), "{text}");
        }
        let written = vec!["@Example.COM".to_owned(), "+1 415 555 2671".to_owned()];
        let patterns = Patterns::try_from(written.clone()).expect("entries");
        assert_eq!(Vec::from(patterns), written, "shown as they were written");
    }

    #[test]
    fn browsers_do_not_see_the_lists() {
        let restrictions = Restrictions {
            blocklist: list(&["mallory@example.com"]),
            phone_countries: PhoneCountries { allowed: vec!["US".into()], ..PhoneCountries::default() },
            ..Restrictions::default()
        };
        let shown = serde_json::to_string(&restrictions.without_lists()).expect("JSON");
        assert!(!shown.contains("mallory") && !shown.contains("US"), "{shown}");
        assert!(shown.contains(r#""blocklist":{"enabled":true}"#), "{shown}");
    }
}
