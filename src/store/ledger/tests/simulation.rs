//! Seeded histories of many runs on a disk that fails and loses data, compared with a small model: what was
//! acknowledged and synced is present, in order and once; an unacknowledged frame is present completely or not at all;
//! and nothing is present that was never written.
//!
//! `VESTIBULE_FAULT_SEEDS=N cargo test --lib
//! store::ledger::tests::simulation` tries N seeds instead of as many as fit 20 seconds; `VESTIBULE_FAULT_SEED=S` tries
//! one.

use super::power::PowerDisk;
use super::*;
use crate::store::ledger::checkpoint::Checkpoint;

/// The written groups, and how many of them must survive.
#[derive(Debug, Default)]
struct Expected {
    /// The state after each group that may be found; the first one is before any group.
    states: Vec<Model>,
    /// The minimum number of groups that must be found.
    floor: usize,
    /// The frame ends, counted in groups: data may only end there.
    ends: Vec<usize>,
}

impl Expected {
    fn new() -> Expected {
        Expected { states: vec![Model::new()], floor: 0, ends: vec![0] }
    }

    fn groups(&self) -> usize {
        self.states.len() - 1
    }

    fn write(&mut self, groups: &[Vec<Write>]) {
        for group in groups {
            let mut state = self.states.last().unwrap().clone();
            for write in group {
                match &write.value {
                    Some(value) => state.insert(write.key.to_vec(), value.to_vec()),
                    None => state.remove(&write.key[..]),
                };
            }
            self.states.push(state);
        }
        self.ends.push(self.groups());
    }

    /// Checks the state that a start found: it must be one of the possible states, and is the only one from then on.
    fn found(&mut self, state: &Model, sequence: u64) -> Result<(), String> {
        let groups = sequence as usize - 1;
        if groups < self.floor {
            return Err(format!("{groups} groups are left, and {} were acknowledged as synced", self.floor));
        }
        let Some(expected) = self.states.get(groups) else {
            return Err(format!("{groups} groups were found, and {} were written", self.groups()));
        };
        if !self.ends.contains(&groups) {
            return Err(format!("{groups} groups are in the middle of a frame"));
        }
        if let Some(difference) = difference(expected, state) {
            return Err(format!("with {groups} groups, {difference}"));
        }
        self.states.truncate(groups + 1);
        self.ends.retain(|end| *end <= groups);
        self.floor = groups;
        Ok(())
    }
}

fn difference(expected: &Model, found: &Model) -> Option<String> {
    let keys = expected.keys().chain(found.keys());
    let mut differs = keys.filter(|key| expected.get(*key) != found.get(*key));
    let name = |value: Option<&Vec<u8>>| value.map(|value| (value.len(), value.first().copied()));
    differs.next().map(|key| {
        let (expected, found) = (name(expected.get(key)), name(found.get(key)));
        format!("{} is {found:?} instead of {expected:?}", String::from_utf8_lossy(key))
    })
}

/// One history.
struct History {
    random: Random,
    durability: Durability,
    expected: Expected,
    root: PathBuf,
    /// What the system knows beyond what is on the disk.
    inherited: Option<super::power::Inheritance>,
    /// Whether all frames are alike, so that frames of one run can have exactly the positions of another run's frames.
    alike: bool,
    /// Whether each turn without a checkpoint finds the ledger idle, and cleans old data in the journal.
    idles: bool,
}

impl History {
    fn options(&self) -> Options {
        Options {
            durability: self.durability,
            segment_bytes: 32 << 10,
            segments_max: 4,
            free_bytes_min: 0,
            wait_max: Duration::ZERO,
            pace_max: Duration::ZERO,
            idle_after: self.idles.then_some(Duration::ZERO),
            verify_at_once: Duration::from_secs(60),
            ..options(&self.root)
        }
    }

    /// One run: a start, some work, and an end of some kind. The next run begins with the disk as it is left.
    fn live(&mut self) -> Result<(), String> {
        let seed = self.random.below(u64::MAX);
        // Often during the start itself, so that one end follows directly on another.
        let ends_after = match self.random.below(4) {
            0 => self.random.below(30),
            1 => self.random.below(100),
            _ => 20 + self.random.below(300),
        };
        let fails = [0, 0, 10, 40, 100][self.random.below(5) as usize];
        let power = PowerDisk::over(&self.root, self.inherited.take(), seed, ends_after as usize, fails);
        match Ledger::open_by_hand(self.options(), power.disk()) {
            Ok((ledger, mut checkpoint)) => {
                let done = self.work(&ledger, &mut checkpoint, &power);
                if self.random.below(6) == 0 {
                    // What is sealed now waits for the next start, as no thread runs the checkpoint any more.
                    ledger.close();
                }
                checkpoint.shared.pool.stop(crate::store::ledger::pool::Stop::Now);
                drop((ledger, checkpoint));
                done?;
            }
            // A disk that fails may make a start fail; lost unsynced data must never be taken for damage.
            Err(OpenError::Io { .. }) if power.has_ended() || fails > 0 => {}
            Err(error) => return Err(format!("a start was refused: {error}")),
        }
        let (next, inherited) = power.end();
        drop(power);
        self.inherited = inherited;
        std::fs::remove_dir_all(&self.root).map_err(|error| error.to_string())?;
        self.root = next;
        Ok(())
    }

    fn work(&mut self, ledger: &Ledger, checkpoint: &mut Checkpoint, power: &PowerDisk) -> Result<(), String> {
        self.expected.found(&all(ledger), ledger.stats().sequence)?;
        let mut appended = (0, Instant::now());
        // Some runs are short, so that the next one finds all leftovers of the one before.
        let longest = [3, 80][self.random.below(2) as usize];
        for _ in 0..self.random.below(longest) {
            if power.has_ended() || ledger.stats().fatal.is_some() {
                break;
            }
            match self.random.below(12) {
                // A checkpoint that fails leaves sled unused until the next start.
                0..=2 if ledger.stats().snapshots_dead.is_none() => {
                    if let Err(error) = checkpoint.turn(&mut appended, Duration::ZERO) {
                        let _ = ledger.shared.snapshots_dead.set(error);
                    }
                }
                3 => ledger.shared.seal_if_idle(),
                4 => {
                    let found = all(ledger);
                    if let Some(difference) = difference(self.expected.states.last().unwrap(), &found) {
                        return Err(format!("while it works, {difference}"));
                    }
                }
                _ => self.append(ledger, power),
            }
        }
        Ok(())
    }

    fn append(&mut self, ledger: &Ledger, power: &PowerDisk) {
        let groups: Vec<Vec<Write>> = if self.alike {
            vec![vec![put(&format!("u{}", self.random.below(9)), &self.random.below(u64::MAX).to_string())]]
        } else {
            let count = 1 + self.random.below(3);
            (0..count).map(|_| (0..1 + self.random.below(4)).map(|_| self.random.write()).collect()).collect()
        };
        let sync = self.random.below(3) == 0;
        match ledger.append(&groups, sync) {
            Ok(()) => {
                self.expected.write(&groups);
                if sync || self.durability == Durability::Synced {
                    self.expected.floor = self.expected.groups();
                }
            }
            // It may be present. After the end no caller gets the answer.
            Err(AppendError::Fatal(_)) => self.expected.write(&groups),
            Err(_) if power.has_ended() => self.expected.write(&groups),
            Err(AppendError::Overloaded | AppendError::Unavailable(_)) => {}
        }
    }
}

/// Several runs, and a last start without faults.
fn run(seed: u64) -> Result<(), String> {
    let folder = folder();
    let root = folder.path().join("life");
    std::fs::create_dir(&root).unwrap();
    let mut random = Random(seed.wrapping_mul(0x9E37_79B9_7F4A_7C15));
    let durability = [Durability::Synced, Durability::Relaxed][random.below(2) as usize];
    let (alike, idles) = (random.below(2) == 0, random.below(2) == 0);
    let expected = Expected::new();
    let mut history = History { random, durability, expected, root, inherited: None, alike, idles };
    for life in 0..3 + history.random.below(12) {
        history.live().map_err(|error| format!("life {life}, {durability:?}: {error}"))?;
    }
    let ledger = Ledger::open(history.options()).map_err(|error| format!("the last start was refused: {error}"))?;
    history.expected.found(&all(&ledger), ledger.stats().sequence)?;
    ledger.close();
    Ok(())
}

/// In memory where possible: these tests need no real disk, and sled's fsyncs cost time on one.
fn folder() -> tempfile::TempDir {
    tempfile::tempdir_in("/dev/shm").or_else(|_| tempfile::tempdir()).unwrap()
}

#[test]
fn no_history_of_faults_and_ends_loses_doubles_or_invents_anything() {
    let number = |name| std::env::var(name).ok().and_then(|value: String| value.parse::<u64>().ok());
    let seeds = match (number("VESTIBULE_FAULT_SEED"), number("VESTIBULE_FAULT_SEEDS")) {
        (Some(seed), _) => seed..seed + 1,
        (None, Some(count)) => 0..count,
        (None, None) => 0..u64::MAX,
    };
    let unbounded = seeds.end == u64::MAX;
    let began = Instant::now();
    let mut failures = Vec::new();
    let mut tried = 0;
    for seed in seeds {
        if unbounded && began.elapsed() > Duration::from_secs(20) {
            break;
        }
        tried += 1;
        let done = std::panic::catch_unwind(|| run(seed)).unwrap_or_else(|_| Err("it panicked".into()));
        if let Err(error) = done {
            println!("seed {seed}: {error}");
            failures.push(seed);
        }
    }
    println!("{tried} histories");
    assert!(failures.is_empty(), "of {tried} seeds these failed: {failures:?}; try VESTIBULE_FAULT_SEED=<one of them>");
}
