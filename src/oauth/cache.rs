//! Documents that providers publish, kept for a while: descriptions and keys. Bounded in number and size.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use http::{Request, StatusCode};
use serde_json::Value;
use tokio::time::Instant;

use crate::outbound::Outbound;

use super::ProviderError;

/// Published documents by their URL.
#[derive(Debug, Default)]
pub(super) struct Documents {
    known: Mutex<HashMap<String, (Instant, Arc<Value>)>>,
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
        if let Some((at, document)) = found
            && at.elapsed() < max_age.min(AGE_MAX)
        {
            return Ok(document);
        }
        let request = Request::get(url).header("accept", "application/json").body(Vec::new());
        let request = request.map_err(|_| ProviderError::NotConfigured("a URL is malformed".into()))?;
        let answer = outbound.send(request).await.map_err(|e| ProviderError::fetching(&e, ProviderError::Fetch))?;
        if answer.status() != StatusCode::OK {
            return Err(ProviderError::Fetch(format!("status {}", answer.status().as_u16())));
        }
        let document = serde_json::from_slice(answer.body());
        let document = Arc::new(document.map_err(|_| ProviderError::Fetch("it is no JSON".into()))?);
        let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        if known.len() >= DOCUMENTS_MAX && !known.contains_key(url) {
            known.retain(|_, (at, _)| at.elapsed() < AGE_MAX);
            if known.len() >= DOCUMENTS_MAX {
                known.clear();
            }
        }
        known.insert(url.to_owned(), (Instant::now(), Arc::clone(&document)));
        Ok(document)
    }
}

/// How old a document may be.
pub(super) const AGE_MAX: Duration = Duration::from_secs(3600);
/// How old keys may be where one is missing: providers publish new ones before they use them, and nobody shall make
/// the instance ask again for every token with a made-up key id.
pub(super) const RENEWED: Duration = Duration::from_secs(10);
const DOCUMENTS_MAX: usize = 256;
