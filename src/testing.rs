//! For tests of an application: everything that makes an engine a good test double. An engine in a test is the whole
//! engine, with the answers of production; only its clock, its chance, its mail, its password hashing and perhaps its
//! store are the test's. Many of them run in one process and share nothing.
//!
//! Begin with [`Kit`]. The guide's chapter [testing](crate::guide::testing) has examples, also for test suites in other
//! languages.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use zeroize::Zeroizing;

use crate::delivery::Capture;
use crate::domain::ports::Entropy;
use crate::domain::time::Timestamp;
use crate::engine::{Engine, EngineBuilder};
use crate::password::HashOptions;
use crate::token::{Algorithm, InstanceKey};

#[doc(inline)]
pub use crate::__store_contract as store_contract;
pub use crate::clock::ManualClock;
pub use crate::entropy::SeededEntropy;
pub use crate::store::{Fault, FaultyStore, ReadFault, StoreCall, StoreRead, check_store};

/// Makes a module of tests, one for each requirement for a store: `store_contract!(name, open);`.
///
/// `name` is the name of the module. `open` is an expression that makes an empty store
/// ([`KvStore`](crate::storage::KvStore) over the map to test) and what must live as long as the store does, such as a
/// temporary folder, as a pair; `()` if there is nothing. It is evaluated once in each test, inside of a tokio runtime, and
/// may wait. A test fails where the store does not meet its requirement.
///
/// ```
/// use vestibule::storage::KvStore;
/// # use vestibule::storage::{CommitError, KeyValue, StoreError, Write};
/// # use bytes::Bytes;
/// # #[derive(Default)]
/// # struct Map;
/// # impl KeyValue for Map {
/// #     fn get(&self, _: &[u8]) -> Result<Option<Bytes>, StoreError> { Ok(None) }
/// #     fn scan(&self, _: &[u8], _: &[u8], _: usize) -> Result<Vec<(Bytes, Bytes)>, StoreError> { Ok(vec![]) }
/// #     fn scan_back(&self, _: &[u8], _: &[u8], _: usize) -> Result<Vec<(Bytes, Bytes)>, StoreError> { Ok(vec![]) }
/// #     fn append(&self, _: &[Vec<Write>], _: bool) -> Result<(), CommitError> { Ok(()) }
/// #     fn close(&self) {}
/// #     fn blocks(&self) -> bool { false }
/// # }
///
/// vestibule::testing::store_contract!(my_map, (KvStore::over(Map::default()), ()));
/// # fn main() {}
/// ```
#[macro_export]
#[doc(hidden)]
macro_rules! __store_contract {
    ($name:ident, $open:expr) => {
        $crate::__requirements_for_stores! { [$crate::__store_contract] @tests $name $open }
    };
    (@tests $name:ident $open:expr => $($about:ident :: $requirement:ident)*) => {
        mod $name {
            use super::*;
            $(
                #[test]
                fn $requirement() {
                    $crate::testing::check_store(stringify!($requirement), async || $open);
                }
            )*
        }
    };
}

/// The parts of a test's engine that the test controls. Two kits share nothing.
///
/// ```
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// use vestibule::testing::Kit;
/// use vestibule::{AttemptVerification, Caller, NewSignUp, PrepareVerification, RequestContext, Span, Strategy};
///
/// let kit = Kit::new(1);
/// let engine = kit.builder().settings(vestibule::settings::sample_settings("email_code")?).build().await?;
///
/// let fields = NewSignUp { email_address: Some("Ada@Example.com".into()), ..NewSignUp::default() };
/// let context = RequestContext::default();
/// let (sign_up, client) = engine.sign_ups().create(&Caller::anonymous(), &fields, &context).await?;
/// let token = client.new_token.ok_or("a new client has a token")?;
/// let (id, caller) = (sign_up.id(), engine.identify(Some(token.expose())).await?);
/// engine.sign_ups().prepare(&caller, id, &PrepareVerification::new(Strategy::EmailCode), &context).await?;
///
/// let message = kit.mail.next_to("ada@example.com").await;
/// kit.clock.advance(Span::from_secs(11 * 60)); // the code is valid for ten minutes
/// let code = message.code.clone().ok_or("the message carries a code")?.into_inner();
/// let attempt = AttemptVerification::code(Strategy::EmailCode, code);
/// assert!(engine.sign_ups().attempt(&caller, id, &attempt, &context).await.is_err());
/// engine.shutdown().await;
/// # Ok(())
/// # }
/// ```
#[derive(Debug)]
pub struct Kit {
    /// The engine's clock. It stands still until the test moves it.
    pub clock: Arc<ManualClock>,
    /// The e-mails that the engine sent.
    pub mail: Arc<Capture>,
    /// The text messages that the engine sent.
    pub texts: Arc<Capture>,
    seed: u64,
    /// How many builders were made.
    builders: AtomicU64,
}

impl Kit {
    /// A kit whose clock shows [`Kit::START`]. Engines of kits with the same seed that get the same calls one after the
    /// other give the same ids and send the same codes.
    pub fn new(seed: u64) -> Self {
        Self {
            clock: Arc::new(ManualClock::new(Self::START)),
            mail: Arc::new(Capture::new()),
            texts: Arc::new(Capture::new()),
            seed,
            builders: AtomicU64::new(0),
        }
    }

    /// A builder of an engine with the parts of this kit: its clock, its mail and its text messages, random bytes and an
    /// instance key from its seed, [cheap password hashing](HashOptions::for_tests), and session tokens signed by Ed25519,
    /// whose key is made at once (an RSA key takes a good part of a second). All else is as [`Engine::builder`] has it, and
    /// the test can set each of these, too.
    ///
    /// A second builder has the same instance key and other random bytes: with the store of the first engine it makes the
    /// engine that finds the data after a restart.
    pub fn builder(&self) -> EngineBuilder {
        let mut key = Zeroizing::new([0; 32]);
        SeededEntropy::new(self.seed).fill(key.as_mut());
        let builder = self.builders.fetch_add(1, Ordering::Relaxed) + 1;
        // An odd factor, so that the seeds of different builders differ.
        let seed = self.seed.wrapping_add(builder.wrapping_mul(0x9E37_79B9_7F4A_7C15));
        Engine::builder()
            .clock(self.clock.clone())
            .entropy(Box::new(SeededEntropy::new(seed)))
            .key(InstanceKey::from_bytes(key))
            .algorithm(Algorithm::EdDsa)
            .hashing(HashOptions::for_tests())
            .email(self.mail.clone())
            .sms(self.texts.clone())
    }

    /// What the clock of a new kit shows: 15 January 2027, 08:00 UTC.
    pub const START: Timestamp = Timestamp::from_millis(1_800_000_000_000);
}

#[cfg(test)]
mod tests {
    use super::store_contract;
    #[cfg(feature = "sled")]
    use crate::store::{EmbeddedStore, ledger::Durability};
    use crate::store::{MemoryStore, shared_with_another_node};

    store_contract!(memory, (MemoryStore::new(), ()));
    store_contract!(a_map_shared_with_other_nodes, shared_with_another_node());
    #[cfg(feature = "sled")]
    store_contract!(embedded, {
        let folder = tempfile::tempdir().expect("a folder");
        let store = EmbeddedStore::open(folder.path(), Durability::None).expect("a store");
        (store, folder)
    });
}
