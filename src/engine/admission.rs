//! Admission: how many requests may be in flight, and how much one source may cause. Mailboxes have no limit, so these
//! stand before them. Whoever embeds the engine gets them too; a call whose source has no address is not limited by it.

use std::collections::HashSet;
use std::sync::{Mutex, PoisonError};

use tokio::sync::{Semaphore, SemaphorePermit};

use crate::domain::identifier::{Identifier, IdentifierKind, PhoneNumber};
use crate::domain::settings::source_limits::SourceLimits;
use crate::domain::time::{Span, Timestamp};
use crate::limiter::{LimitedAction, Networks, PrefixLimiter, SourceLimiter};
use crate::password::Requester;

use super::{Engine, EngineError, RequestContext};

/// The limits on what is let in.
pub(super) struct Admission {
    places: Semaphore,
    by_source: Option<SourceLimiter>,
    by_prefix: Option<PrefixLimiter>,
    hashing: Mutex<HashSet<[u8; 16]>>,
}

/// The turn of a sign-up or a client to have a password hashed, until it is dropped.
pub(super) struct Turn<'a> {
    admission: &'a Admission,
    id: [u8; 16],
}

impl Admission {
    /// So many requests at once, and so much for each source; `None` for any amount.
    pub(super) fn new(requests_max: usize, limits: Option<&SourceLimits>) -> Self {
        Self {
            places: Semaphore::new(requests_max),
            by_source: limits.map(SourceLimiter::new),
            by_prefix: limits.and_then(|limits| limits.sms_per_prefix).map(PrefixLimiter::new),
            hashing: Mutex::default(),
        }
    }

    /// A place, held until the request is answered.
    fn enter(&self) -> Result<SemaphorePermit<'_>, EngineError> {
        self.places.try_acquire().map_err(|_| EngineError::Overloaded { retry_after: RETRY_AFTER })
    }

    /// Lets nobody in any more.
    pub(super) fn close(&self) {
        self.places.close();
    }

    /// Whether anything is counted by source at all.
    pub(super) const fn limits_sources(&self) -> bool {
        self.by_source.is_some()
    }

    /// Counts one use of what a source may do.
    ///
    /// # Errors
    /// [`EngineError::Limited`] when the source, or the network around it, has used its share.
    pub(super) fn spend(
        &self,
        action: LimitedAction,
        source: &RequestContext,
        now: Timestamp,
    ) -> Result<(), EngineError> {
        match (&self.by_source, source.address) {
            (Some(limiter), Some(address)) => limiter.spend(action, address, now).map_err(limited),
            _ => Ok(()),
        }
    }

    /// Counts a message to an address: for its source, and for the range of numbers that it is in.
    ///
    /// # Errors
    /// [`EngineError::Limited`]; nothing is counted then.
    pub(super) fn spend_message(
        &self,
        to: &Identifier,
        source: &RequestContext,
        now: Timestamp,
    ) -> Result<(), EngineError> {
        let action = action(to);
        self.spend(action, source, now)?;
        let (Some(limiter), LimitedAction::Sms) = (&self.by_prefix, action) else { return Ok(()) };
        let number = PhoneNumber::restore(to.value.clone());
        limiter.spend(number.prefix(), now).map_err(|tripped| {
            if tripped.is_news {
                tracing::warn!(
                    phone.prefix = number.prefix(),
                    retry_after_s = tripped.retry_after.as_secs_ceil(),
                    "a prefix of phone numbers gets no more text messages today: `limits.sms_prefix_per_day`"
                );
            }
            self.take_back(action, source);
            limited(tripped.retry_after)
        })
    }

    /// Takes back a message that was not sent.
    pub(super) fn take_back_message(&self, to: &Identifier, source: &RequestContext) {
        let action = action(to);
        self.take_back(action, source);
        if let (Some(limiter), LimitedAction::Sms) = (&self.by_prefix, action) {
            limiter.take_back(PhoneNumber::restore(to.value.clone()).prefix());
        }
    }

    /// A turn at the hash pool: a sign-up or a client has one at a time, so that none of them fills it alone.
    ///
    /// # Errors
    /// [`EngineError::Busy`] while another call has it.
    pub(super) fn take_turn(&self, id: [u8; 16]) -> Result<Turn<'_>, EngineError> {
        let is_free = self.hashing.lock().unwrap_or_else(PoisonError::into_inner).insert(id);
        if is_free { Ok(Turn { admission: self, id }) } else { Err(EngineError::Busy { retry_after: RETRY_AFTER }) }
    }

    fn take_back(&self, action: LimitedAction, source: &RequestContext) {
        if let (Some(limiter), Some(address)) = (&self.by_source, source.address) {
            limiter.take_back(action, address);
        }
    }
}

impl Engine {
    /// Does the work of one call of the public interface in a place of its own, or refuses the call where no place is
    /// free. Each such call does all its work in here, from the first look at the store on. A call that needs another
    /// one uses what that does inside, so that it holds one place only.
    ///
    /// # Errors
    /// [`EngineError::Overloaded`] and those of the work.
    pub(super) fn admitted<'a, T: 'a>(
        &'a self,
        work: impl Future<Output = Result<T, EngineError>> + 'a,
    ) -> impl Future<Output = Result<T, EngineError>> + 'a {
        // On the heap: what a call needs is large, and would lie in its caller's future several times over.
        let work = Box::pin(work);
        async move {
            let _place = self.inner.admission.enter()?;
            work.await
        }
    }
}

impl Drop for Turn<'_> {
    fn drop(&mut self) {
        self.admission.hashing.lock().unwrap_or_else(PoisonError::into_inner).remove(&self.id);
    }
}

impl RequestContext {
    /// Whose share of the hash queue a call has.
    pub(super) fn requester(&self) -> Option<Requester> {
        let Networks { source, around } = Networks::of(self.address?);
        Some(Requester { source, network: around })
    }
}

/// What a message to an address is counted as.
const fn action(to: &Identifier) -> LimitedAction {
    match to.kind {
        IdentifierKind::PhoneNumber => LimitedAction::Sms,
        _ => LimitedAction::Email,
    }
}

const fn limited(retry_after: Span) -> EngineError {
    EngineError::Limited { retry_after }
}

/// What an overloaded engine asks callers to wait.
pub(super) const RETRY_AFTER: Span = Span::from_secs(1);

#[cfg(test)]
mod tests;
