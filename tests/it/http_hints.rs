//! Parameters that official clients add by themselves: no value of them makes a request fail.

use serde_json::Value;

use crate::support::browser::{Browser, escaped};
use crate::support::site::Site;

#[test]
fn what_a_client_sends_by_itself_refuses_nobody_on_any_road() {
    let site = start();
    let server = &site.server;
    let mut browser = Browser::of(server);
    let known = "ada@example.com";
    sign_up(&site, known);
    for hint in hints() {
        let created = browser.post("/v1/client/sign_ups", &format!("email_address=eve%40example.com&{hint}"));
        assert_eq!(created.status, 200, "{hint}: {}", created.body);
        let path = format!("/v1/client/sign_ups/{}", id(&created.json()));
        let step = |call: &str, form: &str| {
            Browser { server, cookies: browser.cookies.clone() }
                .post(&format!("{path}{call}"), &format!("{form}&{hint}"))
        };
        let updated = step("?_method=PATCH", "first_name=Eve");
        assert_eq!((updated.status, &updated.json()["response"]["first_name"]), (200, &"Eve".into()), "{hint}");
        let prepared = step("/prepare_verification", "strategy=phone_code");
        assert_eq!(prepared.error_codes(), ["form_param_missing"], "{hint}: the number");
        assert_eq!(step("/prepare_verification", "strategy=email_code").status, 200, "{hint}");
        let attempted = step("/attempt_verification", "strategy=email_code&code=x");
        assert_eq!(attempted.error_codes(), ["form_code_incorrect"], "{hint}");

        let begun = browser.post("/v1/client/sign_ins", &format!("identifier={}&{hint}", escaped(known)));
        assert_eq!(begun.status, 200, "{hint}: {}", begun.body);
        let path = format!("/v1/client/sign_ins/{}", id(&begun.json()));
        let prepared = browser.post(&format!("{path}/prepare_first_factor"), &format!("strategy=email_code&{hint}"));
        assert_eq!(prepared.status, 200, "{hint}: {}", prepared.body);
        let attempted =
            browser.post(&format!("{path}/attempt_first_factor"), &format!("strategy=email_code&code=x&{hint}"));
        assert_eq!(attempted.error_codes(), ["form_code_incorrect"], "{hint}");
        assert_eq!(browser.post("/v1/client/verify", &hint).status, 200, "{hint}");
    }
}

#[test]
fn what_can_be_kept_of_a_locale_is_kept_and_a_later_odd_one_takes_nothing_away() {
    let site = start();
    let server = &site.server;
    let mut browser = Browser::of(server);
    let locale = |answer: &Value| answer["response"]["locale"].clone();
    for (form, kept) in [
        ("locale=en-US%40posix", Some("en-US")),
        ("locale=en-US.UTF-8", Some("en-US")),
        ("locale=en-US%2Cen", Some("en-US")),
        ("locale=en-US&locale=en", Some("en-US")),
        ("locale=%FF&locale=de", Some("de")),
        ("locale=C", None),
        ("locale=%E6%97%A5%E6%9C%AC", None),
        ("locale=%FF", None),
    ] {
        let created = browser.post("/v1/client/sign_ups", form);
        assert_eq!((created.status, locale(&created.json())), (200, kept.into()), "{form}");
    }
    let created = browser.post("/v1/client/sign_ups", "locale=de-AT").json();
    let path = format!("/v1/client/sign_ups/{}?_method=PATCH", id(&created));
    for (form, kept) in [("locale=*", Some("de-AT")), ("first_name=A", Some("de-AT")), ("locale=", None)] {
        assert_eq!(locale(&browser.post(&path, form).json()), Value::from(kept), "{form}");
    }
}

#[test]
fn a_code_goes_by_text_message_whatever_channel_a_client_prefers() {
    let site = start();
    let server = &site.server;
    for (n, channel) in ["whatsapp", "pigeon", "", "sms", "sms&channel=whatsapp", "%FF"].into_iter().enumerate() {
        let mut browser = Browser::of(server);
        let number = format!("%2B1415555267{n}");
        let form = format!("phone_number={number}&strategy=phone_code&channel={channel}");
        let created = browser.post("/v1/client/sign_ups", &form);
        assert_eq!(created.status, 200, "{channel}: {}", created.body);
        assert_eq!(created.json()["response"]["verifications"]["phone_number"]["channel"], "sms", "{channel}");
    }
}

#[test]
fn what_somebody_means_is_refused_as_before() {
    let site = start();
    let server = &site.server;
    for (form, code, param) in [
        ("email_address=a%40b.example&email_address=c%40d.example", "form_param_duplicate", "email_address"),
        ("first_name=%C3%28", "form_param_value_invalid", "first_name"),
        ("strategy=pigeon", "form_param_value_invalid", "strategy"),
        ("redirect_url=https%3A%2F%2Fevil.example", "invalid_redirect_url", "redirect_url"),
        ("legal_accepted=maybe", "form_param_type_invalid", "legal_accepted"),
        ("unsafe_metadata=%5B%5D", "form_param_value_invalid", "unsafe_metadata"),
    ] {
        let refused = Browser::of(server).post("/v1/client/sign_ups", &format!("{form}&locale=%FF"));
        assert_eq!((refused.status, refused.error_codes()), (422, vec![code.to_owned()]), "{form}");
        assert_eq!(refused.json()["errors"][0]["meta"]["param_name"], param, "{form}");
    }
}

/// Each such parameter, with each possible fault.
fn hints() -> Vec<String> {
    let names = [
        "locale",
        "timezone",
        "channel",
        "captcha_token",
        "captcha_error",
        "captcha_widget_type",
        "captcha_action",
        "oidc_prompt",
        "oidc_login_hint",
        "proof_token",
        "trusted_device_id",
        "enterprise_connection_id",
        "default",
    ];
    let long = "x".repeat(2_000);
    let faults = |name: &str| {
        [
            format!("{name}=%FF%FE"),
            format!("{name}=a&{name}=b"),
            format!("{name}={long}"),
            format!("{name}=%00%0A"),
            format!("{name}="),
        ]
    };
    // Each fault in all of them at once, and each name alone: a table of all pairs would take minutes.
    let together = (0..5).map(|n| names.map(|name| faults(name)[n].clone()).join("&"));
    together.chain(names.map(|name| format!("{name}=nonsense"))).collect()
}

fn sign_up(site: &Site, address: &str) {
    site.browser().sign_up_by_code(&format!("email_address={}", escaped(address)), address);
}

fn id(answer: &Value) -> String {
    answer["response"]["id"].as_str().expect("an id").to_owned()
}

fn start() -> Site {
    Site::start(SETTINGS)
}

const SETTINGS: &str = r#"
[limits]
source = false
address = false
[settings.attributes.email_address]
enabled = true
used_for_first_factor = true
verifications = ["email_code"]
verify_at_sign_up = true
[settings.attributes.phone_number]
enabled = true
used_for_first_factor = true
verifications = ["phone_code"]
verify_at_sign_up = true
[settings.attributes.first_name]
enabled = true
"#;
