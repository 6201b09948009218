//! What was made of values lately: their plain form, or what they are decoded to. A call writes a record, and others read it
//! within moments, some of them several times.
//!
//! An answer is given only for the very bytes that it was made from: the same place in memory, which stays in use as long as
//! they are kept here. So nothing here is ever outdated, and whoever writes a value has nothing to do.

use std::collections::HashMap;
use std::fmt;
use std::sync::{Mutex, MutexGuard, PoisonError};

use bytes::Bytes;

use crate::store::hash::Keys;

/// What was made of values lately, by their keys.
pub(in crate::store) struct Lately<T>(Mutex<Halves<T>>);

/// What comes goes into the new half. When that is full, it takes the place of the old one.
struct Halves<T> {
    new: Half<T>,
    old: Half<T>,
}

type Half<T> = HashMap<Bytes, (Bytes, T), Keys>;

impl<T> Default for Lately<T> {
    fn default() -> Self {
        Self(Mutex::new(Halves { new: HashMap::default(), old: HashMap::default() }))
    }
}

impl<T: Clone> Lately<T> {
    /// What was made of this value of this key, if that was lately.
    pub(in crate::store) fn get(&self, key: &[u8], value: &Bytes) -> Option<T> {
        let halves = self.halves();
        let (from, made) = halves.new.get(key).or_else(|| halves.old.get(key))?;
        (from.as_ptr() == value.as_ptr() && from.len() == value.len()).then(|| made.clone())
    }

    /// Keeps what was made of values: of each its key, the value, and what was made of it.
    pub(in crate::store) fn keep(&self, made: impl IntoIterator<Item = (Bytes, Bytes, T)>) {
        let mut halves = self.halves();
        for (key, value, made) in made {
            if halves.new.len() >= HALF_MAX {
                halves.old = std::mem::take(&mut halves.new);
            }
            halves.new.insert(key, (value, made));
        }
    }

    fn halves(&self) -> MutexGuard<'_, Halves<T>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl<T> fmt::Debug for Lately<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Lately").finish_non_exhaustive()
    }
}

/// Calls that are in progress write a few records each, so this is enough for hundreds of them, and about two megabytes.
const HALF_MAX: usize = 1024;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_answer_is_for_the_very_bytes_that_it_was_made_from() {
        let (lately, key) = (Lately::default(), Bytes::from_static(b"key"));
        let (value, equal) = (Bytes::from(vec![1; 9]), Bytes::from(vec![1; 9]));
        lately.keep([(key.clone(), value.clone(), "made")]);
        assert_eq!(lately.get(&key, &value.clone()), Some("made"));
        assert_eq!(lately.get(&key, &equal), None);
        assert_eq!(lately.get(&key, &value.slice(1..)), None);
        assert_eq!(lately.get(&key, &value.slice(..8)), None);
        assert_eq!(lately.get(b"another", &value), None);
        lately.keep([(key.clone(), equal.clone(), "later")]);
        assert_eq!([lately.get(&key, &value), lately.get(&key, &equal)], [None, Some("later")]);
    }

    #[test]
    fn the_oldest_make_room() {
        let (lately, value) = (Lately::default(), Bytes::from_static(b"value"));
        let key = |n: usize| Bytes::from(n.to_string());
        lately.keep((0..10 * HALF_MAX).map(|n| (key(n), value.clone(), n)));
        let kept = (0..10 * HALF_MAX).filter(|n| lately.get(&key(*n), &value) == Some(*n)).count();
        assert!((HALF_MAX..=2 * HALF_MAX).contains(&kept), "{kept}");
        assert_eq!(lately.get(&key(10 * HALF_MAX - 1), &value), Some(10 * HALF_MAX - 1));
    }
}
