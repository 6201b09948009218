//! E-mail links over HTTP, opened by browsers, scanners and native applications.

use serde_json::{Value, json};
use tempfile::TempDir;

use crate::support::browser::{Browser, PAGE, escaped};
use crate::support::endpoint::{Answer, Endpoint};
use crate::support::server::Server;

#[test]
fn the_browser_that_began_follows_its_link_and_is_signed_in() {
    let site = Site::start("");
    let mut browser = site.browser();
    let (id, link) = browser.begin("ada@example.com", "/verify?step=2");
    let before = browser.cookies.clone();
    let mail = site.mail("ada@example.com", 1);
    assert!(mail["text"].as_str().expect("text").contains(&link));
    assert_eq!(mail["code"], Value::Null);
    let prepared = browser.get(&format!("/v1/client/sign_ups/{id}"));
    let shown = prepared.json()["response"]["verifications"]["email_address"].clone();
    assert_eq!(shown["object"], "verification_email_link");
    assert_eq!((&shown["status"], &shown["strategy"]), (&json!("unverified"), &json!("email_link")));
    assert_eq!(shown["supported_strategies"], json!(["email_link"]));

    let clicked = browser.navigate(&link);
    assert_eq!(clicked.status, 303, "{}", clicked.body);
    assert_eq!(clicked.header("referrer-policy"), Some("no-referrer"));
    assert_eq!(clicked.header("cache-control"), Some("no-store"));
    let url = clicked.header("location").expect("a place to go").to_owned();
    assert!(url.starts_with(&format!("{PAGE}/verify?step=2&__clerk_status=verified&__clerk_created_session=sess_")));

    let polled = browser.get(&format!("/v1/client/sign_ups/{id}")).json();
    let (sign_up, client) = (&polled["response"], &polled["client"]);
    assert_eq!(sign_up["status"], "complete");
    assert_eq!(sign_up["verifications"]["email_address"]["verified_at_client"], client["id"]);
    assert_eq!(sign_up["created_session_id"], client["sessions"][0]["id"]);
    assert_eq!(client["sign_up"]["id"], sign_up["id"], "or the page that waits would have nothing to show");
    assert_eq!(browser.get("/v1/client").json()["response"]["sign_up"], Value::Null);
    assert!(url.ends_with(sign_up["created_session_id"].as_str().expect("an id")));

    let mut planted = site.browser();
    planted.cookies = before;
    let sent_again = planted.get(&format!("/v1/client/sign_ups/{id}"));
    assert_eq!(sent_again.status, 307);
    assert_eq!(sent_again.body, "");
    let reference = sent_again.header("location").expect("where to ask again").to_owned();
    assert_eq!(planted.get(&format!("/v1/client/sign_ups/{id}{reference}")).status, 404);
    assert_eq!(browser.get(&format!("/v1/client/sign_ups/{id}{reference}")).json()["response"]["status"], "complete");

    let again = browser.navigate(&link);
    assert_eq!(again.header("location"), Some(url.as_str()), "they have succeeded, however often they click");
    assert_eq!(status_of(&site.browser().navigate(&link)), "failed", "to another browser it is used up");
    assert_eq!(browser.get("/v1/client").json()["response"]["sessions"].as_array().map(Vec::len), Some(1));
    assert_eq!(browser.request("DELETE", "/v1/client/sessions", &[], "").status, 200);
    let signed_out = browser.navigate(&link);
    assert_eq!(status_of(&signed_out), "verified");
    assert!(!signed_out.header("location").is_some_and(|url| url.contains("created_session")), "that is over");
}

#[test]
fn whoever_lost_the_completing_answer_gets_it_again_and_nobody_else() {
    let site = Site::start("");
    let mut browser = site.browser();
    let (id, link) = browser.begin("ada@example.com", "/verify");
    let before = browser.cookies.clone();
    let first = browser.navigate(&link);
    let mut stranger = site.browser();
    assert_eq!(status_of(&stranger.navigate(&link)), "failed");
    let after = std::mem::replace(&mut browser.cookies, before);
    let second = browser.navigate(&link);
    assert_eq!(first.header("location"), second.header("location"));
    assert_eq!(browser.cookie("__client"), after.iter().find(|(n, _)| n == "__client").map(|(_, v)| v.as_str()));
    assert_eq!(browser.get(&format!("/v1/client/sign_ups/{id}")).json()["response"]["status"], "complete");
}

#[test]
fn under_the_same_client_rule_other_browsers_are_turned_away_and_change_nothing() {
    let site = Site::start("");
    let mut browser = site.browser();
    let (id, link) = browser.begin("ada@example.com", "/verify");
    let mut other = site.browser();
    other.begin("eve@example.com", "/verify");
    for stranger in [&mut site.browser(), &mut other] {
        assert_eq!(stranger.request("HEAD", &link, &[], "").status, 200);
        assert_eq!(status_of(&stranger.navigate(&link)), "client_mismatch");
        assert_eq!(status_of(&stranger.press(&link)), "client_mismatch");
        let refused = stranger.request("GET", &link, &[("accept", "application/json")], "");
        assert_eq!((refused.status, refused.error_codes()), (403, vec!["sign_up_email_link_not_same_client".into()]));
    }
    assert_eq!(browser.request("HEAD", &link, &[], "").status, 200);
    assert_eq!(browser.status(&id), "unverified");
    assert_eq!(status_of(&browser.navigate(&link)), "verified");
}

#[test]
fn without_the_rule_scanners_change_nothing_and_a_persons_button_signs_the_first_browser_in() {
    let site = Site::start(ANY_CLIENT);
    let mut browser = site.browser();
    let (id, link) = browser.begin("ada@example.com", "/verify");
    let token = browser.cookie("__client").expect("a token").to_owned();
    for _ in 0..9 {
        let mut scanner = site.browser();
        let head = scanner.request("HEAD", &link, &[], "");
        assert_eq!((head.status, head.header("set-cookie")), (200, None));
        let page = scanner.navigate(&link);
        assert_eq!((page.status, page.header("set-cookie")), (200, None));
        assert_eq!(page.header("referrer-policy"), Some("no-referrer"));
        let policy = page.header("content-security-policy").expect("a policy");
        assert!(policy.starts_with("default-src 'none';"), "{policy}");
        assert!(policy.contains(&format!("form-action 'self' {PAGE};")), "{policy}");
        assert!(page.body.matches("<button>").count() == 1 && !page.body.contains("http"), "{}", page.body);
    }
    assert_eq!(browser.status(&id), "unverified");

    let mut person = site.browser();
    let pressed = person.press(&link);
    assert_eq!(status_of(&pressed), "verified");
    assert_eq!(pressed.header("set-cookie"), None, "the session is not this browser's");
    assert_eq!(person.get("/v1/client").json()["response"], Value::Null);

    assert_eq!(browser.cookie("__client"), Some(token.as_str()));
    let before = browser.cookies.clone();
    let polled = browser.get(&format!("/v1/client/sign_ups/{id}")).json();
    assert_eq!(polled["response"]["status"], "complete");
    assert_ne!(browser.cookie("__client"), Some(token.as_str()), "a session is a new token");
    let mut late = site.browser();
    late.cookies = before;
    assert_eq!(late.get(&format!("/v1/client/sign_ups/{id}")).status, 307);
    assert_eq!(late.get(&format!("/v1/client/sign_ups/{id}?_vestibule_again=1")).status, 404);
    let verified_at = &polled["response"]["verifications"]["email_address"]["verified_at_client"];
    assert!(verified_at.as_str().is_some_and(|id| id.starts_with("client_")) && *verified_at != polled["client"]["id"]);
    assert_eq!(polled["client"]["sessions"][0]["id"], polled["response"]["created_session_id"]);
    assert_eq!(status_of(&site.browser().press(&link)), "failed");
}

#[test]
fn a_native_application_gets_its_new_token_when_it_asks_after_the_link_was_opened_in_a_browser() {
    let site = Site::start(ANY_CLIENT);
    let form = "email_address=ada%40example.com&strategy=email_link&redirect_url=myapp%3A%2F%2Fcallback";
    let created = site.server.native("POST", "/v1/client/sign_ups", "", form).expect("an answer");
    let token = created.header("authorization").expect("a token").to_owned();
    let id = created.json()["response"]["id"].as_str().expect("an id").to_owned();
    let link = site.link("ada@example.com", 1);
    let page = site.browser().navigate(&link);
    assert!(page.header("content-security-policy").is_some_and(|policy| policy.contains("form-action 'self' myapp:;")));
    let pressed = site.browser().press(&link);
    assert!(pressed.header("location").is_some_and(|url| url.starts_with("myapp://callback?__clerk_status=verified&")));
    let polled = site.server.native("GET", &format!("/v1/client/sign_ups/{id}"), &token, "").expect("an answer");
    let new_token = polled.header("authorization").expect("a token");
    assert_ne!(new_token, token);
    assert_eq!(polled.json()["client"]["sessions"][0]["status"], "active");
    let kept = site.server.native("GET", "/v1/client", new_token, "").expect("an answer");
    assert_eq!(kept.header("authorization"), Some(new_token));
    let outdated = site.server.native("GET", "/v1/client", &token, "").expect("an answer");
    assert_eq!(outdated.json()["response"], Value::Null);
}

#[test]
fn a_dev_browser_is_known_by_its_cookie_and_has_its_newest_token_on_the_url() {
    let site = Site::start("");
    let opened = site.browser().request("POST", "/v1/dev_browser", &[], "");
    let dev_browser = opened.json()["id"].as_str().expect("a dev browser").to_owned();
    let call = |path: &str| format!("{path}?__clerk_db_jwt={dev_browser}");
    let redirect_url = format!("{PAGE}/verify?__clerk_db_jwt={dev_browser}");
    let mut browser = site.browser();
    let form = format!("email_address=ada%40example.com&strategy=email_link&redirect_url={}", escaped(&redirect_url));
    let created = browser.request("POST", &call("/v1/client/sign_ups"), &[], &form);
    let id = created.json()["response"]["id"].as_str().expect("an id").to_owned();
    // The page keeps the newest one; the one on the URL of the link is from before.
    let newest = created.header("clerk-db-jwt").expect("a new dev browser").to_owned();
    let link = site.link("ada@example.com", 1);

    let turned_away = site.browser().navigate(&link);
    assert_eq!(status_of(&turned_away), "client_mismatch");
    assert!(!turned_away.header("location").is_some_and(|url| url.contains("dvb_")), "that is the other browser's");
    let clicked = browser.navigate(&link);
    assert_eq!(status_of(&clicked), "verified");
    let there = format!("{PAGE}/verify?__clerk_db_jwt={newest}");
    assert!(clicked.header("location").is_some_and(|url| url.starts_with(&there)), "{clicked:?}");
    browser.cookies.clear();
    assert_eq!(browser.get(&call("/v1/client")).error_codes(), ["dev_browser_unauthenticated"]);
    let polled = browser.get(&format!("/v1/client/sign_ups/{id}?__clerk_db_jwt={newest}")).json();
    assert_eq!(polled["response"]["status"], "complete");
    assert_eq!(polled["client"]["sessions"].as_array().map(Vec::len), Some(1));
}

#[test]
fn whoever_comes_second_with_the_same_address_is_told_to_sign_in() {
    let site = Site::start("");
    let (mut first, mut second) = (site.browser(), site.browser());
    let (id, early) = first.begin("ada@example.com", "/verify");
    second.begin("ada@example.com", "/verify");
    assert_eq!(status_of(&second.navigate(&site.link("ada@example.com", 2))), "verified");
    assert_eq!(status_of(&first.navigate(&early)), "transferable");
    assert_eq!(first.status(&id), "unverified", "nothing has changed");
    let refused = first.request("GET", &early, &[("accept", "application/json")], "");
    assert_eq!((refused.status, refused.error_codes()), (422, vec!["form_identifier_exists".into()]));
}

#[test]
fn a_link_works_with_what_was_copied_along_behind_it() {
    let site = Site::start("");
    for (n, after) in
        ["", ".", ",", "%3E", ")", "%22", "%E2%80%8B", "%EF%BB%BF", "%E2%80%9D.", "%0D%0A"].iter().enumerate()
    {
        let mut browser = site.browser();
        let (id, link) = browser.begin(&format!("ada{n}@example.com"), "/verify");
        assert_eq!(status_of(&browser.navigate(&format!("{link}{after}"))), "verified", "{after}");
        assert_eq!(browser.status(&id), "verified", "{after}");
    }
    let mut browser = site.browser();
    let (_, link) = browser.begin("eve@example.com", "/verify");
    for longer in ["a", ".a", "-"] {
        assert_ne!(browser.navigate(&format!("{link}{longer}")).status, 303, "{longer}");
    }
}

#[test]
fn an_old_link_is_told_from_one_that_is_none() {
    let site = Site::start("[verification]\nlink_ttl_s = 60\n");
    let mut browser = site.browser();
    let (id, link) = browser.begin("ada@example.com", "/verify");
    site.advance(61_000);
    assert_eq!(status_of(&browser.navigate(&link)), "expired");
    assert_eq!(browser.status(&id), "expired");
    let refused = browser.request("GET", &link, &[("accept", "application/json")], "");
    assert_eq!((refused.status, refused.error_codes()), (400, vec!["verification_link_token_expired".into()]));
    let (rest, last) = link.split_at(link.len() - 1);
    let wrong = format!("{rest}{}", if last == "0" { "1" } else { "0" });
    let other = browser.navigate(&wrong);
    assert_eq!((other.status, other.header("location")), (400, None), "only the link tells where it leads");

    let token = link.split_once('=').expect("a token").1;
    let unknown = format!("/v1/verify?token=sua_{}.{}", "0".repeat(27), token.split_once('.').expect("a secret").1);
    let twice = format!("{link}&token={token}");
    for nowhere in ["/v1/verify", "/v1/verify?token=", "/v1/verify?token=%00", &unknown, &twice] {
        let error = browser.request("GET", nowhere, &[], "");
        assert_eq!((error.status, error.error_codes()), (400, vec!["verification_link_token_invalid".into()]));
        let page = browser.navigate(nowhere);
        assert_eq!(page.status, 400);
        assert!(page.header("content-type").is_some_and(|t| t.starts_with("text/html")), "{nowhere}");
        assert_eq!(browser.press(nowhere).status, 400);
    }
}

#[test]
fn wrong_links_use_up_nothing_that_the_owner_needs() {
    let site = Site::start("address_guesses_per_hour = 6\naddress_guesses_per_client_per_hour = 6\n");
    let mut browser = site.browser();
    let (_, link) = browser.begin("ada@example.com", "/verify");
    let (rest, last) = link.split_at(link.len() - 1);
    let wrong = format!("{rest}{}", if last == "0" { "1" } else { "0" });
    for _ in 0..25 {
        assert_eq!(site.browser().navigate(&wrong).status, 400);
    }
    assert_eq!(status_of(&browser.navigate(&link)), "verified", "strangers lock nobody out");
}

#[test]
fn redirect_urls_are_checked_before_anything_is_stored() {
    let site = Site::start("");
    let mut browser = site.browser();
    for (url, code) in [("", "form_param_missing"), ("https://evil.example/", "invalid_redirect_url")] {
        let form = format!("email_address=ada%40example.com&strategy=email_link&redirect_url={}", escaped(url));
        let refused = browser.request("POST", "/v1/client/sign_ups", &[], &form);
        assert_eq!((refused.status, refused.error_codes()), (422, vec![code.to_owned()]));
        assert_eq!(refused.json()["errors"][0]["meta"]["param_name"], "redirect_url");
    }
    assert_eq!(browser.cookie("__client"), None);
    let created = browser.request("POST", "/v1/client/sign_ups", &[], "email_address=ada%40example.com");
    let path = format!(
        "/v1/client/sign_ups/{}/prepare_verification",
        created.json()["response"]["id"].as_str().expect("an id")
    );
    for (url, code) in [("", "form_param_missing"), ("//evil.example", "invalid_redirect_url")] {
        let refused =
            browser.request("POST", &path, &[], &format!("strategy=email_link&redirect_url={}", escaped(url)));
        assert_eq!((refused.status, refused.error_codes()), (422, vec![code.to_owned()]));
    }
    let prepared = browser.request("POST", &path, &[], "strategy=email_link&redirect_url=%2Fverify");
    assert_eq!(prepared.json()["response"]["verifications"]["email_address"]["status"], "unverified");
}

#[test]
fn neither_link_nor_code_is_in_the_data() {
    // Without encryption, which would hide them in any case.
    let site = Site::start("[settings]\nfile = \"email_link\"\n[store]\nencryption = false\n");
    let (id, link) = site.browser().begin("ada@example.com", "/verify");
    let code = site.server.code("ada@example.com", 1);
    let secret = link.split_once('.').expect("a secret").1.to_owned();
    let Site { server, folder } = site;
    assert_eq!(server.terminate(), Some(0));
    let bytes = contents(&folder.path().join("data"));
    let is_there = |text: &str| bytes.windows(text.len()).any(|window| window == text.as_bytes());
    assert!(is_there("ada@example.com") && is_there("http://localhost:3000/verify"), "the search can find");
    for needle in [&secret, &link, &format!("\u{6}{code}"), &format!("{code}\n{id}")] {
        assert!(!is_there(needle), "{needle}");
    }
}

#[test]
fn the_code_of_the_same_mail_works_and_ends_the_link() {
    let site = Site::start("[settings]\nfile = \"email_link\"\n");
    let mut browser = site.browser();
    let (id, link) = browser.begin("ada@example.com", "/verify");
    let code = site.server.code("ada@example.com", 1);
    let path = format!("/v1/client/sign_ups/{id}/attempt_verification");
    let attempted = browser.request("POST", &path, &[], &format!("strategy=email_code&code={code}")).json();
    assert_eq!(attempted["response"]["status"], "complete");
    assert_eq!(attempted["response"]["verifications"]["email_address"]["strategy"], "email_code");
    assert_eq!(status_of(&site.browser().navigate(&link)), "failed");
    assert_eq!(status_of(&browser.navigate(&link)), "verified", "this browser's person has proved the address");
}

/// A server and the page that talks to it.
struct Site {
    server: Server,
    folder: TempDir,
}

impl Site {
    fn start(config: &str) -> Self {
        let folder = TempDir::new().expect("a folder");
        let settings = if config.contains("[settings") { "" } else { LINK_ONLY };
        let limits = "[limits]\nsource = false\n";
        // Keys without a section belong to `[limits]`.
        let config = if config.starts_with('[') {
            format!("{limits}{settings}{config}")
        } else {
            format!("{limits}{config}{settings}")
        };
        let server = format!("[server]\nallowed_origins = [\"{PAGE}\"]\nallowed_redirects = [\"myapp://callback\"]\n");
        Self { server: Server::start(folder.path(), &format!("{server}{config}")), folder }
    }

    fn browser(&self) -> Browser<'_> {
        Browser::of(&self.server)
    }

    fn mail(&self, to: &str, count: usize) -> Value {
        self.server.mail(to, count)
    }

    fn link(&self, to: &str, count: usize) -> String {
        link(&self.server, to, count)
    }

    fn advance(&self, ms: u64) {
        self.server.advance(ms);
    }
}

impl Browser<'_> {
    /// Creates a sign-up that is verified by a link; returns its id and the link.
    fn begin(&mut self, address: &str, redirect_url: &str) -> (String, String) {
        let form =
            format!("email_address={}&strategy=email_link&redirect_url={}", escaped(address), escaped(redirect_url));
        let created = self.request("POST", "/v1/client/sign_ups", &[], &form);
        assert_eq!(created.status, 200, "{}", created.body);
        let id = created.json()["response"]["id"].as_str().expect("an id").to_owned();
        (id, link(self.server, address, 1))
    }

    fn status(&mut self, id: &str) -> String {
        let shown = self.get(&format!("/v1/client/sign_ups/{id}")).json();
        shown["response"]["verifications"]["email_address"]["status"].as_str().expect("a status").to_owned()
    }

    /// Presses the button on the page of a link.
    pub(crate) fn press(&mut self, link: &str) -> Answer {
        let (path, token) = link.split_once('?').unwrap_or((link, ""));
        let form = ("content-type", "application/x-www-form-urlencoded");
        self.send("POST", path, &[form, ("accept", "text/html"), ("origin", "null")], token)
    }
}

/// Path and query of the link in the newest message.
fn link(server: &Endpoint, to: &str, count: usize) -> String {
    let link = server.mail(to, count)["link"].as_str().expect("a link").to_owned();
    let own = format!("http://localhost:{}", server.port);
    link.strip_prefix(&own).unwrap_or_else(|| panic!("{link} is not the engine's")).to_owned()
}

/// The result of a link in the redirect URL.
fn status_of(answer: &Answer) -> String {
    assert_eq!(answer.status, 303, "{}", answer.body);
    let url = answer.header("location").expect("a place to go");
    assert!(url.starts_with(PAGE), "{url}");
    let status = url.split_once("__clerk_status=").expect("a status").1;
    status.split('&').next().unwrap_or_default().to_owned()
}

/// The content of all files in a folder.
fn contents(folder: &std::path::Path) -> Vec<u8> {
    let entries = std::fs::read_dir(folder).expect("a folder").map(|entry| entry.expect("an entry").path());
    entries
        .flat_map(|path| if path.is_dir() { contents(&path) } else { std::fs::read(&path).expect("a file") })
        .collect()
}

const LINK_ONLY: &str = r#"
[settings.attributes.email_address]
enabled = true
required = true
verifications = ["email_link"]
verify_at_sign_up = true
"#;

const ANY_CLIENT: &str = r#"
[settings.attributes.email_address]
enabled = true
required = true
verifications = ["email_link"]
verify_at_sign_up = true
[settings.attack_protection.email_link]
require_same_client = false
"#;
