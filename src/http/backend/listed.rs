//! `/v1/allowlist_identifiers…`, `/v1/blocklist_identifiers…` and `/v1/redirect_urls…`

use crate::domain::id::{ListedIdentifierId, RedirectUrlId};
use crate::domain::listed::List;
use crate::domain::rejection::Rejection;
use crate::engine::ListParams;
use crate::http::call::Call;
use crate::http::request::json::Json;
use crate::http::response::api_response::ApiResponse;
use crate::http::response::error::HttpError;

use super::{LIMIT_MAX, deleted, listing, paged};

/// The allow-list in pages. Clerk's package asks for the block-list without a page, so as much of it as a page can have
/// is in the answer, always with the total.
pub(super) async fn list(call: &Call<'_>, list: List) -> Result<ApiResponse, HttpError> {
    let (query, params) = (&call.head.query, listing(&call.head.query)?);
    let instance = call.engine().instance();
    match list {
        List::Allow => paged(query, &instance.listed_identifiers(list, &params).await?),
        List::Block => {
            let params = ListParams { limit: params.limit.or(Some(LIMIT_MAX)), ..params };
            Ok(ApiResponse::json(&instance.listed_identifiers(list, &params).await?))
        }
    }
}

pub(super) async fn create(call: &Call<'_>, list: List, given: &Json) -> Result<ApiResponse, HttpError> {
    let mut reasons = Vec::new();
    let mut reader = given.reader(&mut reasons);
    let identifier = reader.text("identifier").unwrap_or_default();
    let notify = reader.flag("notify").unwrap_or(false);
    Rejection::collect(reasons)?;
    Ok(ApiResponse::json(&call.engine().instance().list_identifier(list, &identifier, notify).await?))
}

pub(super) async fn delete(call: &Call<'_>, list: List, id: ListedIdentifierId) -> Result<ApiResponse, HttpError> {
    call.engine().instance().unlist_identifier(list, id).await?;
    Ok(match list {
        List::Allow => deleted("allowlist_identifier", id),
        List::Block => deleted("blocklist_identifier", id),
    })
}

pub(super) async fn redirect_urls(call: &Call<'_>) -> Result<ApiResponse, HttpError> {
    let query = &call.head.query;
    paged(query, &call.engine().instance().redirect_urls(&listing(query)?).await?)
}

pub(super) async fn create_redirect_url(call: &Call<'_>, given: &Json) -> Result<ApiResponse, HttpError> {
    let mut reasons = Vec::new();
    let url = given.reader(&mut reasons).text("url").unwrap_or_default();
    Rejection::collect(reasons)?;
    Ok(ApiResponse::json(&call.engine().instance().list_redirect_url(&url).await?))
}

pub(super) async fn show_redirect_url(call: &Call<'_>, id: RedirectUrlId) -> Result<ApiResponse, HttpError> {
    Ok(ApiResponse::json(&call.engine().instance().redirect_url(id).await?))
}

pub(super) async fn delete_redirect_url(call: &Call<'_>, id: RedirectUrlId) -> Result<ApiResponse, HttpError> {
    call.engine().instance().unlist_redirect_url(id).await?;
    Ok(deleted("redirect_url", id))
}
