//! What was used of a budget within its hour.

use serde::{Deserialize, Serialize};

use crate::store::kv::codec::Record;
use crate::store::kv::key::Kind;

/// The use of one budget.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(in crate::store) enum CounterRecordV1 {
    /// An address's.
    Address { window_start: u64, messages: u32, guesses: u32, clients: Vec<ClientShareV1> },
    /// A client's.
    Client {
        window_start: u64,
        sms: u32,
        /// The beginnings of the addresses' digests.
        addresses: Vec<[u8; 16]>,
    },
}

/// What one client used of an address's budget.
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
