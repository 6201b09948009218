//! Guessing attacks on an account: strangers are limited, and the owner can still sign in.

use std::ops::Deref;

use proptest::prelude::*;
use vestibule::domain::id::UserId;
use vestibule::domain::sign_in::{Account, Failures, Share, Try};
use vestibule::domain::time::Timestamp;

use crate::support::browser::{Browser, escaped};
use crate::support::endpoint::Answer;
use crate::support::site;

#[test]
fn strangers_who_guess_at_a_password_leave_the_owner_two_ways_in() {
    let site = Site::start("source = false\naccount_failures_max = 100\n");
    let mut owner = site.browser();
    site.register(&mut owner, "owner@example.com", "owner_1");
    site.sign_out(&mut owner);
    let judged = (0..150).filter(|n| is_judged(&site.guess("owner@example.com", *n))).count();
    assert_eq!(judged, 45);
    let refused = site.by_password(&mut site.browser(), "owner@example.com", PASSWORD);
    assert_eq!((refused.status, refused.error_codes()), (429, vec!["too_many_requests".into()]), "a stranger's luck");
    assert!(refused.header("retry-after").is_some());

    let known = site.by_password(&mut owner, "owner@example.com", PASSWORD);
    assert_eq!(known.json()["response"]["status"], "complete", "the device is known: {}", known.body);
    assert!(is_judged(&site.guess("owner@example.com", 0)), "the owner was there: it begins anew");
    while is_judged(&site.guess("owner@example.com", 0)) {}
    let by_code = site.by_code(&mut site.browser(), "owner@example.com", None);
    assert_eq!(by_code.json()["response"]["status"], "complete", "the mailbox is reached: {}", by_code.body);
}

#[test]
fn strangers_who_have_codes_sent_leave_the_owner_some() {
    let site = Site::start("source = false\naddress_messages_per_hour = 6\n");
    let mut owner = site.browser();
    site.register(&mut owner, "owner@example.com", "owner_1");
    site.sign_out(&mut owner);
    let ask = |browser: &mut Browser<'_>| {
        let asked = browser.post("/v1/client/sign_ins", "identifier=owner%40example.com&strategy=email_code");
        assert!(asked.status == 200 || asked.status == 429, "{}", asked.body);
        asked.status == 200
    };
    assert_eq!((0..9).filter(|_| ask(&mut site.browser())).count(), 6);
    let by_code = site.by_code(&mut owner, "owner@example.com", None);
    assert_eq!(by_code.json()["response"]["status"], "complete", "{}", by_code.body);
}

#[test]
fn an_account_has_a_hundred_failures_in_a_row_whatever_they_are_about() {
    let site = Site::start("source = false\naccount_failures_max = 100\n");
    let mut owner = site.browser();
    let number = "+14155552671";
    site.register(&mut owner, "owner@example.com", &format!("owner_1&phone_number={}", escaped(number)));
    site.sign_out(&mut owner);
    let mut judged = 0;
    for n in 0..40 {
        for identifier in ["owner@example.com", "owner_1", number] {
            judged += usize::from(is_judged(&site.guess(identifier, n)));
        }
    }
    assert_eq!(judged, 45, "passwords");
    // Codes for both addresses; each allows five tries.
    for identifier in ["owner@example.com", number].into_iter().cycle().take(10) {
        let mut stranger = site.browser();
        judged += (0..5).filter(|_| is_judged(&site.by_code(&mut stranger, identifier, Some("000000")))).count();
    }
    assert_eq!(judged, 85, "and codes");
    for n in 0..60 {
        judged += usize::from(is_judged(&site.by_password(&mut owner, "owner_1", &format!("wrong {n}"))));
        site.server.advance(3_600_000);
    }
    assert_eq!(judged, 100, "and what comes from a device that is known, however long it waits");
}

#[test]
fn one_source_is_held_back_before_the_others() {
    let site = Site::start("account_failures_max = 100\n");
    site.register(&mut site.browser(), "owner@example.com", "owner_1");
    let from = |source: &str, n| site.guess_from("owner@example.com", n, source);
    let judged = (0..50).filter(|n| is_judged(&from("192.0.2.7", *n))).count();
    assert_eq!(judged, 22);
    assert!(!is_judged(&from("192.0.2.200", 0)), "the same network");
    assert!(is_judged(&from("198.51.100.1", 0)), "others are not held back");
}

#[test]
fn nobody_is_refused_like_somebody() {
    let site = Site::start("source = false\naccount_failures_max = 20\n");
    site.register(&mut site.browser(), "owner@example.com", "owner_1");
    site.protect();
    let walk = |identifier: &str| {
        let answers = (0..25).map(|n| site.guess(identifier, n));
        answers.map(|answer| (answer.status, answer.error_codes())).collect::<Vec<_>>()
    };
    let somebody = walk("owner@example.com");
    assert_eq!(somebody, walk("nobody@example.com"));
    assert_eq!(somebody.iter().filter(|(status, _)| *status == 429).count(), 16);
}

proptest! {
    #[test]
    fn never_more_in_a_row_than_the_allowance(
        max in 3_u32..120,
        tries in proptest::collection::vec((0..3_usize, any::<u8>(), 0..5_000_000_u64), 0..400),
    ) {
        let account = Account::User(UserId::from_bytes([1; 16]));
        let (mut failures, mut now, mut judged) = (None, 0, 0);
        for (share, source, later) in tries {
            now += later;
            let share = [Share::Passwords, Share::Codes, Share::Known][share];
            let tried = Try { account: account.clone(), share, source: Some([source; 8]), succeeded: false, needs_more: false, lockout: None };
            let next = Failures::after(failures.as_ref(), &tried, max, Timestamp::from_millis(now));
            judged += u32::from(next.map(|next| failures = next).is_ok());
        }
        prop_assert!(judged <= max);
        prop_assert!(failures.is_none_or(|failures| failures.sources.len() <= 64));
    }
}

struct Site(site::Site);

impl Deref for Site {
    type Target = site::Site;

    fn deref(&self) -> &site::Site {
        &self.0
    }
}

impl Site {
    fn start(limits: &str) -> Self {
        Self(site::Site::start(&format!(
            "trusted_proxies = [\"127.0.0.1\"]\n\
             [limits]\nsms_per_client_per_hour = 1000\n{limits}\
             [verification]\nresend_cooldown_s = 0\n[password]\nm_kib = 64\nt = 1\n{SETTINGS}"
        )))
    }

    fn register(&self, browser: &mut Browser<'_>, address: &str, username: &str) {
        let form = format!("email_address={}&username={username}&password={}", escaped(address), escaped(PASSWORD));
        let done = browser.post("/v1/client/sign_ups", &form);
        assert_eq!(done.json()["response"]["status"], "complete", "{}", done.body);
    }

    fn sign_out(&self, browser: &mut Browser<'_>) {
        assert_eq!(browser.request("DELETE", "/v1/client/sessions", &[], "").status, 200);
    }

    fn by_password(&self, browser: &mut Browser<'_>, identifier: &str, password: &str) -> Answer {
        let form = format!("identifier={}&password={}", escaped(identifier), escaped(password));
        browser.post("/v1/client/sign_ins", &form)
    }

    /// A wrong password from a client that is new to the account.
    fn guess(&self, identifier: &str, n: u64) -> Answer {
        self.by_password(&mut self.browser(), identifier, &format!("wrong {n}"))
    }

    fn guess_from(&self, identifier: &str, n: u64, source: &str) -> Answer {
        let form = format!("identifier={}&password=wrong+{n}", escaped(identifier));
        self.browser().request("POST", "/v1/client/sign_ins", &[("x-forwarded-for", source)], &form)
    }

    /// Signs in with a newly sent code, or tries `guess` in its place.
    fn by_code(&self, browser: &mut Browser<'_>, identifier: &str, guess: Option<&str>) -> Answer {
        let strategy = if identifier.contains('@') { "email_code" } else { "phone_code" };
        let count = self.count(identifier);
        let client = browser.get("/v1/client").json();
        let path = match client["response"]["sign_in"]["id"].as_str() {
            Some(id) if guess.is_some() => format!("/v1/client/sign_ins/{id}"),
            _ => browser.begin_sign_in(&format!("identifier={}&strategy={strategy}", escaped(identifier))),
        };
        let right = || self.server.code(identifier, count + 1);
        let code = guess.map_or_else(right, str::to_owned);
        let form = format!("strategy={strategy}&code={code}");
        browser.post(&format!("{path}/attempt_first_factor"), &form)
    }

    fn count(&self, to: &str) -> usize {
        self.server.messages(to).len()
    }

    /// Turns enumeration protection on.
    fn protect(&self) {
        let mut settings = self.server.settings();
        settings["attack_protection"]["enumeration_protection"]["enabled"] = true.into();
        self.server.put_settings(&settings);
    }
}

/// Whether the guess was checked, and not refused by a limit.
fn is_judged(answer: &Answer) -> bool {
    let codes = answer.error_codes();
    let is_judged = codes == ["form_password_incorrect"] || codes == ["form_code_incorrect"];
    assert!(is_judged || answer.status == 429 || codes == ["verification_failed"], "{}", answer.body);
    is_judged
}

const PASSWORD: &str = "wanders under elms";
const SETTINGS: &str = r#"
[settings.attributes.email_address]
enabled = true
used_for_first_factor = true
verifications = ["email_code"]
verify_at_sign_up = false
[settings.attributes.phone_number]
enabled = true
used_for_first_factor = true
verifications = ["phone_code"]
verify_at_sign_up = false
[settings.attributes.username]
enabled = true
used_for_first_factor = true
[settings.attributes.password]
enabled = true
"#;
