//! Approval by an administrator (guide/contract_sign_ups.md#approval): a finished sign-up waits, is approved or refused,
//! and nothing of it changes meanwhile.

use serde_json::{Value, json};

use crate::support::backend::Site;
use crate::support::browser::{Browser, PAGE, escaped};

#[test]
fn a_finished_sign_up_waits_and_becomes_a_user_when_it_is_approved() {
    let site = Site::start(&settings(&["email_code"]));
    let mut browser = Browser::of(&site.server);
    let path = browser.begin_sign_up("email_address=ada%40example.com&strategy=email_code");
    let begun = browser.get(&path).json()["response"].clone();
    assert_eq!((&begun["missing_fields"], begun.get("approval")), (&json!([]), None), "first the address is verified");
    let form = site.server.code_form("ada@example.com", 1);
    for _ in 0..2 {
        let proved = browser.post(&format!("{path}/attempt_verification"), &form);
        let sign_up = &proved.json()["response"];
        assert_eq!(sign_up["status"], "missing_requirements", "{}", proved.body);
        assert_eq!((&sign_up["missing_fields"], &sign_up["unverified_fields"]), (&json!(["approval"]), &json!([])));
        assert_eq!(sign_up["approval"]["status"], "waiting");
        assert!(sign_up["approval"]["waiting_since"].is_u64());
    }
    for form in ["", "email_address=eve%40example.com", "first_name=Eve"] {
        let refused = browser.request("PATCH", &path, &[], form);
        assert_eq!(
            (refused.status, refused.error_codes()),
            (403, vec!["sign_up_awaits_approval".to_owned()]),
            "{form}"
        );
    }
    assert_eq!(users(&site), 0);
    let waiting = listed(&site, "");
    assert_eq!((waiting.len(), &waiting[0]["email_address"]), (1, &json!("ada@example.com")));

    let before = browser.cookie("__client").map(str::to_owned);
    let approved = site.backend("POST", &format!("{}/approve", path.replace("/client", "")), &Value::Null);
    assert_eq!(approved.json()["status"], "complete", "{}", approved.body);
    assert_eq!(approved.json().get("approval"), None);
    assert_eq!((users(&site), listed(&site, "").len()), (1, 0));
    let client = browser.get("/v1/client").json()["response"].clone();
    assert_eq!(client["sessions"].as_array().map(Vec::len), Some(1), "the client is not locked out: {client}");
    assert_ne!(browser.cookie("__client").map(str::to_owned), before, "a session is a new token");
    for call in ["approve", "refuse"] {
        let path = format!("{}/{call}", path.replace("/client", ""));
        let late = site.backend("POST", &path, &json!({}));
        assert_eq!(
            (late.status, late.error_codes()),
            (409, vec!["sign_up_not_awaiting_approval".to_owned()]),
            "{call}"
        );
    }
}

#[test]
fn who_is_refused_reads_why_and_can_begin_again() {
    let site = Site::start(&settings(&[]));
    let mut browser = Browser::of(&site.server);
    let path = browser.begin_sign_up("email_address=ada%40example.com");
    let refuse =
        |path: &str, body: &Value| site.backend("POST", &format!("{}/refuse", path.replace("/client", "")), body);
    let long = "x".repeat(513);
    for (reason, code) in [
        (" ", "form_param_format_invalid"),
        ("a\nb", "form_param_format_invalid"),
        (&*long, "form_param_exceeds_allowed_size"),
    ] {
        let odd = refuse(&path, &json!({ "reason": reason }));
        assert_eq!((odd.status, odd.error_codes()), (422, vec![code.to_owned()]), "{reason:?}");
    }
    let refused = refuse(&path, &json!({"reason": "We only take people from Paris."}));
    assert_eq!((refused.status, &refused.json()["approval"]["status"]), (200, &json!("refused")), "{}", refused.body);
    let shown = browser.get(&path).json()["response"].clone();
    assert_eq!((&shown["status"], &shown["missing_fields"]), (&json!("missing_requirements"), &json!(["approval"])));
    assert_eq!(shown["approval"]["reason"], "We only take people from Paris.");
    for form in ["", "first_name=Ada"] {
        let answer = browser.request("PATCH", &path, &[], form);
        assert_eq!((answer.status, answer.error_codes()), (403, vec!["sign_up_refused".to_owned()]));
        assert_eq!(answer.json()["errors"][0]["long_message"], "We only take people from Paris.");
    }
    assert_eq!((users(&site), listed(&site, "").len()), (0, 0));
    assert_eq!(refuse(&path, &json!({})).status, 409);

    let again = browser.begin_sign_up("email_address=ada%40example.com");
    assert_eq!(listed(&site, "").len(), 1);
    assert_eq!(refuse(&again, &json!({})).status, 200);
    let answer = browser.request("PATCH", &again, &[], "");
    assert_eq!(answer.json()["errors"][0]["long_message"], "Your sign up was not approved.");
}

#[test]
fn who_waits_is_listed_the_longest_waiting_first_and_in_pages() {
    let site = Site::start(&settings(&[]));
    let addresses: Vec<String> = (0..5).map(|n| format!("ada{n}@example.com")).collect();
    let mut browsers: Vec<Browser<'_>> = addresses.iter().map(|_| Browser::of(&site.server)).collect();
    for (browser, address) in browsers.iter_mut().zip(&addresses) {
        browser.begin_sign_up(&format!("email_address={}", escaped(address)));
        site.server.advance(10);
    }
    let named = |query: &str| -> Vec<String> {
        listed(&site, query).iter().map(|s| s["email_address"].as_str().expect("an address").to_owned()).collect()
    };
    assert_eq!(named(""), addresses);
    assert_eq!(named("&limit=2"), addresses[..2]);
    let second = listed(&site, "")[1]["id"].as_str().expect("an id").to_owned();
    assert_eq!(named(&format!("&limit=2&starting_after={second}")), addresses[2..4]);
    for (query, param) in [
        ("", "status"),
        ("?status=complete", "status"),
        ("?status=awaiting_approval&limit=0", "limit"),
        ("?status=awaiting_approval&starting_after=nobody", "starting_after"),
    ] {
        let refused = site.backend("GET", &format!("/v1/sign_ups{query}"), &Value::Null);
        assert_eq!(
            (refused.status, &refused.json()["errors"][0]["meta"]["param_name"]),
            (422, &json!(param)),
            "{query}"
        );
    }
    browsers[0].begin_sign_up("email_address=other%40example.com");
    let first = &listed(&site, "")[0];
    assert_eq!(first["status"], "abandoned", "its client has begun another one");
    let path = format!("/v1/sign_ups/{}/approve", first["id"].as_str().expect("an id"));
    assert_eq!(site.backend("POST", &path, &Value::Null).error_codes(), ["sign_up_not_awaiting_approval"]);
}

#[test]
fn it_waits_longer_than_an_unfinished_one_lives_and_not_for_ever() {
    let site = Site::start(&settings(&[]));
    let mut browser = Browser::of(&site.server);
    let path = browser.begin_sign_up("email_address=ada%40example.com");
    let shown = browser.get(&path).json()["response"].clone();
    let waits = shown["abandon_at"].as_u64().zip(shown["approval"]["waiting_since"].as_u64());
    assert_eq!(waits.map(|(abandon_at, since)| abandon_at - since), Some(7 * DAY));
    site.server.advance(6 * DAY);
    assert_eq!(browser.get(&path).json()["response"]["status"], "missing_requirements");
    assert_eq!(listed(&site, "").len(), 1);
    site.server.advance(DAY);
    assert_eq!(browser.get(&path).json()["response"]["status"], "abandoned");
    let late = site.backend("POST", &format!("{}/approve", path.replace("/client", "")), &Value::Null);
    assert_eq!((late.status, late.error_codes()), (409, vec!["sign_up_not_awaiting_approval".to_owned()]));
    assert_eq!(users(&site), 0);
}

#[test]
fn who_leaves_the_browser_while_it_waits_has_no_session_in_it_later() {
    let site = Site::start(&settings(&[]));
    for leave in ["/v1/client", "/v1/client/sessions"] {
        let mut browser = Browser::of(&site.server);
        let path = browser.begin_sign_up("email_address=ada%40example.com");
        assert_eq!(browser.request("DELETE", leave, &[], "").status, 200);
        let late = site.backend("POST", &format!("{}/approve", path.replace("/client", "")), &Value::Null);
        assert_eq!((late.status, late.error_codes()), (409, vec!["sign_up_not_awaiting_approval".to_owned()]));
    }
    assert_eq!(users(&site), 0);
}

#[test]
fn settings_that_change_while_it_waits_count_at_once() {
    let site = Site::start(&settings(&[]));
    let mut browser = Browser::of(&site.server);
    let path = browser.begin_sign_up("email_address=ada%40example.com");
    let approve = || site.backend("POST", &format!("{}/approve", path.replace("/client", "")), &Value::Null);
    let mut stricter = settings(&[]);
    stricter["attributes"]["first_name"] = json!({"enabled": true, "required": true});
    site.configure(&stricter);
    let refused = approve();
    assert_eq!((refused.status, refused.error_codes()), (422, vec!["form_data_missing".to_owned()]));
    assert_eq!(refused.json()["errors"][0]["meta"]["param_names"], json!(["first_name"]));
    let mut looser = settings(&[]);
    looser["sign_up"] = json!({});
    site.configure(&looser);
    let done = browser.request("PATCH", &path, &[], "");
    assert_eq!(done.json()["response"]["status"], "complete", "no approval is required any more: {}", done.body);
    assert_eq!(listed(&site, "").len(), 0);
}

#[test]
fn an_approval_loses_against_a_user_who_has_the_address_by_now() {
    let site = Site::start(&settings(&[]));
    let mut browser = Browser::of(&site.server);
    let path = browser.begin_sign_up("email_address=ada%40example.com");
    let made = site.backend("POST", "/v1/users", &json!({"email_address": ["ada@example.com"]}));
    assert_eq!(made.status, 200, "{}", made.body);
    let refused = site.backend("POST", &format!("{}/approve", path.replace("/client", "")), &Value::Null);
    assert_eq!((refused.status, refused.error_codes()), (422, vec!["form_identifier_exists".to_owned()]));
    assert_eq!(listed(&site, "").len(), 1, "it waits as before");
}

#[test]
fn a_link_that_leads_to_no_page_says_that_approval_is_waited_for() {
    let mut document = settings(&["email_link"]);
    document["attack_protection"] = json!({"email_link": {"require_same_client": false}});
    let site = Site::start(&document);
    let mut browser = Browser::of(&site.server);
    let url = escaped(&format!("{PAGE}/verify"));
    let path =
        browser.begin_sign_up(&format!("email_address=ada%40example.com&strategy=email_link&redirect_url={url}"));
    let link = site.server.mail("ada@example.com", 1)["link"].as_str().expect("a link").to_owned();
    let link = &link[link.find("/v1/verify").expect("the path of links")..];
    let clicked = browser.navigate(link);
    assert_eq!(clicked.header("location"), Some(&*format!("{PAGE}/verify?__clerk_status=verified")));
    assert_eq!(browser.get(&path).json()["response"]["approval"]["status"], "waiting");
    let again = browser.navigate(link);
    assert_eq!(again.header("location"), clicked.header("location"), "however often they click");
    assert_eq!(listed(&site, "").len(), 1);
}

#[test]
fn the_environment_tells_of_approvals_only_where_they_are_required() {
    let site = Site::start(&settings(&[]));
    let shown =
        |site: &Site| Browser::of(&site.server).get("/v1/environment").json()["user_settings"]["sign_up"].clone();
    assert_eq!(shown(&site)["approval_required"], true);
    let mut off = settings(&[]);
    off["sign_up"] = json!({});
    site.configure(&off);
    assert_eq!(shown(&site).get("approval_required"), None);
}

fn settings(ways: &[&str]) -> Value {
    json!({
        "attributes": {
            "email_address": {"enabled": true, "required": true, "verifications": ways, "verify_at_sign_up": !ways.is_empty()},
            "first_name": {"enabled": true},
        },
        "sign_up": {"approval_required": true},
    })
}

fn listed(site: &Site, query: &str) -> Vec<Value> {
    let found = site.backend("GET", &format!("/v1/sign_ups?status=awaiting_approval{query}"), &Value::Null);
    found.json().as_array().unwrap_or_else(|| panic!("{}", found.body)).clone()
}

fn users(site: &Site) -> u64 {
    let counted = site.backend("GET", "/v1/users/count", &Value::Null).json();
    counted["total_count"].as_u64().expect("a number")
}

const DAY: u64 = 86_400_000;
