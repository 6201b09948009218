//! Equal concurrent calls: a double click, or a proxy that retries a request. The work is done once, and each call gets
//! its result. Two calls are equal when they present the same token and all their parameters, secrets included, are
//! equal. Callers without a token are different people, whatever they send. So are callers whose token was replaced too
//! long ago: each gets a new client.
//!
//! The calls share one future. Each of them polls it, so that it continues when the first caller disconnects, and it is
//! dropped with the last of them. A call that arrives later, with the token that the first one replaced, is still the
//! same call if all in it is equal: results of calls that replaced the token are remembered for a moment. Attempts don't
//! need this: a sign-up and a sign-in remember what proved them.
//!
//! A session and a new token are shown only to an equal call that contains a secret. An attacker who planted the token
//! can know everything else in a call. So an equal call without a secret, such as a second click on "send me a link",
//! is answered as the first one was, but without the new token, and only as long as nothing has followed.

use std::collections::{HashMap, VecDeque};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use aws_lc_rs::constant_time;
use futures_util::future::{BoxFuture, FutureExt, Shared, WeakShared};

use crate::actors::{Outcome, SignUpReply};
use crate::domain::client::Client;
use crate::domain::id::{ClientId, SessionId};
use crate::domain::sign_in::SignIn;
use crate::domain::sign_up::Phase;
use crate::domain::time::{Span, Timestamp};
use crate::limiter::LimitedAction;

use super::equal_calls::{Call, Digest};
use crate::engine::engine::Inner;
use crate::engine::{Caller, ClientView, Engine, EngineError, RequestContext, SignInView, SignUpView};

/// The result of a write: the flow that it is about, and the client.
pub(in crate::engine) type Written<V> = Result<(V, ClientView), EngineError>;

type Work<V> = Shared<BoxFuture<'static, Written<V>>>;

/// The calls in progress, and those that replaced a token a moment ago.
pub(in crate::engine) struct Flights<V>(Mutex<Table<V>>);

struct Table<V> {
    running: HashMap<Digest, Running<V>>,
    next_number: u64,
    landed: HashMap<Presented, Landed<V>>,
    by_age: VecDeque<(Timestamp, Presented)>,
}

/// A presented token: its client and its generation.
type Presented = (ClientId, u32);

struct Running<V> {
    /// Distinguishes it from a later call with the same key.
    number: u64,
    work: WeakShared<BoxFuture<'static, Written<V>>>,
}

/// The finished call that replaced a token.
struct Landed<V> {
    digest: Digest,
    value: V,
}

/// One call in progress.
struct Flight {
    engine: Engine,
    presented: Presented,
    digest: Digest,
    has_secret: bool,
    /// Whether its result is remembered.
    is_kept: bool,
    /// Whether it is never shared with another call, as for a call without a token.
    is_alone: bool,
}

/// A flight's entry in the table, removed on drop: when the work is done, or when the last caller has left.
struct Entry<V> {
    flight: Flight,
    number: u64,
    flights: fn(&Inner) -> &Flights<V>,
}

/// How a call starts.
enum Begun<V> {
    /// It is the first one with its key.
    First(Work<V>),
    /// An equal call is in progress.
    Beside(Work<V>),
    /// An equal call has completed with this result.
    After(V),
}

/// A result that a call can complete, and that can be shown again.
pub(in crate::engine) trait Completed: Clone + Send + Sync + 'static {
    /// The table of the calls of this kind.
    fn flights(inner: &Inner) -> &Flights<Self>;

    /// The session that was created, if any.
    fn session(&self) -> Option<SessionId>;

    /// The completing answer for a caller who repeats the call.
    fn shown_again(
        self,
        engine: &Engine,
        caller: &Caller,
        context: &RequestContext,
    ) -> impl Future<Output = Written<Self>> + Send;

    /// The answer of a call that replaced the token and completed nothing, for a caller who repeats the call without a
    /// secret. It has no token.
    fn shown_untold(
        self,
        engine: &Engine,
        caller: &Caller,
        context: &RequestContext,
    ) -> impl Future<Output = Written<Self>> + Send;
}

impl Engine {
    /// Does the work of a call, or waits for an equal call that is already in progress, and returns the result. Each of
    /// the equal calls holds a place of its own.
    ///
    /// # Errors
    /// [`EngineError::Overloaded`], and the errors of the work, for each of the equal calls.
    pub(in crate::engine) fn once<'a, V, F>(
        &'a self,
        caller: &'a Caller,
        call: &'a Call<'a>,
        context: &'a RequestContext,
        work: F,
    ) -> impl Future<Output = Written<V>> + 'a
    where
        V: Completed,
        F: Future<Output = Written<V>> + Send + 'static,
    {
        let work = work.boxed();
        self.admitted(async move {
            let flights = V::flights(&self.inner);
            let Some(presented) = caller.presented().filter(|_| !caller.is_new()) else { return work.await };
            let digest = self.inner.calls.digest(presented, call, context);
            let (has_secret, is_kept) = (call.has_secret(), call.is_kept());
            let is_alone = caller.known().is_none() && !caller.was_replaced();
            let flight = Flight { engine: self.clone(), presented, digest, has_secret, is_kept, is_alone };
            let begun = match flights.begin(flight, self.now(), work) {
                Begun::First(work) => return work.await,
                begun => begun,
            };
            // This call does no work, but it is answered, so it is counted.
            self.inner.admission.spend(LimitedAction::Write, context, self.now())?;
            let value = match begun {
                Begun::After(value) => value,
                Begun::First(work) | Begun::Beside(work) => {
                    let (value, client) = work.await?;
                    if client.client.generation == presented.1 {
                        return Ok((value, client));
                    }
                    value
                }
            };
            match has_secret {
                true => value.shown_again(self, caller, context).await,
                false => value.shown_untold(self, caller, context).await,
            }
        })
    }

    /// The work of a call that goes on when its first caller has left, so that it owns all it needs.
    pub(in crate::engine) fn owned<I, F>(
        &self,
        caller: &Caller,
        context: &RequestContext,
        input: &Arc<I>,
        work: impl FnOnce(Self, Caller, RequestContext, Arc<I>) -> F,
    ) -> F {
        work(self.clone(), caller.clone(), context.clone(), input.clone())
    }
}

impl<V> Flights<V> {
    pub(in crate::engine) fn new() -> Self {
        let (running, landed, by_age) = (HashMap::new(), HashMap::new(), VecDeque::new());
        Self(Mutex::new(Table { running, next_number: 0, landed, by_age }))
    }

    fn table(&self) -> MutexGuard<'_, Table<V>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl<V: Completed> Flights<V> {
    fn begin<F>(&self, flight: Flight, now: Timestamp, work: F) -> Begun<V>
    where
        F: Future<Output = Written<V>> + Send + 'static,
    {
        let mut table = self.table();
        table.forget_before(now);
        if let Some(value) = table.landed_like(flight.presented, &flight.digest, flight.has_secret) {
            return Begun::After(value);
        }
        if flight.is_alone {
            return Begun::First(work.boxed().shared());
        }
        let running = table.running.get(&flight.digest).and_then(|running| running.work.upgrade());
        if let Some(work) = running {
            return Begun::Beside(work);
        }
        let number = table.next_number;
        table.next_number = number.wrapping_add(1);
        let digest = flight.digest;
        let entry = Entry { flight, number, flights: V::flights };
        let work = entry.during(work).boxed().shared();
        if let Some(weak) = work.downgrade() {
            table.running.insert(digest, Running { number, work: weak });
        }
        Begun::First(work)
    }
}

impl<V> Table<V> {
    /// The result of the call that replaced this token, for the same call repeated. A different call with a secret
    /// removes it, so that a password can't be guessed here.
    fn landed_like(&mut self, presented: Presented, digest: &Digest, has_secret: bool) -> Option<V>
    where
        V: Clone,
    {
        let landed = self.landed.get(&presented)?;
        if constant_time::verify_slices_are_equal(&landed.digest, digest).is_ok() {
            return Some(landed.value.clone());
        }
        if has_secret {
            self.landed.remove(&presented);
        }
        None
    }

    fn land(&mut self, presented: Presented, landed: Landed<V>, now: Timestamp) {
        self.landed.insert(presented, landed);
        self.by_age.push_back((now, presented));
        if self.by_age.len() > LANDED_MAX
            && let Some((_, oldest)) = self.by_age.pop_front()
        {
            self.landed.remove(&oldest);
        }
    }

    fn forget_before(&mut self, now: Timestamp) {
        while let Some((at, presented)) = self.by_age.front().copied() {
            if now.since(at) <= KEPT {
                break;
            }
            self.by_age.pop_front();
            self.landed.remove(&presented);
        }
    }
}

impl<V: Completed> Entry<V> {
    async fn during(self, work: impl Future<Output = Written<V>>) -> Written<V> {
        let outcome = work.await;
        let Flight { engine, presented, digest, is_kept, .. } = &self.flight;
        if let Ok((value, client)) = &outcome
            && *is_kept
            && client.client.generation != presented.1
        {
            let landed = Landed { digest: *digest, value: value.clone() };
            (self.flights)(&engine.inner).table().land(*presented, landed, engine.now());
        }
        outcome
    }
}

impl<V> Drop for Entry<V> {
    fn drop(&mut self) {
        let mut table = (self.flights)(&self.flight.engine.inner).table();
        let running = table.running.get(&self.flight.digest);
        if running.is_some_and(|running| running.number == self.number) {
            table.running.remove(&self.flight.digest);
        }
    }
}

impl Completed for SignUpView {
    fn flights(inner: &Inner) -> &Flights<Self> {
        &inner.sign_up_flights
    }

    fn session(&self) -> Option<SessionId> {
        match self.value.phase {
            Phase::Complete { session_id, .. } => Some(session_id),
            Phase::Open => None,
        }
    }

    async fn shown_again(self, engine: &Engine, caller: &Caller, context: &RequestContext) -> Written<Self> {
        let session = self.session();
        let answer = SignUpReply { sign_up: self.value, outcome: Outcome::Again };
        let shown = engine.answered(caller, answer, context).await?;
        let is_there = |id| shown.1.sessions.iter().any(|seen| seen.session.id == id);
        if session.is_none_or(is_there) { Ok(shown) } else { Err(EngineError::TokenReplaced) }
    }

    async fn shown_untold(self, engine: &Engine, caller: &Caller, context: &RequestContext) -> Written<Self> {
        let (id, at) = (self.value.id, self.value.updated_at);
        let seen = engine.visible_untold(caller, at, |client| client.sign_up == Some(id)).await?;
        let sign_up = engine.view_sign_up(self.value, &seen);
        let client = engine.view_client_with(seen, Some(sign_up.clone()), context).await?;
        Ok((sign_up, client))
    }
}

impl Completed for SignInView {
    fn flights(inner: &Inner) -> &Flights<Self> {
        &inner.sign_in_flights
    }

    fn session(&self) -> Option<SessionId> {
        self.value.session()
    }

    async fn shown_again(self, engine: &Engine, caller: &Caller, context: &RequestContext) -> Written<Self> {
        let session = self.session().ok_or(EngineError::TokenReplaced)?;
        let seen = engine.visible_again(caller, session).await?;
        engine.shown_finished(self.value, seen, context).await?.ok_or(EngineError::TokenReplaced)
    }

    async fn shown_untold(self, engine: &Engine, caller: &Caller, context: &RequestContext) -> Written<Self> {
        let (stamp, at) = (self.value.stamp(), self.value.updated_at);
        let is_same = |client: &Client| client.sign_in.as_deref().map(SignIn::stamp) == Some(stamp);
        let seen = engine.visible_untold(caller, at, is_same).await?;
        engine.shown(self.value, seen, context).await
    }
}

/// How long results are remembered: as long as the old token is valid for the completing answer
/// ([guide: Replaced tokens](crate::guide::contract#replaced-tokens)).
const KEPT: Span = Span::from_secs(60);
/// How many results are remembered: as many passwords as a large machine can hash within that time.
const LANDED_MAX: usize = 16_384;

#[cfg(test)]
mod tests;
