//! Starts and stops the deliveries to the endpoints.

use std::collections::{HashMap, HashSet};
use std::future::Future;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::sync::{Notify, watch};
use tokio::task::{JoinHandle, JoinSet};

use crate::actors::{ActorContext, Lease, Persister};
use crate::domain::event::Position;
use crate::domain::id::{InstanceId, WebhookEndpointId};
use crate::domain::webhook::{State, WebhookEndpoint};
use crate::store::{Commit, CommitError, Housekeeping, WebhookProgress};
use crate::webhook::{SigningSecrets, Targets};

use super::attempts::{Attempts, Counts, WebhookAttempt};
use super::composed::Composing;
use super::delivery::{Delivery, Stop};
use super::message::{Shared, due_now, send_test};

/// The deliveries of one engine. They end when it is dropped.
pub(in crate::engine) struct Dispatcher {
    shared: Arc<Shared>,
    /// `None` once it is stopped. Held while an endpoint is changed, so that its delivery and its record agree.
    running: tokio::sync::Mutex<Option<HashMap<WebhookEndpointId, Running>>>,
    attempts: Mutex<HashMap<WebhookEndpointId, Arc<Attempts>>>,
    /// Of nodes that share a store, one sends webhooks.
    lease: Lease,
}

struct Running {
    stop: watch::Sender<Stop>,
    retries_added: Arc<Notify>,
    /// The version of the endpoint that is delivered to.
    version: Arc<AtomicU64>,
    task: JoinHandle<()>,
}

impl Drop for Running {
    fn drop(&mut self) {
        self.task.abort();
    }
}

impl Running {
    /// Ends the delivery, and returns once its results are stored.
    async fn end(mut self, stop: Stop) {
        self.stop.send_replace(stop);
        if let Err(error) = (&mut self.task).await {
            tracing::error!(%error, "the delivery of webhooks did not end as expected");
        }
    }
}

impl Dispatcher {
    /// Without any delivery yet.
    pub(in crate::engine) fn new(
        context: Arc<ActorContext>,
        persister: Persister,
        instance: InstanceId,
        targets: Targets,
        composing: Composing,
        lease: Lease,
    ) -> Self {
        let shared = Arc::new(Shared { context, persister, instance, targets, composing });
        Self { shared, running: tokio::sync::Mutex::new(Some(HashMap::new())), attempts: Mutex::default(), lease }
    }

    /// Which URLs may be endpoints.
    pub(in crate::engine) fn targets(&self) -> Targets {
        self.shared.targets
    }

    /// Starts the deliveries to these endpoints, but for those that are switched off.
    pub(in crate::engine) async fn start(&self, endpoints: impl IntoIterator<Item = WebhookEndpointId>) {
        if let Some(running) = &mut *self.running.lock().await {
            for id in endpoints {
                running.insert(id, self.start_one(id));
            }
        }
    }

    /// Ends the delivery to an endpoint, makes a change, and starts the delivery as the endpoint is then.
    pub(in crate::engine) async fn around<T>(&self, id: WebhookEndpointId, change: impl Future<Output = T>) -> T {
        let mut guard = self.running.lock().await;
        let Some(running) = &mut *guard else { return change.await };
        if let Some(delivery) = running.remove(&id) {
            delivery.end(Stop::Now).await;
        }
        let outcome = change.await;
        running.insert(id, self.start_one(id));
        outcome
    }

    /// Forgets an endpoint that was deleted.
    pub(in crate::engine) async fn forget(&self, id: WebhookEndpointId) {
        if let Some(running) = &mut *self.running.lock().await {
            running.remove(&id);
        }
        lock(&self.attempts).remove(&id);
    }

    /// Has an event sent to an endpoint at once, beside what is in delivery.
    ///
    /// # Errors
    /// When that can't be stored.
    pub(in crate::engine) async fn send_again(
        &self,
        id: WebhookEndpointId,
        event: Position,
    ) -> Result<(), CommitError> {
        let now = self.shared.context.now();
        let made = WebhookProgress {
            endpoint: id,
            cursor: None,
            health: None,
            disabled: None,
            done: Vec::new(),
            retries: vec![due_now(id, event, now)],
        };
        let noted = Housekeeping { webhooks: vec![made], ..Housekeeping::default() };
        let commit = Commit::of_housekeeping(now, noted);
        self.shared.persister.commit(Commit { relaxed: false, concerns_others: true, ..commit }).await?;
        if let Some(delivery) = self.running.lock().await.as_ref().and_then(|running| running.get(&id)) {
            delivery.retries_added.notify_one();
        }
        Ok(())
    }

    /// Sends a test to an endpoint; `None` where the endpoint can't be used.
    pub(in crate::engine) async fn test(
        &self,
        endpoint: &WebhookEndpoint,
        secrets: &SigningSecrets,
    ) -> Option<WebhookAttempt> {
        let attempt = send_test(&self.shared, endpoint, secrets).await?;
        self.attempts_of(endpoint.id).note(attempt.clone());
        Some(attempt)
    }

    /// The last attempts at an endpoint, the latest first.
    pub(in crate::engine) fn last_attempts(&self, id: WebhookEndpointId) -> Vec<WebhookAttempt> {
        lock(&self.attempts).get(&id).map(|attempts| attempts.last()).unwrap_or_default()
    }

    /// How many messages to an endpoint were dealt with since the start.
    pub(in crate::engine) fn counts(&self, id: WebhookEndpointId) -> Counts {
        lock(&self.attempts).get(&id).map(|attempts| attempts.counts()).unwrap_or_default()
    }

    /// Ends all deliveries; attempts that have begun may end. None is started after it.
    pub(in crate::engine) async fn stop(&self) {
        let Some(running) = self.running.lock().await.take() else { return };
        let mut ends = JoinSet::new();
        for (_, delivery) in running {
            ends.spawn(delivery.end(Stop::Finish));
        }
        ends.join_all().await;
        self.lease.give_back().await;
    }

    /// Takes over what another node may have changed: begins anew with the endpoints that are not as they were, and looks for
    /// messages that wait at the others.
    pub(in crate::engine) async fn look_again(&self, endpoints: &[WebhookEndpoint]) {
        let mut guard = self.running.lock().await;
        let Some(running) = &mut *guard else { return };
        let ids: HashSet<_> = endpoints.iter().map(|endpoint| endpoint.id).collect();
        for (_, gone) in running.extract_if(|id, _| !ids.contains(id)) {
            gone.end(Stop::Now).await;
        }
        lock(&self.attempts).retain(|id, _| ids.contains(id));
        for endpoint in endpoints {
            match running.remove(&endpoint.id) {
                Some(same) if same.version.load(Ordering::Acquire) == endpoint.version => {
                    same.retries_added.notify_one();
                    running.insert(endpoint.id, same);
                }
                other => {
                    if let Some(outdated) = other {
                        outdated.end(Stop::Now).await;
                    }
                    running.insert(endpoint.id, self.start_one(endpoint.id));
                }
            }
        }
    }

    fn attempts_of(&self, id: WebhookEndpointId) -> Arc<Attempts> {
        lock(&self.attempts).entry(id).or_default().clone()
    }

    fn start_one(&self, id: WebhookEndpointId) -> Running {
        let (stop, stopped) = watch::channel(Stop::Never);
        let retries_added = Arc::new(Notify::new());
        let attempts = self.attempts_of(id);
        let version = Arc::default();
        let terms = Terms { shared: self.shared.clone(), lease: self.lease.clone(), id, attempts };
        let task = tokio::spawn(terms.keep_running(retries_added.clone(), Arc::clone(&version), stopped));
        Running { stop, retries_added, version, task }
    }
}

/// What a delivery is made with.
struct Terms {
    shared: Arc<Shared>,
    lease: Lease,
    id: WebhookEndpointId,
    attempts: Arc<Attempts>,
}

impl Terms {
    /// Delivers to an endpoint while it is there and switched on, and while that is for this node. If it panics, it begins anew
    /// from what is stored.
    async fn keep_running(self, retries_added: Arc<Notify>, version: Arc<AtomicU64>, mut stop: watch::Receiver<Stop>) {
        let Self { shared, lease, id, attempts } = self;
        loop {
            match shared.context.store.webhook_endpoint(id).await {
                Ok(Some(endpoint)) if endpoint.state == State::Enabled => {
                    version.store(endpoint.version, Ordering::Release);
                    let delivery = Delivery::new(shared.clone(), endpoint, attempts.clone(), retries_added.clone());
                    let Some(delivery) = delivery else { return };
                    if !lease.is_held() {
                        // Messages that the endpoint is told of are sent, although another node tells it.
                        tokio::select! {
                            _ = stop.wait_for(|stop| *stop != Stop::Never) => return,
                            () = lease.held() => continue,
                        }
                    }
                    // In a set, so that it ends with this task.
                    let mut work = JoinSet::new();
                    work.spawn(delivery.run(stop.clone()));
                    let ended = tokio::select! {
                        ended = work.join_next() => ended,
                        () = lease.lost() => continue,
                    };
                    let error = match ended {
                        Some(Ok(true)) => continue,
                        Some(Err(error)) => error,
                        _ => return,
                    };
                    tracing::error!(webhook_endpoint.id = %id, %error, "the delivery of webhooks panicked; it begins anew");
                }
                Ok(_) => return,
                Err(error) => tracing::warn!(webhook_endpoint.id = %id, %error, "an endpoint can't be read"),
            }
            tokio::select! {
                _ = stop.wait_for(|stop| *stop != Stop::Never) => return,
                () = tokio::time::sleep(PAUSE) => {}
            }
        }
    }
}

fn lock<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Until a delivery that could not go on begins anew.
const PAUSE: Duration = Duration::from_secs(1);
