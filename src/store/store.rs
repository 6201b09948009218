//! The store's contract: the requirements for every back end, tested by one suite for all of them.

use std::sync::Arc;

use crate::domain::application_value::{ApplicationValue, ValueKey};
use crate::domain::client::Client;
use crate::domain::client::session::Session;
use crate::domain::event::Position;
use crate::domain::handshake::KeptHandshake;
use crate::domain::id::{
    ClientId, IdentificationId, InvitationId, ListedIdentifierId, MessageId, RedirectUrlId, SessionId, SignInTokenId,
    SignUpId, UserId, WaitlistEntryId, WebhookEndpointId,
};
use crate::domain::identifier::Identifier;
use crate::domain::invitation::Invitation;
use crate::domain::listed::{List, ListedIdentifier, ListedRedirect};
use crate::domain::passkey::{ChallengeOwner, KeptChallenge};
use crate::domain::policy::RetentionPolicy;
use crate::domain::sign_in::Failures;
use crate::domain::sign_in_token::SignInToken;
use crate::domain::sign_up::SignUp;
use crate::domain::time::Timestamp;
use crate::domain::user::{AddressVerification, User};
use crate::domain::waitlist::WaitlistEntry;
use crate::domain::webhook::{Retry, WebhookEndpoint};

use super::commit::{Commit, Committed, OutboxEntry};
use super::error::{CommitError, StoreError};
use super::health::Health;
use super::messages::StoredMessage;
use super::scan::{EventPage, NamedValue, ScanCursor, ScanPage, UserList};

/// A future that can be kept behind a trait object.
pub use futures_util::future::BoxFuture;

/// A store, as the engine uses it. It can't be implemented outside of this crate, because its values and rules change
/// with the engine. A back end of your own implements [`KeyValue`](super::KeyValue), and [`KvStore`](super::KvStore) makes
/// a store of it.
pub trait Store: sealed::Sealed + Send + Sync + 'static {
    /// Makes each commit, or returns why not: one answer for each, in order. Returns once everything acknowledged is as
    /// durable as the store is configured to make it. Called by one persister at a time.
    fn commit(&self, batch: Vec<Commit>) -> BoxFuture<'_, Vec<Result<Committed, CommitError>>>;

    /// Adds what this version needs to the data of an older one. The engine calls it before it serves; it does nothing
    /// where it was done before.
    fn upgrade(&self) -> BoxFuture<'_, Result<(), StoreError>>;

    /// A sign-up, open or finished.
    fn sign_up(&self, id: SignUpId) -> BoxFuture<'_, Result<Option<SignUp>, StoreError>>;

    /// A user.
    fn user(&self, id: UserId) -> BoxFuture<'_, Result<Option<Arc<User>>, StoreError>>;

    /// The next `limit` users of a list; fewer only at its end. A user whose record can't be read is left out.
    fn users(&self, list: UserList, limit: usize) -> BoxFuture<'_, Result<Vec<Arc<User>>, StoreError>>;

    /// The next `limit` places of a list, without reading the users: to skip a number of them. The last one is where
    /// [`users`](Self::users) continues.
    fn user_places(&self, list: UserList, limit: usize) -> BoxFuture<'_, Result<Vec<(Timestamp, UserId)>, StoreError>>;

    /// How many users there are. It reads a fixed number of keys.
    fn count_users(&self) -> BoxFuture<'_, Result<u64, StoreError>>;

    /// A session: as its client holds it, or as it ended, until it is abandoned.
    fn session(&self, id: SessionId) -> BoxFuture<'_, Result<Option<Session>, StoreError>>;

    /// The sessions of a user, the newest first, from behind `after`; those that are over among them.
    fn sessions_of(
        &self,
        user: UserId,
        after: Option<SessionId>,
        limit: usize,
    ) -> BoxFuture<'_, Result<Vec<Session>, StoreError>>;

    /// A client, without the sessions that are over because of their users: ended elsewhere, or of users who are banned
    /// or gone.
    fn client(&self, id: ClientId) -> BoxFuture<'_, Result<Option<Arc<Client>>, StoreError>>;

    /// The ids of the clients in the order of their bytes, from after `after`.
    fn client_ids(&self, after: Option<ClientId>, limit: usize) -> BoxFuture<'_, Result<Vec<ClientId>, StoreError>>;

    /// The user who holds an identifier. Only a hint: the commit decides.
    fn owner<'a>(&'a self, identifier: &'a Identifier) -> BoxFuture<'a, Result<Option<UserId>, StoreError>>;

    /// The user who has the address with this id. Only a hint: the user may have lost it by now.
    fn holder_of_address(&self, id: IdentificationId) -> BoxFuture<'_, Result<Option<UserId>, StoreError>>;

    /// A user who has an address at Gmail that is spelled with dots, by its spelling without them. Only a hint.
    fn holder_of_mailbox<'a>(&'a self, mailbox: &'a str) -> BoxFuture<'a, Result<Option<UserId>, StoreError>>;

    /// The verification of the address with this id.
    fn address_verification(
        &self,
        id: IdentificationId,
    ) -> BoxFuture<'_, Result<Option<AddressVerification>, StoreError>>;

    /// The failed sign-ins of a user in a row.
    fn failures(&self, user: UserId) -> BoxFuture<'_, Result<Option<Failures>, StoreError>>;

    /// A sign-in token.
    fn sign_in_token(&self, id: SignInTokenId) -> BoxFuture<'_, Result<Option<SignInToken>, StoreError>>;

    /// The result of a handshake that was not fetched yet.
    fn handshake(&self, digest: [u8; 32]) -> BoxFuture<'_, Result<Option<KeptHandshake>, StoreError>>;

    /// The challenge for a passkey that waits for its answer.
    fn passkey_challenge(&self, owner: ChallengeOwner) -> BoxFuture<'_, Result<Option<KeptChallenge>, StoreError>>;

    /// The user who has the passkey with this credential. Only a hint: the user may have lost it by now.
    fn passkey_holder<'a>(&'a self, credential_id: &'a str) -> BoxFuture<'a, Result<Option<UserId>, StoreError>>;

    /// An invitation.
    fn invitation(&self, id: InvitationId) -> BoxFuture<'_, Result<Option<Invitation>, StoreError>>;

    /// Invitations, oldest first, from after `after`.
    fn invitations(
        &self,
        after: Option<InvitationId>,
        limit: usize,
    ) -> BoxFuture<'_, Result<Vec<Invitation>, StoreError>>;

    /// An entry of the waiting list.
    fn waitlist_entry(&self, id: WaitlistEntryId) -> BoxFuture<'_, Result<Option<WaitlistEntry>, StoreError>>;

    /// Entries of the waiting list in the order of their ids, from after `after`.
    fn waitlist(
        &self,
        after: Option<WaitlistEntryId>,
        limit: usize,
    ) -> BoxFuture<'_, Result<Vec<WaitlistEntry>, StoreError>>;

    /// An endpoint of webhooks.
    fn webhook_endpoint(&self, id: WebhookEndpointId) -> BoxFuture<'_, Result<Option<WebhookEndpoint>, StoreError>>;

    /// Endpoints of webhooks in the order of their ids, from after `after`.
    fn webhook_endpoints(
        &self,
        after: Option<WebhookEndpointId>,
        limit: usize,
    ) -> BoxFuture<'_, Result<Vec<WebhookEndpoint>, StoreError>>;

    /// Messages that wait for another attempt at an endpoint, those that are due first.
    fn webhook_retries(&self, of: WebhookEndpointId, limit: usize) -> BoxFuture<'_, Result<Vec<Retry>, StoreError>>;

    /// An entry of the allow-list or the block-list.
    fn listed_identifier(
        &self,
        list: List,
        id: ListedIdentifierId,
    ) -> BoxFuture<'_, Result<Option<ListedIdentifier>, StoreError>>;

    /// Entries of a list in the order of their ids, from after `after`.
    fn listed(
        &self,
        list: List,
        after: Option<ListedIdentifierId>,
        limit: usize,
    ) -> BoxFuture<'_, Result<Vec<ListedIdentifier>, StoreError>>;

    /// A redirect URL.
    fn redirect_url(&self, id: RedirectUrlId) -> BoxFuture<'_, Result<Option<ListedRedirect>, StoreError>>;

    /// Redirect URLs in the order of their ids, from after `after`.
    fn redirect_urls(
        &self,
        after: Option<RedirectUrlId>,
        limit: usize,
    ) -> BoxFuture<'_, Result<Vec<ListedRedirect>, StoreError>>;

    /// Unsent messages, oldest first, from after `after`.
    fn outbox(&self, after: Option<MessageId>, limit: usize) -> BoxFuture<'_, Result<Vec<OutboxEntry>, StoreError>>;

    /// A message, in the outbox or behind it; not a decoy.
    fn message(&self, id: MessageId) -> BoxFuture<'_, Result<Option<StoredMessage>, StoreError>>;

    /// Messages, the newest first, from before `before`, which need not exist (any more); without decoys.
    fn messages(
        &self,
        before: Option<MessageId>,
        limit: usize,
    ) -> BoxFuture<'_, Result<Vec<StoredMessage>, StoreError>>;

    /// The message to which a provider gave this id.
    fn message_of_provider<'a>(
        &'a self,
        provider: &'a str,
        known_as: &'a str,
    ) -> BoxFuture<'a, Result<Option<MessageId>, StoreError>>;

    /// The next `limit` events, from behind `after` or from the first one that is kept. Fewer only at the end of the log.
    /// An event becomes readable with all events before it, once the commit that it belongs to is acknowledged or about to
    /// be. A record of events that can't be read is left out.
    fn events(&self, after: Option<Position>, limit: usize) -> BoxFuture<'_, Result<EventPage, StoreError>>;

    /// The position of the last event, also where it is no longer kept; `None` before the first one.
    fn last_event(&self) -> BoxFuture<'_, Result<Option<Position>, StoreError>>;

    /// Sign-ups listed under a deadline that has passed at `now`, earliest first. Their actual deadline may be later by
    /// now.
    fn due(&self, now: Timestamp, limit: usize) -> BoxFuture<'_, Result<Vec<(Timestamp, SignUpId)>, StoreError>>;

    /// Continues the scan of the records from `place`, with at most `limit` of them, and returns the expired ones.
    fn scan_expired(
        &self,
        place: ScanCursor,
        keep: RetentionPolicy,
        now: Timestamp,
        limit: usize,
    ) -> BoxFuture<'_, Result<ScanPage, StoreError>>;

    /// The sign-ups that wait for approval, the longest waiting first, from behind `after`; from the first where
    /// `after` does not wait any more.
    fn awaiting_approval(
        &self,
        after: Option<SignUpId>,
        limit: usize,
    ) -> BoxFuture<'_, Result<Vec<SignUp>, StoreError>>;

    /// A value of the application.
    fn application_value<'a>(
        &'a self,
        key: &'a ValueKey,
    ) -> BoxFuture<'a, Result<Option<ApplicationValue>, StoreError>>;

    /// The values of a namespace whose names begin with `prefix`, in the order of their names, from behind `after`.
    fn application_values<'a>(
        &'a self,
        namespace: &'a str,
        prefix: &'a str,
        after: Option<&'a ValueKey>,
        limit: usize,
    ) -> BoxFuture<'a, Result<Vec<ApplicationValue>, StoreError>>;

    /// A named value of the engine.
    fn value<'a>(&'a self, name: &'a str) -> BoxFuture<'a, Result<Option<Vec<u8>>, StoreError>>;

    /// The first `limit` named values whose names begin so, in the order of their names, with their names.
    fn values<'a>(&'a self, prefix: &'a str, limit: usize) -> BoxFuture<'a, Result<Vec<NamedValue>, StoreError>>;

    /// Whether other nodes may commit to it too.
    fn is_shared(&self) -> bool;

    /// Whether the store can commit now, or why not. Does not wait, so any thread may call it.
    fn health(&self) -> Health;

    /// Whether the store can commit now.
    fn is_healthy(&self) -> bool {
        self.health().is_ok()
    }

    /// Writes what is still in memory and closes the files.
    fn close(&self) -> BoxFuture<'_, ()>;
}

pub(crate) mod sealed {
    /// Implemented by the stores of this crate only.
    pub trait Sealed {}
}
