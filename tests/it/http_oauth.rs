//! Accounts at providers over HTTP: the table of guide/contract_sign_ups.md#accounts-at-providers, and what attackers
//! try (guide/security.md#accounts-at-providers).

use serde_json::{Value, json};
use tempfile::TempDir;

use crate::support::browser::{Browser, PAGE, escaped};
use crate::support::provider::{Bend, CLIENT_ID, CLIENT_SECRET, Odd, Provider};
use crate::support::server::{Answer, Server};

#[test]
fn a_person_with_a_vouched_address_is_signed_in_when_they_come_back() {
    let site = Site::start(EMAIL_AND_PASSWORD);
    let mut browser = site.browser();
    let begun = site.begin(&mut browser, "");
    let account = &begun["verifications"]["external_account"];
    assert_eq!((&account["object"], &account["status"]), (&json!("verification_oauth"), &json!("unverified")));
    assert_eq!((&account["strategy"], &account["error"]), (&json!("oauth_custom_fake"), &Value::Null));
    assert!(begun["required_fields"].as_array().is_some_and(|fields| fields.contains(&json!("password"))));
    let before = browser.cookie("__client").map(str::to_owned);

    let back = site.come_back(&mut browser, &begun);
    assert_eq!(back.status, 303, "{}", back.body);
    assert_eq!(back.header("location"), Some(&*format!("{PAGE}/done")));
    assert_ne!(browser.cookie("__client").map(str::to_owned), before, "a session is a new token");
    let client = browser.get("/v1/client").json()["response"].clone();
    assert_eq!(client["last_authentication_strategy"], "oauth_custom_fake");
    let user = &client["sessions"][0]["user"];
    assert_eq!(user["password_enabled"], false, "an account stands in for a password");
    assert_eq!((&user["first_name"], &user["last_name"]), (&json!("Ada"), &json!("Lovelace")));
    let (email, account) = (&user["email_addresses"][0], &user["external_accounts"][0]);
    assert_eq!(email["verification"]["object"], "verification_from_oauth");
    assert_eq!(email["verification"]["strategy"], "from_oauth_custom_fake");
    assert_eq!(email["linked_to"][0]["id"], account["identification_id"]);
    assert_eq!((&account["provider"], &account["provider_user_id"]), (&json!("oauth_custom_fake"), &json!("person-1")));
    let shown = browser.get(&format!("/v1/client/sign_ups/{}", id_of(&begun))).json();
    assert_eq!(shown["response"]["status"], "complete");
    assert_eq!(shown["response"]["verifications"]["external_account"]["status"], "verified");
}

#[test]
fn what_is_missing_is_asked_for_afterwards() {
    let site = Site::start(WITH_USERNAME);
    site.provider.person(json!({"sub": "p", "email": "ada@example.com", "email_verified": true}));
    let mut browser = site.browser();
    let begun = site.begin(&mut browser, "");
    let back = site.come_back(&mut browser, &begun);
    assert_eq!(back.header("location"), Some(&*format!("{PAGE}/sso-callback")));
    let sign_up = browser.get("/v1/client").json()["response"]["sign_up"].clone();
    assert_eq!(sign_up["status"], "missing_requirements");
    assert_eq!(sign_up["missing_fields"], json!(["username"]));
    assert_eq!(sign_up["unverified_fields"], json!([]));
    assert_eq!(sign_up["verifications"]["external_account"]["status"], "verified");
    let done = browser.request("PATCH", &format!("/v1/client/sign_ups/{}", id_of(&begun)), &[], "username=ada_l");
    assert_eq!(done.json()["response"]["status"], "complete", "{}", done.body);
}

#[test]
fn an_address_that_the_provider_does_not_vouch_for_needs_a_code() {
    let site = Site::start(EMAIL_AND_PASSWORD);
    site.provider.person(json!({"sub": "p", "email": "Ada@Example.com", "email_verified": false}));
    let mut browser = site.browser();
    let begun = site.begin(&mut browser, "");
    site.come_back(&mut browser, &begun);
    let path = format!("/v1/client/sign_ups/{}", id_of(&begun));
    let shown = browser.get(&path).json()["response"].clone();
    assert_eq!(shown["email_address"], "ada@example.com");
    assert_eq!(shown["unverified_fields"], json!(["email_address"]));
    assert_eq!(shown["verifications"]["email_address"]["next_action"], "needs_prepare");
    browser.post(&format!("{path}/prepare_verification"), "strategy=email_code");
    let code = site.server.mail("ada@example.com", 1)["code"].as_str().expect("a code").to_owned();
    let done = browser.post(&format!("{path}/attempt_verification"), &format!("strategy=email_code&code={code}"));
    assert_eq!(done.json()["response"]["status"], "complete", "{}", done.body);
}

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
        // Where the provider answers by POST, the same comes of it.
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
fn an_account_that_is_a_users_already_is_handed_to_the_sign_in() {
    let site = Site::start(EMAIL_AND_PASSWORD);
    site.sign_up(&mut site.browser());
    let mut browser = site.browser();
    let begun = site.begin(&mut browser, "");
    let back = site.come_back(&mut browser, &begun);
    assert_eq!(back.header("location"), Some(&*format!("{PAGE}/sso-callback")));
    let client = browser.get("/v1/client").json()["response"].clone();
    let account = &client["sign_up"]["verifications"]["external_account"];
    assert_eq!(account["status"], "transferable");
    assert_eq!(account["error"]["code"], "external_account_exists");
    assert_eq!(client["sessions"], json!([]));
}

#[test]
fn whoever_signs_up_with_an_account_they_have_is_signed_in() {
    let site = Site::start(EMAIL_AND_PASSWORD);
    let user = site.sign_up(&mut site.browser());
    let mut browser = site.browser();
    let begun = site.begin(&mut browser, "");
    site.come_back(&mut browser, &begun);
    let before = browser.cookie("__client").map(str::to_owned);
    let done = browser.post("/v1/client/sign_ins", "transfer=true");
    assert_eq!(done.json()["response"]["status"], "complete", "{}", done.body);
    let client = &done.json()["client"];
    assert_eq!(client["sessions"][0]["id"], done.json()["response"]["created_session_id"]);
    assert_eq!(client["sessions"][0]["user"]["id"], user["id"]);
    assert_eq!((&client["sign_up"], &client["sign_in"]), (&Value::Null, &Value::Null));
    assert_ne!(browser.cookie("__client").map(str::to_owned), before, "a session is a new token");
    assert_eq!(browser.post("/v1/client/sign_ins", "transfer=true").error_codes(), ["session_exists"]);
}

#[test]
fn an_account_whose_address_both_sides_proved_becomes_the_users() {
    let site = Site::start(EMAIL_AND_PASSWORD);
    let mut first = site.browser();
    let created = first.post("/v1/client/sign_ups", "email_address=ada%40example.com&password=wanders+under+elms");
    let path = format!("/v1/client/sign_ups/{}", id_of(&created.json()["response"]));
    first.post(&format!("{path}/prepare_verification"), "strategy=email_code");
    let code = site.server.mail("ada@example.com", 1)["code"].as_str().expect("a code").to_owned();
    let done = first.post(&format!("{path}/attempt_verification"), &format!("strategy=email_code&code={code}"));
    let user = done.json()["response"]["created_user_id"].clone();

    let mut browser = site.browser();
    let begun = site.begin(&mut browser, "");
    site.come_back(&mut browser, &begun);
    let linked = browser.post("/v1/client/sign_ins", "transfer=true").json()["client"]["sessions"][0]["user"].clone();
    assert_eq!(linked["id"], user);
    assert_eq!(linked["external_accounts"][0]["provider_user_id"], "person-1");
    assert_eq!(linked["password_enabled"], true, "what was there stays");
    // From now on the account alone is enough, and no other of that provider is.
    let mut again = site.browser();
    assert_eq!(site.sign_in(&mut again)["sessions"][0]["user"]["id"], user);
    site.provider.person(json!({"sub": "person-2", "email": "ada@example.com", "email_verified": true}));
    assert_eq!(site.sign_in(&mut site.browser())["sessions"], json!([]));
}

#[test]
fn whoever_signs_in_with_an_account_that_nobody_has_signs_up() {
    let site = Site::start(EMAIL_AND_PASSWORD);
    let mut browser = site.browser();
    let client = site.sign_in(&mut browser);
    let verification = &client["sign_in"]["first_factor_verification"];
    assert_eq!(verification["status"], "transferable");
    assert_eq!(verification["error"]["code"], "external_account_not_found");
    assert_eq!(client["sessions"], json!([]));
    let done = browser.post("/v1/client/sign_ups", "transfer=true&unsafe_metadata=%7B%22plan%22%3A1%7D");
    let done = done.json();
    assert_eq!(done["response"]["status"], "complete", "{done}");
    assert_eq!(done["client"]["sessions"][0]["user"]["external_accounts"][0]["provider_user_id"], "person-1");
    assert_eq!(done["client"]["sessions"][0]["user"]["unsafe_metadata"], json!({"plan": 1}));
    let mut back = site.browser();
    let client = site.sign_in(&mut back);
    assert_eq!(client["sessions"][0]["user"]["id"], done["response"]["created_user_id"]);
    assert_eq!(client["last_authentication_strategy"], "oauth_custom_fake");
}

#[test]
fn there_is_nothing_to_transfer_where_nothing_was_proved() {
    let site = Site::start(EMAIL_AND_PASSWORD);
    let mut browser = site.browser();
    for path in ["/v1/client/sign_ins", "/v1/client/sign_ups"] {
        assert_eq!(browser.post(path, "transfer=true").error_codes(), ["account_transfer_invalid"], "{path}");
    }
    let begun = site.begin(&mut browser, "");
    for path in ["/v1/client/sign_ins", "/v1/client/sign_ups"] {
        assert_eq!(browser.post(path, "transfer=true").error_codes(), ["account_transfer_invalid"], "{path}");
    }
    // What a sign-up proved for itself belongs to it alone.
    site.come_back(&mut browser, &begun);
    assert_eq!(site.browser().post("/v1/client/sign_ins", "transfer=true").error_codes(), ["account_transfer_invalid"]);
}

#[test]
fn the_same_address_at_another_account_is_nobody_known() {
    let site = Site::start(EMAIL_AND_PASSWORD);
    site.sign_up(&mut site.browser());
    site.provider.person(json!({"sub": "person-2", "email": "ada@example.com", "email_verified": true}));
    let mut browser = site.browser();
    let begun = site.begin(&mut browser, "");
    site.come_back(&mut browser, &begun);
    let client = browser.get("/v1/client").json()["response"].clone();
    let account = &client["sign_up"]["verifications"]["external_account"];
    assert_eq!((&account["status"], &account["error"]["code"]), (&json!("failed"), &json!("external_account_exists")));
    assert_eq!(client["sessions"], json!([]));
}

#[test]
fn what_was_planted_under_an_address_dies_when_its_person_comes() {
    let site = Site::start(EMAIL_AND_PASSWORD);
    let mut attacker = site.browser();
    let planted = attacker.post("/v1/client/sign_ups", "email_address=ada%40example.com&password=planted+by+mallory");
    let planted = id_of(&planted.json()["response"]);
    let mut victim = site.browser();
    let user = site.sign_up(&mut victim);
    assert_eq!(user["password_enabled"], false);
    let next =
        attacker.request("PATCH", &format!("/v1/client/sign_ups/{planted}"), &[], "email_address=ada%40example.com");
    assert_eq!(next.error_codes(), ["form_identifier_exists"]);
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
    // Another last letter than the one there is; both stand for bits that count.
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
    assert_eq!(shown["status"], "unverified", "the later trip goes on");
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
        let odd = Odd::Say(500, "text/html", "<script>alert(1)</script>");
        site.provider.bend(Bend { answer: [(path, odd)].into(), ..Bend::default() });
        let back = site.come_back(&mut browser, &begun);
        site.provider.bend(Bend::default());
        assert_eq!(back.header("location"), Some(&*format!("{PAGE}/sso-callback")));
        assert!(!back.body.contains("script"));
        let sign_up = browser.get("/v1/client").json()["response"]["sign_up"].clone();
        assert_eq!(sign_up["verifications"]["external_account"]["error"]["code"], code);
        assert_eq!(sign_up["status"], "missing_requirements");
        // What was fetched well stays known; the second round needs it forgotten no more than this.
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
    // Whoever began it alone can claim it, and only with what was handed over.
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

/// A page keeps the dev browser itself: what the navigation brought is handed to it when it asks next.
#[test]
fn a_dev_browser_is_signed_in_when_its_page_asks_again() {
    let site = Site::start(EMAIL_AND_PASSWORD);
    for keeps_cookies in [true, false] {
        let opened = site.browser().post("/v1/dev_browser", "").json();
        let mut dev_browser = opened["id"].as_str().expect("an id").to_owned();
        let mut browser = site.browser();
        // Somebody new the first time, and the same person afterwards: to whom the sign-up says that they sign in.
        for resource in ["sign_ups", "sign_ins"] {
            let created = browser.post(&format!("/v1/client/{resource}?__clerk_db_jwt={dev_browser}"), &begin_form(""));
            let begun = created.json()["response"].clone();
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
fn a_token_that_the_application_has_completes_in_one_request() {
    let site = Site::start(EMAIL_AND_PASSWORD);
    let mut browser = site.browser();
    let token = site.provider.id_token(None);
    let form = format!("strategy=oauth_token_custom_fake&token={token}");
    let done = browser.post("/v1/client/sign_ups", &form);
    assert_eq!(done.json()["response"]["status"], "complete", "{}", done.body);
    for (form, code) in [
        ("strategy=oauth_token_custom_fake", "form_param_missing"),
        ("strategy=oauth_token_custom_fake&token=a.b.c", "form_param_value_invalid"),
        ("strategy=google_one_tap&token=a.b.c", "oauth_provider_not_enabled"),
    ] {
        assert_eq!(site.browser().post("/v1/client/sign_ups", form).error_codes(), [code], "{form}");
    }
}

#[test]
fn strategies_and_places_that_are_not_allowed_change_nothing() {
    let site = Site::start(EMAIL_AND_PASSWORD);
    let there = escaped(&format!("{PAGE}/sso-callback"));
    for (form, code) in [
        (format!("strategy=oauth_github&redirect_url={there}"), "oauth_provider_not_enabled"),
        (format!("strategy=oauth_custom_unconfigured&redirect_url={there}"), "oauth_config_missing"),
        (format!("strategy=oauth_&redirect_url={there}"), "form_param_value_invalid"),
        (format!("strategy=from_oauth_custom_fake&redirect_url={there}"), "form_param_value_invalid"),
        (format!("strategy=OAUTH_CUSTOM_FAKE&redirect_url={there}"), "form_param_value_invalid"),
        ("strategy=oauth_custom_fake".to_owned(), "form_param_missing"),
        ("strategy=oauth_custom_fake&redirect_url=https%3A%2F%2Fevil.example%2F".to_owned(), "invalid_redirect_url"),
        (
            format!("strategy=oauth_custom_fake&redirect_url={there}&action_complete_redirect_url=javascript%3A1"),
            "invalid_redirect_url",
        ),
    ] {
        let mut browser = site.browser();
        assert_eq!(browser.post("/v1/client/sign_ups", &form).error_codes(), [code], "{form}");
        assert_eq!(browser.cookie("__client"), None, "{form}");
    }
    let mut browser = site.browser();
    let relative = browser.post("/v1/client/sign_ups", "strategy=oauth_custom_fake&redirect_url=%2Fsso-callback");
    assert_eq!(relative.status, 200, "{}", relative.body);
    let back = site.come_back(&mut browser, &relative.json()["response"]);
    assert_eq!(back.header("location"), Some(&*format!("{PAGE}/sso-callback")), "resolved against the page");
}

#[test]
fn prepare_begins_a_trip_too_and_two_trips_share_nothing() {
    let site = Site::start(EMAIL_AND_PASSWORD);
    let mut browser = site.browser();
    let created = browser.post("/v1/client/sign_ups", "").json()["response"].clone();
    let path = format!("/v1/client/sign_ups/{}/prepare_verification", id_of(&created));
    let pages: Vec<String> = (0..2)
        .map(|_| page_of(&browser.post(&path, &begin_form("&oidc_prompt=login")).json()["response"]).to_owned())
        .collect();
    assert!(pages[0].contains("prompt=login"));
    for secret in ["state=", "nonce=", "code_challenge="] {
        let of = |page: &str| page.split(secret).nth(1).and_then(|rest| rest.split('&').next()).map(str::to_owned);
        assert_ne!(of(&pages[0]), of(&pages[1]), "{secret}");
    }
}

#[test]
fn a_user_who_is_kept_out_does_not_come_in_by_a_provider_either() {
    let site = Site::start(EMAIL_AND_PASSWORD);
    site.sign_up(&mut site.browser());
    // Back from the provider, and about to be handed over when the list changes.
    let mut waiting = site.browser();
    let begun = site.begin(&mut waiting, "");
    site.come_back(&mut waiting, &begun);
    let restrict = |sign_in: bool| {
        let mut document = site.server.request("GET", "/dev/settings", &[], "").expect("an answer").json();
        document["restrictions"] = json!({
            "blocklist": {"enabled": true, "identifiers": ["ada@example.com"]},
            "allowlist_blocklist_disabled_on_sign_in": {"enabled": sign_in},
        });
        let kind = ("content-type", "application/json");
        let answer = site.server.request("PUT", "/dev/settings", &[kind], &document.to_string()).expect("an answer");
        assert_eq!(answer.status, 200, "{}", answer.body);
    };
    restrict(false);
    let refused = waiting.post("/v1/client/sign_ins", "transfer=true");
    assert_eq!((refused.status, refused.error_codes()), (403, vec!["not_allowed_access".to_owned()]));
    let client = site.sign_in(&mut site.browser());
    assert_eq!(client["sessions"], json!([]));
    let verification = &client["sign_in"]["first_factor_verification"];
    assert_eq!(verification["error"]["code"], "not_allowed_access", "{verification}");
    let mut browser = site.browser();
    let begun = site.begin(&mut browser, "");
    site.come_back(&mut browser, &begun);
    let client = browser.get("/v1/client").json()["response"].clone();
    let account = &client["sign_up"]["verifications"]["external_account"];
    assert_eq!((&account["status"], &account["error"]["code"]), (&json!("failed"), &json!("not_allowed_access")));

    restrict(true);
    assert_ne!(site.sign_in(&mut site.browser())["sessions"], json!([]));
    assert_eq!(waiting.post("/v1/client/sign_ins", "transfer=true").json()["response"]["status"], "complete");
}

#[test]
fn sixteen_people_with_one_account_become_one_user() {
    let site = Site::start(EMAIL_AND_PASSWORD);
    let outcomes: Vec<Value> = std::thread::scope(|scope| {
        let begin = |_| {
            scope.spawn(|| {
                let mut browser = site.browser();
                let begun = site.begin(&mut browser, "");
                site.come_back(&mut browser, &begun);
                browser.get("/v1/client").json()["response"].clone()
            })
        };
        let threads: Vec<_> = (0..16).map(begin).collect();
        threads.into_iter().map(|thread| thread.join().expect("no panic")).collect()
    });
    let signed_in = outcomes.iter().filter(|client| client["sessions"] != json!([])).count();
    assert_eq!(signed_in, 1);
    for client in outcomes.iter().filter(|client| client["sessions"] == json!([])) {
        let account = &client["sign_up"]["verifications"]["external_account"];
        assert_eq!(account["status"], "transferable", "{account}");
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
    // The client keeps no sign-in that became a session: the state says where it led.
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
    // One that another sign-in has taken the place of.
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

struct Site {
    server: Server,
    provider: Provider,
    _folder: TempDir,
}

impl Site {
    fn start(settings: &str) -> Self {
        let (folder, provider) = (TempDir::new().expect("a folder"), Provider::start());
        let config = format!(
            "[server]\nallowed_origins = [\"{PAGE}\"]\nallowed_redirects = [\"myapp://callback\"]\n\
             [limits]\nsource = false\n{settings}{SOCIAL}\
             [settings.oauth.oauth_custom_fake]\nclient_id = \"{CLIENT_ID}\"\nclient_secret = \"{CLIENT_SECRET}\"\n\
             issuer = \"{}\"\n",
            provider.issuer()
        );
        Self { server: Server::start(folder.path(), &config), provider, _folder: folder }
    }

    fn browser(&self) -> Browser<'_> {
        Browser::of(&self.server)
    }

    /// The sign-up of a person who is sent to the provider.
    fn begin(&self, browser: &mut Browser<'_>, more: &str) -> Value {
        let created = browser.post("/v1/client/sign_ups", &begin_form(more));
        assert_eq!(created.status, 200, "{}", created.body);
        created.json()["response"].clone()
    }

    /// The person allows it there and is sent back.
    fn come_back(&self, browser: &mut Browser<'_>, begun: &Value) -> Answer {
        let (code, state) = self.provider.allow(page_of(begun));
        browser.navigate(&format!("/v1/oauth_callback?code={code}&state={state}"))
    }

    /// The person is sent to the provider to sign in and allows it there; where they come back, and the cookies by then.
    fn leave_to_sign_in(&self, browser: &mut Browser<'_>) -> (String, Vec<(String, String)>) {
        let created = browser.post("/v1/client/sign_ins", &begin_form("")).json();
        let verification = &created["response"]["first_factor_verification"];
        let page = verification["external_verification_redirect_url"].as_str().expect("a page");
        let (code, state) = self.provider.allow(page);
        (format!("/v1/oauth_callback?code={code}&state={state}"), browser.cookies.clone())
    }

    /// Checks that an answer is a page for people, with nothing but the way to the instance's home.
    fn shows_a_way_home(&self, answer: &Answer) {
        assert_eq!((answer.status, answer.header("location")), (400, None), "{}", answer.body);
        assert!(answer.header("content-type").is_some_and(|kind| kind.starts_with("text/html")));
        let home = format!("<a href=\"http://localhost:{}/\" class=\"main\">", self.server.port);
        assert!(answer.body.contains(&home) && answer.body.matches("<a ").count() == 1, "{}", answer.body);
    }

    /// The person signs in through the provider; the client afterwards.
    fn sign_in(&self, browser: &mut Browser<'_>) -> Value {
        let created = browser.post("/v1/client/sign_ins", &begin_form(""));
        assert_eq!(created.status, 200, "{}", created.body);
        let verification = created.json()["response"]["first_factor_verification"].clone();
        let page = verification["external_verification_redirect_url"].as_str().expect("a page").to_owned();
        let (code, state) = self.provider.allow(&page);
        let back = browser.navigate(&format!("/v1/oauth_callback?code={code}&state={state}"));
        assert_eq!(back.status, 303, "{}", back.body);
        browser.get("/v1/client").json()["response"].clone()
    }

    /// A whole sign-up; the user.
    fn sign_up(&self, browser: &mut Browser<'_>) -> Value {
        let begun = self.begin(browser, "");
        self.come_back(browser, &begun);
        let client = browser.get("/v1/client").json();
        let user = client["response"]["sessions"][0]["user"].clone();
        assert!(user["id"].is_string(), "{client}");
        user
    }
}

fn begin_form(more: &str) -> String {
    let (there, done) = (escaped(&format!("{PAGE}/sso-callback")), escaped(&format!("{PAGE}/done")));
    format!("strategy=oauth_custom_fake&redirect_url={there}&action_complete_redirect_url={done}{more}")
}

fn id_of(sign_up: &Value) -> String {
    sign_up["id"].as_str().expect("an id").to_owned()
}

fn page_of(sign_up: &Value) -> &str {
    let account = &sign_up["verifications"]["external_account"];
    account["external_verification_redirect_url"].as_str().unwrap_or_else(|| panic!("no page: {account}"))
}

const EMAIL_AND_PASSWORD: &str = r#"
[settings.attributes.email_address]
enabled = true
required = true
verifications = ["email_code"]
verify_at_sign_up = true
[settings.attributes.password]
enabled = true
required = true
[settings.attributes.first_name]
enabled = true
[settings.attributes.last_name]
enabled = true
"#;

const WITH_USERNAME: &str = r#"
[settings.attributes.email_address]
enabled = true
required = true
verifications = ["email_code"]
verify_at_sign_up = true
[settings.attributes.username]
enabled = true
required = true
"#;

const SOCIAL: &str = r#"
[settings.social.oauth_custom_fake]
enabled = true
authenticatable = true
strategy = "oauth_custom_fake"
name = "Fake"
[settings.social.oauth_custom_unconfigured]
enabled = true
"#;
