//! Messages as an operator sees them: what became of each, sending again, stopping a channel, reports of providers, and
//! receivers of webhooks that send for themselves.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use serde_json::{Value, json};
use tempfile::TempDir;
use vestibule::config::sample_settings;
use vestibule::delivery::{
    BoxFuture, Callback, CallbackError, Channel, Failure, FailureClass, Logo, Message, MessageStyle, Outcome, Receipt,
    Report, ReportedState, Transport,
};
use vestibule::domain::message::{MessageStatus, Origin, Template};
use vestibule::domain::rejection::ErrorCode;
use vestibule::domain::settings::source_limits::{Conversion, SourceLimits};
use vestibule::domain::sign_up::NewSignUp;
use vestibule::domain::time::Span;
use vestibule::domain::verification::Strategy;
use vestibule::engine::{
    AttemptVerification, Caller, Engine, EngineError, MessageFilter, MessageView, MessageWebhooks, NewWebhookEndpoint,
    PrepareVerification, ReportRefusal, RequestContext,
};
use vestibule::store::MemoryStore;
use vestibule::token::InstanceKey;
use vestibule::users::NewUser;

use crate::support::backend::{SECRET_KEY, backend};
use crate::support::browser::{Browser, PAGE};
use crate::support::receiver::{Answering, Receiver};
use crate::support::server::{Server, log_of};

#[tokio::test]
async fn what_became_of_a_message_is_shown_without_its_code_and_reports_of_its_provider_change_it() {
    let provider = Arc::new(Provider::default());
    let engine = engine(provider.clone()).await;
    let (caller, id) = begin(&engine, "ada@example.com").await;
    let sent = until(&engine, "ada@example.com", MessageStatus::Sent).await;
    assert_eq!((sent.template, sent.origin), (Some(Template::VerificationCode), Some(Origin::SignUp(id))));
    assert_eq!((&*sent.provider, sent.provider_message_id.as_deref(), sent.attempts), ("fake", Some("fake-0"), 1));
    let written = serde_json::to_string(&sent).expect("JSON");
    let code = provider.codes("ada@example.com").pop().expect("a code");
    assert!(!written.contains(&code), "{written}");
    let shown: Value = serde_json::from_str(&written).expect("JSON");
    assert_eq!(
        (&shown["object"], &shown["status"], &shown["failure"]),
        (&json!("message"), &json!("sent"), &json!(null))
    );

    let report = async |headers: &[(&str, &str)], body: &str| {
        let callback = Callback { url: "", headers, body: body.as_bytes(), at: engine.now(), certificate: None };
        engine.messages().take_reports("fake", &callback).await.expect("the store works")
    };
    let signed = [("x-signature", "right")];
    assert_eq!(report(&[], "delivered fake-0").await, Err(ReportRefusal::Refused(CallbackError::Signature)));
    assert_eq!(engine.messages().get(sent.id).await.map(|message| message.status), Ok(MessageStatus::Sent));
    assert_eq!(report(&signed, "delivered fake-0").await, Ok(1));
    assert_eq!(engine.messages().get(sent.id).await.map(|message| message.status), Ok(MessageStatus::Delivered));
    assert_eq!(report(&signed, "bounced fake-0").await, Ok(1));
    let failed = engine.messages().get(sent.id).await.expect("it is kept");
    assert_eq!((failed.status, failed.failure), (MessageStatus::Failed, Some(FailureClass::Address)));
    let callback = Callback { url: "", headers: &signed, body: b"", at: engine.now(), certificate: None };
    let unknown = engine.messages().take_reports("other", &callback).await;
    assert_eq!(unknown, Ok(Err(ReportRefusal::Unknown)));

    let attempt = AttemptVerification::code(Strategy::EmailCode, code);
    engine.sign_ups().attempt(&caller, id, &attempt, &RequestContext::default()).await.expect("the code is right");
    engine.shutdown().await;
}

#[tokio::test]
async fn a_message_is_sent_again_with_the_same_code_only_while_that_is_good() {
    let provider = Arc::new(Provider::default());
    let engine = engine(provider.clone()).await;
    let context = RequestContext::default();
    let (caller, id) = begin(&engine, "ada@example.com").await;
    let first = until(&engine, "ada@example.com", MessageStatus::Sent).await;
    let again = engine.messages().send_again(first.id).await.expect("it is good");
    assert_ne!(again.id, first.id);
    assert_eq!(again.expire_at, first.expire_at);
    while provider.codes("ada@example.com").len() < 2 {
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    let codes = provider.codes("ada@example.com");
    assert_eq!(codes[0], codes[1]);

    engine.advance_clock(Span::from_secs(60)).await.expect("a movable clock");
    let prepare = PrepareVerification::new(Strategy::EmailCode);
    engine.sign_ups().prepare(&caller, id, &prepare, &context).await.expect("a new code");
    assert!(is_over(engine.messages().send_again(first.id).await), "a later code has replaced it");
    let all = engine.messages().list(&MessageFilter::default(), 10).await.expect("a list");
    let newest = all.items.first().expect("a message").id;
    while engine.messages().get(newest).await.expect("it is kept").status == MessageStatus::Queued {
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    engine.messages().send_again(newest).await.expect("that one is good");
    engine.advance_clock(Span::from_secs(600)).await.expect("a movable clock");
    assert!(is_over(engine.messages().send_again(newest).await), "its time is over");
    engine.shutdown().await;
}

#[tokio::test]
async fn a_channel_that_was_stopped_sends_nothing_also_after_a_restart_until_it_is_started() {
    let store = Arc::new(MemoryStore::new());
    let provider = Arc::new(Provider::default());
    let build = async || {
        let settings = sample_settings("email_code").expect("a sample");
        let built = Engine::builder()
            .settings(settings)
            .store(store.clone())
            .key(InstanceKey::from_bytes([7; 32].into()))
            .email(provider.clone());
        built.build().await.expect("an engine")
    };
    let engine = build().await;
    let stopped = engine.messages().pause(Channel::Email).await.expect("it is stored");
    assert!(stopped.status.is_paused);
    begin(&engine, "ada@example.com").await;
    let queued = engine.messages().channels().await.expect("channels");
    assert_eq!((queued[0].queued, queued[1].queued), (1, 0));
    assert!(queued[0].oldest_at.is_some() && !queued[1].status.is_paused);
    engine.shutdown().await;

    let engine = build().await;
    let channels = engine.messages().channels().await.expect("channels");
    assert!(channels[0].status.is_paused);
    begin(&engine, "bob@example.com").await;
    assert_eq!((provider.codes("ada@example.com").len(), provider.codes("bob@example.com").len()), (0, 0));
    engine.messages().resume(Channel::Email).await.expect("it is stored");
    for address in ["ada@example.com", "bob@example.com"] {
        until(&engine, address, MessageStatus::Sent).await;
        assert_eq!(provider.codes(address).len(), 1);
    }
    engine.shutdown().await;
}

#[tokio::test]
async fn failures_are_listed_and_counted_by_their_class() {
    let provider = Arc::new(Provider::default());
    let engine = engine(provider.clone()).await;
    for (address, class) in [("no@example.com", FailureClass::Address), ("spam@example.com", FailureClass::Content)] {
        provider.answer(Outcome::Refused(Failure::new(class, "a test wanted this")));
        begin(&engine, address).await;
        assert_eq!(until(&engine, address, MessageStatus::Failed).await.failure, Some(class));
    }
    begin(&engine, "ada@example.com").await;
    until(&engine, "ada@example.com", MessageStatus::Sent).await;
    let filter = MessageFilter { status: Some(MessageStatus::Failed), ..MessageFilter::default() };
    let first = engine.messages().list(&filter, 1).await.expect("a list");
    assert_eq!(first.items.iter().map(|message| &*message.to).collect::<Vec<_>>(), ["spam@example.com"]);
    let rest =
        engine.messages().list(&MessageFilter { before: first.next, ..filter.clone() }, 10).await.expect("a list");
    assert_eq!(rest.items.iter().map(|message| &*message.to).collect::<Vec<_>>(), ["no@example.com"]);
    assert_eq!(rest.next, None);
    let last = engine.messages().list(&MessageFilter { before: first.next, ..filter }, 1).await.expect("a list");
    assert_eq!((last.items.len(), last.next), (1, None), "it is full, and nothing follows");
    let channels = engine.messages().channels().await.expect("channels");
    let failures: Vec<_> = channels[0].status.failures.iter().map(|(class, number)| (*class, *number)).collect();
    assert_eq!(failures, [(FailureClass::Address, 1), (FailureClass::Content, 1)]);
    assert_eq!((channels[0].status.sent, channels[0].status.refused), (1, 2));
    engine.shutdown().await;
}

fn with_a_logo() -> MessageStyle {
    let logo = Logo::new(b"\x89PNG\r\n\x1a\n and the rest".to_vec()).expect("a logo");
    MessageStyle { logo: Some(Arc::new(logo)), ..MessageStyle::default() }
}

#[tokio::test]
async fn codes_go_to_the_receiver_that_names_their_webhook_and_it_sends_them_where_that_is_wanted() {
    let (named, other) = (Receiver::start(Answering::Status(204)).await, Receiver::start(Answering::Status(204)).await);
    let provider = Arc::new(Provider::default());
    let terms = MessageWebhooks { sends_email: true, from_email_name: "no-reply".into(), ..MessageWebhooks::default() };
    let settings = sample_settings("email_code").expect("a sample");
    let built = Engine::builder()
        .settings(settings)
        .email(provider.clone())
        .message_webhooks(terms)
        .message_style(with_a_logo());
    let engine = built.build().await.expect("an engine");
    for (receiver, events) in [(&named, vec!["email.created"]), (&other, vec!["user.*", "session.*"])] {
        engine.webhooks().create(&NewWebhookEndpoint::new(receiver.url(), events)).await.expect("an endpoint");
    }
    let (caller, id) = begin(&engine, "ada@example.com").await;
    let told = named.wait_for_count(1).await.remove(0).event();
    let data = &told["data"];
    assert_eq!(
        (&told["type"], &data["object"], &data["slug"]),
        (&json!("email.created"), &json!("email"), &json!("verification_code"))
    );
    assert_eq!((&data["to_email_address"], &data["from_email_name"]), (&json!("ada@example.com"), &json!("no-reply")));
    assert_eq!((&data["delivered_by_clerk"], &data["status"]), (&json!(false), &json!("queued")));
    let code = data["data"]["otp_code"].as_str().expect("a code");
    let body = data["body"].as_str().expect("HTML");
    assert!(body.contains(code) && !body.contains("cid:"), "the image would be missing there: {body}");
    assert_eq!(until(&engine, "ada@example.com", MessageStatus::Sent).await.provider, "webhook");
    assert_eq!(provider.codes("ada@example.com").len(), 0, "the engine sends nothing");

    let attempt = AttemptVerification::code(Strategy::EmailCode, code);
    engine.sign_ups().attempt(&caller, id, &attempt, &RequestContext::default()).await.expect("the code is right");
    other.wait_for_count(2).await;
    engine.shutdown().await;
    assert!(other.got().iter().all(|got| got.what() != "email.created"));
}

#[tokio::test]
async fn a_channel_that_was_stopped_is_sent_by_no_receiver_of_webhooks_either() {
    let receiver = Receiver::start(Answering::Status(204)).await;
    let engine = leaving_emails_to(&receiver).await;
    engine.messages().pause(Channel::Email).await.expect("it is stored");
    begin(&engine, "ada@example.com").await;
    // An event after the one that is held: what is not held has arrived by then.
    let input = NewUser { skip_user_requirement: true, external_id: Some("eve".into()), ..NewUser::default() };
    engine.users().create(&input).await.expect("a user");
    receiver.wait_for_count(1).await;
    assert_eq!(whats(&receiver), ["user.created"]);
    until(&engine, "ada@example.com", MessageStatus::Queued).await;
    engine.messages().resume(Channel::Email).await.expect("it is stored");
    until(&engine, "ada@example.com", MessageStatus::Sent).await;
    engine.advance_clock(Span::from_secs(10)).await.expect("a movable clock");
    receiver.wait_for_count(2).await;
    assert_eq!(whats(&receiver), ["user.created", "email.created"]);

    engine.messages().pause(Channel::Email).await.expect("it is stored");
    begin(&engine, "bob@example.com").await;
    until(&engine, "bob@example.com", MessageStatus::Queued).await;
    engine.advance_clock(Span::from_secs(600)).await.expect("a movable clock");
    engine.messages().resume(Channel::Email).await.expect("it is stored");
    until(&engine, "bob@example.com", MessageStatus::Failed).await;
    engine.advance_clock(Span::from_secs(10)).await.expect("a movable clock");
    engine.shutdown().await;
    assert_eq!(receiver.got().len(), 2, "what has expired is not told");
}

#[tokio::test]
async fn a_message_that_no_receiver_hears_of_is_not_sent_and_the_channel_says_why() {
    let receiver = Receiver::start(Answering::Status(204)).await;
    let engine = leaving_emails_to(&receiver).await;
    let endpoint = engine.webhooks().list().await.expect("a list").items.remove(0);
    engine.webhooks().delete(endpoint.id).await.expect("it is there");
    begin(&engine, "ada@example.com").await;
    for _ in 0..2000 {
        if engine.channels()[0].reason.is_some() {
            break;
        }
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    let reason = engine.channels()[0].reason.clone().expect("the channel fails");
    assert!(reason.contains("no endpoint that is switched on names email.created"), "{reason}");
    until(&engine, "ada@example.com", MessageStatus::Queued).await;
    engine.webhooks().create(&NewWebhookEndpoint::new(receiver.url(), ["email.created"])).await.expect("an endpoint");
    let failed = until(&engine, "ada@example.com", MessageStatus::Failed).await;
    assert_eq!(failed.failure, Some(FailureClass::Unconfigured), "its event is older than the endpoint");
    begin(&engine, "bob@example.com").await;
    until(&engine, "bob@example.com", MessageStatus::Sent).await;
    engine.shutdown().await;
}

#[tokio::test]
async fn codes_that_a_provider_did_not_take_do_not_stop_their_prefix() {
    let provider = Arc::new(Provider::default());
    let conversion = Conversion { least_percent: 10, after: 2, pause: Span::from_secs(600) };
    let limits = SourceLimits { sms_conversion: Some(conversion), ..SourceLimits::default() };
    let settings = sample_settings("phone").expect("a sample");
    let built = Engine::builder().settings(settings).sms(provider.clone()).source_limits(Some(limits)).build();
    let engine = built.await.expect("an engine");
    for _ in 0..4 {
        provider.answer(Outcome::Unavailable(Failure::new(FailureClass::Provider, "a test wanted this")));
    }
    let ask = async |number: &str| {
        let (context, input) = (RequestContext::default(), NewSignUp::new().phone_number(number));
        let begun = engine.sign_ups().create(&Caller::anonymous(), &input, &context).await;
        let (sign_up, client) = begun.expect("a sign-up");
        let token = client.new_token.expect("a new client has a token");
        let caller = engine.identify(Some(token.expose())).await.expect("it is known");
        let prepare = PrepareVerification::new(Strategy::PhoneCode);
        engine.sign_ups().prepare(&caller, sign_up.id(), &prepare, &context).await.map(|_| ())
    };
    let numbers = ["+4915112345670", "+4915112345671", "+4915112345672", "+4915112345673"];
    for number in numbers {
        ask(number).await.expect("none of them was sent yet");
    }
    for number in numbers {
        until(&engine, number, MessageStatus::Sent).await;
    }
    let limited = ask("+4915112345674").await;
    assert!(matches!(limited, Err(EngineError::Limited { .. })), "four were sent and none was used: {limited:?}");
    engine.shutdown().await;
}

#[test]
fn the_backend_lists_messages_stops_a_channel_and_sends_again() {
    let folder = TempDir::new().expect("a folder");
    let config = format!(
        "[instance]\nsecret_key = \"{SECRET_KEY}\"\n[server]\nallowed_origins = [\"{PAGE}\"]\n\
         [settings.attributes.email_address]\nenabled = true\nrequired = true\nused_for_first_factor = true\n\
         first_factors = [\"email_code\"]\nverifications = [\"email_code\"]\nverify_at_sign_up = true\n"
    );
    let server = Server::start(folder.path(), &config);
    let call = |method: &str, path: &str| backend(&server, method, path, &Value::Null);
    Browser::of(&server).post("/v1/client/sign_ups", "email_address=ada%40example.com");
    let begun = Browser::of(&server).post("/v1/client/sign_ups", "email_address=bob%40example.com&strategy=email_code");
    let sign_up = begun.json()["response"]["id"].as_str().expect("an id").to_owned();
    let code = server.code("bob@example.com", 1);
    let list = || call("GET", &format!("/v1/messages?channel=email&status=sent&origin={sign_up}"));
    let mut listed = list();
    for _ in 0..500 {
        if listed.json()["data"] != json!([]) {
            break;
        }
        std::thread::sleep(Duration::from_millis(10));
        listed = list();
    }
    let message = &listed.json()["data"][0];
    assert_eq!(
        (&message["to"], &message["origin_id"]),
        (&json!("bob@example.com"), &json!(sign_up)),
        "{}",
        listed.body
    );
    assert!(!listed.body.contains(&code), "{}", listed.body);
    let id = message["id"].as_str().expect("an id");
    assert_eq!(call("GET", &format!("/v1/messages/{id}")).json(), *message);

    let stopped = call("POST", "/v1/messages/channels/email/pause").json();
    assert_eq!((&stopped["paused"], &stopped["channel"]), (&json!(true), &json!("email")));
    let again = call("POST", &format!("/v1/messages/{id}/send_again"));
    assert_eq!((again.status, &again.json()["status"]), (200, &json!("queued")), "{}", again.body);
    let channels = call("GET", "/v1/messages/channels").json();
    assert_eq!((&channels[0]["queued_count"], &channels[1]["paused"]), (&json!(1), &json!(false)), "{channels}");
    let ready =
        || server.request("GET", "/health/ready", &[], "").expect("an answer").json()["channels"]["email"].clone();
    assert_eq!(ready()["status"], "paused");
    call("POST", "/v1/messages/channels/email/resume");
    assert_eq!(ready()["status"], "working");
    assert!(log_of(folder.path()).contains("`vestibule messages resume email` starts it"));
    assert_eq!(server.code("bob@example.com", 2), code, "the same code");

    for (path, status) in [
        ("/v1/messages?status=lost", 422),
        ("/v1/messages?origin=x", 422),
        ("/v1/messages?limit=501", 422),
        ("/v1/messages/msg_000000000000000000000000007", 404),
    ] {
        assert_eq!(call("GET", path).status, status, "{path}");
    }
    assert_eq!(call("POST", "/v1/messages/channels/fax/pause").status, 404);
    let report = server.request("POST", "/v1/messages/callbacks/resend", &[], "{}").expect("an answer");
    assert_eq!(report.status, 404, "no such provider is configured");
    let wrong = [("authorization", "Bearer sk_live_wrong")];
    for headers in [&wrong[..], &[]] {
        for (method, path) in [
            ("GET", "/v1/messages"),
            ("POST", "/v1/messages/channels/email/pause"),
            ("GET", "/v1/messages/nonsense/here"),
        ] {
            assert_eq!(server.request(method, path, headers, "").expect("an answer").status, 401, "{method} {path}");
        }
    }
}

/// A provider that takes every message, unless a test wants something else, and signs its reports with a word.
#[derive(Default)]
struct Provider {
    answers: Mutex<Vec<Outcome>>,
    taken: Mutex<Vec<Message>>,
}

impl Provider {
    /// Answers the next message so.
    fn answer(&self, outcome: Outcome) {
        self.answers.lock().expect("no panic").push(outcome);
    }

    /// The codes in the messages to an address.
    fn codes(&self, to: &str) -> Vec<String> {
        let taken = self.taken.lock().expect("no panic");
        let to = taken.iter().filter(|message| message.to == to);
        to.map(|message| message.code.as_ref().expect("a code").expose().clone()).collect()
    }
}

impl Transport for Provider {
    fn deliver<'a>(&'a self, message: &'a Message) -> BoxFuture<'a, Outcome> {
        let outcome = self.answers.lock().expect("no panic").pop().unwrap_or_else(|| {
            let mut taken = self.taken.lock().expect("no panic");
            taken.push(message.clone());
            Outcome::Sent(Receipt { provider: "fake", message_id: Some(format!("fake-{}", taken.len() - 1)) })
        });
        Box::pin(std::future::ready(outcome))
    }

    fn reports(&self, provider: &str, callback: &Callback<'_>) -> Option<Result<Vec<Report>, CallbackError>> {
        if provider != "fake" {
            return None;
        }
        if callback.header("X-Signature") != Some("right") {
            return Some(Err(CallbackError::Signature));
        }
        let text = std::str::from_utf8(callback.body).expect("a test sends text");
        let (what, id) = text.split_once(' ').expect("two words");
        let state = match what {
            "delivered" => ReportedState::Delivered,
            _ => ReportedState::Failed(Failure::new(FailureClass::Address, "it bounced")),
        };
        Some(Ok(vec![Report { message_id: id.into(), state }]))
    }
}

async fn engine(provider: Arc<Provider>) -> Engine {
    let settings = sample_settings("email_code").expect("a sample");
    Engine::builder().settings(settings).email(provider).build().await.expect("an engine")
}

/// An engine whose e-mails this receiver sends.
async fn leaving_emails_to(receiver: &Receiver) -> Engine {
    let terms = MessageWebhooks { sends_email: true, ..MessageWebhooks::default() };
    let settings = sample_settings("email_code").expect("a sample");
    let engine = Engine::builder().settings(settings).message_webhooks(terms).build().await.expect("an engine");
    let named = NewWebhookEndpoint::new(receiver.url(), ["email.created", "user.created"]);
    engine.webhooks().create(&named).await.expect("an endpoint");
    engine
}

/// What was told to a receiver, in the order in which it came.
fn whats(receiver: &Receiver) -> Vec<String> {
    receiver.got().iter().map(|got| got.what().to_owned()).collect()
}

/// Begins a sign-up whose address is sent a code.
async fn begin(engine: &Engine, address: &str) -> (Caller, vestibule::domain::id::SignUpId) {
    let (context, input) = (RequestContext::default(), NewSignUp::new().email_address(address));
    let begun = engine.sign_ups().create(&Caller::anonymous(), &input, &context).await;
    let (sign_up, client) = begun.expect("a sign-up");
    let token = client.new_token.expect("a new client has a token");
    let caller = engine.identify(Some(token.expose())).await.expect("it is known");
    let prepare = PrepareVerification::new(Strategy::EmailCode);
    engine.sign_ups().prepare(&caller, sign_up.id(), &prepare, &context).await.expect("a code");
    (caller, sign_up.id())
}

/// The message to an address, once it has this status.
async fn until(engine: &Engine, to: &str, status: MessageStatus) -> MessageView {
    for _ in 0..2000 {
        let all = engine.messages().list(&MessageFilter::default(), 100).await.expect("a list");
        if let Some(found) = all.items.into_iter().find(|message| message.to == to && message.status == status) {
            return found;
        }
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    panic!("no message to {to} is {status:?}");
}

fn is_over(outcome: Result<MessageView, EngineError>) -> bool {
    matches!(outcome, Err(EngineError::Rejected(rejection)) if rejection.is(ErrorCode::MessageOver))
}
