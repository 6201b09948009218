//! MD5 (RFC 1321), for digests of other systems only.

/// The digest of all parts together.
#[cfg(feature = "foreign-hashes")]
pub(super) fn md5(parts: &[&[u8]]) -> Option<[u8; 16]> {
    use md5::{Digest, Md5};
    let hash = parts.iter().fold(Md5::new(), |hash, part| hash.chain_update(part));
    Some(hash.finalize().into())
}

#[cfg(not(feature = "foreign-hashes"))]
pub(super) const fn md5(_: &[&[u8]]) -> Option<[u8; 16]> {
    None
}
