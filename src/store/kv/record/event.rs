//! The events of a commit.

use std::net::IpAddr;

use serde::{Deserialize, Serialize};

use crate::domain::client::session::SessionStatus;
use crate::domain::event::{EndUser, Event, Happened, Position};
use crate::domain::id::{InvitationId, MessageId, SessionId, SignUpId, UserId, WaitlistEntryId};
use crate::domain::time::Timestamp;
use crate::store::kv::codec::Record;
use crate::store::kv::key::Kind;

use super::value::ValueRecordV1;

/// Events of one commit, in order. Their positions are the number in the key and their index here.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(in crate::store) struct EventsRecordV1 {
    at: u64,
    end_user: Option<EndUserV1>,
    events: Vec<HappenedV1>,
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
enum HappenedV1 {
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

impl EventsRecordV1 {
    /// What happened at `at`. At most [`EVENTS_MAX`](Self::EVENTS_MAX) fit one record.
    pub(in crate::store) fn of(at: Timestamp, end_user: Option<&EndUser>, events: &[Happened]) -> Self {
        Self {
            at: at.as_millis(),
            end_user: end_user.map(EndUserV1::from),
            events: events.iter().map(HappenedV1::from).collect(),
        }
    }

    /// The events, where the record has this number.
    pub(in crate::store) fn events(self, sequence: u64) -> impl Iterator<Item = Event> {
        let at = Timestamp::from_millis(self.at);
        let end_user = self.end_user.map(EndUser::from);
        (0..=u16::MAX)
            .zip(self.events)
            .map(move |(index, what)| Event::new(Position::new(sequence, index), at, end_user.clone(), what.into()))
    }

    pub(in crate::store) const fn at(&self) -> Timestamp {
        Timestamp::from_millis(self.at)
    }

    /// The position of its last event, where the record has this number.
    pub(in crate::store) fn last_position(&self, sequence: u64) -> Position {
        let last = self.events.len().saturating_sub(1);
        Position::new(sequence, u16::try_from(last).unwrap_or(u16::MAX))
    }

    /// How many events one record has at most: so many with the longest ids of applications (256 characters) and the
    /// longest user agent still fit an entry.
    pub(in crate::store) const EVENTS_MAX: usize = 50;
}

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

impl From<&Happened> for HappenedV1 {
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
            Happened::MessageFailed { id } => Self::MessageFailed { id: *id.as_bytes() },
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

impl From<HappenedV1> for Happened {
    fn from(what: HappenedV1) -> Self {
        use HappenedV1 as V1;
        match what {
            V1::SignUpCreated { id, version } => Self::SignUpCreated { id: SignUpId::from_bytes(id), version },
            V1::SignUpUpdated { id, version } => Self::SignUpUpdated { id: SignUpId::from_bytes(id), version },
            V1::SignUpCompleted { id, version, user_id } => {
                Self::SignUpCompleted { id: SignUpId::from_bytes(id), version, user_id: UserId::from_bytes(user_id) }
            }
            V1::SignUpAbandoned { id } => Self::SignUpAbandoned { id: SignUpId::from_bytes(id) },
            V1::UserCreated { id, version } => Self::UserCreated { id: UserId::from_bytes(id), version },
            V1::UserUpdated { id, version } => Self::UserUpdated { id: UserId::from_bytes(id), version },
            V1::UserDeleted { id, external_id } => Self::UserDeleted { id: UserId::from_bytes(id), external_id },
            V1::SessionCreated { id, user_id } => {
                Self::SessionCreated { id: SessionId::from_bytes(id), user_id: UserId::from_bytes(user_id) }
            }
            V1::SessionEnded { id, user_id, end } => Self::SessionEnded {
                id: SessionId::from_bytes(id),
                user_id: UserId::from_bytes(user_id),
                status: end.into(),
            },
            V1::MessageSent { id } => Self::MessageSent { id: MessageId::from_bytes(id) },
            V1::MessageFailed { id } => Self::MessageFailed { id: MessageId::from_bytes(id) },
            V1::WaitlistEntryCreated { id } => Self::WaitlistEntryCreated { id: WaitlistEntryId::from_bytes(id) },
            V1::WaitlistEntryUpdated { id } => Self::WaitlistEntryUpdated { id: WaitlistEntryId::from_bytes(id) },
            V1::WaitlistEntryDeleted { id } => Self::WaitlistEntryDeleted { id: WaitlistEntryId::from_bytes(id) },
            V1::InvitationCreated { id } => Self::InvitationCreated { id: InvitationId::from_bytes(id) },
            V1::InvitationAccepted { id, user_id } => {
                Self::InvitationAccepted { id: InvitationId::from_bytes(id), user_id: UserId::from_bytes(user_id) }
            }
            V1::InvitationRevoked { id } => Self::InvitationRevoked { id: InvitationId::from_bytes(id) },
            V1::InvitationDeleted { id } => Self::InvitationDeleted { id: InvitationId::from_bytes(id) },
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
