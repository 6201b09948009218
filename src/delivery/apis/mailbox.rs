//! The sender of a mail, as APIs want it.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use super::api::ApiError;

/// A sender such as `Acme <no-reply@acme.example>`, in its parts.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Sender<'a> {
    pub(super) name: Option<String>,
    pub(super) address: &'a str,
}

impl<'a> Sender<'a> {
    /// Reads `email.from`.
    ///
    /// # Errors
    /// When it is no sender, or its address is not ASCII, which no API takes.
    pub(super) fn parse(text: &'a str) -> Result<Self, ApiError> {
        let text = text.trim();
        let (name, address) = match text.strip_suffix('>').and_then(|rest| rest.rsplit_once('<')) {
            Some((name, address)) => (unquoted(name.trim()), address.trim()),
            None => (String::new(), text),
        };
        let is_address = address.split_once('@').is_some_and(|(local, domain)| !local.is_empty() && !domain.is_empty());
        let is_odd = |c: char| c.is_whitespace() || c.is_control() || matches!(c, '<' | '>' | ',' | ';' | '"');
        if !is_address || address.contains(is_odd) || name.contains(char::is_control) {
            return Err(ApiError::new(FROM, "must be the sender, such as \"Acme <no-reply@acme.example>\""));
        }
        if !address.is_ascii() {
            let reason =
                "has an address outside ASCII, which HTTP APIs do not take; write another one, or use \"smtp\"";
            return Err(ApiError::new(FROM, reason));
        }
        Ok(Self { name: Some(name).filter(|name| !name.is_empty()), address })
    }

    /// As one text. The name is quoted (RFC 5322 3.2.4).
    pub(super) fn written(&self) -> String {
        match &self.name {
            Some(name) => format!("\"{}\" <{}>", escaped(name), self.address),
            None => self.address.to_owned(),
        }
    }

    /// As one text in ASCII: a name outside ASCII is encoded (RFC 2047 2).
    pub(super) fn written_in_ascii(&self) -> String {
        match &self.name {
            Some(name) if !name.is_ascii() => format!("{} <{}>", encoded_words(name), self.address),
            _ => self.written(),
        }
    }
}

fn unquoted(name: &str) -> String {
    let Some(inner) = name.strip_prefix('"').and_then(|rest| rest.strip_suffix('"')) else { return name.to_owned() };
    let mut plain = String::new();
    let mut letters = inner.chars();
    while let Some(letter) = letters.next() {
        plain.extend(if letter == '\\' { letters.next() } else { Some(letter) });
    }
    plain
}

fn escaped(name: &str) -> String {
    name.chars().flat_map(|c| matches!(c, '"' | '\\').then_some('\\').into_iter().chain([c])).collect()
}

fn encoded_words(name: &str) -> String {
    let mut words = vec![String::new()];
    for letter in name.chars() {
        let is_full = words.last().is_some_and(|word| word.len() + letter.len_utf8() > WORD_BYTES);
        if is_full {
            words.push(String::new());
        }
        if let Some(word) = words.last_mut() {
            word.push(letter);
        }
    }
    words.iter().map(|word| format!("=?UTF-8?B?{}?=", STANDARD.encode(word))).collect::<Vec<_>>().join(" ")
}

const FROM: &str = "email.from";
/// So many bytes make an encoded word of at most 75 letters.
const WORD_BYTES: usize = 45;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_sender_is_read_in_its_parts() {
        for (text, name, address, written) in [
            ("no-reply@acme.example", None, "no-reply@acme.example", "no-reply@acme.example"),
            ("Acme <a@acme.example>", Some("Acme"), "a@acme.example", "\"Acme\" <a@acme.example>"),
            ("\"Acme, \\\"Inc\\\"\" <a@b.c>", Some("Acme, \"Inc\""), "a@b.c", "\"Acme, \\\"Inc\\\"\" <a@b.c>"),
            ("<a@b.c>", None, "a@b.c", "a@b.c"),
        ] {
            let sender = Sender::parse(text).expect(text);
            assert_eq!((sender.name.as_deref(), sender.address, sender.written().as_str()), (name, address, written));
        }
    }

    #[test]
    fn a_name_outside_ascii_is_encoded_where_only_ascii_is_taken() {
        let sender = Sender::parse("Ёлки <a@b.c>").expect("a sender");
        assert_eq!(sender.written(), "\"Ёлки\" <a@b.c>");
        assert_eq!(sender.written_in_ascii(), "=?UTF-8?B?0IHQu9C60Lg=?= <a@b.c>");
        let long = format!("{} <a@b.c>", "é".repeat(60));
        let written = Sender::parse(&long).expect("a sender").written_in_ascii();
        assert!(written.split(' ').all(|word| word.len() <= 75), "{written}");
    }

    #[test]
    fn what_is_no_sender_is_refused() {
        for text in [
            "",
            "Acme",
            "Acme <>",
            "a@",
            "@b",
            "a b@c.d",
            "Acme <a@b.c",
            "a@b.c, d@e.f",
            "A\r\nBcc: x <a@b.c>",
            "ä@b.c",
        ] {
            assert!(Sender::parse(text).is_err(), "{text}");
        }
    }
}
