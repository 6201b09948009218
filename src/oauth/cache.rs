//! Documents that providers publish, kept for a while: descriptions and keys. Bounded in number and size.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use http::{Request, StatusCode};
use serde_json::Value;
use tokio::time::Instant;

use crate::outbound::Outbound;

use super::ProviderError;

/// A document, or why there was none.
type Outcome = Result<Arc<Value>, ProviderError>;

/// Published documents by their URL.
#[derive(Debug, Default)]
pub(super) struct Documents {
    known: Mutex<HashMap<String, (Instant, Outcome)>>,
}

impl Documents {
    /// The document at `url`, at most an hour old, or at most `max_age` where that is less.
    pub(super) async fn get(
        &self,
        url: &str,
        max_age: Duration,
        outbound: &Outbound,
    ) -> Result<Arc<Value>, ProviderError> {
        let found = self.known.lock().unwrap_or_else(PoisonError::into_inner).get(url).cloned();
        if let Some((at, outcome)) = found {
            // Whoever is down is left alone for a moment, however many people want to go there.
            let age_max = if outcome.is_ok() { max_age.min(AGE_MAX) } else { FAILED };
            if at.elapsed() < age_max {
                return outcome;
            }
        }
        let outcome = Self::fetch(url, outbound).await;
        self.keep(url, outcome.clone());
        outcome
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

    fn keep(&self, url: &str, outcome: Outcome) {
        let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        let is_kept = |(at, kept): &(Instant, Outcome)| kept.is_ok() && at.elapsed() < AGE_MAX;
        if outcome.is_err() && known.get(url).is_some_and(is_kept) {
            // What was had before is still better than nothing.
            return;
        }
        if known.len() >= DOCUMENTS_MAX && !known.contains_key(url) {
            known.retain(|_, (at, _)| at.elapsed() < AGE_MAX);
            if known.len() >= DOCUMENTS_MAX {
                known.clear();
            }
        }
        known.insert(url.to_owned(), (Instant::now(), outcome));
    }
}

/// How old a document may be.
pub(super) const AGE_MAX: Duration = Duration::from_secs(3600);
/// How old keys may be where one is missing: providers publish new ones before they use them, and nobody shall make
/// the instance ask again for every token with a made-up key id.
pub(super) const RENEWED: Duration = Duration::from_secs(10);
/// For how long a failure to get a document stands.
const FAILED: Duration = Duration::from_secs(5);
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

    fn site() -> (Documents, Outbound) {
        let options = OutboundOptions { allow_private: true, ..OutboundOptions::default() };
        (Documents::default(), Outbound::new(options))
    }

    /// Lets time pass for those who look at it, without waiting.
    async fn pass(time: Duration) {
        tokio::time::pause();
        tokio::time::advance(time).await;
        tokio::time::resume();
    }

    /// Answers the nth request with a status and a body.
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
