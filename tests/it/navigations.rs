//! Where a browser arrives after it follows a link or returns from a provider: in the application, or on a page with a
//! link onward, whatever state its request has. A script that makes the same request gets the error envelope.

use serde_json::{Value, json};
use tempfile::TempDir;

use crate::support::backend::{SECRET_KEY, Site as Invited, backend};
use crate::support::browser::{Browser, PAGE, escaped};
use crate::support::provider::{CLIENT_ID, CLIENT_SECRET, Provider};
use crate::support::server::{Answer, Server};

/// A navigation to this path with these cookies.
struct Visit {
    name: &'static str,
    path: String,
    cookies: Vec<(String, String)>,
    /// The result for a person.
    ends: End,
    /// The error for a script; `None` for success.
    code: Option<(u16, &'static str)>,
}

enum End {
    /// Redirected to this URL.
    At(String),
    /// A page with this status that links to this URL.
    Page(u16, String),
}

#[test]
fn people_end_in_the_application_or_on_a_page_with_a_way_on_and_scripts_get_the_envelope() {
    let site = Site::start();
    // One kind after the other, because the clock moves between them.
    let kinds: [&dyn Fn() -> Vec<Visit>; 4] =
        [&|| site.links(), &|| site.returns("sign_ups"), &|| site.returns("sign_ins"), &|| site.tickets()];
    for visit in kinds.iter().flat_map(|visits| visits()) {
        site.check(visit);
    }
}

#[test]
fn a_page_names_the_instance_and_its_people_and_nothing_that_the_address_says() {
    let site = Site::start();
    for path in [
        "/nowhere/%3Cscript%3Ealert(1)%3C/script%3E?a=%3Cscript%3E",
        "/v1/verify?token=%22%3E%3Cscript%3Ealert(1)%3C/script%3E",
        "/v1/oauth_callback?state=%3Cscript%3E&error=%3Cscript%3E&error_description=%3Cscript%3E",
        "/v1/tickets/accept?ticket=%3Cscript%3E",
        "/v1/client/sign_ups",
        "//evil.example/%0d%0aLocation:%20https://evil.example",
    ] {
        let shown = Browser::of(&site.server).navigate(path);
        is_a_page(&shown, path);
        assert!(shown.body.contains("<strong><img src=\"https://cdn.example/logo.svg\" alt=\"\">"), "{}", shown.body);
        assert!(shown.body.contains("<span>Acme &amp; &lt;Sons&gt;</span>"), "{}", shown.body);
        assert!(shown.body.contains("· Acme &amp; &lt;Sons&gt;</title>"), "{}", shown.body);
        assert!(shown.body.contains("<a href=\"https://acme.example/\" class=\"main\">"), "{}", shown.body);
        assert!(shown.body.contains("<a href=\"mailto:help@acme.example\">"), "{}", shown.body);
        assert!(!shown.body.contains("script") && !shown.body.contains("evil"), "{path}: {}", shown.body);
        let policy = shown.header("content-security-policy").expect("a policy");
        assert!(policy.contains("; img-src https://cdn.example; ") && !policy.contains("unsafe"), "{policy}");
    }
}

#[test]
fn the_client_token_is_the_last_cookie_of_every_answer_that_sets_it() {
    let site = Site::start();
    let mut browser = Browser::of(&site.server);
    let mut seen = Vec::new();
    let mut note = |name: &'static str, answer: &Answer| {
        let lines = answer.headers.iter().filter(|(name, _)| name.eq_ignore_ascii_case("set-cookie"));
        let lines: Vec<&str> = lines.map(|(_, line)| line.as_str()).collect();
        assert!(lines.last().is_some_and(|line| line.starts_with("__client=")), "{name}: {lines:?}");
        if lines.len() > 1 {
            seen.push(name);
        }
    };
    note("client.open", &browser.request("PUT", "/v1/client", &[], ""));
    note("client.drop", &browser.request("DELETE", "/v1/client", &[], ""));
    browser.cookies.clear();
    note("sign_in.create", &browser.post("/v1/client/sign_ins", "locale=en-US"));
    browser.cookies.clear();
    let form = "email_address=ada%40example.com&strategy=email_link&redirect_url=%2Fverify";
    note("sign_up.create", &browser.post("/v1/client/sign_ups", form));
    let link = site.link("ada@example.com");
    note("verify", &browser.navigate(&link));
    browser.cookies.clear();
    site.provider.person(json!({"sub": "person-2", "email": "joan@example.com", "email_verified": true}));
    let (path, _) = site.leave(&mut browser, "sign_ups");
    note("oauth_callback", &browser.navigate(&path));
    let ticket = site.invite("grace@example.com", 30);
    let form = format!("strategy=ticket&ticket={}", Invited::ticket_in(&ticket["url"]));
    note("sign_up by ticket", &Browser::of(&site.server).post("/v1/client/sign_ups", &form));
    assert_eq!(
        seen,
        [
            "client.open",
            "client.drop",
            "sign_in.create",
            "sign_up.create",
            "verify",
            "oauth_callback",
            "sign_up by ticket"
        ]
    );
}

#[test]
fn what_the_api_answers_is_a_page_to_a_person_and_what_operators_read_stays_data() {
    let site = Site::start();
    let mut browser = Browser::of(&site.server);
    let form =
        [("content-type", "application/x-www-form-urlencoded"), ("sec-fetch-mode", "navigate"), ("origin", PAGE)];
    let sent = browser.send("POST", "/v1/client/sign_ups", &form, "email_address=ada%40example.com");
    assert_eq!(sent.status, 200, "{}", sent.body);
    is_a_page(&sent, "a form");
    assert!(browser.cookie("__client").is_some(), "what came of it counts");
    let wrong = browser.send("POST", "/v1/client/sign_ups", &form, "email_address=nobody");
    assert_eq!(wrong.status, 422, "{}", wrong.body);
    is_a_page(&wrong, "a wrong form");
    for (path, part) in [("/v1/environment", "display_config"), ("/v1/client", "ada@example.com")] {
        let read = browser.navigate(path);
        assert_eq!(read.status, 200);
        is_a_page(&read, path);
        assert!(read.body.contains("for programs") && read.body.contains(part), "{}", read.body);
        assert_eq!(browser.get(path).header("content-type"), Some("application/json"), "{path}");
    }
    for path in ["/v1/jwks", "/health/ready", "/dev/outbox", "/dev/settings"] {
        let read = browser.navigate(path);
        assert_eq!((read.status, read.header("content-type")), (200, Some("application/json")), "{path}");
    }
}

#[test]
fn somebody_with_the_cookies_of_two_clients_reads_what_to_do_wherever_they_go() {
    let site = Site::start();
    let mut both = Browser::of(&site.server);
    for _ in 0..2 {
        let mut one = Browser::of(&site.server);
        one.request("PUT", "/v1/client", &[], "");
        let token = one.cookie("__client").expect("a token").to_owned();
        both.cookies.push(("__client".into(), token));
    }
    for path in ["/v1/client", "/v1/me", "/v1/verify", "/v1/oauth_callback?state=x", "/v1/tickets/accept?ticket=x"] {
        let shown = both.navigate(path);
        assert_eq!(shown.status, 400, "{path}: {}", shown.body);
        is_a_page(&shown, path);
        assert!(shown.body.contains("clear the cookies of this site"), "{path}: {}", shown.body);
        assert_eq!(both.fetch(path).error_codes(), ["cookie_invalid"], "{path}");
    }
}

/// Checks that the answer is a page for people, with headers against caching and framing.
fn is_a_page(answer: &Answer, case: &str) {
    assert_eq!(answer.header("content-type"), Some("text/html; charset=utf-8"), "{case}: {}", answer.body);
    assert!(answer.body.contains("<h1>") && answer.body.contains("<a href=\""), "{case}: {}", answer.body);
    assert!(answer.body.contains("<meta name=\"robots\" content=\"noindex\">"), "{case}");
    assert_eq!(answer.header("referrer-policy"), Some("no-referrer"), "{case}");
    assert_eq!(answer.header("cache-control"), Some("no-store"), "{case}");
    let policy = answer.header("content-security-policy").expect("a policy");
    assert!(policy.starts_with("default-src 'none'; ") && policy.ends_with("frame-ancestors 'none'"), "{policy}");
}

/// A server with links, providers and invitations.
struct Site {
    server: Server,
    provider: Provider,
    _folder: TempDir,
}

impl Site {
    fn start() -> Self {
        let (folder, provider) = (TempDir::new().expect("a folder"), Provider::start());
        let config = format!(
            "[instance]\nsecret_key = \"{SECRET_KEY}\"\nname = \"Acme & <Sons>\"\nhome_url = \"https://acme.example/\"\n\
             logo_url = \"https://cdn.example/logo.svg\"\nsupport_email = \"help@acme.example\"\n\
             [server]\nallowed_origins = [\"{PAGE}\"]\n[limits]\nsource = false\n{SETTINGS}\
             [settings.oauth.oauth_custom_fake]\nclient_id = \"{CLIENT_ID}\"\nclient_secret = \"{CLIENT_SECRET}\"\n\
             issuer = \"{}\"\n",
            provider.issuer()
        );
        Self { server: Server::start(folder.path(), &config), provider, _folder: folder }
    }

    /// Makes the request as a person and as a script, and checks both results.
    fn check(&self, visit: Visit) {
        let Visit { name, path, cookies, ends, code } = visit;
        let browser = || Browser { server: &self.server, cookies: cookies.clone() };
        // A HEAD request changes nothing: a valid link stays valid.
        for accept in ["text/html", "*/*"] {
            let head = browser().send("HEAD", &path, &[("accept", accept)], "");
            assert!(head.status < 500 && head.header("set-cookie").is_none(), "{name}: {}", head.status);
        }
        if let Some((status, code)) = code {
            for script in [("sec-fetch-mode", "cors"), ("sec-fetch-mode", "no-cors"), ("accept", "application/json")] {
                let refused = browser().send("GET", &path, &[script], "");
                assert_eq!((refused.status, refused.error_codes()), (status, vec![code.to_owned()]), "{name}");
            }
        }
        let ways: &[&[(&str, &str)]] = &[
            &[("sec-fetch-mode", "navigate"), ("sec-fetch-dest", "document"), ("accept", "*/*")],
            &[("accept", "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8")],
        ];
        // A valid request works once.
        let ways = if code.is_some() { ways } else { &ways[..1] };
        for headers in ways {
            let shown = browser().send("GET", &path, headers, "");
            assert!(shown.header("location").is_none_or(|to| !to.contains(['\r', '\n'])), "{name}");
            match &ends {
                End::At(place) => {
                    let to =
                        shown.header("location").unwrap_or_else(|| panic!("{name}: {} {}", shown.status, shown.body));
                    assert!(shown.status == 303 && to.starts_with(place), "{name}: {to}");
                    assert_eq!(shown.header("referrer-policy"), Some("no-referrer"), "{name}");
                }
                End::Page(status, place) => {
                    assert_eq!((shown.status, shown.header("location")), (*status, None), "{name}: {}", shown.body);
                    is_a_page(&shown, name);
                    let link = format!("<a href=\"{place}\" class=\"main\">");
                    assert!(shown.body.contains(&link), "{name} does not lead to {place}: {}", shown.body);
                }
            }
        }
    }

    /// Navigations to `/v1/verify`.
    fn links(&self) -> Vec<Visit> {
        let status = |status: &str| End::At(format!("{PAGE}/verify?__clerk_status={status}"));
        let failure = || End::Page(400, "https://acme.example/".into());
        let invalid = Some((400, "verification_link_token_invalid"));
        let begin = |address: &str| {
            let mut browser = Browser::of(&self.server);
            let form = format!("email_address={}&strategy=email_link&redirect_url=%2Fverify", escaped(address));
            let begun = browser.post("/v1/client/sign_ups", &form);
            assert_eq!(begun.status, 200, "{}", begun.body);
            (self.link(address), browser.cookies)
        };
        let expired = begin("expired@example.com");
        self.server.advance(61_000);
        let (good, used) = (begin("good@example.com"), begin("used@example.com"));
        let mut first = Browser { server: &self.server, cookies: used.1.clone() };
        assert_eq!(first.navigate(&used.0).status, 303);
        let foreign = begin("foreign@example.com");
        let garbled = format!("{}0", foreign.0);
        let mut visits = vec![
            visit("a good link", good.0, good.1, status("verified"), None),
            visit(
                "an expired link",
                expired.0,
                expired.1,
                status("expired"),
                Some((400, "verification_link_token_expired")),
            ),
            visit("somebody's used link", used.0, Vec::new(), status("failed"), invalid),
            visit(
                "another browser's link",
                foreign.0.clone(),
                Vec::new(),
                status("client_mismatch"),
                Some((403, "sign_up_email_link_not_same_client")),
            ),
        ];
        for (name, path) in [
            ("a garbled link", garbled),
            ("a link that is none", "/v1/verify?token=nonsense".into()),
            ("a link without a token", "/v1/verify".into()),
            ("two links in one", format!("{}&token=x", foreign.0)),
        ] {
            visits.push(visit(name, path, Vec::new(), failure(), invalid));
        }
        visits
    }

    /// Navigations to `/v1/oauth_callback`.
    fn returns(&self, resource: &str) -> Vec<Visit> {
        let begun_from = || End::At(format!("{PAGE}/sso-callback"));
        let done = || End::At(format!("{PAGE}/done"));
        let failure = || End::Page(400, "https://acme.example/".into());
        let invalid = Some((400, "oauth_callback_invalid"));
        let leave = || {
            let mut browser = Browser::of(&self.server);
            let (path, cookies) = self.leave(&mut browser, resource);
            (path, cookies, browser)
        };
        let person = |name: &str| {
            let address = format!("{name}@example.com");
            self.provider.person(json!({"sub": name, "email": address, "email_verified": true}));
        };
        let expired = leave();
        self.server.advance(600_001);
        let (used, foreign, refused, good) = (leave(), leave(), leave(), leave());
        person(&format!("{resource}-used"));
        let mut browser = used.2;
        assert_eq!(browser.navigate(&used.0).status, 303);
        // No user has this account, so the sign-in returns to the page where it began.
        let led = if resource == "sign_ups" { done() } else { begun_from() };
        let (_, state) = refused.0.split_once("state=").expect("a state");
        let refusal = format!("/v1/oauth_callback?error=user_cancelled_login&state={state}");
        // The person signs up, and then signs in with the same account.
        person("good-account");
        let mut visits = vec![
            visit("a good return", good.0, good.1, done(), None),
            visit("a person who said no", refusal, refused.1, begun_from(), None),
            visit("a return that is too late", expired.0, expired.1, begun_from(), invalid),
            visit("a reloaded return", used.0.clone(), browser.cookies, led, invalid),
            visit("a return with the cookies from before", used.0.clone(), used.1, begun_from(), invalid),
            visit("a used return elsewhere", used.0, Vec::new(), begun_from(), invalid),
            visit("another browser's return", foreign.0.clone(), Vec::new(), begun_from(), invalid),
        ];
        for (name, path) in [
            ("a garbled state", foreign.0.replace("state=", "state=A")),
            ("a state that is none", "/v1/oauth_callback?state=nonsense&code=x".into()),
            ("a return without a state", "/v1/oauth_callback?code=x".into()),
            ("nothing", "/v1/oauth_callback".into()),
        ] {
            visits.push(visit(name, path, foreign.1.clone(), failure(), invalid));
        }
        visits
    }

    /// Navigations to `/v1/tickets/accept`.
    fn tickets(&self) -> Vec<Visit> {
        let join = || format!("{PAGE}/join");
        let path = |invitation: &Value| {
            let url = invitation["url"].as_str().expect("a URL");
            url.split_once("/v1/").map(|(_, path)| format!("/v1/{path}")).expect("a path")
        };
        let expired = path(&self.invite("expired-guest@example.com", 1));
        let late = self.invite("late-guest@example.com", 1);
        let revoked = self.invite("revoked-guest@example.com", 365);
        let revoke = format!("/v1/invitations/{}/revoke", revoked["id"].as_str().expect("an id"));
        assert_eq!(backend(&self.server, "POST", &revoke, &Value::Null).status, 200);
        let used = self.invite("used-guest@example.com", 365);
        let mut guest = Browser::of(&self.server);
        for invitation in [&used, &late] {
            let form = format!("strategy=ticket&ticket={}", Invited::ticket_in(&invitation["url"]));
            guest = Browser::of(&self.server);
            assert_eq!(guest.post("/v1/client/sign_ups", &form).json()["response"]["status"], "complete");
        }
        self.server.advance(86_400_000);
        let good = path(&self.invite("good-guest@example.com", 365));
        let invalid = Some((400, "ticket_invalid_code"));
        let failure = || End::Page(400, "https://acme.example/".into());
        let at = |rest: &str| End::At(format!("{}{rest}", join()));
        vec![
            visit("a good ticket", good.clone(), Vec::new(), at("?__clerk_ticket="), None),
            visit("an expired ticket", expired, Vec::new(), End::Page(400, join()), Some((400, "ticket_expired_code"))),
            visit(
                "a revoked ticket",
                path(&revoked),
                Vec::new(),
                End::Page(400, join()),
                Some((400, "revoked_invitation")),
            ),
            visit("a used ticket", path(&used), Vec::new(), at("?__clerk_status=sign_in"), None),
            visit("an old ticket of a user", path(&late), Vec::new(), at("?__clerk_status=sign_in"), None),
            visit("one's own old ticket", path(&late), guest.cookies, at("?__clerk_status=complete"), None),
            visit("a garbled ticket", good.replace("ticket=", "ticket=A"), Vec::new(), failure(), invalid),
            visit("a ticket that is none", "/v1/tickets/accept?ticket=x".into(), Vec::new(), failure(), invalid),
            visit("no ticket", "/v1/tickets/accept".into(), Vec::new(), failure(), invalid),
        ]
    }

    /// Path and query of the newest link to an address.
    fn link(&self, address: &str) -> String {
        let link = self.server.mail(address, 1)["link"].as_str().expect("a link").to_owned();
        link.split_once("/v1/").map(|(_, path)| format!("/v1/{path}")).expect("a path")
    }

    fn invite(&self, address: &str, days: u64) -> Value {
        let redirect_url = format!("{PAGE}/join");
        let body = json!({"email_address": address, "redirect_url": redirect_url, "expires_in_days": days});
        let made = backend(&self.server, "POST", "/v1/invitations", &body);
        assert_eq!(made.status, 200, "{}", made.body);
        made.json()
    }

    /// A person allows access at the provider; returns the callback path, and the cookies at that time.
    fn leave(&self, browser: &mut Browser<'_>, resource: &str) -> (String, Vec<(String, String)>) {
        let (there, done) = (escaped(&format!("{PAGE}/sso-callback")), escaped(&format!("{PAGE}/done")));
        let form = format!("strategy=oauth_custom_fake&redirect_url={there}&action_complete_redirect_url={done}");
        let created = browser.post(&format!("/v1/client/{resource}"), &form).json();
        let response = &created["response"];
        let verification = match resource {
            "sign_ups" => &response["verifications"]["external_account"],
            _ => &response["first_factor_verification"],
        };
        let page = verification["external_verification_redirect_url"].as_str();
        let (code, state) = self.provider.allow(page.unwrap_or_else(|| panic!("no page: {created}")));
        (format!("/v1/oauth_callback?code={code}&state={state}"), browser.cookies.clone())
    }
}

fn visit(
    name: &'static str,
    path: String,
    cookies: Vec<(String, String)>,
    ends: End,
    code: Option<(u16, &'static str)>,
) -> Visit {
    Visit { name, path, cookies, ends, code }
}

const SETTINGS: &str = r#"
[verification]
link_ttl_s = 60
[settings.attributes.email_address]
enabled = true
required = true
verifications = ["email_link"]
verify_at_sign_up = true
[settings.social.oauth_custom_fake]
enabled = true
authenticatable = true
strategy = "oauth_custom_fake"
name = "Fake"
"#;
