//! Warnings of `vestibule check`, section by section: each risk is reported once, and a good setup has none.

use std::fs;

use tempfile::TempDir;
use vestibule::config::{Config, ConfigError, SAMPLES, Sources};
use vestibule::domain::settings::providers::KNOWN;
use vestibule::oauth::PRESETS;

#[test]
fn providers_that_nobody_can_use_are_told_with_what_is_missing() {
    let given = "client_id = \"x\"\nclient_secret = \"x\"\n";
    let all = "authorization_endpoint = \"https://a.example/a\"\ntoken_endpoint = \"https://a.example/t\"\n";
    for (name, oauth, sentence) in [
        ("oauth_custom_x", given.to_owned(), "`settings.oauth.oauth_custom_x` has neither `issuer` nor endpoints"),
        (
            "oauth_custom_x",
            format!("{given}token_endpoint = \"https://a.example/t\""),
            "`settings.oauth.oauth_custom_x` has no authorization_endpoint, no userinfo_endpoint or jwks_uri: ",
        ),
        (
            "oauth_custom_x",
            format!("{given}{all}"),
            "`settings.oauth.oauth_custom_x` has no userinfo_endpoint or jwks_uri",
        ),
        (
            "oauth_gogle",
            given.to_owned(),
            "`settings.social.oauth_gogle` is not a known provider, so people can't sign up with it: did you mean \
             `oauth_google`?",
        ),
        (
            "oauth_Google",
            given.to_owned(),
            "`settings.social.oauth_Google` is enabled, but its name is not a valid strategy",
        ),
        ("oauth_linkedin", given.to_owned(), "did you mean `oauth_linkedin_oidc`?"),
        ("oauth_twitter", given.to_owned(), "did you mean `oauth_x`?"),
        ("oauth_acme", given.to_owned(), "for a provider of your own write oauth_custom_acme, and its issuer"),
        ("oauth_google", "client_id = \" \"\nclient_secret = \"x\"".into(), "google.client_id` is missing: "),
        ("oauth_google", "client_id = \"…\"\nclient_secret = \"x\"".into(), "google.client_id` is a placeholder: "),
        ("oauth_google", "client_id = \"<id>\"\nclient_secret = \"x\"".into(), "google.client_id` is a placeholder: "),
        (
            "oauth_google",
            "client_id = \"your-client-id\"\nclient_secret = \"x\"".into(),
            "client_id` is a placeholder: ",
        ),
        ("oauth_google", "client_id = \"x\"\nclient_secret = \"changeme\"".into(), "client_secret` is a placeholder: "),
        ("oauth_google", format!("{given}issuer = \"accounts.google.com\""), "oauth_google.issuer` is not a URL: "),
        ("oauth_google", format!("{given}jwks_uri = \"\""), "oauth_google.jwks_uri` is not a URL: "),
    ] {
        let text = format!(
            "[settings.social.{name}]\nenabled = true\nauthenticatable = true\n[settings.oauth.{name}]\n{oauth}"
        );
        assert_one(&with_username(&text), sentence);
    }
    let alone = |name: &str| format!("[settings.oauth.{name}]\n{given}");
    assert_one(
        &with_username(&alone("oauth_gogle")),
        "line 6: `settings.oauth.oauth_gogle` is not a known provider: did",
    );
    let renamed = format!("{}[settings.social.oauth_google]\nstrategy = \"oauth_github\"\n", with_username(""));
    assert_one(&renamed, "line 6: `settings.social.oauth_google.strategy` is \"oauth_github\", but has no effect");
    let hidden =
        format!("{}[settings.social.oauth_google]\nenabled = true\n{}", with_username(""), alone("oauth_google"));
    assert_one(
        &hidden,
        "line 6: `settings.social.oauth_google.authenticatable` is false: the provider is enabled, but",
    );
}

#[test]
fn every_preset_and_every_own_provider_that_says_where_it_is_is_taken() {
    assert_eq!(PRESETS.iter().map(|preset| preset.strategy).collect::<Vec<_>>(), KNOWN);
    let place = "issuer = \"https://id.acme.com\"";
    let endpoints = "authorization_endpoint = \"https://a.acme.com/a\"\ntoken_endpoint = \"https://a.acme.com/t\"\n\
                     jwks_uri = \"https://a.acme.com/k\"";
    let own = [("oauth_custom_x", place), ("oauth_custom_x", endpoints), ("oauth_acme", place)];
    for (name, place) in KNOWN.map(|name| (name, "")).into_iter().chain(own) {
        let text = format!(
            "[settings.social.{name}]\nenabled = true\nauthenticatable = true\nstrategy = \"{name}\"\n\
             [settings.oauth.{name}]\nclient_id = \"x\"\nclient_secret = \"x\"\n{place}\n"
        );
        assert_none(&with_username(&text));
    }
}

#[test]
fn a_production_instance_asks_no_provider_without_tls_or_in_its_own_network() {
    for (key, url, sentence) in [
        (
            "issuer",
            "http://id.acme.com",
            "issuer` is not https, and a production instance calls providers only by https",
        ),
        ("token_endpoint", "http://id.acme.com/token", "token_endpoint` is not https"),
        ("userinfo_endpoint", "https://10.0.0.7/me", "userinfo_endpoint` is in this machine's own network"),
        ("jwks_uri", "https://localhost/keys", "jwks_uri` is in this machine's own network"),
    ] {
        let text = format!(
            "{}[settings.social.oauth_google]\nenabled = true\nauthenticatable = true\n[settings.oauth.oauth_google]\n\
             client_id = \"x\"\nclient_secret = \"x\"\n{key} = \"{url}\"\n",
            with_username("")
        );
        assert_none(&text);
        assert_one(&in_production(&text), sentence);
    }
}

#[test]
fn countries_that_are_none_are_told_with_the_right_code() {
    for (list, sentence) in [
        (
            "allowed = [\"USA\"]",
            "line 9: `settings.restrictions.phone_countries.allowed` contains \"USA\", which is not a country code",
        ),
        ("allowed = [\"USA\"]", "has no effect; write \"US\""),
        ("blocked = [\"UK\"]", "phone_countries.blocked` contains \"UK\", which is not a country code"),
        ("blocked = [\"UK\"]", "write \"GB\""),
        ("allowed = [\"EU\"]", "write each country of the European Union"),
        ("allowed = [\"+1\"]", "write the two letters of a country"),
        ("allowed = [\" us \"]", "write \"US\""),
        (
            "allowed = [\"DE\", \"us\"]\nblocked = [\"US\"]",
            "allowed` contains \"us\", which `blocked` contains too: its numbers are",
        ),
    ] {
        assert_one(&format!("{PHONE}[settings.restrictions.phone_countries]\n{list}\n"), sentence);
    }
    assert_none(&format!(
        "{PHONE}[settings.restrictions.phone_countries]\nallowed = [\"DE\", \"us\", \"XK\"]\nblocked = [\"FR\"]\n"
    ));
}

#[test]
fn lists_without_entries_and_entries_without_effect_are_told() {
    let entry = "identifiers = [\"ada@acme.com\"]";
    for (text, sentence) in [
        (
            "[settings.restrictions.allowlist]\nenabled = true".to_owned(),
            "line 5: `settings.restrictions.allowlist.enabled` is true, but the list is empty: people can sign up only \
             with an invitation",
        ),
        (
            "[settings.restrictions.blocklist]\nenabled = true".into(),
            "blocklist.enabled` is true, but the list is empty: it blocks nothing",
        ),
        (
            format!("[settings.restrictions.allowlist]\n{entry}"),
            "allowlist.identifiers` has no effect: the list is not enabled",
        ),
        (
            format!("[settings.restrictions.blocklist]\n{entry}"),
            "blocklist.identifiers` has no effect: the list is not enabled",
        ),
        (
            "[settings.restrictions.block_disposable_email_domains]\nallowed_domains = [\"acme.com\"]".into(),
            "block_disposable_email_domains.allowed_domains` has no effect",
        ),
        (
            format!(
                "[settings.restrictions.allowlist]\nenabled = true\n{entry}\n\
                 [settings.restrictions.blocklist]\nenabled = true\nidentifiers = [\"ADA@acme.com\"]"
            ),
            "allowlist.identifiers` contains entries that the block-list contains too (1)",
        ),
    ] {
        let told = assert_one(&with_username(&text), sentence);
        assert!(!told.contains("ada@"), "no address is shown: {told}");
    }
    assert_none(&with_username(&format!("[settings.restrictions.allowlist]\nenabled = true\n{entry}")));
}

#[test]
fn attributes_and_factors_that_are_not_built_are_told() {
    for (text, sentence) in [
        ("[settings.attributes.passkey]\nenabled = true", "line 5: `settings.attributes.passkey.enabled` is true, but"),
        ("[settings.attributes.passkey]\nrequired = true", "`settings.attributes.passkey.required` has no effect"),
        ("[settings.attributes.backup_code]\nenabled = true", "`settings.attributes.backup_code.enabled` is true, but"),
        (
            "[settings.attributes.authenticator_app]\nenabled = true",
            "`settings.attributes.authenticator_app.enabled` is true",
        ),
        ("[settings.attributes.web3_wallet]\nenabled = true", "`settings.attributes.web3_wallet.enabled` is true, but"),
        (
            "[settings.attributes.password]\nused_for_second_factor = true",
            "password.used_for_second_factor` has no effect",
        ),
        ("[settings.attributes.password]\nsecond_factors = [\"totp\"]", "password.second_factors` has no effect"),
        ("[settings.attributes.password]\nfirst_factors = [\"saml\"]", "contains \"saml\", which is not built yet"),
        (
            "[settings.attributes.password]\nfirst_factors = [\"pasword\"]",
            "contains \"pasword\", which is not a strategy",
        ),
        (
            "[settings.attributes.phone_number]\nchannels = [\"whatsapp\"]",
            "channels` contains \"whatsapp\", but `sms.twilio",
        ),
        (
            "[settings.sign_up.mfa]\nrequired = true",
            "`settings.sign_up.mfa.required` is true, but there is no second factor",
        ),
    ] {
        assert_one(&with_username(text), sentence);
    }
    let required = with_username("[settings.attributes.web3_wallet]\nenabled = true\nrequired = true");
    let fault = load(&required).expect_err("nobody could sign up").to_string();
    assert!(
        fault.contains("line 6: `settings.attributes.web3_wallet.required` is true, but wallets can't be"),
        "{fault}"
    );
}

#[test]
fn networks_that_are_not_one_s_proxies_are_told() {
    for (network, sentence) in [
        ("0.0.0.0/0", "contains 0.0.0.0/0, which includes more than your own proxies"),
        ("::/0", "contains ::/0, which includes more than"),
        ("::ffff:0:0/96", "contains 0.0.0.0/0, which includes more than"),
        ("::ffff:0.0.0.0/97", "contains 0.0.0.0/1, which includes more than"),
        ("104.0.0.0/9", "contains 104.0.0.0/9, which includes more than"),
        ("100.0.0.0/9", "contains 100.0.0.0/9, which includes more than"),
        ("2000::/3", "contains 2000::/3, which includes more than"),
        ("fe00::/6", "contains fe00::/6, which includes more than"),
        ("0.0.0.0", "contains 0.0.0.0/32, which is not the address of a machine"),
        ("::", "contains ::/128, which is not the address of a machine"),
        (
            "10.0.0.7/8",
            "contains 10.0.0.7/8, which trusts every machine in 10.0.0.0/8; write 10.0.0.7 for that machine alone",
        ),
        ("192.168.1.1/24", "write 192.168.1.1 for that machine alone, or 192.168.1.0/24 for all of them"),
        ("fd00::7/64", "which trusts every machine in fd00::/64"),
    ] {
        assert_one(&format!("[server]\ntrusted_proxies = [\"{network}\"]\n"), sentence);
    }
    let own = ["10.0.0.0/8", "10.0.0.7", "10.0.0.7/32", "::1", "fd00::/8", "fe80::/10", "::ffff:10.0.0.0/104"];
    // Those inside providers, and the widest that are published for content delivery.
    let published = ["100.64.0.0/10", "104.64.0.0/10", "23.32.0.0/11", "104.16.0.0/13", "2600:1400::/24"];
    for network in own.into_iter().chain(published) {
        assert_none(&format!("[server]\ntrusted_proxies = [\"{network}\"]\n"));
    }
}

#[test]
fn ports_that_do_not_fit_their_security_are_told() {
    for (keys, sentence) in [
        (
            "security = \"tls\"\nport = 587",
            "`email.port` is 587, a port on which connections begin without TLS, but `email.security` is \"tls\"",
        ),
        ("security = \"tls\"\nport = 25", "write security = \"starttls\", or port = 465"),
        ("security = \"starttls\"\nport = 465", "`email.port` is 465, a port on which connections begin with TLS"),
        ("port = 465", "write security = \"tls\", or port = 587"),
        ("security = \"tls\"\nusername = \"u\"\npassword = \"<password>\"", "`email.password` is a placeholder"),
    ] {
        assert_one(&format!("{SMTP}{keys}\n"), sentence);
    }
    let local = SMTP.replace("smtp.acme.com", "localhost");
    assert_one(&format!("{local}security = \"none\"\nport = 465\n"), "write security = \"tls\", or port = 25");
    for keys in ["", "port = 587", "security = \"tls\"", "security = \"tls\"\nport = 465", "port = 2525"] {
        assert_none(&format!("{SMTP}{keys}\n"));
    }
}

#[test]
fn names_for_examples_send_nothing_in_production() {
    for domain in ["example.com", "mail.example.org", "acme.example", "acme.invalid", "acme.test", "localhost"] {
        let from = |text: &str| text.replace("no-reply@acme.com", &format!("no-reply@{domain}"));
        assert_none(&from(SMTP));
        assert_one(&in_production(&from(SMTP)), &format!("`email.from` is at {domain}, a name reserved for examples"));
    }
    let host = SMTP.replace("smtp.acme.com", "smtp.example.com");
    assert_one(&in_production(&host), "`email.host` is smtp.example.com, a name reserved for examples");
    assert_none(&in_production(""));
}

#[test]
fn origins_that_can_keep_nobody_signed_in_are_told() {
    let origins = |list: &str| in_production("").replace("[\"https://app.acme.com\"]", list);
    for (list, sentence) in [
        ("[]", "`server.allowed_origins` is empty: browsers allow only the engine's own pages"),
        ("[\"https://other.org\"]", "contains https://other.org, which is on another site than clerk.acme.com: "),
        ("[\"https://acme.vercel.app\"]", "serve the engine on a host below acme.vercel.app"),
        ("[\"https://app.acme.com\", \"https://acme.co.uk\"]", "contains https://acme.co.uk, which is on another site"),
        ("[\"http://app.acme.com\"]", "contains http://app.acme.com, which is not https: an attacker"),
        ("[\"http://[::1]\"]", "contains http://[::1], which is a page on each visitor's own machine"),
    ] {
        assert_one(&origins(list), sentence);
    }
    assert_none(&origins("[\"https://acme.com\", \"https://app.acme.com:8443\", \"capacitor://localhost\"]"));
    let proxied = "https://app.acme.com/__clerk";
    assert_none(&origins("[]").replace("https://clerk.acme.com", proxied));
    for url in ["https://clerk.acme.com/v1", "https://clerk.acme.com/v1/"] {
        let told = assert_one(
            &in_production("").replace("https://clerk.acme.com", url),
            "`server.public_url` contains /v1, which",
        );
        assert!(told.ends_with("write https://clerk.acme.com"), "{told}");
    }
    let query =
        load("[server]\npublic_url = \"https://clerk.acme.com?x=1\"").expect_err("no place for a path").to_string();
    assert!(
        query.contains("`server.public_url` can't be \"https://clerk.acme.com?x=1\"; give the URL that browsers use")
    );
}

#[test]
fn keys_that_can_be_guessed_are_refused_in_production_and_told_in_development() {
    for (key, why) in [
        ("a".repeat(32), "it has few different characters"),
        ("ab12".repeat(8), "it has few different characters"),
        ("b5c1f0e27d9a4836".repeat(2), "it repeats itself"),
        ("abcdefghijklmnopqrstuvwxyz012345".into(), "it follows the alphabet"),
        ("yoursecretkey7f3kq09xzb2m4w8d1c5".into(), "it is made of words for examples"),
    ] {
        let text = format!("[instance]\nsecret_key = \"sk_live_{key}\"\n");
        assert_one(&text, "line 2: `instance.secret_key` is easy to guess");
        let production = in_production("").replacen("[instance]\n", &text, 1);
        let fault = load(&production).expect_err(&key).to_string();
        assert!(fault.contains(&format!("line 2: `instance.secret_key` is easy to guess: {why}; ")), "{fault}");
        assert!(!fault.contains(&key), "and is not shown");
    }
    let good = "[instance]\nsecret_key = \"sk_live_b5c1f0e27d9a48336c2e7f10ab94d85e\"\n";
    assert_none(good);
    assert_none(&in_production("").replacen("[instance]\n", good, 1));
}

#[test]
fn keys_of_captcha_services_that_stop_nobody_are_told_in_production() {
    let captcha = |site: &str, secret: &str| {
        format!(
            "[captcha]\nprovider = \"turnstile\"\nsite_key = \"{site}\"\nsecret = \"{secret}\"\n\
             [settings.sign_up]\ncaptcha_enabled = true\n[settings.attributes.username]\nenabled = true\n"
        )
    };
    let for_tests = captcha("0x4AAAAAAAB1cd2ef3gh", "1x0000000000000000000000000000000AA");
    assert_none(&for_tests);
    assert_one(&in_production(&for_tests), "`captcha.secret` is the service's own key for tests");
    assert_one(&captcha("0x4AAA…", "0x4AAAAAAAB1cd2ef3gh_5"), "`captcha.site_key` is a placeholder");
}

#[test]
fn samples_and_what_is_set_up_well_have_no_warning() {
    for (name, _) in SAMPLES {
        assert_none(&format!("[settings]\nfile = {name:?}\n"));
    }
    assert_none(&in_production(""));
}

/// Checks that a configuration has exactly this one warning.
#[track_caller]
fn assert_one(text: &str, sentence: &str) -> String {
    let config = load(text).expect(text);
    assert_eq!(config.warnings().len(), 1, "{text}\n{:?}", config.warnings());
    assert!(config.warnings()[0].contains(sentence), "{:?}\n  does not say\n{sentence}", config.warnings()[0]);
    config.warnings()[0].clone()
}

#[track_caller]
fn assert_none(text: &str) {
    let config = load(text).expect(text);
    assert_eq!(config.warnings(), Vec::<String>::new(), "{text}");
}

fn load(text: &str) -> Result<Config, ConfigError> {
    let directory = TempDir::new().expect("a directory");
    let file = directory.path().join("vestibule.toml");
    fs::write(&file, text).expect("a file");
    Config::load(&Sources { file: Some(file), ..Sources::default() })
}

/// A username attribute, and these settings from line 4 on.
fn with_username(text: &str) -> String {
    format!("[settings.attributes.username]\nenabled = true\n\n{text}\n")
}

/// A well configured production instance, changed by `text`.
fn in_production(text: &str) -> String {
    let mail = if text.contains("[email]") { "" } else { SMTP };
    format!("{PRODUCTION}{mail}{text}\n")
}

const PHONE: &str = "[settings.attributes.username]\nenabled = true\n[settings.attributes.phone_number]\nenabled = true\n\
                     verifications = [\"phone_code\"]\nverify_at_sign_up = true\n\n";
const SMTP: &str = "[email]\ntransport = \"smtp\"\nhost = \"smtp.acme.com\"\nfrom = \"Acme <no-reply@acme.com>\"\n";
const PRODUCTION: &str = "[instance]\nmode = \"production\"\nname = \"Acme\"\nkey_file = \"/etc/vestibule/instance.key\"\n\
    publishable_key = \"pk_live_Y2xlcmsuYWNtZS5jb20k\"\n\
    [server]\npublic_url = \"https://clerk.acme.com\"\nallowed_origins = [\"https://app.acme.com\"]\n\
    trusted_proxies = [\"10.0.0.0/8\"]\n";
