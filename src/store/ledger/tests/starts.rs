//! What an earlier start left: sled's own files, the journal's files, and the epochs.

use super::*;
use crate::store::ledger::frame::{self, Found};
use crate::store::ledger::segment;

/// A directory whose sled has an index of its log, as every start leaves it whose log has grown; and the model.
fn with_index(path: &Path) -> Model {
    let mut model = Model::new();
    for round in 0..2 {
        let ledger = Ledger::open(options(path)).unwrap();
        let group: Vec<_> = (0..20).map(|number| put(&format!("u{round}-{number}"), "a value")).collect();
        ledger.append(std::slice::from_ref(&group), true).unwrap();
        model.extend(group.into_iter().map(|write| (write.key.to_vec(), write.value.unwrap().to_vec())));
        ledger.close();
    }
    drop(Ledger::open(still(path)).unwrap());
    model
}

fn indexes(path: &Path) -> Vec<PathBuf> {
    let entries = std::fs::read_dir(path.join("sled")).unwrap().map(|entry| entry.unwrap().path());
    entries.filter(|path| path.file_name().unwrap().to_string_lossy().starts_with("snap.")).collect()
}

fn aside(path: &Path) -> usize {
    let entries = std::fs::read_dir(path.join("sled")).unwrap();
    entries.filter(|entry| entry.as_ref().unwrap().file_name().to_string_lossy().starts_with("aside-")).count()
}

#[test]
fn an_index_that_sled_left_unfinished_is_no_obstacle_wherever_it_was_cut() {
    let directory = tempfile::tempdir().unwrap();
    let model = with_index(directory.path());
    let index = indexes(directory.path()).pop().expect("sled left an index");
    let whole = std::fs::read(&index).unwrap();
    // As when the next start writes another index whose name sorts after the complete one.
    let unfinished = directory.path().join("sled/snap.00000000FFFFFFFF.generating");
    for length in 0..=whole.len() {
        std::fs::write(&unfinished, &whole[..length]).unwrap();
        let ledger = Ledger::open(still(directory.path())).unwrap();
        assert_eq!(all(&ledger), model, "cut at {length}");
        drop(ledger);
        assert!(!unfinished.exists());
    }
    assert_eq!(aside(directory.path()), 0);
}

#[test]
fn an_index_that_was_cut_is_set_aside_and_the_log_is_read() {
    let directory = tempfile::tempdir().unwrap();
    let model = with_index(directory.path());
    let mut set_aside = 0;
    for part in 0..8 {
        for index in indexes(directory.path()) {
            let whole = std::fs::read(&index).unwrap();
            std::fs::write(&index, &whole[..whole.len() * part / 8]).unwrap();
            set_aside += 1;
        }
        let ledger = Ledger::open(still(directory.path())).unwrap();
        assert_eq!(all(&ledger), model, "{part} eighths");
        assert!(ledger.stats().verified || ledger.stats().fatal.is_none());
        drop(ledger);
        assert_eq!(aside(directory.path()), set_aside, "nothing is deleted");
    }
    assert!(set_aside >= 8);
}

#[test]
fn what_is_lost_with_an_index_set_aside_is_found_before_anything_is_served() {
    let directory = tempfile::tempdir().unwrap();
    with_index(directory.path());
    tree(directory.path()).set(b"u0-3", Some(b"as nobody left it")).unwrap();
    drop(tree(directory.path()));
    for index in indexes(directory.path()) {
        std::fs::write(&index, b"").unwrap();
    }
    let never = Options { verify_at_once: Duration::ZERO, ..still(directory.path()) };
    let refused = Ledger::open(never).unwrap_err().to_string();
    assert!(refused.contains("differs"), "{refused}");
}

#[test]
fn constants_cut_short_by_the_end_of_a_first_start_are_written_anew() {
    let directory = tempfile::tempdir().unwrap();
    drop(Ledger::open(still(directory.path())).unwrap());
    let conf = std::fs::read(directory.path().join("sled/conf")).unwrap();
    for length in 0..conf.len() {
        let directory = tempfile::tempdir().unwrap();
        std::fs::create_dir_all(directory.path().join("sled/blobs")).unwrap();
        std::fs::write(directory.path().join("sled/conf"), &conf[..length]).unwrap();
        let ledger = Ledger::open(still(directory.path())).unwrap();
        ledger.append(&[vec![put("ua", "1")]], true).unwrap();
        drop(ledger);
        assert_eq!(std::fs::read(directory.path().join("sled/conf")).unwrap(), conf, "cut at {length}");
    }
}

#[test]
fn constants_cut_short_beside_data_are_set_aside() {
    let directory = tempfile::tempdir().unwrap();
    let model = with_index(directory.path());
    let conf = directory.path().join("sled/conf");
    let whole = std::fs::read(&conf).unwrap();
    std::fs::write(&conf, &whole[..whole.len() - 6]).unwrap();
    let ledger = Ledger::open(still(directory.path())).unwrap();
    assert_eq!(all(&ledger), model);
    assert_eq!(std::fs::read(&conf).unwrap(), whole);
}

#[test]
fn a_missing_short_or_foreign_journal_refuses_with_the_file_and_the_remedy() {
    type Harm = fn(&Path, &Path);
    let harms: [(&str, Harm); 8] = [
        ("missing", |path, _| std::fs::remove_file(path).unwrap()),
        ("missing", |path, _| std::fs::remove_dir_all(path.parent().unwrap()).unwrap()),
        ("was left with", |path, _| cut(path, 0)),
        ("was left with", |path, _| cut(path, 1)),
        ("was left with", |path, _| cut(path, 8192)),
        ("another file", |path, other| assert!(std::fs::copy(other, path).unwrap() > 0)),
        ("another file", |path, _| std::fs::write(path, vec![0; 64 << 10]).unwrap()),
        ("another file", |path, _| {
            let beside = std::fs::read_dir(path.parent().unwrap()).unwrap().map(|entry| entry.unwrap().path());
            let beside = beside.into_iter().find(|beside| beside != path).unwrap();
            std::fs::copy(beside, path).unwrap();
        }),
    ];
    for (number, (word, harm)) in harms.into_iter().enumerate() {
        let (directory, other) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
        let live = unfinished(directory.path(), 3);
        let foreign = unfinished(other.path(), 2);
        harm(&live, &foreign);
        for _ in 0..2 {
            let refused = Ledger::open(still(directory.path())).unwrap_err();
            assert!(matches!(&refused, OpenError::Segment { .. }), "harm {number}: {refused}");
            let refused = refused.to_string();
            assert!(refused.contains(word) && refused.contains(".journal"), "harm {number}: {refused}");
            assert!(refused.contains("restore the last backup"), "harm {number}: {refused}");
        }
    }
}

#[test]
fn what_the_manifest_does_not_name_is_neither_used_nor_removed() {
    let directory = tempfile::tempdir().unwrap();
    unfinished(directory.path(), 3);
    let strange = ["4294967295.journal", "00000077.journal", "7.journal", "notes.txt"];
    for name in strange {
        std::fs::write(directory.path().join("journal").join(name), vec![0; 64 << 10]).unwrap();
    }
    for _ in 0..2 {
        let ledger = Ledger::open(options(directory.path())).unwrap();
        assert!(ledger.get(b"u2").unwrap().is_some());
        for number in 0..60 {
            ledger.append(&[vec![big(&format!("u{number}"))]], true).unwrap();
        }
        ledger.close();
    }
    for name in strange {
        let content = std::fs::read(directory.path().join("journal").join(name)).unwrap();
        assert!(content == vec![0; 64 << 10], "{name} was used");
    }
}

#[test]
fn a_directory_of_the_first_format_opens_and_is_guarded_from_then_on() {
    let directory = tempfile::tempdir().unwrap();
    let live = unfinished(directory.path(), 3);
    make_old(directory.path());
    let ledger = Ledger::open(still(directory.path())).unwrap();
    assert_eq!(all(&ledger).len(), 3);
    ledger.append(&[vec![put("ulast", "1")]], true).unwrap();
    drop(ledger);
    assert!(manifest(directory.path()).segments.unwrap().values().any(|listed| !listed.marked));
    cut(&live, 4096);
    assert!(matches!(Ledger::open(still(directory.path())), Err(OpenError::Segment { .. })));

    let directory = tempfile::tempdir().unwrap();
    unfinished(directory.path(), 3);
    make_old(directory.path());
    for _ in 0..2 {
        Ledger::open(options(directory.path())).unwrap().close();
    }
    let ledger = Ledger::open(options(directory.path())).unwrap();
    assert_eq!(all(&ledger).len(), 3);
    assert!(manifest(directory.path()).segments.unwrap().values().all(|listed| listed.marked));
}

#[test]
fn a_cut_or_foreign_segment_of_the_first_format_is_refused() {
    let (directory, other) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let live = unfinished(directory.path(), 3);
    make_old(directory.path());
    let whole = std::fs::read(&live).unwrap();
    let foreign = unfinished(other.path(), 2);
    make_old(other.path());
    for content in [Vec::new(), whole[..100].to_vec(), std::fs::read(foreign).unwrap()] {
        std::fs::write(&live, content).unwrap();
        assert!(matches!(Ledger::open(still(directory.path())), Err(OpenError::Segment { .. })));
    }
    std::fs::write(&live, whole).unwrap();
    assert_eq!(all(&Ledger::open(still(directory.path())).unwrap()).len(), 3);
}

#[test]
fn segments_of_another_size_are_read_and_then_replaced() {
    let directory = tempfile::tempdir().unwrap();
    unfinished(directory.path(), 3);
    let larger = || Options { segment_bytes: 128 << 10, ..options(directory.path()) };
    for _ in 0..3 {
        let ledger = Ledger::open(larger()).unwrap();
        assert_eq!(all(&ledger).len(), 3);
        ledger.close();
    }
    let sizes = std::fs::read_dir(directory.path().join("journal")).unwrap();
    let sizes: Vec<_> = sizes.map(|entry| entry.unwrap().metadata().unwrap().len()).collect();
    assert!(sizes.iter().all(|size| *size == 128 << 10), "{sizes:?}");
}

/// A recycled segment whose first page did not reach the disk before the pages after it: no group in it was
/// acknowledged as synced, and none may reappear after later ones.
#[test]
fn groups_lost_behind_a_stale_page_never_come_back() {
    let directory = tempfile::tempdir().unwrap();
    let relaxed = || Options { durability: Durability::Relaxed, ..still(directory.path()) };
    for _ in 0..3 {
        unfinished(directory.path(), 6);
        Ledger::open(Options { scrub: false, ..options(directory.path()) }).unwrap().close();
    }
    let before = segments(directory.path());
    let ledger = Ledger::open(relaxed()).unwrap();
    for number in 0..4 {
        ledger.append(&[vec![big(&format!("ulost{number}"))]], false).unwrap();
    }
    drop(ledger);
    let mut after = segments(directory.path()).into_iter();
    let (path, _) = after.find(|(path, content)| before[path][..8192] != content[..8192]).unwrap();
    let stale = &before[&path][..8192];
    assert!(stale.starts_with(&frame::MAGIC.to_le_bytes()), "a segment is used that was used before");
    OpenOptions::new().write(true).open(&path).unwrap().write_all_at(stale, 0).unwrap();

    let kept = all(&Ledger::open(relaxed()).unwrap()).into_keys().filter(|key| key.starts_with(b"ulost")).count();
    for round in 0..6 {
        let ledger = Ledger::open(relaxed()).unwrap();
        ledger.append(&[vec![big(&format!("uafter{round}"))]], true).unwrap();
        let lost = all(&ledger).into_keys().filter(|key| key.starts_with(b"ulost")).count();
        assert_eq!(lost, kept, "round {round}");
        drop(ledger);
    }
}

fn segments(path: &Path) -> BTreeMap<PathBuf, Vec<u8>> {
    let files = std::fs::read_dir(path.join("journal")).unwrap().map(|entry| entry.unwrap().path());
    files.map(|path| (path.clone(), std::fs::read(path).unwrap())).collect()
}

fn cut(path: &Path, length: u64) {
    OpenOptions::new().write(true).open(path).unwrap().set_len(length).unwrap();
}

/// Converts a directory to the first format: a manifest in one piece, and no marks.
fn make_old(path: &Path) {
    let manifest = manifest(path);
    for number in manifest.segments.clone().unwrap().into_keys() {
        let path = segment::path(&path.join("journal"), number);
        let bytes = std::fs::metadata(&path).unwrap().len();
        zero(&path, segment::capacity(bytes), 4096);
    }
    let text = manifest.text();
    let kept = text.lines().filter(|line| {
        let new = ["generation", "floor", "segment", "unmarked", "crc32"];
        !new.contains(&line.split(' ').next().unwrap())
    });
    let body: String = kept.map(|line| format!("{line}\n")).collect();
    let body = body.replacen("vestibule 3", "vestibule 1", 1);
    let crc = crc32fast::hash(body.as_bytes());
    std::fs::write(path.join("manifest"), format!("{body}crc32 {crc:08x}\n")).unwrap();
}

#[test]
fn every_start_begins_above_all_earlier_epochs() {
    let directory = tempfile::tempdir().unwrap();
    let mut highest = 0;
    for round in 0..4 {
        let ledger = Ledger::open(options(directory.path())).unwrap();
        for number in 0..30 {
            ledger.append(&[vec![big(&format!("u{number}"))]], true).unwrap();
        }
        let stamp = manifest(directory.path()).stamp;
        let epochs: Vec<_> = epochs(directory.path(), stamp);
        let lowest_new = manifest(directory.path()).floor;
        assert!(lowest_new > highest, "round {round}");
        highest = epochs.into_iter().max().unwrap();
        assert!(highest >= lowest_new);
        drop(ledger);
    }
}

fn epochs(path: &Path, stamp: u64) -> Vec<u64> {
    let mut epochs = Vec::new();
    for content in segments(path).into_values() {
        for at in (0..content.len()).step_by(4096) {
            if let Found::Frame(header) = frame::look(&content[at..], stamp) {
                epochs.push(header.epoch);
            }
        }
    }
    epochs
}

/// Records the writes and syncs of segments.
#[derive(Debug, Default)]
struct Recorder(Mutex<Vec<(PathBuf, Option<u64>)>>);

impl Faults for Recorder {
    fn notice(&self, operation: Operation<'_>) -> io::Result<usize> {
        let mut seen = self.0.lock().unwrap();
        match operation {
            Operation::Write { path, offset, .. } => seen.push((path.to_owned(), Some(offset))),
            Operation::Sync(path) => seen.push((path.to_owned(), None)),
            _ => {}
        }
        Ok(operation.length())
    }
}

/// After a failed fsync the system may wrongly assume that the data is on the disk; a later fsync then proves nothing.
#[test]
fn what_a_failed_fsync_left_is_written_again_at_the_next_start() {
    let directory = tempfile::tempdir().unwrap();
    let faults = Arc::new(Switches::default());
    let ledger = Ledger::open_on(still(directory.path()), faults.disk()).unwrap();
    for name in ["ua", "ub"] {
        ledger.append(&[vec![put(name, "1")]], true).unwrap();
    }
    faults.sync_fails.store(true, Ordering::Relaxed);
    assert!(matches!(ledger.append(&[vec![put("uc", "1")]], true), Err(AppendError::Fatal(_))));
    drop(ledger);
    let live = segment(directory.path());
    let recorder = Arc::new(Recorder::default());
    let disk = Disk { faults: Some(Arc::clone(&recorder) as Arc<dyn Faults>) };
    drop(Ledger::open_on(still(directory.path()), disk).unwrap());
    let seen = recorder.0.lock().unwrap().clone();
    let of_segment: Vec<_> = seen.into_iter().filter(|(path, _)| *path == live).map(|(_, what)| what).collect();
    // Of three frames the last one has no later frame that proves it synced.
    assert_eq!(of_segment, [Some(2 * 4096), None]);
}
