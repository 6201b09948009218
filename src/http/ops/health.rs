//! `GET /health/live` and `/health/ready`.
//!
//! A channel that delivers no messages does not make the instance unready: other instances would fail the same way. The
//! answer shows it without the reason, which is in the log.

use serde_json::{Value, json};

use crate::delivery::ChannelStatus;
use crate::http::call::Call;
use crate::http::response::api_response::ApiResponse;
use crate::http::response::error::HttpError;

pub(in crate::http) fn live() -> ApiResponse {
    ApiResponse::json(&json!({"status": "live"}))
}

pub(in crate::http) fn ready(call: &Call<'_>) -> Result<ApiResponse, HttpError> {
    match call.engine().readiness() {
        Ok(()) => {
            let channels = call.engine().channels();
            let channels = channels.iter().map(|status| (status.channel.as_str().to_owned(), shown(status)));
            Ok(ApiResponse::json(&json!({"status": "ready", "channels": Value::from_iter(channels)})))
        }
        Err(reason) => Err(HttpError::not_ready(&reason.to_string())),
    }
}

fn shown(status: &ChannelStatus) -> Value {
    match status.failing_since {
        _ if status.is_paused => json!({"status": "paused", "waiting": status.waiting}),
        None => json!({"status": "working", "waiting": status.waiting}),
        Some(since) => json!({"status": "failing", "since": since.as_millis(), "waiting": status.waiting}),
    }
}
