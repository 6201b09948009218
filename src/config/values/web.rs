//! Origins and URLs.

use std::fmt;
use std::str::FromStr;

use serde::Deserialize;
use url::Url;

use super::{InvalidValue, invalid};
use crate::domain::redirect;

/// The origin of a page as browsers and web views write it (RFC 6454): of a web site, or of a native application's
/// pages, such as `capacitor://localhost`.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(try_from = "String")]
pub struct Origin(String);

impl Origin {
    /// The origin as browsers write it.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// A redirect target that is allowed besides the allowed origins. An http or https URL allows itself and everything
/// below it; any other, such as `myapp://callback`, only itself.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(try_from = "String")]
pub struct AllowedRedirect(String);

impl AllowedRedirect {
    /// As it was given.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// URL at which browsers reach the engine.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(try_from = "String")]
pub struct PublicUrl(Url);

impl PublicUrl {
    /// The origin as browsers write it in `Origin`.
    pub fn origin(&self) -> String {
        self.0.origin().ascii_serialization()
    }

    /// The host, without the port.
    pub fn host(&self) -> &str {
        self.0.host_str().unwrap_or_default()
    }

    /// The host, with the port if it is not the scheme's default.
    pub fn authority(&self) -> String {
        self.0.port().map_or_else(|| self.host().to_owned(), |port| format!("{}:{port}", self.host()))
    }

    /// Whether the engine is below a path of another site, such as a proxy's `/__clerk`.
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

/// A page or image of the application: an absolute http or https URL.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(try_from = "String")]
pub struct WebUrl(Url);

impl WebUrl {
    /// The URL.
    #[cfg(feature = "http-messages")]
    pub(in crate::config) const fn url(&self) -> &Url {
        &self.0
    }

    /// The URL as text.
    pub fn as_str(&self) -> &str {
        self.0.as_str()
    }
}

/// Where browsers are sent for packages that the engine does not serve itself; nowhere if it is empty.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(try_from = "String")]
pub struct Cdn(Option<Url>);

impl Cdn {
    /// A public network for the delivery of npm packages.
    pub const DEFAULT: &str = "https://cdn.jsdelivr.net/npm";

    /// The URL, if there is one.
    pub const fn url(&self) -> Option<&Url> {
        self.0.as_ref()
    }
}

impl FromStr for Origin {
    type Err = InvalidValue;

    fn from_str(text: &str) -> Result<Self, InvalidValue> {
        redirect::origin(text).map(Self).map_or_else(
            || {
                invalid(format!(
                    "can't contain {text:?}; give scheme, host and port, such as https://app.example.com or \
                     capacitor://localhost; there are no wildcards"
                ))
            },
            Ok,
        )
    }
}

impl FromStr for AllowedRedirect {
    type Err = InvalidValue;

    fn from_str(text: &str) -> Result<Self, InvalidValue> {
        match redirect::redirect_target(text) {
            Some(_) => Ok(Self(text.into())),
            None => invalid(format!(
                "can't contain {text:?}; give complete URLs, such as https://app.example.com/welcome or \
                 myapp://callback; there are no wildcards"
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

impl FromStr for Cdn {
    type Err = InvalidValue;

    fn from_str(text: &str) -> Result<Self, InvalidValue> {
        let is_plain = |url: &Url| {
            matches!(url.scheme(), "http" | "https")
                && url.username().is_empty()
                && url.password().is_none()
                && url.query().is_none()
                && url.fragment().is_none()
        };
        match (text, Url::parse(text)) {
            ("", _) => Ok(Self(None)),
            (_, Ok(url)) if is_plain(&url) => Ok(Self(Some(url))),
            _ => invalid(format!("can't be {text:?}; give a URL such as {}, or \"\" for none", Self::DEFAULT)),
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
            // The caller adds an example.
            _ => invalid(format!("can't be {text:?}; give a complete URL")),
        }
    }
}
