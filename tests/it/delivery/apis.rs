//! Providers that take messages by HTTP: what they are sent, and what becomes of it when they are slow, fail, repeat,
//! drop connections or answer with something else.

use std::time::Duration;

use serde_json::{Value, json};
use vestibule::delivery::{
    ApiLimits, ApiTransport, Channel, Failure, FailureClass, Message, MessageApi, Outcome, Postmark, Resend, SendGrid,
    Ses, SmsTemplate, Transport, Twilio, Vonage,
};
use vestibule::domain::secret::Secret;
use vestibule::domain::verification::PhoneChannel;

use super::{in_time, message, told};
use crate::support::gateway::{Act, Gateway};

#[tokio::test]
async fn each_provider_is_sent_what_its_api_asks_for() {
    let gateway = Gateway::start(Act::json(200, &json!({ "id": "re_1" }))).await;
    let mail = Message { html: Some(Secret::new("<p>123456</p>".into())), ..message("ada@example.com") };
    assert_eq!(id(&deliver(resend(&gateway), &mail).await), "resend re_1");
    gateway.always(Act::json(200, &json!({ "ErrorCode": 0, "MessageID": "pm-1" })));
    assert_eq!(id(&deliver(postmark(&gateway), &mail).await), "postmark pm-1");
    gateway.always(Act::Answer(202, "x-message-id: sg-1\r\n".into(), String::new()));
    assert_eq!(id(&deliver(sendgrid(&gateway), &mail).await), "sendgrid sg-1");
    gateway.always(Act::json(200, &json!({ "MessageId": "ses-1" })));
    assert_eq!(id(&deliver(ses(&gateway), &mail).await), "ses ses-1");
    let got = gateway.got();
    let paths: Vec<_> = got.iter().map(|asked| asked.path.as_str()).collect();
    assert_eq!(paths, ["/emails", "/email", "/v3/mail/send", "/v2/email/outbound-emails"]);
    assert_eq!(got[0].header("authorization"), Some("Bearer re_key"));
    assert_eq!(got[0].header("idempotency-key"), Some(mail.id.to_string().as_str()));
    assert_eq!(got[1].header("x-postmark-server-token"), Some("token"));
    assert_eq!(got[2].header("authorization"), Some("Bearer SG.key"));
    let signed = got[3].header("authorization").expect("a signature");
    assert!(
        signed.starts_with("AWS4-HMAC-SHA256 Credential=AKIDEXAMPLE/")
            && signed
                .contains("/eu-central-1/ses/aws4_request, SignedHeaders=content-type;host;x-amz-date, Signature="),
        "{signed}"
    );
    for (asked, to, subject, text, html) in [
        (&got[0], "/to/0", "/subject", "/text", "/html"),
        (&got[1], "/To", "/Subject", "/TextBody", "/HtmlBody"),
        (&got[2], "/personalizations/0/to/0/email", "/subject", "/content/0/value", "/content/1/value"),
        (
            &got[3],
            "/Destination/ToAddresses/0",
            "/Content/Simple/Subject/Data",
            "/Content/Simple/Body/Text/Data",
            "/Content/Simple/Body/Html/Data",
        ),
    ] {
        let body = asked.json();
        let at = |pointer: &str| body.pointer(pointer).and_then(Value::as_str).unwrap_or_default().to_owned();
        assert_eq!(at(to), "ada@example.com", "{}", asked.path);
        assert_eq!(at(subject), mail.subject, "{}", asked.path);
        assert_eq!((&at(text), at(html).as_str()), (mail.text.expose(), "<p>123456</p>"), "{}", asked.path);
        assert!(
            asked.body.contains("auto-generated") && asked.body.contains("no-reply@acme.example"),
            "{}",
            asked.body
        );
    }
}

#[tokio::test]
async fn text_messages_and_whatsapp_go_as_their_apis_ask() {
    let gateway = Gateway::start(Act::json(201, &json!({ "sid": "SM1", "status": "queued" }))).await;
    let text = sms("+4915112345678");
    assert_eq!(id(&deliver(twilio(&gateway), &text).await), "twilio SM1");
    let by_whatsapp = Message { phone_channel: Some(PhoneChannel::WhatsApp), ..text.clone() };
    assert_eq!(id(&deliver(twilio(&gateway), &by_whatsapp).await), "twilio SM1");
    let with_template = Twilio { whatsapp_content_sid: Some("HX1".into()), ..twilio(&gateway) };
    assert_eq!(id(&deliver(with_template, &by_whatsapp).await), "twilio SM1");
    gateway.always(Act::json(200, &json!({ "messages": [{ "status": "0", "message-id": "v-1" }] })));
    assert_eq!(id(&deliver(vonage(&gateway), &text).await), "vonage v-1");
    let got = gateway.got();
    let field = |at: usize, name: &str| got[at].field(name).unwrap_or_default();
    assert_eq!(got[0].path, "/2010-04-01/Accounts/AC1/Messages.json");
    assert_eq!(got[0].header("authorization"), Some("Basic QUMxOnRva2Vu"));
    assert_eq!(
        [field(0, "To"), field(0, "From"), field(0, "Body")],
        ["+4915112345678", "+15005550006", "1 is your code"]
    );
    assert_eq!([field(1, "To"), field(1, "From")], ["whatsapp:+4915112345678", "whatsapp:+14155238886"]);
    assert_eq!([field(2, "ContentSid"), field(2, "ContentVariables")], ["HX1", "{\"1\":\"123456\"}"]);
    assert_eq!(got[2].field("Body"), None, "the template has the words");
    assert_eq!([field(3, "to"), field(3, "from"), field(3, "text")], ["4915112345678", "Acme", "1 is your code"]);
    assert_eq!([field(3, "api_key"), field(3, "api_secret")], ["abcd1234", "secret"]);
}

#[tokio::test]
async fn a_described_request_is_made_as_it_is_described() {
    let gateway = Gateway::start(Act::json(202, &json!({ "messages": [{ "id": 17 }] }))).await;
    let template = SmsTemplate { id_pointer: Some("/messages/0/id".into()), ..template(&gateway) };
    let text = Message { text: Secret::new("1 is \"your\" code & more".into()), ..sms("+4915112345678") };
    assert_eq!(id(&deliver(template.clone(), &text).await), "http 17");
    let asked = gateway.got().remove(0);
    assert_eq!((asked.method.as_str(), asked.path.as_str()), ("POST", "/send?ref=%2B4915112345678"));
    assert_eq!(asked.header("authorization"), Some("Bearer hush"));
    assert_eq!(asked.json(), json!({ "to": "4915112345678", "text": "1 is \"your\" code & more" }));
    for (answer, words) in [
        (Act::json(202, &json!({})), "JSON without the id of a message"),
        (Act::html(202), "an HTML page"),
        (Act::json(500, &json!({})), "it has a fault"),
    ] {
        gateway.then(answer);
        let outcome = deliver(template.clone(), &text).await;
        assert!(told(&outcome).1.contains(words), "{outcome:?}");
    }
}

/// Each answer with what it means: whether the message is tried again, and the class of the failure.
#[tokio::test]
async fn every_answer_has_its_consequence_and_its_class() {
    use FailureClass::{Address, Authentication, Content, Provider, RateLimited, Sender, Timeout};
    let gateway = Gateway::start(Act::HangUp).await;
    let (refused, down) = ("refused", "down");
    let mail = message("ada@example.com");
    let resend_fault = |name: &str| json!({ "statusCode": 0, "name": name, "message": "ada@example.com is bad" });
    for (status, body, kind, class) in [
        (401, resend_fault("missing_api_key"), down, Authentication),
        (403, resend_fault("invalid_api_key"), down, Authentication),
        (403, resend_fault("validation_error"), down, Sender),
        (422, resend_fault("invalid_from_address"), down, Sender),
        (422, resend_fault("validation_error"), refused, Address),
        (429, resend_fault("rate_limit_exceeded"), down, RateLimited),
        (429, resend_fault("daily_quota_exceeded"), down, RateLimited),
        (409, resend_fault("concurrent_idempotent_requests"), down, Timeout),
        (500, resend_fault("application_error"), down, Provider),
        (504, json!(null), down, Timeout),
        (404, json!(null), down, Provider),
        (302, json!(null), down, Provider),
        (200, json!({ "ok": true }), down, Provider),
    ] {
        gateway.then(Act::json(status, &body));
        assert_failed(&deliver(resend(&gateway), &mail).await, kind, class, &body);
    }
    for (code, kind, class) in [
        (10, down, Authentication),
        (100, down, Provider),
        (300, refused, Address),
        (400, down, Sender),
        (405, down, RateLimited),
        (406, refused, Address),
        (412, down, Sender),
        (429, down, RateLimited),
    ] {
        let body = json!({ "ErrorCode": code, "Message": "ada@example.com is bad" });
        gateway.then(Act::json(422, &body));
        assert_failed(&deliver(postmark(&gateway), &mail).await, kind, class, &body);
    }
    for (status, field, kind, class) in [
        (400, json!("personalizations.0.to.0.email"), refused, Address),
        (400, json!("from.email"), down, Sender),
        (403, json!("from"), down, Sender),
        (400, json!("content"), refused, Content),
        (401, json!(null), down, Authentication),
        (413, json!(null), refused, Content),
        (503, json!(null), down, Provider),
    ] {
        let body = json!({ "errors": [{ "message": "ada@example.com is bad", "field": field }] });
        gateway.then(Act::json(status, &body));
        assert_failed(&deliver(sendgrid(&gateway), &mail).await, kind, class, &body);
    }
    for (status, name, kind, class) in [
        (400, "MessageRejected", refused, Content),
        (400, "MailFromDomainNotVerifiedException", down, Sender),
        (400, "SendingPausedException", down, Sender),
        (400, "LimitExceededException", down, RateLimited),
        (429, "TooManyRequestsException", down, RateLimited),
        (400, "BadRequestException", refused, Address),
        (403, "com.amazonaws#SignatureDoesNotMatch:http://x", down, Authentication),
        (403, "ExpiredTokenException", down, Authentication),
        (500, "InternalFailure", down, Provider),
    ] {
        let headers = format!("content-type: application/json\r\nx-amzn-errortype: {name}\r\n");
        gateway.then(Act::Answer(status, headers, "{\"message\":\"ada@example.com is bad\"}".into()));
        assert_failed(&deliver(ses(&gateway), &mail).await, kind, class, &json!(name));
    }
}

#[tokio::test]
async fn every_answer_of_a_provider_of_text_messages_has_its_class() {
    use FailureClass::{Address, Authentication, Content, Provider, RateLimited, Sender};
    let gateway = Gateway::start(Act::HangUp).await;
    let (refused, down) = ("refused", "down");
    let text = sms("+4915112345678");
    for (status, code, kind, class) in [
        (401, 20003, down, Authentication),
        (429, 20429, down, RateLimited),
        (400, 21211, refused, Address),
        (400, 21610, refused, Address),
        (400, 21408, down, Sender),
        (400, 21606, down, Sender),
        (400, 21617, refused, Content),
        (500, 20500, down, Provider),
    ] {
        let body = json!({ "code": code, "message": "+4915112345678 is bad" });
        gateway.then(Act::json(status, &body));
        assert_failed(&deliver(twilio(&gateway), &text).await, kind, class, &body);
    }
    for (status, kind, class) in [
        ("1", down, RateLimited),
        ("4", down, Authentication),
        ("5", down, Provider),
        ("6", refused, Address),
        ("9", down, RateLimited),
        ("12", refused, Content),
        ("15", down, Sender),
    ] {
        let body = json!({ "messages": [{ "status": status, "error-text": "+4915112345678 is bad" }] });
        gateway.then(Act::json(200, &body));
        assert_failed(&deliver(vonage(&gateway), &text).await, kind, class, &body);
    }
}

#[tokio::test]
async fn a_page_with_status_200_is_not_taken_for_success() {
    let gateway = Gateway::start(Act::html(200)).await;
    let mail = message("ada@example.com");
    for outcome in [
        deliver(resend(&gateway), &mail).await,
        deliver(postmark(&gateway), &mail).await,
        deliver(sendgrid(&gateway), &mail).await,
        deliver(ses(&gateway), &mail).await,
        deliver(twilio(&gateway), &sms("+4915112345678")).await,
        deliver(vonage(&gateway), &sms("+4915112345678")).await,
        deliver(template(&gateway), &sms("+4915112345678")).await,
    ] {
        assert_failed(&outcome, "down", FailureClass::Provider, &json!("a page"));
        let reason = told(&outcome).1;
        assert!(reason.contains("an HTML page") && reason.contains("`base_url`"), "{reason}");
    }
}

#[tokio::test]
async fn the_pause_that_a_provider_asks_for_is_read_in_seconds_and_as_a_date() {
    let gateway = Gateway::start(Act::HangUp).await;
    for (value, least, most) in [("120", 120, 120), ("Fri, 01 Jan 2100 00:00:00 GMT", 1_000_000, u64::MAX)] {
        let headers = format!("retry-after: {value}\r\ncontent-type: application/json\r\n");
        gateway.then(Act::Answer(429, headers, "{\"name\":\"rate_limit_exceeded\"}".into()));
        let outcome = deliver(resend(&gateway), &message("ada@example.com")).await;
        let Outcome::Unavailable(Failure { class: FailureClass::RateLimited, retry_after: Some(wait), .. }) = outcome
        else {
            panic!("{value}: {outcome:?}")
        };
        assert!((least..=most).contains(&wait.as_secs()), "{value}: {wait:?}");
    }
}

#[tokio::test]
async fn a_provider_that_is_slow_silent_or_gone_is_told_apart() {
    let gateway = Gateway::start(Act::FallSilent).await;
    let mail = message("ada@example.com");
    let outcome = deliver(postmark(&gateway), &mail).await;
    assert_failed(&outcome, "down", FailureClass::Timeout, &json!("silent"));
    let accepted = Act::json(200, &json!({ "ErrorCode": 0, "MessageID": "pm-1" }));
    gateway.then(Act::Late(Duration::from_millis(100), Box::new(accepted)));
    assert_eq!(id(&deliver(postmark(&gateway), &mail).await), "postmark pm-1");
    let closed = std::net::TcpListener::bind("127.0.0.1:0").and_then(|l| l.local_addr()).expect("a port");
    let base_url = format!("http://{closed}").parse().expect("a URL");
    let outcome = deliver(Postmark { base_url, ..postmark(&gateway) }, &mail).await;
    assert_failed(&outcome, "down", FailureClass::Unreachable, &json!("gone"));
}

#[tokio::test]
async fn a_connection_that_is_dropped_after_the_message_was_read_is_repeated_only_where_repetitions_are_found() {
    let gateway = Gateway::start(Act::json(200, &json!({ "id": "re_1", "ErrorCode": 0, "MessageID": "pm" }))).await;
    let mail = message("ada@example.com");
    gateway.then(Act::HangUp);
    assert_eq!(id(&deliver(resend(&gateway), &mail).await), "resend re_1");
    let got = gateway.got();
    assert_eq!(got.len(), 2);
    assert_eq!(got[0].header("idempotency-key"), got[1].header("idempotency-key"), "it is the same message");
    assert_eq!(got[0].body, got[1].body, "and the same request");
    gateway.then(Act::HangUp);
    let outcome = deliver(postmark(&gateway), &mail).await;
    assert_failed(&outcome, "down", FailureClass::Timeout, &json!("dropped"));
    assert!(told(&outcome).1.contains("it may have taken the message"), "{outcome:?}");
    assert_eq!(gateway.got().len(), 3, "without an idempotency key a repetition may be a second message");
}

#[tokio::test]
async fn an_address_that_an_api_can_not_take_is_told_and_not_sent() {
    let gateway = Gateway::start(Act::json(200, &json!({ "id": "1" }))).await;
    let mail = message("ädä@example.com");
    for api in [
        Box::new(resend(&gateway)) as Box<dyn MessageApi>,
        Box::new(postmark(&gateway)),
        Box::new(sendgrid(&gateway)),
        Box::new(ses(&gateway)),
    ] {
        let transport = ApiTransport::boxed(api, limits()).expect("a transport");
        assert!(!transport.takes(&mail));
        let outcome = transport.deliver(&mail).await;
        assert_failed(&outcome, "refused", FailureClass::Address, &json!("not ASCII"));
        assert!(told(&outcome).1.contains("SMTPUTF8"), "{outcome:?}");
    }
    assert_eq!(gateway.got().len(), 0);
}

fn assert_failed(outcome: &Outcome, kind: &str, class: FailureClass, what: &Value) {
    let failure = match outcome {
        Outcome::Refused(failure) | Outcome::Retry(failure) | Outcome::Unavailable(failure) => failure,
        Outcome::Sent(_) => panic!("{what}: sent"),
    };
    assert_eq!((told(outcome).0, failure.class), (kind, class), "{what}: {outcome:?}");
    for secret in ["ada@", "+49", "123456", "re_key", "SG.key", "token", "hush"] {
        let is_a_name = secret == "token" && failure.reason.contains("_token");
        assert!(is_a_name || !failure.reason.contains(secret), "{what}: {}", failure.reason);
    }
}

fn id(outcome: &Outcome) -> String {
    let Outcome::Sent(receipt) = outcome else { panic!("{outcome:?}") };
    format!("{} {}", receipt.provider, receipt.message_id.as_deref().unwrap_or_default())
}

async fn deliver(api: impl MessageApi, message: &Message) -> Outcome {
    let transport = ApiTransport::new(api, limits()).expect("a transport");
    in_time(transport.deliver(message)).await
}

fn limits() -> ApiLimits {
    ApiLimits { timeout: Duration::from_millis(500), ..ApiLimits::default() }
}

fn sms(to: &str) -> Message {
    Message { channel: Channel::Sms, text: Secret::new("1 is your code".into()), ..message(to) }
}

fn secret(text: &str) -> Secret<String> {
    Secret::new(text.to_owned())
}

fn from() -> String {
    "Acme <no-reply@acme.example>".into()
}

fn resend(gateway: &Gateway) -> Resend {
    Resend { api_key: secret("re_key"), from: from(), base_url: gateway.base_url(), webhook_secret: None }
}

fn postmark(gateway: &Gateway) -> Postmark {
    Postmark {
        server_token: secret("token"),
        from: from(),
        base_url: gateway.base_url(),
        message_stream: "outbound".into(),
        webhook_login: None,
    }
}

fn sendgrid(gateway: &Gateway) -> SendGrid {
    SendGrid { api_key: secret("SG.key"), from: from(), base_url: gateway.base_url(), webhook_key: None }
}

fn ses(gateway: &Gateway) -> Ses {
    Ses {
        region: "eu-central-1".into(),
        access_key_id: "AKIDEXAMPLE".into(),
        secret_access_key: secret("wJalrXUtnFEMI"),
        session_token: None,
        from: from(),
        base_url: gateway.base_url(),
        configuration_set: None,
        webhook_login: None,
        webhook_topic: None,
    }
}

fn twilio(gateway: &Gateway) -> Twilio {
    Twilio {
        account_sid: "AC1".into(),
        auth_token: secret("token"),
        api_key: None,
        from: Some("+15005550006".into()),
        messaging_service_sid: None,
        whatsapp_from: Some("+14155238886".into()),
        whatsapp_content_sid: None,
        base_url: gateway.base_url(),
        status_callback: None,
    }
}

fn vonage(gateway: &Gateway) -> Vonage {
    Vonage {
        api_key: "abcd1234".into(),
        api_secret: secret("secret"),
        from: "Acme".into(),
        signature_secret: None,
        base_url: gateway.base_url(),
        callback: None,
    }
}

fn template(gateway: &Gateway) -> SmsTemplate {
    let headers = [("authorization", "Bearer {{secret}}"), ("content-type", "application/json")];
    SmsTemplate {
        url: format!("{}/send?ref={{{{to}}}}", gateway.url()),
        method: "POST".into(),
        headers: headers.map(|(name, value)| (name.to_owned(), secret(value))).into(),
        body: Some("{\"to\": \"{{to_digits}}\", \"text\": \"{{text}}\"}".into()),
        secret: Some(secret("hush")),
        success_statuses: vec![200, 202],
        id_pointer: None,
    }
}
