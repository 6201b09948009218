//! `/v1/users…`

mod list;

pub(super) use list::{count, list};

use crate::domain::id::UserId;
use crate::domain::user::User;
use crate::http::call::Call;
use crate::http::response::api_response::ApiResponse;
use crate::http::response::error::HttpError;
use crate::wire::backend::BackendUser;

pub(super) async fn show(call: &Call<'_>, id: UserId) -> Result<ApiResponse, HttpError> {
    let user = call.engine().users().get(id).await?;
    Ok(answer(call, &user))
}

/// The user, and its version as the `ETag`.
fn answer(call: &Call<'_>, user: &User) -> ApiResponse {
    ApiResponse::json(&BackendUser { user, now: call.engine().now() }).in_version(user.version)
}
