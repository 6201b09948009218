//! Records: the data on disk, deliberately separate from the domain's values. A record of a version is frozen: its
//! fields never change, a new shape is a new struct with a new schema number. Golden bytes in the tests check each of
//! them.

mod address_verification;
mod application_value;
mod client;
mod count;
mod counter;
mod event;
mod external;
mod failures;
mod handshake;
mod identifier;
mod invitation;
mod listed;
mod message;
mod outbox;
mod passkey;
#[cfg(test)]
pub(in crate::store) mod samples;
mod session;
mod sign_in;
mod sign_in_token;
mod sign_up;
mod strategy;
#[cfg(test)]
mod tests;
mod user;
mod user_base;
mod value;
mod webhook;

pub(in crate::store) use address_verification::AddressVerificationRecordV2;
pub(in crate::store) use application_value::ApplicationValueRecordV1;
pub(in crate::store) use client::ClientRecordV5;
#[cfg(test)]
pub(in crate::store) use client::{ClientRecordV1, ClientRecordV2, ClientRecordV3, ClientRecordV4};
pub(in crate::store) use count::CountRecordV1;
pub(in crate::store) use counter::{ClientShareV1, CounterRecordV1};
pub(in crate::store) use event::{EventsRecordV2, OpenEvents, removed_to, removed_to_value};
pub(in crate::store) use failures::FailuresRecordV2;
pub(in crate::store) use handshake::HandshakeRecordV1;
pub(in crate::store) use identifier::IdentifierRecordV1;
#[cfg(test)]
pub(in crate::store) use invitation::InvitedRecordV1;
pub(in crate::store) use invitation::{InvitationRecordV1, InvitedRecordV2, WaitlistEntryRecordV1};
pub(in crate::store) use listed::{ListedRecordV1, RedirectUrlRecordV1};
pub(in crate::store) use message::MessageRecordV1;
pub(in crate::store) use outbox::OutboxRecordV2;
pub(in crate::store) use passkey::{PasskeyChallengeRecordV1, PasskeyHolderRecordV1};
pub(in crate::store) use session::SessionRecordV2;
pub(in crate::store) use sign_in_token::SignInTokenRecordV1;
pub(in crate::store) use sign_up::SignUpRecordV3;
pub(in crate::store) use user::UserRecordV4;
pub(in crate::store) use value::ValueRecordV1;
pub(in crate::store) use webhook::{WebhookEndpointRecordV1, WebhookRetryRecordV1};
