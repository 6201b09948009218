//! Settings from an edited environment. The environment shows more than the settings, and leaves out their secrets.

use serde_json::{Map, Value, json};

use super::Instance;
use super::user_settings::user_settings;
use crate::domain::settings::Settings;

/// A settings document as it was sent. If it is the `user_settings` of the environment, it is completed: values that
/// are only shown are dropped; values that are not shown, and values that are shown in another form and were not
/// changed, are taken from `in_force`. Any other document is already complete and stays as it is.
pub(in crate::http) fn handed_back(document: Value, instance: &Instance<'_>, in_force: &Settings) -> Value {
    let (shown, kept) = (user_settings(instance), json!(in_force));
    match (&document, &shown, &kept) {
        (Value::Object(sent), Value::Object(shown), Value::Object(kept)) if is_shown(sent, shown, kept) => {
            merged(sent, shown, kept).into()
        }
        _ => document,
    }
}

/// Whether a document has a key that only the environment has.
fn is_shown(sent: &Map<String, Value>, shown: &Map<String, Value>, kept: &Map<String, Value>) -> bool {
    sent.iter().any(|(key, value)| match (value, shown.get(key), kept.get(key)) {
        (_, Some(_), None) => true,
        (Value::Object(sent), Some(Value::Object(shown)), Some(Value::Object(kept))) => is_shown(sent, shown, kept),
        _ => false,
    })
}

fn merged(sent: &Map<String, Value>, shown: &Map<String, Value>, kept: &Map<String, Value>) -> Map<String, Value> {
    let mut whole = Map::new();
    for (key, value) in sent {
        let value = match (value, shown.get(key), kept.get(key)) {
            (_, Some(_), None) => continue,
            (Value::Object(sent), Some(Value::Object(shown)), Some(Value::Object(kept))) => {
                merged(sent, shown, kept).into()
            }
            (sent, Some(shown), Some(kept)) if sent == shown => kept.clone(),
            _ => value.clone(),
        };
        whole.insert(key.clone(), value);
    }
    for (key, value) in kept.iter().filter(|(key, _)| !sent.contains_key(*key)) {
        match (shown.get(key), value) {
            (None, hidden) => {
                whole.insert(key.clone(), hidden.clone());
            }
            // A value that is shown and was left out is off, except for the hidden parts in it.
            (Some(Value::Object(shown)), Value::Object(kept)) => {
                let hidden = merged(&Map::new(), shown, kept);
                if !hidden.is_empty() {
                    whole.insert(key.clone(), hidden.into());
                }
            }
            _ => {}
        }
    }
    whole
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::secret::Secret;
    use crate::domain::settings::{OAuth, Social};

    #[test]
    fn an_environment_that_nobody_changed_changes_nothing() {
        let settings = rich();
        let instance = Instance { settings: &settings, ..Instance::sample() };
        let back = handed_back(user_settings(&instance), &instance, &settings);
        assert_eq!(serde_json::from_value::<Settings>(back).expect("settings"), settings);
    }

    #[test]
    fn what_differs_from_what_is_shown_is_taken_and_the_rest_of_it_stays() {
        let settings = rich();
        // A setting that the instance can't carry out is shown as off.
        let mut told = settings.clone();
        told.password_settings.disable_hibp = true;
        let instance = Instance { settings: &told, ..Instance::sample() };
        let mut sent = user_settings(&instance);
        sent["sign_up"]["progressive"] = json!(false);
        sent["social"]["oauth_google"]["name"] = json!("Work");
        sent["restrictions"]["blocklist"]["identifiers"] = json!(["@spam.example"]);
        if let Some(sent) = sent.as_object_mut() {
            sent.remove("username_settings");
        }
        let back = handed_back(sent, &instance, &settings);
        let mut expected = settings.clone();
        expected.sign_up.progressive = false;
        expected.username_settings = Default::default();
        expected.social.get_mut("oauth_google").expect("a provider").name = "Work".into();
        expected.restrictions.blocklist.identifiers = vec!["@spam.example".to_owned()].try_into().expect("a list");
        assert_eq!(serde_json::from_value::<Settings>(back).expect("settings"), expected);
    }

    #[test]
    fn a_section_that_is_left_out_is_off_and_keeps_what_is_hidden_in_it() {
        let settings = rich();
        let instance = Instance { settings: &settings, ..Instance::sample() };
        let back = handed_back(json!({"saml": {"enabled": false}}), &instance, &settings);
        let back: Settings = serde_json::from_value(back).expect("settings");
        assert!(!back.restrictions.allowlist.enabled && !back.restrictions.allowlist.identifiers.is_empty());
        assert_eq!((back.oauth, back.social), (settings.oauth, Default::default()));
        assert_eq!(back.attributes, Default::default());
    }

    #[test]
    fn a_document_of_settings_alone_is_whole_and_stays() {
        let settings = rich();
        let instance = Instance { settings: &settings, ..Instance::sample() };
        for document in [json!({}), json!({"sign_up": {"progressive": false}}), json!({"sing_up": {}}), json!([1])] {
            assert_eq!(handed_back(document.clone(), &instance, &settings), document);
        }
    }

    fn rich() -> Settings {
        let mut settings = Settings::default();
        settings.password_settings.disable_hibp = false;
        settings.username_settings.min_length = 6;
        settings.attributes.username.enabled = true;
        let google = OAuth { client_id: "id".into(), client_secret: Secret::new("hidden".into()), ..OAuth::default() };
        settings.oauth.insert("oauth_google".into(), google);
        settings.social.insert("oauth_google".into(), Social { enabled: true, ..Social::default() });
        let list = |entry: &str| vec![entry.to_owned()].try_into().expect("a list");
        settings.restrictions.allowlist.enabled = true;
        settings.restrictions.allowlist.identifiers = list("@acme.example");
        settings.restrictions.blocklist.identifiers = list("ada@acme.example");
        settings.restrictions.phone_countries.blocked = vec!["US".into()];
        settings
    }
}
