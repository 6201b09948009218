//! `/v1/oauth_callback`: the redirect URI of providers
//! ([guide: Accounts at providers](crate::guide::contract_sign_ups#accounts-at-providers)). It is a navigation: the
//! result is stored on the sign-up, and the browser is redirected to the application.

use form_urlencoded::Serializer;
use hyper::Method;
use url::Url;

use crate::domain::rejection::ErrorCode;
use crate::domain::secret::Secret;
use crate::engine::{CallbackRedirect, ProviderCallback};
use crate::http::call::Call;
use crate::http::pages::link;
use crate::http::request::audience::Audience;
use crate::http::request::form::Params;
use crate::http::request::identity::ClientUpdate;
use crate::http::response::api_response::ApiResponse;
use crate::http::response::error::HttpError;
use crate::http::response::redirect;

pub(in crate::http) async fn take(call: &Call<'_>) -> Result<ApiResponse, HttpError> {
    if call.head.method == Method::HEAD {
        // A code can be used only once, so a HEAD request must not use it.
        return Ok(link::nothing(&call.app.look()));
    }
    let callback = read(&call.head.query);
    let identity = call.presented().await?;
    let engine = call.engine();
    let returned = engine.return_from_provider(&identity.caller, &callback, &call.context).await;
    let returned = match returned {
        Ok(returned) => returned,
        Err(error) => return Err(call.refuse(&identity, error).await),
    };
    if returned.is_late && call.head.audience() == Audience::Program {
        return Err(ErrorCode::OAuthCallbackInvalid.into());
    }
    let successor = |id: &str| identity.valid_dev_browser(id, engine);
    let answer = match destination(&returned, successor) {
        Some(url) => ApiResponse::see_other(&url),
        None if returned.is_late => return Err(ErrorCode::OAuthCallbackInvalid.into()),
        None => link::nowhere(&call.app.look()),
    };
    Ok(match &returned.client {
        Some(client) => call.with_credentials(&identity, answer, &ClientUpdate::Client(client)),
        None => answer,
    })
}

/// Some providers answer by POST from their own page, which sends no cookie of ours: do the same as for a GET.
pub(in crate::http) fn repeat(call: &Call<'_>, form: &Params) -> ApiResponse {
    let mut query = Serializer::new(String::new());
    for name in PARAMETERS {
        // A parameter that appears twice is ignored.
        if let Ok(Some(value)) = form.single(name) {
            query.append_pair(name, value);
        }
    }
    ApiResponse::see_other(&call.head.reference("oauth_callback", &query.finish()))
}

/// Where the browser goes, if there is such a URL. A page's dev browser is only for the browser that began.
fn destination(returned: &CallbackRedirect, successor: impl Fn(&str) -> Option<String>) -> Option<String> {
    let url = returned.url.as_ref()?;
    match (Url::parse(url.as_str()), &returned.native_handoff) {
        (Ok(url), Some(native_handoff)) => Some(redirect::with_nonce(url, native_handoff).into()),
        (Ok(url), None) if returned.by_owner => Some(redirect::with_valid_dev_browser(url, successor).into()),
        (Ok(url), None) => Some(redirect::without_dev_browser(url).into()),
        _ => Some(url.to_string()),
    }
}

fn read(params: &Params) -> ProviderCallback {
    // A parameter that appears twice is ignored.
    let take = |name| params.single(name).ok().flatten().map(str::to_owned);
    ProviderCallback {
        state: take("state"),
        code: take("code").map(Secret::new),
        error: take("error"),
        reasons: REASONS.into_iter().filter_map(take).collect(),
        iss: take("iss"),
    }
}

/// The parameters of providers that have a meaning here.
const PARAMETERS: [&str; 6] = ["state", "code", "error", REASONS[0], REASONS[1], "iss"];
/// The parameters with more detailed reasons of an error: Facebook's and Microsoft's.
const REASONS: [&str; 2] = ["error_reason", "error_subcode"];
