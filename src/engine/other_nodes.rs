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
    loop {
        tokio::time::sleep(LOOKS_EVERY).await;
        let Some(inner) = inner.upgrade() else { return };
        if inner.admission.is_closed() {
            return;
        }
        let engine = Engine { inner };
        match engine.take_changes(taken.as_ref()).await {
            Ok(now) => taken = now,
            Err(error) => tracing::debug!(%error, "what other nodes have changed can't be read; it is tried again"),
        }
    }
}

impl Engine {
    /// Takes over what was changed since the value `taken` was announced, and returns the one that is announced now.
    async fn take_changes(&self, taken: Option<&Vec<u8>>) -> Result<Option<Vec<u8>>, EngineError> {
        let store = self.inner.store();
        self.inner.actor_context.event_log.note_last(store.last_event().await?);
        // Before the rest is read: what is announced after it is read the next time.
        let announced = read_announced(store).await?;
        if announced.as_ref() == taken {
            return Ok(announced);
        }
        self.restore_amendments().await?;
        for channel in [Channel::Email, Channel::Sms] {
            let is_paused = self.inner.actor_context.stored_switch(channel).await?;
            if is_paused != self.inner.actor_context.health(channel).is_paused() {
                self.inner.system.switch_channel(channel, is_paused);
            }
        }
        self.inner.costs.add_stored(store).await?;
        #[cfg(feature = "webhooks")]
        self.look_at_webhooks().await?;
        self.take_clock_offset().await?;
        Ok(announced)
    }
}

/// How often the store is looked at.
const LOOKS_EVERY: Duration = Duration::from_millis(500);
