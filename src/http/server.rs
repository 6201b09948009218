//! Sockets and connections: limited in number and in time, drained at shutdown. The server does not interpret requests.
//! hyper itself answers unreadable heads with 400 or 431, without a body, and closes the connection.
//!
//! `connections` decides which connection must be closed when there is no room; `stream` limits how slowly an answer
//! may be taken.

mod connections;
mod received;
mod stream;
mod trouble;

use std::convert::Infallible;
use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http_body_util::Full;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper::{Request, Response};
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::net::{TcpListener, TcpSocket, TcpStream};
use tokio::sync::{OwnedSemaphorePermit, Semaphore, watch};
use tokio::task::JoinSet;
use tokio::time::{sleep, timeout};

use crate::config::Network;

use super::pace::Pace;
use super::{App, HttpOptions, HttpService};
use connections::{Connections, Order, Seat};
use received::Received;
use stream::WatchedStream;
use trouble::{Failures, Trouble};

/// A server that has its sockets but does not serve yet.
#[derive(Debug)]
pub struct BoundServer {
    listeners: Vec<TcpListener>,
    limits: Limits,
}

#[derive(Clone, Debug)]
struct Limits {
    header_timeout: Duration,
    write_timeout: Duration,
    min_bytes_per_s: u32,
    drain_timeout: Duration,
    connections: usize,
    connections_per_source: usize,
    uncounted: Vec<Network>,
}

/// Opens the sockets. For `127.0.0.1` it also listens on the same port of `[::1]`, where there is IPv6: `localhost`
/// means either of them.
///
/// # Errors
/// When an address can't be listened on.
pub async fn bind(options: &HttpOptions) -> io::Result<BoundServer> {
    let mut listeners = Vec::new();
    for address in &options.listen {
        let has_twin = address.ip() == IpAddr::V4(Ipv4Addr::LOCALHOST) && !options.listen.iter().any(|a| a.is_ipv6());
        if has_twin {
            listeners.extend(bind_loopback(*address)?);
        } else {
            listeners.push(listen(*address)?);
        }
    }
    if listeners.is_empty() {
        return Err(io::Error::new(io::ErrorKind::InvalidInput, "no address to listen on"));
    }
    Ok(BoundServer {
        listeners,
        limits: Limits {
            header_timeout: options.header_timeout,
            write_timeout: options.write_timeout,
            min_bytes_per_s: options.min_bytes_per_s,
            drain_timeout: options.drain_timeout,
            connections: options.max_connections.clamp(1, Semaphore::MAX_PERMITS.min(u32::MAX as usize)),
            connections_per_source: options.max_connections_per_source.max(1),
            uncounted: options.trusted_proxies.clone(),
        },
    })
}

impl BoundServer {
    /// The addresses it listens on, with their actual ports.
    pub fn local_addrs(&self) -> Vec<SocketAddr> {
        let addresses = self.listeners.iter().map(TcpListener::local_addr);
        addresses.filter_map(Result::ok).collect()
    }

    /// Serves `app` until `shutdown` resolves. Then it accepts no further connections, closes idle and stuck ones, and
    /// waits for the answers in progress, at most as long as the options say.
    pub async fn serve(self, app: Arc<App>, shutdown: impl Future<Output = ()>) {
        let service = HttpService::new(app);
        self.serve_with(
            move |request, peer| {
                let service = service.clone();
                async move { service.respond(request, peer).await }
            },
            shutdown,
        )
        .await;
    }

    async fn serve_with<H, F>(self, handler: H, shutdown: impl Future<Output = ()>)
    where
        H: Fn(Request<Received>, SocketAddr) -> F + Clone + Send + Sync + 'static,
        F: Future<Output = Response<Full<Bytes>>> + Send + 'static,
    {
        let Self { listeners, limits } = self;
        let places = Arc::new(Semaphore::new(limits.connections));
        let connections = Arc::new(Connections::new(limits.connections_per_source, limits.uncounted.clone()));
        let (closing, closed) = watch::channel(false);
        let mut doors = JoinSet::new();
        for listener in listeners {
            let acceptor = Acceptor {
                places: Arc::clone(&places),
                connections: Arc::clone(&connections),
                limits: limits.clone(),
                handler: handler.clone(),
            };
            let mut closed = closed.clone();
            doors.spawn(async move {
                tokio::select! {
                    () = acceptor.keep(&listener) => {}
                    _ = closed.wait_for(|closed| *closed) => {}
                }
            });
        }
        shutdown.await;
        closing.send_replace(true);
        while doors.join_next().await.is_some() {}
        connections.tell_all(Order::Finish);
        // All permits are free again once every connection is closed.
        let all = u32::try_from(limits.connections).unwrap_or(u32::MAX);
        if timeout(limits.drain_timeout, places.acquire_many(all)).await.is_err() {
            let cut_off = limits.connections - places.available_permits();
            tracing::warn!(connections = cut_off, "some answers took too long and were cut off");
            connections.tell_all(Order::Leave);
        }
    }
}

/// One listener with everything that its connections need.
struct Acceptor<H> {
    places: Arc<Semaphore>,
    connections: Arc<Connections>,
    limits: Limits,
    handler: H,
}

impl<H, F> Acceptor<H>
where
    H: Fn(Request<Received>, SocketAddr) -> F + Clone + Send + Sync + 'static,
    F: Future<Output = Response<Full<Bytes>>> + Send + 'static,
{
    async fn keep(&self, listener: &TcpListener) {
        let mut failures = Failures::default();
        loop {
            match listener.accept().await {
                Ok((stream, peer)) => {
                    failures.end();
                    // Without a seat it is closed here: its source has its full share of connections, and all of them
                    // are working.
                    if let Some(seat) = self.connections.enter(peer.ip())
                        && let Some(place) = self.place().await
                    {
                        self.admit(stream, peer, seat, place);
                    }
                }
                Err(error) if Trouble::of(&error) == Trouble::OfThePeer => {}
                Err(error) => {
                    failures.note(&error);
                    self.connections.make_room();
                    sleep(ACCEPT_PAUSE).await;
                }
            }
        }
    }

    /// A permit for a connection. When none is left, a connection that makes the server wait is closed. While the
    /// server is working for all of them, the new connection waits unread, and further ones in the listener's queue.
    async fn place(&self) -> Option<OwnedSemaphorePermit> {
        loop {
            if let Ok(place) = Arc::clone(&self.places).try_acquire_owned() {
                return Some(place);
            }
            self.connections.make_room();
            if let Ok(place) = timeout(ACCEPT_PAUSE, Arc::clone(&self.places).acquire_owned()).await {
                return place.ok();
            }
        }
    }

    fn admit(&self, stream: TcpStream, peer: SocketAddr, seat: Seat, place: OwnedSemaphorePermit) {
        if let Err(error) = stream.set_nodelay(true) {
            tracing::debug!(%error, "TCP_NODELAY could not be set");
        }
        let handler = self.handler.clone();
        let known = Arc::clone(seat.connection());
        let service = service_fn(move |request: Request<hyper::body::Incoming>| {
            let work = known.work();
            let answering = handler(request.map(|body| Received::new(body, Arc::clone(&known))), peer);
            async move {
                let answer = answering.await;
                drop(work);
                Ok::<_, Infallible>(answer)
            }
        });
        let pace = Pace::new(self.limits.write_timeout, self.limits.min_bytes_per_s);
        let stream = WatchedStream::new(stream, Arc::clone(seat.connection()), pace);
        let connection = http1::Builder::new()
            .timer(TokioTimer::new())
            .header_read_timeout(self.limits.header_timeout)
            .max_buf_size(MAX_HEAD_BYTES)
            .serve_connection(TokioIo::new(stream), service);
        tokio::spawn(async move {
            seat.begin();
            let mut connection = pin!(connection);
            let ended = tokio::select! {
                ended = connection.as_mut() => ended,
                order = seat.ordered(None) => {
                    connection.as_mut().graceful_shutdown();
                    tokio::select! {
                        ended = connection => ended,
                        () = until_it_may_leave(&seat, order) => Ok(()),
                    }
                }
            };
            // Broken and idle connections end in an error too; these are normal.
            if let Err(error) = ended {
                tracing::trace!(%error, "a connection ended early");
            }
            drop(place);
        });
    }
}

/// Returns when a connection under this order, or under a stricter one that follows, no longer needs to be waited for.
async fn until_it_may_leave(seat: &Seat, mut order: Order) {
    while !seat.may_leave(order) {
        tokio::select! {
            stricter = seat.ordered(Some(order)) => order = stricter,
            () = sleep(LEAVE_PAUSE) => {}
        }
    }
}

fn bind_loopback(address: SocketAddr) -> io::Result<Vec<TcpListener>> {
    for _ in 0..TWIN_TRIES {
        let first = listen(address)?;
        let port = first.local_addr()?.port();
        match listen((Ipv6Addr::LOCALHOST, port).into()) {
            Ok(twin) => return Ok(vec![first, twin]),
            // Another process has that port of `[::1]`: try another free port, which may be free on both.
            Err(error) if error.kind() == io::ErrorKind::AddrInUse && address.port() == 0 => {}
            Err(error) => {
                tracing::debug!(%error, port, "not listening on [::1]");
                return Ok(vec![first]);
            }
        }
    }
    Ok(vec![listen(address)?])
}

/// A listener whose connections have small system buffers, so that an answer that is not taken uses little memory.
fn listen(address: SocketAddr) -> io::Result<TcpListener> {
    let socket = if address.is_ipv6() { TcpSocket::new_v6() } else { TcpSocket::new_v4() }?;
    socket.set_reuseaddr(true)?;
    socket.set_send_buffer_size(SOCKET_BUFFER_BYTES)?;
    socket.set_recv_buffer_size(SOCKET_BUFFER_BYTES)?;
    socket.bind(address)?;
    socket.listen(BACKLOG)
}

/// The pause after a connection could not be accepted or placed, until descriptors and places are free again.
const ACCEPT_PAUSE: Duration = Duration::from_millis(50);
/// How often a connection that must leave is checked.
const LEAVE_PAUSE: Duration = Duration::from_millis(50);
/// The size of the system's buffers for a connection in each direction; Linux doubles it for its own needs.
const SOCKET_BUFFER_BYTES: u32 = 64 * 1024;
/// How many connections may wait to be accepted; the system may allow fewer.
const BACKLOG: u32 = 4096;
/// An incomplete head beyond this size is refused.
const MAX_HEAD_BYTES: usize = 32 * 1024;
/// How often the server tries to find a port that is free on both loopback addresses.
const TWIN_TRIES: usize = 8;

#[cfg(test)]
mod tests;
