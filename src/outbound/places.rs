//! How many requests are under way, by host: so that one host that hangs takes nothing from the others.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

/// The requests under way. Clones count together.
#[derive(Clone, Debug, Default)]
pub(super) struct Places(Arc<Mutex<HashMap<String, usize>>>);

/// The right to have one request under way, until it is dropped.
#[derive(Debug)]
pub(super) struct Place {
    places: Places,
    host: String,
}

impl Places {
    /// A place, if fewer than `max` to this host are taken.
    pub(super) fn take(&self, host: &str, max: usize) -> Option<Place> {
        let mut taken = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let count = taken.entry(host.to_owned()).or_default();
        if *count >= max {
            return None;
        }
        *count += 1;
        Some(Place { places: self.clone(), host: host.to_owned() })
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let mut taken = self.places.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(count) = taken.get_mut(&self.host) {
            *count -= 1;
            if *count == 0 {
                taken.remove(&self.host);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_host_has_places_of_its_own_and_none_is_remembered_without_need() {
        let places = Places::default();
        let (first, second) = (places.take("a", 2).expect("a place"), places.take("a", 2).expect("a place"));
        assert!(places.take("a", 2).is_none());
        assert!(places.take("b", 2).is_some());
        drop(first);
        assert!(places.clone().take("a", 2).is_some());
        drop(second);
        assert!(places.0.lock().expect("no panic").is_empty());
    }
}
