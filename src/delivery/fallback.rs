//! A transport of several providers: asks them in order, and leaves alone for a while what fails.
//!
//! # What falls through to the next provider
//!
//! | the outcome of a provider | then |
//! |---|---|
//! | it is paused, or can't take such an address | the next one is asked |
//! | it could not be reached, failed, refused the login or the sender, or takes no more now | the next one is asked |
//! | it refused the address or the content | the message has failed: another provider would be told the same, and senders of what was refused lose their good name |
//! | it was silent after it had the message (`timeout`) | the message is tried again after a pause, by the next one first |
//!
//! The last line is a choice. A provider that has read a message and not answered may have accepted it. If the next one
//! got it at once, each answer that is a little late would send two messages to a person and be paid twice. But a code is
//! waited for. So the next try, a moment later, goes to the next provider: a message may arrive twice, with the same code,
//! but only where a provider was silent. If it goes on being silent, its breaker opens, and messages go to the next one at
//! once.
//!
//! # What a failure says about others
//!
//! The relay slows down what fails, and holds it while the transport asks for a pause. Each route is a group of its own
//! for that ([`Transport::routes`]): where its providers fail, its numbers wait and no others, and where the usual
//! order fails, the numbers of routes go on. Within a group the pause that one provider asks for is its own: a message
//! waits for the first provider of its order that may be asked again.

use std::collections::{BTreeMap, HashMap};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::Semaphore;
use tokio::time::Instant;

use crate::domain::id::MessageId;

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
    silent: Mutex<Silent>,
}

/// Which provider was silent about a message at its last try, and since when that is known.
type Silent = HashMap<MessageId, (usize, Instant)>;

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
        Self { providers, routes, usual, silent: Mutex::default() }
    }

    /// The places of the providers for this address.
    fn places(&self, to: &str) -> &[usize] {
        self.route(to).and_then(|route| self.routes.get(route)).map_or(&self.usual, |(_, order)| order)
    }

    /// The providers to ask for this message, each with its place. If none takes such an address, the first one says why.
    /// One that was silent about the message at its last try comes last.
    fn order(&self, message: &Message) -> Vec<(usize, &Provider)> {
        let places = self.places(&message.to).iter();
        let all: Vec<_> = places.filter_map(|place| Some((*place, self.providers.get(*place)?))).collect();
        let mut able: Vec<_> = all.iter().copied().filter(|(_, provider)| provider.transport.takes(message)).collect();
        if able.is_empty() {
            return all.into_iter().take(1).collect();
        }
        let silent = self.silent().get(&message.id).map(|(place, _)| *place);
        able.sort_by_key(|(place, _)| Some(*place) == silent);
        able
    }

    /// Notes that a provider had a message and was silent.
    fn note_silent(&self, message: MessageId, place: usize) {
        let (mut silent, now) = (self.silent(), Instant::now());
        if silent.len() >= SILENT_MAX {
            silent.retain(|_, (_, at)| now < *at + SILENT_KEPT);
        }
        // With so many at once, further ones are tried in the usual order.
        if silent.len() < SILENT_MAX || silent.contains_key(&message) {
            silent.insert(message, (place, now));
        }
    }

    fn silent(&self) -> MutexGuard<'_, Silent> {
        self.silent.lock().unwrap_or_else(PoisonError::into_inner)
    }

    async fn send(&self, message: &Message) -> Outcome {
        let order = self.order(message);
        let is_alone = self.providers.len() == 1;
        if let Some((_, first)) = order.first().filter(|(_, first)| !first.transport.takes(message)) {
            // It refuses the message without asking anybody, which says nothing of how the provider does.
            return first.transport.deliver(message).await;
        }
        let mut last = None;
        // Whether one of those before may take it later.
        let mut may_be_later = false;
        for (place, provider) in &order {
            let mut waiting = Waiting { fallback: self, message: message.id, place: *place, is_over: false };
            let tried = provider.try_to_send(message, is_alone).await;
            waiting.is_over = tried.as_ref().map_or(true, |outcome| !is_silence(outcome));
            drop(waiting);
            match tried {
                Ok(outcome) if falls_through(&outcome) => {
                    may_be_later |= !matches!(outcome, Outcome::Refused(_));
                    last = Some(outcome);
                }
                Ok(outcome) => {
                    last = Some(outcome);
                    may_be_later = false;
                    break;
                }
                Err(_) => may_be_later = true,
            }
        }
        let outcome = match last {
            Some(Outcome::Refused(failure)) if may_be_later => Outcome::Retry(failure),
            Some(outcome) => outcome,
            None => {
                let last = order.iter().find_map(|(_, provider)| provider.watched().reason.clone());
                let reason =
                    last.map_or_else(|| PAUSED.to_owned(), |reason| format!("{PAUSED}; the last time: {reason}"));
                Outcome::Unavailable(Failure::new(FailureClass::Unreachable, reason))
            }
        };
        if matches!(outcome, Outcome::Sent(_) | Outcome::Refused(_)) {
            self.silent().remove(&message.id);
        }
        // A message waits for the first provider that may be asked again.
        let wait = || self.shortest_pause(order.iter().map(|(_, provider)| *provider));
        match outcome {
            Outcome::Unavailable(failure) => Outcome::Unavailable(Failure { retry_after: wait(), ..failure }),
            Outcome::Retry(failure) if concerns_all(failure.class) => {
                Outcome::Retry(Failure { retry_after: wait(), ..failure })
            }
            outcome => outcome,
        }
    }

    /// For how long none of the providers of an order can be asked; `None` if one can be asked now.
    fn shortest_pause<'a>(&self, order: impl Iterator<Item = &'a Provider>) -> Option<Duration> {
        let is_alone = self.providers.len() == 1;
        let pauses: Option<Vec<Duration>> = order.map(|provider| provider.pause(is_alone)).collect();
        pauses?.into_iter().min()
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
        self.order(message).iter().any(|(_, provider)| provider.transport.takes(message))
    }

    fn routes(&self) -> Vec<String> {
        self.routes.iter().map(|(prefix, _)| prefix.clone()).collect()
    }

    fn route(&self, to: &str) -> Option<usize> {
        self.routes.iter().position(|(prefix, _)| to.starts_with(prefix))
    }

    fn reset(&self) {
        for provider in &self.providers {
            provider.watched().breaker.record_answer();
        }
    }

    fn providers(&self) -> Vec<ProviderStatus> {
        let is_alone = self.providers.len() == 1;
        self.providers.iter().map(|provider| provider.status(is_alone)).collect()
    }

    fn prepare_reports<'a>(&'a self, provider: &'a str, callback: &'a Callback<'a>) -> BoxFuture<'a, ()> {
        match self.providers.iter().find(|named| named.name == provider) {
            Some(named) => named.transport.prepare_reports(provider, callback),
            None => Box::pin(std::future::ready(())),
        }
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
        Ok(self.record(outcome, admission, is_alone))
    }

    fn admit(&self, is_alone: bool) -> Result<Admission, Duration> {
        let breaker = &mut self.watched().breaker;
        match breaker.admit(Instant::now()) {
            Err(_) if is_alone && !breaker.is_asked() => Ok(Admission::Open),
            admission => admission,
        }
    }

    /// For how long it can't be asked, if it is paused.
    fn pause(&self, is_alone: bool) -> Option<Duration> {
        match self.status(is_alone).state {
            ProviderState::Paused(wait) => Some(wait),
            ProviderState::Working | ProviderState::Probing => None,
        }
    }

    fn record(&self, mut outcome: Outcome, admission: Admission, is_alone: bool) -> Outcome {
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
                    let asked = failure.retry_after.map(|asked| if is_alone { asked.min(ALONE_MAX) } else { asked });
                    failure.retry_after = asked;
                    watched.breaker.record_failure(admission, failure.class, asked, Instant::now());
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

/// A message that a provider has. If its answer is no longer waited for, for example at the relay's own deadline, the
/// provider counts as silent.
struct Waiting<'a> {
    fallback: &'a Fallback,
    message: MessageId,
    place: usize,
    is_over: bool,
}

impl Drop for Waiting<'_> {
    fn drop(&mut self) {
        if !self.is_over {
            self.fallback.note_silent(self.message, self.place);
        }
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

/// Whether a provider had the message and did not answer.
const fn is_silence(outcome: &Outcome) -> bool {
    match outcome {
        Outcome::Sent(_) => false,
        Outcome::Retry(failure) | Outcome::Unavailable(failure) | Outcome::Refused(failure) => {
            matches!(failure.class, FailureClass::Timeout)
        }
    }
}

/// Whether a failure is one of the provider or its account, and not of the message.
const fn concerns_all(class: FailureClass) -> bool {
    !matches!(class, FailureClass::Address | FailureClass::Content)
}

/// The longest pause that a provider can ask for which is the only one of its channel. It leaves time for most codes.
const ALONE_MAX: Duration = Duration::from_secs(120);
/// For how many messages at a time it is known which provider was silent, and for how long after its silence: longer than
/// the longest pause between two tries.
const SILENT_MAX: usize = 10_000;
const SILENT_KEPT: Duration = Duration::from_secs(300);
const PAUSED: &str = "no provider takes messages now: each has failed and is left alone for a while";
