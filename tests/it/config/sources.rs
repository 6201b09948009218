//! Flags, the environment, files and settings documents: which one applies, and what a reload reads again.

use std::fs;

use tempfile::TempDir;
use vestibule::config::{Config, Sources, StoreKind};

use super::{SMTP, assert_fault, load, load_text};

#[test]
fn a_flag_beats_the_environment_beats_the_file_beats_the_default() {
    let file = "[server]\nlisten = \"127.0.0.1:1\"\nmax_connections = 11\nmax_body_bytes = 2048";
    let variables = [("VESTIBULE_SERVER__LISTEN", "127.0.0.1:2"), ("VESTIBULE_SERVER__MAX_CONNECTIONS", "22")];
    let config = load(file, &variables, Some("127.0.0.1:3")).expect("a configuration");
    assert_eq!(config.server.listen.port(), 3);
    assert_eq!(config.server.max_connections, 22);
    assert_eq!(config.server.max_body_bytes, 2048);
    assert_eq!(config.server.header_timeout_ms, 10_000);
}

#[test]
fn the_environment_speaks_in_bare_words() {
    let variables = [
        ("VESTIBULE_SERVER__ALLOWED_ORIGINS", "http://localhost:5173, https://app.example.com"),
        ("VESTIBULE_SERVER__TRUSTED_PROXIES", "[\"10.0.0.0/8\"]"),
        ("VESTIBULE_LIMITS__ADDRESS", "false"),
        ("VESTIBULE_STORE__KIND", "memory"),
        ("VESTIBULE_INSTANCE__SECRET_KEY", "12345"),
        ("VESTIBULE_SETTINGS__FILE", "phone"),
        ("VESTIBULE_SETTINGS__SIGN_UP__MODE", "restricted"),
        ("VESTIBULE_REQUIRE", "node"),
    ];
    let config = load("", &variables, None).expect("a configuration");
    let origins: Vec<_> = config.server.allowed_origins.iter().map(|o| o.as_str()).collect();
    assert_eq!(origins, ["http://localhost:5173", "https://app.example.com"]);
    assert_eq!(config.server.trusted_proxies.len(), 1);
    assert_eq!(config.policy().address_limits, None);
    assert_eq!(config.store.kind, StoreKind::Memory);
    assert_eq!(config.instance.secret_key.as_ref().map(|k| k.expose().as_str()), Some("12345"));
    assert!(config.settings().attributes.phone_number.required);
    assert!(config.effective().contains("mode = \"restricted\""));
    let none = load("", &[("VESTIBULE_SERVER__ALLOWED_ORIGINS", "")], None).expect("no origins");
    assert!(none.server.allowed_origins.is_empty());
}

#[test]
fn a_secret_may_lie_in_a_file() {
    let directory = TempDir::new().expect("a directory");
    let path = directory.path().join("secret");
    fs::write(&path, "correct horse\n").expect("a file");
    let path = path.to_str().expect("unicode");
    let smtp = &format!("{SMTP}username = \"u\"\n");
    let config = load(smtp, &[("VESTIBULE_EMAIL__PASSWORD_FILE", path)], None).expect("a configuration");
    assert_eq!(config.email.password.as_ref().map(|p| p.expose().as_str()), Some("correct horse"));
    let twice = [("VESTIBULE_EMAIL__PASSWORD_FILE", path), ("VESTIBULE_EMAIL__PASSWORD", "x")];
    assert_fault(load(smtp, &twice, None), "VESTIBULE_EMAIL__PASSWORD_FILE: VESTIBULE_EMAIL__PASSWORD is set too");
    let missing = load(smtp, &[("VESTIBULE_EMAIL__PASSWORD_FILE", "/nowhere")], None);
    assert_fault(missing, "VESTIBULE_EMAIL__PASSWORD_FILE: \"/nowhere\" can't be read");
    let no_secret = load("", &[("VESTIBULE_SERVER__LISTEN_FILE", path)], None);
    assert_fault(no_secret, "VESTIBULE_SERVER__LISTEN_FILE: `server.listen_file` is not a key");
}

#[test]
fn inline_settings_replace_the_file_and_are_whole() {
    let config = load_text("[settings.attributes.username]\nenabled = true\nrequired = true").expect("a configuration");
    assert!(config.settings().attributes.username.required);
    assert!(!config.settings().attributes.email_address.enabled);
    assert!(config.settings().sign_up.progressive);
}

#[test]
fn a_settings_file_lies_beside_the_configuration() {
    let directory = TempDir::new().expect("a directory");
    let config = directory.path().join("vestibule.toml");
    fs::write(&config, "[settings]\nfile = \"mine.toml\"").expect("a file");
    fs::write(directory.path().join("mine.toml"), "[attributes.username]\nenabled = true").expect("a file");
    let sources = Sources { file: Some(config), ..Sources::default() };
    assert!(Config::load(&sources).expect("a configuration").settings().attributes.username.enabled);
    fs::write(directory.path().join("mine.toml"), "[attributes.username]\n\nenabld = true").expect("a file");
    assert_fault(Config::load(&sources), "mine.toml, line 3: `settings.attributes.username.enabld` is not a setting");
}

#[test]
fn the_effective_configuration_masks_secrets_and_loads_again() {
    let text = format!(
        "{SMTP}username = \"u\"\npassword = \"hunter2hunter2\"\n[instance]\nsecret_key = \"sk_live_hunter2\"\n\
         [settings.attributes.username]\nenabled = true\n[settings.oauth.oauth_x]\nclient_secret = \"hunter2\""
    );
    let config = load_text(&text).expect("a configuration");
    let effective = config.effective();
    assert!(!effective.contains("hunter2"), "{effective}");
    assert_eq!(effective.matches("\"********\"").count(), 3, "{effective}");
    assert!(effective.contains("public_url = \"http://localhost:8080\""), "{effective}");
    let again = load_text(&effective).expect("the effective configuration is a configuration");
    assert_eq!(again.policy(), config.policy());
    assert_eq!(again.effective().lines().skip(1).collect::<Vec<_>>(), effective.lines().skip(1).collect::<Vec<_>>());
    assert!(!format!("{config:?}").contains("hunter2"), "the debug form shows a secret");
}

#[test]
fn settings_are_read_again_and_other_keys_are_named() {
    let directory = TempDir::new().expect("a directory");
    let file = directory.path().join("vestibule.toml");
    let sources = Sources { file: Some(file.clone()), ..Sources::default() };
    let write = |text: &str| fs::write(&file, text).expect("a file");
    write("[settings]\nfile = \"password\"\n[email]\npassword = \"a\"");
    let config = Config::load(&sources).expect("a configuration");
    let reload = || config.reload(&sources, config.settings());
    let same = reload().expect("a configuration");
    assert_eq!((same.changed, same.need_restart), (vec![], vec![]));
    write("[settings]\nfile = \"legal\"\n[email]\npassword = \"b\"\n[session]\nsingle = false");
    let other = reload().expect("a configuration");
    assert_eq!(other.changed, ["settings.sign_up.legal_consent_enabled"]);
    assert_eq!(other.need_restart, ["email.password", "session.single"]);
    assert!(other.settings.sign_up.legal_consent_enabled);
    write("[settings]\nfile = \"legl\"");
    assert!(reload().is_err());
    for (text, sentence) in [
        ("", "`settings` are no longer given"),
        ("[email]\npassword = \"a\"\n", "`settings` are no longer given"),
        ("[settings]\n", "`settings` are no longer given"),
        ("[instance]\nmode = \"production\"\n[settings]\nfile = \"legal\"\n[email]\ntransport = \"none\"\n", "`"),
    ] {
        write(text);
        let fault = reload().expect_err(text).to_string();
        assert!(fault.contains(sentence), "a file that is just being written opens nothing: {fault}");
    }
    write(
        "[captcha]\nprovider = \"turnstile\"\nsite_key = \"x\"\nsecret = \"x\"\n[settings.sign_up]\ncaptcha_enabled = true",
    );
    Config::load(&sources).expect("good for a start");
    let fault = reload().expect_err("the running instance has no captcha service").to_string();
    assert!(fault.contains("`captcha.provider` is \"none\""), "{fault}");
}
