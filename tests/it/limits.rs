//! Limits by source in the engine: each holds for every kind of call and for any number of clients, and affects no
//! other source.

use std::net::IpAddr;
use std::sync::Arc;

use tempfile::TempDir;
use vestibule::delivery::Capture;
use vestibule::domain::id::SignUpId;
use vestibule::domain::policy::Policy;
use vestibule::domain::rejection::ErrorCode;
use vestibule::domain::secret::Secret;
use vestibule::domain::settings::source_limits::{Budget, SourceLimits};
use vestibule::domain::settings::{Attribute, Settings, SignUpMode};
use vestibule::domain::sign_up::NewSignUp;
use vestibule::domain::time::Span;
use vestibule::domain::verification::Strategy;
use vestibule::engine::{
    AttemptVerification, Caller, ClientView, Engine, EngineError, LinkOutcome, NewSignIn, PrepareVerification,
    RequestContext, SignUpView,
};
use vestibule::password::{HashOptions, HashParameters};

use crate::support::server::Server;

#[tokio::test]
async fn what_is_begun_is_limited_in_the_engine_and_other_sources_are_not() {
    let bench = Bench::new(SourceLimits { creates: few(2), ..LIMITLESS }).await;
    for n in 0..2 {
        bench.create(HERE, &email(n)).await.expect("within the budget");
    }
    assert_limited(bench.create(HERE, &email(2)).await);
    assert_limited(bench.sign_in(HERE, None).await);
    assert_limited(bench.engine.waitlist().join(Some("a@example.com"), &source(HERE)).await);
    bench.create(THERE, &email(2)).await.expect("somebody else's budget");
    bench
        .engine
        .sign_ups()
        .create(&Caller::anonymous(), &email(3), &RequestContext::default())
        .await
        .expect("of no known source");
}

#[tokio::test]
async fn fresh_clients_give_no_fresh_budget_of_messages() {
    for call in ["create", "update", "prepare", "sign_in"] {
        for by_phone in [false, true] {
            let bench = Bench::new(SourceLimits { emails: few(3), sms: few(3), ..LIMITLESS }).await;
            let mut passed = 0;
            for n in 0..6 {
                match bench.send(call, by_phone, HERE, n).await {
                    Ok(()) => passed += 1,
                    Err(error) => assert!(is_limit(&error), "{call} {error:?}"),
                }
            }
            assert_eq!(passed, 3, "{call}, by phone: {by_phone}");
            bench.send(call, by_phone, THERE, 9).await.expect("somebody else's budget");
            bench.send(call, !by_phone, HERE, 9).await.expect("the budget of the other channel");
        }
    }
}

#[tokio::test]
async fn a_message_that_is_not_sent_is_not_counted() {
    let bench = Bench::new(SourceLimits { emails: few(2), ..LIMITLESS }).await;
    let (sign_up, caller) = bench.begin(HERE, &email(0)).await;
    let here = source(HERE);
    let input = PrepareVerification::new(Strategy::EmailCode);
    let prepare = || bench.engine.sign_ups().prepare(&caller, sign_up.value.id, &input, &here);
    prepare().await.expect("sent");
    for _ in 0..10 {
        match prepare().await {
            Err(EngineError::Rejected(refused)) => assert!(refused.is(ErrorCode::VerificationCodeTooManyRequests)),
            other => panic!("within the cool-down: {other:?}"),
        }
    }
    bench.send("create", false, HERE, 1).await.expect("one is left");
    assert_limited(bench.send("create", false, HERE, 2).await);
}

#[tokio::test]
async fn what_was_given_beside_a_message_that_is_too_much_is_kept() {
    let bench = Bench::new(SourceLimits { emails: few(1), ..LIMITLESS }).await;
    bench.send("create", false, HERE, 0).await.expect("the only one");
    let (sign_up, caller) = bench.begin(HERE, &NewSignUp::default()).await;
    let fields = NewSignUp { first_name: Some("Ada".into()), strategy: Some(Strategy::EmailCode), ..email(1) };
    let refused = bench.engine.sign_ups().update(&caller, sign_up.value.id, &fields.into(), &source(HERE)).await;
    match refused {
        Err(EngineError::Rejected(refused)) => {
            assert!(refused.is(ErrorCode::TooManyRequests) && refused.reasons()[0].retry_after.is_some());
        }
        other => panic!("{other:?}"),
    }
    let kept = bench.engine.sign_ups().show(&caller, sign_up.value.id).await.expect("a sign-up").value;
    assert_eq!(kept.first_name.as_deref(), Some("Ada"));
    let address = kept.email_address.as_ref().expect("an address");
    assert!(address.value.as_str() == "a1@example.com" && address.verification.is_none());
}

#[tokio::test]
async fn a_range_of_numbers_is_limited_wherever_the_messages_are_asked_for() {
    let bench = Bench::new(SourceLimits { sms_per_prefix: Some(3), ..LIMITLESS }).await;
    for n in 0..6 {
        let sent = bench.send("create", true, [198, 51, 100, n], n.into()).await;
        assert_eq!(sent.is_ok(), n < 3, "{n} {sent:?}");
    }
    let elsewhere = NewSignUp {
        phone_number: Some("+4915112345678".into()),
        strategy: Some(Strategy::PhoneCode),
        ..NewSignUp::default()
    };
    bench.create(HERE, &elsewhere).await.expect("another range");
}

#[tokio::test]
async fn numbers_that_cost_their_sender_much_get_no_message() {
    let bench = Bench::new(LIMITLESS).await;
    let here = source(HERE);
    for number in ["+979123456789", "+881612345678", "+870773111632", "+883510012345", "+19005551234"] {
        let fields = NewSignUp { phone_number: Some(number.into()), ..NewSignUp::default() };
        let (sign_up, caller) = bench.begin(HERE, &fields).await;
        let input = PrepareVerification::new(Strategy::PhoneCode);
        let prepare = bench.engine.sign_ups().prepare(&caller, sign_up.value.id, &input, &here);
        let with_strategy = NewSignUp { strategy: Some(Strategy::PhoneCode), ..fields.clone() };
        let patch = with_strategy.clone().into();
        let update = bench.engine.sign_ups().update(&caller, sign_up.value.id, &patch, &here);
        let raw =
            NewSignIn { identifier: Some(number.into()), strategy: Some(Strategy::PhoneCode), ..NewSignIn::default() };
        let refusals = [
            prepare.await.err(),
            update.await.err(),
            bench.create(HERE, &with_strategy).await.err(),
            bench.engine.sign_ins().create(&Caller::anonymous(), &raw, &here).await.err(),
        ];
        for refused in refusals {
            match refused {
                Some(EngineError::Rejected(refused)) => {
                    assert!(refused.is(ErrorCode::UnsupportedCountryCode), "{refused:?}")
                }
                other => panic!("{number}: {other:?}"),
            }
        }
    }
    assert!(bench.captured.latest(1).is_empty());
}

#[tokio::test]
async fn one_budget_of_look_ups_is_for_all_calls() {
    for call in ["create", "update", "sign_in", "waitlist"] {
        let bench = Bench::new(SourceLimits { look_ups: few(4), ..LIMITLESS }).await;
        let (sign_up, caller) = bench.begin(HERE, &NewSignUp::default()).await;
        for n in 0..3 {
            bench.create(HERE, &email(n)).await.expect("within the budget");
        }
        for n in 3..6 {
            let outcome = match call {
                "create" => bench.create(HERE, &email(n)).await.map(drop),
                "update" => bench
                    .engine
                    .sign_ups()
                    .update(&caller, sign_up.value.id, &email(n).into(), &source(HERE))
                    .await
                    .map(drop),
                "sign_in" => bench.sign_in(HERE, Some("a@example.com")).await,
                _ => bench.engine.waitlist().join(Some("a@example.com"), &source(HERE)).await.map(drop),
            };
            match outcome {
                Err(error) if is_limit(&error) => assert!(n > 3, "{call}"),
                _ => assert_eq!(n, 3, "{call}"),
            }
        }
        bench.create(THERE, &email(9)).await.expect("somebody else's budget");
    }
}

#[tokio::test]
async fn opened_clients_passwords_and_writes_have_budgets_of_their_own() {
    let bench = Bench::new(SourceLimits { clients: few(1), ..LIMITLESS }).await;
    let (_, caller) = bench.begin(HERE, &email(0)).await;
    assert_limited(bench.create(HERE, &email(1)).await);
    bench.engine.sign_ups().create(&caller, &email(2), &source(HERE)).await.expect("it has a client");

    let bench = Bench::new(SourceLimits { passwords: few(1), ..LIMITLESS }).await;
    let password = |text: &str| Some(Secret::new(text.to_owned()));
    let fields = NewSignUp { password: password("wanders under elms"), ..email(0) };
    bench.create(HERE, &fields).await.expect("the only one");
    assert_limited(bench.create(HERE, &fields).await);
    let raw = NewSignIn {
        identifier: Some("a0@example.com".into()),
        password: password("wanders under oaks"),
        ..NewSignIn::default()
    };
    assert_limited(bench.engine.sign_ins().create(&Caller::anonymous(), &raw, &source(HERE)).await);
    bench.create(THERE, &fields).await.expect("somebody else's budget");

    let bench = Bench::new(SourceLimits { writes: few(2), ..LIMITLESS }).await;
    let (sign_up, caller) = bench.begin(HERE, &email(0)).await;
    let id = sign_up.value.id;
    bench.engine.sign_ups().update(&caller, id, &email(1).into(), &source(HERE)).await.expect("within the budget");
    assert_limited(bench.engine.sign_ups().update(&caller, id, &email(2).into(), &source(HERE)).await);
    assert_limited(
        bench
            .engine
            .sign_ups()
            .prepare(&caller, id, &PrepareVerification::new(Strategy::EmailCode), &source(HERE))
            .await,
    );
    assert_limited(
        bench
            .engine
            .sign_ups()
            .attempt(&caller, id, &AttemptVerification::code(Strategy::EmailCode, "123456"), &source(HERE))
            .await,
    );
    assert_limited(bench.engine.sessions().end_all(&caller, &source(HERE)).await);
    assert!(bench.engine.sign_ups().show(&caller, id).await.is_ok(), "a look writes nothing");
}

/// A malicious page can make its visitor's browser request any number of links.
#[tokio::test]
async fn links_that_are_none_use_up_nothing() {
    let bench = Bench::new(SourceLimits { attempts: few(1), writes: few(3), ..LIMITLESS }).await;
    let (sign_up, caller) = bench.begin(HERE, &email(0)).await;
    let id = sign_up.value.id;
    bench
        .engine
        .sign_ups()
        .prepare(&caller, id, &PrepareVerification::new(Strategy::EmailCode), &source(HERE))
        .await
        .expect("sent");
    for _ in 0..20 {
        let followed = bench.engine.sign_ups().follow_link(&Caller::anonymous(), "nonsense", true, &source(HERE)).await;
        assert_eq!(followed.expect("an answer").outcome, LinkOutcome::Failed);
    }
    let proved = bench.prove(&caller, id, Strategy::EmailCode, "a0@example.com").await;
    assert_eq!(proved.value.id, id, "the try is still there");
}

#[tokio::test]
async fn a_source_has_so_many_session_tokens_signed() {
    let bench = Bench::new(SourceLimits { tokens: few(2), ..LIMITLESS }).await;
    let fields = NewSignUp { phone_number: Some("+14155552671".into()), ..email(0) };
    let (sign_up, caller) = bench.begin(HERE, &fields).await;
    let id = sign_up.value.id;
    let source = |from, tokens| RequestContext { tokens, ..source(from) };
    for strategy in [Strategy::EmailCode, Strategy::PhoneCode] {
        let prepare = PrepareVerification::new(strategy);
        let prepared = bench.engine.sign_ups().prepare(&caller, id, &prepare, &source(HERE, false)).await;
        prepared.expect("sent");
    }
    bench.prove(&caller, id, Strategy::EmailCode, "a0@example.com").await;
    let code = bench.code("+14155552671").await;
    let here = source(HERE, true);
    let attempt = AttemptVerification::code(Strategy::PhoneCode, code);
    let done = bench.engine.sign_ups().attempt(&caller, id, &attempt, &here);
    let (_, client) = done.await.expect("a right code");
    assert!(client.sessions[0].token.is_some(), "the first");
    let token = client.new_token.expect("another token");
    let caller = bench.engine.identify(Some(token.expose())).await.expect("readable");
    let session = client.sessions[0].session.id;
    bench.engine.sessions().token(&caller, session, &source(HERE, false)).await.expect("the second");
    assert_limited(bench.engine.sessions().token(&caller, session, &source(HERE, false)).await);
    let shown = bench.engine.client_view(&caller, &source(HERE, true)).await.expect("readable").expect("a client");
    assert_eq!((shown.sessions.len(), shown.sessions[0].token.is_none()), (1, true), "shown, without a token");
    assert!(
        bench.engine.sessions().token(&caller, session, &source(THERE, false)).await.is_ok(),
        "somebody else's budget"
    );
}

#[tokio::test]
async fn passwords_are_judged_after_all_that_is_cheaper() {
    let bench = Bench::new(SourceLimits { passwords: few(1), ..LIMITLESS }).await;
    let given = |text: &str| NewSignUp { password: Some(Secret::new(text.to_owned())), ..email(0) };
    for (text, code) in [
        ("a".repeat(73), ErrorCode::FormPasswordLengthTooLong),
        ("4@8({[<3".repeat(500), ErrorCode::FormPasswordLengthTooLong),
        ("ü".repeat(60_000), ErrorCode::FormPasswordSizeInBytesExceeded),
        ("short".into(), ErrorCode::FormPasswordLengthTooShort),
    ] {
        match bench.create(HERE, &given(&text)).await {
            Err(EngineError::Rejected(refused)) => assert!(
                refused.is(code) || refused.is(ErrorCode::FormPasswordSizeInBytesExceeded),
                "{refused:?} for {} bytes",
                text.len()
            ),
            other => panic!("{other:?}"),
        }
    }
    match bench.create(HERE, &given("password1")).await {
        Err(EngineError::Rejected(refused)) => {
            assert!(refused.is(ErrorCode::FormPasswordPwned), "the pool was not asked before")
        }
        other => panic!("{other:?}"),
    }
    assert_limited(bench.create(HERE, &given("wanders under elms")).await);
}

#[test]
fn a_limit_is_answered_429_with_the_time_to_wait() {
    let folder = TempDir::new().expect("a folder");
    let config = "[server]\ntrusted_proxies = [\"127.0.0.1\"]\n[limits]\nsource_look_ups_per_minute = 3\n";
    let server = Server::start(folder.path(), config);
    let create = |from: &str, n: u32| {
        let headers = [("content-type", "application/x-www-form-urlencoded"), ("x-forwarded-for", from)];
        let form = format!("email_address=a{n}%40example.com");
        server.request("POST", "/v1/client/sign_ups?_is_native=1", &headers, &form).expect("an answer")
    };
    for n in 0..3 {
        assert_eq!(create("203.0.113.1", n).status, 200);
    }
    let refused = create("203.0.113.1", 3);
    assert_eq!((refused.status, refused.error_codes()), (429, vec!["too_many_requests".to_owned()]));
    let wait: u64 = refused.header("retry-after").and_then(|text| text.parse().ok()).expect("a time to wait");
    assert!((1..=60).contains(&wait), "{wait}");
    assert_eq!(create("203.0.113.2", 3).status, 200, "somebody else");
}

struct Bench {
    engine: Engine,
    captured: Arc<Capture>,
}

impl Bench {
    async fn new(limits: SourceLimits) -> Self {
        let captured = Arc::new(Capture::new());
        let cheap = HashParameters { m_kib: 64, t: 1, p: 1 };
        let builder = Engine::builder()
            .settings(settings())
            .policy(Policy { address_limits: None, ..Policy::default() })
            .email(captured.clone())
            .sms(captured.clone())
            .source_limits(Some(limits))
            .hashing(HashOptions { parameters: cheap, threads: 1, ..HashOptions::default() });
        Self { engine: builder.build().await.expect("an engine"), captured }
    }

    async fn create(&self, from: [u8; 4], fields: &NewSignUp) -> Result<(SignUpView, ClientView), EngineError> {
        self.engine.sign_ups().create(&Caller::anonymous(), fields, &source(from)).await
    }

    /// A sign-up by a new client.
    async fn begin(&self, from: [u8; 4], fields: &NewSignUp) -> (SignUpView, Caller) {
        let (sign_up, client) = self.create(from, fields).await.expect("a sign-up");
        let token = client.new_token.expect("a new client has a token");
        (sign_up, self.engine.identify(Some(token.expose())).await.expect("readable"))
    }

    /// Verifies an address with the code that was sent to it.
    async fn prove(&self, caller: &Caller, id: SignUpId, strategy: Strategy, to: &str) -> SignUpView {
        let code = self.code(to).await;
        let attempt = AttemptVerification::code(strategy, code);
        let proved = self.engine.sign_ups().attempt(caller, id, &attempt, &source(HERE)).await;
        proved.expect("a right code").0
    }

    async fn code(&self, to: &str) -> String {
        while self.captured.to(to).is_empty() {
            tokio::task::yield_now().await;
        }
        self.captured.to(to)[0].code.clone().expect("a code").into_inner()
    }

    async fn sign_in(&self, from: [u8; 4], identifier: Option<&str>) -> Result<(), EngineError> {
        let raw = NewSignIn { identifier: identifier.map(str::to_owned), ..NewSignIn::default() };
        self.engine.sign_ins().create(&Caller::anonymous(), &raw, &source(from)).await.map(drop)
    }

    /// Causes a message to the n-th address from a new client.
    async fn send(&self, call: &str, by_phone: bool, from: [u8; 4], n: u32) -> Result<(), EngineError> {
        let strategy = if by_phone { Strategy::PhoneCode } else { Strategy::EmailCode };
        let fields = match by_phone {
            true => NewSignUp { phone_number: Some(format!("+1415555{:04}", 2000 + n)), ..NewSignUp::default() },
            false => email(n),
        };
        let with_strategy = NewSignUp { strategy: Some(strategy.clone()), ..fields.clone() };
        if call == "create" {
            return self.create(from, &with_strategy).await.map(drop);
        }
        if call == "sign_in" {
            let identifier = fields.phone_number.or(fields.email_address);
            let raw = NewSignIn { identifier, strategy: Some(strategy), ..NewSignIn::default() };
            return self.engine.sign_ins().create(&Caller::anonymous(), &raw, &source(from)).await.map(drop);
        }
        let (sign_up, caller) = self.begin(from, &fields).await;
        let id = sign_up.value.id;
        match call {
            "update" => {
                self.engine.sign_ups().update(&caller, id, &with_strategy.into(), &source(from)).await.map(drop)
            }
            _ => {
                let prepare = PrepareVerification::new(strategy);
                self.engine.sign_ups().prepare(&caller, id, &prepare, &source(from)).await.map(drop)
            }
        }
    }
}

fn settings() -> Settings {
    let mut settings = Settings::default();
    let on = Attribute { enabled: true, ..Attribute::default() };
    let proved = |strategy: Strategy| Attribute {
        required: true,
        used_for_first_factor: true,
        first_factors: vec![strategy.to_string()],
        verify_at_sign_up: true,
        verifications: vec![strategy],
        ..on.clone()
    };
    settings.attributes.email_address = proved(Strategy::EmailCode);
    settings.attributes.phone_number = proved(Strategy::PhoneCode);
    settings.attributes.password = Attribute { used_for_first_factor: true, ..on.clone() };
    settings.attributes.first_name = on;
    // An unknown identifier seems to get a code like any other.
    settings.attack_protection.enumeration_protection.enabled = true;
    settings.sign_up.mode = SignUpMode::Public;
    settings
}

fn email(n: u32) -> NewSignUp {
    NewSignUp { email_address: Some(format!("a{n}@example.com")), ..NewSignUp::default() }
}

fn source(address: [u8; 4]) -> RequestContext {
    RequestContext { address: Some(IpAddr::from(address)), ..RequestContext::default() }
}

fn assert_limited<T: std::fmt::Debug>(outcome: Result<T, EngineError>) {
    match outcome {
        Err(error) if is_limit(&error) => {}
        other => panic!("not limited: {other:?}"),
    }
}

/// Whether it is a limit error with a waiting time.
fn is_limit(error: &EngineError) -> bool {
    match error {
        EngineError::Limited { retry_after } => *retry_after > Span::from_millis(0),
        EngineError::Rejected(refused) => refused.reasons().iter().any(|r| r.retry_after.is_some()),
        _ => false,
    }
}

const fn few(source: u32) -> Budget {
    Budget::new(source, 1_000, Span::from_secs(600))
}

const PLENTY: Budget = few(1_000_000);
const LIMITLESS: SourceLimits = SourceLimits {
    creates: PLENTY,
    attempts: PLENTY,
    look_ups: PLENTY,
    emails: PLENTY,
    sms: PLENTY,
    passwords: PLENTY,
    clients: PLENTY,
    writes: PLENTY,
    tokens: PLENTY,
    sms_per_prefix: None,
    sms_per_country: None,
    sms_per_day: None,
    sms_conversion: None,
};
const HERE: [u8; 4] = [192, 0, 2, 1];
const THERE: [u8; 4] = [192, 0, 2, 2];
