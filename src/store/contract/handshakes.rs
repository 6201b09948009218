//! Results of handshakes: one is fetched once, and not after it has expired.

use crate::domain::rejection::ErrorCode;
use crate::store::{CommitError, Store};

use super::support::*;

pub(super) async fn a_handshake_is_fetched_once_and_not_after_it_expired(store: &impl Store) {
    for n in 1..=3 {
        commit(store, keep(&handshake(n))).await.expect("a handshake");
    }
    let refused = Err(CommitError::Rejected(ErrorCode::InvalidNonce.on("nonce").into()));
    assert_eq!(store.handshake([1; 32]).await, Ok(Some(handshake(1))));
    assert_eq!(store.handshake([9; 32]).await, Ok(None));
    assert_eq!(commit(store, take(1, 59_999)).await, Ok(()));
    assert_eq!(store.handshake([1; 32]).await, Ok(None));
    assert_eq!(commit(store, take(1, 59_999)).await, refused, "it was fetched");
    assert_eq!(commit(store, take(2, 60_000)).await, refused, "it has expired");
    assert_eq!(commit(store, take(9, 1)).await, refused, "there never was one");
    let outcomes: Vec<_> = store.commit(vec![take(3, 1), take(3, 1)]).await.into_iter().map(bare).collect();
    assert_eq!(outcomes, [Ok(()), refused], "of two at once one gets it");
}
