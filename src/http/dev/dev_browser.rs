//! `POST /v1/dev_browser`: a new client whose token is part of the dev browser's id
//! ([guide: Dev browsers](crate::guide::contract#dev-browsers)). Unwrapped.

use serde_json::json;

use crate::engine::DEV_BROWSER_PREFIX;
use crate::http::call::Call;
use crate::http::response::api_response::ApiResponse;
use crate::http::response::error::HttpError;

pub(in crate::http) async fn open(call: &Call<'_>) -> Result<ApiResponse, HttpError> {
    let engine = call.engine();
    // Any token in the request is ignored: a caller who asks for a dev browser has none that works.
    let nobody = engine.identify(None).await?;
    let client = engine.open_client(&nobody, &call.context).await?;
    let token = client.new_token;
    let token = token.ok_or_else(|| HttpError::internal("a fresh client without a token"))?;
    Ok(ApiResponse::json(&json!({
        "id": format!("{DEV_BROWSER_PREFIX}{}", token.expose()),
        "object": "dev_browser",
    })))
}
