//! The status parameters that are added to the URL of a redirect. Which URLs are allowed is decided by
//! `domain::redirect`.

use url::Url;

use crate::domain::redirect::without_parameters;

/// `url` with the result of a link, in the parameters of [guide: Redirects](crate::guide::contract_sign_ups#redirects).
/// Existing parameters of those names are removed, because pages read the first one.
pub(in crate::http) fn with_status(url: &str, status: &str, session: Option<&str>) -> Option<Url> {
    let mut url = without_parameters(Url::parse(url).ok()?, &[STATUS, CREATED_SESSION]);
    url.query_pairs_mut().append_pair(STATUS, status);
    if let Some(session) = session {
        url.query_pairs_mut().append_pair(CREATED_SESSION, session);
    }
    Some(url)
}

/// `url` with the approval of a link, in the parameters of
/// [guide: Links for applications](crate::guide::contract_sign_ups#links-for-applications).
pub(in crate::http) fn with_approval(url: &str, flow: &str, approval: &str) -> Option<Url> {
    let mut url = without_parameters(Url::parse(url).ok()?, &[FLOW, APPROVAL]);
    url.query_pairs_mut().append_pair(FLOW, flow).append_pair(APPROVAL, approval);
    Some(url)
}

/// `url` with the next step for the holder of a ticket, in the parameters of
/// [guide: Invitations and tickets](crate::guide::contract_sign_ups#invitations-and-tickets), and the ticket where it
/// is useful.
pub(in crate::http) fn with_ticket(url: &str, status: &str, ticket: Option<&str>) -> Option<Url> {
    let mut url = without_parameters(Url::parse(url).ok()?, &[STATUS, TICKET]);
    if let Some(ticket) = ticket {
        url.query_pairs_mut().append_pair(TICKET, ticket);
    }
    url.query_pairs_mut().append_pair(STATUS, status);
    Some(url)
}

/// `url` with the one-time value for an application without cookies, in the parameter of
/// [guide: Native hand-over](crate::guide::contract_sign_ups#native-hand-over).
pub(in crate::http) fn with_nonce(url: Url, nonce: &str) -> Url {
    let mut url = without_parameters(url, &[NONCE]);
    url.query_pairs_mut().append_pair(NONCE, nonce);
    url
}

/// `url` without its dev browser, which is the token of the client that asked and meant for its browser only
/// ([guide: Dev browsers](crate::guide::contract#dev-browsers)).
pub(in crate::http) fn without_dev_browser(url: Url) -> Url {
    without_parameters(url, &[DEV_BROWSER])
}

/// `url` for the browser that asked: the token in its dev browser may have been replaced since, and the page takes what
/// is on the URL for the newest. `successor` gives the valid dev browser for an earlier one of the same client.
pub(in crate::http) fn with_valid_dev_browser(mut url: Url, successor: impl Fn(&str) -> Option<String>) -> Url {
    let pairs: Vec<(String, String)> = url.query_pairs().into_owned().collect();
    let is_renewed = |(name, value): &(String, String)| name == DEV_BROWSER && successor(value).is_some();
    if pairs.iter().any(is_renewed) {
        let valid = |(name, value): (String, String)| match successor(&value).filter(|_| name == DEV_BROWSER) {
            Some(valid) => (name, valid),
            None => (name, value),
        };
        url.query_pairs_mut().clear().extend_pairs(pairs.into_iter().map(valid));
    }
    url
}

/// The source expression for `url` in a content security policy.
pub(in crate::http) fn csp_source(url: &str) -> Option<String> {
    let url = Url::parse(url).ok()?;
    let origin = url.origin();
    Some(if origin.is_tuple() { origin.ascii_serialization() } else { format!("{}:", url.scheme()) })
}

const FLOW: &str = "flow_id";
const APPROVAL: &str = "approval_token";
const TICKET: &str = "__clerk_ticket";
const NONCE: &str = "rotating_token_nonce";
const STATUS: &str = "__clerk_status";
const CREATED_SESSION: &str = "__clerk_created_session";
const DEV_BROWSER: &str = "__clerk_db_jwt";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_policy_names_a_site_by_its_origin_and_an_application_by_its_scheme() {
        for (url, expected) in [
            ("https://app.example.com/done?x", Some("https://app.example.com")),
            ("http://localhost:3000/", Some("http://localhost:3000")),
            ("capacitor://localhost/done", Some("capacitor:")),
            ("chrome-extension://abcdefghijklmnopabcdefghijklmnop/popup.html", Some("chrome-extension:")),
            ("myapp://callback", Some("myapp:")),
            ("/done", None),
        ] {
            assert_eq!(csp_source(url).as_deref(), expected, "{url}");
        }
    }

    #[test]
    fn the_status_goes_on_the_query_and_what_was_there_stays() {
        let with = |url: &str, session| with_status(url, "verified", session).map(String::from);
        for (url, expected) in [
            ("http://a.example/verify", "http://a.example/verify?__clerk_status=verified"),
            ("http://a.example/j?x=1#/verify", "http://a.example/j?x=1&__clerk_status=verified#/verify"),
            (
                "http://a.example/?__clerk_db_jwt=dvb_x",
                "http://a.example/?__clerk_db_jwt=dvb_x&__clerk_status=verified",
            ),
            ("http://a.example/?__clerk_status=failed&y=2", "http://a.example/?y=2&__clerk_status=verified"),
            ("http://a.example/?__clerk_created_session=s", "http://a.example/?__clerk_status=verified"),
            ("myapp://callback", "myapp://callback?__clerk_status=verified"),
        ] {
            assert_eq!(with(url, None).as_deref(), Some(expected));
        }
        let created = with("http://a.example/", Some("sess_1"));
        assert!(created.expect("a URL").ends_with("?__clerk_status=verified&__clerk_created_session=sess_1"));
    }

    #[test]
    fn a_dev_browser_that_was_replaced_is_replaced_on_the_url_of_its_browser() {
        let successor = |id: &str| (id == "dvb_old").then(|| "dvb_new".to_owned());
        for (url, expected) in [
            ("http://a.example/?__clerk_db_jwt=dvb_old&a=%26#f", "http://a.example/?__clerk_db_jwt=dvb_new&a=%26#f"),
            ("http://a.example/?__clerk_db_jwt=old", "http://a.example/?__clerk_db_jwt=old"),
            ("http://a.example/?__clerk_db_jwt=dvb_of+another", "http://a.example/?__clerk_db_jwt=dvb_of+another"),
            ("http://a.example/?other=dvb_old", "http://a.example/?other=dvb_old"),
            ("http://a.example/", "http://a.example/"),
        ] {
            let url = Url::parse(url).expect("a URL");
            assert_eq!(with_valid_dev_browser(url, successor).as_str(), expected);
        }
    }

    #[test]
    fn a_dev_browser_is_taken_off_for_strangers() {
        let url = Url::parse("http://a.example/?a=1&__clerk_db_jwt=dvb_x#f").expect("a URL");
        assert_eq!(without_dev_browser(url).as_str(), "http://a.example/?a=1#f");
    }
}
