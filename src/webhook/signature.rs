//! The signature of a webhook: base64 of HMAC-SHA-256 over `<id>.<timestamp>.<body>`, as in Standard Webhooks 1.0.0.

use aws_lc_rs::{constant_time, hmac};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use crate::domain::id::MessageId;
use crate::domain::time::Timestamp;

use super::secret::{SigningSecret, SigningSecrets};

/// The headers of one attempt.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SignedHeaders {
    /// Id of the message; the same in all attempts, so that receivers can drop repetitions.
    pub id: String,
    /// When this attempt was made, in seconds since 1970.
    pub timestamp: String,
    /// `v1,` and the signature, for each secret of the endpoint; separated by blanks.
    pub signature: String,
}

impl SignedHeaders {
    /// Names and values, under the names of Standard Webhooks and under those of Svix, which `verifyWebhook` of
    /// `@clerk/backend` reads.
    pub fn pairs(&self) -> [(&'static str, &str); 6] {
        let values = [self.id.as_str(), &self.timestamp, &self.signature];
        let pair = |at: usize| (FAMILIES[at / 3][at % 3], values[at % 3]);
        [pair(0), pair(1), pair(2), pair(3), pair(4), pair(5)]
    }
}

/// Signs exactly these bytes with all secrets of an endpoint.
pub fn sign(secrets: &SigningSecrets, id: MessageId, attempted_at: Timestamp, body: &[u8]) -> SignedHeaders {
    let (id, timestamp) = (id.to_string(), attempted_at.as_secs().to_string());
    let signatures = secrets.iter().map(|secret| {
        let tag = mac(secret, &id, &timestamp, body);
        format!("{VERSION}{}", STANDARD.encode(tag))
    });
    let signature = signatures.collect::<Vec<_>>().join(" ");
    SignedHeaders { id, timestamp, signature }
}

/// What a receiver found in the headers of a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ReceivedHeaders<'a> {
    /// The id of the message.
    pub id: &'a str,
    /// When the attempt was made, in seconds since 1970.
    pub timestamp: &'a str,
    /// One or more signatures, separated by blanks.
    pub signature: &'a str,
}

/// Why a request is not believed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum VerifyError {
    /// A header is missing.
    #[error("the header `{0}` is missing")]
    MissingHeader(&'static str),
    /// The id is empty or contains a full stop, which separates what is signed.
    #[error("the id of the message is malformed")]
    MalformedId,
    /// The time is not a number of seconds.
    #[error("the time of the attempt is not a number of seconds")]
    MalformedTimestamp,
    /// The attempt was made more than five minutes ago, so that it may be a request that was recorded.
    #[error("the message is too old")]
    TooOld,
    /// The attempt was made more than five minutes in the future.
    #[error("the message is of the future")]
    TooNew,
    /// No signature was made with a secret of the endpoint over these bytes.
    #[error("no signature is right")]
    NoMatch,
}

impl<'a> ReceivedHeaders<'a> {
    /// Finds the headers by a look-up that ignores case: those of Standard Webhooks, or else those of Svix.
    ///
    /// # Errors
    /// Where one is missing, under both names.
    pub fn find(header: impl Fn(&str) -> Option<&'a str>) -> Result<Self, VerifyError> {
        let whole = FAMILIES.iter().find_map(|names| match names.map(&header) {
            [Some(id), Some(timestamp), Some(signature)] => Some(Self { id, timestamp, signature }),
            _ => None,
        });
        let [standard, _] = FAMILIES;
        whole.ok_or_else(|| {
            let missing = standard.into_iter().find(|name| header(name).is_none());
            VerifyError::MissingHeader(missing.unwrap_or(standard[0]))
        })
    }
}

/// Checks that a request was signed with one of these secrets, at most five minutes before or after `now`. `body` are
/// the bytes as they came. A receiver also remembers ids, because each message may come several times.
///
/// # Errors
/// See [`VerifyError`].
pub fn verify(
    secrets: &SigningSecrets,
    headers: &ReceivedHeaders<'_>,
    body: &[u8],
    now: Timestamp,
) -> Result<(), VerifyError> {
    let ReceivedHeaders { id, timestamp, signature } = *headers;
    if id.is_empty() || id.contains('.') {
        return Err(VerifyError::MalformedId);
    }
    let is_number = timestamp.bytes().all(|byte| byte.is_ascii_digit());
    let seconds = timestamp.parse::<u64>().ok().filter(|_| is_number).ok_or(VerifyError::MalformedTimestamp)?;
    if now.as_secs().saturating_sub(seconds) > TOLERANCE_S {
        return Err(VerifyError::TooOld);
    }
    if seconds.saturating_sub(now.as_secs()) > TOLERANCE_S {
        return Err(VerifyError::TooNew);
    }
    let given: Vec<Vec<u8>> = signature
        .split(' ')
        .filter_map(|part| part.strip_prefix(VERSION))
        .filter_map(|encoded| STANDARD.decode(encoded).ok())
        .collect();
    let is_right = secrets.iter().any(|secret| {
        let tag = mac(secret, id, timestamp, body);
        given.iter().any(|given| constant_time::verify_slices_are_equal(tag.as_ref(), given).is_ok())
    });
    if is_right { Ok(()) } else { Err(VerifyError::NoMatch) }
}

fn mac(secret: &SigningSecret, id: &str, timestamp: &str, body: &[u8]) -> hmac::Tag {
    let mut context = hmac::Context::with_key(&secret.key());
    for part in [id.as_bytes(), b".", timestamp.as_bytes(), b".", body] {
        context.update(part);
    }
    context.sign()
}

/// The names of the headers, by Standard Webhooks and by Svix: id, timestamp, signature.
const FAMILIES: [[&str; 3]; 2] =
    [["webhook-id", "webhook-timestamp", "webhook-signature"], ["svix-id", "svix-timestamp", "svix-signature"]];
/// The version of a signature by HMAC-SHA-256.
const VERSION: &str = "v1,";
/// How far the time of an attempt may be from the receiver's clock, as in Svix's libraries.
const TOLERANCE_S: u64 = 5 * 60;

#[cfg(test)]
mod tests {
    use super::*;

    /// The example of Svix's documentation on verifying by hand.
    #[test]
    fn a_published_example_verifies() {
        let secrets = secrets("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw");
        let headers = ReceivedHeaders {
            id: "msg_p5jXN8AQM9LWM0D4loKWxJek",
            timestamp: "1614265330",
            signature: "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=",
        };
        let now = Timestamp::from_millis(1_614_265_330_999);
        assert_eq!(verify(&secrets, &headers, br#"{"test": 2432232314}"#, now), Ok(()));
        assert_eq!(verify(&secrets, &headers, br#"{"test":2432232314}"#, now), Err(VerifyError::NoMatch));
    }

    #[test]
    fn the_time_of_an_attempt_is_within_five_minutes() {
        let (secrets, signed) = signed();
        let at = |now_s: u64| verify(&secrets, &received(&signed), BODY, Timestamp::from_millis(now_s * 1000));
        assert_eq!(at(AT_S - 301), Err(VerifyError::TooNew));
        assert_eq!([at(AT_S - 300), at(AT_S), at(AT_S + 300)], [Ok(()); 3]);
        assert_eq!(at(AT_S + 301), Err(VerifyError::TooOld));
    }

    #[test]
    fn of_several_signatures_one_has_to_be_right() {
        let (secrets, signed) = signed();
        let now = Timestamp::from_millis(AT_S * 1000);
        let other = STANDARD.encode([0; 32]);
        let right = &signed.signature;
        let bare = right.trim_start_matches("v1,");
        for (signature, expected) in [
            (format!("v1,{other} {right}"), Ok(())),
            (format!("v1a,{other} {right} v2,x"), Ok(())),
            (format!("v1,{other}"), Err(VerifyError::NoMatch)),
            (format!("v1a,{bare}"), Err(VerifyError::NoMatch)),
            (format!("v2,{bare}"), Err(VerifyError::NoMatch)),
            (bare.to_owned(), Err(VerifyError::NoMatch)),
            ("v1,".to_owned(), Err(VerifyError::NoMatch)),
            (String::new(), Err(VerifyError::NoMatch)),
        ] {
            let headers = ReceivedHeaders { signature: &signature, ..received(&signed) };
            assert_eq!(verify(&secrets, &headers, BODY, now), expected, "{signature}");
        }
    }

    #[test]
    fn malformed_headers_are_named() {
        let (secrets, signed) = signed();
        let now = Timestamp::from_millis(AT_S * 1000);
        for timestamp in ["", "soon", "-1", "+1700000000", "1700000000.0", " 1700000000", "99999999999999999999"] {
            let headers = ReceivedHeaders { timestamp, ..received(&signed) };
            assert_eq!(verify(&secrets, &headers, BODY, now), Err(VerifyError::MalformedTimestamp), "{timestamp}");
        }
        for id in ["", "msg_1.1700000000"] {
            let headers = ReceivedHeaders { id, ..received(&signed) };
            assert_eq!(verify(&secrets, &headers, BODY, now), Err(VerifyError::MalformedId), "{id}");
        }
    }

    #[test]
    fn headers_are_found_under_both_names_and_a_missing_one_is_named() {
        let (_, signed) = signed();
        let pairs = signed.pairs();
        let find = |prefix: &str, without: &str| {
            let known = pairs.iter().filter(|(name, _)| name.starts_with(prefix) && *name != without);
            let known: Vec<_> = known.copied().collect();
            ReceivedHeaders::find(|name| known.iter().find(|(known, _)| *known == name).map(|(_, value)| *value))
        };
        for prefix in ["webhook-", "svix-", ""] {
            assert_eq!(find(prefix, ""), Ok(received(&signed)), "{prefix}");
        }
        let missing = |name| Err(VerifyError::MissingHeader(name));
        assert_eq!(find("webhook-", "webhook-signature"), missing("webhook-signature"));
        assert_eq!(find("svix-", "svix-timestamp"), missing("webhook-id"));
    }

    fn signed() -> (SigningSecrets, SignedHeaders) {
        let secrets = secrets("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw");
        let signed = sign(&secrets, MessageId::from_bytes([7; 16]), Timestamp::from_millis(AT_S * 1000 + 999), BODY);
        (secrets, signed)
    }

    fn received(signed: &SignedHeaders) -> ReceivedHeaders<'_> {
        ReceivedHeaders { id: &signed.id, timestamp: &signed.timestamp, signature: &signed.signature }
    }

    fn secrets(text: &str) -> SigningSecrets {
        SigningSecrets::new(text.parse().expect("a secret"))
    }

    const AT_S: u64 = 1_700_000_000;
    const BODY: &[u8] = b"{}";
}
