//! Cache of the latest ranges.

use std::collections::HashMap;
use std::time::Duration;

use tokio::time::Instant;

/// A SHA-1 hash.
pub(super) type Hash = [u8; 20];

/// Sorted ranges by prefix, each with the time of its request. Few are kept: a range has about 20 KB, and a cache
/// mainly helps repeated tries of the same password.
#[derive(Debug, Default)]
pub(super) struct Cache(HashMap<String, (Instant, Vec<Hash>)>);

impl Cache {
    /// Whether `hash` is in the cached range; `None` if the range is not cached or too old.
    pub(super) fn find(&self, prefix: &str, hash: &Hash, now: Instant) -> Option<bool> {
        let (since, hashes) = self.0.get(prefix)?;
        (now < *since + AGE_MAX).then(|| hashes.binary_search(hash).is_ok())
    }

    /// Adds a sorted range, in place of the oldest one if the cache is full.
    pub(super) fn keep(&mut self, prefix: String, hashes: Vec<Hash>, now: Instant) {
        if self.0.len() >= RANGES_MAX && !self.0.contains_key(&prefix) {
            let oldest = self.0.iter().min_by_key(|(_, (since, _))| *since).map(|(prefix, _)| prefix.clone());
            oldest.map(|prefix| self.0.remove(&prefix));
        }
        self.0.insert(prefix, (now, hashes));
    }
}

const RANGES_MAX: usize = 64;
const AGE_MAX: Duration = Duration::from_secs(3600);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ranges_are_few_and_grow_old() {
        let mut cache = Cache::default();
        let now = Instant::now();
        for n in 0..200_u64 {
            cache.keep(n.to_string(), vec![[n as u8; 20]], now + Duration::from_secs(n));
            assert!(cache.0.len() <= RANGES_MAX);
        }
        let later = now + Duration::from_secs(200);
        assert_eq!(cache.find("199", &[199; 20], later), Some(true));
        assert_eq!(cache.find("199", &[1; 20], later), Some(false));
        assert_eq!(cache.find("10", &[10; 20], later), None, "it gave way");
        assert_eq!(cache.find("199", &[199; 20], later + AGE_MAX), None, "it is old");
    }
}
