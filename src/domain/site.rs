//! Which cookies two hosts can share. A cookie may be set for a domain above its host, but not for one under which
//! anybody can have a name ([guide: Cookies](crate::guide::contract#cookies)): browsers refuse it there. The most common of
//! those are known here, not the whole Public Suffix List.

/// Whether a host is a name of several labels: not an address and not a bare `localhost`.
pub fn is_domain(host: &str) -> bool {
    let is_label = |label: &str| {
        !label.is_empty() && label.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-')
    };
    let mut labels = host.rsplit('.').peekable();
    let is_numeric = |label: &&str| label.bytes().all(|b| b.is_ascii_digit());
    host.len() <= 253
        && !labels.peek().is_none_or(is_numeric)
        && host.split('.').count() >= 2
        && host.split('.').all(is_label)
}

/// The domain that an application shares with its Frontend API at `host`: the host without its first label, if the host
/// has at least three labels and the rest is no domain under which anybody can have a name (`co.uk`, `vercel.app`); else
/// the host itself. `None` where cookies can have no domain.
pub fn parent(host: &str) -> Option<&str> {
    if !is_domain(host) {
        return None;
    }
    let Some((_, rest)) = host.split_once('.').filter(|(_, rest)| rest.contains('.')) else {
        return Some(host);
    };
    Some(if is_registry(rest) { host } else { rest })
}

/// The shortest domain of `host` for which a cookie can be set: `example.com` for `a.b.example.com`. `None` where cookies
/// can have no domain.
pub fn registrable(host: &str) -> Option<&str> {
    if !is_domain(host) {
        return None;
    }
    let two = last_labels(host, 2);
    Some(if is_registry(two) { last_labels(host, 3) } else { two })
}

/// Where a server at one host sets a cookie so that the server at another one gets it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reach<'a> {
    /// They are the same host. Ports make no difference to cookies.
    SameHost,
    /// For this domain, which is above both.
    Domain(&'a str),
}

/// How a cookie set at `host` reaches the pages at `page_host`; `None` where none can.
pub fn reach<'a>(host: &'a str, page_host: &str) -> Option<Reach<'a>> {
    if host == page_host {
        return Some(Reach::SameHost);
    }
    let is_above = |domain: &&str| page_host.strip_suffix(*domain).is_some_and(|r| r.is_empty() || r.ends_with('.'));
    let shared = parent(host).filter(is_above).or_else(|| registrable(host).filter(is_above));
    shared.filter(|_| is_domain(page_host)).map(Reach::Domain)
}

fn last_labels(host: &str, count: usize) -> &str {
    let begin = host.rmatch_indices('.').nth(count - 1).map_or(0, |(at, _)| at + 1);
    &host[begin..]
}

/// Whether a domain of two labels looks like one under which a country sells names, or a host gives them away.
fn is_registry(domain: &str) -> bool {
    let is_countrys =
        domain.split_once('.').is_some_and(|(second, top)| top.len() == 2 && REGISTRIES.contains(&second));
    is_countrys || HOSTS_OF_SITES.contains(&domain)
}

/// Second-level labels under which country registries sell names.
const REGISTRIES: &[&str] = &["ac", "co", "com", "edu", "gov", "ne", "net", "or", "org"];
/// Domains under which anybody can put a site.
const HOSTS_OF_SITES: &[&str] = &[
    "amplifyapp.com",
    "azurewebsites.net",
    "cloudfront.net",
    "deno.dev",
    "firebaseapp.com",
    "fly.dev",
    "github.io",
    "gitlab.io",
    "herokuapp.com",
    "netlify.app",
    "ngrok-free.app",
    "ngrok.app",
    "ngrok.io",
    "onrender.com",
    "pages.dev",
    "replit.app",
    "surge.sh",
    "trycloudflare.com",
    "vercel.app",
    "web.app",
    "workers.dev",
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_registrable_domain_is_the_shortest_that_can_have_cookies() {
        for (host, expected) in [
            ("example.com", Some("example.com")),
            ("clerk.example.com", Some("example.com")),
            ("a.b.example.com", Some("example.com")),
            ("example.co.uk", Some("example.co.uk")),
            ("a.b.example.co.uk", Some("example.co.uk")),
            ("co.uk", Some("co.uk")),
            ("shop.vercel.app", Some("shop.vercel.app")),
            ("a.shop.vercel.app", Some("shop.vercel.app")),
            ("localhost", None),
            ("127.0.0.1", None),
            ("[::1]", None),
            ("", None),
        ] {
            assert_eq!(registrable(host), expected, "{host}");
        }
    }

    #[test]
    fn the_domain_of_an_instance_is_none_under_which_anybody_has_a_name() {
        for (host, expected) in [
            ("clerk.example.com", "example.com"),
            ("clerk.example.co.uk", "example.co.uk"),
            ("example.co.uk", "example.co.uk"),
            ("shop.vercel.app", "shop.vercel.app"),
            ("clerk.shop.vercel.app", "shop.vercel.app"),
        ] {
            assert_eq!(parent(host), Some(expected), "{host}");
        }
    }

    #[test]
    fn a_cookie_reaches_the_same_host_and_hosts_below_a_shared_domain() {
        for (host, page, expected) in [
            ("localhost", "localhost", Some(Reach::SameHost)),
            ("127.0.0.1", "127.0.0.1", Some(Reach::SameHost)),
            ("app.example.com", "app.example.com", Some(Reach::SameHost)),
            ("clerk.example.com", "app.example.com", Some(Reach::Domain("example.com"))),
            ("clerk.example.com", "example.com", Some(Reach::Domain("example.com"))),
            ("example.com", "app.example.com", Some(Reach::Domain("example.com"))),
            ("clerk.auth.example.com", "x.auth.example.com", Some(Reach::Domain("auth.example.com"))),
            ("clerk.auth.example.com", "app.example.com", Some(Reach::Domain("example.com"))),
            ("clerk.example.co.uk", "example.co.uk", Some(Reach::Domain("example.co.uk"))),
            ("clerk.example.com", "example.com.evil.example", None),
            ("clerk.example.com", "evilexample.com", None),
            ("clerk.example.com", "example.org", None),
            ("a.co.uk", "b.co.uk", None),
            ("a.vercel.app", "b.vercel.app", None),
            ("a.github.io", "a.github.io", Some(Reach::SameHost)),
            ("localhost", "127.0.0.1", None),
            ("clerk.localhost", "app.localhost", None),
            ("clerk.localhost", "localhost", None),
            ("10.0.0.1", "10.0.0.2", None),
        ] {
            assert_eq!(reach(host, page), expected, "{host} {page}");
        }
    }
}
