//! `/v1/sessions…`

use std::str::FromStr;

use serde_json::json;

use crate::domain::id::SessionId;
use crate::domain::rejection::{ErrorCode, Rejection};
use crate::domain::time::Span;
use crate::engine::{Page, SessionListParams};
use crate::http::call::Call;
use crate::http::request::form::Params;
use crate::http::request::json::Json;
use crate::http::response::api_response::ApiResponse;
use crate::http::response::error::HttpError;
use crate::wire::backend::BackendSession;

use super::{nothing, page, paged, user_of};

pub(super) async fn list(call: &Call<'_>) -> Result<ApiResponse, HttpError> {
    let query = &call.head.query;
    let Some(params) = listing(query)? else {
        return paged(query, &nothing());
    };
    let found = call.engine().sessions().list(&params).await?;
    let now = call.engine().now();
    let items: Vec<_> = found.items.iter().map(|session| BackendSession { session, now }).collect();
    paged(query, &Page { items, total: found.total })
}

/// A session without a sign-in, for the tests of an application; not on an instance in production.
pub(super) async fn create(call: &Call<'_>, given: &Json) -> Result<ApiResponse, HttpError> {
    if !call.app.options.development {
        return Err(ErrorCode::FeatureNotEnabled.into());
    }
    let mut reasons = Vec::new();
    let user = given.reader(&mut reasons).text("user_id");
    let user = user_of(user, &mut reasons);
    Rejection::collect(reasons)?;
    let session = call.engine().sessions().create(user.ok_or(ErrorCode::ResourceNotFound)?).await?;
    Ok(ApiResponse::json(&BackendSession { session: &session, now: call.engine().now() }))
}

/// The session of one of its tokens.
pub(super) async fn verify(call: &Call<'_>, id: SessionId, given: &Json) -> Result<ApiResponse, HttpError> {
    let mut reasons = Vec::new();
    let token = given.reader(&mut reasons).secret("token");
    Rejection::collect(reasons)?;
    let token = token.ok_or_else(|| ErrorCode::FormParamMissing.on("token"))?;
    let session = call.engine().sessions().verify(id, token.expose()).await?;
    Ok(ApiResponse::json(&BackendSession { session: &session, now: call.engine().now() }))
}

pub(super) async fn show(call: &Call<'_>, id: SessionId) -> Result<ApiResponse, HttpError> {
    let session = call.engine().sessions().get(id).await?;
    Ok(ApiResponse::json(&BackendSession { session: &session, now: call.engine().now() }))
}

pub(super) async fn revoke(call: &Call<'_>, id: SessionId) -> Result<ApiResponse, HttpError> {
    let session = call.engine().sessions().revoke(id).await?;
    Ok(ApiResponse::json(&BackendSession { session: &session, now: call.engine().now() }))
}

pub(super) async fn create_token(call: &Call<'_>, id: SessionId, given: &Json) -> Result<ApiResponse, HttpError> {
    let mut reasons = Vec::new();
    let seconds = given.reader(&mut reasons).small_count("expires_in_seconds");
    Rejection::collect(reasons)?;
    let expires_in = seconds.map(|seconds| Span::from_secs(seconds.into()));
    let jwt = call.engine().sessions().create_token(id, expires_in).await?;
    Ok(ApiResponse::json(&json!({ "object": "token", "jwt": jwt.expose() })))
}

/// The sessions that a query asks for; `None` where it names a user or a client by what is no id, who has none.
fn listing(query: &Params) -> Result<Option<SessionListParams>, Rejection> {
    let mut reasons = Vec::new();
    let mut reader = query.reader(&mut reasons);
    let (user_id, client_id) = (reader.take("user_id"), reader.take("client_id"));
    let status = reader.take("status");
    let (limit, offset) = page(&mut reader);
    Rejection::collect(reasons)?;
    let (Ok(user_id), Ok(client_id)) = (parse(user_id), parse(client_id)) else { return Ok(None) };
    Ok(Some(SessionListParams { user_id, client_id, status, limit, offset }))
}

fn parse<T: FromStr>(text: Option<String>) -> Result<Option<T>, T::Err> {
    text.map(|text| text.parse()).transpose()
}
