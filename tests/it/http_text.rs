//! Text that people paste or type on the keyboards of their script, in each field that takes one line.

use serde_json::{Value, json};

use crate::support::backend::Site;
use crate::support::browser::{Browser, escaped};

#[test]
fn a_pasted_sign_up_and_its_pasted_code_make_the_user_that_was_meant() {
    let site = Site::start(&settings("public"));
    let mut browser = Browser::of(&site.server);
    let form = form(&[
        ("email_address", "\u{feff}Ada＠example.com\u{200b}\r\n"),
        ("username", "\u{2066}ada\u{2011}lovelace\u{2069}"),
        ("first_name", "\u{a0}علی‌رضا\u{200f}"),
        ("last_name", "King\u{a0}Noel\u{2060}"),
        ("password", "wanders under elms"),
        ("strategy", "email_code"),
    ]);
    let begun = browser.post("/v1/client/sign_ups", &form).json()["response"].clone();
    assert_eq!(begun["email_address"], "ada@example.com", "{begun}");
    assert_eq!(begun["username"], "ada-lovelace");
    assert_eq!((&begun["first_name"], &begun["last_name"]), (&json!("علی‌رضا"), &json!("King Noel")));
    let attempt = format!("/v1/client/sign_ups/{}/attempt_verification", begun["id"].as_str().expect("an id"));
    let code = code(&site, "\u{200e}ADA@example.com", 1);
    let strange = format!(" {}\u{202f}{}\r\n", arabic(&code[..3]), wide(&code[3..]));
    let done = attempt_with(&mut browser, &attempt, "email_code", &strange);
    assert_eq!(done["response"]["status"], "complete", "{done}");
    let user = &done["response"]["created_user_id"];

    for identifier in
        ["ada@example.com\u{feff}", "mailto:ada@example.com", "ada＠example.com", "\u{2068}Ada‑Lovelace\u{2069}"]
    {
        let form = self::form(&[("identifier", identifier), ("password", "wanders under elms")]);
        let signed_in = Browser::of(&site.server).post("/v1/client/sign_ins", &form).json();
        assert_eq!(signed_in["response"]["status"], "complete", "{identifier:?}: {signed_in}");
        assert_eq!(&signed_in["client"]["sessions"][0]["user"]["id"], user);
    }
    let mut browser = Browser::of(&site.server);
    let form = self::form(&[("identifier", "ada@example.com\u{a0}"), ("strategy", "email_code")]);
    let begun = browser.post("/v1/client/sign_ins", &form).json()["response"].clone();
    let attempt = format!("/v1/client/sign_ins/{}/attempt_first_factor", begun["id"].as_str().expect("an id"));
    let code = self::code(&site, "ada@example.com", 2);
    let signed_in =
        attempt_with(&mut browser, &attempt, "email_code", &format!("\u{2066}{}–{}\u{2069}", &code[..3], &code[3..]));
    assert_eq!(signed_in["response"]["status"], "complete", "{signed_in}");
}

#[test]
fn a_username_and_an_address_are_found_in_the_digits_of_every_script() {
    let site = Site::start(&settings("public"));
    let mut browser = Browser::of(&site.server);
    let form = form(&[
        ("email_address", "Reza <reza۱۲@example.com>,"),
        ("username", "reza۱۹۸۵"),
        ("password", "wanders under elms"),
        ("strategy", "email_code"),
    ]);
    let begun = browser.post("/v1/client/sign_ups", &form).json()["response"].clone();
    assert_eq!((&begun["username"], &begun["email_address"]), (&json!("reza1985"), &json!("reza12@example.com")));
    let attempt = format!("/v1/client/sign_ups/{}/attempt_verification", begun["id"].as_str().expect("an id"));
    let code = code(&site, "reza12@example.com", 1);
    let done = attempt_with(&mut browser, &attempt, "email_code", &format!("Code: **{},{}**", &code[..3], &code[3..]));
    let user = &done["response"]["created_user_id"];
    assert_eq!(done["response"]["status"], "complete", "{done}");
    for identifier in [
        "reza1985",
        "reza۱۹۸۵",
        "reza１９８５",
        "ｒｅｚａ１９８５",
        "REZA١٩٨٥",
        "reza12@example.com",
        "reza١٢@example.com",
    ] {
        let form = self::form(&[("identifier", identifier), ("password", "wanders under elms")]);
        let signed_in = Browser::of(&site.server).post("/v1/client/sign_ins", &form).json();
        assert_eq!(signed_in["response"]["status"], "complete", "{identifier}: {signed_in}");
        assert_eq!(&signed_in["client"]["sessions"][0]["user"]["id"], user);
    }
}

#[test]
fn numbers_are_read_as_they_are_pasted_in_either_parameter() {
    let site = Site::start(&settings("public"));
    for (n, typed) in
        ["\u{202a}+1 415‑555‑2671\u{202c}", "＋１４１５５５５２６７１", "+١ ٤١٥ ٥٥٥ ٢٦٧١", "tel:+14155552671"]
            .iter()
            .enumerate()
    {
        for param in ["phone_number", "email_address_or_phone_number"] {
            let form = form(&[(param, typed)]);
            let begun = Browser::of(&site.server).post("/v1/client/sign_ups", &form).json();
            assert_eq!(begun["response"]["phone_number"], "+14155552671", "{n}: {begun}");
        }
    }
    let form = self::form(&[("phone_number", "+1 415‑555‑2671"), ("strategy", "phone_code")]);
    let mut browser = Browser::of(&site.server);
    let begun = browser.post("/v1/client/sign_ups", &form).json()["response"].clone();
    let attempt = format!("/v1/client/sign_ups/{}/attempt_verification", begun["id"].as_str().expect("an id"));
    let code = code(&site, "+1 (415) 555\u{a0}2671", 1);
    let done = attempt_with(&mut browser, &attempt, "phone_code", &format!("{}.", wide(&code)));
    assert_eq!(done["response"]["status"], "complete", "{done}");
    for identifier in ["(+1) 415 555 2671", "＋１（４１５）５５５２６７１"] {
        let form = self::form(&[("identifier", identifier)]);
        let begun = Browser::of(&site.server).post("/v1/client/sign_ins", &form);
        assert_eq!(begun.status, 200, "{identifier}: {}", begun.body);
    }
}

#[test]
fn what_is_not_a_code_is_told_as_a_wrong_one_and_uses_up_no_try() {
    let site = Site::start(&settings("public"));
    let mut browser = Browser::of(&site.server);
    let form = form(&[("email_address", "ada@example.com"), ("strategy", "email_code")]);
    let begun = browser.post("/v1/client/sign_ups", &form).json()["response"].clone();
    let path = format!("/v1/client/sign_ups/{}", begun["id"].as_str().expect("an id"));
    for typed in ["12345", "1234567", "12345a", "١٢٣٤٥", " ", "\u{200b}", "Code: 12345", "a123456"] {
        let refused = attempt_with(&mut browser, &format!("{path}/attempt_verification"), "email_code", typed);
        assert_eq!(refused["errors"][0]["code"], "form_code_incorrect", "{typed:?}");
    }
    let shown = browser.get(&path).json()["response"]["verifications"]["email_address"].clone();
    assert_eq!((&shown["status"], &shown["attempts"]), (&json!("unverified"), &json!(0)));
}

#[test]
fn what_nobody_can_be_called_or_reached_by_is_refused_at_its_field() {
    let site = Site::start(&settings("public"));
    for (param, typed, code) in [
        ("first_name", "\u{200b}", "form_param_nil"),
        ("first_name", "\u{3164}", "form_param_nil"),
        ("last_name", "\u{2060}\u{a0}\u{2800}", "form_param_nil"),
        ("first_name", "A\u{202e}da", "form_param_format_invalid"),
        ("last_name", "A\u{2028}da", "form_param_format_invalid"),
        ("last_name", "A\tda", "form_param_format_invalid"),
        ("first_name", &"é".repeat(257), "form_param_max_length_exceeded"),
        ("first_name", &"x\u{ad}".repeat(1_000), "form_param_max_length_exceeded"),
        ("email_address", "ada@exam\u{ad}ple.com", "form_param_format_invalid"),
        ("email_address", "ada@exam\u{200b}ple.com", "form_param_format_invalid"),
        ("email_address", "a\u{202e}da@example.com", "form_param_format_invalid"),
        ("email_address", "\u{200b}", "form_param_format_invalid"),
        ("phone_number", "+15552671", "form_param_format_invalid"),
        ("phone_number", "+49112", "form_param_format_invalid"),
        ("phone_number", "+4420794", "form_param_format_invalid"),
        ("phone_number", "+1415555CODE", "form_param_format_invalid"),
        ("username", "ada\u{200b}lovelace", "form_username_invalid_character"),
    ] {
        let refused = Browser::of(&site.server).post("/v1/client/sign_ups", &form(&[(param, typed)]));
        assert_eq!((refused.status, refused.error_codes()), (422, vec![code.to_owned()]), "{param}: {code}");
        assert_eq!(refused.json()["errors"][0]["meta"]["param_name"], param);
    }
}

#[test]
fn invitations_and_the_waiting_list_read_and_find_addresses_alike() {
    let site = Site::start(&settings("waitlist"));
    let invited = site.invite(&json!({ "email_address": "\u{feff}Ada@Bücher.example\u{200b}" }));
    assert_eq!(invited["email_address"], "ada@xn--bcher-kva.example");
    let bulk = json!([{ "email_address": "bob＠example.com\u{a0}" }, { "email_address": "mailto:eve@example.com" }]);
    let bulk = site.backend("POST", "/v1/invitations/bulk", &bulk).json();
    assert_eq!(
        (&bulk[0]["email_address"], &bulk[1]["email_address"]),
        (&json!("bob@example.com"), &json!("eve@example.com"))
    );
    let joined =
        Browser::of(&site.server).post("/v1/waitlist", &form(&[("email_address", "\u{2066}Zoë@example.com\u{2069}")]));
    assert_eq!(joined.status, 200, "{}", joined.body);
    let entered =
        site.backend("POST", "/v1/waitlist_entries", &json!({ "email_address": "\u{202a}zoe@example.com\u{202c}" }));
    assert_eq!(entered.json()["email_address"], "zoe@example.com");
    let ticket = format!(" {}\r\n", Site::ticket_in(&invited["url"]));
    let by_ticket =
        form(&[("strategy", "ticket"), ("ticket", &ticket), ("email_address", "ada@bücher.example\u{200b}")]);
    let let_in = Browser::of(&site.server).post("/v1/client/sign_ups", &by_ticket).json();
    assert_eq!(let_in["response"]["verifications"]["email_address"]["status"], "verified", "{let_in}");
    for (path, query, found) in [
        ("/v1/invitations?paginated=true", "\u{feff}ADA@bücher.example", 1),
        ("/v1/invitations?paginated=true", "@Bücher.example", 1),
        ("/v1/invitations?paginated=true", "example.com\u{200b}", 2),
        ("/v1/invitations?paginated=true", "nobody", 0),
        ("/v1/waitlist_entries?limit=10", " ZOË＠example.com\u{a0}", 1),
        ("/v1/waitlist_entries?limit=10", "\u{2069}", 2),
    ] {
        let listed = site.backend("GET", &format!("{path}&query={}", escaped(query)), &Value::Null).json();
        assert_eq!(listed["total_count"], found, "{query:?}: {listed}");
    }
}

fn attempt_with(browser: &mut Browser<'_>, path: &str, strategy: &str, code: &str) -> Value {
    browser.post(path, &form(&[("strategy", strategy), ("code", code)])).json()
}

fn code(site: &Site, to: &str, count: usize) -> String {
    site.server.code(to, count)
}

fn form(fields: &[(&str, &str)]) -> String {
    fields.iter().map(|(name, value)| format!("{name}={}", escaped(value))).collect::<Vec<_>>().join("&")
}

/// Digits of an Arabic keyboard.
fn arabic(digits: &str) -> String {
    shifted(digits, 0x660)
}

/// Full-width digits of a Japanese keyboard.
fn wide(digits: &str) -> String {
    shifted(digits, 0xff10)
}

fn shifted(digits: &str, zero: u32) -> String {
    digits.chars().filter_map(|digit| char::from_u32(zero + digit.to_digit(10)?)).collect()
}

fn settings(mode: &str) -> Value {
    let address = |strategy: &str| {
        json!({
            "enabled": true, "verifications": [strategy], "verify_at_sign_up": true, "used_for_first_factor": true,
        })
    };
    json!({
        "sign_up": {"mode": mode},
        "attributes": {
            "email_address": address("email_code"), "phone_number": address("phone_code"),
            "username": {"enabled": true, "used_for_first_factor": true},
            "first_name": {"enabled": true}, "last_name": {"enabled": true}, "password": {"enabled": true},
        },
    })
}
