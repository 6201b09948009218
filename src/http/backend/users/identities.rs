//! Addresses of users, and their accounts at providers.

use crate::domain::field::Field;
use crate::domain::id::UserId;
use crate::domain::identifier::{EmailAddress, PhoneNumber};
use crate::domain::rejection::{ErrorCode, Reason, Rejection};
use crate::domain::user::{AddressChange, AddressStatus, UserChange};
use crate::http::backend::{nothing, paged, written};
use crate::http::call::Call;
use crate::http::endpoint::{UserAccountPath, UserPasskeyPath, UserProviderPath};
use crate::http::request::json::Json;
use crate::http::response::api_response::ApiResponse;
use crate::http::response::error::HttpError;
use crate::wire::backend::DeletedObject;

use super::{change, expected_version};

/// Replaces all e-mail addresses by one.
pub(in crate::http::backend) async fn replace_email_addresses(
    call: &Call<'_>,
    id: UserId,
    given: &Json,
) -> Result<ApiResponse, HttpError> {
    let address = replacement(call, given, &Field::EmailAddress, EmailAddress::parse)?;
    change(call, id, &UserChange::EmailAddress(address)).await
}

/// Replaces all phone numbers by one.
pub(in crate::http::backend) async fn replace_phone_numbers(
    call: &Call<'_>,
    id: UserId,
    given: &Json,
) -> Result<ApiResponse, HttpError> {
    let number = replacement(call, given, &Field::PhoneNumber, PhoneNumber::parse)?;
    change(call, id, &UserChange::PhoneNumber(number)).await
}

pub(in crate::http::backend) async fn delete_account(
    call: &Call<'_>,
    path: UserAccountPath,
) -> Result<ApiResponse, HttpError> {
    let version = expected_version(call, path.user).await?;
    let change = UserChange::RemoveExternalAccount(path.account);
    let changed = call.engine().users().change(path.user, &change, version).await;
    written(version, changed)?;
    Ok(ApiResponse::json(&DeletedObject::new("external_account", path.account)))
}

pub(in crate::http::backend) async fn delete_passkey(
    call: &Call<'_>,
    path: UserPasskeyPath,
) -> Result<ApiResponse, HttpError> {
    let version = expected_version(call, path.user).await?;
    let change = UserChange::RemovePasskey(path.passkey);
    let changed = call.engine().users().change(path.user, &change, version).await;
    written(version, changed)?;
    Ok(ApiResponse::json(&DeletedObject::new("passkey", path.passkey)))
}

/// The tokens of a provider that are kept for a user: none.
pub(in crate::http::backend) async fn access_tokens(
    call: &Call<'_>,
    path: UserProviderPath,
) -> Result<ApiResponse, HttpError> {
    call.engine().users().get(path.user).await?;
    paged(&call.head.query, &nothing())
}

/// The organizations that a user belongs to or is invited to: none.
pub(in crate::http::backend) async fn organizations(call: &Call<'_>, id: UserId) -> Result<ApiResponse, HttpError> {
    call.engine().users().get(id).await?;
    Ok(ApiResponse::json(&nothing()))
}

fn replacement<T>(
    call: &Call<'_>,
    given: &Json,
    field: &Field,
    parse: impl FnOnce(&str) -> Result<T, Reason>,
) -> Result<AddressChange<T>, Rejection> {
    const STATUS: &str = "identification_status";
    let param = field.as_str();
    let mut reasons = Vec::new();
    let mut reader = given.reader(&mut reasons);
    let (text, status) = (reader.text(param), reader.text(STATUS));
    Rejection::collect(reasons)?;
    if !call.engine().settings().enabled(field) {
        return Err(ErrorCode::FormParamUnknown.on(param).into());
    }
    let value = parse(&text.ok_or_else(|| ErrorCode::FormParamMissing.on(param))?)?;
    let status = status.map(|text| AddressStatus::parse(STATUS, &text)).transpose()?.unwrap_or_default();
    Ok(AddressChange::ReplaceAll { value, status })
}
