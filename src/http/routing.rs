//! The meaning of each path and method: the tables of the audiences, one after the other. A path with a malformed id is
//! unknown.

mod backend;
mod off;
mod realm;

use hyper::Method;

use crate::domain::rejection::{ErrorCode, Reason};

use super::endpoint::{Endpoint, PathId};
use super::outcomes::LoggedRoute;
use super::response::cors::Realm;
use super::response::error::HttpError;
use super::{backend as backend_api, dev, frontend, openapi, ops};

pub(super) use realm::realm;

/// The endpoints at a path.
#[derive(Clone, Copy, Debug)]
pub(super) struct Found {
    /// The endpoints, one for each method; empty for an unknown path.
    pub(super) endpoints: &'static [Endpoint],
    /// The id in the path.
    pub(super) id: PathId,
}

/// What is at a path for callers other than backends.
pub(super) fn at(path: &str, development: bool) -> Found {
    let tables =
        [frontend::ENDPOINTS, ops::ENDPOINTS, openapi::ENDPOINTS, if development { dev::ENDPOINTS } else { &[] }];
    tables.into_iter().find_map(|table| all_at(table, path)).unwrap_or(NOTHING)
}

/// The endpoint for `method` on `path` in `realm`; `found` are the path's endpoints for callers other than backends.
///
/// # Errors
/// 404 for unknown paths, 405 with `Allow` for paths without that method, 403 for features that the engine does not
/// have.
pub(super) fn find(
    method: &Method,
    path: &str,
    realm: Realm,
    found: Found,
) -> Result<(&'static Endpoint, PathId), HttpError> {
    let is_backend = realm == Realm::Backend;
    let found = if is_backend { all_at(backend_api::ENDPOINTS, path).unwrap_or(NOTHING) } else { found };
    if let Some(endpoint) = found.endpoints.iter().find(|endpoint| endpoint.answers(method)) {
        return Ok((endpoint, found.id));
    }
    let off = if is_backend { None } else { off::code(&segments(path)) };
    Err(match off {
        Some(code) => code.into(),
        None if SATELLITES.contains(&path) => {
            Reason::from(ErrorCode::ResourceNotFound).saying(NO_SATELLITES.into()).into()
        }
        None if found.endpoints.is_empty() => ErrorCode::ResourceNotFound.into(),
        None => not_allowed(found.endpoints),
    })
}

/// The route of a path, for the log. `None` for an unknown path.
pub(super) fn logged(path: &str, development: bool) -> Option<LoggedRoute> {
    let found = at(path, development).endpoints.first();
    let found = found.or_else(|| all_at(backend_api::ENDPOINTS, path)?.endpoints.first())?;
    Some(LoggedRoute { pattern: found.path, is_quiet: found.is_quiet })
}

/// Whether a path belongs to the API, as opposed to data for operators such as the public keys.
pub(super) fn is_of_the_api(path: &str) -> bool {
    path.starts_with("/v1/") && path != "/v1/jwks"
}

/// The rows of a table for a path. Rows with the same path are next to each other.
fn all_at(table: &'static [Endpoint], path: &str) -> Option<Found> {
    let (first, id) = table.iter().enumerate().find_map(|(at, endpoint)| Some((at, endpoint.id_at(path)?)))?;
    let is_same = |endpoint: &&Endpoint| endpoint.path == table[first].path;
    let count = table[first..].iter().take_while(is_same).count();
    Some(Found { endpoints: &table[first..first + count], id })
}

fn not_allowed(found: &[Endpoint]) -> HttpError {
    let has_get = found.iter().any(|endpoint| endpoint.method == Method::GET);
    let names = found.iter().map(|endpoint| endpoint.method.as_str());
    let names = names.chain(has_get.then_some("HEAD")).chain(["OPTIONS"]);
    HttpError::method_not_allowed(&names.collect::<Vec<_>>().join(", "))
}

/// The parts of a path.
fn segments(path: &str) -> Vec<&str> {
    path.split('/').skip(1).take(SEGMENTS_MAX + 1).collect()
}

const NOTHING: Found = Found { endpoints: &[], id: PathId::Absent };
/// Where browsers are sent for the satellite domains of an application.
const SATELLITES: [&str; 2] = ["/v1/client/sync", "/v1/client/link"];
const NO_SATELLITES: &str =
    "This instance serves one domain and its subdomains. There are no satellite domains to sync with.";
/// More segments than any path has.
const SEGMENTS_MAX: usize = 5;

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use hyper::header::ALLOW;

    use super::*;
    use crate::domain::id::{SessionId, SignInId, SignUpId};
    use crate::http::request_id::RequestId;

    #[test]
    fn a_path_and_a_method_are_one_row() {
        let id = SignUpId::from_bytes([7; 16]);
        let session = SessionId::from_bytes([8; 16]);
        let sign_in = SignInId::from_bytes([9; 16]);
        for (method, path, expected) in [
            ("GET", "/v1/environment".to_owned(), "GET /v1/environment"),
            ("HEAD", "/v1/client".into(), "GET /v1/client"),
            ("DELETE", "/v1/client".into(), "DELETE /v1/client"),
            ("POST", "/v1/client/sign_ups".into(), "POST /v1/client/sign_ups"),
            ("PATCH", format!("/v1/client/sign_ups/{id}"), "PATCH /v1/client/sign_ups/{id}"),
            (
                "POST",
                format!("/v1/client/sign_ups/{id}/attempt_verification"),
                "POST /v1/client/sign_ups/{id}/attempt_verification",
            ),
            ("GET", format!("/v1/client/sign_ins/{sign_in}"), "GET /v1/client/sign_ins/{id}"),
            ("POST", format!("/v1/client/sessions/{session}/tokens"), "POST /v1/client/sessions/{id}/tokens"),
            ("HEAD", "/v1/verify".into(), "GET /v1/verify"),
            ("GET", "/.well-known/jwks.json".into(), "GET /.well-known/jwks.json"),
            ("PUT", "/dev/settings".into(), "PUT /dev/settings"),
            ("GET", "/dev/pages/app.js".into(), "GET /dev/pages/{id}"),
        ] {
            let endpoint = find(method, &path, true).expect(&path);
            assert_eq!(format!("{} {}", endpoint.method, endpoint.path), expected);
        }
    }

    #[test]
    fn the_rows_of_a_path_stand_together_and_agree() {
        for table in TABLES {
            let mut seen: Vec<(&Method, &str)> = Vec::new();
            for endpoint in *table {
                let row = (endpoint.method, endpoint.path);
                let is_new = seen.iter().all(|(_, path)| *path != endpoint.path);
                assert!(is_new || seen.last().is_some_and(|(_, path)| *path == endpoint.path), "{row:?}");
                assert!(!seen.contains(&row), "{row:?} twice");
                seen.push(row);
                let first = table.iter().find(|other| other.path == endpoint.path).expect("itself");
                assert_eq!((first.realm, first.is_quiet), (endpoint.realm, endpoint.is_quiet), "{row:?}");
                assert_eq!(first.has_id(), endpoint.path.contains('{'), "{row:?} names a kind of id");
            }
        }
    }

    #[test]
    fn the_guide_has_the_paths_of_the_tables() {
        let known = TABLES.iter().copied().flatten().map(|endpoint| endpoint.path);
        let known: BTreeSet<&str> = known.filter(|path| !PAGES.contains(path)).collect();
        let pages = [
            (include_str!("../guide/contract.md"), "| path | methods | page |"),
            (include_str!("../guide/contract_backend.md"), "| path | methods | part |"),
        ];
        let tables = pages.iter().flat_map(|(page, head)| page.split(head).skip(1));
        let rows = tables.flat_map(|rest| rest.lines().skip(2).take_while(|line| line.starts_with('|')));
        let told: BTreeSet<(&str, BTreeSet<&str>)> = rows
            .map(|row| {
                let mut cells = row.trim_matches('|').split(" | ").map(str::trim);
                let path = cells.next().expect("a path").trim_matches('`');
                (path, cells.next().expect("methods").split(", ").collect())
            })
            .collect();
        let methods = |path: &str| {
            let rows = TABLES.iter().copied().flatten().filter(move |endpoint| endpoint.path == path);
            rows.map(|endpoint| endpoint.method.as_str()).collect::<BTreeSet<_>>()
        };
        assert_eq!(told, known.iter().map(|path| (*path, methods(path))).collect());
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
            assert_eq!(logged(&path, true).map(|route| route.pattern), expected, "{path}");
        }
    }

    #[test]
    fn what_is_polled_and_what_is_static_is_quiet() {
        let is_quiet = |path| logged(path, true).is_some_and(|route| route.is_quiet);
        for path in ["/health/live", "/health/ready", "/", "/dev/pages/style.css", "/dev/mailbox", "/dev/outbox"] {
            assert!(is_quiet(path), "{path}");
        }
        for path in ["/v1/environment", "/v1/client", "/v1/verify", "/dev/settings", "/nowhere"] {
            assert!(!is_quiet(path), "{path}");
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
            super::find(&method, path, Realm::Backend, at(path, true)).map(|(endpoint, _)| endpoint)
        };
        assert_eq!(find("GET", "/v1/invitations").expect("there").path, "/v1/invitations");
        assert_eq!(status(find("PUT", "/v1/invitations")), 405);
        for path in
            ["/v1/domains", "/v1/organizations", "/v1/client/sign_ups", "/v1/me/passkeys", "/v1/invitations/inv_1"]
        {
            assert_eq!(status(find("GET", path)), 404, "{path}");
        }
    }

    #[test]
    fn what_is_off_says_so_and_is_not_missing() {
        for (method, path, expected) in [
            ("POST", "/v1/organizations", 403),
            ("POST", "/v1/me/web3_wallets", 403),
            ("PUT", "/v1/me", 405),
            ("POST", "/v1/me/nonsense", 404),
        ] {
            assert_eq!(status(find(method, path, true)), expected, "{method} {path}");
        }
    }

    fn find(method: &str, path: &str, development: bool) -> Result<&'static Endpoint, HttpError> {
        let method = Method::from_bytes(method.as_bytes()).expect("a method");
        super::find(&method, path, Realm::Api, at(path, development)).map(|(endpoint, _)| endpoint)
    }

    fn status(found: Result<&Endpoint, HttpError>) -> u16 {
        let error = found.expect_err("nothing there");
        error.into_answer(&RequestId::fresh()).into_response().status().as_u16()
    }

    const TABLES: &[&[Endpoint]] =
        &[frontend::ENDPOINTS, ops::ENDPOINTS, openapi::ENDPOINTS, dev::ENDPOINTS, backend_api::ENDPOINTS];
    /// The pages of a development instance are for people, and not part of the contract.
    const PAGES: [&str; 3] = ["/", "/dev/mailbox", "/dev/pages/{id}"];
}
