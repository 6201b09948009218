//! `/v1/messages/callbacks/{provider}`: what providers report about messages.

use serde_json::json;

use crate::delivery::{Callback, CallbackError};
use crate::engine::{EngineError, ReportRefusal};
use crate::http::call::Call;
use crate::http::endpoint::ProviderPath;
use crate::http::response::api_response::ApiResponse;
use crate::http::response::error::{HttpError, TransportError};

/// What a provider reports. Who reports is known by the signature, so the route is open.
pub(super) async fn report(call: &Call<'_>, provider: ProviderPath, body: &[u8]) -> Result<ApiResponse, HttpError> {
    let head = &call.head;
    let public = call.app.options.public_url.as_str().trim_end_matches('/');
    let query = if head.encoded_query.is_empty() { String::new() } else { format!("?{}", head.encoded_query) };
    let url = format!("{public}{}{query}", head.path);
    let named = head.headers.iter().filter_map(|(name, value)| Some((name.as_str(), value.to_str().ok()?)));
    let headers: Vec<_> = named.collect();
    let callback = Callback { url: &url, headers: &headers, body, at: call.engine().now() };
    match call.engine().messages().take_reports(provider.as_str(), &callback).await? {
        Ok(taken) => Ok(ApiResponse::json(&json!({ "object": "message_reports", "known_count": taken }))),
        Err(ReportRefusal::Unknown) => Err(EngineError::NotFound.into()),
        Err(ReportRefusal::Refused(CallbackError::Unreadable)) => Err(TransportError::BodyUnreadable.into()),
        Err(ReportRefusal::Refused(error)) => {
            tracing::warn!(provider = provider.as_str(), %error, "a report of a provider is not believed");
            Err(TransportError::CallbackInvalid.into())
        }
    }
}
