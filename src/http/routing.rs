//! Which path and method mean what. Paths with malformed ids are as unknown as all others.

mod backend;
mod off;
mod realm;

use std::str::FromStr;

use hyper::Method;

use crate::domain::id::{SessionId, SignInId, SignUpId};
use crate::domain::rejection::ErrorCode;

use super::dev::pages::Page;
use super::response::cors::Realm;
use super::response::error::HttpError;

pub(super) use backend::BackendRoute;
pub(super) use realm::realm;

/// What can be done at a path.
type Methods<R> = Vec<(Method, R)>;

/// What can be asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Route {
    Environment,
    ClientShow,
    ClientOpen,
    ClientDrop,
    CaptchaSolve,
    SignInCreate,
    SignInShow(SignInId),
    SignInPrepare(SignInId),
    SignInAttempt(SignInId),
    SignUpCreate,
    SignUpShow(SignUpId),
    SignUpUpdate(SignUpId),
    SignUpPrepare(SignUpId),
    SignUpAttempt(SignUpId),
    Verify,
    VerifyConfirmed,
    OAuthCallback,
    OAuthCallbackRepeat,
    TicketAccept,
    WaitlistJoin,
    Backend(BackendRoute),
    SessionsEnd,
    SessionShow(SessionId),
    SessionTouch(SessionId),
    SessionToken(SessionId),
    SessionEnd(SessionId),
    SessionRemove(SessionId),
    Me,
    DevBrowser,
    Jwks,
    Live,
    Ready,
    Outbox,
    SettingsShow,
    SettingsReplace,
    ClockShow,
    ClockAdvance,
    Page(Page),
}

impl Route {
    /// The route that `method` on `path` means, where the path is seen in `realm`.
    ///
    /// # Errors
    /// 404 for unknown paths, 405 with `Allow` for paths without that method, 403 for those of a feature that the
    /// engine does not have.
    pub(super) fn find(method: &Method, path: &str, realm: Realm, development: bool) -> Result<Self, HttpError> {
        let segments = segments(path);
        let methods = match realm {
            Realm::Backend => Self::of_backend(&segments),
            _ => Self::on(&segments, development),
        };
        let wanted = if method == Method::HEAD { &Method::GET } else { method };
        let found = methods.iter().flatten().find(|(m, _)| m == wanted);
        if let Some((_, route)) = found {
            return Ok(*route);
        }
        Err(match (off::code(method, &segments), methods) {
            (Some(code), _) if realm != Realm::Backend => code.into(),
            (_, None) => ErrorCode::ResourceNotFound.into(),
            (_, Some(methods)) => not_allowed(&methods),
        })
    }

    fn of_backend(segments: &[&str]) -> Option<Methods<Self>> {
        let methods = BackendRoute::on(segments)?;
        Some(methods.into_iter().map(|(method, route)| (method, Self::Backend(route))).collect())
    }

    fn on(segments: &[&str], development: bool) -> Option<Methods<Self>> {
        const GET: Method = Method::GET;
        const POST: Method = Method::POST;
        const PUT: Method = Method::PUT;
        const PATCH: Method = Method::PATCH;
        const DELETE: Method = Method::DELETE;
        Some(match *segments {
            ["v1", "environment"] => vec![(GET, Self::Environment), (PATCH, Self::Environment)],
            ["v1", "client"] => vec![
                (GET, Self::ClientShow),
                (PUT, Self::ClientOpen),
                (POST, Self::ClientOpen),
                (DELETE, Self::ClientDrop),
            ],
            ["v1", "client", "verify"] => vec![(POST, Self::CaptchaSolve)],
            ["v1", "client", "sign_ins"] => vec![(POST, Self::SignInCreate)],
            ["v1", "client", "sign_ins", text] => vec![(GET, Self::SignInShow(id(text)?))],
            ["v1", "client", "sign_ins", text, "prepare_first_factor"] => {
                vec![(POST, Self::SignInPrepare(id(text)?))]
            }
            ["v1", "client", "sign_ins", text, "attempt_first_factor"] => {
                vec![(POST, Self::SignInAttempt(id(text)?))]
            }
            ["v1", "client", "sign_ups"] => vec![(POST, Self::SignUpCreate)],
            ["v1", "client", "sign_ups", text] => {
                let id = id(text)?;
                vec![(GET, Self::SignUpShow(id)), (PATCH, Self::SignUpUpdate(id))]
            }
            ["v1", "client", "sign_ups", text, "prepare_verification"] => {
                vec![(POST, Self::SignUpPrepare(id(text)?))]
            }
            ["v1", "client", "sign_ups", text, "attempt_verification"] => {
                vec![(POST, Self::SignUpAttempt(id(text)?))]
            }
            ["v1", "oauth_callback"] => vec![(GET, Self::OAuthCallback), (POST, Self::OAuthCallbackRepeat)],
            ["v1", "verify"] => vec![(GET, Self::Verify), (POST, Self::VerifyConfirmed)],
            ["v1", "tickets", "accept"] => vec![(GET, Self::TicketAccept)],
            ["v1", "waitlist"] => vec![(POST, Self::WaitlistJoin)],
            ["v1", "client", "sessions"] => vec![(DELETE, Self::SessionsEnd)],
            ["v1", "client", "sessions", text] => vec![(GET, Self::SessionShow(id(text)?))],
            ["v1", "client", "sessions", text, call] => {
                let id = id(text)?;
                vec![(
                    POST,
                    match call {
                        "touch" => Self::SessionTouch(id),
                        "tokens" => Self::SessionToken(id),
                        "end" => Self::SessionEnd(id),
                        "remove" => Self::SessionRemove(id),
                        _ => return None,
                    },
                )]
            }
            ["v1", "me"] => vec![(GET, Self::Me)],
            ["v1", "jwks"] | [".well-known", "jwks.json"] => vec![(GET, Self::Jwks)],
            ["health", "live"] => vec![(GET, Self::Live)],
            ["health", "ready"] => vec![(GET, Self::Ready)],
            _ if !development => return None,
            ["v1", "dev_browser"] => vec![(POST, Self::DevBrowser)],
            ["dev", "outbox"] => vec![(GET, Self::Outbox)],
            ["dev", "settings"] => vec![(GET, Self::SettingsShow), (PUT, Self::SettingsReplace)],
            ["dev", "clock"] => vec![(GET, Self::ClockShow), (POST, Self::ClockAdvance)],
            _ => vec![(GET, Self::Page(Page::at(segments)?))],
        })
    }
}

/// What the log calls a path: with `{id}` where it has one; `None` where there is nothing.
pub(super) fn pattern(path: &str, development: bool) -> Option<String> {
    let segments = segments(path);
    Route::on(&segments, development).or_else(|| Route::of_backend(&segments))?;
    let shown = segments.iter().map(|segment| if is_id(segment) { "{id}" } else { segment });
    Some(shown.fold(String::new(), |pattern, segment| pattern + "/" + segment))
}

/// Whether what stands at a path is the API's and not data for operators, such as the public keys.
pub(super) fn is_of_the_api(path: &str) -> bool {
    path.starts_with("/v1/") && path != "/v1/jwks"
}

/// Whether a path is polled, or is asked for with every page: the log has better things to tell.
pub(super) fn is_quiet(path: &str, development: bool) -> bool {
    let methods = Route::on(&segments(path), development).unwrap_or_default();
    methods.iter().any(|(_, route)| matches!(route, Route::Live | Route::Ready | Route::Outbox | Route::Page(_)))
}

fn not_allowed<R>(methods: &Methods<R>) -> HttpError {
    let has_get = methods.iter().any(|(m, _)| m == Method::GET);
    let names = methods.iter().map(|(m, _)| m.as_str());
    let names = names.chain(has_get.then_some("HEAD")).chain(["OPTIONS"]);
    HttpError::method_not_allowed(&names.collect::<Vec<_>>().join(", "))
}

fn segments(path: &str) -> Vec<&str> {
    path.split('/').skip(1).take(SEGMENTS_MAX + 1).collect()
}

fn id<T: FromStr>(text: &str) -> Option<T> {
    text.parse().ok()
}

/// Whether a segment of a path that means something is an id there, of whatever kind.
fn is_id(segment: &str) -> bool {
    segment.rsplit_once('_').is_some_and(|(_, digits)| digits.len() == ID_DIGITS)
}

/// As many base62 digits has an id (see `domain::id`), and no word of a path.
const ID_DIGITS: usize = 27;
/// More segments than any path has.
const SEGMENTS_MAX: usize = 5;

#[cfg(test)]
mod tests {
    use hyper::header::ALLOW;

    use super::*;
    use crate::http::request::id::RequestId;

    #[test]
    fn paths_mean_what_the_contract_says() {
        let id = SignUpId::from_bytes([7; 16]);
        let session = SessionId::from_bytes([8; 16]);
        let sign_up = format!("/v1/client/sign_ups/{id}");
        let sessions = format!("/v1/client/sessions/{session}");
        let sign_in = SignInId::from_bytes([9; 16]);
        let sign_ins = format!("/v1/client/sign_ins/{sign_in}");
        for (method, path, route) in [
            ("GET", "/v1/environment".to_owned(), Route::Environment),
            ("PATCH", "/v1/environment".into(), Route::Environment),
            ("GET", "/v1/client".into(), Route::ClientShow),
            ("HEAD", "/v1/client".into(), Route::ClientShow),
            ("PUT", "/v1/client".into(), Route::ClientOpen),
            ("DELETE", "/v1/client".into(), Route::ClientDrop),
            ("POST", "/v1/client/sign_ups".into(), Route::SignUpCreate),
            ("GET", sign_up.clone(), Route::SignUpShow(id)),
            ("PATCH", sign_up.clone(), Route::SignUpUpdate(id)),
            ("POST", format!("{sign_up}/attempt_verification"), Route::SignUpAttempt(id)),
            ("POST", "/v1/client/sign_ins".into(), Route::SignInCreate),
            ("GET", sign_ins.clone(), Route::SignInShow(sign_in)),
            ("POST", format!("{sign_ins}/prepare_first_factor"), Route::SignInPrepare(sign_in)),
            ("POST", format!("{sign_ins}/attempt_first_factor"), Route::SignInAttempt(sign_in)),
            ("GET", sessions.clone(), Route::SessionShow(session)),
            ("POST", format!("{sessions}/tokens"), Route::SessionToken(session)),
            ("HEAD", "/v1/verify".into(), Route::Verify),
            ("POST", "/v1/verify".into(), Route::VerifyConfirmed),
            ("DELETE", "/v1/client/sessions".into(), Route::SessionsEnd),
            ("GET", "/.well-known/jwks.json".into(), Route::Jwks),
            ("PUT", "/dev/settings".into(), Route::SettingsReplace),
        ] {
            assert_eq!(find(method, &path, true).expect(&path), route);
        }
    }

    #[test]
    fn unknown_paths_and_malformed_ids_are_not_found() {
        let session = SessionId::from_bytes([8; 16]);
        for path in [
            "/v1",
            "/v2/client",
            "/v1/client/",
            "//v1/client",
            "/v1/client/sign_ups/sua_1",
            "/v1/client/sign_ups/..%2f..%2fetc/attempt_verification",
            &format!("/v1/client/sign_ups/{session}"),
            &format!("/v1/client/sessions/{session}/touch/more"),
            &format!("/v1/client/sessions/{session}/revoke"),
            "/dev/pages/../../Cargo.toml",
        ] {
            assert_eq!(status(find("POST", path, true)), 404, "{path}");
        }
    }

    #[test]
    fn a_missing_method_names_those_there_are() {
        let error = find("POST", "/v1/environment", true).expect_err("no such method");
        let response = error.into_answer(&RequestId::fresh()).into_response();
        assert_eq!(response.status(), 405);
        assert_eq!(response.headers()[ALLOW], "GET, PATCH, HEAD, OPTIONS");
    }

    #[test]
    fn the_log_calls_a_path_by_its_pattern() {
        let (id, session) = (SignUpId::from_bytes([7; 16]), SessionId::from_bytes([8; 16]));
        for (path, expected) in [
            ("/v1/client/sign_ups".to_owned(), Some("/v1/client/sign_ups")),
            (format!("/v1/client/sign_ups/{id}"), Some("/v1/client/sign_ups/{id}")),
            (
                format!("/v1/client/sign_ups/{id}/attempt_verification"),
                Some("/v1/client/sign_ups/{id}/attempt_verification"),
            ),
            (format!("/v1/client/sessions/{session}/touch"), Some("/v1/client/sessions/{id}/touch")),
            (format!("/v1/sign_ups/{id}"), Some("/v1/sign_ups/{id}")),
            ("/v1/waitlist_entries/bulk".into(), Some("/v1/waitlist_entries/bulk")),
            ("/.well-known/jwks.json".into(), Some("/.well-known/jwks.json")),
            ("/".into(), Some("/")),
            ("/v1/ada@example.com".into(), None),
            (format!("/v1/client/sign_ups/{session}"), None),
        ] {
            assert_eq!(pattern(&path, true).as_deref(), expected, "{path}");
        }
    }

    #[test]
    fn what_is_polled_and_what_is_static_is_quiet() {
        for path in ["/health/live", "/health/ready", "/", "/dev/pages/style.css", "/dev/mailbox", "/dev/outbox"] {
            assert!(is_quiet(path, true), "{path}");
        }
        for path in ["/v1/environment", "/v1/client", "/v1/verify", "/dev/settings", "/nowhere"] {
            assert!(!is_quiet(path, true), "{path}");
        }
    }

    #[test]
    fn production_instances_have_no_tools() {
        for path in ["/", "/dev/outbox", "/dev/settings", "/dev/mailbox", "/v1/dev_browser"] {
            for method in ["GET", "POST", "PUT"] {
                assert_eq!(status(find(method, path, false)), 404, "{path}");
            }
        }
        assert!(find("GET", "/", true).is_ok());
    }

    #[test]
    fn a_backend_finds_its_own_paths_only() {
        let find = |method: &str, path: &str| {
            let method = Method::from_bytes(method.as_bytes()).expect("a method");
            Route::find(&method, path, Realm::Backend, true)
        };
        assert_eq!(find("GET", "/v1/invitations").ok(), Some(Route::Backend(BackendRoute::InvitationList)));
        assert_eq!(status(find("PUT", "/v1/invitations")), 405);
        for path in
            ["/v1/users", "/v1/organizations", "/v1/client/sign_ups", "/v1/me/passkeys", "/v1/invitations/inv_1"]
        {
            assert_eq!(status(find("GET", path)), 404, "{path}");
        }
    }

    #[test]
    fn what_is_off_says_so_and_is_not_missing() {
        for (method, path, expected) in [
            ("POST", "/v1/organizations", 403),
            ("POST", "/v1/me/passkeys", 403),
            ("PATCH", "/v1/me", 403),
            ("DELETE", "/v1/me", 403),
            ("PUT", "/v1/me", 405),
            ("POST", "/v1/me/nonsense", 404),
        ] {
            assert_eq!(status(find(method, path, true)), expected, "{method} {path}");
        }
    }

    fn find(method: &str, path: &str, development: bool) -> Result<Route, HttpError> {
        let method = Method::from_bytes(method.as_bytes()).expect("a method");
        Route::find(&method, path, Realm::Api, development)
    }

    fn status(found: Result<Route, HttpError>) -> u16 {
        let error = found.expect_err("nothing there");
        error.into_answer(&RequestId::fresh()).into_response().status().as_u16()
    }
}
