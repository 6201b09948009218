//! A commit: what it decides, tidies and writes, and what it answers.

use std::sync::Arc;

use crate::domain::application_value::{ApplicationValue, ValueKey};
use crate::domain::client::{Client, ClientChange};
use crate::domain::event::{EndUser, Position};
use crate::domain::handshake::KeptHandshake;
use crate::domain::id::{
    AddressVerificationId, ClientId, InvitationId, ListedIdentifierId, MessageId, RedirectUrlId, SignInTokenId,
    SignUpId, UserId, WaitlistEntryId, WebhookEndpointId,
};
use crate::domain::identifier::Identifier;
use crate::domain::invitation::Invitation;
use crate::domain::listed::{List, ListedIdentifier, ListedRedirect};
use crate::domain::message::{FailureClass, LimitedMessages, Origin, Template};
use crate::domain::passkey::ChallengeChange;
use crate::domain::policy::{AddressLimits, RetentionPolicy};
use crate::domain::quota::QuotaUse;
use crate::domain::sign_in::{Entry, Try};
use crate::domain::sign_in_token::SignInToken;
use crate::domain::sign_up::SignUp;
use crate::domain::time::Timestamp;
use crate::domain::user::{AddressVerification, User};
use crate::domain::verification::PhoneChannel;
use crate::domain::waitlist::WaitlistEntry;
use crate::domain::webhook::{Disabled, Health, Retry, RetryKey, WebhookEndpoint};

#[cfg(doc)]
use super::error::CommitError;
use super::scan::ExpiredKey;

/// One atomic unit: all of it is written or nothing.
///
/// Only the [`decision`](Self::decision) can be refused. The other parts fail only as a read can fail, or because a
/// record is too large: as [`CommitError::Unavailable`] or [`CommitError::BadRecord`].
#[derive(Clone, Debug, Default)]
pub struct Commit {
    /// The time of the decision, used for counters and clients.
    pub at: Timestamp,
    /// What was decided about sign-ups, users and clients. The store compares it with what is stored, and may refuse
    /// it.
    pub decision: Decision,
    /// Expired records to delete, and sign-ups to list under a later deadline.
    pub housekeeping: Housekeeping,
    /// Named values to write, such as sealed keys. A value that is there is replaced.
    pub values: Vec<(String, Vec<u8>)>,
    /// The person's request that led to it, for its events.
    pub end_user: Option<Box<EndUser>>,
    /// Whether its events are left out of the log of events.
    pub unrecorded: bool,
    /// Whether other nodes have to read again what they keep in memory of its values. It is so anyway after changes to lists,
    /// redirect URLs, overrides and endpoints.
    pub concerns_others: bool,
    /// Whether the commit may be acknowledged before it is on disk, if the store's durability allows that. A commit
    /// that creates, changes or removes a user other than by a sign-in never is.
    pub relaxed: bool,
}

impl Commit {
    /// A commit of one decision, on disk before it is acknowledged.
    pub fn of_decision(at: Timestamp, decision: Decision) -> Self {
        Self { at, decision, ..Self::default() }
    }

    /// A commit that only tidies. It is relaxed: what is lost with it is found and done again.
    pub fn of_housekeeping(at: Timestamp, housekeeping: Housekeeping) -> Self {
        Self { at, housekeeping, relaxed: true, ..Self::default() }
    }

    /// A commit of one named value, on disk before it is acknowledged.
    pub fn of_value(at: Timestamp, name: &str, bytes: Vec<u8>) -> Self {
        Self { at, values: vec![(name.to_owned(), bytes)], ..Self::default() }
    }
}

/// The part of a commit that can be refused: a [`CommitError`] says why, and then nothing of the commit is written.
#[derive(Clone, Debug, Default)]
pub struct Decision {
    /// The next value of a sign-up. With a `user`, the finished sign-up is stored inside that user's record. Refused as
    /// [`CommitError::Stale`] if another version is stored than expected.
    pub sign_up: Option<SignUpWrite>,
    /// Changes to a client. Refused as [`CommitError::Client`].
    pub client: Option<ClientWrite>,
    /// The sizes of the quotas; `None` counts nothing.
    pub limits: Option<AddressLimits>,
    /// Uses of the exact quotas. Refused as [`CommitError::LimitExceeded`] if one is used up.
    pub quota_uses: Vec<QuotaUse>,
    /// An attempt to sign in, to be counted. Refused as [`CommitError::LimitExceeded`] if its allowance is used up, or
    /// as [`CommitError::Locked`] under a lockout, whether it is right or wrong.
    pub tried: Option<Try>,
    /// Whether an address at Gmail is taken where another user has it in a spelling that differs in dots.
    pub ignores_dots: bool,
    /// A new user; its identifiers are claimed. Refused as [`CommitError::IdentifierTaken`] if another user holds one.
    pub user: Option<Box<User>>,
    /// What the application's backend writes to users, in order. Refused as [`CommitError::Stale`] if a user is not in
    /// the expected version, as [`CommitError::IdentifierTaken`] if another user holds one of its identifiers.
    pub users: Vec<UserWrite>,
    /// A user whose failed sign-ins in a row are forgotten, with the locks that they led to.
    pub forgiven: Option<UserId>,
    /// A sign-in to an existing user. Refused as [`CommitError::Stale`] if what was proved no longer belongs to that
    /// user.
    pub entry: Option<Entry>,
    /// Changes to the waiting list, in order. Refused as [`CommitError::Rejected`].
    pub waitlist: Vec<WaitlistChange>,
    /// Changes to invitations, in order. Refused as [`CommitError::Rejected`].
    pub invitations: Vec<InvitationChange>,
    /// Changes to the allow-list and the block-list, in order. Refused as [`CommitError::Rejected`].
    pub listed: Vec<ListedChange>,
    /// Changes to the redirect URLs, in order. Refused as [`CommitError::Rejected`].
    pub redirect_urls: Vec<RedirectUrlChange>,
    /// The next bytes of a named value. Refused as [`CommitError::Stale`] if other bytes are stored than expected.
    pub named_value: Option<NamedValueWrite>,
    /// Changes to sign-in tokens, in order. Refused as [`CommitError::Rejected`]. An [`entry`](Self::entry) by a token
    /// marks it as used; it is refused in the same way if the token was used or revoked meanwhile.
    pub sign_in_tokens: Vec<SignInTokenChange>,
    /// Changes to the results of handshakes, in order. Refused as [`CommitError::Rejected`].
    pub handshakes: Vec<HandshakeChange>,
    /// Changes to the challenges for passkeys, in order. Refused as [`CommitError::Stale`] if a challenge that is taken is
    /// not the one that is stored, or has expired.
    pub challenges: Vec<ChallengeChange>,
    /// Changes to the endpoints of webhooks, in order. Refused as [`CommitError::Stale`] if an endpoint is not in the
    /// expected version, as [`CommitError::Rejected`] if it is gone.
    pub webhooks: Vec<WebhookChange>,
    /// What the application stores with the decision, in order.
    pub values: Vec<ValueWrite>,
    /// The next value of the verification of an address. Refused as [`CommitError::Stale`] if another one is stored than
    /// expected, or if its user does not have the address.
    pub address_verification: Option<AddressVerificationWrite>,
    /// Messages to send because of the decision: new outbox entries.
    pub outbox: Vec<OutboxEntry>,
}

/// The part of a commit that tidies. It is never refused: each part of it is checked again, and what is in use by now
/// is kept.
#[derive(Clone, Debug, Default)]
pub struct Housekeeping {
    /// Messages that need no more sending; they leave the outbox.
    pub sent: Vec<(MessageId, MessageEnd)>,
    /// Whether it is kept what became of them.
    pub keep_messages: bool,
    /// Messages that a limit refused, to be told as events.
    pub limited: Vec<LimitedMessages>,
    /// What providers report about messages that they have taken.
    pub reports: Vec<MessageReport>,
    /// Sign-ups to delete, each with the deadline it is listed under; from the sweeper. One whose deadline was moved
    /// beyond the commit's time in the meantime is kept and listed under its new deadline.
    pub expire: Vec<(Timestamp, SignUpId)>,
    /// Sign-ups to list under another deadline: the old one, the new one, the sign-up.
    pub reindex: Vec<(Timestamp, Timestamp, SignUpId)>,
    /// Named values to delete.
    pub forget: Vec<String>,
    /// Records that were expired at the time of the scan, and how long records are kept.
    pub collect_garbage: (RetentionPolicy, Vec<ExpiredKey>),
    /// Results of deliveries to endpoints of webhooks.
    pub webhooks: Vec<WebhookProgress>,
}

/// What became of a message that leaves the outbox.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum MessageEnd {
    /// Its transport has taken it.
    Sent {
        /// The name of the provider; empty where there is only one.
        provider: String,
        /// The provider's id of the message, at most 256 bytes.
        message_id: Option<String>,
        /// How often it was tried since the start.
        attempts: u32,
    },
    /// It was refused, has expired, or can't be read.
    Failed {
        /// Which of these.
        class: FailureClass,
        /// How often it was tried since the start.
        attempts: u32,
    },
    /// It was never meant to be sent, and is no event.
    Decoy,
}

/// What a provider reports about a message that it has taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct MessageReport {
    /// The message.
    pub id: MessageId,
    /// Why it did not arrive; `None` where it did.
    pub failure: Option<FailureClass>,
}

/// The next value of a sign-up.
#[derive(Clone, Debug)]
pub struct SignUpWrite {
    /// The value; shared with the actor that holds it, so that nothing is copied.
    pub next: Arc<SignUp>,
    /// The version that it was made from; `None` for a new one.
    pub expected_version: Option<u64>,
    /// When the sweeper should check it. A new sign-up is listed under it. A known one keeps its place in the list,
    /// because every write moves the deadline later; the sweeper lists it again when it checks it.
    pub deadline: Timestamp,
}

/// A user that the application's backend creates, changes or removes.
#[derive(Clone, Debug)]
pub enum UserWrite {
    /// A new user. Its id must not be in use.
    Create(Box<User>),
    /// The next value of a user.
    Change {
        /// The value. Identifiers that are new in it are claimed, and those that are gone from it are free again.
        next: Box<User>,
        /// The version that it was made from.
        expected_version: u64,
    },
    /// Remove a user: its record, its identifiers, its sessions, and what was counted for it.
    Remove {
        /// Its id.
        id: UserId,
        /// The version that the removal was decided on.
        expected_version: u64,
    },
}

/// Changes to a client.
#[derive(Clone, Debug)]
pub struct ClientWrite {
    /// The client's id.
    pub id: ClientId,
    /// The changes, in order.
    pub changes: Vec<ClientChange>,
}

/// The next value of the verification of an address.
#[derive(Clone, Debug)]
pub struct AddressVerificationWrite {
    /// The value.
    pub next: Box<AddressVerification>,
    /// The id and the number of attempts of the one that it was made from; `None` where there was none.
    pub expected: Option<(AddressVerificationId, u32)>,
}

/// What the application writes for itself.
#[derive(Clone, Debug)]
pub enum ValueWrite {
    /// Write a value. One that is there under the same key is replaced.
    Put(ApplicationValue),
    /// Remove a value, if it is there.
    Remove(ValueKey),
}

/// A change to an invitation.
#[derive(Clone, Debug)]
pub enum InvitationChange {
    /// Create it.
    Issue {
        /// The invitation.
        invitation: Box<Invitation>,
        /// Whether it may exist beside another pending one for the same address.
        beside_others: bool,
    },
    /// Mark it as used by a new user; this also completes the user's entry on the waiting list.
    Accept(InvitationId, UserId),
    /// Revoke it.
    Revoke(InvitationId),
    /// Delete it.
    Delete(InvitationId),
}

/// A change to a sign-in token.
#[derive(Clone, Debug)]
pub enum SignInTokenChange {
    /// Create it, for a user that exists.
    Issue(Box<SignInToken>),
    /// Revoke it.
    Revoke(SignInTokenId),
}

/// A change to the result of a handshake.
#[derive(Clone, Debug)]
pub enum HandshakeChange {
    /// Keep it until it is fetched.
    Keep(Box<KeptHandshake>),
    /// Remove the one with this digest, because it is being fetched. Refused if it was fetched before, or has expired.
    Take([u8; 32]),
}

/// A change to an entry of the waiting list.
#[derive(Clone, Debug)]
pub enum WaitlistChange {
    /// Add an entry; an existing one stays unchanged.
    Join(Box<WaitlistEntry>),
    /// Invite it with this invitation.
    Invite(WaitlistEntryId, InvitationId),
    /// Reject it, and revoke its invitation.
    Reject(WaitlistEntryId),
    /// Delete it.
    Delete(WaitlistEntryId),
}

/// A change to the allow-list or the block-list.
#[derive(Clone, Debug)]
pub enum ListedChange {
    /// Add an entry. Refused if the list has it.
    Add(Box<ListedIdentifier>),
    /// Remove an entry. Refused if the list does not have it.
    Remove(List, ListedIdentifierId),
}

/// A change to the redirect URLs.
#[derive(Clone, Debug)]
pub enum RedirectUrlChange {
    /// Add one. Refused if it is listed.
    Add(Box<ListedRedirect>),
    /// Remove one. Refused if it is not listed.
    Remove(RedirectUrlId),
}

/// The next bytes of a named value that several callers may change.
#[derive(Clone, Debug)]
pub struct NamedValueWrite {
    /// Its name.
    pub name: String,
    /// The bytes that the next ones were made from; `None` where there were none.
    pub expected: Option<Vec<u8>>,
    /// The next bytes.
    pub next: Vec<u8>,
}

/// A change to an endpoint of webhooks.
#[derive(Clone, Debug)]
pub enum WebhookChange {
    /// Add it. Its id must not be in use.
    Create(Box<WebhookEndpoint>),
    /// The next value of an endpoint. How far its deliveries are stays as it is stored.
    Change {
        /// The value.
        next: Box<WebhookEndpoint>,
        /// The version that it was made from.
        expected_version: u64,
    },
    /// Continue behind another event; from the first that is kept, if there is none.
    MoveTo(WebhookEndpointId, Option<Position>),
    /// Remove it, with the messages that wait for it.
    Delete(WebhookEndpointId),
}

/// Results of deliveries to one endpoint of webhooks. For an endpoint that was deleted nothing is written.
#[derive(Clone, Debug)]
pub struct WebhookProgress {
    /// The endpoint.
    pub endpoint: WebhookEndpointId,
    /// How far the deliveries are, if that is another place now.
    pub cursor: Option<CursorMove>,
    /// Whether its attempts succeed, if that is another value now.
    pub health: Option<Health>,
    /// Why it is to be switched off.
    pub disabled: Option<Disabled>,
    /// Messages that wait no more.
    pub done: Vec<RetryKey>,
    /// Messages that wait for another attempt now.
    pub retries: Vec<Retry>,
}

/// How far the deliveries to an endpoint went. It is written where the stored place is still the one before: else somebody
/// has moved it meanwhile.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CursorMove {
    /// The place before.
    pub from: Option<Position>,
    /// The last event that is dealt with.
    pub to: Position,
}

/// An outbox entry; its secret part is sealed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OutboxEntry {
    /// Its id; retries have the same one.
    pub id: MessageId,
    /// Its kind and recipient.
    pub kind: OutboxKind,
    /// The secret content, such as a code and the token of a link, sealed under the instance key.
    pub sealed: Vec<u8>,
    /// When it was created.
    pub created_at: Timestamp,
    /// When it is no longer sent.
    pub expire_at: Timestamp,
}

impl OutboxEntry {
    /// The normalised address that it goes to.
    pub const fn to(&self) -> &Identifier {
        let OutboxKind::Message { to, .. } = &self.kind;
        to
    }
}

/// The kind of an outbox entry. Every use matches all kinds, so that the compiler shows what a new kind affects. A new
/// kind also needs a record of its own, with the next schema number.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum OutboxKind {
    /// A message to an address.
    Message {
        /// The normalised address.
        to: Identifier,
        /// The address as typed.
        display_to: String,
        /// What is known of it without opening it; `None` for decoys, and for entries from before this was stored.
        about: Option<MessageAbout>,
    },
}

/// What is known of a message without opening it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MessageAbout {
    /// What it is for.
    pub template: Template,
    /// What it was made for.
    pub origin: Origin,
    /// The person's language, if it is known.
    pub locale: Option<String>,
    /// How a message to a phone number is to arrive, if the person chose.
    pub phone_channel: Option<PhoneChannel>,
}

/// Results of a commit that its caller may show.
#[derive(Clone, Debug, Default)]
pub struct Committed {
    /// The client after the changes.
    pub client: Option<Arc<Client>>,
    /// The generation of its token before the changes; `None` if this commit created it.
    pub generation_before: Option<u32>,
    /// The position of the last of its events; `None` if it has none.
    pub last_event: Option<Position>,
    /// How many more failures lock the account, after one that was counted under a lockout.
    pub attempts_left: Option<u32>,
}
