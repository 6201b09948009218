//! Warnings about a whole configuration. `risks.rs` tests them section by section.

use super::{SMTP, load_text};

#[test]
fn what_is_risky_is_told_with_why_and_what_instead() {
    let production = "[instance]\nmode = \"production\"\n";
    let key = "publishable_key = \"pk_live_Y2xlcmsuZXhhbXBsZS5jb20k\"\n";
    for (text, sentence) in [
        ("[server]\ntrusted_proxies = [\"0.0.0.0/0\"]", "line 2: `server.trusted_proxies` contains 0.0.0.0/0, "),
        ("[server]\ntrusted_proxies = [\"10.0.0.1\", \"::/0\"]", "`server.trusted_proxies` contains ::/0, "),
        ("[server]\ntrusted_proxies = [\"128.0.0.0/1\"]", "`server.trusted_proxies` contains 128.0.0.0/1, "),
        ("[server]\nlisten = \"0.0.0.0:8080\"", "line 2: `server.listen` is open to other machines, and a development"),
        ("[server]\npublic_url = \"https://x.ngrok.app\"", "`server.public_url` is not an address of this machine"),
        ("[server]\ndrain_timeout_s = 1", "`server.drain_timeout_s` is short"),
        ("[store]\nencryption = false", "`store.encryption` is false"),
        ("[settings.attributes.password]\nenabled = true", "`settings` has no attribute and no provider"),
        (
            "[settings.attributes.username]\nenabled = true\n[settings.social.oauth_google]\nenabled = true",
            "line 4: `settings.social.oauth_google.enabled` is true, but the credentials for the provider are missing",
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
            "line 4: `settings.oauth.oauth_x` is configured, but the provider is not enabled",
        ),
        ("[email]\nsecurity = \"none\"\n", "`email.security` is \"none\""),
        ("[captcha]\nprovider = \"turnstile\"\nsite_key = \"x\"\nsecret = \"x\"", "`captcha.provider` is set, but"),
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
        ("", "`instance.key_file` is in the data folder"),
        ("", "`server.public_url` is not given"),
        ("", "`server.allowed_origins` contains http://localhost:3000"),
        ("publishable_key = \"pk_test_Y2xlcmsuZXhhbXBsZS5jb20k\"", "`instance.publishable_key` begins with pk_test_"),
        ("[server]\npublic_url = \"http://clerk.example.com\"", "`server.public_url` is not https"),
        ("[server]\nlisten = \"[::]:8080\"", "`server.listen` is open to other machines, but `server.public_url`"),
        ("[server]\npublic_url = \"https://clerk.example.com\"", "`server.trusted_proxies` is empty"),
        ("[server]\nallowed_origins = [\"http://app.example.com\"]", "contains http://app.example.com"),
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
fn settings_without_attributes_are_told_what_they_replace() {
    for (text, missing) in [
        ("[settings.sign_up]\nprogressive = true", Some("people can't sign up")),
        ("[settings.restrictions.block_email_subaddresses]\nenabled = true", Some("people can't sign up")),
        (
            "[settings.social.oauth_google]\nenabled = true\nauthenticatable = true\n[settings.oauth.oauth_google]\nclient_id = \"x\"\nclient_secret = \"x\"",
            Some("people can sign up only with an account at a provider"),
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
