//! The hashing pool: a few threads, each with memory of its own, behind a bounded queue.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::{Receiver, SyncSender, TrySendError, sync_channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use aws_lc_rs::rand::{SecureRandom, SystemRandom};
use tokio::sync::oneshot;

use crate::clock::Stopwatch;
use crate::domain::secret::Secret;
use crate::domain::text;
use crate::domain::time::Span;

use super::foreign::ForeignDigest;
use super::hasher::{HashError, HashParameters, Hasher, Implementation, Phc, SALT_BYTES, self_test};
use super::share::{Requester, Share, Shares};
use super::stored::{DigestCost, Stored};

/// Options of the pool.
#[derive(Clone, Copy, Debug)]
pub struct HashOptions {
    /// Cost of new hashes.
    pub parameters: HashParameters,
    /// Number of hashing threads; default: one per core.
    pub threads: usize,
    /// Length of the queue: passwords that may wait, at least 1.
    pub queue: usize,
    /// The argon2id implementation.
    pub implementation: Implementation,
}

impl Default for HashOptions {
    fn default() -> Self {
        let threads = thread::available_parallelism().map_or(2, usize::from);
        Self { parameters: HashParameters::default(), threads, queue: 128, implementation: Implementation::default() }
    }
}

#[cfg(any(test, feature = "test-util"))]
impl HashOptions {
    /// Options for tests: one thread, and hashes that take a fraction of a millisecond instead of tens of them, because
    /// they use 64 KiB of memory, one pass and one lane. Such a hash can be guessed quickly, so it is for passwords of
    /// tests only.
    pub fn for_tests() -> Self {
        let parameters = HashParameters { m_kib: 64, t: 1, p: 1 };
        Self { parameters, threads: 1, ..Self::default() }
    }
}

/// Why a password was not hashed.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PoolError {
    /// The queue, or the requester's share of it, is full.
    #[error("the hash queue is full")]
    Full {
        /// Estimated time until the jobs in the queue are done, in whole seconds.
        retry_after: Span,
    },
    /// The pool is shutting down, or the job panicked.
    #[error("the hash pool has stopped")]
    Stopped,
    /// argon2id rejected its input.
    #[error(transparent)]
    Refused(#[from] HashError),
}

/// A pool of hashing threads. Drop waits for the queued jobs, then ends the threads.
pub struct HashPool {
    jobs: Option<SyncSender<Job>>,
    threads: Vec<JoinHandle<()>>,
    parameters: HashParameters,
    pace: Arc<Pace>,
    queue: usize,
    shares: Arc<Shares>,
}

/// Moving average of the time that one job takes a thread, in microseconds; 0 before the first.
#[derive(Debug, Default)]
struct Pace(AtomicU64);

struct Job {
    password: Secret<String>,
    work: Work,
    /// The requester's place in the queue, held until the job is done.
    share: Option<Share>,
}

enum Work {
    Hash(Judge, oneshot::Sender<Result<Option<Secret<String>>, PoolError>>),
    Verify(Secret<String>, oneshot::Sender<Result<bool, PoolError>>),
}

/// A check that must pass before the password is hashed.
type Judge = Box<dyn FnOnce() -> bool + Send>;

impl HashPool {
    /// Starts the threads.
    ///
    /// # Errors
    /// When the parameters are refused, the implementation fails its self-test, or a thread can't be started.
    pub fn new(options: HashOptions) -> Result<Self, HashPoolError> {
        self_test(options.implementation)?;
        let pace = Arc::new(Pace::default());
        let (jobs, queue) = sync_channel(options.queue.max(1));
        let queue = Arc::new(Mutex::new(queue));
        let mut threads = Vec::new();
        for number in 0..options.threads.max(1) {
            let mut hasher = Hasher::new(options.implementation, options.parameters)?;
            let (queue, pace) = (queue.clone(), pace.clone());
            let run = move || {
                lower_priority();
                while let Some(job) = next(&queue) {
                    // A panic fails this password only; the thread goes on with the next.
                    if catch_unwind(AssertUnwindSafe(|| job.run(&mut hasher, &options, &pace))).is_err() {
                        tracing::error!("a password could not be hashed");
                    }
                }
            };
            threads.push(thread::Builder::new().name(format!("hash-{number}")).spawn(run)?);
        }
        let queue = options.queue.max(1);
        let shares = Arc::new(Shares::of(queue));
        Ok(Self { jobs: Some(jobs), threads, parameters: options.parameters, pace, queue, shares })
    }

    /// Cost of new hashes.
    pub const fn parameters(&self) -> HashParameters {
        self.parameters
    }

    /// Hashes a password to a PHC string with a new random salt. The password must be in NFKC.
    ///
    /// # Errors
    /// [`PoolError::Full`] at once when too many wait.
    pub async fn hash(&self, password: Secret<String>) -> Result<Secret<String>, PoolError> {
        self.hash_if(password, || true, None).await?.ok_or(PoolError::Stopped)
    }

    /// Like [`Self::hash`], but only if `judge` returns true; `None` otherwise. `judge` runs on the hashing thread, so
    /// it may take as long as a hash. A `requester` is limited to a fair share of the queue.
    ///
    /// # Errors
    /// [`PoolError::Full`] at once when too many wait, or too many of theirs.
    pub async fn hash_if(
        &self,
        password: Secret<String>,
        judge: impl FnOnce() -> bool + Send + 'static,
        requester: Option<Requester>,
    ) -> Result<Option<Secret<String>>, PoolError> {
        let (reply, answer) = oneshot::channel();
        self.send(password, Work::Hash(Box::new(judge), reply), requester)?;
        answer.await.unwrap_or(Err(PoolError::Stopped))
    }

    /// The text to store for a digest that another system made. A fast one is hashed again with argon2id, so that it is
    /// on no disk. [`Self::verify`] takes the text with the password as the person typed it: other systems don't
    /// normalise.
    ///
    /// # Errors
    /// [`PoolError::Full`] at once when too many wait.
    #[cfg_attr(not(feature = "unstable"), allow(dead_code, reason = "no call of the engine takes digests yet"))]
    pub async fn adopt(&self, digest: &ForeignDigest) -> Result<Secret<String>, PoolError> {
        if !digest.is_fast() {
            return Ok(Stored::Foreign(digest.clone()).encode());
        }
        let hashed = self.hash(Secret::new(text::hex(digest.tag()))).await?;
        let outer = Phc::decode(hashed.expose()).ok_or(PoolError::Stopped)?;
        Ok(Stored::Wrapped { inner: digest.without_tag(), outer }.encode())
    }

    /// Whether a password matches a stored text: our own PHC string, or what [`Self::adopt`] gave; with a fair share of
    /// the queue for the `requester`. The cost is bounded whatever the text says.
    ///
    /// # Errors
    /// [`PoolError::Full`] at once when too many wait, or too many of theirs.
    pub async fn verify(
        &self,
        password: Secret<String>,
        stored: Secret<String>,
        requester: Option<Requester>,
    ) -> Result<bool, PoolError> {
        let (reply, answer) = oneshot::channel();
        self.send(password, Work::Verify(stored, reply), requester)?;
        answer.await.unwrap_or(Err(PoolError::Stopped))
    }

    /// A stored text to verify against when there is none, so that the answer takes as long. It costs as much as one of
    /// this cost, and matches no password.
    pub fn dummy_hash(cost: &DigestCost) -> Secret<String> {
        cost.dummy()
    }

    /// The cost of verifying a stored text; `None` for one that never matches.
    pub fn cost_of(stored: &Secret<String>) -> Option<DigestCost> {
        Stored::decode(stored.expose()).map(|stored| stored.cost())
    }

    fn send(&self, password: Secret<String>, work: Work, requester: Option<Requester>) -> Result<(), PoolError> {
        let jobs = self.jobs.as_ref().ok_or(PoolError::Stopped)?;
        let share = match requester {
            Some(requester) => Some(self.shares.take(requester).ok_or_else(|| PoolError::Full {
                retry_after: self.pace.time_for(self.shares.of_source(), self.threads.len()),
            })?),
            None => None,
        };
        let job = Job { password, work, share };
        jobs.try_send(job).map_err(|error| match error {
            TrySendError::Full(_) => {
                PoolError::Full { retry_after: self.pace.time_for(self.queue, self.threads.len()) }
            }
            TrySendError::Disconnected(_) => PoolError::Stopped,
        })
    }
}

/// Why a pool can't be started.
#[derive(Debug, thiserror::Error)]
pub enum HashPoolError {
    /// The implementation refused the parameters or failed its self-test.
    #[error(transparent)]
    Hash(#[from] HashError),
    /// A thread could not be started.
    #[error("a hashing thread could not be started: {0}")]
    Thread(#[from] std::io::Error),
}

impl Drop for HashPool {
    fn drop(&mut self) {
        self.jobs = None;
        for thread in self.threads.drain(..) {
            if thread.join().is_err() {
                tracing::error!("a hashing thread panicked");
            }
        }
    }
}

impl Pace {
    /// Adds the time of one job to the average; the newest counts one eighth.
    fn note(&self, took: Duration) {
        let took = u64::try_from(took.as_micros()).unwrap_or(u64::MAX).max(1);
        let before = self.0.load(Ordering::Relaxed);
        // If two threads update at once, one value is lost; the average stays good enough.
        let mean = if before == 0 { took } else { before - before / 8 + took / 8 };
        self.0.store(mean.max(1), Ordering::Relaxed);
    }

    /// Estimated time for so many jobs on so many threads, in whole seconds, at least 1.
    fn time_for(&self, hashes: usize, threads: usize) -> Span {
        let (hashes, threads) = (hashes as u64, threads.max(1) as u64);
        let micros = self.0.load(Ordering::Relaxed).saturating_mul(hashes) / threads;
        Span::from_secs(micros.div_ceil(1_000_000).max(1))
    }
}

impl Job {
    fn run(self, hasher: &mut Hasher, options: &HashOptions, pace: &Pace) {
        let Self { password, work, share } = self;
        let password = password.expose().as_bytes();
        let watch = Stopwatch::start();
        let is_cancelled = match work {
            // A caller that has disconnected is not worth the work.
            Work::Hash(_, reply) if reply.is_closed() => true,
            Work::Verify(_, reply) if reply.is_closed() => true,
            Work::Hash(judge, reply) => {
                let hashed = judge().then(|| hash(hasher, options.parameters, password)).transpose();
                pace.note(watch.elapsed());
                // The share is free before the reply, because the caller may send the next job at once.
                drop(share);
                reply.send(hashed).is_err()
            }
            Work::Verify(stored, reply) => {
                let verified = verify(hasher, options, password, stored.expose());
                pace.note(watch.elapsed());
                drop(share);
                reply.send(verified).is_err()
            }
        };
        if is_cancelled {
            tracing::debug!("the caller no longer waits");
        }
    }
}

fn hash(hasher: &mut Hasher, parameters: HashParameters, password: &[u8]) -> Result<Secret<String>, PoolError> {
    let mut salt = vec![0; SALT_BYTES];
    SystemRandom::new().fill(&mut salt).map_err(|_| PoolError::Stopped)?;
    let tag = hasher.tag(password, &salt)?.to_vec();
    Ok(Secret::new(Phc { parameters, salt, tag }.encode()))
}

fn verify(hasher: &mut Hasher, options: &HashOptions, password: &[u8], stored: &str) -> Result<bool, PoolError> {
    let Some(stored) = Stored::decode(stored) else {
        return Ok(false);
    };
    Ok(stored.matches(password, (hasher, options.parameters), options.implementation)?)
}

/// Waits for the next job; `None` at shutdown. The lock is held while waiting, never while hashing.
fn next(queue: &Mutex<Receiver<Job>>) -> Option<Job> {
    queue.lock().unwrap_or_else(PoisonError::into_inner).recv().ok()
}

/// Lowers the thread's priority. A failure costs only latency, so it is logged at debug level.
fn lower_priority() {
    #[cfg(any(feature = "server", feature = "sled"))]
    if let Err(error) = rustix::process::setpriority_process(Some(rustix::thread::gettid()), NICENESS) {
        tracing::debug!(%error, "a hashing thread keeps its priority");
    }
}

#[cfg(any(feature = "server", feature = "sled"))]
const NICENESS: i32 = 10;

#[cfg(test)]
mod tests {
    use super::*;

    fn small() -> HashOptions {
        HashOptions {
            parameters: HashParameters { m_kib: 64, t: 1, p: 1 },
            threads: 1,
            queue: 1,
            ..HashOptions::default()
        }
    }

    fn secret(text: &str) -> Secret<String> {
        Secret::new(text.to_owned())
    }

    #[tokio::test]
    async fn a_hash_verifies_its_password_and_no_other() {
        let pool = HashPool::new(small()).expect("a pool");
        let stored = pool.hash(secret("wanders under elms")).await.expect("a hash");
        assert_eq!(pool.verify(secret("wanders under elms"), stored.clone(), None).await, Ok(true));
        assert_eq!(pool.verify(secret("wanders under oaks"), stored, None).await, Ok(false));
        assert_eq!(pool.verify(secret("x"), secret("no hash"), None).await, Ok(false));
        let dummy_hash = HashPool::dummy_hash(&pool.parameters().into());
        assert_eq!(pool.verify(secret("x"), dummy_hash.clone(), None).await, Ok(false));
        assert_eq!(HashPool::cost_of(&dummy_hash), Some(pool.parameters().into()));
    }

    #[tokio::test]
    async fn a_full_queue_refuses_at_once() {
        let costly = HashParameters { m_kib: 65_536, t: 3, p: 1 };
        let pool = Arc::new(HashPool::new(HashOptions { parameters: costly, ..small() }).expect("a pool"));
        pool.pace.note(Duration::from_secs(30));
        let waiting: Vec<_> = (0..8)
            .map(|_| {
                let pool = pool.clone();
                tokio::spawn(async move { pool.hash(secret("wanders under elms")).await })
            })
            .collect();
        let mut refused = 0;
        for task in waiting {
            match task.await.expect("a task") {
                Err(PoolError::Full { retry_after }) => {
                    assert!(retry_after > Span::from_secs(10), "{retry_after:?}");
                    refused += 1;
                }
                other => assert!(other.is_ok(), "{other:?}"),
            }
        }
        assert!((1..8).contains(&refused), "{refused} were refused");
    }

    /// Blocks the only thread of a pool until the sender is dropped.
    async fn paused(pool: &Arc<HashPool>) -> std::sync::mpsc::Sender<()> {
        let (resume, wait) = std::sync::mpsc::channel::<()>();
        let (began, is_running) = oneshot::channel();
        let held = pool.clone();
        tokio::spawn(async move {
            let judge = move || began.send(()).is_ok() && wait.recv().is_ok();
            held.hash_if(secret("wanders under elms"), judge, None).await
        });
        is_running.await.expect("the pool is at work");
        resume
    }

    #[tokio::test]
    async fn one_source_fills_a_quarter_of_the_queue_and_others_get_through() {
        let pool = Arc::new(HashPool::new(HashOptions { queue: 16, ..small() }).expect("a pool"));
        let resume = paused(&pool).await;
        let from = |n: u16| {
            let source = std::net::Ipv6Addr::new(0x2001, 0xdb8, n, 1, 0, 0, 0, 0);
            Some(Requester { source, network: source })
        };
        let ask = |requester| {
            let pool = pool.clone();
            tokio::spawn(async move { pool.hash_if(secret("wanders under elms"), || true, requester).await })
        };
        let greedy: Vec<_> = (0..100).map(|_| ask(from(1))).collect();
        tokio::task::yield_now().await;
        let others: Vec<_> = (2..5).map(|n| ask(from(n))).collect();
        tokio::task::yield_now().await;
        drop(resume);
        let mut hashed = 0;
        for task in greedy {
            match task.await.expect("a task") {
                Ok(Some(_)) => hashed += 1,
                other => assert!(matches!(other, Err(PoolError::Full { .. })), "{other:?}"),
            }
        }
        assert_eq!(hashed, 4);
        for task in others {
            assert!(matches!(task.await.expect("a task"), Ok(Some(_))));
        }
        assert!(pool.hash_if(secret("wanders under elms"), || true, from(1)).await.is_ok(), "its share is free again");
    }

    #[tokio::test]
    async fn passwords_are_judged_on_the_threads_that_hash_and_a_panic_costs_none() {
        let pool = HashPool::new(small()).expect("a pool");
        let judge = || !thread::current().name().is_some_and(|name| name.starts_with("hash-"));
        assert_eq!(pool.hash_if(secret("wanders under elms"), judge, None).await, Ok(None));
        let panics = || panic!("of a judge");
        assert_eq!(pool.hash_if(secret("wanders under elms"), panics, None).await, Err(PoolError::Stopped));
        assert!(pool.hash(secret("wanders under elms")).await.is_ok());
    }

    #[tokio::test]
    async fn the_wait_follows_the_queue_and_the_measured_pace() {
        let pace = Pace::default();
        assert_eq!(pace.time_for(1_000, 1), Span::from_secs(1), "nothing is known yet");
        pace.note(Duration::from_millis(10));
        assert_eq!(pace.time_for(128, 2), Span::from_secs(1));
        assert_eq!(pace.time_for(1_000, 2), Span::from_secs(5));
        assert_eq!(pace.time_for(1_001, 2), Span::from_secs(6));
        for _ in 0..100 {
            pace.note(Duration::from_millis(100));
        }
        assert!((45..=50).contains(&pace.time_for(1_000, 2).as_secs_ceil()), "the machine has slowed down: {pace:?}");

        let pool = HashPool::new(small()).expect("a pool");
        pool.hash(secret("wanders under elms")).await.expect("a hash");
        assert!(pool.pace.0.load(Ordering::Relaxed) > 0, "a hash is measured before it is answered");
    }
}
