//! `GET /v1/jwks` and `/.well-known/jwks.json`: the public keys that verify session tokens
//! ([guide: Public keys](crate::guide::contract_sign_ins#public-keys)).

use crate::http::call::Call;
use crate::http::response::api_response::ApiResponse;

pub(in crate::http) fn show(call: &Call<'_>) -> ApiResponse {
    ApiResponse::json(&call.engine().jwks()).kept("public, max-age=60")
}
