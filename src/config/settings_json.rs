//! Parses a settings document in JSON, as `PUT /dev/settings` takes it, and reports each fault by key.

use serde_json::{Value, json};
use toml::Value as Toml;

use crate::domain::settings::Settings;

use super::differences::table_of;
use super::nearest::plain;
use super::suggest::suggest;
use super::words::{in_words, quoted_names};

/// A key that is unknown or has a wrong value.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SettingFault {
    /// The key, or the part that is wrong; empty for the document itself.
    pub key: String,
    /// The reason, which continues a sentence that begins with the key.
    pub reason: String,
}

/// Parses a whole document. [`Settings::validate`] checks that its keys fit each other.
///
/// # Errors
/// All keys that are unknown or have wrong values.
pub fn settings_of_json(document: Value) -> Result<Settings, Vec<SettingFault>> {
    if !document.is_object() {
        return Err(vec![SettingFault { key: String::new(), reason: "must be a JSON object".into() }]);
    }
    // The whole environment resource was sent; its other parts are no settings.
    if document.get(SHOWN_AS).is_some() {
        return Err(vec![SettingFault {
            key: SHOWN_AS.into(),
            reason: "is not a setting; send its content instead".into(),
        }]);
    }
    let leaves = leaves(&document);
    let mut lists = Vec::new();
    lists_of_keys(&document, &json!(Settings::default()), &mut Vec::new(), &mut lists);
    if !lists.is_empty() {
        return Err(lists);
    }
    serde_json::from_value(document).map_err(|error| {
        let faults: Vec<SettingFault> = leaves.into_iter().filter_map(|(path, value)| fault(&path, value)).collect();
        // Each fault has one key, because no setting needs another to be parsed. If none is found all the same, the
        // error of the whole document is reported.
        let whole = || SettingFault { key: String::new(), reason: error.to_string() };
        if faults.is_empty() { vec![whole()] } else { without_repeats(faults) }
    })
}

/// Faults for lists in place of sections: serde would accept the entries as values of the keys, by position.
fn lists_of_keys(document: &Value, default: &Value, path: &mut Vec<String>, faults: &mut Vec<SettingFault>) {
    match (document, default) {
        (Value::Array(_), Value::Object(_)) => {
            faults.push(SettingFault { key: path.join("."), reason: "must be an object".into() });
        }
        (Value::Object(document), Value::Object(default)) => {
            for (key, value) in document {
                path.push(key.clone());
                lists_of_keys(value, default.get(key).unwrap_or(&Value::Null), path, faults);
                path.pop();
            }
        }
        _ => {}
    }
}

/// The fault of one key, if any: parses a document with this key alone.
fn fault(path: &[String], value: Value) -> Option<SettingFault> {
    let key = path.join(".");
    let given = as_toml(&value);
    let alone =
        path.iter().rev().fold(value, |inner, step| Value::Object([(step.clone(), inner)].into_iter().collect()));
    let error = serde_json::from_value::<Settings>(alone).err()?.to_string();
    if let Some(rest) = error.strip_prefix("unknown field `") {
        let (name, expected) = rest.split_once('`').unwrap_or((rest, ""));
        return Some(unknown(path, name, &quoted_names(expected)));
    }
    let reason = if path.last().is_some_and(|step| step == "client_secret") {
        "must be a text in quotes".to_owned()
    } else if is_section_expected(&error) {
        "must be an object".to_owned()
    } else {
        in_words(&error, &key, &given)
    };
    Some(SettingFault { key, reason })
}

/// The fault for an unknown setting `name` in the path; `expected` lists the allowed ones.
fn unknown(path: &[String], name: &str, expected: &[&str]) -> SettingFault {
    let depth = path.iter().position(|step| step == name).map_or(path.len(), |at| at + 1);
    let path = &path[..depth];
    let meant = suggest(PREFIX, path, expected).map(|meant| meant.trim_start_matches(PREFIX).to_owned());
    let hint = match meant.or_else(|| elsewhere(name)) {
        Some(meant) => format!("did you mean `{meant}`?"),
        None if expected.is_empty() => "remove it".into(),
        None => {
            format!("use one of {}", expected.iter().map(|name| format!("`{name}`")).collect::<Vec<_>>().join(", "))
        }
    };
    SettingFault { key: path.join("."), reason: format!("is not a setting; {hint}") }
}

/// The only setting or section with that name elsewhere.
fn elsewhere(name: &str) -> Option<String> {
    let name = plain(name);
    let mut paths = Vec::new();
    collect(&Toml::Table(table_of(&Settings::default())), &mut Vec::new(), &mut paths);
    let mut found = paths.into_iter().filter(|path| path.rsplit('.').next() == Some(name.as_str()));
    found.next().filter(|_| found.next().is_none())
}

fn collect(value: &Toml, path: &mut Vec<String>, paths: &mut Vec<String>) {
    let Toml::Table(table) = value else { return };
    for (key, inner) in table {
        path.push(key.clone());
        paths.push(path.join("."));
        collect(inner, path, paths);
        path.pop();
    }
}

/// Whether a section was expected.
fn is_section_expected(error: &str) -> bool {
    error.rsplit_once(", expected ").is_some_and(|(_, expected)| expected == "a map" || expected.starts_with("struct "))
}

/// All values of a document that are not objects, by their paths.
fn leaves(document: &Value) -> Vec<(Vec<String>, Value)> {
    match document {
        Value::Object(object) if !object.is_empty() => {
            let below = |(key, value): (&String, &Value)| {
                let mut inner = leaves(value);
                inner.iter_mut().for_each(|(path, _)| path.insert(0, key.clone()));
                inner
            };
            object.iter().flat_map(below).collect()
        }
        _ => vec![(Vec::new(), document.clone())],
    }
}

/// Removes equal faults: several keys of one wrong section give the same one.
fn without_repeats(mut faults: Vec<SettingFault>) -> Vec<SettingFault> {
    faults.dedup();
    faults.truncate(FAULTS_MAX);
    faults
}

/// A value in TOML form, for messages that show how to write it.
fn as_toml(value: &Value) -> Toml {
    match value {
        Value::Null => "…".into(),
        Value::Bool(is) => (*is).into(),
        Value::Number(number) => number.as_i64().map_or_else(|| number.to_string().into(), Toml::from),
        Value::String(text) => text.as_str().into(),
        Value::Array(entries) => Toml::Array(entries.iter().map(as_toml).collect()),
        Value::Object(_) => Toml::Table(toml::Table::new()),
    }
}

const PREFIX: &str = "settings.";
/// Name of the settings in the environment resource.
const SHOWN_AS: &str = "user_settings";
/// Maximum number of reported faults.
const FAULTS_MAX: usize = 20;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_misfit_is_told_by_its_key_and_without_types() {
        for (document, key, reason) in [
            (json!({"sing_up": {}}), "sing_up", "is not a setting; did you mean `sign_up`?"),
            (json!({"sing_up": {"mode": 1, "mfa": {}}}), "sing_up", "is not a setting; did you mean `sign_up`?"),
            (
                json!({"attributes": {"emial_address": {"enabled": true}}}),
                "attributes.emial_address",
                "is not a setting; did you mean `attributes.email_address`?",
            ),
            (
                json!({"email_address": {"enabled": true}}),
                "email_address",
                "is not a setting; did you mean `attributes.email_address`?",
            ),
            (
                json!({"auth_config": {}, "user_settings": {}}),
                "user_settings",
                "is not a setting; send its content instead",
            ),
            (
                json!({"sign_up": {"progressive": "yes"}}),
                "sign_up.progressive",
                "must be true or false, without quotes",
            ),
            (json!({"sign_up": {"progressive": null}}), "sign_up.progressive", "must be true or false, without quotes"),
            (json!({"sign_up": {"progressive": {}}}), "sign_up.progressive", "must be true or false, without quotes"),
            (
                json!({"sign_up": {"mode": "open"}}),
                "sign_up.mode",
                "can't be \"open\"; use \"public\", \"restricted\" or \"waitlist\"",
            ),
            (json!({"sign_up": true}), "sign_up", "must be an object"),
            (json!({"attributes": []}), "attributes", "must be an object"),
            (json!({"attributes": {"username": [true]}}), "attributes.username", "must be an object"),
            (json!({"social": []}), "social", "must be an object"),
            (
                json!({"password_settings": {"min_length": -1}}),
                "password_settings.min_length",
                "must be a whole number that is not negative, and no larger one than makes sense",
            ),
            (
                json!({"attributes": {"email_address": {"verifications": ["email_cod"]}}}),
                "attributes.email_address.verifications",
                "contains \"email_cod\", which is not a verification strategy; did you mean \"email_code\"? It may \
                 contain \"email_code\" or \"email_link\"",
            ),
            (
                json!({"oauth": {"oauth_google": {"client_secret": 77}}}),
                "oauth.oauth_google.client_secret",
                "must be a text in quotes",
            ),
            (json!([]), "", "must be a JSON object"),
        ] {
            let faults = settings_of_json(document.clone()).expect_err("a misfit");
            let expected = SettingFault { key: key.into(), reason: reason.into() };
            assert_eq!(faults, [expected], "{document}");
        }
        let two = json!({"sing_up": {}, "sign_up": {"progressive": 1, "mode": "public"}});
        let faults = settings_of_json(two).expect_err("two misfits");
        assert_eq!(faults.iter().map(|f| f.key.as_str()).collect::<Vec<_>>(), ["sing_up", "sign_up.progressive"]);
    }

    #[test]
    fn a_whole_document_is_read_as_it_was_written() {
        let settings = super::super::sample_settings("progressive").expect("a sample");
        assert_eq!(settings_of_json(json!(settings)), Ok(settings));
        assert_eq!(settings_of_json(json!({})), Ok(Settings::default()));
    }
}
