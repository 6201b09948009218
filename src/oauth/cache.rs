//! Cache of the documents that providers publish: discovery documents and key sets (JWKS). The cache is bounded in
//! number and size. At most one request per document is in flight; other callers wait for its answer.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use http::{Request, StatusCode};
use serde_json::Value;
use tokio::sync::watch;
use tokio::time::{Instant, timeout};

use crate::outbound::Outbound;

use super::ProviderError;

/// A document, or why there is none.
type Outcome = Result<Arc<Value>, ProviderError>;

/// Published documents by their URL. Clones share them.
#[derive(Clone, Debug, Default)]
pub(super) struct Documents(Arc<Mutex<HashMap<String, Known>>>);

/// The cache entry of one document.
#[derive(Debug, Default)]
struct Known {
    kept: Option<(Instant, Arc<Value>)>,
    failed: Option<(Instant, ProviderError)>,
    /// The request that is in flight, if there is one.
    in_flight: Option<InFlight>,
}

/// A request that is in flight. Each caller that waits for it holds a clone.
#[derive(Clone, Debug)]
struct InFlight {
    outcome: watch::Receiver<Option<Outcome>>,
    waiting: Arc<()>,
}

impl Documents {
    /// The document at `url`, at most an hour old, or at most `max_age` where that is less.
    pub(super) async fn get(
        &self,
        url: &str,
        max_age: Duration,
        outbound: &Outbound,
    ) -> Result<Arc<Value>, ProviderError> {
        let mut in_flight = {
            let mut known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
            make_room(&mut known, url);
            let entry = known.entry(url.to_owned()).or_default();
            if let Some(outcome) = entry.cached(max_age) {
                return outcome;
            }
            match &entry.in_flight {
                Some(in_flight) if Arc::strong_count(&in_flight.waiting) > WAITING_MAX => {
                    return Err(ProviderError::Fetch("too many wait for it".into()));
                }
                Some(in_flight) => in_flight.clone(),
                None => entry.in_flight.insert(self.start_request(url, outbound)).clone(),
            }
        };
        let lost = || ProviderError::Fetch("the request for it was lost".into());
        match timeout(WAIT_MAX, in_flight.outcome.wait_for(Option::is_some)).await {
            Ok(Ok(outcome)) => outcome.clone().unwrap_or_else(|| Err(lost())),
            Ok(Err(_)) => Err(lost()),
            Err(_) => Err(ProviderError::Timeout),
        }
    }

    /// Starts the request in a task of its own, so that it ends even if every caller is cancelled.
    fn start_request(&self, url: &str, outbound: &Outbound) -> InFlight {
        let (sender, outcome) = watch::channel(None);
        let (documents, url, outbound) = (self.clone(), url.to_owned(), outbound.clone());
        tokio::spawn(async move {
            let guard = RequestGuard { documents: &documents, url: &url };
            let outcome = fetch(&url, &outbound).await;
            documents.keep(&url, &outcome);
            drop(guard);
            sender.send_replace(Some(outcome));
        });
        InFlight { outcome, waiting: Arc::default() }
    }

    fn keep(&self, url: &str, outcome: &Outcome) {
        let mut known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let entry = known.entry(url.to_owned()).or_default();
        match outcome {
            // Keeps the cached document: an old one is better than none.
            Err(error) => entry.failed = Some((Instant::now(), error.clone())),
            Ok(document) => {
                entry.failed = None;
                entry.kept = Some((Instant::now(), document.clone()));
            }
        }
    }
}

impl Known {
    /// The answer that needs no request: a cached document that is young enough, or a recent failure.
    fn cached(&self, max_age: Duration) -> Option<Outcome> {
        let is_within = |at: &Instant, age: Duration| at.elapsed() < age;
        if let Some((at, document)) = &self.kept
            && is_within(at, max_age.min(AGE_MAX))
        {
            return Some(Ok(document.clone()));
        }
        // Back-off: a provider that just failed gets no new request for a moment, however many callers there are.
        let (_, error) = self.failed.as_ref().filter(|(at, _)| is_within(at, FAILED))?;
        Some(Err(error.clone()))
    }
}

/// Drop guard: however a request ends, even by a panic, the next call can start another.
struct RequestGuard<'a> {
    documents: &'a Documents,
    url: &'a str,
}

impl Drop for RequestGuard<'_> {
    fn drop(&mut self) {
        let mut known = self.documents.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(entry) = known.get_mut(self.url) {
            entry.in_flight = None;
        }
    }
}

async fn fetch(url: &str, outbound: &Outbound) -> Outcome {
    let request = Request::get(url).header("accept", "application/json").body(Vec::new());
    let request = request.map_err(|_| ProviderError::NotConfigured("a URL is malformed".into()))?;
    let answer = outbound.send(request).await.map_err(|e| ProviderError::fetching(&e, ProviderError::Fetch))?;
    if answer.status() != StatusCode::OK {
        return Err(ProviderError::Fetch(format!("status {}", answer.status().as_u16())));
    }
    let document = serde_json::from_slice(answer.body());
    Ok(Arc::new(document.map_err(|_| ProviderError::Fetch("it is no JSON".into()))?))
}

/// Evicts the oldest document when the cache is full. An entry with a request in flight stays, or the document would be
/// requested twice; the outbound client bounds how many such entries there are.
fn make_room(known: &mut HashMap<String, Known>, url: &str) {
    if known.len() < DOCUMENTS_MAX || known.contains_key(url) {
        return;
    }
    let idle = known.iter().filter(|(_, entry)| entry.in_flight.is_none());
    let oldest = idle.min_by_key(|(_, entry)| entry.kept.as_ref().map(|(at, _)| *at)).map(|(url, _)| url.clone());
    oldest.map(|url| known.remove(&url));
}

/// Maximum age (TTL) of a cached document.
pub(super) const AGE_MAX: Duration = Duration::from_secs(3600);
/// Maximum age of a cached key set when a key id is missing from it. Providers publish new keys before they use them.
/// The limit keeps tokens with invented key ids from causing one request each.
pub(super) const RENEWED: Duration = Duration::from_secs(10);
/// How long a failed request is remembered before the next one is made.
const FAILED: Duration = Duration::from_secs(5);
/// How long a call waits for a request. The request itself has a shorter timeout.
const WAIT_MAX: Duration = Duration::from_secs(30);
/// How many calls may wait for one request, so that a provider that hangs does not use up the whole server.
const WAITING_MAX: usize = 1024;
const DOCUMENTS_MAX: usize = 256;

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering};

    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    use tokio::net::TcpListener;

    use super::*;
    use crate::outbound::OutboundOptions;

    #[tokio::test]
    async fn a_provider_that_is_down_is_left_alone_for_a_moment() {
        let (url, asked) = provider(|number| if number < 2 { (500, "") } else { (200, "{}") }).await;
        let (documents, outbound) = site();
        let get = || documents.get(&url, AGE_MAX, &outbound);
        assert!(get().await.is_err() && get().await.is_err());
        assert_eq!(asked.load(Ordering::Relaxed), 1);
        pass(FAILED).await;
        assert!(get().await.is_err() && get().await.is_err());
        pass(FAILED).await;
        assert!(get().await.is_ok() && get().await.is_ok());
        assert_eq!(asked.load(Ordering::Relaxed), 3);
    }

    #[tokio::test]
    async fn a_document_outlives_a_failure_to_renew_it() {
        let (url, asked) = provider(|number| if number == 0 { (200, "{}") } else { (500, "") }).await;
        let (documents, outbound) = site();
        assert!(documents.get(&url, AGE_MAX, &outbound).await.is_ok());
        pass(RENEWED).await;
        assert!(documents.get(&url, RENEWED, &outbound).await.is_err());
        assert!(documents.get(&url, AGE_MAX, &outbound).await.is_ok());
        assert_eq!(asked.load(Ordering::Relaxed), 2);
    }

    #[tokio::test]
    async fn many_who_want_a_document_at_once_make_one_request_whether_it_succeeds_or_fails() {
        for answer in [|_| (200, "{}"), |_| (500, "")] as [fn(usize) -> (u16, &'static str); 2] {
            let (url, asked) = provider(answer).await;
            let (documents, outbound) = site();
            let calls: Vec<_> = (0..100)
                .map(|_| {
                    let (documents, outbound, url) = (documents.clone(), outbound.clone(), url.clone());
                    tokio::spawn(async move { documents.get(&url, AGE_MAX, &outbound).await.is_ok() })
                })
                .collect();
            let mut outcomes = Vec::new();
            for call in calls {
                outcomes.push(call.await.expect("an outcome"));
            }
            assert!(outcomes.iter().all(|outcome| *outcome == (answer(0).0 == 200)));
            assert_eq!(asked.load(Ordering::Relaxed), 1);
        }
    }

    #[tokio::test]
    async fn no_more_wait_for_a_provider_that_hangs_than_may() {
        let silent = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let url = format!("http://{}/keys", silent.local_addr().expect("an address"));
        let timeout = Duration::from_millis(500);
        let options = OutboundOptions { allow_private: true, timeout, ..OutboundOptions::default() };
        let (documents, outbound) = (Documents::default(), Outbound::new(options));
        let calls: Vec<_> = (0..WAITING_MAX + 10)
            .map(|_| {
                let (documents, outbound, url) = (documents.clone(), outbound.clone(), url.clone());
                tokio::spawn(async move { documents.get(&url, AGE_MAX, &outbound).await.err() })
            })
            .collect();
        let (mut late, mut turned_away) = (0, 0);
        for call in calls {
            match call.await.expect("an outcome") {
                Some(ProviderError::Timeout) => late += 1,
                Some(ProviderError::Fetch(_)) => turned_away += 1,
                other => panic!("{other:?}"),
            }
        }
        assert_eq!((late, turned_away), (WAITING_MAX, 10));
    }

    #[tokio::test]
    async fn whoever_gives_up_does_not_end_the_request_for_others() {
        let (url, asked) = provider(|_| (200, "{}")).await;
        let (documents, outbound) = site();
        let mut impatient = Box::pin(documents.get(&url, AGE_MAX, &outbound));
        let begun = std::future::poll_fn(|cx| std::task::Poll::Ready(impatient.as_mut().poll(cx))).await;
        assert!(begun.is_pending());
        let patient = documents.get(&url, AGE_MAX, &outbound);
        drop(impatient);
        assert!(patient.await.is_ok());
        assert_eq!(asked.load(Ordering::Relaxed), 1);
    }

    #[tokio::test]
    async fn a_failure_to_renew_a_document_stands_for_a_moment_too() {
        let (url, asked) = provider(|number| if number == 0 { (200, "{}") } else { (500, "") }).await;
        let (documents, outbound) = site();
        assert!(documents.get(&url, AGE_MAX, &outbound).await.is_ok());
        pass(RENEWED).await;
        for _ in 0..10 {
            assert!(documents.get(&url, RENEWED, &outbound).await.is_err());
        }
        assert_eq!(asked.load(Ordering::Relaxed), 2);
    }

    #[tokio::test]
    async fn the_oldest_document_makes_room_for_another() {
        let (url, asked) = provider(|_| (200, "{}")).await;
        let (documents, outbound) = site();
        let get = |number: usize| {
            let (documents, outbound, url) = (documents.clone(), outbound.clone(), format!("{url}/{number}"));
            async move { documents.get(&url, AGE_MAX, &outbound).await }
        };
        for number in 0..=DOCUMENTS_MAX {
            assert!(get(number).await.is_ok());
        }
        assert_eq!(documents.0.lock().expect("no panic").len(), DOCUMENTS_MAX);
        assert!(get(1).await.is_ok());
        assert_eq!(asked.load(Ordering::Relaxed), DOCUMENTS_MAX + 1, "the second is still there");
        assert!(get(0).await.is_ok());
        assert_eq!(asked.load(Ordering::Relaxed), DOCUMENTS_MAX + 2, "the first is not");
    }

    fn site() -> (Documents, Outbound) {
        let options = OutboundOptions { allow_private: true, ..OutboundOptions::default() };
        (Documents::default(), Outbound::new(options))
    }

    /// Advances the paused clock.
    async fn pass(time: Duration) {
        tokio::time::pause();
        tokio::time::advance(time).await;
        tokio::time::resume();
    }

    /// A test provider that answers the nth request with a status and a body. It returns its URL and the count of
    /// requests.
    async fn provider(answer: fn(usize) -> (u16, &'static str)) -> (String, Arc<AtomicUsize>) {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let url = format!("http://{}/keys", listener.local_addr().expect("an address"));
        let asked = Arc::new(AtomicUsize::new(0));
        let count = asked.clone();
        tokio::spawn(async move {
            while let Ok((mut stream, _)) = listener.accept().await {
                let (status, body) = answer(count.fetch_add(1, Ordering::Relaxed));
                let length = body.len();
                let text =
                    format!("HTTP/1.1 {status} x\r\ncontent-length: {length}\r\nconnection: close\r\n\r\n{body}");
                let read = stream.read(&mut [0; 4096]).await;
                assert!(read.is_ok_and(|length| length > 0));
                drop(stream.write_all(text.as_bytes()).await);
            }
        });
        (url, asked)
    }
}
