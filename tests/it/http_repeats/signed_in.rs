//! Calls by somebody who is signed in already: the answer names the session to go on with.

use serde_json::json;

use super::Site;
use crate::support::backend::{SECRET_KEY, backend};
use crate::support::browser::Browser;

#[test]
fn what_another_call_made_since_is_not_for_who_repeats_an_older_one() {
    let site = Site::start_with("[session]\nsingle = false\n");
    site.signed_in("bob@example.com");
    let mut browser = site.browser();
    let (path, form) = site.open_with_code(&mut browser, "eve@example.com");
    assert_eq!(browser.post(&path, &form).json()["response"]["status"], "complete");
    let eves = browser.cookies.clone();
    let form_of_bob = "identifier=bob%40example.com&password=wanders+under+elms";
    let bob = browser.post("/v1/client/sign_ins", form_of_bob).json();
    assert_eq!(bob["client"]["sessions"].as_array().map(Vec::len), Some(2), "{bob}");
    let mut eve = Browser { server: &site.server, cookies: eves.clone() };
    let refused = eve.post(&path, &form);
    assert!(refused.status == 400 || refused.status == 404, "{} {}", refused.status, refused.body);
    assert!(!refused.body.contains("sess_"), "{}", refused.body);
    let token = |cookies: &[(String, String)]| cookies.iter().find(|(name, _)| name == "__client").cloned();
    assert_eq!(token(&eve.cookies), token(&eves), "no token of the session that came since");
}

#[test]
fn whoever_is_signed_in_already_is_told_which_session_to_go_on_with() {
    let site = Site::start_with("[session]\nsingle = false\n");
    let mut browser = site.signed_in("ada@example.com");
    let session = browser.get("/v1/client").json()["response"]["last_active_session_id"].clone();
    let form = "identifier=ada%40example.com";
    for form in [form.to_owned(), format!("{form}&password=wanders+under+elms")] {
        let refused = browser.post("/v1/client/sign_ins", &form);
        assert_eq!((refused.status, refused.error_codes()), (400, vec!["identifier_already_signed_in".into()]));
        assert_eq!(refused.json()["errors"][0]["meta"]["session_id"], session, "{}", refused.body);
    }
}

#[test]
fn whoever_accepted_an_invitation_and_is_still_here_is_told_so() {
    let config = format!("[session]\nsingle = false\n[instance]\nsecret_key = \"{SECRET_KEY}\"\n");
    let site = Site::start_with(&config);
    let invited = json!({ "email_address": "ada@example.com", "ignore_existing": true });
    let ticket = || {
        let made = backend(&site.server, "POST", "/v1/invitations", &invited).json();
        let url = made["url"].as_str().unwrap_or_else(|| panic!("{made}")).to_owned();
        url.split_once("ticket=").expect("a ticket").1.to_owned()
    };
    let (first, other) = (ticket(), ticket());
    let mut browser = site.browser();
    let form = |ticket: &str| format!("strategy=ticket&ticket={ticket}&password=wanders+under+elms");
    let done = browser.post("/v1/client/sign_ups", &form(&first)).json();
    assert_eq!(done["response"]["status"], "complete", "{done}");
    for ticket in [&first, &other] {
        let again = browser.post("/v1/client/sign_ups", &form(ticket));
        assert_eq!((again.status, again.error_codes()), (400, vec!["identifier_already_signed_in".into()]));
        assert_eq!(again.json()["errors"][0]["meta"]["session_id"], done["response"]["created_session_id"]);
    }
    for (ticket, code) in [(&first, "invitation_already_accepted"), (&other, "invitation_account_exists")] {
        assert_eq!(site.browser().post("/v1/client/sign_ups", &form(ticket)).error_codes(), [code], "somebody else");
    }
}

#[test]
fn a_refusal_for_a_session_that_exists_names_it() {
    let site = Site::start();
    let mut browser = site.signed_in("ada@example.com");
    let session = browser.get("/v1/client").json()["response"]["last_active_session_id"].clone();
    for (path, form) in [
        ("/v1/client/sign_ins", "identifier=ada%40example.com&password=wanders+under+elms"),
        ("/v1/client/sign_ins", "identifier=eve%40example.com"),
        ("/v1/client/sign_ups", "email_address=eve%40example.com"),
    ] {
        let refused = browser.post(path, form);
        assert_eq!((refused.status, refused.error_codes()), (400, vec!["session_exists".into()]), "{path} {form}");
        assert_eq!(refused.json()["errors"][0]["meta"]["session_id"], session, "{}", refused.body);
    }
}
