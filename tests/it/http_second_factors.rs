//! Second factors over HTTP (guide/contract_sign_ins.md#second-factors).

use aws_lc_rs::hmac;
use serde_json::{Value, json};

use crate::support::backend::{SECRET_KEY, backend};
use crate::support::browser::{Browser, escaped};
use crate::support::endpoint::Answer;
use crate::support::site::Site;

#[test]
fn who_has_an_app_needs_its_code_after_the_password_and_a_code_works_once() {
    let site = Site::start(&settings(""));
    let mut own = site.browser();
    own.join_with_password("ada@example.com");
    let app = own.set_up_app(&site);
    assert_eq!(app.backup_codes.len(), 10);
    let me = own.get("/v1/me").json()["response"].clone();
    for key in ["two_factor_enabled", "totp_enabled", "backup_code_enabled"] {
        assert_eq!(me[key], true, "{key}");
    }
    assert!(me["mfa_enabled_at"].is_u64());
    assert_eq!(own.post("/v1/me/totp", "").error_codes(), ["totp_already_enabled"]);

    site.server.advance(90_000);
    let mut browser = site.browser();
    let begun = browser.enter_with("ada@example.com", PASSWORD).json();
    let sign_in = &begun["response"];
    assert_eq!(sign_in["status"], "needs_second_factor", "{begun}");
    assert_eq!(sign_in["first_factor_verification"]["status"], "verified");
    assert_eq!(sign_in["supported_second_factors"], json!([{"strategy": "totp"}, {"strategy": "backup_code"}]));
    assert_eq!((&begun["client"]["sessions"], &sign_in["created_session_id"]), (&json!([]), &Value::Null));
    let path = path(sign_in);
    let code = app.code(&site);
    let wrong = browser.prove_second(&path, "totp", &other_than(&code));
    assert_eq!((wrong.status, wrong.error_codes()), (422, vec!["form_code_incorrect".into()]));
    assert_eq!(browser.prove_second(&path, "phone_code", "424242").error_codes(), ["strategy_for_user_invalid"]);
    let done = browser.prove_second(&path, "totp", &code).json();
    assert_eq!(done["response"]["status"], "complete", "{done}");
    assert_eq!(done["response"]["second_factor_verification"]["strategy"], "totp");
    assert_eq!(done["client"]["sessions"].as_array().map(Vec::len), Some(1));
    assert_eq!(done["client"]["last_authentication_strategy"], "totp");

    let mut thief = site.browser();
    let path = self::path(&thief.enter_with("ada@example.com", PASSWORD).json()["response"]);
    assert_eq!(thief.prove_second(&path, "totp", &code).error_codes(), ["form_code_incorrect"], "seen over a shoulder");
    site.server.advance(30_000);
    assert_eq!(
        thief.prove_second(&path, "totp", &app.code(&site)).json()["response"]["status"],
        "complete",
        "the next one"
    );
}

#[test]
fn a_backup_code_works_once_in_any_spelling() {
    let site = Site::start(&settings(""));
    let mut own = site.browser();
    own.join_with_password("ada@example.com");
    let app = own.set_up_app(&site);
    let code = &app.backup_codes[3];
    let spelled = format!(" {}-{} ", code[..5].to_uppercase(), &code[5..]);
    for (code, expected) in [(spelled.as_str(), Ok(())), (code.as_str(), Err(())), ("", Err(()))] {
        let mut browser = site.browser();
        let path = path(&browser.enter_with("ada@example.com", PASSWORD).json()["response"]);
        let answer = browser.prove_second(&path, "backup_code", code);
        assert_eq!(answer.status == 200, expected.is_ok(), "{code}: {}", answer.body);
    }
    let fresh = own.post("/v1/me/backup_codes/", "").json();
    assert_eq!(fresh["response"]["codes"].as_array().map(Vec::len), Some(10), "{fresh}");
    let mut browser = site.browser();
    let path = path(&browser.enter_with("ada@example.com", PASSWORD).json()["response"]);
    let replaced = browser.prove_second(&path, "backup_code", &app.backup_codes[4]);
    assert_eq!(replaced.error_codes(), ["form_code_incorrect"]);
    let code = fresh["response"]["codes"][0].as_str().expect("a code").to_owned();
    assert_eq!(browser.prove_second(&path, "backup_code", &code).json()["response"]["status"], "complete");
}

#[test]
fn no_first_factor_but_a_sign_in_token_comes_in_alone() {
    let site = Site::start(&settings(&format!("[instance]\nsecret_key = \"{SECRET_KEY}\"\n")));
    let mut own = site.browser();
    let user = own.join_with_password("ada@example.com");
    own.set_up_app(&site);
    let mut by_code = site.browser();
    let begun = by_code.post("/v1/client/sign_ins", "identifier=ada%40example.com&strategy=email_code").json();
    let path = path(&begun["response"]);
    let form = site.server.code_form("ada@example.com", 2);
    let proved = by_code.post(&format!("{path}/attempt_first_factor"), &form).json();
    assert_eq!(proved["response"]["status"], "needs_second_factor", "{proved}");
    let again = by_code.post(&format!("{path}/attempt_first_factor"), &form).json();
    assert_eq!(again["response"]["status"], "needs_second_factor", "a double click");
    let skipped = by_code.post(&format!("{path}/attempt_first_factor"), &password_form());
    assert_eq!(skipped.error_codes(), ["verification_already_verified"]);

    let mut reset = site.browser();
    let begun = reset.post("/v1/client/sign_ins", "identifier=ada%40example.com&strategy=reset_password_email_code");
    let path = self::path(&begun.json()["response"]);
    let form = format!("strategy=reset_password_email_code&code={}", site.server.code("ada@example.com", 3));
    reset.post(&format!("{path}/attempt_first_factor"), &form);
    let proved = reset.post(&format!("{path}/reset_password"), "password=strolls+beneath+oaks").json();
    assert_eq!(proved["response"]["status"], "needs_second_factor", "{proved}");
    assert_eq!(proved["client"]["sessions"], json!([]));
    let with_new = site.browser().enter_with("ada@example.com", "strolls beneath oaks");
    assert_eq!(with_new.json()["response"]["status"], "needs_second_factor", "the password is the new one");

    let token = backend(&site.server, "POST", "/v1/sign_in_tokens", &json!({ "user_id": user })).json();
    let ticket = token["token"].as_str().expect("a ticket");
    let done = site.browser().post("/v1/client/sign_ins", &format!("strategy=ticket&ticket={ticket}")).json();
    assert_eq!(done["response"]["status"], "complete", "{done}");
}

#[test]
fn wrong_codes_lock_and_right_passwords_between_them_change_nothing() {
    let site = Site::start(&settings(LOCKOUT));
    let mut own = site.browser();
    own.join_with_password("ada@example.com");
    let app = own.set_up_app(&site);
    site.server.advance(90_000);
    let mut codes = Vec::new();
    for _ in 0..6 {
        let mut browser = site.browser();
        let path = path(&browser.enter_with("ada@example.com", PASSWORD).json()["response"]);
        codes.push(browser.prove_second(&path, "totp", &other_than(&app.code(&site))).error_codes()[0].clone());
    }
    assert_eq!(codes[4..], ["form_code_incorrect", "user_locked"]);
    let mut browser = site.browser();
    let path = path(&browser.enter_with("ada@example.com", PASSWORD).json()["response"]);
    assert_eq!(
        browser.prove_second(&path, "totp", &app.code(&site)).error_codes(),
        ["user_locked"],
        "a right one as well"
    );
}

#[test]
fn the_token_from_before_the_password_does_not_reach_the_second_factor() {
    let site = Site::start(&settings(""));
    let mut own = site.browser();
    own.join_with_password("ada@example.com");
    let app = own.set_up_app(&site);
    site.server.advance(90_000);
    let mut browser = site.browser();
    let path = path(&browser.post("/v1/client/sign_ins", "identifier=ada%40example.com").json()["response"]);
    let mut planted = site.browser();
    planted.cookies = browser.cookies.clone();
    let proved = browser.post(&format!("{path}/attempt_first_factor"), &password_form());
    assert_eq!(proved.json()["response"]["status"], "needs_second_factor", "{}", proved.body);
    let stolen = planted.prove_second(&path, "totp", &app.code(&site));
    assert_ne!(stolen.status, 200, "{}", stolen.body);
    assert_eq!(browser.prove_second(&path, "totp", &app.code(&site)).json()["response"]["status"], "complete");
}

#[test]
fn where_a_second_factor_is_required_a_session_is_pending_until_it_is_set_up() {
    let site = Site::start(&settings("[settings.sign_up.mfa]\nrequired = true\n"));
    let environment = site.browser().get("/v1/environment").json();
    let sign_in = &environment["user_settings"]["sign_in"]["second_factor"];
    assert_eq!(*sign_in, json!({"required": true, "enabled": true}));
    assert_eq!(environment["auth_config"]["second_factors"], json!(["totp", "backup_code"]));
    site.browser().join_with_password("ada@example.com");
    let mut browser = site.browser();
    let done = browser.enter_with("ada@example.com", PASSWORD).json();
    let session = &done["client"]["sessions"][0];
    assert_eq!((&done["response"]["status"], &session["status"]), (&json!("complete"), &json!("pending")));
    assert_eq!(session["tasks"], json!([{"key": "setup-mfa"}]));
    assert_eq!(claims(session)["sts"], "pending");
    browser.set_up_app(&site);
    let client = browser.get("/v1/client").json();
    let session = &client["response"]["sessions"][0];
    assert_eq!((&session["status"], &session["tasks"]), (&json!("active"), &Value::Null));
    assert_eq!(claims(session)["sts"], "active");
}

#[test]
fn an_app_that_is_not_proved_is_no_factor_and_one_that_is_removed_is_none_either() {
    let site = Site::start(&settings(""));
    let mut own = site.browser();
    own.join_with_password("ada@example.com");
    assert_eq!(own.post("/v1/me/backup_codes", "").error_codes(), ["backup_codes_not_available"]);
    assert_eq!(own.request("DELETE", "/v1/me/totp", &[], "").status, 404);
    assert_eq!(own.post("/v1/me/totp/attempt_verification", "code=424242").error_codes(), ["totp_not_enabled"]);
    own.post("/v1/me/totp", "");
    assert_eq!(own.post("/v1/me/totp/attempt_verification", "code=").error_codes(), ["form_param_missing"]);
    assert_eq!(site.browser().enter_with("ada@example.com", PASSWORD).json()["response"]["status"], "complete");
    own.set_up_app(&site);
    let removed = own.request("DELETE", "/v1/me/totp", &[], "").json();
    assert_eq!((&removed["response"]["object"], &removed["response"]["deleted"]), (&json!("totp"), &json!(true)));
    let user = &removed["client"]["sessions"][0]["user"];
    assert_eq!((&user["two_factor_enabled"], &user["backup_code_enabled"]), (&json!(false), &json!(false)));
    assert!(user["mfa_disabled_at"].is_u64());
    assert_eq!(site.browser().enter_with("ada@example.com", PASSWORD).json()["response"]["status"], "complete");
    assert_eq!(site.browser().post("/v1/me/totp", "").status, 401);
}

#[test]
fn the_backend_sets_asks_about_and_removes_second_factors() {
    let site = Site::start(&settings(&format!("[instance]\nsecret_key = \"{SECRET_KEY}\"\n")));
    let call = |method: &str, path: &str, body: Value| backend(&site.server, method, path, &body);
    let secret = "GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ";
    let new = json!({
        "email_address": ["ada@example.com"], "password": PASSWORD, "totp_secret": secret,
        "backup_codes": ["abcde12345", "fghij67890"],
    });
    let odd = call(
        "POST",
        "/v1/users",
        json!({"email_address": ["bob@example.com"], "password": PASSWORD, "totp_secret": "1"}),
    );
    assert_eq!((odd.status, odd.error_codes()), (422, vec!["form_param_format_invalid".into()]));
    let user = call("POST", "/v1/users", new).json();
    assert_eq!((&user["totp_enabled"], &user["backup_code_enabled"]), (&json!(true), &json!(true)), "{user}");
    let path = format!("/v1/users/{}", user["id"].as_str().expect("an id"));
    let app = App { secret: b"12345678901234567890".to_vec(), backup_codes: Vec::new() };
    let mut browser = site.browser();
    let begun = browser.enter_with("ada@example.com", PASSWORD).json();
    assert_eq!(begun["response"]["status"], "needs_second_factor");
    let verify = |code: &str| call("POST", &format!("{path}/verify_totp"), json!({ "code": code }));
    let code = app.code(&site);
    assert_eq!(verify(&code).json(), json!({"verified": true, "code_type": "totp"}));
    assert_eq!(verify(&code).error_codes(), ["form_code_incorrect"], "it works once");
    let used = browser.prove_second(&self::path(&begun["response"]), "totp", &code);
    assert_eq!(used.error_codes(), ["form_code_incorrect"], "here too");
    assert_eq!(verify("abcde12345").json(), json!({"verified": true, "code_type": "backup_code"}));
    let id = json!({ "user_id": user["id"] });
    assert_eq!(call("DELETE", &format!("{path}/backup_code"), json!({})).json(), id);
    assert_eq!(call("DELETE", &format!("{path}/backup_code"), json!({})).status, 404);
    assert_eq!(call("DELETE", &format!("{path}/totp"), json!({})).json(), id);
    assert_eq!(call("DELETE", &format!("{path}/mfa"), json!({})).status, 404, "nothing is left");
    assert_eq!(verify(&code).error_codes(), ["totp_not_enabled"]);
    assert_eq!(site.browser().enter_with("ada@example.com", PASSWORD).json()["response"]["status"], "complete");
}

#[test]
fn a_phone_number_that_is_marked_for_it_is_a_second_factor_and_no_first_one() {
    let site = Site::start(&settings(&format!("{PHONE}[instance]\nsecret_key = \"{SECRET_KEY}\"\n")));
    let new = json!({"email_address": ["ada@example.com"], "phone_number": [NUMBER], "password": PASSWORD});
    let user = backend(&site.server, "POST", "/v1/users", &new).json();
    let id = user["phone_numbers"][0]["id"].as_str().unwrap_or_else(|| panic!("{user}")).to_owned();
    let mut own = site.browser();
    own.enter_with("ada@example.com", PASSWORD);
    let mark = format!("/v1/me/phone_numbers/{id}?_method=PATCH");
    let marked = own.post(&mark, "reserved_for_second_factor=true&default_second_factor=true").json();
    assert_eq!(marked["response"]["reserved_for_second_factor"], true, "{marked}");
    assert_eq!(marked["client"]["sessions"][0]["user"]["two_factor_enabled"], true);

    let mut browser = site.browser();
    let begun = browser.enter_with("ada@example.com", PASSWORD).json();
    let factor = &begun["response"]["supported_second_factors"][0];
    assert_eq!((&factor["strategy"], &factor["default"]), (&json!("phone_code"), &json!(true)), "{begun}");
    assert_eq!(factor["safe_identifier"], "+*********71", "the second factor is not told whole");
    let path = path(&begun["response"]);
    let early = browser.prove_second(&path, "phone_code", "424242");
    assert_eq!(early.error_codes(), ["verification_missing"]);
    let prepare = format!("strategy=phone_code&phone_number_id={id}");
    let prepared = browser.post(&format!("{path}/prepare_second_factor"), &prepare).json();
    assert_eq!(prepared["response"]["second_factor_verification"]["status"], "unverified", "{prepared}");
    let code = site.server.code(NUMBER, 1);
    assert_eq!(browser.prove_second(&path, "phone_code", &other_than(&code)).error_codes(), ["form_code_incorrect"]);
    let done = browser.prove_second(&path, "phone_code", &code).json();
    assert_eq!(done["response"]["status"], "complete", "{done}");

    let mut by_number = site.browser();
    let alone = by_number.post("/v1/client/sign_ins", &format!("identifier={}", escaped(NUMBER))).json();
    let factors = alone["response"]["supported_first_factors"].to_string();
    assert!(!factors.contains("phone_code"), "{factors}");
}

#[test]
fn neither_the_secret_of_an_app_nor_backup_codes_are_in_the_data() {
    let site = Site::start(&settings("[store]\nencryption = false\n"));
    let mut own = site.browser();
    own.join_with_password("ada@example.com");
    let app = own.set_up_app(&site);
    let Site { server, folder, .. } = site;
    assert_eq!(server.terminate(), Some(0));
    let data = contents(&folder.path().join("data"));
    let found = |secret: &[u8]| data.windows(secret.len()).any(|window| window == secret);
    assert!(found(b"ada@example.com"), "the data is not sealed as a whole");
    assert!(!found(&app.secret));
    assert!(app.backup_codes.iter().all(|code| !found(code.as_bytes())));
}

/// The content of all files in a folder.
fn contents(folder: &std::path::Path) -> Vec<u8> {
    let entries = std::fs::read_dir(folder).expect("a folder").map(|entry| entry.expect("an entry").path());
    entries
        .flat_map(|path| if path.is_dir() { contents(&path) } else { std::fs::read(&path).expect("a file") })
        .collect()
}

pub(crate) struct App {
    pub(crate) secret: Vec<u8>,
    pub(crate) backup_codes: Vec<String>,
}

impl App {
    /// The code that it shows now (RFC 6238).
    pub(crate) fn code(&self, site: &Site) -> String {
        let clock = site.server.request("GET", "/dev/clock", &[], "").expect("an answer").json();
        let now = clock["now"].as_u64().expect("a time");
        let key = hmac::Key::new(hmac::HMAC_SHA1_FOR_LEGACY_USE_ONLY, &self.secret);
        let mac = hmac::sign(&key, &(now / 30_000).to_be_bytes());
        let mac = mac.as_ref();
        let at = usize::from(mac[19] & 15);
        let number = u32::from_be_bytes([mac[at], mac[at + 1], mac[at + 2], mac[at + 3]]) & 0x7fff_ffff;
        format!("{:06}", number % 1_000_000)
    }
}

impl Browser<'_> {
    pub(crate) fn join_with_password(&mut self, address: &str) -> String {
        let form = format!("email_address={}&password={}&strategy=email_code", escaped(address), escaped(PASSWORD));
        let begun = self.post("/v1/client/sign_ups", &form);
        assert_eq!(begun.status, 200, "{}", begun.body);
        let id = begun.json()["response"]["id"].as_str().expect("an id").to_owned();
        let form = self.server.code_form(address, 1);
        let done = self.post(&format!("/v1/client/sign_ups/{id}/attempt_verification"), &form).json();
        assert_eq!(done["response"]["status"], "complete", "{done}");
        done["response"]["created_user_id"].as_str().expect("a user").to_owned()
    }

    /// Sets up an authenticator app.
    pub(crate) fn set_up_app(&mut self, site: &Site) -> App {
        let begun = self.post("/v1/me/totp", "").json();
        let totp = &begun["response"];
        assert_eq!((&totp["object"], &totp["verified"]), (&json!("totp"), &json!(false)), "{begun}");
        let text = totp["secret"].as_str().expect("a secret");
        let uri = totp["uri"].as_str().expect("a URI");
        assert!(uri.starts_with("otpauth://totp/Vestibule:ada%40example.com?secret=") && uri.contains(text), "{uri}");
        let mut app = App { secret: base32(text), backup_codes: Vec::new() };
        let code = app.code(site);
        let attempt = |code: &str| format!("code={code}");
        let wrong = self.post("/v1/me/totp/attempt_verification", &attempt(&other_than(&code)));
        assert_eq!(wrong.error_codes(), ["form_code_incorrect"]);
        let proved = self.post("/v1/me/totp/attempt_verification", &attempt(&code)).json();
        assert_eq!((&proved["response"]["verified"], &proved["response"]["secret"]), (&json!(true), &Value::Null));
        let codes = proved["response"]["backup_codes"].as_array().expect("backup codes");
        app.backup_codes = codes.iter().map(|code| code.as_str().expect("text").to_owned()).collect();
        app
    }

    pub(crate) fn enter_with(&mut self, address: &str, password: &str) -> Answer {
        let form = format!("identifier={}&password={}", escaped(address), escaped(password));
        self.post("/v1/client/sign_ins", &form)
    }

    pub(crate) fn prove_second(&mut self, path: &str, strategy: &str, code: &str) -> Answer {
        let form = format!("strategy={strategy}&code={}", escaped(code));
        self.post(&format!("{path}/attempt_second_factor"), &form)
    }
}

pub(crate) fn path(sign_in: &Value) -> String {
    format!("/v1/client/sign_ins/{}", sign_in["id"].as_str().expect("an id"))
}

fn password_form() -> String {
    format!("strategy=password&password={}", escaped(PASSWORD))
}

pub(crate) fn other_than(code: &str) -> String {
    if code == "111111" { "111112".into() } else { "111111".into() }
}

pub(crate) fn base32(text: &str) -> Vec<u8> {
    let digits =
        text.bytes().map(|b| b"ABCDEFGHIJKLMNOPQRSTUVWXYZ234567".iter().position(|c| *c == b).expect("base32"));
    let bits: String = digits.map(|digit| format!("{digit:05b}")).collect();
    bits.as_bytes()
        .chunks_exact(8)
        .map(|byte| u8::from_str_radix(std::str::from_utf8(byte).expect("bits"), 2).expect("a byte"))
        .collect()
}

/// The claims of the newest token of a session.
fn claims(session: &Value) -> Value {
    use base64::Engine as _;
    let token = session["last_active_token"]["jwt"].as_str().expect("a token");
    let claims = token.split('.').nth(1).expect("claims");
    let bytes = base64::engine::general_purpose::URL_SAFE_NO_PAD.decode(claims).expect("base64");
    serde_json::from_slice(&bytes).expect("JSON")
}

pub(crate) const PASSWORD: &str = "wanders under elms";

/// Who has got hold of the password must not put a number of their own in the place of the app.
#[test]
fn a_number_that_is_to_be_a_second_factor_is_proved_after_a_fresh_second_factor() {
    let site = Site::start(&settings(&format!("{PHONE}[session]\nreverification = true\n")));
    let mut own = site.browser();
    own.join_with_password("ada@example.com");
    own.set_up_app(&site);
    let mut add = |number: &str, more: &str| {
        let added = own.post("/v1/me/phone_numbers", &format!("phone_number={}{more}", escaped(number)));
        assert_eq!(added.status, 200, "{}", added.body);
        format!("/v1/me/phone_numbers/{}", added.json()["response"]["id"].as_str().expect("an id"))
    };
    let marked = add(NUMBER, "&reserved_for_second_factor=true");
    let plain = add("+14155552672", "");
    site.server.advance(11 * 60_000);
    let client = own.get("/v1/client").json()["response"].clone();
    let verify = format!("/v1/client/sessions/{}/verify", client["last_active_session_id"].as_str().expect("an id"));
    assert_eq!(own.post(&verify, "level=first_factor").status, 200);
    let first = format!("strategy=password&password={}", escaped(PASSWORD));
    let proved = own.post(&format!("{verify}/attempt_first_factor"), &first).json();
    assert_eq!(proved["response"]["status"], "complete", "{proved}");
    let needed = (403, vec!["session_reverification_required".to_owned()]);
    for (method, path, form) in [
        ("POST", format!("{marked}/prepare_verification"), "strategy=phone_code"),
        ("POST", format!("{marked}/attempt_verification"), "code=424242"),
        ("DELETE", marked, ""),
    ] {
        let refused = own.request(method, &path, &[], form);
        assert_eq!((refused.status, refused.error_codes()), needed, "{method} {path}");
    }
    let prepared = own.post(&format!("{plain}/prepare_verification"), "strategy=phone_code");
    assert_eq!(prepared.status, 200, "{}", prepared.body);
}

pub(crate) fn settings(more: &str) -> String {
    format!(
        r#"
[limits]
source = false
[settings.attributes.email_address]
enabled = true
required = true
used_for_first_factor = true
first_factors = ["email_code"]
verifications = ["email_code"]
verify_at_sign_up = true
[settings.attributes.password]
enabled = true
required = true
[settings.attributes.authenticator_app]
enabled = true
used_for_second_factor = true
second_factors = ["totp"]
[settings.attributes.backup_code]
enabled = true
used_for_second_factor = true
second_factors = ["backup_code"]
{more}"#
    )
}

pub(crate) const NUMBER: &str = "+14155552671";

pub(crate) const PHONE: &str = r#"
[settings.attributes.phone_number]
enabled = true
used_for_first_factor = true
first_factors = ["phone_code"]
verifications = ["phone_code"]
used_for_second_factor = true
second_factors = ["phone_code"]
"#;

const LOCKOUT: &str = "[settings.attack_protection.user_lockout]
enabled = true
max_attempts = 5
duration_in_minutes = 60
";
