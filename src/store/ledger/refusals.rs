//! Log of groups that could not be written: one line when that begins, one per minute while it lasts, and one with
//! their number at the end; never one per group.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

/// Whether groups are being refused, and how many so far.
#[derive(Debug, Default)]
pub(super) struct RejectionLog {
    /// Whether there are any; outside the lock, so that a success costs nothing.
    any: AtomicBool,
    /// Whether the last write failed on the disk, rather than for lack of a free segment.
    failing: AtomicBool,
    trouble: Mutex<Option<Trouble>>,
}

#[derive(Debug)]
struct Trouble {
    began: Instant,
    said: Instant,
    count: u64,
}

impl RejectionLog {
    /// Records a refused group. `failed` if the disk refused it.
    pub(super) fn note(&self, reason: &str, failed: bool) {
        self.any.store(true, Ordering::Release);
        if failed {
            self.failing.store(true, Ordering::Release);
        }
        let now = Instant::now();
        let mut trouble = self.lock();
        match &mut *trouble {
            None => {
                tracing::warn!(reason, "groups cannot be written to the journal");
                *trouble = Some(Trouble { began: now, said: now, count: 1 });
            }
            Some(trouble) => {
                trouble.count += 1;
                if now.duration_since(trouble.said) >= EVERY {
                    trouble.said = now;
                    tracing::warn!(reason, refused = trouble.count, "groups still cannot be written to the journal");
                }
            }
        }
    }

    /// Records a written group.
    pub(super) fn end(&self) {
        if !self.any.load(Ordering::Acquire) || !self.any.swap(false, Ordering::AcqRel) {
            return;
        }
        self.failing.store(false, Ordering::Release);
        if let Some(Trouble { began, count, .. }) = self.lock().take() {
            let seconds = began.elapsed().as_secs();
            tracing::info!(refused = count, seconds, "groups can be written to the journal again");
        }
    }

    /// Whether the disk refused the last write.
    pub(super) fn writes_fail(&self) -> bool {
        self.failing.load(Ordering::Acquire)
    }

    fn lock(&self) -> MutexGuard<'_, Option<Trouble>> {
        self.trouble.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

const EVERY: Duration = Duration::from_secs(60);
