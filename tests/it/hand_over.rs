//! Sign-ups that others complete (guide/security.md#sessions-and-client-tokens): the session is for whoever took the
//! person's last step, and not for an attacker whose token the person began with.

use serde_json::{Value, json};

use crate::support::backend::Site;
use crate::support::browser::{Browser, PAGE, escaped};
use crate::support::endpoint::{Answer, Endpoint};

/// An attacker opens a client, plants its token in another's browser, and asks with it all the time.
#[test]
fn whoever_planted_a_token_gets_no_session_whoever_completes_the_sign_up() {
    for road in ROADS {
        for is_native in [false, true] {
            let site = Site::start(&(road.settings)());
            let planted = planted(&site.server);
            let mut person = Person::with(&site.server, &planted, is_native);
            let path = person.walk(road);
            let before = attack(&site.server, &planted, &path);
            (road.complete)(&site, &path);
            let after = attack(&site.server, &planted, &path);
            let shown = person.call("GET", "/v1/client", "").json();
            let session = shown["response"]["sessions"][0]["id"].as_str().unwrap_or_else(|| panic!("{shown}"));
            for answer in before.iter().chain(&after) {
                let text = format!("{} {:?}", answer.body, answer.headers);
                let what = format!("{} native {is_native}: {} {text}", road.name, answer.status);
                assert!(!text.contains(session) && !text.contains("user_"), "{what}");
                assert!(!text.contains(&person.token) && !text.contains("ada@example.com"), "{what}");
            }
            let late = attack(&site.server, &planted, &path);
            assert!(late.iter().all(|answer| !answer.body.contains(session)), "{}", road.name);
            let still = person.call("GET", "/v1/client", "").json();
            assert_eq!(still["response"]["sessions"][0]["id"], session, "{}: nobody signed out", road.name);
        }
    }
}

/// The settings may be changed, or the application may decline, so that others complete what the person's last step did
/// not leave to them. Then nobody can know whose the token is.
#[test]
fn what_was_not_left_to_others_is_handed_over_to_nobody() {
    let mut document = settings(&["email_code"], "custom_action_required");
    document["attributes"]["username"] = json!({"enabled": true, "required": true});
    let site = Site::start(&document);
    let token = planted(&site.server);
    let mut person = Person::with(&site.server, &token, true);
    let path = person.begin("strategy=email_code");
    person.prove(&path);
    assert_eq!(person.token, token, "a username is missing");
    document["attributes"]["username"] = json!({"enabled": true});
    site.configure(&document);
    act(&site, &path);
    for answer in attack(&site.server, &token, &path) {
        assert!(!answer.body.contains("sess_") && !answer.body.contains("user_"), "{}", answer.body);
    }
    let mut browser = Browser::of(&site.server);
    let sign_in = browser.begin_sign_in("identifier=ada%40example.com&strategy=email_code");
    let form = site.server.code_form(ADDRESS, 2);
    let signed_in = browser.post(&format!("{sign_in}/attempt_first_factor"), &form);
    assert_eq!(signed_in.json()["response"]["status"], "complete", "the person signs in: {}", signed_in.body);
}

#[test]
fn the_lost_answer_of_the_last_step_is_told_again_for_a_minute_and_not_without_its_code() {
    for what in ["approval_required", "custom_action_required"] {
        let site = Site::start(&settings(&["email_code"], what));
        let token = planted(&site.server);
        let mut person = Person::with(&site.server, &token, true);
        let path = person.begin("strategy=email_code");
        let attempt = format!("{path}/attempt_verification");
        let form = site.server.code_form(ADDRESS, 1);
        let first = person.call("POST", &attempt, &form);
        assert_ne!(person.token, token, "{what}");
        for wrong in ["strategy=email_code&code=000000", "strategy=email_code&code=", "strategy=phone_code&code=1"] {
            let refused = native(&site.server, "POST", &attempt, &token, wrong);
            assert!(refused.status >= 400 && refused.header("authorization").is_none(), "{what}: {}", refused.body);
        }
        let again = native(&site.server, "POST", &attempt, &token, &form);
        assert_eq!(again.header("authorization"), Some(&*person.token), "{what}: {}", again.body);
        assert_eq!(again.json()["response"], first.json()["response"]);
        // Attempts by the token from before are no tries: the person's own count is as it was.
        assert_eq!(person.call("POST", &attempt, &form).status, 200);
        site.server.advance(61_000);
        let late = native(&site.server, "POST", &attempt, &token, &form);
        assert!(late.status >= 400 && late.header("authorization").is_none(), "{what}: {}", late.body);
        assert_eq!(person.call("GET", &path, "").status, 200);
    }
}

/// A page that polls beside the last step must not take an empty answer for the truth.
#[test]
fn a_read_with_the_token_from_before_is_refused_and_not_answered_as_without_a_client() {
    let site = Site::start(&settings(&["email_code"], "approval_required"));
    let token = planted(&site.server);
    let mut person = Person::with(&site.server, &token, true);
    let path = person.begin("strategy=email_code");
    let form = site.server.code_form(ADDRESS, 1);
    assert_eq!(person.call("POST", &format!("{path}/attempt_verification"), &form).status, 200);
    for path in ["/v1/client", &path, "/v1/me"] {
        let refused = native(&site.server, "GET", path, &token, "");
        assert_eq!(refused.error_codes(), ["client_state_invalid"], "{path}");
        assert_eq!((refused.status, refused.header("authorization")), (400, None), "{path}");
    }
    assert_eq!(person.call("GET", &path, "").status, 200);
}

/// The limits of the address count what is tried with the token from before, wherever it comes from.
#[test]
fn a_code_is_not_guessed_at_with_the_token_from_before() {
    for what in ["approval_required", "progressive"] {
        let site = crate::support::site::Site::start(LIMITS);
        site.server.put_settings(&settings(&["email_code"], what));
        let token = planted(&site.server);
        let mut person = Person::with(&site.server, &token, true);
        let path = person.begin("strategy=email_code");
        let attempt = format!("{path}/attempt_verification");
        let form = site.server.code_form(ADDRESS, 1);
        assert_eq!(person.call("POST", &attempt, &form).status, 200);
        let guess = |form: &str| native(&site.server, "POST", &attempt, &token, form);
        assert_eq!(guess(&form).status, 200, "{what}: the answer was lost");
        for n in 0..25 {
            assert_eq!(guess(&format!("strategy=email_code&code={n:06}")).error_codes(), ["resource_not_found"]);
        }
        let late = guess(&form);
        assert_eq!(late.error_codes(), ["resource_not_found"], "{what}: by now it may be a guess");
        assert_eq!(late.header("authorization"), None);
    }
}

#[test]
fn the_lost_answer_of_a_last_step_with_a_password_is_told_to_the_same_call() {
    let mut document = settings(&[], "custom_action_required");
    document["attributes"]["password"] = json!({"enabled": true, "required": true});
    let site = Site::start(&document);
    let token = planted(&site.server);
    let mut person = Person::with(&site.server, &token, true);
    let path = person.begin("first_name=Ada");
    assert_eq!(person.token, token, "a password is missing");
    let form = "password=wanders+under+elms";
    assert_eq!(person.call("PATCH", &path, form).status, 200);
    assert_ne!(person.token, token);
    let again = native(&site.server, "PATCH", &path, &token, form);
    assert_eq!(again.header("authorization"), Some(&*person.token), "{}", again.body);
    for other in ["password=wanders+under+oaks", "", form] {
        let refused = native(&site.server, "PATCH", &path, &token, other);
        assert_eq!(refused.error_codes(), ["client_state_invalid"], "{other}: {}", refused.body);
        assert_eq!(refused.header("authorization"), None);
    }
}

#[test]
fn the_lost_answer_of_a_link_after_which_approval_is_waited_for_is_told_again() {
    let site = Site::start(&settings(&["email_link"], "approval_required"));
    let mut browser = Browser::of(&site.server);
    let url = escaped(&format!("{PAGE}/verify"));
    let path = browser.begin_sign_up(&format!("email_address={EMAIL}&strategy=email_link&redirect_url={url}"));
    let before = browser.cookies.clone();
    let link = link(&site.server);
    let clicked = browser.navigate(&link);
    let after = browser.cookie("__client").map(str::to_owned);
    assert_ne!(before.iter().find(|(name, _)| name == "__client").map(|(_, token)| token), after.as_ref());
    let mut lost = Browser { server: &site.server, cookies: before.clone() };
    assert_eq!(lost.navigate(&link).header("location"), clicked.header("location"));
    assert_eq!(lost.cookie("__client"), after.as_deref());
    assert_eq!(lost.get(&path).json()["response"]["approval"]["status"], "waiting");
    site.server.advance(61_000);
    let mut late = Browser { server: &site.server, cookies: before.clone() };
    late.navigate(&link);
    assert_eq!(late.cookies, before, "too late");
}

/// A call whose message can't be sent stores what was given with it. Where that leaves the sign-up to others, the call
/// has to succeed, because its answer brings the token.
#[test]
fn a_refused_message_takes_no_token_away() {
    let mut document = settings(&[], "custom_action_required");
    document["attributes"]["phone_number"] =
        json!({"enabled": true, "verifications": ["phone_code"], "verify_at_sign_up": false});
    let site = Site::start(&document);
    let token = planted(&site.server);
    let mut person = Person::with(&site.server, &token, true);
    let path = person.begin("phone_number=%2B33612345678&strategy=phone_code");
    for name in ["Ada", "Bea", "Eve"] {
        let answer = person.call("PATCH", &path, &format!("first_name={name}&strategy=phone_code"));
        assert!(person.call("GET", &path, "").status == 200, "{name}: {}", answer.body);
    }
    act(&site, &path);
    assert_eq!(person.call("GET", "/v1/client", "").json()["response"]["sessions"].as_array().map(Vec::len), Some(1));
}

/// A way to a sign-up that others complete.
struct Road {
    name: &'static str,
    settings: fn() -> Value,
    /// What the person begins with beside the address.
    form: &'static str,
    /// Whether a code in the mail is the next step.
    by_code: bool,
    /// What the person does last.
    last: Option<&'static str>,
    complete: fn(&Site, &str),
}

const ROADS: &[Road] = &[
    Road {
        name: "an approval",
        settings: || settings(&["email_code"], "approval_required"),
        form: "strategy=email_code",
        by_code: true,
        last: None,
        complete: approve,
    },
    Road {
        name: "an approval after one call",
        settings: || settings(&[], "approval_required"),
        form: "first_name=Ada",
        by_code: false,
        last: None,
        complete: approve,
    },
    Road {
        name: "the backend",
        settings: || settings(&["email_code"], "custom_action_required"),
        form: "strategy=email_code",
        by_code: true,
        last: None,
        complete: act,
    },
    Road {
        name: "the backend after a name",
        settings: || named("custom_action_required"),
        form: "strategy=email_code",
        by_code: true,
        last: Some("username=ada_l"),
        complete: act,
    },
    Road {
        name: "a link in another browser",
        settings: anywhere,
        form: LINK,
        by_code: false,
        last: None,
        complete: |site, _| press(site),
    },
    Road {
        name: "a link in another browser, with a name given meanwhile",
        settings: || {
            let mut document = anywhere();
            document["attributes"]["username"] = json!({"enabled": true, "required": true});
            document
        },
        form: LINK,
        by_code: false,
        last: Some("username=ada_l"),
        complete: |site, _| press(site),
    },
    Road {
        name: "a link in another browser and then an approval",
        settings: || {
            let mut document = anywhere();
            document["sign_up"] = json!({"approval_required": true});
            document
        },
        form: LINK,
        by_code: false,
        last: None,
        complete: |site, path| {
            press(site);
            approve(site, path);
        },
    },
    Road {
        name: "the backend and then a link in another browser",
        settings: || {
            let mut document = anywhere();
            document["sign_up"] = json!({"custom_action_required": true});
            document
        },
        form: LINK,
        by_code: false,
        last: None,
        complete: |site, path| {
            act(site, path);
            press(site);
        },
    },
];

/// A person whose client has a token that an attacker knows.
struct Person<'a> {
    server: &'a Endpoint,
    token: String,
    is_native: bool,
}

impl<'a> Person<'a> {
    fn with(server: &'a Endpoint, token: &str, is_native: bool) -> Self {
        Self { server, token: token.to_owned(), is_native }
    }

    fn call(&mut self, method: &str, path: &str, form: &str) -> Answer {
        if self.is_native {
            let answer = native(self.server, method, path, &self.token, form);
            self.token = answer.header("authorization").unwrap_or(&self.token).to_owned();
            return answer;
        }
        let mut browser = Browser { server: self.server, cookies: vec![("__client".into(), self.token.clone())] };
        let answer = browser.request(method, path, &[], form);
        self.token = browser.cookie("__client").expect("a token").to_owned();
        answer
    }

    fn begin(&mut self, form: &str) -> String {
        let created = self.call("POST", "/v1/client/sign_ups", &format!("email_address={EMAIL}&{form}"));
        assert_eq!(created.status, 200, "{}", created.body);
        format!("/v1/client/sign_ups/{}", created.json()["response"]["id"].as_str().expect("an id"))
    }

    fn prove(&mut self, path: &str) {
        let form = self.server.code_form(ADDRESS, 1);
        let proved = self.call("POST", &format!("{path}/attempt_verification"), &form);
        assert_eq!(proved.status, 200, "{}", proved.body);
    }

    /// Does all that a person does on this road.
    fn walk(&mut self, road: &Road) -> String {
        let path = self.begin(road.form);
        if road.by_code {
            self.prove(&path);
        }
        if let Some(form) = road.last {
            let answer = self.call("PATCH", &path, form);
            assert_eq!(answer.status, 200, "{}", answer.body);
        }
        path
    }
}

/// The token of a client that an attacker opens.
fn planted(server: &Endpoint) -> String {
    native(server, "PUT", "/v1/client", "", "").header("authorization").expect("a token").to_owned()
}

/// What an attacker with a token can ask for.
fn attack(server: &Endpoint, token: &str, path: &str) -> Vec<Answer> {
    let calls = [
        ("GET", "/v1/client", ""),
        ("GET", "/v1/client?_vestibule_again=1", ""),
        ("GET", path, ""),
        ("PATCH", path, ""),
        ("PATCH", path, "first_name=Eve"),
        ("POST", &format!("{path}/prepare_verification"), LINK),
        ("POST", &format!("{path}/prepare_verification"), "strategy=email_code"),
        ("POST", &format!("{path}/attempt_verification"), "strategy=email_code&code=000000"),
        ("GET", "/v1/me", ""),
        ("PUT", "/v1/client", ""),
    ];
    let mut told = Vec::new();
    for (method, path, form) in calls {
        told.push(native(server, method, path, token, form));
        let mut browser = Browser { server, cookies: vec![("__client".into(), token.to_owned())] };
        told.push(browser.request(method, path, &[], form));
    }
    told
}

fn native(server: &Endpoint, method: &str, path: &str, token: &str, form: &str) -> Answer {
    server.native(method, path, token, form).expect("an answer")
}

fn approve(site: &Site, path: &str) {
    let approved = site.backend("POST", &format!("{}/approve", path.replace("/client", "")), &Value::Null);
    assert_eq!(approved.json()["status"], "complete", "{}", approved.body);
}

fn act(site: &Site, path: &str) {
    let acted = site.backend("PATCH", &path.replace("/client", ""), &json!({"custom_action": true}));
    assert_eq!(acted.status, 200, "{}", acted.body);
}

/// Opens the link in another browser, and confirms.
fn press(site: &Site) {
    let link = link(&site.server);
    let (path, token) = link.split_once('?').expect("a token");
    let form = ("content-type", "application/x-www-form-urlencoded");
    let pressed = Browser::of(&site.server).send("POST", path, &[form, ("origin", "null")], token);
    assert!(pressed.header("location").is_some_and(|url| url.contains("=verified")), "{pressed:?}");
}

fn link(server: &Endpoint) -> String {
    let link = server.mail(ADDRESS, 1)["link"].as_str().expect("a link").to_owned();
    link[link.find("/v1/verify").expect("the path of links")..].to_owned()
}

fn settings(ways: &[&str], waits_for: &str) -> Value {
    json!({
        "attributes": {
            "email_address": {
                "enabled": true, "required": true, "verifications": ways, "verify_at_sign_up": !ways.is_empty(),
                "used_for_first_factor": true, "first_factors": ["email_code"],
            },
            "first_name": {"enabled": true},
        },
        "sign_up": {waits_for: true},
    })
}

/// A username is required too.
fn named(waits_for: &str) -> Value {
    let mut document = settings(&["email_code"], waits_for);
    document["attributes"]["username"] = json!({"enabled": true, "required": true});
    document
}

/// A link completes the sign-up in whichever browser it is followed.
fn anywhere() -> Value {
    let mut document = settings(&["email_link"], "custom_action_required");
    document["sign_up"] = json!({});
    document["attack_protection"] = json!({"email_link": {"require_same_client": false}});
    document
}

const LIMITS: &str = "[limits]\nsource = false\naddress_guesses_per_client_per_hour = 25\n";
const ADDRESS: &str = "ada@example.com";
const EMAIL: &str = "ada%40example.com";
const LINK: &str = "strategy=email_link&redirect_url=http%3A%2F%2Flocalhost%3A3000%2Fverify";
