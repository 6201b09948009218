//! `/v1/me/passkeys…`: the passkeys of the own user ([guide: Passkeys](crate::guide::contract_me#passkeys)).

use crate::domain::id::IdentificationId;
use crate::domain::rejection::{ErrorCode, Reason, Rejection};
use crate::domain::verification::{Strategy, parse_strategy};
use crate::http::call::Call;
use crate::http::request::form::Params;
use crate::http::response::api_response::ApiResponse;
use crate::http::response::error::HttpError;
use crate::wire::OwnPasskey;
use crate::wire::backend::DeletedObject;

use super::{named_session, settle};

pub(in crate::http) async fn create(call: &Call<'_>) -> Result<ApiResponse, HttpError> {
    let session = named_session(call)?;
    let identity = call.identify().await?;
    let outcome = call.engine().own_user().begin_passkey(&identity.caller, session, &call.context).await;
    settle(call, &identity, outcome, Clone::clone).await
}

pub(in crate::http) async fn attempt(
    call: &Call<'_>,
    id: IdentificationId,
    form: &Params,
) -> Result<ApiResponse, HttpError> {
    let session = named_session(call)?;
    let mut reasons: Vec<Reason> = Vec::new();
    let mut reader = form.reader(&mut reasons);
    let (strategy, given) = (reader.take("strategy"), reader.take("public_key_credential").unwrap_or_default());
    Rejection::collect(reasons)?;
    if parse_strategy(strategy.as_deref())? != Strategy::Passkey {
        return Err(ErrorCode::VerificationStrategyInvalid.into());
    }
    let identity = call.identify().await?;
    let own_user = call.engine().own_user();
    let outcome = own_user.attempt_passkey(&identity.caller, session, (id, &given), &call.context).await;
    match outcome {
        Ok((user, client)) => Ok(call.wrapped(&identity, &OwnPasskey { user: &user, id }, &client)),
        Err(error) => Err(call.refuse(&identity, error).await),
    }
}

pub(in crate::http) async fn rename(
    call: &Call<'_>,
    id: IdentificationId,
    form: &Params,
) -> Result<ApiResponse, HttpError> {
    let session = named_session(call)?;
    let mut reasons: Vec<Reason> = Vec::new();
    let name = form.reader(&mut reasons).take("name").unwrap_or_default();
    Rejection::collect(reasons)?;
    let identity = call.identify().await?;
    let own_user = call.engine().own_user();
    match own_user.rename_passkey(&identity.caller, session, (id, &name), &call.context).await {
        Ok((user, client)) => Ok(call.wrapped(&identity, &OwnPasskey { user: &user, id }, &client)),
        Err(error) => Err(call.refuse(&identity, error).await),
    }
}

pub(in crate::http) async fn delete(call: &Call<'_>, id: IdentificationId) -> Result<ApiResponse, HttpError> {
    let session = named_session(call)?;
    let identity = call.identify().await?;
    let outcome = call.engine().own_user().remove_passkey(&identity.caller, session, id, &call.context).await;
    settle(call, &identity, outcome, |_| DeletedObject::new("passkey", id)).await
}
