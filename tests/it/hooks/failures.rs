//! A hook that fails: it hangs, blocks its thread, panics, or adds too much. The sign-up is refused or let through, as
//! the options say, and nobody else notices.

use serde_json::json;
use vestibule::hooks::Additions;
use vestibule::{BuildError, Engine};

use super::*;
use crate::support::browser::Browser;

#[test]
fn a_failure_refuses_the_sign_up_until_the_hook_works_again() {
    for fails in failures() {
        let site = Site::with(&settings(), fails.clone(), quickly(OnFailure::Refuse));
        let mut browser = site.site.browser();
        let path = browser.begin_sign_up("");
        let step = |browser: &mut Browser<'_>| browser.request("PATCH", &path, &[], "email_address=ada%40example.com");
        let refused = step(&mut browser);
        assert_eq!((refused.status, refused.error_codes()), (422, vec!["sign_up_check_failed".to_owned()]));
        assert!(site.users().is_empty());
        let shown = browser.get(&path).json()["response"].clone();
        assert_eq!(shown["email_address"], "ada@example.com", "what was given is kept");
        site.door.says_now(allows());
        assert_eq!(step(&mut browser).json()["response"]["status"], "complete");
    }
}

#[test]
fn a_failure_lets_the_sign_up_through_where_the_application_wants_that() {
    for fails in failures() {
        let site = Site::with(&settings(), fails, quickly(OnFailure::Allow));
        let mut browser = site.site.browser();
        let done = browser.post("/v1/client/sign_ups", "email_address=ada%40example.com");
        assert_eq!(done.json()["response"]["status"], "complete", "{}", done.body);
        let users = site.users();
        assert_eq!((users.len(), &users[0]["public_metadata"]), (1, &json!({})));
    }
}

#[test]
fn metadata_that_is_too_large_beside_what_is_there_is_a_failure() {
    let half = |name: &str| json!({ name: "x".repeat(5_000) });
    let additions = Additions::new().public_metadata(&half("b").to_string()).expect("metadata");
    let site = Site::start(&with_email(&["email_code"], &json!({"ticket": {"enabled": true}})));
    site.door.says_now(adds(additions));
    let invitation = json!({"email_address": "ada@example.com", "public_metadata": half("a")});
    let made = site.backend("POST", "/v1/invitations", &invitation).json();
    let ticket = made["url"].as_str().and_then(|url| url.split_once("ticket=")).expect("a ticket").1.to_owned();
    let refused = site.site.browser().post("/v1/client/sign_ups", &format!("strategy=ticket&ticket={ticket}"));
    assert_eq!(refused.error_codes(), ["sign_up_check_failed"]);
    assert!(site.users().is_empty());
}

#[test]
fn a_hook_that_hangs_holds_up_nobody_else() {
    let options = HookOptions { deadline: Duration::from_secs(10), ..HookOptions::default() };
    let site = Site::with(&settings(), Says::Nothing, options);
    let (server, door) = (&site.site.server, &site.door);
    std::thread::scope(|scope| {
        let hanging =
            scope.spawn(move || Browser::of(server).post("/v1/client/sign_ups", "email_address=ada%40example.com"));
        // The first one is with the hook before the others come.
        while door.take_asked().is_empty() {
            std::thread::yield_now();
        }
        door.says_now(allows());
        for n in 0..5 {
            let form = format!("email_address=bob{n}%40example.com");
            let done = Browser::of(server).post("/v1/client/sign_ups", &form);
            assert_eq!(done.json()["response"]["status"], "complete", "{}", done.body);
        }
        assert!(!hanging.is_finished(), "and it waits all the while");
        let refused = hanging.join().expect("no panic");
        assert_eq!(refused.error_codes(), ["sign_up_check_failed"]);
    });
}

#[tokio::test]
async fn a_deadline_is_above_zero_and_bounded() {
    for deadline in [Duration::ZERO, Duration::from_millis(10_001)] {
        let options = HookOptions { deadline, ..HookOptions::default() };
        let built = Engine::builder().before_conversion(Door::new(allows()), options).build().await;
        assert!(matches!(built, Err(BuildError::Hook)), "{deadline:?}");
    }
}

fn failures() -> [Says; 4] {
    [Says::Nothing, Says::NothingAndBlocks, Says::Panics, Says::This(Answer::Failed)]
}

fn settings() -> serde_json::Value {
    with_email(&[], &json!({}))
}
