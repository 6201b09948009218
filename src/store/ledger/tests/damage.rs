//! Damage, failing disks, and full disks.

use super::*;

#[test]
fn a_torn_tail_is_cut_and_writing_goes_on() {
    for torn in [1_u64, 30, 100, 4096] {
        let directory = tempfile::tempdir().unwrap();
        let path = unfinished(directory.path(), 5);
        // The last of five frames of two blocks each, of which only a part reached the disk.
        zero(&path, 8 * 4096 + torn, 8192 - torn);
        for round in 0..3 {
            let ledger = Ledger::open(still(directory.path())).unwrap();
            assert!(ledger.get(b"u3").unwrap().is_some());
            assert_eq!(ledger.get(b"u4").unwrap(), None, "{torn} bytes, round {round}");
            ledger.append(&[vec![put("after", &round.to_string())]], true).unwrap();
        }
        let ledger = Ledger::open(still(directory.path())).unwrap();
        assert_eq!(ledger.get(b"after").unwrap(), Some(Bytes::from("2")));
    }
}

#[test]
fn a_flipped_bit_before_the_last_group_refuses_with_the_place() {
    for at in [0, 6, 9, 17, 25, 33, 41, 45, 49, 60, 5000] {
        let directory = tempfile::tempdir().unwrap();
        let path = unfinished(directory.path(), 5);
        flip(&path, 2 * 8192 + at);
        let refused = Ledger::open(still(directory.path())).unwrap_err();
        let OpenError::Damaged { path: file, offset, .. } = &refused else { panic!("{refused}") };
        assert_eq!((file, *offset), (&path, 2 * 8192), "{at}");
        assert!(refused.to_string().contains("restore"), "{refused}");
        flip(&path, 2 * 8192 + at);
        Ledger::open(still(directory.path())).unwrap();
    }
}

#[test]
fn a_lost_value_in_the_snapshots_refuses() {
    let directory = tempfile::tempdir().unwrap();
    let ledger = Ledger::open(options(directory.path())).unwrap();
    ledger.append(&[vec![put("ua", "1"), put("ub", "2")]], true).unwrap();
    ledger.close();
    let change = |key: &str, value: Option<&[u8]>| {
        tree(directory.path()).set(key.as_bytes(), value).unwrap();
    };
    change("ua", None);
    let refused = Ledger::open(options(directory.path())).unwrap_err().to_string();
    assert!(refused.contains("has 1 entries and was left with 2"), "{refused}");
    change("ua", Some(b"7"));
    let refused = Ledger::open(options(directory.path())).unwrap_err().to_string();
    assert!(refused.contains("differs"), "{refused}");
}

#[test]
fn a_difference_found_in_the_background_stops_the_ledger_with_advice() {
    let directory = tempfile::tempdir().unwrap();
    let ledger = Ledger::open(options(directory.path())).unwrap();
    for first in (0..3_000).step_by(100) {
        let group = (first..first + 100).map(|number| put(&format!("u{number:04}"), "as it was left"));
        ledger.append(&[group.collect()], true).unwrap();
    }
    ledger.close();
    // More than a time slice of zero can verify.
    let later = || Options { verify_at_once: Duration::ZERO, ..options(directory.path()) };
    let whole = Ledger::open(later()).unwrap();
    wait_for(|| whole.stats().verified);
    assert_eq!(whole.stats().fatal, None);
    whole.close();

    let path = directory.path().join("sled");
    tree(directory.path()).set(b"u2999", Some(b"as nobody left it")).unwrap();
    let ledger = Ledger::open(later()).unwrap();
    wait_for(|| ledger.stats().fatal.is_some());
    let stats = ledger.stats();
    let sentence = stats.fatal.unwrap();
    assert!(sentence.starts_with(&format!("the snapshots in {} are damaged: ", path.display())), "{sentence}");
    assert!(sentence.ends_with("copy the data directory aside and restore the last backup"), "{sentence}");
    assert!(!stats.verified);
    let sequence = stats.sequence;
    let refused = ledger.append(&[vec![put("u", "")]], true);
    assert!(matches!(&refused, Err(AppendError::Fatal(reason)) if *reason == sentence), "{refused:?}");
    assert!(matches!(ledger.get(b"u0000"), Err(ReadError::Fatal(reason)) if reason == sentence));
    assert!(matches!(ledger.scan(b"u", b"", 1), Err(ReadError::Fatal(_))));
    ledger.close();
    assert_eq!(ledger.stats().sequence, sequence);
    assert!(Ledger::open(options(directory.path())).unwrap_err().to_string().contains("differs"));
}

#[test]
fn a_failed_fsync_stops_the_ledger_for_good() {
    let directory = tempfile::tempdir().unwrap();
    let faults = Arc::new(Switches::default());
    let ledger = Ledger::open_on(still(directory.path()), faults.disk()).unwrap();
    ledger.append(&[vec![put("ua", "1")]], true).unwrap();
    faults.sync_fails.store(true, Ordering::Relaxed);
    assert!(matches!(ledger.append(&[vec![put("ub", "1")]], true), Err(AppendError::Fatal(_))));
    faults.sync_fails.store(false, Ordering::Relaxed);
    assert!(matches!(ledger.append(&[vec![put("ub", "1")]], true), Err(AppendError::Fatal(_))));
    assert!(matches!(ledger.get(b"ua"), Err(ReadError::Fatal(_))));
    drop(ledger);
    let ledger = Ledger::open(still(directory.path())).unwrap();
    assert_eq!(ledger.get(b"ua").unwrap(), Some(Bytes::from("1")));
}

#[test]
fn a_short_write_is_taken_back_and_writing_resumes_with_room() {
    for room in [0, 1, 52, 100, 4096, 5000] {
        let directory = tempfile::tempdir().unwrap();
        let faults = Arc::new(Switches::default());
        let ledger = Ledger::open_on(still(directory.path()), faults.disk()).unwrap();
        ledger.append(&[vec![big("ua")]], true).unwrap();
        faults.room.store(room, Ordering::Relaxed);
        assert!(matches!(ledger.append(&[vec![big("ub")]], true), Err(AppendError::Unavailable(_))));
        assert_eq!(ledger.get(b"ub").unwrap(), None);
        faults.room.store(-1, Ordering::Relaxed);
        ledger.append(&[vec![put("uc", "1")]], true).unwrap();
        drop(ledger);
        let ledger = Ledger::open(still(directory.path())).unwrap();
        assert_eq!(all(&ledger).into_keys().collect::<Vec<_>>(), [b"ua", b"uc"], "{room} bytes");
    }
}

#[test]
fn a_full_journal_is_overloaded_and_loses_nothing() {
    let directory = tempfile::tempdir().unwrap();
    let small = || Options { wait_max: Duration::from_millis(5), free_bytes_min: 0, ..options(directory.path()) };
    let ledger = Ledger::open(small()).unwrap();
    // As after an error of sled.
    ledger.shared.pool.stop(crate::store::ledger::pool::Stop::Now);
    let mut acknowledged = 0;
    let refused = loop {
        match ledger.append(&[vec![big(&format!("u{acknowledged:05}"))]], true) {
            Ok(()) => acknowledged += 1,
            Err(error) => break error,
        }
    };
    assert!(matches!(refused, AppendError::Overloaded));
    assert!(acknowledged >= 8, "{acknowledged}");
    drop(ledger);
    let ledger = Ledger::open(small()).unwrap();
    assert_eq!(ledger.scan(b"u", b"", usize::MAX).unwrap().len(), acknowledged);
    wait_for(|| ledger.append(&[vec![big("u")]], true).is_ok());
}

#[test]
fn unsynced_groups_after_a_hole_are_cut_not_refused() {
    let directory = tempfile::tempdir().unwrap();
    let relaxed = || Options { durability: Durability::Relaxed, ..still(directory.path()) };
    let ledger = Ledger::open(relaxed()).unwrap();
    ledger.append(&[vec![put("u0", "")]], true).unwrap();
    for number in 1..5 {
        ledger.append(&[vec![put(&format!("u{number}"), "")]], false).unwrap();
    }
    drop(ledger);
    let path = segment(directory.path());
    zero(&path, 2 * 4096, 4096);
    for _ in 0..2 {
        let ledger = Ledger::open(relaxed()).unwrap();
        let kept = all(&ledger).into_keys().collect::<Vec<_>>();
        assert_eq!(kept, [b"u0", b"u1"]);
        let content = std::fs::read(&path).unwrap();
        assert!(content[2 * 4096..60 << 10].iter().all(|byte| *byte == 0), "what was cut is gone");
    }
}

#[test]
fn too_little_room_and_missing_parts_are_refused_with_advice() {
    let directory = tempfile::tempdir().unwrap();
    let greedy = Options { free_bytes_min: u64::MAX, ..options(directory.path()) };
    assert!(matches!(Ledger::open(greedy), Err(OpenError::DiskFull { .. })));
    unfinished(directory.path(), 2);
    std::fs::remove_file(directory.path().join("manifest")).unwrap();
    let refused = Ledger::open(still(directory.path())).unwrap_err().to_string();
    assert!(refused.contains("manifest is missing"), "{refused}");
}
