//! Layers, error messages, samples, and the effective configuration.

use std::fs;
use std::net::IpAddr;
use std::path::Path;

use tempfile::TempDir;
use vestibule::config::{
    Config, ConfigError, DEFAULT, Network, Origin, PublishableKey, RequestLog, SAMPLES, Sources, StoreKind,
    sample_settings,
};
use vestibule::domain::policy::{AddressLimits, Policy};
use vestibule::domain::settings::source_limits::SourceLimits;
use vestibule::domain::time::Span;
use vestibule::password::HashParameters;

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
    assert_fault(no_secret, "VESTIBULE_SERVER__LISTEN_FILE: `server.listen_file` is no key");
}

#[test]
fn faults_name_the_key_and_where_it_was_given() {
    let cases = [
        (
            "[server]\n\nlistne = 1",
            "vestibule.toml, line 3: `server.listne` is no key of this configuration; did you mean `server.listen`?",
        ),
        ("[server]\nfrobnicate = 1", "`server.frobnicate` is no key of this configuration; there are `listen`, "),
        (
            "[server]\nencryption = false",
            "`server.encryption` is no key of this configuration; did you mean `store.encryption`?",
        ),
        (
            "[instance]\nkey_file = \"\"",
            "line 2: `instance.key_file` is empty; name the file of the key, or leave this out",
        ),
        ("[store]\npath = \"\"", "line 2: `store.path` is empty; name the data folder, such as \"data\""),
        ("listen = \"x\"", "line 1: `listen` is no key of this configuration; did you mean `server.listen`?"),
        (
            "[sign_up]\nmode = \"restricted\"",
            "`sign_up.mode` is no key of this configuration; did you mean `settings.sign_up.mode`?",
        ),
        (
            "[sevrer]\nlisten = \"x\"",
            "vestibule.toml, line 2: `sevrer` is no key of this configuration; did you mean `server`?",
        ),
        ("[sevrer]", "vestibule.toml, line 1: `sevrer` is no key"),
        ("server = 3", "vestibule.toml, line 1: `server` must be a section: [server]"),
        ("[server]\nlisten = 8080", "line 2: `server.listen` must be a text in quotes, such as \"localhost:8080\""),
        (
            "[server]\nallowed_origins = \"https://a.example\"",
            "`server.allowed_origins` must be a list, such as [\"http",
        ),
        ("[server]\nallowed_origins = [3]", "`server.allowed_origins` must hold texts in quotes, such as [\"3\"]"),
        ("[store]\npath = 3", "`store.path` must be a text in quotes, such as \"data\""),
        ("[store]\nencryption = \"yes\"", "`store.encryption` must be true or false, without quotes"),
        ("[instance]\nmode = 3", "`instance.mode` must be a text in quotes, such as \"development\""),
        ("[email]\nport = 70000", "`email.port` must be a whole number from 0 to 65535"),
        (
            "[verification]\nattempts_max = -1",
            "`verification.attempts_max` must be a whole number that is not negative",
        ),
        (
            "[instance]\nhome_url = \"acme\"",
            "`instance.home_url` can't be \"acme\"; give a whole URL, such as https://acme.example",
        ),
        ("[instance]\nlogo_url = \"/logo.svg\"", "give a whole URL, such as https://acme.example/logo.svg"),
        (
            "[captcha]\nverify_url = \"x\"",
            "give a whole URL, such as https://challenges.cloudflare.com/turnstile/v0/siteverify",
        ),
        (
            "[telemetry]\nrequests = \"some\"",
            "`telemetry.requests` can't be \"some\"; use \"all\", \"errors\", \"sampled\" or \"off\"",
        ),
        ("server.listen.port = 3", "line 1: `server.listen.port` can't be given: `server.listen` is a value"),
        (
            "[server]\nmax_connections = \"many\"",
            "line 2: `server.max_connections` must be a whole number, without quotes",
        ),
        ("[server]\nmax_connections = 0", "line 2: `server.max_connections` is 0; it must be from 1 to 1000000"),
        ("[server]\nlisten = \"8080\"", "line 2: `server.listen` can't be \"8080\"; give an address and a port"),
        (
            "[server]\npublic_url = \"example.com\"",
            "line 2: `server.public_url` can't be \"example.com\"; give the URL",
        ),
        ("[server]\nallowed_origins = [\"*\"]", "line 2: `server.allowed_origins` can't hold \"*\""),
        ("[server]\nallowed_redirects = [\"javascript:alert(1)\"]", "`server.allowed_redirects` can't hold"),
        ("[server]\nallowed_redirects = [\"https://a@b.example\"]", "there are no wildcards"),
        ("[server]\nallowed_redirects = [\"/welcome\"]", "give whole URLs"),
        ("[verification]\nlink_ttl_s = 0", "`verification.link_ttl_s`"),
        ("[server]\nallowed_origins = [\"null\"]", "`server.allowed_origins` can't hold \"null\""),
        ("[server]\nallowed_origins = [\"http://*.a.example\"]", "there are no wildcards"),
        ("[server]\ntrusted_proxies = [\"10.0.0.0/33\"]", "`server.trusted_proxies` can't hold \"10.0.0.0/33\""),
        (
            "[instance]\nmode = \"staging\"",
            "`instance.mode` can't be \"staging\"; use \"development\" or \"production\"",
        ),
        ("[instance]\npublishable_key = \"pk_live_bG9jYWxob3N0JA\"", "`instance.publishable_key` must be pk_live_ or"),
        ("[store]\nkind = \"postgres\"", "`store.kind` can't be \"postgres\": that store is not built yet"),
        ("[sms]\ntransport = \"http\"", "`sms.transport` can't be \"http\": that transport is not built yet"),
        ("[email]\ntransport = \"smtp\"", "`email.host` is missing"),
        ("[email]\npassword = 12345", "`email.password` must be a text in quotes"),
        ("[settings]\nfile = \"pasword\"", "line 2: `settings.file` names neither a sample (\"password\", "),
        ("[settings]\nfile = \"pasword\"", "; did you mean \"password\"?"),
        ("[settings]\nfile = 3", "line 2: `settings.file` must be a text in quotes"),
        ("settings = 3", "line 1: `settings` must be a section"),
        (
            "[settings]\nfile = \"phone\"\nsign_up.progressive = true",
            "line 2: `settings.file` stands beside other keys of [settings], any of which replaces the whole sample: copy \
             the text of config/settings/phone.toml before them, with `settings.` before each name in brackets",
        ),
        (
            "[settings]\nfile = \"phone\"\nsing_up.progressive = true",
            "line 3: `settings.sing_up` is no setting; did you mean `settings.sign_up`?",
        ),
        ("[settings]\nfiel = \"phone\"", "line 2: `settings.fiel` is no setting; did you mean `settings.file`?"),
        (
            "[settings.attributes.email_address]\nverifications = [\"email_cod\"]",
            "holds \"email_cod\", which is no verification strategy; did you mean \"email_code\"? It may hold",
        ),
        (
            "[settings.attributes.emial_address]\nenabled = true",
            "line 2: `settings.attributes.emial_address` is no setting; did you mean \
             `settings.attributes.email_address`?",
        ),
        (
            "[settings.attributes.username]\nrequired = true",
            "line 2: `settings.attributes.username.required` is true, but the attribute is not enabled",
        ),
        (
            "[settings.attributes.username]\nverifications = [\"carrier_pigeon\"]",
            "holds \"carrier_pigeon\", which is no verification strategy; it may hold \"email_code\",",
        ),
        ("a = ", "vestibule.toml, line 1: this is not TOML"),
        ("[server]\nlisten = \"a\"\nlisten = \"b\"", "vestibule.toml, line 3: this is not TOML: duplicate key"),
    ];
    for (text, sentence) in cases {
        assert_fault(load_text(text), sentence);
    }
    for (name, meant) in [
        (
            "VESTIBULE_SERVER__PORT",
            "`server.port` is no key of this configuration; did you mean VESTIBULE_SERVER__LISTEN?",
        ),
        (
            "VESTIBULE_SERVER__LISTN",
            "`server.listn` is no key of this configuration; did you mean VESTIBULE_SERVER__LISTEN?",
        ),
        ("VESTIBULE__SERVER__LISTEN", "did you mean VESTIBULE_SERVER__LISTEN?"),
        ("VESTIBULE_SEVRER__LISTEN", "did you mean VESTIBULE_SERVER__LISTEN?"),
        ("VESTIBULE_SERVER__LISTEN__PORT", "can't be given: `server.listen` is a value"),
    ] {
        assert_fault(load("", &[(name, "1")], None), &format!("{name}: "));
        assert_fault(load("", &[(name, "1")], None), meant);
    }
    assert_fault(load("", &[], Some("nowhere")), "--listen: `server.listen` can't be \"nowhere\"");
    let absent = Config::load(&Sources { file: Some("/nowhere.toml".into()), ..Sources::default() });
    assert_fault(absent, "--config: /nowhere.toml can't be read");
}

#[test]
fn all_faults_are_told_at_once() {
    let text = "[server]\nlistne = 1\nmax_connections = \"many\"\n[settings]\nfile = \"pasword\"\n";
    let fault = load_text(text).expect_err("three faults");
    assert_eq!(fault.faults().len(), 3, "{fault}");
}

#[test]
fn a_secret_never_stands_in_a_sentence() {
    let fault = load_text("[email]\npassword = 31415926").expect_err("no text");
    assert!(!fault.to_string().contains("31415926"), "{fault}");
}

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
    assert_fault(load_text(&phones), "`sms.transport` has no real transport");
    let silent = format!("{production}[settings]\nfile = \"username_password\"\n[email]\ntransport = \"none\"");
    let config = load_text(&silent).expect("nothing is ever sent");
    assert!(config.warnings().iter().any(|w| w.contains("`instance.publishable_key`")));
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
    assert_fault(Config::load(&sources), "mine.toml, line 3: `settings.attributes.username.enabld` is no setting");
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
fn origins_are_spelled_as_browsers_do() {
    for (text, expected) in [
        ("https://app.example.com", "https://app.example.com"),
        ("HTTPS://App.Example.com:443/", "https://app.example.com"),
        ("http://localhost:5173", "http://localhost:5173"),
        ("http://[::1]:3000", "http://[::1]:3000"),
        ("https://bücher.example", "https://xn--bcher-kva.example"),
        ("capacitor://localhost", "capacitor://localhost"),
        ("ionic://localhost/", "ionic://localhost"),
        ("Tauri://LocalHost", "tauri://LocalHost"),
        ("safari-web-extension://0D1F0E5D-7A11", "safari-web-extension://0D1F0E5D-7A11"),
        ("app://-", "app://-"),
        ("app://bundle.app:8080", "app://bundle.app:8080"),
        ("chrome-extension://abcdefghijklmnopabcdefghijklmnop", "chrome-extension://abcdefghijklmnopabcdefghijklmnop"),
        (
            "moz-extension://8c4e1e6f-7c70-4a0c-9b0e-0d1f0e5d7a11",
            "moz-extension://8c4e1e6f-7c70-4a0c-9b0e-0d1f0e5d7a11",
        ),
    ] {
        assert_eq!(text.parse::<Origin>().expect(text).as_str(), expected);
    }
    for text in [
        "",
        "*",
        "null",
        "localhost",
        "localhost:3000",
        "https:app.example.com",
        "https://",
        "https://*.example.com",
        "https://app.example.com/path",
        "https://app.example.com?x",
        "https://app.example.com/#x",
        "https://user@app.example.com",
        "https://:word@app.example.com",
        "https://app.example.com\n.evil.example",
        "https://app.example.com https://b.example",
        "capacitor://",
        "capacitor:localhost",
        "capacitor://localhost/index.html",
        "capacitor://localhost?x",
        "capacitor://user@localhost",
        "capacitor://localhost:",
        "capacitor://localhost:99999",
        "capacitor://localhost:08",
        "capacitor://*",
        "chrome-extension://*",
        "file://",
        "file://host",
        "javascript://localhost",
        "data://localhost",
        "blob:https://app.example.com",
        "ws://localhost:3000",
        "1app://localhost",
        "://localhost",
    ] {
        let fault = text.parse::<Origin>().expect_err(text).to_string();
        assert!(fault.contains(&format!("{text:?}")) && fault.contains("capacitor://localhost"), "{fault}");
    }
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

#[test]
fn what_is_risky_is_told_with_why_and_what_instead() {
    let production = "[instance]\nmode = \"production\"\n";
    let key = "publishable_key = \"pk_live_Y2xlcmsuZXhhbXBsZS5jb20k\"\n";
    for (text, sentence) in [
        ("[server]\ntrusted_proxies = [\"0.0.0.0/0\"]", "line 2: `server.trusted_proxies` holds 0.0.0.0/0, "),
        ("[server]\ntrusted_proxies = [\"10.0.0.1\", \"::/0\"]", "`server.trusted_proxies` holds ::/0, "),
        ("[server]\ntrusted_proxies = [\"128.0.0.0/1\"]", "`server.trusted_proxies` holds 128.0.0.0/1, "),
        ("[server]\nlisten = \"0.0.0.0:8080\"", "line 2: `server.listen` is open to other machines, and a development"),
        ("[server]\npublic_url = \"https://x.ngrok.app\"", "`server.public_url` is no address of this machine"),
        ("[server]\ndrain_timeout_s = 1", "`server.drain_timeout_s` is short"),
        ("[store]\nencryption = false", "`store.encryption` is false"),
        ("[settings.attributes.password]\nenabled = true", "`settings` has no attribute and no provider"),
        (
            "[settings.attributes.username]\nenabled = true\n[settings.social.oauth_google]\nenabled = true",
            "line 4: `settings.social.oauth_google.enabled` is offered, but the provider does not know this instance",
        ),
        (
            "[settings.social.oauth_google]\nenabled = true\nauthenticatable = true\n[settings.oauth.oauth_google]\nclient_id = \"x\"",
            "`settings.oauth.oauth_google.client_secret` is missing",
        ),
        (
            "[settings.social.oauth_google]\nenabled = true\nauthenticatable = true\n[settings.oauth.oauth_google]\nclient_secret = \"x\"",
            "`settings.oauth.oauth_google.client_id` is missing",
        ),
        (
            "[settings.attributes.username]\nenabled = true\n[settings.oauth.oauth_x]\nclient_id = \"x\"",
            "line 4: `settings.oauth.oauth_x` is set up, but not offered to anybody",
        ),
        ("[email]\nsecurity = \"none\"\n", "`email.security` is \"none\""),
        ("[captcha]\nprovider = \"turnstile\"\nsite_key = \"x\"\nsecret = \"x\"", "`captcha.provider` is set up, but"),
    ] {
        // Settings without attributes have a warning of their own.
        let is_bare = text.contains("[settings.") && !text.contains("attributes");
        let attributes = if is_bare { "[settings.attributes.username]\nenabled = true" } else { "" };
        let smtp = if text.starts_with("[email]") { &SMTP["[email]\n".len()..] } else { "" };
        let config = load_text(&format!("{text}\n{smtp}{attributes}")).expect(text);
        assert_eq!(config.warnings().len(), 1, "{text}: {:?}", config.warnings());
        assert!(config.warnings()[0].contains(sentence), "{text}: {:?}", config.warnings());
    }
    for (text, sentence) in [
        ("", "`instance.publishable_key` is not given"),
        ("", "`instance.name` is still the default"),
        ("", "`instance.key_file` lies in the data folder"),
        ("", "`server.public_url` is not given"),
        ("", "`server.allowed_origins` lets http://localhost:3000 in"),
        ("publishable_key = \"pk_test_Y2xlcmsuZXhhbXBsZS5jb20k\"", "`instance.publishable_key` begins with pk_test_"),
        ("[server]\npublic_url = \"http://clerk.example.com\"", "`server.public_url` is not https"),
        ("[server]\nlisten = \"[::]:8080\"", "`server.listen` is open to other machines, but `server.public_url`"),
        ("[server]\npublic_url = \"https://clerk.example.com\"", "`server.trusted_proxies` is empty"),
        ("[server]\nallowed_origins = [\"http://app.example.com\"]", "lets http://app.example.com in"),
        ("[store]\ndurability = \"none\"", "`store.durability` is \"none\""),
        ("[store]\nkind = \"memory\"", "`store.kind` is \"memory\""),
        ("[limits]\nsource = false", "`limits.source` is false"),
        ("[limits]\naddress = false", "`limits.address` is false"),
        ("[session]\ntoken_ttl_s = 3600", "`session.token_ttl_s` is long"),
        ("[session]\nalgorithm = \"EdDSA\"", "`session.algorithm` is \"EdDSA\""),
        ("[password]\nm_kib = 1024", "`password.m_kib` and `password.t` are below"),
    ] {
        let config = load_text(&format!("{production}{text}\n{SMTP}")).expect(text);
        let told = config.warnings().iter().any(|warning| warning.contains(sentence));
        assert!(told, "{text}: {:?}", config.warnings());
    }
    let mismatch = format!("{production}{key}[server]\npublic_url = \"https://auth.example.org\"\n{SMTP}");
    let told = load_text(&mismatch).expect("a configuration").warnings().join("\n");
    assert!(
        told.contains("line 3: `instance.publishable_key` is for clerk.example.com, but `server.public_url`"),
        "{told}"
    );
}

#[test]
fn a_production_instance_that_is_set_up_well_has_no_warning() {
    let smtp = SMTP.replace("smtp.example.com", "smtp.acme.com").replace("acme.example", "acme.com");
    let text = format!(
        "[instance]\nmode = \"production\"\nname = \"Acme\"\nkey_file = \"/etc/vestibule/instance.key\"\n\
         publishable_key = \"pk_live_Y2xlcmsuZXhhbXBsZS5jb20k\"\n\
         [server]\nlisten = \"0.0.0.0:8080\"\npublic_url = \"https://clerk.example.com\"\n\
         allowed_origins = [\"https://app.example.com\"]\n\
         trusted_proxies = [\"10.0.0.0/8\", \"172.16.0.0/12\", \"fd00::/8\", \"104.16.0.0/13\", \"2a06:98c0::/29\"]\n{smtp}\
         [settings.attributes.username]\nenabled = true\n\
         [settings.social.oauth_google]\nenabled = true\nauthenticatable = true\n\
         [settings.oauth.oauth_google]\nclient_id = \"x\"\nclient_secret = \"x\"\n\
         [settings.social.oauth_custom_public]\nenabled = true\nauthenticatable = true\n\
         [settings.oauth.oauth_custom_public]\nclient_id = \"x\"\ntoken_endpoint_auth_method = \"none\"\n\
         issuer = \"https://id.acme.com\"\n"
    );
    assert_eq!(load_text(&text).expect("a configuration").warnings(), Vec::<String>::new());
    // Below a path of the page's site the key may name another host of that site.
    let proxied = text.replace("https://clerk.example.com", "https://app.example.com/__clerk");
    assert_eq!(load_text(&proxied).expect("a configuration").warnings(), Vec::<String>::new());
}

#[test]
fn a_misspelt_setting_beside_a_sample_is_all_that_is_said() {
    let faults = |text: &str| load_text(text).expect_err(text).faults().to_vec();
    assert_eq!(faults("[settings]\nfile = \"phone\"\nfiel = 1").len(), 1);
    let both = faults("[settings]\nfile = \"phone\"\nsing_up.mode = \"public\"\nsign_up.progressive = true");
    assert_eq!(both.len(), 2);
    assert!(both[0].contains("sing_up") && both[1].contains("`settings.file` stands beside"), "{both:?}");
}

#[test]
fn what_does_not_fit_together_is_told_beside_what_does_not_fit_at_all() {
    for (text, expected) in [
        ("[instance]\nmode = \"production\"\n[server]\nlisten = 8080", vec!["server.listen", "email.transport"]),
        ("[instance]\nmode = \"production\"\n[settings]\nfile = \"pasword\"", vec!["settings.file", "email.transport"]),
        (
            "[instance]\nmode = \"production\"\n[store]\nkind = 1\n[settings]\nfile = \"phone\"",
            vec!["store.kind", "email.transport", "sms.transport"],
        ),
        ("[store]\nkind = 1\n[session]\nlifetime_s = 1", vec!["store.kind", "session.lifetime_s"]),
        // Faults that may only follow from the first one are not reported.
        ("[email]\ntransport = \"smtp\"\nhosst = \"localhost\"", vec!["email.hosst"]),
    ] {
        let error = load_text(text).expect_err(text);
        let faults = error.faults();
        assert_eq!(faults.len(), expected.len(), "{text}: {faults:?}");
        for (fault, key) in faults.iter().zip(expected) {
            assert!(fault.contains(&format!("`{key}`")), "{text}: {faults:?}");
        }
    }
}

#[test]
fn settings_without_attributes_are_told_what_they_replace() {
    for (text, missing) in [
        ("[settings.sign_up]\nprogressive = true", Some("nobody can sign up")),
        ("[settings.restrictions.block_email_subaddresses]\nenabled = true", Some("nobody can sign up")),
        (
            "[settings.social.oauth_google]\nenabled = true\nauthenticatable = true\n[settings.oauth.oauth_google]\nclient_id = \"x\"\nclient_secret = \"x\"",
            Some("nothing but accounts at providers is asked for"),
        ),
        ("[settings.attributes.username]\nenabled = true", None),
        ("[settings]\nfile = \"phone\"", None),
        ("", None),
    ] {
        let config = load_text(text).expect(text);
        let expected =
            missing.map(|outcome| format!("`settings.attributes` is missing in the configuration file: {outcome}"));
        let warnings = config.warnings();
        assert_eq!(warnings.len(), expected.iter().count(), "{warnings:?}");
        assert!(warnings.iter().zip(&expected).all(|(told, expected)| told.starts_with(expected)), "{warnings:?}");
    }
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
        ("", "`settings` are given no more"),
        ("[email]\npassword = \"a\"\n", "`settings` are given no more"),
        ("[settings]\n", "`settings` are given no more"),
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

#[test]
fn networks_hold_their_addresses() {
    let holds = |network: &str, address: &str| {
        let network: Network = network.parse().expect("a network");
        network.contains(address.parse::<IpAddr>().expect("an address"))
    };
    assert!(holds("10.0.0.0/8", "10.255.0.1") && holds("10.0.0.0/8", "::ffff:10.1.2.3"));
    assert!(!holds("10.0.0.0/8", "11.0.0.1") && !holds("10.0.0.0/8", "::1"));
    assert!(holds("127.0.0.1", "127.0.0.1") && !holds("127.0.0.1", "127.0.0.2"));
    assert!(holds("0.0.0.0/0", "192.0.2.1") && holds("2001:db8::/32", "2001:db8:1::1"));
}

#[test]
fn publishable_keys_hold_a_host() {
    let key = |text: &str| text.parse::<PublishableKey>().map(|key| key.host().to_owned());
    assert_eq!(key("pk_test_MTI3LjAuMC4xOjQxMDAk").expect("a key"), "127.0.0.1:4100");
    assert_eq!(key("pk_live_Y2xlcmsuZXhhbXBsZS5jb20k").expect("a key"), "clerk.example.com");
    assert!(key("sk_live_Y2xlcmsuZXhhbXBsZS5jb20k").is_err());
    assert!(key("pk_live_Y2xlcmsuZXhhbXBsZS5jb20").is_err());
}

#[test]
fn a_cooldown_of_zero_switches_it_off() {
    let config = load_text("[verification]\nresend_cooldown_s = 0").expect("a configuration");
    assert_eq!(config.policy().resend_cooldown, Span::from_secs(0));
}

#[test]
fn names_and_addresses_are_cleaned_as_those_of_people_are() {
    let pasted =
        "[instance]\nname = \"\u{feff}Acme\u{a0}Ltd\u{200b}\"\nsupport_email = \"\u{202a}Help＠acme.example\u{202c}\"";
    let branding = load_text(pasted).expect("a configuration").branding();
    assert_eq!((branding.name.as_str(), branding.support_email.as_deref()), ("Acme Ltd", Some("help@acme.example")));
    for (line, key) in [
        ("name = \"\u{200b}\"", "instance.name"),
        ("name = \"A\u{202e}cme\"", "instance.name"),
        ("support_email = \"help@ac\u{200b}me.example\"", "instance.support_email"),
    ] {
        assert_fault(load_text(&format!("[instance]\n{line}")), key);
    }
}

fn load_text(text: &str) -> Result<Config, ConfigError> {
    load(text, &[], None)
}

fn load(text: &str, variables: &[(&str, &str)], listen: Option<&str>) -> Result<Config, ConfigError> {
    let directory = TempDir::new().expect("a directory");
    let file = directory.path().join("vestibule.toml");
    fs::write(&file, text).expect("a file");
    let environment = variables.iter().map(|(k, v)| ((*k).to_owned(), (*v).to_owned())).collect();
    Config::load(&Sources { file: Some(file), environment, listen: listen.map(str::to_owned), data: None })
}

#[track_caller]
fn assert_fault(loaded: Result<Config, ConfigError>, sentence: &str) {
    let fault = loaded.expect_err(sentence).to_string();
    assert!(fault.contains(sentence), "{fault}\n  does not say\n{sentence}");
}

const SMTP: &str =
    "[email]\ntransport = \"smtp\"\nhost = \"smtp.example.com\"\nfrom = \"Acme <no-reply@acme.example>\"\n";
