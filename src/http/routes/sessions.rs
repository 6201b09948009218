//! `/v1/client/sessions/{id}/…` ([guide: Session calls](crate::guide::contract_sign_ins#session-calls)).

use crate::domain::id::SessionId;
use crate::engine::{ClientView, EngineError, SessionView};
use crate::http::error::HttpError;
use crate::http::exchange::Exchange;
use crate::http::identity::{Identity, Told};
use crate::http::response::Answer;
use crate::http::wire::{SessionResource, TokenResource};

/// A live session as it is.
pub(super) async fn show(exchange: &Exchange<'_>, id: SessionId) -> Result<Answer, HttpError> {
    let identity = exchange.identify().await?;
    let client = exchange.engine().client_view(&identity.caller, &exchange.context).await?;
    let outcome = match client {
        None => Err(EngineError::SignedOut),
        Some(client) => {
            let session = client.sessions.iter().find(|seen| seen.session.id == id).cloned();
            session.map(|session| (session, client)).ok_or(EngineError::NotFound)
        }
    };
    settle(exchange, &identity, outcome).await
}

pub(super) async fn touch(exchange: &Exchange<'_>, id: SessionId) -> Result<Answer, HttpError> {
    let identity = exchange.identify().await?;
    let engine = exchange.engine();
    let touched = engine.touch_session(&identity.caller, id, &exchange.context);
    let outcome = touched.await;
    settle(exchange, &identity, outcome).await
}

/// Unwrapped, and without the client: it is asked for once a minute.
pub(super) async fn token(exchange: &Exchange<'_>, id: SessionId) -> Result<Answer, HttpError> {
    let identity = exchange.identify().await?;
    let engine = exchange.engine();
    let minted = engine.session_token(&identity.caller, id, &exchange.context);
    match minted.await {
        Ok(jwt) => {
            let answer = Answer::json(&TokenResource::new(jwt.expose()));
            Ok(exchange.told(&identity, answer, &Told::Nothing))
        }
        Err(error) => Err(exchange.refuse(&identity, error).await),
    }
}

/// Ends a session, by `end` or by `remove`.
pub(super) async fn end(exchange: &Exchange<'_>, id: SessionId, removed: bool) -> Result<Answer, HttpError> {
    let identity = exchange.identify().await?;
    let engine = exchange.engine();
    let outcome = engine.end_session(&identity.caller, id, removed, &exchange.context).await;
    settle(exchange, &identity, outcome).await
}

async fn settle(
    exchange: &Exchange<'_>,
    identity: &Identity,
    outcome: Result<(SessionView, ClientView), EngineError>,
) -> Result<Answer, HttpError> {
    match outcome {
        Ok((session, client)) => {
            let shown = SessionResource::from(&session);
            Ok(exchange.wrapped(identity, &shown, &client))
        }
        Err(error) => Err(exchange.refuse(identity, error).await),
    }
}
