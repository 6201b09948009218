//! Identifiers, parsed and normalised once. The wire shows the normalised form; the typed spelling is kept for
//! messages (DESIGN 3, CONTRACT 7).

use std::fmt;

use idna::uts46::{AsciiDenyList, DnsLength, Hyphens, Uts46};
use rlibphonenumber::{PHONE_NUMBER_UTIL, PhoneNumberFormat, PhoneNumberType};
use unicode_normalization::UnicodeNormalization;

use super::field::Field;
use super::rejection::{Code, Reason};
use super::settings::UsernameSettings;

/// An e-mail address: trimmed, NFKC, lower case, its domain in A-label form (UTS 46).
#[derive(Clone, PartialEq, Eq)]
pub struct EmailAddress {
    normalised: String,
    typed: String,
}

/// A phone number in E.164.
#[derive(Clone, PartialEq, Eq)]
pub struct PhoneNumber(String);

/// A username in lower case.
#[derive(Clone, PartialEq, Eq)]
pub struct Username(String);

/// Which kind of identifier a user holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[expect(missing_docs, reason = "the names say it")]
pub enum IdentifierKind {
    EmailAddress,
    PhoneNumber,
    Username,
    /// An account at a provider: `<provider> <subject>`.
    ExternalAccount,
    /// What the application's backend calls the user.
    ExternalId,
}

/// A normalised identifier: what a user holds alone in the whole instance.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Identifier {
    /// Its kind.
    pub kind: IdentifierKind,
    /// Its normalised form.
    pub value: String,
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

impl PhoneNumber {
    /// Reads a phone number in international spelling.
    ///
    /// # Errors
    /// `form_param_format_invalid` unless it is a possible number with its country code and no extension.
    pub fn parse(text: &str) -> Result<Self, Reason> {
        let invalid = || Code::FormParamFormatInvalid.on("phone_number");
        let typed = text.trim();
        let spelled = |c: char| c.is_ascii_digit() || "+-(). ".contains(c);
        if typed.len() > 64 || !typed.starts_with('+') || !typed.chars().all(spelled) {
            return Err(invalid());
        }
        let number = PHONE_NUMBER_UTIL.parse(typed, None).map_err(|_| invalid())?;
        if !PHONE_NUMBER_UTIL.is_possible_number(&number) {
            return Err(invalid());
        }
        Ok(Self(number.format_as(PhoneNumberFormat::E164).into_owned()))
    }

    /// A number that was normalised before, as records keep it.
    pub const fn restore(e164: String) -> Self {
        Self(e164)
    }

    /// The number in E.164.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The country whose number it is, by its ISO 3166-1 code; `None` for numbers of no single country, and for those
    /// that no country has given out.
    pub fn country(&self) -> Option<String> {
        let number = PHONE_NUMBER_UTIL.parse(&self.0, None).ok()?;
        number.get_region_code().map(|region| region.to_string())
    }

    /// Whether a text message to it may cost its sender much: premium-rate, shared-cost and personal numbers, and those
    /// of no country, which are satellites and other networks beyond all tariffs (ITU-T E.164 assigned codes +800, +808,
    /// +870, +878, +881, +882, +883, +888, +979).
    pub fn is_costly(&self) -> bool {
        let Ok(number) = PHONE_NUMBER_UTIL.parse(&self.0, None) else { return true };
        let of_no_country = ["800", "808", "870", "878", "881", "882", "883", "888", "979"];
        let costly = [PhoneNumberType::PremiumRate, PhoneNumberType::SharedCost, PhoneNumberType::PersonalNumber];
        of_no_country.contains(&&*number.country_code.to_string()) || costly.contains(&number.get_type())
    }

    /// The calling code and three digits behind it: a range of numbers that one operator, and perhaps one swindler, has.
    pub fn prefix(&self) -> &str {
        let code = PHONE_NUMBER_UTIL.parse(&self.0, None).map_or(3, |number| number.country_code.to_string().len());
        self.0.get(..1 + code + 3).unwrap_or(&self.0)
    }

    /// Whether it is a test number: `+1XXX5550100` to `+1XXX5550199` (CONTRACT 17).
    pub fn is_test(&self) -> bool {
        self.0.len() == 12 && self.0.starts_with("+1") && self.0[5..].starts_with("55501")
    }
}

impl Username {
    /// Reads a username by the instance's rules.
    ///
    /// # Errors
    /// `form_username_invalid_length`, `form_username_invalid_character`, `form_username_needs_non_number_char`.
    pub fn parse(text: &str, rules: &UsernameSettings) -> Result<Self, Reason> {
        let text = text.trim();
        // In bytes, before anything is made of it: no letter has more than four.
        if text.len() > 4 * rules.max_length as usize {
            return Err(Code::FormUsernameInvalidLength.on("username"));
        }
        let value: String = text.to_lowercase();
        let length = value.chars().count();
        if length < rules.min_length as usize || length > rules.max_length as usize {
            return Err(Code::FormUsernameInvalidLength.on("username"));
        }
        let extended = |c: char| rules.allow_extended_special_characters && EXTENDED_USERNAME.contains(c);
        let fits = |c: char| c.is_ascii_alphanumeric() || c == '_' || c == '-' || extended(c);
        if !value.chars().all(fits) {
            return Err(Code::FormUsernameInvalidCharacter.on("username"));
        }
        if !rules.allow_numeric_usernames && value.bytes().all(|b| b.is_ascii_digit()) {
            return Err(Code::FormUsernameNeedsNonNumberChar.on("username"));
        }
        Ok(Self(value))
    }

    /// A username that was normalised before, as records keep it.
    pub const fn restore(value: String) -> Self {
        Self(value)
    }

    /// The normalised username.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl IdentifierKind {
    /// The field that holds an identifier of this kind, where one does.
    pub const fn field(self) -> Option<Field> {
        Some(match self {
            Self::EmailAddress => Field::EmailAddress,
            Self::PhoneNumber => Field::PhoneNumber,
            Self::Username => Field::Username,
            Self::ExternalAccount | Self::ExternalId => return None,
        })
    }
}

macro_rules! identifiers {
    ($($kind:ident)*) => {$(
        impl $kind {
            /// The identifier that a user would hold alone.
            pub fn identifier(&self) -> Identifier {
                Identifier { kind: IdentifierKind::$kind, value: self.as_str().to_owned() }
            }
        }

        impl fmt::Debug for $kind {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(concat!("[", stringify!($kind), "]"))
            }
        }
    )*};
}

identifiers! { EmailAddress PhoneNumber Username }

impl fmt::Debug for Identifier {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "[{:?}]", self.kind)
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
const EXTENDED_USERNAME: &str = "^$!.`#+~";

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
    fn phone_spellings_become_e164() {
        for spelling in ["+14155552671", "+1 (415) 555-2671", " +1-415-555-2671"] {
            assert_eq!(PhoneNumber::parse(spelling).expect("a phone number").as_str(), "+14155552671");
        }
        for odd in
            ["", "4155552671", "+1", "+1415555267100000", "+14155552671;ext=3", "+1415555abcd", "+14155552671 ext 9"]
        {
            assert!(PhoneNumber::parse(odd).is_err(), "{odd}");
        }
        assert!(PhoneNumber::parse("+12015550123").expect("a phone number").is_test());
        assert!(!PhoneNumber::parse("+14155552671").expect("a phone number").is_test());
    }

    #[test]
    fn numbers_that_cost_their_sender_much_are_known() {
        let is_costly = |text: &str| PhoneNumber::parse(text).expect(text).is_costly();
        for number in [
            "+979123456789",
            "+881612345678",
            "+8825412345678",
            "+883510012345",
            "+870773111632",
            "+80012345678",
            "+19005551234",
            "+447012345678",
            "+33891234567",
        ] {
            assert!(is_costly(number), "{number}");
        }
        for number in
            ["+14155552671", "+12015550123", "+4915112345678", "+447400123456", "+919876543210", "+18005551234"]
        {
            assert!(!is_costly(number), "{number}");
        }
    }

    #[test]
    fn a_prefix_is_the_calling_code_and_three_digits() {
        for (number, prefix) in [("+14155552671", "+1415"), ("+4915112345678", "+49151"), ("+252612345678", "+252612")]
        {
            assert_eq!(PhoneNumber::parse(number).expect(number).prefix(), prefix);
        }
    }

    #[test]
    fn addresses_and_usernames_that_are_too_long_are_refused_whatever_their_letters() {
        for letter in ["a", "ü", "文", "\u{fdfa}", "\u{ad}", "."] {
            for length in [255, 1_000, 60_000] {
                let long = letter.repeat(length);
                assert_eq!(email(&format!("{long}@example.com")), None, "{letter}");
                assert_eq!(email(&format!("a@{long}.com")), None, "{letter}");
                assert!(Username::parse(&long, &UsernameSettings::default()).is_err(), "{letter}");
            }
        }
    }

    #[test]
    fn usernames_follow_the_rules() {
        let rules = UsernameSettings::default();
        assert_eq!(Username::parse(" Ada_L ", &rules).expect("a username").as_str(), "ada_l");
        let code = |text: &str| Username::parse(text, &rules).expect_err("no username").code;
        assert_eq!(code("ada"), Code::FormUsernameInvalidLength);
        assert_eq!(code("ada.l"), Code::FormUsernameInvalidCharacter);
        assert_eq!(code("12345"), Code::FormUsernameNeedsNonNumberChar);
    }
}
