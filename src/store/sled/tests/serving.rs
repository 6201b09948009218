//! Reading, writing and closing.

use super::*;

#[test]
fn a_second_open_is_refused_until_the_first_is_closed() {
    let directory = tempfile::tempdir().unwrap();
    let ledger = Ledger::open(options(directory.path())).unwrap();
    assert!(matches!(Ledger::open(options(directory.path())), Err(OpenError::Held { .. })));
    ledger.close();
    assert!(matches!(ledger.get(b"ua"), Err(ReadError::Closed)));
    assert!(matches!(ledger.append(&[vec![put("u", "")]], true), Err(AppendError::Unavailable(_))));
    Ledger::open(options(directory.path())).unwrap();
}

#[test]
fn close_leaves_everything_in_the_snapshots_and_a_removal_removes_there() {
    let directory = tempfile::tempdir().unwrap();
    let ledger = Ledger::open(options(directory.path())).unwrap();
    ledger.append(&[vec![put("ua", "1"), put("ub", "2"), put("ia", "3")]], true).unwrap();
    ledger.close();
    let ledger = Ledger::open(options(directory.path())).unwrap();
    assert_eq!((ledger.stats().overlay_entries, ledger.stats().checkpoint_lag), (0, 0));
    ledger.append(&[vec![Write::remove("ua"), Write::remove("ia")]], true).unwrap();
    assert_eq!(ledger.get(b"ua").unwrap(), None);
    ledger.close();
    let ledger = Ledger::open(options(directory.path())).unwrap();
    assert_eq!(ledger.stats().overlay_entries, 0);
    assert_eq!(all(&ledger), Model::from([(b"ub".to_vec(), b"2".to_vec())]));
}

#[test]
fn scan_merges_the_overlay_over_the_snapshots() {
    let directory = tempfile::tempdir().unwrap();
    let ledger = Ledger::open(options(directory.path())).unwrap();
    for kind in ["d", "u"] {
        let old = (0..300).step_by(2).map(|number| put(&format!("{kind}{number:03}"), "old"));
        ledger.append(&[old.collect()], true).unwrap();
    }
    ledger.close();
    let ledger = Ledger::open(options(directory.path())).unwrap();
    for kind in ["d", "u"] {
        let new = (0..300).step_by(3).map(|number| put(&format!("{kind}{number:03}"), "new"));
        ledger.append(&[new.collect()], true).unwrap();
        let gone = (0..300).step_by(5).map(|number| Write::remove(format!("{kind}{number:03}")));
        ledger.append(&[gone.collect()], true).unwrap();

        let value = |number: i32| match (number % 5, number % 3, number % 2) {
            (0, _, _) => None,
            (_, 0, _) => Some("new"),
            (_, _, 0) => Some("old"),
            _ => None,
        };
        let expected: Vec<_> = (0..300)
            .filter_map(|number| Some((format!("{kind}{number:03}"), value(number)?)))
            .map(|(key, value)| (Bytes::from(key), Bytes::from(value)))
            .collect();
        let prefix = kind.as_bytes();
        assert_eq!(ledger.scan(prefix, b"", usize::MAX).unwrap(), expected);
        assert_eq!(ledger.scan(prefix, &expected[40].0, 7).unwrap(), expected[40..47]);
        assert_eq!(ledger.scan(format!("{kind}29").as_bytes(), b"", 100).unwrap()[0].0[1..], b"291"[..]);
        assert_eq!(ledger.scan(prefix, b"zz", 7).unwrap(), []);
    }
}

#[test]
fn an_idle_ledger_carries_its_active_segment_into_the_snapshots() {
    let directory = tempfile::tempdir().unwrap();
    let idle = Options { idle_after: Some(Duration::from_millis(10)), ..options(directory.path()) };
    let ledger = Ledger::open(idle).unwrap();
    ledger.append(&[vec![put("ua", "1")]], true).unwrap();
    wait_for(|| ledger.stats().overlay_entries == 0);
    assert_eq!(ledger.get(b"ua").unwrap(), Some(Bytes::from("1")));
    assert_eq!(ledger.stats().checkpoint_lag, 0);
}

#[test]
fn what_does_not_fit_is_refused_before_it_is_written() {
    let directory = tempfile::tempdir().unwrap();
    let ledger = Ledger::open(still(directory.path())).unwrap();
    for group in [vec![put("", "x")], vec![Write::put("u", vec![0; 70_000])], vec![big("u"); 20]] {
        assert!(matches!(ledger.append(&[group], true), Err(AppendError::Unavailable(_))));
    }
    assert_eq!(ledger.stats().sequence, 1);
}
