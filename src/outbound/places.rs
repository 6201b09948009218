//! Limits the requests in flight by host, so that one host that hangs does not block the others.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

/// Counts of requests in flight by host. Clones share the counts.
#[derive(Clone, Debug, Default)]
pub(super) struct Permits(Arc<Mutex<HashMap<String, usize>>>);

/// Permission for one request in flight; given back on drop.
#[derive(Debug)]
pub(super) struct Permit {
    permits: Permits,
    host: String,
}

impl Permits {
    /// Permission for one more request, if fewer than `max` to this host are in flight.
    pub(super) fn take(&self, host: &str, max: usize) -> Option<Permit> {
        let mut in_flight = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let count = in_flight.entry(host.to_owned()).or_default();
        if *count >= max {
            return None;
        }
        *count += 1;
        Some(Permit { permits: self.clone(), host: host.to_owned() })
    }
}

impl Drop for Permit {
    fn drop(&mut self) {
        let mut in_flight = self.permits.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(count) = in_flight.get_mut(&self.host) {
            *count -= 1;
            if *count == 0 {
                in_flight.remove(&self.host);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_host_has_places_of_its_own_and_none_is_remembered_without_need() {
        let permits = Permits::default();
        let (first, second) = (permits.take("a", 2).expect("a permit"), permits.take("a", 2).expect("a permit"));
        assert!(permits.take("a", 2).is_none());
        assert!(permits.take("b", 2).is_some());
        drop(first);
        assert!(permits.clone().take("a", 2).is_some());
        drop(second);
        assert!(permits.0.lock().expect("no panic").is_empty());
    }
}
