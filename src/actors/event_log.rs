//! How readers of the events hear of new ones.

use std::sync::{Mutex, PoisonError};

use tokio::sync::watch;

use crate::domain::event::Position;
use crate::store::{Commit, CommitError, Committed};

/// Whether events are recorded, and the position of the newest one that is known.
#[derive(Debug)]
pub struct EventLog {
    is_recorded: bool,
    /// `None` once the engine has stopped.
    newest: Mutex<Option<watch::Sender<Option<Position>>>>,
}

impl EventLog {
    /// A log of events, which are recorded or not.
    pub(super) fn new(is_recorded: bool) -> Self {
        Self { is_recorded, newest: Mutex::new(Some(watch::Sender::new(None))) }
    }

    /// Changes whenever the store may have new events, and closes when the engine stops. Who has read all events waits
    /// for that before reading on.
    pub fn watch(&self) -> watch::Receiver<Option<Position>> {
        let newest = self.newest.lock().unwrap_or_else(PoisonError::into_inner);
        newest.as_ref().map_or_else(|| watch::channel(None).1, watch::Sender::subscribe)
    }

    /// Whether there may be further events: the engine has not stopped.
    pub(super) fn is_open(&self) -> bool {
        self.newest.lock().unwrap_or_else(PoisonError::into_inner).is_some()
    }

    /// Prepares a commit: whether its events are recorded.
    pub(super) const fn prepare(&self, commit: &mut Commit) {
        commit.unrecorded = !self.is_recorded;
    }

    /// Wakes the readers if these commits have recorded events, or may have.
    pub(super) fn note(&self, results: &[Result<Committed, CommitError>]) {
        let last = results.iter().filter_map(|result| result.as_ref().ok()?.last_event).max();
        let is_unknown = results.iter().any(|result| matches!(result, Err(CommitError::Unknown)));
        if last.is_some() || is_unknown {
            self.wake(last);
        }
    }

    /// Wakes the readers if this last event of the store is a newer one: of another node.
    pub fn note_last(&self, last: Option<Position>) {
        let newest = self.newest.lock().unwrap_or_else(PoisonError::into_inner);
        let known = newest.as_ref().and_then(|newest| *newest.borrow());
        drop(newest);
        if last > known {
            self.wake(last);
        }
    }

    fn wake(&self, last: Option<Position>) {
        if let Some(newest) = &*self.newest.lock().unwrap_or_else(PoisonError::into_inner) {
            newest.send_modify(|newest| *newest = last.max(*newest));
        }
    }

    /// Tells the readers that there will be no further events.
    pub(super) fn end(&self) {
        self.newest.lock().unwrap_or_else(PoisonError::into_inner).take();
    }
}
