//! The HTTP side of an engine as a [`tower_service::Service`]: axum, tonic and plain hyper servers mount it below any
//! path, and [`BoundServer`](super::BoundServer) is built on it. It does not deal with sockets.
//!
//! The server around it must limit the number of connections and the time for a request head, and say from which
//! address a request came ([`PeerAddress`]).

use std::convert::Infallible;
use std::fmt;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::task::{Context, Poll};

use bytes::{Buf, Bytes};
use http_body_util::{BodyExt as _, Full};
use hyper::body::{Body, Frame, SizeHint};
use hyper::{Request, Response};
use tower_service::Service;

use crate::engine::Engine;

use super::service;
use super::{App, HttpOptions};

/// Answers requests for one engine. Clones are cheap and share everything.
///
/// In axum:
///
/// ```
/// # fn mount(engine: &vestibule::Engine) -> Result<axum::Router, Box<dyn std::error::Error>> {
/// # use vestibule::server::HttpOptions;
/// # let publishable_key = "pk_live_Y2xlcmsuYWNtZS5leGFtcGxlJA";
/// let options = HttpOptions::new("https://acme.example/__clerk".parse()?, publishable_key, false);
/// let router = axum::Router::new().nest_service("/__clerk", engine.http_service(options));
/// # Ok(router)
/// # }
/// ```
///
/// `examples/axum.rs` is the whole program. A plain hyper server wraps it in hyper-util's `TowerToHyperService`.
#[derive(Clone)]
pub struct HttpService {
    app: Arc<App>,
}

/// The address that a request came from: an extension of the request, set by the server that accepted the connection.
/// Quotas by source use it, and it decides whether forwarding headers are trusted ([`HttpOptions::trusted_proxies`]).
/// Where it is missing, [`HttpOptions::default_peer`] is used.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PeerAddress(pub SocketAddr);

/// The body of a response: complete, in memory.
#[derive(Debug)]
pub struct ResponseBody(Full<Bytes>);

/// The future of a response. It never fails: every error is a response too.
pub type ResponseFuture = Pin<Box<dyn Future<Output = Result<Response<ResponseBody>, Infallible>> + Send>>;

impl Engine {
    /// The engine's Frontend API, and what [`HttpOptions`] adds to it, as a service for a server of your own.
    ///
    /// [`HttpOptions::public_url`] is the URL that browsers see, with the path where the service is mounted. Give the
    /// same URL to [`EngineBuilder::public_url`](crate::engine::EngineBuilder::public_url), which makes the links in
    /// messages. The server may remove that path from a request (as axum's `nest_service` does) or keep it.
    ///
    /// For a development instance that shows its captured messages, make an [`App`] and pass it to
    /// [`HttpService::new`].
    pub fn http_service(&self, options: HttpOptions) -> HttpService {
        HttpService::new(Arc::new(App::new(self.clone(), options, None)))
    }
}

impl HttpService {
    /// The service of an application.
    pub const fn new(app: Arc<App>) -> Self {
        Self { app }
    }

    /// Answers a request from `peer`.
    pub(super) async fn respond<B>(&self, request: Request<B>, peer: SocketAddr) -> Response<Full<Bytes>>
    where
        B: Body<Data = Bytes> + Unpin,
    {
        let app = &self.app;
        let request = match app.mount.without(request.uri()) {
            Some(uri) => {
                let (mut parts, body) = request.into_parts();
                parts.uri = uri;
                Request::from_parts(parts, body)
            }
            None => request,
        };
        service::answer(app, request, peer).await
    }

    /// The peer address of a request, or the configured default for requests without one.
    fn peer<B>(&self, request: &Request<B>) -> SocketAddr {
        let named = request.extensions().get().map(|PeerAddress(peer)| *peer);
        let peer = named.or(self.app.options.default_peer);
        peer.unwrap_or_else(|| {
            self.app.no_peer.call_once(|| {
                tracing::warn!(
                    "a request came without `PeerAddress`, and `HttpOptions::default_peer` is not set: all such \
                     requests share the limits of one source"
                );
            });
            UNKNOWN_PEER
        })
    }
}

impl<B> Service<Request<B>> for HttpService
where
    B: Body + Send + 'static,
    B::Data: Send,
{
    type Response = Response<ResponseBody>;
    type Error = Infallible;
    type Future = ResponseFuture;

    /// Always ready: the engine's own limits refuse what is too much, with a response that says when to retry.
    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: Request<B>) -> ResponseFuture {
        let service = self.clone();
        Box::pin(async move {
            let peer = service.peer(&request);
            let (parts, body) = request.into_parts();
            let to_bytes = |mut data: B::Data| data.copy_to_bytes(data.remaining());
            let body = pin!(body.map_frame(move |frame| frame.map_data(to_bytes)));
            let response = service.respond(Request::from_parts(parts, body), peer).await;
            Ok(response.map(ResponseBody))
        })
    }
}

impl Body for ResponseBody {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        Pin::new(&mut self.0).poll_frame(cx)
    }

    fn is_end_stream(&self) -> bool {
        self.0.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.0.size_hint()
    }
}

impl fmt::Debug for HttpService {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("HttpService").field("public_url", &self.app.options.public_url.as_str()).finish_non_exhaustive()
    }
}

/// An address that no peer has, so that it is in no list of trusted proxies.
const UNKNOWN_PEER: SocketAddr = SocketAddr::new(IpAddr::V4(Ipv4Addr::UNSPECIFIED), 0);
