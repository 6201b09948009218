//! The sentences about keys and values that are refused.

use vestibule::config::{Config, Sources};

use super::{assert_fault, load, load_text};

#[test]
fn faults_name_the_key_and_where_it_was_given() {
    let cases = [
        (
            "[server]\n\nlistne = 1",
            "vestibule.toml, line 3: `server.listne` is not a key of this configuration; did you mean `server.listen`?",
        ),
        ("[server]\nfrobnicate = 1", "`server.frobnicate` is not a key of this configuration; use one of `listen`, "),
        (
            "[server]\nencryption = false",
            "`server.encryption` is not a key of this configuration; did you mean `store.encryption`?",
        ),
        (
            "[instance]\nkey_file = \"\"",
            "line 2: `instance.key_file` is empty; name the file of the key, or leave this out",
        ),
        ("[store]\npath = \"\"", "line 2: `store.path` is empty; name the data folder, such as \"data\""),
        ("listen = \"x\"", "line 1: `listen` is not a key of this configuration; did you mean `server.listen`?"),
        (
            "[sign_up]\nmode = \"restricted\"",
            "`sign_up.mode` is not a key of this configuration; did you mean `settings.sign_up.mode`?",
        ),
        (
            "[sevrer]\nlisten = \"x\"",
            "vestibule.toml, line 2: `sevrer` is not a key of this configuration; did you mean `server`?",
        ),
        ("[sevrer]", "vestibule.toml, line 1: `sevrer` is not a key"),
        ("server = 3", "vestibule.toml, line 1: `server` must be a section: [server]"),
        ("[server]\nlisten = 8080", "line 2: `server.listen` must be a text in quotes, such as \"localhost:8080\""),
        (
            "[server]\nallowed_origins = \"https://a.example\"",
            "`server.allowed_origins` must be a list, such as [\"http",
        ),
        ("[server]\nallowed_origins = [3]", "`server.allowed_origins` must contain texts in quotes, such as [\"3\"]"),
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
            "`instance.home_url` can't be \"acme\"; give a complete URL, such as https://acme.example",
        ),
        ("[instance]\nlogo_url = \"/logo.svg\"", "give a complete URL, such as https://acme.example/logo.svg"),
        (
            "[captcha]\nverify_url = \"x\"",
            "give a complete URL, such as https://challenges.cloudflare.com/turnstile/v0/siteverify",
        ),
        (
            "[telemetry]\nrequests = \"some\"",
            "`telemetry.requests` can't be \"some\"; use \"all\", \"errors\", \"sampled\" or \"off\"",
        ),
        ("server.listen.port = 3", "line 1: `server.listen.port` can't be set: `server.listen` is a single value"),
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
        ("[server]\nallowed_origins = [\"*\"]", "line 2: `server.allowed_origins` can't contain \"*\""),
        ("[server]\nallowed_redirects = [\"javascript:alert(1)\"]", "`server.allowed_redirects` can't contain"),
        ("[server]\nallowed_redirects = [\"https://a@b.example\"]", "there are no wildcards"),
        ("[server]\nallowed_redirects = [\"/welcome\"]", "give complete URLs"),
        ("[verification]\nlink_ttl_s = 0", "`verification.link_ttl_s`"),
        ("[server]\nallowed_origins = [\"null\"]", "`server.allowed_origins` can't contain \"null\""),
        ("[server]\nallowed_origins = [\"http://*.a.example\"]", "there are no wildcards"),
        ("[server]\ntrusted_proxies = [\"10.0.0.0/33\"]", "`server.trusted_proxies` can't contain \"10.0.0.0/33\""),
        (
            "[instance]\nmode = \"staging\"",
            "`instance.mode` can't be \"staging\"; use \"development\" or \"production\"",
        ),
        ("[instance]\npublishable_key = \"pk_live_bG9jYWxob3N0JA\"", "`instance.publishable_key` must be pk_live_ or"),
        ("[store]\nkind = \"postgres\"", "`store.url` is missing"),
        ("[store]\nkind = \"mysql\"", "`store.kind` can't be \"mysql\"; use \"sled\", \"postgres\" or \"memory\""),
        ("[sms]\ntransport = \"pigeon\"", "`sms.transport` can't be \"pigeon\"; use \"capture\", \"twilio\""),
        ("[email]\ntransport = \"smtp\"", "`email.host` is missing"),
        ("[email]\npassword = 12345", "`email.password` must be a text in quotes"),
        ("[settings]\nfile = \"pasword\"", "line 2: `settings.file` names neither a sample (\"password\", "),
        ("[settings]\nfile = \"pasword\"", "; did you mean \"password\"?"),
        ("[settings]\nfile = 3", "line 2: `settings.file` must be a text in quotes"),
        ("settings = 3", "line 1: `settings` must be a section"),
        (
            "[settings]\nfile = \"phone\"\nsign_up.progressive = true",
            "line 2: `settings.file` can't be used together with other keys of [settings], each of which replaces the whole sample: copy \
             the text of config/settings/phone.toml before them, with `settings.` before each name in brackets",
        ),
        (
            "[settings]\nfile = \"phone\"\nsing_up.progressive = true",
            "line 3: `settings.sing_up` is not a setting; did you mean `settings.sign_up`?",
        ),
        ("[settings]\nfiel = \"phone\"", "line 2: `settings.fiel` is not a setting; did you mean `settings.file`?"),
        (
            "[settings.attributes.email_address]\nverifications = [\"email_cod\"]",
            "contains \"email_cod\", which is not a verification strategy; did you mean \"email_code\"? It may contain",
        ),
        (
            "[settings.attributes.emial_address]\nenabled = true",
            "line 2: `settings.attributes.emial_address` is not a setting; did you mean \
             `settings.attributes.email_address`?",
        ),
        (
            "[settings.attributes.username]\nrequired = true",
            "line 2: `settings.attributes.username.required` is true, but the attribute is not enabled",
        ),
        (
            "[settings.attributes.username]\nverifications = [\"carrier_pigeon\"]",
            "contains \"carrier_pigeon\", which is not a verification strategy; it may contain \"email_code\",",
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
            "`server.port` is not a key of this configuration; did you mean VESTIBULE_SERVER__LISTEN?",
        ),
        (
            "VESTIBULE_SERVER__LISTN",
            "`server.listn` is not a key of this configuration; did you mean VESTIBULE_SERVER__LISTEN?",
        ),
        ("VESTIBULE__SERVER__LISTEN", "did you mean VESTIBULE_SERVER__LISTEN?"),
        ("VESTIBULE_SEVRER__LISTEN", "did you mean VESTIBULE_SERVER__LISTEN?"),
        ("VESTIBULE_SERVER__LISTEN__PORT", "can't be set: `server.listen` is a single value"),
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
fn a_misspelt_setting_beside_a_sample_is_all_that_is_said() {
    let faults = |text: &str| load_text(text).expect_err(text).faults().to_vec();
    assert_eq!(faults("[settings]\nfile = \"phone\"\nfiel = 1").len(), 1);
    let both = faults("[settings]\nfile = \"phone\"\nsing_up.mode = \"public\"\nsign_up.progressive = true");
    assert_eq!(both.len(), 2);
    assert!(both[0].contains("sing_up") && both[1].contains("`settings.file` can't be used together with"), "{both:?}");
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
