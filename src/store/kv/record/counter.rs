//! The uses of a quota within its hour.

use serde::{Deserialize, Serialize};

use crate::store::kv::codec::Record;
use crate::store::kv::key::Kind;

/// The uses of one quota.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(in crate::store) enum CounterRecordV1 {
    /// Of an address.
    Address { window_start: u64, messages: u32, guesses: u32, clients: Vec<ClientShareV1> },
    /// Of a client.
    Client {
        window_start: u64,
        sms: u32,
        /// The beginnings of the addresses' digests.
        addresses: Vec<[u8; 16]>,
    },
}

/// The uses of an address's quota by one client.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(in crate::store) struct ClientShareV1 {
    pub(in crate::store) client: [u8; 16],
    pub(in crate::store) messages: u32,
    pub(in crate::store) guesses: u32,
}

impl Record for CounterRecordV1 {
    const KIND: Kind = Kind::Counter;
    const SCHEMA: u8 = 1;
}
