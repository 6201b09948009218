//! The types of events, and which of them an endpoint wants.

use std::collections::BTreeSet;
use std::fmt;

use serde::{Serialize, Serializer};

macro_rules! event_types {
    ($($(#[$doc:meta])* $variant:ident $name:literal)*) => {
        /// What happened. The names are those of Clerk's webhooks.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        #[non_exhaustive]
        pub enum EventType {
            $($(#[$doc])* $variant,)*
            /// A test of an endpoint, sent on request only: nothing happened. No list of events has it.
            Test,
        }

        impl EventType {
            /// All types but for [`Self::Test`].
            pub const ALL: &'static [Self] = &[$(Self::$variant),*];

            /// The name on the wire, such as `user.created`.
            pub const fn as_str(self) -> &'static str {
                match self {
                    $(Self::$variant => $name,)*
                    Self::Test => "webhook.test",
                }
            }
        }
    };
}

event_types! {
    /// There is a new user.
    UserCreated "user.created"
    /// Something about a user changed.
    UserUpdated "user.updated"
    /// A user was deleted.
    UserDeleted "user.deleted"
    /// There is a new active session.
    SessionCreated "session.created"
    /// There is a new session, whose user has something to do before it is active.
    SessionPending "session.pending"
    /// A session was ended by its user or by the application.
    SessionEnded "session.ended"
    /// A user signed out.
    SessionRemoved "session.removed"
    /// A session was ended by a ban, by a new password, or with its user.
    SessionRevoked "session.revoked"
    /// An e-mail was composed. The event contains the code or link in it.
    EmailCreated "email.created"
    /// A text message was composed. The event contains the code in it.
    SmsCreated "sms.created"
    /// A person joined the waiting list.
    WaitlistEntryCreated "waitlistEntry.created"
    /// An entry of the waiting list changed.
    WaitlistEntryUpdated "waitlistEntry.updated"
}

impl EventType {
    /// The part of the name before the full stop.
    fn group(self) -> &'static str {
        self.as_str().split('.').next().unwrap_or_default()
    }

    /// Whether the event contains codes or links that prove an address. It goes only to endpoints that name it.
    pub const fn has_codes(self) -> bool {
        matches!(self, Self::EmailCreated | Self::SmsCreated)
    }
}

impl fmt::Display for EventType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl Serialize for EventType {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.as_str())
    }
}

/// The events that an endpoint wants: names such as `user.created`, and groups such as `user.*`. A group has all its
/// events, also those of later releases, except for those that [contain codes](EventType::has_codes).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EventFilter(BTreeSet<Pattern>);

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Pattern {
    Exact(EventType),
    Group(&'static str),
}

/// Why a list of events can't be used.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum FilterError {
    /// The list is empty.
    #[error("the list of events is empty, so nothing would be sent")]
    Empty,
    /// There is no such event or group.
    #[error("there is no event `{0}`; write a name such as `user.created` or a group such as `user.*`")]
    Unknown(String),
    /// All events of the group contain codes. The group.
    #[error("`{0}.*` has only events that contain codes, which have to be named: `{0}.created`")]
    CodesByName(&'static str),
}

impl EventFilter {
    /// Reads a list of names and groups.
    ///
    /// # Errors
    /// See [`FilterError`].
    pub fn parse<'a>(list: impl IntoIterator<Item = &'a str>) -> Result<Self, FilterError> {
        let patterns = list.into_iter().map(pattern).collect::<Result<BTreeSet<_>, _>>()?;
        if patterns.is_empty() { Err(FilterError::Empty) } else { Ok(Self(patterns)) }
    }

    /// The names and groups, each once, in the order of the contract.
    pub fn names(&self) -> Vec<String> {
        let name = |pattern: &Pattern| match pattern {
            Pattern::Exact(event) => event.to_string(),
            Pattern::Group(group) => format!("{group}.*"),
        };
        self.0.iter().map(name).collect()
    }

    /// Whether the list has this event.
    pub fn has(&self, event: EventType) -> bool {
        let by_group = !event.has_codes() && self.0.contains(&Pattern::Group(event.group()));
        by_group || self.0.contains(&Pattern::Exact(event))
    }
}

fn pattern(text: &str) -> Result<Pattern, FilterError> {
    let mut all = EventType::ALL.iter().copied();
    let Some(name) = text.strip_suffix(".*") else {
        let event = all.find(|event| event.as_str() == text);
        return event.map(Pattern::Exact).ok_or_else(|| FilterError::Unknown(text.to_owned()));
    };
    let events: Vec<EventType> = all.filter(|event| event.group() == name).collect();
    match events.first().map(|event| event.group()) {
        None => Err(FilterError::Unknown(text.to_owned())),
        Some(group) if events.iter().all(|event| event.has_codes()) => Err(FilterError::CodesByName(group)),
        Some(group) => Ok(Pattern::Group(group)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_has_itself_and_a_group_has_all_of_its_events() {
        let wanted = |list: &[&str]| -> Vec<&str> {
            let filter = EventFilter::parse(list.iter().copied()).expect("a filter");
            EventType::ALL.iter().copied().filter(|event| filter.has(*event)).map(EventType::as_str).collect()
        };
        assert_eq!(wanted(&["user.created"]), ["user.created"]);
        assert_eq!(wanted(&["user.*"]), ["user.created", "user.updated", "user.deleted"]);
        assert_eq!(wanted(&["waitlistEntry.*"]), ["waitlistEntry.created", "waitlistEntry.updated"]);
        assert_eq!(wanted(&["sms.created", "user.deleted", "sms.created"]), ["user.deleted", "sms.created"]);
    }

    #[test]
    fn codes_go_out_only_where_their_event_is_named() {
        let groups = ["user.*", "session.*", "waitlistEntry.*"];
        let all_groups = EventFilter::parse(groups).expect("a filter");
        for event in EventType::ALL.iter().copied() {
            assert_eq!(all_groups.has(event), !event.has_codes(), "{event}");
            let by_name = EventFilter::parse([event.as_str()]).expect("a filter");
            assert!(by_name.has(event), "{event}");
        }
        for group in ["email", "sms"] {
            assert_eq!(EventFilter::parse([&*format!("{group}.*")]), Err(FilterError::CodesByName(group)));
        }
    }

    #[test]
    fn names_read_back_each_once() {
        let filter = EventFilter::parse(["session.*", "user.created", "session.*"]).expect("a filter");
        assert_eq!(filter.names(), ["user.created", "session.*"]);
        assert_eq!(EventFilter::parse(filter.names().iter().map(String::as_str)), Ok(filter));
        let test = EventType::Test.to_string();
        assert_eq!(EventFilter::parse([&*test]), Err(FilterError::Unknown(test)));
    }

    #[test]
    fn what_no_event_is_called_is_refused() {
        for text in
            ["", "*", ".*", "user", "user.", "user.*.*", "user.craeted", "User.created", " user.created", "us.*"]
        {
            assert_eq!(EventFilter::parse(["user.*", text]), Err(FilterError::Unknown(text.to_owned())));
        }
        assert_eq!(EventFilter::parse([]), Err(FilterError::Empty));
    }
}
