//! `/v1/webhooks/endpoints…`

use serde_json::json;

use crate::domain::id::{EventId, WebhookEndpointId};
use crate::domain::rejection::{ErrorCode, Rejection};
use crate::engine::{NewWebhookEndpoint, WebhookEndpointPatch};
use crate::http::call::Call;
use crate::http::request::json::Json;
use crate::http::response::api_response::ApiResponse;
use crate::http::response::error::HttpError;

use super::deleted;

pub(super) async fn list(call: &Call<'_>) -> Result<ApiResponse, HttpError> {
    Ok(ApiResponse::json(&call.engine().webhooks().list().await?))
}

pub(super) async fn create(call: &Call<'_>, given: &Json) -> Result<ApiResponse, HttpError> {
    let mut reasons = Vec::new();
    let mut reader = given.reader(&mut reasons);
    let input = NewWebhookEndpoint {
        url: reader.text("url").unwrap_or_default(),
        events: reader.texts("events"),
        description: reader.text("description").unwrap_or_default(),
        secret: reader.secret("secret"),
    };
    Rejection::collect(reasons)?;
    Ok(ApiResponse::json(&call.engine().webhooks().create(&input).await?))
}

pub(super) async fn show(call: &Call<'_>, id: WebhookEndpointId) -> Result<ApiResponse, HttpError> {
    Ok(ApiResponse::json(&call.engine().webhooks().get(id).await?))
}

pub(super) async fn update(call: &Call<'_>, id: WebhookEndpointId, given: &Json) -> Result<ApiResponse, HttpError> {
    let mut reasons = Vec::new();
    let mut reader = given.reader(&mut reasons);
    let patch = WebhookEndpointPatch {
        url: reader.text_or_clear("url"),
        events: reader.list("events"),
        description: reader.text_or_clear("description"),
    };
    Rejection::collect(reasons)?;
    Ok(ApiResponse::json(&call.engine().webhooks().update(id, &patch).await?))
}

pub(super) async fn delete(call: &Call<'_>, id: WebhookEndpointId) -> Result<ApiResponse, HttpError> {
    call.engine().webhooks().delete(id).await?;
    Ok(deleted("webhook_endpoint", id))
}

pub(super) async fn enable(call: &Call<'_>, id: WebhookEndpointId) -> Result<ApiResponse, HttpError> {
    Ok(ApiResponse::json(&call.engine().webhooks().enable(id).await?))
}

pub(super) async fn disable(call: &Call<'_>, id: WebhookEndpointId) -> Result<ApiResponse, HttpError> {
    Ok(ApiResponse::json(&call.engine().webhooks().disable(id).await?))
}

pub(super) async fn secret(call: &Call<'_>, id: WebhookEndpointId) -> Result<ApiResponse, HttpError> {
    let secret = call.engine().webhooks().secret(id).await?;
    Ok(ApiResponse::json(&json!({ "object": "webhook_secret", "secret": secret.expose() })))
}

pub(super) async fn rotate(call: &Call<'_>, id: WebhookEndpointId) -> Result<ApiResponse, HttpError> {
    Ok(ApiResponse::json(&call.engine().webhooks().rotate_secret(id).await?))
}

pub(super) async fn attempts(call: &Call<'_>, id: WebhookEndpointId) -> Result<ApiResponse, HttpError> {
    Ok(ApiResponse::json(&call.engine().webhooks().attempts(id).await?))
}

/// Sends again what has happened since a time, or one event.
pub(super) async fn replay(call: &Call<'_>, id: WebhookEndpointId, given: &Json) -> Result<ApiResponse, HttpError> {
    let mut reasons = Vec::new();
    let mut reader = given.reader(&mut reasons);
    let (since, event) = (reader.time("since"), reader.text("event_id"));
    let event = event.map(|event| event.parse::<EventId>()).transpose();
    if since.is_none() && matches!(event, Ok(None)) && reasons.is_empty() {
        reasons.push(ErrorCode::FormParamMissing.on("since"));
    }
    if event.is_err() {
        reasons.push(ErrorCode::FormParamFormatInvalid.on("event_id"));
    }
    if since.is_some() && matches!(event, Ok(Some(_))) {
        reasons.push(ErrorCode::FormConditionalParamDisallowed.on("event_id"));
    }
    Rejection::collect(reasons)?;
    let webhooks = call.engine().webhooks();
    let endpoint = match (since, event) {
        (Some(since), _) => webhooks.replay(id, since).await?,
        (None, Ok(Some(event))) => {
            webhooks.replay_event(id, event).await?;
            webhooks.get(id).await?
        }
        (None, _) => return Err(HttpError::internal("a replay of nothing")),
    };
    Ok(ApiResponse::json(&endpoint))
}

pub(super) async fn test(call: &Call<'_>, id: WebhookEndpointId) -> Result<ApiResponse, HttpError> {
    Ok(ApiResponse::json(&call.engine().webhooks().test(id).await?))
}
