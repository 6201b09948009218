//! Sockets and connections: bounded in number and in time, drained at the end. It knows nothing of what requests
//! mean. Heads that can't be read never get further than hyper, which answers 400 or 431 without a body and closes.

use std::convert::Infallible;
use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http_body_util::Full;
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper::{Request, Response};
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::server::graceful::GracefulShutdown;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{OwnedSemaphorePermit, Semaphore, watch};
use tokio::task::JoinSet;

use super::{App, HttpOptions, service};

/// A server that has its sockets and serves nothing yet.
#[derive(Debug)]
pub struct BoundServer {
    listeners: Vec<TcpListener>,
    limits: Limits,
}

#[derive(Clone, Copy, Debug)]
struct Limits {
    header_timeout: Duration,
    drain_timeout: Duration,
    max_connections: usize,
}

/// Takes the sockets. Whoever listens on `127.0.0.1` listens on the same port of `[::1]` too, where there is IPv6:
/// `localhost` means either.
///
/// # Errors
/// When an address can't be listened on.
pub async fn bind(options: &HttpOptions) -> io::Result<BoundServer> {
    let mut listeners = Vec::new();
    for address in &options.listen {
        let has_twin = address.ip() == IpAddr::V4(Ipv4Addr::LOCALHOST) && !options.listen.iter().any(|a| a.is_ipv6());
        if has_twin {
            listeners.extend(bind_loopback(*address).await?);
        } else {
            listeners.push(TcpListener::bind(address).await?);
        }
    }
    if listeners.is_empty() {
        return Err(io::Error::new(io::ErrorKind::InvalidInput, "no address to listen on"));
    }
    Ok(BoundServer {
        listeners,
        limits: Limits {
            header_timeout: options.header_timeout,
            drain_timeout: options.drain_timeout,
            max_connections: options.max_connections,
        },
    })
}

impl BoundServer {
    /// The addresses it listens on, with the ports it was given.
    pub fn local_addrs(&self) -> Vec<SocketAddr> {
        let addresses = self.listeners.iter().map(TcpListener::local_addr);
        addresses.filter_map(Result::ok).collect()
    }

    /// Serves `app` until `shutdown` resolves, then takes no further connections, closes idle ones and waits for
    /// the answers that were begun.
    pub async fn serve(self, app: Arc<App>, shutdown: impl Future<Output = ()>) {
        self.serve_with(
            move |request, peer| {
                let app = Arc::clone(&app);
                async move { service::answer(&app, request, peer).await }
            },
            shutdown,
        )
        .await;
    }

    async fn serve_with<H, F>(self, handler: H, shutdown: impl Future<Output = ()>)
    where
        H: Fn(Request<Incoming>, SocketAddr) -> F + Clone + Send + Sync + 'static,
        F: Future<Output = Response<Full<Bytes>>> + Send + 'static,
    {
        let graceful = Arc::new(GracefulShutdown::new());
        let places = Arc::new(Semaphore::new(self.limits.max_connections));
        let (closing, closed) = watch::channel(false);
        let mut doors = JoinSet::new();
        for listener in self.listeners {
            let door = Door {
                graceful: Arc::clone(&graceful),
                places: Arc::clone(&places),
                header_timeout: self.limits.header_timeout,
                handler: handler.clone(),
            };
            let mut closed = closed.clone();
            doors.spawn(async move {
                tokio::select! {
                    () = door.keep(&listener) => {}
                    _ = closed.wait_for(|closed| *closed) => {}
                }
            });
        }
        shutdown.await;
        closing.send_replace(true);
        while doors.join_next().await.is_some() {}
        // Every door held a share of it, and all doors are gone.
        let Some(graceful) = Arc::into_inner(graceful) else {
            return;
        };
        let drained = tokio::time::timeout(self.limits.drain_timeout, graceful.shutdown()).await;
        if drained.is_err() {
            tracing::warn!("some answers took too long and were cut off");
        }
    }
}

/// One listener with what its connections need.
struct Door<H> {
    graceful: Arc<GracefulShutdown>,
    places: Arc<Semaphore>,
    header_timeout: Duration,
    handler: H,
}

impl<H, F> Door<H>
where
    H: Fn(Request<Incoming>, SocketAddr) -> F + Clone + Send + Sync + 'static,
    F: Future<Output = Response<Full<Bytes>>> + Send + 'static,
{
    async fn keep(&self, listener: &TcpListener) {
        loop {
            match listener.accept().await {
                Ok((stream, peer)) => {
                    // Without a place it waits unread, and others in the listener's queue. A door that nobody comes to
                    // holds no place.
                    let Ok(place) = Arc::clone(&self.places).acquire_owned().await else {
                        return;
                    };
                    self.admit(stream, peer, place);
                }
                Err(error) => {
                    tracing::warn!(%error, "a connection could not be accepted");
                    tokio::time::sleep(ACCEPT_PAUSE).await;
                }
            }
        }
    }

    fn admit(&self, stream: TcpStream, peer: SocketAddr, place: OwnedSemaphorePermit) {
        if let Err(error) = stream.set_nodelay(true) {
            tracing::debug!(%error, "TCP_NODELAY could not be set");
        }
        let handler = self.handler.clone();
        let service = service_fn(move |request| {
            let answering = handler(request, peer);
            async move { Ok::<_, Infallible>(answering.await) }
        });
        let connection = http1::Builder::new()
            .timer(TokioTimer::new())
            .header_read_timeout(self.header_timeout)
            .max_buf_size(MAX_HEAD_BYTES)
            .serve_connection(TokioIo::new(stream), service);
        let connection = self.graceful.watch(connection);
        tokio::spawn(async move {
            // Broken and idle connections end in an error too; none of them is news.
            if let Err(error) = connection.await {
                tracing::trace!(%error, "a connection ended early");
            }
            drop(place);
        });
    }
}

async fn bind_loopback(address: SocketAddr) -> io::Result<Vec<TcpListener>> {
    for _ in 0..TWIN_TRIES {
        let first = TcpListener::bind(address).await?;
        let port = first.local_addr()?.port();
        match TcpListener::bind((Ipv6Addr::LOCALHOST, port)).await {
            Ok(twin) => return Ok(vec![first, twin]),
            // Somebody else has that port of `[::1]`: another free one may be free in both.
            Err(error) if error.kind() == io::ErrorKind::AddrInUse && address.port() == 0 => {}
            Err(error) => {
                tracing::debug!(%error, port, "not listening on [::1]");
                return Ok(vec![first]);
            }
        }
    }
    Ok(vec![TcpListener::bind(address).await?])
}

/// How long to wait after a connection could not be accepted, for file descriptors to come back.
const ACCEPT_PAUSE: Duration = Duration::from_millis(50);
/// Beyond this many bytes a head that is not whole yet is given up.
const MAX_HEAD_BYTES: usize = 32 * 1024;
/// How often a port that is free on both loopbacks is looked for.
const TWIN_TRIES: usize = 8;

#[cfg(test)]
mod tests;
