//! Finds keys that appear twice in a JSON object. Such a document is ambiguous, and parsers silently keep only the last
//! value.

use std::collections::HashSet;
use std::fmt;

use serde::de::{DeserializeSeed, Deserializer, Error, MapAccess, SeqAccess, Visitor};

/// The path of a key that appears twice in one object of `document`; `None` also where `document` is not JSON.
pub(super) fn repeated_key(document: &[u8]) -> Option<String> {
    let mut found = None;
    let mut deserializer = serde_json::Deserializer::from_slice(document);
    drop(Walk { path: &mut Vec::new(), found: &mut found }.deserialize(&mut deserializer));
    found
}

/// Visits all values and stops at the first repeated key. The deserializer limits the depth.
struct Walk<'a> {
    path: &'a mut Vec<String>,
    found: &'a mut Option<String>,
}

impl<'de> DeserializeSeed<'de> for Walk<'_> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Walk<'_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a JSON value")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<(), A::Error> {
        let mut seen = HashSet::new();
        while let Some(key) = map.next_key::<String>()? {
            self.path.push(key.clone());
            if !seen.insert(key) {
                *self.found = Some(self.path.join("."));
                return Err(A::Error::custom("a key is named twice"));
            }
            map.next_value_seed(Walk { path: self.path, found: self.found })?;
            self.path.pop();
        }
        Ok(())
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<(), A::Error> {
        while seq.next_element_seed(Walk { path: self.path, found: self.found })?.is_some() {}
        Ok(())
    }

    fn visit_unit<E>(self) -> Result<(), E> {
        Ok(())
    }

    fn visit_bool<E>(self, _: bool) -> Result<(), E> {
        Ok(())
    }

    fn visit_i64<E>(self, _: i64) -> Result<(), E> {
        Ok(())
    }

    fn visit_u64<E>(self, _: u64) -> Result<(), E> {
        Ok(())
    }

    fn visit_f64<E>(self, _: f64) -> Result<(), E> {
        Ok(())
    }

    fn visit_str<E>(self, _: &str) -> Result<(), E> {
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_that_is_named_twice_is_found_wherever_it_is() {
        for (document, key) in [
            (r#"{"sign_up": {}, "sign_up": {}}"#, "sign_up"),
            (r#"{"sign_up": {"mode": "public", "mode": "restricted"}}"#, "sign_up.mode"),
            (r#"{"saml": {}, "sign_up": {"mode": "public", "mode": "public"}}"#, "sign_up.mode"),
            (r#"{"social": {"oauth_google": {}, "oauth_google": {}}}"#, "social.oauth_google"),
            (r#"{"sing_up": {}, "a": [1, {"b": null, "c": 1.5, "b": "x"}]}"#, "a.b"),
            (r#"{"a": 1, "\u0061": 2}"#, "a"),
        ] {
            assert_eq!(repeated_key(document.as_bytes()).as_deref(), Some(key), "{document}");
        }
        let deep = "[".repeat(100_000);
        for document in [r#"{"a": {"b": -1}, "b": [true, {"b": 2}, {"b": 3}]}"#, "[]", "7", "", "{", deep.as_str()] {
            assert_eq!(repeated_key(document.as_bytes()), None);
        }
    }
}
