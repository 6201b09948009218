//! Events: what has happened to sign-ups, users, sessions and what belongs to them
//! ([guide: Events](crate::guide::events)).
//!
//! The store records them in the commit in which they happen. An event names its objects by their ids and copies nothing of them:
//! its reader loads the object as it is then. So the removal of a user leaves no address behind in the log.

use std::fmt;
use std::net::IpAddr;
use std::str::FromStr;

use super::client::session::SessionStatus;
use super::id::{EventId, InvitationId, MessageId, SessionId, SignUpId, UserId, WaitlistEntryId};
use super::identifier::IdentifierKind;
use super::message::{FailureClass, MessageBudget};
use super::time::Timestamp;

/// One event.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Event {
    /// Its id. It follows from the position and the time, so the event has the same one whenever it is read.
    pub id: EventId,
    /// Its place among all events: the order of the commits, and within a commit an object before what belongs to it.
    pub position: Position,
    /// The time of the commit. It may be earlier than that of the event before, since the position decides the order.
    pub at: Timestamp,
    /// Whose request caused it. `None` for calls of the application's backend and for work in the background.
    pub end_user: Option<EndUser>,
    /// What has happened.
    pub what: Happened,
}

/// What has happened, in the past tense of Clerk's event names ([`Happened::name`]).
///
/// The version of a sign-up or user is the one that the commit stored; the object may have changed again since.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Happened {
    /// A sign-up has begun.
    SignUpCreated {
        /// The sign-up.
        id: SignUpId,
        /// Its version.
        version: u64,
    },
    /// A sign-up has changed and is still open.
    SignUpUpdated {
        /// The sign-up.
        id: SignUpId,
        /// Its version.
        version: u64,
    },
    /// A sign-up has become a user; the same commit has [`Self::UserCreated`].
    SignUpCompleted {
        /// The sign-up.
        id: SignUpId,
        /// Its version.
        version: u64,
        /// The user.
        user_id: UserId,
    },
    /// An open sign-up was removed, since its time was over. It counts as abandoned from
    /// `sign_up.abandon_after_s` after its last write, and is removed `sign_up.keep_finished_s` later.
    SignUpAbandoned {
        /// The sign-up, which can't be read any more.
        id: SignUpId,
    },
    /// A user exists: by a sign-up, or made by the application's backend.
    UserCreated {
        /// The user.
        id: UserId,
        /// Its version.
        version: u64,
    },
    /// A user has changed. A sign-in is a change too; a note of activity
    /// ([`last_active_at`](super::user::User::last_active_at)) is not.
    UserUpdated {
        /// The user.
        id: UserId,
        /// Its version.
        version: u64,
    },
    /// A user was removed.
    UserDeleted {
        /// The user, which can't be read any more.
        id: UserId,
        /// The id that the application's backend had given it.
        external_id: Option<String>,
    },
    /// A session has begun.
    SessionCreated {
        /// The session.
        id: SessionId,
        /// Its user.
        user_id: UserId,
    },
    /// A session was over before it expired. That a session expires is no event.
    SessionEnded {
        /// The session.
        id: SessionId,
        /// Its user.
        user_id: UserId,
        /// How it ended; never [`SessionStatus::Active`].
        status: SessionStatus,
    },
    /// A message was handed over to its transport.
    MessageSent {
        /// The message.
        id: MessageId,
    },
    /// A message is to be sent.
    MessageCreated {
        /// The message.
        id: MessageId,
        /// What kind of address it goes to.
        to: IdentifierKind,
    },
    /// Messages were asked for, and a limit refused them. There is one such event a minute at most for each kind of address and
    /// limit; it is recorded up to a minute later, and a crash before that loses it.
    MessageLimited {
        /// What kind of addresses they were for.
        to: IdentifierKind,
        /// Which limit refused them.
        by: MessageBudget,
        /// How many there were since the event before.
        count: u32,
    },
    /// The provider of a message reported that it has arrived.
    MessageDelivered {
        /// The message.
        id: MessageId,
    },
    /// A message will never be sent, since it was refused or has expired; or its provider reported that it did not arrive.
    MessageFailed {
        /// The message.
        id: MessageId,
        /// Why; `None` for events that an older version recorded.
        class: Option<FailureClass>,
    },
    /// A person has joined the waiting list.
    WaitlistEntryCreated {
        /// The entry.
        id: WaitlistEntryId,
    },
    /// An entry of the waiting list was invited, rejected, or completed by a sign-up.
    WaitlistEntryUpdated {
        /// The entry.
        id: WaitlistEntryId,
    },
    /// An entry of the waiting list was removed.
    WaitlistEntryDeleted {
        /// The entry, which can't be read any more.
        id: WaitlistEntryId,
    },
    /// An invitation was created.
    InvitationCreated {
        /// The invitation.
        id: InvitationId,
    },
    /// An invitation was used by a new user.
    InvitationAccepted {
        /// The invitation.
        id: InvitationId,
        /// The user.
        user_id: UserId,
    },
    /// An invitation was revoked.
    InvitationRevoked {
        /// The invitation.
        id: InvitationId,
    },
    /// An invitation was removed.
    InvitationDeleted {
        /// The invitation, which can't be read any more.
        id: InvitationId,
    },
}

/// The person's request that caused an event.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct EndUser {
    /// The source address, where it is known.
    pub address: Option<IpAddr>,
    /// The `User-Agent` of the request (RFC 9110, 10.1.5), at most [`EndUser::USER_AGENT_MAX`] characters; empty where it
    /// is not known.
    pub user_agent: String,
}

/// The place of an event among all events of a store. Later events have greater positions. As text it is opaque:
/// keep it as it is, and compare positions only with each other.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Position {
    sequence: u64,
    index: u16,
}

/// Text that is not a position.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("not a position of an event")]
pub struct MalformedPosition;

impl Event {
    /// The event at this position.
    pub(crate) fn new(position: Position, at: Timestamp, end_user: Option<EndUser>, what: Happened) -> Self {
        Self { id: position.event_id(at), position, at, end_user, what }
    }

    /// [`Happened::name`].
    pub const fn name(&self) -> &'static str {
        self.what.name()
    }
}

impl Happened {
    /// The name of the event, such as `user.created`. A session that another one has replaced has `session.ended`, for
    /// which Clerk has no name of its own; [`Self::SessionEnded`] has the exact status.
    pub const fn name(&self) -> &'static str {
        match self {
            Self::SignUpCreated { .. } => "sign_up.created",
            Self::SignUpUpdated { .. } => "sign_up.updated",
            Self::SignUpCompleted { .. } => "sign_up.completed",
            Self::SignUpAbandoned { .. } => "sign_up.abandoned",
            Self::UserCreated { .. } => "user.created",
            Self::UserUpdated { .. } => "user.updated",
            Self::UserDeleted { .. } => "user.deleted",
            Self::SessionCreated { .. } => "session.created",
            Self::SessionEnded { status: SessionStatus::Removed, .. } => "session.removed",
            Self::SessionEnded { status: SessionStatus::Revoked, .. } => "session.revoked",
            Self::SessionEnded { .. } => "session.ended",
            Self::MessageCreated { .. } => "message.created",
            Self::MessageSent { .. } => "message.sent",
            Self::MessageLimited { .. } => "message.limited",
            Self::MessageDelivered { .. } => "message.delivered",
            Self::MessageFailed { .. } => "message.failed",
            Self::WaitlistEntryCreated { .. } => "waitlist_entry.created",
            Self::WaitlistEntryUpdated { .. } => "waitlist_entry.updated",
            Self::WaitlistEntryDeleted { .. } => "waitlist_entry.deleted",
            Self::InvitationCreated { .. } => "invitation.created",
            Self::InvitationAccepted { .. } => "invitation.accepted",
            Self::InvitationRevoked { .. } => "invitation.revoked",
            Self::InvitationDeleted { .. } => "invitation.deleted",
        }
    }

    /// Where it belongs among the events of one commit: an object comes before what belongs to it, and goes after it.
    pub(crate) const fn rank(&self) -> u8 {
        match self {
            Self::SignUpCreated { .. }
            | Self::SignUpUpdated { .. }
            | Self::SignUpCompleted { .. }
            | Self::SignUpAbandoned { .. } => 0,
            Self::UserCreated { .. } | Self::UserUpdated { .. } => 1,
            Self::UserDeleted { .. } => 3,
            _ => 2,
        }
    }
}

impl EndUser {
    /// The request with this source address and user agent, which is shortened if it is long.
    pub fn new(address: Option<IpAddr>, user_agent: Option<&str>) -> Self {
        let user_agent = user_agent.unwrap_or_default().chars().take(Self::USER_AGENT_MAX).collect();
        Self { address, user_agent }
    }

    /// How much of a user agent is kept, in characters.
    pub const USER_AGENT_MAX: usize = 256;
}

impl Position {
    /// The position of the event with this index in the record with this number.
    pub(crate) const fn new(sequence: u64, index: u16) -> Self {
        Self { sequence, index }
    }

    /// The number of the record.
    pub(crate) const fn sequence(self) -> u64 {
        self.sequence
    }

    /// The index in the record.
    pub(crate) const fn index(self) -> u16 {
        self.index
    }

    /// A position before this one, and behind all events before it; `None` for the first.
    #[cfg(feature = "webhooks")]
    pub(crate) const fn before(self) -> Option<Self> {
        match (self.sequence, self.index) {
            (0, 0) => None,
            (sequence, 0) => Some(Self { sequence: sequence - 1, index: u16::MAX }),
            (sequence, index) => Some(Self { sequence, index: index - 1 }),
        }
    }

    /// The position of the event with this id, if the store has it.
    #[cfg(feature = "webhooks")]
    pub(crate) const fn of(id: EventId) -> Self {
        let [low, _, _, _, _, _, _, sequence @ .., high] = *id.as_bytes();
        Self { sequence: u64::from_be_bytes(sequence), index: u16::from_le_bytes([low, high]) }
    }

    /// The id of the event at this position, recorded at `at`. It has the form of all ids (`id.rs`), without their random
    /// part: the position is unique in the store, and the time tells it from events of other stores.
    fn event_id(self, at: Timestamp) -> EventId {
        let [low, high] = self.index.to_le_bytes();
        let mut bytes = [0; 16];
        bytes[0] = low;
        bytes[1..7].copy_from_slice(&at.as_millis().to_be_bytes()[2..]);
        bytes[7..15].copy_from_slice(&self.sequence.to_be_bytes());
        bytes[15] = high;
        EventId::from_bytes(bytes)
    }
}

impl fmt::Display for Position {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:016x}{:04x}", self.sequence, self.index)
    }
}

impl FromStr for Position {
    type Err = MalformedPosition;

    fn from_str(text: &str) -> Result<Self, MalformedPosition> {
        let is_digit = |byte: u8| matches!(byte, b'0'..=b'9' | b'a'..=b'f');
        if text.len() != 20 || !text.bytes().all(is_digit) {
            return Err(MalformedPosition);
        }
        let sequence = u64::from_str_radix(&text[..16], 16).map_err(|_| MalformedPosition)?;
        let index = u16::from_str_radix(&text[16..], 16).map_err(|_| MalformedPosition)?;
        Ok(Self { sequence, index })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn positions_read_back_and_their_text_is_in_their_order() {
        let positions = [(0, 0), (0, 1), (9, u16::MAX), (16, 0), (u64::MAX, u16::MAX)];
        let positions = positions.map(|(sequence, index)| Position::new(sequence, index));
        for position in positions {
            assert_eq!(position.to_string().parse(), Ok(position));
        }
        assert!(positions.is_sorted() && positions.map(|position| position.to_string()).is_sorted());
        for text in ["", "0", "+000000000000000000f", "000000000000000000é", "0000000000000000000F"] {
            assert_eq!(text.parse::<Position>(), Err(MalformedPosition), "{text}");
        }
    }

    #[test]
    fn an_event_has_the_id_of_its_position_and_time() {
        let id = |sequence, index, ms| Position::new(sequence, index).event_id(Timestamp::from_millis(ms));
        let first = id(1 << 32, 0, 1_800_000_000_000);
        assert_eq!(first, id(1 << 32, 0, 1_800_000_000_000));
        assert_eq!(first.made_at(), Timestamp::from_millis(1_800_000_000_000));
        assert!(first.to_string().starts_with("evt_"));
        let others =
            [id(1 << 32, 1, 1_800_000_000_000), id(1 << 32, 256, 1_800_000_000_000), id(1, 0, 1_800_000_000_000)];
        assert!(!others.contains(&first) && others[0] != others[1]);
        assert_ne!(first, id(1 << 32, 0, 1_800_000_000_001));
    }

    #[cfg(feature = "webhooks")]
    #[test]
    fn a_position_is_known_by_the_id_of_its_event_and_has_one_before_it() {
        for position in [Position::new(1 << 32, 258), Position::new(7, 0), Position::new(0, 0)] {
            assert_eq!(Position::of(position.event_id(Timestamp::from_millis(1_800_000_000_000))), position);
        }
        assert_eq!(Position::new(7, 2).before(), Some(Position::new(7, 1)));
        assert_eq!(Position::new(7, 0).before(), Some(Position::new(6, u16::MAX)));
        assert_eq!(Position::new(0, 0).before(), None);
    }

    #[test]
    fn a_long_user_agent_is_shortened() {
        let long = EndUser::new(None, Some(&"é".repeat(300)));
        assert_eq!(long.user_agent, "é".repeat(EndUser::USER_AGENT_MAX));
        assert_eq!(EndUser::new(None, None), EndUser::default());
    }
}
