//! `/v1/me/sessions…`: the sessions of the own user on all clients; and the re-verification of one,
//! `/v1/client/sessions/{id}/verify…`.

use crate::domain::client::reverification::Level;
use crate::domain::id::SessionId;
use crate::domain::rejection::{ErrorCode, Reason, Rejection};
use crate::domain::secret::Secret;
use crate::domain::verification::parse_strategy;
use crate::engine::{ClientView, EngineError, ReverificationView, ReverifyAttempt, ReverifyPrepare};
use crate::http::call::Call;
use crate::http::request::form::Params;
use crate::http::request::identity::{ClientUpdate, Identity};
use crate::http::response::api_response::ApiResponse;
use crate::http::response::error::HttpError;
use crate::wire::SessionWithActivity;

use super::named_session;

/// The sessions as a bare list: those in use, or all.
pub(in crate::http) async fn list(call: &Call<'_>, only_active: bool) -> Result<ApiResponse, HttpError> {
    let session = named_session(call)?;
    let identity = call.identify().await?;
    match call.engine().own_user().sessions(&identity.caller, session, &call.context).await {
        Ok(sessions) => {
            let now = call.engine().now();
            let shown = sessions.iter().filter(|session| !only_active || session.is_live(now));
            let shown: Vec<_> = shown.map(|session| SessionWithActivity { session, now }).collect();
            Ok(call.with_credentials(&identity, ApiResponse::json(&shown), &ClientUpdate::Unchanged))
        }
        Err(error) => Err(call.refuse(&identity, error).await),
    }
}

pub(in crate::http) async fn revoke(call: &Call<'_>, id: SessionId) -> Result<ApiResponse, HttpError> {
    let session = named_session(call)?;
    let identity = call.identify().await?;
    match call.engine().own_user().revoke_session(&identity.caller, session, id, &call.context).await {
        Ok((session, client)) => Ok(call.wrapped(&identity, &session, &client)),
        Err(error) => Err(call.refuse(&identity, error).await),
    }
}

/// Begins a re-verification.
pub(in crate::http) async fn verify(call: &Call<'_>, id: SessionId, form: &Params) -> Result<ApiResponse, HttpError> {
    let level = form.single("level")?.ok_or_else(|| ErrorCode::FormParamMissing.on("level"))?;
    let level = Level::named(level).ok_or_else(|| ErrorCode::FormParamValueInvalid.on("level"))?;
    let identity = call.identify().await?;
    let outcome = call.engine().own_user().reverify(&identity.caller, id, level, &call.context).await;
    settle(call, &identity, outcome).await
}

pub(in crate::http) async fn prepare(
    call: &Call<'_>,
    id: SessionId,
    form: &Params,
    is_second: bool,
) -> Result<ApiResponse, HttpError> {
    let strategy = parse_strategy(form.single("strategy")?)?;
    let mut address_id = None;
    for param in ["email_address_id", "phone_number_id"] {
        if let Some(text) = form.single(param)? {
            address_id = Some(text.parse().map_err(|_| ErrorCode::FormParamValueInvalid.on(param))?);
        }
    }
    let identity = call.identify().await?;
    let asked = ReverifyPrepare { strategy, address_id, is_second };
    let outcome = call.engine().own_user().prepare_reverification(&identity.caller, id, &asked, &call.context).await;
    settle(call, &identity, outcome).await
}

pub(in crate::http) async fn attempt(
    call: &Call<'_>,
    id: SessionId,
    form: &Params,
    is_second: bool,
) -> Result<ApiResponse, HttpError> {
    let mut reasons: Vec<Reason> = Vec::new();
    let mut reader = form.reader(&mut reasons);
    let strategy = reader.take("strategy");
    let (code, password) = (reader.take("code"), reader.take("password").map(Secret::new));
    let public_key_credential = reader.take("public_key_credential");
    Rejection::collect(reasons)?;
    let strategy = parse_strategy(strategy.as_deref())?;
    let attempt = ReverifyAttempt { strategy, code, password, public_key_credential, is_second };
    let identity = call.identify().await?;
    let outcome = call.engine().own_user().attempt_reverification(&identity.caller, id, &attempt, &call.context).await;
    settle(call, &identity, outcome).await
}

async fn settle(
    call: &Call<'_>,
    identity: &Identity,
    outcome: Result<(ReverificationView, ClientView), EngineError>,
) -> Result<ApiResponse, HttpError> {
    match outcome {
        Ok((view, client)) => Ok(call.wrapped(identity, &view, &client)),
        Err(error) => Err(call.refuse(identity, error).await),
    }
}
