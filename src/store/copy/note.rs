//! What stands in the target for as long as the copy is not finished: the source, and the last key that is written.

use std::fmt;

use bytes::Bytes;

use super::error::CopyError;
use crate::domain::text::hex;

/// Which store a source is, and when a server used it last.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Identity {
    /// The number of its folder or of its deployment.
    pub(super) number: u64,
    pub(super) last_seen_ms: u64,
}

/// How far a copy is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Note {
    source: Identity,
    last: Bytes,
}

impl Note {
    pub(super) fn of(source: &Identity, last: &[u8]) -> Self {
        Self { source: source.clone(), last: Bytes::copy_from_slice(last) }
    }

    /// Reads what [`Display`](fmt::Display) writes.
    pub(super) fn read(text: &str) -> Result<Self, CopyError> {
        let read = || {
            let parts: Vec<_> = text.split(' ').collect();
            let [VERSION, number, last_seen_ms, last] = parts[..] else { return None };
            let source = Identity { number: number.parse().ok()?, last_seen_ms: last_seen_ms.parse().ok()? };
            Some(Self { source, last: from_hex(last)? })
        };
        read().ok_or(CopyError::BadNote)
    }

    /// The last key that is written, where it is a copy of this source and nobody has used that since.
    pub(super) fn place_in(self, source: &Identity) -> Result<Bytes, CopyError> {
        match &self.source {
            noted if noted == source => Ok(self.last),
            noted if noted.number == source.number => Err(CopyError::Changed),
            _ => Err(CopyError::OtherCopy),
        }
    }
}

impl fmt::Display for Note {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Identity { number, last_seen_ms } = self.source;
        write!(f, "{VERSION} {number} {last_seen_ms} {}", hex(&self.last))
    }
}

fn from_hex(text: &str) -> Option<Bytes> {
    let digit = |byte: u8| char::from(byte).to_digit(16);
    let (pairs, rest) = text.as_bytes().as_chunks::<2>();
    let byte = |[high, low]: &[u8; 2]| u8::try_from(16 * digit(*high)? + digit(*low)?).ok();
    rest.is_empty().then(|| pairs.iter().map(byte).collect::<Option<Vec<u8>>>())?.map(Bytes::from)
}

const VERSION: &str = "1";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_note_is_read_as_it_was_written_and_fits_only_its_source_as_it_was() {
        let source = Identity { number: u64::MAX, last_seen_ms: 7 };
        for last in [&b""[..], b"\x00\xffz"] {
            let note = Note::of(&source, last);
            let read = Note::read(&note.to_string()).expect("a note");
            assert_eq!(read, note);
            assert_eq!(read.place_in(&source).expect("its source"), Bytes::copy_from_slice(last));
        }
        let note = Note::of(&source, b"a");
        let used = Identity { last_seen_ms: 8, ..source };
        let other = Identity { number: 1, ..used };
        assert!(matches!(note.clone().place_in(&used), Err(CopyError::Changed)));
        assert!(matches!(note.place_in(&other), Err(CopyError::OtherCopy)));
        for bad in ["", "1", "2 1 1 00", "1 x 1 00", "1 1 1 0", "1 1 1 zz", "1 1 1 00 "] {
            assert!(matches!(Note::read(bad), Err(CopyError::BadNote)), "{bad}");
        }
    }
}
