//! `/v1/invitations…`

use crate::domain::id::InvitationId;
use crate::domain::invitation::NewInvitation;
use crate::domain::metadata::Metadata;
use crate::domain::rejection::Rejection;
use crate::engine::input::Given;
use crate::http::call::Call;
use crate::http::request::json::Json;
use crate::http::response::api_response::ApiResponse;
use crate::http::response::error::HttpError;

use super::{deleted, listing, paged, several};

pub(super) async fn list(call: &Call<'_>) -> Result<ApiResponse, HttpError> {
    let query = &call.head.query;
    let found = call.engine().list_invitations(&listing(query)?).await?;
    paged(query, &found)
}

pub(super) async fn create(call: &Call<'_>, given: &Json) -> Result<ApiResponse, HttpError> {
    let made = call.engine().create_given_invitations(vec![input(call, given)?]).await?;
    let made = made.first().ok_or_else(|| HttpError::internal("an invitation was made and is not there"))?;
    Ok(ApiResponse::json(made))
}

pub(super) async fn create_bulk(call: &Call<'_>, given: &[Json]) -> Result<ApiResponse, HttpError> {
    let given = several(given)?.iter().map(|given| input(call, given)).collect::<Result<Vec<_>, _>>()?;
    let made = call.engine().create_given_invitations(given).await?;
    Ok(ApiResponse::json(&made))
}

pub(super) async fn revoke(call: &Call<'_>, id: InvitationId) -> Result<ApiResponse, HttpError> {
    let revoked = call.engine().revoke_invitation(id).await?;
    Ok(ApiResponse::json(&revoked))
}

pub(super) async fn delete(call: &Call<'_>, id: InvitationId) -> Result<ApiResponse, HttpError> {
    call.engine().delete_invitation(id).await?;
    Ok(deleted("invitation", id))
}

/// The input of a create. The fault of the metadata is in it, because it is reported with those of other values.
fn input(call: &Call<'_>, given: &Json) -> Result<Given<NewInvitation>, Rejection> {
    const REDIRECT: &str = "redirect_url";
    let mut reasons = Vec::new();
    let mut reader = given.reader(&mut reasons);
    let email_address = reader.text("email_address").unwrap_or_default();
    let metadata = reader.object("public_metadata");
    let url = reader.text(REDIRECT);
    let notify = reader.flag("notify").unwrap_or(true);
    let ignore_existing = reader.flag("ignore_existing").unwrap_or(false);
    let expires_in_days = reader.count("expires_in_days");
    let allowed = url.map(|url| call.engine().redirects().check(REDIRECT, &url, None));
    let redirect_url = allowed.and_then(|url| url.map_err(|reason| reasons.push(reason)).ok());
    Rejection::collect(reasons)?;
    let metadata = metadata.map(|text| Metadata::parse("public_metadata", &text)).transpose();
    let (public_metadata, faults) = match metadata {
        Ok(metadata) => (metadata, Vec::new()),
        Err(fault) => (None, vec![fault]),
    };
    let input =
        NewInvitation { email_address, public_metadata, redirect_url, notify, ignore_existing, expires_in_days };
    Ok(Given { input, faults })
}
