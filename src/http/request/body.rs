//! Request bodies: limited in size, time and memory; forms are read only where the Frontend API expects them.

use std::time::Duration;

use bytes::Bytes;
use http_body_util::BodyExt as _;
use hyper::body::Body;
use hyper::header::{CONTENT_ENCODING, CONTENT_LENGTH, CONTENT_TYPE, EXPECT, HeaderMap};

use tokio::time::{Instant, timeout_at};

use super::form::Params;
use crate::http::HttpOptions;
use crate::http::pace::Pace;
use crate::http::response::error::{HttpError, TransportError};

/// Reads a form ([guide: Requests](crate::guide::contract#requests)). An empty body needs no content type.
///
/// # Errors
/// When it is something else, too large or too slow.
pub(in crate::http) async fn form<B>(headers: &HeaderMap, body: B, options: &HttpOptions) -> Result<Params, HttpError>
where
    B: Body<Data = Bytes> + Unpin,
{
    let bytes = if has_unsupported_type(headers) {
        discard(headers, body).await;
        return Err(TransportError::UnsupportedContentType.into());
    } else {
        read(headers, body, options).await?
    };
    if !bytes.is_empty() && !headers.contains_key(CONTENT_TYPE) {
        return Err(TransportError::UnsupportedContentType.into());
    }
    Params::decode(&bytes, options.max_params).map_err(|_| TransportError::RequestBodyTooLarge.into())
}

/// Reads a whole body.
///
/// # Errors
/// When it is too large, too slow or breaks off.
pub(in crate::http) async fn read<B>(headers: &HeaderMap, body: B, options: &HttpOptions) -> Result<Bytes, HttpError>
where
    B: Body<Data = Bytes> + Unpin,
{
    read_up_to(options.max_body_bytes, headers, body, options).await
}

/// Reads a whole body of at most `max` bytes.
///
/// # Errors
/// As [`read`].
pub(in crate::http) async fn read_up_to<B>(
    max: usize,
    headers: &HeaderMap,
    mut body: B,
    options: &HttpOptions,
) -> Result<Bytes, HttpError>
where
    B: Body<Data = Bytes> + Unpin,
{
    let announced = headers.get(CONTENT_LENGTH).and_then(|l| l.to_str().ok()).and_then(|l| l.parse::<usize>().ok());
    let outcome = if announced.is_some_and(|length| length > max) {
        Err(TransportError::RequestBodyTooLarge)
    } else {
        let gathered = Gathered::of_at_most(announced.unwrap_or(max));
        gather(&mut body, gathered, options).await
    };
    if outcome == Err(TransportError::RequestBodyTooLarge) {
        discard(headers, body).await;
    }
    outcome.map_err(HttpError::from)
}

/// Reads a body. One that takes longer than `body_timeout` in all is given up; one below the minimum rate is given up a
/// good deal earlier.
async fn gather<B>(body: &mut B, mut gathered: Gathered, options: &HttpOptions) -> Result<Bytes, TransportError>
where
    B: Body<Data = Bytes> + Unpin,
{
    let end = Instant::now() + options.body_timeout;
    let mut pace = Pace::new(options.body_timeout / GRACE_SHARE, options.min_bytes_per_s);
    loop {
        let patience = pace.wait(Instant::now()).min(end);
        let Ok(frame) = timeout_at(patience, body.frame()).await else {
            return Err(TransportError::RequestTimeout);
        };
        let Some(frame) = frame else { return Ok(gathered.whole()) };
        let frame = frame.map_err(|_| TransportError::BodyUnreadable)?;
        let Ok(data) = frame.into_data() else {
            continue;
        };
        pace.moved(data.len(), Instant::now());
        gathered.take(&data)?;
    }
}

/// The received part of a body, in blocks. It uses little more memory than was received, whatever length was announced:
/// a slow body is cheap to send, so it must be cheap to wait for.
struct Gathered {
    blocks: Vec<Vec<u8>>,
    length: usize,
    max: usize,
}

impl Gathered {
    const fn of_at_most(max: usize) -> Self {
        Self { blocks: Vec::new(), length: 0, max }
    }

    fn take(&mut self, mut data: &[u8]) -> Result<(), TransportError> {
        if data.len() > self.max - self.length {
            return Err(TransportError::RequestBodyTooLarge);
        }
        while !data.is_empty() {
            let room = |block: &Vec<u8>| block.capacity() - block.len();
            if self.blocks.last().is_none_or(|block| room(block) == 0) {
                self.blocks.push(Vec::with_capacity(BLOCK_BYTES.min(self.max - self.length)));
            }
            let Some(block) = self.blocks.last_mut() else { break };
            let (part, rest) = data.split_at(data.len().min(room(block)));
            block.extend_from_slice(part);
            self.length += part.len();
            data = rest;
        }
        Ok(())
    }

    fn whole(mut self) -> Bytes {
        match self.blocks.len() {
            0 | 1 => self.blocks.pop().unwrap_or_default().into(),
            _ => self.blocks.concat().into(),
        }
    }
}

/// Reads on for a moment and drops the bytes: closing a connection with unread bytes resets it, and the answer is lost.
/// A client that waits for `100 Continue` is not asked to send its body.
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
    // A peer that is slower than this may not get the answer.
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
/// How much memory a body gets at a time. Blocks of one size leave no gaps between them, unlike a buffer that grows.
const BLOCK_BYTES: usize = 4096;
/// The divisor of `body_timeout` that gives the grace time before the minimum rate applies.
const GRACE_SHARE: u32 = 3;
const DISCARD_MAX: usize = 16 * 1024 * 1024;
const DISCARD_TIME: Duration = Duration::from_millis(1000);

#[cfg(test)]
mod tests {
    use std::convert::Infallible;
    use std::pin::Pin;
    use std::task::{Context, Poll, ready};

    use http_body_util::Full;
    use hyper::body::Frame;
    use hyper::header::{HeaderName, HeaderValue};
    use tokio::time::Sleep;
    use url::Url;

    use super::*;
    use crate::http::request_id::RequestId;

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
        assert_eq!(outcome(&[FORM_TYPE], &"a=1&".repeat(201)).await, Some(413));
    }

    #[test]
    fn a_body_takes_little_more_memory_than_what_has_come_of_it() {
        let capacity = |gathered: &Gathered| gathered.blocks.iter().map(Vec::capacity).sum::<usize>();
        let mut gathered = Gathered::of_at_most(64 * 1024);
        let bytes: Vec<u8> = (0..64 * 1024).map(|n| u8::try_from(n % 251).expect("a byte")).collect();
        let (mut at, mut step) = (0, 1);
        while at < bytes.len() {
            let next = bytes.len().min(at + step);
            gathered.take(&bytes[at..next]).expect("room");
            assert!(capacity(&gathered) < next + BLOCK_BYTES, "{} for {next} bytes", capacity(&gathered));
            (at, step) = (next, step % 5000 + 7);
        }
        assert_eq!(gathered.take(b"a"), Err(TransportError::RequestBodyTooLarge));
        assert_eq!(gathered.whole(), bytes);
        let mut announced = Gathered::of_at_most(3);
        announced.take(b"abc").expect("room");
        assert_eq!((capacity(&announced), &announced.whole()[..]), (3, &b"abc"[..]));
    }

    #[tokio::test(start_paused = true)]
    async fn a_body_that_drips_is_given_up_long_before_its_time_is_over() {
        let began = Instant::now();
        assert_eq!(slow(1, Duration::from_millis(900)).await, Err(TransportError::RequestTimeout));
        let took = began.elapsed();
        assert!(took < Duration::from_secs(6), "{took:?}");
    }

    #[tokio::test(start_paused = true)]
    async fn a_body_that_keeps_the_least_rate_is_read_until_its_time_is_over() {
        let begun = Instant::now();
        assert_eq!(slow(1000, Duration::from_millis(1000)).await.map(|b| b.len()), Ok(10_000));
        assert_eq!(begun.elapsed(), Duration::from_secs(10));
        assert_eq!(slow(500, Duration::from_millis(1000)).await, Err(TransportError::RequestTimeout));
        assert_eq!(begun.elapsed(), Duration::from_secs(10 + 15));
    }

    /// Reads a body of 10 000 bytes in pieces of this length, each after a pause.
    async fn slow(piece: usize, pause: Duration) -> Result<Bytes, TransportError> {
        let mut body = Slow { piece, left: 10_000 / piece, pause, pausing: Box::pin(tokio::time::sleep(pause)) };
        gather(&mut body, Gathered::of_at_most(64 * 1024), &options()).await
    }

    struct Slow {
        piece: usize,
        left: usize,
        pause: Duration,
        pausing: Pin<Box<Sleep>>,
    }

    impl Body for Slow {
        type Data = Bytes;
        type Error = Infallible;

        fn poll_frame(
            mut self: Pin<&mut Self>,
            cx: &mut Context<'_>,
        ) -> Poll<Option<Result<Frame<Bytes>, Self::Error>>> {
            if self.left == 0 {
                return Poll::Ready(None);
            }
            ready!(self.pausing.as_mut().poll(cx));
            self.left -= 1;
            self.pausing = Box::pin(tokio::time::sleep(self.pause));
            Poll::Ready(Some(Ok(Frame::data(vec![b'a'; self.piece].into()))))
        }
    }

    async fn outcome(headers: &[(HeaderName, &'static str)], body: &str) -> Option<u16> {
        let mut map = HeaderMap::new();
        for (name, value) in headers {
            map.append(name, HeaderValue::from_static(value));
        }
        let options = options();
        let body = Full::new(Bytes::copy_from_slice(body.as_bytes()));
        let error = form(&map, body, &options).await.err()?;
        Some(error.into_answer(&RequestId::fresh()).into_response().status().as_u16())
    }

    fn options() -> HttpOptions {
        let url = Url::parse("http://localhost:8080").expect("a URL");
        HttpOptions::new(url, "pk_live_x", true)
    }

    const FORM_TYPE: (HeaderName, &str) = (CONTENT_TYPE, "application/x-www-form-urlencoded");
}
