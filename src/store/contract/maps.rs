//! What a map of keys and values does, beneath all that a store does with it.

use bytes::Bytes;

use crate::store::kv::key::Kind;
use crate::store::kv::kv_store::Beneath;
use crate::store::{KvStore, Write};

pub(super) async fn a_map_gives_back_what_was_appended_last<K: Beneath>(store: &KvStore<K>) {
    let (first, second) = (key(Kind::Value, 1), key(Kind::Value, 2));
    assert_eq!(store.get(first.clone()).await, Ok(None));
    append(store, vec![vec![put(&first, b"a"), put(&second, b"b")], vec![put(&first, b"c")]]).await;
    assert_eq!(
        store.get(first.clone()).await,
        Ok(Some(Bytes::from_static(b"c"))),
        "the later group of one append wins"
    );
    assert_eq!(store.get(second.clone()).await, Ok(Some(Bytes::from_static(b"b"))));
    append(store, vec![vec![put(&first, b""), remove(&second)]]).await;
    assert_eq!(store.get(first.clone()).await, Ok(Some(Bytes::new())), "an empty value is a value");
    assert_eq!(store.get(second.clone()).await, Ok(None));
    append(store, vec![vec![remove(&second)]]).await;
    assert_eq!(store.get(second.clone()).await, Ok(None), "what is not there can be removed");
}

pub(super) async fn a_map_is_scanned_in_the_order_of_its_keys<K: Beneath>(store: &KvStore<K>) {
    for n in [7, 255, 3, 0, 200, 8, 5] {
        append(
            store,
            vec![vec![put(&key(Kind::Deadline, n), b"of this kind"), put(&key(Kind::Outbox, n), b"of another")]],
        )
        .await;
    }
    append(store, vec![vec![remove(&key(Kind::Deadline, 8))]]).await;
    let scan = async |from: &[u8], limit| -> Vec<u8> {
        let found = store.entries(&[Kind::Deadline.byte()], from, limit).await.expect("a scan");
        let is_right = |(key, value): &(Bytes, Bytes)| key[0] == Kind::Deadline.byte() && value == "of this kind";
        assert!(found.iter().all(is_right), "{found:?}");
        found.iter().map(|(key, _)| key[1]).collect()
    };
    let start = [Kind::Deadline.byte()];
    assert_eq!(scan(&start, 100).await, [0, 3, 5, 7, 200, 255]);
    assert_eq!(scan(&start, 4).await, [0, 3, 5, 7]);
    let after_five = [&key(Kind::Deadline, 5)[..], &[0]].concat();
    assert_eq!(scan(&after_five, 2).await, [7, 200]);
    let after_all = [&key(Kind::Deadline, 255)[..], &[0]].concat();
    assert_eq!(scan(&after_all, 2).await, [0; 0], "the next kind is not part of it");
}

pub(super) async fn a_map_is_scanned_backwards_in_the_opposite_order<K: Beneath>(store: &KvStore<K>) {
    // An ordered kind and one that is not; neighbours on both sides.
    for kind in [Kind::Deadline, Kind::Counter] {
        let beside = [kind.byte() - 1, kind.byte() + 1];
        for n in [7, 255, 3, 0, 200, 8, 5] {
            append(store, vec![vec![put(&key(kind, n), b"of this kind")]]).await;
            for byte in beside {
                let other = Bytes::from([&[byte][..], &[n; 16]].concat());
                append(store, vec![vec![put(&other, b"of another")]]).await;
            }
        }
        append(store, vec![vec![remove(&key(kind, 8)), remove(&key(kind, 255))]]).await;
        let scan = async |below: &[u8], limit| -> Vec<u8> {
            let found = store.entries_back(&[kind.byte()], below, limit).await.expect("a scan");
            assert!(found.iter().all(|(key, value)| key[0] == kind.byte() && value == "of this kind"), "{found:?}");
            found.iter().map(|(key, _)| key[1]).collect()
        };
        let end = [kind.byte() + 1];
        assert_eq!(scan(&end, 100).await, [200, 7, 5, 3, 0]);
        assert_eq!(scan(&end, 2).await, [200, 7]);
        assert_eq!(scan(&key(kind, 7), 2).await, [5, 3], "the key itself is not read again");
        assert_eq!(scan(&key(kind, 0), 2).await, [0; 0], "the kind before is not part of it");
        assert_eq!(scan(&[kind.byte()], 2).await, [0; 0]);
        assert_eq!(scan(&[kind.byte() + 2], 2).await, [200, 7], "from above the next kind");
    }
}

pub(super) async fn what_a_map_knows_without_its_disk_is_true<K: Beneath>(store: &KvStore<K>) {
    let map = store.key_value();
    let keys: Vec<_> = (0..50).map(|n| key(Kind::Identifier, n)).collect();
    for key in &keys[..40] {
        append(store, vec![vec![put(key, b"here")]]).await;
    }
    for key in &keys[..10] {
        append(store, vec![vec![remove(key)]]).await;
    }
    for (n, key) in keys.iter().enumerate() {
        let stored = store.get(key.clone()).await.expect("a read");
        assert_eq!(stored.is_some(), (10..40).contains(&n));
        assert!(stored.is_none() || map.may_contain(key), "it is certainly there");
        assert!(map.known(key).is_none_or(|known| known == stored), "what is known is what a read finds");
    }
    let groups = vec![vec![put(&keys[0], b"again")]];
    assert!(Beneath::fits(map, &groups) >= 1, "one group always fits");
}

async fn append<K: Beneath>(store: &KvStore<K>, groups: Vec<Vec<Write>>) {
    assert_eq!(store.write_entries(groups).await, Ok(()));
}

fn put(key: &Bytes, value: &'static [u8]) -> Write {
    Write { key: key.clone(), value: Some(Bytes::from_static(value)) }
}

fn remove(key: &Bytes) -> Write {
    Write { key: key.clone(), value: None }
}

/// A key of this kind, ordered by `n`.
fn key(kind: Kind, n: u8) -> Bytes {
    let mut key = [n; 17];
    key[0] = kind.byte();
    Bytes::copy_from_slice(&key)
}
