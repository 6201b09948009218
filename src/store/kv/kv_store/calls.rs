//! The calls of a store: which keys they read, and how the values are decoded.

use std::collections::HashMap;
use std::sync::Arc;

use bytes::Bytes;

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
use crate::domain::sign_in::{Account, Failures};
use crate::domain::sign_in_token::SignInToken;
use crate::domain::sign_up::SignUp;
use crate::domain::time::Timestamp;
use crate::domain::user::{AddressVerification, User, might_begin_with};
use crate::domain::waitlist::WaitlistEntry;
use crate::domain::webhook::{Retry, WebhookEndpoint};
use crate::store::commit::{Commit, Committed, OutboxEntry};
use crate::store::error::{CommitError, StoreError};
use crate::store::health::Health;
use crate::store::kv::codec;
use crate::store::kv::key::{self, Kind};
use crate::store::kv::reads::Reads;
use crate::store::kv::record::{
    AddressVerificationRecordV2, ApplicationValueRecordV1, ClientRecordV5, FailuresRecordV2, HandshakeRecordV1,
    IdentifierRecordV1, InvitationRecordV1, ListedRecordV1, OutboxRecordV2, PasskeyChallengeRecordV1,
    PasskeyHolderRecordV1, RedirectUrlRecordV1, SignInTokenRecordV1, SignUpRecordV3, UserRecordV4, ValueRecordV1,
    WaitlistEntryRecordV1, WebhookEndpointRecordV1,
};
use crate::store::kv::retention::{self, GC_KINDS, Verdict};
use crate::store::messages::StoredMessage;
use crate::store::scan::{EventPage, ExpiredKey, NamedValue, ScanCursor, ScanPage, UserList};
use crate::store::store::sealed::Sealed;
use crate::store::store::{BoxFuture, Store};

use super::{Beneath, KvStore, from_after, just_after};

impl<K: Beneath> Sealed for KvStore<K> {}

impl<K: Beneath> Store for KvStore<K> {
    fn commit(&self, batch: Vec<Commit>) -> BoxFuture<'_, Vec<Result<Committed, CommitError>>> {
        Box::pin(K::commit(&self.shared, batch))
    }

    fn upgrade(&self) -> BoxFuture<'_, Result<(), StoreError>> {
        Box::pin(self.add_what_is_missing())
    }

    fn sign_up(&self, id: SignUpId) -> BoxFuture<'_, Result<Option<SignUp>, StoreError>> {
        Box::pin(async move {
            // In this order: a sign-up that finishes between the two reads is found by the second.
            let open: Option<SignUpRecordV3> = self.record(key::sign_up(id)).await?;
            if let Some(open) = open {
                return open.sign_up.try_into().map(Some);
            }
            let finished: Option<UserRecordV4> = self.record(key::user(id.cast())).await?;
            finished.and_then(|user| user.base.sign_up).map(TryInto::try_into).transpose()
        })
    }

    fn user(&self, id: UserId) -> BoxFuture<'_, Result<Option<Arc<User>>, StoreError>> {
        Box::pin(async move {
            let key = key::user(id);
            let Some(bytes) = self.get(key.clone()).await? else { return Ok(None) };
            if let Some(known) = self.shared.users.get(&key, &bytes) {
                return Ok(Some(known));
            }
            let user = Arc::new(User::try_from(codec::decode::<UserRecordV4>(&bytes)?)?);
            self.shared.users.keep([(key, bytes, user.clone())]);
            Ok(Some(user))
        })
    }

    fn users(&self, list: UserList, limit: usize) -> BoxFuture<'_, Result<Vec<Arc<User>>, StoreError>> {
        Box::pin(self.read_together(move |reader| reader.users(list, limit)))
    }

    fn user_places(&self, list: UserList, limit: usize) -> BoxFuture<'_, Result<Vec<(Timestamp, UserId)>, StoreError>> {
        Box::pin(self.read_together(move |reader| reader.user_places(list, limit)))
    }

    fn count_users(&self) -> BoxFuture<'_, Result<u64, StoreError>> {
        Box::pin(self.read_together(|reader| reader.count_users()))
    }

    fn session(&self, id: SessionId) -> BoxFuture<'_, Result<Option<Session>, StoreError>> {
        Box::pin(self.read(move |reader| reader.session(id)))
    }

    fn sessions_of(
        &self,
        user: UserId,
        after: Option<SessionId>,
        limit: usize,
    ) -> BoxFuture<'_, Result<Vec<Session>, StoreError>> {
        Box::pin(self.read_together(move |reader| reader.sessions_of(user, after, limit)))
    }

    fn client(&self, id: ClientId) -> BoxFuture<'_, Result<Option<Arc<Client>>, StoreError>> {
        Box::pin(async move {
            let key = key::client(id);
            let Some(bytes) = self.get(key.clone()).await? else { return Ok(None) };
            let mut client = match self.shared.clients.get(&key, &bytes) {
                Some(known) if known.sessions.is_empty() && known.last_active_session_id.is_none() => {
                    return Ok(Some(known));
                }
                Some(known) => (*known).clone(),
                None => Client::try_from(codec::decode::<ClientRecordV5>(&bytes)?)?,
            };
            let mut users = HashMap::new();
            for user in client.sessions.iter().map(|session| session.user_id) {
                if let Some(known) = self.user(user).await? {
                    users.insert(user, known);
                }
            }
            client.drop_ended(|id| Ok::<_, StoreError>(users.get(&id).cloned()))?;
            Ok(Some(Arc::new(client)))
        })
    }

    fn client_ids(&self, after: Option<ClientId>, limit: usize) -> BoxFuture<'_, Result<Vec<ClientId>, StoreError>> {
        Box::pin(self.read(move |reader| {
            let from = from_after(Kind::Client, after.map(key::client));
            let entries = reader.kv.scan(&[Kind::Client.byte()], &from, limit)?;
            Ok(entries.iter().filter_map(|(key, _)| key::parse_client(key)).collect())
        }))
    }

    fn owner<'a>(&'a self, identifier: &'a Identifier) -> BoxFuture<'a, Result<Option<UserId>, StoreError>> {
        Box::pin(async move {
            let key = key::identifier(identifier);
            if !self.shared.kv.may_contain(&key) {
                return Ok(None);
            }
            let record: Option<IdentifierRecordV1> = self.record(key).await?;
            Ok(record.map(UserId::from))
        })
    }

    fn holder_of_address(&self, id: IdentificationId) -> BoxFuture<'_, Result<Option<UserId>, StoreError>> {
        Box::pin(self.read(move |reader| {
            for user in might_begin_with(id) {
                let bytes = reader.kv.get(&key::user(user))?;
                let record = bytes.map(|bytes| codec::decode::<UserRecordV4>(&bytes)).transpose()?;
                if record.map(User::try_from).transpose()?.is_some_and(|user| user.has_address(id)) {
                    return Ok(Some(user));
                }
            }
            let prefix = key::address(id);
            let found = reader.kv.scan(&prefix, &prefix, 1)?;
            Ok(found.first().and_then(|(key, _)| key::parse_user_address(key)))
        }))
    }

    fn holder_of_mailbox<'a>(&'a self, mailbox: &'a str) -> BoxFuture<'a, Result<Option<UserId>, StoreError>> {
        let prefix = key::mailbox(mailbox);
        Box::pin(self.read(move |reader| {
            let found = reader.kv.scan(&prefix, &prefix, 1)?;
            Ok(found.first().and_then(|(key, _)| key::parse_user_address(key)))
        }))
    }

    fn address_verification(
        &self,
        id: IdentificationId,
    ) -> BoxFuture<'_, Result<Option<AddressVerification>, StoreError>> {
        Box::pin(async move {
            let record: Option<AddressVerificationRecordV2> = self.record(key::address_verification(id)).await?;
            record.map(AddressVerification::try_from).transpose()
        })
    }

    fn failures(&self, user: UserId) -> BoxFuture<'_, Result<Option<Failures>, StoreError>> {
        Box::pin(async move {
            let record: Option<FailuresRecordV2> = self.record(key::failures(&Account::User(user))).await?;
            Ok(record.map(Failures::from))
        })
    }

    fn sign_in_token(&self, id: SignInTokenId) -> BoxFuture<'_, Result<Option<SignInToken>, StoreError>> {
        Box::pin(async move {
            let record: Option<SignInTokenRecordV1> = self.record(key::sign_in_token(id)).await?;
            Ok(record.map(SignInToken::from))
        })
    }

    fn handshake(&self, digest: [u8; 32]) -> BoxFuture<'_, Result<Option<KeptHandshake>, StoreError>> {
        Box::pin(async move {
            let record: Option<HandshakeRecordV1> = self.record(key::handshake(&digest)).await?;
            Ok(record.map(|record| record.kept_as(digest)))
        })
    }

    fn passkey_challenge(&self, owner: ChallengeOwner) -> BoxFuture<'_, Result<Option<KeptChallenge>, StoreError>> {
        Box::pin(async move {
            let record: Option<PasskeyChallengeRecordV1> = self.record(key::passkey_challenge(owner)).await?;
            Ok(record.map(|record| record.kept_for(owner)))
        })
    }

    fn passkey_holder<'a>(&'a self, credential_id: &'a str) -> BoxFuture<'a, Result<Option<UserId>, StoreError>> {
        Box::pin(async move {
            let record: Option<PasskeyHolderRecordV1> = self.record(key::passkey_holder(credential_id)).await?;
            Ok(record.map(UserId::from))
        })
    }

    fn invitation(&self, id: InvitationId) -> BoxFuture<'_, Result<Option<Invitation>, StoreError>> {
        Box::pin(async move {
            let record: Option<InvitationRecordV1> = self.record(key::invitation(id)).await?;
            Ok(record.map(Invitation::from))
        })
    }

    fn invitations(
        &self,
        after: Option<InvitationId>,
        limit: usize,
    ) -> BoxFuture<'_, Result<Vec<Invitation>, StoreError>> {
        let from = from_after(Kind::Invitation, after.map(key::invitation));
        Box::pin(self.scan(Kind::Invitation, from, limit, |_, value| {
            codec::decode::<InvitationRecordV1>(value).map(Invitation::from)
        }))
    }

    fn waitlist_entry(&self, id: WaitlistEntryId) -> BoxFuture<'_, Result<Option<WaitlistEntry>, StoreError>> {
        Box::pin(async move {
            let record: Option<WaitlistEntryRecordV1> = self.record(key::waitlist_entry(id)).await?;
            Ok(record.map(WaitlistEntry::from))
        })
    }

    fn waitlist(
        &self,
        after: Option<WaitlistEntryId>,
        limit: usize,
    ) -> BoxFuture<'_, Result<Vec<WaitlistEntry>, StoreError>> {
        let from = from_after(Kind::WaitlistEntry, after.map(key::waitlist_entry));
        Box::pin(self.scan(Kind::WaitlistEntry, from, limit, |_, value| {
            codec::decode::<WaitlistEntryRecordV1>(value).map(WaitlistEntry::from)
        }))
    }

    fn webhook_endpoint(&self, id: WebhookEndpointId) -> BoxFuture<'_, Result<Option<WebhookEndpoint>, StoreError>> {
        Box::pin(async move {
            let record: Option<WebhookEndpointRecordV1> = self.record(key::webhook_endpoint(id)).await?;
            Ok(record.map(WebhookEndpoint::from))
        })
    }

    fn webhook_endpoints(
        &self,
        after: Option<WebhookEndpointId>,
        limit: usize,
    ) -> BoxFuture<'_, Result<Vec<WebhookEndpoint>, StoreError>> {
        let from = from_after(Kind::WebhookEndpoint, after.map(key::webhook_endpoint));
        Box::pin(self.scan(Kind::WebhookEndpoint, from, limit, |_, value| {
            codec::decode::<WebhookEndpointRecordV1>(value).map(WebhookEndpoint::from)
        }))
    }

    fn webhook_retries(&self, of: WebhookEndpointId, limit: usize) -> BoxFuture<'_, Result<Vec<Retry>, StoreError>> {
        Box::pin(self.read(move |reader| reader.webhook_retries(of, limit)))
    }

    fn listed_identifier(
        &self,
        list: List,
        id: ListedIdentifierId,
    ) -> BoxFuture<'_, Result<Option<ListedIdentifier>, StoreError>> {
        Box::pin(async move {
            let record: Option<ListedRecordV1> = self.record(key::listed(list, id)).await?;
            Ok(record.map(ListedIdentifier::from))
        })
    }

    fn listed(
        &self,
        list: List,
        after: Option<ListedIdentifierId>,
        limit: usize,
    ) -> BoxFuture<'_, Result<Vec<ListedIdentifier>, StoreError>> {
        let prefix = key::all_listed(list);
        let from = after.map_or_else(|| prefix.clone(), |id| just_after(&key::listed(list, id)));
        Box::pin(self.scan_within(prefix, from, limit, |_, value| {
            codec::decode::<ListedRecordV1>(value).map(ListedIdentifier::from)
        }))
    }

    fn redirect_url(&self, id: RedirectUrlId) -> BoxFuture<'_, Result<Option<ListedRedirect>, StoreError>> {
        Box::pin(async move {
            let record: Option<RedirectUrlRecordV1> = self.record(key::redirect_url(id)).await?;
            Ok(record.map(ListedRedirect::from))
        })
    }

    fn redirect_urls(
        &self,
        after: Option<RedirectUrlId>,
        limit: usize,
    ) -> BoxFuture<'_, Result<Vec<ListedRedirect>, StoreError>> {
        let from = from_after(Kind::RedirectUrl, after.map(key::redirect_url));
        Box::pin(self.scan(Kind::RedirectUrl, from, limit, |_, value| {
            codec::decode::<RedirectUrlRecordV1>(value).map(ListedRedirect::from)
        }))
    }

    fn outbox(&self, after: Option<MessageId>, limit: usize) -> BoxFuture<'_, Result<Vec<OutboxEntry>, StoreError>> {
        let from = from_after(Kind::Outbox, after.map(key::outbox));
        Box::pin(
            self.scan(Kind::Outbox, from, limit, |_, value| {
                codec::decode::<OutboxRecordV2>(value).map(OutboxEntry::from)
            }),
        )
    }

    fn message(&self, id: MessageId) -> BoxFuture<'_, Result<Option<StoredMessage>, StoreError>> {
        Box::pin(self.read(move |reader| reader.message(id)))
    }

    fn messages(
        &self,
        before: Option<MessageId>,
        limit: usize,
    ) -> BoxFuture<'_, Result<Vec<StoredMessage>, StoreError>> {
        Box::pin(self.read(move |reader| reader.messages(before, limit)))
    }

    fn message_of_provider<'a>(
        &'a self,
        provider: &'a str,
        known_as: &'a str,
    ) -> BoxFuture<'a, Result<Option<MessageId>, StoreError>> {
        let (provider, known_as) = (provider.to_owned(), known_as.to_owned());
        Box::pin(self.read(move |reader| reader.message_of_provider(&provider, &known_as)))
    }

    fn events(&self, after: Option<Position>, limit: usize) -> BoxFuture<'_, Result<EventPage, StoreError>> {
        Box::pin(self.read(move |reader| reader.events(after, limit)))
    }

    fn last_event(&self) -> BoxFuture<'_, Result<Option<Position>, StoreError>> {
        Box::pin(self.read(|reader| reader.last_event()))
    }

    fn due(&self, now: Timestamp, limit: usize) -> BoxFuture<'_, Result<Vec<(Timestamp, SignUpId)>, StoreError>> {
        Box::pin(async move {
            let from = key::before(Kind::Deadline);
            let listed = self.scan(Kind::Deadline, from, limit, |key, _| {
                key::parse_deadline(key).ok_or_else(|| StoreError::Damaged("a key in the list of deadlines".into()))
            });
            let mut due = listed.await?;
            due.truncate(due.partition_point(|(deadline, _)| *deadline <= now));
            Ok(due)
        })
    }

    fn scan_expired(
        &self,
        place: ScanCursor,
        keep: RetentionPolicy,
        now: Timestamp,
        limit: usize,
    ) -> BoxFuture<'_, Result<ScanPage, StoreError>> {
        Box::pin(self.read_together(move |reader| {
            let kv = reader.kv;
            let index = GC_KINDS.iter().position(|kind| place.0.first() == Some(&kind.byte())).unwrap_or(0);
            let kind = GC_KINDS[index];
            let from = if place.0.is_empty() { key::before(kind) } else { place.0.clone() };
            let entries = kv.scan(&[kind.byte()], &from, limit)?;
            let mut next = match entries.last() {
                Some((last, _)) if entries.len() == limit => from_after(kind, Some(last.clone())),
                _ => GC_KINDS.get(index + 1).map(|kind| key::before(*kind)).unwrap_or_default(),
            };
            let mut stale = Vec::new();
            for (key, value) in entries {
                let fate = retention::fate(&key, &value, keep, now, |key| kv.get(key));
                match reader.unreadable.skip(&key, fate)? {
                    Some(Verdict::Keep) if kind == Kind::Event => {
                        // They are in the order of time, and the last kind: those behind it are kept, too.
                        next = Bytes::new();
                        break;
                    }
                    Some(Verdict::Keep) | None => {}
                    Some(Verdict::Delete | Verdict::Rewrite(_)) => stale.push(ExpiredKey(key)),
                }
            }
            Ok(ScanPage { stale, next: ScanCursor(next) })
        }))
    }

    fn awaiting_approval(
        &self,
        after: Option<SignUpId>,
        limit: usize,
    ) -> BoxFuture<'_, Result<Vec<SignUp>, StoreError>> {
        Box::pin(self.read(move |reader| reader.awaiting_approval(after, limit)))
    }

    fn application_value<'a>(
        &'a self,
        key: &'a ValueKey,
    ) -> BoxFuture<'a, Result<Option<ApplicationValue>, StoreError>> {
        Box::pin(async move {
            let record: Option<ApplicationValueRecordV1> = self.record(key::application_value(key)).await?;
            Ok(record.map(|record| ApplicationValue { key: key.clone(), bytes: record.bytes }))
        })
    }

    fn application_values<'a>(
        &'a self,
        namespace: &'a str,
        prefix: &'a str,
        after: Option<&'a ValueKey>,
        limit: usize,
    ) -> BoxFuture<'a, Result<Vec<ApplicationValue>, StoreError>> {
        let beginning = key::application_values(namespace, prefix);
        let after = after.map(key::application_value);
        Box::pin(self.read(move |reader| reader.application_values(&beginning, after.clone(), limit)))
    }

    fn value<'a>(&'a self, name: &'a str) -> BoxFuture<'a, Result<Option<Vec<u8>>, StoreError>> {
        Box::pin(async move {
            let record: Option<ValueRecordV1> = self.record(key::value(name)).await?;
            Ok(record.map(|record| record.bytes))
        })
    }

    fn values<'a>(&'a self, prefix: &'a str, limit: usize) -> BoxFuture<'a, Result<Vec<NamedValue>, StoreError>> {
        let prefix = key::value(prefix);
        Box::pin(self.read(move |reader| {
            let mut found = Vec::new();
            for (key, value) in reader.kv.scan(&prefix, &prefix, limit)? {
                let read = codec::decode::<ValueRecordV1>(&value);
                let name = key::parse_value(&key);
                found.extend(name.zip(reader.unreadable.skip(&key, read)?.map(|record| record.bytes)));
            }
            Ok(found)
        }))
    }

    fn is_shared(&self) -> bool {
        self.shared.kv.is_shared()
    }

    fn health(&self) -> Health {
        self.shared.kv.health()
    }

    fn close(&self) -> BoxFuture<'_, ()> {
        Box::pin(K::close(&self.shared))
    }
}
