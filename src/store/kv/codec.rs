//! The envelope around every record: `magic u16 | kind u8 | schema u8 | crc32 u32 | payload`. No other file depends on
//! the payload's format. `seal.rs` has the second version of the envelope.

use std::cell::RefCell;
use std::cmp::Ordering;

use bincode::config::{Configuration, Limit, LittleEndian, Varint};
use bytes::Bytes;
use serde::Serialize;
use serde::de::DeserializeOwned;

use super::key::Kind;
use crate::store::error::StoreError;

/// A frozen shape of an entry.
pub(in crate::store) trait Record: Serialize + DeserializeOwned {
    /// The kind of entry whose value it is.
    const KIND: Kind;
    /// The schema number within that kind. Each new shape gets a higher one; the old ones stay readable.
    const SCHEMA: u8;

    /// Converts a record of an older schema. A first schema has no older one; a later one reads the schema before it
    /// and converts: `older.read::<FooRecordV1>().map(Self::from)`.
    ///
    /// # Errors
    /// [`StoreError::Damaged`] when it is no such record.
    fn from_older(older: Older<'_>) -> Result<Self, StoreError> {
        Err(older.unknown(Self::KIND))
    }
}

/// The payload of a record whose schema is older than the requested one.
#[derive(Clone, Copy, Debug)]
pub(in crate::store) struct Older<'a> {
    schema: u8,
    payload: &'a [u8],
}

impl Older<'_> {
    /// Reads it with the previous schema, which in turn may convert from a still older one.
    ///
    /// # Errors
    /// [`StoreError::Damaged`] when it is no such record.
    pub(in crate::store) fn read<R: Record>(self) -> Result<R, StoreError> {
        read_schema(self.schema, self.payload)
    }

    fn unknown(self, kind: Kind) -> StoreError {
        StoreError::Damaged(format!("{kind:?}: there never was a schema {}", self.schema))
    }
}

/// The bytes of a record. [`decode`] can read all of them back.
///
/// # Errors
/// [`StoreError::TooLarge`] for a record larger than an entry may be.
pub(in crate::store) fn encode<R: Record>(record: &R) -> Result<Bytes, StoreError> {
    BUFFER.with_borrow_mut(|bytes| {
        bytes.clear();
        bytes.extend_from_slice(&header(R::KIND.byte(), R::SCHEMA));
        bincode::serde::encode_into_std_write(record, &mut *bytes, FORMAT)
            .map_err(|error| StoreError::TooLarge(format!("{:?}: {error}", R::KIND)))?;
        let size = bytes.len();
        if !fits(size) {
            let kind = R::KIND;
            return Err(StoreError::TooLarge(format!("{kind:?}: {size} bytes, and an entry has at most {ENTRY_MAX}")));
        }
        close(bytes);
        debug_assert!(decode::<R>(bytes).is_ok(), "what is written can be read");
        Ok(Bytes::copy_from_slice(bytes))
    })
}

thread_local! {
    /// Records are written here first, and copied out at their exact size: growing a buffer for each costs more. It may
    /// keep secrets no longer than until the next record, as a freed allocation would.
    static BUFFER: RefCell<Vec<u8>> = const { RefCell::new(Vec::new()) };
}

/// The record in the bytes.
///
/// # Errors
/// [`StoreError::Damaged`] unless the bytes are exactly what [`encode`] writes for such a record.
pub(in crate::store) fn decode<R: Record>(bytes: &[u8]) -> Result<R, StoreError> {
    let damaged = |what: String| StoreError::Damaged(format!("{:?}: {what}", R::KIND));
    let Some((header, payload)) = bytes.split_first_chunk::<HEADER>() else {
        return Err(damaged(format!("only {} bytes", bytes.len())));
    };
    if !fits(bytes.len()) {
        return Err(damaged(format!("{} bytes", bytes.len())));
    }
    let [m0, m1, kind, schema, sum @ ..] = *header;
    if [m0, m1] == SEALED_MAGIC {
        return Err(damaged(
            "it is sealed and does not open here: another key, another place, or a changed byte".into(),
        ));
    }
    if [m0, m1] != MAGIC {
        return Err(damaged("not a record".into()));
    }
    if checksum(bytes) != u32::from_le_bytes(sum) {
        return Err(damaged("the checksum differs".into()));
    }
    if kind != R::KIND.byte() {
        return Err(damaged(format!("a record of kind {kind}")));
    }
    read_schema(schema, payload)
}

/// The record in a payload with this schema or an older one.
fn read_schema<R: Record>(schema: u8, payload: &[u8]) -> Result<R, StoreError> {
    let damaged = |what: String| StoreError::Damaged(format!("{:?}: {what}", R::KIND));
    match schema.cmp(&R::SCHEMA) {
        Ordering::Less => return R::from_older(Older { schema, payload }),
        Ordering::Greater => {
            let known = R::SCHEMA;
            return Err(damaged(format!("schema {schema} is newer than {known}: a newer version wrote it")));
        }
        Ordering::Equal => {}
    }
    let (record, consumed) =
        bincode::serde::decode_from_slice(payload, FORMAT).map_err(|error| damaged(error.to_string()))?;
    if consumed != payload.len() {
        let rest = payload.len() - consumed;
        return Err(damaged(format!("{rest} bytes too many")));
    }
    Ok(record)
}

/// Whether a record may have this many bytes, header included. [`encode`] and [`decode`] use the same rule.
const fn fits(bytes: usize) -> bool {
    bytes <= ENTRY_MAX
}

/// The header of a record of this kind and schema, without its checksum.
pub(in crate::store) fn header(kind: u8, schema: u8) -> [u8; HEADER] {
    let mut header = [0; HEADER];
    header[..2].copy_from_slice(&MAGIC);
    header[2..4].copy_from_slice(&[kind, schema]);
    header
}

/// Writes the checksum of a record.
pub(in crate::store) fn close(bytes: &mut [u8]) {
    let sum = checksum(bytes);
    bytes[4..HEADER].copy_from_slice(&sum.to_le_bytes());
}

/// The kind and schema of a record, and its payload.
#[cfg(any(feature = "sled", feature = "postgres"))]
pub(in crate::store) fn split(bytes: &[u8]) -> Option<([u8; 2], &[u8])> {
    let ([m0, m1, kind, schema, ..], payload) = bytes.split_first_chunk::<HEADER>()?;
    ([*m0, *m1] == MAGIC).then_some(([*kind, *schema], payload))
}

/// The checksum of everything except itself.
fn checksum(bytes: &[u8]) -> u32 {
    let mut hasher = crc32fast::Hasher::new();
    hasher.update(&bytes[..4]);
    hasher.update(&bytes[HEADER..]);
    hasher.finalize()
}

const MAGIC: [u8; 2] = *b"Vs";
/// The magic of the second version of the envelope, which `seal.rs` reads and writes.
pub(in crate::store) const SEALED_MAGIC: [u8; 2] = *b"Vx";
pub(in crate::store) const HEADER: usize = 8;
/// The largest record, in bytes: the back ends take values of at most 64 KiB, and sealing needs some of that.
pub(in crate::store) const ENTRY_MAX: usize = (64 << 10) - ROOM_TO_SEAL;
/// By how many bytes sealing may lengthen a record.
pub(in crate::store) const ROOM_TO_SEAL: usize = 64;
/// The decoder counts what it reads by its size in memory: one byte on disk counts for at most sixteen, as in a small
/// 128-bit integer. So this never refuses what [`fits`] accepts, and it prevents that a flipped bit in a length
/// requests all memory.
const DECODED_MAX: usize = 16 * ENTRY_MAX;
const FORMAT: Configuration<LittleEndian, Varint, Limit<DECODED_MAX>> =
    bincode::config::standard().with_limit::<DECODED_MAX>();

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde::Deserialize;

    use super::*;

    #[derive(Debug, PartialEq, Serialize, Deserialize)]
    struct Note {
        text: String,
        numbers: Vec<u64>,
    }

    impl Record for Note {
        const KIND: Kind = Kind::Value;
        const SCHEMA: u8 = 3;
    }

    #[derive(Debug, PartialEq, Serialize, Deserialize)]
    struct Other(String);

    impl Record for Other {
        const KIND: Kind = Kind::Counter;
        const SCHEMA: u8 = 3;
    }

    #[derive(Debug, PartialEq, Serialize, Deserialize)]
    struct Older3(String);

    impl Record for Older3 {
        const KIND: Kind = Kind::Value;
        const SCHEMA: u8 = 3;
    }

    #[derive(Debug, PartialEq, Serialize, Deserialize)]
    struct Older4(String, u8);

    impl Record for Older4 {
        const KIND: Kind = Kind::Value;
        const SCHEMA: u8 = 4;

        fn from_older(older: Older<'_>) -> Result<Self, StoreError> {
            older.read().map(|Older3(text)| Self(text, 4))
        }
    }

    #[derive(Debug, PartialEq, Serialize, Deserialize)]
    struct Newer5 {
        text: String,
        count: u64,
    }

    impl Record for Newer5 {
        const KIND: Kind = Kind::Value;
        const SCHEMA: u8 = 5;

        fn from_older(older: Older<'_>) -> Result<Self, StoreError> {
            older.read().map(|Older4(text, count)| Self { text, count: count.into() })
        }
    }

    fn note() -> Note {
        Note { text: "ada".into(), numbers: vec![1, 1 << 40] }
    }

    #[test]
    fn every_flipped_bit_is_found() {
        let good = encode(&note()).expect("a small record");
        for bit in 0..good.len() * 8 {
            let mut bad = good.to_vec();
            bad[bit / 8] ^= 1 << (bit % 8);
            assert!(matches!(decode::<Note>(&bad), Err(StoreError::Damaged(_))), "bit {bit}");
        }
    }

    #[test]
    fn cut_and_lengthened_records_are_damaged() {
        let good = encode(&note()).expect("a small record");
        for end in 0..good.len() {
            assert!(decode::<Note>(&good[..end]).is_err(), "cut at {end}");
        }
        let mut long = good.to_vec();
        long.push(0);
        let sum = checksum(&long);
        long[4..8].copy_from_slice(&sum.to_le_bytes());
        let error = decode::<Note>(&long).expect_err("a byte too many");
        assert_eq!(error, StoreError::Damaged("Value: 1 bytes too many".into()));
    }

    #[test]
    fn other_kinds_and_newer_schemas_are_refused() {
        let good = encode(&note()).expect("a small record");
        assert!(decode::<Other>(&good).is_err());
        for (schema, says) in [(4, "newer"), (2, "never")] {
            let mut changed = good.to_vec();
            changed[3] = schema;
            let sum = checksum(&changed);
            changed[4..8].copy_from_slice(&sum.to_le_bytes());
            let error = decode::<Note>(&changed).expect_err("another schema");
            assert!(error.to_string().contains(says), "{error}");
        }
    }

    #[test]
    fn a_record_over_the_limit_is_not_written() {
        let mut large = note();
        large.text = "a".repeat(ENTRY_MAX);
        assert!(matches!(encode(&large), Err(StoreError::TooLarge(_))));
    }

    #[test]
    fn the_largest_record_is_read_and_one_byte_more_is_neither_written_nor_read() {
        let mut note = Note { text: String::new(), numbers: Vec::new() };
        // A long text has a length of three bytes before it, and the empty list one.
        note.text = "a".repeat(ENTRY_MAX - HEADER - 4);
        let largest = encode(&note).expect("the largest record");
        assert_eq!(largest.len(), ENTRY_MAX);
        assert_eq!(decode::<Note>(&largest).as_ref(), Ok(&note));
        note.text.push('a');
        assert!(encode(&note).is_err());
        let mut longer = largest.to_vec();
        longer.push(0);
        assert!(matches!(decode::<Note>(&longer), Err(StoreError::Damaged(_))));
    }

    #[test]
    fn records_that_are_far_larger_in_memory_are_read_too() {
        let tight = Note { text: String::new(), numbers: vec![0; 60_000] };
        assert_eq!(decode::<Note>(&encode(&tight).expect("60 000 bytes")), Ok(tight));
    }

    #[test]
    fn an_older_shape_is_read_as_what_it_became() {
        let old = encode(&Older3("ada".into())).expect("a small record");
        assert_eq!(decode::<Newer5>(&old), Ok(Newer5 { text: "ada".into(), count: 4 }));
        let mut never = old.to_vec();
        never[3] = 2;
        let sum = checksum(&never);
        never[4..8].copy_from_slice(&sum.to_le_bytes());
        assert_eq!(decode::<Newer5>(&never), Err(StoreError::Damaged("Value: there never was a schema 2".into())));
    }

    #[test]
    fn a_length_beyond_the_limit_asks_for_no_memory() {
        let mut bytes = vec![0; HEADER];
        bytes[..4].copy_from_slice(&[MAGIC[0], MAGIC[1], Note::KIND.byte(), Note::SCHEMA]);
        bytes.push(253);
        bytes.extend_from_slice(&(1_u64 << 40).to_le_bytes());
        let sum = checksum(&bytes);
        bytes[4..8].copy_from_slice(&sum.to_le_bytes());
        assert!(decode::<Note>(&bytes).is_err());
    }

    proptest! {
        #[test]
        fn what_is_written_at_the_border_can_be_read(
            text in 0..ENTRY_MAX + 64,
            numbers in proptest::collection::vec(prop_oneof![Just(0), Just(250), any::<u64>()], 0..2000),
            fill in any::<bool>(),
        ) {
            let mut note = Note { text: "a".repeat(text), numbers };
            if fill {
                // Up to the limit, with values that are smallest on disk and largest in memory.
                note.text.truncate(text % 1000);
                note.numbers.resize(ENTRY_MAX - HEADER - note.text.len() % 2048, 0);
            }
            match encode(&note) {
                Ok(bytes) => prop_assert_eq!(decode::<Note>(&bytes), Ok(note)),
                Err(error) => prop_assert!(matches!(error, StoreError::TooLarge(_))),
            }
        }

        #[test]
        fn any_bytes_are_read_or_refused(bytes in proptest::collection::vec(any::<u8>(), 0..512)) {
            let _ = decode::<Note>(&bytes);
            let mut framed = MAGIC.to_vec();
            framed.extend([Note::KIND.byte(), Note::SCHEMA, 0, 0, 0, 0]);
            framed.extend(&bytes);
            let sum = checksum(&framed);
            framed[4..8].copy_from_slice(&sum.to_le_bytes());
            if let Ok(note) = decode::<Note>(&framed) {
                prop_assert_eq!(decode::<Note>(&encode(&note).expect("a small record")), Ok(note));
            }
        }
    }
}
