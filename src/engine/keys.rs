//! The keys that an engine finds in its store, or makes at its first start.

use crate::domain::id::InstanceId;
use crate::domain::ports::{Entropy, KeyedDigest, Sealer};
use crate::domain::secret::Secret;
use crate::domain::text::hex;
use crate::domain::time::Timestamp;
use crate::store::{Commit, CommitError, Decision, NamedValueWrite, Store};
use crate::token::{Algorithm, InstanceKey, Keyring, SigningKey};

use super::BuildError;

/// How the application's backend authenticates.
#[derive(Clone, Debug, Default)]
pub enum BackendKey {
    /// It can't: the backend's calls are off.
    #[default]
    Off,
    /// By a key that is generated at the first start and stored, sealed, with the data. It begins with `sk_test_`, as
    /// keys of development instances do. A key that is already stored is kept.
    Generated,
    /// By this key.
    Given(Secret<String>),
}

/// Refuses data that was written under another instance key, before anything is decrypted.
pub(super) async fn check_instance_key(store: &dyn Store, key: &InstanceKey) -> Result<(), BuildError> {
    let expected = key.check_value();
    let stored = match store.value(CHECK_VALUE).await? {
        Some(stored) => stored,
        None => write_first(store, CHECK_VALUE, expected.to_vec()).await?,
    };
    if stored == expected { Ok(()) } else { Err(BuildError::WrongKey) }
}

/// The id of the instance: the same as long as the instance key is.
pub(super) fn instance_id(key: &InstanceKey) -> InstanceId {
    let digest = key.digest(&[b"instance"]);
    let mut id = [0; 16];
    id.copy_from_slice(&digest[..16]);
    InstanceId::from_bytes(id)
}

/// The signing key of an algorithm, sealed in the store; made at the first start.
pub(super) async fn load_keyring(
    store: &dyn Store,
    key: &InstanceKey,
    algorithm: Algorithm,
    now: Timestamp,
    entropy: &mut dyn Entropy,
) -> Result<Keyring, BuildError> {
    let refused = |error: &dyn std::fmt::Display| BuildError::SigningKey(error.to_string());
    let name = format!("signing_key.{algorithm}");
    let sealed = match store.value(&name).await? {
        Some(sealed) => sealed,
        None => {
            let kid = InstanceId::generate(now, entropy);
            let made = tokio::task::spawn_blocking(move || SigningKey::generate(kid, algorithm)).await;
            let made = made.map_err(|e| refused(&e))?.map_err(|e| refused(&e))?;
            let pkcs8 = made.to_pkcs8().map_err(|e| refused(&e))?;
            let plain = [kid.as_bytes().as_slice(), pkcs8.expose()].concat();
            write_first(store, &name, key.seal(name.as_bytes(), &plain)).await?
        }
    };
    let stored = key.open(name.as_bytes(), &sealed).ok_or(BuildError::WrongKey)?;
    let (kid, pkcs8) = stored.split_first_chunk().ok_or(BuildError::WrongKey)?;
    let signing_key =
        SigningKey::from_pkcs8(InstanceId::from_bytes(*kid), algorithm, pkcs8).map_err(|e| refused(&e))?;
    Ok(Keyring::new(signing_key))
}

/// The secret key. A generated one is made at the first start and stored, sealed.
pub(super) async fn load_secret_key(
    store: &dyn Store,
    key: &InstanceKey,
    wanted: BackendKey,
    entropy: &mut dyn Entropy,
) -> Result<Option<Secret<String>>, BuildError> {
    match wanted {
        BackendKey::Off => return Ok(None),
        BackendKey::Given(given) => return Ok(Some(given)),
        BackendKey::Generated => {}
    }
    let sealed = match store.value(SECRET_KEY).await? {
        Some(sealed) => sealed,
        None => {
            let mut bytes = [0; 32];
            entropy.fill(&mut bytes);
            let made = format!("sk_test_{}", hex(&bytes));
            write_first(store, SECRET_KEY, key.seal(SECRET_KEY.as_bytes(), made.as_bytes())).await?
        }
    };
    let plain = key.open(SECRET_KEY.as_bytes(), &sealed).and_then(|plain| String::from_utf8(plain).ok());
    plain.map(|plain| Some(Secret::new(plain))).ok_or(BuildError::WrongKey)
}

/// Stores a value that is missing. Returns the one that is stored then: another node may have been the first.
async fn write_first(store: &dyn Store, name: &str, value: Vec<u8>) -> Result<Vec<u8>, BuildError> {
    let write = NamedValueWrite { name: name.to_owned(), expected: None, next: value.clone() };
    let decision = Decision { named_value: Some(write), ..Decision::default() };
    let commit = Commit::of_decision(Timestamp::default(), decision);
    match store.commit(vec![commit]).await.pop().unwrap_or(Err(CommitError::Unknown)) {
        Ok(_) => Ok(value),
        Err(CommitError::Stale) => Ok(store.value(name).await?.ok_or(CommitError::Unknown)?),
        Err(error) => Err(error.into()),
    }
}

/// The name under which the generated secret key is stored.
const SECRET_KEY: &str = "secret_key";
/// The name under which the fingerprint of the instance key is stored.
const CHECK_VALUE: &str = "instance_key_check";

#[cfg(test)]
mod tests {
    use super::*;
    use crate::entropy::OsEntropy;
    use crate::store::MemoryStore;

    #[tokio::test]
    async fn a_key_that_is_made_is_for_development_and_one_that_was_stored_stays() {
        let (store, key) = (MemoryStore::new(), InstanceKey::generate());
        let load = async |store: &MemoryStore| {
            let loaded = load_secret_key(store, &key, BackendKey::Generated, &mut OsEntropy::new()).await;
            loaded.expect("a store").expect("a key").expose().clone()
        };
        let made = load(&store).await;
        assert!(made.starts_with("sk_test_") && made.len() == 72, "{made}");
        assert_eq!(load(&store).await, made);
        let older = MemoryStore::new();
        let stored = "sk_live_0123456789abcdef0123456789abcdef";
        write_first(&older, SECRET_KEY, key.seal(SECRET_KEY.as_bytes(), stored.as_bytes())).await.expect("a store");
        assert_eq!(load(&older).await, stored, "backends that know it still do");
    }

    #[tokio::test]
    async fn of_nodes_that_make_a_key_at_the_same_time_one_is_the_first() {
        let store = MemoryStore::new();
        assert_eq!(write_first(&store, "key", vec![1]).await.expect("a store"), [1]);
        assert_eq!(write_first(&store, "key", vec![2]).await.expect("a store"), [1]);
    }
}
