//! The calls about the endpoints of webhooks
//! ([guide: Webhook endpoints](crate::guide::contract_backend#webhook-endpoints)).

use crate::domain::event::Position;
use crate::domain::id::{EventId, WebhookEndpointId};
use crate::domain::rejection::{ErrorCode, Reason, Rejection};
use crate::domain::secret::Secret;
use crate::domain::time::{Span, Timestamp};
use crate::domain::webhook::{Disabled, EndpointOwner, Health, Progress, State, WebhookEndpoint};
use crate::engine::webhooks::{
    NewWebhookEndpoint, Unusable, WebhookAttempt, WebhookEndpointPatch, is_wanted, open_secrets, seal, usable,
};
use crate::engine::{Engine, EngineError};
use crate::store::{Commit, CommitError, Decision, Housekeeping, StoreError, WebhookChange, WebhookProgress};
use crate::webhook::SigningSecret;

use super::pagination::Page;

/// An endpoint of webhooks as it is shown. Its secret is shown only where it was made, and by
/// [`Webhooks::secret`](crate::engine::Webhooks::secret).
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct WebhookEndpointView {
    /// Its id.
    pub id: WebhookEndpointId,
    /// Where webhooks are posted.
    pub url: String,
    /// The events that it wants.
    pub events: Vec<String>,
    /// A text for people.
    pub description: String,
    /// Whether it is switched on.
    pub state: State,
    /// Why nothing is sent to it all the same.
    pub unusable: Option<Unusable>,
    /// Who may change it.
    pub owner: EndpointOwner,
    /// Since when all attempts have failed.
    pub failing_since: Option<Timestamp>,
    /// How many messages wait for another attempt.
    pub waiting: u64,
    /// How many messages were delivered since the engine started.
    pub delivered: u64,
    /// How many attempts have failed since the engine started.
    pub failed_attempts: u64,
    /// How many messages were given up since the engine started.
    pub given_up: u64,
    /// Until when the secret from before signs too.
    pub previous_secret_until: Option<Timestamp>,
    /// The secret, where the call has made it.
    pub secret: Option<Secret<String>>,
    /// When it was made.
    pub created_at: Timestamp,
    /// When it was last changed.
    pub updated_at: Timestamp,
}

impl Engine {
    /// [`Webhooks::create`](crate::engine::Webhooks::create).
    pub(in crate::engine) async fn create_webhook_endpoint(
        &self,
        input: &NewWebhookEndpoint,
    ) -> Result<WebhookEndpointView, EngineError> {
        self.admitted(async {
            let (valid, secret) = input.parse(self.inner.webhooks.targets())?;
            if !self.policy().record_events {
                return Err(Rejection::from(ErrorCode::FeatureNotEnabled).into());
            }
            let context = &self.inner.actor_context;
            let (id, new) = context
                .decide(|cx| (WebhookEndpointId::generate(cx.now, cx.entropy), SigningSecret::generate(cx.entropy)));
            let (secret, now) = (secret.unwrap_or(new), self.now());
            let endpoint = WebhookEndpoint {
                id,
                version: 1,
                owner: EndpointOwner::Api,
                url: valid.url.unwrap_or_default(),
                events: valid.events.unwrap_or_default(),
                description: valid.description.unwrap_or_default(),
                secret: seal(&*context.sealer, id, &secret),
                previous_secret: None,
                state: State::Enabled,
                created_at: now,
                updated_at: now,
                // What has happened before is for `replay`.
                progress: Progress { cursor: self.inner.store().last_event().await?, ..Progress::default() },
            };
            let added = endpoint.clone();
            self.apart(move |engine| async move {
                let webhooks = &engine.inner.webhooks;
                let outcome = webhooks.around(id, engine.add_endpoint(added)).await;
                if outcome.is_err() {
                    webhooks.forget(id).await;
                }
                outcome
            })
            .await?;
            Ok(WebhookEndpointView { secret: Some(secret.to_text()), ..self.view_endpoint(endpoint) })
        })
        .await
    }

    /// [`Webhooks::get`](crate::engine::Webhooks::get).
    pub(in crate::engine) async fn webhook_endpoint(
        &self,
        id: WebhookEndpointId,
    ) -> Result<WebhookEndpointView, EngineError> {
        self.admitted(async { Ok(self.view_endpoint(self.kept_endpoint(id).await?)) }).await
    }

    /// [`Webhooks::list`](crate::engine::Webhooks::list).
    pub(in crate::engine) async fn list_webhook_endpoints(&self) -> Result<Page<WebhookEndpointView>, EngineError> {
        self.admitted(async {
            let mut all = self.kept_endpoints().await?;
            all.sort_by_key(|endpoint| (endpoint.created_at, endpoint.id));
            let items: Vec<_> = all.into_iter().map(|endpoint| self.view_endpoint(endpoint)).collect();
            Ok(Page { total: items.len(), items })
        })
        .await
    }

    /// [`Webhooks::update`](crate::engine::Webhooks::update).
    pub(in crate::engine) async fn update_webhook_endpoint(
        &self,
        id: WebhookEndpointId,
        patch: &WebhookEndpointPatch,
    ) -> Result<WebhookEndpointView, EngineError> {
        self.admitted(async {
            let valid = patch.parse(self.inner.webhooks.targets())?;
            let changed = self.change_endpoint(id, None, move |known| {
                of_the_api(known)?;
                Ok(WebhookEndpoint {
                    url: valid.url.clone().unwrap_or_else(|| known.url.clone()),
                    events: valid.events.clone().unwrap_or_else(|| known.events.clone()),
                    description: valid.description.clone().unwrap_or_else(|| known.description.clone()),
                    ..known.clone()
                })
            });
            Ok(self.view_endpoint(changed.await?))
        })
        .await
    }

    /// [`Webhooks::delete`](crate::engine::Webhooks::delete).
    pub(in crate::engine) async fn delete_webhook_endpoint(&self, id: WebhookEndpointId) -> Result<(), EngineError> {
        self.admitted(async {
            of_the_api(&self.kept_endpoint(id).await?)?;
            self.apart(move |engine| async move {
                let webhooks = &engine.inner.webhooks;
                webhooks.around(id, engine.commit_endpoint(WebhookChange::Delete(id))).await?;
                webhooks.forget(id).await;
                Ok(())
            })
            .await
        })
        .await
    }

    /// [`Webhooks::enable`](crate::engine::Webhooks::enable).
    pub(in crate::engine) async fn enable_webhook_endpoint(
        &self,
        id: WebhookEndpointId,
    ) -> Result<WebhookEndpointView, EngineError> {
        self.admitted(async {
            let kept = self.kept_endpoint(id).await?;
            let (sealer, targets) = (&*self.inner.actor_context.sealer, self.inner.webhooks.targets());
            usable(sealer, &kept, targets, self.now()).map_err(refused)?;
            // Its earlier failures would switch it off again at the next one.
            let changed = self.change_endpoint(id, Some(Health::Well), |known| {
                Ok(WebhookEndpoint { state: State::Enabled, ..known.clone() })
            });
            Ok(self.view_endpoint(changed.await?))
        })
        .await
    }

    /// [`Webhooks::disable`](crate::engine::Webhooks::disable).
    pub(in crate::engine) async fn disable_webhook_endpoint(
        &self,
        id: WebhookEndpointId,
    ) -> Result<WebhookEndpointView, EngineError> {
        self.admitted(async {
            let changed = self.change_endpoint(id, None, |known| {
                Ok(WebhookEndpoint { state: State::Disabled(Disabled::ByOperator), ..known.clone() })
            });
            Ok(self.view_endpoint(changed.await?))
        })
        .await
    }

    /// [`Webhooks::rotate_secret`](crate::engine::Webhooks::rotate_secret).
    pub(in crate::engine) async fn rotate_webhook_secret(
        &self,
        id: WebhookEndpointId,
    ) -> Result<WebhookEndpointView, EngineError> {
        self.admitted(async {
            let context = &self.inner.actor_context;
            let secret = context.decide(|cx| SigningSecret::generate(cx.entropy));
            let (sealed, until) = (seal(&*context.sealer, id, &secret), self.now() + PREVIOUS_SECRET);
            let changed = self.change_endpoint(id, None, move |known| {
                of_the_api(known)?;
                let previous_secret = Some((known.secret.clone(), until));
                Ok(WebhookEndpoint { secret: sealed.clone(), previous_secret, ..known.clone() })
            });
            Ok(WebhookEndpointView { secret: Some(secret.to_text()), ..self.view_endpoint(changed.await?) })
        })
        .await
    }

    /// [`Webhooks::secret`](crate::engine::Webhooks::secret).
    pub(in crate::engine) async fn webhook_secret(&self, id: WebhookEndpointId) -> Result<Secret<String>, EngineError> {
        self.admitted(async {
            let known = self.kept_endpoint(id).await?;
            let secrets = open_secrets(&*self.inner.actor_context.sealer, &known, self.now());
            let current = secrets.as_ref().and_then(|secrets| secrets.iter().next());
            current.map(SigningSecret::to_text).ok_or_else(sealed_elsewhere)
        })
        .await
    }

    /// [`Webhooks::attempts`](crate::engine::Webhooks::attempts).
    pub(in crate::engine) async fn webhook_attempts(
        &self,
        id: WebhookEndpointId,
    ) -> Result<Page<WebhookAttempt>, EngineError> {
        self.admitted(async {
            self.kept_endpoint(id).await?;
            let items = self.inner.webhooks.last_attempts(id);
            Ok(Page { total: items.len(), items })
        })
        .await
    }

    /// [`Webhooks::replay`](crate::engine::Webhooks::replay).
    pub(in crate::engine) async fn replay_webhooks(
        &self,
        id: WebhookEndpointId,
        since: Timestamp,
    ) -> Result<WebhookEndpointView, EngineError> {
        self.admitted(async {
            self.kept_endpoint(id).await?;
            let from = self.position_before(since).await?;
            self.apart(move |engine| async move {
                let moved = async {
                    let known = engine.kept_endpoint(id).await?;
                    // What it was not told of yet comes anyway.
                    let cursor = known.progress.cursor.min(from);
                    engine.commit_endpoint(WebhookChange::MoveTo(id, cursor)).await
                };
                engine.inner.webhooks.around(id, moved).await
            })
            .await?;
            Ok(self.view_endpoint(self.kept_endpoint(id).await?))
        })
        .await
    }

    /// [`Webhooks::replay_event`](crate::engine::Webhooks::replay_event).
    pub(in crate::engine) async fn replay_webhook_event(
        &self,
        id: WebhookEndpointId,
        event: EventId,
    ) -> Result<(), EngineError> {
        self.admitted(async {
            let known = self.kept_endpoint(id).await?;
            let position = Position::of(event);
            let found = self.inner.store().events(position.before(), 1).await?.events.pop();
            let found = found.filter(|found| found.id == event).ok_or(EngineError::NotFound)?;
            if !is_wanted(&known.events, &found.what) {
                return Err(ErrorCode::FormParamValueInvalid.on("event_id").into());
            }
            self.apart(move |engine| async move { Ok(engine.inner.webhooks.send_again(id, position).await?) }).await
        })
        .await
    }

    /// [`Webhooks::test`](crate::engine::Webhooks::test).
    pub(in crate::engine) async fn test_webhook_endpoint(
        &self,
        id: WebhookEndpointId,
    ) -> Result<WebhookAttempt, EngineError> {
        self.admitted(async {
            let known = self.kept_endpoint(id).await?;
            let secrets = open_secrets(&*self.inner.actor_context.sealer, &known, self.now());
            let secrets = secrets.ok_or_else(sealed_elsewhere)?;
            self.inner
                .webhooks
                .test(&known, &secrets)
                .await
                .ok_or_else(|| EngineError::Rejected(ErrorCode::FormParamFormatInvalid.on("url").into()))
        })
        .await
    }

    /// Stores a new endpoint, if there is room for one more. One is added at a time.
    async fn add_endpoint(&self, endpoint: WebhookEndpoint) -> Result<(), EngineError> {
        let made = self.kept_endpoints().await?.iter().filter(|known| known.owner == EndpointOwner::Api).count();
        if made >= ENDPOINTS_MAX {
            let number = u32::try_from(ENDPOINTS_MAX).unwrap_or(u32::MAX);
            return Err(Reason::from(ErrorCode::WebhookEndpointQuotaExceeded).with(number).into());
        }
        self.commit_endpoint(WebhookChange::Create(Box::new(endpoint))).await
    }

    /// Changes an endpoint while nothing is delivered to it.
    async fn change_endpoint(
        &self,
        id: WebhookEndpointId,
        health: Option<Health>,
        change: impl Fn(&WebhookEndpoint) -> Result<WebhookEndpoint, EngineError> + Send + Sync + 'static,
    ) -> Result<WebhookEndpoint, EngineError> {
        change(&self.kept_endpoint(id).await?)?;
        self.apart(move |engine| async move {
            engine.inner.webhooks.around(id, engine.write_endpoint(id, health, change)).await
        })
        .await
    }

    async fn write_endpoint(
        &self,
        id: WebhookEndpointId,
        health: Option<Health>,
        change: impl Fn(&WebhookEndpoint) -> Result<WebhookEndpoint, EngineError>,
    ) -> Result<WebhookEndpoint, EngineError> {
        for _ in 0..TRIES_MAX {
            let known = self.kept_endpoint(id).await?;
            let (now, version) = (self.now(), known.version + 1);
            let next = WebhookEndpoint { version, updated_at: known.updated_at.max(now), ..change(&known)? };
            let write = WebhookChange::Change { next: Box::new(next), expected_version: known.version };
            let mut commit = Commit::of_decision(now, Decision { webhooks: vec![write], ..Decision::default() });
            if health.is_some() {
                let (done, retries) = (Vec::new(), Vec::new());
                let made = WebhookProgress { endpoint: id, cursor: None, health, disabled: None, done, retries };
                commit.housekeeping = Housekeeping { webhooks: vec![made], ..Housekeeping::default() };
            }
            match self.inner.system.persister().commit(commit).await {
                Ok(_) => return self.kept_endpoint(id).await,
                // It was switched off meanwhile.
                Err(CommitError::Stale) => {}
                Err(error) => return Err(error.into()),
            }
        }
        Err(Rejection::from(ErrorCode::ResourceConflict).into())
    }

    /// Delivers to the endpoints as they are stored: another node may have changed some.
    pub(in crate::engine) async fn look_at_webhooks(&self) -> Result<(), EngineError> {
        self.inner.webhooks.look_again(&self.kept_endpoints().await?).await;
        Ok(())
    }

    /// Does work that must not end in the middle because its caller has gone: a delivery that was stopped for it has to
    /// begin again.
    async fn apart<T: Send + 'static, F>(&self, work: impl FnOnce(Self) -> F) -> Result<T, EngineError>
    where
        F: Future<Output = Result<T, EngineError>> + Send + 'static,
    {
        tokio::spawn(work(self.clone())).await.unwrap_or_else(|error| {
            tracing::error!(%error, "a change of an endpoint panicked");
            Err(EngineError::Internal)
        })
    }

    async fn commit_endpoint(&self, change: WebhookChange) -> Result<(), EngineError> {
        let decision = Decision { webhooks: vec![change], ..Decision::default() };
        self.inner.system.persister().commit(Commit::of_decision(self.now(), decision)).await?;
        Ok(())
    }

    async fn kept_endpoint(&self, id: WebhookEndpointId) -> Result<WebhookEndpoint, EngineError> {
        self.inner.store().webhook_endpoint(id).await?.ok_or(EngineError::NotFound)
    }

    async fn kept_endpoints(&self) -> Result<Vec<WebhookEndpoint>, StoreError> {
        let mut found: Vec<WebhookEndpoint> = Vec::new();
        loop {
            let after = found.last().map(|endpoint| endpoint.id);
            let some = self.inner.store().webhook_endpoints(after, PORTION).await?;
            let is_last = some.len() < PORTION;
            found.extend(some);
            if is_last {
                return Ok(found);
            }
        }
    }

    /// A position before the first event since a time.
    async fn position_before(&self, since: Timestamp) -> Result<Option<Position>, StoreError> {
        let store = self.inner.store();
        let mut position = self.some_position_before(since.before(OUT_OF_ORDER)).await?;
        loop {
            let page = store.events(position, PORTION).await?;
            if let Some(first) = page.events.iter().find(|event| event.at >= since) {
                return Ok(first.position.before());
            }
            match page.events.last() {
                Some(last) => position = Some(last.position),
                None => return Ok(position),
            }
        }
    }

    /// A position with no event since a time before it. It is found by halving, because the log may be long.
    async fn some_position_before(&self, since: Timestamp) -> Result<Option<Position>, StoreError> {
        let store = self.inner.store();
        let last = store.last_event().await?;
        let first = store.events(None, 1).await?.events.pop();
        let (Some(last), Some(first)) = (last, first) else { return Ok(last) };
        let (mut low, mut high) = (first.position.sequence(), last.sequence());
        while low < high {
            let middle = low + (high - low) / 2;
            let behind = store.events(Some(Position::new(middle, u16::MAX)), 1).await?.events.pop();
            if behind.is_none_or(|event| event.at >= since) {
                high = middle;
            } else {
                low = middle + 1;
            }
        }
        // The record with this number has older events, and may have later ones too.
        Ok(Position::new(low, 0).before())
    }

    fn view_endpoint(&self, kept: WebhookEndpoint) -> WebhookEndpointView {
        let counts = self.inner.webhooks.counts(kept.id);
        let now = self.now();
        let unusable = usable(&*self.inner.actor_context.sealer, &kept, self.inner.webhooks.targets(), now).err();
        WebhookEndpointView {
            unusable,
            id: kept.id,
            url: kept.url,
            events: kept.events,
            description: kept.description,
            state: kept.state,
            owner: kept.owner,
            failing_since: match kept.progress.health {
                Health::Well => None,
                Health::Failing { since, .. } => Some(since),
            },
            waiting: kept.progress.waiting,
            delivered: counts.delivered,
            failed_attempts: counts.failed_attempts,
            given_up: counts.given_up,
            previous_secret_until: kept.previous_secret.map(|(_, until)| until).filter(|until| now < *until),
            secret: None,
            created_at: kept.created_at,
            updated_at: kept.updated_at,
        }
    }
}

/// What the configuration owns is changed there.
fn of_the_api(endpoint: &WebhookEndpoint) -> Result<(), EngineError> {
    match endpoint.owner {
        EndpointOwner::Api => Ok(()),
        EndpointOwner::Configuration => Err(Rejection::from(ErrorCode::WebhookEndpointConfigured).into()),
    }
}

/// Why an endpoint to which nothing would be sent can't be switched on.
fn refused(why: Unusable) -> EngineError {
    match why {
        Unusable::Url(_) => ErrorCode::FormParamFormatInvalid.on("url").into(),
        Unusable::Events => ErrorCode::FormParamValueInvalid.on("events").into(),
        Unusable::Secret => sealed_elsewhere(),
    }
}

fn sealed_elsewhere() -> EngineError {
    EngineError::Unavailable("the signing secret was sealed under another instance key".into())
}

/// By how much the time of an event may be before that of an event at an earlier position: as long as a commit may wait.
const OUT_OF_ORDER: Span = Span::from_secs(10);
/// How many endpoints the Backend API may make: each has a task and connections of its own.
const ENDPOINTS_MAX: usize = 100;
/// For how long the secret from before a rotation signs too.
const PREVIOUS_SECRET: Span = Span::from_secs(24 * 3600);
/// How often a change is made again because the endpoint was changed meanwhile.
const TRIES_MAX: usize = 5;
/// How many endpoints one read returns.
const PORTION: usize = 100;
