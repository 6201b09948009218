//! `/v1/client` and the end of all its sessions
//! ([guide: When a client exists](crate::guide::contract#when-a-client-exists)).

use crate::engine::{ClientView, EngineError};
use crate::http::error::HttpError;
use crate::http::exchange::Exchange;
use crate::http::identity::{Identity, Told};
use crate::http::response::{Answer, Wrapped};
use crate::http::wire::ClientResource;

pub(super) async fn show(exchange: &Exchange<'_>) -> Result<Answer, HttpError> {
    let identity = exchange.identify().await?;
    let shown = exchange.engine().client_view(&identity.caller, &exchange.context);
    Ok(match shown.await? {
        Some(client) => wrapped(exchange, &identity, &client),
        None => exchange.nobody(&identity),
    })
}

pub(super) async fn open(exchange: &Exchange<'_>) -> Result<Answer, HttpError> {
    let identity = exchange.identify().await?;
    let client = exchange.engine().open_client(&identity.caller, &exchange.context).await?;
    Ok(wrapped(exchange, &identity, &client))
}

/// Ends all sessions and makes the browser forget the client.
pub(super) async fn forget(exchange: &Exchange<'_>) -> Result<Answer, HttpError> {
    let identity = exchange.identify().await?;
    let body = match exchange.engine().end_sessions(&identity.caller, &exchange.context).await {
        Ok(client) => {
            Answer::json(&Wrapped { response: ClientResource::from(&client), client: ClientResource::from(&client) })
        }
        Err(EngineError::NoClient) => Answer::json(&Wrapped { response: (), client: () }),
        Err(error) => return Err(exchange.refuse(&identity, error).await),
    };
    Ok(exchange.told(&identity, body, &Told::Forget))
}

/// Ends all sessions; the client stays. Nobody has none to end.
pub(super) async fn end_sessions(exchange: &Exchange<'_>) -> Result<Answer, HttpError> {
    let identity = exchange.identify().await?;
    match exchange.engine().end_sessions(&identity.caller, &exchange.context).await {
        Ok(client) => Ok(wrapped(exchange, &identity, &client)),
        Err(EngineError::NoClient) => Ok(exchange.nobody(&identity)),
        Err(error) => Err(exchange.refuse(&identity, error).await),
    }
}

fn wrapped(exchange: &Exchange<'_>, identity: &Identity, client: &ClientView) -> Answer {
    exchange.wrapped(identity, &ClientResource::from(client), client)
}
