//! Reads of single keys that come while others are under way are made together, by one statement: for the database a statement is
//! most of the work of such a read.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use bytes::Bytes;
use tokio::sync::{Semaphore, oneshot};

use crate::store::error::StoreError;
use crate::store::kv::shared_map::Versioned;

/// What a statement has found.
pub(super) type Found = HashMap<Bytes, Versioned>;

/// The reads that wait for the next statement.
#[derive(Debug)]
pub(super) struct Together {
    waiting: Mutex<Vec<Waiting>>,
    /// A caller that has one of these reads for all that wait at that time.
    turns: Semaphore,
}

#[derive(Debug)]
struct Waiting {
    keys: Vec<Bytes>,
    answer: oneshot::Sender<Result<Arc<Found>, StoreError>>,
}

impl Default for Together {
    fn default() -> Self {
        Self { waiting: Mutex::default(), turns: Semaphore::new(STATEMENTS) }
    }
}

impl Together {
    /// Reads keys by `read`, mostly with those of other callers. The statement begins after this call.
    ///
    /// # Errors
    /// That of the statement.
    pub(super) async fn get<F: Future<Output = Result<Found, StoreError>>>(
        &self,
        keys: &[Bytes],
        read: impl Fn(Vec<Bytes>) -> F,
    ) -> Result<Arc<Found>, StoreError> {
        loop {
            let (sender, mut answer) = oneshot::channel();
            self.waiting().push(Waiting { keys: keys.to_vec(), answer: sender });
            let answered = tokio::select! {
                biased;
                answered = &mut answer => answered,
                turn = self.turns.acquire() => {
                    let all = std::mem::take(&mut *self.waiting());
                    if !all.is_empty() {
                        let keys = all.iter().flat_map(|waiting| &waiting.keys).cloned().collect();
                        let found = read(keys).await.map(Arc::new);
                        for waiting in all {
                            // Who does not wait any more needs no answer.
                            waiting.answer.send(found.clone()).ok();
                        }
                    }
                    drop(turn);
                    answer.await
                }
            };
            // Without an answer the caller that read for this one was dropped.
            if let Ok(found) = answered {
                return found;
            }
        }
    }

    fn waiting(&self) -> std::sync::MutexGuard<'_, Vec<Waiting>> {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// How many statements are under way at once: a second one, so that reads go on where the first waits at a connection that has
/// fallen silent. The second takes another connection.
const STATEMENTS: usize = 2;

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering};
    use std::time::Duration;

    use tokio::time::{sleep, timeout};

    use super::*;
    use crate::store::kv::shared_map::Stamp;

    /// A read that takes a second and finds every key.
    async fn slow(keys: Vec<Bytes>, reads: Arc<AtomicUsize>) -> Result<Found, StoreError> {
        reads.fetch_add(1, Ordering::Relaxed);
        sleep(Duration::from_secs(1)).await;
        Ok(keys.into_iter().map(|key| (key.clone(), Versioned { stamp: Stamp::draw(), value: key })).collect())
    }

    #[tokio::test(start_paused = true)]
    async fn reads_that_come_while_others_are_under_way_are_one_statement() {
        let (together, reads) = (Arc::new(Together::default()), Arc::new(AtomicUsize::new(0)));
        let callers = (0..50_u8).map(|n| {
            let (together, reads) = (together.clone(), reads.clone());
            tokio::spawn(async move {
                let keys = [Bytes::from(vec![n]), Bytes::from(vec![n, n])];
                let found = together.get(&keys, |keys| slow(keys, reads.clone())).await.expect("a read");
                keys.iter().all(|key| found.get(key).is_some_and(|entry| entry.value == *key))
            })
        });
        for caller in callers.collect::<Vec<_>>() {
            assert!(caller.await.expect("no panic"));
        }
        assert!((2..=4).contains(&reads.load(Ordering::Relaxed)), "{reads:?}");
    }

    #[tokio::test(start_paused = true)]
    async fn who_is_dropped_while_reading_for_others_leaves_them_with_an_answer() {
        let (together, reads) = (Arc::new(Together::default()), Arc::new(AtomicUsize::new(0)));
        let key = [Bytes::from_static(b"a")];
        let begun: Vec<_> = (0..8)
            .map(|n| {
                let (together, reads, key) = (together.clone(), reads.clone(), key.clone());
                tokio::spawn(async move {
                    let read = together.get(&key, |keys| slow(keys, reads.clone()));
                    // The first of them give up in the middle of a statement, which others wait for.
                    let patience = if n < 4 { 1500 } else { 60_000 };
                    timeout(Duration::from_millis(patience), read).await.is_ok_and(|found| found.is_ok())
                })
            })
            .collect();
        let mut answered = Vec::new();
        for caller in begun {
            answered.push(caller.await.expect("no panic"));
        }
        assert!(answered[4..].iter().all(|answered| *answered), "{answered:?}");
    }

    #[tokio::test]
    async fn an_error_is_that_of_all_who_waited() {
        let together = Together::default();
        let fails = |_| async { Err(StoreError::Unavailable("the database is slow".into())) };
        let key = [Bytes::from_static(b"a")];
        let (one, other) = tokio::join!(together.get(&key, fails), together.get(&key, fails));
        assert!(one.is_err() && other.is_err());
    }
}
