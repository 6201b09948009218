//! Keys: one byte for the kind, then bytes that order the entries of that kind.

pub(in crate::store) mod bookkeeping;

use aws_lc_rs::digest;
use bytes::Bytes;

use crate::domain::application_value::ValueKey;
use crate::domain::event::Position;
use crate::domain::id::{
    ClientId, Id, IdentificationId, InvitationId, Kind as IdKind, ListedIdentifierId, MessageId, RedirectUrlId,
    SessionId, SignInTokenId, SignUpId, UserId, WaitlistEntryId, WebhookEndpointId,
};
use crate::domain::identifier::{Identifier, IdentifierKind};
use crate::domain::listed::List;
use crate::domain::passkey::ChallengeOwner;
use crate::domain::sign_in::Account;
use crate::domain::time::Timestamp;
use crate::domain::webhook::RetryKey;

/// The kinds of entries. The bytes are on disk: they never change and are never reused.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub(crate) enum Kind {
    /// An open sign-up, by its id.
    SignUp = 1,
    /// A user with the finished sign-up it came from, by its id: the same 16 bytes as the sign-up's.
    User = 2,
    /// A client with its sessions, by its id.
    Client = 3,
    /// The user who holds an identifier, by the identifier's kind and digest. The key filter covers this kind.
    Identifier = 4,
    /// A message to send, by its time and id. Scanned.
    Outbox = 5,
    /// An open sign-up, by the deadline it is listed under. Scanned.
    Deadline = 6,
    /// The uses of a quota, by the address's digest or the client's id.
    Counter = 7,
    /// A named value.
    Value = 8,
    /// An invitation, by its time and id. Scanned.
    Invitation = 9,
    /// The latest invitations of an address, by the address's digest.
    Invited = 10,
    /// An entry of the waiting list, by its id, which is derived from its address. Scanned.
    WaitlistEntry = 11,
    /// The consecutive failures to sign in to an account, by the user's id or the digest of an identifier that no user
    /// holds.
    Failures = 12,
    /// A user in the order of creation, by the time and its id. Scanned.
    UserCreated = 13,
    /// A user in the order of the last sign-in, by the time (0 without one) and its id. Scanned.
    UserSignedIn = 14,
    /// How many records of some kind there are, in parts: by the number of the kind and of the part.
    Count = 15,
    /// A session, by its id: who has it where, and, once it is over, the session itself.
    Session = 16,
    /// A session of a user, by the user's id and the session's time and id. Scanned.
    UserSession = 17,
    /// The events of the commits of one append, or a part of them, by the number of the record. Scanned.
    Event = 18,
    /// An endpoint of webhooks, by its id. Scanned.
    WebhookEndpoint = 19,
    /// A message that waits for another attempt at an endpoint, by the endpoint's id, the time when it is due, and the
    /// event. Scanned.
    WebhookRetry = 20,
    /// An entry of the allow-list or the block-list, by the list and its id, which is derived from the identifier.
    /// Scanned.
    Listed = 21,
    /// A redirect URL, by its id, which is derived from the URL. Scanned.
    RedirectUrl = 22,
    /// A sign-in token, by its id.
    SignInToken = 23,
    /// A value of the application, by its namespace and name. Scanned.
    ApplicationValue = 24,
    /// A sign-up that waits for approval, by the time since when and its id. Scanned.
    AwaitingApproval = 25,
    /// An address of a user, by its identification's id and the user's id; and an address at Gmail that is spelled with
    /// dots, by a digest of its spelling without them in place of the id. Scanned.
    UserAddress = 26,
    /// A message that left the outbox, by its time and id; and the id of such a message, by the digest of what its
    /// provider calls it. Scanned.
    Message = 27,
    /// The result of a handshake that waits to be fetched, by the digest of its nonce.
    Handshake = 28,
    /// A code that was sent to an address of a user for the application's backend, by the id of the address.
    AddressVerification = 29,
    /// The challenge for a passkey that waits for its answer, by what it was made for.
    PasskeyChallenge = 32,
    /// The user who has a passkey, by the digest of its credential's id.
    PasskeyHolder = 33,
}

impl Kind {
    /// The first byte of the keys of this kind.
    pub(crate) const fn byte(self) -> u8 {
        self as u8
    }
}

pub(in crate::store) fn sign_up(id: SignUpId) -> Bytes {
    of_id(Kind::SignUp, id)
}

pub(in crate::store) fn user(id: UserId) -> Bytes {
    of_id(Kind::User, id)
}

/// Reads a key made by [`user`].
#[cfg(feature = "postgres")]
pub(in crate::store) fn parse_user(key: &[u8]) -> Option<UserId> {
    key.get(1..)?.try_into().ok().map(UserId::from_bytes)
}

pub(in crate::store) fn client(id: ClientId) -> Bytes {
    of_id(Kind::Client, id)
}

/// The key has only a digest of the value, so that the data files can't be searched for addresses.
pub(in crate::store) fn identifier(identifier: &Identifier) -> Bytes {
    of_parts(Kind::Identifier, &[&[kind_byte(identifier.kind)], &digest_of(identifier)])
}

pub(in crate::store) fn outbox(id: MessageId) -> Bytes {
    in_order(Kind::Outbox, id)
}

pub(in crate::store) fn message(id: MessageId) -> Bytes {
    let [bucket, rest @ ..] = id.as_bytes();
    of_parts(Kind::Message, &[&[MESSAGE], rest, &[*bucket]])
}

/// What the keys of messages that left the outbox begin with.
pub(in crate::store) fn messages() -> Bytes {
    of_parts(Kind::Message, &[&[MESSAGE]])
}

/// The place of a message under the id that its provider gave it.
pub(in crate::store) fn provider_message(provider: &str, known_as: &str, id: MessageId) -> Bytes {
    of_parts(Kind::Message, &[&[MESSAGE_OF_PROVIDER], &digest_of_parts(&[provider, known_as]), id.as_bytes()])
}

/// What the keys of the messages with this id of a provider begin with.
pub(in crate::store) fn provider_messages(provider: &str, known_as: &str) -> Bytes {
    of_parts(Kind::Message, &[&[MESSAGE_OF_PROVIDER], &digest_of_parts(&[provider, known_as])])
}

/// Reads the message in a key made by [`provider_message`]; `None` for other keys.
pub(in crate::store) fn parse_provider_message(key: &[u8]) -> Option<MessageId> {
    let [kind, part, rest @ ..] = key else { return None };
    let id: [u8; 16] = rest.get(32..)?.try_into().ok()?;
    (*kind == Kind::Message.byte() && *part == MESSAGE_OF_PROVIDER).then(|| MessageId::from_bytes(id))
}

pub(in crate::store) fn invitation(id: InvitationId) -> Bytes {
    in_order(Kind::Invitation, id)
}

pub(in crate::store) fn invited(address: &Identifier) -> Bytes {
    of_parts(Kind::Invited, &[&digest_of(address)])
}

pub(in crate::store) fn waitlist_entry(id: WaitlistEntryId) -> Bytes {
    of_id(Kind::WaitlistEntry, id)
}

pub(in crate::store) fn listed(list: List, id: ListedIdentifierId) -> Bytes {
    of_parts(Kind::Listed, &[&[list_byte(list)], id.as_bytes()])
}

/// What the keys of the entries of a list begin with.
pub(in crate::store) fn all_listed(list: List) -> Bytes {
    of_parts(Kind::Listed, &[&[list_byte(list)]])
}

pub(in crate::store) fn redirect_url(id: RedirectUrlId) -> Bytes {
    of_id(Kind::RedirectUrl, id)
}

pub(in crate::store) fn deadline(at: Timestamp, id: SignUpId) -> Bytes {
    of_parts(Kind::Deadline, &[&at.as_millis().to_be_bytes(), id.as_bytes()])
}

/// Reads a key made by [`deadline`].
pub(in crate::store) fn parse_deadline(key: &[u8]) -> Option<(Timestamp, SignUpId)> {
    let (kind, rest) = key.split_first()?;
    let (ms, id) = rest.split_first_chunk::<8>()?;
    let id: [u8; 16] = id.try_into().ok()?;
    (*kind == Kind::Deadline.byte())
        .then(|| (Timestamp::from_millis(u64::from_be_bytes(*ms)), SignUpId::from_bytes(id)))
}

pub(in crate::store) fn user_created(at: Timestamp, id: UserId) -> Bytes {
    user_at(Kind::UserCreated, at, id)
}

pub(in crate::store) fn user_signed_in(at: Option<Timestamp>, id: UserId) -> Bytes {
    user_at(Kind::UserSignedIn, at.unwrap_or_default(), id)
}

/// The key of a user in a list by time.
pub(in crate::store) fn user_at(kind: Kind, at: Timestamp, id: UserId) -> Bytes {
    of_parts(kind, &[&at.as_millis().to_be_bytes(), id.as_bytes()])
}

/// Reads a key made by [`user_at`].
pub(in crate::store) fn parse_user_at(key: &[u8]) -> Option<(Timestamp, UserId)> {
    let (at, id) = key.get(1..)?.split_first_chunk::<8>()?;
    let id: [u8; 16] = id.try_into().ok()?;
    Some((Timestamp::from_millis(u64::from_be_bytes(*at)), UserId::from_bytes(id)))
}

pub(in crate::store) fn session(id: SessionId) -> Bytes {
    of_id(Kind::Session, id)
}

pub(in crate::store) fn user_session(user: UserId, id: SessionId) -> Bytes {
    let [bucket, rest @ ..] = id.as_bytes();
    of_parts(Kind::UserSession, &[user.as_bytes(), rest, &[*bucket]])
}

/// The key under which a session is listed; `None` for the one that its user began with, which has the user's 16 bytes and
/// so is found without.
pub(in crate::store) fn place_of_session(user: UserId, id: SessionId) -> Option<Bytes> {
    (id.cast() != user).then(|| user_session(user, id))
}

/// Reads a key made by [`session`].
pub(in crate::store) fn parse_session(key: &[u8]) -> Option<SessionId> {
    key.get(1..)?.try_into().ok().map(SessionId::from_bytes)
}

/// Reads a key made by [`client`].
pub(in crate::store) fn parse_client(key: &[u8]) -> Option<ClientId> {
    key.get(1..)?.try_into().ok().map(ClientId::from_bytes)
}

/// What the keys of the sessions of a user begin with.
pub(in crate::store) fn sessions_of(user: UserId) -> Bytes {
    of_parts(Kind::UserSession, &[user.as_bytes()])
}

/// A position after all keys that begin with `prefix`, which are at most `prefix` and an id long.
pub(in crate::store) fn after_all_of(prefix: &[u8]) -> Bytes {
    [prefix, &[255; 17]].concat().into()
}

pub(in crate::store) fn application_value(value: &ValueKey) -> Bytes {
    application_values(value.namespace(), value.name())
}

/// What the keys of the values begin with whose names in a namespace begin with `prefix`. No namespace has the byte that
/// ends it here.
pub(in crate::store) fn application_values(namespace: &str, prefix: &str) -> Bytes {
    of_parts(Kind::ApplicationValue, &[namespace.as_bytes(), &[0], prefix.as_bytes()])
}

/// Reads a key made by [`application_value`].
pub(in crate::store) fn parse_application_value(key: &[u8]) -> Option<ValueKey> {
    let text = std::str::from_utf8(key.get(1..)?).ok()?;
    let (namespace, name) = text.split_once('\0')?;
    Some(ValueKey::restored(namespace.to_owned(), name.to_owned()))
}

pub(in crate::store) fn awaiting_approval(since: Timestamp, id: SignUpId) -> Bytes {
    of_parts(Kind::AwaitingApproval, &[&since.as_millis().to_be_bytes(), id.as_bytes()])
}

/// Reads a key made by [`awaiting_approval`].
pub(in crate::store) fn parse_awaiting_approval(key: &[u8]) -> Option<SignUpId> {
    let id: [u8; 16] = key.get(9..)?.try_into().ok()?;
    Some(SignUpId::from_bytes(id))
}

/// Reads a key made by [`user_session`].
pub(in crate::store) fn parse_user_session(key: &[u8]) -> Option<SessionId> {
    let [rest @ .., bucket]: [u8; 16] = key.get(17..)?.try_into().ok()?;
    let mut id = [0; 16];
    id[0] = bucket;
    id[1..].copy_from_slice(&rest);
    Some(SessionId::from_bytes(id))
}

pub(in crate::store) fn sign_in_token(id: SignInTokenId) -> Bytes {
    of_id(Kind::SignInToken, id)
}

pub(in crate::store) fn user_address(id: IdentificationId, user: UserId) -> Bytes {
    of_parts(Kind::UserAddress, &[id.as_bytes(), user.as_bytes()])
}

/// What the key of the address with this id begins with.
pub(in crate::store) fn address(id: IdentificationId) -> Bytes {
    of_id(Kind::UserAddress, id)
}

pub(in crate::store) fn user_mailbox(mailbox: &str, user: UserId) -> Bytes {
    of_parts(Kind::UserAddress, &[&mailbox_digest(mailbox), user.as_bytes()])
}

/// What the keys of the users begin with who have an address of this mailbox.
pub(in crate::store) fn mailbox(mailbox: &str) -> Bytes {
    of_parts(Kind::UserAddress, &[&mailbox_digest(mailbox)])
}

/// As long as an id, and never the same as one but by a chance of 2^-128.
fn mailbox_digest(mailbox: &str) -> [u8; 16] {
    let digest = digest::digest(&digest::SHA256, format!("mailbox {mailbox}").as_bytes());
    let mut bytes = [0; 16];
    bytes.copy_from_slice(&digest.as_ref()[..16]);
    bytes
}

/// Reads the user in a key made by [`user_address`] or [`user_mailbox`].
pub(in crate::store) fn parse_user_address(key: &[u8]) -> Option<UserId> {
    key.get(17..)?.try_into().ok().map(UserId::from_bytes)
}

pub(in crate::store) fn address_verification(id: IdentificationId) -> Bytes {
    of_id(Kind::AddressVerification, id)
}

pub(in crate::store) fn handshake(digest: &[u8; 32]) -> Bytes {
    of_parts(Kind::Handshake, &[digest])
}

pub(in crate::store) fn passkey_challenge(owner: ChallengeOwner) -> Bytes {
    of_parts(Kind::PasskeyChallenge, &[&owner.as_bytes()])
}

/// A credential's id may be longer than a key.
pub(in crate::store) fn passkey_holder(credential_id: &str) -> Bytes {
    of_parts(Kind::PasskeyHolder, &[digest::digest(&digest::SHA256, credential_id.as_bytes()).as_ref()])
}

pub(in crate::store) fn webhook_endpoint(id: WebhookEndpointId) -> Bytes {
    of_id(Kind::WebhookEndpoint, id)
}

pub(in crate::store) fn webhook_retry(key: &RetryKey) -> Bytes {
    let (sequence, index) = (key.event.sequence().to_be_bytes(), key.event.index().to_be_bytes());
    let due = key.due.as_millis().to_be_bytes();
    of_parts(Kind::WebhookRetry, &[key.endpoint.as_bytes(), &due, &sequence, &index])
}

/// What the keys of the messages that wait for an endpoint begin with.
pub(in crate::store) fn webhook_retries_of(id: WebhookEndpointId) -> Bytes {
    of_id(Kind::WebhookRetry, id)
}

/// Reads a key made by [`webhook_retry`].
pub(in crate::store) fn parse_webhook_retry(key: &[u8]) -> Option<RetryKey> {
    let (endpoint, rest) = key.get(1..)?.split_first_chunk::<16>()?;
    let (due, rest) = rest.split_first_chunk::<8>()?;
    let (sequence, index) = rest.split_first_chunk::<8>()?;
    Some(RetryKey {
        endpoint: WebhookEndpointId::from_bytes(*endpoint),
        due: Timestamp::from_millis(u64::from_be_bytes(*due)),
        event: Position::new(u64::from_be_bytes(*sequence), u16::from_be_bytes(index.try_into().ok()?)),
    })
}

/// A part of the number of users: their sum, modulo 2^64, is the number. There are several, so that several processes
/// that write need not meet at one key.
pub(in crate::store) fn user_count(part: u8) -> Bytes {
    of_parts(Kind::Count, &[&[COUNT_OF_USERS, part]])
}

pub(in crate::store) fn events(sequence: u64) -> Bytes {
    of_parts(Kind::Event, &[&sequence.to_be_bytes()])
}

/// Reads a key made by [`events`].
pub(in crate::store) fn parse_events(key: &[u8]) -> Option<u64> {
    let (kind, rest) = key.split_first()?;
    (*kind == Kind::Event.byte()).then_some(u64::from_be_bytes(rest.try_into().ok()?))
}

pub(in crate::store) fn address_counter(address: &Identifier) -> Bytes {
    of_parts(Kind::Counter, &[&[kind_byte(address.kind)], &digest_of(address)])
}

pub(in crate::store) fn client_counter(id: ClientId) -> Bytes {
    of_parts(Kind::Counter, &[&[CLIENT_COUNTER], id.as_bytes()])
}

pub(in crate::store) fn failures(account: &Account) -> Bytes {
    match account {
        Account::User(id) => of_id(Kind::Failures, *id),
        Account::Unknown(identifier) => {
            of_parts(Kind::Failures, &[&[kind_byte(identifier.kind)], &digest_of(identifier)])
        }
    }
}

pub(in crate::store) fn value(name: &str) -> Bytes {
    of_parts(Kind::Value, &[name.as_bytes()])
}

/// The name in a key made by [`value`].
pub(in crate::store) fn parse_value(key: &[u8]) -> Option<String> {
    let (_, name) = key.split_first()?;
    str::from_utf8(name).ok().map(str::to_owned)
}

/// A position after all keys of a kind.
pub(in crate::store) fn after(kind: Kind) -> Bytes {
    Bytes::copy_from_slice(&[kind.byte() + 1])
}

/// A position before all keys of a kind.
pub(in crate::store) fn before(kind: Kind) -> Bytes {
    of_parts(kind, &[])
}

/// The SHA-256 of a normalised value.
pub(in crate::store) fn digest_of(identifier: &Identifier) -> [u8; 32] {
    let digest = digest::digest(&digest::SHA256, identifier.value.as_bytes());
    let mut bytes = [0; 32];
    bytes.copy_from_slice(digest.as_ref());
    bytes
}

/// The SHA-256 of texts, each of which is ended.
fn digest_of_parts(parts: &[&str]) -> [u8; 32] {
    let mut context = digest::Context::new(&digest::SHA256);
    for part in parts {
        context.update(part.as_bytes());
        context.update(&[0]);
    }
    let mut bytes = [0; 32];
    bytes.copy_from_slice(context.finish().as_ref());
    bytes
}

fn of_id<K: IdKind>(kind: Kind, id: Id<K>) -> Bytes {
    of_parts(kind, &[id.as_bytes()])
}

/// Ids begin with a byte that distributes them; here that byte is last, so that entries are ordered by creation time.
fn in_order<K: IdKind>(kind: Kind, id: Id<K>) -> Bytes {
    let [bucket, rest @ ..] = id.as_bytes();
    of_parts(kind, &[rest, &[*bucket]])
}

fn of_parts(kind: Kind, parts: &[&[u8]]) -> Bytes {
    let mut key = Vec::with_capacity(1 + parts.iter().map(|p| p.len()).sum::<usize>());
    key.push(kind.byte());
    parts.iter().for_each(|part| key.extend_from_slice(part));
    key.into()
}

/// These bytes are also on disk: they never change and are never reused.
const fn kind_byte(kind: IdentifierKind) -> u8 {
    match kind {
        IdentifierKind::EmailAddress => 1,
        IdentifierKind::PhoneNumber => 2,
        IdentifierKind::Username => 3,
        IdentifierKind::ExternalAccount => 4,
        IdentifierKind::ExternalId => 5,
    }
}

/// These bytes are also on disk: they never change and are never reused.
const fn list_byte(list: List) -> u8 {
    match list {
        List::Allow => 1,
        List::Block => 2,
    }
}

/// What is counted; on disk as well.
const COUNT_OF_USERS: u8 = 1;
/// In how many parts users are counted; on disk as well.
pub(in crate::store) const USER_COUNT_PARTS: u8 = 64;
/// The part in which this process counts. Older versions counted a user in the part of its id's first byte.
pub(in crate::store) const COUNTED_HERE: u8 = 0;

/// The two parts of kind 27; on disk as well.
const MESSAGE: u8 = 1;
const MESSAGE_OF_PROVIDER: u8 = 2;

/// Used for a client's counter, at the place of the address kind in an address's counter.
const CLIENT_COUNTER: u8 = 255;

/// The name of the value that says that all users are in the lists by time and counted.
pub(in crate::store) const USERS_INDEXED: &str = "users_indexed";

/// The name of the value with the position of the last event that the retention removed: the number of its record as
/// eight bytes and its index as two, big-endian.
pub(in crate::store) const EVENTS_REMOVED: &str = "events_removed";

/// The name of the value with the last time that an engine saw on this store: milliseconds as eight bytes, big-endian.
/// The engine writes it.
pub const LAST_SEEN: &str = "last_seen_ms";

#[cfg(test)]
mod tests;
