//! `/v1/waitlist`: joining the waitlist. It needs no client and makes none.

use crate::http::call::Call;
use crate::http::request::form::Params;
use crate::http::response::api_response::{ApiResponse, Wrapped};
use crate::http::response::error::HttpError;

pub(in crate::http) async fn join(call: &Call<'_>, form: &Params) -> Result<ApiResponse, HttpError> {
    let identity = call.identify().await?;
    let email_address = form.single("email_address")?;
    let entry = match call.engine().join_waitlist(email_address, &call.context).await {
        Ok(entry) => entry,
        Err(error) => return Err(call.refuse(&identity, error).await),
    };
    // The person is on the list by now, so an error about the client must not fail the call.
    let client = call.engine().client_view(&identity.caller, &call.context).await.unwrap_or_default();
    Ok(match client {
        Some(client) => call.wrapped(&identity, &entry, &client),
        None => ApiResponse::json(&Wrapped { response: entry, client: () }),
    })
}
