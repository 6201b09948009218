//! `/v1/client/handshake`: a server sends a browser here on its way to a page, to learn who is signed in
//! ([guide: Handshakes](crate::guide::contract_handshakes)). It is a navigation: the result goes back with the browser.

use crate::domain::redirect::RedirectUrl;
use crate::engine::{Caller, EngineError, HandshakeRequest};
use crate::http::call::Call;
use crate::http::cookie;
use crate::http::request::head::AuthMode;
use crate::http::response::api_response::ApiResponse;
use crate::http::response::error::HttpError;

pub(in crate::http) async fn answer(call: &Call<'_>) -> Result<ApiResponse, HttpError> {
    let query = &call.head.query;
    let (caller, dev_browser) = if goes_into_the_url(call) {
        let dev_browser = match call.head.mode {
            AuthMode::DevBrowser => call.presented().await?.caller,
            // A production instance has no dev browsers. What its server takes for one is made anew.
            AuthMode::Cookie | AuthMode::Native => Caller::anonymous(),
        };
        (in_cookies(call).await?, Some(dev_browser))
    } else {
        (in_cookies(call).await?, None)
    };
    if caller.was_replaced() && dev_browser.is_none() && call.may_ask_again() {
        return Err(EngineError::TokenReplaced.into());
    }
    let request = HandshakeRequest {
        redirect_url: query.single("redirect_url").ok().flatten().unwrap_or_default().to_owned(),
        host: call.head.host.clone(),
        secure: call.head.secure,
        dev_browser,
        takes_nonce: query.hint("format") == Some("nonce"),
    };
    let reason = query.hint("__clerk_hs_reason").filter(|reason| reason.bytes().all(is_of_a_reason));
    tracing::debug!(handshake.reason = reason, "a handshake");
    let handshake = call.engine().sessions().handshake(&caller, &request, &call.context).await?;
    let mut answer = ApiResponse::again(RedirectUrl::as_str(&handshake.location));
    if let Some(line) = handshake.cookie {
        cookie::append(answer.headers_mut(), line.into_inner());
    }
    if let Some(token) = caller.new_token() {
        cookie::set_client(answer.headers_mut(), token.expose(), call.head.cookie_scope());
    }
    Ok(answer)
}

/// Whether the application's server expects the result in the URL, as it does with a `pk_test_` key. A production
/// instance with a `pk_live_` key puts no session into a URL, whatever is asked.
fn goes_into_the_url(call: &Call<'_>) -> bool {
    let (query, options) = (&call.head.query, &call.app.options);
    let may_be = options.development || options.publishable_key.starts_with("pk_test_");
    let is_asked = query.hint("__clerk_db_jwt").is_some()
        || query.hint("__clerk_hs_reason").is_some_and(|reason| reason.starts_with("dev-browser-"));
    may_be && is_asked
}

/// The holder of the `__client` cookie. Where cookies of several clients came, one of them was planted, and nobody counts
/// as signed in.
async fn in_cookies(call: &Call<'_>) -> Result<Caller, EngineError> {
    if call.head.mode == AuthMode::Native {
        return Ok(Caller::anonymous());
    }
    let tokens = cookie::values(&call.head.headers, cookie::CLIENT);
    match call.engine().identify_among(tokens).await {
        Err(EngineError::SeveralClients) => Ok(Caller::anonymous()),
        found => found,
    }
}

const fn is_of_a_reason(byte: u8) -> bool {
    byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-'
}
