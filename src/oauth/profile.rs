//! Reads a profile from a provider's answer, and leaves out values that are malformed.

use serde_json::Value;

use crate::domain::identifier::EmailAddress;
use crate::domain::text;
use crate::domain::verification::Profile;

use super::ProviderError;
use super::preset::{Claims, Vouching};
use super::subject::subject;

/// The profile in `said`, the provider's answer. `scopes` are those that the person granted.
///
/// # Errors
/// Where the subject, the stable id of the account, is missing or malformed.
pub(super) fn profile(said: &Value, claims: &Claims, scopes: Vec<String>) -> Result<Profile, ProviderError> {
    let subject = subject(said, claims.subject).unwrap_or_default();
    let is_plain = !subject.chars().any(|c| c.is_control() || c.is_whitespace());
    if subject.is_empty() || subject.len() > SUBJECT_MAX || !is_plain {
        return Err(ProviderError::Invalid("it does not identify the person"));
    }
    let email = text(said, claims.email, EMAIL_MAX);
    let vouches = match claims.vouching {
        Vouching::If(pointer) => at(said, pointer).is_some_and(is_true),
        Vouching::Never => false,
    };
    let (mut first_name, mut last_name) =
        (text(said, claims.first_name, NAME_MAX), text(said, claims.last_name, NAME_MAX));
    if first_name.is_none() && last_name.is_none() {
        (first_name, last_name) = split_name(text(said, claims.name, NAME_MAX));
    }
    let picture = text(said, claims.picture, URL_MAX);
    Ok(Profile {
        subject,
        email_verified: vouches && email.as_deref().is_some_and(is_unambiguous),
        email_address: email,
        first_name,
        last_name,
        username: text(said, claims.username, NAME_MAX),
        image_url: picture.filter(|url| url.starts_with("https://")),
        approved_scopes: scopes.into_iter().filter(|scope| scope.len() <= NAME_MAX).take(SCOPES_MAX).collect(),
    })
}

/// The value at a pointer. By RFC 6901 an empty pointer means the whole document; here it means no value.
fn at<'a>(said: &'a Value, pointer: &str) -> Option<&'a Value> {
    if pointer.is_empty() { None } else { said.pointer(pointer) }
}

fn text(said: &Value, pointer: &str, max: usize) -> Option<String> {
    let text = at(said, pointer)?.as_str()?.trim();
    (!text.is_empty() && text.len() <= max && !text.chars().any(char::is_control)).then(|| text.to_owned())
}

/// Whether normalisation leaves the address the same, so that the provider's verification holds for the stored form
/// too.
fn is_unambiguous(email: &str) -> bool {
    EmailAddress::parse(email).is_ok_and(|address| address.is_meant_by(email))
}

/// Providers write true as `true`, `"true"`, `"1"` or `1`.
fn is_true(value: &Value) -> bool {
    match value {
        Value::Bool(flag) => *flag,
        Value::String(text) => text::is_true(text),
        Value::Number(number) => number.as_u64() == Some(1),
        _ => false,
    }
}

/// Splits a full name at its last space into first and last name.
fn split_name(name: Option<String>) -> (Option<String>, Option<String>) {
    match name.as_deref().and_then(|name| name.rsplit_once(' ')) {
        Some((first, last)) => (Some(first.trim().to_owned()), Some(last.to_owned())),
        None => (name, None),
    }
}

/// OpenID Connect Core 2 allows 255 ASCII characters.
const SUBJECT_MAX: usize = 255;
const EMAIL_MAX: usize = 320;
const NAME_MAX: usize = 256;
const URL_MAX: usize = 2048;
const SCOPES_MAX: usize = 64;

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::super::preset::{STANDARD, preset};
    use super::*;

    #[test]
    fn the_standard_claims_are_read() {
        let said = json!({
            "sub": "42", "email": "Ada@Example.com", "email_verified": true, "given_name": "Ada",
            "family_name": "Lovelace", "preferred_username": "ada", "picture": "https://p.example/a.png",
        });
        let read = profile(&said, &STANDARD, vec!["email".into()]).expect("a profile");
        assert_eq!((read.subject.as_str(), read.email_verified), ("42", true));
        assert_eq!(read.email_address.as_deref(), Some("Ada@Example.com"));
        assert_eq!((read.first_name.as_deref(), read.last_name.as_deref()), (Some("Ada"), Some("Lovelace")));
        assert_eq!(read.image_url.as_deref(), Some("https://p.example/a.png"));
    }

    #[test]
    fn an_address_is_proved_only_where_the_provider_says_so() {
        for (word, expected) in [
            (json!(true), true),
            (json!("true"), true),
            (json!(1), true),
            (json!(false), false),
            (json!("false"), false),
            (json!("yes"), false),
            (json!(null), false),
            (json!([true]), false),
        ] {
            let said = json!({"sub": "1", "email": "v@example.com", "email_verified": word});
            assert_eq!(profile(&said, &STANDARD, vec![]).map(|p| p.email_verified), Ok(expected), "{word}");
        }
        let facebook = preset("oauth_facebook").expect("a preset");
        let said = json!({"id": "1", "email": "v@example.com", "email_verified": true, "verified": true});
        assert_eq!(profile(&said, &facebook.claims, vec![]).map(|p| p.email_verified), Ok(false));
    }

    #[test]
    fn a_provider_s_word_holds_for_the_spelling_it_was_given_for() {
        for (email, expected) in [
            ("Victim@Example.com", true),
            ("victim@bücher.example", true),
            ("ｖictim@example.com", false),
            ("\u{feff}victim@example.com", true),
            ("\u{200b}victim@example.com\u{200e}", true),
            ("vic\u{200b}tim@example.com", false),
            ("victim۱@example.com", false),
            ("Victim <victim@example.com>", false),
            ("vic\u{2011}tim@example.com", false),
            ("victim", false),
        ] {
            let said = json!({"sub": "1", "email": email, "email_verified": true});
            assert_eq!(profile(&said, &STANDARD, vec![]).map(|p| p.email_verified), Ok(expected), "{email:?}");
        }
    }

    #[test]
    fn a_profile_without_a_plain_stable_subject_is_refused() {
        for subject in [json!(null), json!(""), json!("a b"), json!("a\nb"), json!({}), json!("x".repeat(256))] {
            let refused = profile(&json!({"sub": subject}), &STANDARD, vec![]);
            assert!(refused.is_err(), "{subject}");
        }
        assert_eq!(profile(&json!({"sub": 42}), &STANDARD, vec![]).map(|p| p.subject).as_deref(), Ok("42"));
    }

    #[test]
    fn whatever_else_is_odd_is_left_out() {
        let said = json!({
            "sub": "1", "email": 7, "given_name": "a\u{0}b", "family_name": ["x"], "picture": "javascript:1",
            "preferred_username": "u".repeat(300), "name": "Ada King Lovelace",
        });
        let read = profile(&said, &STANDARD, vec!["s".repeat(300); 3]).expect("a profile");
        assert_eq!((read.email_address, read.username, read.image_url), (None, None, None));
        assert_eq!((read.first_name.as_deref(), read.last_name.as_deref()), (Some("Ada King"), Some("Lovelace")));
        assert_eq!(read.approved_scopes, [""; 0]);
    }
}
