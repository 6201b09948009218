//! Captchas: a sign-up begins only if the captcha service accepts the token.

use std::io::{Read, Write};
use std::net::TcpListener;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use serde_json::{Value, json};
use tempfile::TempDir;

use crate::support::backend::{SECRET_KEY, backend};
use crate::support::browser::{Browser, PAGE, escaped};
use crate::support::endpoint::Endpoint;
use crate::support::provider::{CLIENT_ID, CLIENT_SECRET, Provider};
use crate::support::schema::faults;
use crate::support::server::Server;

#[test]
fn a_solved_captcha_opens_the_door_once_and_others_do_not() {
    let service = Service::start();
    let (server, _folder) = start(&service);
    let mut browser = Browser::of(&server);
    let mut begin = |form: &str| browser.post("/v1/client/sign_ups", &format!("email_address=a%40example.com{form}"));
    assert_eq!(begin("").error_codes(), ["captcha_missing_token"]);
    assert_eq!(begin("&captcha_token=").error_codes(), ["captcha_missing_token"]);
    assert_eq!(begin("&captcha_error=300010").error_codes(), ["captcha_invalid"]);
    assert_eq!(begin("&captcha_token=wrong").error_codes(), ["captcha_invalid"]);
    let huge = format!("&captcha_token={}", "x".repeat(10_000));
    assert_eq!(begin(&huge).error_codes(), ["captcha_invalid"]);
    let begun = begin("&captcha_token=solved&captcha_widget_type=smart");
    assert_eq!(begun.status, 200, "{}", begun.body);
    assert_eq!(begin("&captcha_token=solved").error_codes(), ["captcha_invalid"], "the service takes it once");
    let asked = service.asked();
    assert!(asked[0].contains("secret=a+secret&response=wrong&remoteip=127.0.0.1"), "{asked:?}");
    assert_eq!(asked.len(), 3, "only tokens that may hold are worth a question");

    let path = format!("/v1/client/sign_ups/{}", begun.json()["response"]["id"].as_str().expect("an id"));
    assert_eq!(browser.request("PATCH", &path, &[], "locale=en-US").status, 200, "only the beginning asks");
}

#[test]
fn whoever_may_sign_up_by_signing_in_solves_it_there_and_owes_it_no_more() {
    let service = Service::start();
    let (server, _folder) = start(&service);
    let mut document = settings(true);
    document["attributes"]["email_address"]["used_for_first_factor"] = json!(true);
    server.put_settings(&document);
    let mut browser = Browser::of(&server);
    let mut begin = |form: &str| {
        let form = format!("identifier=ada%40example.com&sign_up_if_missing=true{form}");
        browser.post("/v1/client/sign_ins", &form)
    };
    assert_eq!(begin("").error_codes(), ["sign_up_if_missing_not_allowed"]);
    assert_eq!(begin("&captcha_error=300010").error_codes(), ["captcha_invalid"]);
    assert_eq!(begin("&captcha_token=wrong").error_codes(), ["captcha_invalid"]);
    let begun = begin("&captcha_token=solved&captcha_error=300010&captcha_widget_type=smart");
    assert_eq!(begun.status, 200, "{}", begun.body);
    let path = format!("/v1/client/sign_ins/{}", begun.json()["response"]["id"].as_str().expect("an id"));
    assert_eq!(browser.post(&format!("{path}/prepare_first_factor"), "strategy=email_code").status, 200);
    let code = server.code("ada@example.com", 1);
    let right = browser.post(&format!("{path}/attempt_first_factor"), &format!("strategy=email_code&code={code}"));
    assert_eq!(right.error_codes(), ["sign_up_if_missing_transfer"], "{}", right.body);
    let done = browser.post("/v1/client/sign_ups", "transfer=true");
    assert_eq!(done.json()["response"]["status"], "complete", "{}", done.body);
}

#[test]
fn an_applications_own_tests_pass_with_a_testing_token() {
    let service = Service::start();
    let (server, _folder) = start(&service);
    let made = backend(&server, "POST", "/v1/testing_tokens", &Value::Null).json();
    assert_eq!(made["object"], "testing_token");
    let token = made["token"].as_str().expect("a token");
    let begin = |token: &str| {
        let path = format!("/v1/client/sign_ups?__clerk_testing_token={token}");
        Browser::of(&server).post(&path, "email_address=a%40example.com")
    };
    assert_eq!(begin(token).status, 200);
    for wrong in ["", "x", &token[1..]] {
        assert_eq!(begin(wrong).error_codes(), ["captcha_missing_token"], "{wrong}");
    }
    server.advance(3_600_000);
    assert_eq!(begin(token).error_codes(), ["captcha_missing_token"], "an hour is what it is good for");
    assert_eq!(service.asked(), [""; 0]);
}

#[test]
fn browsers_are_told_which_captcha_to_show_and_only_where_one_is_wanted() {
    let service = Service::start();
    let (server, _folder) = start(&service);
    let shown = |server: &Endpoint| {
        let environment = Browser::of(server).get("/v1/environment").json();
        assert_eq!(faults("environment", &environment), [""; 0]);
        environment["display_config"].clone()
    };
    let on = shown(&server);
    assert_eq!((&on["captcha_provider"], &on["captcha_public_key"]), (&json!("turnstile"), &json!("a site key")));
    assert_eq!(on["captcha_public_key_invisible"], "a site key");
    assert_eq!(
        (&on["captcha_widget_type"], &on["captcha_oauth_bypass"]),
        (&json!("smart"), &json!(["oauth_google", "oauth_custom_fake"]))
    );
    configure(&server, false);
    assert_eq!(shown(&server)["captcha_provider"], Value::Null);
    assert_eq!(Browser::of(&server).post("/v1/client/sign_ups", "captcha_token=ignored").status, 200);
    assert_eq!(service.asked(), [""; 0]);
}

#[test]
fn while_the_service_can_not_be_asked_nobody_begins() {
    for answer in ["hang", "garbage", "flood", "error", "secret"] {
        let service = Service::start();
        let (server, _folder) = start(&service);
        let began = Browser::of(&server).post("/v1/client/sign_ups", &format!("captcha_token={answer}"));
        assert_eq!((began.status, began.error_codes()), (503, vec!["service_unavailable".to_owned()]), "{answer}");
        assert!(began.header("retry-after").is_some());
    }
}

#[test]
fn settings_that_ask_for_a_captcha_need_a_service() {
    let folder = TempDir::new().expect("a folder");
    let server = Server::start(folder.path(), "");
    let refused = server.try_settings(&settings(true));
    assert_eq!(refused.status, 422);
    assert!(refused.body.contains("captcha.provider"), "{}", refused.body);
}

#[test]
fn the_way_to_a_provider_that_needs_no_captcha_is_no_way_around_one() {
    let (service, provider) = (Service::start(), Provider::start());
    let (server, _folder) = start(&service);
    let document = with_provider(settings(true), &provider);
    server.put_settings(&document);
    let mut browser = Browser::of(&server);
    let begun = browser.post("/v1/client/sign_ups", &format!("{}&{GIVEN}", to_provider()));
    assert_eq!(begun.status, 200, "{}", begun.body);
    let path = format!("/v1/client/sign_ups/{}", begun.json()["response"]["id"].as_str().expect("an id"));
    let prepare = format!("{path}/prepare_verification");
    let attempt = format!("{path}/attempt_verification");
    for (method, path, form) in [
        ("POST", &prepare, "strategy=email_code"),
        ("PATCH", &path, "strategy=email_code"),
        ("PATCH", &path, GIVEN),
        ("PATCH", &path, ""),
        ("POST", &attempt, "strategy=email_code&code=000000"),
    ] {
        let refused = browser.request(method, path, &[], form);
        let outcome = (refused.status, refused.error_codes());
        assert_eq!(outcome, (401, vec!["requires_captcha".to_owned()]), "{method} {path} {form}");
    }
    let unsent = server.request("GET", "/dev/outbox", &[], "").expect("an answer");
    assert_eq!(unsent.json()["messages"], json!([]), "and nobody was written to");

    // What clerk-js does then: it shows a captcha, submits it and repeats the request.
    let solve = "/v1/client/verify";
    assert_eq!(browser.post(solve, "").error_codes(), ["requires_captcha"]);
    assert_eq!(browser.post(solve, "captcha_error=300010").error_codes(), ["captcha_invalid"]);
    assert_eq!(browser.post(solve, "captcha_token=wrong").error_codes(), ["captcha_invalid"]);
    assert_eq!(browser.post(&prepare, "strategy=email_code").status, 401, "that was no solution");
    let solved = browser.post(solve, "captcha_token=solved");
    assert_eq!((solved.status, &solved.json()["response"]["object"]), (200, &json!("client")), "{}", solved.body);
    assert_eq!(browser.post(&prepare, "strategy=email_code").status, 200);
    let code = server.code("ada@example.com", 1);
    let done = browser.post(&attempt, &format!("strategy=email_code&code={code}"));
    assert_eq!(done.json()["response"]["status"], "complete", "{}", done.body);
}

#[test]
fn a_captcha_may_be_solved_beside_an_update_too() {
    let (service, provider) = (Service::start(), Provider::start());
    let (server, _folder) = start(&service);
    server.put_settings(&with_provider(settings(true), &provider));
    let mut browser = Browser::of(&server);
    let begun = browser.post("/v1/client/sign_ups", &to_provider());
    let path = format!("/v1/client/sign_ups/{}", begun.json()["response"]["id"].as_str().expect("an id"));
    let update = |browser: &mut Browser<'_>, more: &str| {
        browser.request("PATCH", &path, &[], &format!("{GIVEN}&strategy=email_code{more}"))
    };
    assert_eq!(update(&mut browser, "&captcha_token=wrong").error_codes(), ["captcha_invalid"]);
    assert_eq!(update(&mut browser, "&captcha_token=solved").status, 200);
    let code = server.code("ada@example.com", 1);
    let form = format!("strategy=email_code&code={code}");
    let done = browser.post(&format!("{path}/attempt_verification"), &form);
    assert_eq!(done.json()["response"]["status"], "complete", "{}", done.body);
}

#[test]
fn whoever_comes_back_from_such_a_provider_needs_none() {
    let (service, provider) = (Service::start(), Provider::start());
    let (server, _folder) = start(&service);
    server.put_settings(&with_provider(settings(true), &provider));
    let mut browser = Browser::of(&server);
    let begun = browser.post("/v1/client/sign_ups", &to_provider()).json()["response"].clone();
    let account = &begun["verifications"]["external_account"];
    let page = account["external_verification_redirect_url"].as_str().expect("a page");
    let (code, state) = provider.allow(page);
    let back = browser.navigate(&format!("/v1/oauth_callback?code={code}&state={state}"));
    assert_eq!(back.status, 303, "{}", back.body);
    assert_ne!(browser.get("/v1/client").json()["response"]["sessions"], json!([]));
    assert_eq!(service.asked(), [""; 0]);
}

#[test]
fn a_captcha_that_is_switched_on_counts_for_sign_ups_in_flight() {
    let service = Service::start();
    let (server, _folder) = start(&service);
    configure(&server, false);
    let mut browser = Browser::of(&server);
    let form = "email_address=ada%40example.com&strategy=email_code";
    let begun = browser.post("/v1/client/sign_ups", form);
    let path = format!("/v1/client/sign_ups/{}", begun.json()["response"]["id"].as_str().expect("an id"));
    let code = server.code("ada@example.com", 1);
    configure(&server, true);
    let attempt = |browser: &mut Browser<'_>| {
        browser.post(&format!("{path}/attempt_verification"), &format!("strategy=email_code&code={code}"))
    };
    assert_eq!(attempt(&mut browser).error_codes(), ["requires_captcha"]);
    assert_eq!(browser.post("/v1/client/verify", "captcha_token=solved").status, 200);
    assert_eq!(attempt(&mut browser).json()["response"]["status"], "complete");
}

#[test]
fn a_captcha_that_nobody_owes_is_taken_in_without_asking() {
    let service = Service::start();
    let (server, _folder) = start(&service);
    let mut browser = Browser::of(&server);
    let beat = |browser: &mut Browser<'_>| browser.post("/v1/client/verify", "captcha_token=beat");
    assert_eq!(beat(&mut browser).json(), json!({"response": null, "client": null}));
    assert_eq!(browser.post("/v1/client/sign_ups", "captcha_token=solved").status, 200);
    service.asked();
    let beaten = beat(&mut browser);
    assert_eq!((beaten.status, &beaten.json()["response"]["object"]), (200, &json!("client")), "{}", beaten.body);
    configure(&server, false);
    assert_eq!(beat(&mut browser).status, 200);
    assert_eq!(service.asked(), [""; 0]);
}

fn start(service: &Service) -> (Server, TempDir) {
    let folder = TempDir::new().expect("a folder");
    let config = format!(
        "[instance]\nsecret_key = \"{SECRET_KEY}\"\n[server]\nallowed_origins = [\"{PAGE}\"]\n[limits]\nsource = false\n[captcha]\nprovider = \"turnstile\"\n\
         site_key = \"a site key\"\nsecret = \"a secret\"\nverify_url = \"http://127.0.0.1:{}/siteverify\"\n\
         oauth_bypass = [\"oauth_google\", \"oauth_custom_fake\"]\n",
        service.port
    );
    let server = Server::start(folder.path(), &config);
    configure(&server, true);
    (server, folder)
}

fn configure(server: &Endpoint, captcha: bool) {
    server.put_settings(&settings(captcha));
}

/// Settings with a password and a provider that needs no captcha.
fn with_provider(mut document: Value, provider: &Provider) -> Value {
    document["attributes"]["password"] = json!({"enabled": true});
    document["social"] = json!({"oauth_custom_fake": {"enabled": true}});
    document["oauth"] = json!({"oauth_custom_fake": {
        "client_id": CLIENT_ID, "client_secret": CLIENT_SECRET, "issuer": provider.issuer(),
    }});
    document
}

fn to_provider() -> String {
    format!("strategy=oauth_custom_fake&redirect_url={}", escaped(&format!("{PAGE}/sso-callback")))
}

fn settings(captcha: bool) -> Value {
    let email = json!({"enabled": true, "verifications": ["email_code"], "verify_at_sign_up": true});
    json!({"attributes": {"email_address": email}, "sign_up": {"captcha_enabled": captcha}})
}

const GIVEN: &str = "email_address=ada%40example.com&password=wanders+under+elms";

/// A service that accepts the token `solved` once, and misbehaves as other tokens say.
struct Service {
    port: u16,
    asked: Arc<Mutex<Vec<String>>>,
}

impl Service {
    fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
        let port = listener.local_addr().expect("an address").port();
        let asked = Arc::new(Mutex::new(Vec::new()));
        let heard = asked.clone();
        std::thread::spawn(move || {
            for mut stream in listener.incoming().map_while(Result::ok) {
                let heard = heard.clone();
                std::thread::spawn(move || {
                    let mut bytes = [0; 16 * 1024];
                    let mut length = 0;
                    while !String::from_utf8_lossy(&bytes[..length]).contains("response=") {
                        match stream.read(&mut bytes[length..]) {
                            Ok(read) if read > 0 => length += read,
                            _ => return,
                        }
                    }
                    let text = String::from_utf8_lossy(&bytes[..length]).into_owned();
                    let token =
                        text.split("response=").nth(1).unwrap_or_default().split('&').next().unwrap_or_default();
                    let times = {
                        let mut heard = heard.lock().expect("no panic");
                        heard.push(text.clone());
                        heard.iter().filter(|form| form.contains("response=solved")).count()
                    };
                    let (status, body) = match token {
                        "solved" if times == 1 => (200, json!({"success": true}).to_string()),
                        "hang" => return std::thread::sleep(Duration::from_secs(15)),
                        "garbage" => (200, "<html>".to_owned()),
                        "flood" => (200, " ".repeat(2 << 20)),
                        "error" => (500, "{}".to_owned()),
                        "secret" => {
                            (200, json!({"success": false, "error-codes": ["invalid-input-secret"]}).to_string())
                        }
                        _ => (200, json!({"success": false, "error-codes": ["invalid-input-response"]}).to_string()),
                    };
                    let length = body.len();
                    let head = format!("HTTP/1.1 {status} X\r\nconnection: close\r\ncontent-length: {length}\r\n\r\n");
                    drop(stream.write_all(head.as_bytes()).and_then(|()| stream.write_all(body.as_bytes())));
                });
            }
        });
        Self { port, asked }
    }

    fn asked(&self) -> Vec<String> {
        std::mem::take(&mut self.asked.lock().expect("no panic"))
    }
}
