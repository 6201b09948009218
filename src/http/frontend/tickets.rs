//! `/v1/tickets/accept`: the target of the links in invitations, and of those with sign-in tokens
//! ([guide: Invitations and tickets](crate::guide::contract_sign_ups#invitations-and-tickets)). It is a navigation that
//! changes nothing, so mail scanners may follow it as often as they like.

use crate::domain::rejection::ErrorCode;
use crate::domain::text;
use crate::engine::TicketStatus;
use crate::http::call::Call;
use crate::http::response::api_response::ApiResponse;
use crate::http::response::error::HttpError;
use crate::http::response::redirect;

pub(in crate::http) async fn accept(call: &Call<'_>) -> Result<ApiResponse, HttpError> {
    // A ticket that appears twice is ignored. Punctuation that follows a link in a text is often taken for a part of
    // it.
    let ticket = text::token(call.head.query.single("ticket").ok().flatten().unwrap_or_default());
    let identity = call.presented().await?;
    let owner = call.engine().accept_ticket(&identity.caller, ticket, &call.context).await?;
    let url = owner.redirect_url.map(|url| url.to_string());
    let status = match owner.status {
        TicketStatus::SignUp => "sign_up",
        TicketStatus::SignIn => "sign_in",
        TicketStatus::Complete => "complete",
        TicketStatus::Expired => return Err(refused(ErrorCode::TicketExpiredCode, url)),
        TicketStatus::Revoked => return Err(refused(ErrorCode::RevokedInvitation, url)),
    };
    // Without it, a person with an account signs in as usual.
    let ticket = owner.needs_ticket.then_some(ticket);
    let url = url.unwrap_or_else(|| call.app.home_of_invited());
    let url = redirect::with_ticket(&url, status, ticket);
    let url = url.ok_or_else(|| HttpError::internal("a ticket without a place to go"))?;
    Ok(ApiResponse::see_other(url.as_str()))
}

/// The application knows no status for these cases, so people read here what happened, and where to go from here.
fn refused(code: ErrorCode, url: Option<String>) -> HttpError {
    let error = HttpError::from(code);
    match url {
        Some(url) => error.leading_to(url),
        None => error,
    }
}
