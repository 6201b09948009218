//! Sign-up restrictions over HTTP: where each rejection appears, and that new settings apply to sign-ups in progress.

use serde_json::{Value, json};

use crate::support::browser::{Browser, escaped};
use crate::support::endpoint::{Answer, Endpoint};
use crate::support::site::Site;

#[test]
fn each_restriction_answers_403_at_its_field() {
    let site = start();
    let server = &site.server;
    configure(
        server,
        json!({
            "blocklist": {"enabled": true, "identifiers": ["mallory@example.com", "@bad.example", "+1212*"]},
            "block_email_subaddresses": {"enabled": true},
            "block_disposable_email_domains": {"enabled": true},
            "phone_countries": {"blocked": ["GB"]},
        }),
    );
    for (form, code, param) in [
        ("email_address=Mallory%40example.com", "not_allowed_access", "email_address"),
        ("email_address=x%40deep.bad.example", "not_allowed_access", "email_address"),
        ("email_address=ada%2Btag%40example.com", "not_allowed_access", "email_address"),
        ("email_address=ada%40mailinator.com", "not_allowed_access", "email_address"),
        ("phone_number=%2B12125550123", "not_allowed_access", "phone_number"),
        ("phone_number=%2B442079460018", "unsupported_country_code", "phone_number"),
    ] {
        let refused = Browser::of(server).post("/v1/client/sign_ups", form);
        assert_eq!((refused.status, refused.error_codes()), (403, vec![code.to_owned()]), "{form}");
        assert_eq!(refused.json()["errors"][0]["meta"]["param_name"], param, "{form}");
    }
    assert_eq!(Browser::of(server).post("/v1/client/sign_ups", "email_address=ada%40gmail.com").status, 200);
    let shown = Browser::of(server).get("/v1/environment");
    assert!(!shown.body.contains("mallory"), "browsers see the switches only");
    assert_eq!(shown.json()["user_settings"]["restrictions"]["blocklist"], json!({"enabled": true}));
}

#[test]
fn a_sign_up_in_flight_meets_the_restrictions_of_its_last_moment() {
    let site = start();
    let server = &site.server;
    configure(server, json!({}));
    let mut browser = Browser::of(server);
    let created = browser.post("/v1/client/sign_ups", "email_address=ada%40example.com&strategy=email_code");
    let path = format!("/v1/client/sign_ups/{}", created.json()["response"]["id"].as_str().expect("an id"));
    let code = server.code("ada@example.com", 1);
    configure(server, json!({"allowlist": {"enabled": true, "identifiers": ["@friends.example"]}}));
    let form = format!("strategy=email_code&code={code}");
    let attempt = |browser: &mut Browser<'_>| browser.post(&format!("{path}/attempt_verification"), &form);
    let refused: Answer = attempt(&mut browser);
    assert_eq!((refused.status, refused.error_codes()), (403, vec!["not_allowed_access".to_owned()]));
    assert_eq!(browser.get("/v1/client").json()["response"]["sessions"], json!([]));
    configure(server, json!({}));
    assert_eq!(attempt(&mut browser).json()["response"]["status"], "complete", "nothing was lost by it");
}

#[test]
fn with_an_allow_list_only_who_is_on_it_becomes_a_user() {
    let site = start();
    let server = &site.server;
    let mut document = settings(json!({"allowlist": {"enabled": true, "identifiers": ["@friends.example"]}}));
    document["attributes"]["username"] = json!({"enabled": true});
    server.put_settings(&document);
    for form in [
        "username=ada_l",
        "username=ada_l&password=wanders+under+elms",
        "phone_number=%2B14155552671",
        "phone_number=%2B14155552671&strategy=phone_code",
        "email_address=ada%40example.com&strategy=email_code&ticket=",
        "email_address_or_phone_number=ada%40example.com",
    ] {
        let refused = Browser::of(server).post("/v1/client/sign_ups", form);
        assert_eq!((refused.status, refused.error_codes()), (403, vec!["not_allowed_access".to_owned()]), "{form}");
    }
    assert_eq!(outbox(server), json!([]), "nobody is written to who is refused");
    let friend = "email_address=Ada%40Friends.example&username=ada_l&password=wanders+under+elms&strategy=email_code";
    let mut browser = Browser::of(server);
    let begun = browser.post("/v1/client/sign_ups", friend);
    let path = format!("/v1/client/sign_ups/{}", begun.json()["response"]["id"].as_str().expect("an id"));
    let code = server.code("ada@friends.example", 1);
    let form = format!("strategy=email_code&code={code}");
    let done = browser.post(&format!("{path}/attempt_verification"), &form);
    assert_eq!(done.json()["response"]["status"], "complete", "{}", done.body);
}

#[test]
fn an_empty_parameter_is_no_way_past_the_block_list() {
    let site = start();
    let server = &site.server;
    configure(server, json!({"blocklist": {"enabled": true, "identifiers": ["mallory@example.com"]}}));
    for name in ["ticket", "strategy", "transfer", "token", "captcha_token", "phone_number", "username", "password"] {
        for address in ["mallory%40example.com", "MALLORY%2Btag%40example.com"] {
            let form = format!("email_address={address}&{name}=");
            let refused = Browser::of(server).post("/v1/client/sign_ups", &form);
            assert_eq!((refused.status, refused.error_codes()), (403, vec!["not_allowed_access".to_owned()]), "{form}");
            let mut browser = Browser::of(server);
            let begun = browser.post("/v1/client/sign_ups", &format!("{name}="));
            assert_eq!(begun.status, 200, "{name}: {}", begun.body);
            let path = format!("/v1/client/sign_ups/{}", begun.json()["response"]["id"].as_str().expect("an id"));
            let refused = browser.request("PATCH", &path, &[], &format!("email_address={address}&ticket="));
            assert_eq!(refused.status, 403, "{}", refused.body);
        }
    }
    assert_eq!(outbox(server), json!([]));
}

#[test]
fn who_is_kept_out_later_does_not_sign_in_unless_the_lists_are_for_sign_ups_alone() {
    let site = start();
    let server = &site.server;
    configure(server, json!({}));
    let password = "wanders+under+elms";
    for (name, value) in [("email_address", "ada@example.com"), ("phone_number", "+14155552671")] {
        become_user(server, name, value, password);
    }
    become_user(server, "email_address", "ada@friends.example", password);
    // A code that was sent before its owner was blocked proves nothing afterwards.
    let mut early = Browser::of(server);
    let begun = early.post("/v1/client/sign_ins", "identifier=ada%40example.com&strategy=email_code");
    assert_eq!(begun.status, 200, "{}", begun.body);
    let attempt =
        format!("/v1/client/sign_ins/{}/attempt_first_factor", begun.json()["response"]["id"].as_str().expect("an id"));
    let code = server.code("ada@example.com", 2);
    let code = format!("strategy=email_code&code={code}");

    let blocked = json!({"enabled": true, "identifiers": ["ada@example.com", "+1415*"]});
    let allowed = json!({"enabled": true, "identifiers": ["@friends.example"]});
    let lists = [("blocklist", blocked), ("allowlist", allowed)];
    let sign_in = |identifier: &str| {
        let form = format!("identifier={}&password={password}", escaped(identifier));
        Browser::of(server).post("/v1/client/sign_ins", &form)
    };
    for (name, list) in &lists {
        configure(server, json!({ (*name): list }));
        let sent = outbox(server).as_array().map(Vec::len);
        for identifier in ["ada@example.com", "ADA@example.com", "+14155552671"] {
            let refused = sign_in(identifier);
            let outcome = (refused.status, refused.error_codes());
            assert_eq!(outcome, (403, vec!["not_allowed_access".to_owned()]), "{name}: {identifier}");
        }
        let refused = early.post(&attempt, &code);
        assert_eq!((refused.status, refused.error_codes()), (403, vec!["not_allowed_access".to_owned()]), "{name}");
        assert_eq!(early.get("/v1/client").json()["response"]["sessions"], json!([]));
        let form = "identifier=ada%40example.com&strategy=email_code";
        let refused = Browser::of(server).post("/v1/client/sign_ins", form);
        assert_eq!(refused.error_codes(), ["not_allowed_access"], "{name}");
        assert_eq!(outbox(server).as_array().map(Vec::len), sent, "{name}: nobody was written to");
        assert_eq!(sign_in("ada@friends.example").json()["response"]["status"], "complete", "{name}");
    }
    for (name, list) in &lists {
        configure(server, json!({ (*name): list, "allowlist_blocklist_disabled_on_sign_in": {"enabled": true} }));
        for identifier in ["ada@example.com", "+14155552671"] {
            assert_eq!(sign_in(identifier).json()["response"]["status"], "complete", "{name}: {identifier}");
        }
        let refused = Browser::of(server).post("/v1/client/sign_ups", "email_address=ada%40example.com");
        assert_eq!(refused.error_codes(), ["not_allowed_access"], "{name}: for sign-ups they count all the same");
    }
    assert_eq!(early.post(&attempt, &code).json()["response"]["status"], "complete");
}

#[test]
fn under_enumeration_protection_the_block_list_tells_nobody_who_is_a_user() {
    let site = start();
    let server = &site.server;
    let mut document = settings(json!({}));
    document["attack_protection"] = json!({"enumeration_protection": {"enabled": true}});
    server.put_settings(&document);
    become_user(server, "email_address", "ada@example.com", "wanders+under+elms");
    document["restrictions"] = json!({"blocklist": {"enabled": true, "identifiers": ["@example.com"]}});
    server.put_settings(&document);
    for form in ["", "&password=wanders+under+elms", "&strategy=email_code"] {
        let [somebody, nobody] = ["ada", "nobody"].map(|name| {
            let form = format!("identifier={name}%40example.com{form}");
            let answer = Browser::of(server).post("/v1/client/sign_ins", &form);
            (answer.status, answer.error_codes())
        });
        assert_eq!(somebody, nobody);
        assert_eq!(somebody, (403, vec!["not_allowed_access".to_owned()]));
    }
}

#[test]
fn under_enumeration_protection_who_is_kept_out_hears_it_only_after_the_proof() {
    let site = start();
    let server = &site.server;
    let mut document = settings(json!({}));
    document["attack_protection"] = json!({"enumeration_protection": {"enabled": true}});
    document["attributes"]["phone_number"]["verify_at_sign_up"] = json!(false);
    server.put_settings(&document);
    become_user(server, "phone_number=%2B14155552671&email_address", "ada@example.com", "wanders+under+elms");
    document["restrictions"] = json!({"blocklist": {"enabled": true, "identifiers": ["+1415*"]}});
    server.put_settings(&document);
    let sent = outbox(server);
    let sign_in = |form: &str| {
        let [somebody, nobody] = ["ada", "nobody"].map(|name| {
            let form = format!("identifier={name}%40example.com{form}");
            Browser::of(server).post("/v1/client/sign_ins", &form)
        });
        (somebody, nobody)
    };
    let (somebody, nobody) = sign_in("&strategy=email_code");
    assert_eq!((somebody.status, nobody.status), (200, 200), "{}", somebody.body);
    assert_eq!(outbox(server), sent, "and no code is sent");
    let (somebody, nobody) = sign_in("&password=wanders+under+oaks");
    assert_eq!(somebody.error_codes(), nobody.error_codes());
    let (somebody, _) = sign_in("&password=wanders+under+elms");
    assert_eq!((somebody.status, somebody.error_codes()), (403, vec!["not_allowed_access".to_owned()]));
}

#[test]
fn an_entry_that_means_nothing_is_named() {
    let site = start();
    let server = &site.server;
    let document = settings(json!({"allowlist": {"enabled": true, "identifiers": ["example.com"]}}));
    let refused = server.try_settings(&document);
    assert_eq!(refused.status, 422);
    assert!(refused.body.contains("contains \\\"example.com\\\", which is not an e-mail address"), "{}", refused.body);
}

fn start() -> Site {
    Site::start("[limits]\nsource = false\n")
}

fn configure(server: &Endpoint, restrictions: Value) {
    server.put_settings(&settings(restrictions));
}

/// All messages sent so far.
fn outbox(server: &Endpoint) -> Value {
    server.request("GET", "/dev/outbox", &[], "").expect("an answer").json()["messages"].clone()
}

/// A complete sign-up by code.
fn become_user(server: &Endpoint, name: &str, value: &str, password: &str) {
    Browser::of(server).sign_up_by_code(&format!("{name}={}&password={password}", escaped(value)), value);
}

fn settings(restrictions: Value) -> Value {
    let address = |strategy: &str| {
        json!({
            "enabled": true, "verifications": [strategy], "verify_at_sign_up": true, "used_for_first_factor": true,
        })
    };
    json!({
        "attributes": {
            "email_address": address("email_code"), "phone_number": address("phone_code"),
            "password": {"enabled": true},
        },
        "restrictions": restrictions,
    })
}
