//! `/v1/messages/callbacks/{provider}`: what providers report about messages.

use hyper::header::WWW_AUTHENTICATE;
use serde_json::json;

use crate::delivery::{Callback, CallbackError};
use crate::engine::{EngineError, ReportRefusal};
use crate::http::call::Call;
use crate::http::endpoint::{InPath, PathId, ProviderPath};
use crate::http::response::api_response::{ApiResponse, insert};
use crate::http::response::error::{HttpError, TransportError};

/// What a provider reports. Who reports is known by the signature, so the route is open.
pub(super) async fn report(call: &Call<'_>, provider: ProviderPath, body: &[u8]) -> Result<ApiResponse, HttpError> {
    let head = &call.head;
    let query = if head.encoded_query.is_empty() { String::new() } else { format!("?{}", head.encoded_query) };
    // The provider knows the URL with the path of `server.public_url`, which a proxy may have taken off.
    let url = format!("{}{}{query}", call.engine().public_base(), head.path);
    let named = head.headers.iter().filter_map(|(name, value)| Some((name.as_str(), value.to_str().ok()?)));
    let headers: Vec<_> = named.collect();
    let callback = Callback { url: &url, headers: &headers, body, at: call.engine().now(), certificate: None };
    match call.engine().messages().take_reports(provider.as_str(), &callback).await? {
        Ok(taken) => Ok(ApiResponse::json(&json!({ "object": "message_reports", "known_count": taken }))),
        Err(ReportRefusal::Unknown) => Err(EngineError::NotFound.into()),
        Err(ReportRefusal::Refused(CallbackError::Unreadable)) => Err(TransportError::BodyUnreadable.into()),
        Err(ReportRefusal::Refused(error)) => {
            tracing::warn!(provider = provider.as_str(), %error, "a report of a provider is not believed");
            let mut refused = HttpError::from(TransportError::CallbackInvalid);
            if BY_LOGIN.contains(&provider.as_str()) {
                insert(refused.headers_mut(), WWW_AUTHENTICATE, "Basic realm=\"reports\"");
            }
            Err(refused)
        }
    }
}

/// The size of a report that is read, in bytes: a provider may have more to report than another call may say. Of a
/// provider that is not configured no more is read than of other calls.
pub(super) fn bytes_max(call: &Call<'_>, id: PathId) -> usize {
    let usual = call.app.options.max_body_bytes;
    let Some(provider) = ProviderPath::of_path(id) else { return usual };
    let channels = call.engine().channels();
    let is_known = channels.iter().flat_map(|channel| &channel.providers).any(|known| known.name == provider.as_str());
    if is_known { usual.max(REPORT_BYTES_MAX) } else { usual }
}

/// The providers whose reports have a login in their URL. They send it only once they were asked for it (RFC 9110, 11.6.1).
const BY_LOGIN: [&str; 2] = ["postmark", "ses"];
/// SendGrid reports up to 768 KB at a time, SNS 256 KB.
const REPORT_BYTES_MAX: usize = 1 << 20;
