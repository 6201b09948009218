//! Scans: for expired records in pages, of events, and of users in the order of a time.

use bytes::Bytes;

use crate::domain::event::{Event, Position};
use crate::domain::id::UserId;
use crate::domain::time::Timestamp;

/// A position in the scan; the default is its beginning.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ScanCursor(pub(in crate::store) Bytes);

/// A record that was expired at the time of the scan; the commit checks again.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ExpiredKey(pub(in crate::store) Bytes);

/// One page of the scan.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ScanPage {
    /// The expired records.
    pub stale: Vec<ExpiredKey>,
    /// Where the next page begins.
    pub next: ScanCursor,
}

/// A named value, behind its name.
pub type NamedValue = (String, Vec<u8>);

/// A part of the log of events.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct EventPage {
    /// The events, in the order of their positions.
    pub events: Vec<Event>,
    /// The position of the last event that was removed because of its age. Who continued from an earlier position may
    /// have missed events.
    pub removed_to: Option<Position>,
}

/// A part of the list of all users.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct UserList {
    /// The time that orders the list; users with equal times are in the order of their ids.
    pub order: UserOrder,
    /// Which end it begins with.
    pub direction: Direction,
    /// Where it continues: behind this time and user, which need not exist (any more). `None` begins it.
    pub after: Option<(Timestamp, UserId)>,
}

/// The time that orders a list of users.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum UserOrder {
    /// [`created_at`](crate::domain::user::User::created_at).
    Created,
    /// [`last_sign_in_at`](crate::domain::user::User::last_sign_in_at); users who never signed in have the time 0.
    SignedIn,
}

/// The direction of a list.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Direction {
    /// The earliest first.
    Ascending,
    /// The latest first.
    Descending,
}
