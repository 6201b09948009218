//! The path that the engine is mounted below, such as `/__clerk`: the path of its public URL.

use hyper::Uri;
use hyper::http::uri::PathAndQuery;
use url::Url;

/// The path before the engine's own paths; empty when mounted at the root of a host.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Mount {
    prefix: String,
    /// Whether no path of the engine's own begins with it, so that a request that begins with it certainly still
    /// contains it.
    is_distinct: bool,
}

impl Mount {
    /// The path of `public_url`.
    pub(super) fn of(public_url: &Url) -> Self {
        let prefix = public_url.path().trim_end_matches('/').to_owned();
        let first = prefix.split('/').nth(1).unwrap_or_default();
        let is_distinct = !prefix.is_empty() && !FIRST_OF_OWN_PATHS.contains(&first);
        Self { prefix, is_distinct }
    }

    /// The mount path, without a slash at its end.
    pub(super) fn prefix(&self) -> &str {
        &self.prefix
    }

    /// The target of a request without this path; `None` where the target does not contain it: most servers and proxies
    /// have removed it already.
    pub(super) fn without(&self, target: &Uri) -> Option<Uri> {
        if !self.is_distinct {
            return None;
        }
        let rest = target.path_and_query()?.as_str().strip_prefix(&self.prefix)?;
        let rest = match rest.as_bytes().first() {
            Some(b'/') => PathAndQuery::try_from(rest),
            None | Some(b'?') => PathAndQuery::try_from(format!("/{rest}")),
            // A longer segment with the same beginning, such as `/__clerks`.
            Some(_) => return None,
        };
        let mut parts = target.clone().into_parts();
        parts.path_and_query = Some(rest.ok()?);
        Uri::from_parts(parts).ok()
    }
}

/// First segments of the engine's own paths. A mount path that begins with one of them can't be told apart from them,
/// so nothing is removed from targets then.
const FIRST_OF_OWN_PATHS: [&str; 6] = ["v1", "dev", "health", "metrics", ".well-known", "npm"];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_path_of_the_public_url_is_taken_off_where_it_is_still_on() {
        let without = |url: &str, target: &str| {
            let target: Uri = target.parse().expect("a target");
            Mount::of(&Url::parse(url).expect("a URL")).without(&target).map(|uri| uri.to_string())
        };
        for (url, target, expected) in [
            ("https://a.example/__clerk", "/__clerk/v1/client?a=/__clerk/", Some("/v1/client?a=/__clerk/")),
            ("https://a.example/__clerk/", "/__clerk/v1/client", Some("/v1/client")),
            ("https://a.example/auth/in", "/auth/in/v1/me", Some("/v1/me")),
            ("https://a.example/__clerk", "/__clerk", Some("/")),
            ("https://a.example/__clerk", "/__clerk?a=1", Some("/?a=1")),
            ("https://a.example/__clerk", "https://a.example/__clerk/v1/me", Some("https://a.example/v1/me")),
            ("https://a.example/__clerk", "/v1/client", None),
            ("https://a.example/__clerk", "/__clerks/v1/client", None),
            ("https://a.example/__clerk", "/v1/__clerk/client", None),
            ("https://a.example", "/v1/client", None),
            // Such a path could be read both ways.
            ("https://a.example/v1", "/v1/client", None),
        ] {
            assert_eq!(without(url, target).as_deref(), expected, "{url} {target}");
        }
    }
}
