//! Strategy names at each call that takes one: usable, known but disabled, and unknown ones.

use crate::support::browser::Browser;
use crate::support::site::Site;

#[test]
fn at_sign_ups_a_known_strategy_that_is_off_is_told_from_a_word_that_is_none() {
    let site = start();
    let server = &site.server;
    let mut browser = Browser::of(server);
    let begun = browser.post("/v1/client/sign_ups", "email_address=eve%40example.com").json();
    let path = format!("/v1/client/sign_ups/{}", begun["response"]["id"].as_str().expect("an id"));
    let calls = [
        "/v1/client/sign_ups".to_owned(),
        format!("{path}?_method=PATCH"),
        format!("{path}/prepare_verification"),
        format!("{path}/attempt_verification"),
    ];
    for (names, expected) in [
        (OFF, (400, "form_param_value_disabled")),
        (PROVIDERS, (400, "oauth_provider_not_enabled")),
        (NONE, (422, "form_param_value_invalid")),
    ] {
        for name in names {
            for call in &calls {
                let refused = browser.post(call, &format!("strategy={name}&code=123456&redirect_url=%2Fback"));
                assert_eq!((refused.status, refused.error_codes()[0].as_str()), expected, "{call} {name}");
            }
        }
    }
    assert_eq!(browser.post(&format!("{path}/prepare_verification"), "strategy=email_code").status, 200);
}

#[test]
fn at_sign_ins_a_known_strategy_that_is_off_is_one_that_the_user_does_not_have() {
    let site = start();
    let server = &site.server;
    let mut browser = Browser::of(server);
    sign_up(&site);
    let known = "identifier=ada%40example.com";
    let begun = browser.post("/v1/client/sign_ins", known).json();
    let path = format!("/v1/client/sign_ins/{}", begun["response"]["id"].as_str().expect("an id"));
    let calls = [
        (format!("{path}/prepare_first_factor"), ""),
        (format!("{path}/attempt_first_factor"), ""),
        (format!("{path}/attempt_first_factor"), "code=123456&password=wanders+under+elms"),
        ("/v1/client/sign_ins".to_owned(), "identifier=ada%40example.com&password=wanders+under+elms"),
    ];
    for (names, expected) in [(OFF, (400, "strategy_for_user_invalid")), (NONE, (422, "form_param_value_invalid"))] {
        for name in names {
            for (call, form) in &calls {
                if call.ends_with("attempt_first_factor")
                    && form.is_empty()
                    && ["phone_code", "password", "reset_password_email_code", "reset_password_phone_code"]
                        .contains(name)
                {
                    // An enabled strategy first reports its missing parameter.
                    continue;
                }
                let refused = browser.post(call, &format!("strategy={name}&{form}"));
                assert_eq!((refused.status, refused.error_codes()[0].as_str()), expected, "{call} {name}");
            }
        }
    }
    for (form, expected) in [
        // A passkey, ticket or token needs no identifier.
        ("strategy=passkey", (400, "form_param_value_disabled")),
        ("strategy=ticket&ticket=x", (400, "ticket_invalid_code")),
        ("strategy=google_one_tap&token=x", (400, "form_param_value_disabled")),
        ("strategy=oauth_token_google&token=x", (400, "form_param_value_disabled")),
        ("strategy=enterprise_sso", (400, "form_param_value_disabled")),
        ("strategy=oauth_google&redirect_url=%2Fback", (400, "oauth_provider_not_enabled")),
        ("strategy=reset_password_email_code", (422, "form_param_missing")),
        ("strategy=totp", (422, "form_param_missing")),
        ("strategy=pigeon", (422, "form_param_value_invalid")),
        ("strategy=from_oauth_google", (422, "form_param_value_invalid")),
        ("strategy=pigeon&identifier=nobody%40example.com", (422, "form_param_value_invalid")),
        ("strategy=reset_password_email_code&identifier=nobody%40example.com", (422, "form_identifier_not_found")),
    ] {
        let refused = browser.post("/v1/client/sign_ins", form);
        assert_eq!((refused.status, refused.error_codes()[0].as_str()), expected, "{form}");
    }
    let path = reopened(&mut browser);
    assert_eq!(browser.post(&format!("{path}/prepare_first_factor"), "strategy=email_code").status, 200);
}

fn reopened(browser: &mut Browser<'_>) -> String {
    browser.begin_sign_in("identifier=ada%40example.com")
}

fn sign_up(site: &Site) {
    site.browser().sign_up_by_code("email_address=ada%40example.com", "ada@example.com");
}

fn start() -> Site {
    Site::start(&format!("[limits]\nsource = false\n{SETTINGS}"))
}

/// Strategies of Clerk that this instance has disabled or the engine does not support.
const OFF: &[&str] = &[
    "email_link",
    "phone_code",
    "password",
    "saml",
    "enterprise_sso",
    "web3_metamask_signature",
    "web3_base_signature",
    "web3_coinbase_wallet_signature",
    "web3_okx_wallet_signature",
    "web3_solana_signature",
    "passkey",
    "totp",
    "backup_code",
    "reset_password_email_code",
    "reset_password_phone_code",
];
const PROVIDERS: &[&str] = &["oauth_google", "oauth_custom_acme", "oauth_token_google", "google_one_tap"];
const NONE: &[&str] = &["pigeon", "Email_Code", "email", "oauth_", "from_oauth_google", "%FF", "reset_password"];

const SETTINGS: &str = r#"
[settings.attributes.email_address]
enabled = true
required = true
used_for_first_factor = true
verifications = ["email_code"]
verify_at_sign_up = true
"#;
