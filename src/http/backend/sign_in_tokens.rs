//! `/v1/sign_in_tokens…`

use crate::domain::id::SignInTokenId;
use crate::domain::rejection::{ErrorCode, Rejection};
use crate::domain::time::Span;
use crate::http::call::Call;
use crate::http::request::json::Json;
use crate::http::response::api_response::ApiResponse;
use crate::http::response::error::HttpError;

use super::user_of;

pub(super) async fn create(call: &Call<'_>, given: &Json) -> Result<ApiResponse, HttpError> {
    let mut reasons = Vec::new();
    let mut reader = given.reader(&mut reasons);
    let (user, seconds) = (reader.text("user_id"), reader.small_count("expires_in_seconds"));
    let user = user_of(user, &mut reasons);
    Rejection::collect(reasons)?;
    let user = user.ok_or(ErrorCode::ResourceNotFound)?;
    let expires_in = seconds.map(|seconds| Span::from_secs(seconds.into()));
    let made = call.engine().sign_in_tokens().create(user, expires_in).await?;
    Ok(ApiResponse::json(&made))
}

pub(super) async fn revoke(call: &Call<'_>, id: SignInTokenId) -> Result<ApiResponse, HttpError> {
    let revoked = call.engine().sign_in_tokens().revoke(id).await?;
    Ok(ApiResponse::json(&revoked))
}
