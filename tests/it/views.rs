//! What an embedder writes of a view is what the HTTP front end sends, byte for byte, and what it prints of one has no
//! secret in it.

use crate::support::redirects::allowed;
use std::fmt::Debug;
use std::sync::Arc;
use vestibule::domain::metadata::Metadata;
use vestibule::domain::verification::AuthorizeParams;
use vestibule::engine::AttemptVerification;
use vestibule::engine::PrepareVerification;

use http_body_util::{BodyExt as _, Full};
use hyper::Request;
use hyper::body::Bytes;
use serde::Serialize;
use serde_json::{Value, json};
use tower_service::Service as _;
use vestibule::clock::ManualClock;
use vestibule::delivery::Capture;
use vestibule::domain::id::SignUpId;
use vestibule::domain::invitation::NewInvitation;
use vestibule::domain::secret::Secret;
use vestibule::domain::settings::{Attribute, OAuth, Settings, SignUpMode, Social};
use vestibule::domain::sign_up::{NewSignUp, SignUp, Status};
use vestibule::domain::time::{Span, Timestamp};
use vestibule::domain::user::NewUser;
use vestibule::domain::verification::Strategy;
use vestibule::engine::{
    AttemptFirstFactor, BackendKey, Caller, ClientView, Engine, EngineError, ListParams, NewSignIn, PrepareFirstFactor,
    ProviderCallback, RequestContext, SignInView, SignUpView,
};
use vestibule::http::{HttpOptions, HttpService};
use vestibule::oauth::Providers;
use vestibule::outbound::{Outbound, OutboundOptions};
use vestibule::password::{HashOptions, HashParameters};

use crate::support::provider::{CLIENT_ID, CLIENT_SECRET, Provider};

#[tokio::test]
async fn a_sign_up_by_code_is_written_as_http_sends_it_in_every_state() {
    let bench = Bench::over(settings()).await;
    let mut person = bench.begins(&fields("ada@example.com")).await;
    bench.compare_sign_up(&person).await;

    bench.is_safe(&bench.prepare(&person).await.expect("sent"), &person).await;
    bench.compare_sign_up(&person).await;

    let code = bench.code("ada@example.com").await;
    let wrong = if code == "000000" { "111111" } else { "000000" };
    let refused = bench.attempt(&person, wrong).await.expect_err("a wrong code");
    bench
        .compare_error(
            &refused,
            "POST",
            &person.path("/attempt_verification"),
            &format!("strategy=email_code&code={wrong}"),
            &person,
        )
        .await;

    let (done, client) = bench.attempt(&person, &code).await.expect("the right code");
    assert_eq!(done.status, Status::Complete);
    bench.is_safe(&(done, &client), &person).await;
    person.caller = bench.caller_of(&client).await;
    person.token = client.new_token.expect("a token").into_inner();
    bench.compare_sign_up(&person).await;

    let client = bench.client(&person).await;
    let session = &client.sessions[0];
    let at = format!("/v1/client/sessions/{}", session.session.id);
    assert_eq!(bench.get(&at, &person).await, wrapped(session, &client));
    // The user as such says when it signed in, not when its session was in use; at this moment that is the same.
    let user = bench.engine.users().current(&person.caller, None).await.expect("signed in");
    assert_eq!(bench.get("/v1/me", &person).await, wrapped(&*user, &client));
    bench.is_safe(&(user, session), &person).await;
}

#[tokio::test]
async fn a_sign_up_that_was_left_is_written_as_http_sends_it() {
    let bench = Bench::over(settings()).await;
    let person = bench.begins(&fields("ada@example.com")).await;
    bench.clock.advance(Span::from_secs(2 * 86_400));
    let abandoned = bench.engine.sign_ups().inspect(person.sign_up).await.expect("kept for a while");
    assert_eq!(abandoned.status, Status::Abandoned);
    bench.is_safe(&abandoned, &person).await;
    let key = bench.engine.secret_key().expect("a key").expose().to_owned();
    let sent = bench.backend("GET", &format!("/v1/sign_ups/{}", person.sign_up), &key).await;
    assert_eq!(sent, text(&abandoned));
}

#[tokio::test]
async fn with_enumeration_protection_a_taken_address_is_written_as_http_sends_it() {
    let mut settings = settings();
    settings.attack_protection.enumeration_protection.enabled = true;
    let bench = Bench::over(settings).await;
    bench.becomes_a_user("ada@example.com").await;
    let second = bench.begins(&fields("ada@example.com")).await;
    bench.is_safe(&bench.prepare(&second).await.expect("nothing is told"), &second).await;
    bench.compare_sign_up(&second).await;
}

#[tokio::test]
async fn an_account_at_a_provider_is_written_as_http_sends_it_before_and_after_a_refusal() {
    let provider = Provider::start();
    let mut settings = settings();
    let app = OAuth {
        client_id: CLIENT_ID.into(),
        client_secret: Secret::new(CLIENT_SECRET.into()),
        issuer: Some(provider.issuer()),
        ..OAuth::default()
    };
    settings.oauth.insert("oauth_custom_fake".into(), app);
    let name = "oauth_custom_fake".to_owned();
    let social = Social { enabled: true, authenticatable: true, strategy: name.clone(), ..Social::default() };
    settings.social.insert(name, social);
    let bench = Bench::over(settings).await;
    let person = bench
        .begins(&NewSignUp {
            strategy: Some("oauth_custom_fake".parse().expect("a strategy")),
            authorize: AuthorizeParams::to(allowed("https://acme.example/back")),
            ..NewSignUp::default()
        })
        .await;
    let begun = bench.compare_sign_up(&person).await;
    let account = |view: &Value| view["verifications"]["external_account"].clone();
    let page = account(&begun)["external_verification_redirect_url"].as_str().expect("a page").to_owned();
    let (_, state) = provider.allow(&page);
    let callback =
        ProviderCallback { state: Some(state), error: Some("access_denied".into()), ..ProviderCallback::default() };
    let back = bench.engine.return_from_provider(&person.caller, &callback, &here()).await.expect("a place to go");
    bench.is_safe(&back, &person).await;
    let one_time_value = back.native_handoff.as_deref().expect("for an application without cookies");
    assert!(!format!("{back:?}").contains(one_time_value));
    let claimed = bench.engine.sign_ups().claim_return(&person.caller, person.sign_up, one_time_value, &here()).await;
    bench.is_safe(&claimed.expect("its own return"), &person).await;
    let refused = bench.compare_sign_up(&person).await;
    assert_eq!(account(&refused)["error"]["code"], "oauth_access_denied");
}

#[tokio::test]
async fn a_sign_in_is_written_as_http_sends_it_in_every_state() {
    let bench = Bench::over(settings()).await;
    bench.becomes_a_user("ada@example.com").await;
    let given = NewSignIn { identifier: Some("ada@example.com".into()), ..NewSignIn::default() };
    let (begun, client) =
        bench.engine.sign_ins().create(&Caller::anonymous(), &given, &here()).await.expect("a sign-in");
    let caller = bench.caller_of(&client).await;
    let token = client.new_token.expect("a token").into_inner();
    let person = Person { caller, token, sign_up: SignUpId::from_bytes([0; 16]) };
    bench.compare_sign_in(&person, &begun).await;

    let factor = begun.first_factors.iter().find(|factor| factor.strategy == Strategy::EmailCode).expect("a code");
    let address = factor.address.as_ref().expect("an address");
    let prepare = PrepareFirstFactor { address_id: Some(address.id), ..PrepareFirstFactor::new(Strategy::EmailCode) };
    let (prepared, _) =
        bench.engine.sign_ins().prepare(&person.caller, begun.id(), &prepare, &here()).await.expect("sent");
    bench.compare_sign_in(&person, &prepared).await;

    let proof = AttemptFirstFactor::password(Secret::new(PASSWORD.into()));
    let done = bench.engine.sign_ins().attempt(&person.caller, begun.id(), &proof, &here()).await;
    bench.is_safe(&done.expect("the right password"), &person).await;
}

#[tokio::test]
async fn invitations_and_waitlist_entries_are_written_as_the_backend_is_sent_them() {
    let mut settings = settings();
    settings.sign_up.mode = SignUpMode::Waitlist;
    let bench = Bench::over(settings).await;
    let (engine, key) = (&bench.engine, bench.engine.secret_key().expect("a key").expose().to_owned());
    for address in ["ada@example.com", "eve@example.com"] {
        let raw = NewInvitation {
            public_metadata: Some(metadata(r#"{"zone": 1, "area": {"y": [2.50, null], "x": "é"}}"#)),
            ..NewInvitation::to(address)
        };
        let made = engine.invitations().create(&raw).await.expect("an invitation");
        assert!(text(&made).contains(r#""public_metadata":{"zone":1,"area":{"y":[2.5,null],"x":"é"}}"#));
        let ticket = made.url.query_pairs().find(|(name, _)| name == "ticket").expect("a ticket").1.into_owned();
        let printed = format!("{made:?} {made:#?}");
        assert!(!printed.contains(&ticket), "{printed}");
    }
    let eve = engine.invitations().list(&ListParams { query: Some("eve".into()), ..ListParams::default() }).await;
    engine.invitations().revoke(eve.expect("a list").items[0].value.id).await.expect("revoked");
    let joined = engine.waitlist().join(Some("bob@example.com"), &here()).await.expect("on the list");
    let shown: Value = serde_json::to_value(&joined).expect("JSON");
    assert_eq!((&shown["object"], shown.get("status")), (&json!("waitlist"), None));
    engine.waitlist().invite(joined.id, None).await.expect("invited");

    let all = ListParams::default();
    let invitations = engine.invitations().list(&all).await.expect("a list");
    let entries = engine.waitlist().list(&all).await.expect("a list");
    // Revoked ones are listed only where they are asked for.
    let revoked = ListParams { status: Some("revoked".into()), ..ListParams::default() };
    let revoked = engine.invitations().list(&revoked).await.expect("a list");
    assert_eq!((invitations.total, revoked.total, entries.total), (2, 1, 1));
    let sent = bench.backend("GET", "/v1/invitations?paginated=true&status=revoked", &key).await;
    assert_eq!(sent, text(&revoked));
    assert!(sent.contains(r#""url":null"#), "{sent}");
    assert_eq!(bench.backend("GET", "/v1/invitations?paginated=true", &key).await, text(&invitations));
    assert_eq!(bench.backend("GET", "/v1/invitations", &key).await, text(&invitations.items));
    assert_eq!(bench.backend("GET", "/v1/waitlist_entries", &key).await, text(&entries));
}

#[tokio::test]
async fn a_sign_in_token_is_printed_without_its_ticket_and_written_with_it_while_it_is_good() {
    let bench = Bench::over(settings()).await;
    let input = NewUser { skip_user_requirement: true, skip_password_requirement: true, ..NewUser::default() };
    let user = bench.engine.users().create(&input).await.expect("a user");
    let made = bench.engine.sign_in_tokens().create(user.id, None).await.expect("a token");
    let ticket = made.ticket.expose().clone();
    assert_eq!(text(&made).matches(&ticket).count(), 2, "alone and in the URL");
    let input = NewSignIn::by_ticket(made.ticket.clone());
    let printed = format!("{made:?} {made:#?} {input:?}");
    assert!(!printed.contains(&ticket), "{printed}");
    let revoked = bench.engine.sign_in_tokens().revoke(made.value.id).await.expect("pending");
    assert!(!text(&revoked).contains(&ticket), "{}", text(&revoked));
}

#[tokio::test]
async fn an_error_tells_what_http_answers() {
    let bench = Bench::over(settings()).await;
    let person = bench.begins(&fields("ada@example.com")).await;
    let several = NewSignUp {
        email_address: Some("ada".into()),
        password: Some(Secret::new("x".into())),
        ..NewSignUp::default()
    };
    let refused = bench.engine.sign_ups().update(&person.caller, person.sign_up, &several.into(), &here()).await;
    let refused = refused.expect_err("two faults");
    assert_eq!((refused.code(), refused.param()), ("form_param_format_invalid", Some("email_address")));
    bench.compare_error(&refused, "PATCH", &person.path(""), "email_address=ada&password=x", &person).await;

    let unknown = SignUpId::from_bytes([9; 16]);
    let nothing = bench.engine.sign_ups().show(&person.caller, unknown).await.expect_err("nothing there");
    assert_eq!((nothing.code(), nothing.param()), ("resource_not_found", None));
    bench.compare_error(&nothing, "GET", &format!("/v1/client/sign_ups/{unknown}"), "", &person).await;
}

/// A person, and the client that the person uses.
struct Person {
    caller: Caller,
    token: String,
    sign_up: SignUpId,
}

impl Person {
    fn path(&self, call: &str) -> String {
        format!("/v1/client/sign_ups/{}{call}", self.sign_up)
    }
}

/// An engine and its HTTP front end, with a clock that only the test moves.
struct Bench {
    engine: Engine,
    service: HttpService,
    mail: Arc<Capture>,
    clock: Arc<ManualClock>,
}

impl Bench {
    async fn over(settings: Settings) -> Self {
        let (mail, clock) = (Arc::new(Capture::new()), Arc::new(ManualClock::new(Timestamp::from_millis(NOW))));
        let outbound = OutboundOptions { allow_private: true, ..OutboundOptions::default() };
        let parameters = HashParameters { m_kib: 64, t: 1, p: 1 };
        let engine = Engine::builder()
            .settings(settings)
            .allowed_redirects(vec!["https://acme.example/back".into()])
            .email(mail.clone())
            .clock(clock.clone())
            .secret_key(BackendKey::Generated)
            .source_limits(None)
            .providers(Providers::new(Outbound::new(outbound)))
            .hashing(HashOptions { parameters, threads: 1, ..HashOptions::default() });
        let engine = engine.build().await.expect("an engine");
        let service = engine.http_service(HttpOptions::new("https://acme.example".parse().expect("a URL"), KEY, false));
        Self { engine, service, mail, clock }
    }

    async fn begins(&self, fields: &NewSignUp) -> Person {
        let made = self.engine.sign_ups().create(&Caller::anonymous(), fields, &here()).await;
        let (sign_up, client) = made.expect("a sign-up");
        let caller = self.caller_of(&client).await;
        let token = client.new_token.as_ref().expect("a new client has a token").expose().clone();
        let person = Person { caller, token, sign_up: sign_up.id() };
        self.is_safe(&(sign_up, client), &person).await;
        person
    }

    async fn becomes_a_user(&self, address: &str) {
        let person = self.begins(&fields(address)).await;
        self.prepare(&person).await.expect("sent");
        let code = self.code(address).await;
        self.attempt(&person, &code).await.expect("the right code");
    }

    async fn prepare(&self, person: &Person) -> Result<(SignUpView, ClientView), EngineError> {
        self.engine
            .sign_ups()
            .prepare(&person.caller, person.sign_up, &PrepareVerification::new(Strategy::EmailCode), &here())
            .await
    }

    async fn attempt(&self, person: &Person, code: &str) -> Result<(SignUpView, ClientView), EngineError> {
        self.engine
            .sign_ups()
            .attempt(&person.caller, person.sign_up, &AttemptVerification::code(Strategy::EmailCode, code), &here())
            .await
    }

    async fn code(&self, to: &str) -> String {
        loop {
            if let Some(code) = self.mail.to(to).last().and_then(|message| message.code.clone()) {
                return code.into_inner();
            }
            tokio::task::yield_now().await;
        }
    }

    async fn caller_of(&self, client: &ClientView) -> Caller {
        let token = client.new_token.as_ref().expect("a new token");
        self.engine.identify(Some(token.expose())).await.expect("readable")
    }

    async fn client(&self, person: &Person) -> ClientView {
        self.engine.client_view(&person.caller, &here()).await.expect("readable").expect("a client")
    }

    /// The sign-up and the client, in process and by HTTP; returns the sign-up.
    async fn compare_sign_up(&self, person: &Person) -> Value {
        let view = self.engine.sign_ups().show(&person.caller, person.sign_up).await.expect("readable");
        let client = self.client(person).await;
        assert_eq!(self.get(&person.path(""), person).await, wrapped(&view, &client));
        let shown = serde_json::to_value(&view).expect("JSON");
        self.is_safe(&(view, client), person).await;
        shown
    }

    /// A sign-in in progress and the client, in process and by HTTP.
    async fn compare_sign_in(&self, person: &Person, view: &SignInView) {
        let client = self.client(person).await;
        let sent = self.get(&format!("/v1/client/sign_ins/{}", view.id()), person).await;
        assert_eq!(sent, wrapped(view, &client));
        self.is_safe(&(view, client), person).await;
    }

    /// An error in process, and the answer to the same call by HTTP.
    async fn compare_error(&self, error: &EngineError, method: &str, path: &str, form: &str, person: &Person) {
        let (status, body) = self.ask(method, path, form, Some(&person.token)).await;
        assert_eq!(status, error.http_status(), "{body}");
        let body: Value = serde_json::from_str(&body).expect("JSON");
        assert_eq!(body["errors"].to_string(), text(error));
    }

    /// Checks that a value prints no secret of this person.
    async fn is_safe(&self, value: &impl Debug, person: &Person) {
        let printed = format!("{value:?}");
        let client = person.caller.client().expect("a client");
        let mut secrets = vec![person.token.clone(), format!("{:?}", client.salt.expose()), "argon2".to_owned()];
        if let Ok(sign_up) = self.engine.sign_ups().inspect(person.sign_up).await {
            secrets.extend(secrets_of(&sign_up.value));
        }
        for secret in secrets {
            assert!(!printed.contains(&secret), "{secret} is in {printed}");
        }
    }

    async fn get(&self, path: &str, person: &Person) -> String {
        let (status, body) = self.ask("GET", path, "", Some(&person.token)).await;
        assert_eq!(status, 200, "{body}");
        body
    }

    /// A call as an application without cookies sends it.
    async fn ask(&self, method: &str, path: &str, form: &str, token: Option<&str>) -> (u16, String) {
        let request = Request::builder().method(method).uri(format!("{path}?_is_native=1"));
        let request =
            request.header("host", "acme.example").header("content-type", "application/x-www-form-urlencoded");
        self.send(request.header("authorization", token.unwrap_or_default()), form).await
    }

    async fn backend(&self, method: &str, path: &str, key: &str) -> String {
        let request = Request::builder().method(method).uri(path).header("host", "acme.example");
        let (status, body) = self.send(request.header("authorization", format!("Bearer {key}")), "").await;
        assert_eq!(status, 200, "{body}");
        body
    }

    async fn send(&self, request: hyper::http::request::Builder, form: &str) -> (u16, String) {
        let request = request.body(Full::new(Bytes::copy_from_slice(form.as_bytes()))).expect("a request");
        let Ok(answer) = self.service.clone().call(request).await;
        let status = answer.status().as_u16();
        let body = answer.into_body().collect().await.expect("a body").to_bytes();
        (status, String::from_utf8(body.to_vec()).expect("text"))
    }
}

/// What a stored sign-up holds that nobody may see, as it would be printed.
fn secrets_of(sign_up: &SignUp) -> Vec<String> {
    let verification = sign_up.email_address.as_ref().and_then(|given| given.verification.as_ref());
    let digest = verification.and_then(|verification| verification.code()).map(|(_, digest)| *digest);
    let digests = digest.into_iter().flat_map(|d| [format!("{:?}", d.nonce), format!("{:?}", d.digest)]);
    let accounts = sign_up.external_account.iter();
    let accounts = accounts.flat_map(|account| [Some(format!("{:?}", account.nonce)), account.authorize_url.clone()]);
    digests.chain(accounts.flatten()).collect()
}

/// A body of an answer with a client beside the object.
fn wrapped(response: &impl Serialize, client: &ClientView) -> String {
    format!(r#"{{"response":{},"client":{}}}"#, text(response), text(client))
}

fn text(value: &impl Serialize) -> String {
    serde_json::to_string(value).expect("JSON")
}

fn fields(address: &str) -> NewSignUp {
    NewSignUp {
        email_address: Some(address.into()),
        password: Some(Secret::new(PASSWORD.into())),
        first_name: Some("Ada".into()),
        unsafe_metadata: Some(metadata(r#"{"zone": 1, "area": {"y": 2, "x": "é"}}"#)),
        ..NewSignUp::default()
    }
}

fn metadata(text: &str) -> Metadata {
    Metadata::parse("metadata", text).expect("an object")
}

fn settings() -> Settings {
    let mut settings = Settings::default();
    let on = Attribute { enabled: true, used_for_first_factor: true, ..Attribute::default() };
    settings.attributes.email_address =
        Attribute { verifications: vec![Strategy::EmailCode], verify_at_sign_up: true, ..on.clone() };
    settings.attributes.first_name = Attribute { enabled: true, ..Attribute::default() };
    settings.attributes.password = on;
    settings
}

/// An application without cookies.
fn here() -> RequestContext {
    RequestContext { carrier: vestibule::engine::TokenCarrier::Header, ..RequestContext::default() }
}

const PASSWORD: &str = "wanders under elms";
const KEY: &str = "pk_live_YWNtZS5leGFtcGxlJA";
const NOW: u64 = 1_795_411_798_000;
