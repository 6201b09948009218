//! Whether the ledger can commit, found out while everything else waits; and temporary errors.

use super::*;
use crate::store::Unready;
use crate::store::ledger::checkpoint::Checkpoint;

#[test]
fn nothing_that_an_async_thread_asks_waits_for_a_slow_disk() {
    let directory = tempfile::tempdir().unwrap();
    let faults = Arc::new(Switches::default());
    let ledger = Arc::new(Ledger::open_on(still(directory.path()), faults.disk()).unwrap());
    ledger.append(&[vec![put("ua", "1"), put("ia", "1"), put("da", "1")]], true).unwrap();
    let stuck = faults.syncs_wait.lock().unwrap();
    let writer = std::thread::spawn({
        let ledger = Arc::clone(&ledger);
        move || ledger.append(&[vec![put("ub", "1")]], true)
    });
    wait_for(|| ledger.shared.journal.try_lock().is_err());
    let (done, answers) = std::sync::mpsc::channel();
    let asker = std::thread::spawn({
        let ledger = Arc::clone(&ledger);
        move || {
            let recent = [&b"ua"[..], b"da", b"ub"].map(|key| ledger.get_recent(key));
            let known = [&b"ia"[..], b"ua"].map(|key| ledger.probably_contains(key));
            done.send((ledger.health(), ledger.stats().segments_used, recent, known)).unwrap();
        }
    });
    let (health, used, recent, known) =
        answers.recv_timeout(Duration::from_secs(30)).expect("an answer while the disk is stuck");
    let one = Some(Some(Bytes::from("1")));
    // What is being written is not there yet.
    assert_eq!((health, used, recent, known), (Ok(()), 1, [one.clone(), one, Some(None)], [true, true]));
    drop(stuck);
    writer.join().unwrap().unwrap();
    asker.join().unwrap();
}

#[test]
fn errors_that_pass_are_waited_out_everywhere() {
    for errno in [Errno::INTR, Errno::AGAIN, Errno::MFILE, Errno::NFILE, Errno::NOMEM] {
        let directory = tempfile::tempdir().unwrap();
        let faults = Arc::new(Switches::default());
        let quick = Options { idle_after: Some(Duration::ZERO), ..options(directory.path()) };
        let ledger = Ledger::open_on(quick, faults.disk()).unwrap();
        for number in 0..40 {
            faults.fail(|operation| matches!(operation, Operation::Write { .. }), errno, 2);
            faults.fail(|operation| matches!(operation, Operation::Sync(_)), errno, 2);
            faults.fail(|operation| matches!(operation, Operation::SyncDirectory(_)), errno, 1);
            faults.fail(|operation| matches!(operation, Operation::Create(_) | Operation::Rename(..)), errno, 1);
            ledger.append(&[vec![big(&format!("u{number}")), put(&format!("i{number}"), "1")]], true).unwrap();
        }
        wait_for(|| ledger.stats().checkpoint_lag == 0);
        let stats = ledger.stats();
        assert_eq!((stats.fatal, stats.snapshots_dead, ledger.health()), (None, None, Ok(())), "{errno}");
        ledger.close();
        assert_eq!(all(&Ledger::open(options(directory.path())).unwrap()).len(), 80, "{errno}");
    }
}

#[test]
fn without_a_descriptor_left_the_ledger_goes_on_with_what_it_has_open() {
    let directory = tempfile::tempdir().unwrap();
    let faults = Arc::new(Switches::default());
    let quick = Options { idle_after: Some(Duration::ZERO), ..options(directory.path()) };
    let ledger = Ledger::open_on(quick, faults.disk()).unwrap();
    wait_for(|| ledger.stats().verified);
    // From here on the spare segment exists.
    ledger.append(&[vec![big("ufirst")]], true).unwrap();
    wait_for(|| ledger.stats().checkpoint_lag == 0);
    faults.fail(|operation| matches!(operation, Operation::Open(_) | Operation::Create(_)), Errno::MFILE, u32::MAX);
    for number in 0..100 {
        ledger.append(&[vec![big(&format!("u{number}"))]], true).unwrap();
    }
    wait_for(|| ledger.stats().checkpoint_lag == 0);
    assert_eq!(ledger.stats().snapshots_dead, None);
}

#[test]
fn health_names_the_reason_and_recovers_by_itself() {
    let directory = tempfile::tempdir().unwrap();
    let faults = Arc::new(Switches::default());
    let small = Options { wait_max: Duration::from_millis(1), ..still(directory.path()) };
    let ledger = Ledger::open_on(small, faults.disk()).unwrap();
    assert_eq!(ledger.health(), Ok(()));
    faults.room.store(0, Ordering::Relaxed);
    for _ in 0..5 {
        assert!(matches!(ledger.append(&[vec![put("ua", "1")]], true), Err(AppendError::Unavailable(_))));
        assert_eq!(ledger.health(), Err(Unready::WritesFail));
    }
    // There are no more appends, and still the free disk space is noticed.
    faults.room.store(-1, Ordering::Relaxed);
    wait_for(|| ledger.health() == Ok(()));
    ledger.append(&[vec![put("ub", "1")]], true).unwrap();
    faults.sync_fails.store(true, Ordering::Relaxed);
    ledger.append(&[vec![put("uc", "1")]], true).unwrap_err();
    assert_eq!(ledger.health(), Err(Unready::Stopped));
    drop(ledger);
    let ledger = Ledger::open(still(directory.path())).unwrap();
    assert_eq!(all(&ledger).into_keys().next(), Some(b"ub".to_vec()));
    ledger.close();
    assert_eq!(ledger.health(), Err(Unready::Closed));
}

/// Runs the checkpoint until no work is left.
fn catch_up(ledger: &Ledger, checkpoint: &mut Checkpoint) {
    let mut appended = (0, Instant::now());
    for _ in 0..20 {
        assert!(checkpoint.turn(&mut appended, Duration::ZERO).unwrap());
    }
    assert!(ledger.stats().segments_used <= 1);
}

#[test]
fn where_no_segment_can_be_made_the_ledger_is_not_ready_until_one_is_free() {
    let directory = tempfile::tempdir().unwrap();
    let faults = Arc::new(Switches::default());
    let small = Options { wait_max: Duration::from_millis(5), pace_max: Duration::ZERO, ..still(directory.path()) };
    let (ledger, mut checkpoint) = Ledger::open_by_hand(small, faults.disk()).unwrap();
    for errno in [Errno::MFILE, Errno::NOSPC] {
        faults.fail(|operation| matches!(operation, Operation::Create(_)), errno, u32::MAX);
        let refused = (0..1000).find_map(|_| ledger.append(&[vec![big("u")]], true).err());
        assert!(matches!(refused, Some(AppendError::Unavailable(_))), "{errno}: {refused:?}");
        assert_eq!(ledger.health(), Err(Unready::JournalFull), "{errno}");
        // A small write still fits the active segment, which says nothing about the next large one.
        ledger.shared.try_a_write();
        assert_eq!(ledger.health(), Err(Unready::JournalFull), "{errno}");
        catch_up(&ledger, &mut checkpoint);
        assert_eq!(ledger.health(), Ok(()), "{errno}");
        ledger.append(&[vec![big("u")]], true).unwrap();
        faults.fails.lock().unwrap().clear();
    }
}

#[test]
fn a_full_journal_is_not_ready_until_a_segment_is_free() {
    let directory = tempfile::tempdir().unwrap();
    let small = Options { wait_max: Duration::ZERO, pace_max: Duration::ZERO, ..still(directory.path()) };
    let (ledger, mut checkpoint) = Ledger::open_by_hand(small, Disk::default()).unwrap();
    let refused = (0..1000).find_map(|_| {
        assert_eq!(ledger.health(), Ok(()));
        ledger.append(&[vec![big("u")]], true).err()
    });
    assert!(matches!(refused, Some(AppendError::Overloaded)), "{refused:?}");
    assert_eq!(ledger.health(), Err(Unready::JournalFull));
    catch_up(&ledger, &mut checkpoint);
    assert_eq!(ledger.health(), Ok(()));
    ledger.append(&[vec![big("u")]], true).unwrap();
}

#[test]
fn a_filling_disk_gets_no_new_segments_and_is_not_ready_below_the_floor() {
    const FLOOR: u64 = 10 << 20;
    let directory = tempfile::tempdir().unwrap();
    let faults = Arc::new(Switches::default());
    let tight = Options { wait_max: Duration::ZERO, free_bytes_min: FLOOR, ..still(directory.path()) };
    let (ledger, mut checkpoint) = Ledger::open_by_hand(tight, faults.disk()).unwrap();
    let files = || std::fs::read_dir(directory.path().join("journal")).unwrap().count();
    let fill = || (0..1000).find_map(|_| ledger.append(&[vec![big("u")]], true).err());
    // Enough for the checkpoint, but not for another segment too.
    faults.free.store(FLOOR + (60 << 10), Ordering::Relaxed);
    let before = files();
    for _ in 0..3 {
        assert!(matches!(fill(), Some(AppendError::Overloaded)));
        assert_eq!((files(), ledger.health()), (before, Err(Unready::JournalFull)));
        catch_up(&ledger, &mut checkpoint);
        assert_eq!((files(), ledger.health()), (before, Ok(())));
    }
    faults.free.store(FLOOR / 2 - 1, Ordering::Relaxed);
    std::thread::scope(|scope| {
        let waiting = scope.spawn(|| catch_up(&ledger, &mut checkpoint));
        wait_for(|| ledger.health() == Err(Unready::DiskFull));
        faults.free.store(u64::MAX, Ordering::Relaxed);
        waiting.join().unwrap();
    });
    assert_eq!(ledger.health(), Ok(()));
    assert!(fill().is_some());
    assert!(files() > before, "the journal grows where there is room");
}

#[test]
fn a_panic_in_the_checkpoint_is_told() {
    let directory = tempfile::tempdir().unwrap();
    let faults = Arc::new(Switches::default());
    faults.panics.store(true, Ordering::Relaxed);
    let quick = Options { idle_after: Some(Duration::ZERO), ..options(directory.path()) };
    let ledger = Ledger::open_on(quick, faults.disk()).unwrap();
    ledger.append(&[vec![put("ua", "1")]], true).unwrap();
    wait_for(|| ledger.health() == Err(Unready::SnapshotsDead));
    assert!(ledger.stats().snapshots_dead.unwrap().contains("panicked"));
}

#[test]
fn refusals_are_said_once_and_not_for_each() {
    use crate::store::ledger::refusals::RejectionLog;
    let lines = Lines::default();
    tracing::subscriber::with_default(lines.clone(), || {
        let refusals = RejectionLog::default();
        for _ in 0..2 {
            for _ in 0..1000 {
                refusals.note("no room", true);
            }
            refusals.end();
            refusals.end();
        }
    });
    assert_eq!(lines.0.load(Ordering::Relaxed), 4);
}

/// Counts log lines.
#[derive(Clone, Default)]
struct Lines(Arc<AtomicI64>);

impl tracing::Subscriber for Lines {
    fn enabled(&self, _: &tracing::Metadata<'_>) -> bool {
        true
    }
    fn new_span(&self, _: &tracing::span::Attributes<'_>) -> tracing::span::Id {
        tracing::span::Id::from_u64(1)
    }
    fn record(&self, _: &tracing::span::Id, _: &tracing::span::Record<'_>) {}
    fn record_follows_from(&self, _: &tracing::span::Id, _: &tracing::span::Id) {}
    fn event(&self, _: &tracing::Event<'_>) {
        self.0.fetch_add(1, Ordering::Relaxed);
    }
    fn enter(&self, _: &tracing::span::Id) {}
    fn exit(&self, _: &tracing::span::Id) {}
}
