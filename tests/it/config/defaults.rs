//! The defaults, the samples, and the values that follow from the mode.

use std::fs;
use std::path::Path;

use vestibule::config::{Config, DEFAULT, RequestLog, SAMPLES, Sources, sample_settings};
use vestibule::domain::policy::{AddressLimits, Policy};
use vestibule::domain::settings::source_limits::SourceLimits;
use vestibule::domain::time::Span;

use super::{SMTP, assert_fault, load, load_text};

#[test]
fn the_defaults_are_those_of_the_domain_and_need_nothing_else() {
    let config = Config::load(&Sources::default()).expect("the defaults are a configuration");
    let production = load_text(&format!("[instance]\nmode = \"production\"\n{SMTP}")).expect("a configuration");
    assert_eq!(production.policy(), Policy::default(), "what embedders get is what a production instance has");
    assert_eq!(config.settings(), &sample_settings("password").expect("the default sample"));
    assert!(config.is_development());
    assert_eq!(config.public_url(8080).to_string(), "http://localhost:8080");
    assert_eq!(config.publishable_key().as_str(), "pk_live_Y2xlcmsubG9jYWxob3N0JA");
    assert_eq!(config.issuer(), "https://clerk.localhost");
    assert_eq!(config.key_file(), Path::new("data/instance.key"));
    assert!(config.server.listen.beside.is_some());
    assert_eq!(config.warnings(), Vec::<String>::new());
    assert_eq!(config.differences(), []);
}

#[test]
fn every_key_of_the_defaults_is_explained() {
    let mut explained = false;
    for line in DEFAULT.lines() {
        let key =
            line.trim_start_matches("# ").split(" = ").next().filter(|k| !k.contains(' ') && line.contains(" = "));
        match key {
            Some(key) => assert!(explained, "{key} has no comment"),
            None => explained = line.starts_with('#'),
        }
    }
}

#[test]
fn commented_keys_of_the_defaults_exist() {
    let is_key = |text: &str| text.split_once(" = ").is_some_and(|(key, _)| !key.contains(' '));
    let bare = |line: &'static str| line.strip_prefix("# ").filter(|rest| is_key(rest)).unwrap_or(line);
    // Production requires a longer key than the example in the file.
    let text = DEFAULT.lines().map(bare).collect::<Vec<_>>().join("\n");
    let config = load_text(&text).expect("every commented key is a key");
    assert_eq!(config.email.port, Some(587));
    assert_eq!(config.limits.source_creates_per_10s, Some(5));
    assert!(config.server.public_url.is_some_and(|url| url.is_https()));
}

#[test]
fn every_sample_is_valid_and_selectable() {
    for (name, _) in SAMPLES {
        let config = load_text(&format!("[settings]\nfile = {name:?}")).expect(name);
        assert_eq!(config.settings(), &sample_settings(name).expect(name), "{name}");
        assert!(DEFAULT.contains(&format!("{name:?}")), "{name} is not named in the defaults");
    }
    let on_disk = fs::read_dir(Path::new(env!("CARGO_MANIFEST_DIR")).join("config/settings")).expect("the samples");
    assert_eq!(on_disk.count(), SAMPLES.len(), "a sample is not compiled in");
    let fault = sample_settings("nothing").expect_err("no such sample").to_string();
    assert!(fault.contains("\"progressive\""), "{fault}");
}

#[test]
fn limits_by_source_ship_on_and_leave_developers_room() {
    let production = load_text(&format!("[instance]\nmode = \"production\"\n{SMTP}"));
    let production = production.expect("a configuration").source_limits().expect("they are on");
    assert_eq!(production, SourceLimits::default(), "what embedders get is what is documented");
    let development = load("", &[], None).expect("a configuration").source_limits().expect("they are on");
    for budget in [development.creates, development.attempts, development.sms] {
        assert_eq!((budget.source, budget.network), (1000, 20_000));
    }
    assert_eq!(development.look_ups.source, 12_000, "what is not given follows the sign-ups");
    assert_eq!(development.sms_per_prefix, Some(1000));
    let raised = load("[limits]\nsource_creates_per_10s = 50\nsource_emails_per_minute = 7\n", &[], None);
    let raised = raised.expect("a configuration").source_limits().expect("they are on");
    assert_eq!((raised.look_ups.source, raised.emails.source), (600, 7), "what is not given follows the sign-ups");
    assert_eq!(load("[limits]\nsource = false\n", &[], None).expect("a configuration").source_limits(), None);
    assert_fault(load("[limits]\nsource_sms_per_10min = 0\n", &[], None), "`limits.source_sms_per_10min` is 0");
}

#[test]
fn a_limit_that_is_given_is_meant_in_every_mode() {
    let given = "[limits]\nsource_attempts_per_10s = 3\nsource_passwords_per_10s = 16\nsms_prefix_per_day = 200\n\
                 address_messages_per_hour = 20\naccount_failures_max = 100\n";
    for mode in ["development", "production"] {
        let config = load_text(&format!("{given}[instance]\nmode = {mode:?}\n{SMTP}")).expect(mode);
        let by_source = config.source_limits().expect("they are on");
        assert_eq!((by_source.attempts.source, by_source.passwords.source), (3, 16), "{mode}");
        assert_eq!((by_source.passwords.network, by_source.sms_per_prefix), (320, Some(200)), "{mode}");
        let by_address = config.address_limits().expect("they are on");
        assert_eq!((by_address.messages, by_address.account_failures), (20, 100), "{mode}");
    }
}

#[test]
fn the_same_address_may_be_tried_all_day_in_development() {
    let limits = load_text("").expect("a configuration").address_limits().expect("they are on");
    let AddressLimits { messages, messages_per_client, guesses, guesses_per_client, .. } = limits;
    assert_eq!([messages, messages_per_client, guesses, guesses_per_client], [1000; 4]);
    assert_eq!([limits.account_failures, limits.addresses_per_client, limits.sms_per_client], [1000; 3]);
    let policy = load_text("").expect("a configuration").policy();
    assert_eq!(policy.resend_cooldown, Span::from_secs(30), "pages show the wait");
}

#[test]
fn which_requests_are_logged_follows_the_mode_unless_it_is_said() {
    let production = format!("[instance]\nmode = \"production\"\n{SMTP}");
    for (text, expected) in [
        (String::new(), RequestLog::All),
        ("[telemetry]\nrequests = \"off\"".into(), RequestLog::Off),
        (production.clone(), RequestLog::Sampled),
        (format!("{production}[telemetry]\nrequests = \"errors\""), RequestLog::Errors),
    ] {
        let config = load_text(&text).expect("a configuration");
        assert_eq!(config.request_log(), expected, "{text}");
        assert!(config.effective().contains(&format!("requests = \"{}\"", expected.as_str())));
    }
    assert_fault(load_text("[telemetry]\nrequests = \"some\""), "`telemetry.requests`");
    assert_fault(load_text("[telemetry]\nrequests_one_in = 0"), "`telemetry.requests_one_in` is 0; it must be from 1");
}
