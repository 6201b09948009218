//! Which hosts belong to one site. Browsers send cookies with `SameSite=Lax` only within a site.

use std::net::IpAddr;

/// The registrable domain; all hosts below it are one site. The complete list of public suffixes (publicsuffix.org) has
/// 250 kB, so this knows only suffixes that often serve pages.
pub(super) fn site(host: &str) -> &str {
    let bare = host.trim_matches(['[', ']']);
    if bare.parse::<IpAddr>().is_ok() {
        return host;
    }
    let labels: Vec<&str> = host.rsplit('.').collect();
    let is_below = |suffix: &&&str| host.strip_suffix(**suffix).is_some_and(|rest| rest.ends_with('.'));
    let shared = SHARED.iter().filter(is_below).map(|suffix| suffix.split('.').count()).max();
    let is_second_level = labels.len() > 2 && labels[0].len() == 2 && SECOND_LEVEL.contains(&labels[1]);
    let suffix = shared.unwrap_or(if is_second_level { 2 } else { 1 });
    let length: usize = labels.iter().take(suffix + 1).map(|label| label.len() + 1).sum();
    &host[host.len().saturating_sub(length - 1)..]
}

/// Second-level domains of many countries, below which domains are registered.
const SECOND_LEVEL: [&str; 11] = ["ac", "co", "com", "edu", "go", "gob", "gov", "ne", "net", "or", "org"];

/// Suffixes below which each customer has a site.
const SHARED: [&str; 32] = [
    "me.uk",
    "appspot.com",
    "azurestaticapps.net",
    "azurewebsites.net",
    "bitbucket.io",
    "cloudfront.net",
    "deno.dev",
    "duckdns.org",
    "firebaseapp.com",
    "fly.dev",
    "github.io",
    "gitlab.io",
    "glitch.me",
    "herokuapp.com",
    "lovable.app",
    "netlify.app",
    "ngrok.app",
    "ngrok.dev",
    "ngrok.io",
    "ngrok-free.app",
    "ngrok-free.dev",
    "onrender.com",
    "ondigitalocean.app",
    "pages.dev",
    "replit.app",
    "run.app",
    "surge.sh",
    "trycloudflare.com",
    "up.railway.app",
    "vercel.app",
    "web.app",
    "workers.dev",
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hosts_below_what_somebody_registered_are_one_site() {
        for (host, expected) in [
            ("clerk.example.com", "example.com"),
            ("example.com", "example.com"),
            ("a.b.example.com", "example.com"),
            ("app.acme.co.uk", "acme.co.uk"),
            ("acme.co.uk", "acme.co.uk"),
            ("co.uk", "co.uk"),
            ("t.co", "t.co"),
            ("app.acme.com.br", "acme.com.br"),
            ("acme.vercel.app", "acme.vercel.app"),
            ("pr-7.acme.vercel.app", "acme.vercel.app"),
            ("vercel.app", "vercel.app"),
            ("acme.up.railway.app", "acme.up.railway.app"),
            ("localhost", "localhost"),
            ("10.0.0.1", "10.0.0.1"),
            ("[2001:db8::1]", "[2001:db8::1]"),
            ("", ""),
        ] {
            assert_eq!(site(host), expected, "{host}");
        }
    }
}
