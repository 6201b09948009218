//! Attributes, metadata and the password of the own user, and its end.

use crate::domain::metadata::Metadata;
use crate::domain::rejection::{ErrorCode, Reason, Rejection};
use crate::domain::secret::Secret;
use crate::domain::sign_up::Patch;
use crate::domain::text::is_true;
use crate::domain::user::ProfilePatch;
use crate::engine::NewOwnPassword;
use crate::http::call::Call;
use crate::http::request::form::{Params, Reader};
use crate::http::response::api_response::ApiResponse;
use crate::http::response::error::HttpError;
use crate::wire::backend::DeletedObject;

use super::{named_session, settle, with_user};

pub(in crate::http) async fn update(call: &Call<'_>, form: &Params) -> Result<ApiResponse, HttpError> {
    let session = named_session(call)?;
    let patch = patch(form)?;
    let identity = call.identify().await?;
    match call.engine().own_user().update(&identity.caller, session, &patch, &call.context).await {
        Ok((user, client)) => Ok(with_user(call, &identity, &user, &client)),
        Err(error) => Err(call.refuse(&identity, error).await),
    }
}

pub(in crate::http) async fn merge_metadata(call: &Call<'_>, form: &Params) -> Result<ApiResponse, HttpError> {
    let session = named_session(call)?;
    let text = form.said(METADATA)?.ok_or_else(|| ErrorCode::FormParamMissing.on(METADATA))?;
    let metadata = Metadata::parse(METADATA, text)?;
    let identity = call.identify().await?;
    let outcome = call.engine().own_user().merge_metadata(&identity.caller, session, &metadata, &call.context);
    match outcome.await {
        Ok((user, client)) => Ok(with_user(call, &identity, &user, &client)),
        Err(error) => Err(call.refuse(&identity, error).await),
    }
}

pub(in crate::http) async fn change_password(call: &Call<'_>, form: &Params) -> Result<ApiResponse, HttpError> {
    let session = named_session(call)?;
    let mut reasons: Vec<Reason> = Vec::new();
    let mut reader = form.reader(&mut reasons);
    let current_password = reader.take("current_password").map(Secret::new);
    let new_password = reader.take("new_password").map(Secret::new);
    let ends = reader.take("sign_out_of_other_sessions").is_some_and(|text| is_true(&text));
    if new_password.is_none() {
        reasons.push(ErrorCode::FormParamMissing.on("new_password"));
    }
    Rejection::collect(reasons)?;
    let new_password = new_password.ok_or(ErrorCode::FormParamMissing)?;
    let input = NewOwnPassword { current_password, new_password, sign_out_of_other_sessions: ends };
    let identity = call.identify().await?;
    match call.engine().own_user().change_password(&identity.caller, session, &input, &call.context).await {
        Ok((user, client)) => Ok(with_user(call, &identity, &user, &client)),
        Err(error) => Err(call.refuse(&identity, error).await),
    }
}

pub(in crate::http) async fn remove_password(call: &Call<'_>, form: &Params) -> Result<ApiResponse, HttpError> {
    let session = named_session(call)?;
    let current = form.single("current_password")?.map(|text| Secret::new(text.to_owned()));
    let identity = call.identify().await?;
    let own_user = call.engine().own_user();
    match own_user.remove_password(&identity.caller, session, current.as_ref(), &call.context).await {
        Ok((user, client)) => Ok(with_user(call, &identity, &user, &client)),
        Err(error) => Err(call.refuse(&identity, error).await),
    }
}

pub(in crate::http) async fn delete(call: &Call<'_>) -> Result<ApiResponse, HttpError> {
    let session = named_session(call)?;
    let identity = call.identify().await?;
    let outcome = call.engine().own_user().delete(&identity.caller, session, &call.context).await;
    settle(call, &identity, outcome, |id| DeletedObject::new("user", id)).await
}

fn patch(form: &Params) -> Result<ProfilePatch, Rejection> {
    let mut reasons: Vec<Reason> = Vec::new();
    let mut reader = form.reader(&mut reasons);
    let text = |reader: &mut Reader<'_>, name: &str| reader.take_or_clear(name).map_or(Patch::Keep, Patch::Set);
    let (username, first_name) = (text(&mut reader, "username"), text(&mut reader, "first_name"));
    let last_name = text(&mut reader, "last_name");
    let (email, phone) = (reader.take(PRIMARY_EMAIL), reader.take(PRIMARY_PHONE));
    let wallet = reader.take(PRIMARY_WALLET);
    let unsafe_metadata = reader.take_or_clear(METADATA);
    let password = reader.take("password");
    let mut refused: Vec<Reason> = Vec::new();
    for param in ["public_metadata", "private_metadata"] {
        refused.extend(reader.take(param).map(|_| ErrorCode::FormParamUnknown.on(param)));
    }
    // There are no wallets.
    refused.extend(wallet.map(|_| ErrorCode::ResourceNotFound.on(PRIMARY_WALLET)));
    refused.extend(password.map(|_| ErrorCode::UpdatingUserPasswordDeprecated.on("password")));
    let mut id = |param: &str, given: Option<String>| {
        let read = given.map(|text| text.parse().map_err(|_| ErrorCode::ResourceNotFound.on(param)));
        read.transpose().map_err(|reason| refused.push(reason)).ok().flatten()
    };
    let (primary_email_address_id, primary_phone_number_id) = (id(PRIMARY_EMAIL, email), id(PRIMARY_PHONE, phone));
    let unsafe_metadata = unsafe_metadata.map(|text| Metadata::parse(METADATA, &text)).transpose();
    let unsafe_metadata = unsafe_metadata.map_err(|reason| refused.push(reason)).ok().flatten();
    reasons.extend(refused);
    Rejection::collect(reasons)?;
    Ok(ProfilePatch {
        username,
        first_name,
        last_name,
        primary_email_address_id,
        primary_phone_number_id,
        unsafe_metadata,
    })
}

const METADATA: &str = "unsafe_metadata";
const PRIMARY_EMAIL: &str = "primary_email_address_id";
const PRIMARY_PHONE: &str = "primary_phone_number_id";
const PRIMARY_WALLET: &str = "primary_web3_wallet_id";
