//! `/v1/clients…`

use hyper::Method;
use serde_json::json;

use crate::domain::id::ClientId;
use crate::domain::rejection::{ErrorCode, Rejection};
use crate::engine::Page;
use crate::http::call::Call;
use crate::http::request::json::Json;
use crate::http::response::api_response::ApiResponse;
use crate::http::response::error::HttpError;
use crate::wire::backend::BackendClient;

use super::{page, paged};

/// The bare list, unless the query asks for the total count too.
pub(super) async fn list(call: &Call<'_>) -> Result<ApiResponse, HttpError> {
    let query = &call.head.query;
    let mut reasons = Vec::new();
    let (limit, offset) = page(&mut query.reader(&mut reasons));
    Rejection::collect(reasons)?;
    let found = call.engine().list_clients(limit, offset).await?;
    let now = call.engine().now();
    let items: Vec<_> = found.items.iter().map(|client| BackendClient { client, now }).collect();
    paged(query, &Page { items, total: found.total })
}

pub(super) async fn show(call: &Call<'_>, id: ClientId) -> Result<ApiResponse, HttpError> {
    let client = call.engine().client_for_backend(id).await?;
    Ok(ApiResponse::json(&BackendClient { client: &client, now: call.engine().now() }))
}

/// The cookies of a handshake, for the server of the page.
pub(super) async fn handshake_payload(call: &Call<'_>) -> Result<ApiResponse, HttpError> {
    if call.head.method == Method::HEAD {
        // It can be fetched once, and a HEAD must not change what a GET finds (RFC 9110, 9.2.1).
        return Err(HttpError::method_not_allowed("GET, OPTIONS"));
    }
    let nonce = call.head.query.single("nonce")?.ok_or_else(|| ErrorCode::InvalidNonce.on("nonce"))?;
    let directives = call.engine().sessions().handshake_cookies(nonce).await?;
    Ok(ApiResponse::json(&json!({ "directives": directives })))
}

/// The client of a token, the value of its `__client` cookie.
pub(super) async fn verify(call: &Call<'_>, given: &Json) -> Result<ApiResponse, HttpError> {
    let mut reasons = Vec::new();
    let token = given.reader(&mut reasons).secret("token");
    Rejection::collect(reasons)?;
    let token = token.ok_or_else(|| ErrorCode::FormParamMissing.on("token"))?;
    let client = call.engine().client_of_token(token.expose()).await?;
    let client = client.ok_or_else(HttpError::client_token_invalid)?;
    Ok(ApiResponse::json(&BackendClient { client: &client, now: call.engine().now() }))
}
