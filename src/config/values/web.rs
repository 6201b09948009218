//! Origins and URLs.

use std::fmt;
use std::str::FromStr;

use serde::Deserialize;
use url::Url;

use super::{InvalidValue, invalid};

/// The origin of a page, exactly as browsers and web views spell it (RFC 6454): of a site, or of an application's own
/// pages, such as `capacitor://localhost`.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(try_from = "String")]
pub struct Origin(String);

impl Origin {
    /// As browsers spell it.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// A URL that browsers and applications may be sent back to, beside the allowed origins. An http or https URL stands
/// for itself and everything below it; any other, such as `myapp://callback`, for exactly itself.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(try_from = "String")]
pub struct AllowedRedirect(String);

impl AllowedRedirect {
    /// As it was given.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// Where browsers reach the engine.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(try_from = "String")]
pub struct PublicUrl(Url);

impl PublicUrl {
    /// Scheme, host and port, exactly as browsers spell them in `Origin`.
    pub fn origin(&self) -> String {
        self.0.origin().ascii_serialization()
    }

    /// The host, without the port.
    pub fn host(&self) -> &str {
        self.0.host_str().unwrap_or_default()
    }

    /// The host, with the port where it is not the scheme's own.
    pub fn authority(&self) -> String {
        self.0.port().map_or_else(|| self.host().to_owned(), |port| format!("{}:{port}", self.host()))
    }

    /// Whether the engine lies below a path of another site, such as a proxy's `/__clerk`.
    pub fn has_path(&self) -> bool {
        self.0.path() != "/"
    }

    /// Whether cookies are `Secure`.
    pub fn is_https(&self) -> bool {
        self.0.scheme() == "https"
    }
}

impl fmt::Display for PublicUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.0.as_str().trim_end_matches('/'))
    }
}

/// A page or an image of the application's own: an absolute http or https URL.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(try_from = "String")]
pub struct WebUrl(Url);

impl WebUrl {
    /// As URLs are written.
    pub fn as_str(&self) -> &str {
        self.0.as_str()
    }
}

impl FromStr for Origin {
    type Err = InvalidValue;

    fn from_str(text: &str) -> Result<Self, InvalidValue> {
        let is_plain = !text.contains(|c: char| c.is_whitespace() || c.is_control() || "*@\\?#".contains(c));
        let parts = text.split_once("://").filter(|_| is_plain);
        let origin = parts.and_then(|(scheme, authority)| match scheme.to_ascii_lowercase().as_str() {
            "http" | "https" => {
                let url = Url::parse(text).ok().filter(|url| url.path() == "/")?;
                Some(url.origin().ascii_serialization())
            }
            scheme => app_origin(scheme, authority.strip_suffix('/').unwrap_or(authority)),
        });
        origin.map(Self).map_or_else(
            || {
                invalid(format!(
                    "can't hold {text:?}; give scheme, host and port, such as https://app.example.com or \
                     capacitor://localhost; there are no wildcards"
                ))
            },
            Ok,
        )
    }
}

/// The origin of an application's own pages, as web views and browsers spell it: the scheme in lower case, the host in
/// its own (the opaque host of the URL standard; Safari names its extensions in capitals), the port where there is one.
/// Schemes whose pages anybody can make, or that have none, are no one's own.
fn app_origin(scheme: &str, authority: &str) -> Option<String> {
    const REFUSED: [&str; 11] =
        ["file", "filesystem", "javascript", "vbscript", "data", "blob", "about", "view-source", "ws", "wss", "ftp"];
    let is_scheme = scheme.starts_with(|c: char| c.is_ascii_lowercase())
        && scheme.bytes().all(|b| b.is_ascii_alphanumeric() || b"+-.".contains(&b));
    let (host, port) = authority.split_once(':').map_or((authority, None), |(host, port)| (host, Some(port)));
    let is_host = !host.is_empty() && host.bytes().all(|b| b.is_ascii_alphanumeric() || b"-._".contains(&b));
    let is_port = port.is_none_or(|port| port.parse::<u16>().is_ok_and(|number| number.to_string() == port));
    let is_good = is_scheme && is_host && is_port && !REFUSED.contains(&scheme);
    is_good.then(|| format!("{scheme}://{authority}"))
}

impl FromStr for AllowedRedirect {
    type Err = InvalidValue;

    fn from_str(text: &str) -> Result<Self, InvalidValue> {
        // Schemes that run or show what stands in the URL itself, or read files.
        const REFUSED: [&str; 8] =
            ["javascript", "vbscript", "data", "blob", "file", "filesystem", "about", "view-source"];
        let is_plain = text.bytes().all(|b| b.is_ascii_graphic() && b != b'\\' && b != b'*');
        match Url::parse(text) {
            Ok(url)
                if is_plain
                    && !REFUSED.contains(&url.scheme())
                    && url.username().is_empty()
                    && url.password().is_none() =>
            {
                Ok(Self(text.into()))
            }
            _ => invalid(format!(
                "can't hold {text:?}; give whole URLs, such as https://app.example.com/welcome or myapp://callback; \
                 there are no wildcards"
            )),
        }
    }
}

impl FromStr for PublicUrl {
    type Err = InvalidValue;

    fn from_str(text: &str) -> Result<Self, InvalidValue> {
        match Url::parse(text) {
            Ok(url)
                if matches!(url.scheme(), "http" | "https")
                    && url.query().is_none()
                    && url.fragment().is_none()
                    && url.username().is_empty() =>
            {
                Ok(Self(url))
            }
            _ => {
                invalid(format!("can't be {text:?}; give the URL that browsers use, such as https://clerk.example.com"))
            }
        }
    }
}

impl FromStr for WebUrl {
    type Err = InvalidValue;

    fn from_str(text: &str) -> Result<Self, InvalidValue> {
        match Url::parse(text) {
            Ok(url)
                if matches!(url.scheme(), "http" | "https")
                    && url.username().is_empty()
                    && url.password().is_none() =>
            {
                Ok(Self(url))
            }
            // The key knows an example.
            _ => invalid(format!("can't be {text:?}; give a whole URL")),
        }
    }
}
