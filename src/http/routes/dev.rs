//! `/dev/*`: the tools of a development instance. A production instance has no such routes.

use serde::Deserialize;
use serde_json::{Value, json};

use crate::domain::identifier::{EmailAddress, PhoneNumber};
use crate::domain::rejection::Code;
use crate::domain::secret::Secret;
use crate::domain::settings::Settings;
use crate::domain::text;
use crate::domain::time::Span;
use crate::http::error::HttpError;
use crate::http::exchange::Exchange;
use crate::http::response::Answer;

/// The captured messages, to one address or all of them.
pub(super) fn outbox(exchange: &Exchange<'_>) -> Result<Answer, HttpError> {
    let outbox = exchange.app.outbox.as_ref().ok_or(Code::ResourceNotFound)?;
    let messages = match exchange.head.query.single("to")?.filter(|to| !to.is_empty()) {
        None => outbox.messages(None),
        Some(to) => match normalised(to) {
            Some(to) => outbox.messages(Some(&to)),
            None => Vec::new(),
        },
    };
    Ok(Answer::json(&json!({ "messages": messages })))
}

/// The settings, with secrets masked.
pub(super) fn settings(exchange: &Exchange<'_>) -> Answer {
    Answer::json(&masked((*exchange.engine().settings()).clone()))
}

/// Replaces the settings as a whole. A masked secret stands for the one there is.
pub(super) fn replace_settings(exchange: &Exchange<'_>, document: &[u8]) -> Result<Answer, HttpError> {
    let mut settings = read::<Settings>(document)?;
    unmask(&mut settings, &exchange.engine().settings());
    exchange.engine().replace_settings(settings).map_err(|error| HttpError::document(&error.key, &error.reason))?;
    Ok(self::settings(exchange))
}

/// What time it is for the engine.
pub(super) fn clock(exchange: &Exchange<'_>) -> Answer {
    Answer::json(&json!({ "now": exchange.engine().now() }))
}

/// Moves the engine's clock forward.
pub(super) async fn advance_clock(exchange: &Exchange<'_>, document: &[u8]) -> Result<Answer, HttpError> {
    let advance = read::<Advance>(document)?;
    let by = Span::from_millis(advance.advance_ms);
    let now = exchange.engine().advance_clock(by).await?;
    let now = now.ok_or(Code::ResourceNotFound)?;
    Ok(Answer::json(&json!({ "now": now })))
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Advance {
    advance_ms: u64,
}

/// Reads a JSON document; what is wrong with it is told under the key at fault, where one is known.
fn read<T: serde::de::DeserializeOwned>(document: &[u8]) -> Result<T, HttpError> {
    serde_json::from_slice(document).map_err(|error| {
        let text = error.to_string();
        let key = text.split('`').nth(1).unwrap_or_default();
        HttpError::document(key, &text)
    })
}

fn masked(mut settings: Settings) -> Value {
    for oauth in settings.oauth.values_mut() {
        if !oauth.client_secret.expose().is_empty() {
            oauth.client_secret = Secret::new(MASK.to_owned());
        }
    }
    json!(settings)
}

fn unmask(settings: &mut Settings, current: &Settings) {
    for (strategy, oauth) in &mut settings.oauth {
        if oauth.client_secret.expose() == MASK
            && let Some(known) = current.oauth.get(strategy)
        {
            oauth.client_secret = known.client_secret.clone();
        }
    }
}

/// An address as messages are kept under. A `+` that was not escaped arrives as a blank, which no address has.
fn normalised(to: &str) -> Option<String> {
    let email = |to: &str| EmailAddress::parse(to).ok().map(|e| e.as_str().to_owned());
    let phone = |to: &str| PhoneNumber::parse(to).ok().map(|p| p.as_str().to_owned());
    if to.contains(text::is_at_sign) {
        email(to).or_else(|| email(&text::trim(to).replace(' ', "+")))
    } else {
        phone(to).or_else(|| phone(&format!("+{}", text::trim(to))))
    }
}

const MASK: &str = "********";

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::settings::OAuth;
    use crate::http::request_id::RequestId;

    #[test]
    fn addresses_are_normalised_before_the_look_up() {
        for (to, address) in [
            (" Ada@Example.COM ", "ada@example.com"),
            ("ada clerk_test@example.com", "ada+clerk_test@example.com"),
            ("+12025550143", "+12025550143"),
            (" 12025550143", "+12025550143"),
            (" 1 202 555 0143", "+12025550143"),
            ("\u{202a}+1 202\u{2011}555\u{2011}0143\u{202c}", "+12025550143"),
            ("\u{feff}ada＠example.com", "ada@example.com"),
        ] {
            assert_eq!(normalised(to).as_deref(), Some(address), "{to}");
        }
        assert_eq!(normalised("nobody"), None);
    }

    #[test]
    fn secrets_are_masked_and_survive_the_round_trip() {
        let current = with_secret("hidden");
        let shown = masked(current.clone());
        assert!(!shown.to_string().contains("hidden"));
        let mut read: Settings = read(shown.to_string().as_bytes()).expect("settings");
        unmask(&mut read, &current);
        assert_eq!(read, current);
    }

    #[test]
    fn an_absent_secret_is_not_masked() {
        let shown = masked(with_secret(""));
        assert_eq!(shown["oauth"]["oauth_google"]["client_secret"], "");
    }

    #[test]
    fn errors_name_the_key() {
        let error = read::<Settings>(br#"{"sing_up": {}}"#).expect_err("a typo");
        let answer = error.into_answer(&RequestId::fresh());
        let body: Value = serde_json::from_slice(answer.body()).expect("JSON");
        assert_eq!(body["errors"][0]["meta"]["param_name"], "sing_up");
        assert!(body["errors"][0]["long_message"].as_str().expect("text").contains("sing_up"));
        assert!(read::<Advance>(br#"{"advance_ms": -1}"#).is_err());
        assert!(read::<Advance>(b"").is_err());
    }

    fn with_secret(secret: &str) -> Settings {
        let oauth = OAuth { client_secret: Secret::new(secret.to_owned()), ..OAuth::default() };
        Settings { oauth: [("oauth_google".to_owned(), oauth)].into(), ..Settings::default() }
    }
}
