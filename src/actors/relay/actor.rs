//! The relay's actor: gives each channel's messages to senders, and logs the state of the channels.

use std::collections::HashSet;
use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::time::Duration;

use futures_util::FutureExt as _;
use ractor::{Actor, ActorProcessingErr, ActorRef, RpcReplyPort};
use tokio::task::JoinSet;
use tokio::time::Instant;

use crate::actors::context::ActorContext;
use crate::actors::lease::Lease;
use crate::actors::outbox::channel_of;
use crate::actors::persister::Persister;
use crate::delivery::{Channel, ChannelHealth, MessageTemplates};
use crate::domain::id::MessageId;
use crate::domain::time::Timestamp;
use crate::store::{OutboxEntry, StoreError};

use super::failing::Failing;
use super::lane::{Change, Delivery, DeliveryEnd, Lane, Next};
use super::notices::Notices;
use super::others;
use super::sender::{Sender, Transports};

/// A message to the relay.
pub(in crate::actors) enum RelayMessage {
    /// The persister is running: begin with the messages that an earlier run left in the outbox.
    Resume(Persister, Lease),
    /// A commit stored this entry.
    Deliver(OutboxEntry),
    /// A page of the outbox was read.
    Page(Result<Vec<OutboxEntry>, StoreError>),
    /// A delivery that began at `begun` has ended.
    Finished { delivery: Delivery, begun: Instant, end: DeliveryEnd },
    /// The time has come at which a lane of a channel wanted to be asked again.
    Wake(Channel, usize, Instant),
    /// The channel was stopped or started by hand.
    Switched(Channel),
    /// Read the outbox.
    Read,
    /// Reply once no delivery is in progress.
    Rest(RpcReplyPort<()>),
    /// Waiting for that took too long.
    RestIsOver,
}

/// How messages are delivered.
pub(in crate::actors) struct Arguments {
    pub(in crate::actors) context: Arc<ActorContext>,
    pub(in crate::actors) transports: Transports,
    /// The texts of messages, without their secrets.
    pub(in crate::actors) templates: MessageTemplates,
}

pub(in crate::actors) struct RelayActor;

pub(in crate::actors) struct State {
    sender: Arc<Sender>,
    persister: Option<Persister>,
    /// Of nodes that share a store, one has the messages that others could not send.
    lease: Option<Lease>,
    /// Since when this node has them.
    has_outbox_since: Option<Instant>,
    /// Tells of its moves. It ends with the relay.
    looking: JoinSet<()>,
    email: ChannelState,
    sms: ChannelState,
    is_reading: bool,
    /// Messages that ended since the read of the present page began, which may still be on it.
    ended: HashSet<MessageId>,
    resting: Option<RpcReplyPort<()>>,
}

/// The lanes of a channel: that of the usual addresses, and one for each route of its transport.
struct ChannelState {
    lanes: Vec<LaneState>,
}

/// A lane and how it does.
struct LaneState {
    channel: Channel,
    /// The place in the lanes of its channel.
    place: usize,
    /// The route, such as `+49`, unless it is the lane of the usual addresses.
    route: Option<String>,
    lane: Lane,
    /// Whether a read of the outbox is for it too: it has messages there that found no room.
    wants_read: bool,
    /// When its timer will wake it.
    wake_at: Option<Instant>,
    /// Since when it fails, and when which reason was logged.
    failing: Option<Failing>,
}

impl Actor for RelayActor {
    type Msg = RelayMessage;
    type State = State;
    type Arguments = Arguments;

    async fn pre_start(&self, _: ActorRef<Self::Msg>, arguments: Arguments) -> Result<State, ActorProcessingErr> {
        let Arguments { context, transports, templates } = arguments;
        let options = &context.options;
        let channel_state = |channel| {
            let transport = transports.of(channel);
            let concurrency_max = options.deliveries_max.min(transport.at_once_max()).max(1);
            let lane = |(place, route)| LaneState {
                channel,
                place,
                route,
                lane: Lane::new(concurrency_max, options.messages_held_max),
                wants_read: true,
                wake_at: None,
                failing: None,
            };
            let routes = std::iter::once(None).chain(transport.routes().into_iter().map(Some));
            ChannelState { lanes: routes.enumerate().map(lane).collect() }
        };
        let (email, sms) = (channel_state(Channel::Email), channel_state(Channel::Sms));
        let sender = Sender { context, transports, templates, notices: Notices::default() };
        Ok(State {
            sender: Arc::new(sender),
            persister: None,
            lease: None,
            has_outbox_since: None,
            looking: JoinSet::new(),
            email,
            sms,
            is_reading: false,
            ended: HashSet::new(),
            resting: None,
        })
    }

    async fn handle(
        &self,
        myself: ActorRef<Self::Msg>,
        message: RelayMessage,
        state: &mut State,
    ) -> Result<(), ActorProcessingErr> {
        match message {
            RelayMessage::Resume(persister, lease) => {
                if lease.is_shared() {
                    state.looking.spawn(tell_of_moves(lease.clone(), myself.clone()));
                }
                state.persister = Some(persister);
                state.lease = Some(lease);
                state.read(&myself);
            }
            RelayMessage::Deliver(entry) => {
                let lane = state.lane_of(&entry);
                lane.lane.push(entry);
                let (channel, place) = (lane.channel, lane.place);
                state.advance(channel, place, &myself);
            }
            RelayMessage::Read => {
                state.pass_on_if_failing();
                // The running read may already be past the entries in question, so another read follows it.
                state.lanes().for_each(|lane| lane.lane.note_spilled());
                state.read(&myself);
            }
            RelayMessage::Page(page) => state.take(page, &myself),
            RelayMessage::Finished { delivery, begun, end } => {
                let lane = state.lane_of(&delivery.entry);
                let (channel, place) = (lane.channel, lane.place);
                if state.is_reading {
                    state.ended.insert(delivery.entry.id);
                }
                state.settle(delivery, begun, end);
                state.advance(channel, place, &myself);
            }
            RelayMessage::Wake(channel, place, at) => {
                // Replaced timers are not cancelled. Their messages do not match `armed`, so they do not start another
                // timer.
                if let Some(lane) = state.channel_state(channel).lanes.get_mut(place) {
                    lane.wake_at = lane.wake_at.filter(|armed| *armed != at);
                }
                state.give_up_expired(channel, place);
                state.advance(channel, place, &myself);
            }
            RelayMessage::Switched(channel) => {
                if !state.sender.context.health(channel).is_paused() {
                    state.sender.transports.of(channel).reset();
                    state.channel_state(channel).lanes.iter_mut().for_each(|lane| lane.lane.reset());
                }
                state.advance_all(channel, &myself);
            }
            RelayMessage::Rest(reply) => {
                state.resting = Some(reply);
                drop(myself.send_after(REST_MAX, || RelayMessage::RestIsOver));
                state.end_rest_if_possible();
            }
            RelayMessage::RestIsOver => {
                if let Some(reply) = state.resting.take() {
                    tracing::warn!("messages were still being sent; they stay in the outbox");
                    drop(reply.send(()));
                }
            }
        }
        Ok(())
    }
}

impl State {
    const fn channel_state(&mut self, channel: Channel) -> &mut ChannelState {
        match channel {
            Channel::Email => &mut self.email,
            Channel::Sms => &mut self.sms,
        }
    }

    fn lanes(&mut self) -> impl Iterator<Item = &mut LaneState> {
        self.email.lanes.iter_mut().chain(&mut self.sms.lanes)
    }

    /// The lane of a message.
    fn lane_of(&mut self, entry: &OutboxEntry) -> &mut LaneState {
        let channel = channel_of(entry);
        let route = self.sender.transports.of(channel).route(&entry.to().value);
        let lanes = &mut self.channel_state(channel).lanes;
        let place = route.map_or(0, |route| route + 1).min(lanes.len() - 1);
        &mut lanes[place]
    }

    /// Whether the messages in the outbox that other nodes can't send any more are for this node.
    fn has_outbox(&self) -> bool {
        self.lease.as_ref().is_some_and(Lease::is_held)
    }

    /// Leaves the messages of others to a node whose providers may be in reach. This node has tried them for a while then, so
    /// where no provider of any node works, each of them goes on to find out in turn.
    fn pass_on_if_failing(&mut self) {
        let Some(lease) = self.lease.clone().filter(|lease| lease.is_shared() && lease.is_held()) else {
            self.has_outbox_since = None;
            return;
        };
        let since = *self.has_outbox_since.get_or_insert_with(Instant::now);
        let fails = |failing: &Failing| failing.began.max(since).elapsed() > FAILS_FOR;
        if self.lanes().any(|lane| lane.failing.as_ref().is_some_and(fails)) {
            tracing::info!("messages of other nodes are left to another node: those of this one can't be sent");
            self.has_outbox_since = None;
            tokio::spawn(async move { lease.pass_on().await });
        }
    }

    /// Begins to read the outbox for the lanes that have messages there only, unless a read is running.
    fn read(&mut self, myself: &ActorRef<RelayMessage>) {
        if self.is_reading || !self.has_outbox() {
            return;
        }
        self.is_reading = true;
        for lane in self.lanes() {
            lane.wants_read = lane.lane.begin_read();
        }
        self.ask_for_page(None, myself);
    }

    fn ask_for_page(&mut self, after: Option<MessageId>, myself: &ActorRef<RelayMessage>) {
        self.ended.clear();
        let (store, myself) = (self.sender.context.store.clone(), myself.clone());
        tokio::spawn(async move {
            // A panic of the store must count as a failed read: without an answer no read would ever follow.
            let reading = tokio::spawn(async move { store.outbox(after, PAGE).await });
            let page = reading.await.unwrap_or_else(|_| Err(StoreError::Unavailable("the read was aborted".into())));
            drop(myself.send_message(RelayMessage::Page(page)));
        });
    }

    /// Puts a page into the lanes and goes on reading, unless all lanes are full that the read is for. A full lane does not
    /// stop the other ones.
    fn take(&mut self, page: Result<Vec<OutboxEntry>, StoreError>, myself: &ActorRef<RelayMessage>) {
        let page = match page {
            Ok(page) => page,
            Err(error) => {
                tracing::error!(%error, "the outbox could not be read; the read is tried again");
                self.is_reading = false;
                self.lanes().for_each(|lane| lane.lane.note_spilled());
                drop(myself.send_after(READ_PAUSE, || RelayMessage::Read));
                return;
            }
        };
        let last = page.last().map(|entry| entry.id);
        let is_end = page.len() < PAGE;
        let context = self.sender.context.clone();
        for entry in page {
            let has_ended = self.ended.contains(&entry.id) || others::may_send(&context, &entry);
            let state = self.lane_of(&entry);
            // The other lanes have all of theirs.
            if state.wants_read && !has_ended {
                state.lane.push(entry);
            }
        }
        if is_end {
            self.is_reading = false;
        } else if self.lanes().all(|lane| !lane.wants_read || lane.lane.is_full()) {
            self.is_reading = false;
            self.lanes().filter(|lane| lane.wants_read).for_each(|lane| lane.lane.note_spilled());
        } else {
            self.ask_for_page(last, myself);
        }
        self.advance_all(Channel::Email, myself);
        self.advance_all(Channel::Sms, myself);
    }

    fn advance_all(&mut self, channel: Channel, myself: &ActorRef<RelayMessage>) {
        for place in 0..self.channel_state(channel).lanes.len() {
            self.advance(channel, place, myself);
        }
    }

    /// Starts as many deliveries of a lane as are allowed now.
    fn advance(&mut self, channel: Channel, place: usize, myself: &ActorRef<RelayMessage>) {
        let (Some(persister), sender) = (self.persister.clone(), self.sender.clone()) else { return };
        let (is_resting, is_paused) = (self.resting.is_some(), sender.context.health(channel).is_paused());
        let has_outbox = self.has_outbox();
        let is_ours = |entry: &OutboxEntry| has_outbox || others::may_begin(&sender.context, entry);
        let channel_state = self.channel_state(channel);
        let Some(state) = channel_state.lanes.get_mut(place) else { return };
        loop {
            let now = Instant::now();
            if is_resting && (state.lane.is_failing() || is_paused) {
                break;
            }
            if is_paused {
                // Nothing is sent, but what expires is given up.
                if state.lane.waiting() > 0 {
                    state.wake(now + PAUSED_INTERVAL, now, myself);
                }
                break;
            }
            match state.lane.next(now) {
                Next::Deliver(delivery) if !is_ours(&delivery.entry) => state.lane.leave(&delivery),
                Next::Deliver(delivery) => deliver(delivery, now, sender.clone(), persister.clone(), myself.clone()),
                Next::WaitUntil(at) => {
                    state.wake(at, now, myself);
                    break;
                }
                Next::Wait => break,
            }
        }
        if sender.context.store.is_shared() && state.forget_failure(Instant::now(), myself) {
            channel_state.tell(sender.context.health(channel));
        }
        let Some(state) = channel_state.lanes.get_mut(place) else { return };
        let wants_more = state.lane.wants_more();
        sender.context.health(channel).set_waiting(channel_state.waiting());
        if wants_more && !is_resting {
            self.read(myself);
        }
        self.end_rest_if_possible();
    }

    fn settle(&mut self, delivery: Delivery, begun: Instant, end: DeliveryEnd) {
        let context = self.sender.context.clone();
        let (now, channel) = (Instant::now(), channel_of(&delivery.entry));
        let state = self.lane_of(&delivery.entry);
        match state.lane.finish(delivery, begun, end, now) {
            Change::None => return,
            Change::Failed { reason } => state.record_failure(&reason, context.now(), now),
            Change::Recovered => state.record_recovery(),
        }
        self.channel_state(channel).tell(context.health(channel));
    }

    /// While a lane fails or its channel is stopped, its messages wait long, and some expire.
    fn give_up_expired(&mut self, channel: Channel, place: usize) {
        let (Some(persister), sender) = (self.persister.clone(), self.sender.clone()) else { return };
        let Some(state) = self.channel_state(channel).lanes.get_mut(place) else { return };
        if state.failing.is_none() && !sender.context.health(channel).is_paused() {
            return;
        }
        let expired = state.lane.take_expired(sender.context.now());
        if !expired.is_empty() {
            if let Some(failing) = &mut state.failing {
                failing.expired += expired.len();
            }
            tokio::spawn(async move { sender.give_up(channel, expired, &persister).await });
        }
    }

    fn end_rest_if_possible(&mut self) {
        let context = self.sender.context.clone();
        let is_at_rest = self.lanes().all(|state| state.lane.is_at_rest(context.health(state.channel).is_paused()));
        if is_at_rest && let Some(reply) = self.resting.take() {
            drop(reply.send(()));
        }
    }
}

impl ChannelState {
    /// The number of messages here.
    fn waiting(&self) -> usize {
        self.lanes.iter().map(|state| state.lane.waiting()).sum()
    }

    /// Tells how it does.
    fn tell(&self, health: &ChannelHealth) {
        match self.failure() {
            Some((since, reason)) => health.record_failure(since, &reason),
            None => health.record_success(),
        }
    }

    /// Since when one of its lanes fails, and why; `None` if none does. That of the usual addresses is told first.
    fn failure(&self) -> Option<(Timestamp, String)> {
        let since = self.lanes.iter().filter_map(|state| state.failing.as_ref()).map(|failing| failing.since).min()?;
        let told = self.lanes.iter().find_map(|state| Some((&state.route, &state.failing.as_ref()?.last_reason)));
        let reason = told.map(|(route, reason)| match route {
            Some(route) => format!("numbers of the route {route}: {reason}"),
            None => reason.clone(),
        });
        Some((since, reason.unwrap_or_default()))
    }
}

impl LaneState {
    /// Has the lane asked again at this time, unless it is asked before.
    fn wake(&mut self, at: Instant, now: Instant, myself: &ActorRef<RelayMessage>) {
        if self.wake_at.is_none_or(|armed| at < armed) {
            self.wake_at = Some(at);
            let (channel, place) = (self.channel, self.place);
            drop(myself.send_after(at - now, move || RelayMessage::Wake(channel, place, at)));
        }
    }

    /// Forgets that the lane fails once nothing waits here and the last try is a while ago: nodes that share the outbox leave
    /// their messages to one of them, so no message here would show that the lane works again. Returns whether it did.
    fn forget_failure(&mut self, now: Instant, myself: &ActorRef<RelayMessage>) -> bool {
        let Some(failing) = self.failing.as_ref().filter(|_| self.lane.waiting() == 0) else { return false };
        let until = failing.counts_until();
        if now < until {
            self.wake(until, now, myself);
            return false;
        }
        self.lane.forget_failure();
        let (channel, route) = (self.channel, self.route.as_deref());
        tracing::info!(%channel, route, "it is not known any more whether messages can be sent from here: none waits");
        self.failing = None;
        true
    }

    /// Logs once that the lane fails, and again when the reason changes.
    fn record_failure(&mut self, reason: &str, at: Timestamp, now: Instant) {
        let (channel, waiting, route) = (self.channel, self.lane.waiting(), self.route.as_deref());
        let failing = self.failing.get_or_insert_with(|| {
            tracing::warn!(
                %channel, route, reason, waiting, "messages can't be sent; they are tried again until they expire"
            );
            Failing::begun(reason, at, now)
        });
        if failing.note_try(reason, now) {
            let tries = failing.tries;
            tracing::warn!(%channel, route, reason, waiting, tries, "messages still can't be sent, now for another reason");
        }
    }

    /// Logs that messages are delivered again, and what the failure has cost.
    fn record_recovery(&mut self) {
        let Some(Failing { began, tries, expired, .. }) = self.failing.take() else { return };
        let (channel, waiting, lasted_s) = (self.channel, self.lane.waiting(), began.elapsed().as_secs());
        let route = self.route.as_deref();
        tracing::info!(%channel, route, lasted_s, tries, expired, waiting, "messages can be sent again");
    }
}

/// Delivers a message in a task of its own. If the transport panics, the message is retried like after other failures.
fn deliver(
    delivery: Delivery,
    begun: Instant,
    sender: Arc<Sender>,
    persister: Persister,
    relay: ActorRef<RelayMessage>,
) {
    tokio::spawn(async move {
        let work = AssertUnwindSafe(sender.deliver_with_retry(&delivery, &persister)).catch_unwind();
        let end = work.await.unwrap_or_else(|_| DeliveryEnd::Unavailable {
            after: delivery.pause,
            reason: "the transport panicked".into(),
            hold: None,
        });
        if relay.send_message(RelayMessage::Finished { delivery, begun, end }).is_err() {
            tracing::debug!("the relay has stopped");
        }
    });
}

/// Tells the relay when the lease comes and goes, and while it is here again and again: what other nodes can't send appears in
/// the outbox without a sign.
async fn tell_of_moves(lease: Lease, relay: ActorRef<RelayMessage>) {
    loop {
        lease.held().await;
        if relay.send_message(RelayMessage::Read).is_err() {
            return;
        }
        // It is lost, or it is time to look again.
        drop(tokio::time::timeout(LOOKS_EVERY, lease.lost()).await);
    }
}

const PAGE: usize = 256;
/// For how long a lane fails until the messages of other nodes are left to another one.
const FAILS_FOR: Duration = Duration::from_secs(30);
/// How often the node that has the lease of the outbox looks at it.
const LOOKS_EVERY: Duration = Duration::from_secs(5);
/// How long after a failed read the next one begins.
const READ_PAUSE: Duration = Duration::from_secs(10);
/// How often messages of a channel that is stopped are looked at.
const PAUSED_INTERVAL: Duration = Duration::from_secs(30);
/// How long a shutdown waits for deliveries in progress.
const REST_MAX: Duration = Duration::from_secs(5);
