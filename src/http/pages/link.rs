//! The pages for links in e-mails that lead to no page of the application.

use crate::http::response::api_response::ApiResponse;

use super::notice::{Look, Notice};

/// Asks the person to confirm, in a browser that is not the sign-up's own. `redirect_url` is where the browser goes
/// after the button.
pub(in crate::http) fn question(
    look: &Look<'_>,
    (token, is_of_profile): (&str, bool),
    redirect_url: Option<&str>,
) -> ApiResponse {
    let next = match is_of_profile {
        true => "If that was you, go on; the address is added to your account.",
        false => "If that was you, go on; you will be signed in there.",
    };
    Notice::new("Verify your e-mail address")
        .saying("Somebody asked to verify this e-mail address in another browser.")
        .saying(next)
        .saying("If it was not, close this page: nothing happens without you.")
        .asking("Verify my e-mail address", "verify", ("token", token.to_owned()), redirect_url)
        .render(look)
}

/// Says that the step is done, where the application's page for this is not available.
pub(in crate::http) fn nowhere(look: &Look<'_>) -> ApiResponse {
    Notice::new("You can go on now")
        .saying("The page that you were to be sent to is not part of this site any more.")
        .saying("Go back to where you began.")
        .render(look)
}

/// Says that the step is done and that somebody has to approve the sign-up.
pub(in crate::http) fn waiting(look: &Look<'_>) -> ApiResponse {
    Notice::new("Waiting for approval")
        .saying("Your e-mail address is verified.")
        .saying("Your sign-up is waiting for approval. You can close this page.")
        .render(look)
}

/// Says that a form sent to the API is done: the API's answer is for programs.
pub(in crate::http) fn done(look: &Look<'_>) -> ApiResponse {
    Notice::new("Done").saying("You can go on now.").render(look)
}

/// Shows the data of an API address to a person who opened it; it is meant for programs.
pub(in crate::http) fn data(look: &Look<'_>, json: &[u8]) -> ApiResponse {
    let value = serde_json::from_slice(json).unwrap_or(serde_json::Value::Null);
    Notice::new("This address is for programs")
        .saying("This is what a program reads here.")
        .showing(format!("{value:#}"))
        .render(look)
}

/// The answer to a HEAD request: the page exists.
pub(in crate::http) fn nothing(look: &Look<'_>) -> ApiResponse {
    Notice::new("One moment").render(look)
}
