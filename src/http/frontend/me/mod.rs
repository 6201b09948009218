//! `/v1/me…`: the user of the session in `_clerk_session_id`, else of the last active one
//! ([guide: The profile](crate::guide::contract_me)).

pub(super) mod accounts;
pub(super) mod addresses;
pub(super) mod fields;
pub(super) mod passkeys;
pub(super) mod sessions;

use serde::Serialize;

use crate::domain::id::SessionId;
use crate::domain::rejection::ErrorCode;
use crate::domain::user::User;
use crate::engine::{ClientView, EngineError};
use crate::http::call::Call;
use crate::http::request::identity::Identity;
use crate::http::response::api_response::ApiResponse;
use crate::http::response::error::HttpError;
use crate::wire::UserResource;

pub(in crate::http) async fn show(call: &Call<'_>) -> Result<ApiResponse, HttpError> {
    let session = named_session(call)?;
    let identity = call.identify().await?;
    let engine = call.engine();
    if let Some(native_handoff) = call.head.query.single("rotating_token_nonce")?.filter(|text| !text.is_empty()) {
        let claimed = engine.own_user().claim_account(&identity.caller, session, native_handoff, &call.context).await;
        return match claimed {
            Ok((user, client)) => Ok(with_user(call, &identity, &user, &client)),
            Err(error) => Err(call.refuse(&identity, error).await),
        };
    }
    let user = match engine.me(&identity.caller, session).await {
        Ok(user) => user,
        Err(error) => return Err(call.refuse(&identity, error).await),
    };
    let client = engine.client_view(&identity.caller, &call.context).await?;
    Ok(match client {
        Some(client) => with_user(call, &identity, &user, &client),
        None => call.anonymous(&identity),
    })
}

/// The session that a call names.
fn named_session(call: &Call<'_>) -> Result<Option<SessionId>, HttpError> {
    let named = call.head.query.single("_clerk_session_id")?;
    let named = named.filter(|text| !text.is_empty()).map(str::parse).transpose();
    Ok(named.map_err(|_| ErrorCode::ResourceNotFound)?)
}

/// An answer with the user.
fn with_user(call: &Call<'_>, identity: &Identity, user: &User, client: &ClientView) -> ApiResponse {
    let sessions = client.sessions.iter().filter(|seen| seen.user.id == user.id);
    let active_at = sessions.map(|seen| seen.session.last_active_at).max();
    call.with_user(identity, &UserResource::of(user, active_at, call.engine().now()), client)
}

/// The answer of a call, or its refusal with the client.
async fn settle<T, R: Serialize>(
    call: &Call<'_>,
    identity: &Identity,
    outcome: Result<(T, ClientView), EngineError>,
    show: impl FnOnce(&T) -> R,
) -> Result<ApiResponse, HttpError> {
    match outcome {
        Ok((value, client)) => Ok(call.wrapped(identity, &show(&value), &client)),
        Err(error) => Err(call.refuse(identity, error).await),
    }
}
