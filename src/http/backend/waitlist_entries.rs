//! `/v1/waitlist_entries…`

use crate::domain::id::WaitlistEntryId;
use crate::domain::rejection::Rejection;
use crate::engine::WaitlistEntryView;
use crate::http::call::Call;
use crate::http::request::json::Json;
use crate::http::response::api_response::ApiResponse;
use crate::http::response::error::HttpError;

use super::{deleted, listing, several};

pub(super) async fn list(call: &Call<'_>) -> Result<ApiResponse, HttpError> {
    Ok(ApiResponse::json(&call.engine().list_waitlist(&listing(&call.head.query)?).await?))
}

pub(super) async fn create(call: &Call<'_>, given: &Json) -> Result<ApiResponse, HttpError> {
    Ok(ApiResponse::json(&enter(call, given).await?))
}

/// One entry after the other. Existing entries stay as they are, so a retry after an error is harmless.
pub(super) async fn create_bulk(call: &Call<'_>, given: &[Json]) -> Result<ApiResponse, HttpError> {
    let mut made = Vec::new();
    for given in several(given)? {
        made.push(enter(call, given).await?);
    }
    Ok(ApiResponse::json(&made))
}

pub(super) async fn invite(call: &Call<'_>, id: WaitlistEntryId, given: &Json) -> Result<ApiResponse, HttpError> {
    let mut reasons = Vec::new();
    let ignore_existing = given.reader(&mut reasons).flag("ignore_existing");
    Rejection::collect(reasons)?;
    let invited = call.engine().invite_from_waitlist(id, ignore_existing).await?;
    Ok(ApiResponse::json(&invited))
}

pub(super) async fn reject(call: &Call<'_>, id: WaitlistEntryId) -> Result<ApiResponse, HttpError> {
    let rejected = call.engine().reject_from_waitlist(id).await?;
    Ok(ApiResponse::json(&rejected))
}

pub(super) async fn delete(call: &Call<'_>, id: WaitlistEntryId) -> Result<ApiResponse, HttpError> {
    call.engine().delete_from_waitlist(id).await?;
    Ok(deleted("waitlist_entry", id))
}

async fn enter(call: &Call<'_>, given: &Json) -> Result<WaitlistEntryView, HttpError> {
    let mut reasons = Vec::new();
    let email_address = given.reader(&mut reasons).text("email_address");
    Rejection::collect(reasons)?;
    Ok(call.engine().enter_waitlist(email_address.as_deref()).await?)
}
