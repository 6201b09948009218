//! Values that are read into types: origins, networks, keys, names.

use std::net::IpAddr;

use vestibule::config::{Network, Origin, PublishableKey};
use vestibule::domain::time::Span;

use super::{assert_fault, load_text};

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
