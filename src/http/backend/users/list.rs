//! Lists of users, and how many there are.

use serde_json::json;

use crate::domain::rejection::{ErrorCode, Reason, Rejection};
use crate::domain::time::Span;
use crate::engine::{UserFilter, UserListParams};
use crate::http::backend::page;
use crate::http::call::Call;
use crate::http::request::form::{Params, Reader};
use crate::http::response::api_response::ApiResponse;
use crate::http::response::error::HttpError;

use super::answer_all;

/// The bare list, also where `paginated` is set: Clerk's packages ask for the count by a call of its own.
pub(in crate::http::backend) async fn list(call: &Call<'_>) -> Result<ApiResponse, HttpError> {
    let query = &call.head.query;
    let params = listing(query)?;
    let users = if fits_nobody(query)? { Vec::new() } else { call.engine().users().list(&params).await? };
    answer_all(call, &users).await
}

pub(in crate::http::backend) async fn count(call: &Call<'_>) -> Result<ApiResponse, HttpError> {
    let mut reasons = Vec::new();
    let filter = filter(&mut call.head.query.reader(&mut reasons));
    Rejection::collect(reasons)?;
    let total = if fits_nobody(&call.head.query)? { 0 } else { call.engine().users().count(&filter).await? };
    Ok(ApiResponse::json(&json!({ "object": "total_count", "total_count": total })))
}

fn listing(query: &Params) -> Result<UserListParams, Rejection> {
    let mut reasons = Vec::new();
    let mut reader = query.reader(&mut reasons);
    let filter = filter(&mut reader);
    // Of several orders the first one counts, and a `+` that was not encoded is a blank.
    let order_by = reader.all("order_by").into_iter().next().map(|text| text.trim_start().to_owned());
    let starting_after = reader.take("starting_after").map(|id| id.parse());
    let (limit, offset) = page(&mut reader);
    let starting_after = starting_after.transpose().unwrap_or_else(|_| {
        reasons.push(ErrorCode::FormParamValueInvalid.on("starting_after"));
        None
    });
    Rejection::collect(reasons)?;
    Ok(UserListParams { filter, order_by, limit, offset, starting_after })
}

/// Whether a filter asks for what no user has here: a wallet, or the membership of an organization.
fn fits_nobody(query: &Params) -> Result<bool, Reason> {
    let organizations = query.all("organization_id")?;
    Ok(!query.all("web3_wallet")?.is_empty() || organizations.iter().any(|id| !id.starts_with('-')))
}

fn filter(reader: &mut Reader<'_>) -> UserFilter {
    let after = reader.time("last_active_at_after");
    // This bound is inclusive.
    let since = reader.time("last_active_at_since").map(|at| at.before(Span::from_millis(1)));
    UserFilter {
        email_address: reader.all("email_address"),
        phone_number: reader.all("phone_number"),
        username: reader.all("username"),
        external_id: reader.all("external_id"),
        user_id: reader.all("user_id").iter().map(|id| id.trim_start().to_owned()).collect(),
        query: reader.take("query"),
        email_address_query: reader.take("email_address_query"),
        phone_number_query: reader.take("phone_number_query"),
        username_query: reader.take("username_query"),
        name_query: reader.take("name_query"),
        banned: reader.flag("banned"),
        created_at_before: reader.time("created_at_before"),
        created_at_after: reader.time("created_at_after"),
        last_active_at_before: reader.time("last_active_at_before"),
        last_active_at_after: after.max(since),
        last_sign_in_at_before: reader.time("last_sign_in_at_before"),
        last_sign_in_at_after: reader.time("last_sign_in_at_after"),
        provider: reader.take("provider"),
        provider_user_id: reader.all("provider_user_id"),
    }
}
