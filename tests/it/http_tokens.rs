//! Client tokens over HTTP: which client sends and gets which token, and what overlapping requests are told.

use std::sync::Barrier;
use std::sync::atomic::{AtomicBool, Ordering};

use serde_json::{Value, json};

use crate::support::backend::Site;
use crate::support::browser::{Browser, PAGE};
use crate::support::server::{Answer, Server};

/// An attacker with the earlier token calls everything in a loop while the person's attempt completes the sign-up.
#[test]
fn requests_with_the_old_token_beside_the_completing_one_are_told_nothing() {
    let site = Site::start(&settings(json!({})));
    for (round, mode) in [Mode::Native, Mode::Cookie, Mode::DevBrowser].into_iter().cycle().take(9).enumerate() {
        let begun = Begun::on(&site, mode, &format!("ada{round}@example.com"));
        let path = format!("/v1/client/sign_ups/{}", begun.id);
        let (is_over, is_on) = (AtomicBool::new(false), Barrier::new(5));
        let (told, done) = std::thread::scope(|scope| {
            let calls = [("GET", path.as_str()), ("PATCH", &path), ("GET", "/v1/client"), ("PUT", "/v1/client")];
            let loops: Vec<_> = calls
                .into_iter()
                .map(|(method, path)| {
                    let (begun, is_over, is_on) = (&begun, &is_over, &is_on);
                    scope.spawn(move || {
                        let mut told = vec![begun.call(method, path, "")];
                        is_on.wait();
                        while !is_over.load(Ordering::SeqCst) && told.len() < 2000 {
                            told.push(begun.call(method, path, ""));
                        }
                        told
                    })
                })
                .collect();
            let form = format!("strategy=email_code&code={}", begun.code);
            is_on.wait();
            let done = begun.call("POST", &format!("{path}/attempt_verification"), &form);
            is_over.store(true, Ordering::SeqCst);
            (loops.into_iter().flat_map(|l| l.join().expect("no panic")).collect::<Vec<_>>(), done)
        });
        let shown = done.json();
        let session = shown["response"]["created_session_id"].as_str().unwrap_or_else(|| panic!("{}", done.body));
        let user = shown["response"]["created_user_id"].as_str().expect("a user");
        let new_token = mode.token_in(&done).expect("a new token");
        for answer in &told {
            assert!(!answer.body.contains(session) && !answer.body.contains(user), "{mode:?}: {}", answer.body);
            let token = mode.token_in(answer);
            assert!(token.is_none_or(|token| token == begun.token), "{mode:?}: {:?}", answer.headers);
            assert_ne!(mode.token_in(answer), Some(new_token.clone()));
        }
    }
}

#[test]
fn a_replaced_token_gets_errors_without_a_client_and_gets_no_other_client() {
    let site = Site::start(&settings(json!({})));
    for mode in [Mode::Native, Mode::Cookie, Mode::DevBrowser] {
        let begun = Begun::on(&site, mode, &format!("{mode:?}@example.com").to_lowercase());
        let path = format!("/v1/client/sign_ups/{}", begun.id);
        let form = format!("strategy=email_code&code={}", begun.code);
        let done = begun.call("POST", &format!("{path}/attempt_verification"), &form);
        let session = done.json()["client"]["sessions"][0]["id"].as_str().expect("a session").to_owned();
        for (method, path, form) in [
            ("PATCH", path.as_str(), ""),
            ("POST", "/v1/client/sign_ups", "email_address=eve%40example.com"),
            ("POST", "/v1/client/sign_ins", "identifier=eve%40example.com"),
            ("PUT", "/v1/client", ""),
            ("DELETE", "/v1/client", ""),
            ("DELETE", "/v1/client/sessions", ""),
            ("POST", &format!("/v1/client/sessions/{session}/tokens"), ""),
            ("POST", &format!("/v1/client/sessions/{session}/touch"), ""),
            ("POST", &format!("{path}/attempt_verification"), "strategy=email_code&code=000000"),
        ] {
            let refused = begun.call(method, path, form);
            assert!((400..500).contains(&refused.status), "{mode:?} {method} {path}: {}", refused.body);
            assert_eq!(mode.token_in(&refused), None, "{mode:?} {method} {path}: {:?}", refused.headers);
            assert_eq!(refused.header("set-cookie"), None, "{method} {path}");
            assert!(!refused.body.contains("\"client\"") && !refused.body.contains("sess_"), "{}", refused.body);
            let code = if path.ends_with("attempt_verification") && mode != Mode::DevBrowser {
                "resource_not_found"
            } else {
                "client_state_invalid"
            };
            assert_eq!(refused.error_codes(), [code], "{mode:?} {method} {path}");
        }
        let old = begun.token.clone();
        let new = Begun { token: mode.token_in(&done).expect("a new token"), ..begun };
        let client = new.call("GET", "/v1/client", "").json();
        assert_eq!(client["response"]["sessions"][0]["id"], json!(session), "nobody signed out: {client}");
        // A client that never got the answer must start again.
        site.server.advance(11_000);
        let lost = Begun { token: old, ..new };
        let anew = lost.call("POST", "/v1/client/sign_ups", "email_address=eve%40example.com");
        match mode {
            Mode::DevBrowser => assert_eq!(anew.error_codes(), ["dev_browser_unauthenticated"]),
            _ => assert_ne!(anew.json()["client"]["id"], client["response"]["id"]),
        }
    }
}

#[test]
fn a_read_that_was_overtaken_is_sent_again_as_it_was() {
    let site = Site::start(&settings(json!({})));
    let mut browser = Browser::of(&site.server);
    let begun = Begun::on(&site, Mode::Cookie, "ada@example.com");
    browser.cookies = vec![("__client".into(), begun.token.clone())];
    let path = format!("/v1/client/sign_ups/{}", begun.id);
    let form = format!("strategy=email_code&code={}", begun.code);
    browser.post(&format!("{path}/attempt_verification"), &form);
    for path in [&format!("{path}?_clerk_js_version=6&x=%26"), "/v1/client?a=b", "/v1/client", "/v1/me?c"] {
        let mut late = Browser::of(&site.server);
        late.cookies = vec![("__client".into(), begun.token.clone())];
        let again = late.get(path);
        assert_eq!((again.status, again.body.as_str()), (307, ""), "{path}");
        assert_eq!(again.header("access-control-allow-origin"), Some(PAGE));
        let (plain, query) = path.split_once('?').unwrap_or((path, ""));
        let to = again.header("location").expect("where to").to_owned();
        assert!(to.starts_with(&format!("?{query}")) && to.ends_with("_vestibule_again=1"), "{to}");
        let answered = browser.get(&format!("{plain}{to}"));
        assert_eq!(answered.json()["client"]["sessions"].as_array().map(Vec::len), Some(1), "{}", answered.body);
        late.cookies.push(("__client_uat".into(), "5".into()));
        let never = late.get(&format!("{plain}{to}"));
        assert_eq!(never.header("set-cookie"), None, "the sessions are the other answer's to tell");
        assert!(never.status != 307 && !never.body.contains("sess_"), "once: {}", never.body);
    }
}

#[test]
fn what_the_backend_completed_is_handed_to_who_took_the_last_step_whatever_they_ask() {
    let site = Site::start(&settings(json!({"custom_action_required": true})));
    let asks: [fn(&Begun<'_>) -> Answer; 6] = [
        |begun| begun.call("GET", "/v1/client", ""),
        |begun| begun.call("GET", &format!("/v1/client/sign_ups/{}", begun.id), ""),
        |begun| begun.call("PATCH", &format!("/v1/client/sign_ups/{}", begun.id), ""),
        |begun| begun.call("GET", "/v1/client/sign_ins/sia_000000000000000000000000007", ""),
        |begun| begun.call("POST", "/v1/client/sessions/sess_000000000000000000000000007/tokens", ""),
        |begun| begun.call("GET", "/v1/tickets/accept?ticket=nonsense", ""),
    ];
    for mode in [Mode::Native, Mode::Cookie, Mode::DevBrowser] {
        for (n, ask) in asks.into_iter().enumerate() {
            if n == 5 && mode == Mode::DevBrowser {
                // A navigation carries no dev browser token.
                continue;
            }
            let begun = Begun::on(&site, mode, &format!("{mode:?}{n}@example.com").to_lowercase());
            let path = format!("/v1/client/sign_ups/{}", begun.id);
            let form = format!("strategy=email_code&code={}", begun.code);
            let proved = begun.call("POST", &format!("{path}/attempt_verification"), &form);
            assert_eq!(proved.json()["response"]["status"], "missing_requirements", "{}", proved.body);
            let begun = Begun { token: mode.token_in(&proved).expect("a new token"), ..begun };
            let say = json!({ "custom_action": true });
            let acted = site.backend("PATCH", &format!("/v1/sign_ups/{}", begun.id), &say);
            let session = acted.json()["created_session_id"].as_str().expect("a session").to_owned();

            let first = ask(&begun);
            let new_token = mode.token_in(&first).unwrap_or_else(|| panic!("{mode:?} {n}: {:?}", first.headers));
            assert_ne!(new_token, begun.token);
            let second = begun.call("GET", "/v1/client?_vestibule_again=1", "");
            assert!(!second.body.contains(&session), "{mode:?} {n}: {}", second.body);
            assert_ne!(mode.token_in(&second), Some(new_token.clone()));
            let new = Begun { token: new_token, ..begun };
            let client = new.call("GET", "/v1/client", "").json();
            assert_eq!(client["response"]["sessions"][0]["id"], json!(session), "{mode:?} {n}: {client}");
        }
    }
}

/// A request in flight while the backend completes the sign-up: it is retried, and its token is valid for that.
#[test]
fn a_page_that_waits_for_the_backend_is_answered_however_it_asks() {
    let site = Site::start(&settings(json!({"custom_action_required": true})));
    for (round, mode) in [Mode::Native, Mode::Cookie, Mode::DevBrowser].into_iter().cycle().take(6).enumerate() {
        let begun = Begun::on(&site, mode, &format!("ada{round}@example.com"));
        let path = format!("/v1/client/sign_ups/{}", begun.id);
        let form = format!("strategy=email_code&code={}", begun.code);
        let proved = begun.call("POST", &format!("{path}/attempt_verification"), &form);
        let begun = Begun { token: mode.token_in(&proved).expect("a new token"), ..begun };
        std::thread::scope(|scope| {
            let page = scope.spawn(|| {
                let mut path = path.clone();
                for _ in 0..2000 {
                    let answer = begun.call("GET", &path, "");
                    match answer.status {
                        200 if answer.json()["response"]["status"] == "complete" => return answer,
                        200 => path = format!("/v1/client/sign_ups/{}", begun.id),
                        307 => path += answer.header("location").expect("where to"),
                        _ => panic!("{mode:?}: {}", answer.body),
                    }
                }
                panic!("never complete");
            });
            site.backend("PATCH", &format!("/v1/sign_ups/{}", begun.id), &json!({ "custom_action": true }));
            let done = page.join().expect("no panic");
            assert!(mode.token_in(&done).is_some_and(|token| token != begun.token), "{mode:?}: {:?}", done.headers);
            assert_eq!(done.json()["client"]["sessions"].as_array().map(Vec::len), Some(1));
        });
    }
}

#[test]
fn cookies_of_several_clients_are_refused_in_whatever_order() {
    let site = Site::start(&settings(json!({})));
    let (ada, eve) =
        (Begun::on(&site, Mode::Cookie, "ada@example.com"), Begun::on(&site, Mode::Cookie, "eve@example.com"));
    let opened = Browser::of(&site.server).post("/v1/client", "");
    let fresh = Mode::Cookie.token_in(&opened).expect("a token");
    let garbage = "A".repeat(ada.token.len());
    let path = format!("/v1/client/sign_ups/{}", ada.id);
    let calls = |cookie: &str| {
        let headers = [("cookie", cookie), ("origin", PAGE)];
        ["GET", "PATCH"].map(|method| site.server.request(method, &path, &headers, "").expect("an answer"))
    };
    for other in [&eve.token, &fresh] {
        for pair in [[&ada.token, other], [other, &ada.token]] {
            let cookie = format!("__client={}; a=b; __client={garbage}; __client={}", pair[0], pair[1]);
            for refused in calls(&cookie) {
                assert_eq!((refused.status, refused.error_codes()), (400, vec!["cookie_invalid".to_owned()]));
                assert!(refused.body.contains("clear the cookies"), "{}", refused.body);
                assert_eq!(refused.header("set-cookie"), None);
                assert!(!refused.body.contains("example.com"));
            }
        }
    }
    for tokens in [[garbage.as_str(), &ada.token], [&ada.token, &garbage], [&ada.token, "%00"], ["", &ada.token]] {
        let cookie = format!("__client={}; __client={}", tokens[0], tokens[1]);
        for answer in calls(&cookie) {
            assert_eq!(answer.json()["response"]["email_address"], "ada@example.com", "{}", answer.body);
        }
    }

    let native = |first: &str, second: &str| {
        let headers = [("authorization", first), ("authorization", second)];
        site.server.request("GET", "/v1/client?_is_native=1", &headers, "").expect("an answer")
    };
    assert_eq!(native(&ada.token, &eve.token).error_codes(), ["cookie_invalid"]);
    assert_eq!(native(&eve.token, &ada.token).error_codes(), ["cookie_invalid"]);
    let twice = native(&format!("Bearer {}", ada.token), &ada.token);
    assert_eq!(twice.json()["response"]["sign_up"]["id"], json!(ada.id));
}

#[test]
fn of_two_tokens_of_one_client_the_current_one_counts() {
    let site = Site::start(&settings(json!({})));
    let begun = Begun::on(&site, Mode::Cookie, "ada@example.com");
    let form = format!("strategy=email_code&code={}", begun.code);
    let done = begun.call("POST", &format!("/v1/client/sign_ups/{}/attempt_verification", begun.id), &form);
    let new_token = Mode::Cookie.token_in(&done).expect("a new token");
    for pair in [[&begun.token, &new_token], [&new_token, &begun.token]] {
        let cookie = format!("__client={}; __client={}", pair[0], pair[1]);
        let answer = site.server.request("GET", "/v1/client", &[("cookie", &cookie)], "").expect("an answer");
        assert_eq!(answer.json()["response"]["sessions"].as_array().map(Vec::len), Some(1), "{}", answer.body);
    }
}

#[test]
fn an_application_without_cookies_is_known_by_its_token_bare_or_not_and_told_it_each_time() {
    let site = Site::start(&settings(json!({})));
    let call = |method: &str, token: &str| site.server.native(method, "/v1/client", token, "").expect("an answer");
    for nobody in ["", "Bearer", "Bearer ", "bearer", "nonsense", "Bearer nonsense", "Bearer a.b.c"] {
        let shown = call("GET", nobody);
        assert_eq!((shown.status, &shown.json()["response"]), (200, &Value::Null), "{nobody}");
        assert_eq!(shown.header("authorization"), None, "{nobody}");
        let opened = call("POST", nobody);
        assert_eq!(opened.json()["response"]["object"], "client", "{nobody}");
        let token = opened.header("authorization").expect("a token").to_owned();
        assert!(!token.is_empty() && !token.contains(' '), "no scheme before it: {token}");
        for known in [token.clone(), format!("Bearer {token}"), format!("bearer  {token}")] {
            for method in ["GET", "PUT", "POST"] {
                let shown = call(method, &known);
                assert_eq!(shown.json()["response"]["id"], opened.json()["response"]["id"], "{method} {known}");
                assert_eq!(shown.header("authorization"), Some(&*token), "{method}: or iOS takes it for no answer");
            }
        }
        let forgotten = call("DELETE", &token);
        assert_eq!((forgotten.status, forgotten.header("authorization")), (200, Some("")), "an empty one is forgotten");
    }
}

#[test]
fn a_client_that_was_only_opened_survives_a_restart_without_being_stored() {
    let folder = tempfile::tempdir().expect("a folder");
    let config = format!("[server]\nallowed_origins = [\"{PAGE}\"]\n[limits]\nsource = false\n");
    let server = Server::start(folder.path(), &config);
    let opened = server.native("POST", "/v1/client", "", "").expect("an answer");
    let token = opened.header("authorization").expect("a token").to_owned();
    let id = opened.json()["response"]["id"].clone();
    let dev_browser = server.request("POST", "/v1/dev_browser", &[("origin", PAGE)], "").expect("an answer");
    let dev_browser = dev_browser.json()["id"].as_str().expect("an id").to_owned();
    assert_eq!(server.terminate(), Some(0));

    let server = Server::start(folder.path(), &config);
    let shown = server.native("GET", "/v1/client", &token, "").expect("an answer");
    assert_eq!(shown.json()["response"]["id"], id);
    assert_eq!(shown.json()["response"]["sessions"], json!([]));
    let out = server.native("DELETE", "/v1/client/sessions", &token, "").expect("an answer");
    assert_eq!((out.status, &out.json()["response"]["id"]), (200, &id));
    let form = "email_address=ada%40example.com&password=wanders+under+elms";
    let made = server.native("POST", "/v1/client/sign_ups", &token, form).expect("an answer");
    assert_eq!((&made.json()["client"]["id"], made.header("authorization")), (&id, Some(token.as_str())));
    let path = format!("/v1/client/sign_ups?__clerk_db_jwt={dev_browser}");
    let made = Browser::of(&server).post(&path, form);
    assert_eq!((made.status, made.header("clerk-db-jwt")), (200, None), "{}", made.body);
}

/// How a client sends its token.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Mode {
    Native,
    Cookie,
    DevBrowser,
}

impl Mode {
    /// The new client token in an answer.
    fn token_in(self, answer: &Answer) -> Option<String> {
        match self {
            Self::Native => answer.header("authorization").map(str::to_owned),
            Self::Cookie => {
                let mut lines = answer.headers.iter().filter(|(name, _)| name.eq_ignore_ascii_case("set-cookie"));
                lines.find_map(|(_, line)| Some(line.strip_prefix("__client=")?.split(';').next()?.to_owned()))
            }
            Self::DevBrowser => answer.header("clerk-db-jwt").map(|id| id.trim_start_matches("dvb_").to_owned()),
        }
    }
}

/// A sign-up that only lacks its code.
struct Begun<'a> {
    server: &'a Server,
    mode: Mode,
    token: String,
    id: String,
    code: String,
}

impl<'a> Begun<'a> {
    fn on(site: &'a Site, mode: Mode, address: &str) -> Self {
        let mut begun =
            Self { server: &site.server, mode, token: String::new(), id: String::new(), code: String::new() };
        if mode == Mode::DevBrowser {
            let opened = Browser::of(&site.server).post("/v1/dev_browser", "").json();
            begun.token = opened["id"].as_str().expect("an id").trim_start_matches("dvb_").to_owned();
        }
        let form = format!("email_address={address}&password=wanders+under+elms&strategy=email_code");
        let created = begun.call("POST", "/v1/client/sign_ups", &form);
        begun.token = mode.token_in(&created).unwrap_or(begun.token);
        begun.id = created.json()["response"]["id"].as_str().expect("an id").to_owned();
        begun.code = site.server.code(address, 1);
        begun
    }

    /// A call with its token; a new token in the answer is not kept.
    fn call(&self, method: &str, path: &str, form: &str) -> Answer {
        let join = if path.contains('?') { '&' } else { '?' };
        match self.mode {
            Mode::Native => self.server.native(method, path, &self.token, form).expect("an answer"),
            Mode::Cookie => {
                let mut browser = Browser::of(self.server);
                if !self.token.is_empty() {
                    browser.cookies = vec![("__client".into(), self.token.clone())];
                }
                browser.request(method, path, &[], form)
            }
            Mode::DevBrowser => {
                let path = format!("{path}{join}__clerk_db_jwt=dvb_{}", self.token);
                Browser::of(self.server).request(method, &path, &[], form)
            }
        }
    }
}

fn settings(sign_up: Value) -> Value {
    json!({
        "attributes": {
            "email_address": {
                "enabled": true, "required": true, "verifications": ["email_code"], "verify_at_sign_up": true,
            },
            "password": {"enabled": true, "required": true},
        },
        "sign_up": sign_up,
    })
}
