//! What the domain needs from outside: random bytes, and secrets under the instance key. Adapters implement these
//! traits; tests use predictable ones.

/// A cryptographically secure source of random bytes.
pub trait Entropy {
    /// Fills `buffer` with random bytes.
    fn fill(&mut self, buffer: &mut [u8]);
}

/// HMAC-SHA-256 under the instance key, which is not in the data files.
pub trait KeyedDigest: Send + Sync {
    /// The digest of `parts`. Each part is prefixed with its length, so no two lists of parts collide.
    fn digest(&self, parts: &[&[u8]]) -> [u8; 32];

    /// Whether two digests are equal, in constant time.
    fn equal(&self, left: &[u8; 32], right: &[u8; 32]) -> bool;
}

/// Seals the secret part of a message under the instance key, and opens it again.
pub trait Sealer: Send + Sync {
    /// `plain`, sealed; it can only be opened with the same `context`.
    fn seal(&self, context: &[u8], plain: &[u8]) -> Vec<u8>;

    /// The plain text; `None` if it was changed, or sealed under another key or context.
    fn open(&self, context: &[u8], sealed: &[u8]) -> Option<Vec<u8>>;
}
