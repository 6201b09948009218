//! `/v1/proxy-health`: whether an application that passes requests on to this instance does it right
//! ([guide: Proxies of an application](crate::guide::contract_handshakes#proxies-of-an-application)).

use hyper::StatusCode;
use serde_json::json;

use crate::http::call::Call;
use crate::http::request::head::Relay;
use crate::http::response::api_response::ApiResponse;

/// The path of the check.
pub(in crate::http) const HEALTH: &str = "/v1/proxy-health";

pub(in crate::http) fn health(call: &Call<'_>) -> ApiResponse {
    let has = |name: &str| call.head.headers.contains_key(name);
    let fault = match call.head.relay {
        Relay::None => Some("The Clerk-Secret-Key header is missing."),
        Relay::Refused => Some("The Clerk-Secret-Key header is not the secret key of this instance."),
        Relay::Proved if !has("clerk-proxy-url") => Some("The Clerk-Proxy-Url header is missing."),
        Relay::Proved if !has("x-forwarded-for") => Some("The X-Forwarded-For header is missing."),
        Relay::Proved => None,
    };
    match fault {
        None => ApiResponse::json(&json!({ "status": "healthy", "x_forwarded_for": call.head.ip.to_string() })),
        Some(message) => ApiResponse::json(&json!({ "status": "unhealthy", "message": message }))
            .with_status(StatusCode::SERVICE_UNAVAILABLE),
    }
}
