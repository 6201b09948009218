//! `/dev/outbox`: the captured messages, one of them as it was sent, and news of them.

use std::sync::Arc;
use std::time::Duration;

use hyper::header::{CONTENT_SECURITY_POLICY, HeaderValue, REFERRER_POLICY};
use serde::Serialize;
use tokio::time::timeout;

use crate::domain::id::{MessageId, SignUpId};
use crate::domain::identifier::{EmailAddress, PhoneNumber};
use crate::domain::rejection::ErrorCode;
use crate::domain::text;
use crate::http::call::Call;
use crate::http::dev_outbox::{CapturedMessage, DevOutbox, SentMessage};
use crate::http::response::api_response::ApiResponse;
use crate::http::response::error::HttpError;

/// The answer with captured messages.
#[derive(Serialize)]
struct Listed {
    messages: Vec<CapturedMessage>,
}

/// The captured messages: to one address, with some words, both, or all of them.
pub(super) fn list(call: &Call<'_>) -> Result<ApiResponse, HttpError> {
    let outbox = outbox(call)?;
    let query = &call.head.query;
    let to = query.single("to")?.filter(|to| !to.is_empty());
    let words = query.single("query")?.filter(|words| !words.trim().is_empty());
    let messages = match (to, words) {
        (None, None) => outbox.messages(None),
        (None, Some(words)) => outbox.search(words),
        (Some(to), words) => {
            let mut messages = normalised(to).map(|to| outbox.messages(Some(&to))).unwrap_or_default();
            messages.retain(|message| words.is_none_or(|words| message.has(words)));
            messages
        }
    };
    Ok(ApiResponse::json(&Listed { messages }))
}

/// Forgets all messages.
pub(super) fn clear(call: &Call<'_>) -> Result<ApiResponse, HttpError> {
    outbox(call)?.clear();
    Ok(ApiResponse::json(&Listed { messages: Vec::new() }))
}

/// One message as it was sent.
pub(super) fn show(call: &Call<'_>, id: MessageId) -> Result<ApiResponse, HttpError> {
    Ok(ApiResponse::json(&sent(call, id)?))
}

/// The HTML of a message, for a frame of the mailbox. It can load nothing and run nothing, and its links open elsewhere.
pub(super) fn html(call: &Call<'_>, id: MessageId) -> Result<ApiResponse, HttpError> {
    let html = sent(call, id)?.html.ok_or(ErrorCode::ResourceNotFound)?;
    let html = html.replacen("<head>", "<head><base target=\"_blank\">", 1);
    let mut answer = ApiResponse::of("text/html; charset=utf-8", html.into());
    let headers = answer.headers_mut();
    headers.insert(CONTENT_SECURITY_POLICY, HeaderValue::from_static(FRAME_POLICY));
    headers.insert(REFERRER_POLICY, HeaderValue::from_static("no-referrer"));
    Ok(answer)
}

/// The whole e-mail with its headers, as text.
pub(super) fn source(call: &Call<'_>, id: MessageId) -> Result<ApiResponse, HttpError> {
    let source = sent(call, id)?.source.ok_or(ErrorCode::ResourceNotFound)?;
    Ok(ApiResponse::of("text/plain; charset=utf-8", source.into()))
}

/// News as server-sent events. The answer is one event, once there is something new, and the browser asks again with the
/// id of that event: so no answer is without an end, and a stop of the instance has to wait for none.
pub(super) async fn events(call: &Call<'_>) -> Result<ApiResponse, HttpError> {
    let outbox = outbox(call)?;
    let given = call.head.text("last-event-id");
    let seen = given.and_then(|seen| seen.parse().ok());
    let text = match timeout(WAIT, outbox.changed(seen)).await {
        Ok(version) => format!("retry: {RETRY_MS}\nid: {version}\ndata: {{\"version\":{version}}}\n\n"),
        Err(_) => format!("retry: {RETRY_MS}\n\n"),
    };
    Ok(ApiResponse::of("text/event-stream", text.into()))
}

/// The sign-up that a message was made for.
pub(super) async fn sign_up(call: &Call<'_>, id: SignUpId) -> Result<ApiResponse, HttpError> {
    Ok(ApiResponse::json(&call.engine().sign_ups().inspect(id).await?))
}

fn outbox<'a>(call: &Call<'a>) -> Result<&'a Arc<dyn DevOutbox>, HttpError> {
    Ok(call.app.outbox.as_ref().ok_or(ErrorCode::ResourceNotFound)?)
}

fn sent(call: &Call<'_>, id: MessageId) -> Result<SentMessage, HttpError> {
    Ok(outbox(call)?.sent(id).ok_or(ErrorCode::ResourceNotFound)?)
}

/// The normalised address under which messages are stored. A `+` that was not escaped arrives as a space, which no
/// address contains.
fn normalised(to: &str) -> Option<String> {
    let email = |to: &str| EmailAddress::parse(to).ok().map(|e| e.as_str().to_owned());
    let phone = |to: &str| PhoneNumber::parse(to).ok().map(|p| p.as_str().to_owned());
    if to.contains(text::is_at_sign) {
        email(to).or_else(|| email(&text::trim(to).replace(' ', "+")))
    } else {
        phone(to).or_else(|| phone(&format!("+{}", text::trim(to))))
    }
}

/// What the HTML of a message may do in a frame of the mailbox.
const FRAME_POLICY: &str = "default-src 'none'; style-src 'unsafe-inline'; img-src data:; form-action 'none'; \
                            frame-ancestors 'self'; sandbox allow-popups allow-popups-to-escape-sandbox";
/// How long a browser waits for news before it asks again.
const WAIT: Duration = Duration::from_secs(25);
/// How long a browser waits after an answer, in milliseconds.
const RETRY_MS: u32 = 200;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_are_normalised_before_the_look_up() {
        for (to, address) in [
            (" Ada@Example.COM ", "ada@example.com"),
            ("ada clerk_test@example.com", "ada+clerk_test@example.com"),
            ("+12025550143", "+12025550143"),
            (" 12025550143", "+12025550143"),
            (" 1 202 555 0143", "+12025550143"),
            ("\u{202a}+1 202\u{2011}555\u{2011}0143\u{202c}", "+12025550143"),
            ("\u{feff}ada＠example.com", "ada@example.com"),
        ] {
            assert_eq!(normalised(to).as_deref(), Some(address), "{to}");
        }
        assert_eq!(normalised("nobody"), None);
    }
}
