//! Reads and writes client tokens in the request's mode: cookie, `Authorization` or dev browser
//! ([guide: Clients](crate::guide::contract#clients)). The engine decides what a token means.

use hyper::header::{AUTHORIZATION, HeaderMap, HeaderName};

use crate::domain::secret::Secret;
use crate::engine::{Caller, ClientView, DEV_BROWSER_PREFIX, Engine, EngineError};

use super::head::{AuthMode, RequestHead};
use crate::http::cookie::{self, CookieSuffix};
use crate::http::response::api_response::insert;

/// The caller and its token.
pub(in crate::http) struct Identity {
    /// The caller.
    pub(in crate::http) caller: Caller,
    /// The client's token.
    token: Option<Secret<String>>,
}

/// What an answer says about the client.
pub(in crate::http) enum ClientUpdate<'a> {
    /// This is the client now.
    Client(&'a ClientView),
    /// There is no client.
    Anonymous,
    /// Nothing is known to have changed.
    Unchanged,
    /// The client must be forgotten.
    Forget,
}

impl Identity {
    /// Identifies the caller by the request's tokens.
    ///
    /// # Errors
    /// When the tokens belong to several clients, or the engine can't decide.
    pub(in crate::http) async fn of(head: &RequestHead, engine: &Engine) -> Result<Self, EngineError> {
        let caller = engine.identify_among(head.tokens()).await?;
        Ok(Self::from_caller(caller, engine))
    }

    /// The identity of a caller that is already known.
    pub(in crate::http) fn from_caller(caller: Caller, engine: &Engine) -> Self {
        let token = engine.current_token(&caller);
        Self { caller, token }
    }

    /// The caller's dev browser from now on, where `id` is one that the same client had or has.
    pub(in crate::http) fn valid_dev_browser(&self, id: &str, engine: &Engine) -> Option<String> {
        let token = engine.successor(id.strip_prefix(DEV_BROWSER_PREFIX)?, &self.caller)?;
        Some(format!("{DEV_BROWSER_PREFIX}{}", token.expose()))
    }

    /// Whether the caller has a client.
    pub(in crate::http) fn is_known(&self) -> bool {
        self.caller.client().is_some()
    }

    /// Writes what the client must store into the headers of an answer.
    pub(in crate::http) fn write_credentials(
        &self,
        told: &ClientUpdate<'_>,
        head: &RequestHead,
        suffix: &CookieSuffix,
        headers: &mut HeaderMap,
    ) {
        match head.mode {
            AuthMode::Cookie => cookies(told, head, suffix, headers),
            AuthMode::Native => match (told, self.current(told)) {
                // An empty one makes the application forget its token (guide/contract.md#native-applications).
                (ClientUpdate::Forget, _) => insert(headers, AUTHORIZATION, ""),
                (_, Some(token)) => insert(headers, AUTHORIZATION, token.expose()),
                (_, None) => {}
            },
            AuthMode::DevBrowser => {
                if let ClientUpdate::Client(view) = told
                    && let Some(token) = &view.new_token
                {
                    let id = format!("{DEV_BROWSER_PREFIX}{}", token.expose());
                    insert(headers, DEV_BROWSER_HEADER, &id);
                }
            }
        }
    }

    /// Sets a cookie that identifies a dev browser in navigations: when it follows a link, a browser sends its cookies
    /// but not its dev browser. Where page and engine are not same-site the browser refuses the cookie.
    pub(in crate::http) fn write_navigation_credentials(
        &self,
        told: &ClientUpdate<'_>,
        head: &RequestHead,
        headers: &mut HeaderMap,
    ) {
        if head.mode == AuthMode::DevBrowser
            && let Some(token) = self.current(told)
        {
            cookie::set_client(headers, token.expose(), head.cookie_scope());
        }
    }

    /// The token that is valid after this answer.
    fn current<'a>(&'a self, told: &'a ClientUpdate<'_>) -> Option<&'a Secret<String>> {
        match told {
            // A token that another call has replaced must not overwrite the new one.
            ClientUpdate::Client(view) => {
                let is_replaced = self.caller.client().is_some_and(|own| own.generation != view.client.generation);
                view.new_token.as_ref().or_else(|| self.token.as_ref().filter(|_| !is_replaced))
            }
            ClientUpdate::Unchanged => self.token.as_ref(),
            ClientUpdate::Anonymous | ClientUpdate::Forget => None,
        }
    }
}

/// Adds the token that a client is owed, unless the answer contains it already.
pub(in crate::http) fn hand_out(token: &Secret<String>, head: &RequestHead, headers: &mut HeaderMap) {
    match head.mode {
        AuthMode::Cookie if cookie::sets_client(headers) => {}
        AuthMode::Cookie => cookie::set_client(headers, token.expose(), head.cookie_scope()),
        AuthMode::Native if headers.contains_key(AUTHORIZATION) => {}
        AuthMode::Native => insert(headers, AUTHORIZATION, token.expose()),
        AuthMode::DevBrowser => {
            insert(headers, DEV_BROWSER_HEADER, &format!("{DEV_BROWSER_PREFIX}{}", token.expose()));
        }
    }
}

fn cookies(told: &ClientUpdate<'_>, head: &RequestHead, suffix: &CookieSuffix, headers: &mut HeaderMap) {
    let place = head.cookie_scope();
    match told {
        ClientUpdate::Client(view) => {
            if let Some(token) = &view.new_token {
                cookie::set_client(headers, token.expose(), place);
            }
            let seconds = sessions_changed_at(view);
            if !cookie::has_uat(&head.headers, seconds, suffix) {
                cookie::set_uat(headers, seconds, suffix, place);
            }
        }
        ClientUpdate::Anonymous => {
            if cookie::claims_sessions(&head.headers, suffix) {
                cookie::set_uat(headers, 0, suffix, place);
            }
        }
        ClientUpdate::Forget => {
            cookie::clear_client(headers, place);
            cookie::set_uat(headers, 0, suffix, place);
        }
        ClientUpdate::Unchanged => {}
    }
}

/// The value of `__client_uat`.
fn sessions_changed_at(view: &ClientView) -> u64 {
    let changed_at = view.client.sessions_changed_at;
    match changed_at {
        Some(at) if !view.sessions.is_empty() => at.as_secs(),
        _ => 0,
    }
}

/// The header with a dev browser's next id ([guide: Dev browsers](crate::guide::contract#dev-browsers)).
const DEV_BROWSER_HEADER: HeaderName = HeaderName::from_static("clerk-db-jwt");

#[cfg(test)]
mod tests {
    use hyper::Request;
    use hyper::header::SET_COOKIE;
    use url::Url;

    use super::*;
    use crate::http::HttpOptions;
    use crate::wire::samples;

    #[test]
    fn a_new_token_becomes_a_cookie_beside_the_time_of_sessions() {
        let lines = told("", &ClientUpdate::Client(&signed_in(Some("t0ken"))));
        assert!(lines[0].starts_with("__client=t0ken; "), "{lines:?}");
        assert!(lines[1].starts_with("__client_uat=1795411798; "), "{lines:?}");
        assert!(lines[2].starts_with("__client_uat_9Kq1Csaf=1795411798; "), "{lines:?}");
    }

    #[test]
    fn what_the_browser_has_is_not_sent_again() {
        let cookies = "__client_uat=1795411798; __client_uat_9Kq1Csaf=1795411798";
        assert_eq!(told(cookies, &ClientUpdate::Client(&signed_in(None))), [""; 0]);
    }

    #[test]
    fn strangers_get_no_cookies() {
        assert_eq!(told("", &ClientUpdate::Anonymous), [""; 0]);
        assert_eq!(told("__client_uat=0", &ClientUpdate::Anonymous), [""; 0]);
    }

    #[test]
    fn a_time_without_a_client_is_taken_back() {
        let lines = told("__client_uat=5", &ClientUpdate::Anonymous);
        assert!(lines.iter().all(|l| l.contains("=0; ")) && lines.len() == 2);
    }

    #[test]
    fn forgetting_clears_the_token() {
        let lines = told("", &ClientUpdate::Forget);
        assert!(lines[0].starts_with("__client=; ") && lines[0].contains("Max-Age=0"));
    }

    fn told(cookie: &str, told: &ClientUpdate<'_>) -> Vec<String> {
        let request = Request::get("/v1/client").header("host", "localhost:8080").header("cookie", cookie).body(());
        let parts = request.expect("a request").into_parts().0;
        let url = Url::parse("http://localhost:8080").expect("a URL");
        let options = HttpOptions::new(url, "pk_live_Y2xlcmsubG9jYWxob3N0JA==", true);
        let peer = ([127, 0, 0, 1], 4000).into();
        let head = RequestHead::read(parts, peer, &options, |_| false).expect("a head");
        let mut headers = HeaderMap::new();
        let suffix = CookieSuffix::of(&options.publishable_key);
        cookies(told, &head, &suffix, &mut headers);
        let lines = headers.get_all(SET_COOKIE).iter();
        lines.map(|l| l.to_str().expect("text").to_owned()).collect()
    }

    fn signed_in(token: Option<&str>) -> ClientView {
        let mut view = samples::client(None, vec![samples::session()]);
        view.new_token = token.map(|t| Secret::new(t.to_owned()));
        view
    }
}
