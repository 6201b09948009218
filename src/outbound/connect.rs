//! Connections to other servers: by TLS, to public addresses only where that is asked for, and with a limit on the time
//! until they are there.

use std::future::Future;
use std::io;
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;
use std::vec;

use http::Uri;
use hyper_rustls::{HttpsConnector, HttpsConnectorBuilder};
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::client::legacy::connect::dns::Name;
use rustls_platform_verifier::BuilderVerifierExt;
use tokio_rustls::rustls::crypto::aws_lc_rs;
use tokio_rustls::rustls::{ClientConfig, Error as TlsError};
use tower_service::Service;

use super::address::is_public;

/// Makes the connections of a client.
pub(super) type Connector = Patient<HttpsConnector<HttpConnector<Names>>>;

/// TLS that trusts whom the system trusts.
///
/// # Errors
/// When the system's root certificates can't be read.
pub(super) fn system_trust() -> Result<ClientConfig, TlsError> {
    let config = ClientConfig::builder_with_provider(Arc::new(aws_lc_rs::default_provider()))
        .with_safe_default_protocol_versions()
        .and_then(BuilderVerifierExt::with_platform_verifier)?;
    Ok(config.with_no_client_auth())
}

/// Connections that are there within `limit`. With `public_only` they use TLS, and lead to public addresses.
pub(super) fn connector(tls: ClientConfig, public_only: bool, limit: Duration) -> Connector {
    let mut tcp = HttpConnector::new_with_resolver(Names { public_only });
    tcp.enforce_http(false);
    tcp.set_nodelay(true);
    let builder = HttpsConnectorBuilder::new().with_tls_config(tls);
    let builder = if public_only { builder.https_only() } else { builder.https_or_http() };
    Patient { inner: builder.enable_http1().wrap_connector(tcp), limit }
}

/// A name has private addresses only.
#[derive(Debug, thiserror::Error)]
#[error("{PRIVATE}")]
pub(super) struct NotPublic;

pub(super) const PRIVATE: &str = "its address is not public";

/// Resolves names, to public addresses only where that is asked for. The connection uses the checked addresses, so a
/// second DNS answer can't replace them (DNS rebinding).
#[derive(Clone, Copy, Debug)]
pub(super) struct Names {
    public_only: bool,
}

impl Service<Name> for Names {
    type Response = vec::IntoIter<SocketAddr>;
    type Error = BoxError;
    type Future = BoxFuture<Result<Self::Response, Self::Error>>;

    fn poll_ready(&mut self, _cx: &mut Context<'_>) -> Poll<Result<(), Self::Error>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, name: Name) -> Self::Future {
        let public_only = self.public_only;
        Box::pin(async move {
            let found = tokio::net::lookup_host((name.as_str(), 0)).await?;
            let usable: Vec<SocketAddr> = found.filter(|address| !public_only || is_public(address.ip())).collect();
            if public_only && usable.is_empty() {
                return Err(NotPublic.into());
            }
            Ok(usable.into_iter())
        })
    }
}

/// A connector that gives up after a while. A request that is given up does not end the connection that was begun for
/// it, so without this a server that never answers a handshake would hold it for ever.
#[derive(Clone, Debug)]
pub(super) struct Patient<C> {
    inner: C,
    limit: Duration,
}

impl<C> Service<Uri> for Patient<C>
where
    C: Service<Uri, Error = BoxError>,
    C::Response: 'static,
    C::Future: Send + 'static,
{
    type Response = C::Response;
    type Error = BoxError;
    type Future = BoxFuture<Result<C::Response, BoxError>>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), BoxError>> {
        self.inner.poll_ready(cx)
    }

    fn call(&mut self, to: Uri) -> Self::Future {
        let connecting = tokio::time::timeout(self.limit, self.inner.call(to));
        Box::pin(
            async move { connecting.await.unwrap_or_else(|_| Err(io::Error::from(io::ErrorKind::TimedOut).into())) },
        )
    }
}

type BoxError = Box<dyn std::error::Error + Send + Sync>;
type BoxFuture<T> = Pin<Box<dyn Future<Output = T> + Send>>;
