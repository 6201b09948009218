//! The id of a message.

use aws_lc_rs::digest::{Context, SHA256};

use crate::domain::id::{EventId, MessageId, WebhookEndpointId};

/// The id of the message about an event to an endpoint. It follows from the two, so it is the same in all attempts, after
/// a restart and when the event is sent again, and receivers can drop repetitions.
pub fn message_id(event: EventId, endpoint: WebhookEndpointId) -> MessageId {
    let mut context = Context::new(&SHA256);
    for part in [b"webhook message".as_slice(), event.as_bytes(), endpoint.as_bytes()] {
        context.update(part);
    }
    let mut bytes = [0; 16];
    bytes.copy_from_slice(&context.finish().as_ref()[..16]);
    MessageId::from_bytes(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_event_has_one_id_at_each_endpoint() {
        let [event, other_event] = [1, 2].map(|n| EventId::from_bytes([n; 16]));
        let [endpoint, other_endpoint] = [1, 2].map(|n| WebhookEndpointId::from_bytes([n; 16]));
        let id = message_id(event, endpoint);
        assert_eq!(id, message_id(event, endpoint));
        assert_ne!(id, message_id(other_event, endpoint));
        assert_ne!(id, message_id(event, other_endpoint));
        assert_eq!(id.to_string(), "msg_000007FBqMAk5FKn5d5bTWZQ1CZ", "receivers remember it");
    }
}
