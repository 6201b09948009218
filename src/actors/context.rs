//! What all actors share.

use std::sync::{Arc, PoisonError, RwLock};
use std::time::Duration;

use crate::clock::Clock;
use crate::delivery::{Channel, ChannelHealth};
use crate::domain::context::Context;
use crate::domain::identifier::Identifier;
use crate::domain::policy::Policy;
use crate::domain::ports::{Entropy, KeyedDigest, Sealer};
use crate::domain::settings::Settings;
use crate::domain::time::Timestamp;
use crate::entropy::Seeds;
use crate::store::{Store, StoreError};

use super::event_log::EventLog;
use super::hook::Hooked;
use super::last_seen::LastSeen;
use super::limited::LimitedCounts;

/// What all actors share. Cheap to clone; only the settings can change.
pub struct ActorContext {
    /// The store.
    pub store: Arc<dyn Store>,
    /// The clock.
    pub clock: Arc<dyn Clock>,
    /// Digests under the instance key.
    pub digest: Arc<dyn KeyedDigest>,
    /// Seals the secrets of messages under the instance key.
    pub sealer: Arc<dyn Sealer>,
    /// Limits and lifetimes that the operator configured.
    pub policy: Policy,
    /// The last time that was stored with the data.
    pub last_seen: Arc<LastSeen>,
    /// The messages that a limit refused, until an event tells of them.
    pub limited: LimitedCounts,
    /// How readers of the events hear of new ones.
    pub event_log: Arc<EventLog>,
    /// The options of the actors.
    pub options: ActorOptions,
    /// What is asked before a sign-up becomes a user.
    pub hook: Option<Hooked>,
    /// What is told of each message that its transport has taken.
    pub on_sent: Option<OnSent>,
    email: ChannelHealth,
    sms: ChannelHealth,
    settings: RwLock<Arc<Settings>>,
    seeds: Seeds,
}

/// Hears of the addresses of messages that were sent, and when.
pub type OnSent = Arc<dyn Fn(&Identifier, Timestamp) + Send + Sync>;

/// The options of the actors.
#[derive(Clone, Debug)]
pub struct ActorOptions {
    /// The number of shards; the number of cores is a good choice.
    pub shards: usize,
    /// How long a sign-up without requests stays in memory before passivation.
    pub passivate_after: Duration,
    /// How many commits may wait for the persister.
    pub commits_waiting_max: usize,
    /// How many calls may be in flight on one sign-up.
    pub calls_per_sign_up_max: u64,
    /// The time between two runs of the sweeper.
    pub sweep_interval: Duration,
    /// How many messages of one channel are delivered at the same time.
    pub deliveries_max: usize,
    /// How many messages of one channel are held in memory; more stay in the outbox until there is room.
    pub messages_held_max: usize,
    /// How long a transport may take for one message; after that the delivery counts as failed.
    pub delivery_timeout: Duration,
    /// On a store that nodes share, after how long without a sign another node takes over the work of a node that does it for
    /// all ([guide: Many nodes](crate::guide::nodes)).
    pub lease: Duration,
    /// On a store that nodes share, for how long a sign-up in memory is shown without a look at the store. Zero is right where
    /// the requests of one browser may come to any node.
    pub read_lease: Duration,
}

impl Default for ActorOptions {
    fn default() -> Self {
        Self {
            shards: std::thread::available_parallelism().map_or(2, usize::from),
            passivate_after: Duration::from_secs(60),
            commits_waiting_max: 4096,
            calls_per_sign_up_max: 64,
            sweep_interval: Duration::from_secs(5),
            deliveries_max: 64,
            // If a mail server is down for hours, this costs some megabytes of memory.
            messages_held_max: 10_000,
            delivery_timeout: Duration::from_secs(60),
            lease: Duration::from_secs(10),
            read_lease: Duration::ZERO,
        }
    }
}

impl ActorContext {
    /// A context from its parts.
    #[expect(clippy::too_many_arguments, reason = "each part is of a type of its own and named at the one call")]
    pub fn new(
        store: Arc<dyn Store>,
        clock: Arc<dyn Clock>,
        digest: Arc<dyn KeyedDigest>,
        sealer: Arc<dyn Sealer>,
        entropy: Box<dyn Entropy + Send>,
        settings: Settings,
        policy: Policy,
        options: ActorOptions,
    ) -> Self {
        let settings = RwLock::new(Arc::new(settings));
        let (email, sms) = (ChannelHealth::new(Channel::Email), ChannelHealth::new(Channel::Sms));
        let (last_seen, seeds) = (Arc::default(), Seeds::from_source(entropy));
        let event_log = Arc::new(EventLog::new(policy.record_events));
        let (hook, on_sent) = (None, None);
        Self {
            store,
            clock,
            digest,
            sealer,
            policy,
            last_seen,
            limited: LimitedCounts::default(),
            event_log,
            options,
            hook,
            on_sent,
            email,
            sms,
            settings,
            seeds,
        }
    }

    /// The time.
    pub fn now(&self) -> Timestamp {
        self.clock.now()
    }

    /// The state of a channel.
    pub const fn health(&self, channel: Channel) -> &ChannelHealth {
        match channel {
            Channel::Email => &self.email,
            Channel::Sms => &self.sms,
        }
    }

    /// Reads which channels were stopped by hand.
    ///
    /// # Errors
    /// When that can't be read.
    pub async fn read_switches(&self) -> Result<(), StoreError> {
        for channel in [Channel::Email, Channel::Sms] {
            let is_paused = self.stored_switch(channel).await?;
            self.health(channel).set_paused(is_paused);
            if is_paused {
                warn_of_paused(channel);
            }
        }
        Ok(())
    }

    /// Whether a channel was stopped by hand, as it is stored.
    ///
    /// # Errors
    /// When that can't be read.
    pub async fn stored_switch(&self, channel: Channel) -> Result<bool, StoreError> {
        let stored = self.store.value(&switch_name(channel)).await?;
        Ok(stored.is_some_and(|bytes| bytes == [1]))
    }

    /// The settings in force.
    pub fn settings(&self) -> Arc<Settings> {
        self.settings.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Replaces the settings, for sign-ups in progress too.
    pub fn replace_settings(&self, settings: Settings) {
        *self.settings.write().unwrap_or_else(PoisonError::into_inner) = Arc::new(settings);
    }

    /// Runs a decision with a context of this moment. Decisions do not wait for each other.
    pub fn decide<T>(&self, decision: impl FnOnce(&mut Context<'_>) -> T) -> T {
        let settings = self.settings();
        let mut entropy = self.seeds.decision();
        decision(&mut Context {
            now: self.now(),
            settings: &settings,
            policy: &self.policy,
            entropy: &mut entropy,
            digest: &*self.digest,
        })
    }
}

/// The name of the value that says whether a channel was stopped by hand: 1 or 0.
pub fn switch_name(channel: Channel) -> String {
    format!("paused:{channel}")
}

/// Warns of a channel that was stopped by hand.
pub fn warn_of_paused(channel: Channel) {
    tracing::warn!(
        %channel,
        "a channel is stopped by hand: its messages wait until they expire; `vestibule messages resume {channel}` starts it"
    );
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc;
    use std::time::Duration;

    use crate::actors::test_support::{World, client_id, creation, sign_up_id};
    use crate::domain::sign_up::SignUp;
    use crate::entropy::{DecisionEntropy, Seed, SeededEntropy};

    use super::*;

    #[tokio::test]
    async fn a_decision_does_not_wait_for_another_one() {
        let context = World::new().context();
        let ((to_second, first), (to_first, second)) = (mpsc::channel(), mpsc::channel());
        let meet = |here: mpsc::Sender<()>, there: mpsc::Receiver<()>| {
            let context = context.clone();
            std::thread::spawn(move || {
                context.decide(|cx| {
                    cx.entropy.fill(&mut [0; 16]);
                    here.send(()).expect("the other thread listens");
                    there.recv_timeout(Duration::from_secs(30)).is_ok()
                })
            })
        };
        for thread in [meet(to_second, second), meet(to_first, first)] {
            assert!(thread.join().expect("no panic"), "both are inside at once");
        }
    }

    #[tokio::test]
    async fn a_decision_is_made_again_from_its_seed() {
        let world = World::new();
        let (context, create) = (world.context(), creation(1, "ada@example.com"));
        let decide = |cx: &mut Context<'_>| SignUp::create(sign_up_id(1), client_id(1), &create.fields, None, cx);
        let made = context.decide(decide).expect("a sign-up");
        let mut seed = Seed::default();
        SeededEntropy::new(world.now().as_millis()).fill(&mut *seed);
        let again = decide(&mut Context {
            now: made.next.created_at,
            settings: &context.settings(),
            policy: &context.policy,
            entropy: &mut DecisionEntropy::from_seed(seed),
            digest: &*context.digest,
        });
        assert_eq!(again.expect("the same sign-up").next, made.next);
    }
}
