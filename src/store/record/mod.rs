//! Records: what is on disk, apart from the domain's values on purpose. A record of a version is frozen: its fields
//! never change, a new shape is a new struct with a new schema number. Golden bytes hold each of them still.

mod client;
mod counter;
mod external;
mod failures;
mod identifier;
mod invitation;
mod outbox;
#[cfg(test)]
pub(super) mod samples;
mod sign_in;
mod sign_up;
#[cfg(test)]
mod tests;
mod user;
mod value;

pub(super) use client::ClientRecordV3;
#[cfg(test)]
pub(super) use client::{ClientRecordV1, ClientRecordV2};
pub(super) use counter::{ClientShareV1, CounterRecordV1};
pub(super) use failures::FailuresRecordV1;
pub(super) use identifier::IdentifierRecordV1;
#[cfg(test)]
pub(super) use invitation::InvitedRecordV1;
pub(super) use invitation::{InvitationRecordV1, InvitedRecordV2, WaitlistEntryRecordV1};
pub(super) use outbox::OutboxRecordV1;
pub(super) use sign_up::SignUpRecordV2;
pub(super) use user::UserRecordV2;
pub(super) use value::ValueRecordV1;
