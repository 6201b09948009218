//! `GET /v1/me`: the user of the session in `_clerk_session_id`, else of the last active one.

use crate::domain::rejection::ErrorCode;
use crate::http::call::Call;
use crate::http::response::api_response::ApiResponse;
use crate::http::response::error::HttpError;
use crate::wire::UserResource;

pub(in crate::http) async fn show(call: &Call<'_>) -> Result<ApiResponse, HttpError> {
    let named = call.head.query.single("_clerk_session_id")?;
    let session = match named.filter(|text| !text.is_empty()) {
        Some(text) => Some(text.parse().map_err(|_| ErrorCode::ResourceNotFound)?),
        None => None,
    };
    let identity = call.identify().await?;
    let engine = call.engine();
    let user = match engine.me(&identity.caller, session).await {
        Ok(user) => user,
        Err(error) => return Err(call.refuse(&identity, error).await),
    };
    let client = engine.client_view(&identity.caller, &call.context).await?;
    Ok(match client {
        Some(client) => {
            let sessions = client.sessions.iter().filter(|seen| seen.user.id == user.id);
            let active_at = sessions.map(|seen| seen.session.last_active_at).max();
            call.wrapped(&identity, &UserResource::of(&user, active_at, engine.now()), &client)
        }
        None => call.anonymous(&identity),
    })
}
