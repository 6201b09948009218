//! Redirect URLs, for tests of what follows once one is allowed.

use vestibule::domain::redirect::{PageOrigins, RedirectRule, RedirectUrl};

/// `url`, as an instance sees it whose own pages are at its origin.
pub(crate) fn allowed(url: &str) -> RedirectUrl {
    let own = url.parse().expect("a URL");
    let rule = RedirectRule::new(PageOrigins::new(&own, &[], false), &[]);
    rule.check("redirect_url", url, None).expect("a URL at its own origin")
}
