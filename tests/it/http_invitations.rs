//! Invitations over HTTP: creation by the backend, the link, the sign-up by ticket, and all faults of a ticket
//! (guide/contract_sign_ups.md#invitations-and-tickets).

use serde_json::{Value, json};

use crate::support::backend::{SECRET_KEY, Site};
use crate::support::browser::{Browser, PAGE, escaped};
use crate::support::server::Answer;

#[test]
fn an_invited_person_signs_up_where_the_public_may_not() {
    let site = Site::start(&settings("restricted"));
    let mut public = Browser::of(&site.server);
    let refused = public.post("/v1/client/sign_ups", "email_address=eve%40example.com");
    assert_eq!((refused.status, refused.error_codes()), (403, vec!["sign_up_mode_restricted".to_owned()]));

    let body = json!({
        "email_address": "Ada@Example.com", "public_metadata": {"plan": "gold"}, "redirect_url": format!("{PAGE}/join"),
    });
    let made = site.backend("POST", "/v1/invitations", &body);
    assert_eq!(made.status, 200, "{}", made.body);
    let invitation = made.json();
    assert_eq!(invitation["object"], "invitation");
    assert_eq!(invitation["email_address"], "ada@example.com");
    assert_eq!((&invitation["status"], &invitation["revoked"]), (&json!("pending"), &json!(false)));
    assert_eq!(invitation["public_metadata"], json!({"plan": "gold"}));

    let mail = site.server.mail("ada@example.com", 1);
    assert_eq!(mail["link"], invitation["url"], "the mail leads where the backend was told");
    assert!(mail["text"].as_str().expect("text").contains("good for 30 days"), "{mail}");

    let mut browser = Browser::of(&site.server);
    let location = site.follow(&mut browser, &invitation["url"]);
    let (place, ticket) = location.split_once("__clerk_ticket=").expect("a ticket");
    assert_eq!(place, format!("{PAGE}/join?"));
    let (ticket, status) = ticket.split_once('&').expect("a status");
    assert_eq!(status, "__clerk_status=sign_up");

    let created = browser.post("/v1/client/sign_ups", &format!("strategy=ticket&ticket={ticket}"));
    let sign_up = created.json()["response"].clone();
    assert_eq!(sign_up["status"], "missing_requirements", "{}", created.body);
    assert_eq!(sign_up["email_address"], "ada@example.com");
    let verification = &sign_up["verifications"]["email_address"];
    assert_eq!(verification["object"], "verification_ticket");
    assert_eq!((&verification["status"], &verification["strategy"]), (&json!("verified"), &json!("ticket")));
    assert_eq!(sign_up["missing_fields"], json!(["password"]));
    assert_eq!(sign_up["unverified_fields"], json!([]));
    assert_eq!(sign_up["public_metadata"], json!({"plan": "gold"}));

    // `<SignUp/>` sends the ticket again with the missing fields.
    let path = format!("/v1/client/sign_ups/{}", sign_up["id"].as_str().expect("an id"));
    let form = format!("strategy=ticket&ticket={ticket}&email_address=ada%40example.com&password=wanders+under+elms");
    let done = browser.request("PATCH", &path, &[], &form).json();
    assert_eq!(done["response"]["status"], "complete", "{done}");
    let user = &done["client"]["sessions"][0]["user"];
    assert_eq!(user["public_metadata"], json!({"plan": "gold"}));
    assert_eq!(user["email_addresses"][0]["verification"]["strategy"], "ticket");

    let listed = site.backend("GET", "/v1/invitations?status=accepted&paginated=true", &Value::Null).json();
    assert_eq!((&listed["total_count"], &listed["data"][0]["id"]), (&json!(1), &invitation["id"]));
    assert_eq!(listed["data"][0]["url"], Value::Null, "a used ticket is shown no more");
    let again = Browser::of(&site.server).post("/v1/client/sign_ups", &format!("strategy=ticket&ticket={ticket}"));
    assert_eq!((again.status, again.error_codes()), (400, vec!["invitation_already_accepted".to_owned()]));
    assert_eq!(site.follow(&mut browser, &invitation["url"]), format!("{PAGE}/join?__clerk_status=complete"));
    let elsewhere = &mut Browser::of(&site.server);
    assert_eq!(site.follow(elsewhere, &invitation["url"]), format!("{PAGE}/join?__clerk_status=sign_in"));
}

#[test]
fn what_is_done_to_an_invitation_twice_is_told_so() {
    let site = Site::start(&settings("restricted"));
    let invite = |address: &str| site.invite(&json!({ "email_address": address, "expires_in_days": 1 }));
    let (used, revoked) = (invite("ada@example.com"), invite("eve@example.com"));
    let path = |invitation: &Value| format!("/v1/invitations/{}", invitation["id"].as_str().expect("an id"));
    let revoke = |invitation: &Value| {
        let answer = site.backend("POST", &format!("{}/revoke", path(invitation)), &Value::Null);
        (answer.status, if answer.status == 200 { "".into() } else { answer.error_codes().concat() })
    };
    assert_eq!(site.sign_up(&Site::ticket_in(&used["url"])).status, 200);
    assert_eq!(revoke(&used), (400, "invitation_already_accepted".into()));
    assert_eq!(revoke(&revoked), (200, String::new()));
    for _ in 0..2 {
        assert_eq!(revoke(&revoked), (400, "invitation_already_revoked".into()));
        // A person with the ticket still learns about the invitation.
        let refused = site.sign_up(&Site::ticket_in(&revoked["url"]));
        assert_eq!(refused.error_codes(), ["revoked_invitation"]);
    }
    let expired = invite("old@example.com");
    site.server.advance(86_400_000);
    assert_eq!(revoke(&expired).0, 200, "it is good no more, and is taken back all the same");
    for (status, _) in [(200, "first"), (404, "again")] {
        assert_eq!(site.backend("DELETE", &path(&used), &Value::Null).status, status);
    }
    assert_eq!(revoke(&used), (404, "resource_not_found".into()));
}

#[test]
fn a_ticket_works_with_what_was_copied_along_behind_it() {
    let site = Site::start(&settings("restricted"));
    let ticket = site.ticket(&json!({ "email_address": "ada@example.com" }));
    for after in ["", ".", "%3E", ")", "%E2%80%8B", "%0D%0A"] {
        let opened = Browser::of(&site.server).navigate(&format!("/v1/tickets/accept?ticket={ticket}{after}"));
        let place = opened.header("location").unwrap_or_default().to_owned();
        assert!(place.contains(&format!("__clerk_ticket={ticket}&")), "{after}: {place}");
    }
    let signed_up =
        Browser::of(&site.server).post("/v1/client/sign_ups", &format!("strategy=ticket&ticket=%3C{ticket}%3E."));
    assert_eq!(signed_up.status, 200, "{}", signed_up.body);
}

#[test]
fn every_ticket_that_is_no_good_says_why() {
    let site = Site::start(&settings("restricted"));
    let ticket = |address: &str| site.ticket(&json!({ "email_address": address, "expires_in_days": 1 }));
    let (good, expired, account) = (ticket("good@example.com"), ticket("old@example.com"), ticket("has@example.com"));
    let revoked = site.invite(&json!({ "email_address": "revoked@example.com" }));
    let id = revoked["id"].as_str().expect("an id");
    let answer = site.backend("POST", &format!("/v1/invitations/{id}/revoke"), &Value::Null).json();
    assert_eq!((&answer["status"], &answer["revoked"]), (&json!("revoked"), &json!(true)));
    let twice = site.backend("POST", &format!("/v1/invitations/{id}/revoke"), &Value::Null);
    assert_eq!((twice.status, twice.error_codes()), (400, vec!["invitation_already_revoked".to_owned()]));
    // A second invitation for a person who has used the first one meanwhile.
    let second = site.ticket(&json!({ "email_address": "has@example.com", "ignore_existing": true }));
    assert_eq!(site.sign_up(&second).status, 200);

    let other = if good.ends_with('A') { "B" } else { "A" };
    let mangled = format!("{}{other}", &good[..good.len() - 1]);
    site.server.advance(86_400_000);
    for (ticket, code) in [
        (mangled.as_str(), "ticket_invalid_code"),
        ("nonsense", "ticket_invalid_code"),
        (&"A".repeat(5000), "ticket_invalid_code"),
        (&expired, "ticket_expired_code"),
        (&Site::ticket_in(&revoked["url"]), "revoked_invitation"),
        (&second, "invitation_already_accepted"),
    ] {
        let refused = site.sign_up(ticket);
        assert_eq!((refused.status, refused.error_codes()), (400, vec![code.to_owned()]), "{ticket}");
        let mut browser = Browser::of(&site.server);
        assert_eq!(browser.get("/v1/client").json()["response"], Value::Null, "nobody came into being");
    }
    let missing = Browser::of(&site.server).post("/v1/client/sign_ups", "strategy=ticket");
    assert_eq!((missing.status, missing.error_codes()), (422, vec!["form_param_missing".to_owned()]));
    assert_eq!(site.sign_up(&account).error_codes(), ["ticket_expired_code"]);

    for path in ["/v1/tickets/accept", "/v1/tickets/accept?ticket=x", "/v1/tickets/accept?ticket=x&ticket=y"] {
        let program = site.server.request("GET", path, &[], "").expect("an answer");
        assert_eq!((program.status, program.error_codes()), (400, vec!["ticket_invalid_code".to_owned()]));
        let page = Browser::of(&site.server).navigate(path);
        assert_eq!(page.status, 400);
        assert!(page.body.contains("<h1>This link does not work</h1>"), "{}", page.body);
    }
}

#[test]
fn somebody_who_has_an_account_by_now_is_told_to_sign_in() {
    let site = Site::start(&settings("public"));
    let ticket = site.ticket(&json!({ "email_address": "ada@example.com" }));
    let mut browser = Browser::of(&site.server);
    let form = "email_address=ada%40example.com&password=wanders+under+elms&strategy=email_code";
    let created = browser.post("/v1/client/sign_ups", form).json();
    let code = site.server.code("ada@example.com", 2);
    let id = created["response"]["id"].as_str().expect("an id");
    let form = format!("strategy=email_code&code={code}");
    let done = browser.post(&format!("/v1/client/sign_ups/{id}/attempt_verification"), &form);
    assert_eq!(done.json()["response"]["status"], "complete");

    let refused = site.sign_up(&ticket);
    assert_eq!((refused.status, refused.error_codes()), (400, vec!["invitation_account_exists".to_owned()]));
    let refused = site.backend("POST", "/v1/invitations", &json!({ "email_address": "ada@example.com" }));
    assert_eq!((refused.status, refused.error_codes()), (422, vec!["form_identifier_exists".to_owned()]));
}

#[test]
fn an_invitation_is_for_its_address_alone() {
    let site = Site::start(&settings("public"));
    let metadata = json!({ "email_address": "ada@example.com", "public_metadata": {"role": "owner"} });
    let ticket = site.ticket(&metadata);
    let mut browser = Browser::of(&site.server);
    let form = format!("strategy=ticket&ticket={ticket}&email_address=eve%40example.com");
    let refused = browser.post("/v1/client/sign_ups", &form);
    assert_eq!((refused.status, refused.error_codes()), (422, vec!["form_conditional_param_disallowed".to_owned()]));

    let created = browser.post("/v1/client/sign_ups", &format!("strategy=ticket&ticket={ticket}")).json();
    let path = format!("/v1/client/sign_ups/{}", created["response"]["id"].as_str().expect("an id"));
    let other = browser.request("PATCH", &path, &[], "email_address=eve%40example.com").json();
    assert_eq!(other["response"]["public_metadata"], json!({}), "what was meant for Ada goes with her address");
    assert_eq!(other["response"]["unverified_fields"], json!(["email_address"]));
    let back = browser.request("PATCH", &path, &[], &format!("ticket={ticket}")).json();
    assert_eq!(back["response"]["public_metadata"], json!({"role": "owner"}));

    site.configure(&settings("restricted"));
    let refused = browser.request("PATCH", &path, &[], "email_address=eve%40example.com");
    assert_eq!((refused.status, refused.error_codes()), (403, vec!["sign_up_mode_restricted".to_owned()]));
    let shown = browser.get(&path).json();
    assert_eq!(shown["response"]["email_address"], "ada@example.com", "nothing has changed");
    let done = browser.request("PATCH", &path, &[], "password=wanders+under+elms").json();
    assert_eq!(done["response"]["status"], "complete");
}

#[test]
fn the_operators_word_counts_more_than_the_lists() {
    let mut document = settings("public");
    document["restrictions"] = json!({
        "allowlist": {"enabled": true, "identifiers": ["@friends.example"]},
        "block_email_subaddresses": {"enabled": true},
    });
    let site = Site::start(&document);
    let ticket = site.ticket(&json!({ "email_address": "ada+work@example.com" }));
    let form =
        format!("strategy=ticket&ticket={ticket}&email_address=ada%2Bwork%40example.com&password=wanders+under+elms");
    let done = Browser::of(&site.server).post("/v1/client/sign_ups", &form);
    assert_eq!(done.json()["response"]["status"], "complete", "{}", done.body);
}

#[test]
fn an_invitation_lets_nobody_in_who_is_not_done_while_it_is_good() {
    for mode in ["public", "restricted", "waitlist"] {
        let site = Site::start(&settings(mode));
        for (how, code) in
            [("revoke", "revoked_invitation"), ("delete", "ticket_invalid_code"), ("expire", "ticket_expired_code")]
        {
            let body = json!({ "email_address": format!("{how}@example.com"), "expires_in_days": 1 });
            let invitation = site.invite(&body);
            let path = format!("/v1/invitations/{}", invitation["id"].as_str().expect("an id"));
            if how == "expire" {
                site.server.advance(86_400_000 - 60_000);
            }
            let mut browser = Browser::of(&site.server);
            let form = format!("strategy=ticket&ticket={}", Site::ticket_in(&invitation["url"]));
            let begun = browser.post("/v1/client/sign_ups", &form);
            assert_eq!(begun.status, 200, "{}", begun.body);
            match how {
                "revoke" => assert_eq!(site.backend("POST", &format!("{path}/revoke"), &Value::Null).status, 200),
                "delete" => assert_eq!(site.backend("DELETE", &path, &Value::Null).status, 200),
                _ => site.server.advance(60_000),
            }
            let sign_up = format!("/v1/client/sign_ups/{}", begun.json()["response"]["id"].as_str().expect("an id"));
            let done = browser.request("PATCH", &sign_up, &[], "password=wanders+under+elms");
            assert_eq!((done.status, done.error_codes()), (400, vec![code.to_owned()]), "{mode} {how}");
            assert_eq!(browser.get("/v1/client").json()["response"]["sessions"], json!([]), "{mode} {how}");
        }
    }
}

#[test]
fn nobody_is_written_to_whose_invitation_is_good_no_more() {
    let mut document = settings("restricted");
    document["attributes"]["phone_number"] =
        json!({"enabled": true, "verifications": ["phone_code"], "verify_at_sign_up": true});
    let site = Site::start(&document);
    let invitation = site.invite(&json!({ "email_address": "ada@example.com" }));
    let mut browser = Browser::of(&site.server);
    let form = format!("strategy=ticket&ticket={}&phone_number=%2B14155552671", Site::ticket_in(&invitation["url"]));
    let begun = browser.post("/v1/client/sign_ups", &form);
    let path = format!("/v1/client/sign_ups/{}", begun.json()["response"]["id"].as_str().expect("an id"));
    let revoke = format!("/v1/invitations/{}/revoke", invitation["id"].as_str().expect("an id"));
    assert_eq!(site.backend("POST", &revoke, &Value::Null).status, 200);
    let prepared = browser.post(&format!("{path}/prepare_verification"), "strategy=phone_code");
    assert_eq!((prepared.status, prepared.error_codes()), (400, vec!["revoked_invitation".to_owned()]));
    let updated = browser.request("PATCH", &path, &[], "strategy=phone_code");
    assert_eq!((updated.status, updated.error_codes()), (400, vec!["revoked_invitation".to_owned()]));
    assert_eq!(site.server.messages("+14155552671"), [Value::Null; 0]);
}

#[test]
fn one_ticket_in_many_hands_is_one_user() {
    let site = Site::start(&settings("restricted"));
    let ticket = site.ticket(&json!({ "email_address": "ada@example.com" }));
    let outcomes: Vec<Answer> = std::thread::scope(|scope| {
        let threads: Vec<_> = (0..8).map(|_| scope.spawn(|| site.sign_up(&ticket))).collect();
        threads.into_iter().map(|thread| thread.join().expect("no panic")).collect()
    });
    let done = outcomes.iter().filter(|answer| answer.status == 200 && answer.body.contains("\"complete\"")).count();
    assert_eq!(done, 1);
    for refused in outcomes.iter().filter(|answer| answer.status != 200) {
        let code = refused.error_codes().remove(0);
        let known = ["form_identifier_exists", "invitation_account_exists", "invitation_already_accepted"];
        assert!(known.contains(&code.as_str()), "{code}");
    }
    assert!(outcomes.iter().all(|answer| answer.status != 200 || answer.body.contains("\"complete\"")));
}

#[test]
fn whom_the_operator_blocks_is_not_invited_and_not_let_in() {
    let site = Site::start(&settings("public"));
    let early = site.ticket(&json!({ "email_address": "mallory@example.com" }));
    let mut document = settings("public");
    document["restrictions"] = json!({"blocklist": {"enabled": true, "identifiers": ["mallory@example.com"]}});
    site.configure(&document);
    let refused = site.sign_up(&early);
    assert_eq!((refused.status, refused.error_codes()), (403, vec!["not_allowed_access".to_owned()]));
    let again = json!({ "email_address": "mallory+again@example.com" });
    let refused = site.backend("POST", "/v1/invitations", &again);
    assert_eq!((refused.status, refused.error_codes()), (403, vec!["not_allowed_access".to_owned()]));
}

#[test]
fn a_sign_up_that_was_public_when_it_began_meets_a_closed_instance() {
    let site = Site::start(&settings("public"));
    let mut browser = Browser::of(&site.server);
    let form = "email_address=ada%40example.com&password=wanders+under+elms&strategy=email_code";
    let created = browser.post("/v1/client/sign_ups", form).json();
    let code = site.server.code("ada@example.com", 1);
    site.configure(&settings("waitlist"));
    let path = format!("/v1/client/sign_ups/{}", created["response"]["id"].as_str().expect("an id"));
    let refused = browser.post(&format!("{path}/attempt_verification"), &format!("strategy=email_code&code={code}"));
    assert_eq!((refused.status, refused.error_codes()), (403, vec!["sign_up_restricted_waitlist".to_owned()]));
}

#[test]
fn what_is_wrong_with_an_invitation_is_told_at_its_name() {
    let site = Site::start(&settings("public"));
    site.invite(&json!({ "email_address": "pending@example.com" }));
    for (body, status, faults) in [
        (json!({}), 422, vec![("form_param_missing", "email_address")]),
        (json!({ "email_address": 7 }), 422, vec![("form_param_type_invalid", "email_address")]),
        (json!({ "email_address": "nobody" }), 422, vec![("form_param_format_invalid", "email_address")]),
        (
            json!({ "email_address": "a@b", "public_metadata": [], "notify": "yes", "expires_in_days": -1 }),
            422,
            vec![
                ("form_param_type_invalid", "public_metadata"),
                ("form_param_type_invalid", "notify"),
                ("form_param_type_invalid", "expires_in_days"),
            ],
        ),
        (
            json!({ "email_address": "ada@example.com", "expires_in_days": 366 }),
            422,
            vec![("form_param_value_invalid", "expires_in_days")],
        ),
        (
            json!({ "email_address": "ada@example.com", "redirect_url": "https://evil.example/" }),
            422,
            vec![("invalid_redirect_url", "redirect_url")],
        ),
        (json!({ "email_address": "pending@example.com" }), 400, vec![("duplicate_record", "email_address")]),
    ] {
        let refused = site.backend("POST", "/v1/invitations", &body);
        let errors = refused.json()["errors"].clone();
        let found: Vec<_> = errors.as_array().expect("errors").iter().map(fault).collect();
        assert_eq!(refused.status, status, "{body}: {}", refused.body);
        assert_eq!(found, faults, "{body}");
    }
    let address = |address: &str| json!({ "email_address": address });
    let both = json!([address("one@example.com"), address("pending@example.com"), address("pending@example.com")]);
    let refused = site.backend("POST", "/v1/invitations/bulk", &both);
    assert_eq!(refused.error_codes(), ["duplicate_record"]);
    assert_eq!(refused.json()["errors"][0]["meta"]["email_addresses"], json!(["pending@example.com"]));
    let listed = site.backend("GET", "/v1/invitations", &Value::Null).json();
    assert_eq!(listed.as_array().expect("a list").len(), 1, "all of them or nobody");
    for (path, code) in [
        ("/v1/invitations?status=odd", "form_param_value_invalid"),
        ("/v1/invitations?order_by=shoe_size", "form_param_value_invalid"),
        ("/v1/invitations?limit=ten", "form_param_type_invalid"),
        ("/v1/invitations?limit=501", "form_param_value_invalid"),
        ("/v1/invitations?limit=0", "form_param_value_invalid"),
        ("/v1/waitlist_entries?limit=501", "form_param_value_invalid"),
    ] {
        assert_eq!(site.backend("GET", path, &Value::Null).error_codes(), [code], "{path}");
    }
}

#[test]
fn lists_are_filtered_ordered_and_cut() {
    let site = Site::start(&settings("public"));
    let people: Vec<_> =
        ["c@x.org", "a@x.org", "b@y.org"].map(|a| json!({ "email_address": a, "notify": false })).into();
    let made = site.backend("POST", "/v1/invitations/bulk", &Value::Array(people));
    assert_eq!(made.json().as_array().map(Vec::len), Some(3), "{}", made.body);
    let listed = |query: &str| -> Vec<String> {
        let list = site.backend("GET", &format!("/v1/invitations?{query}"), &Value::Null).json();
        let addresses = list.as_array().expect("a list").iter().map(|i| i["email_address"].as_str().expect("text"));
        addresses.map(str::to_owned).collect()
    };
    assert_eq!(listed("order_by=email_address"), ["a@x.org", "b@y.org", "c@x.org"]);
    assert_eq!(listed("order_by=-email_address&limit=1&offset=1"), ["b@y.org"]);
    assert_eq!(listed("query=X.org&order_by=email_address"), ["a@x.org", "c@x.org"]);
    assert_eq!(listed("status=revoked"), [""; 0]);
    assert_eq!(site.server.messages("a@x.org"), [Value::Null; 0], "nobody was to be notified");

    let id = site.backend("GET", "/v1/invitations?query=a@x.org", &Value::Null).json()[0]["id"].clone();
    let path = format!("/v1/invitations/{}", id.as_str().expect("an id"));
    let deleted = site.backend("DELETE", &path, &Value::Null).json();
    assert_eq!(deleted, json!({ "object": "invitation", "id": id, "deleted": true }));
    assert_eq!(site.backend("DELETE", &path, &Value::Null).status, 404);
    assert_eq!(listed("query=a@x.org"), [""; 0]);
}

#[test]
fn only_the_secret_key_opens_the_backends_paths() {
    let site = Site::start(&settings("public"));
    let mut browser = Browser::of(&site.server);
    let created = browser.post("/v1/client/sign_ups", "email_address=ada%40example.com").json();
    let sign_up = format!("/v1/sign_ups/{}", created["response"]["id"].as_str().expect("an id"));
    let client = browser.cookie("__client").expect("a token").to_owned();
    let bearer = |key: &str| format!("Bearer {key}");
    let half = &SECRET_KEY[..SECRET_KEY.len() - 1];
    let (malformed, invalid) = ("authorization_header_format_invalid", "clerk_key_invalid");
    let wrong = [
        (String::new(), malformed),
        (bearer(""), malformed),
        (bearer(half), invalid),
        (bearer(&format!("{SECRET_KEY}x")), invalid),
        (bearer("pk_live_Y2xlcmsubG9jYWxob3N0JA"), invalid),
        (bearer(&client), invalid),
        (SECRET_KEY.to_owned(), malformed),
        (format!("Basic {SECRET_KEY}"), malformed),
    ];
    for path in ["/v1/invitations", "/v1/waitlist_entries", &sign_up, &format!("/v1/invitations?key={SECRET_KEY}")] {
        for (key, code) in &wrong {
            let refused = site.server.request("GET", path, &[("authorization", key)], "").expect("an answer");
            let outcome = (refused.status, refused.error_codes());
            assert_eq!(outcome, (401, vec![(*code).to_owned()]), "{path} {key}");
        }
        let anonymous = site.server.request("GET", path, &[], "").expect("an answer");
        assert_eq!((anonymous.status, anonymous.error_codes()), (401, vec!["authentication_invalid".to_owned()]));
    }
    let key = bearer(SECRET_KEY);
    let page = [("authorization", key.as_str()), ("origin", PAGE)];
    let refused = site.server.request("GET", "/v1/invitations", &page, "").expect("an answer");
    assert_eq!(refused.error_codes(), ["origin_authorization_headers_conflict"], "the key is not for pages");
    let form = [("authorization", key.as_str()), ("content-type", "application/x-www-form-urlencoded")];
    let refused = site.server.request("POST", "/v1/invitations", &form, "email_address=a%40b.org").expect("an answer");
    assert_eq!(refused.status, 415);
    let garbage = [("authorization", key.as_str()), ("content-type", "application/json")];
    let refused = site.server.request("POST", "/v1/invitations", &garbage, "{\"email").expect("an answer");
    assert_eq!(refused.status, 422);
    assert!(!site.log().contains(SECRET_KEY), "the key is in no log");
}

fn fault(error: &Value) -> (&str, &str) {
    (error["code"].as_str().expect("a code"), error["meta"]["param_name"].as_str().unwrap_or_default())
}

/// Settings with a verified e-mail address, a password, and this mode.
fn settings(mode: &str) -> Value {
    json!({
        "attributes": {
            "email_address": {
                "enabled": true, "required": true, "verifications": ["email_code"], "verify_at_sign_up": true,
            },
            "password": {"enabled": true, "required": true},
        },
        "sign_up": {"mode": mode},
    })
}

impl Site {
    /// Signs up by a ticket in one request.
    fn sign_up(&self, ticket: &str) -> Answer {
        let form = format!("strategy=ticket&ticket={}&password=wanders+under+elms", escaped(ticket));
        Browser::of(&self.server).post("/v1/client/sign_ups", &form)
    }

    /// Creates an invitation and returns its ticket.
    fn ticket(&self, body: &Value) -> String {
        Self::ticket_in(&self.invite(body)["url"])
    }

    /// Follows a link and returns the redirect target.
    fn follow(&self, browser: &mut Browser<'_>, url: &Value) -> String {
        let url = url.as_str().expect("a URL");
        let path = url.split_once("/v1/").map(|(_, path)| format!("/v1/{path}")).expect("a path");
        let answer = browser.navigate(&path);
        assert_eq!(answer.status, 303, "{}", answer.body);
        answer.header("location").expect("a place").to_owned()
    }
}
