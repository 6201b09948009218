//! `/dev/*`: the tools of a development instance. A production instance has no such routes.

use serde_json::{Value, json};

use crate::config::settings_of_json;
use crate::domain::rejection::ErrorCode;
use crate::domain::secret::Secret;
use crate::domain::settings::Settings;
use crate::domain::time::Span;
use crate::http::call::Call;
use crate::http::environment::handed_back;
use crate::http::response::api_response::ApiResponse;
use crate::http::response::error::HttpError;

use crate::http::frontend::environment::with_instance;

use super::repeats::repeated_key;

/// The settings in force, with secrets masked.
pub(in crate::http) fn settings(call: &Call<'_>) -> ApiResponse {
    ApiResponse::json(&masked((*call.engine().settings()).clone()))
}

/// Replaces all settings, by a settings document or by the `user_settings` of the environment. A masked secret keeps
/// its current value. What the application's backend changed is in the documents that are shown; where it comes back as it
/// was, it is not configured.
pub(in crate::http) fn replace_settings(call: &Call<'_>, document: &[u8]) -> Result<ApiResponse, HttpError> {
    let current = call.engine().settings();
    let document = json_document(document)?;
    let document = with_instance(call, |instance| handed_back(document, instance, &current));
    let mut settings = settings_of(document)?;
    unmask(&mut settings, &current);
    call.engine().replace_shown_settings(settings).map_err(|error| HttpError::document(&error.key, &error.reason))?;
    Ok(self::settings(call))
}

/// The engine's current time.
pub(in crate::http) fn clock(call: &Call<'_>) -> ApiResponse {
    ApiResponse::json(&json!({ "now": call.engine().now() }))
}

/// Moves the engine's clock forward.
pub(in crate::http) async fn advance_clock(call: &Call<'_>, document: &[u8]) -> Result<ApiResponse, HttpError> {
    let by = Span::from_millis(advance_ms(&json_document(document)?)?);
    let now = call.engine().advance_clock(by).await?;
    let now = now.ok_or(ErrorCode::ResourceNotFound)?;
    Ok(ApiResponse::json(&json!({ "now": now })))
}

/// How far `POST /dev/clock` moves the clock, in milliseconds.
fn advance_ms(document: &Value) -> Result<u64, HttpError> {
    const KEY: &str = "advance_ms";
    let object = document.as_object().ok_or_else(|| HttpError::document("", "must be a JSON object"))?;
    if let Some(other) = object.keys().find(|key| *key != KEY) {
        return Err(HttpError::document(other, &format!("is no parameter of the clock; there is `{KEY}`")));
    }
    let given =
        object.get(KEY).ok_or_else(|| HttpError::document(KEY, "is missing; write a number of milliseconds"))?;
    given.as_u64().ok_or_else(|| HttpError::document(KEY, "must be a whole number of milliseconds, not below 0"))
}

/// A JSON document in which no key appears twice.
fn json_document(document: &[u8]) -> Result<Value, HttpError> {
    let value = serde_json::from_slice(document)
        .map_err(|error| HttpError::document("", &format!("The body is not JSON: {error}")))?;
    match repeated_key(document) {
        Some(key) => Err(HttpError::document(&key, "is named twice; name it once")),
        None => Ok(value),
    }
}

fn settings_of(document: Value) -> Result<Settings, HttpError> {
    settings_of_json(document)
        .map_err(|faults| HttpError::documents(faults.into_iter().map(|fault| (fault.key, fault.reason))))
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

const MASK: &str = "********";

#[cfg(test)]
mod tests {
    use hyper::StatusCode;

    use super::*;
    use crate::domain::settings::OAuth;
    use crate::http::request_id::RequestId;

    #[test]
    fn secrets_are_masked_and_survive_the_round_trip() {
        let current = with_secret("hidden");
        let shown = masked(current.clone());
        assert!(!shown.to_string().contains("hidden"));
        let mut read = settings_of(shown).expect("settings");
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
        let error = settings_of(json!({"sing_up": {}, "sign_up": {"progressive": 1}})).expect_err("two typos");
        let answer = error.into_answer(&RequestId::fresh());
        let body: Value = serde_json::from_slice(answer.body()).expect("JSON");
        let (first, second) = (&body["errors"][0], &body["errors"][1]);
        assert_eq!(
            (&first["meta"]["param_name"], answer.status()),
            (&json!("sing_up"), StatusCode::UNPROCESSABLE_ENTITY)
        );
        assert_eq!(first["long_message"], "sing_up: is not a setting; did you mean `sign_up`?");
        assert_eq!(second["long_message"], "sign_up.progressive: must be true or false, without quotes");
    }

    #[test]
    fn a_clock_takes_a_number_of_milliseconds() {
        assert_eq!(advance_ms(&json!({"advance_ms": 7})).expect("a number"), 7);
        for (document, key) in [
            (json!({"advance_ms": -1}), "advance_ms"),
            (json!({"advance_ms": "7"}), "advance_ms"),
            (json!({}), "advance_ms"),
            (json!({"advance_ms": 7, "by": 1}), "by"),
            (json!(7), ""),
        ] {
            let answer = advance_ms(&document).expect_err("a misfit").into_answer(&RequestId::fresh());
            let body: Value = serde_json::from_slice(answer.body()).expect("JSON");
            assert_eq!(body["errors"][0]["meta"]["param_name"], key, "{document}");
        }
        assert!(json_document(b"").is_err());
        assert!(json_document(br#"{"advance_ms": 7, "advance_ms": 8}"#).is_err());
        assert!(json_document(br#"{"sign_up": {"mode": "public"}, "sing_up": {}}"#).is_ok());
    }

    fn with_secret(secret: &str) -> Settings {
        let oauth = OAuth { client_secret: Secret::new(secret.to_owned()), ..OAuth::default() };
        Settings { oauth: [("oauth_google".to_owned(), oauth)].into(), ..Settings::default() }
    }
}
