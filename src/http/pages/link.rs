//! What the links in e-mails show where they send nobody on.

use crate::http::response::api_response::ApiResponse;

use super::notice::{Look, Notice};

/// Asks a browser that is not the sign-up's own for a word from a person. `redirect_url` is where the answer to the
/// button leads.
pub(in crate::http) fn question(look: &Look<'_>, token: &str, redirect_url: Option<&str>) -> ApiResponse {
    Notice::new("Verify your e-mail address")
        .saying("Somebody asked to verify this e-mail address in another browser.")
        .saying("If that was you, go on; you will be signed in there.")
        .saying("If it was not, close this page: nothing happens without you.")
        .asking("Verify my e-mail address", "verify", ("token", token.to_owned()), redirect_url)
        .render(look)
}

/// Says that something is done, where the page of the application that was to say so is none any more.
pub(in crate::http) fn nowhere(look: &Look<'_>) -> ApiResponse {
    Notice::new("You can go on now")
        .saying("The page that you were to be sent to is not part of this site any more.")
        .saying("Go back to where you began.")
        .render(look)
}

/// Says that what a form asked of the API is done: its answer is for programs.
pub(in crate::http) fn done(look: &Look<'_>) -> ApiResponse {
    Notice::new("Done").saying("You can go on now.").render(look)
}

/// Shows somebody who opened an address of the API what it says, which is for programs.
pub(in crate::http) fn data(look: &Look<'_>, json: &[u8]) -> ApiResponse {
    let value = serde_json::from_slice(json).unwrap_or(serde_json::Value::Null);
    Notice::new("This address is for programs")
        .saying("This is what a program reads here.")
        .showing(format!("{value:#}"))
        .render(look)
}

/// What a HEAD learns: that there is something here.
pub(in crate::http) fn nothing(look: &Look<'_>) -> ApiResponse {
    Notice::new("One moment").render(look)
}
