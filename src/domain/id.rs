//! Ids, typed by kind: 16 bytes `bucket (1) | unix ms (6) | random (9)`, written as a prefix and 27 base62
//! characters. An id is not a credential ([guide: Ids](crate::guide::storage#ids)).

use std::fmt;
use std::hash::{Hash, Hasher};
use std::marker::PhantomData;
use std::str::FromStr;

use serde::{Deserialize, Deserializer, Serialize, Serializer};
use uuid::Uuid;

use super::ports::Entropy;
use super::time::Timestamp;

/// The prefix of a kind of id on the wire.
pub trait Kind: 'static {
    /// The prefix with its underscore, such as `user_`.
    const PREFIX: &'static str;
}

macro_rules! kinds {
    ($($(#[$doc:meta])* $kind:ident $alias:ident $prefix:literal)*) => {$(
        $(#[$doc])*
        #[derive(Debug)]
        pub enum $kind {}
        impl Kind for $kind {
            const PREFIX: &'static str = $prefix;
        }
        $(#[$doc])*
        pub type $alias = Id<$kind>;
    )*};
}

kinds! {
    /// A sign-up.
    SignUpKind SignUpId "sua_"
    /// A sign-in.
    SignInKind SignInId "sia_"
    /// A client: one browser or device.
    ClientKind ClientId "client_"
    /// A user.
    UserKind UserId "user_"
    /// A session of a user on a client.
    SessionKind SessionId "sess_"
    /// An identification: an e-mail address or phone number of a user.
    IdentificationKind IdentificationId "idn_"
    /// A code that was sent to an address of a user for the application's backend.
    AddressVerificationKind AddressVerificationId "ver_"
    /// An account of a user at a provider.
    ExternalAccountKind ExternalAccountId "eac_"
    /// An invitation.
    InvitationKind InvitationId "inv_"
    /// A sign-in token.
    SignInTokenKind SignInTokenId "sit_"
    /// An entry of the waiting list.
    WaitlistEntryKind WaitlistEntryId "wle_"
    /// An entry of the allow-list or the block-list that the application's backend added.
    ListedIdentifierKind ListedIdentifierId "lid_"
    /// A redirect URL that the application's backend listed.
    RedirectUrlKind RedirectUrlId "ru_"
    /// An instance; also the key id of a signing key.
    InstanceKind InstanceId "ins_"
    /// A message in the outbox.
    MessageKind MessageId "msg_"
    /// An event.
    EventKind EventId "evt_"
    /// An endpoint that receives webhooks.
    WebhookEndpointKind WebhookEndpointId "we_"
}

/// An id of kind `K`.
pub struct Id<K>(Uuid, PhantomData<fn() -> K>);

/// Text that is not an id of the wanted kind.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("not a well-formed id")]
pub struct MalformedId;

impl<K: Kind> Id<K> {
    /// A new id, created at `now`.
    pub fn generate(now: Timestamp, entropy: &mut dyn Entropy) -> Self {
        let mut bytes = [0; 16];
        entropy.fill(&mut bytes);
        bytes[1..7].copy_from_slice(&now.as_millis().to_be_bytes()[2..]);
        Self::from_bytes(bytes)
    }

    /// The id with these bytes.
    pub const fn from_bytes(bytes: [u8; 16]) -> Self {
        Self(Uuid::from_bytes(bytes), PhantomData)
    }

    /// The 16 bytes of the id.
    pub const fn as_bytes(&self) -> &[u8; 16] {
        self.0.as_bytes()
    }

    /// When it was created, for an id that was [generated](Self::generate).
    pub fn made_at(&self) -> Timestamp {
        let mut ms = [0; 8];
        ms[2..].copy_from_slice(&self.as_bytes()[1..7]);
        Timestamp::from_millis(u64::from_be_bytes(ms))
    }

    /// The same 16 bytes as an id of another kind (a user takes the bytes of the sign-up it came from).
    pub const fn cast<L: Kind>(self) -> Id<L> {
        Id(self.0, PhantomData)
    }
}

impl<K: Kind> fmt::Display for Id<K> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        const { assert!(K::PREFIX.len() <= PREFIX_MAX, "the prefix is too long") };
        let mut text = [b'0'; PREFIX_MAX + WIDTH];
        let (prefix, digits) = text.split_at_mut(K::PREFIX.len());
        prefix.copy_from_slice(K::PREFIX.as_bytes());
        let mut rest = self.0.as_u128();
        // Ten digits at a time: one 128-bit division costs as much as all the 64-bit divisions of ten digits. Two at once of
        // these, since that is half of the divisions.
        for digits in digits[..WIDTH].rchunks_mut(10) {
            let mut part = (rest % TEN_DIGITS) as u64;
            rest /= TEN_DIGITS;
            for digits in digits.rchunks_mut(2) {
                if part == 0 {
                    break;
                }
                let two = PAIRS[(part % PAIRS.len() as u64) as usize];
                digits.copy_from_slice(&two[2 - digits.len()..]);
                part /= PAIRS.len() as u64;
            }
        }
        let length = K::PREFIX.len() + WIDTH;
        f.write_str(std::str::from_utf8(&text[..length]).map_err(|_| fmt::Error)?)
    }
}

impl<K: Kind> FromStr for Id<K> {
    type Err = MalformedId;

    fn from_str(text: &str) -> Result<Self, MalformedId> {
        let digits = text.strip_prefix(K::PREFIX).ok_or(MalformedId)?;
        if digits.len() != WIDTH {
            return Err(MalformedId);
        }
        let mut value: u128 = 0;
        for byte in digits.bytes() {
            let digit = ALPHABET.iter().position(|c| *c == byte).ok_or(MalformedId)? as u128;
            value = value.checked_mul(62).and_then(|v| v.checked_add(digit)).ok_or(MalformedId)?;
        }
        Ok(Self(Uuid::from_u128(value), PhantomData))
    }
}

impl<K> Clone for Id<K> {
    fn clone(&self) -> Self {
        *self
    }
}
impl<K> Copy for Id<K> {}
impl<K> PartialEq for Id<K> {
    fn eq(&self, other: &Self) -> bool {
        self.0 == other.0
    }
}
impl<K> Eq for Id<K> {}
impl<K> PartialOrd for Id<K> {
    fn partial_cmp(&self, other: &Self) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}
impl<K> Ord for Id<K> {
    fn cmp(&self, other: &Self) -> std::cmp::Ordering {
        self.0.cmp(&other.0)
    }
}
impl<K> Hash for Id<K> {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.0.hash(state);
    }
}
impl<K: Kind> fmt::Debug for Id<K> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}
impl<K> Serialize for Id<K> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.0.serialize(serializer)
    }
}
impl<'de, K> Deserialize<'de> for Id<K> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Uuid::deserialize(deserializer).map(|uuid| Self(uuid, PhantomData))
    }
}

/// Number of base62 characters after the prefix; 22 would suffice, but Clerk's ids have 27.
const WIDTH: usize = 27;
/// 62 to the power of ten, which fits in 64 bits.
const TEN_DIGITS: u128 = 62_u128.pow(10);
/// The longest prefix, in bytes.
const PREFIX_MAX: usize = 8;
/// All pairs of digits, in the order of their numbers.
static PAIRS: [[u8; 2]; 62 * 62] = {
    let mut pairs = [[0; 2]; 62 * 62];
    let mut number = 0;
    while number < pairs.len() {
        pairs[number] = [ALPHABET[number / 62], ALPHABET[number % 62]];
        number += 1;
    }
    pairs
};
const ALPHABET: &[u8; 62] = b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_id_tells_when_it_was_made() {
        struct Ones;
        impl Entropy for Ones {
            fn fill(&mut self, buffer: &mut [u8]) {
                buffer.fill(255);
            }
        }
        for ms in [0, 1, 1_795_411_798_123, (1 << 48) - 1] {
            let at = Timestamp::from_millis(ms);
            assert_eq!(UserId::generate(at, &mut Ones).made_at(), at);
        }
    }

    #[test]
    fn an_id_reads_back_what_it_wrote() {
        for bytes in [[0; 16], [255; 16], *b"0123456789abcdef"] {
            let id = UserId::from_bytes(bytes);
            let text = id.to_string();
            assert_eq!(text.len(), "user_".len() + 27);
            assert_eq!(text.parse(), Ok(id));
        }
    }

    #[test]
    fn an_id_is_a_number_in_base_62() {
        for n in [0, 1, 61, 62, 3843, 3844, TEN_DIGITS - 1, TEN_DIGITS, TEN_DIGITS * TEN_DIGITS + 7, u128::MAX] {
            let text = UserId::from_bytes(n.to_be_bytes()).to_string();
            let digits = text.strip_prefix("user_").expect("the prefix").bytes();
            let mut digits = digits.map(|digit| ALPHABET.iter().position(|known| *known == digit));
            let value = digits.try_fold(0_u128, |value, digit| value.checked_mul(62)?.checked_add(digit? as u128));
            assert_eq!(value, Some(n));
        }
    }

    #[test]
    fn foreign_prefixes_and_overflow_are_malformed() {
        let id = UserId::from_bytes([7; 16]).to_string();
        assert_eq!(id.parse::<SessionId>(), Err(MalformedId));
        assert_eq!(format!("user_{}", "z".repeat(27)).parse::<UserId>(), Err(MalformedId));
        assert_eq!("user_../../etc".parse::<UserId>(), Err(MalformedId));
    }
}
