//! `/v1/sign_ups/{id}`: the backend's updates of a sign-up.

use crate::domain::id::SignUpId;
use crate::domain::rejection::Rejection;
use crate::domain::sign_up::BackendUpdate;
use crate::http::call::Call;
use crate::http::request::json::Json;
use crate::http::response::api_response::ApiResponse;
use crate::http::response::error::HttpError;

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
