//! `vestibule messages`: shows the messages of a server that runs, sends them again, and stops and starts channels.

use clap::{Args, Subcommand, ValueEnum};
use http::Method;
use serde_json::Value;

use crate::config::Sources;
use crate::domain::id::MessageId;

use super::webhooks::{ServerArguments, ask};

/// Arguments of `vestibule messages`.
#[derive(Clone, Debug, PartialEq, Args)]
pub(super) struct MessagesArguments {
    #[command(subcommand)]
    action: Action,
    #[command(flatten)]
    server: ServerArguments,
}

/// What to do.
#[derive(Clone, Debug, PartialEq, Subcommand)]
enum Action {
    /// List the latest messages, the newest first
    List {
        /// Only those of this channel
        #[arg(long)]
        channel: Option<ChannelName>,
        /// Only those with this status
        #[arg(long)]
        status: Option<StatusName>,
        /// How many, at most 500
        #[arg(long, default_value_t = 50, value_parser = clap::value_parser!(u16).range(1..=500))]
        limit: u16,
    },
    /// Show a message as JSON, without its code, link and text
    Show {
        /// The message, such as msg_…
        id: MessageId,
    },
    /// Send the same code or link once more, while it is good
    Again {
        /// The message, such as msg_…
        id: MessageId,
    },
    /// Show the channels as JSON: what waits, what was sent, and why tries failed
    Channels,
    /// Stop a channel: its messages wait until they expire
    Pause {
        /// The channel
        channel: ChannelName,
    },
    /// Start a channel that was stopped
    Resume {
        /// The channel
        channel: ChannelName,
    },
}

/// A channel.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum ChannelName {
    Email,
    Sms,
}

/// What has become of a message.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum StatusName {
    Queued,
    Sent,
    Delivered,
    Failed,
}

/// Carries it out, and returns what to print.
///
/// # Errors
/// A sentence, where the server can't be asked or refuses.
pub(super) fn messages(wanted: &MessagesArguments, sources: &Sources) -> Result<String, String> {
    let (method, path) = wanted.action.call();
    let (answer, base) = ask(sources, &wanted.server, method, &format!("messages{path}"), None)?;
    wanted.action.told(&answer).ok_or_else(|| format!("what answers at {base} is not Vestibule"))
}

impl Action {
    /// The method, and the path below that of all messages.
    fn call(&self) -> (Method, String) {
        match self {
            Self::List { channel, status, limit } => {
                let channel = channel.map(|channel| format!("&channel={}", channel.name())).unwrap_or_default();
                let status = status.map(|status| format!("&status={}", status.name())).unwrap_or_default();
                (Method::GET, format!("?limit={limit}{channel}{status}"))
            }
            Self::Show { id } => (Method::GET, format!("/{id}")),
            Self::Again { id } => (Method::POST, format!("/{id}/send_again")),
            Self::Channels => (Method::GET, "/channels".into()),
            Self::Pause { channel } => (Method::POST, format!("/channels/{}/pause", channel.name())),
            Self::Resume { channel } => (Method::POST, format!("/channels/{}/resume", channel.name())),
        }
    }

    /// What the answer says; `None` where it is not the answer to this call.
    fn told(&self, answer: &Value) -> Option<String> {
        let pretty = || serde_json::to_string_pretty(answer).ok().map(|text| format!("{text}\n"));
        let is = |object: &str| answer["object"] == object;
        match self {
            Self::List { .. } => {
                let text = |value: &Value| value.as_str().unwrap_or("-").to_owned();
                let line = |message: &Value| {
                    let names = ["id", "channel", "status", "failure", "template", "to"];
                    names.map(|name| text(&message[name])).join("  ") + "\n"
                };
                Some(answer["data"].as_array()?.iter().map(line).collect())
            }
            Self::Show { .. } if is("message") => pretty(),
            Self::Again { .. } if is("message") => Some(format!("queued as {}\n", answer["id"].as_str()?)),
            Self::Channels if answer.as_array().is_some() => pretty(),
            Self::Pause { channel } if is("message_channel") && answer["paused"] == true => {
                Some(format!("{} is stopped; {} messages wait\n", channel.name(), answer["queued_count"]))
            }
            Self::Resume { channel } if is("message_channel") && answer["paused"] == false => {
                Some(format!("{} is started\n", channel.name()))
            }
            _ => None,
        }
    }
}

impl ChannelName {
    const fn name(self) -> &'static str {
        match self {
            Self::Email => "email",
            Self::Sms => "sms",
        }
    }
}

impl StatusName {
    const fn name(self) -> &'static str {
        match self {
            Self::Queued => "queued",
            Self::Sent => "sent",
            Self::Delivered => "delivered",
            Self::Failed => "failed",
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn what_is_not_the_answer_to_a_call_is_not_taken_for_success() {
        let (id, channel) = (MessageId::from_bytes([1; 16]), ChannelName::Sms);
        let stopped = json!({"object": "message_channel", "paused": true, "queued_count": 3});
        for (call, right, told) in [
            (
                Action::List { channel: None, status: None, limit: 1 },
                json!({"data": [{"id": "msg_1", "channel": "sms", "status": "failed", "failure": "address",
                                 "template": "verification_code", "to": "+14155552671"}]}),
                "msg_1  sms  failed  address  verification_code  +14155552671\n",
            ),
            (Action::Again { id }, json!({"object": "message", "id": "msg_2"}), "queued as msg_2\n"),
            (Action::Pause { channel }, stopped.clone(), "sms is stopped; 3 messages wait\n"),
            (Action::Resume { channel }, json!({"object": "message_channel", "paused": false}), "sms is started\n"),
        ] {
            assert_eq!(call.told(&right).as_deref(), Some(told));
            for wrong in [Value::Null, json!({}), json!("ok"), json!({"object": "message_channel"})] {
                assert_eq!(call.told(&wrong), None, "{call:?}: {wrong}");
            }
        }
        assert_eq!(Action::Resume { channel }.told(&stopped), None, "it is still stopped");
    }
}
