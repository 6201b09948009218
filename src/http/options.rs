//! The operator's options for HTTP.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::time::Duration;

use url::Url;

use crate::config::{Cdn, Network, RequestLog};
use crate::npm::Bundles;

/// The front end's configuration.
#[derive(Clone, Debug)]
pub struct HttpOptions {
    /// The addresses to listen on; port 0 takes a free one.
    pub listen: Vec<SocketAddr>,
    /// The URL at which browsers reach the engine, with the path that it is mounted below, if any.
    pub public_url: Url,
    /// Peers whose `X-Forwarded-*` headers are trusted.
    pub trusted_proxies: Vec<Network>,
    /// The peer address for requests that an embedder's server passes on without [`PeerAddress`](super::PeerAddress),
    /// such as that of the proxy behind a Unix socket. Without it all such requests count as one source, whose
    /// forwarding headers are not trusted.
    pub default_peer: Option<SocketAddr>,
    /// The largest request body, in bytes.
    pub max_body_bytes: usize,
    /// The most parameters in a query, and in a body.
    pub max_params: usize,
    /// How long a request's head may take, and how long a connection may be idle.
    pub header_timeout: Duration,
    /// How long a body may take.
    pub body_timeout: Duration,
    /// How long a peer may take no byte of a pending answer.
    pub write_timeout: Duration,
    /// The least number of bytes per second that a peer must send of a body, and take of an answer, on average.
    pub min_bytes_per_s: u32,
    /// How long answers in progress may take once the server shuts down.
    pub drain_timeout: Duration,
    /// The most open connections. When all are used, a new one replaces one that makes the server wait, or waits for a
    /// place.
    pub max_connections: usize,
    /// The most connections from one IPv4 address or IPv6 /64. Trusted proxies are not counted.
    pub max_connections_per_source: usize,
    /// Which requests get a line in the log.
    pub requests: RequestLog,
    /// For [`RequestLog::Sampled`]: one of this many successful requests is logged.
    pub requests_one_in: u32,
    /// Whether this is a development instance, which has dev browsers, `/dev/*` and pages.
    pub development: bool,
    /// The instance's publishable key, whose digest is the suffix of cookies.
    pub publishable_key: String,
    /// The files of Clerk's browser packages, for pages that load them from here.
    pub bundles: Option<Bundles>,
    /// Where such pages are sent instead if there are no `bundles`: a URL that goes on with `/@clerk/clerk-js@6/dist/…`.
    /// Without it these paths are not found.
    pub npm_cdn: Option<Url>,
}

impl HttpOptions {
    /// The page for invitations without a redirect URL: the page of a development instance, else the application's
    /// site.
    pub(super) fn home(&self, site: Option<&str>) -> String {
        let site = site.filter(|_| !self.development);
        site.map_or_else(|| self.public_url.to_string(), str::to_owned)
    }

    /// Whether the forwarding headers of `peer` are trusted.
    pub fn trusts(&self, peer: IpAddr) -> bool {
        self.trusted_proxies.iter().any(|proxies| proxies.contains(peer))
    }

    /// The defaults for an instance reached at `public_url`: loopback, port 8080.
    pub fn new(public_url: Url, publishable_key: impl Into<String>, development: bool) -> Self {
        Self {
            listen: vec![SocketAddr::new(IpAddr::V4(Ipv4Addr::LOCALHOST), 8080)],
            public_url,
            trusted_proxies: Vec::new(),
            default_peer: None,
            max_body_bytes: 64 * 1024,
            max_params: 200,
            header_timeout: Duration::from_secs(10),
            body_timeout: Duration::from_secs(15),
            write_timeout: Duration::from_secs(10),
            min_bytes_per_s: 500,
            drain_timeout: Duration::from_secs(10),
            max_connections: 10_000,
            max_connections_per_source: if development { 10_000 } else { 200 },
            requests: if development { RequestLog::All } else { RequestLog::Sampled },
            requests_one_in: 100,
            development,
            publishable_key: publishable_key.into(),
            bundles: None,
            npm_cdn: Url::parse(Cdn::DEFAULT).ok(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::redirect::PageOrigins;

    #[test]
    fn home_is_a_place_that_browsers_can_be_sent_to() {
        let url = Url::parse("https://clerk.example.com").expect("a URL");
        for (origins, expected) in [
            (&[][..], "https://clerk.example.com/"),
            (&["capacitor://localhost"], "https://clerk.example.com/"),
            (&["capacitor://localhost", "https://app.example.com"], "https://app.example.com"),
        ] {
            let options = HttpOptions::new(url.clone(), "pk_live_x", false);
            let listed: Vec<String> = origins.iter().map(|origin| (*origin).to_owned()).collect();
            let origins = PageOrigins::new(&url, &listed, false);
            assert_eq!(options.home(origins.first_site()), expected, "{origins:?}");
        }
    }
}
