//! Seeded histories: a few people sign up, sign in and sign out, several at once, while the store fails, messages are
//! delayed, time passes, and the engine crashes or stops. What the calls answered is compared with what the store has.
//!
//! To run one failing seed again, set `VESTIBULE_FAULT_SEED`; `VESTIBULE_FAULT_SEEDS` sets the number of seeds.

mod calls;
mod events;
mod letters;
mod model;
mod people;

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use tempfile::TempDir;

use crate::actors::ActorOptions;
use crate::actors::test_support::{Answer, FakeTransport, Fault, FaultyStore, PausedClock, settings, step};
use crate::clock::Clock;
use crate::domain::policy::Policy;
use crate::domain::time::{Span, Timestamp};
use crate::entropy::SeededEntropy;
use crate::password::{HashOptions, HashParameters};
use crate::store::ledger::Durability;
use crate::store::{EmbeddedStore, MemoryStore, Store};
use crate::token::{Algorithm, InstanceKey};

use super::{Engine, EngineError};
use calls::perform;
use letters::Letters;
use model::{Model, Outcome};
use people::Person;

#[test]
fn no_history_in_memory_loses_what_was_acknowledged_or_doubles_anybody() {
    run_all(60, || Ground::Memory(Arc::new(MemoryStore::new())));
}

#[test]
fn no_history_on_a_disk_loses_what_was_acknowledged_or_doubles_anybody() {
    run_all(6, || Ground::Disk(folder()));
}

/// Runs the histories of `count` seeds, or of those that the environment variables ask for.
fn run_all(count: u64, ground: impl Fn() -> Ground) {
    let number = |name| std::env::var(name).ok().and_then(|value: String| value.parse::<u64>().ok());
    let seeds = match (number("VESTIBULE_FAULT_SEED"), number("VESTIBULE_FAULT_SEEDS")) {
        (Some(seed), _) => seed..seed + 1,
        (None, Some(count)) => 0..count,
        (None, None) => 0..count,
    };
    let (mut failures, mut told) = (Vec::new(), Told::default());
    for seed in seeds.clone() {
        let outcome = History::new(seed, ground()).run(&mut told);
        if let Err(error) = outcome {
            println!("seed {seed}: {error}");
            failures.push(seed);
        }
    }
    println!("{seeds:?}: {told:?}");
    assert!(failures.is_empty(), "these seeds failed: {failures:?}; try VESTIBULE_FAULT_SEED=<one of them>");
    // A simulation in which nothing happens proves nothing.
    let is_busy = told.users > 0 && told.sign_ins > 0 && told.unknown > 0 && told.crashes > 0 && told.refused > 0;
    let is_busy = is_busy && told.again > 0;
    assert!(seeds.end - seeds.start < 50 || is_busy, "too little happened: {told:?}");
}

/// Totals over all histories.
#[derive(Debug, Default)]
struct Told {
    calls: u64,
    refused: u64,
    unknown: u64,
    users: usize,
    sign_ins: u64,
    crashes: u64,
    again: u64,
}

/// Where the data is kept between the lives of a history.
enum Ground {
    Memory(Arc<MemoryStore>),
    Disk(TempDir),
}

impl Ground {
    fn open(&self) -> Result<Arc<dyn Store>, String> {
        match self {
            Self::Memory(store) => Ok(store.clone()),
            Self::Disk(folder) => open(folder.path()).map(|store| Arc::new(store) as Arc<dyn Store>),
        }
    }
}

struct History {
    seed: u64,
    random: Random,
    ground: Ground,
    people: Vec<Person>,
    model: Model,
    transport: Arc<FakeTransport>,
    letters: Letters,
    now: Timestamp,
}

/// How a life ends.
enum End {
    Crash,
    Stop,
}

impl History {
    fn new(seed: u64, ground: Ground) -> Self {
        Self {
            seed,
            random: Random(seed),
            ground,
            people: (0..PEOPLE).map(Person::new).collect(),
            model: Model::default(),
            transport: Arc::new(FakeTransport::new()),
            letters: Letters::default(),
            now: Timestamp::from_millis(1_800_000_000_000),
        }
    }

    /// Several lives of an engine over the same data, and a last one in which nothing fails.
    fn run(mut self, told: &mut Told) -> Result<(), String> {
        let lives = 1 + self.random.below(3);
        for life in 0..=lives {
            let mut builder = tokio::runtime::Builder::new_current_thread();
            // After each step of a task, control returns to the history, which may end the life there.
            let runtime = builder.enable_all().start_paused(true).event_interval(1).build();
            let runtime = runtime.map_err(|error| error.to_string())?;
            let outcome = runtime.block_on(self.live(life, life == lives, told));
            // All running tasks are dropped here, at whatever point they are: a crash.
            drop(runtime);
            outcome.map_err(|error| format!("life {life}: {error}"))?;
        }
        told.users += self.model.users();
        Ok(())
    }

    async fn live(&mut self, life: u64, is_last: bool, told: &mut Told) -> Result<(), String> {
        let clock = Arc::new(PausedClock::new(self.now));
        let store = Arc::new(FaultyStore::over(self.ground.open()?));
        self.transport.answer_always(Answer::Sent);
        self.transport.read_clock(clock.clone());
        let engine = self.build(life, store.clone(), clock.clone()).await?;
        self.model.check(&*store).await.map_err(|error| format!("after the start, {error}"))?;
        if is_last {
            return self.conclude(&engine, &*store).await;
        }
        self.bring_trouble(&store);
        let mut end = End::Stop;
        for _ in 0..=self.random.below(25) {
            let wait = Duration::from_millis([0, 1, 1000, 31_000, 61_000, 200_000][self.random.below(6) as usize]);
            tokio::time::sleep(wait).await;
            let crashes = self.random.below(25) == 0;
            self.round(&engine, crashes, told).await?;
            if crashes {
                end = End::Crash;
                break;
            }
            self.model.check(&*store).await?;
            if self.random.below(3) == 0 {
                told.again += self.letters.send_one_again(&engine, &mut self.random).await;
            }
        }
        self.letters.check(&self.transport)?;
        self.now = clock.now() + Span::from_millis(self.random.below(40_000));
        match end {
            End::Crash => told.crashes += 1,
            End::Stop => engine.shutdown().await,
        }
        Ok(())
    }

    /// Several people make one call each, concurrently. If the engine crashes meanwhile, they get no answer.
    async fn round(&mut self, engine: &Engine, crashes: bool, told: &mut Told) -> Result<(), String> {
        let mut tasks = Vec::new();
        for (n, person) in self.people.iter_mut().enumerate() {
            if self.random.below(2) == 0 {
                let call = person.next(&self.model, &self.transport, &mut self.random);
                let task = tokio::spawn(perform(engine.clone(), person.token.clone(), call.clone()));
                tasks.push((n, call, task));
            }
        }
        if crashes {
            for _ in 0..self.random.below(150) {
                step().await;
            }
        }
        for (n, call, task) in tasks {
            let outcome = match crashes && !task.is_finished() {
                true => Outcome::Unknown,
                false => Outcome::of(task.await.map_err(|error| format!("{call:?}: {error}"))?),
            };
            told.calls += 1;
            match &outcome {
                Outcome::Done(answer) => told.sign_ins += u64::from(answer.completes_sign_in()),
                Outcome::Refused(_) => told.refused += 1,
                Outcome::Unknown => told.unknown += 1,
            }
            let person = &mut self.people[n];
            self.model.note(person, &call, &outcome)?;
            person.hear(&call, &outcome);
        }
        Ok(())
    }

    /// Nothing fails any more: every promised message must exist, and every person with a pending code can finish,
    /// unless another person was faster with the same address.
    async fn conclude(&mut self, engine: &Engine, store: &dyn Store) -> Result<(), String> {
        tokio::time::sleep(Duration::from_secs(1)).await;
        self.model.check(store).await?;
        self.letters.check_promises(&self.transport, engine.now())?;
        for person in &mut self.people {
            let now = engine.now();
            let Some((call, address)) = person.last_step(&self.model, &self.transport, now, engine.policy())? else {
                continue;
            };
            let owner = store.owner(&address).await.map_err(|error| error.to_string())?;
            let outcome = Outcome::of(perform(engine.clone(), person.token.clone(), call.clone()).await);
            match (&outcome, owner) {
                (Outcome::Done(_), None) | (Outcome::Refused(EngineError::Rejected(_)), Some(_)) => {}
                _ => return Err(format!("{call:?} with {owner:?}: {outcome:?}")),
            }
            self.model.note(person, &call, &outcome)?;
        }
        self.model.check(store).await?;
        engine.clone().shutdown().await;
        self.letters.check(&self.transport)
    }

    /// Chooses the faults of this life.
    fn bring_trouble(&mut self, store: &FaultyStore) {
        let seldom = [0, 30, 8][self.random.below(3) as usize];
        let faults = [
            Fault::Refused,
            Fault::UnknownNotWritten,
            Fault::UnknownWritten,
            Fault::PanicNotWritten,
            Fault::PanicWritten,
        ];
        store.fail((0..500).map(|_| {
            let fault = faults[self.random.below(5) as usize];
            (seldom > 0 && self.random.below(seldom) == 0).then_some(fault)
        }));
        let mut random = Random(self.random.next());
        let trouble = self.random.below(3) == 0;
        self.transport.answer_with(move |_| match trouble {
            true => [Answer::Sent, Answer::Sent, Answer::Retry, Answer::Unavailable, Answer::Nothing]
                [random.below(5) as usize],
            false => Answer::Sent,
        });
    }

    async fn build(&self, life: u64, store: Arc<dyn Store>, clock: Arc<PausedClock>) -> Result<Engine, String> {
        let cheap = HashParameters { m_kib: 64, t: 1, p: 1 };
        let engine = Engine::builder()
            .store(store)
            .clock(clock)
            .entropy(Box::new(SeededEntropy::new(self.seed << 8 | life)))
            .key(InstanceKey::from_bytes([7; 32].into()))
            .settings(settings())
            .policy(Policy { address_limits: None, ..Policy::default() })
            .source_limits(None)
            .actors(ActorOptions { shards: 2, ..ActorOptions::default() })
            .algorithm(Algorithm::EdDsa)
            .hashing(HashOptions { parameters: cheap, threads: 1, ..HashOptions::default() })
            .email(self.transport.clone())
            .build();
        engine.await.map_err(|error| format!("it does not start: {error}"))
    }
}

fn open(path: &Path) -> Result<EmbeddedStore, String> {
    EmbeddedStore::open(path, Durability::Synced).map_err(|error| format!("the data can't be opened: {error}"))
}

/// In memory where the system has such a folder: these tests need no real disk.
fn folder() -> TempDir {
    tempfile::tempdir_in("/dev/shm").or_else(|_| tempfile::tempdir()).expect("a folder")
}

/// Random numbers from a seed (splitmix64).
struct Random(u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mixed = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        mixed ^ (mixed >> 31)
    }

    fn below(&mut self, end: u64) -> u64 {
        self.next() % end
    }

    fn pick<T: Clone>(&mut self, from: &[T]) -> Option<T> {
        (!from.is_empty()).then(|| from[self.below(from.len() as u64) as usize].clone())
    }
}

const PEOPLE: usize = 4;
