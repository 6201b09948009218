//! The pages of links in e-mails: the question whether a person means it, and the word that a link is no good.

use aws_lc_rs::digest::{SHA256, digest};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use hyper::StatusCode;
use hyper::header::{CONTENT_SECURITY_POLICY, HeaderValue, REFERRER_POLICY};

use crate::http::redirect::csp_source;
use crate::http::response::{Answer, insert};

/// Asks a browser that is not the sign-up's own for a word from a person. `token` has only letters, digits, dots and
/// underscores; `redirect_url` is where the answer to the button leads, which browsers must be told beforehand.
pub(in crate::http) fn question(token: &str, redirect_url: Option<&str>) -> Answer {
    let is_plain = token.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'.' || b == b'_');
    debug_assert!(is_plain, "a token that was read needs no escapes");
    let token = if is_plain { token } else { "" };
    let source = redirect_url.and_then(csp_source).unwrap_or_default();
    let button = format!(
        "<p>Somebody asked to verify this e-mail address in another browser. If that was you, go on; you will be \
         signed in there. If it was not, close this page: nothing happens without you.</p>\
         <form method=\"post\" action=\"verify\"><input type=\"hidden\" name=\"token\" value=\"{token}\">\
         <button>Verify my e-mail address</button></form>"
    );
    page("Verify your e-mail address", &button, &format!("'self' {source}"))
}

/// Says that a link does not work, and why. `reason` is a text of ours.
pub(in crate::http) fn failure(reason: &str) -> Answer {
    page("This link does not work", &format!("<p>{reason}</p>"), "'none'").with_status(StatusCode::BAD_REQUEST)
}

/// What a HEAD learns: that there is something to read.
pub(in crate::http) fn nothing() -> Answer {
    page("Verify your e-mail address", "", "'none'")
}

fn page(title: &str, body: &str, form_action: &str) -> Answer {
    let html = format!(
        "<!doctype html>\n<html lang=\"en\"><head><meta charset=\"utf-8\">\
         <meta name=\"viewport\" content=\"width=device-width\"><meta name=\"robots\" content=\"noindex\">\
         <title>{title}</title><style>{STYLE}</style></head><body><main><h1>{title}</h1>{body}</main></body></html>\n"
    );
    let style = STANDARD.encode(digest(&SHA256, STYLE.as_bytes()));
    let policy = format!(
        "default-src 'none'; style-src 'sha256-{style}'; form-action {form_action}; base-uri 'none'; \
         frame-ancestors 'none'",
        form_action = form_action.trim()
    );
    let mut answer = Answer::of("text/html; charset=utf-8", Bytes::from(html));
    let headers = answer.headers_mut();
    insert(headers, CONTENT_SECURITY_POLICY, &policy);
    headers.insert(REFERRER_POLICY, HeaderValue::from_static("no-referrer"));
    answer
}

const STYLE: &str = "body{font:1rem/1.5 system-ui,sans-serif;margin:15vh auto 0;max-width:30rem;padding:0 1rem}\
                     h1{font-size:1.4rem}button{font:inherit;padding:.6rem 1rem}";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_pages_load_nothing_and_tell_nobody_where_they_were() {
        let token = "sua_1.0f";
        for answer in [question(token, Some("http://localhost:3000/verify#x")), failure("It is wrong."), nothing()] {
            let body = String::from_utf8(answer.body().to_vec()).expect("text");
            assert!(!body.contains("http") && !body.contains("src="), "{body}");
            let response = answer.into_response();
            let policy = response.headers()[CONTENT_SECURITY_POLICY].to_str().expect("text").to_owned();
            assert!(policy.starts_with("default-src 'none'; style-src 'sha256-"), "{policy}");
            assert_eq!(response.headers()[REFERRER_POLICY], "no-referrer");
            assert_eq!(response.headers()["cache-control"], "no-store");
        }
    }

    #[test]
    fn the_button_may_lead_to_the_application_and_nowhere_else() {
        let policy = |url| {
            let response = question("sua_1.0f", url).into_response();
            response.headers()[CONTENT_SECURITY_POLICY].to_str().expect("text").to_owned()
        };
        assert!(policy(Some("http://localhost:3000/x")).contains("form-action 'self' http://localhost:3000;"));
        assert!(policy(Some("myapp://callback")).contains("form-action 'self' myapp:;"));
        assert!(policy(None).contains("form-action 'self';"));
    }
}
