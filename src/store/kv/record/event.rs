//! The events of the commits of one append.

use std::net::IpAddr;

use serde::{Deserialize, Serialize};

use crate::domain::client::session::SessionStatus;
use crate::domain::event::{EndUser, Event, Happened, Position};
use crate::domain::id::{InvitationId, MessageId, SessionId, SignUpId, UserId, WaitlistEntryId};
use crate::domain::identifier::IdentifierKind;
use crate::domain::message::MessageBudget;
use crate::domain::time::Timestamp;
use crate::store::StoreError;
use crate::store::kv::codec::{Older, Record};
use crate::store::kv::key::Kind;

use super::message::FailureClassV1;
use super::value::ValueRecordV1;

/// Events in order. Their positions are the number in the key and their index here, counted over all commits.
///
/// The first schema had the same fields, and only the events up to [`HappenedV2::InvitationDeleted`]; its bytes are read
/// as they are.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub(in crate::store) struct EventsRecordV2 {
    commits: Vec<CommitV2>,
}

/// The first schema.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(in crate::store) struct EventsRecordV1(EventsRecordV2);

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
struct CommitV2 {
    at: u64,
    end_user: Option<EndUserV1>,
    events: Vec<HappenedV2>,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
struct EndUserV1 {
    address: Option<AddressV1>,
    user_agent: String,
}

#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
enum AddressV1 {
    V4([u8; 4]),
    V6([u8; 16]),
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
enum HappenedV2 {
    SignUpCreated { id: [u8; 16], version: u64 },
    SignUpUpdated { id: [u8; 16], version: u64 },
    SignUpCompleted { id: [u8; 16], version: u64, user_id: [u8; 16] },
    SignUpAbandoned { id: [u8; 16] },
    UserCreated { id: [u8; 16], version: u64 },
    UserUpdated { id: [u8; 16], version: u64 },
    UserDeleted { id: [u8; 16], external_id: Option<String> },
    SessionCreated { id: [u8; 16], user_id: [u8; 16] },
    SessionEnded { id: [u8; 16], user_id: [u8; 16], end: SessionEndV1 },
    MessageSent { id: [u8; 16] },
    MessageFailed { id: [u8; 16] },
    WaitlistEntryCreated { id: [u8; 16] },
    WaitlistEntryUpdated { id: [u8; 16] },
    WaitlistEntryDeleted { id: [u8; 16] },
    InvitationCreated { id: [u8; 16] },
    InvitationAccepted { id: [u8; 16], user_id: [u8; 16] },
    InvitationRevoked { id: [u8; 16] },
    InvitationDeleted { id: [u8; 16] },
    // What follows is of the second schema.
    MessageCreated { id: [u8; 16], to_phone: bool },
    MessageDelivered { id: [u8; 16] },
    MessageFailedFor { id: [u8; 16], class: FailureClassV1 },
    MessageLimited { to_phone: bool, by: MessageBudgetV1, count: u32 },
}

#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
enum MessageBudgetV1 {
    Source,
    Destination,
    Address,
}

#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
enum SessionEndV1 {
    Ended,
    Removed,
    Replaced,
    Revoked,
}

impl Record for EventsRecordV1 {
    const KIND: Kind = Kind::Event;
    const SCHEMA: u8 = 1;
}

impl Record for EventsRecordV2 {
    const KIND: Kind = Kind::Event;
    const SCHEMA: u8 = 2;

    fn from_older(older: Older<'_>) -> Result<Self, StoreError> {
        older.read::<EventsRecordV1>().map(|EventsRecordV1(record)| record)
    }
}

impl EventsRecordV2 {
    /// The events, where the record has this number.
    pub(in crate::store) fn events(self, sequence: u64) -> impl Iterator<Item = Event> {
        let of_commit = |commit: CommitV2| {
            let (at, end_user) = (Timestamp::from_millis(commit.at), commit.end_user.map(EndUser::from));
            commit.events.into_iter().map(move |what| (at, end_user.clone(), what))
        };
        (0..=u16::MAX).zip(self.commits.into_iter().flat_map(of_commit)).map(move |(index, (at, end_user, what))| {
            Event::new(Position::new(sequence, index), at, end_user, what.into())
        })
    }

    /// When the latest of its commits was decided.
    pub(in crate::store) fn at(&self) -> Timestamp {
        Timestamp::from_millis(self.commits.iter().map(|commit| commit.at).max().unwrap_or_default())
    }

    /// The position of its last event, where the record has this number.
    pub(in crate::store) fn last_position(&self, sequence: u64) -> Position {
        let events: usize = self.commits.iter().map(|commit| commit.events.len()).sum();
        Position::new(sequence, u16::try_from(events.saturating_sub(1)).unwrap_or(u16::MAX))
    }
}

/// A record of events that is being filled.
#[derive(Debug, Default)]
pub(in crate::store) struct OpenEvents {
    record: EventsRecordV2,
    /// How many events it has.
    events: u16,
    /// At most so many bytes.
    size: usize,
}

impl OpenEvents {
    pub(in crate::store) const fn is_empty(&self) -> bool {
        self.events == 0
    }

    /// Whether it takes one more event, also one with the longest id of the application and the longest user agent.
    pub(in crate::store) const fn has_room(&self) -> bool {
        self.size <= SIZE_FULL
    }

    /// Adds an event, and returns its index.
    pub(in crate::store) fn push(&mut self, at: Timestamp, end_user: Option<&EndUser>, happened: &Happened) -> u16 {
        let (at, index) = (at.as_millis(), self.events);
        let end_user = end_user.map(EndUserV1::from);
        let commits = &mut self.record.commits;
        match commits.last_mut().filter(|last| last.at == at && last.end_user == end_user) {
            Some(last) => last.events.push(happened.into()),
            None => {
                self.size += COMMIT_SIZE + end_user.as_ref().map_or(0, |end_user| end_user.user_agent.len());
                commits.push(CommitV2 { at, end_user, events: vec![happened.into()] });
            }
        }
        let external_id = match happened {
            Happened::UserDeleted { external_id, .. } => external_id.as_ref().map_or(0, String::len),
            _ => 0,
        };
        self.size += EVENT_SIZE + external_id;
        self.events += 1;
        index
    }

    /// The record.
    pub(in crate::store) fn finish(self) -> EventsRecordV2 {
        self.record
    }
}

/// At most so many bytes of a commit, beside its events and the user agent.
const COMMIT_SIZE: usize = 64;
/// At most so many bytes of an event, beside the application's id of a user.
const EVENT_SIZE: usize = 64;
/// A record of more bytes takes no more events: with one more it still fits an entry, and has fewer than 2^16 events.
const SIZE_FULL: usize = 48 << 10;

/// The position in the value [`EVENTS_REMOVED`](crate::store::kv::key::EVENTS_REMOVED).
pub(in crate::store) fn removed_to(value: &ValueRecordV1) -> Option<Position> {
    let (sequence, index) = value.bytes.split_first_chunk::<8>()?;
    Some(Position::new(u64::from_be_bytes(*sequence), u16::from_be_bytes(index.try_into().ok()?)))
}

/// The value that [`removed_to`] reads.
pub(in crate::store) fn removed_to_value(position: Position) -> ValueRecordV1 {
    let (sequence, index) = (position.sequence().to_be_bytes(), position.index().to_be_bytes());
    ValueRecordV1 { bytes: [&sequence[..], &index].concat() }
}

impl From<&EndUser> for EndUserV1 {
    fn from(end_user: &EndUser) -> Self {
        let address = end_user.address.map(|address| match address {
            IpAddr::V4(address) => AddressV1::V4(address.octets()),
            IpAddr::V6(address) => AddressV1::V6(address.octets()),
        });
        Self { address, user_agent: end_user.user_agent.clone() }
    }
}

impl From<EndUserV1> for EndUser {
    fn from(end_user: EndUserV1) -> Self {
        let address = end_user.address.map(|address| match address {
            AddressV1::V4(octets) => IpAddr::from(octets),
            AddressV1::V6(octets) => IpAddr::from(octets),
        });
        Self { address, user_agent: end_user.user_agent }
    }
}

impl From<&Happened> for HappenedV2 {
    fn from(what: &Happened) -> Self {
        match what {
            Happened::SignUpCreated { id, version } => Self::SignUpCreated { id: *id.as_bytes(), version: *version },
            Happened::SignUpUpdated { id, version } => Self::SignUpUpdated { id: *id.as_bytes(), version: *version },
            Happened::SignUpCompleted { id, version, user_id } => {
                Self::SignUpCompleted { id: *id.as_bytes(), version: *version, user_id: *user_id.as_bytes() }
            }
            Happened::SignUpAbandoned { id } => Self::SignUpAbandoned { id: *id.as_bytes() },
            Happened::UserCreated { id, version } => Self::UserCreated { id: *id.as_bytes(), version: *version },
            Happened::UserUpdated { id, version } => Self::UserUpdated { id: *id.as_bytes(), version: *version },
            Happened::UserDeleted { id, external_id } => {
                Self::UserDeleted { id: *id.as_bytes(), external_id: external_id.clone() }
            }
            Happened::SessionCreated { id, user_id } => {
                Self::SessionCreated { id: *id.as_bytes(), user_id: *user_id.as_bytes() }
            }
            Happened::SessionEnded { id, user_id, status } => {
                Self::SessionEnded { id: *id.as_bytes(), user_id: *user_id.as_bytes(), end: (*status).into() }
            }
            Happened::MessageSent { id } => Self::MessageSent { id: *id.as_bytes() },
            Happened::MessageCreated { id, to } => {
                Self::MessageCreated { id: *id.as_bytes(), to_phone: *to == IdentifierKind::PhoneNumber }
            }
            Happened::MessageDelivered { id } => Self::MessageDelivered { id: *id.as_bytes() },
            Happened::MessageFailed { id, class: None } => Self::MessageFailed { id: *id.as_bytes() },
            Happened::MessageFailed { id, class: Some(class) } => {
                Self::MessageFailedFor { id: *id.as_bytes(), class: (*class).into() }
            }
            Happened::MessageLimited { to, by, count } => Self::MessageLimited {
                to_phone: *to == IdentifierKind::PhoneNumber,
                by: match by {
                    MessageBudget::Source => MessageBudgetV1::Source,
                    MessageBudget::Destination => MessageBudgetV1::Destination,
                    MessageBudget::Address => MessageBudgetV1::Address,
                },
                count: *count,
            },
            Happened::WaitlistEntryCreated { id } => Self::WaitlistEntryCreated { id: *id.as_bytes() },
            Happened::WaitlistEntryUpdated { id } => Self::WaitlistEntryUpdated { id: *id.as_bytes() },
            Happened::WaitlistEntryDeleted { id } => Self::WaitlistEntryDeleted { id: *id.as_bytes() },
            Happened::InvitationCreated { id } => Self::InvitationCreated { id: *id.as_bytes() },
            Happened::InvitationAccepted { id, user_id } => {
                Self::InvitationAccepted { id: *id.as_bytes(), user_id: *user_id.as_bytes() }
            }
            Happened::InvitationRevoked { id } => Self::InvitationRevoked { id: *id.as_bytes() },
            Happened::InvitationDeleted { id } => Self::InvitationDeleted { id: *id.as_bytes() },
        }
    }
}

impl From<HappenedV2> for Happened {
    fn from(what: HappenedV2) -> Self {
        use HappenedV2 as V2;
        match what {
            V2::SignUpCreated { id, version } => Self::SignUpCreated { id: SignUpId::from_bytes(id), version },
            V2::SignUpUpdated { id, version } => Self::SignUpUpdated { id: SignUpId::from_bytes(id), version },
            V2::SignUpCompleted { id, version, user_id } => {
                Self::SignUpCompleted { id: SignUpId::from_bytes(id), version, user_id: UserId::from_bytes(user_id) }
            }
            V2::SignUpAbandoned { id } => Self::SignUpAbandoned { id: SignUpId::from_bytes(id) },
            V2::UserCreated { id, version } => Self::UserCreated { id: UserId::from_bytes(id), version },
            V2::UserUpdated { id, version } => Self::UserUpdated { id: UserId::from_bytes(id), version },
            V2::UserDeleted { id, external_id } => Self::UserDeleted { id: UserId::from_bytes(id), external_id },
            V2::SessionCreated { id, user_id } => {
                Self::SessionCreated { id: SessionId::from_bytes(id), user_id: UserId::from_bytes(user_id) }
            }
            V2::SessionEnded { id, user_id, end } => Self::SessionEnded {
                id: SessionId::from_bytes(id),
                user_id: UserId::from_bytes(user_id),
                status: end.into(),
            },
            V2::MessageSent { id } => Self::MessageSent { id: MessageId::from_bytes(id) },
            V2::MessageCreated { id, to_phone } => Self::MessageCreated {
                id: MessageId::from_bytes(id),
                to: if to_phone { IdentifierKind::PhoneNumber } else { IdentifierKind::EmailAddress },
            },
            V2::MessageDelivered { id } => Self::MessageDelivered { id: MessageId::from_bytes(id) },
            V2::MessageFailed { id } => Self::MessageFailed { id: MessageId::from_bytes(id), class: None },
            V2::MessageFailedFor { id, class } => {
                Self::MessageFailed { id: MessageId::from_bytes(id), class: Some(class.into()) }
            }
            V2::MessageLimited { to_phone, by, count } => Self::MessageLimited {
                to: if to_phone { IdentifierKind::PhoneNumber } else { IdentifierKind::EmailAddress },
                by: match by {
                    MessageBudgetV1::Source => MessageBudget::Source,
                    MessageBudgetV1::Destination => MessageBudget::Destination,
                    MessageBudgetV1::Address => MessageBudget::Address,
                },
                count,
            },
            V2::WaitlistEntryCreated { id } => Self::WaitlistEntryCreated { id: WaitlistEntryId::from_bytes(id) },
            V2::WaitlistEntryUpdated { id } => Self::WaitlistEntryUpdated { id: WaitlistEntryId::from_bytes(id) },
            V2::WaitlistEntryDeleted { id } => Self::WaitlistEntryDeleted { id: WaitlistEntryId::from_bytes(id) },
            V2::InvitationCreated { id } => Self::InvitationCreated { id: InvitationId::from_bytes(id) },
            V2::InvitationAccepted { id, user_id } => {
                Self::InvitationAccepted { id: InvitationId::from_bytes(id), user_id: UserId::from_bytes(user_id) }
            }
            V2::InvitationRevoked { id } => Self::InvitationRevoked { id: InvitationId::from_bytes(id) },
            V2::InvitationDeleted { id } => Self::InvitationDeleted { id: InvitationId::from_bytes(id) },
        }
    }
}

impl From<SessionStatus> for SessionEndV1 {
    fn from(status: SessionStatus) -> Self {
        match status {
            // An active session has not ended; the planner records none as if it had.
            SessionStatus::Active | SessionStatus::Ended => Self::Ended,
            SessionStatus::Removed => Self::Removed,
            SessionStatus::Replaced => Self::Replaced,
            SessionStatus::Revoked => Self::Revoked,
        }
    }
}

impl From<SessionEndV1> for SessionStatus {
    fn from(end: SessionEndV1) -> Self {
        match end {
            SessionEndV1::Ended => Self::Ended,
            SessionEndV1::Removed => Self::Removed,
            SessionEndV1::Replaced => Self::Replaced,
            SessionEndV1::Revoked => Self::Revoked,
        }
    }
}
