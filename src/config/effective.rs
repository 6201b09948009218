//! The configuration in force, as TOML that loads again, with secrets masked.

use toml::{Table, Value};

use crate::domain::secret::Secret;

use super::load::Config;
use super::values::EmailTransport;

impl Config {
    /// The configuration in force as TOML: set values, defaults, derived values and the whole settings document.
    /// Secrets are masked.
    pub fn effective(&self) -> String {
        let table = self.effective_table();
        let text = toml::to_string(&table).unwrap_or_else(|e| format!("# can't be written as TOML: {e}\n"));
        format!(
            "# The configuration in force; secrets are masked. [settings] comes from {}.\n\n{text}",
            self.settings_origin
        )
    }

    /// The same as [`Self::effective`], as a table.
    pub fn effective_table(&self) -> Table {
        let mut table = self.given.clone();
        let mut derive = |section: &str, key: &str, value: Value| {
            if let Some(Value::Table(section)) = table.get_mut(section) {
                section.entry(key).or_insert(value);
            }
        };
        derive("instance", "publishable_key", self.publishable_key().as_str().into());
        derive("instance", "key_file", self.key_file().display().to_string().into());
        derive("server", "public_url", self.public_url(self.server.listen.port()).to_string().into());
        derive("telemetry", "requests", self.request_log().as_str().into());
        if self.email_transports().contains(&EmailTransport::Smtp) {
            derive("email", "port", i64::from(self.email_port()).into());
        }
        for (key, value) in self.limits_in_force() {
            derive("limits", key, i64::from(value).into());
        }
        // `Settings` is plain data, so this can't fail; if it did, the section would contain the error.
        let settings = Value::try_from(self.settings()).unwrap_or_else(|e| Value::String(e.to_string()));
        table.insert("settings".into(), settings);
        masked(table)
    }

    /// The secrets outside the settings, with their keys.
    pub(super) fn secrets(&self) -> Vec<(&'static str, Option<&Secret<String>>)> {
        let (email, sms) = (&self.email, &self.sms);
        vec![
            ("instance.secret_key", self.instance.secret_key.as_ref()),
            ("store.url", self.store.url.as_ref()),
            ("email.password", email.password.as_ref()),
            ("email.resend.api_key", email.resend.api_key.as_ref()),
            ("email.resend.webhook_secret", email.resend.webhook_secret.as_ref()),
            ("email.postmark.server_token", email.postmark.server_token.as_ref()),
            ("email.postmark.webhook_login", email.postmark.webhook_login.as_ref()),
            ("email.sendgrid.api_key", email.sendgrid.api_key.as_ref()),
            ("email.ses.secret_access_key", email.ses.secret_access_key.as_ref()),
            ("email.ses.session_token", email.ses.session_token.as_ref()),
            ("email.ses.webhook_login", email.ses.webhook_login.as_ref()),
            ("sms.twilio.auth_token", sms.twilio.auth_token.as_ref()),
            ("sms.twilio.api_key_secret", sms.twilio.api_key_secret.as_ref()),
            ("sms.vonage.api_secret", sms.vonage.api_secret.as_ref()),
            ("sms.vonage.signature_secret", sms.vonage.signature_secret.as_ref()),
            ("sms.http.secret", sms.http.secret.as_ref()),
            ("captcha.secret", self.captcha.secret.as_ref()),
        ]
    }
}

/// Whether a key holds a secret.
pub(super) fn is_secret(path: &[String]) -> bool {
    let path: Vec<&str> = path.iter().map(String::as_str).collect();
    matches!(
        path[..],
        ["instance", "secret_key"]
            | ["store", "url"]
            | ["email", "password"]
            | ["email", "resend", "api_key" | "webhook_secret"]
            | ["email", "postmark", "server_token" | "webhook_login"]
            | ["email", "sendgrid", "api_key"]
            | ["email", "ses", "secret_access_key" | "session_token" | "webhook_login"]
            | ["sms", "twilio", "auth_token" | "api_key_secret"]
            | ["sms", "vonage", "api_secret" | "signature_secret"]
            | ["sms", "http", "secret"]
            | ["sms", "http", "headers", _]
            | ["captcha", "secret"]
            | ["webhooks", "endpoints" | "before_sign_up_completes", "secret"]
            | ["settings", "oauth", _, "client_secret"]
    )
}

/// Whether a value is shown masked: a secret, or the template of a request in which people write their keys.
pub(super) fn is_hidden(path: &[String]) -> bool {
    is_secret(path) || matches!(path, [sms, http, body] if sms == "sms" && http == "http" && body == "body")
}

/// Whether a key holds a URL whose query may have a key of its receiver.
fn may_have_a_key(path: &[String]) -> bool {
    matches!(path, [section, _, key] if matches!(section.as_str(), "webhooks" | "sms") && key == "url")
}

/// Whether a key holds a list whose entries have secrets.
pub(super) fn has_secrets(path: &[String]) -> bool {
    matches!(path, [section, key] if section == "webhooks" && key == "endpoints")
}

/// The table with its secrets masked.
pub(super) fn masked(mut table: Table) -> Table {
    mask(&mut table, &mut Vec::new());
    table
}

/// The value of a key with its secrets masked.
pub(super) fn masked_value(mut value: Value, path: &[String]) -> Value {
    mask_value(&mut value, &mut path.to_vec());
    value
}

fn mask(table: &mut Table, path: &mut Vec<String>) {
    for (key, value) in table.iter_mut() {
        path.push(key.clone());
        mask_value(value, path);
        path.pop();
    }
}

fn mask_value(value: &mut Value, path: &mut Vec<String>) {
    match value {
        Value::Table(inner) => mask(inner, path),
        Value::Array(entries) => entries.iter_mut().for_each(|entry| mask_value(entry, path)),
        Value::String(text) if is_hidden(path) && !text.is_empty() => *text = MASK.into(),
        Value::String(text) if may_have_a_key(path) => {
            if let Some((shown, _)) = text.split_once('?') {
                *text = format!("{shown}?{MASK}");
            }
        }
        _ => {}
    }
}

pub(super) const MASK: &str = "********";
