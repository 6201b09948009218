//! The keys that an engine finds in its store, or makes at its first start.

use crate::domain::id::InstanceId;
use crate::domain::ports::{Entropy, KeyedDigest, Sealer};
use crate::domain::secret::Secret;
use crate::domain::text::hex;
use crate::domain::time::Timestamp;
use crate::store::{Commit, CommitError, Store};
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
    match store.value(CHECK_VALUE).await? {
        Some(stored) if stored == expected => Ok(()),
        Some(_) => Err(BuildError::WrongKey),
        None => Ok(write(store, CHECK_VALUE, expected.to_vec()).await?),
    }
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
    let signing_key = match store.value(&name).await? {
        Some(sealed) => {
            let stored = key.open(name.as_bytes(), &sealed).ok_or(BuildError::WrongKey)?;
            let (kid, pkcs8) = stored.split_at_checked(16).ok_or(BuildError::WrongKey)?;
            let kid: [u8; 16] = kid.try_into().map_err(|_| BuildError::WrongKey)?;
            SigningKey::from_pkcs8(InstanceId::from_bytes(kid), algorithm, pkcs8).map_err(|e| refused(&e))?
        }
        None => {
            let kid = InstanceId::generate(now, entropy);
            let made = tokio::task::spawn_blocking(move || SigningKey::generate(kid, algorithm)).await;
            let made = made.map_err(|e| refused(&e))?.map_err(|e| refused(&e))?;
            let pkcs8 = made.to_pkcs8().map_err(|e| refused(&e))?;
            let stored = [kid.as_bytes().as_slice(), pkcs8.expose()].concat();
            write(store, &name, key.seal(name.as_bytes(), &stored)).await?;
            made
        }
    };
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
    if let Some(sealed) = store.value(SECRET_KEY).await? {
        let plain = key.open(SECRET_KEY.as_bytes(), &sealed).and_then(|plain| String::from_utf8(plain).ok());
        return plain.map(|plain| Some(Secret::new(plain))).ok_or(BuildError::WrongKey);
    }
    let mut bytes = [0; 32];
    entropy.fill(&mut bytes);
    let made = format!("sk_test_{}", hex(&bytes));
    write(store, SECRET_KEY, key.seal(SECRET_KEY.as_bytes(), made.as_bytes())).await?;
    Ok(Some(Secret::new(made)))
}

async fn write(store: &dyn Store, name: &str, value: Vec<u8>) -> Result<(), CommitError> {
    let commit = Commit::of_value(Timestamp::default(), name, value);
    store.commit(vec![commit]).await.pop().unwrap_or(Err(CommitError::Unknown)).map(drop)
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
        write(&older, SECRET_KEY, key.seal(SECRET_KEY.as_bytes(), stored.as_bytes())).await.expect("a store");
        assert_eq!(load(&older).await, stored, "backends that know it still do");
    }
}
