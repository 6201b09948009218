//! Links that a native application completes itself, with PKCE: any browser may open them.

use aws_lc_rs::digest::{SHA256, digest};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::Value;
use tempfile::TempDir;
use url::Url;

use crate::support::browser::{Browser, PAGE, escaped};
use crate::support::endpoint::Answer;
use crate::support::schema::faults;
use crate::support::server::Server;

#[test]
fn whoever_opens_the_link_the_application_that_asked_completes_the_sign_up() {
    let site = Site::start();
    let app = site.begin("ada@example.com");
    let opened = Browser::of(&site.server).navigate(&app.link);
    assert_eq!(opened.status, 303, "{}", opened.body);
    let (flow, approval) = approval(&opened);
    assert_eq!(flow, app.id);
    assert!(opened.headers.iter().all(|(name, _)| !name.eq_ignore_ascii_case("set-cookie")), "{opened:?}");
    let shown = site.native("GET", &format!("/v1/client/sign_ups/{flow}"), &app.token, "").json();
    assert_eq!(shown["response"]["verifications"]["email_address"]["status"], "unverified", "it was only approved");

    let done = site.complete(&app.token, &flow, &approval, VERIFIER);
    assert_eq!(done.status, 200, "{}", done.body);
    let shown = done.json();
    assert_eq!(shown["response"]["status"], "complete", "{shown:#}");
    assert_eq!(shown["response"]["created_session_id"], shown["client"]["sessions"][0]["id"]);
    let renewed = done.header("authorization").expect("a token");
    assert_ne!(renewed, app.token, "a session is not for the token from before");
    assert_eq!(site.native("GET", "/v1/me", renewed, "").json()["response"]["object"], "user");

    let again = site.complete(renewed, &flow, &approval, VERIFIER);
    assert_eq!((again.status, again.error_codes()), (422, vec!["approval_token_consumed".into()]));
    let reopened = Browser::of(&site.server).navigate(&app.link);
    assert!(
        reopened.header("location").is_some_and(|to| to.starts_with("myapp://callback?__clerk_status=failed")),
        "{reopened:?}"
    );
}

#[test]
fn an_application_that_has_lost_its_token_gets_it_for_the_verifier() {
    let site = Site::start();
    let app = site.begin("ada@example.com");
    let (flow, approval) = approval(&Browser::of(&site.server).navigate(&app.link));
    let other = site.native("POST", "/v1/client", "", "").header("authorization").expect("a token").to_owned();
    for token in ["", &other] {
        let wrong = site.complete(token, &flow, &approval, &VERIFIER.replace('x', "y"));
        assert_eq!((wrong.status, wrong.error_codes()), (422, vec!["pkce_verification_failed".into()]), "{token}");
    }
    let done = site.complete("", &flow, &approval, VERIFIER);
    let token = done.header("authorization").expect("a token").to_owned();
    assert_eq!(done.json()["response"]["status"], "complete", "{}", done.body);
    assert_eq!(
        site.native("GET", "/v1/client", &token, "").json()["response"]["sessions"].as_array().map(Vec::len),
        Some(1)
    );
}

#[test]
fn what_is_wrong_old_or_of_another_link_completes_nothing() {
    let site = Site::start();
    let app = site.begin("ada@example.com");
    let (flow, first) = approval(&Browser::of(&site.server).navigate(&app.link));
    let other = site.begin("eve@example.com");
    let (_, of_other) = approval(&Browser::of(&site.server).navigate(&other.link));
    let ask = |flow: &str, approval: &str, verifier: &str| {
        let answer = site.complete(&app.token, flow, approval, verifier);
        assert_eq!(answer.status, 422, "{}", answer.body);
        answer.error_codes().join(",")
    };
    for (flow, approval, verifier, expected) in [
        ("", "", "", "form_param_missing,form_param_missing,form_param_missing"),
        ("sia_x", &*first, VERIFIER, "form_param_value_invalid"),
        (&*other.id, &*first, VERIFIER, "approval_token_invalid"),
        (&*flow, &*of_other, VERIFIER, "approval_token_invalid"),
        (&*flow, "x", VERIFIER, "approval_token_invalid"),
        (&*flow, &first[1..], VERIFIER, "approval_token_invalid"),
        (&*flow, &*first, "x", "pkce_verification_failed"),
    ] {
        assert_eq!(ask(flow, approval, verifier), expected, "{flow} {verifier}");
    }
    // A newer link takes the place of the one before.
    site.server.advance(61_000);
    let newer = site.prepare(&app.id, &app.token, 2);
    assert_eq!(ask(&flow, &first, VERIFIER), "approval_token_invalid");
    let (_, second) = approval(&Browser::of(&site.server).navigate(&newer));
    site.server.advance(601_000);
    assert_eq!(ask(&flow, &second, VERIFIER), "approval_token_expired");
    // The challenge in a link can't be exchanged for that of somebody else.
    let forged = newer.replace(&hex_of(VERIFIER), &hex_of("another"));
    assert_ne!(forged, newer);
    let opened = Browser::of(&site.server).navigate(&forged);
    assert!(!opened.header("location").is_some_and(|to| to.contains("approval_token")), "{opened:?}");
}

#[test]
fn a_challenge_and_a_place_that_are_no_good_are_refused_before_a_mail_is_sent() {
    let site = Site::start();
    let begun = site.native("POST", "/v1/client/sign_ups", "", "email_address=ada%40example.com");
    let (token, id) = (begun.header("authorization").expect("a token").to_owned(), id_of(&begun));
    let good = challenge_of(VERIFIER);
    for (form, expected) in [
        (format!("code_challenge={good}&code_challenge_method=plain&redirect_uri={APP}"), "form_param_value_invalid"),
        (format!("code_challenge={}&redirect_uri={APP}", &good[1..]), "form_param_format_invalid"),
        (format!("code_challenge={good}"), "form_param_missing"),
        (format!("code_challenge=&redirect_uri={APP}"), "form_param_missing"),
        (format!("code_challenge_method=S256&redirect_uri={APP}"), "form_param_missing"),
    ] {
        let path = format!("/v1/client/sign_ups/{id}/prepare_verification");
        let refused = site.native("POST", &path, &token, &format!("strategy=email_link&{form}"));
        assert_eq!((refused.status, refused.error_codes()), (422, vec![expected.to_owned()]), "{form}");
    }
    assert_eq!(site.server.messages("ada@example.com"), [Value::Null; 0]);
}

#[test]
fn a_link_with_a_challenge_leads_to_a_listed_place_only() {
    let site = Site::start();
    let app = site.begin("ada@example.com");
    let (flow, to) = approval(&Browser::of(&site.server).navigate(&app.link));
    assert_eq!(site.complete(&app.token, &flow, &to, VERIFIER).status, 200);
    let begun = site.native("POST", "/v1/client/sign_ups", "", "email_address=eve%40example.com");
    let (up_token, up) = (begun.header("authorization").expect("a token").to_owned(), id_of(&begun));
    let begun = site.native("POST", "/v1/client/sign_ins", "", "identifier=ada%40example.com");
    let (in_token, entered) = (begun.header("authorization").expect("a token").to_owned(), id_of(&begun));
    let page = escaped(&format!("{PAGE}/done"));
    let challenge = format!("strategy=email_link&code_challenge={}", challenge_of(VERIFIER));
    for (path, token) in [
        (format!("/v1/client/sign_ups/{up}/prepare_verification"), &up_token),
        (format!("/v1/client/sign_ins/{entered}/prepare_first_factor"), &in_token),
    ] {
        for place in [
            format!("redirect_uri={page}"),
            format!("redirect_url={page}"),
            "redirect_uri=evil%3A%2F%2Fcallback".into(),
            "redirect_url=evil%3A%2F%2Fcallback".into(),
        ] {
            let refused = site.native("POST", &path, token, &format!("{challenge}&{place}"));
            let expected = (400, vec!["resource_missmatch".to_owned()]);
            assert_eq!((refused.status, refused.error_codes()), expected, "{path} {place}");
        }
    }
    assert_eq!(site.server.messages("eve@example.com"), [Value::Null; 0]);
    // A create and an update send no such link.
    for (method, path, token, form) in [
        ("POST", "/v1/client/sign_ups".to_owned(), "", "email_address=new%40example.com"),
        ("PATCH", format!("/v1/client/sign_ups/{up}"), &*up_token, "first_name=Eve"),
        ("POST", "/v1/client/sign_ins".to_owned(), "", "identifier=ada%40example.com"),
    ] {
        let refused = site.native(method, &path, token, &format!("{form}&{}", wish()));
        let expected = (422, vec!["form_param_unknown".to_owned(); 3]);
        assert_eq!((refused.status, refused.error_codes()), expected, "{method} {path}");
    }
    // Without a challenge the page is a place as any.
    let path = format!("/v1/client/sign_ups/{up}/prepare_verification");
    let plain = site.native("POST", &path, &up_token, &format!("strategy=email_link&redirect_url={page}"));
    assert_eq!(plain.status, 200, "{}", plain.body);
}

#[test]
fn a_sign_in_goes_on_with_the_ticket_that_the_verifier_buys() {
    let site = Site::start();
    let app = site.begin("ada@example.com");
    let (flow, to) = approval(&Browser::of(&site.server).navigate(&app.link));
    assert_eq!(site.complete(&app.token, &flow, &to, VERIFIER).status, 200);

    let app = site.enter("ada@example.com", 2);
    let opened = Browser::of(&site.server).navigate(&app.link);
    let (flow, approved) = approval(&opened);
    assert_eq!(flow, app.id);
    let path = format!("/v1/client/sign_ins/{flow}");
    assert_eq!(site.native("GET", &path, &app.token, "").json()["response"]["status"], "needs_first_factor");
    let wrong = site.complete(&app.token, &flow, &approved, "x");
    assert_eq!((wrong.status, wrong.error_codes()), (422, vec!["pkce_verification_failed".into()]));
    let other = site.begin("eve@example.com");
    let (of_other, _) = approval(&Browser::of(&site.server).navigate(&other.link));
    let crossed = site.complete(&app.token, &of_other, &approved, VERIFIER);
    assert_eq!((crossed.status, crossed.error_codes()), (422, vec!["approval_token_invalid".into()]));

    let bought = site.complete(&app.token, &flow, &approved, VERIFIER);
    assert_eq!(bought.status, 200, "{}", bought.body);
    let shown = bought.json();
    assert_eq!(faults("wrapped_link_ticket", &shown), [""; 0]);
    assert_eq!(shown["response"]["flow_id"], flow.as_str());
    let ticket = shown["response"]["ticket"].as_str().expect("a ticket").to_owned();
    assert_eq!(site.native("GET", &path, &app.token, "").json()["response"]["status"], "needs_first_factor");

    let done = site.present(&app.token, &ticket);
    assert_eq!(done.status, 200, "{}", done.body);
    let shown = done.json();
    assert_eq!((&shown["response"]["status"], &shown["response"]["id"]), (&"complete".into(), &flow.as_str().into()));
    assert_eq!(shown["response"]["created_session_id"], shown["client"]["sessions"][0]["id"]);
    let renewed = done.header("authorization").expect("a token");
    assert_ne!(renewed, app.token, "a session is not for the token from before");
    let again = site.present(renewed, &ticket);
    assert_eq!((again.status, again.error_codes()), (400, vec!["session_exists".into()]));
    let stranger = site.present("", &ticket);
    assert_eq!((stranger.status, stranger.header("authorization").is_some()), (400, false), "{}", stranger.body);
    assert_eq!(stranger.error_codes(), ["sign_in_token_already_used_code"]);
    let rebought = site.complete(renewed, &flow, &approved, VERIFIER);
    assert_eq!(rebought.error_codes(), ["approval_token_consumed"]);
}

#[test]
fn a_ticket_of_a_link_lasts_a_minute_and_serves_who_has_lost_the_token() {
    let site = Site::start();
    let app = site.begin("ada@example.com");
    let (flow, to) = approval(&Browser::of(&site.server).navigate(&app.link));
    assert_eq!(site.complete(&app.token, &flow, &to, VERIFIER).status, 200);
    let app = site.enter("ada@example.com", 2);
    let (flow, approved) = approval(&Browser::of(&site.server).navigate(&app.link));
    let buy = || {
        let bought = site.complete("", &flow, &approved, VERIFIER);
        bought.json()["response"]["ticket"].as_str().unwrap_or_else(|| panic!("{}", bought.body)).to_owned()
    };
    let late = buy();
    site.server.advance(61_000);
    let refused = site.present(&app.token, &late);
    assert_eq!((refused.status, refused.error_codes()), (400, vec!["ticket_expired_code".into()]));
    let forged = site.present(&app.token, &late[1..]);
    assert_eq!((forged.status, forged.error_codes()), (400, vec!["ticket_invalid_code".into()]));
    // A page that somebody else has sent a person to must not change who they are.
    let mut page = Browser::of(&site.server);
    let planted = page.post("/v1/client/sign_ins", &format!("strategy=ticket&ticket={}", buy()));
    assert_eq!((planted.status, planted.error_codes()), (400, vec!["ticket_invalid_code".into()]));
    assert_eq!(page.get("/v1/client").json()["response"], Value::Null);
    let done = site.present("", &buy());
    assert_eq!(done.json()["response"]["status"], "complete", "{}", done.body);
    let token = done.header("authorization").expect("a token");
    let client = site.native("GET", "/v1/client", token, "").json();
    assert_eq!(client["response"]["sessions"].as_array().map(Vec::len), Some(1), "{client}");
}

/// A page that somebody else has sent a person to must not change who they are.
#[test]
fn a_page_completes_no_sign_up_of_an_application() {
    let site = Site::start();
    let app = site.begin("ada@example.com");
    let (flow, approved) = approval(&Browser::of(&site.server).navigate(&app.link));
    let form = format!("flow_id={flow}&approval_token={approved}&code_verifier={VERIFIER}");
    let mut page = Browser::of(&site.server);
    let planted = page.post("/v1/client/magic_links/complete", &form);
    assert_eq!((planted.status, planted.error_codes()), (422, vec!["approval_token_invalid".into()]));
    assert_eq!(page.get("/v1/client").json()["response"], Value::Null);
    assert_eq!(site.complete(&app.token, &flow, &approved, VERIFIER).status, 200, "nothing is used up");
}

#[test]
fn of_those_who_bring_one_approval_or_one_ticket_at_the_same_time_one_gets_in() {
    let site = Site::start();
    let at_once = |ask: &(dyn Fn() -> Answer + Sync)| {
        let answers: Vec<_> = std::thread::scope(|scope| {
            let asked: Vec<_> = (0..8).map(|_| scope.spawn(ask)).collect();
            asked.into_iter().map(|asked| asked.join().expect("an answer")).collect()
        });
        let (done, refused): (Vec<_>, Vec<_>) = answers.into_iter().partition(|answer| answer.status == 200);
        assert_eq!(done.len(), 1, "{refused:?}");
        refused.into_iter().map(|answer| answer.error_codes().join(",")).collect::<Vec<_>>()
    };
    let app = site.begin("ada@example.com");
    let (flow, approved) = approval(&Browser::of(&site.server).navigate(&app.link));
    let refused = at_once(&|| site.complete("", &flow, &approved, VERIFIER));
    assert!(refused.iter().all(|code| code == "approval_token_consumed"), "{refused:?}");

    let app = site.enter("ada@example.com", 2);
    let (flow, approved) = approval(&Browser::of(&site.server).navigate(&app.link));
    let bought = site.complete("", &flow, &approved, VERIFIER).json();
    let ticket = bought["response"]["ticket"].as_str().expect("a ticket").to_owned();
    let refused = at_once(&|| site.present("", &ticket));
    assert!(refused.iter().all(|code| code == "sign_in_token_already_used_code"), "{refused:?}");
}

struct Site {
    server: Server,
    _folder: TempDir,
}

/// An application in the middle of a sign-up.
struct App {
    id: String,
    token: String,
    /// The path of the link that it asked for.
    link: String,
}

impl Site {
    fn start() -> Self {
        let folder = TempDir::new().expect("a folder");
        let config = format!(
            "[server]\nallowed_origins = [\"{PAGE}\"]\nallowed_redirects = [\"myapp://callback\"]\n\
             [limits]\nsource = false\n[settings]\nfile = \"email_link\"\n"
        );
        Self { server: Server::start(folder.path(), &config), _folder: folder }
    }

    fn native(&self, method: &str, path: &str, token: &str, form: &str) -> Answer {
        self.server.native(method, path, token, form).expect("an answer")
    }

    fn begin(&self, address: &str) -> App {
        let form = format!("email_address={}", escaped(address));
        let begun = self.native("POST", "/v1/client/sign_ups", "", &form);
        let (token, id) = (begun.header("authorization").expect("a token").to_owned(), id_of(&begun));
        let path = format!("/v1/client/sign_ups/{id}/prepare_verification");
        let prepared = self.native("POST", &path, &token, &wish());
        assert_eq!(prepared.status, 200, "{}", prepared.body);
        // The session will be for whoever has the token from now on.
        let token = prepared.header("authorization").unwrap_or(&token).to_owned();
        App { id, token, link: self.link(address, 1) }
    }

    /// Begins to sign in by a link, which is message number `count` to the address.
    fn enter(&self, address: &str, count: usize) -> App {
        let form = format!("identifier={}", escaped(address));
        let begun = self.native("POST", "/v1/client/sign_ins", "", &form);
        let (token, id) = (begun.header("authorization").expect("a token").to_owned(), id_of(&begun));
        let path = format!("/v1/client/sign_ins/{id}/prepare_first_factor");
        let empty = self.native("POST", &path, &token, &wish().replace(&challenge_of(VERIFIER), ""));
        assert_eq!((empty.status, empty.error_codes()), (422, vec!["form_param_missing".to_owned()]));
        let prepared = self.native("POST", &path, &token, &wish());
        assert_eq!(prepared.status, 200, "{}", prepared.body);
        let token = prepared.header("authorization").unwrap_or(&token).to_owned();
        App { id, token, link: self.link(address, count) }
    }

    fn present(&self, token: &str, ticket: &str) -> Answer {
        self.native("POST", "/v1/client/sign_ins", token, &format!("strategy=ticket&ticket={ticket}"))
    }

    /// Asks for a link again; returns its path.
    fn prepare(&self, id: &str, token: &str, count: usize) -> String {
        let path = format!("/v1/client/sign_ups/{id}/prepare_verification");
        let prepared = self.native("POST", &path, token, &wish());
        assert_eq!(prepared.status, 200, "{}", prepared.body);
        self.link("ada@example.com", count)
    }

    fn link(&self, address: &str, count: usize) -> String {
        let mail: Value = self.server.mail(address, count);
        let link = mail["link"].as_str().expect("a link");
        format!("/v1/{}", link.split_once("/v1/").expect("a path").1)
    }

    fn complete(&self, token: &str, flow: &str, approval: &str, verifier: &str) -> Answer {
        let form = format!("flow_id={flow}&approval_token={approval}&code_verifier={verifier}");
        self.native("POST", "/v1/client/magic_links/complete", token, &form)
    }
}

fn wish() -> String {
    let challenge = challenge_of(VERIFIER);
    format!("strategy=email_link&redirect_uri={APP}&code_challenge={challenge}&code_challenge_method=S256")
}

fn id_of(answer: &Answer) -> String {
    answer.json()["response"]["id"].as_str().expect("an id").to_owned()
}

/// What the browser takes to the application: `flow_id` and `approval_token`.
fn approval(opened: &Answer) -> (String, String) {
    let url = Url::parse(opened.header("location").expect("a place")).expect("a URL");
    assert!(url.as_str().starts_with("myapp://callback?"), "{url}");
    let of = |name: &str| url.query_pairs().find(|(key, _)| key == name).map(|(_, value)| value.into_owned());
    (of("flow_id").expect("a flow"), of("approval_token").expect("an approval"))
}

fn challenge_of(verifier: &str) -> String {
    URL_SAFE_NO_PAD.encode(digest(&SHA256, verifier.as_bytes()))
}

fn hex_of(verifier: &str) -> String {
    digest(&SHA256, verifier.as_bytes()).as_ref().iter().map(|byte| format!("{byte:02x}")).collect()
}

const VERIFIER: &str = "x23456789-123456789-123456789-123456789-abc";
const APP: &str = "myapp%3A%2F%2Fcallback";
