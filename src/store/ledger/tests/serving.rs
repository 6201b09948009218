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

        let backwards: Vec<_> = expected.iter().rev().cloned().collect();
        assert_eq!(ledger.scan_back(prefix, b"zz", usize::MAX).unwrap(), backwards);
        assert_eq!(ledger.scan_back(prefix, &backwards[40].0, 70).unwrap(), backwards[41..111]);
        assert_eq!(ledger.scan_back(format!("{kind}28").as_bytes(), b"zz", 1).unwrap()[0].0[1..], b"288"[..]);
        assert_eq!(ledger.scan_back(prefix, b"a", 7).unwrap(), []);
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
fn a_burst_past_half_full_is_paced_and_keeps_all_it_acknowledged() {
    const WRITERS: usize = 4;
    let directory = tempfile::tempdir().unwrap();
    // The journal alone is much faster than sled, so it fills up.
    let tight = || Options {
        durability: Durability::None,
        segment_bytes: 32 << 10,
        segments_max: 8,
        wait_max: Duration::from_millis(2),
        pace_max: Duration::from_millis(5),
        ..options(directory.path())
    };
    let ledger = Arc::new(Ledger::open(tight()).unwrap());
    let (done, results) = std::sync::mpsc::channel();
    for writer in 0..WRITERS {
        let (ledger, done) = (Arc::clone(&ledger), done.clone());
        std::thread::spawn(move || done.send(burst(&ledger, writer)));
    }
    let mut total = Burst::default();
    for _ in 0..WRITERS {
        let burst = results.recv_timeout(Duration::from_secs(60)).expect("no writer is stuck");
        total.acknowledged.extend(burst.acknowledged);
        total.refused.extend(burst.refused);
        total.paced += burst.paced;
        total.used_max = total.used_max.max(burst.used_max);
    }
    assert!(total.paced > 0, "{} segments of 8 were used at most", total.used_max);
    assert!((5..=8).contains(&total.used_max), "{}", total.used_max);
    let check = |ledger: &Ledger| {
        for (writer, number) in &total.acknowledged {
            let (first, last) = (key(*writer, *number, 0), key(*writer, *number, KEYS - 1));
            assert!(ledger.get(first.as_bytes()).unwrap().is_some(), "{first} is lost");
            assert!(ledger.get(last.as_bytes()).unwrap().is_some(), "{last} is lost");
        }
        for (writer, number) in &total.refused {
            assert_eq!(ledger.get(key(*writer, *number, 0).as_bytes()).unwrap(), None, "it was refused");
        }
    };
    check(&ledger);
    drop(Arc::into_inner(ledger).expect("the writers are done"));
    let ledger = Ledger::open(tight()).unwrap();
    check(&ledger);
    wait_for(|| ledger.stats().segments_used <= 1);
    wait_for(|| ledger.append(&[vec![put("uafter", "")]], true).is_ok());
    ledger.close();
    check(&Ledger::open(tight()).unwrap());
}

const KEYS: usize = 40;

/// What one writer observed.
#[derive(Default)]
struct Burst {
    acknowledged: Vec<(usize, usize)>,
    refused: Vec<(usize, usize)>,
    /// How often the next group would have been delayed.
    paced: usize,
    used_max: usize,
}

/// Appends without a pause until pacing was observed several times.
fn burst(ledger: &Ledger, writer: usize) -> Burst {
    let mut burst = Burst::default();
    let mut number = 0;
    while number < 300 || (burst.paced < 50 && number < 5_000) {
        let group = (0..KEYS).map(|part| put(&key(writer, number, part), "a value of some length, as records are"));
        match ledger.append(&[group.collect()], true) {
            Ok(()) => burst.acknowledged.push((writer, number)),
            Err(AppendError::Overloaded) => burst.refused.push((writer, number)),
            Err(error) => panic!("{error}"),
        }
        burst.paced += usize::from(!ledger.shared.pool.pace(4096, 0).is_zero());
        burst.used_max = burst.used_max.max(ledger.stats().segments_used);
        number += 1;
    }
    burst
}

fn key(writer: usize, number: usize, part: usize) -> String {
    format!("u{writer}-{number}-{part}")
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

#[test]
fn as_many_groups_as_one_frame_takes_are_told_and_the_rest_comes_later() {
    let directory = tempfile::tempdir().unwrap();
    let ledger = Ledger::open(still(directory.path())).unwrap();
    let groups: Vec<_> = (0..25).map(|number| vec![big(&format!("u{number:02}"))]).collect();
    assert!(matches!(ledger.append(&groups, true), Err(AppendError::Unavailable(_))));
    let mut rest = &groups[..];
    let mut parts = 0;
    while !rest.is_empty() {
        let (part, later) = rest.split_at(ledger.fits(rest));
        ledger.append(part, true).unwrap();
        (rest, parts) = (later, parts + 1);
    }
    assert_eq!(parts, 3);
    drop(ledger);
    let ledger = Ledger::open(still(directory.path())).unwrap();
    assert_eq!(all(&ledger).len(), 25);
    assert_eq!(ledger.fits(&[vec![big("u"); 20], vec![big("u")]]), 1);
    assert_eq!(ledger.fits(&[]), 1);
}
