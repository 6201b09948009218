//! Messages and channels, as the Backend API shows them
//! ([guide: Messages](crate::guide::contract_backend#messages)).

use std::collections::BTreeMap;

use serde::Serialize;

use crate::delivery::ProviderStatus;
use crate::domain::id::MessageId;
use crate::domain::message::Origin;
use crate::domain::time::Timestamp;
use crate::engine::{ChannelView, MessagePage, MessageView};

use super::AsDisplay;

/// A message.
#[derive(Debug, Serialize)]
pub(crate) struct MessageResource<'a> {
    object: &'static str,
    id: AsDisplay<MessageId>,
    channel: &'static str,
    to: &'a str,
    template: Option<&'static str>,
    origin_type: Option<&'static str>,
    origin_id: Option<AsDisplay<Origin>>,
    locale: Option<&'a str>,
    status: &'static str,
    failure: Option<&'static str>,
    provider: Option<&'a str>,
    provider_message_id: Option<&'a str>,
    attempts: u32,
    created_at: Timestamp,
    updated_at: Timestamp,
    expire_at: Timestamp,
}

/// A part of the list of messages.
#[derive(Debug, Serialize)]
pub(crate) struct MessagePageResource<'a> {
    data: &'a [MessageView],
    next: Option<AsDisplay<MessageId>>,
}

/// A channel.
#[derive(Debug, Serialize)]
pub(crate) struct ChannelResource<'a> {
    object: &'static str,
    channel: &'static str,
    paused: bool,
    failing_since: Option<Timestamp>,
    reason: Option<&'a str>,
    queued_count: usize,
    queued_has_more: bool,
    oldest_queued_at: Option<Timestamp>,
    in_memory_count: usize,
    sent_count: u64,
    refused_count: u64,
    expired_count: u64,
    failed_tries_count: u64,
    failures: BTreeMap<&'static str, u64>,
    providers: Vec<ProviderResource<'a>>,
}

/// A provider of a channel.
#[derive(Debug, Serialize)]
struct ProviderResource<'a> {
    name: &'a str,
    state: &'static str,
    sent_count: u64,
    failures: BTreeMap<&'static str, u64>,
    reason: Option<&'a str>,
}

impl<'a> From<&'a MessageView> for MessageResource<'a> {
    fn from(view: &'a MessageView) -> Self {
        Self {
            object: "message",
            id: AsDisplay(view.id),
            channel: view.channel.as_str(),
            to: &view.to,
            template: view.template.map(|template| template.as_str()),
            origin_type: view.origin.map(|origin| origin.kind()),
            origin_id: view.origin.map(AsDisplay),
            locale: view.locale.as_deref(),
            status: view.status.as_str(),
            failure: view.failure.map(|class| class.as_str()),
            provider: Some(&*view.provider).filter(|name| !name.is_empty()),
            provider_message_id: view.provider_message_id.as_deref(),
            attempts: view.attempts,
            created_at: view.created_at,
            updated_at: view.updated_at,
            expire_at: view.expire_at,
        }
    }
}

impl<'a> From<&'a MessagePage> for MessagePageResource<'a> {
    fn from(page: &'a MessagePage) -> Self {
        Self { data: &page.items, next: page.next.map(AsDisplay) }
    }
}

impl<'a> From<&'a ChannelView> for ChannelResource<'a> {
    fn from(view: &'a ChannelView) -> Self {
        let status = &view.status;
        Self {
            object: "message_channel",
            channel: status.channel.as_str(),
            paused: status.is_paused,
            failing_since: status.failing_since,
            reason: status.reason.as_deref(),
            queued_count: view.queued,
            // All are counted; clients of before read this.
            queued_has_more: false,
            oldest_queued_at: view.oldest_at,
            in_memory_count: status.waiting,
            sent_count: status.sent,
            refused_count: status.refused,
            expired_count: status.expired,
            failed_tries_count: status.failed_tries,
            failures: status.failures.iter().map(|(class, number)| (class.as_str(), *number)).collect(),
            providers: status.providers.iter().map(ProviderResource::from).collect(),
        }
    }
}

impl<'a> From<&'a ProviderStatus> for ProviderResource<'a> {
    fn from(status: &'a ProviderStatus) -> Self {
        Self {
            name: status.name,
            state: status.state.as_str(),
            sent_count: status.sent,
            failures: status.failures.iter().map(|(class, number)| (class.as_str(), *number)).collect(),
            reason: status.reason.as_deref(),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::delivery::ProviderState;

    #[test]
    fn the_state_of_a_provider_has_its_own_name() {
        for (state, name) in [
            (ProviderState::Working, "working"),
            (ProviderState::Paused(Duration::from_secs(5)), "paused"),
            (ProviderState::Probing, "probing"),
        ] {
            let status = ProviderStatus { name: "resend", state, sent: 1, failures: BTreeMap::new(), reason: None };
            let shown = serde_json::to_value(ProviderResource::from(&status)).expect("JSON");
            assert_eq!((&shown["name"], &shown["state"]), (&"resend".into(), &name.into()));
        }
    }
}
