//! `/v1/waitlist`: asking to be let in. It needs no client and makes none.

use crate::http::error::HttpError;
use crate::http::exchange::Exchange;
use crate::http::params::Params;
use crate::http::response::{Answer, Wrapped};
use crate::http::wire::Waiting;

pub(super) async fn join(exchange: &Exchange<'_>, form: &Params) -> Result<Answer, HttpError> {
    let identity = exchange.identify().await?;
    let email_address = form.single("email_address")?;
    let entry = match exchange.engine().join_waitlist(email_address, &exchange.context).await {
        Ok(entry) => entry,
        Err(error) => return Err(exchange.refuse(&identity, error).await),
    };
    let response = Waiting::from(&entry);
    // They are on the list by now, whatever has become of the client.
    let client = exchange.engine().client_view(&identity.caller, &exchange.context).await.unwrap_or_default();
    Ok(match client {
        Some(client) => exchange.wrapped(&identity, &response, &client),
        None => Answer::json(&Wrapped { response, client: () }),
    })
}
