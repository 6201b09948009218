//! `/v1/client/sessions/{id}/…` ([guide: Session calls](crate::guide::contract_sign_ins#session-calls)).

use crate::domain::id::SessionId;
use crate::engine::{ClientView, EngineError, SessionView};
use crate::http::call::Call;
use crate::http::request::identity::{ClientUpdate, Identity};
use crate::http::response::api_response::ApiResponse;
use crate::http::response::error::HttpError;
use crate::wire::TokenResource;

/// Shows a live session without changing it.
pub(in crate::http) async fn show(call: &Call<'_>, id: SessionId) -> Result<ApiResponse, HttpError> {
    let identity = call.identify().await?;
    let client = call.engine().client_view(&identity.caller, &call.context).await?;
    let outcome = match client {
        None => Err(EngineError::SignedOut),
        Some(client) => {
            let session = client.sessions.iter().find(|seen| seen.session.id == id).cloned();
            session.map(|session| (session, client)).ok_or(EngineError::NotFound)
        }
    };
    settle(call, &identity, outcome).await
}

pub(in crate::http) async fn touch(call: &Call<'_>, id: SessionId) -> Result<ApiResponse, HttpError> {
    let identity = call.identify().await?;
    let engine = call.engine();
    let touched = engine.touch_session(&identity.caller, id, &call.context);
    let outcome = touched.await;
    settle(call, &identity, outcome).await
}

/// Unwrapped and without the client, because it is requested once a minute.
pub(in crate::http) async fn token(call: &Call<'_>, id: SessionId) -> Result<ApiResponse, HttpError> {
    let identity = call.identify().await?;
    let engine = call.engine();
    let minted = engine.session_token(&identity.caller, id, &call.context);
    match minted.await {
        Ok(jwt) => {
            let answer = ApiResponse::json(&TokenResource::new(jwt.expose()));
            Ok(call.with_credentials(&identity, answer, &ClientUpdate::Unchanged))
        }
        Err(error) => Err(call.refuse(&identity, error).await),
    }
}

/// Ends a session, for the call `end` or `remove`.
pub(in crate::http) async fn end(call: &Call<'_>, id: SessionId, removed: bool) -> Result<ApiResponse, HttpError> {
    let identity = call.identify().await?;
    let engine = call.engine();
    let outcome = engine.end_session(&identity.caller, id, removed, &call.context).await;
    settle(call, &identity, outcome).await
}

async fn settle(
    call: &Call<'_>,
    identity: &Identity,
    outcome: Result<(SessionView, ClientView), EngineError>,
) -> Result<ApiResponse, HttpError> {
    match outcome {
        Ok((session, client)) => Ok(call.wrapped(identity, &session, &client)),
        Err(error) => Err(call.refuse(identity, error).await),
    }
}
