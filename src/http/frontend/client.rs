//! `/v1/client`, and ending all its sessions
//! ([guide: When a client exists](crate::guide::contract#when-a-client-exists)).

use crate::engine::EngineError;
use crate::http::call::Call;
use crate::http::cookie;
use crate::http::request::head::AuthMode;
use crate::http::request::identity::ClientUpdate;
use crate::http::response::api_response::{ApiResponse, Wrapped};
use crate::http::response::error::HttpError;

pub(in crate::http) async fn show(call: &Call<'_>) -> Result<ApiResponse, HttpError> {
    let identity = call.identify().await?;
    let shown = call.engine().client_view(&identity.caller, &call.context);
    Ok(match shown.await? {
        Some(client) => call.with_client(&identity, &client),
        None => call.anonymous(&identity),
    })
}

pub(in crate::http) async fn open(call: &Call<'_>) -> Result<ApiResponse, HttpError> {
    let identity = call.identify().await?;
    let client = call.engine().open_client(&identity.caller, &call.context).await?;
    Ok(call.with_client(&identity, &client))
}

/// Sends the browser back to its page with a cookie that lasts longer. Browsers shorten what scripts cause, and nothing that
/// comes by a navigation.
pub(in crate::http) async fn touch(call: &Call<'_>) -> Result<ApiResponse, HttpError> {
    let text = call.head.query.single("redirect_url").ok().flatten().unwrap_or_default();
    let url = call.engine().redirect_url(text, None).map_err(EngineError::from)?;
    let identity = call.identify().await?;
    let mut answer = ApiResponse::see_other(url.as_str());
    if let (AuthMode::Cookie, Some(token)) = (call.head.mode, call.engine().current_token(&identity.caller)) {
        cookie::set_client(answer.headers_mut(), token.expose(), call.head.cookie_scope());
    }
    Ok(answer)
}

/// Ends all sessions and makes the browser delete its client token.
pub(in crate::http) async fn forget(call: &Call<'_>) -> Result<ApiResponse, HttpError> {
    let identity = call.identify().await?;
    let body = match call.engine().end_sessions(&identity.caller, &call.context).await {
        Ok(client) => ApiResponse::json(&Wrapped { response: &client, client: &client }),
        Err(EngineError::NoClient) => ApiResponse::json(&Wrapped { response: (), client: () }),
        Err(error) => return Err(call.refuse(&identity, error).await),
    };
    Ok(call.with_credentials(&identity, body, &ClientUpdate::Forget))
}

/// Ends all sessions; the client stays. An anonymous caller has none to end.
pub(in crate::http) async fn end_sessions(call: &Call<'_>) -> Result<ApiResponse, HttpError> {
    let identity = call.identify().await?;
    match call.engine().end_sessions(&identity.caller, &call.context).await {
        Ok(client) => Ok(call.with_client(&identity, &client)),
        Err(EngineError::NoClient) => Ok(call.anonymous(&identity)),
        Err(error) => Err(call.refuse(&identity, error).await),
    }
}
