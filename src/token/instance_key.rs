//! The instance key: 32 random bytes in a file of their own, apart from the data. All secrets in the data are digested
//! or encrypted under keys derived from it.

use std::fs;
use std::io::{self, Read, Write};
use std::os::unix::fs::{OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};

use aws_lc_rs::aead::{AES_256_GCM, Aad, NONCE_LEN, Nonce, RandomizedNonceKey};
use aws_lc_rs::{constant_time, hmac};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use zeroize::Zeroizing;

use crate::domain::guessable::guessable;
use crate::domain::ports::{Entropy, KeyedDigest, Sealer};
use crate::entropy::OsEntropy;

/// The instance key, with the keys derived from it. It is neither in the data files nor in backups.
pub struct InstanceKey {
    digests: hmac::Key,
    tokens: hmac::Key,
    sealing: RandomizedNonceKey,
    check_value: [u8; 32],
    bytes: Zeroizing<[u8; 32]>,
}

/// Why a key file is refused.
#[derive(Debug, thiserror::Error)]
pub enum KeyFileError {
    /// Reading or writing failed.
    #[error("the key file {path} can't be used: {error}")]
    Io {
        /// Path of the key file.
        path: PathBuf,
        /// The error of the operating system.
        error: io::Error,
    },
    /// The file is empty.
    #[error(
        "the key file {0} is empty; put the key back, or remove the file if there is no data yet: a new key is made then"
    )]
    Empty(PathBuf),
    /// It is a directory. Container engines create one when a file to be mounted is missing.
    #[error(
        "the key file {0} is a directory; remove it, and put the key there or name another file in `instance.key_file`"
    )]
    Directory(PathBuf),
    /// The content is not 32 bytes in base64.
    #[error("{0} is not a key file: it must hold 32 bytes as one line of base64")]
    Malformed(PathBuf),
    /// The file permissions let other users read it.
    #[error("the key file {0} can be read by others; run `chmod 600` on it")]
    Exposed(PathBuf),
}

impl InstanceKey {
    /// A new random key.
    pub fn generate() -> Self {
        let mut bytes = Zeroizing::new([0; 32]);
        OsEntropy::new().fill(bytes.as_mut());
        Self::from_bytes(bytes)
    }

    /// The key made of these bytes.
    pub fn from_bytes(bytes: Zeroizing<[u8; 32]>) -> Self {
        let root = hmac::Key::new(hmac::HMAC_SHA256, bytes.as_ref());
        let derive = |purpose: &str| hmac::sign(&root, purpose.as_bytes());
        let mac_key = |purpose: &str| hmac::Key::new(hmac::HMAC_SHA256, derive(purpose).as_ref());
        let sealing = RandomizedNonceKey::new(&AES_256_GCM, derive("vestibule sealing v1").as_ref())
            .expect("a SHA-256 tag is as long as an AES-256 key");
        let mut check_value = [0; 32];
        check_value.copy_from_slice(derive("vestibule check value v1").as_ref());
        Self {
            digests: mac_key("vestibule digests v1"),
            tokens: mac_key("vestibule client tokens v1"),
            sealing,
            check_value,
            bytes,
        }
    }

    /// Reads the key from `path`, or creates the file with a new key, readable by its owner only. Processes that start
    /// at once all get the same key. A crash leaves either the whole file or none.
    ///
    /// # Errors
    /// See [`KeyFileError`].
    pub fn load_or_create(path: &Path) -> Result<Self, KeyFileError> {
        if let Some(key) = Self::load(path)? {
            return Ok(key);
        }
        let io = |error| KeyFileError::Io { path: path.to_owned(), error };
        Self::generate().write(path).map_err(io)?;
        // Another process may have created the file first; its key counts.
        Self::load(path)?.ok_or_else(|| io(io::ErrorKind::NotFound.into()))
    }

    /// Why the key is easy to guess, as the end of a sentence that begins with "it"; `None` for a good key.
    pub fn weakness(&self) -> Option<&'static str> {
        guessable(self.bytes.as_ref())
    }

    /// A digest of the key, stored with the data: opening data written under another key is refused.
    pub const fn check_value(&self) -> [u8; 32] {
        self.check_value
    }

    /// The key under which the store encrypts its values.
    pub fn store_key(&self) -> Zeroizing<[u8; 32]> {
        let root = hmac::Key::new(hmac::HMAC_SHA256, self.bytes.as_ref());
        let mut key = Zeroizing::new([0; 32]);
        key.copy_from_slice(hmac::sign(&root, b"vestibule store v1").as_ref());
        key
    }

    /// The MAC of a token's parts.
    pub(super) fn token_mac(&self, parts: &[&[u8]]) -> [u8; 32] {
        mac(&self.tokens, parts)
    }

    /// Reads the key from `path`; `None` where there is no such file. Writes nothing.
    ///
    /// # Errors
    /// See [`KeyFileError`].
    pub fn load(path: &Path) -> Result<Option<Self>, KeyFileError> {
        let io = |error| KeyFileError::Io { path: path.to_owned(), error };
        let metadata = match fs::metadata(path) {
            Ok(metadata) if metadata.is_dir() => return Err(KeyFileError::Directory(path.to_owned())),
            Ok(metadata) => metadata,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(io(error)),
        };
        let mut text = Zeroizing::new(Vec::with_capacity(LENGTH_MAX));
        let file = fs::File::open(path).map_err(io)?;
        file.take(LENGTH_MAX as u64).read_to_end(&mut text).map_err(io)?;
        let text = text.trim_ascii();
        if text.is_empty() {
            // An empty file is reported before its permissions: there is nothing secret in it.
            return Err(KeyFileError::Empty(path.to_owned()));
        }
        if metadata.permissions().mode() & 0o077 != 0 {
            return Err(KeyFileError::Exposed(path.to_owned()));
        }
        let bytes = STANDARD.decode(text).ok().map(Zeroizing::new);
        let bytes = bytes.and_then(|bytes| <[u8; 32]>::try_from(bytes.as_slice()).ok());
        let bytes = bytes.ok_or_else(|| KeyFileError::Malformed(path.to_owned()))?;
        Ok(Some(Self::from_bytes(Zeroizing::new(bytes))))
    }

    /// Writes the key under this name unless a file exists. The file is complete and synced before it gets the name.
    fn write(&self, path: &Path) -> io::Result<()> {
        let mut number = [0; 8];
        OsEntropy::new().fill(&mut number);
        let mut draft = path.as_os_str().to_owned();
        draft.push(format!(".{:016x}.draft", u64::from_be_bytes(number)));
        let draft = PathBuf::from(draft);
        let named = self.write_draft(&draft).and_then(|()| match fs::hard_link(&draft, path) {
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => Ok(()),
            done => done,
        });
        let removed = match fs::remove_file(&draft) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
            _ => Ok(()),
        };
        named.and(removed)?;
        // Syncs the directory: if the file's name were lost in a crash, the data could never be read again.
        match path.parent().filter(|p| !p.as_os_str().is_empty()) {
            Some(folder) => fs::File::open(folder)?.sync_all(),
            None => fs::File::open(".")?.sync_all(),
        }
    }

    fn write_draft(&self, path: &Path) -> io::Result<()> {
        let text = Zeroizing::new(STANDARD.encode(self.bytes.as_ref()));
        let mut file = fs::OpenOptions::new().write(true).create_new(true).mode(0o600).open(path)?;
        file.write_all(text.as_bytes())?;
        file.write_all(b"\n")?;
        file.sync_all()
    }
}

impl KeyedDigest for InstanceKey {
    fn digest(&self, parts: &[&[u8]]) -> [u8; 32] {
        mac(&self.digests, parts)
    }

    fn equal(&self, left: &[u8; 32], right: &[u8; 32]) -> bool {
        constant_time::verify_slices_are_equal(left, right).is_ok()
    }
}

impl Sealer for InstanceKey {
    fn seal(&self, context: &[u8], plain: &[u8]) -> Vec<u8> {
        let mut sealed = plain.to_vec();
        let nonce = self
            .sealing
            .seal_in_place_append_tag(Aad::from(context), &mut sealed)
            .expect("a message of a few kilobytes is within what AES-GCM can seal");
        [&[FORMAT], nonce.as_ref().as_slice(), &sealed].concat()
    }

    fn open(&self, context: &[u8], sealed: &[u8]) -> Option<Vec<u8>> {
        let (format, rest) = sealed.split_first()?;
        let (nonce, rest) = rest.split_at_checked(NONCE_LEN)?;
        if *format != FORMAT {
            return None;
        }
        let nonce = Nonce::try_assume_unique_for_key(nonce).ok()?;
        let mut in_out = rest.to_vec();
        let plain = self.sealing.open_in_place(nonce, Aad::from(context), &mut in_out).ok()?;
        Some(plain.to_vec())
    }
}

/// HMAC-SHA-256 over parts, each prefixed with its length.
fn mac(key: &hmac::Key, parts: &[&[u8]]) -> [u8; 32] {
    let mut context = hmac::Context::with_key(key);
    for part in parts {
        context.update(&(part.len() as u64).to_be_bytes());
        context.update(part);
    }
    let mut digest = [0; 32];
    digest.copy_from_slice(context.sign().as_ref());
    digest
}

/// Bytes read at most; a key file is much shorter.
const LENGTH_MAX: usize = 1024;
/// Format byte of all encrypted values: AES-256-GCM as nonce, ciphertext, tag.
const FORMAT: u8 = 1;

#[cfg(test)]
mod tests {
    use std::sync::Barrier;
    use std::thread;

    use super::*;

    #[test]
    fn what_is_sealed_opens_only_under_the_same_key_and_context() {
        let (key, other) = (InstanceKey::generate(), InstanceKey::generate());
        let sealed = key.seal(b"message 1", b"424242");
        assert_eq!(key.open(b"message 1", &sealed).as_deref(), Some(b"424242".as_slice()));
        assert_eq!(key.open(b"message 2", &sealed), None);
        assert_eq!(other.open(b"message 1", &sealed), None);
        for cut in 0..sealed.len() {
            assert_eq!(key.open(b"message 1", &sealed[..cut]), None);
        }
    }

    #[test]
    fn parts_do_not_run_into_each_other() {
        let key = InstanceKey::generate();
        assert_ne!(key.digest(&[b"ab", b"c"]), key.digest(&[b"a", b"bc"]));
        assert_eq!(key.digest(&[b"ab", b"c"]), key.digest(&[b"ab", b"c"]));
    }

    #[test]
    fn a_key_file_is_made_once_and_private() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("instance.key");
        let made = InstanceKey::load_or_create(&path).expect("a new key");
        let read = InstanceKey::load_or_create(&path).expect("the same key");
        assert_eq!(made.check_value(), read.check_value());
        fs::set_permissions(&path, fs::Permissions::from_mode(0o644)).expect("permissions");
        assert!(matches!(InstanceKey::load_or_create(&path), Err(KeyFileError::Exposed(_))));
        fs::set_permissions(&path, fs::Permissions::from_mode(0o600)).expect("permissions");
        for nonsense in ["not a key", "\u{FFFD}", "AAAA", &"A".repeat(5000)] {
            fs::write(&path, nonsense).expect("a file");
            assert!(matches!(InstanceKey::load_or_create(&path), Err(KeyFileError::Malformed(_))), "{nonsense}");
        }
        fs::write(&path, [0xFF; 44]).expect("a file");
        assert!(matches!(InstanceKey::load_or_create(&path), Err(KeyFileError::Malformed(_))));
        for nothing in ["", "\n", " \r\n"] {
            fs::write(&path, nothing).expect("a file");
            assert!(matches!(InstanceKey::load_or_create(&path), Err(KeyFileError::Empty(_))), "{nothing:?}");
        }
        let directory = InstanceKey::load_or_create(folder.path());
        assert!(matches!(directory, Err(KeyFileError::Directory(_))));
    }

    #[test]
    fn reading_a_key_makes_none() {
        let folder = tempfile::tempdir().expect("a folder");
        assert!(InstanceKey::load(&folder.path().join("instance.key")).is_ok_and(|key| key.is_none()));
        assert_eq!(fs::read_dir(&folder).expect("a folder").count(), 0);
    }

    #[test]
    fn first_starts_at_the_same_time_agree_on_one_key() {
        for _ in 0..20 {
            let folder = tempfile::tempdir().expect("a folder");
            let path = folder.path().join("instance.key");
            let together = Barrier::new(8);
            let start = || {
                together.wait();
                InstanceKey::load_or_create(&path).map(|key| key.check_value())
            };
            let keys: Vec<_> = thread::scope(|scope| {
                let starts: Vec<_> = (0..8).map(|_| scope.spawn(start)).collect();
                starts.into_iter().map(|start| start.join().expect("a start").expect("a key")).collect()
            });
            assert!(keys.iter().all(|key| *key == keys[0]));
            let names: Vec<_> =
                fs::read_dir(&folder).expect("a folder").map(|e| e.expect("a file").file_name()).collect();
            assert_eq!(names, ["instance.key"]);
        }
    }

    #[test]
    fn a_key_never_replaces_another() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("instance.key");
        let first = InstanceKey::load_or_create(&path).expect("a new key");
        InstanceKey::generate().write(&path).expect("no fault");
        let kept = InstanceKey::load_or_create(&path).expect("the same key");
        assert_eq!(kept.check_value(), first.check_value());
        assert_eq!(fs::metadata(&path).expect("a file").permissions().mode() & 0o777, 0o600);
    }
}
