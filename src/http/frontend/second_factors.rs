//! `/v1/me/totp` and `/v1/me/backup_codes`: the second factors in a person's own profile
//! ([guide: Second factors](crate::guide::contract_sign_ins#second-factors)).

use crate::domain::id::SessionId;
use crate::domain::rejection::{ErrorCode, Reason, Rejection};
use crate::engine::{ClientView, EngineError, TotpView};
use crate::http::call::Call;
use crate::http::request::form::Params;
use crate::http::request::identity::Identity;
use crate::http::response::api_response::ApiResponse;
use crate::http::response::error::HttpError;
use crate::wire::second_factor::{BackupCodesResource, DeletedTotp, TotpResource};

pub(in crate::http) async fn add_totp(call: &Call<'_>) -> Result<ApiResponse, HttpError> {
    let (identity, session) = of_session(call).await?;
    let outcome = call.engine().users().add_totp(&identity.caller, session, &call.context).await;
    let (view, client) = settled(call, &identity, outcome).await?;
    Ok(call.wrapped(&identity, &TotpResource::from(&view), &client))
}

pub(in crate::http) async fn verify_totp(call: &Call<'_>, form: &Params) -> Result<ApiResponse, HttpError> {
    let mut reasons: Vec<Reason> = Vec::new();
    let code = form.reader(&mut reasons).take("code").filter(|code| !code.is_empty());
    Rejection::collect(reasons)?;
    let (identity, session) = of_session(call).await?;
    let outcome = match code {
        Some(code) => call.engine().users().verify_totp(&identity.caller, session, &code, &call.context).await,
        None => Err(ErrorCode::FormParamMissing.on("code").into()),
    };
    let (view, client) = settled(call, &identity, outcome).await?;
    Ok(call.wrapped(&identity, &TotpResource::from(&view), &client))
}

pub(in crate::http) async fn remove_totp(call: &Call<'_>) -> Result<ApiResponse, HttpError> {
    let (identity, session) = of_session(call).await?;
    let outcome = call.engine().users().remove_totp(&identity.caller, session, &call.context).await;
    let (view, client) = settled(call, &identity, outcome).await?;
    Ok(call.wrapped(&identity, &DeletedTotp::from(&view), &client))
}

pub(in crate::http) async fn new_backup_codes(call: &Call<'_>) -> Result<ApiResponse, HttpError> {
    let (identity, session) = of_session(call).await?;
    let outcome = call.engine().users().new_backup_codes(&identity.caller, session, &call.context).await;
    let (view, client) = settled(call, &identity, outcome).await?;
    Ok(call.wrapped(&identity, &BackupCodesResource::from(&view), &client))
}

/// The caller, and the session that the request names.
async fn of_session(call: &Call<'_>) -> Result<(Identity, Option<SessionId>), HttpError> {
    let named = call.head.query.single("_clerk_session_id")?;
    let session = match named.filter(|text| !text.is_empty()) {
        Some(text) => Some(text.parse().map_err(|_| ErrorCode::ResourceNotFound)?),
        None => None,
    };
    Ok((call.identify().await?, session))
}

async fn settled(
    call: &Call<'_>,
    identity: &Identity,
    outcome: Result<(TotpView, ClientView), EngineError>,
) -> Result<(TotpView, ClientView), HttpError> {
    match outcome {
        Ok(settled) => Ok(settled),
        Err(error) => Err(call.refuse(identity, error).await),
    }
}
