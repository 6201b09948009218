//! `/v1/sign_ups…`: the backend's updates of a sign-up, and approvals.

use crate::domain::id::SignUpId;
use crate::domain::rejection::{ErrorCode, Rejection};
use crate::domain::sign_up::BackendUpdate;
use crate::http::call::Call;
use crate::http::request::json::Json;
use crate::http::response::api_response::ApiResponse;
use crate::http::response::error::HttpError;

use super::LIMIT_MAX;

/// Those that wait for approval; there is no list of all sign-ups.
pub(super) async fn list(call: &Call<'_>) -> Result<ApiResponse, HttpError> {
    let mut reasons = Vec::new();
    let mut reader = call.head.query.reader(&mut reasons);
    let status = reader.take("status");
    let after = reader.take("starting_after").map(|id| id.parse());
    let limit = reader.number_in("limit", 1..=LIMIT_MAX).unwrap_or(LIMIT);
    if status.is_none_or(|status| status != "awaiting_approval") {
        reasons.push(ErrorCode::FormParamValueInvalid.on("status"));
    }
    let after = after.transpose().unwrap_or_else(|_| {
        reasons.push(ErrorCode::FormParamValueInvalid.on("starting_after"));
        None
    });
    Rejection::collect(reasons)?;
    Ok(ApiResponse::json(&call.engine().sign_ups().awaiting_approval(after, limit).await?))
}

pub(super) async fn approve(call: &Call<'_>, id: SignUpId) -> Result<ApiResponse, HttpError> {
    Ok(ApiResponse::json(&call.engine().sign_ups().approve(id).await?))
}

pub(super) async fn refuse(call: &Call<'_>, id: SignUpId, given: &Json) -> Result<ApiResponse, HttpError> {
    let mut reasons = Vec::new();
    let reason = given.reader(&mut reasons).text("reason");
    Rejection::collect(reasons)?;
    Ok(ApiResponse::json(&call.engine().sign_ups().refuse(id, reason.as_deref()).await?))
}

pub(super) async fn show(call: &Call<'_>, id: SignUpId) -> Result<ApiResponse, HttpError> {
    let sign_up = call.engine().inspect_sign_up(id).await?;
    Ok(ApiResponse::json(&sign_up))
}

pub(super) async fn update(call: &Call<'_>, id: SignUpId, given: &Json) -> Result<ApiResponse, HttpError> {
    let mut reasons = Vec::new();
    let mut reader = given.reader(&mut reasons);
    let custom_action = reader.flag("custom_action");
    let external_id = reader.text_or_clear("external_id");
    Rejection::collect(reasons)?;
    let update = BackendUpdate::parse(custom_action, external_id.as_deref())?;
    let sign_up = call.engine().update_sign_up_by_backend(id, update).await?;
    Ok(ApiResponse::json(&sign_up))
}

/// How many sign-ups a page has when nothing is said; the same as Clerk's.
const LIMIT: usize = 10;
