//! Banning and locking users.

use crate::domain::id::UserId;
use crate::domain::rejection::{ErrorCode, Rejection};
use crate::domain::user::UserChange;
use crate::http::call::Call;
use crate::http::request::json::Json;
use crate::http::response::api_response::ApiResponse;
use crate::http::response::error::{HttpError, TransportError};

use super::{answer_all, change, expected_version, written};

pub(in crate::http::backend) async fn ban(call: &Call<'_>, id: UserId) -> Result<ApiResponse, HttpError> {
    change(call, id, &UserChange::Ban).await
}

pub(in crate::http::backend) async fn unban(call: &Call<'_>, id: UserId) -> Result<ApiResponse, HttpError> {
    change(call, id, &UserChange::Unban).await
}

pub(in crate::http::backend) async fn lock(call: &Call<'_>, id: UserId) -> Result<ApiResponse, HttpError> {
    let version = expected_version(call, id).await?;
    written(call, version, call.engine().users().lock(id, version).await).await
}

pub(in crate::http::backend) async fn unlock(call: &Call<'_>, id: UserId) -> Result<ApiResponse, HttpError> {
    change(call, id, &UserChange::Unlock).await
}

/// Bans or unbans several users, all of which must exist.
pub(in crate::http::backend) async fn change_all(
    call: &Call<'_>,
    given: &Json,
    change: &UserChange,
) -> Result<ApiResponse, HttpError> {
    let users = call.engine().users().change_all(&ids(given)?, change).await?;
    answer_all(call, &users).await
}

/// The users of `user_ids`, each once.
///
/// # Errors
/// `form_param_missing`; `form_param_value_invalid` for too many; 400 `request_body_invalid` for what is no id.
fn ids(given: &Json) -> Result<Vec<UserId>, HttpError> {
    const PARAM: &str = "user_ids";
    let mut reasons = Vec::new();
    let texts = given.reader(&mut reasons).texts(PARAM);
    Rejection::collect(reasons)?;
    if texts.is_empty() {
        return Err(ErrorCode::FormParamMissing.on(PARAM).into());
    }
    if texts.len() > IDS_MAX {
        return Err(ErrorCode::FormParamValueInvalid.on(PARAM).into());
    }
    let mut ids = Vec::with_capacity(texts.len());
    for text in texts {
        let id = text.parse().map_err(|_| TransportError::BodyUnreadable)?;
        if !ids.contains(&id) {
            ids.push(id);
        }
    }
    Ok(ids)
}

/// How many users one call may change.
const IDS_MAX: usize = 100;
