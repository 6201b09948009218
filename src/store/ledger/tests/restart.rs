//! All kinds of ends, and what the next start finds.

use super::*;
use crate::store::ledger::manifest::{KindDigests, Pending};

#[test]
fn everything_acknowledged_is_there_after_an_end_without_close() {
    let directory = tempfile::tempdir().unwrap();
    let ledger = Ledger::open(options(directory.path())).unwrap();
    ledger.append(&[vec![put("ua", "1"), put("ib", "2")], vec![put("ua", "3")]], true).unwrap();
    ledger.append(&[vec![Write::remove("ib")]], true).unwrap();
    drop(ledger);

    let ledger = Ledger::open(options(directory.path())).unwrap();
    assert_eq!(ledger.get(b"ua").unwrap(), Some(Bytes::from("3")));
    assert_eq!(ledger.get(b"ib").unwrap(), None);
    assert_eq!(ledger.stats().sequence, 4);
}

#[test]
fn the_filter_has_no_false_negatives_after_any_kind_of_end() {
    let directory = tempfile::tempdir().unwrap();
    for round in 0..6 {
        let ledger = Ledger::open(options(directory.path())).unwrap();
        for number in 0..round * 100 {
            assert!(ledger.probably_contains(format!("i{number}").as_bytes()), "{number} in round {round}");
        }
        let absent = (1_000..2_000).filter(|number| ledger.probably_contains(format!("i{number}").as_bytes()));
        assert!(absent.count() < 20);
        assert!(ledger.probably_contains(b"u1"));
        let group = (round * 100..round * 100 + 100).map(|number| put(&format!("i{number}"), "x"));
        ledger.append(&[group.collect()], true).unwrap();
        match round % 3 {
            0 => ledger.close(),
            1 => drop(ledger),
            _ => {
                ledger.close();
                std::fs::remove_file(directory.path().join("filter")).unwrap();
            }
        }
    }
}

#[test]
fn an_interrupted_checkpoint_is_taken_up_again() {
    let directory = tempfile::tempdir().unwrap();
    let ledger = Ledger::open(options(directory.path())).unwrap();
    ledger.append(&[vec![put("ua", "1"), put("ub", "1"), put("uc", "1")]], true).unwrap();
    ledger.close();
    let ledger = Ledger::open(still(directory.path())).unwrap();
    ledger.append(&[vec![put("ua", "2"), Write::remove("ub"), put("id", "2")]], true).unwrap();
    drop(ledger);
    // The state after a crash in the middle: recorded in the manifest, and some keys written.
    let mut rest = KindDigests::default();
    rest.add(b"uc", b"1");
    let begun = |manifest: &mut Manifest| {
        manifest.pending = Some(Pending { to_epoch: manifest.floor + 1, rest });
    };
    manifest_file(directory.path()).update(|_| true, begun).unwrap();
    tree(directory.path()).set(b"ua", Some(b"2")).unwrap();

    for _ in 0..2 {
        let ledger = Ledger::open(options(directory.path())).unwrap();
        let expected = [("id", "2"), ("ua", "2"), ("uc", "1")];
        assert_eq!(all(&ledger), expected.map(|(key, value)| (key.into(), value.into())).into());
        assert!(ledger.probably_contains(b"id"));
        ledger.close();
    }
}

#[test]
fn keys_before_among_and_behind_those_in_sled_are_all_counted() {
    let directory = tempfile::tempdir().unwrap();
    let rounds = [
        vec![put("d5", "1"), put("d7", "1"), put("uz", "1")],
        // Behind the last key, equal to it, between two, before all; and kinds that sled has none of, or only others behind.
        vec![put("d9", "2"), put("d7", "2"), put("d6", "2"), put("d1", "2"), put("ix", "2"), put("ua", "2")],
        // What is removed is there, or was never in sled, or is written in the same segment.
        vec![Write::remove("d9"), Write::remove("d2"), Write::remove("v1"), put("d95", "3"), Write::remove("d95")],
        vec![put("d9", "4"), Write::remove("d1"), put("d1", "4"), Write::remove("uz")],
    ];
    let mut model = Model::new();
    for round in rounds {
        // The start compares sled with the manifest.
        let ledger =
            Ledger::open(Options { verify_at_once: Duration::from_secs(60), ..options(directory.path()) }).unwrap();
        wait_for(|| ledger.stats().verified);
        assert_eq!(all(&ledger), model);
        for write in &round {
            match &write.value {
                Some(value) => drop(model.insert(write.key.to_vec(), value.to_vec())),
                None => drop(model.remove(&write.key[..])),
            }
        }
        ledger.append(&round.into_iter().map(|write| vec![write]).collect::<Vec<_>>(), true).unwrap();
        assert_eq!(all(&ledger), model);
        ledger.close();
    }
    let ledger = Ledger::open(options(directory.path())).unwrap();
    assert_eq!(all(&ledger), model);
}

#[test]
fn many_segments_with_checkpoints_and_random_ends_equal_the_model() {
    for seed in [1, 2, 3] {
        let directory = tempfile::tempdir().unwrap();
        let mut random = Random(seed);
        let mut model = Model::new();
        for _ in 0..8 {
            let ledger = Ledger::open(options(directory.path())).unwrap();
            assert_eq!(all(&ledger), model, "seed {seed}");
            for _ in 0..random.below(120) {
                let groups: Vec<Vec<Write>> = (0..1 + random.below(4))
                    .map(|_| (0..1 + random.below(5)).map(|_| random.write()).collect())
                    .collect();
                ledger.append(&groups, true).unwrap();
                for write in groups.into_iter().flatten() {
                    match write.value {
                        Some(value) => model.insert(write.key.to_vec(), value.to_vec()),
                        None => model.remove(&write.key[..]),
                    };
                }
                let key = random.write().key;
                let expected = model.get(&key[..]).map(|value| Bytes::copy_from_slice(value));
                assert_eq!(ledger.get(&key).unwrap(), expected, "seed {seed}");
                assert!(expected.is_none() || ledger.probably_contains(&key));
            }
            if random.below(5) == 0 {
                assert_eq!(all(&ledger), model, "seed {seed}");
            }
            assert_eq!(ledger.stats().snapshots_dead, None);
            if random.below(2) == 0 {
                ledger.close();
            }
        }
    }
}

#[test]
fn leftovers_of_an_older_epoch_are_ignored_after_recycling() {
    let directory = tempfile::tempdir().unwrap();
    let ledger = Ledger::open(options(directory.path())).unwrap();
    for number in 0..200 {
        ledger.append(&[vec![big(&format!("u{}", number % 7))]], true).unwrap();
    }
    wait_for(|| ledger.stats().segments_used <= 1);
    drop(ledger);

    // Short uses of recycled segments, until one has older frames after its end.
    let mut sequence = ledger_sequence(directory.path());
    for round in 0.. {
        assert!(round < 20, "no segment has frames of two epochs");
        let ledger = Ledger::open(still(directory.path())).unwrap();
        assert_eq!(ledger.stats().sequence, sequence);
        ledger.append(&[vec![put("ulast", "1")]], true).unwrap();
        sequence = ledger.stats().sequence;
        drop(ledger);
        if has_leftovers(directory.path()) {
            break;
        }
    }

    let ledger = Ledger::open(still(directory.path())).unwrap();
    assert_eq!(ledger.stats().sequence, sequence);
    assert_eq!(all(&ledger).len(), 8);
}

fn ledger_sequence(path: &Path) -> u64 {
    Ledger::open(still(path)).unwrap().stats().sequence
}

/// Whether a segment begins with a frame that sled does not have, followed by older ones.
fn has_leftovers(path: &Path) -> bool {
    use crate::store::ledger::frame::{self, Found};
    let manifest = manifest(path);
    let segments = std::fs::read_dir(path.join("journal")).unwrap();
    segments.map(|entry| std::fs::read(entry.unwrap().path()).unwrap()).any(|content| {
        let blocks = (0..content.len()).step_by(4096);
        let mut live = blocks.filter_map(|at| match frame::look(&content[at..], manifest.stamp) {
            Found::Frame(header) => Some(header.epoch >= manifest.epoch),
            _ => None,
        });
        live.next() == Some(true) && live.any(|live| !live)
    })
}

/// The child process of the next test: appends until it is killed.
#[test]
fn child_appends_until_killed() {
    let Some(path) = std::env::var_os("VESTIBULE_TEST_LEDGER") else {
        return;
    };
    let ledger = Ledger::open(options(Path::new(&path))).unwrap();
    let mut number = ledger.scan(b"u", b"", usize::MAX).unwrap().len();
    loop {
        let group = |number: usize| vec![put(&format!("u{number:08}"), "x"), put("d", &number.to_string()), big("i")];
        ledger.append(&[group(number), group(number + 1)], true).unwrap();
        number += 2;
        println!("acknowledged {number}");
    }
}

#[test]
fn a_killed_process_loses_nothing_it_acknowledged() {
    use std::io::{BufRead, BufReader};
    let directory = tempfile::tempdir().unwrap();
    let mut random = Random(5);
    for round in 0..8 {
        let mut child = std::process::Command::new(std::env::current_exe().unwrap())
            .args(["--exact", "store::ledger::tests::restart::child_appends_until_killed", "--nocapture"])
            .env("VESTIBULE_TEST_LEDGER", directory.path())
            .stdout(std::process::Stdio::piped())
            .spawn()
            .unwrap();
        let lines = BufReader::new(child.stdout.take().unwrap()).lines();
        let mut left = random.below(150);
        let mut acknowledged = 0;
        for line in lines.map_while(Result::ok) {
            let Some((_, number)) = line.split_once("acknowledged ") else {
                continue;
            };
            acknowledged = number.parse().unwrap();
            left = left.saturating_sub(1);
            if left == 0 {
                // What it printed before the kill is still valid.
                let _ = child.kill();
            }
        }
        child.wait().unwrap();
        assert!(acknowledged > 0, "the child never appended in round {round}");
        let ledger = Ledger::open(options(directory.path())).unwrap();
        let found = ledger.scan(b"u", b"", usize::MAX).unwrap().len();
        assert!(found >= acknowledged && found.is_multiple_of(2), "{found} of {acknowledged} in round {round}");
        assert_eq!(ledger.get(b"d").unwrap(), Some(Bytes::from((found - 1).to_string())));
    }
}
