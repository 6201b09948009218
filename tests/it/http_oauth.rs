//! Sign-up and sign-in through providers over HTTP (guide/contract_sign_ups.md#accounts-at-providers,
//! guide/security.md#accounts-at-providers).

use serde_json::{Value, json};

use crate::support::browser::{PAGE, escaped};
use crate::support::social::{EMAIL_AND_PASSWORD, Site, WITH_USERNAME, begin_form, id_of, page_of};

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
    let code = site.server.code("ada@example.com", 1);
    let done = browser.post(&format!("{path}/attempt_verification"), &format!("strategy=email_code&code={code}"));
    assert_eq!(done.json()["response"]["status"], "complete", "{}", done.body);
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
    let code = site.server.code("ada@example.com", 1);
    let done = first.post(&format!("{path}/attempt_verification"), &format!("strategy=email_code&code={code}"));
    let user = done.json()["response"]["created_user_id"].clone();

    let mut browser = site.browser();
    let begun = site.begin(&mut browser, "");
    site.come_back(&mut browser, &begun);
    let linked = browser.post("/v1/client/sign_ins", "transfer=true").json()["client"]["sessions"][0]["user"].clone();
    assert_eq!(linked["id"], user);
    assert_eq!(linked["external_accounts"][0]["provider_user_id"], "person-1");
    assert_eq!(linked["password_enabled"], true, "what was there stays");
    let told = site.server.told("ada@example.com", 1);
    assert_eq!(told, ["An account was connected to your Vestibule account"]);
    // From now on this account alone signs in; other accounts of the provider do not.
    let mut again = site.browser();
    assert_eq!(site.sign_in(&mut again)["sessions"][0]["user"]["id"], user);
    site.provider.person(json!({"sub": "person-2", "email": "ada@example.com", "email_verified": true}));
    assert_eq!(site.sign_in(&mut site.browser())["sessions"], json!([]));
}

/// Else the person would be sent from the sign-up to the sign-in and back for ever.
#[test]
fn an_account_is_linked_to_the_user_who_spells_its_address_with_other_dots() {
    let ignores_dots = "[settings.restrictions.ignore_dots_for_gmail_addresses]\nenabled = true\n";
    for (settings, is_linked) in [(ignores_dots, true), ("", false)] {
        for by_sign_in in [false, true] {
            let site = Site::start(&format!("{EMAIL_AND_PASSWORD}{settings}"));
            let mut first = site.browser();
            let form = "email_address=a.da%40gmail.com&password=wanders+under+elms&strategy=email_code";
            let created = first.post("/v1/client/sign_ups", form);
            let path = format!("/v1/client/sign_ups/{}", id_of(&created.json()["response"]));
            let form = format!("strategy=email_code&code={}", site.server.code("a.da@gmail.com", 1));
            let done = first.post(&format!("{path}/attempt_verification"), &form);
            let user = done.json()["response"]["created_user_id"].clone();
            assert!(user.is_string(), "{}", done.body);

            site.provider.person(json!({"sub": "person-1", "email": "ada@gmail.com", "email_verified": true}));
            let mut browser = site.browser();
            let client = if by_sign_in {
                site.sign_in(&mut browser)
            } else {
                let begun = site.begin(&mut browser, "");
                site.come_back(&mut browser, &begun);
                browser.post("/v1/client/sign_ins", "transfer=true").json()["client"].clone()
            };
            let shown = &client["sessions"][0]["user"];
            assert_eq!(shown["id"] == user, is_linked, "by sign-in {by_sign_in}: {client}");
            if is_linked {
                assert_eq!(shown["external_accounts"][0]["provider_user_id"], "person-1");
                assert_eq!(shown["email_addresses"][0]["email_address"], "a.da@gmail.com", "as the user spells it");
                assert_eq!(shown["email_addresses"].as_array().map(Vec::len), Some(1));
            }
        }
    }
}

/// What was typed stays the address; the provider vouches for its mailbox.
#[test]
fn an_account_proves_the_given_address_that_has_other_dots() {
    let ignores_dots = "[settings.restrictions.ignore_dots_for_gmail_addresses]\nenabled = true\n";
    let site = Site::start(&format!("{EMAIL_AND_PASSWORD}{ignores_dots}"));
    site.provider.person(json!({"sub": "person-1", "email": "ada@gmail.com", "email_verified": true}));
    let mut browser = site.browser();
    let begun = site.begin(&mut browser, "&email_address=a.da%40gmail.com");
    site.come_back(&mut browser, &begun);
    let user = browser.get("/v1/client").json()["response"]["sessions"][0]["user"].clone();
    assert_eq!(user["email_addresses"][0]["email_address"], "a.da@gmail.com", "{user}");
    assert_eq!(user["email_addresses"][0]["verification"]["strategy"], "from_oauth_custom_fake");
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
    // A proof in a sign-up counts for that sign-up only.
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
fn prepare_begins_an_authorization_too_and_two_of_them_share_nothing() {
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
    // Back from the provider, just before the handover, when the list changes.
    let mut waiting = site.browser();
    let begun = site.begin(&mut waiting, "");
    site.come_back(&mut waiting, &begun);
    let restrict = |sign_in: bool| {
        let mut document = site.server.settings();
        document["restrictions"] = json!({
            "blocklist": {"enabled": true, "identifiers": ["ada@example.com"]},
            "allowlist_blocklist_disabled_on_sign_in": {"enabled": sign_in},
        });
        site.server.put_settings(&document);
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
