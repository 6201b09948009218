//! Errors for people: the same content as the envelope, as a page with links.

use std::borrow::Cow;

use hyper::StatusCode;
use hyper::header::RETRY_AFTER;

use crate::http::request_id::RequestId;
use crate::http::response::api_response::ApiResponse;
use crate::http::response::error::{HttpError, Parts};

use super::notice::{Look, Notice, WayOn};

impl HttpError {
    /// The answer to a person who navigated here. `is_repeatable` says whether opening the page's address again repeats
    /// the request.
    pub(in crate::http) fn into_page(self, look: &Look<'_>, is_repeatable: bool, id: &RequestId) -> ApiResponse {
        let parts = self.settled();
        let code = parts.problems.first().map_or("", |problem| &*problem.code);
        let mut notice = Notice::new(title(parts.status, code)).with_status(parts.status).saying(what(&parts, code));
        let seconds = parts.headers.get(RETRY_AFTER).and_then(|text| text.to_str().ok()?.parse().ok());
        if let Some(seconds) = seconds {
            notice = notice.saying(format!("Please try again {}.", in_words(seconds)));
        }
        let is_ours = parts.status == StatusCode::INTERNAL_SERVER_ERROR;
        let notice = notice
            .leading(match parts.way_on {
                Some(url) => WayOn::To(url),
                None if is_repeatable && (seconds.is_some() || is_ours) => WayOn::Again,
                None => WayOn::Home,
            })
            .referring(format!("Error {} {code}, reference {}", parts.status.as_u16(), id.as_str()));
        notice.render(look).with_headers(parts.headers)
    }
}

fn title(status: StatusCode, code: &str) -> &'static str {
    match (code, status) {
        ("verification_link_token_expired" | "ticket_expired_code", _) => "This link has expired",
        ("verification_link_token_invalid" | "ticket_invalid_code", _) => "This link does not work",
        ("revoked_invitation", _) => "This invitation is no longer good",
        ("sign_up_email_link_not_same_client", _) => "Another browser asked for this link",
        ("oauth_callback_invalid", _) => "This sign in is over",
        ("sign_up_awaits_approval", _) => "Waiting for approval",
        ("sign_up_refused", _) => "Your sign-up was not approved",
        ("cookie_invalid", _) => "Your cookies are mixed up",
        (_, StatusCode::UNAUTHORIZED) => "You are not signed in",
        (_, StatusCode::FORBIDDEN) => "This is not allowed",
        (_, StatusCode::NOT_FOUND | StatusCode::METHOD_NOT_ALLOWED) => "There is no page here",
        (_, StatusCode::REQUEST_TIMEOUT) => "This took too long",
        (_, StatusCode::TOO_MANY_REQUESTS) => "Too many requests",
        (_, StatusCode::INTERNAL_SERVER_ERROR) => "Something went wrong",
        (_, StatusCode::SERVICE_UNAVAILABLE) => "Not available at the moment",
        _ => "This did not work",
    }
}

/// What happened. The table's texts are for forms and programs; for a person who opened an address some need other
/// words.
fn what(parts: &Parts, code: &str) -> Cow<'static, str> {
    match code {
        "resource_not_found" => "The address may be old, or spelled wrong.".into(),
        "method_not_allowed" => "This address is for programs, not for browsers.".into(),
        "too_many_requests" => "Too much was asked for from here in a short time.".into(),
        "internal_error" => "It is our fault, not yours. Please try again.".into(),
        // Without its last sentence: the waiting time on the page is more exact.
        "service_unavailable" if parts.cause.is_some() => "The service can't do this right now.".into(),
        _ => parts.problems.first().map_or(Cow::Borrowed(""), |problem| problem.long_message.clone()),
    }
}

/// A waiting time in words, never too short.
fn in_words(seconds: u64) -> String {
    let (number, unit) = match seconds {
        0..=90 => (seconds, "second"),
        91..=5400 => (seconds.div_ceil(60), "minute"),
        _ => (seconds.div_ceil(3600), "hour"),
    };
    let plural = if number == 1 { "" } else { "s" };
    format!("in {number} {unit}{plural}")
}

#[cfg(test)]
mod tests {
    use hyper::header::ALLOW;

    use super::*;
    use crate::domain::rejection::ErrorCode;
    use crate::domain::settings::branding::Branding;
    use crate::domain::time::Span;
    use crate::engine::EngineError;
    use crate::http::response::error::TransportError;

    #[test]
    fn waits_are_said_in_words_and_never_too_short() {
        for (seconds, words) in [
            (1, "in 1 second"),
            (30, "in 30 seconds"),
            (90, "in 90 seconds"),
            (91, "in 2 minutes"),
            (3600, "in 60 minutes"),
            (5401, "in 2 hours"),
            (86_400, "in 24 hours"),
        ] {
            assert_eq!(in_words(seconds), words);
        }
    }

    #[test]
    fn a_page_has_the_status_and_the_headers_of_the_error() {
        let overloaded = || EngineError::Overloaded { retry_after: Span::from_secs(2) }.into();
        for (error, status, header, says) in [
            (ErrorCode::ResourceNotFound.into(), 404, None, "spelled wrong"),
            (HttpError::method_not_allowed("GET"), 405, Some((ALLOW, "GET")), "for programs"),
            (
                ErrorCode::TooManyRequests.after(Span::from_secs(30)).into(),
                429,
                Some((RETRY_AFTER, "30")),
                "in 30 seconds.",
            ),
            (overloaded(), 503, Some((RETRY_AFTER, "2")), "in 2 seconds."),
            (HttpError::not_ready("the disk is full"), 503, Some((RETRY_AFTER, "1")), "Not ready: the disk is full"),
            (HttpError::internal("a secret cause"), 500, None, "our fault"),
            (EngineError::SeveralClients.into(), 400, None, "clear the cookies"),
            (TransportError::HostInvalid.into(), 400, None, "Host"),
            (HttpError::document("<b>", "is <i>"), 422, None, "&lt;b&gt;: is &lt;i&gt;"),
        ] {
            let (answered, headers, html) = page(error, true);
            assert_eq!(answered, status, "{html}");
            assert!(html.contains(says) && !html.contains("secret cause"), "{html}");
            if let Some((name, value)) = header {
                assert_eq!(headers[name], value);
            }
        }
    }

    #[test]
    fn what_will_work_later_leads_to_the_same_page_where_that_asks_the_same() {
        let limited = || HttpError::from(ErrorCode::TooManyRequests);
        let again = "<a href=\"\" class=\"main\">Try again</a>";
        assert!(page(limited(), true).2.contains(again));
        assert!(!page(limited(), false).2.contains(again), "the same by POST is nothing that a link can do");
        assert!(!page(ErrorCode::ResourceNotFound.into(), true).2.contains(again));
        let elsewhere = limited().leading_to("https://app.example/join".into());
        assert!(page(elsewhere, true).2.contains("<a href=\"https://app.example/join\""));
    }

    fn page(error: HttpError, is_repeatable: bool) -> (u16, hyper::HeaderMap, String) {
        let branding = Branding::default();
        let answer = error.into_page(&Look::new(&branding, None), is_repeatable, &RequestId::fresh());
        let html = String::from_utf8(answer.body().to_vec()).expect("text");
        let response = answer.into_response();
        (response.status().as_u16(), response.headers().clone(), html)
    }
}
