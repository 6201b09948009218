//! All connections: how many each source has, which ones make the server wait, and which one must leave when there is
//! no room or no time. This module knows neither sockets nor HTTP.
//!
//! Either the server works for a connection, or it waits for the peer: for a request, for the rest of one, or until the
//! peer takes an answer. Only connections that it waits for are asked to leave at once.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::ops::Bound;
use std::sync::atomic::{AtomicBool, AtomicU8, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::Notify;
use tokio::time::Instant;

use crate::config::Network;

/// All open connections of a server.
#[derive(Debug)]
pub(super) struct Connections {
    per_source_max: usize,
    uncounted: Vec<Network>,
    opened: Instant,
    table: Mutex<Table>,
}

#[derive(Debug, Default)]
struct Table {
    next: u64,
    sources: HashMap<Source, BTreeMap<u64, Arc<Connection>>>,
    /// The sources, ordered by the number of their connections.
    sizes: BTreeSet<(usize, Source)>,
    /// The source that was checked last in the search for room, among sources of one size.
    looked_at: Option<Source>,
}

/// An IPv4 address or an IPv6 /64, and whether it is counted. Sources that are not counted make room last.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
struct Source {
    ip: IpAddr,
    counted: bool,
}

/// The state of a connection.
#[derive(Debug)]
pub(super) struct Connection {
    opened: Instant,
    /// When a byte last moved, or the server last began to wait for the peer: milliseconds after `opened`.
    moved_ms: AtomicU64,
    working: AtomicBool,
    order: AtomicU8,
    ordered: Notify,
}

/// What a connection is asked to do. Later variants are stricter.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Order {
    /// Finish what has begun; leave when nothing moves for [`STUCK_AFTER`].
    Finish = 1,
    /// Finish what the server is working on; leave once it would wait for the peer.
    MakeRoom = 2,
    /// Leave at once.
    Leave = 3,
}

/// A place among the connections, given back when dropped.
#[derive(Debug)]
pub(super) struct Seat {
    connections: Arc<Connections>,
    source: Source,
    number: u64,
    connection: Arc<Connection>,
}

/// Marks that the server works for a connection, until dropped.
#[derive(Debug)]
pub(super) struct Work(Arc<Connection>);

impl Connections {
    /// No connections yet. A source may have `per_source_max` connections unless it is `uncounted`.
    pub(super) fn new(per_source_max: usize, uncounted: Vec<Network>) -> Self {
        Self { per_source_max, uncounted, opened: Instant::now(), table: Mutex::default() }
    }

    /// A seat for a connection from `ip`. Where that source has its full share, its connection that makes the server
    /// wait longest must leave for it; `None` where there is none.
    ///
    /// The server counts as working for the new connection until [`Seat::begin`].
    pub(super) fn enter(self: &Arc<Self>, ip: IpAddr) -> Option<Seat> {
        let source = self.source(ip);
        let mut table = self.lock();
        let present = table.sources.get(&source).map_or(0, BTreeMap::len);
        if source.counted && present >= self.per_source_max {
            let (_, leaving) = table.longest_awaited(source)?;
            table.remove(source, leaving)?.tell(Order::MakeRoom);
        }
        let connection = Arc::new(Connection {
            opened: self.opened,
            moved_ms: AtomicU64::new(0),
            working: AtomicBool::new(true),
            order: AtomicU8::new(NO_ORDER),
            ordered: Notify::new(),
        });
        let number = table.add(source, connection.clone());
        Some(Seat { connections: Arc::clone(self), source, number, connection })
    }

    /// Asks one connection to leave: of the sources with most connections, the one that makes the server wait longest.
    /// So a source that takes many places loses them first. Of many such sources only some are checked each time.
    pub(super) fn make_room(&self) {
        let mut table = self.lock();
        if let Some((source, number)) = table.one_that_makes_room()
            && let Some(connection) = table.remove(source, number)
        {
            connection.tell(Order::MakeRoom);
        }
    }

    /// Gives this order to all connections.
    pub(super) fn tell_all(&self, order: Order) {
        let table = self.lock();
        table.sources.values().flat_map(BTreeMap::values).for_each(|connection| connection.tell(order));
    }

    fn source(&self, ip: IpAddr) -> Source {
        let counted = !self.uncounted.iter().any(|network| network.contains(ip));
        let ip = match ip.to_canonical() {
            IpAddr::V6(ip) => IpAddr::V6(Ipv6Addr::from(u128::from(ip) >> 64 << 64)),
            ip => ip,
        };
        Source { ip, counted }
    }

    fn lock(&self) -> MutexGuard<'_, Table> {
        self.table.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Table {
    fn add(&mut self, source: Source, connection: Arc<Connection>) -> u64 {
        let number = self.next;
        self.next += 1;
        self.change(source, |of_source| drop(of_source.insert(number, connection)));
        number
    }

    fn remove(&mut self, source: Source, number: u64) -> Option<Arc<Connection>> {
        let mut removed = None;
        self.change(source, |of_source| removed = of_source.remove(&number));
        removed
    }

    fn change(&mut self, source: Source, change: impl FnOnce(&mut BTreeMap<u64, Arc<Connection>>)) {
        let of_source = self.sources.entry(source).or_default();
        // Sources that are not counted are ordered before all others.
        let size = |of_source: &BTreeMap<_, _>| if source.counted { of_source.len() } else { 0 };
        self.sizes.remove(&(size(of_source), source));
        change(of_source);
        if of_source.is_empty() {
            self.sources.remove(&source);
        } else {
            self.sizes.insert((size(of_source), source));
        }
    }

    fn one_that_makes_room(&mut self) -> Option<(Source, u64)> {
        let (most, _) = *self.sizes.last()?;
        let from = (most, self.looked_at.unwrap_or(FIRST));
        let round = self.sizes.range((Bound::Excluded(from), Bound::Unbounded));
        let round: Vec<Source> =
            round.chain(self.sizes.range((most, FIRST)..=from)).take(LOOK_AT).map(|s| s.1).collect();
        self.looked_at = round.last().copied();
        let awaited = |source: Source| self.longest_awaited(source).map(|(since, number)| (since, source, number));
        let found = round.into_iter().filter_map(awaited).min();
        let found = found.or_else(|| self.sizes.iter().rev().take(LOOK_AT).find_map(|(_, source)| awaited(*source)));
        found.map(|(_, source, number)| (source, number))
    }

    /// The connection of a source that makes the server wait longest: since when, and its number.
    fn longest_awaited(&self, source: Source) -> Option<(u64, u64)> {
        let of_source = self.sources.get(&source)?.iter();
        let awaited = of_source.filter(|(_, connection)| !connection.is_working());
        awaited.map(|(number, connection)| (connection.moved_ms.load(Ordering::Relaxed), *number)).min()
    }
}

impl Connection {
    /// Records that a byte moved.
    pub(super) fn moved(&self, now: Instant) {
        let since = now.saturating_duration_since(self.opened).as_millis();
        self.moved_ms.store(u64::try_from(since).unwrap_or(u64::MAX), Ordering::Relaxed);
    }

    /// Records that the server works for it.
    pub(super) fn work(self: &Arc<Self>) -> Work {
        self.working.store(true, Ordering::Relaxed);
        Work(Arc::clone(self))
    }

    /// Records, while the server works, whether it waits for more of the request.
    pub(super) fn wait_for_body(&self, waiting: bool) {
        self.working.store(!waiting, Ordering::Relaxed);
    }

    fn is_working(&self) -> bool {
        self.working.load(Ordering::Relaxed)
    }

    fn tell(&self, order: Order) {
        self.order.fetch_max(order as u8, Ordering::AcqRel);
        self.ordered.notify_one();
    }
}

impl Seat {
    /// The state of the connection.
    pub(super) const fn connection(&self) -> &Arc<Connection> {
        &self.connection
    }

    /// From now on the server waits for a request.
    pub(super) fn begin(&self) {
        self.connection.moved(Instant::now());
        self.connection.working.store(false, Ordering::Relaxed);
    }

    /// Returns when there is an order that is stricter than `known`.
    pub(super) async fn ordered(&self, known: Option<Order>) -> Order {
        loop {
            let order = match self.connection.order.load(Ordering::Acquire) {
                NO_ORDER => None,
                order if order == Order::Finish as u8 => Some(Order::Finish),
                order if order == Order::MakeRoom as u8 => Some(Order::MakeRoom),
                _ => Some(Order::Leave),
            };
            match order {
                Some(order) if known.is_none_or(|known| known < order) => return order,
                _ => self.connection.ordered.notified().await,
            }
        }
    }

    /// Whether the connection may be closed under this order.
    pub(super) fn may_leave(&self, order: Order) -> bool {
        let connection = &self.connection;
        let moved = Duration::from_millis(connection.moved_ms.load(Ordering::Relaxed));
        match order {
            Order::Finish => {
                !connection.is_working() && connection.opened.elapsed().saturating_sub(moved) >= STUCK_AFTER
            }
            Order::MakeRoom => !connection.is_working(),
            Order::Leave => true,
        }
    }
}

impl Drop for Seat {
    fn drop(&mut self) {
        // A connection that was asked to make room is not in the table any more.
        self.connections.lock().remove(self.source, self.number);
    }
}

impl Drop for Work {
    fn drop(&mut self) {
        self.0.moved(Instant::now());
        self.0.working.store(false, Ordering::Relaxed);
    }
}

/// At shutdown: a connection on which nothing has moved for this long is no longer waited for.
pub(super) const STUCK_AFTER: Duration = Duration::from_secs(1);
const NO_ORDER: u8 = 0;
/// The first source in the order of sources.
const FIRST: Source = Source { ip: IpAddr::V4(Ipv4Addr::UNSPECIFIED), counted: false };
/// How many sources are checked in a search for room, so that it takes the same time however many are connected.
const LOOK_AT: usize = 64;

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn whoever_has_most_connections_makes_room_and_of_those_the_one_waited_for_longest() {
        let connections = Arc::new(Connections::new(10, Vec::new()));
        let single = seat(&connections, "192.0.2.1").await;
        let many = [seat(&connections, "192.0.2.2").await, seat(&connections, "192.0.2.2").await];
        let moved = connections.opened + Duration::from_secs(60);
        many[0].connection.moved(moved);
        connections.make_room();
        assert_eq!((order(&single), order(&many[0]), order(&many[1])), (None, None, Some(Order::MakeRoom)));
        connections.make_room();
        assert_eq!((order(&single), order(&many[0])), (Some(Order::MakeRoom), None), "now both have one");
    }

    #[tokio::test(start_paused = true)]
    async fn nobody_leaves_for_whom_the_server_is_at_work() {
        let connections = Arc::new(Connections::new(10, Vec::new()));
        let entering = connections.enter(ip("192.0.2.1")).expect("a seat");
        let busy = seat(&connections, "192.0.2.1").await;
        let work = busy.connection.work();
        connections.make_room();
        assert_eq!((order(&entering), order(&busy)), (None, None));
        busy.connection.wait_for_body(true);
        connections.make_room();
        assert_eq!(order(&busy), Some(Order::MakeRoom));
        drop(work);
    }

    #[tokio::test(start_paused = true)]
    async fn a_source_has_its_share_and_no_more() {
        let connections = Arc::new(Connections::new(2, vec![ip("192.0.2.9").into()]));
        let first = seat(&connections, "2001:db8::1").await;
        let second = seat(&connections, "2001:db8::2").await;
        let work = (first.connection.work(), second.connection.work());
        assert!(connections.enter(ip("2001:db8::3")).is_none(), "the same /64");
        assert!(connections.enter(ip("2001:db8:0:1::3")).is_some(), "another /64");
        drop(work.1);
        assert!(connections.enter(ip("2001:db8::3")).is_some());
        assert_eq!((order(&first), order(&second)), (None, Some(Order::MakeRoom)));
        let proxied = [ip("192.0.2.9"); 3].map(|ip| connections.enter(ip));
        assert!(proxied.iter().all(Option::is_some), "proxies are not counted");
    }

    #[tokio::test(start_paused = true)]
    async fn seats_are_given_back() {
        let connections = Arc::new(Connections::new(1, Vec::new()));
        for _ in 0..3 {
            let seat = connections.enter(ip("192.0.2.1")).expect("a seat");
            assert!(connections.enter(ip("192.0.2.1")).is_none());
            drop(seat);
        }
        let table = connections.lock();
        assert!(table.sources.is_empty() && table.sizes.is_empty());
    }

    #[tokio::test(start_paused = true)]
    async fn at_the_end_only_those_are_waited_for_that_move() {
        let connections = Arc::new(Connections::new(10, Vec::new()));
        let stuck = seat(&connections, "192.0.2.1").await;
        let busy = seat(&connections, "192.0.2.1").await;
        let _work = busy.connection.work();
        tokio::time::advance(STUCK_AFTER).await;
        let moving = seat(&connections, "192.0.2.1").await;
        let may_leave = [&stuck, &busy, &moving].map(|seat| seat.may_leave(Order::Finish));
        assert_eq!(may_leave, [true, false, false]);
    }

    async fn seat(connections: &Arc<Connections>, from: &str) -> Seat {
        let seat = connections.enter(ip(from)).expect("a seat");
        seat.begin();
        seat
    }

    fn order(seat: &Seat) -> Option<Order> {
        match seat.connection.order.load(Ordering::Acquire) {
            NO_ORDER => None,
            order if order == Order::MakeRoom as u8 => Some(Order::MakeRoom),
            order => panic!("order {order}"),
        }
    }

    fn ip(text: &str) -> IpAddr {
        text.parse().expect("an address")
    }
}
