//! Whose reports are believed, and what they say.

use std::sync::Arc;

use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::signature::{ECDSA_P256_SHA256_ASN1_SIGNING, EcdsaKeyPair, KeyPair};
use aws_lc_rs::{hmac, signature};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};

use super::super::{Callback, CallbackError, FailureClass, Logo, Message, Report, ReportedState, samples};
use super::{MessageApi, Postmark, Resend, SendGrid, Ses, Twilio, Vonage};
use crate::domain::secret::Secret;
use crate::domain::time::Timestamp;

#[test]
fn reports_signed_as_by_svix_are_believed_and_no_others() {
    let secret = format!("whsec_{}", STANDARD.encode(b"a key of some bytes"));
    let event = json!({ "type": "email.bounced", "data": { "email_id": "re_1", "to": ["ada@example.com"] } });
    let body = event.to_string();
    let signed = |at: u64, key: &[u8]| {
        let tag = hmac::sign(&hmac::Key::new(hmac::HMAC_SHA256, key), format!("msg_1.{at}.{body}").as_bytes());
        vec![
            ("svix-id", "msg_1".to_owned()),
            ("svix-timestamp", at.to_string()),
            ("Svix-Signature", format!("v1,AAAA v1,{}", STANDARD.encode(tag))),
        ]
    };
    let right = signed(NOW_S, b"a key of some bytes");
    let told = ask(&resend(Some(&secret)), URL, &right, &body).expect("it is believed");
    assert_eq!(failures(&told), [("re_1".to_owned(), Some(FailureClass::Address))]);
    for (api, headers, body, error) in [
        (resend(None), right.clone(), body.clone(), CallbackError::NoKey),
        (resend(Some(&secret)), Vec::new(), body.clone(), CallbackError::Signature),
        (resend(Some(&secret)), signed(NOW_S, b"another key"), body.clone(), CallbackError::Signature),
        (resend(Some(&secret)), right.clone(), format!("{body} "), CallbackError::Signature),
        (resend(Some(&secret)), signed(NOW_S - 301, b"a key of some bytes"), body.clone(), CallbackError::Stale),
        (resend(Some(&secret)), signed(NOW_S + 301, b"a key of some bytes"), body.clone(), CallbackError::Stale),
    ] {
        assert_eq!(ask(&api, URL, &headers, &body), Err(error));
    }
}

#[test]
fn reports_with_the_login_of_their_url_are_believed_and_no_others() {
    let (postmark, ses) = (postmark(), ses());
    let login = |text: &str| vec![("Authorization", format!("Basic {}", STANDARD.encode(text)))];
    let event = |kind: &str| json!({ "eventType": kind, "mail": { "messageId": "1" }, "bounce": {} }).to_string();
    for (api, body, expected) in [
        (&postmark as &dyn MessageApi, json!({ "RecordType": "Delivery", "MessageID": "1" }), Some(None)),
        (
            &postmark,
            json!({ "RecordType": "Bounce", "Type": "HardBounce", "MessageID": "1" }),
            Some(Some(FailureClass::Address)),
        ),
        (&postmark, json!({ "RecordType": "Bounce", "Type": "Transient", "MessageID": "1" }), None),
        (&postmark, json!({ "RecordType": "Open", "MessageID": "1" }), None),
        (&ses, json!({ "Type": "Notification", "Message": event("Delivery") }), Some(None)),
        (&ses, json!({ "Type": "Notification", "Message": event("Bounce") }), Some(Some(FailureClass::Address))),
        (&ses, json!({ "Type": "Notification", "Message": event("Open") }), None),
        (&ses, json!({ "Type": "SubscriptionConfirmation", "SubscribeURL": "https://sns.example/" }), None),
    ] {
        let told = ask(api, URL, &login("postmark:hunter2"), &body.to_string()).expect("it is believed");
        let expected: Vec<_> = expected.into_iter().map(|class| ("1".to_owned(), class)).collect();
        assert_eq!(failures(&told), expected, "{body}");
        for headers in [login("postmark:hunter3"), login("postmark:hunter22"), login(""), Vec::new()] {
            assert_eq!(ask(api, URL, &headers, &body.to_string()), Err(CallbackError::Signature));
        }
    }
    assert_eq!(ask(&postmark, URL, &login("postmark:hunter2"), "<html>"), Err(CallbackError::Unreadable));
}

#[test]
fn a_topic_of_sns_is_believed_by_its_signature_and_a_login_beside_it_is_needed_too() {
    let topic = Some("arn:aws:sns:eu-central-1:123456789012:reports".to_owned());
    let signed_only = Ses { webhook_login: None, webhook_topic: topic.clone(), ..ses() };
    assert_eq!(signed_only.check(), Ok(()));
    assert!(Ses { webhook_topic: Some("reports".into()), ..ses() }.check().is_err());
    let place = "https://sns.eu-central-1.amazonaws.com/SimpleNotificationService-0a.pem";
    let body = json!({"Type": "Notification", "TopicArn": topic, "SigningCertURL": place}).to_string();
    let wanted = |api: &Ses, headers: &[(&str, &str)]| {
        let at = Timestamp::from_millis(NOW_S * 1000);
        let url = api.certificate_url(&Callback { url: URL, headers, body: body.as_bytes(), at, certificate: None });
        url.map(String::from)
    };
    assert_eq!(wanted(&signed_only, &[]).as_deref(), Some(place));
    assert_eq!(ask(&signed_only, URL, &[], &body), Err(CallbackError::Signature));
    let both = Ses { webhook_topic: topic, ..ses() };
    let login = format!("Basic {}", STANDARD.encode("postmark:hunter2"));
    assert_eq!(wanted(&both, &[]), None, "strangers cause no request");
    assert_eq!(wanted(&both, &[("authorization", &login)]).as_deref(), Some(place));
    assert_eq!(ask(&both, URL, &[("authorization", login)], &body), Err(CallbackError::Signature));
    assert_eq!(wanted(&ses(), &[]), None);
    let neither = Ses { webhook_login: None, ..ses() };
    assert_eq!(ask(&neither, URL, &[], &body), Err(CallbackError::NoKey));
}

#[test]
fn reports_signed_on_the_curve_p256_are_believed_and_no_others() {
    let random = SystemRandom::new();
    let document = EcdsaKeyPair::generate_pkcs8(&ECDSA_P256_SHA256_ASN1_SIGNING, &random).expect("a key");
    let pair = EcdsaKeyPair::from_pkcs8(&ECDSA_P256_SHA256_ASN1_SIGNING, document.as_ref()).expect("a key");
    let mut key = vec![0x30, 0x59, 0x30, 0x13, 0x06, 0x07, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x02, 0x01, 0x06, 0x08];
    key.extend([0x2a, 0x86, 0x48, 0xce, 0x3d, 0x03, 0x01, 0x07, 0x03, 0x42, 0x00]);
    key.extend(pair.public_key().as_ref());
    let sendgrid =
        |key: String| SendGrid { api_key: hush("SG.1"), from: FROM.into(), base_url: url(), webhook_key: Some(key) };
    let api = sendgrid(STANDARD.encode(key));
    assert_eq!(api.check(), Ok(()));
    assert!(sendgrid("MFkwEwYH".into()).check().is_err());
    let body = json!([
        { "event": "delivered", "sg_message_id": "1.filter-5.1.0" },
        { "event": "processed", "sg_message_id": "1.filter-5.1.0" },
        { "event": "bounce", "sg_message_id": "2.filter", "email": "ada@example.com" },
    ])
    .to_string();
    let signed = |at: u64, body: &str| {
        let tag: signature::Signature = pair.sign(&random, format!("{at}{body}").as_bytes()).expect("a signature");
        vec![
            ("X-Twilio-Email-Event-Webhook-Signature", STANDARD.encode(tag)),
            ("X-Twilio-Email-Event-Webhook-Timestamp", at.to_string()),
        ]
    };
    let told = ask(&api, URL, &signed(NOW_S, &body), &body).expect("it is believed");
    assert_eq!(failures(&told), [("1".to_owned(), None), ("2".to_owned(), Some(FailureClass::Address))]);
    assert_eq!(ask(&api, URL, &signed(NOW_S, "[]"), &body), Err(CallbackError::Signature));
    assert_eq!(ask(&api, URL, &signed(NOW_S - 600, &body), &body), Err(CallbackError::Stale));
}

/// The example of Twilio's documentation (twilio.com/docs/usage/security), whose token is 12345.
#[test]
fn a_url_and_a_form_are_signed_as_twilio_documents_it() {
    let url = "https://example.com/myapp.php?foo=1&bar=2";
    let body = "CallSid=CA1234567890ABCDE&Caller=%2B14158675310&Digits=1234&From=%2B14158675310&To=%2B18005551212";
    let headers = vec![("X-Twilio-Signature", "L/OH5YylLD5NRKLltdqwSvS0BnU=".to_owned())];
    // It is believed, and is no report about a message.
    assert_eq!(ask(&twilio("12345"), url, &headers, body), Err(CallbackError::Unreadable));
    assert_eq!(ask(&twilio("12346"), url, &headers, body), Err(CallbackError::Signature));
    assert_eq!(ask(&twilio("12345"), &url.replace("foo=1", "foo=2"), &headers, body), Err(CallbackError::Signature));
    assert_eq!(ask(&twilio("12345"), url, &[], body), Err(CallbackError::Signature));
}

#[test]
fn reports_of_text_messages_say_what_became_of_them() {
    for (status, code, expected) in [
        ("delivered", "", Some(None)),
        ("read", "", Some(None)),
        ("sent", "", None),
        ("undelivered", "30005", Some(Some(FailureClass::Address))),
        ("undelivered", "30007", Some(Some(FailureClass::Content))),
        ("failed", "30008", Some(Some(FailureClass::Provider))),
    ] {
        let body = format!("ErrorCode={code}&MessageSid=SM1&MessageStatus={status}");
        let text = format!("{URL}ErrorCode{code}MessageSidSM1MessageStatus{status}");
        let key = hmac::Key::new(hmac::HMAC_SHA1_FOR_LEGACY_USE_ONLY, b"12345");
        let headers = vec![("x-twilio-signature", STANDARD.encode(hmac::sign(&key, text.as_bytes())))];
        let told = ask(&twilio("12345"), URL, &headers, &body).expect("it is believed");
        let expected: Vec<_> = expected.into_iter().map(|class| ("SM1".to_owned(), class)).collect();
        assert_eq!(failures(&told), expected, "{status} {code}");
    }
}

#[test]
fn reports_of_vonage_are_believed_in_each_form_if_they_are_signed() {
    let vonage = Vonage {
        api_key: "abcd1234".into(),
        api_secret: hush("s"),
        from: "Acme".into(),
        signature_secret: Some(hush("sign")),
        base_url: url(),
        callback: None,
    };
    let text = format!("&err-code=0&messageId=v_1_2&status=delivered&timestamp={NOW_S}");
    let tag = hmac::sign(&hmac::Key::new(hmac::HMAC_SHA256, b"sign"), text.as_bytes());
    let sig: String = tag.as_ref().iter().map(|byte| format!("{byte:02X}")).collect();
    // `&` and `=` in a value are signed as `_`.
    let query = format!("status=delivered&messageId=v%261%3D2&err-code=0&timestamp={NOW_S}&sig={sig}");
    let fields = json!({
        "status": "delivered", "messageId": "v&1=2", "err-code": "0", "timestamp": NOW_S.to_string(), "sig": sig
    });
    let of_form = vec![("content-type", "application/x-www-form-urlencoded".to_owned())];
    let of_json = vec![("content-type", "application/json".to_owned())];
    for told in [
        ask(&vonage, &format!("{URL}?{query}"), &[], ""),
        ask(&vonage, URL, &of_form, &query),
        ask(&vonage, URL, &of_json, &fields.to_string()),
    ] {
        assert_eq!(failures(&told.expect("it is believed")), [("v&1=2".to_owned(), None)]);
    }
    let changed = query.replace("delivered", "failed");
    assert_eq!(ask(&vonage, URL, &of_form, &changed), Err(CallbackError::Signature));
    assert_eq!(ask(&vonage, URL, &of_form, "status=delivered"), Err(CallbackError::Signature));
}

#[test]
fn the_logo_goes_along_inside_of_a_mail() {
    let logo = Logo { content_type: "image/png", bytes: b"an image".to_vec() };
    let plain = Message { html: Some(hush("<img src=\"cid:logo\">")), ..samples::message("ada@example.com", "hello") };
    let mail = Message { logo: Some(Arc::new(logo)), ..plain.clone() };
    let sendgrid = SendGrid { api_key: hush("SG.1"), from: FROM.into(), base_url: url(), webhook_key: None };
    for (api, attached, content, id) in [
        (&resend(None) as &dyn MessageApi, "/attachments", "/content", ("/content_id", "logo")),
        (&postmark(), "/Attachments", "/Content", ("/ContentID", "cid:logo")),
        (&sendgrid, "/attachments", "/content", ("/content_id", "logo")),
        (&ses(), "/Content/Simple/Attachments", "/RawContent", ("/ContentId", "logo")),
    ] {
        let body = |message: &Message| -> Value {
            let request = api.request(message, Timestamp::from_millis(NOW_S * 1000)).expect("a request");
            serde_json::from_slice(request.body()).expect("JSON")
        };
        assert_eq!(body(&plain).pointer(attached), None, "{}", api.name());
        let sent = body(&mail);
        let image = sent.pointer(attached).and_then(|images| images.get(0)).expect("an image");
        assert_eq!(image.pointer(content), Some(&json!(STANDARD.encode("an image"))), "{}", api.name());
        assert_eq!(image.pointer(id.0), Some(&json!(id.1)), "{}", api.name());
    }
}

fn ask(api: &dyn MessageApi, url: &str, headers: &[(&str, String)], body: &str) -> Result<Vec<Report>, CallbackError> {
    let headers: Vec<_> = headers.iter().map(|(name, value)| (*name, value.as_str())).collect();
    let at = Timestamp::from_millis(NOW_S * 1000);
    let callback = Callback { url, headers: &headers, body: body.as_bytes(), at, certificate: None };
    api.reports(&callback).expect("it makes reports")
}

fn failures(reports: &[Report]) -> Vec<(String, Option<FailureClass>)> {
    let class = |report: &Report| match &report.state {
        ReportedState::Delivered => None,
        ReportedState::Failed(failure) => Some(failure.class),
    };
    reports.iter().map(|report| (report.message_id.clone(), class(report))).collect()
}

fn resend(secret: Option<&str>) -> Resend {
    Resend { api_key: hush("re_1"), from: FROM.into(), base_url: url(), webhook_secret: secret.map(hush) }
}

fn postmark() -> Postmark {
    Postmark {
        server_token: hush("t"),
        from: FROM.into(),
        base_url: url(),
        message_stream: "outbound".into(),
        webhook_login: Some(hush("postmark:hunter2")),
    }
}

fn ses() -> Ses {
    Ses {
        region: "eu-central-1".into(),
        access_key_id: "AKIDEXAMPLE".into(),
        secret_access_key: hush("k"),
        session_token: None,
        from: FROM.into(),
        base_url: url(),
        configuration_set: None,
        webhook_login: Some(hush("postmark:hunter2")),
        webhook_topic: None,
    }
}

fn twilio(token: &str) -> Twilio {
    Twilio {
        account_sid: "AC1".into(),
        auth_token: hush(token),
        api_key: None,
        from: Some("+15005550006".into()),
        messaging_service_sid: None,
        whatsapp_from: None,
        whatsapp_content_sid: None,
        base_url: url(),
        status_callback: None,
    }
}

fn hush(text: &str) -> Secret<String> {
    Secret::new(text.to_owned())
}

fn url() -> url::Url {
    "https://api.example.com".parse().expect("a URL")
}

const FROM: &str = "Acme <no-reply@acme.example>";
const URL: &str = "https://clerk.acme.example/v1/messages/callbacks/x";
const NOW_S: u64 = 1_800_000_000;
