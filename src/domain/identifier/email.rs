//! E-mail addresses.

use idna::uts46::{AsciiDenyList, DnsLength, Hyphens, Uts46};

use crate::domain::rejection::{ErrorCode, Reason};
use crate::domain::text::{self, folded};

/// An e-mail address: cleaned, NFKC, lower case, ASCII digits, its domain in A-label form (UTS 46). Mail is sent only
/// to this form. So when several spellings give one address here, the owner of the normalised address proves it.
#[derive(Clone, PartialEq, Eq)]
pub struct EmailAddress {
    normalised: String,
    typed: String,
}

impl EmailAddress {
    /// Reads an address as a person typed or pasted it: alone, with the display name that mail programs copy along
    /// (`Ada <ada@example.com>`, RFC 5322 3.4), with a trailing comma, or as a link (`mailto:`).
    ///
    /// # Errors
    /// `form_param_format_invalid` unless it is an addr-spec of RFC 5321 without quotes or comments. Outside ASCII a
    /// local part may have letters, combining marks, numbers, and joiners between letters (RFC 6532 leaves this to the
    /// receiver, which knows its mailboxes). A domain may have no invisible characters.
    pub fn parse(text: &str) -> Result<Self, Reason> {
        let invalid = || ErrorCode::FormParamFormatInvalid.on("email_address");
        let trimmed = text::trim(text);
        if trimmed.len() > 4 * ADDRESS_MAX {
            return Err(invalid());
        }
        let line = text::line(trimmed);
        let address =
            alone(&line).filter(|address| address.len() == line.len() || !trimmed.contains(text::is_line_break));
        let address = address.ok_or_else(invalid)?;
        let typed = match text::without_scheme(address, "mailto:") {
            // A link may encode letters as %2B, which is not decoded here: read literally it would name another
            // mailbox.
            Some(link) if link.contains('%') => return Err(invalid()),
            Some(link) => link,
            None => address,
        };
        let (local, domain) = typed.rsplit_once(text::is_at_sign).ok_or_else(invalid)?;
        let local = folded(local);
        if local.len() > LOCAL_MAX || !local.split('.').all(is_atom) {
            return Err(invalid());
        }
        let normalised = format!("{local}@{}", a_labels(domain).ok_or_else(invalid)?);
        if normalised.len() > ADDRESS_MAX {
            return Err(invalid());
        }
        Ok(Self { normalised, typed: typed.to_owned() })
    }

    /// Normalises an address or a part of one, for searches in normalised addresses.
    pub fn fragment(text: &str) -> String {
        let trimmed = text::trim(text);
        if trimmed.len() > 4 * ADDRESS_MAX {
            return trimmed.to_owned();
        }
        if let Ok(whole) = Self::parse(trimmed) {
            return whole.normalised;
        }
        let line = text::line(trimmed);
        let (local, domain) = match line.rsplit_once(text::is_at_sign) {
            Some((local, domain)) => (format!("{}@", folded(local)), domain),
            None => (String::new(), &*line),
        };
        // Without an `@` it is unknown which of the two parts the text is from; for ASCII letters both give the same
        // result.
        let domain =
            Some(domain).filter(|domain| !domain.is_ascii()).and_then(a_labels).unwrap_or_else(|| folded(domain));
        local + &domain
    }

    /// Whether every mail system takes this text for this same mailbox. Elsewhere two spellings that are one address
    /// here (full-width letters, digits of other scripts, dashes, marks inside) may be two mailboxes, and proof of one
    /// is no proof of the other. Blanks and direction marks at the ends are not part of an address.
    pub fn is_meant_by(&self, text: &str) -> bool {
        // Not all systems map the Kelvin sign to the letter k.
        let becomes_ascii = |c: char| !c.is_ascii() && c.to_lowercase().any(|small| small.is_ascii());
        let same = |local: &str, domain: &str| {
            !local.contains(becomes_ascii)
                && a_labels(domain)
                    .is_some_and(|domain| self.normalised == format!("{}@{domain}", local.to_lowercase()))
        };
        let is_around = |c| text::is_blank(c) || (text::is_format(c) && !text::is_joiner(c));
        text.trim_matches(is_around).rsplit_once('@').is_some_and(|(local, domain)| same(local, domain))
    }

    /// Restores an address that is already normalised, as records store it.
    pub const fn restore(normalised: String, typed: String) -> Self {
        Self { normalised, typed }
    }

    /// The normalised form.
    pub fn as_str(&self) -> &str {
        &self.normalised
    }

    /// The spelling that the person typed, for messages only.
    pub fn typed(&self) -> &str {
        &self.typed
    }

    /// Whether it is the same address, or where the instance ignores dots another spelling of the same mailbox
    /// ([guide: Restrictions](crate::guide::contract#restrictions)).
    pub(in crate::domain) fn is_like(&self, other: &Self, ignores_dots: bool) -> bool {
        let mailbox = |address: &Self| gmail_mailbox(&address.normalised).filter(|_| ignores_dots);
        self.normalised == other.normalised || mailbox(self).is_some_and(|own| mailbox(other) == Some(own))
    }

    /// Whether it is a test address: `…+clerk_test@…` ([guide: Test mode](crate::guide::contract_sign_ups#test-mode)).
    pub fn is_test(&self) -> bool {
        self.normalised.rsplit_once('@').is_some_and(|(local, _)| local.ends_with("+clerk_test"))
    }
}

/// A normalised address at Gmail without the dots of its name, which Gmail ignores: spellings with the same one are the
/// same mailbox. `None` for addresses elsewhere.
pub(crate) fn gmail_mailbox(address: &str) -> Option<String> {
    let (local, domain) = address.rsplit_once('@')?;
    if !GMAIL.contains(&domain) {
        return None;
    }
    let name = local.split('+').next().unwrap_or(local);
    Some(format!("{}{}@{domain}", name.replace('.', ""), &local[name.len()..]))
}

/// The one address in a line, without display name and trailing separator; `None` where there is more than one, or
/// none.
fn alone(line: &str) -> Option<&str> {
    let line = line.strip_suffix([',', ';', '.', '，', '；', '。', '．', '、']).map_or(line, text::trim);
    let Some(bracketed) = line.strip_suffix(CLOSING) else { return Some(line) };
    let (name, address) = bracketed.rsplit_once(OPENING)?;
    let is_name = !name.contains(|c| text::is_at_sign(c) || OPENING.contains(&c) || CLOSING.contains(&c));
    is_name.then(|| text::trim(address))
}

/// Whether one dot-separated part of a local part has only allowed characters.
fn is_atom(atom: &str) -> bool {
    let mut before = None;
    let mut rest = atom.chars();
    while let Some(c) = rest.next() {
        let fits = match c {
            c if c.is_ascii() => is_atext(c),
            // Latin letters don't join: a joiner between them would only make two addresses that look like one.
            c if text::is_joiner(c) => before.is_some_and(is_joined) && rest.clone().next().is_some_and(is_joined),
            c if text::is_invisible(c) => false,
            c if text::is_mark(c) => before.is_some_and(carries_mark),
            c => text::is_letter(c) || text::is_number(c),
        };
        if !fits {
            return false;
        }
        before = Some(c);
    }
    before.is_some()
}

/// The atext of RFC 5322 3.2.3.
fn is_atext(c: char) -> bool {
    c.is_ascii_alphanumeric() || "!#$%&'*+/=?^_`{|}~-".contains(c)
}

fn is_joined(c: char) -> bool {
    !c.is_ascii() && (text::is_letter(c) || text::is_mark(c))
}

fn carries_mark(c: char) -> bool {
    text::is_letter(c) || text::is_mark(c) || text::is_number(c) || text::is_joiner(c)
}

/// A domain of at least two labels in A-label form (UTS 46), the last of them alphabetic (RFC 1123 2.1). UTS 46 drops
/// invisible characters, but mail is sent to the domain, so a domain with one is refused. Joiners follow RFC 5892, A.1
/// and A.2.
fn a_labels(domain: &str) -> Option<String> {
    // Mapping costs more than linear time in the length, and mapping never makes a domain that is too long shorter.
    if domain.chars().count() > DOMAIN_MAX || domain.contains(|c| text::is_invisible(c) && !text::is_joiner(c)) {
        return None;
    }
    let mapped = Uts46::new().to_ascii(domain.as_bytes(), AsciiDenyList::STD3, Hyphens::Check, DnsLength::Verify);
    let ascii = mapped.ok()?.into_owned();
    let (_, top_level) = ascii.rsplit_once('.')?;
    let is_alphabetic = top_level.bytes().all(|b| b.is_ascii_alphabetic());
    (is_alphabetic || top_level.starts_with("xn--")).then_some(ascii)
}

/// The domains of Gmail.
const GMAIL: [&str; 2] = ["gmail.com", "googlemail.com"];
/// RFC 5321 4.5.3.1.3 in the reading of erratum 1690.
const ADDRESS_MAX: usize = 254;
/// The angle brackets around an address after a display name, and the full-width ones.
const OPENING: [char; 2] = ['<', '\u{ff1c}'];
const CLOSING: [char; 2] = ['>', '\u{ff1e}'];
/// The longest domain in any form, in code points (RFC 1035 2.3.4, without the root).
const DOMAIN_MAX: usize = 253;
/// RFC 5321 4.5.3.1.1.
const LOCAL_MAX: usize = 64;

#[cfg(test)]
mod tests;
