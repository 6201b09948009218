//! The pure core: create → prepare → attempt as values, beside the two keyed digests that such a flow can't do
//! without.

#![allow(clippy::disallowed_methods, reason = "a bench measures real time")]

mod support;

use vestibule::clock::{Clock, ManualClock};
use vestibule::domain::context::Context;
use vestibule::domain::id::{ClientId, SignUpId};
use vestibule::domain::ports::KeyedDigest;
use vestibule::domain::sign_up::{Attempt, Command, Fields, NewSignUp, Prepare, SignUp};
use vestibule::domain::time::Timestamp;
use vestibule::domain::verification::Strategy;
use vestibule::entropy::SeededEntropy;
use vestibule::token::InstanceKey;

const FLOWS: usize = 20_000;
const ROUNDS: usize = 7;

fn main() {
    let (settings, policy) = (support::settings(), support::policy());
    let key = InstanceKey::from_bytes([7; 32].into());
    let clock = ManualClock::new(Timestamp::from_millis(1_800_000_000_000));
    let mut entropy = SeededEntropy::new(7);
    let (mut flows, mut digests) = (Vec::new(), Vec::new());
    for _ in 0..ROUNDS {
        let elapsed = support::timed(|| {
            for n in 0..FLOWS {
                let mut cx = Context {
                    now: clock.now(),
                    settings: &settings,
                    policy: &policy,
                    entropy: &mut entropy,
                    digest: &key,
                };
                let email = Some(format!("ada{n}+clerk_test@example.com"));
                let raw = NewSignUp { email_address: email, ..NewSignUp::default() };
                let (fields, _) = Fields::parse(&raw.into(), cx.settings).expect("valid fields");
                let (id, client) = (SignUpId::generate(cx.now, cx.entropy), ClientId::generate(cx.now, cx.entropy));
                let made = SignUp::create(id, client, &fields, None, &mut cx).expect("a sign-up");
                let strategy = Strategy::EmailCode;
                let prepare = Prepare {
                    strategy,
                    channel: None,
                    redirect_url: None,
                    in_cookie: false,
                    taken: false,
                    challenge: None,
                };
                let prepare = Command::Prepare(prepare);
                let prepared = made.next.apply(&prepare, &mut cx).expect("prepared");
                let attempt = Attempt { strategy: Strategy::EmailCode, code: Some("424242".into()), again: false };
                let done = prepared.next.apply(&Command::Attempt(attempt), &mut cx).expect("a right code");
                assert!(done.outcome.is_some());
            }
        });
        flows.push(support::rate(FLOWS, elapsed));
        let elapsed = support::timed(|| {
            for n in 0..FLOWS {
                let parts: [&[u8]; 2] = [b"a value of some length", &n.to_be_bytes()];
                assert!(key.equal(&key.digest(&parts), &key.digest(&parts)));
            }
        });
        digests.push(support::rate(FLOWS, elapsed));
    }
    support::compare(
        "apply: create, prepare, attempt",
        support::median(flows),
        "two HMAC-SHA-256 and a comparison",
        support::median(digests),
        0.1,
    );
}
