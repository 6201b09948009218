//! The signatures of Amazon SNS, by which a report of SES proves that it comes from a topic
//! (docs.aws.amazon.com/sns/latest/dg/sns-verify-signature-of-message.html). The certificate is believed because it comes by https
//! from the host of SNS in the topic's region, and from nowhere else; whose topic it is, the configuration says.

use aws_lc_rs::signature::{RSA_PKCS1_2048_8192_SHA256, UnparsedPublicKey};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::Value;
use url::Url;

use crate::domain::rfc3339;
use crate::domain::time::{Span, Timestamp};

use super::super::CallbackError;
use super::certificates::public_key;

/// Whether a text is the name of a topic, such as `arn:aws:sns:eu-central-1:123456789012:reports`.
pub(super) fn is_topic(text: &str) -> bool {
    host(text).is_some()
}

/// Where the certificate of a message of this topic is; `None` for every other place than SNS itself.
pub(super) fn certificate_url(envelope: &Value, topic: &str) -> Option<Url> {
    let url = Url::parse(envelope["SigningCertURL"].as_str().filter(|_| envelope["TopicArn"] == topic)?).ok()?;
    let is_plain = url.scheme() == "https" && url.port().is_none() && url.username().is_empty();
    let is_plain = is_plain && url.password().is_none() && url.query().is_none() && url.fragment().is_none();
    let name = url.path().strip_prefix("/SimpleNotificationService-")?.strip_suffix(".pem")?;
    let is_name = !name.is_empty() && name.bytes().all(|byte| byte.is_ascii_hexdigit());
    (is_plain && is_name && url.host_str() == Some(&*host(topic)?)).then_some(url)
}

/// Checks that a message that arrived at `at` is of this topic and signed a short time ago by the key of `certificate`, in PEM.
/// Only version 2 of the signatures is taken: the first one is made with SHA-1.
///
/// # Errors
/// [`CallbackError::Signature`]; [`CallbackError::Stale`] for one that is signed and too old.
pub(super) fn check(
    envelope: &Value,
    topic: &str,
    certificate: Option<&[u8]>,
    at: Timestamp,
) -> Result<(), CallbackError> {
    let text = |name: &str| envelope[name].as_str().ok_or(CallbackError::Signature);
    if text("TopicArn")? != topic {
        return Err(CallbackError::Signature);
    }
    if text("SignatureVersion")? != "2" {
        tracing::warn!("SNS signs with SHA-1; set the attribute SignatureVersion of the topic to 2");
        return Err(CallbackError::Signature);
    }
    let signature = STANDARD.decode(text("Signature")?).map_err(|_| CallbackError::Signature)?;
    let key = certificate.and_then(public_key).ok_or(CallbackError::Signature)?;
    let key = UnparsedPublicKey::new(&RSA_PKCS1_2048_8192_SHA256, key);
    key.verify(signed(envelope)?.as_bytes(), &signature).map_err(|_| CallbackError::Signature)?;
    let signed_at = rfc3339::parse(text("Timestamp")?).ok_or(CallbackError::Stale)?;
    let apart = at.as_millis().abs_diff(signed_at.as_millis());
    if apart <= LIFETIME.as_millis() { Ok(()) } else { Err(CallbackError::Stale) }
}

/// What is signed: names and values, each on a line, those that the message has.
fn signed(envelope: &Value) -> Result<String, CallbackError> {
    let names: &[&str] = match envelope["Type"].as_str() {
        Some("Notification") => &["Message", "MessageId", "Subject", "Timestamp", "TopicArn", "Type"],
        Some("SubscriptionConfirmation" | "UnsubscribeConfirmation") => {
            &["Message", "MessageId", "SubscribeURL", "Timestamp", "Token", "TopicArn", "Type"]
        }
        _ => return Err(CallbackError::Signature),
    };
    let mut signed = String::new();
    for name in names {
        match envelope[*name].as_str() {
            Some(value) => signed.extend([name, "\n", value, "\n"]),
            None if *name == "Subject" => {}
            None => return Err(CallbackError::Signature),
        }
    }
    Ok(signed)
}

/// The host of SNS in the region of a topic.
fn host(topic: &str) -> Option<String> {
    let parts: Vec<&str> = topic.split(':').collect();
    let ["arn", partition, "sns", region, account, name] = parts[..] else { return None };
    let is_word =
        |text: &str| !text.is_empty() && text.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-' || b == b'_');
    let is_region =
        !region.is_empty() && region.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-');
    let is_account = !account.is_empty() && account.bytes().all(|b| b.is_ascii_digit());
    let domain = match partition {
        "aws" | "aws-us-gov" => "amazonaws.com",
        "aws-cn" => "amazonaws.com.cn",
        _ => return None,
    };
    (is_region && is_account && is_word(name)).then(|| format!("sns.{region}.{domain}"))
}

/// How old a message may be, and how far ahead its clock. SNS tries for at most an hour to deliver one
/// (docs.aws.amazon.com/sns/latest/dg/sns-message-delivery-retries.html); five minutes more are for the way and the clocks.
const LIFETIME: Span = Span::from_secs(65 * 60);

#[cfg(test)]
mod tests {
    use aws_lc_rs::encoding::{AsDer, PublicKeyX509Der};
    use aws_lc_rs::rand::SystemRandom;
    use aws_lc_rs::rsa::{KeyPair, KeySize};
    use aws_lc_rs::signature::{KeyPair as _, RSA_PKCS1_SHA256};
    use serde_json::json;

    use super::super::super::der::SEQUENCE;
    use super::*;

    #[test]
    fn a_message_is_believed_by_its_topic_and_its_signature_and_no_other_is() {
        let pair = KeyPair::generate(KeySize::Rsa2048).expect("a key");
        let certificate = certificate(&pair);
        let sign = |envelope: Value| sign(envelope, &pair);
        let check =
            |envelope: &Value, topic: &str, certificate: Option<&[u8]>| check(envelope, topic, certificate, now());
        let plain = || {
            json!({
                "Type": "Notification", "MessageId": "1", "TopicArn": TOPIC, "Message": "{}", "SignatureVersion": "2",
                "Timestamp": SIGNED_AT, "SigningCertURL": CERTIFICATE_URL,
            })
        };
        let with_subject = json!({"Subject": "a", "Type": "Notification", "MessageId": "1", "TopicArn": TOPIC,
            "Message": "{}", "Timestamp": SIGNED_AT, "SignatureVersion": "2"});
        let confirmation = json!({"Type": "SubscriptionConfirmation", "MessageId": "1", "TopicArn": TOPIC, "Token": "t",
            "Message": "m", "SubscribeURL": "https://sns.eu-central-1.amazonaws.com/", "Timestamp": SIGNED_AT,
            "SignatureVersion": "2"});
        for envelope in [plain(), with_subject, confirmation] {
            let signed = sign(envelope);
            assert_eq!(check(&signed, TOPIC, Some(&certificate)), Ok(()), "{signed}");
            assert_eq!(check(&signed, TOPIC, None), Err(CallbackError::Signature));
            assert_eq!(check(&signed, &TOPIC.replace("reports", "others"), Some(&certificate)), NOT);
            for name in ["Message", "MessageId", "Timestamp", "Type", "Signature", "SignatureVersion"] {
                let mut changed = signed.clone();
                changed[name] = "Notification".into();
                if changed != signed {
                    assert_eq!(check(&changed, TOPIC, Some(&certificate)), NOT, "{name}");
                }
            }
        }
        let other = self::certificate(&KeyPair::generate(KeySize::Rsa2048).expect("a key"));
        assert_eq!(check(&sign(plain()), TOPIC, Some(&other)), NOT);
        assert_eq!(check(&sign(plain()), TOPIC, Some(b"no certificate")), NOT);
    }

    #[test]
    fn a_message_is_believed_for_as_long_as_sns_tries_to_deliver_it() {
        let pair = KeyPair::generate(KeySize::Rsa2048).expect("a key");
        let certificate = certificate(&pair);
        let at = |timestamp: &str| {
            let envelope = json!({"Type": "Notification", "MessageId": "1", "TopicArn": TOPIC, "Message": "{}",
                "Timestamp": timestamp, "SignatureVersion": "2"});
            check(&sign(envelope, &pair), TOPIC, Some(&certificate), now())
        };
        for near in ["2026-01-31T10:55:00.000Z", SIGNED_AT, "2026-01-31T13:05:00.000Z"] {
            assert_eq!(at(near), Ok(()), "{near}");
        }
        for far in ["2026-01-31T10:54:59.999Z", "2026-01-31T13:05:00.001Z", "2025-01-31T12:00:00.000Z", "", "soon"] {
            assert_eq!(at(far), Err(CallbackError::Stale), "{far}");
        }
    }

    #[test]
    fn a_certificate_is_fetched_from_the_host_of_sns_in_the_topics_region_alone() {
        let url = |text: &str| certificate_url(&json!({"TopicArn": TOPIC, "SigningCertURL": text}), TOPIC);
        assert_eq!(url(CERTIFICATE_URL).as_ref().map(Url::as_str), Some(CERTIFICATE_URL));
        for wrong in [
            "http://sns.eu-central-1.amazonaws.com/SimpleNotificationService-0a.pem",
            "https://sns.eu-west-1.amazonaws.com/SimpleNotificationService-0a.pem",
            "https://sns.eu-central-1.amazonaws.com.evil.example/SimpleNotificationService-0a.pem",
            "https://evil.example/SimpleNotificationService-0a.pem",
            "https://sns.eu-central-1.amazonaws.com@evil.example/SimpleNotificationService-0a.pem",
            "https://a:b@sns.eu-central-1.amazonaws.com/SimpleNotificationService-0a.pem",
            "https://sns.eu-central-1.amazonaws.com:8443/SimpleNotificationService-0a.pem",
            "https://sns.eu-central-1.amazonaws.com/SimpleNotificationService-0a.pem?x=1",
            "https://sns.eu-central-1.amazonaws.com/SimpleNotificationService-../a.pem",
            "https://sns.eu-central-1.amazonaws.com/bucket/a.pem",
            "",
        ] {
            assert_eq!(url(wrong), None, "{wrong}");
        }
        let of_others = json!({"TopicArn": "arn:aws:sns:eu-central-1:1:x", "SigningCertURL": CERTIFICATE_URL});
        assert_eq!(certificate_url(&of_others, TOPIC), None);
        for topic in ["", "arn:aws:sns::1:x", "arn:aws:sqs:eu-central-1:1:x", "arn:aws:sns:a.b:1:x", "arn:x:sns:a:1:x"]
        {
            assert!(!is_topic(topic), "{topic}");
        }
        assert!(is_topic("arn:aws-cn:sns:cn-north-1:123456789012:a_b-1"));
    }

    /// The message, signed by this key.
    fn sign(mut envelope: Value, pair: &KeyPair) -> Value {
        let text = signed(&envelope).expect("a known kind");
        let mut signature = vec![0; pair.public_modulus_len()];
        pair.sign(&RSA_PKCS1_SHA256, &SystemRandom::new(), text.as_bytes(), &mut signature).expect("a signature");
        envelope["Signature"] = STANDARD.encode(signature).into();
        envelope
    }

    fn now() -> Timestamp {
        rfc3339::parse(SIGNED_AT).expect("a time")
    }

    /// A certificate with this key, of which nothing else is right.
    fn certificate(pair: &KeyPair) -> Vec<u8> {
        let tagged = |tag: u8, content: &[u8]| {
            let length = u16::try_from(content.len()).expect("small").to_be_bytes();
            [&[tag, 0x82][..], &length, content].concat()
        };
        let key: PublicKeyX509Der<'_> = pair.public_key().as_der().expect("a key");
        let empty = tagged(SEQUENCE, &[]);
        let version = tagged(0xa0, &tagged(2, &[2]));
        let parts =
            [version, tagged(2, &[1]), empty.clone(), empty.clone(), empty.clone(), empty, key.as_ref().to_vec()];
        let certificate = tagged(SEQUENCE, &tagged(SEQUENCE, &parts.concat()));
        format!("-----BEGIN CERTIFICATE-----\n{}\n-----END CERTIFICATE-----\n", STANDARD.encode(certificate))
            .into_bytes()
    }

    const SIGNED_AT: &str = "2026-01-31T12:00:00.000Z";
    const TOPIC: &str = "arn:aws:sns:eu-central-1:123456789012:reports";
    const CERTIFICATE_URL: &str = "https://sns.eu-central-1.amazonaws.com/SimpleNotificationService-0a1b2c.pem";
    const NOT: Result<(), CallbackError> = Err(CallbackError::Signature);
}
