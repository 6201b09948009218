//! Admission: how many requests may be in flight, and the quotas of each source address. Actor mailboxes have no limit
//! of their own, so the limits are applied before them, for embedders too. A call without a source address has no
//! source quota.

use std::collections::HashSet;
use std::sync::{Arc, Mutex, PoisonError};

use tokio::sync::{Semaphore, SemaphorePermit};

use crate::actors::{LimitedCounts, OnSent};
use crate::domain::id::UserId;
use crate::domain::identifier::{Identifier, IdentifierKind, PhoneNumber};
use crate::domain::message::MessageBudget;
use crate::domain::settings::source_limits::SourceLimits;
use crate::domain::time::{Span, Timestamp};
use crate::limiter::{
    CountedNotices, Destination, LimitedAction, Networks, NoticeLimiter, SourceLimiter, TextMessageLimiter,
};
use crate::password::Requester;

use super::{Engine, EngineError, RequestContext};

/// The limits on incoming calls.
pub(super) struct Admission {
    places: Semaphore,
    by_source: Option<SourceLimiter>,
    text_messages: Option<Arc<TextMessageLimiter>>,
    notices: NoticeLimiter,
    hashing: Mutex<HashSet<[u8; 16]>>,
}

/// The right of one sign-up or client to have a password hashed; given back when dropped.
pub(super) struct Turn<'a> {
    admission: &'a Admission,
    id: [u8; 16],
}

impl Admission {
    /// At most `requests_max` requests at once, and these quotas for each source; `None` means no source quotas.
    pub(super) fn new(requests_max: usize, limits: Option<&SourceLimits>) -> Self {
        Self {
            places: Semaphore::new(requests_max),
            by_source: limits.map(SourceLimiter::new),
            text_messages: limits.map(|limits| Arc::new(TextMessageLimiter::new(limits))),
            notices: NoticeLimiter::default(),
            hashing: Mutex::default(),
        }
    }

    /// Takes a place, which is held until the request is answered.
    fn enter(&self) -> Result<SemaphorePermit<'_>, EngineError> {
        self.places.try_acquire().map_err(|_| EngineError::Overloaded { retry_after: RETRY_AFTER })
    }

    /// Refuses all further calls.
    pub(super) fn close(&self) {
        self.places.close();
    }

    /// Whether all further calls are refused.
    pub(super) fn is_closed(&self) -> bool {
        self.places.is_closed()
    }

    /// Whether there are quotas by source.
    pub(super) const fn limits_sources(&self) -> bool {
        self.by_source.is_some()
    }

    /// Counts one action against the quota of its source.
    ///
    /// # Errors
    /// [`EngineError::Limited`] when the quota of the source, or of the network around it, is used up.
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

    /// Counts a message: for its source, and for the number range of the recipient. One that is refused is noted in `refused`.
    ///
    /// # Errors
    /// [`EngineError::Limited`]; nothing is counted then.
    pub(super) fn spend_message(
        &self,
        to: &Identifier,
        source: &RequestContext,
        now: Timestamp,
        refused: &LimitedCounts,
    ) -> Result<(), EngineError> {
        let action = action(to);
        self.spend(action, source, now).inspect_err(|_| refused.note(to, MessageBudget::Source))?;
        let (Some(limiter), LimitedAction::Sms) = (&self.text_messages, action) else { return Ok(()) };
        let number = PhoneNumber::restore(to.value.clone());
        let country = number.country().unwrap_or_default();
        limiter.spend(Destination { country: &country, prefix: number.prefix() }, now).map_err(|reached| {
            if reached.is_news {
                tracing::warn!(
                    phone.prefix = number.prefix(),
                    phone.country = country,
                    key = reached.key,
                    retry_after_s = reached.retry_after.as_secs_ceil(),
                    "a limit of text messages is reached; no more are sent there for a time"
                );
            }
            refused.note(to, MessageBudget::Destination);
            self.take_back(action, source);
            limited(reached.retry_after)
        })
    }

    /// Uncounts a message that was not sent.
    pub(super) fn take_back_message(&self, to: &Identifier, source: &RequestContext) {
        let action = action(to);
        self.take_back(action, source);
        if let (Some(limiter), LimitedAction::Sms) = (&self.text_messages, action) {
            let number = PhoneNumber::restore(to.value.clone());
            let country = number.country().unwrap_or_default();
            limiter.take_back(Destination { country: &country, prefix: number.prefix() });
        }
    }

    /// Counts notices to a user: as many as may be sent.
    pub(super) fn count_notices(&self, user: UserId, wanted: usize, now: Timestamp) -> CountedNotices<'_> {
        self.notices.count(user, wanted, now)
    }

    /// What is to hear of each message that was sent.
    pub(super) fn on_sent(&self) -> Option<OnSent> {
        let limiter = self.text_messages.clone()?;
        Some(Arc::new(move |to, now| {
            if to.kind == IdentifierKind::PhoneNumber {
                limiter.note_sent(PhoneNumber::restore(to.value.clone()).prefix(), now);
            }
        }))
    }

    /// Notes that the code of a text message was used.
    pub(super) fn note_proof(&self, number: &PhoneNumber) {
        if let Some(limiter) = &self.text_messages {
            limiter.note_proof(number.prefix());
        }
    }

    /// Reserves the hash pool for a sign-up or client. Each has one hash at a time, so that none of them fills the
    /// queue.
    ///
    /// # Errors
    /// [`EngineError::Busy`] while another call holds the reservation.
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
    /// Runs one public call while holding a place, or refuses it where no place is free. All work of a call happens
    /// inside, from its first read of the store. A call that needs another one uses the other's inner function, so that
    /// it holds one place only.
    ///
    /// # Errors
    /// [`EngineError::Overloaded`], and the errors of the call itself.
    pub(super) fn admitted<'a, T: 'a>(
        &'a self,
        work: impl Future<Output = Result<T, EngineError>> + 'a,
    ) -> impl Future<Output = Result<T, EngineError>> + 'a {
        // On the heap: the future of a call is large, and its caller's future would contain it several times.
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
    /// The source whose share of the hash queue this call uses.
    pub(super) fn requester(&self) -> Option<Requester> {
        let Networks { source, around } = Networks::of(self.address?);
        Some(Requester { source, network: around })
    }
}

/// The quota that a message to this address counts against.
const fn action(to: &Identifier) -> LimitedAction {
    match to.kind {
        IdentifierKind::PhoneNumber => LimitedAction::Sms,
        _ => LimitedAction::Email,
    }
}

const fn limited(retry_after: Span) -> EngineError {
    EngineError::Limited { retry_after }
}

/// How long callers are asked to wait when the engine is overloaded.
pub(super) const RETRY_AFTER: Span = Span::from_secs(1);

#[cfg(test)]
mod tests;
