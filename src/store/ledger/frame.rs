//! One frame of the journal: the groups that share one write and one fdatasync.
//!
//! ```text
//! magic u32 | version u16 | reserved u16 | stamp u64 | epoch u64 | first u64 | synced u64 | count u32 | length u32
//!           | crc32 u32
//! then per group:  writes u32
//!      per write:  key length u16 | value length u32, or all ones for a removal | key | value
//! ```
//! Everything is little-endian; the checksum covers the header before it and the payload. The stamp is the directory's
//! own random number, so that no value, even one chosen by an attacker, can be mistaken for a frame.

use bytes::Bytes;

use super::options::Write;

/// Frames begin on these boundaries, so that no acknowledged block is written twice.
pub(super) const BLOCK: usize = 4096;
/// The newest format that this version can read.
pub(super) const VERSION: u16 = 1;
/// The first bytes of every frame.
pub(super) const MAGIC: u32 = u32::from_le_bytes(*b"VSJ1");

const HEADER: usize = 52;
const CRC_AT: usize = 48;
const REMOVED: u32 = u32::MAX;

/// The fields of a frame's header.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Header {
    pub(super) version: u16,
    pub(super) stamp: u64,
    /// The number of this use of the segment.
    pub(super) epoch: u64,
    /// The sequence of the first group.
    pub(super) first: u64,
    /// Every group below this one had been synced when the frame was written.
    pub(super) synced: u64,
    /// Number of groups.
    pub(super) count: u32,
    /// Payload size in bytes.
    pub(super) length: u32,
}

impl Header {
    /// The sequence after the last group.
    pub(super) fn end(&self) -> u64 {
        self.first + u64::from(self.count)
    }

    /// The bytes that the frame occupies.
    pub(super) fn occupied(&self) -> usize {
        (HEADER + self.length as usize).next_multiple_of(BLOCK)
    }
}

/// What was found at a block boundary.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Found {
    /// A complete frame.
    Frame(Header),
    /// The header of one of our frames, with a wrong checksum.
    Broken(Header),
    /// Anything else; the fields as they would read.
    Nothing(Header),
}

/// The bytes that these groups occupy in a frame.
pub(super) fn occupied(groups: &[Vec<Write>]) -> u64 {
    let payload: usize = groups.iter().map(|group| size(group)).sum();
    (HEADER + payload).next_multiple_of(BLOCK) as u64
}

/// How many of these groups, from the first on, fit into a frame of this size.
pub(super) fn count_within(groups: &[Vec<Write>], bytes: u64) -> usize {
    let mut payload = 0;
    let fits = |group: &&Vec<Write>| {
        payload += size(group);
        (HEADER + payload).next_multiple_of(BLOCK) as u64 <= bytes
    };
    groups.iter().take_while(fits).count()
}

fn size(group: &[Write]) -> usize {
    let write = |write: &Write| 6 + write.key.len() + write.value.as_ref().map_or(0, Bytes::len);
    4 + group.iter().map(write).sum::<usize>()
}

/// Writes a frame into the buffer, padded with zeros to whole blocks. Count and length are filled in.
pub(super) fn encode(buffer: &mut Vec<u8>, mut header: Header, groups: &[Vec<Write>]) {
    buffer.clear();
    buffer.resize(HEADER, 0);
    for group in groups {
        buffer.extend_from_slice(&(group.len() as u32).to_le_bytes());
        for write in group {
            buffer.extend_from_slice(&(write.key.len() as u16).to_le_bytes());
            let length = write.value.as_ref().map_or(REMOVED, |value| value.len() as u32);
            buffer.extend_from_slice(&length.to_le_bytes());
            buffer.extend_from_slice(&write.key);
            buffer.extend_from_slice(write.value.as_deref().unwrap_or_default());
        }
    }
    header.count = groups.len() as u32;
    header.length = (buffer.len() - HEADER) as u32;
    write_header(&mut buffer[..CRC_AT], &header);
    let crc = checksum(buffer);
    buffer[CRC_AT..HEADER].copy_from_slice(&crc.to_le_bytes());
    buffer.resize(buffer.len().next_multiple_of(BLOCK), 0);
}

/// Checks the start of these bytes for a frame.
pub(super) fn look(bytes: &[u8], stamp: u64) -> Found {
    let Some(start) = bytes.get(..HEADER) else {
        return Found::Nothing(read_header(&[0; HEADER]));
    };
    let header = read_header(start);
    if header.stamp != stamp || !start.starts_with(&MAGIC.to_le_bytes()) {
        return Found::Nothing(header);
    }
    let whole = bytes.get(..HEADER + header.length as usize);
    match whole {
        Some(whole) if checksum(whole).to_le_bytes() == start[CRC_AT..HEADER] => Found::Frame(header),
        _ => Found::Broken(header),
    }
}

/// The groups of a frame with a valid checksum; `None` if its payload is malformed nevertheless.
pub(super) fn groups(frame: &Bytes, header: &Header) -> Option<Vec<Vec<Write>>> {
    let end = HEADER.checked_add(header.length as usize)?;
    let mut at = HEADER;
    let mut take = |count: usize| {
        let next = at.checked_add(count).filter(|next| *next <= end && *next <= frame.len())?;
        let part = at..next;
        at = next;
        Some(part)
    };
    let mut groups = Vec::new();
    for _ in 0..header.count {
        let writes = u32_at(&frame[take(4)?], 0);
        let mut group = Vec::new();
        for _ in 0..writes {
            let lengths = &frame[take(6)?];
            let key = frame.slice(take(usize::from(u16_at(lengths, 0)))?);
            let value = match u32_at(lengths, 2) {
                REMOVED => None,
                length => Some(frame.slice(take(length as usize)?)),
            };
            group.push(Write { key, value });
        }
        groups.push(group);
    }
    (at == end).then_some(groups)
}

fn checksum(frame: &[u8]) -> u32 {
    let mut hasher = crc32fast::Hasher::new();
    hasher.update(&frame[..CRC_AT]);
    hasher.update(&frame[HEADER..]);
    hasher.finalize()
}

fn write_header(bytes: &mut [u8], header: &Header) {
    bytes[0..4].copy_from_slice(&MAGIC.to_le_bytes());
    bytes[4..6].copy_from_slice(&header.version.to_le_bytes());
    bytes[8..16].copy_from_slice(&header.stamp.to_le_bytes());
    bytes[16..24].copy_from_slice(&header.epoch.to_le_bytes());
    bytes[24..32].copy_from_slice(&header.first.to_le_bytes());
    bytes[32..40].copy_from_slice(&header.synced.to_le_bytes());
    bytes[40..44].copy_from_slice(&header.count.to_le_bytes());
    bytes[44..48].copy_from_slice(&header.length.to_le_bytes());
}

fn read_header(bytes: &[u8]) -> Header {
    Header {
        version: u16_at(bytes, 4),
        stamp: u64_at(bytes, 8),
        epoch: u64_at(bytes, 16),
        first: u64_at(bytes, 24),
        synced: u64_at(bytes, 32),
        count: u32_at(bytes, 40),
        length: u32_at(bytes, 44),
    }
}

fn u16_at(bytes: &[u8], at: usize) -> u16 {
    u16::from_le_bytes([bytes[at], bytes[at + 1]])
}

fn u32_at(bytes: &[u8], at: usize) -> u32 {
    u32::from_le_bytes([bytes[at], bytes[at + 1], bytes[at + 2], bytes[at + 3]])
}

fn u64_at(bytes: &[u8], at: usize) -> u64 {
    u64::from(u32_at(bytes, at)) | u64::from(u32_at(bytes, at + 4)) << 32
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test may panic")]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn header() -> Header {
        Header { version: VERSION, stamp: 0x1122_3344_5566_7788, epoch: 9, first: 40, synced: 40, count: 0, length: 0 }
    }

    fn any_groups() -> impl Strategy<Value = Vec<Vec<Write>>> {
        let bytes = || prop::collection::vec(any::<u8>(), 0..200).prop_map(Bytes::from);
        let write = (bytes(), prop::option::of(bytes())).prop_map(|(key, value)| Write { key, value });
        prop::collection::vec(prop::collection::vec(write, 0..8), 1..8)
    }

    proptest! {
        #[test]
        fn frames_round_trip(written in any_groups()) {
            let mut buffer = Vec::new();
            encode(&mut buffer, header(), &written);
            prop_assert_eq!(buffer.len() as u64, occupied(&written));
            let Found::Frame(found) = look(&buffer, header().stamp) else { panic!("not a frame") };
            prop_assert_eq!(found.count as usize, written.len());
            prop_assert_eq!(found.occupied(), buffer.len());
            prop_assert_eq!(groups(&Bytes::from(buffer), &found).unwrap(), written);
        }

        #[test]
        fn a_flipped_bit_is_never_a_frame(written in any_groups(), bit in any::<prop::sample::Index>()) {
            let mut buffer = Vec::new();
            encode(&mut buffer, header(), &written);
            let Found::Frame(whole) = look(&buffer, header().stamp) else { panic!("not a frame") };
            let bit = bit.index((HEADER + whole.length as usize) * 8);
            buffer[bit / 8] ^= 1 << (bit % 8);
            prop_assert!(!matches!(look(&buffer, header().stamp), Found::Frame(_)));
        }

        #[test]
        fn arbitrary_bytes_never_panic(bytes in prop::collection::vec(any::<u8>(), 0..300), count in any::<u32>(), length in any::<u32>()) {
            look(&bytes, 0);
            groups(&Bytes::from(bytes), &Header { count, length, ..header() });
        }
    }
}
