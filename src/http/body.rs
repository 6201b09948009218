//! Bodies: bounded in size and in time, and forms only where the Frontend API reads them.

use std::time::Duration;

use bytes::{Bytes, BytesMut};
use http_body_util::BodyExt as _;
use hyper::body::Body;
use hyper::header::{CONTENT_ENCODING, CONTENT_LENGTH, CONTENT_TYPE, EXPECT, HeaderMap};

use super::HttpOptions;
use super::error::{Fault, HttpError};
use super::params::Params;

/// Reads a form (CONTRACT 1). An empty body needs no content type.
///
/// # Errors
/// When it is something else, too large or too slow.
pub(super) async fn form<B>(headers: &HeaderMap, body: B, options: &HttpOptions) -> Result<Params, HttpError>
where
    B: Body<Data = Bytes> + Unpin,
{
    let bytes = if has_unsupported_type(headers) {
        discard(headers, body).await;
        return Err(Fault::UnsupportedContentType.into());
    } else {
        read(headers, body, options).await?
    };
    if !bytes.is_empty() && !headers.contains_key(CONTENT_TYPE) {
        return Err(Fault::UnsupportedContentType.into());
    }
    Params::decode(&bytes, options.max_params).map_err(|_| Fault::RequestBodyTooLarge.into())
}

/// Reads a whole body.
///
/// # Errors
/// When it is too large, too slow or breaks off.
pub(super) async fn read<B>(headers: &HeaderMap, mut body: B, options: &HttpOptions) -> Result<Bytes, HttpError>
where
    B: Body<Data = Bytes> + Unpin,
{
    let max = options.max_body_bytes;
    let announced = headers.get(CONTENT_LENGTH).and_then(|l| l.to_str().ok());
    let is_large = announced.is_some_and(|l| l.parse::<usize>().is_ok_and(|l| l > max));
    let outcome = if is_large {
        Err(Fault::RequestBodyTooLarge)
    } else {
        let bounded = tokio::time::timeout(options.body_timeout, gather(&mut body, max)).await;
        bounded.unwrap_or(Err(Fault::RequestTimeout))
    };
    if outcome == Err(Fault::RequestBodyTooLarge) {
        discard(headers, body).await;
    }
    outcome.map_err(HttpError::from)
}

async fn gather<B>(body: &mut B, max: usize) -> Result<Bytes, Fault>
where
    B: Body<Data = Bytes> + Unpin,
{
    let mut bytes = BytesMut::new();
    while let Some(frame) = body.frame().await {
        let frame = frame.map_err(|_| Fault::BodyUnreadable)?;
        let Ok(data) = frame.into_data() else {
            continue;
        };
        if bytes.len() + data.len() > max {
            return Err(Fault::RequestBodyTooLarge);
        }
        bytes.extend_from_slice(&data);
    }
    Ok(bytes.freeze())
}

/// Reads on for a moment and forgets: a connection that is closed on unread bytes is reset, and the answer with it.
/// A client that asked before sending is simply not invited.
async fn discard<B>(headers: &HeaderMap, mut body: B)
where
    B: Body<Data = Bytes> + Unpin,
{
    if headers.contains_key(EXPECT) {
        return;
    }
    let reading = async {
        let mut left = DISCARD_MAX;
        while let Some(Ok(frame)) = body.frame().await {
            let length = frame.data_ref().map_or(0, Bytes::len);
            match left.checked_sub(length) {
                Some(rest) => left = rest,
                None => break,
            }
        }
    };
    // Whoever is slower than this gets the answer late or never; nothing waits for them.
    let _timed_out = tokio::time::timeout(DISCARD_TIME, reading).await;
}

fn has_unsupported_type(headers: &HeaderMap) -> bool {
    let encoded = headers.get(CONTENT_ENCODING).is_some_and(|e| !e.as_bytes().eq_ignore_ascii_case(b"identity"));
    let mut types = headers.get_all(CONTENT_TYPE).iter();
    let is_form = |value: &[u8]| {
        let essence = value.split(|b| *b == b';').next().unwrap_or_default();
        essence.trim_ascii().eq_ignore_ascii_case(FORM)
    };
    let wrong = types.next().is_some_and(|t| !is_form(t.as_bytes()));
    encoded || wrong || types.next().is_some()
}

const FORM: &[u8] = b"application/x-www-form-urlencoded";
const DISCARD_MAX: usize = 16 * 1024 * 1024;
const DISCARD_TIME: Duration = Duration::from_millis(1000);

#[cfg(test)]
mod tests {
    use http_body_util::Full;
    use hyper::header::{HeaderName, HeaderValue};
    use url::Url;

    use super::*;

    #[tokio::test]
    async fn forms_are_read_and_nothing_else() {
        for (headers, body, status) in [
            (&[][..], "", None),
            (&[], "a=1", Some(415)),
            (&[FORM_TYPE], "a=1", None),
            (&[(CONTENT_TYPE, "Application/X-WWW-Form-Urlencoded; charset=UTF-8")], "a=1", None),
            (&[(CONTENT_TYPE, "application/json")], "{}", Some(415)),
            (&[(CONTENT_TYPE, "application/json")], "", Some(415)),
            (&[(CONTENT_TYPE, "multipart/form-data; boundary=x")], "--x--", Some(415)),
            (&[(CONTENT_TYPE, "text/plain")], "a=1", Some(415)),
            (&[FORM_TYPE, (CONTENT_ENCODING, "gzip")], "a=1", Some(415)),
            (&[FORM_TYPE, (CONTENT_ENCODING, "identity")], "a=1", None),
            (&[FORM_TYPE, (CONTENT_TYPE, "application/json")], "a=1", Some(415)),
        ] {
            assert_eq!(outcome(headers, body).await, status, "{headers:?} {body}");
        }
    }

    #[tokio::test]
    async fn large_bodies_and_many_parameters_are_refused() {
        let large = "a".repeat(64 * 1024 + 1);
        assert_eq!(outcome(&[FORM_TYPE], &large).await, Some(413));
        assert_eq!(outcome(&[FORM_TYPE], &large[1..]).await, None);
        assert_eq!(outcome(&[FORM_TYPE, (CONTENT_LENGTH, "99999999")], "a").await, Some(413));
        assert_eq!(outcome(&[FORM_TYPE], &"a=1&".repeat(101)).await, Some(413));
    }

    async fn outcome(headers: &[(HeaderName, &'static str)], body: &str) -> Option<u16> {
        let mut map = HeaderMap::new();
        for (name, value) in headers {
            map.append(name, HeaderValue::from_static(value));
        }
        let url = Url::parse("http://localhost:8080").expect("a URL");
        let options = HttpOptions::new(url, "pk_live_x", true);
        let body = Full::new(Bytes::copy_from_slice(body.as_bytes()));
        let error = form(&map, body, &options).await.err()?;
        Some(error.into_answer().into_response().status().as_u16())
    }

    const FORM_TYPE: (HeaderName, &str) = (CONTENT_TYPE, "application/x-www-form-urlencoded");
}
