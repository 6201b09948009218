//! Who sends a message where nodes share the outbox. The node that made it sends it, and stops trying after a while. From then
//! on it is for the node that has the lease of the outbox. Between the two times lies the longest time that the last try
//! of the first node takes, so that a message is sent twice only if a node was paused in the middle of a try, or could not
//! note for so long that it was sent.

use std::time::Duration;

use crate::actors::context::ActorContext;
use crate::domain::time::Span;
use crate::store::OutboxEntry;

/// Whether the node that made a message may begin a try.
pub(super) fn may_begin(context: &ActorContext, entry: &OutboxEntry) -> bool {
    !context.store.is_shared() || entry.created_at.is_within(BEGUN_WITHIN, context.now())
}

/// Whether the node that made a message may be sending it.
pub(super) fn may_send(context: &ActorContext, entry: &OutboxEntry) -> bool {
    context.store.is_shared() && entry.created_at.is_within(ENDED_WITHIN, context.now())
}

/// The longest time that a try of a message may take.
pub(super) fn longest_try(context: &ActorContext, entry: &OutboxEntry) -> Duration {
    let usual = context.options.delivery_timeout;
    if may_send(context, entry) {
        usual.min((entry.created_at + ENDED_WITHIN).since(context.now()).to_std())
    } else {
        usual
    }
}

/// For how long the node that made a message begins tries of it.
const BEGUN_WITHIN: Span = Span::from_secs(15);
/// After how long the last of its tries has ended.
const ENDED_WITHIN: Span = Span::from_secs(30);
