//! What the operator chooses about HTTP.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::time::Duration;

use url::Url;

use crate::config::{Network, RequestLog};

/// The front end's configuration.
#[derive(Clone, Debug)]
pub struct HttpOptions {
    /// Where to listen; port 0 takes a free one.
    pub listen: Vec<SocketAddr>,
    /// How browsers reach the engine, with the path that it is mounted below, if there is one.
    pub public_url: Url,
    /// The origins whose pages may call the engine, compared exactly. The engine's own comes with `public_url`.
    pub allowed_origins: Vec<String>,
    /// Where else browsers and applications may be sent back to: http and https URLs with everything below them,
    /// others exactly.
    pub allowed_redirects: Vec<String>,
    /// Peers whose `X-Forwarded-*` headers are believed.
    pub trusted_proxies: Vec<Network>,
    /// The peer of requests that an embedder's server passes on without
    /// [`PeerAddress`](super::PeerAddress), such as the proxy behind a Unix socket. Without it they all count as one
    /// source, which no forwarding header is believed from.
    pub default_peer: Option<SocketAddr>,
    /// The largest body.
    pub max_body_bytes: usize,
    /// The most parameters, those of the query and those of the body each.
    pub max_params: usize,
    /// How long a request's head may take, and how long a connection may idle.
    pub header_timeout: Duration,
    /// How long a body may take.
    pub body_timeout: Duration,
    /// How long a peer may take no byte of an answer that is waiting for it.
    pub write_timeout: Duration,
    /// How many bytes in a second a peer has to send of a body, and to take of an answer, in the long run.
    pub min_bytes_per_s: u32,
    /// How long begun answers may take once the server shuts down.
    pub drain_timeout: Duration,
    /// The most connections that are open at a time. When all are, a new one takes the place of one that keeps the
    /// server waiting, or waits for its turn.
    pub max_connections: usize,
    /// The most connections from one IPv4 address or IPv6 /64. Those of trusted proxies are not counted.
    pub max_connections_per_source: usize,
    /// Which requests have a line in the log.
    pub requests: RequestLog,
    /// Of [`RequestLog::Sampled`]: one in so many requests that were answered well.
    pub requests_one_in: u32,
    /// Whether this is a development instance, which has dev browsers, `/dev/*` and pages.
    pub development: bool,
    /// The instance's publishable key, whose digest is the suffix of cookies.
    pub publishable_key: String,
}

impl HttpOptions {
    /// Where people go who were invited to nowhere in particular: the page of a development instance, else the
    /// application, which is the first allowed origin that a browser can be sent to.
    pub fn home(&self) -> String {
        let is_web = |origin: &&String| origin.starts_with("https://") || origin.starts_with("http://");
        let application = self.allowed_origins.iter().find(is_web).filter(|_| !self.development);
        application.cloned().unwrap_or_else(|| self.public_url.to_string())
    }

    /// Whether what `peer` says of where a request came from is believed.
    pub fn trusts(&self, peer: IpAddr) -> bool {
        self.trusted_proxies.iter().any(|proxies| proxies.contains(peer))
    }

    /// The defaults for an instance reached at `public_url`: loopback, port 8080.
    pub fn new(public_url: Url, publishable_key: impl Into<String>, development: bool) -> Self {
        Self {
            listen: vec![SocketAddr::new(IpAddr::V4(Ipv4Addr::LOCALHOST), 8080)],
            public_url,
            allowed_origins: Vec::new(),
            allowed_redirects: Vec::new(),
            trusted_proxies: Vec::new(),
            default_peer: None,
            max_body_bytes: 64 * 1024,
            max_params: 100,
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
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn home_is_a_place_that_browsers_can_be_sent_to() {
        let url = Url::parse("https://clerk.example.com").expect("a URL");
        for (origins, expected) in [
            (&[][..], "https://clerk.example.com/"),
            (&["capacitor://localhost"], "https://clerk.example.com/"),
            (&["capacitor://localhost", "https://app.example.com"], "https://app.example.com"),
        ] {
            let mut options = HttpOptions::new(url.clone(), "pk_live_x", false);
            options.allowed_origins = origins.iter().map(|origin| (*origin).to_owned()).collect();
            assert_eq!(options.home(), expected, "{origins:?}");
        }
    }
}
