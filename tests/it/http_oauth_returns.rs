//! Redirects to a provider and back over HTTP: which browser returns, when, and to which page
//! (guide/contract_sign_ups.md#accounts-at-providers, guide/security.md#accounts-at-providers).

use serde_json::{Value, json};
use tempfile::TempDir;

use crate::support::browser::{Browser, PAGE, escaped};
use crate::support::provider::{Behaviour, CLIENT_ID, CLIENT_SECRET, OddAnswer, Provider};
use crate::support::server::Server;
use crate::support::social::{EMAIL_AND_PASSWORD, SOCIAL, Site, begin_form, id_of, page_of};

#[test]
fn whoever_refuses_at_the_provider_reads_why_and_begins_anew() {
    let site = Site::start(EMAIL_AND_PASSWORD);
    let mut browser = site.browser();
    for (said, code) in [
        ("error=user_cancelled_login", "oauth_access_denied"),
        ("error=user_cancelled_authorize&error_description=x", "oauth_access_denied"),
        ("error=access_denied&error_reason=user_denied&error_code=200", "oauth_access_denied"),
        ("error_reason=user_denied", "oauth_access_denied"),
        ("error=temporarily_unavailable", "oauth_callback_invalid"),
        ("error=server_error&code=code-1", "oauth_callback_invalid"),
        ("error=a&error=b", "oauth_callback_invalid"),
        ("", "oauth_callback_invalid"),
        ("error=access_denied", "oauth_access_denied"),
    ] {
        let begun = site.begin(&mut browser, "");
        let (_, state) = site.provider.allow(page_of(&begun));
        // A provider that answers by POST gives the same result.
        let form = ("content-type", "application/x-www-form-urlencoded");
        let path = format!("/v1/oauth_callback?{said}&state={state}");
        let posted = site.browser().send("POST", "/v1/oauth_callback", &[form], &format!("{said}&state={state}"));
        let path = if code == "oauth_access_denied" {
            format!("/v1/{}", posted.header("location").expect("a place to go"))
        } else {
            path
        };
        for _ in 0..2 {
            let back = browser.navigate(&path);
            assert_eq!((back.status, back.header("location")), (303, Some(&*format!("{PAGE}/sso-callback"))), "{said}");
        }
        let sign_up = browser.get("/v1/client").json()["response"]["sign_up"].clone();
        let account = &sign_up["verifications"]["external_account"];
        assert_eq!((&account["status"], &account["error"]["code"]), (&json!("failed"), &json!(code)), "{said}");
        assert!(account["error"]["long_message"].is_string());
    }
    let wiped = browser.post("/v1/client/sign_ups", "locale=en-US").json();
    assert_eq!(wiped["response"]["verifications"]["external_account"], Value::Null);
}

#[test]
fn a_way_back_is_for_the_browser_that_left_and_for_once() {
    let site = Site::start(EMAIL_AND_PASSWORD);
    let mut browser = site.browser();
    let begun = site.begin(&mut browser, "");
    let (code, state) = site.provider.allow(page_of(&begun));
    let path = format!("/v1/oauth_callback?code={code}&state={state}");
    let mut stranger = site.browser();
    stranger.post("/v1/client/sign_ups", "email_address=eve%40example.com");
    for other in [&mut stranger, &mut site.browser()] {
        let sent_on = other.navigate(&path);
        assert_eq!((sent_on.status, sent_on.header("set-cookie")), (303, None));
        assert_eq!(sent_on.header("location"), Some(&*format!("{PAGE}/sso-callback")));
        let refused = other.request("GET", &path, &[("accept", "application/json")], "");
        assert_eq!((refused.status, refused.error_codes()), (400, vec!["oauth_callback_invalid".to_owned()]));
    }
    // A different last character; all its bits are significant.
    let other = if state.ends_with('A') { "Q" } else { "A" };
    let garbled = format!("{}{other}", &state[..state.len() - 1]);
    for odd in ["", "x", &garbled, &"A".repeat(5000), "%00", "..%2f.."] {
        let path = format!("/v1/oauth_callback?code={code}&state={odd}");
        site.shows_a_way_home(&browser.navigate(&path));
        assert_eq!(browser.fetch(&path).error_codes(), ["oauth_callback_invalid"], "{odd}");
    }
    for odd in [String::new(), format!("?code={code}&state={state}&state={state}"), format!("?code={code}")] {
        site.shows_a_way_home(&browser.navigate(&format!("/v1/oauth_callback{odd}")));
    }
    assert_eq!(browser.request("HEAD", &path, &[], "").status, 200);
    let still = browser.get("/v1/client").json()["response"]["sign_up"].clone();
    assert_eq!(still["verifications"]["external_account"]["status"], "unverified");

    let before = browser.cookies.clone();
    assert_eq!(browser.navigate(&path).header("location"), Some(&*format!("{PAGE}/done")));
    let session = browser.get("/v1/client").json()["response"]["sessions"][0]["id"].clone();
    assert!(session.is_string());
    for (jar, to) in [(browser.cookies.clone(), "done"), (before, "sso-callback"), (Vec::new(), "sso-callback")] {
        browser.cookies = jar.clone();
        for again in [path.clone(), path.replace(&code, "code-of-mallory"), format!("{path}&error=access_denied")] {
            let sent_on = browser.navigate(&again);
            assert_eq!((sent_on.status, sent_on.header("location")), (303, Some(&*format!("{PAGE}/{to}"))), "once");
            assert_eq!(browser.fetch(&again).error_codes(), ["oauth_callback_invalid"], "{again}");
        }
        assert_eq!(browser.cookies, jar, "nothing is handed out a second time");
        if to == "done" {
            assert_eq!(browser.get("/v1/client").json()["response"]["sessions"][0]["id"], session);
        }
    }
}

#[test]
fn an_earlier_trip_ends_where_a_later_one_begins() {
    let site = Site::start(EMAIL_AND_PASSWORD);
    let mut browser = site.browser();
    let first = site.begin(&mut browser, "");
    let (code, state) = site.provider.allow(page_of(&first));
    let path = format!("/v1/client/sign_ups/{}", id_of(&first));
    let second = browser.request("PATCH", &path, &[], &begin_form("")).json()["response"].clone();
    assert_ne!(page_of(&first), page_of(&second));
    let late = browser.navigate(&format!("/v1/oauth_callback?code={code}&state={state}"));
    assert_eq!((late.status, late.header("location")), (303, Some(&*format!("{PAGE}/sso-callback"))));
    let shown = browser.get(&path).json()["response"]["verifications"]["external_account"].clone();
    assert_eq!(shown["status"], "unverified", "the later authorization goes on");
    assert_eq!(site.come_back(&mut browser, &second).header("location"), Some(&*format!("{PAGE}/done")));
}

#[test]
fn a_person_who_stays_away_too_long_finds_the_trip_over() {
    let site = Site::start(EMAIL_AND_PASSWORD);
    let mut browser = site.browser();
    let begun = site.begin(&mut browser, "");
    let (code, state) = site.provider.allow(page_of(&begun));
    site.server.advance(600_001);
    let path = format!("/v1/oauth_callback?code={code}&state={state}");
    for _ in 0..2 {
        let late = browser.navigate(&path);
        assert_eq!((late.status, late.header("location")), (303, Some(&*format!("{PAGE}/sso-callback"))));
    }
    assert_eq!(browser.fetch(&path).error_codes(), ["oauth_callback_invalid"]);
    let shown = browser.get(&format!("/v1/client/sign_ups/{}", id_of(&begun))).json()["response"].clone();
    assert_eq!(shown["verifications"]["external_account"]["status"], "expired");
}

#[test]
fn a_provider_that_fails_leaves_a_clear_word_on_the_sign_up() {
    let site = Site::start(EMAIL_AND_PASSWORD);
    for (path, code) in [("/token", "oauth_token_exchange_error"), ("/jwks", "oauth_token_exchange_error")] {
        let mut browser = site.browser();
        let begun = site.begin(&mut browser, "");
        let odd = OddAnswer::Say(500, "text/html", "<script>alert(1)</script>");
        site.provider.behave(Behaviour { answer: [(path, odd)].into(), ..Behaviour::default() });
        let back = site.come_back(&mut browser, &begun);
        site.provider.behave(Behaviour::default());
        assert_eq!(back.header("location"), Some(&*format!("{PAGE}/sso-callback")));
        assert!(!back.body.contains("script"));
        let sign_up = browser.get("/v1/client").json()["response"]["sign_up"].clone();
        assert_eq!(sign_up["verifications"]["external_account"]["error"]["code"], code);
        assert_eq!(sign_up["status"], "missing_requirements");
        // Successful answers stay cached; the second round needs only this one again.
        if path == "/token" {
            let again = browser.post("/v1/client/sign_ups", &begin_form("")).json()["response"].clone();
            assert_eq!(again["verifications"]["external_account"]["status"], "unverified");
        }
    }
}

#[test]
fn an_answer_by_post_is_repeated_as_a_navigation_that_carries_the_cookie() {
    let site = Site::start(EMAIL_AND_PASSWORD);
    let mut browser = site.browser();
    let begun = site.begin(&mut browser, "");
    let (code, state) = site.provider.allow(page_of(&begun));
    let form = format!("code={code}&state={state}&user=%7B%7D");
    let form_type = ("content-type", "application/x-www-form-urlencoded");
    let posted =
        site.server.request("POST", "/v1/oauth_callback", &[form_type, ("origin", "https://p.example")], &form);
    let posted = posted.expect("an answer");
    assert_eq!(posted.status, 303, "{}", posted.body);
    let to = posted.header("location").expect("a place to go").to_owned();
    let back = browser.navigate(&format!("/v1/{to}"));
    assert_eq!(back.header("location"), Some(&*format!("{PAGE}/done")));
}

#[test]
fn an_application_without_cookies_is_handed_what_the_system_browser_brought() {
    let site = Site::start(EMAIL_AND_PASSWORD);
    let form = begin_form("").replace(&escaped(&format!("{PAGE}/sso-callback")), &escaped("myapp://callback"));
    let created = site.server.native("POST", "/v1/client/sign_ups", "", &form).expect("an answer");
    assert_eq!(created.status, 200, "{}", created.body);
    let token = created.header("authorization").expect("a token").to_owned();
    let begun = created.json()["response"].clone();
    let (code, state) = site.provider.allow(page_of(&begun));
    let back = site.browser().navigate(&format!("/v1/oauth_callback?code={code}&state={state}"));
    let to = back.header("location").expect("a place to go").to_owned();
    let nonce = to.strip_prefix("myapp://callback?rotating_token_nonce=").expect("a hand-over").to_owned();
    let path = format!("/v1/client/sign_ups/{}", id_of(&begun));
    let show = |token: &str, path: &str| site.server.native("GET", path, token, "").expect("an answer");
    assert_eq!(show(&token, &path).json()["response"]["status"], "missing_requirements", "nothing yet");
    // Only the client that started it can claim it, and only with the value handed over.
    let other = site.server.native("POST", "/v1/client/sign_ups", "", &form).expect("an answer");
    let other = other.header("authorization").expect("a token").to_owned();
    let claim = format!("{path}?rotating_token_nonce={nonce}");
    assert_eq!(show(&other, &claim).status, 404);
    let garbled = format!("{path}?rotating_token_nonce=B{}", &nonce[1..]);
    assert_eq!(show(&token, &garbled).error_codes(), ["oauth_callback_invalid"]);
    let claimed = show(&token, &claim);
    assert_eq!(claimed.json()["response"]["status"], "complete", "{}", claimed.body);
    let new_token = claimed.header("authorization").expect("a token").to_owned();
    assert_ne!(new_token, token);
    assert_eq!(show(&new_token, &claim).error_codes(), ["oauth_callback_invalid"], "once");
    let late = site.browser().navigate(&format!("/v1/oauth_callback?code={code}&state={state}"));
    assert_eq!(late.header("location"), Some("myapp://callback"), "back to the application, with nothing to claim");
}

#[test]
fn a_sign_in_of_an_application_without_cookies_is_handed_over_alike() {
    let site = Site::start(EMAIL_AND_PASSWORD);
    site.sign_up(&mut site.browser());
    let form = format!("strategy=oauth_custom_fake&redirect_url={}", escaped("myapp://callback"));
    let native = |method: &str, path: &str, token: &str, form: &str| {
        site.server.native(method, path, token, form).expect("an answer")
    };
    let created = native("POST", "/v1/client/sign_ins", "", &form);
    assert_eq!(created.status, 200, "{}", created.body);
    let token = created.header("authorization").expect("a token").to_owned();
    let begun = created.json()["response"].clone();
    let page = begun["first_factor_verification"]["external_verification_redirect_url"].as_str().expect("a page");
    let (code, state) = site.provider.allow(page);
    let back = site.browser().navigate(&format!("/v1/oauth_callback?code={code}&state={state}"));
    let to = back.header("location").expect("a place to go").to_owned();
    let nonce = to.strip_prefix("myapp://callback?rotating_token_nonce=").expect("a hand-over").to_owned();
    let path = format!("/v1/client/sign_ins/{}", id_of(&begun));
    assert_eq!(native("GET", &path, &token, "").json()["response"]["status"], "needs_identifier", "nothing yet");
    let claim = format!("{path}?rotating_token_nonce={nonce}");
    let other = native("POST", "/v1/client/sign_ins", "", &form).header("authorization").expect("one").to_owned();
    assert_eq!(native("GET", &claim, &other, "").status, 404);
    let garbled = native("GET", &format!("{path}?rotating_token_nonce=B{}", &nonce[1..]), &token, "");
    assert_eq!((garbled.status, garbled.error_codes()), (400, vec!["oauth_callback_invalid".to_owned()]));
    let claimed = native("GET", &claim, &token, "");
    assert_eq!(claimed.json()["response"]["status"], "complete", "{}", claimed.body);
    let renewed = claimed.header("authorization").expect("a token").to_owned();
    assert_ne!(renewed, token);
    let again = native("GET", &claim, &renewed, "");
    assert!(again.status >= 400, "once: {}", again.body);
    assert_eq!(native("GET", "/v1/me", &renewed, "").status, 200);
}

#[test]
fn the_answer_of_a_provider_is_handed_over_at_a_listed_place_only() {
    let site = Site::start(EMAIL_AND_PASSWORD);
    let native = |path: &str, form: &str| site.server.native("POST", path, "", form).expect("an answer");
    let expected = (400, vec!["resource_missmatch".to_owned()]);
    for place in [format!("{PAGE}/sso-callback"), "evil://callback".into(), "myapp://callback/deeper".into()] {
        let form = format!("strategy=oauth_custom_fake&redirect_url={}", escaped(&place));
        for path in ["/v1/client/sign_ups", "/v1/client/sign_ins"] {
            let refused = native(path, &form);
            assert_eq!((refused.status, refused.error_codes()), expected, "{path} {place}");
        }
    }
    // A browser's own page is a place for its own answer.
    let by_page = site.browser().post("/v1/client/sign_ups", &begin_form(""));
    assert_eq!(by_page.status, 200, "{}", by_page.body);
}

/// A page stores the dev browser token itself, so the token of the navigation is given to it in the next answer.
#[test]
fn a_dev_browser_is_signed_in_when_its_page_asks_again() {
    let site = Site::start(EMAIL_AND_PASSWORD);
    for keeps_cookies in [true, false] {
        let opened = site.browser().post("/v1/dev_browser", "").json();
        let mut dev_browser = opened["id"].as_str().expect("an id").to_owned();
        let mut browser = site.browser();
        // A new person the first time; later the same person, whose sign-up becomes a sign-in.
        for resource in ["sign_ups", "sign_ins"] {
            let created = browser.post(&format!("/v1/client/{resource}?__clerk_db_jwt={dev_browser}"), &begin_form(""));
            let begun = created.json()["response"].clone();
            let before = std::mem::replace(&mut dev_browser, created.header("clerk-db-jwt").expect("one").to_owned());
            assert_ne!(dev_browser, before, "the return can't bring the token to the page");
            let page = match resource {
                "sign_ups" => page_of(&begun),
                _ => begun["first_factor_verification"]["external_verification_redirect_url"].as_str().expect("a page"),
            };
            let (code, state) = site.provider.allow(page);
            if !keeps_cookies {
                browser.cookies.clear();
            }
            let cookies = browser.cookies.clone();
            let back = browser.navigate(&format!("/v1/oauth_callback?code={code}&state={state}"));
            assert_eq!(back.status, 303, "{}", back.body);
            assert_eq!(browser.cookies, cookies, "the page's token is the one that counts");
            let planted = browser.get(&format!("/v1/client?__clerk_db_jwt={before}"));
            assert!(planted.status >= 400 && !planted.body.contains("sess_"), "{resource}: {}", planted.body);
            let path = format!("/v1/client?__clerk_db_jwt={dev_browser}");
            let shown = browser.get(&path);
            if keeps_cookies || resource == "sign_ins" {
                let sessions = shown.json()["response"]["sessions"].clone();
                assert_eq!(sessions.as_array().map(Vec::len), Some(1), "{resource}: {}", shown.body);
                dev_browser = shown.header("clerk-db-jwt").expect("a new dev browser").to_owned();
                assert_eq!(browser.get(&path).error_codes(), ["client_state_invalid"]);
                let out = format!("/v1/client/sessions?__clerk_db_jwt={dev_browser}");
                assert_eq!(browser.request("DELETE", &out, &[], "").status, 200);
            } else {
                let account = &shown.json()["response"]["sign_up"]["verifications"]["external_account"];
                assert_eq!(account["status"], "transferable", "{}", shown.body);
            }
        }
    }
}

#[test]
fn whoever_reloads_the_return_of_a_sign_in_goes_where_it_led() {
    let site = Site::start(EMAIL_AND_PASSWORD);
    site.sign_up(&mut site.browser());
    let mut browser = site.browser();
    let (path, before) = site.leave_to_sign_in(&mut browser);
    let done = format!("{PAGE}/done");
    assert_eq!(browser.navigate(&path).header("location"), Some(&*done));
    // The client does not keep a completed sign-in; the state parameter contains the redirect target.
    assert_eq!(browser.navigate(&path).header("location"), Some(&*done));
    assert_eq!(browser.get("/v1/client").json()["response"]["sessions"].as_array().map(Vec::len), Some(1));
    for jar in [before, Vec::new()] {
        let mut other = site.browser();
        other.cookies = jar;
        let sent_on = other.navigate(&path);
        assert_eq!((sent_on.status, sent_on.header("set-cookie")), (303, None));
        assert_eq!(
            sent_on.header("location"),
            Some(&*format!("{PAGE}/sso-callback")),
            "where it led is its own to know"
        );
    }
    // A sign-in that was replaced by another one.
    let mut browser = site.browser();
    let (path, _) = site.leave_to_sign_in(&mut browser);
    browser.post("/v1/client/sign_ins", "");
    assert_eq!(browser.navigate(&path).header("location"), Some(&*format!("{PAGE}/sso-callback")));
    site.server.advance(600_001);
    assert_eq!(browser.navigate(&path).header("location"), Some(&*format!("{PAGE}/sso-callback")));
}

#[test]
fn whoever_signed_out_and_reloads_the_return_goes_to_the_page_and_not_to_its_end() {
    let site = Site::start(EMAIL_AND_PASSWORD);
    let mut browser = site.browser();
    let begun = browser.post("/v1/client/sign_ups", &begin_form("")).json()["response"].clone();
    let (code, state) = site.provider.allow(page_of(&begun));
    let path = format!("/v1/oauth_callback?code={code}&state={state}");
    let done = format!("{PAGE}/done");
    for _ in 0..2 {
        assert_eq!(browser.navigate(&path).header("location"), Some(&*done));
    }
    assert_eq!(browser.request("DELETE", "/v1/client/sessions", &[], "").status, 200);
    assert_eq!(browser.navigate(&path).header("location"), Some(&*format!("{PAGE}/sso-callback")));
}

#[test]
fn a_dev_browser_on_the_way_back_is_for_the_browser_that_left() {
    let site = Site::start(EMAIL_AND_PASSWORD);
    let mut browser = site.browser();
    let there = escaped(&format!("{PAGE}/sso-callback?a=1&__clerk_db_jwt=dvb_secret"));
    let created = browser.post("/v1/client/sign_ups", &format!("strategy=oauth_custom_fake&redirect_url={there}"));
    let (code, state) = site.provider.allow(page_of(&created.json()["response"]));
    let path = format!("/v1/oauth_callback?code={code}&state={state}");
    assert_eq!(site.browser().navigate(&path).header("location"), Some(&*format!("{PAGE}/sso-callback?a=1")));
    for _ in 0..2 {
        let back = browser.navigate(&path);
        assert!(back.header("location").is_some_and(|to| to.ends_with("a=1&__clerk_db_jwt=dvb_secret")), "its own");
    }
}

#[test]
fn places_that_the_instance_allows_no_more_are_not_gone_to() {
    let folder = TempDir::new().expect("a folder");
    let provider = Provider::start();
    let config = |origin: &str| {
        format!(
            "[server]\nallowed_origins = [\"{origin}\"]\n[limits]\nsource = false\n{EMAIL_AND_PASSWORD}{SOCIAL}\
             [settings.oauth.oauth_custom_fake]\nclient_id = \"{CLIENT_ID}\"\nclient_secret = \"{CLIENT_SECRET}\"\n\
             issuer = \"{}\"\n",
            provider.issuer()
        )
    };
    let server = Server::start(folder.path(), &config("https://pages.example"));
    let mut browser = Browser::of(&server);
    let there = escaped("https://pages.example/sso-callback");
    let form = format!("strategy=oauth_custom_fake&redirect_url={there}");
    let begun = browser.post("/v1/client/sign_ups", &form).json()["response"].clone();
    let (code, state) = provider.allow(page_of(&begun));
    let jar = browser.cookies.clone();
    assert_eq!(server.terminate(), Some(0));
    let server = Server::start(folder.path(), &config("https://elsewhere.example"));
    let path = format!("/v1/oauth_callback?code={code}&state={state}");
    let stranger = Browser::of(&server).navigate(&path);
    assert_eq!((stranger.status, stranger.header("location")), (400, None), "{}", stranger.body);
    assert!(stranger.body.contains("<h1>This sign in is over</h1>"), "{}", stranger.body);
    let mut browser = Browser { server: &server, cookies: jar };
    let back = browser.navigate(&path);
    assert!(!back.body.contains("pages.example") && back.header("location").is_none(), "{}", back.body);
    assert!(back.body.contains("<a href=\"http://localhost:"), "a way on: {}", back.body);
}
