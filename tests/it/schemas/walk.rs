//! One client's path through all states of a sign-up and what follows it.

use serde_json::{Value, json};

use crate::support::backend::Site;
use crate::support::browser::{PAGE, escaped};

use super::talk::{Mode, Seen, Talk, look};

/// A person who signs up, with their data.
pub(super) struct Person {
    number: usize,
    /// Number of messages to each address so far, to wait for the next one.
    messages: std::collections::HashMap<String, usize>,
}

impl Person {
    pub(super) fn new(number: usize) -> Self {
        Self { number, messages: Default::default() }
    }

    fn value(&self, field: &str) -> String {
        match field {
            "email_address" => format!("walker-{}@example.com", self.number),
            "phone_number" => format!("+1415555{}", 2600 + self.number),
            "username" => format!("walker_{}", self.number),
            "password" => "wanders under elms".into(),
            "first_name" => "Ada".into(),
            "last_name" => "Lovelace".into(),
            "legal_accepted" => "true".into(),
            "unsafe_metadata" => r#"{"plan":"pro"}"#.into(),
            _ => panic!("no such field: {field}"),
        }
    }

    fn pair(&self, field: &str) -> String {
        format!("{field}={}", escaped(&self.value(field)))
    }

    /// A form with all fields that these settings accept.
    fn form(&self, settings: &Value) -> String {
        let is_taken = |field: &&&str| match **field {
            "unsafe_metadata" => true,
            "legal_accepted" => settings["sign_up"]["legal_consent_enabled"] == true,
            name => settings["attributes"][name]["enabled"] == true,
        };
        FIELDS.iter().filter(is_taken).map(|field| self.pair(field)).collect::<Vec<_>>().join("&")
    }

    /// The code in the next message to the address in `field`.
    fn code(&mut self, talk: &Talk<'_>, field: &str) -> String {
        let address = self.value(field);
        let count = self.messages.get(&address).copied().unwrap_or_default();
        let message = talk.server.mail(&address, count);
        message["code"].as_str().unwrap_or_default().to_owned()
    }

    fn expect_message(&mut self, field: &str) {
        *self.messages.entry(self.value(field)).or_default() += 1;
    }
}

/// Incomplete sign-ups: empty, with each field alone, with invalid fields, and left until they expire.
pub(super) fn partly(site: &Site, mode: Mode, person: &Person, seen: &Seen) {
    let mut talk = Talk::begin(&site.server, mode, seen);
    for method in ["GET", "PATCH"] {
        talk.call(method, "/v1/environment", "");
    }
    for (method, path) in [
        ("GET", "/v1/client"),
        ("DELETE", "/v1/client/sessions"),
        ("GET", "/v1/me"),
        ("GET", "/v1/jwks"),
        ("POST", "/v1/client/verify"),
        ("PUT", "/v1/client"),
        ("PUT", "/v1/environment"),
        ("POST", "/v1/organizations"),
        ("GET", "/v1/client/sign_ups/sua_1"),
    ] {
        talk.call(method, path, "");
    }
    for field in FIELDS {
        let mut talk = Talk::begin(&site.server, mode, seen);
        let empty = talk.ask("POST", SIGN_UPS, "locale=en-US");
        assert_eq!(empty["status"], "missing_requirements", "{empty}");
        talk.call("PATCH", &path_of(SIGN_UPS, &empty), &person.pair(field));
        talk.call("PATCH", &path_of(SIGN_UPS, &empty), &format!("{field}="));
        let alone = talk.ask("POST", SIGN_UPS, &person.pair(field));
        if alone.is_object() {
            talk.call("GET", &path_of(SIGN_UPS, &alone), "");
        }
        talk.call("GET", "/v1/client", "");
    }
    for wrong in [
        "email_address=nobody&phone_number=1&username=a%20b&password=1",
        "strategy=nonsense",
        "strategy=email_code",
        "strategy=ticket&ticket=a.b.c",
        "strategy=oauth_google&redirect_url=%2Fback",
        "transfer=true",
        "unsafe_metadata=%5B%5D",
        "email_address=a%40b.org&email_address=b%40b.org",
    ] {
        talk.call("POST", SIGN_UPS, wrong);
    }
    let left = talk.ask("POST", SIGN_UPS, "");
    let path = path_of(SIGN_UPS, &left);
    for call in ["prepare_verification", "attempt_verification"] {
        for form in ["", "strategy=nonsense", "strategy=phone_code&code=1", "strategy=email_code&code=123456"] {
            talk.call("POST", &format!("{path}/{call}"), form);
        }
    }
    site.server.advance(DAY_MS + 1000);
    let over = talk.ask("GET", &path, "");
    assert_eq!(over["status"], "abandoned", "{over}");
    talk.call("PATCH", &path, "first_name=Ada");
}

/// From the first request to a user, with all detours; then all calls of a session, and a sign-in.
pub(super) fn wholly(site: &Site, settings: &Value, mode: Mode, person: &mut Person, seen: &Seen) {
    let mut talk = Talk::begin(&site.server, mode, seen);
    let mut sign_up = talk.ask("POST", SIGN_UPS, &person.form(settings));
    assert!(sign_up.is_object(), "{settings}");
    let path = path_of(SIGN_UPS, &sign_up);
    for field in ["email_address", "phone_number"] {
        let is_unverified =
            |sign_up: &Value| sign_up["unverified_fields"].as_array().is_some_and(|f| f.contains(&json!(field)));
        if is_unverified(&sign_up) {
            sign_up = verify(&mut talk, &path, field, &sign_up, person);
            assert!(!is_unverified(&sign_up), "{sign_up}");
        }
    }
    if settings["sign_up"]["custom_action_required"] == true {
        assert_eq!(sign_up["status"], "missing_requirements");
        let id = sign_up["id"].as_str().expect("an id");
        let path = format!("/v1/sign_ups/{id}");
        look(seen, "GET by the backend", "sign_up", &site.backend("GET", &path, &Value::Null));
        let body = json!({"custom_action": true, "external_id": format!("crm-{}", person.number)});
        sign_up = look(seen, "PATCH by the backend", "sign_up", &site.backend("PATCH", &path, &body));
    }
    assert_eq!(sign_up["status"], "complete", "{sign_up:#}");
    talk.call("GET", &path, "");
    talk.call("PATCH", &path, "first_name=Eve");
    with_session(&mut talk);
    back_in(site, mode, person, &sign_up, seen);
}

/// Verifies an address: too early, wrongly, too late, too often, and at last correctly.
fn verify(talk: &mut Talk<'_>, path: &str, field: &str, sign_up: &Value, person: &mut Person) -> Value {
    let (prepare, attempt) = (format!("{path}/prepare_verification"), format!("{path}/attempt_verification"));
    let strategies = sign_up["verifications"][field]["supported_strategies"].as_array().expect("strategies").clone();
    let of = |strategy: &str| format!("strategy={strategy}&redirect_url={}", escaped(&format!("{PAGE}/verify")));
    let code = if field == "email_address" { "email_code" } else { "phone_code" };
    let wrong = format!("strategy={code}&code=000000");
    talk.call("POST", &attempt, &wrong);
    for strategy in strategies.iter().filter_map(Value::as_str) {
        let prepared = talk.ask("POST", &prepare, &of(strategy));
        person.expect_message(field);
        assert_eq!(prepared["verifications"][field]["status"], "unverified", "{prepared}");
        talk.call("POST", &prepare, &of(strategy));
        talk.call("POST", &attempt, &wrong);
        talk.server.advance(601_000);
        assert_eq!(talk.ask("GET", path, "")["verifications"][field]["status"], "expired");
        talk.call("POST", &attempt, &wrong);
    }
    talk.ask("POST", &prepare, &of(code));
    person.expect_message(field);
    for _ in 0..6 {
        talk.call("POST", &attempt, &wrong);
    }
    assert_eq!(talk.ask("GET", path, "")["verifications"][field]["status"], "failed");
    talk.server.advance(61_000);
    talk.ask("POST", &prepare, &of(code));
    person.expect_message(field);
    let right = person.code(talk, field);
    talk.ask("POST", &attempt, &format!("strategy={code}&code={right}"))
}

/// All calls of a signed-in person's session.
fn with_session(talk: &mut Talk<'_>) {
    let client = talk.ask("GET", "/v1/client", "");
    let session = &client["sessions"][0];
    let id = session["id"].as_str().unwrap_or_else(|| panic!("a session: {client:#}"));
    assert_eq!(session["user"]["last_active_at"], session["last_active_at"]);
    let path = format!("/v1/client/sessions/{id}");
    assert_eq!(talk.ask("GET", &path, "")["user"], session["user"], "read again");
    talk.call("POST", &format!("{path}/touch"), "active_organization_id=");
    let token = talk.call("POST", &format!("{path}/tokens"), "organization_id=");
    assert!(token["jwt"].is_string(), "{token}");
    for session in [format!("?_clerk_session_id={id}"), String::new(), "?_clerk_session_id=sess_1".into()] {
        talk.call("GET", &format!("/v1/me{session}"), "");
    }
    talk.server.advance(61_000);
    let touched = talk.ask("POST", &format!("{path}/touch"), "");
    assert_eq!(touched["user"]["last_active_at"], touched["last_active_at"]);
    assert!(touched["last_active_at"].as_u64() > session["last_active_at"].as_u64(), "{touched}");
    let me = talk.ask("GET", "/v1/me", "");
    assert_eq!(me["last_active_at"], touched["last_active_at"]);
    for (method, path) in [
        ("POST", format!("{path}/tokens/template")),
        ("POST", format!("{path}/verify")),
        ("PATCH", "/v1/me".into()),
        ("DELETE", "/v1/me".into()),
        ("POST", "/v1/me/passkeys".into()),
        ("POST", SIGN_UPS.into()),
        ("POST", SIGN_INS.into()),
        ("POST", format!("{path}/end")),
        ("GET", path.clone()),
        ("POST", format!("{path}/touch")),
        ("POST", format!("{path}/tokens")),
        ("POST", format!("{path}/remove")),
        ("DELETE", "/v1/client".into()),
        ("GET", "/v1/client".into()),
    ] {
        talk.call(method, &path, "");
    }
}

/// The same person signs in with each of their factors.
fn back_in(site: &Site, mode: Mode, person: &mut Person, sign_up: &Value, seen: &Seen) {
    let identifier = ["email_address", "phone_number", "username"].into_iter().find(|name| sign_up[*name].is_string());
    let identifier = person.value(identifier.expect("an identifier"));
    let mut talk = Talk::begin(&site.server, mode, seen);
    let empty = talk.ask("POST", SIGN_INS, "");
    assert_eq!((&empty["status"], &empty["supported_first_factors"]), (&json!("needs_identifier"), &Value::Null));
    talk.call("POST", SIGN_INS, "identifier=nobody%40example.org");
    talk.call("POST", SIGN_INS, "identifier=%20");
    talk.call("GET", "/v1/client/sign_ins/sia_1", "");
    let begun = talk.ask("POST", SIGN_INS, &format!("identifier={}", escaped(&identifier)));
    assert_eq!(begun["status"], "needs_first_factor", "{begun}");
    for factor in begun["supported_first_factors"].as_array().expect("factors") {
        let strategy = factor["strategy"].as_str().expect("a strategy");
        let mut talk = Talk::begin(&site.server, mode, seen);
        let begun = talk.ask("POST", SIGN_INS, &format!("identifier={}", escaped(&identifier)));
        let path = path_of(SIGN_INS, &begun);
        let (prepare, attempt) = (format!("{path}/prepare_first_factor"), format!("{path}/attempt_first_factor"));
        let field = if factor["phone_number_id"].is_string() { "phone_number" } else { "email_address" };
        let right = match factor[format!("{field}_id")].as_str() {
            Some(id) => {
                site.server.advance(61_000);
                talk.call("POST", &attempt, &format!("strategy={strategy}&code=000000"));
                let back = escaped(&format!("{PAGE}/back"));
                talk.call("POST", &prepare, &format!("strategy={strategy}&{field}_id={id}&redirect_url={back}"));
                person.expect_message(field);
                format!("code={}", person.code(&talk, field))
            }
            None => person.pair("password"),
        };
        let (name, _) = right.split_once('=').expect("a pair");
        // The mail with the link has a code, too.
        let answered = if strategy == "email_link" { "email_code" } else { strategy };
        talk.call("POST", &attempt, &format!("strategy={answered}&{name}=000000"));
        talk.call("POST", &prepare, "strategy=nonsense");
        talk.call("GET", &path, "");
        talk.call("POST", &format!("{path}/reset_password"), "password=a");
        let mut done = talk.ask("POST", &attempt, &format!("strategy={answered}&{right}"));
        if strategy.starts_with("reset_password") {
            assert_eq!(done["status"], "needs_new_password", "{done:#}");
            let password = format!("password=strolls+beneath+{field}+oaks");
            done = talk.ask("POST", &format!("{path}/reset_password"), &password);
            if begun["supported_first_factors"].to_string().contains("email_address_id") {
                // The notice.
                person.expect_message("email_address");
            }
        }
        assert_eq!(done["status"], "complete", "{done:#}");
        talk.call("GET", &path, "");
        talk.call("GET", "/v1/client", "");
        talk.call("DELETE", "/v1/client/sessions", "");
    }
}

pub(super) fn path_of(resources: &str, resource: &Value) -> String {
    format!("{resources}/{}", resource["id"].as_str().unwrap_or_else(|| panic!("no id: {resource}")))
}

const FIELDS: [&str; 8] = [
    "email_address",
    "phone_number",
    "username",
    "password",
    "first_name",
    "last_name",
    "legal_accepted",
    "unsafe_metadata",
];
pub(super) const SIGN_UPS: &str = "/v1/client/sign_ups";
pub(super) const SIGN_INS: &str = "/v1/client/sign_ins";
const DAY_MS: u64 = 86_400_000;
