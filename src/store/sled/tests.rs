//! The ledger as a whole.

use std::collections::BTreeMap;
use std::fs::OpenOptions;
use std::io;
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, AtomicI64, Ordering};
use std::time::{Duration, Instant};

use bytes::Bytes;

use super::file::Disk;
use super::{AppendError, Durability, Ledger, OpenError, Options, ReadError, Write};

type Model = BTreeMap<Vec<u8>, Vec<u8>>;

#[test]
fn everything_acknowledged_is_there_after_an_end_without_close() {
    let directory = tempfile::tempdir().unwrap();
    let ledger = Ledger::open(options(directory.path())).unwrap();
    ledger
        .append(
            &[vec![put("ua", "1"), put("ib", "2")], vec![put("ua", "3")]],
            true,
        )
        .unwrap();
    ledger.append(&[vec![Write::remove("ib")]], true).unwrap();
    drop(ledger);

    let ledger = Ledger::open(options(directory.path())).unwrap();
    assert_eq!(ledger.get(b"ua").unwrap(), Some(Bytes::from("3")));
    assert_eq!(ledger.get(b"ib").unwrap(), None);
    assert_eq!(ledger.stats().sequence, 4);
}

#[test]
fn a_second_open_is_refused_until_the_first_is_closed() {
    let directory = tempfile::tempdir().unwrap();
    let ledger = Ledger::open(options(directory.path())).unwrap();
    assert!(matches!(
        Ledger::open(options(directory.path())),
        Err(OpenError::Held { .. })
    ));
    ledger.close();
    assert!(matches!(ledger.get(b"ua"), Err(ReadError::Closed)));
    assert!(matches!(
        ledger.append(&[vec![put("u", "")]], true),
        Err(AppendError::Unavailable(_))
    ));
    Ledger::open(options(directory.path())).unwrap();
}

#[test]
fn close_leaves_everything_in_the_snapshots_and_a_removal_removes_there() {
    let directory = tempfile::tempdir().unwrap();
    let ledger = Ledger::open(options(directory.path())).unwrap();
    ledger
        .append(
            &[vec![put("ua", "1"), put("ub", "2"), put("ia", "3")]],
            true,
        )
        .unwrap();
    ledger.close();
    let ledger = Ledger::open(options(directory.path())).unwrap();
    assert_eq!(
        (
            ledger.stats().overlay_entries,
            ledger.stats().checkpoint_lag
        ),
        (0, 0)
    );
    ledger
        .append(&[vec![Write::remove("ua"), Write::remove("ia")]], true)
        .unwrap();
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
        let old = (0..300)
            .step_by(2)
            .map(|number| put(&format!("{kind}{number:03}"), "old"));
        ledger.append(&[old.collect()], true).unwrap();
    }
    ledger.close();
    let ledger = Ledger::open(options(directory.path())).unwrap();
    for kind in ["d", "u"] {
        let new = (0..300)
            .step_by(3)
            .map(|number| put(&format!("{kind}{number:03}"), "new"));
        ledger.append(&[new.collect()], true).unwrap();
        let gone = (0..300)
            .step_by(5)
            .map(|number| Write::remove(format!("{kind}{number:03}")));
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
        assert_eq!(
            ledger.scan(prefix, &expected[40].0, 7).unwrap(),
            expected[40..47]
        );
        assert_eq!(
            ledger
                .scan(format!("{kind}29").as_bytes(), b"", 100)
                .unwrap()[0]
                .0[1..],
            b"291"[..]
        );
        assert_eq!(ledger.scan(prefix, b"zz", 7).unwrap(), []);
    }
}

#[test]
fn the_filter_has_no_false_negatives_after_any_kind_of_end() {
    let directory = tempfile::tempdir().unwrap();
    for round in 0..6 {
        let ledger = Ledger::open(options(directory.path())).unwrap();
        for number in 0..round * 100 {
            assert!(
                ledger.probably_contains(format!("i{number}").as_bytes()),
                "{number} in round {round}"
            );
        }
        let absent = (1_000..2_000)
            .filter(|number| ledger.probably_contains(format!("i{number}").as_bytes()));
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
fn a_torn_tail_is_cut_and_writing_goes_on() {
    for torn in [1_u64, 30, 100, 4096] {
        let directory = tempfile::tempdir().unwrap();
        let path = unfinished(directory.path(), 5);
        // The last of five frames of two blocks each, of which only a part reached the disk.
        zero(&path, 8 * 4096 + torn, 8192 - torn);
        for round in 0..3 {
            let ledger = Ledger::open(still(directory.path())).unwrap();
            assert!(ledger.get(b"u3").unwrap().is_some());
            assert_eq!(
                ledger.get(b"u4").unwrap(),
                None,
                "{torn} bytes, round {round}"
            );
            ledger
                .append(&[vec![put("after", &round.to_string())]], true)
                .unwrap();
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
        let OpenError::Damaged {
            path: file, offset, ..
        } = &refused
        else {
            panic!("{refused}")
        };
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
    ledger
        .append(&[vec![put("ua", "1"), put("ub", "2")]], true)
        .unwrap();
    ledger.close();
    let change = |key: &str, value: Option<&[u8]>| {
        let tree = super::tree::Tree::open(&directory.path().join("sled"), 1 << 20).unwrap();
        tree.set(key.as_bytes(), value).unwrap();
    };
    change("ua", None);
    let refused = Ledger::open(options(directory.path()))
        .unwrap_err()
        .to_string();
    assert!(
        refused.contains("has 1 entries and was left with 2"),
        "{refused}"
    );
    change("ua", Some(b"7"));
    let refused = Ledger::open(options(directory.path()))
        .unwrap_err()
        .to_string();
    assert!(refused.contains("differs"), "{refused}");
    // The same in the background, while serving.
    let later = Options {
        verify_at_once: Duration::ZERO,
        ..options(directory.path())
    };
    let ledger = Ledger::open(later);
    if let Ok(ledger) = ledger {
        wait_for(|| ledger.stats().fatal.is_some());
        assert!(matches!(
            ledger.append(&[vec![put("u", "")]], true),
            Err(AppendError::Fatal(_))
        ));
    }
}

#[test]
fn an_interrupted_checkpoint_is_taken_up_again() {
    let directory = tempfile::tempdir().unwrap();
    let ledger = Ledger::open(options(directory.path())).unwrap();
    ledger
        .append(
            &[vec![put("ua", "1"), put("ub", "1"), put("uc", "1")]],
            true,
        )
        .unwrap();
    ledger.close();
    let ledger = Ledger::open(still(directory.path())).unwrap();
    ledger
        .append(
            &[vec![put("ua", "2"), Write::remove("ub"), put("id", "2")]],
            true,
        )
        .unwrap();
    drop(ledger);
    // What a crash in the middle leaves: announced, and some keys written.
    let path = directory.path().join("manifest");
    let mut manifest = super::manifest::Manifest::read(&path).unwrap().unwrap();
    let mut rest = super::manifest::Sums::default();
    rest.add(b"uc", b"1");
    manifest.pending = Some(super::manifest::Pending {
        to_epoch: manifest.epoch + 1,
        rest,
    });
    manifest.write(&path, true).unwrap();
    super::tree::Tree::open(&directory.path().join("sled"), 1 << 20)
        .unwrap()
        .set(b"ua", Some(b"2"))
        .unwrap();

    for _ in 0..2 {
        let ledger = Ledger::open(options(directory.path())).unwrap();
        let expected = [("id", "2"), ("ua", "2"), ("uc", "1")];
        assert_eq!(
            all(&ledger),
            expected
                .map(|(key, value)| (key.into(), value.into()))
                .into()
        );
        assert!(ledger.probably_contains(b"id"));
        ledger.close();
    }
}

#[test]
fn a_failed_fsync_stops_the_ledger_for_good() {
    let directory = tempfile::tempdir().unwrap();
    let disk = Disk::default();
    let ledger = Ledger::open_on(still(directory.path()), disk.clone()).unwrap();
    ledger.append(&[vec![put("ua", "1")]], true).unwrap();
    disk.faults.sync_fails.store(true, Ordering::Relaxed);
    assert!(matches!(
        ledger.append(&[vec![put("ub", "1")]], true),
        Err(AppendError::Fatal(_))
    ));
    disk.faults.sync_fails.store(false, Ordering::Relaxed);
    assert!(matches!(
        ledger.append(&[vec![put("ub", "1")]], true),
        Err(AppendError::Fatal(_))
    ));
    assert!(matches!(ledger.get(b"ua"), Err(ReadError::Fatal(_))));
    drop(ledger);
    let ledger = Ledger::open(still(directory.path())).unwrap();
    assert_eq!(ledger.get(b"ua").unwrap(), Some(Bytes::from("1")));
}

#[test]
fn a_short_write_is_taken_back_and_writing_resumes_with_room() {
    for room in [0, 1, 52, 100, 4096, 5000] {
        let directory = tempfile::tempdir().unwrap();
        let disk = Disk::default();
        let ledger = Ledger::open_on(still(directory.path()), disk.clone()).unwrap();
        ledger.append(&[vec![big("ua")]], true).unwrap();
        disk.faults.room.store(room, Ordering::Relaxed);
        assert!(matches!(
            ledger.append(&[vec![big("ub")]], true),
            Err(AppendError::Unavailable(_))
        ));
        assert_eq!(ledger.get(b"ub").unwrap(), None);
        disk.faults.room.store(-1, Ordering::Relaxed);
        ledger.append(&[vec![put("uc", "1")]], true).unwrap();
        drop(ledger);
        let ledger = Ledger::open(still(directory.path())).unwrap();
        assert_eq!(
            all(&ledger).into_keys().collect::<Vec<_>>(),
            [b"ua", b"uc"],
            "{room} bytes"
        );
    }
}

#[test]
fn a_full_journal_is_overloaded_and_loses_nothing() {
    let directory = tempfile::tempdir().unwrap();
    let small = || Options {
        wait_max: Duration::from_millis(5),
        free_bytes_min: 0,
        ..options(directory.path())
    };
    let ledger = Ledger::open(small()).unwrap();
    // As after an error of sled.
    ledger.shared.pool.stop(super::journal::Stop::Now);
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
    assert_eq!(
        ledger.scan(b"u", b"", usize::MAX).unwrap().len(),
        acknowledged
    );
    wait_for(|| ledger.append(&[vec![big("u")]], true).is_ok());
}

#[test]
fn unsynced_groups_after_a_hole_are_cut_not_refused() {
    let directory = tempfile::tempdir().unwrap();
    let relaxed = || Options {
        durability: Durability::Relaxed,
        ..still(directory.path())
    };
    let ledger = Ledger::open(relaxed()).unwrap();
    ledger.append(&[vec![put("u0", "")]], true).unwrap();
    for number in 1..5 {
        ledger
            .append(&[vec![put(&format!("u{number}"), "")]], false)
            .unwrap();
    }
    drop(ledger);
    zero(&segment(directory.path()), 2 * 4096, 4096);
    for _ in 0..2 {
        let ledger = Ledger::open(relaxed()).unwrap();
        let kept = all(&ledger).into_keys().collect::<Vec<_>>();
        assert_eq!(kept, [b"u0", b"u1"]);
    }
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
                let expected = model
                    .get(&key[..])
                    .map(|value| Bytes::copy_from_slice(value));
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
        ledger
            .append(&[vec![big(&format!("u{}", number % 7))]], true)
            .unwrap();
    }
    wait_for(|| ledger.stats().segments_used <= 1);
    drop(ledger);

    // A shorter use of a recycled segment, so that older frames stand behind its end.
    let ledger = Ledger::open(still(directory.path())).unwrap();
    ledger.append(&[vec![put("ulast", "1")]], true).unwrap();
    let sequence = ledger.stats().sequence;
    drop(ledger);
    let stamp = super::manifest::Manifest::read(&directory.path().join("manifest"))
        .unwrap()
        .unwrap()
        .stamp;
    let epochs = std::fs::read_dir(directory.path().join("journal"))
        .unwrap()
        .map(|entry| {
            let content = std::fs::read(entry.unwrap().path()).unwrap();
            let blocks = content.chunks(4096).enumerate();
            let frames = blocks.filter_map(|(block, _)| {
                match super::frame::look(&content[block * 4096..], stamp) {
                    super::frame::Found::Frame(header) => Some(header.epoch),
                    _ => None,
                }
            });
            frames.collect::<std::collections::BTreeSet<_>>().len()
        });
    assert!(
        epochs.max() > Some(1),
        "no segment has frames of two epochs"
    );

    let ledger = Ledger::open(still(directory.path())).unwrap();
    assert_eq!(ledger.stats().sequence, sequence);
    assert_eq!(all(&ledger).len(), 8);
}

/// The other half of the next test: a process that appends until it is killed.
#[test]
fn child_appends_until_killed() {
    let Some(path) = std::env::var_os("VESTIBULE_TEST_LEDGER") else {
        return;
    };
    let ledger = Ledger::open(options(Path::new(&path))).unwrap();
    let mut number = ledger.scan(b"u", b"", usize::MAX).unwrap().len();
    loop {
        let group = |number: usize| {
            vec![
                put(&format!("u{number:08}"), "x"),
                put("d", &number.to_string()),
                big("i"),
            ]
        };
        ledger
            .append(&[group(number), group(number + 1)], true)
            .unwrap();
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
            .args([
                "--exact",
                "store::sled::tests::child_appends_until_killed",
                "--nocapture",
            ])
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
                // What it said before the end still counts.
                let _ = child.kill();
            }
        }
        child.wait().unwrap();
        assert!(
            acknowledged > 0,
            "the child never appended in round {round}"
        );
        let ledger = Ledger::open(options(directory.path())).unwrap();
        let found = ledger.scan(b"u", b"", usize::MAX).unwrap().len();
        assert!(
            found >= acknowledged && found.is_multiple_of(2),
            "{found} of {acknowledged} in round {round}"
        );
        assert_eq!(
            ledger.get(b"d").unwrap(),
            Some(Bytes::from((found - 1).to_string()))
        );
    }
}

#[test]
fn an_idle_ledger_carries_its_active_segment_into_the_snapshots() {
    let directory = tempfile::tempdir().unwrap();
    let idle = Options {
        idle_after: Some(Duration::from_millis(10)),
        ..options(directory.path())
    };
    let ledger = Ledger::open(idle).unwrap();
    ledger.append(&[vec![put("ua", "1")]], true).unwrap();
    wait_for(|| ledger.stats().overlay_entries == 0);
    assert_eq!(ledger.get(b"ua").unwrap(), Some(Bytes::from("1")));
    assert_eq!(ledger.stats().checkpoint_lag, 0);
}

#[test]
fn too_little_room_and_missing_parts_are_refused_with_advice() {
    let directory = tempfile::tempdir().unwrap();
    let greedy = Options {
        free_bytes_min: u64::MAX,
        ..options(directory.path())
    };
    assert!(matches!(
        Ledger::open(greedy),
        Err(OpenError::DiskFull { .. })
    ));
    unfinished(directory.path(), 2);
    std::fs::remove_file(directory.path().join("manifest")).unwrap();
    let refused = Ledger::open(still(directory.path()))
        .unwrap_err()
        .to_string();
    assert!(refused.contains("manifest is missing"), "{refused}");
}

#[test]
fn what_does_not_fit_is_refused_before_it_is_written() {
    let directory = tempfile::tempdir().unwrap();
    let ledger = Ledger::open(still(directory.path())).unwrap();
    for group in [
        vec![put("", "x")],
        vec![Write::put("u", vec![0; 70_000])],
        vec![big("u"); 20],
    ] {
        assert!(matches!(
            ledger.append(&[group], true),
            Err(AppendError::Unavailable(_))
        ));
    }
    assert_eq!(ledger.stats().sequence, 1);
}

/// Makes the files of a journal fail.
#[derive(Debug)]
pub(super) struct Faults {
    /// How many more bytes may be written; negative: any number.
    pub(super) room: AtomicI64,
    pub(super) sync_fails: AtomicBool,
}

impl Default for Faults {
    fn default() -> Faults {
        Faults {
            room: AtomicI64::new(-1),
            sync_fails: AtomicBool::new(false),
        }
    }
}

impl Faults {
    /// The part of a write that succeeds. Zeros always do, as over blocks that are there already.
    pub(super) fn write<'a>(&self, bytes: &'a [u8]) -> io::Result<&'a [u8]> {
        let room = self.room.load(Ordering::Relaxed);
        if room < 0 || bytes.iter().all(|byte| *byte == 0) {
            return Ok(bytes);
        }
        if room == 0 {
            return Err(io::ErrorKind::StorageFull.into());
        }
        let part = &bytes[..bytes.len().min(room as usize)];
        self.room.fetch_sub(part.len() as i64, Ordering::Relaxed);
        Ok(part)
    }

    pub(super) fn sync(&self) -> io::Result<()> {
        match self.sync_fails.load(Ordering::Relaxed) {
            true => Err(io::Error::other("injected")),
            false => Ok(()),
        }
    }
}

struct Random(u64);

impl Random {
    fn below(&mut self, bound: u64) -> u64 {
        self.0 = self.0.wrapping_add(1);
        super::hash::key(self.0, b"random") % bound
    }

    fn write(&mut self) -> Write {
        let kind = ["i", "d", "u"][self.below(3) as usize];
        let key = format!("{kind}{}", self.below(150));
        match self.below(4) {
            0 => Write::remove(key),
            _ => Write::put(key, vec![self.below(256) as u8; self.below(2_000) as usize]),
        }
    }
}

fn options(path: &Path) -> Options {
    Options {
        segment_bytes: 64 << 10,
        segments_max: 6,
        filtered_kind: Some(b'i'),
        ordered_kinds: vec![b'd'],
        cache_bytes: 1 << 20,
        wait_max: Duration::from_secs(10),
        ..Options::new(path)
    }
}

/// Options with which nothing reaches sled: the one segment is never sealed.
fn still(path: &Path) -> Options {
    Options {
        idle_after: None,
        verify_at_once: Duration::from_secs(60),
        free_bytes_min: 1 << 20,
        ..options(path)
    }
}

/// Leaves a journal of this many frames of two blocks, and its file.
fn unfinished(path: &Path, frames: usize) -> PathBuf {
    let ledger = Ledger::open(still(path)).unwrap();
    for number in 0..frames {
        ledger
            .append(
                &[vec![Write::put(format!("u{number}"), vec![0xA5; 6_000])]],
                true,
            )
            .unwrap();
    }
    drop(ledger);
    segment(path)
}

/// The segment that begins with a frame.
fn segment(path: &Path) -> PathBuf {
    let segments = std::fs::read_dir(path.join("journal"))
        .unwrap()
        .map(|entry| entry.unwrap().path());
    let mut written = segments.filter(|path| std::fs::read(path).unwrap()[0] != 0);
    written.next().unwrap()
}

fn all(ledger: &Ledger) -> Model {
    let found = ledger.scan(b"", b"", usize::MAX).unwrap();
    let kinds: usize = [b"i", b"d", b"u"]
        .iter()
        .map(|kind| ledger.scan(*kind, b"", usize::MAX).unwrap().len())
        .sum();
    assert_eq!(found.len(), kinds);
    found
        .into_iter()
        .map(|(key, value)| (key.to_vec(), value.to_vec()))
        .collect()
}

fn wait_for(mut met: impl FnMut() -> bool) {
    let deadline = Instant::now() + Duration::from_secs(20);
    while !met() {
        assert!(Instant::now() < deadline, "it never happened");
        std::thread::sleep(Duration::from_millis(5));
    }
}

fn put(key: &str, value: &str) -> Write {
    Write::put(key.to_owned(), value.to_owned())
}

fn big(key: &str) -> Write {
    Write::put(key.to_owned(), vec![0x5A; 6_000])
}

fn flip(path: &Path, at: u64) {
    let file = OpenOptions::new()
        .read(true)
        .write(true)
        .open(path)
        .unwrap();
    let mut byte = [0];
    file.read_exact_at(&mut byte, at).unwrap();
    file.write_all_at(&[byte[0] ^ 0x10], at).unwrap();
}

fn zero(path: &Path, at: u64, bytes: u64) {
    let file = OpenOptions::new().write(true).open(path).unwrap();
    file.write_all_at(&vec![0; bytes as usize], at).unwrap();
}
