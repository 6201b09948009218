//! Second factors of users.

use serde_json::json;

use crate::domain::id::UserId;
use crate::domain::rejection::{ErrorCode, Rejection};
use crate::domain::user::{SecondFactorChange, UserChange};
use crate::engine::CodeKind;
use crate::http::call::Call;
use crate::http::request::json::Json;
use crate::http::response::api_response::ApiResponse;
use crate::http::response::error::HttpError;

use super::expected_version;

/// Removes second factors: all, the app, or the backup codes.
pub(in crate::http::backend) async fn remove(
    call: &Call<'_>,
    id: UserId,
    change: SecondFactorChange,
) -> Result<ApiResponse, HttpError> {
    let version = expected_version(call, id).await?;
    let change = UserChange::SecondFactor(change);
    let changed = call.engine().users().change(id, &change, version).await;
    crate::http::backend::written(version, changed)?;
    Ok(ApiResponse::json(&json!({ "user_id": id.to_string() })))
}

/// Whether a code is one of the user's app or a backup code; a wrong one is an error.
pub(in crate::http::backend) async fn verify(
    call: &Call<'_>,
    id: UserId,
    given: &Json,
) -> Result<ApiResponse, HttpError> {
    let mut reasons = Vec::new();
    let code = given.reader(&mut reasons).text("code");
    Rejection::collect(reasons)?;
    let code = code.filter(|code| !code.is_empty()).ok_or_else(|| ErrorCode::FormParamMissing.on("code"))?;
    let kind = match call.engine().users().verify_second_factor(id, &code).await? {
        CodeKind::Totp => "totp",
        CodeKind::BackupCode => "backup_code",
    };
    Ok(ApiResponse::json(&json!({ "verified": true, "code_type": kind })))
}
