//! A transport of several providers: asks them in order, and leaves alone for a while what fails.
//!
//! # What falls through to the next provider
//!
//! | the outcome of a provider | then |
//! |---|---|
//! | it is paused, or can't take such an address | the next one is asked |
//! | it could not be reached, failed, refused the login or the sender, or takes no more now | the next one is asked |
//! | it refused the address or the content | the message has failed: another provider would be told the same, and senders of what was refused lose their good name |
//! | it was silent after it had the message (`timeout`) | the message is tried again later, not by the next one now |
//!
//! The last line is a choice. A provider that has read a message and not answered may have accepted it. If the next one
//! got it at once, each slow answer of the first would send two messages to a person and be paid twice. The relay tries it
//! again after its pause: the same provider finds the repetition by its idempotency key, where its API has one. If a
//! provider goes on being silent, its breaker opens, and messages go to the next one. So a message may arrive twice, with
//! the same code, but only around an outage.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::Semaphore;
use tokio::time::Instant;

use super::breaker::{Admission, Breaker};
use super::{
    BoxFuture, Callback, CallbackError, Failure, FailureClass, Message, Outcome, ProviderState, ProviderStatus, Report,
    Transport,
};

/// Sends by the first of several providers that works.
pub struct Fallback {
    providers: Vec<Provider>,
    routes: Vec<(String, Vec<usize>)>,
    /// The order for messages without a route.
    usual: Vec<usize>,
}

/// A provider's transport and its name in the configuration.
#[derive(Clone)]
pub struct NamedTransport {
    /// The name, such as `resend`. Reports and the state of providers use it.
    pub name: &'static str,
    /// How it sends.
    pub transport: Arc<dyn Transport>,
}

/// The providers for addresses that begin so.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Route {
    /// The beginning of normalised addresses, such as `+49`. The longest one that fits decides.
    pub prefix: String,
    /// Names of providers, in the order in which they are asked.
    pub providers: Vec<&'static str>,
}

struct Provider {
    name: &'static str,
    transport: Arc<dyn Transport>,
    /// Messages that it may get at the same time; `None` for any number.
    places: Option<Semaphore>,
    watched: Mutex<Watched>,
}

#[derive(Default)]
struct Watched {
    breaker: Breaker,
    sent: u64,
    failures: BTreeMap<FailureClass, u64>,
    reason: Option<String>,
}

impl Fallback {
    /// Asks `providers` in this order, or in that of the route that fits. `usual` are the names for messages without a
    /// route; unknown names are left out.
    pub fn new(providers: Vec<NamedTransport>, usual: &[&'static str], routes: &[Route]) -> Self {
        let providers: Vec<Provider> = providers.into_iter().map(Provider::new).collect();
        let places = |names: &[&'static str]| {
            let place = |name: &&'static str| providers.iter().position(|provider| provider.name == *name);
            names.iter().filter_map(place).collect::<Vec<_>>()
        };
        let mut routes: Vec<_> = routes.iter().map(|route| (route.prefix.clone(), places(&route.providers))).collect();
        // The longest prefix first.
        routes.sort_by_key(|(prefix, _)| std::cmp::Reverse(prefix.len()));
        let usual = places(usual);
        Self { providers, routes, usual }
    }

    /// The providers to ask for this message. If none takes such an address, the first one says why.
    fn order(&self, message: &Message) -> Vec<&Provider> {
        let route = self.routes.iter().find(|(prefix, _)| message.to.starts_with(prefix));
        let order = route.map_or(&self.usual, |(_, order)| order);
        let all: Vec<&Provider> = order.iter().filter_map(|place| self.providers.get(*place)).collect();
        let able: Vec<&Provider> = all.iter().copied().filter(|provider| provider.transport.takes(message)).collect();
        if able.is_empty() { all.into_iter().take(1).collect() } else { able }
    }

    async fn send(&self, message: &Message) -> Outcome {
        let order = self.order(message);
        let is_alone = order.len() == 1;
        let mut last = None;
        let mut soonest: Option<Duration> = None;
        for provider in order {
            match provider.try_to_send(message, is_alone).await {
                Ok(outcome) if falls_through(&outcome) => last = Some(outcome),
                Ok(outcome) => return outcome,
                Err(wait) => soonest = Some(soonest.map_or(wait, |before| before.min(wait))),
            }
        }
        last.unwrap_or_else(|| {
            let mut failure = Failure::new(FailureClass::Unreachable, PAUSED);
            failure.retry_after = soonest.filter(|wait| !wait.is_zero());
            Outcome::Unavailable(failure)
        })
    }
}

impl Transport for Fallback {
    fn deliver<'a>(&'a self, message: &'a Message) -> BoxFuture<'a, Outcome> {
        Box::pin(self.send(message))
    }

    /// As many as the provider that takes the most; each gets no more than it takes.
    fn at_once_max(&self) -> usize {
        self.providers.iter().map(|provider| provider.transport.at_once_max()).max().unwrap_or(1)
    }

    fn takes(&self, message: &Message) -> bool {
        self.order(message).iter().any(|provider| provider.transport.takes(message))
    }

    fn providers(&self) -> Vec<ProviderStatus> {
        let is_alone = self.providers.len() == 1;
        self.providers.iter().map(|provider| provider.status(is_alone)).collect()
    }

    fn reports(&self, provider: &str, callback: &Callback<'_>) -> Option<Result<Vec<Report>, CallbackError>> {
        let named = self.providers.iter().find(|named| named.name == provider)?;
        named.transport.reports(provider, callback)
    }
}

impl Provider {
    fn new(named: NamedTransport) -> Self {
        let NamedTransport { name, transport } = named;
        let places = transport.at_once_max();
        let places = (places < Semaphore::MAX_PERMITS).then(|| Semaphore::new(places.max(1)));
        Self { name, transport, places, watched: Mutex::default() }
    }

    /// Gives it the message, unless it is paused. One that is alone is paused only where it asked for it: there is no
    /// other one to ask meanwhile, and the relay probes a channel that fails by itself.
    ///
    /// # Errors
    /// How long it is paused.
    async fn try_to_send(&self, message: &Message, is_alone: bool) -> Result<Outcome, Duration> {
        // Never closed, so that there is always a permit in the end.
        let _place = match &self.places {
            Some(places) => places.acquire().await.ok(),
            None => None,
        };
        let admission = self.admit(is_alone)?;
        let mut under_way = UnderWay { provider: self, admission, is_over: false };
        let outcome = self.transport.deliver(message).await;
        under_way.is_over = true;
        Ok(self.record(outcome, admission))
    }

    fn admit(&self, is_alone: bool) -> Result<Admission, Duration> {
        let breaker = &mut self.watched().breaker;
        match breaker.admit(Instant::now()) {
            Err(_) if is_alone && !breaker.is_asked() => Ok(Admission::Open),
            admission => admission,
        }
    }

    fn record(&self, mut outcome: Outcome, admission: Admission) -> Outcome {
        let mut watched = self.watched();
        match &mut outcome {
            Outcome::Sent(receipt) => {
                receipt.provider = self.name;
                watched.sent += 1;
                watched.reason = None;
                watched.breaker.record_answer();
            }
            Outcome::Retry(failure) | Outcome::Unavailable(failure) | Outcome::Refused(failure) => {
                *watched.failures.entry(failure.class).or_default() += 1;
                watched.reason = Some(failure.reason.clone());
                if concerns_all(failure.class) {
                    watched.breaker.record_failure(admission, failure.class, failure.retry_after, Instant::now());
                } else {
                    watched.breaker.record_answer();
                }
            }
        }
        outcome
    }

    fn status(&self, is_alone: bool) -> ProviderStatus {
        let watched = self.watched();
        let state = match watched.breaker.state(Instant::now()) {
            // It still gets messages: see `try_to_send`.
            ProviderState::Paused(_) if is_alone && !watched.breaker.is_asked() => ProviderState::Probing,
            state => state,
        };
        let (failures, reason) = (watched.failures.clone(), watched.reason.clone());
        ProviderStatus { name: self.name, state, sent: watched.sent, failures, reason }
    }

    fn watched(&self) -> MutexGuard<'_, Watched> {
        self.watched.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A delivery under way. If it is given up, for example at the relay's own deadline, a probe ends with it.
struct UnderWay<'a> {
    provider: &'a Provider,
    admission: Admission,
    is_over: bool,
}

impl Drop for UnderWay<'_> {
    fn drop(&mut self) {
        if !self.is_over {
            let mut watched = self.provider.watched();
            *watched.failures.entry(FailureClass::Timeout).or_default() += 1;
            watched.breaker.record_failure(self.admission, FailureClass::Timeout, None, Instant::now());
        }
    }
}

/// Whether the next provider is asked after this outcome.
fn falls_through(outcome: &Outcome) -> bool {
    match outcome {
        Outcome::Sent(_) => false,
        Outcome::Retry(failure) | Outcome::Unavailable(failure) | Outcome::Refused(failure) => {
            concerns_all(failure.class) && failure.class != FailureClass::Timeout
        }
    }
}

/// Whether a failure is one of the provider or its account, and not of the message.
const fn concerns_all(class: FailureClass) -> bool {
    !matches!(class, FailureClass::Address | FailureClass::Content)
}

const PAUSED: &str = "no provider takes messages now: each has failed and is left alone for a while";
