//! Passkeys (Web Authentication Level 3): what a device is asked, and whether its answer proves anything
//! ([guide: Passkeys](crate::guide::contract_sign_ins#passkeys)). This room knows no users, no store and no HTTP; begin
//! reading at [`RelyingParty`].

#![cfg_attr(not(feature = "passkeys"), allow(dead_code, reason = "settings that ask for passkeys are refused then"))]

#[cfg(feature = "passkeys")]
mod aaguid;
#[cfg(not(feature = "passkeys"))]
mod absent;
#[cfg(feature = "passkeys")]
mod answer;
#[cfg(feature = "passkeys")]
mod ceremony;

use url::Url;

use crate::domain::redirect::origin;
use crate::domain::site::{is_domain, registrable};

/// The site that passkeys are made for (Web Authentication 4, "Relying Party"): a passkey works on the pages of its domain
/// and of those below it, and nowhere else.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RelyingParty {
    id: String,
    name: String,
    /// The only origins that may use passkeys; where there are none, those of the application's pages may.
    origins: Vec<String>,
}

/// Why a relying party is refused.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum InvalidRelyingParty {
    /// The id is no domain.
    #[error(
        "{0:?} is no domain; give the domain of the application's pages, such as \"example.com\", or \"localhost\""
    )]
    Id(String),
    /// An origin is none of the relying party's.
    #[error(
        "{origin:?} is no origin of {id:?}; give origins of that domain or of those below it, such as \"https://{id}\", or \
         of Android applications, such as \"android:apk-key-hash:…\""
    )]
    Origin {
        /// The origin.
        origin: String,
        /// The id of the relying party.
        id: String,
    },
}

/// The person for whom a passkey is made, as the device shows them.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Person<'a> {
    /// What the passkey names the user by (Web Authentication 5.4.3, "user handle").
    pub(crate) handle: [u8; 16],
    /// The identifier that the person signs in with.
    pub(crate) name: &'a str,
    /// The person's name.
    pub(crate) display_name: &'a str,
}

/// The first half of a ceremony.
#[derive(Clone, Debug)]
pub(crate) struct Ceremony {
    /// What the device is asked, as JSON for Clerk's packages.
    pub(crate) options: String,
    /// What the answer is checked with; a secret of the server.
    pub(crate) state: String,
}

/// A new passkey.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Registered {
    /// The credential, as a user keeps it.
    pub(crate) credential: String,
    /// The product that keeps it, where its maker says so.
    pub(crate) keeper: Option<&'static str>,
}

/// Which passkey an answer is about. Nothing of it is proved.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Presented {
    /// The id of the credential, in base64url.
    pub(crate) credential_id: String,
    /// What it names its user by.
    pub(crate) handle: Option<Vec<u8>>,
}

/// Why an answer proves nothing.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum PasskeyError {
    /// It is no answer of a browser.
    #[error("the answer can't be read")]
    Malformed,
    /// It is one, but not to this challenge, not of this site, or not of this passkey.
    #[error("the answer is not accepted: {0}")]
    Refused(String),
    /// What the server keeps can't be used.
    #[error("passkeys can't be used: {0}")]
    Broken(String),
}

impl RelyingParty {
    /// A relying party by its domain, such as `example.com`, or `localhost` for developers. Passkeys are bound to it: with
    /// another one, those of before do not work any more.
    ///
    /// # Errors
    /// [`InvalidRelyingParty::Id`].
    pub fn new(id: &str) -> Result<Self, InvalidRelyingParty> {
        if id != LOCALHOST && !is_domain(id) {
            return Err(InvalidRelyingParty::Id(id.to_owned()));
        }
        Ok(Self { id: id.to_owned(), name: id.to_owned(), origins: Vec::new() })
    }

    /// The same with the name that some devices show; by default the id.
    #[must_use]
    pub fn named(self, name: &str) -> Self {
        let name = if name.is_empty() { self.id.clone() } else { name.to_owned() };
        Self { name, ..self }
    }

    /// The same with the only origins that may use passkeys: pages of the domain and of those below it, and Android
    /// applications (`android:apk-key-hash:` and the digest of their certificate). By default the pages that may call the
    /// engine, as far as they are of that domain.
    ///
    /// # Errors
    /// [`InvalidRelyingParty::Origin`].
    pub fn only_from(self, origins: &[String]) -> Result<Self, InvalidRelyingParty> {
        let read = |text: &String| {
            let known = android(text).or_else(|| origin(text.trim()).filter(|origin| self.is_above(origin)));
            known.ok_or_else(|| InvalidRelyingParty::Origin { origin: text.clone(), id: self.id.clone() })
        };
        let origins = origins.iter().map(read).collect::<Result<_, _>>()?;
        Ok(Self { origins, ..self })
    }

    /// The relying party of an application: the domain that its pages share, which is that of the first of these URLs with
    /// a domain; `None` where none has one.
    pub(crate) fn of_pages<'a>(urls: impl IntoIterator<Item = &'a str>) -> Option<Self> {
        let id = |text: &str| {
            let url = Url::parse(text).ok().filter(|url| matches!(url.scheme(), "http" | "https"))?;
            let host = url.domain()?.to_owned();
            if host.ends_with(".localhost") {
                return Some(LOCALHOST.to_owned());
            }
            match registrable(&host) {
                Some(domain) => Some(domain.to_owned()),
                None => (host == LOCALHOST).then_some(host),
            }
        };
        urls.into_iter().find_map(id).and_then(|id| Self::new(&id).ok())
    }

    /// The domain.
    pub fn id(&self) -> &str {
        &self.id
    }

    /// Whether passkeys may be used on a page or in an application with this origin. `pages` says which pages are the
    /// application's.
    pub(crate) fn allows(&self, origin: &str, pages: impl Fn(&str) -> bool) -> bool {
        if self.origins.is_empty() {
            return self.is_above(origin) && pages(origin);
        }
        self.origins.iter().any(|known| known == origin)
    }

    /// Whether an origin of a web page is of the domain or of one below it. Outside of this machine it must be https, since
    /// browsers have no passkeys elsewhere.
    fn is_above(&self, origin: &str) -> bool {
        let Ok(url) = Url::parse(origin) else { return false };
        let Some(host) = url.domain() else { return false };
        let is_of = host.strip_suffix(self.id.as_str()).is_some_and(|rest| rest.is_empty() || rest.ends_with('.'));
        let is_local = host == LOCALHOST || host.ends_with(".localhost");
        is_of && (url.scheme() == "https" || (url.scheme() == "http" && is_local))
    }
}

/// The origin of an Android application, as its credential manager writes it.
fn android(text: &str) -> Option<String> {
    let hash = text.strip_prefix("android:apk-key-hash:")?;
    let is_hash =
        (27..=86).contains(&hash.len()) && hash.bytes().all(|b| b.is_ascii_alphanumeric() || b"-_".contains(&b));
    is_hash.then(|| text.to_owned())
}

const LOCALHOST: &str = "localhost";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_relying_party_is_a_domain_or_this_machine() {
        for id in ["example.com", "app.example.co.uk", "localhost"] {
            assert_eq!(RelyingParty::new(id).map(|rp| rp.id().to_owned()).as_deref(), Ok(id));
        }
        for id in ["", "com", "127.0.0.1", "[::1]", "https://example.com", "example.com:443", "Example.com", "a b.com"]
        {
            assert_eq!(RelyingParty::new(id), Err(InvalidRelyingParty::Id(id.to_owned())), "{id}");
        }
    }

    #[test]
    fn it_follows_from_the_pages() {
        for (urls, expected) in [
            (&["https://www.example.com/", "https://other.example"][..], Some("example.com")),
            (&["https://a.b.example.co.uk"], Some("example.co.uk")),
            (&["http://localhost:3000"], Some("localhost")),
            (&["http://app.localhost:3000"], Some("localhost")),
            (&["https://app.vercel.app"], Some("app.vercel.app")),
            (&["http://127.0.0.1:3000", "https://example.com"], Some("example.com")),
            (&["capacitor://localhost", "http://[::1]:1"], None),
            (&[], None),
        ] {
            let found = RelyingParty::of_pages(urls.iter().copied());
            assert_eq!(found.as_ref().map(RelyingParty::id), expected, "{urls:?}");
        }
    }

    #[test]
    fn only_pages_of_its_domain_may_use_it() {
        let party = RelyingParty::new("example.com").expect("a domain");
        let all = |_: &str| true;
        for origin in ["https://example.com", "https://app.example.com", "https://a.b.example.com:8443"] {
            assert!(party.allows(origin, all) && !party.allows(origin, |_| false), "{origin}");
        }
        for origin in [
            "http://example.com",
            "https://evilexample.com",
            "https://example.com.evil.example",
            "https://example.org",
            "https://127.0.0.1",
            "http://localhost:3000",
            "android:apk-key-hash:pNiP5iKyQ8JwgGOaKA1zGPUPJIS-0H1xKCQcfIoGLck",
            "null",
            "",
        ] {
            assert!(!party.allows(origin, all), "{origin}");
        }
        let local = RelyingParty::new("localhost").expect("this machine");
        assert!(local.allows("http://localhost:3000", all) && local.allows("http://app.localhost:1", all));
    }

    #[test]
    fn named_origins_replace_the_pages() {
        let app = "android:apk-key-hash:pNiP5iKyQ8JwgGOaKA1zGPUPJIS-0H1xKCQcfIoGLck".to_owned();
        let party = RelyingParty::new("example.com").expect("a domain");
        let named = party.clone().only_from(&["https://app.example.com/".to_owned(), app.clone()]).expect("its own");
        assert!(named.allows("https://app.example.com", |_| false) && named.allows(&app, |_| false));
        assert!(!named.allows("https://example.com", |_| true));
        for origin in
            ["https://other.example", "http://example.com", "android:apk-key-hash:", "android:apk-key-hash:a b"]
        {
            let refused = party.clone().only_from(&[origin.to_owned()]);
            assert!(matches!(refused, Err(InvalidRelyingParty::Origin { .. })), "{origin}");
        }
    }
}
