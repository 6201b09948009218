//! E-mail addresses.

use idna::uts46::{AsciiDenyList, DnsLength, Hyphens, Uts46};
use unicode_normalization::UnicodeNormalization;

use crate::domain::rejection::{Code, Reason};

/// An e-mail address: trimmed, NFKC, lower case, its domain in A-label form (UTS 46).
#[derive(Clone, PartialEq, Eq)]
pub struct EmailAddress {
    normalised: String,
    typed: String,
}

impl EmailAddress {
    /// Reads an address as a person typed it.
    ///
    /// # Errors
    /// `form_param_format_invalid` unless it is an addr-spec of RFC 5321 without quotes or comments.
    pub fn parse(text: &str) -> Result<Self, Reason> {
        let invalid = || Code::FormParamFormatInvalid.on("email_address");
        let typed = text.trim();
        if typed.len() > 4 * ADDRESS_MAX {
            return Err(invalid());
        }
        let folded: String = typed.nfkc().collect();
        let (local, domain) = folded.rsplit_once('@').ok_or_else(invalid)?;
        // What maps a domain costs more than its length, and no name that is too long becomes shorter by it.
        if domain.chars().count() > DOMAIN_MAX {
            return Err(invalid());
        }
        let local = local.to_lowercase().nfkc().collect::<String>();
        let fits = |c: char| {
            if c.is_ascii() { is_atext(c) || c == '.' } else { c.is_alphanumeric() }
        };
        let dotted = local.split('.').all(|atom| !atom.is_empty());
        if !dotted || local.len() > LOCAL_MAX || !local.chars().all(fits) {
            return Err(invalid());
        }
        let domain = Uts46::new()
            .to_ascii(domain.as_bytes(), AsciiDenyList::STD3, Hyphens::CheckFirstLast, DnsLength::Verify)
            .map_err(|_| invalid())?;
        let top_level = domain.rsplit_once('.').map(|(_, top)| top).ok_or_else(invalid)?;
        if top_level.bytes().all(|b| b.is_ascii_digit()) {
            return Err(invalid());
        }
        let normalised = format!("{local}@{domain}");
        if normalised.len() > ADDRESS_MAX {
            return Err(invalid());
        }
        Ok(Self { normalised, typed: typed.to_owned() })
    }

    /// An address that was normalised before, as records keep it.
    pub const fn restore(normalised: String, typed: String) -> Self {
        Self { normalised, typed }
    }

    /// The normalised form.
    pub fn as_str(&self) -> &str {
        &self.normalised
    }

    /// The spelling the person typed, for messages only.
    pub fn typed(&self) -> &str {
        &self.typed
    }

    /// Whether it is a test address: `…+clerk_test@…` (CONTRACT 17).
    pub fn is_test(&self) -> bool {
        self.normalised.rsplit_once('@').is_some_and(|(local, _)| local.ends_with("+clerk_test"))
    }
}

/// The atext of RFC 5322 3.2.3.
fn is_atext(c: char) -> bool {
    c.is_ascii_alphanumeric() || "!#$%&'*+/=?^_`{|}~-".contains(c)
}

/// RFC 5321 4.5.3.1.3 in the reading of erratum 1690.
const ADDRESS_MAX: usize = 254;
/// The longest domain in any form, in code points (RFC 1035 2.3.4, without the root).
const DOMAIN_MAX: usize = 253;
/// RFC 5321 4.5.3.1.1.
const LOCAL_MAX: usize = 64;

#[cfg(test)]
mod tests {
    use super::*;

    fn email(text: &str) -> Option<String> {
        EmailAddress::parse(text).ok().map(|e| e.as_str().to_owned())
    }

    #[test]
    fn spellings_of_one_address_are_one_address() {
        for spelling in
            ["ada@example.com", " ADA@Example.COM ", "ada＠example．com", "ada@example。com", "ａda@example.com"]
        {
            assert_eq!(email(spelling).as_deref(), Some("ada@example.com"), "{spelling}");
        }
        assert_eq!(email("a@bücher.example"), email("a@XN--BCHER-KVA.example"));
    }

    #[test]
    fn normalising_twice_changes_nothing() {
        for text in ["Ünï@Bücher.example", "a+b@EXAMPLE.org", "İ@example.com", "x@faß.de"] {
            if let Some(once) = email(text) {
                assert_eq!(email(&once).as_ref(), Some(&once), "{text}");
            }
        }
    }

    #[test]
    fn what_is_no_address_is_refused() {
        let line_break = "a@example.com\r\nBcc: b@example.com";
        for text in [
            "",
            "a",
            "a@",
            "@b.c",
            "a@b",
            "a b@example.com",
            "a..b@example.com",
            ".a@example.com",
            line_break,
            "a@[127.0.0.1]",
            "a@127.0.0.1",
            "\"a b\"@example.com",
            "a@exa_mple.com",
            "a\u{200b}@example.com",
            "a,b@example.com",
            "<a@example.com>",
            "a\u{0}@example.com",
            "a@-x.example",
        ] {
            assert_eq!(email(text), None, "{text:?}");
        }
    }

    #[test]
    fn addresses_that_are_too_long_are_refused_whatever_their_letters() {
        for letter in ["a", "ü", "文", "\u{fdfa}", "\u{ad}", "."] {
            for length in [255, 1_000, 60_000] {
                let long = letter.repeat(length);
                assert_eq!(email(&format!("{long}@example.com")), None, "{letter}");
                assert_eq!(email(&format!("a@{long}.com")), None, "{letter}");
            }
        }
    }
}
