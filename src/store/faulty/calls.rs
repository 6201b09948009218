//! The calls of a store that fails on demand: each read goes through [`FaultyStore::read`].

use std::sync::Arc;
use std::sync::atomic::Ordering;

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

use crate::store::scan::{EventPage, NamedValue, ScanCursor, ScanPage, UserList};
use crate::store::store::BoxFuture;
use crate::store::{Commit, CommitError, Committed, Health, OutboxEntry, Store, StoreError, StoredMessage, Unready};

use super::{Fault, FaultyStore, StoreCall, StoreRead, WANTED, lock};

impl Store for FaultyStore {
    fn commit(&self, batch: Vec<Commit>) -> BoxFuture<'_, Vec<Result<Committed, CommitError>>> {
        Box::pin(async move {
            lock(&self.calls).push(StoreCall::Commit(batch.clone()));
            // It fails only if the sender is gone, which is here.
            drop(self.is_held.subscribe().wait_for(|is_held| !is_held).await);
            let fault = lock(&self.faults).pop_front().flatten();
            let fault = if self.is_cut_off.load(Ordering::SeqCst) { Some(Fault::Refused) } else { fault };
            let count = batch.len();
            let error = match fault {
                None => return self.inner.commit(batch).await,
                Some(Fault::Refused) => CommitError::Unavailable,
                Some(Fault::UnknownNotWritten) => CommitError::Unknown,
                Some(Fault::UnknownWritten) => {
                    self.inner.commit(batch).await;
                    CommitError::Unknown
                }
                Some(Fault::PanicNotWritten) => panic!("{WANTED}"),
                Some(Fault::PanicWritten) => {
                    self.inner.commit(batch).await;
                    panic!("{WANTED}")
                }
            };
            std::iter::repeat_n(Err(error), count).collect()
        })
    }

    fn upgrade(&self) -> BoxFuture<'_, Result<(), StoreError>> {
        self.inner.upgrade()
    }

    fn sign_up(&self, id: SignUpId) -> BoxFuture<'_, Result<Option<SignUp>, StoreError>> {
        Box::pin(self.read(StoreRead::SignUp, async move {
            if lock(&self.damaged).contains(&id) {
                return Err(StoreError::Damaged(WANTED.into()));
            }
            self.inner.sign_up(id).await
        }))
    }

    fn user(&self, id: UserId) -> BoxFuture<'_, Result<Option<Arc<User>>, StoreError>> {
        Box::pin(self.read(StoreRead::User, self.inner.user(id)))
    }

    fn users(&self, list: UserList, limit: usize) -> BoxFuture<'_, Result<Vec<Arc<User>>, StoreError>> {
        Box::pin(self.read(StoreRead::Users, self.inner.users(list, limit)))
    }

    fn user_places(&self, list: UserList, limit: usize) -> BoxFuture<'_, Result<Vec<(Timestamp, UserId)>, StoreError>> {
        Box::pin(self.read(StoreRead::Users, self.inner.user_places(list, limit)))
    }

    fn count_users(&self) -> BoxFuture<'_, Result<u64, StoreError>> {
        Box::pin(self.read(StoreRead::CountUsers, self.inner.count_users()))
    }

    fn session(&self, id: SessionId) -> BoxFuture<'_, Result<Option<Session>, StoreError>> {
        Box::pin(self.read(StoreRead::Session, self.inner.session(id)))
    }

    fn sessions_of(
        &self,
        user: UserId,
        after: Option<SessionId>,
        limit: usize,
    ) -> BoxFuture<'_, Result<Vec<Session>, StoreError>> {
        Box::pin(self.read(StoreRead::Session, self.inner.sessions_of(user, after, limit)))
    }

    fn client(&self, id: ClientId) -> BoxFuture<'_, Result<Option<Arc<Client>>, StoreError>> {
        Box::pin(self.read(StoreRead::Client, self.inner.client(id)))
    }

    fn client_ids(&self, after: Option<ClientId>, limit: usize) -> BoxFuture<'_, Result<Vec<ClientId>, StoreError>> {
        Box::pin(self.read(StoreRead::Client, self.inner.client_ids(after, limit)))
    }

    fn owner<'a>(&'a self, identifier: &'a Identifier) -> BoxFuture<'a, Result<Option<UserId>, StoreError>> {
        Box::pin(self.read(StoreRead::Owner, self.inner.owner(identifier)))
    }

    fn holder_of_address(&self, id: IdentificationId) -> BoxFuture<'_, Result<Option<UserId>, StoreError>> {
        Box::pin(self.read(StoreRead::Owner, self.inner.holder_of_address(id)))
    }

    fn holder_of_mailbox<'a>(&'a self, mailbox: &'a str) -> BoxFuture<'a, Result<Option<UserId>, StoreError>> {
        Box::pin(self.read(StoreRead::Owner, self.inner.holder_of_mailbox(mailbox)))
    }

    fn address_verification(
        &self,
        id: IdentificationId,
    ) -> BoxFuture<'_, Result<Option<AddressVerification>, StoreError>> {
        Box::pin(self.read(StoreRead::Owner, self.inner.address_verification(id)))
    }

    fn failures(&self, user: UserId) -> BoxFuture<'_, Result<Option<Failures>, StoreError>> {
        Box::pin(self.read(StoreRead::User, self.inner.failures(user)))
    }

    fn sign_in_token(&self, id: SignInTokenId) -> BoxFuture<'_, Result<Option<SignInToken>, StoreError>> {
        Box::pin(self.read(StoreRead::SignInToken, self.inner.sign_in_token(id)))
    }

    fn handshake(&self, digest: [u8; 32]) -> BoxFuture<'_, Result<Option<KeptHandshake>, StoreError>> {
        Box::pin(self.read(StoreRead::SignInToken, self.inner.handshake(digest)))
    }

    fn passkey_challenge(&self, owner: ChallengeOwner) -> BoxFuture<'_, Result<Option<KeptChallenge>, StoreError>> {
        Box::pin(self.read(StoreRead::Passkey, self.inner.passkey_challenge(owner)))
    }

    fn passkey_holder<'a>(&'a self, credential_id: &'a str) -> BoxFuture<'a, Result<Option<UserId>, StoreError>> {
        Box::pin(self.read(StoreRead::Passkey, self.inner.passkey_holder(credential_id)))
    }

    fn invitation(&self, id: InvitationId) -> BoxFuture<'_, Result<Option<Invitation>, StoreError>> {
        Box::pin(self.read(StoreRead::Invitation, self.inner.invitation(id)))
    }

    fn invitations(
        &self,
        after: Option<InvitationId>,
        limit: usize,
    ) -> BoxFuture<'_, Result<Vec<Invitation>, StoreError>> {
        Box::pin(self.read(StoreRead::Invitations, self.inner.invitations(after, limit)))
    }

    fn waitlist_entry(&self, id: WaitlistEntryId) -> BoxFuture<'_, Result<Option<WaitlistEntry>, StoreError>> {
        Box::pin(self.read(StoreRead::WaitlistEntry, self.inner.waitlist_entry(id)))
    }

    fn waitlist(
        &self,
        after: Option<WaitlistEntryId>,
        limit: usize,
    ) -> BoxFuture<'_, Result<Vec<WaitlistEntry>, StoreError>> {
        Box::pin(self.read(StoreRead::Waitlist, self.inner.waitlist(after, limit)))
    }

    fn webhook_endpoint(&self, id: WebhookEndpointId) -> BoxFuture<'_, Result<Option<WebhookEndpoint>, StoreError>> {
        Box::pin(self.read(StoreRead::WebhookEndpoints, self.inner.webhook_endpoint(id)))
    }

    fn webhook_endpoints(
        &self,
        after: Option<WebhookEndpointId>,
        limit: usize,
    ) -> BoxFuture<'_, Result<Vec<WebhookEndpoint>, StoreError>> {
        Box::pin(self.read(StoreRead::WebhookEndpoints, self.inner.webhook_endpoints(after, limit)))
    }

    fn webhook_retries(&self, of: WebhookEndpointId, limit: usize) -> BoxFuture<'_, Result<Vec<Retry>, StoreError>> {
        Box::pin(self.read(StoreRead::WebhookRetries, self.inner.webhook_retries(of, limit)))
    }

    fn listed_identifier(
        &self,
        list: List,
        id: ListedIdentifierId,
    ) -> BoxFuture<'_, Result<Option<ListedIdentifier>, StoreError>> {
        Box::pin(self.read(StoreRead::Listed, self.inner.listed_identifier(list, id)))
    }

    fn listed(
        &self,
        list: List,
        after: Option<ListedIdentifierId>,
        limit: usize,
    ) -> BoxFuture<'_, Result<Vec<ListedIdentifier>, StoreError>> {
        Box::pin(self.read(StoreRead::Listed, self.inner.listed(list, after, limit)))
    }

    fn redirect_url(&self, id: RedirectUrlId) -> BoxFuture<'_, Result<Option<ListedRedirect>, StoreError>> {
        Box::pin(self.read(StoreRead::RedirectUrls, self.inner.redirect_url(id)))
    }

    fn redirect_urls(
        &self,
        after: Option<RedirectUrlId>,
        limit: usize,
    ) -> BoxFuture<'_, Result<Vec<ListedRedirect>, StoreError>> {
        Box::pin(self.read(StoreRead::RedirectUrls, self.inner.redirect_urls(after, limit)))
    }

    fn outbox(&self, after: Option<MessageId>, limit: usize) -> BoxFuture<'_, Result<Vec<OutboxEntry>, StoreError>> {
        Box::pin(self.read(StoreRead::Outbox, self.inner.outbox(after, limit)))
    }

    fn message(&self, id: MessageId) -> BoxFuture<'_, Result<Option<StoredMessage>, StoreError>> {
        Box::pin(self.read(StoreRead::Messages, self.inner.message(id)))
    }

    fn messages(
        &self,
        before: Option<MessageId>,
        limit: usize,
    ) -> BoxFuture<'_, Result<Vec<StoredMessage>, StoreError>> {
        Box::pin(self.read(StoreRead::Messages, self.inner.messages(before, limit)))
    }

    fn message_of_provider<'a>(
        &'a self,
        provider: &'a str,
        known_as: &'a str,
    ) -> BoxFuture<'a, Result<Option<MessageId>, StoreError>> {
        Box::pin(self.read(StoreRead::Messages, self.inner.message_of_provider(provider, known_as)))
    }

    fn events(&self, after: Option<Position>, limit: usize) -> BoxFuture<'_, Result<EventPage, StoreError>> {
        Box::pin(self.read(StoreRead::Events, self.inner.events(after, limit)))
    }

    fn last_event(&self) -> BoxFuture<'_, Result<Option<Position>, StoreError>> {
        Box::pin(self.read(StoreRead::Events, self.inner.last_event()))
    }

    fn due(&self, now: Timestamp, limit: usize) -> BoxFuture<'_, Result<Vec<(Timestamp, SignUpId)>, StoreError>> {
        Box::pin(self.read(StoreRead::Due, self.inner.due(now, limit)))
    }

    fn scan_expired(
        &self,
        place: ScanCursor,
        keep: RetentionPolicy,
        now: Timestamp,
        limit: usize,
    ) -> BoxFuture<'_, Result<ScanPage, StoreError>> {
        Box::pin(self.read(StoreRead::ScanExpired, self.inner.scan_expired(place, keep, now, limit)))
    }

    fn awaiting_approval(
        &self,
        after: Option<SignUpId>,
        limit: usize,
    ) -> BoxFuture<'_, Result<Vec<SignUp>, StoreError>> {
        Box::pin(self.read(StoreRead::AwaitingApproval, self.inner.awaiting_approval(after, limit)))
    }

    fn application_value<'a>(
        &'a self,
        key: &'a ValueKey,
    ) -> BoxFuture<'a, Result<Option<ApplicationValue>, StoreError>> {
        Box::pin(self.read(StoreRead::ApplicationValue, self.inner.application_value(key)))
    }

    fn application_values<'a>(
        &'a self,
        namespace: &'a str,
        prefix: &'a str,
        after: Option<&'a ValueKey>,
        limit: usize,
    ) -> BoxFuture<'a, Result<Vec<ApplicationValue>, StoreError>> {
        let read = self.inner.application_values(namespace, prefix, after, limit);
        Box::pin(self.read(StoreRead::ApplicationValue, read))
    }

    fn value<'a>(&'a self, name: &'a str) -> BoxFuture<'a, Result<Option<Vec<u8>>, StoreError>> {
        Box::pin(self.read(StoreRead::Value, self.inner.value(name)))
    }

    fn values<'a>(&'a self, prefix: &'a str, limit: usize) -> BoxFuture<'a, Result<Vec<NamedValue>, StoreError>> {
        Box::pin(self.read(StoreRead::Value, self.inner.values(prefix, limit)))
    }

    fn is_shared(&self) -> bool {
        self.inner.is_shared()
    }

    fn health(&self) -> Health {
        if self.are_clocks_apart.load(Ordering::SeqCst) { Err(Unready::ClocksApart) } else { self.inner.health() }
    }

    fn close(&self) -> BoxFuture<'_, ()> {
        self.inner.close()
    }
}
