//! Encryption at rest: the second version of the envelope (the first is in `codec.rs`), added by a map around a map.
//!
//! ```text
//! plain:   "Vs" | kind u8 | schema u8 | crc32 u32 | payload
//! sealed:  "Vx" | kind u8 | schema u8 | subkey's number 16 | counter u64 | AES-256-GCM(payload) | tag 16
//! ```
//!
//! The associated data are the first four bytes, the store's id and the key in the map, so a value moved to another key
//! or into another store can't be opened (what differs in a map that several nodes share is in `seal_shared.rs`). Values in the first version stay readable for good; they are sealed when they
//! are next written.
//!
//! **Nonces.** A store lives for years, and random nonces of 96 bits may be used for only 2^32 messages under one key
//! (NIST SP 800-38D, 8.3): a busy store gets there in a day. So no key lives long: every start draws a random number of
//! 128 bits and derives its own subkey from that (HKDF-SHA-256, RFC 5869), under which the nonces are counted, and
//! after 2^32 values the next number is drawn. A nonce would only repeat if two starts drew the same 128 bits, or if a
//! running machine were cloned and both clones wrote on. Counting costs nothing, and a subkey is set up once; a subkey
//! per value (as in XAES-256-GCM) would cost more than the sealing itself.

use std::collections::HashMap;
use std::fmt;
use std::sync::{Arc, Mutex, PoisonError, RwLock};

use aws_lc_rs::aead::{AES_256_GCM, Aad, LessSafeKey, MAX_TAG_LEN, Nonce, UnboundKey};
use aws_lc_rs::hkdf::{HKDF_SHA256, KeyType, Prk, Salt};
use bytes::Bytes;
use zeroize::Zeroizing;

use crate::domain::ports::Entropy;
use crate::entropy::OsEntropy;

use super::codec::{self, SEALED_MAGIC};
use super::key::Kind;
use super::key_value::{KeyValue, Write};
use super::lately::Lately;
use crate::store::error::{CommitError, StoreError};
use crate::store::health::Health;

/// The sealing of a store's values.
pub struct Sealing {
    /// The key: 32 secret bytes that are used for nothing else.
    pub key: Zeroizing<[u8; 32]>,
    /// Whether new values are sealed. Sealed ones are opened in either case.
    pub seal: bool,
}

impl fmt::Debug for Sealing {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Sealing").field("seal", &self.seal).finish_non_exhaustive()
    }
}

/// A map that seals its values in the underlying map.
#[derive(Debug)]
pub struct Sealed<K> {
    beneath: K,
    /// `None` passes values unchanged.
    sealer: Option<Sealer>,
    /// The plain form of sealed values that were written lately.
    opened: Lately<Bytes>,
    /// The mark, if it still has to be written, unsealed, together with the first sealed value.
    mark: Mutex<Option<Write>>,
}

impl<K> Sealed<K> {
    /// The underlying map, with its values as stored.
    pub const fn beneath(&self) -> &K {
        &self.beneath
    }

    pub(in crate::store) fn over(beneath: K, sealer: Option<Sealer>, mark: Option<Write>) -> Self {
        Self { beneath, sealer, opened: Lately::default(), mark: Mutex::new(mark) }
    }

    /// The opened value. One that can't be opened is returned unchanged, and no reader will take it for a record.
    fn open(&self, key: &[u8], value: Bytes) -> Bytes {
        if is_read_soon(key)
            && let Some(opened) = self.opened.get(key, &value)
        {
            return opened;
        }
        let opened = self.sealer.as_ref().and_then(|sealer| sealer.open(key, &value));
        opened.unwrap_or(value)
    }
}

impl<K: KeyValue> KeyValue for Sealed<K> {
    fn get(&self, key: &[u8]) -> Result<Option<Bytes>, StoreError> {
        Ok(self.beneath.get(key)?.map(|value| self.open(key, value)))
    }

    fn get_cached(&self, key: &[u8]) -> Option<Option<Bytes>> {
        let known = self.beneath.get_cached(key)?;
        Some(known.map(|value| self.open(key, value)))
    }

    fn probably_contains(&self, key: &[u8]) -> bool {
        self.beneath.probably_contains(key)
    }

    fn scan(&self, prefix: &[u8], from: &[u8], limit: usize) -> Result<Vec<(Bytes, Bytes)>, StoreError> {
        let mut entries = self.beneath.scan(prefix, from, limit)?;
        for (key, value) in &mut entries {
            *value = self.open(key, std::mem::take(value));
        }
        Ok(entries)
    }

    fn scan_back(&self, prefix: &[u8], below: &[u8], limit: usize) -> Result<Vec<(Bytes, Bytes)>, StoreError> {
        let mut entries = self.beneath.scan_back(prefix, below, limit)?;
        for (key, value) in &mut entries {
            *value = self.open(key, std::mem::take(value));
        }
        Ok(entries)
    }

    fn prepare(&self, mut groups: Vec<Vec<Write>>) -> Vec<Vec<Write>> {
        let Some(sealer) = self.sealer.as_ref().filter(|sealer| sealer.seal) else { return groups };
        let mut opened = Vec::new();
        for Write { key, value } in groups.iter_mut().flatten() {
            let Some(value) = value else { continue };
            let plain = std::mem::replace(value, sealer.seal(key, value));
            if is_read_soon(key) {
                opened.push((key.clone(), value.clone(), plain));
            }
        }
        self.opened.keep(opened);
        let mark = self.mark.lock().unwrap_or_else(PoisonError::into_inner);
        if let (Some(mark), Some(first)) = (mark.as_ref(), groups.first_mut()) {
            first.push(mark.clone());
        }
        groups
    }

    fn append(&self, groups: &[Vec<Write>], relaxed: bool) -> Result<(), CommitError> {
        self.beneath.append(groups, relaxed)?;
        let mut mark = self.mark.lock().unwrap_or_else(PoisonError::into_inner);
        if groups.first().is_some_and(|first| mark.as_ref().is_some_and(|mark| first.contains(mark))) {
            *mark = None;
        }
        Ok(())
    }

    fn fits(&self, groups: &[Vec<Write>]) -> usize {
        self.beneath.fits(groups)
    }

    fn health(&self) -> Health {
        self.beneath.health()
    }

    fn close(&self) {
        self.beneath.close();
    }

    fn blocks(&self) -> bool {
        self.beneath.blocks()
    }
}

/// Whether a value of this key is usually read moments after it was written: by the next call of the same person.
fn is_read_soon(key: &[u8]) -> bool {
    [Kind::SignUp, Kind::User, Kind::Client].iter().any(|kind| key.first() == Some(&kind.byte()))
}

/// Seals and opens the values of one store.
pub(in crate::store) struct Sealer {
    root: Prk,
    store_id: u64,
    seal: bool,
    current: Mutex<Subkey>,
    /// Subkeys of earlier starts that were needed so far.
    known: RwLock<HashMap<SubkeyNumber, Arc<LessSafeKey>>>,
}

/// Associated data. That of most keys is short, and needs no allocation.
struct AssociatedData {
    short: [u8; SHORT],
    length: usize,
    /// All of it, where it is longer.
    long: Vec<u8>,
}

impl AsRef<[u8]> for AssociatedData {
    fn as_ref(&self) -> &[u8] {
        self.short.get(..self.length).unwrap_or(&self.long)
    }
}

/// The subkey for new values.
struct Subkey {
    number: SubkeyNumber,
    key: Arc<LessSafeKey>,
    next: u64,
}

type SubkeyNumber = [u8; 16];

impl Sealer {
    /// A sealer for the store with this id, with a new subkey.
    pub(in crate::store) fn new(sealing: &Sealing, store_id: u64) -> Self {
        let root = Salt::new(HKDF_SHA256, SALT).extract(sealing.key.as_ref());
        let current = Subkey::draw(&root);
        let known = RwLock::default();
        Self { root, store_id, seal: sealing.seal, current: Mutex::new(current), known }
    }

    /// Whether it seals new values, or only opens sealed ones.
    pub(in crate::store) const fn seals(&self) -> bool {
        self.seal
    }

    /// A fingerprint of the key and the store, which reveals neither.
    pub(in crate::store) fn check_value(&self) -> [u8; 32] {
        let mut check = [0; 32];
        let info: [&[u8]; 2] = [b"check", &self.store_id.to_be_bytes()];
        let okm = self.root.expand(&info, CheckLength).and_then(|okm| okm.fill(&mut check));
        okm.expect("HKDF gives up to 255 times 32 bytes");
        check
    }

    /// The sealed form of a value. An empty one has nothing to hide, and what is not a record is left unchanged.
    pub(in crate::store) fn seal(&self, key: &[u8], value: &Bytes) -> Bytes {
        let Some((header, payload)) = codec::split(value) else { return value.clone() };
        let (number, subkey, counter) = self.take_nonce();
        let mut sealed = Vec::with_capacity(OVERHEAD + payload.len());
        sealed.extend_from_slice(&SEALED_MAGIC);
        sealed.extend_from_slice(&header);
        let aad = self.associated_data(&sealed, key);
        sealed.extend_from_slice(&number);
        sealed.extend_from_slice(&counter.to_be_bytes());
        sealed.extend_from_slice(payload);
        let tag = subkey
            .seal_in_place_separate_tag(nonce(counter), Aad::from(aad), &mut sealed[SEALED_HEADER..])
            .expect("a value of 64 KiB is within what AES-GCM can seal");
        sealed.extend_from_slice(tag.as_ref());
        sealed.into()
    }

    /// The plain form of a sealed value; `None` if it is not sealed, or under another key or store.
    pub(in crate::store) fn open(&self, key: &[u8], value: &[u8]) -> Option<Bytes> {
        let (header, rest) = value.split_first_chunk::<4>()?;
        let rest = header.starts_with(&SEALED_MAGIC).then_some(rest)?;
        let (number, rest) = rest.split_first_chunk::<16>()?;
        let (counter, rest) = rest.split_first_chunk::<8>()?;
        let (text, tag) = rest.split_last_chunk::<TAG>()?;
        let nonce = nonce(u64::from_be_bytes(*counter));
        let aad = Aad::from(self.associated_data(header, key));
        // Of its exact size, which needs the fewest allocations.
        let mut plain = vec![0; codec::HEADER + text.len()];
        plain[..codec::HEADER].copy_from_slice(&codec::header(header[2], header[3]));
        self.subkey(number).open_separate_gather(nonce, aad, text, tag, &mut plain[codec::HEADER..]).ok()?;
        codec::close(&mut plain);
        Some(plain.into())
    }

    /// The associated data: the value's header, store id and key in the map.
    fn associated_data(&self, header: &[u8], key: &[u8]) -> AssociatedData {
        let mut data = AssociatedData { short: [0; SHORT], length: header.len() + 8 + key.len(), long: Vec::new() };
        let parts = [header, &self.store_id.to_be_bytes(), key];
        if data.length > SHORT {
            data.long = parts.concat();
            return data;
        }
        let mut rest = &mut data.short[..];
        for part in parts {
            let (here, after) = rest.split_at_mut(part.len());
            here.copy_from_slice(part);
            rest = after;
        }
        data
    }

    /// An unused nonce and its subkey.
    fn take_nonce(&self) -> (SubkeyNumber, Arc<LessSafeKey>, u64) {
        let mut current = self.current.lock().unwrap_or_else(PoisonError::into_inner);
        if current.next >= VALUES_PER_SUBKEY {
            *current = Subkey::draw(&self.root);
        }
        let counter = current.next;
        current.next += 1;
        (current.number, current.key.clone(), counter)
    }

    fn subkey(&self, number: &SubkeyNumber) -> Arc<LessSafeKey> {
        {
            let current = self.current.lock().unwrap_or_else(PoisonError::into_inner);
            if current.number == *number {
                return current.key.clone();
            }
        }
        if let Some(known) = self.known.read().unwrap_or_else(PoisonError::into_inner).get(number) {
            return known.clone();
        }
        let derived = Arc::new(derive(&self.root, number));
        let mut known = self.known.write().unwrap_or_else(PoisonError::into_inner);
        if known.len() >= SUBKEYS_KNOWN_MAX {
            known.clear();
        }
        known.insert(*number, derived.clone());
        derived
    }
}

impl fmt::Debug for Sealer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Sealer").field("seal", &self.seal).finish_non_exhaustive()
    }
}

impl Subkey {
    fn draw(root: &Prk) -> Self {
        let mut number = [0; 16];
        OsEntropy::new().fill(&mut number);
        Self { number, key: Arc::new(derive(root, &number)), next: 0 }
    }
}

fn derive(root: &Prk, number: &SubkeyNumber) -> LessSafeKey {
    let info: [&[u8]; 2] = [b"values", number];
    let okm = root.expand(&info, &AES_256_GCM);
    LessSafeKey::new(UnboundKey::from(okm.expect("HKDF gives up to 255 times 32 bytes")))
}

fn nonce(counter: u64) -> Nonce {
    let mut bytes = [0; 12];
    bytes[4..].copy_from_slice(&counter.to_be_bytes());
    Nonce::assume_unique_for_key(bytes)
}

struct CheckLength;

impl KeyType for CheckLength {
    fn len(&self) -> usize {
        32
    }
}

/// Separates these keys from any others derived from the same 32 bytes.
const SALT: &[u8] = b"vestibule store sealing v1";
/// The bytes before the sealed payload: magic, kind, schema, the subkey's number, the counter.
const SEALED_HEADER: usize = 4 + 16 + 8;
const OVERHEAD: usize = SEALED_HEADER + TAG;
/// The bytes of a tag, behind the sealed payload.
const TAG: usize = MAX_TAG_LEN;
/// The associated data of a key of up to 52 bytes, as nearly all keys are, is within this many bytes.
const SHORT: usize = 64;
/// A sealed value must fit where the plain one does: the codec leaves this much room.
const _: () = assert!(OVERHEAD - codec::HEADER <= codec::ROOM_TO_SEAL);
const VALUES_PER_SUBKEY: u64 = 1 << 32;
/// Cached subkeys: one per start whose values have not been rewritten since; beyond this they are derived again.
const SUBKEYS_KNOWN_MAX: usize = 1024;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::Memory;
    use crate::store::kv::codec::{decode, encode};
    use crate::store::kv::record::ValueRecordV1;

    const KEY: &[u8] = &[8, 1];

    #[test]
    fn a_sealed_value_is_read_and_shows_nothing() {
        let map = map(1, 77, true);
        put(&map, KEY, &record());
        let stored = map.beneath().get(KEY).expect("memory").expect("a value");
        assert!(stored.starts_with(b"Vx"));
        assert!(!contains(&stored, b"ada@example.com"));
        assert_eq!(map.get(KEY), Ok(Some(record())));
        assert_eq!(map.scan(&[8], &[8], 9), Ok(vec![(Bytes::from_static(KEY), record())]));
        assert_eq!(stored.len(), record().len() + OVERHEAD - codec::HEADER);
    }

    #[test]
    fn what_was_just_written_is_read_without_opening_it_and_only_as_long_as_it_is_what_is_stored() {
        const KEY: &[u8] = &[Kind::Client.byte(), 1];
        let map = map(1, 77, true);
        put(&map, KEY, &record());
        let read = || map.get(KEY).expect("memory").expect("a value");
        let (first, second) = (read(), read());
        assert_eq!((&first, first.as_ptr()), (&record(), second.as_ptr()), "both are at one place");
        let stored = map.beneath().get(KEY).expect("memory").expect("a value");
        let mut changed = stored.to_vec();
        changed[SEALED_HEADER] ^= 1;
        map.beneath().append(&[vec![write(KEY, changed.into())]], false).expect("memory");
        assert!(decode::<ValueRecordV1>(&read()).is_err(), "what is stored is not what was written");
        map.beneath().append(&[vec![write(KEY, stored.to_vec().into())]], false).expect("memory");
        assert_eq!(read(), record());
    }

    #[test]
    fn golden_sealed_value() {
        let golden = include_str!("record/golden/sealed_value_v2.hex").trim();
        let sealer = sealer(1, 77, true);
        *sealer.current.lock().expect("no panic") =
            Subkey { number: [5; 16], key: Arc::new(derive(&sealer.root, &[5; 16])), next: 258 };
        let sealed = sealer.seal(KEY, &record());
        let hex = crate::domain::text::hex(&sealed);
        assert_eq!(hex, golden, "values out there could not be opened any more");
        assert_eq!(sealer.open(KEY, &sealed), Some(record()));
    }

    #[test]
    fn a_value_opens_only_under_its_key_in_its_place_and_whole() {
        let good = sealer(1, 77, true);
        let sealed = good.seal(KEY, &record());
        assert_eq!(good.open(KEY, &sealed), Some(record()));
        assert_eq!(sealer(1, 77, false).open(KEY, &sealed), Some(record()), "the next start");
        assert_eq!(sealer(2, 77, true).open(KEY, &sealed), None, "another key");
        assert_eq!(sealer(1, 78, true).open(KEY, &sealed), None, "another store");
        assert_eq!(good.open(&[8, 2], &sealed), None, "another place");
        for bit in 0..sealed.len() * 8 {
            let mut bad = sealed.to_vec();
            bad[bit / 8] ^= 1 << (bit % 8);
            assert_eq!(good.open(KEY, &bad), None, "bit {bit}");
        }
        for end in 0..sealed.len() {
            assert_eq!(good.open(KEY, &sealed[..end]), None, "cut at {end}");
        }
    }

    #[test]
    fn what_does_not_open_is_damage_and_not_a_record() {
        let map = map(1, 77, true);
        put(&map, KEY, &record());
        let stored = map.beneath().get(KEY).expect("memory").expect("a value");
        map.beneath()
            .append(&[vec![Write { key: Bytes::from_static(&[8, 2]), value: Some(stored) }]], false)
            .expect("memory");
        let moved = map.get(&[8, 2]).expect("memory").expect("a value");
        let error = decode::<ValueRecordV1>(&moved).expect_err("it is sealed for another place");
        assert!(error.to_string().contains("does not open"), "{error}");
    }

    #[test]
    fn plain_values_stay_readable_and_are_sealed_when_they_are_written_again() {
        let map = map(1, 77, true);
        map.beneath().append(&[vec![write(KEY, record())]], false).expect("memory");
        assert_eq!(map.get(KEY), Ok(Some(record())));
        put(&map, KEY, &record());
        assert!(map.beneath().get(KEY).expect("memory").expect("a value").starts_with(&SEALED_MAGIC));
    }

    #[test]
    fn with_sealing_switched_off_sealed_values_open_and_new_ones_are_plain() {
        let sealed = sealer(1, 77, true).seal(KEY, &record());
        let map = map(1, 77, false);
        map.beneath().append(&[vec![write(KEY, sealed)]], false).expect("memory");
        assert_eq!(map.get(KEY), Ok(Some(record())));
        put(&map, &[8, 2], &record());
        assert_eq!(map.beneath().get(&[8, 2]), Ok(Some(record())));
    }

    #[test]
    fn the_mark_goes_with_the_first_sealed_value_as_it_is() {
        let mark = write(&[8, 9], record());
        let map = Sealed::over(Memory::default(), Some(sealer(1, 77, true)), Some(mark));
        assert_eq!(map.beneath().get(&[8, 9]), Ok(None));
        for _ in 0..2 {
            put(&map, KEY, &record());
            assert_eq!(map.beneath().get(&[8, 9]), Ok(Some(record())));
        }
        assert!(map.mark.lock().expect("no panic").is_none());
    }

    #[test]
    fn no_nonce_comes_twice_and_a_used_up_subkey_is_replaced() {
        let sealer = sealer(1, 77, true);
        let (first, _, zero) = sealer.take_nonce();
        assert_eq!((zero, sealer.take_nonce().2), (0, 1));
        sealer.current.lock().expect("no panic").next = VALUES_PER_SUBKEY - 1;
        let (last, _, counter) = sealer.take_nonce();
        assert_eq!((last, counter), (first, VALUES_PER_SUBKEY - 1));
        let (next, _, counter) = sealer.take_nonce();
        assert!(next != first && counter == 0);
        assert_ne!(self::sealer(1, 77, true).take_nonce().0, next, "every start draws its own");
    }

    #[test]
    fn the_largest_record_can_be_sealed() {
        let mut bytes = vec![7; codec::ENTRY_MAX - codec::HEADER - 3];
        bytes[0] = 1;
        let largest = encode(&ValueRecordV1 { bytes }).expect("the largest record");
        assert_eq!(largest.len(), codec::ENTRY_MAX);
        assert!(sealer(1, 77, true).seal(KEY, &largest).len() <= 64 << 10);
    }

    fn record() -> Bytes {
        encode(&ValueRecordV1 { bytes: b"ada@example.com".to_vec() }).expect("a small record")
    }

    fn sealer(key: u8, store_id: u64, seal: bool) -> Sealer {
        Sealer::new(&Sealing { key: Zeroizing::new([key; 32]), seal }, store_id)
    }

    fn map(key: u8, store_id: u64, seal: bool) -> Sealed<Memory> {
        Sealed::over(Memory::default(), Some(sealer(key, store_id, seal)), None)
    }

    fn put(map: &Sealed<Memory>, key: &'static [u8], value: &Bytes) {
        let groups = map.prepare(vec![vec![write(key, value.clone())]]);
        map.append(&groups, false).expect("memory takes all");
    }

    fn write(key: &'static [u8], value: Bytes) -> Write {
        Write { key: Bytes::from_static(key), value: Some(value) }
    }

    fn contains(text: &[u8], needle: &[u8]) -> bool {
        text.windows(needle.len()).any(|window| window == needle)
    }
}
