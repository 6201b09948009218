//! Which passwords a sign-up takes, over HTTP: not the most used, not one's own words, whichever step they came in.

use tempfile::TempDir;

use crate::support::browser::{Browser, escaped};
use crate::support::server::{Answer, Server};

#[test]
fn the_most_used_passwords_are_refused_at_their_field_and_nothing_is_stored() {
    let (server, _folder) = start("");
    for password in ["Admin@123", "Welcome@123", "azerty123", "12345678901", "minecraft", "P@ssw0rd", "Contraseña2025!"]
    {
        let refused = create(&mut Browser::of(&server), &[("password", password)]);
        assert_eq!(
            (refused.status, refused.error_codes()),
            (422, vec!["form_password_pwned".to_owned()]),
            "{password}"
        );
        assert_eq!(refused.json()["errors"][0]["meta"]["param_name"], "password");
    }
    let taken = create(&mut Browser::of(&server), &[("password", "wanders under elms")]);
    assert_eq!((taken.status, &taken.json()["response"]["has_password"]), (200, &true.into()), "{}", taken.body);
}

#[test]
fn own_words_of_an_earlier_step_are_refused_as_those_of_the_same_one() {
    let (server, _folder) =
        start("[instance]\nname = \"Fernwood Tea\"\n[server]\nallowed_origins = [\"http://localhost:3000\"]\n");
    let own = [
        ("email_address", "countess.of.elms@example.com", "countess.of.elms@example.com"),
        ("email_address", "countess.of.elms@example.com", "Countess-of-Elms1"),
        ("phone_number", "+1 415 555 2671", "4155552671"),
        ("username", "strolling_lady", "StrollingLady!"),
        ("first_name", "Wilhelmina", "w1lhelmina2024"),
        ("last_name", "Featherstonehaugh", "featherstonehaugh"),
        ("locale", "en", "Fernwood-Tea-2025"),
    ];
    for (field, value, password) in own {
        let refused = create(&mut Browser::of(&server), &[(field, value), ("password", password)]);
        assert_eq!(
            (refused.status, refused.error_codes()),
            (422, vec!["form_password_pwned".to_owned()]),
            "{password}"
        );
        let mut browser = Browser::of(&server);
        let created = create(&mut browser, &[(field, value)]);
        let path = format!("/v1/client/sign_ups/{}", created.json()["response"]["id"].as_str().expect("an id"));
        let later = browser.request("PATCH", &path, &[], &form(&[("password", password)]));
        assert_eq!(
            (later.status, later.error_codes()),
            (422, vec!["form_password_pwned".to_owned()]),
            "{password}, later"
        );
        let other = browser.request("PATCH", &path, &[], &form(&[("password", "wanders under oaks")]));
        assert_eq!(other.status, 200, "{field}: {}", other.body);
    }
}

fn create(browser: &mut Browser<'_>, fields: &[(&str, &str)]) -> Answer {
    browser.post("/v1/client/sign_ups", &form(fields))
}

fn form(fields: &[(&str, &str)]) -> String {
    let pairs: Vec<String> = fields.iter().map(|(name, value)| format!("{name}={}", escaped(value))).collect();
    pairs.join("&")
}

/// A server that takes everything a person may be called by, and requires more than these tests give.
fn start(more: &str) -> (Server, TempDir) {
    let folder = TempDir::new().expect("a folder");
    let config = format!("{more}{SETTINGS}");
    (Server::start(folder.path(), &config), folder)
}

const SETTINGS: &str = r#"
[limits]
source = false
address = false
[password]
m_kib = 64
t = 1
p = 1
[settings.attributes.email_address]
enabled = true
required = true
verifications = ["email_code"]
verify_at_sign_up = true
[settings.attributes.phone_number]
enabled = true
[settings.attributes.username]
enabled = true
[settings.attributes.first_name]
enabled = true
[settings.attributes.last_name]
enabled = true
[settings.attributes.password]
enabled = true
"#;
