//! The envelope around every record: `magic u16 | kind u8 | schema u8 | crc32 u32 | payload`. The only file that
//! names the payload's format.

use std::cmp::Ordering;

use bincode::config::{Configuration, Limit, LittleEndian, Varint};
use bytes::Bytes;
use serde::Serialize;
use serde::de::DeserializeOwned;

use super::key::Kind;
use super::store::StoreError;

/// A frozen shape of an entry.
pub(super) trait Record: Serialize + DeserializeOwned {
    /// The kind of entry it is the value of.
    const KIND: Kind;
    /// Which shape of that kind. Raised with every new shape; the old ones stay readable.
    const SCHEMA: u8;

    /// The record that an older shape became. A first shape has none before it; a later one reads the shape before it
    /// and converts: `older.read::<FooRecordV1>().map(Self::from)`.
    ///
    /// # Errors
    /// [`StoreError::Damaged`] when it is no such record.
    fn from_older(older: Older<'_>) -> Result<Self, StoreError> {
        Err(older.unknown(Self::KIND))
    }
}

/// The payload of a record whose schema is older than the one that is asked for.
#[derive(Clone, Copy, Debug)]
pub(super) struct Older<'a> {
    schema: u8,
    payload: &'a [u8],
}

impl Older<'_> {
    /// Reads it as the shape before, which may itself be asked for a still older one.
    ///
    /// # Errors
    /// [`StoreError::Damaged`] when it is no such record.
    pub(super) fn read<R: Record>(self) -> Result<R, StoreError> {
        read_schema(self.schema, self.payload)
    }

    fn unknown(self, kind: Kind) -> StoreError {
        StoreError::Damaged(format!("{kind:?}: there never was a schema {}", self.schema))
    }
}

/// The bytes of a record.
///
/// # Errors
/// [`StoreError::Unavailable`] for a record larger than an entry may be.
pub(super) fn encode<R: Record>(record: &R) -> Result<Bytes, StoreError> {
    let mut bytes = vec![0; HEADER];
    bytes[..2].copy_from_slice(&MAGIC);
    bytes[2] = R::KIND.byte();
    bytes[3] = R::SCHEMA;
    bincode::serde::encode_into_std_write(record, &mut bytes, FORMAT)
        .map_err(|error| StoreError::Unavailable(format!("{:?}: {error}", R::KIND)))?;
    if bytes.len() > ENTRY_MAX {
        let size = bytes.len();
        return Err(StoreError::Unavailable(format!("{:?}: {size} bytes are more than an entry may have", R::KIND)));
    }
    let sum = checksum(&bytes);
    bytes[4..HEADER].copy_from_slice(&sum.to_le_bytes());
    Ok(bytes.into())
}

/// The record in the bytes.
///
/// # Errors
/// [`StoreError::Damaged`] unless the bytes are exactly what [`encode`] made of such a record.
pub(super) fn decode<R: Record>(bytes: &[u8]) -> Result<R, StoreError> {
    let damaged = |what: String| StoreError::Damaged(format!("{:?}: {what}", R::KIND));
    let Some((header, payload)) = bytes.split_first_chunk::<HEADER>() else {
        return Err(damaged(format!("only {} bytes", bytes.len())));
    };
    let [m0, m1, kind, schema, sum @ ..] = *header;
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

/// The record in a payload of this schema, or of an older one.
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

/// Over everything but itself.
fn checksum(bytes: &[u8]) -> u32 {
    let mut hasher = crc32fast::Hasher::new();
    hasher.update(&bytes[..4]);
    hasher.update(&bytes[HEADER..]);
    hasher.finalize()
}

const MAGIC: [u8; 2] = *b"Vs";
const HEADER: usize = 8;
/// What one entry may have: the back ends want values below 64 KiB.
const ENTRY_MAX: usize = PAYLOAD_MAX - 1;
const PAYLOAD_MAX: usize = 65_536;
/// The limit keeps a flipped bit in a length from asking for all the memory there is.
const FORMAT: Configuration<LittleEndian, Varint, Limit<PAYLOAD_MAX>> =
    bincode::config::standard().with_limit::<PAYLOAD_MAX>();

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
        large.text = "a".repeat(PAYLOAD_MAX);
        assert!(encode(&large).is_err());
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
