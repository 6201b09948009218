//! The calls about messages ([guide: Messages](crate::guide::contract_backend#messages)).

use std::time::Duration;

use crate::actors::{switch_name, warn_of_paused};
use crate::delivery::{Callback, CallbackError, Channel, ChannelStatus, Report, ReportedState};
use crate::domain::id::{AddressVerificationId, MessageId};
use crate::domain::invitation::InvitationState;
use crate::domain::message::{FailureClass, MessageStatus, Origin, Template};
use crate::domain::rejection::{ErrorCode, Rejection};
use crate::domain::sign_up::{SignUp, Status};
use crate::domain::time::Timestamp;
use crate::domain::verification::Verification;
use crate::engine::{Engine, EngineError};
use crate::store::{Commit, Decision, Housekeeping, MessageReport, OutboxKind, StoreError, StoredMessage};

/// A message as it is shown: never its code, link or text.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct MessageView {
    /// Its id.
    pub id: MessageId,
    /// Its channel.
    pub channel: Channel,
    /// The normalised address.
    pub to: String,
    /// What it is for.
    pub template: Option<Template>,
    /// What it was made for.
    pub origin: Option<Origin>,
    /// The person's language, if it is known (RFC 5646).
    pub locale: Option<String>,
    /// What has become of it.
    pub status: MessageStatus,
    /// Why it failed, if it did.
    pub failure: Option<FailureClass>,
    /// The provider that took it; empty where there is only one.
    pub provider: String,
    /// The provider's id of the message.
    pub provider_message_id: Option<String>,
    /// How often it was tried since the start of the engine that ended it; 0 while it is queued.
    pub attempts: u32,
    /// When it was created.
    pub created_at: Timestamp,
    /// When its status last changed.
    pub updated_at: Timestamp,
    /// When it is no longer sent.
    pub expire_at: Timestamp,
}

/// Which messages a list has. [`MessageFilter::default`] has all.
#[derive(Clone, Debug, Default)]
pub struct MessageFilter {
    /// Only those of this channel.
    pub channel: Option<Channel>,
    /// Only those with this status.
    pub status: Option<MessageStatus>,
    /// Only those of this template.
    pub template: Option<Template>,
    /// Only those that were made for this.
    pub origin: Option<Origin>,
    /// Only those from before this one, which need not exist (any more).
    pub before: Option<MessageId>,
}

/// A part of the list of messages.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct MessagePage {
    /// The messages, the newest first.
    pub items: Vec<MessageView>,
    /// Where the next part begins ([`MessageFilter::before`]); `None` at the end. A call looks at no more than 10 000
    /// messages, so a part may have few, or none, and yet there may be more behind it.
    pub next: Option<MessageId>,
}

/// The state of a channel.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct ChannelView {
    /// What is counted in memory since the engine started.
    pub status: ChannelStatus,
    /// How many messages are in the outbox. All of them are counted, so a call takes longer where many wait.
    pub queued: usize,
    /// When the oldest of them was created.
    pub oldest_at: Option<Timestamp>,
}

/// Why reports of a provider are not taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ReportRefusal {
    /// No provider has that name, or it makes no reports.
    Unknown,
    /// They are not believed, or can't be read.
    Refused(CallbackError),
}

impl Engine {
    /// [`Messages::list`](crate::engine::Messages::list).
    pub(in crate::engine) async fn list_messages(
        &self,
        filter: &MessageFilter,
        limit: usize,
    ) -> Result<MessagePage, EngineError> {
        self.admitted(async {
            let limit = limit.clamp(1, LIMIT_MAX);
            let (mut items, mut place, mut seen) = (Vec::new(), filter.before, 0);
            loop {
                let page = self.inner.store().messages(place, LIMIT_MAX).await?;
                let is_end = page.len() < LIMIT_MAX;
                for message in page {
                    let id = message.id;
                    if filter.has(&message) {
                        // Another one follows the full page.
                        if items.len() == limit {
                            return Ok(MessagePage { items, next: place });
                        }
                        items.push(MessageView::from(message));
                    }
                    place = Some(id);
                    seen += 1;
                }
                if is_end || seen >= SEEN_MAX {
                    return Ok(MessagePage { items, next: place.filter(|_| !is_end) });
                }
            }
        })
        .await
    }

    /// [`Messages::get`](crate::engine::Messages::get).
    pub(in crate::engine) async fn message(&self, id: MessageId) -> Result<MessageView, EngineError> {
        self.admitted(async { Ok(self.stored_message(id).await?.into()) }).await
    }

    /// [`Messages::send_again`](crate::engine::Messages::send_again).
    pub(in crate::engine) async fn send_message_again(&self, id: MessageId) -> Result<MessageView, EngineError> {
        self.admitted(async {
            let message = self.stored_message(id).await?;
            if message.status.is_queued() {
                return Ok(message.into());
            }
            if !self.is_good(&message).await? {
                return Err(Rejection::from(ErrorCode::MessageOver).into());
            }
            let context = &self.inner.actor_context;
            let new = context.decide(|cx| MessageId::generate(cx.now, cx.entropy));
            let entry = context.seal_again(&message, new).ok_or(Rejection::from(ErrorCode::MessageOver))?;
            let created_at = entry.created_at;
            let decision = Decision { outbox: vec![entry], ..Decision::default() };
            self.inner.system.persister().commit(Commit::of_decision(self.now(), decision)).await?;
            let queued = StoredMessage {
                id: new,
                status: MessageStatus::Queued,
                failure: None,
                provider: String::new(),
                provider_message_id: None,
                attempts: 0,
                created_at,
                updated_at: created_at,
                ..message
            };
            Ok(queued.into())
        })
        .await
    }

    /// [`Messages::pause`](crate::engine::Messages::pause).
    pub(in crate::engine) async fn pause_channel(&self, channel: Channel) -> Result<ChannelView, EngineError> {
        self.switch_channel(channel, true).await
    }

    /// [`Messages::resume`](crate::engine::Messages::resume).
    pub(in crate::engine) async fn resume_channel(&self, channel: Channel) -> Result<ChannelView, EngineError> {
        self.switch_channel(channel, false).await
    }

    /// [`Messages::channels`](crate::engine::Messages::channels).
    pub(in crate::engine) async fn message_channels(&self) -> Result<Vec<ChannelView>, EngineError> {
        self.admitted(async { Ok(self.channel_views().await?) }).await
    }

    /// [`Messages::take_reports`](crate::engine::Messages::take_reports).
    pub(in crate::engine) async fn take_message_reports(
        &self,
        provider: &str,
        callback: &Callback<'_>,
    ) -> Result<Result<usize, ReportRefusal>, EngineError> {
        self.admitted(async {
            let transports = [Channel::Email, Channel::Sms].map(|channel| self.inner.transports.of(channel));
            for transport in transports {
                transport.prepare_reports(provider, callback).await;
            }
            let Some(read) = transports.iter().find_map(|transport| transport.reports(provider, callback)) else {
                return Ok(Err(ReportRefusal::Unknown));
            };
            let mut left = match read {
                Ok(reports) => reports,
                Err(error) => return Ok(Err(ReportRefusal::Refused(error))),
            };
            let mut known = Vec::new();
            // A provider may be faster than the commit that notes its id.
            for pause in [Some(REPORT_PAUSE), None] {
                for report in std::mem::take(&mut left) {
                    match self.inner.store().message_of_provider(provider, &report.message_id).await? {
                        Some(id) => known.push(MessageReport { id, failure: failure(&report) }),
                        None => left.push(report),
                    }
                }
                match pause.filter(|_| !left.is_empty()) {
                    Some(pause) => tokio::time::sleep(pause).await,
                    None => break,
                }
            }
            let taken = known.len();
            if taken > 0 {
                let housekeeping = Housekeeping { reports: known, ..Housekeeping::default() };
                let commit = Commit { relaxed: false, ..Commit::of_housekeeping(self.now(), housekeeping) };
                self.inner.system.persister().commit(commit).await?;
            }
            Ok(Ok(taken))
        })
        .await
    }

    async fn stored_message(&self, id: MessageId) -> Result<StoredMessage, EngineError> {
        self.inner.store().message(id).await?.ok_or(EngineError::NotFound)
    }

    /// Whether what a message says can still be used.
    async fn is_good(&self, message: &StoredMessage) -> Result<bool, StoreError> {
        let (store, now) = (self.inner.store(), self.now());
        if now >= message.expire_at || message.sealed.is_empty() {
            return Ok(false);
        }
        let Some(about) = &message.about else { return Ok(false) };
        Ok(match (about.origin, about.template) {
            (Origin::SignUp(id), Template::VerificationCode | Template::MagicLinkSignUp) => {
                let sign_up = store.sign_up(id).await?;
                sign_up.is_some_and(|sign_up| {
                    sign_up.status(now, self.policy()) == Status::MissingRequirements && waits_for(&sign_up, message)
                })
            }
            (Origin::Invitation(id), _) => {
                let invitation = store.invitation(id).await?;
                invitation.is_some_and(|invitation| invitation.state == InvitationState::Pending)
            }
            (Origin::SignIn(_), Template::VerificationCode | Template::MagicLinkSignUp | Template::MagicLinkSignIn) => {
                self.sign_in_waits_for(message).await?
            }
            (Origin::AddressVerification(id), Template::VerificationCode | Template::MagicLinkUserProfile) => {
                self.address_waits_for(message, id).await?
            }
            _ => true,
        })
    }

    /// Whether a sign-in still waits for what this message says. Sign-ins are found only by their clients. So the answer is
    /// no, to be safe, once the user with the address has signed in anywhere since.
    async fn sign_in_waits_for(&self, message: &StoredMessage) -> Result<bool, StoreError> {
        let store = self.inner.store();
        if let Some(id) = store.owner(&message.to).await?
            && let Some(user) = store.user(id).await?
            && Some(user.created_at).max(user.last_sign_in_at) >= Some(message.created_at)
        {
            return Ok(false);
        }
        let origin = origin_of(message);
        // A message that was sent again has the same end as the first one.
        self.has_no_later(message, |later| origin_of(later) == origin && later.expire_at != message.expire_at).await
    }

    /// Whether the verification of an address still waits for what this message says.
    async fn address_waits_for(&self, message: &StoredMessage, id: AddressVerificationId) -> Result<bool, StoreError> {
        let store = self.inner.store();
        if let Some(holder) = store.owner(&message.to).await?
            && let Some(user) = store.user(holder).await?
        {
            let emails = user.email_addresses.iter().map(|known| (known.id, known.value.identifier()));
            let phones = user.phone_numbers.iter().map(|known| (known.id, known.value.identifier()));
            let Some((address, _)) = emails.chain(phones).find(|(_, known)| *known == message.to) else {
                return Ok(false);
            };
            let known = store.address_verification(address).await?.filter(|known| known.id == id);
            return Ok(known.is_some_and(|known| known.verification.verified.is_none()));
        }
        let is_other = |later: &StoredMessage| {
            let origin = origin_of(later);
            later.to == message.to
                && origin != Some(id.into())
                && matches!(origin, Some(Origin::AddressVerification(_)))
        };
        self.has_no_later(message, is_other).await
    }

    /// Whether none of the messages after this one is such a message. It looks at no more than 10 000.
    async fn has_no_later(
        &self,
        message: &StoredMessage,
        is_such: impl Fn(&StoredMessage) -> bool,
    ) -> Result<bool, StoreError> {
        let (mut place, mut seen) = (None, 0);
        while seen < SEEN_MAX {
            let page = self.inner.store().messages(place, LIMIT_MAX).await?;
            // The list is ordered by time; the bytes of ids are not.
            let later = page.iter().take_while(|other| other.id.made_at() >= message.id.made_at());
            let count = later.clone().count();
            if later.clone().any(|other| other.id != message.id && is_such(other)) {
                return Ok(false);
            }
            if count < LIMIT_MAX {
                break;
            }
            place = page.last().map(|other| other.id);
            seen += count;
        }
        Ok(true)
    }

    async fn switch_channel(&self, channel: Channel, is_paused: bool) -> Result<ChannelView, EngineError> {
        self.admitted(async {
            let commit = Commit::of_value(self.now(), &switch_name(channel), vec![u8::from(is_paused)]);
            self.inner.system.persister().commit(Commit { concerns_others: true, ..commit }).await?;
            self.inner.system.switch_channel(channel, is_paused);
            match is_paused {
                true => warn_of_paused(channel),
                false => tracing::info!(%channel, "a channel was started by hand"),
            }
            let views = self.channel_views().await?;
            views.into_iter().find(|view| view.status.channel == channel).ok_or(EngineError::Internal)
        })
        .await
    }

    /// Each channel, with what waits in the outbox.
    async fn channel_views(&self) -> Result<Vec<ChannelView>, StoreError> {
        let view = |status| ChannelView { status, queued: 0, oldest_at: None };
        let mut views = self.channels().map(view);
        let mut place = None;
        loop {
            let page = self.inner.store().outbox(place, PAGE).await?;
            let is_end = page.len() < PAGE;
            for entry in page {
                place = Some(entry.id);
                let OutboxKind::Message { about, .. } = &entry.kind;
                if about.is_none() {
                    // A decoy is no message.
                    continue;
                }
                for view in views.iter_mut().filter(|view| view.status.channel == Channel::of(entry.to())) {
                    view.queued += 1;
                    let oldest = view.oldest_at.map_or(entry.created_at, |at| at.min(entry.created_at));
                    view.oldest_at = Some(oldest);
                }
            }
            if is_end {
                return Ok(views.into());
            }
        }
    }
}

impl MessageFilter {
    fn has(&self, message: &StoredMessage) -> bool {
        let about = message.about.as_ref();
        self.channel.is_none_or(|channel| channel == Channel::of(&message.to))
            && self.status.is_none_or(|status| status == message.status)
            && self.template.is_none_or(|template| about.is_some_and(|about| about.template == template))
            && self.origin.is_none_or(|origin| about.is_some_and(|about| about.origin == origin))
    }
}

impl From<StoredMessage> for MessageView {
    fn from(message: StoredMessage) -> Self {
        let about = message.about;
        Self {
            id: message.id,
            channel: Channel::of(&message.to),
            to: message.to.value,
            template: about.as_ref().map(|about| about.template),
            origin: about.as_ref().map(|about| about.origin),
            locale: about.and_then(|about| about.locale),
            status: message.status,
            failure: message.failure,
            provider: message.provider,
            provider_message_id: message.provider_message_id,
            attempts: message.attempts,
            created_at: message.created_at,
            updated_at: message.updated_at,
            expire_at: message.expire_at,
        }
    }
}

/// Whether a sign-up still waits for what this message says: a later message makes those before it useless.
fn waits_for(sign_up: &SignUp, message: &StoredMessage) -> bool {
    let waits = |value: &str, verification: &Option<Verification>| {
        let is_same = |known: &Verification| known.verified.is_none() && known.expire_at == message.expire_at;
        value == message.to.value && verification.as_ref().is_some_and(is_same)
    };
    sign_up.email_address.as_ref().is_some_and(|field| waits(field.value.as_str(), &field.verification))
        || sign_up.phone_number.as_ref().is_some_and(|field| waits(field.value.as_str(), &field.verification))
}

fn origin_of(message: &StoredMessage) -> Option<Origin> {
    message.about.as_ref().map(|about| about.origin)
}

fn failure(report: &Report) -> Option<FailureClass> {
    match &report.state {
        ReportedState::Delivered => None,
        ReportedState::Failed(failure) => Some(failure.class),
    }
}

/// How many messages a list has at most.
const LIMIT_MAX: usize = 500;
const PAGE: usize = 1000;
/// How many messages one call looks at.
const SEEN_MAX: usize = 10_000;
/// How long a report about an unknown message waits for that message.
const REPORT_PAUSE: Duration = Duration::from_secs(2);
