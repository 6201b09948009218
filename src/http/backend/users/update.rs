//! Changing and deleting a user.

use hyper::header::HeaderMap;

use crate::domain::id::{IdentificationId, UserId};
use crate::domain::rejection::{ErrorCode, Reason, Rejection};
use crate::domain::user::{MetadataChange, UserChange, UserPatch};
use crate::http::backend;
use crate::http::call::Call;
use crate::http::request::json::Json;
use crate::http::response::api_response::ApiResponse;
use crate::http::response::error::HttpError;
use crate::wire::backend::DeletedObject;

use super::{UNBUILT, change, expected_version, written};

/// Sets attributes. Since [`WITHOUT_METADATA`], metadata is refused here: it has a call of its own, which says whether it
/// is merged or replaced. A backend that names an older version replaces it here.
pub(in crate::http::backend) async fn update(
    call: &Call<'_>,
    id: UserId,
    given: &Json,
) -> Result<ApiResponse, HttpError> {
    let version = expected_version(call, id).await?;
    let patch = patch(given, takes_metadata(&call.head.headers))?;
    written(call, version, call.engine().users().update(id, &patch, version).await).await
}

pub(in crate::http::backend) async fn merge_metadata(
    call: &Call<'_>,
    id: UserId,
    given: &Json,
) -> Result<ApiResponse, HttpError> {
    change(call, id, &UserChange::Metadata(metadata(given, true)?)).await
}

pub(in crate::http::backend) async fn replace_metadata(
    call: &Call<'_>,
    id: UserId,
    given: &Json,
) -> Result<ApiResponse, HttpError> {
    change(call, id, &UserChange::Metadata(metadata(given, false)?)).await
}

pub(in crate::http::backend) async fn delete(call: &Call<'_>, id: UserId) -> Result<ApiResponse, HttpError> {
    let version = expected_version(call, id).await?;
    let deleted = call.engine().users().delete(id, version).await;
    let deleted = backend::written(version, deleted)?;
    Ok(ApiResponse::json(&DeletedObject::user(&deleted)))
}

fn metadata(given: &Json, merge: bool) -> Result<MetadataChange, Rejection> {
    let mut reasons = Vec::new();
    let mut reader = given.reader(&mut reasons);
    let change = MetadataChange {
        merge,
        public_metadata: reader.metadata("public_metadata"),
        private_metadata: reader.metadata("private_metadata"),
        unsafe_metadata: reader.metadata("unsafe_metadata"),
    };
    Rejection::collect(reasons)?;
    Ok(change)
}

/// Whether the version of the API that the request names is one in which this call replaces metadata. Versions are dates,
/// so their texts are in their order. A request without one, or with something else, means the newest.
fn takes_metadata(headers: &HeaderMap) -> bool {
    let named = headers.get(API_VERSION).and_then(|value| value.to_str().ok()).unwrap_or_default();
    let is_date = named.len() == WITHOUT_METADATA.len() && named.starts_with(|c: char| c.is_ascii_digit());
    is_date && named < WITHOUT_METADATA
}

fn patch(given: &Json, takes_metadata: bool) -> Result<UserPatch, Rejection> {
    let mut reasons = Vec::new();
    let mut reader = given.reader(&mut reasons);
    reader.refuse(UNBUILT);
    if !takes_metadata {
        reader.refuse(&["public_metadata", "private_metadata", "unsafe_metadata"]);
    }
    let primary_email = reader.text("primary_email_address_id");
    let primary_phone = reader.text("primary_phone_number_id");
    let patch = UserPatch {
        external_id: reader.patch("external_id"),
        username: reader.patch("username"),
        first_name: reader.patch("first_name"),
        last_name: reader.patch("last_name"),
        locale: reader.patch("locale"),
        password: reader.secret("password"),
        password_digest: reader.secret("password_digest"),
        password_hasher: reader.text("password_hasher"),
        skip_password_checks: reader.flag("skip_password_checks").unwrap_or(false),
        sign_out_of_other_sessions: reader.flag("sign_out_of_other_sessions").unwrap_or(false),
        primary_email_address_id: None,
        primary_phone_number_id: None,
        delete_self_enabled: reader.flag("delete_self_enabled"),
        create_organization_enabled: reader.flag("create_organization_enabled"),
        create_organizations_limit: reader.small_count_patch("create_organizations_limit"),
        bypass_client_trust: reader.flag("bypass_client_trust"),
        legal_accepted_at: reader.time("legal_accepted_at"),
        created_at: reader.time("created_at"),
        public_metadata: reader.metadata("public_metadata").filter(|_| takes_metadata),
        private_metadata: reader.metadata("private_metadata").filter(|_| takes_metadata),
        unsafe_metadata: reader.metadata("unsafe_metadata").filter(|_| takes_metadata),
    };
    let primary_email_address_id = address(primary_email, "primary_email_address_id", &mut reasons);
    let primary_phone_number_id = address(primary_phone, "primary_phone_number_id", &mut reasons);
    Rejection::collect(reasons)?;
    Ok(UserPatch { primary_email_address_id, primary_phone_number_id, ..patch })
}

/// The id of an address; a malformed one is as unknown as any other.
fn address(given: Option<String>, param: &str, reasons: &mut Vec<Reason>) -> Option<IdentificationId> {
    let id = given?.parse().map_err(|_| ErrorCode::ResourceNotFound.on(param));
    id.map_err(|reason| reasons.push(reason)).ok()
}

/// The header in which a backend names the version of the API that it was written for.
const API_VERSION: &str = "clerk-api-version";
/// The first version in which metadata is not set together with attributes.
const WITHOUT_METADATA: &str = "2026-05-12";
