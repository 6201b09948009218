//! Which passwords a sign-up accepts, over HTTP: no common ones and none made of the person's own data, in any order of
//! the steps.

use std::io::{Read, Write};
use std::net::TcpListener;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use serde_json::json;
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
fn the_list_of_passwords_is_the_one_that_its_readme_is_about() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("src/domain/password_policy/common");
    let read = |name: &str| std::fs::read_to_string(folder.join(name)).expect(name);
    let (list, readme) = (read("list.txt"), read("README.md"));
    let sum = aws_lc_rs::digest::digest(&aws_lc_rs::digest::SHA256, list.as_bytes());
    let sum: String = sum.as_ref().iter().map(|byte| format!("{byte:02x}")).collect();
    let spaced = |number: usize| format!("{} {:03}", number / 1000, number % 1000);
    for fact in [sum, format!("{} entries, {} bytes", spaced(list.lines().count()), spaced(list.len()))] {
        assert!(readme.contains(&fact), "{fact}");
    }
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

#[test]
fn a_password_from_a_breach_is_refused_on_both_steps_where_the_settings_want_it_looked_up() {
    let service = Service::start();
    let (server, _folder) = start_with(&service.url(), false);
    let shown = Browser::of(&server).get("/v1/environment").json();
    assert_eq!(shown["user_settings"]["password_settings"]["disable_hibp"], json!(false));
    let refused = create(&mut Browser::of(&server), &[("password", LEAKED)]);
    assert_eq!((refused.status, refused.error_codes()), (422, vec!["form_password_pwned".to_owned()]));
    let mut browser = Browser::of(&server);
    let created = create(&mut browser, &[("password", "strolls beneath oaks")]);
    assert_eq!(created.status, 200, "{}", created.body);
    let path = format!("/v1/client/sign_ups/{}", created.json()["response"]["id"].as_str().expect("an id"));
    let later = browser.request("PATCH", &path, &[], &form(&[("password", LEAKED)]));
    assert_eq!((later.status, later.error_codes()), (422, vec!["form_password_pwned".to_owned()]));
    assert!(service.asked() > 0);
}

#[test]
fn the_strength_that_browsers_are_told_of_is_asked_for() {
    let (server, _folder) = start("[settings.password_settings]\nshow_zxcvbn = true\nmin_zxcvbn_strength = 4\n");
    let shown = Browser::of(&server).get("/v1/environment").json();
    assert_eq!(shown["user_settings"]["password_settings"]["min_zxcvbn_strength"], 4);
    let refused = create(&mut Browser::of(&server), &[("password", "hats29kite")]);
    assert_eq!((refused.status, refused.error_codes()), (422, vec!["form_password_not_strong_enough".to_owned()]));
    let meta = &refused.json()["errors"][0]["meta"];
    assert_eq!(meta["param_name"], "password");
    assert!(meta["zxcvbn"]["suggestions"][0]["message"].is_string(), "official clients show it: {meta}");
    assert_eq!(create(&mut Browser::of(&server), &[("password", "wanders under elms at night")]).status, 200);
}

#[test]
fn nobody_is_asked_unless_both_settings_and_configuration_say_so() {
    let service = Service::start();
    let (server, _folder) = start_with(&service.url(), true);
    assert_eq!(create(&mut Browser::of(&server), &[("password", LEAKED)]).status, 200);
    assert_eq!(service.asked(), 0);
    let (server, _folder) =
        start("[settings.password_settings]\ndisable_hibp = false\nenforce_hibp_on_sign_in = true\n");
    assert_eq!(create(&mut Browser::of(&server), &[("password", LEAKED)]).status, 200);
    let shown = Browser::of(&server).get("/v1/environment").json();
    let shown = &shown["user_settings"]["password_settings"];
    assert_eq!(
        (&shown["disable_hibp"], &shown["enforce_hibp_on_sign_in"]),
        (&json!(true), &json!(false)),
        "as it is done"
    );
}

#[test]
fn a_service_that_is_gone_keeps_nobody_out() {
    let gone = TcpListener::bind("127.0.0.1:0").expect("a port").local_addr().expect("an address");
    let (server, _folder) = start_with(&format!("http://{gone}/range"), false);
    assert_eq!(create(&mut Browser::of(&server), &[("password", LEAKED)]).status, 200);
}

/// A range service with one breached password; its thread ends with the test process.
struct Service {
    port: u16,
    asked: Arc<AtomicUsize>,
}

impl Service {
    fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
        let port = listener.local_addr().expect("an address").port();
        let asked = Arc::new(AtomicUsize::new(0));
        let count = asked.clone();
        std::thread::spawn(move || {
            let hash = aws_lc_rs::digest::digest(&aws_lc_rs::digest::SHA1_FOR_LEGACY_USE_ONLY, LEAKED.as_bytes());
            let hash: String = hash.as_ref().iter().map(|byte| format!("{byte:02X}")).collect();
            let (prefix, rest) = hash.split_at(5);
            for stream in listener.incoming().take(100) {
                let Ok(mut stream) = stream else { continue };
                let mut request = [0; 4096];
                let length = stream.read(&mut request).unwrap_or_default();
                count.fetch_add(1, Ordering::SeqCst);
                let asks_for_it = String::from_utf8_lossy(&request[..length]).contains(&format!("/range/{prefix} "));
                let padding = format!("{}:0\r\n", "0".repeat(35));
                let body = if asks_for_it { format!("{padding}{rest}:3\r\n") } else { padding };
                let head = format!("HTTP/1.1 200 OK\r\ncontent-length: {}\r\nconnection: close\r\n\r\n", body.len());
                drop(stream.write_all(format!("{head}{body}").as_bytes()));
            }
        });
        Self { port, asked }
    }

    fn url(&self) -> String {
        format!("http://127.0.0.1:{}/range/", self.port)
    }

    fn asked(&self) -> usize {
        self.asked.load(Ordering::SeqCst)
    }
}

fn start_with(range_url: &str, disable_hibp: bool) -> (Server, TempDir) {
    let folder = TempDir::new().expect("a folder");
    let config = SETTINGS.replace("p = 1\n", &format!("p = 1\npwned_range_url = \"{range_url}\"\n"));
    let settings = format!("[settings.password_settings]\ndisable_hibp = {disable_hibp}\n");
    (Server::start(folder.path(), &format!("{config}{settings}")), folder)
}

fn create(browser: &mut Browser<'_>, fields: &[(&str, &str)]) -> Answer {
    browser.post("/v1/client/sign_ups", &form(fields))
}

fn form(fields: &[(&str, &str)]) -> String {
    let pairs: Vec<String> = fields.iter().map(|(name, value)| format!("{name}={}", escaped(value))).collect();
    pairs.join("&")
}

/// A server that accepts all names and identifiers, and requires more than these tests give.
fn start(more: &str) -> (Server, TempDir) {
    let folder = TempDir::new().expect("a folder");
    let config = format!("{more}{SETTINGS}");
    (Server::start(folder.path(), &config), folder)
}

/// A password that is neither on the compiled-in list nor easy to guess.
const LEAKED: &str = "wanders under elms";

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
