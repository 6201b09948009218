//! A file with all texts of one language: an object of strings, `{"verification_code.intro": "…"}`.

use std::fmt;

use serde::de::{Deserializer, MapAccess, Visitor};

use super::error::TemplateFault;

/// The texts of a file, in its order, each with its line.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Catalogue {
    pub(super) texts: Vec<Text>,
}

/// A text, which is a template of its own.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Text {
    pub(super) key: String,
    pub(super) line: usize,
    pub(super) value: String,
}

impl Catalogue {
    /// Reads a file; `file` is its name for people.
    pub(super) fn parse(file: &str, source: &str) -> Result<Self, Vec<TemplateFault>> {
        let Pairs(pairs) = serde_json::from_str(source).map_err(|error| {
            let reason = format!("is not an object of strings in JSON: {}", without_place(&error));
            vec![TemplateFault::new(file, Some(error.line()), reason)]
        })?;
        let mut texts: Vec<Text> = Vec::new();
        let mut faults = Vec::new();
        for (key, value) in pairs {
            let before = texts.iter().filter(|text| text.key == key).count();
            let line = line_of(source, &key, before);
            if before > 0 {
                faults.push(TemplateFault::new(
                    file,
                    Some(line),
                    format!("`{key}` is there twice; remove one of them"),
                ));
            } else if !is_known(&key) {
                let reason = format!("`{key}` is no text of the messages; see the built-in en.json for all of them");
                faults.push(TemplateFault::new(file, Some(line), reason));
            }
            texts.push(Text { key, line, value });
        }
        if faults.is_empty() { Ok(Self { texts }) } else { Err(faults) }
    }

    /// The text under a key.
    pub(super) fn text(&self, key: &str) -> Option<&Text> {
        self.texts.iter().find(|text| text.key == key)
    }
}

/// Whether templates use a text with this key.
fn is_known(key: &str) -> bool {
    SHARED.contains(&key)
        || key.split_once('.').is_some_and(|(template, text)| {
            WORDS.iter().any(|(name, texts)| *name == template && texts.split(' ').any(|t| t == text))
        })
}

/// All keys, in the order of the built-in files.
pub(super) fn keys() -> impl Iterator<Item = String> {
    let of_templates =
        WORDS.iter().flat_map(|(name, texts)| texts.split(' ').map(move |text| format!("{name}.{text}")));
    SHARED.iter().map(|key| (*key).to_owned()).chain(of_templates)
}

/// The texts of each template. A link that signs in has some of its own, and the others of a sign-up's.
pub(super) const WORDS: [(&str, &str); 13] = [
    ("verification_code", "subject preheader intro outro sms"),
    ("magic_link_sign_up", "subject preheader intro button or_code outro"),
    ("magic_link_sign_in", "subject intro button"),
    ("invitation", "subject preheader intro button outro"),
    ("account_exists", "subject preheader intro outro sms"),
    ("password_changed", "subject preheader intro outro"),
    ("second_factor_removed", "subject preheader intro outro"),
    ("primary_email_address_changed", "subject preheader intro outro"),
    ("passkey_added", "subject preheader intro outro"),
    ("passkey_removed", "subject preheader intro outro"),
    ("second_factor_added", "subject preheader intro outro"),
    ("backup_codes_created", "subject preheader intro outro"),
    ("external_account_connected", "subject preheader intro outro"),
];

/// The text that a language of an operator has instead of `key`, where it has none under that: mails that sign in had the
/// texts of sign-ups.
pub(super) fn instead_of(key: &str) -> Option<String> {
    key.strip_prefix("magic_link_sign_in.").map(|text| format!("magic_link_sign_up.{text}"))
}

/// The texts that all templates share. `direction` is `ltr` or `rtl`.
pub(super) const SHARED: [&str; 6] = ["direction", "minutes", "hours", "days", "support", "address"];

/// The line of a key in the source: of its occurrence after `before` others.
fn line_of(source: &str, key: &str, before: usize) -> usize {
    let quoted = format!("\"{key}\"");
    let at = source.match_indices(&quoted).nth(before).map_or(0, |(at, _)| at);
    source[..at].matches('\n').count() + 1
}

/// What serde_json says, without "at line … column …".
fn without_place(error: &serde_json::Error) -> String {
    let text = error.to_string();
    text.split(" at line ").next().unwrap_or_default().to_owned()
}

/// The entries of an object as they are written, also where a key is there twice.
struct Pairs(Vec<(String, String)>);

impl<'de> serde::Deserialize<'de> for Pairs {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_map(PairsVisitor)
    }
}

struct PairsVisitor;

impl<'de> Visitor<'de> for PairsVisitor {
    type Value = Pairs;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object of strings")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Pairs, A::Error> {
        let mut pairs = Vec::new();
        while let Some(pair) = map.next_entry()? {
            pairs.push(pair);
        }
        Ok(Pairs(pairs))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_are_read_with_their_lines() {
        let read = Catalogue::parse("de.json", "{\n  \"days\": \"Tage\",\n\n  \"invitation.button\": \"Los\"\n}\n");
        let text = |key: &str, line, value: &str| Text { key: key.into(), line, value: value.into() };
        let texts = vec![text("days", 2, "Tage"), text("invitation.button", 4, "Los")];
        assert_eq!(read.expect("a catalogue"), Catalogue { texts });
    }

    #[test]
    fn what_is_no_catalogue_is_refused_with_its_line() {
        for (source, line, words) in [
            ("{\n  \"days\": 7\n}", 2, "expected a string"),
            ("{\n  \"days\": \"a\"\n  \"hours\": \"b\"\n}", 3, "expected `,` or `}`"),
            ("[]", 1, "an object of strings"),
            ("{\n  \"days\": \"a\",\n  \"days\": \"b\"\n}", 3, "`days` is there twice"),
            ("{\n  \"invitation.buton\": \"b\"\n}", 2, "`invitation.buton` is no text of the messages"),
        ] {
            let faults = Catalogue::parse("de.json", source).expect_err(source);
            assert_eq!((faults[0].file.as_str(), faults[0].line), ("de.json", Some(line)), "{source}");
            assert!(faults[0].reason.contains(words), "{}", faults[0].reason);
        }
    }
}
