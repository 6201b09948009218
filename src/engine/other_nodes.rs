//! What other nodes of the same store have changed: it is looked for twice a second.

use std::sync::{Arc, Weak};
use std::time::Duration;

use crate::actors::read_announced;
use crate::delivery::Channel;

use super::Engine;
use super::engine::Inner;
use super::error::EngineError;

/// Begins to look, until the engine is gone. Nothing is to be looked for in a store that nobody else writes to.
pub(super) fn look_for_changes(inner: &Arc<Inner>, announced: Option<Vec<u8>>) {
    if inner.store().is_shared() {
        tokio::spawn(look(Arc::downgrade(inner), announced));
    }
}

async fn look(inner: Weak<Inner>, mut taken: Option<Vec<u8>>) {
    let mut has_failed = false;
    loop {
        tokio::time::sleep(LOOKS_EVERY).await;
        let Some(inner) = inner.upgrade() else { return };
        if inner.admission.is_closed() {
            return;
        }
        let (engine, known) = (Engine { inner }, taken.clone());
        // A panic ends this round alone.
        match tokio::spawn(async move { engine.take_changes(known.as_ref()).await }).await {
            Ok(Ok(now)) => {
                (taken, has_failed) = (now, false);
                continue;
            }
            Ok(Err(error)) if !has_failed => {
                tracing::warn!(%error, "what other nodes have changed can't be read; it is tried again");
            }
            Ok(Err(_)) => {}
            Err(error) => tracing::error!(%error, "a look at what other nodes have changed panicked"),
        }
        has_failed = true;
    }
}

impl Engine {
    /// Takes over what was changed since the value `taken` was announced, and returns the one that is announced now. What can't
    /// be read holds up nothing else.
    async fn take_changes(&self, taken: Option<&Vec<u8>>) -> Result<Option<Vec<u8>>, EngineError> {
        let store = self.inner.store();
        self.inner.actor_context.event_log.note_last(store.last_event().await?);
        // Before the rest is read: what is announced after it is read the next time.
        let announced = read_announced(store).await?;
        if announced.as_ref() == taken {
            return Ok(announced);
        }
        let mut outcome = self.take_switches().await.and(self.restore_amendments().await);
        outcome = outcome.and(self.take_clock_offset().await);
        #[cfg(feature = "webhooks")]
        {
            outcome = outcome.and(self.look_at_webhooks().await);
        }
        outcome = outcome.and(self.inner.costs.add_stored(store).await.map_err(EngineError::from));
        outcome.map(|()| announced)
    }

    async fn take_switches(&self) -> Result<(), EngineError> {
        let context = &self.inner.actor_context;
        for channel in [Channel::Email, Channel::Sms] {
            let is_paused = context.stored_switch(channel).await?;
            if is_paused != context.health(channel).is_paused() {
                self.inner.system.switch_channel(channel, is_paused);
            }
        }
        Ok(())
    }
}

/// How often the store is looked at.
const LOOKS_EVERY: Duration = Duration::from_millis(500);

#[cfg(test)]
mod tests;
