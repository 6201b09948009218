//! The two packages, their versions, and the names of their files.

use std::fmt;
use std::str::FromStr;

/// A package that browsers load from the host of the Frontend API.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Package {
    /// `@clerk/clerk-js`: the client.
    ClerkJs,
    /// `@clerk/ui`: its components.
    Ui,
}

/// A version by semantic versioning 2.0.0, without build metadata.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Version(String);

/// A package and its version, such as `clerk-js@6.40.0`.
#[cfg(feature = "cli")]
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Wanted {
    /// The package.
    pub package: Package,
    /// Its version.
    pub version: Version,
}

/// Why a text is no version, or names no package.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct Unreadable(&'static str);

impl Package {
    /// Both.
    pub const ALL: [Self; 2] = [Self::ClerkJs, Self::Ui];

    /// The name behind `@clerk/`.
    pub const fn name(self) -> &'static str {
        match self {
            Self::ClerkJs => "clerk-js",
            Self::Ui => "ui",
        }
    }

    /// The file that browsers load first.
    #[cfg(feature = "cli")]
    pub const fn entry(self) -> &'static str {
        match self {
            Self::ClerkJs => "clerk.browser.js",
            Self::Ui => "ui.browser.js",
        }
    }

    /// The package with this name behind `@clerk/`.
    pub fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|package| package.name() == name)
    }

    /// The version that this program was tested with, and the SHA-512 of its archive as registries write it
    /// (W3C Subresource Integrity, 3.1).
    #[cfg(feature = "cli")]
    pub const fn pinned(self) -> (&'static str, &'static str) {
        match self {
            Self::ClerkJs => (
                "6.40.0",
                "sha512-2MnZ/ygvuCmeuqfXQmsxfQaLN/SSJvQbtT2cLXbgr5VKr3KmZFZBVvX977fG3eZ6pprl4J9pO+I2bbe6BvColg==",
            ),
            Self::Ui => (
                "1.34.0",
                "sha512-EP6Wcf+iqV5hJRMjfmVSOb7wWEgt2DuUOnR3Yv/ULPdmGgGWa64oc4tB4VfD66z8nXgtXqHEXNNnGURAOfQ7vQ==",
            ),
        }
    }
}

impl Version {
    /// The version as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Whether a selector of the packages' loaders means this version: the version itself; for a release also its major
    /// number, its major and minor number, and `latest`; for a prerelease also the first word behind the hyphen, such as
    /// `canary`.
    pub fn is_meant_by(&self, selector: &str) -> bool {
        let whole = self.0.as_str();
        if selector == whole {
            return true;
        }
        match whole.split_once('-') {
            Some((_, prerelease)) => prerelease.split('.').next() == Some(selector),
            None => {
                let begins = whole.strip_prefix(selector).is_some_and(|rest| rest.starts_with('.'));
                selector == "latest" || begins
            }
        }
    }
}

#[cfg(feature = "cli")]
impl Wanted {
    /// The version that this program was tested with.
    ///
    /// # Errors
    /// Never, while the pinned versions are versions.
    pub fn pinned(package: Package) -> Result<Self, Unreadable> {
        Ok(Self { package, version: package.pinned().0.parse()? })
    }
}

impl FromStr for Version {
    type Err = Unreadable;

    fn from_str(text: &str) -> Result<Self, Unreadable> {
        let numbers = text.split('-').next().unwrap_or_default();
        let is_number = |part: &str| !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_digit());
        let is_version = is_selector(text) && numbers.split('.').count() == 3 && numbers.split('.').all(is_number);
        if is_version { Ok(Self(text.to_owned())) } else { Err(Unreadable("is no version such as 6.40.0")) }
    }
}

#[cfg(feature = "cli")]
impl FromStr for Wanted {
    type Err = Unreadable;

    fn from_str(text: &str) -> Result<Self, Unreadable> {
        let text = text.strip_prefix("@clerk/").unwrap_or(text);
        let (name, version) = text.split_once('@').ok_or(Unreadable("is no package such as clerk-js@6.40.0"))?;
        let package = Package::named(name).ok_or(Unreadable("is no package but clerk-js and ui"))?;
        Ok(Self { package, version: version.parse()? })
    }
}

impl fmt::Display for Package {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "@clerk/{}", self.name())
    }
}

impl fmt::Display for Version {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// Whether a text may stand for a version in a path: 1 to 64 of `A-Z a-z 0-9 . _ -`, and no dot first.
pub fn is_selector(text: &str) -> bool {
    is_plain(text, SELECTOR_MAX)
}

/// Whether a text may be the name of a file that browsers load: 1 to 160 of `A-Z a-z 0-9 . _ -`, no dot first, and an
/// ending whose content type is known.
pub fn is_file_name(text: &str) -> bool {
    is_plain(text, NAME_MAX) && content_type(text).is_some()
}

/// The content type of a file that browsers load, by the ending of its name; `None` for all other files.
pub(super) fn content_type(name: &str) -> Option<&'static str> {
    let (_, ending) = name.rsplit_once('.')?;
    Some(match ending {
        "js" => "text/javascript; charset=utf-8",
        "css" => "text/css; charset=utf-8",
        "map" => "application/json",
        "woff" => "font/woff",
        "woff2" => "font/woff2",
        _ => return None,
    })
}

fn is_plain(text: &str, max: usize) -> bool {
    let is_allowed = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'_' | b'-');
    !text.is_empty() && text.len() <= max && !text.starts_with('.') && text.bytes().all(is_allowed)
}

const SELECTOR_MAX: usize = 64;
const NAME_MAX: usize = 160;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_version_answers_to_what_loaders_write_for_it() {
        for (version, meant, others) in [
            ("6.40.0", &["6", "6.40", "6.40.0", "latest"][..], &["", ".", "4", "6.4", "6.", "60", "7", "canary"][..]),
            ("7.0.0-canary.v2026", &["7.0.0-canary.v2026", "canary"], &["7", "7.0.0", "latest", "v2026", "can"]),
            ("6.0.0-snapshot.v1", &["6.0.0-snapshot.v1"], &["6", "6.0.0-snapshot"]),
        ] {
            let version: Version = version.parse().expect("a version");
            for selector in meant {
                assert!(version.is_meant_by(selector), "{version} by {selector}");
            }
            for selector in others {
                assert!(!version.is_meant_by(selector), "{version} by {selector}");
            }
        }
    }

    #[test]
    fn what_is_no_version_no_package_or_no_file_is_refused() {
        for text in ["", "6", "6.40", "6.40.x", "6.40.0/../x", "..", "6.40.0 ", "v6.40.0", "1.2.3.4"] {
            assert!(text.parse::<Version>().is_err(), "{text}");
        }
        #[cfg(feature = "cli")]
        for text in ["clerk-js", "clerk-js@6", "react@6.1.0", "@clerk/react@6.1.0", "clerk-js@"] {
            assert!(text.parse::<Wanted>().is_err(), "{text}");
        }
        #[cfg(feature = "cli")]
        assert_eq!(
            "@clerk/ui@1.34.0".parse(),
            Ok(Wanted { package: Package::Ui, version: "1.34.0".parse().expect("a version") })
        );
        for name in
            ["", ".js", "..", "a/b.js", "..%2fb.js", "a\\b.js", "clerk.mjs", "index.d.ts", "a b.js", "js", "ä.js"]
        {
            assert!(!is_file_name(name), "{name}");
        }
        for name in ["clerk.browser.js", "10_clerk.browser_a68c22_6.40.0.js", "style.css", "a.js.map", "f.woff2"] {
            assert!(is_file_name(name), "{name}");
        }
    }
}
