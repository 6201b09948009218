//! Messages over HTTP: sending again what is still good, and the reports of providers.

use std::time::Duration;

use serde_json::{Value, json};
use tempfile::TempDir;

use crate::support::backend::{SECRET_KEY, Site};
use crate::support::browser::{Browser, PAGE};
use crate::support::server::{Server, log_of};

#[test]
fn a_code_that_was_used_or_replaced_is_not_sent_again() {
    let email = json!({ "enabled": true, "used_for_first_factor": true, "verifications": ["email_code"] });
    let site = Site::start(&json!({ "attributes": { "email_address": email, "password": { "enabled": true } } }));
    let password = "correct horse battery staple";
    let ada = site.backend("POST", "/v1/users", &json!({ "email_address": ["ada@example.com"], "password": password }));
    let again = |origin: &str, place: usize| {
        let list = || site.backend("GET", &format!("/v1/messages?origin={origin}"), &Value::Null).json();
        for _ in 0..2000 {
            if list()["data"][place]["status"] == "sent" {
                break;
            }
            std::thread::sleep(Duration::from_millis(5));
        }
        let id = list()["data"][place]["id"].as_str().expect("an id").to_owned();
        site.backend("POST", &format!("/v1/messages/{id}/send_again"), &Value::Null)
    };
    let mut browser = Browser::of(&site.server);
    let path = browser.begin_sign_in("identifier=ada%40example.com&strategy=email_code");
    let sign_in = path.rsplit('/').next().expect("an id").to_owned();
    let code = site.server.code("ada@example.com", 1);
    assert_eq!(again(&sign_in, 0).status, 200, "it is good");
    let complete = browser.post(&format!("{path}/attempt_first_factor"), &format!("strategy=email_code&code={code}"));
    assert_eq!(complete.json()["response"]["status"], "complete", "{}", complete.body);
    assert_eq!(again(&sign_in, 0).error_codes(), ["message_over"], "it was used");

    site.server.advance(60_000);
    let mut other = Browser::of(&site.server);
    let path = other.begin_sign_in("identifier=ada%40example.com&strategy=email_code");
    let sign_in = path.rsplit('/').next().expect("an id").to_owned();
    site.server.advance(60_000);
    other.post(&format!("{path}/prepare_first_factor"), "strategy=email_code");
    assert_eq!(again(&sign_in, 1).error_codes(), ["message_over"], "a later one has replaced it");
    assert_eq!(again(&sign_in, 0).status, 200, "the later one is good");

    let address = json!({ "user_id": ada.json()["id"], "email_address": "b@x.org", "verified": true });
    let made = site.backend("POST", "/v1/email_addresses", &address).json();
    let one = format!("/v1/email_addresses/{}", made["id"].as_str().expect("an id"));
    let prepare = || {
        site.server.advance(60_000);
        let made = site.backend("POST", &format!("{one}/prepare_verification"), &Value::Null).json();
        made["id"].as_str().expect("an id").to_owned()
    };
    let first = prepare();
    assert_eq!(again(&first, 0).status, 200, "it is good");
    let second = prepare();
    assert_eq!(again(&first, 0).error_codes(), ["message_over"], "a later one has replaced it");
    assert_eq!(again(&second, 0).status, 200, "the later one is good");
    let body = json!({ "verification_id": second, "code": site.server.code("b@x.org", 3) });
    let proved = site.backend("POST", &format!("{one}/attempt_verification"), &body);
    assert_eq!(proved.json()["status"], "verified", "{}", proved.body);
    assert_eq!(again(&second, 0).error_codes(), ["message_over"], "it was used");
}

#[test]
fn a_channel_that_was_stopped_is_warned_of_at_each_start() {
    let folder = TempDir::new().expect("a folder");
    let config = format!("[instance]\nsecret_key = \"{SECRET_KEY}\"\n[settings]\nfile = \"email_code\"\n");
    let warned = || {
        let log = log_of(folder.path());
        log.lines().filter(|line| line.contains("WARN") && line.contains("a channel is stopped by hand")).count()
    };
    let server = Server::start(folder.path(), &config);
    let key = [("authorization", &*format!("Bearer {SECRET_KEY}"))];
    let paused = server.request("POST", "/v1/messages/channels/email/pause", &key, "").expect("an answer");
    assert_eq!((paused.status, warned()), (200, 1), "{}", paused.body);
    drop(server);
    for starts in 1..=2 {
        drop(Server::start(folder.path(), &config));
        assert_eq!(warned(), 1 + starts, "{}", log_of(folder.path()));
    }
}

#[cfg(feature = "http-messages")]
#[test]
fn reports_may_be_large_and_providers_that_log_in_are_asked_to() {
    let folder = TempDir::new().expect("a folder");
    let config = format!(
        "[instance]\nsecret_key = \"{SECRET_KEY}\"\n[server]\nallowed_origins = [\"{PAGE}\"]\n[settings]\n\
         file = \"email_code\"\n[email]\ntransport = \"ses\"\nfallback = [\"postmark\", \"sendgrid\"]\n\
         from = \"no-reply@acme.example\"\n[email.ses]\nregion = \"eu-central-1\"\naccess_key_id = \"a\"\n\
         secret_access_key = \"s\"\nwebhook_login = \"u:p\"\n[email.postmark]\nserver_token = \"t\"\n\
         webhook_login = \"u:p\"\n[email.sendgrid]\napi_key = \"k\"\n"
    );
    let server = Server::start(folder.path(), &config);
    let report = |provider: &str, length: usize| {
        let path = format!("/v1/messages/callbacks/{provider}");
        server.request("POST", &path, &[("content-type", "application/json")], &"x".repeat(length)).expect("an answer")
    };
    for (provider, challenge) in
        [("ses", Some("Basic realm=\"reports\"")), ("postmark", Some("Basic realm=\"reports\"")), ("sendgrid", None)]
    {
        let refused = report(provider, 2);
        assert_eq!((refused.status, refused.header("www-authenticate")), (401, challenge), "{provider}");
    }
    assert_eq!(report("sendgrid", 1 << 20).status, 401, "it is read");
    assert_eq!(report("sendgrid", (1 << 20) + 1).status, 413);
    assert_eq!((report("resend", 2).status, report("resend", 100_000).status), (404, 413), "it is not configured");
}

#[cfg(feature = "http-messages")]
#[test]
fn the_url_that_a_provider_signs_has_the_path_of_the_public_url() {
    let folder = TempDir::new().expect("a folder");
    let config = format!(
        "[instance]\nsecret_key = \"{SECRET_KEY}\"\n[server]\npublic_url = \"https://clerk.acme.example/__clerk\"\n\
         [settings]\nfile = \"phone\"\n[sms]\ntransport = \"twilio\"\n[sms.twilio]\naccount_sid = \"AC1\"\n\
         auth_token = \"tok\"\nfrom = \"+15005550006\"\n"
    );
    let server = Server::start(folder.path(), &config);
    // HMAC-SHA-1 with the token, over the URL below /__clerk and the fields.
    let signed =
        [("content-type", "application/x-www-form-urlencoded"), ("x-twilio-signature", "YQmCx1VoneHODFw6+NPqRr8zayA=")];
    // A proxy has taken the path off.
    let report =
        server.request("POST", "/v1/messages/callbacks/twilio", &signed, "MessageSid=SM1&MessageStatus=delivered");
    let report = report.expect("an answer");
    assert_eq!((report.status, &report.json()["known_count"]), (200, &json!(0)), "{}", report.body);
}
