//! Passwords of users.

use serde_json::json;

use crate::domain::id::UserId;
use crate::domain::rejection::{ErrorCode, Rejection};
use crate::domain::user::UserChange;
use crate::http::call::Call;
use crate::http::request::json::Json;
use crate::http::response::api_response::ApiResponse;
use crate::http::response::error::HttpError;

use super::change;

/// Whether a password is the user's; a wrong one is an error.
pub(in crate::http::backend) async fn verify(
    call: &Call<'_>,
    id: UserId,
    given: &Json,
) -> Result<ApiResponse, HttpError> {
    let mut reasons = Vec::new();
    let password = given.reader(&mut reasons).secret("password");
    Rejection::collect(reasons)?;
    let password = password.ok_or_else(|| ErrorCode::FormParamMissing.on("password"))?;
    call.engine().users().verify_password(id, &password).await?;
    Ok(ApiResponse::json(&json!({ "verified": true })))
}

pub(in crate::http::backend) async fn remove(
    call: &Call<'_>,
    id: UserId,
    given: &Json,
) -> Result<ApiResponse, HttpError> {
    let end_sessions = flag(given, "sign_out_of_other_sessions")?;
    change(call, id, &UserChange::RemovePassword { end_sessions }).await
}

/// Notes whether the password is known to others.
pub(in crate::http::backend) async fn mark(
    call: &Call<'_>,
    id: UserId,
    given: &Json,
    compromised: bool,
) -> Result<ApiResponse, HttpError> {
    let end_sessions = flag(given, "revoke_all_sessions")?;
    change(call, id, &UserChange::MarkPassword { compromised, end_sessions }).await
}

fn flag(given: &Json, name: &str) -> Result<bool, Rejection> {
    let mut reasons = Vec::new();
    let flag = given.reader(&mut reasons).flag(name).unwrap_or(false);
    Rejection::collect(reasons).map(|()| flag)
}
