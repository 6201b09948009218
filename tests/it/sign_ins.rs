//! Sign-ins: the engine in one process, with Clerk's wire protocol.

use std::sync::Arc;
use std::time::Duration;

use serde_json::Value;
use tempfile::TempDir;
use vestibule::delivery::Capture;
use vestibule::domain::policy::{AddressLimits, Policy};
use vestibule::domain::rejection::ErrorCode;
use vestibule::domain::secret::Secret;
use vestibule::domain::settings::{Attribute, Settings};
use vestibule::domain::sign_in::Status;
use vestibule::domain::sign_up::NewSignUp;
use vestibule::domain::verification::Strategy;
use vestibule::engine::{
    AttemptFirstFactor, AttemptVerification, Caller, ClientView, Engine, EngineError, NewSignIn, PrepareFirstFactor,
    RequestContext, SignInView,
};
use vestibule::password::{HashOptions, HashParameters};

use crate::support::browser::{Browser, PAGE};
use crate::support::server::Server;

#[tokio::test]
async fn a_password_signs_in_within_one_request() {
    let bench = Bench::new(settings(), Policy::default()).await;
    let before = bench.sign_up("Ada@Example.com", Some(PASSWORD)).await;
    let (done, client) =
        bench.create(&Caller::anonymous(), "ada@EXAMPLE.com", Some(PASSWORD)).await.expect("signed in");
    assert_eq!(done.status, Status::Complete);
    assert!(client.client.sign_in.is_none() && client.sign_in.is_none());
    let session = &client.sessions[0];
    assert_eq!(session.user.id, before.sessions[0].user.id);
    assert!(session.user.last_sign_in_at >= before.sessions[0].user.last_sign_in_at);
    assert_eq!(session.user.last_sign_in_at, Some(session.session.created_at));
    assert_eq!(client.client.last_authentication_strategy, Some(Strategy::Password));
    assert!(client.new_token.is_some());
}

/// Applications show ids of users in public pages; an address must not lead there.
#[tokio::test]
async fn the_factors_of_a_sign_in_do_not_tell_who_the_user_is() {
    let bench = Bench::new(settings(), Policy::default()).await;
    let user = bench.sign_up("ada@example.com", None).await.sessions[0].user.clone();
    let (begun, _) = bench.create(&Caller::anonymous(), "ada@example.com", None).await.expect("known");
    let ids: Vec<_> = begun.first_factors.iter().filter_map(|factor| Some(factor.address.as_ref()?.id)).collect();
    assert!(!ids.is_empty());
    assert!(ids.iter().all(|id| id.as_bytes() != user.id.as_bytes() && *id != user.email_addresses[0].id));
    let (again, _) = bench.create(&Caller::anonymous(), "ada@example.com", None).await.expect("known");
    assert_eq!(again.first_factors, begun.first_factors, "they are the same at every call");
}

#[tokio::test]
async fn a_code_by_mail_signs_in_and_the_token_from_before_shows_nothing() {
    let bench = Bench::new(settings(), Policy::default()).await;
    bench.sign_up("ada@example.com", None).await;
    let (begun, client) = bench.create(&Caller::anonymous(), "ada@example.com", None).await.expect("known");
    assert_eq!(begun.status, Status::NeedsFirstFactor);
    let offered: Vec<_> = begun.first_factors.iter().map(|f| f.strategy.clone()).collect();
    assert_eq!(offered, [Strategy::EmailCode, Strategy::ResetPasswordEmailCode]);
    let token = client.new_token.expect("a new client");
    let caller = bench.engine.identify(Some(token.expose())).await.expect("readable");
    let id = begun.value.id;
    bench.prepare(&caller, &begun).await.expect("sent");
    let again = bench.engine.identify(Some(token.expose())).await.expect("readable");
    let refused = bench.prepare(&again, &begun).await.expect_err("cooling down");
    assert!(is(&refused, ErrorCode::VerificationCodeTooManyRequests));
    let code = bench.code("ada@example.com", 2).await;
    let wrong = if code == "000000" { "000001" } else { "000000" };
    assert!(is(&bench.attempt(&again, &begun, wrong).await.expect_err("wrong"), ErrorCode::FormCodeIncorrect));
    let (shown, _) =
        bench.engine.sign_ins().show(&bench.known(&token).await, id, &RequestContext::default()).await.expect("there");
    assert_eq!(shown.value.first_factor.expect("prepared").verification.attempts, 1, "it was counted");
    let (done, _) = bench.attempt(&bench.known(&token).await, &begun, &code).await.expect("right");
    assert_eq!(done.status, Status::Complete);
    assert!(bench.known(&token).await.client().is_none());
}

#[tokio::test]
async fn others_sign_ins_do_not_exist() {
    let bench = Bench::new(settings(), Policy::default()).await;
    bench.sign_up("ada@example.com", None).await;
    let (begun, _) = bench.create(&Caller::anonymous(), "ada@example.com", None).await.expect("known");
    let (_, other) = bench.create(&Caller::anonymous(), "ada@example.com", None).await.expect("known");
    let stranger = bench.known(&other.new_token.expect("a token")).await;
    for caller in [Caller::anonymous(), stranger] {
        assert_eq!(bench.prepare(&caller, &begun).await.expect_err("foreign"), EngineError::NotFound);
        assert_eq!(bench.attempt(&caller, &begun, "000000").await.expect_err("foreign"), EngineError::NotFound);
    }
}

#[tokio::test]
async fn refusals_name_what_is_wrong() {
    let bench = Bench::new(settings(), Policy::default()).await;
    let signed_up = bench.sign_up("ada@example.com", Some(PASSWORD)).await;
    bench.sign_up("bob@example.com", None).await;
    let nobody = Caller::anonymous();
    for (identifier, password, code) in [
        ("eve@example.com", None, ErrorCode::FormIdentifierNotFound),
        ("eve@example.com", Some(PASSWORD), ErrorCode::FormIdentifierNotFound),
        ("ada@example.com", Some("wanders under oaks"), ErrorCode::FormPasswordIncorrect),
        ("bob@example.com", Some(PASSWORD), ErrorCode::StrategyForUserInvalid),
        ("", Some(PASSWORD), ErrorCode::FormParamMissing),
        ("+14155552671", None, ErrorCode::FormParamFormatInvalid),
    ] {
        let refused = bench.create(&nobody, identifier, password).await.expect_err(identifier);
        assert!(is(&refused, code), "{identifier}: {refused:?}");
    }
    let signed_in = bench.known(signed_up.new_token.as_ref().expect("a token")).await;
    let refused = bench.create(&signed_in, "bob@example.com", None).await.expect_err("one session is all");
    assert!(is(&refused, ErrorCode::SessionExists));
    let transfer = NewSignIn { transfer: true, ..NewSignIn::default() };
    let refused =
        bench.engine.sign_ins().create(&nobody, &transfer, &RequestContext::default()).await.expect_err("nothing");
    assert!(is(&refused, ErrorCode::AccountTransferInvalid));
}

#[tokio::test]
async fn with_several_sessions_a_user_signs_in_once() {
    let policy = Policy { single_session: false, ..Policy::default() };
    let bench = Bench::new(settings(), policy).await;
    let client = bench.sign_up("ada@example.com", Some(PASSWORD)).await;
    bench.sign_up("bob@example.com", Some(PASSWORD)).await;
    let caller = bench.known(client.new_token.as_ref().expect("a token")).await;
    let refused = bench.create(&caller, "ada@example.com", Some(PASSWORD)).await.expect_err("already");
    assert!(is(&refused, ErrorCode::IdentifierAlreadySignedIn));
    let (_, both) = bench.create(&caller, "bob@example.com", Some(PASSWORD)).await.expect("a second session");
    assert_eq!(both.sessions.len(), 2);
}

#[tokio::test]
async fn wrong_passwords_use_up_the_budget_and_then_the_right_one_is_refused_alike() {
    let limits = AddressLimits { account_failures: 7, ..AddressLimits::default() };
    let bench = Bench::new(settings(), Policy { address_limits: Some(limits), ..Policy::default() }).await;
    bench.sign_up("ada@example.com", Some(PASSWORD)).await;
    for _ in 0..4 {
        let wrong = bench.create(&Caller::anonymous(), "ada@example.com", Some("wanders under oaks")).await;
        assert!(is(&wrong.expect_err("wrong"), ErrorCode::FormPasswordIncorrect));
    }
    for password in ["wanders under oaks", PASSWORD] {
        let refused = bench.create(&Caller::anonymous(), "ada@example.com", Some(password)).await;
        assert!(is(&refused.expect_err("spent"), ErrorCode::TooManyRequests));
    }
}

#[tokio::test]
async fn under_enumeration_protection_nobody_looks_like_somebody() {
    let mut settings = settings();
    settings.attack_protection.enumeration_protection.enabled = true;
    let bench = Bench::new(settings, Policy::default()).await;
    bench.sign_up("ada@example.com", Some(PASSWORD)).await;
    bench.sign_up("bob@example.com", None).await;
    let mut shapes = Vec::new();
    for address in ["ada@example.com", "bob@example.com", "eve@example.com"] {
        let (begun, client) = bench.create(&Caller::anonymous(), address, None).await.expect("as if known");
        let token = client.new_token.expect("a token");
        let (prepared, _) = bench.prepare(&bench.known(&token).await, &begun).await.expect("as if sent");
        assert!(begun.user.is_none() && prepared.user.is_none());
        shapes.push(begun.first_factors.iter().map(|f| (f.strategy.clone(), f.address.is_some())).collect::<Vec<_>>());
        let wrong = bench.create(&Caller::anonymous(), address, Some("wanders under oaks")).await;
        assert!(is(&wrong.expect_err("wrong"), ErrorCode::FormPasswordIncorrect));
    }
    assert_eq!(
        shapes[0],
        [(Strategy::Password, false), (Strategy::EmailCode, true), (Strategy::ResetPasswordEmailCode, true)]
    );
    assert!(shapes.iter().all(|shape| *shape == shapes[0]), "{shapes:?}");
    bench.code("bob@example.com", 2).await;
    assert!(bench.mail.to("eve@example.com").is_empty());
}

#[test]
fn clerks_wire_carries_a_sign_in() {
    let folder = TempDir::new().expect("a folder");
    let server = Server::start(folder.path(), CONFIG);
    let form = "username=ada_l&password=wanders+under+elms";
    let made = server.native("POST", "/v1/client/sign_ups", "", form).expect("an answer");
    assert_eq!(made.json()["response"]["status"], "complete", "{}", made.body);

    let begun = server.native("POST", "/v1/client/sign_ins", "", "identifier=ada_l").expect("an answer");
    let token = begun.header("authorization").expect("a token").to_owned();
    let shown = begun.json();
    let sign_in = &shown["response"];
    assert_eq!((begun.status, &sign_in["object"]), (200, &Value::from("sign_in_attempt")));
    assert_eq!(sign_in["status"], "needs_first_factor");
    assert_eq!(sign_in["supported_first_factors"], serde_json::json!([{"strategy": "password"}]));
    assert_eq!(sign_in["supported_identifiers"], serde_json::json!(["username"]));
    assert_eq!(shown["client"]["sign_in"]["id"], sign_in["id"]);

    let path = format!("/v1/client/sign_ins/{}", sign_in["id"].as_str().expect("an id"));
    assert_eq!(server.native("GET", &path, &token, "").expect("an answer").status, 200);
    let attempt = format!("{path}/attempt_first_factor");
    let wrong = server.native("POST", &attempt, &token, "strategy=password&password=x").expect("an answer");
    assert_eq!((wrong.status, wrong.error_codes()), (422, vec!["form_password_incorrect".to_owned()]));
    assert_eq!(wrong.json()["errors"][0]["meta"]["param_name"], "password");
    let right = "strategy=password&password=wanders+under+elms";
    let done = server.native("POST", &attempt, &token, right).expect("an answer").json();
    assert_eq!(done["response"]["status"], "complete", "{done}");
    assert_eq!(done["client"]["sign_in"], Value::Null);
    assert_eq!(done["client"]["sessions"][0]["id"], done["response"]["created_session_id"]);
    let unknown = server.native("POST", "/v1/client/sign_ins", "", "identifier=nobody").expect("an answer");
    assert_eq!((unknown.status, unknown.error_codes()), (422, vec!["form_identifier_not_found".to_owned()]));
    let other = server.native("POST", "/v1/client/sign_ins", "", "identifier=ada_l&strategy=email_code");
    let other = other.expect("an answer");
    assert_eq!((other.status, other.error_codes()), (400, vec!["strategy_for_user_invalid".to_owned()]));
}

struct Bench {
    engine: Engine,
    mail: Arc<Capture>,
}

impl Bench {
    async fn new(settings: Settings, policy: Policy) -> Self {
        let mail = Arc::new(Capture::new());
        let cheap = HashParameters { m_kib: 64, t: 1, p: 1 };
        let builder = Engine::builder().policy(policy).settings(settings).email(mail.clone());
        let builder = builder.hashing(HashOptions { parameters: cheap, threads: 1, ..HashOptions::default() });
        Self { engine: builder.build().await.expect("an engine"), mail }
    }

    async fn known(&self, token: &Secret<String>) -> Caller {
        self.engine.identify(Some(token.expose())).await.expect("readable")
    }

    /// Creates a user; returns the signed-in client.
    async fn sign_up(&self, email: &str, password: Option<&str>) -> ClientView {
        let fields = NewSignUp {
            email_address: Some(email.into()),
            password: password.map(|text| Secret::new(text.into())),
            strategy: Some(Strategy::EmailCode),
            ..NewSignUp::default()
        };
        let source = RequestContext::default();
        let made = self.engine.sign_ups().create(&Caller::anonymous(), &fields, &source).await;
        let (sign_up, client) = made.expect("a sign-up");
        let caller = self.known(&client.new_token.expect("a token")).await;
        let code = self.code(&email.to_lowercase(), 1).await;
        let id = sign_up.value.id;
        let done = self
            .engine
            .sign_ups()
            .attempt(&caller, id, &AttemptVerification::code(Strategy::EmailCode, code), &source)
            .await;
        done.expect("a right code").1
    }

    async fn create(
        &self,
        caller: &Caller,
        identifier: &str,
        password: Option<&str>,
    ) -> Result<(SignInView, ClientView), EngineError> {
        let raw = NewSignIn {
            identifier: Some(identifier.into()),
            password: password.map(|text| Secret::new(text.into())),
            ..NewSignIn::default()
        };
        self.engine.sign_ins().create(caller, &raw, &RequestContext::default()).await
    }

    async fn prepare(&self, caller: &Caller, on: &SignInView) -> Result<(SignInView, ClientView), EngineError> {
        let raw = PrepareFirstFactor::new(Strategy::EmailCode);
        self.engine.sign_ins().prepare(caller, on.value.id, &raw, &RequestContext::default()).await
    }

    async fn attempt(
        &self,
        caller: &Caller,
        on: &SignInView,
        code: &str,
    ) -> Result<(SignInView, ClientView), EngineError> {
        let raw = AttemptFirstFactor::code(Strategy::EmailCode, code);
        self.engine.sign_ins().attempt(caller, on.value.id, &raw, &RequestContext::default()).await
    }

    /// The code in the `nth` message to an address.
    async fn code(&self, to: &str, nth: usize) -> String {
        loop {
            let mut messages = self.mail.to(to);
            if messages.len() >= nth {
                messages.sort_by_key(|message| message.created_at);
                return messages[nth - 1].code.as_ref().expect("a code").expose().clone();
            }
            tokio::time::sleep(Duration::from_millis(2)).await;
        }
    }
}

fn is(error: &EngineError, code: ErrorCode) -> bool {
    matches!(error, EngineError::Rejected(rejection) if rejection.is(code))
}

fn settings() -> Settings {
    let mut settings = Settings::default();
    let on = Attribute { enabled: true, ..Attribute::default() };
    settings.attributes.email_address = Attribute {
        required: true,
        used_for_first_factor: true,
        verify_at_sign_up: true,
        verifications: vec![Strategy::EmailCode],
        ..on.clone()
    };
    settings.attributes.password = on;
    settings
}

const PASSWORD: &str = "wanders under elms";
const CONFIG: &str = "
[settings.attributes.username]
enabled = true
required = true
used_for_first_factor = true
[settings.attributes.password]
enabled = true
required = true
";

#[test]
fn a_code_by_text_message_signs_in_whoever_signed_up_with_that_number() {
    let folder = TempDir::new().expect("a folder");
    let config = format!(
        "[server]\nallowed_origins = [\"{PAGE}\"]\n[limits]\nsource = false\n[verification]\nresend_cooldown_s = 0\n\
         [settings]\nfile = \"phone\"\n"
    );
    let server = Server::start(folder.path(), &config);
    let mut browser = Browser::of(&server);
    let number = "+14155552671";
    let begun = browser.post("/v1/client/sign_ups", "phone_number=%2B14155552671&strategy=phone_code");
    assert_eq!(begun.status, 200, "{}", begun.body);
    let path = format!("/v1/client/sign_ups/{}", begun.json()["response"]["id"].as_str().expect("an id"));
    let code = |count| server.code(number, count);
    let form = format!("strategy=phone_code&code={}", code(1));
    let done = browser.post(&format!("{path}/attempt_verification"), &form).json();
    assert_eq!(done["response"]["status"], "complete", "{done}");
    assert_eq!(browser.request("DELETE", "/v1/client/sessions", &[], "").status, 200);

    let begun = browser.post("/v1/client/sign_ins", "identifier=%2B1+415+555+2671").json()["response"].clone();
    assert_eq!(begun["status"], "needs_first_factor", "{begun}");
    let factor = &begun["supported_first_factors"][0];
    assert_eq!(factor["strategy"], "phone_code");
    let path = format!("/v1/client/sign_ins/{}", begun["id"].as_str().expect("an id"));
    let form = format!("strategy=phone_code&phone_number_id={}", factor["phone_number_id"].as_str().expect("an id"));
    let prepared = browser.post(&format!("{path}/prepare_first_factor"), &form).json();
    assert_eq!(prepared["response"]["first_factor_verification"]["status"], "unverified", "{prepared}");
    let form = format!("strategy=phone_code&code={}", code(2));
    let signed_in = browser.post(&format!("{path}/attempt_first_factor"), &form).json();
    assert_eq!(signed_in["response"]["status"], "complete", "{signed_in}");
    assert_eq!(signed_in["client"]["sessions"][0]["user"]["id"], done["response"]["created_user_id"]);
}
