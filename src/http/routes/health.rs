//! `GET /health/live` and `/health/ready`.

use serde_json::json;

use crate::http::error::{Fault, HttpError};
use crate::http::exchange::Exchange;
use crate::http::response::Answer;

pub(super) fn live() -> Answer {
    Answer::json(&json!({"status": "live"}))
}

pub(super) fn ready(exchange: &Exchange<'_>) -> Result<Answer, HttpError> {
    if exchange.engine().is_ready() {
        Ok(Answer::json(&json!({"status": "ready"})))
    } else {
        Err(Fault::ServiceUnavailable.into())
    }
}
