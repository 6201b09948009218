//! `/v1/tickets/accept`: where the links of invitations lead (CONTRACT 12). A navigation that changes nothing: mail
//! scanners may follow it as often as they like.

use hyper::header::ACCEPT;

use crate::engine::{EngineError, TicketStatus};
use crate::http::error::{HttpError, shown};
use crate::http::exchange::Exchange;
use crate::http::pages::link;
use crate::http::redirect;
use crate::http::response::Answer;

pub(super) async fn accept(exchange: &Exchange<'_>) -> Result<Answer, HttpError> {
    // A ticket that came twice is as good as none.
    let ticket = exchange.head.query.single("ticket").ok().flatten().unwrap_or_default();
    let identity = exchange.presented().await?;
    let holder = match exchange.engine().accept_ticket(&identity.caller, ticket, &exchange.source).await {
        Ok(holder) => holder,
        Err(error) => return refuse(exchange, error),
    };
    let status = match holder.status {
        TicketStatus::SignUp => "sign_up",
        TicketStatus::SignIn => "sign_in",
        TicketStatus::Complete => "complete",
    };
    // Whoever has an account signs in the way they used to: a ticket is good for signing up only.
    let ticket = (holder.status == TicketStatus::SignUp).then_some(ticket);
    let url = holder.redirect_url.unwrap_or_else(|| exchange.app.options.home());
    let url = redirect::with_ticket(&url, status, ticket);
    let url = url.ok_or_else(|| HttpError::internal("an invitation without a place to go"))?;
    Ok(Answer::see_other(url.as_str()))
}

/// A page for people, an error for programs.
fn refuse(exchange: &Exchange<'_>, error: EngineError) -> Result<Answer, HttpError> {
    let accept = exchange.head.headers.get(ACCEPT).and_then(|a| a.to_str().ok()).unwrap_or_default();
    match &error {
        EngineError::Rejected(rejection) if accept.contains("text/html") => {
            let reason = rejection.reasons().first().map(|reason| shown(reason.code));
            let text = reason.as_ref().and_then(|shown| shown["long_message"].as_str()).unwrap_or_default();
            Ok(link::failure(text))
        }
        _ => Err(error.into()),
    }
}
