//! The last key in sled with each beginning of two bytes: a key behind it is certainly not in sled, which is then known
//! without a search. Most keys that are looked up before they are written are of this kind. An id has a random byte and
//! then its time, so a new one is behind all others that begin with the same byte; and lists by time grow at their ends.
//!
//! Only the checkpoint writes to sled, and only it changes what is here: it notes the keys that it has written before it
//! takes them out of the overlay. Readers ask the overlay first. So a key that is in neither is not there at all.

use std::collections::HashMap;
use std::sync::{PoisonError, RwLock};

use super::tree::Tree;

/// The last key with each beginning, as far as it is known.
#[derive(Debug)]
pub(super) struct LastKeys {
    /// For each beginning that was asked for, its last key; `None` if there is no key.
    known: RwLock<HashMap<Beginning, Option<Box<[u8]>>>>,
    /// Whether sled was empty at the start: then there is no key with a beginning that is not known.
    all_known: bool,
}

type Beginning = [u8; 2];

impl LastKeys {
    /// Those of this tree, before anything is written to it.
    pub(super) fn of(tree: &Tree) -> LastKeys {
        LastKeys { known: RwLock::default(), all_known: tree.is_empty() }
    }

    /// Whether this key is known to be behind all keys in sled with its beginning. Does not wait for sled.
    pub(super) fn is_before(&self, key: &[u8]) -> bool {
        let Some(beginning) = key.first_chunk() else { return false };
        let known = self.known.read().unwrap_or_else(PoisonError::into_inner);
        match known.get(beginning) {
            Some(last) => last.as_ref().is_none_or(|last| last[..] < *key),
            None => self.all_known,
        }
    }

    /// The same for the checkpoint, which looks into sled where the last key is not known yet.
    pub(super) fn look(&self, key: &[u8], tree: &Tree) -> Result<bool, String> {
        let Some(beginning) = key.first_chunk::<2>() else { return Ok(false) };
        let is_known = self.known.read().unwrap_or_else(PoisonError::into_inner).contains_key(beginning);
        if !is_known && !self.all_known {
            let Some(next) = u16::from_be_bytes(*beginning).checked_add(1) else { return Ok(false) };
            let mut last = None;
            tree.visit_back(&next.to_be_bytes(), |key, _| {
                last = key.starts_with(beginning).then(|| key.into());
                false
            })?;
            self.known.write().unwrap_or_else(PoisonError::into_inner).insert(*beginning, last);
        }
        Ok(self.is_before(key))
    }

    /// Notes that sled has these keys. They come in ascending order.
    pub(super) fn note<'a>(&self, keys: impl Iterator<Item = &'a [u8]>) {
        let mut known = self.known.write().unwrap_or_else(PoisonError::into_inner);
        let mut keys = keys.peekable();
        while let Some(key) = keys.next() {
            let Some(beginning) = key.first_chunk::<2>() else { continue };
            if keys.peek().is_some_and(|next| next.starts_with(beginning)) {
                continue;
            }
            match known.get_mut(beginning) {
                Some(last) if last.as_ref().is_none_or(|last| last[..] < *key) => *last = Some(key.into()),
                None if self.all_known => drop(known.insert(*beginning, Some(key.into()))),
                Some(_) | None => {}
            }
        }
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test may panic")]
mod tests {
    use super::*;

    #[test]
    fn a_key_is_new_only_behind_all_that_begin_like_it() {
        let folder = tempfile::tempdir().unwrap();
        let tree = Tree::open(folder.path(), 1 << 20).unwrap();
        for key in [&b"aa5"[..], b"aa7", b"ab1", b"\xff\xff1"] {
            tree.set(key, Some(b"")).unwrap();
        }
        let last_keys = LastKeys::of(&tree);
        assert!(!last_keys.is_before(b"aa8"), "nobody has looked yet");
        for (key, is_new) in [
            (&b"aa6"[..], false),
            (b"aa7", false),
            (b"aa70", true),
            (b"ab0", false),
            (b"ab2", true),
            (b"ac", true),
            (b"\0\0", true),
            (b"a", false),
            (b"\xff\xff2", false),
        ] {
            assert_eq!(last_keys.look(key, &tree), Ok(is_new), "{key:?}");
            assert_eq!(last_keys.is_before(key), is_new, "{key:?}");
        }
    }

    #[test]
    fn what_is_written_is_not_new_and_what_begins_otherwise_stays_unknown() {
        let folder = tempfile::tempdir().unwrap();
        let tree = Tree::open(folder.path(), 1 << 20).unwrap();
        let of_empty = LastKeys::of(&tree);
        assert!(of_empty.is_before(b"aa1"));
        tree.set(b"aa1", Some(b"")).unwrap();
        let of_full = LastKeys::of(&tree);
        assert_eq!(of_full.look(b"aa2", &tree), Ok(true));
        let written = [&b"aa2"[..], b"aa3", b"ab5"];
        for key in written {
            tree.set(key, Some(b"")).unwrap();
        }
        for last_keys in [&of_empty, &of_full] {
            last_keys.note(written.into_iter());
            last_keys.note([&b"aa1"[..]].into_iter());
            for (key, is_new) in [(b"aa2", false), (b"aa3", false), (b"aa4", true), (b"ab5", false)] {
                assert_eq!(last_keys.is_before(key), is_new, "{key:?}");
            }
        }
        assert!(of_empty.is_before(b"ab6") && of_empty.is_before(b"ac"));
        assert!(!of_full.is_before(b"ab6") && !of_full.is_before(b"ac"));
    }
}
