//! `/v1/users…`

mod create;
mod identities;
mod list;
pub(super) mod password;
pub(super) mod second_factors;
mod state;
mod update;

pub(super) use create::create;
pub(super) use identities::{
    access_tokens, delete_account, delete_passkey, organizations, replace_email_addresses, replace_phone_numbers,
};
pub(super) use list::{count, list};
pub(super) use state::{ban, change_all, lock, unban, unlock};
pub(super) use update::{delete, merge_metadata, replace_metadata, update};

use std::sync::Arc;

use crate::domain::id::UserId;
use crate::domain::user::{User, UserChange};
use crate::engine::EngineError;
use crate::http::call::Call;
use crate::http::response::api_response::ApiResponse;
use crate::http::response::error::HttpError;
use crate::wire::backend::BackendUser;

pub(super) async fn show(call: &Call<'_>, id: UserId) -> Result<ApiResponse, HttpError> {
    let user = call.engine().users().get(id).await?;
    answer(call, &user).await
}

/// Applies one change, in the version that the request names.
async fn change(call: &Call<'_>, id: UserId, change: &UserChange) -> Result<ApiResponse, HttpError> {
    let version = expected_version(call, id).await?;
    written(call, version, call.engine().users().change(id, change, version).await).await
}

/// The answer to a write that expected `version`.
async fn written(
    call: &Call<'_>,
    version: Option<u64>,
    written: Result<Arc<User>, EngineError>,
) -> Result<ApiResponse, HttpError> {
    answer(call, &*super::written(version, written)?).await
}

/// The user, and its version as the `ETag`.
async fn answer(call: &Call<'_>, user: &User) -> Result<ApiResponse, HttpError> {
    let attempts = call.engine().users().sign_in_attempts(&[user.id]).await?;
    let attempts = attempts.first().copied().unwrap_or_default();
    Ok(ApiResponse::json(&BackendUser { user, now: call.engine().now(), attempts }).in_version(user.version))
}

/// Several users, without their versions.
async fn answer_all(call: &Call<'_>, users: &[Arc<User>]) -> Result<ApiResponse, HttpError> {
    let ids: Vec<UserId> = users.iter().map(|user| user.id).collect();
    let attempts = call.engine().users().sign_in_attempts(&ids).await?;
    let (now, each) = (call.engine().now(), users.iter().zip(attempts));
    Ok(ApiResponse::json(&each.map(|(user, attempts)| BackendUser { user, now, attempts }).collect::<Vec<_>>()))
}

/// The version that the user must have, if the request names some in `If-Match` (RFC 9110, 13.1.1).
///
/// # Errors
/// 404 for an unknown user, 412 where the user has none of these versions.
pub(super) async fn expected_version(call: &Call<'_>, id: UserId) -> Result<Option<u64>, HttpError> {
    let tags = super::if_match(call);
    if tags.is_empty() {
        return Ok(None);
    }
    super::named_version(&tags, call.engine().users().get(id).await?.version)
}

/// Parameters of Clerk's that are not built. A call with one of them is refused, because it would not be stored.
const UNBUILT: &[&str] = &["web3_wallet", "primary_web3_wallet_id", "profile_image_id"];
