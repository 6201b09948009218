//! `POST /v1/proxy_checks`: whether a URL of an application is the one at which browsers reach this instance. The instance
//! knows that URL by its configuration, so it makes no request.

use serde_json::json;
use url::Url;

use crate::domain::rejection::{ErrorCode, Rejection};
use crate::http::call::Call;
use crate::http::request::json::Json;
use crate::http::response::api_response::ApiResponse;
use crate::http::response::error::HttpError;

pub(super) fn check(call: &Call<'_>, given: &Json) -> Result<ApiResponse, HttpError> {
    let mut reasons = Vec::new();
    let mut reader = given.reader(&mut reasons);
    let (domain_id, proxy_url) = (reader.text("domain_id"), reader.text("proxy_url"));
    Rejection::collect(reasons)?;
    let proxy_url = proxy_url.ok_or_else(|| ErrorCode::FormParamMissing.on("proxy_url"))?;
    let parsed = Url::parse(&proxy_url).map_err(|_| ErrorCode::FormParamValueInvalid.on("proxy_url"))?;
    let base = |url: &Url| url.as_str().trim_end_matches('/').to_owned();
    if base(&parsed) != base(&call.app.options.public_url) {
        return Err(ErrorCode::InvalidProxyConfiguration.on("proxy_url").into());
    }
    let (instance, now) = (call.engine().instance_id().to_string(), call.engine().now().as_millis());
    Ok(ApiResponse::json(&json!({
        "object": "proxy_check",
        "id": instance.replacen("ins_", "proxchk_", 1),
        "domain_id": domain_id,
        "proxy_url": proxy_url,
        "successful": true,
        "last_run_at": now,
        "created_at": now,
        "updated_at": now,
    })))
}
