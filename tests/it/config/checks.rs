//! Values that are refused because of other values or the mode.

use vestibule::password::HashParameters;

use super::{SMTP, assert_fault, load_text};

#[test]
fn production_needs_a_real_transport() {
    let production = "[instance]\nmode = \"production\"\n";
    assert_fault(load_text(production), "`email.transport` is \"capture\"");
    assert_fault(load_text(&format!("{production}[email]\ntransport = \"none\"")), "`email.transport` is \"none\"");
    let both = load_text(&format!("{production}[verification]\ntest_mode = true")).expect_err("test mode");
    assert_eq!(both.faults().len(), 2, "{both}");
    assert_fault(Err(both), "line 4: `verification.test_mode` is for development");
    load_text(&format!("{production}{SMTP}")).expect("SMTP is a real transport");
    let phones = format!("{production}[settings]\nfile = \"phone\"\n{SMTP}");
    assert_fault(load_text(&phones), "`sms.transport` is \"capture\", but the settings verify phone numbers");
    let silent = format!("{production}[settings]\nfile = \"username_password\"\n[email]\ntransport = \"none\"");
    let config = load_text(&silent).expect("nothing is ever sent");
    assert!(config.warnings().iter().any(|w| w.contains("`instance.publishable_key`")));
}

#[test]
fn what_a_receiver_of_webhooks_sends_needs_no_transport_but_an_endpoint_that_names_it() {
    for transport in ["capture", "none"] {
        let endpoint = |events: &str| {
            format!(
                "[[webhooks.endpoints]]\nurl = \"https://app.acme.com/hooks\"\nevents = [{events}]\n\
                 secret = \"whsec_zsE5dqdB4bPSZrv2Fp1oY6Zu1QnLzq8RkT0hWmXc3aU=\"\n"
            )
        };
        let config = |endpoint: &str| {
            let text = format!(
                "[instance]\nmode = \"production\"\n[settings]\nfile = \"phone\"\n[email]\ntransport = \"{transport}\"\n\
                 delivered_by = \"webhook\"\n[sms]\ntransport = \"{transport}\"\ndelivered_by = \"webhook\"\n{endpoint}"
            );
            load_text(&text).expect("neither transport is used").warnings().join("\n")
        };
        let both = config(&endpoint("\"email.created\", \"sms.created\""));
        assert!(!both.contains("transport") && !both.contains("delivered_by"), "{both}");
        let one = config(&endpoint("\"email.created\", \"user.*\""));
        assert!(!one.contains("`email.delivered_by`"), "{one}");
        assert!(
            one.contains("`sms.delivered_by` is \"webhook\", but no endpoint of [webhooks] names sms.created"),
            "{one}"
        );
        let neither = config("");
        assert!(neither.contains("`email.delivered_by`") && neither.contains("`sms.delivered_by`"), "{neither}");
    }
}

#[test]
fn hashes_that_could_not_be_verified_are_not_configured() {
    let max = HashParameters::MAX;
    for (key, most) in [("m_kib", max.m_kib), ("t", max.t), ("p", max.p)] {
        assert!(load_text(&format!("[password]\n{key} = {most}")).is_ok(), "{key}");
        let fault = load_text(&format!("[password]\n{key} = {}", most + 1)).expect_err(key).to_string();
        let sentence = format!("`password.{key}` is {}; it must be from ", most + 1);
        assert!(fault.contains(&sentence) && fault.ends_with(&format!(" to {most}")), "{fault}");
    }
}

#[test]
fn a_password_does_not_travel_in_the_clear() {
    let clear = format!("{SMTP}security = \"none\"\nusername = \"u\"\npassword = \"p\"");
    assert_fault(load_text(&clear), "`email.security` is \"none\"");
    load_text(&clear.replace("smtp.example.com", "127.0.0.1")).expect("the same machine");
}

#[test]
fn leaked_passwords_are_looked_up_in_private_and_only_where_both_ends_say_so() {
    let production =
        "[instance]\nmode = \"production\"\n[email]\ntransport = \"none\"\n[settings]\nfile = \"username_password\"\n";
    let at = |url: &str| format!("[password]\npwned_range_url = \"{url}\"\n");
    let clear = "http://hibp.example/range/";
    assert_fault(load_text(&format!("{production}{}", at(clear))), "`password.pwned_range_url` is not https");
    assert_fault(load_text(&at("api.pwnedpasswords.com")), "`password.pwned_range_url` can't be");
    for url in ["https://api.pwnedpasswords.com/range/", "http://127.0.0.1:1/range/", "http://[::1]:1/range/"] {
        let config = load_text(&format!("{production}{}", at(url))).expect(url);
        assert!(config.warnings().iter().any(|warning| warning.contains("no password is looked up")), "{url}");
    }
    load_text(&at(clear)).expect("a development instance");
    let wanted = "[settings.password_settings]\ndisable_hibp = false\n";
    let warned =
        |text: &str| load_text(text).expect(text).warnings().iter().any(|warning| warning.contains("pwned_range_url"));
    assert!(warned(wanted) && !warned(&format!("{wanted}{}", at(clear))));
}
