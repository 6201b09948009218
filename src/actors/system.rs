//! The system of actors: started bottom-up, stopped in reverse order.

use std::sync::Arc;
use std::time::Duration;

use futures_util::future::join_all;
use ractor::{Actor, ActorRef, SpawnErr};
use tokio::sync::oneshot;

use crate::delivery::{Channel, MessageTemplates};
use crate::domain::id::{ClientId, SignUpId};
use crate::domain::sign_up::Command;
use crate::store::Commit;

use super::after_commit::{Follower, Following};
use super::context::ActorContext;
use super::lease::Lease;
use super::outage::Outage;
use super::persister::{Persister, PersisterActor, PersisterMessage};
use super::relay::{Arguments, RelayActor, RelayMessage};
use super::sign_up::{CallError, Create, SignUpMessage, SignUpReply, Terms};
use super::supervisor::{self, Supervisor, SupervisorMessage};
use super::sweeper::{Sweep, Sweeper};

#[cfg(feature = "webhooks")]
pub use super::relay::Composer;
pub use super::relay::Transports;

/// The running actors.
pub struct System {
    context: Arc<ActorContext>,
    shards: Vec<ActorRef<SupervisorMessage>>,
    persister: Persister,
    persister_actor: ActorRef<PersisterMessage>,
    relay: ActorRef<RelayMessage>,
    sweeper: ActorRef<Sweep>,
    following: Following,
    /// Those of the relay and of the sweeper.
    leases: [Lease; 2],
}

/// Why the actors could not be started.
#[derive(Debug, thiserror::Error)]
#[error("the actors could not be started: {0}")]
pub struct StartError(#[from] SpawnErr);

impl System {
    /// Starts the actors on the current tokio runtime; `followers` are told what is committed.
    ///
    /// # Errors
    /// When an actor can't be spawned.
    pub async fn start(
        context: Arc<ActorContext>,
        transports: Transports,
        templates: MessageTemplates,
        followers: Vec<Follower>,
    ) -> Result<Self, StartError> {
        let arguments = Arguments { context: context.clone(), transports, templates };
        let (relay, _) = Actor::spawn(None, RelayActor, arguments).await?;
        let outage = Arc::new(Outage::default());
        let (last_seen, event_log) = (context.last_seen.clone(), context.event_log.clone());
        let arguments = (context.store.clone(), relay.clone(), last_seen, outage.clone(), event_log);
        let (persister_actor, _) = Actor::spawn(None, PersisterActor, arguments).await?;
        let persister = Persister::new(persister_actor.clone(), context.options.commits_waiting_max, outage);
        let outbox = Lease::keep("outbox", &context, &persister);
        let sweep = Lease::keep("sweep", &context, &persister);
        drop(relay.send_message(RelayMessage::Resume(persister.clone(), outbox.clone())));
        let (sweeper, _) = Actor::spawn(None, Sweeper, (context.clone(), persister.clone(), sweep.clone())).await?;
        let mut shards = Vec::new();
        for _ in 0..context.options.shards.max(1) {
            let arguments = supervisor::Arguments { context: context.clone(), persister: persister.clone() };
            shards.push(Actor::spawn(None, Supervisor, arguments).await?.0);
        }
        let following = Following::start(followers, &context, &persister);
        let leases = [outbox, sweep];
        Ok(Self { context, shards, persister, persister_actor, relay, sweeper, following, leases })
    }

    /// What the actors share.
    pub const fn context(&self) -> &Arc<ActorContext> {
        &self.context
    }

    /// The persister, for commits that don't belong to a sign-up.
    pub const fn persister(&self) -> &Persister {
        &self.persister
    }

    /// Creates a sign-up under an id that was never used.
    ///
    /// # Errors
    /// See [`CallError`].
    pub async fn create(&self, id: SignUpId, create: Create) -> Result<SignUpReply, CallError> {
        self.call(id, true, |reply| SignUpMessage::Create { create: Box::new(create), reply }).await
    }

    /// Changes a sign-up of `client`; `terms` are those on which the caller may.
    ///
    /// # Errors
    /// See [`CallError`].
    pub async fn command(
        &self,
        id: SignUpId,
        client: ClientId,
        terms: Terms,
        command: Command,
    ) -> Result<SignUpReply, CallError> {
        self.call(id, false, |reply| SignUpMessage::Command { client, terms, command, reply }).await
    }

    /// Shows a sign-up.
    ///
    /// # Errors
    /// See [`CallError`].
    pub async fn read(&self, id: SignUpId, client: ClientId) -> Result<SignUpReply, CallError> {
        self.call(id, false, |reply| SignUpMessage::Read { client, reply }).await
    }

    /// This node's part in further work that one node does for all. Whoever takes it gives it back before the system stops.
    #[cfg(feature = "webhooks")]
    pub(crate) fn lease(&self, name: &str) -> Lease {
        Lease::keep(name, &self.context, &self.persister)
    }

    /// Writes messages without sending them.
    #[cfg(feature = "webhooks")]
    pub(crate) fn composer(&self, transports: Transports, templates: MessageTemplates) -> Composer {
        Composer::new(self.context.clone(), transports, templates)
    }

    /// Stops or starts a channel; the caller has stored that.
    pub fn switch_channel(&self, channel: Channel, is_paused: bool) {
        self.context.health(channel).set_paused(is_paused);
        if self.relay.send_message(RelayMessage::Switched(channel)).is_err() {
            tracing::debug!("the relay has stopped");
        }
    }

    /// How many sign-ups are awake.
    pub async fn awake(&self) -> usize {
        let mut sum = 0;
        for shard in &self.shards {
            let (reply, answer) = oneshot::channel();
            if shard.send_message(SupervisorMessage::CountAwake { reply: reply.into() }).is_ok() {
                sum += answer.await.unwrap_or(0);
            }
        }
        sum
    }

    /// Stops the actors in order: the shards with their sign-ups, the persister with its waiting commits, the relay
    /// with its deliveries in progress.
    pub async fn stop(&self) {
        self.sweeper.stop(None);
        self.following.stop();
        for shard in &self.shards {
            shard.drain_children_and_wait(Some(STOP_MAX)).await;
            wait("a shard", shard.drain_and_wait(Some(STOP_MAX)).await);
        }
        let (reply, answer) = oneshot::channel();
        if self.relay.send_message(RelayMessage::Rest(reply.into())).is_ok() {
            drop(answer.await);
        }
        join_all(self.following.leases().chain(&self.leases).map(Lease::give_back)).await;
        // An empty commit, which stores the time.
        let last = Commit { at: self.context.now(), relaxed: true, ..Commit::default() };
        if let Err(error) = self.persister.commit(last).await {
            tracing::debug!(%error, "the latest time could not be stored");
        }
        self.persister.drain().await;
        wait("the persister", self.persister_actor.drain_and_wait(Some(STOP_MAX)).await);
        self.context.event_log.end();
        wait("the relay", self.relay.stop_and_wait(None, Some(STOP_MAX)).await);
    }

    async fn call(
        &self,
        id: SignUpId,
        fresh: bool,
        message: impl FnOnce(super::sign_up::Reply) -> SignUpMessage,
    ) -> Result<SignUpReply, CallError> {
        let (reply, answer) = oneshot::channel();
        let route = SupervisorMessage::Route { id, fresh, message: message(reply.into()) };
        self.shard(id).send_message(route).map_err(|_| CallError::Unavailable)?;
        answer.await.unwrap_or(Err(CallError::Lost))
    }

    /// The shard of an id, by its last byte, which is random.
    fn shard(&self, id: SignUpId) -> &ActorRef<SupervisorMessage> {
        let last = id.as_bytes()[15];
        &self.shards[usize::from(last) % self.shards.len()]
    }
}

/// Logs when an actor did not end in time; the others are stopped all the same.
fn wait<E: std::fmt::Display>(who: &str, ended: Result<(), E>) {
    if let Err(error) = ended {
        tracing::warn!(who, %error, "an actor did not stop as expected");
    }
}

/// How long the sign-ups of one shard may take to finish their work.
const STOP_MAX: Duration = Duration::from_secs(10);

#[cfg(test)]
mod tests;
