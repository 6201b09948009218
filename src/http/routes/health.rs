//! `GET /health/live` and `/health/ready`.

use serde_json::json;

use crate::http::error::HttpError;
use crate::http::exchange::Exchange;
use crate::http::response::Answer;

pub(super) fn live() -> Answer {
    Answer::json(&json!({"status": "live"}))
}

pub(super) fn ready(exchange: &Exchange<'_>) -> Result<Answer, HttpError> {
    match exchange.engine().readiness() {
        Ok(()) => Ok(Answer::json(&json!({"status": "ready"}))),
        Err(reason) => Err(HttpError::not_ready(&reason.to_string())),
    }
}
