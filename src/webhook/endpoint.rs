//! Endpoints: where webhooks go, and which.

use std::fmt;

use url::{Host, Url};

use crate::domain::webhook::State;
#[cfg(feature = "webhooks")]
use crate::outbound;

use super::event::{EventFilter, EventType};
use super::secret::SigningSecrets;

/// A place of the application that receives webhooks.
#[derive(Clone, Debug)]
pub struct Endpoint {
    /// Where they are posted.
    pub url: EndpointUrl,
    /// Which events it wants.
    pub events: EventFilter,
    /// What its webhooks are signed with.
    pub secrets: SigningSecrets,
    /// Whether webhooks are sent to it.
    pub state: State,
}

impl Endpoint {
    /// Whether an event is to be sent to this endpoint.
    pub fn wants(&self, event: EventType) -> bool {
        self.state == State::Enabled && self.events.has(event)
    }
}

/// The URL of an endpoint. Debug output shows only its origin, because path and query may contain a key of the receiver.
#[derive(Clone, PartialEq, Eq)]
pub struct EndpointUrl(Url);

/// Which URLs an instance may send webhooks to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Targets {
    /// Public addresses by https: production.
    Public,
    /// Any address by https, and this machine by http: development.
    AlsoLocal,
}

/// Why a URL can't be the one of an endpoint. No message repeats the URL.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum UrlError {
    /// It is not an absolute URL.
    #[error("the endpoint is not a URL such as `https://app.example.com/webhooks`")]
    Malformed,
    /// It is too long.
    #[error("the endpoint's URL is longer than {URL_MAX} bytes")]
    TooLong,
    /// It names this machine or an address of a private network, in production.
    #[error("the endpoint's URL must lead to a public address; this machine and private networks are for development")]
    Private,
    /// Its scheme is neither https, nor http to this machine in development.
    #[error("the endpoint's URL must begin with `https://`; in development also `http://localhost`")]
    Scheme,
    /// It contains a user name or password. They would be sent with each request, and signatures are there for that.
    #[error("the endpoint's URL must not contain a user name or a password")]
    Credentials,
    /// It has a fragment, which is never sent.
    #[error("the endpoint's URL must not have a fragment (`#…`)")]
    Fragment,
}

impl EndpointUrl {
    /// Reads a URL. An address in it has to be public in production. A name is checked when a request is sent, because
    /// it can be given to another address at any time.
    ///
    /// # Errors
    /// See [`UrlError`].
    pub fn parse(text: &str, targets: Targets) -> Result<Self, UrlError> {
        if text.len() > URL_MAX {
            return Err(UrlError::TooLong);
        }
        let url = Url::parse(text).map_err(|_| UrlError::Malformed)?;
        let host = url.host();
        match url.scheme() {
            "https" => {}
            "http" if targets == Targets::AlsoLocal && host.is_some_and(|host| is_this_machine(&host)) => {}
            _ => return Err(UrlError::Scheme),
        }
        if !url.username().is_empty() || url.password().is_some() {
            return Err(UrlError::Credentials);
        }
        if url.fragment().is_some() {
            return Err(UrlError::Fragment);
        }
        #[cfg(feature = "webhooks")]
        if targets == Targets::Public && url.host().is_some_and(|host| is_private(&host)) {
            return Err(UrlError::Private);
        }
        Ok(Self(url))
    }

    /// The URL, normalised.
    pub fn as_str(&self) -> &str {
        self.0.as_str()
    }
}

impl fmt::Debug for EndpointUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/…", self.0.origin().ascii_serialization())
    }
}

fn is_this_machine(host: &Host<&str>) -> bool {
    match host {
        Host::Domain(name) => {
            let name = name.trim_end_matches('.');
            name == "localhost" || name.ends_with(".localhost")
        }
        Host::Ipv4(address) => address.is_loopback(),
        Host::Ipv6(address) => address.is_loopback(),
    }
}

/// Whether a host can't be public: what a name leads to is not known here.
#[cfg(feature = "webhooks")]
fn is_private(host: &Host<&str>) -> bool {
    match host {
        Host::Domain(_) => is_this_machine(host),
        Host::Ipv4(address) => !outbound::is_public((*address).into()),
        Host::Ipv6(address) => !outbound::is_public((*address).into()),
    }
}

/// In bytes.
const URL_MAX: usize = 2048;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::webhook::Disabled;
    use crate::entropy::SeededEntropy;
    use crate::webhook::SigningSecret;

    #[test]
    fn an_endpoint_wants_what_it_lists_while_it_is_enabled() {
        let secret = SigningSecret::generate(&mut SeededEntropy::new(1));
        let endpoint = |state| Endpoint {
            url: EndpointUrl::parse("https://app.example.com/", Targets::Public).expect("a URL"),
            events: EventFilter::parse(["user.*", "session.ended"]).expect("a filter"),
            secrets: SigningSecrets::new(secret.clone()),
            state,
        };
        let events = [EventType::UserDeleted, EventType::SessionEnded, EventType::SessionCreated];
        assert_eq!(events.map(|event| endpoint(State::Enabled).wants(event)), [true, true, false]);
        for why in [Disabled::ByOperator, Disabled::Gone, Disabled::Failing] {
            assert_eq!(events.map(|event| endpoint(State::Disabled(why)).wants(event)), [false; 3]);
        }
    }

    #[test]
    fn plain_http_is_for_this_machine_in_development() {
        for (url, production, development) in [
            ("https://app.example.com", true, true),
            ("https://app.example.com:8443/hooks?tenant=1", true, true),
            ("http://app.example.com/", false, false),
            ("http://10.0.0.1/", false, false),
            ("http://localhost.example.com/", false, false),
            ("http://localhost:3000/hooks", false, true),
            ("http://app.localhost:3000/hooks", false, true),
            ("http://127.8.8.8/", false, true),
            ("http://[::1]:3000/", false, true),
            ("http://0x7f.1/", false, true),
            ("ftp://localhost/", false, false),
            ("file:///etc/passwd", false, false),
            ("data:,x", false, false),
        ] {
            for (targets, accepted) in [(Targets::Public, production), (Targets::AlsoLocal, development)] {
                let expected = if accepted { None } else { Some(UrlError::Scheme) };
                assert_eq!(EndpointUrl::parse(url, targets).err(), expected, "{url} {targets:?}");
            }
        }
    }

    #[cfg(feature = "webhooks")]
    #[test]
    fn an_address_of_this_machine_or_a_private_network_is_for_development() {
        for host in [
            "127.0.0.1",
            "0x7f.1",
            "localhost",
            "LOCALHOST.",
            "app.localhost",
            "app.localhost.",
            "10.0.0.1",
            "169.254.169.254",
            "[::1]",
            "[fd00::1]",
        ] {
            let url = format!("https://{host}/");
            assert_eq!(EndpointUrl::parse(&url, Targets::Public), Err(UrlError::Private), "{host}");
            assert!(EndpointUrl::parse(&url, Targets::AlsoLocal).is_ok(), "{host}");
        }
        for host in ["app.example.com", "1.1.1.1", "[2606:4700:4700::1111]"] {
            assert!(EndpointUrl::parse(&format!("https://{host}/"), Targets::Public).is_ok(), "{host}");
        }
    }

    #[test]
    fn what_is_no_url_of_an_endpoint_is_refused_with_the_reason() {
        let long = format!("https://app.example.com/{}", "x".repeat(URL_MAX));
        for (url, error) in [
            ("", UrlError::Malformed),
            ("/hooks", UrlError::Malformed),
            ("https://", UrlError::Malformed),
            (&long, UrlError::TooLong),
            ("https://ada@app.example.com/", UrlError::Credentials),
            ("https://:pw@app.example.com/", UrlError::Credentials),
            ("https://app.example.com/#hooks", UrlError::Fragment),
        ] {
            assert_eq!(EndpointUrl::parse(url, Targets::AlsoLocal), Err(error), "{url}");
        }
    }

    #[test]
    fn debug_output_hides_the_path_and_the_query() {
        let url = EndpointUrl::parse("https://app.example.com:8443/hooks/k3y?key=k3y", Targets::Public).expect("a URL");
        assert_eq!(format!("{url:?}"), "https://app.example.com:8443/…");
        assert_eq!(url.as_str(), "https://app.example.com:8443/hooks/k3y?key=k3y");
    }
}
