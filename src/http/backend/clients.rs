//! `/v1/clients/{id}`

use crate::domain::id::ClientId;
use crate::http::call::Call;
use crate::http::response::api_response::ApiResponse;
use crate::http::response::error::HttpError;
use crate::wire::backend::BackendClient;

pub(super) async fn show(call: &Call<'_>, id: ClientId) -> Result<ApiResponse, HttpError> {
    let client = call.engine().client_for_backend(id).await?;
    Ok(ApiResponse::json(&BackendClient { client: &client, now: call.engine().now() }))
}
