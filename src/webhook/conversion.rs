//! The question before a sign-up becomes a user, asked by a signed request. The application answers at once, so it is no
//! webhook that can wait: it is not tried again, and a failure counts as the options of the hook say.

use std::sync::Arc;
use std::time::Duration;

use aws_lc_rs::digest::{Context, SHA256};
use http::Request;
use http::header::CONTENT_TYPE;
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

use crate::clock::Clock;
use crate::domain::hook::{Additions, Answer, BoxFuture, Hook, UserToBe};
use crate::domain::id::{MessageId, SignUpId};
use crate::domain::refusal::Refusal;
use crate::domain::time::Timestamp;
use crate::domain::user::Identification;
use crate::outbound::{Outbound, OutboundOptions};

use super::endpoint::{EndpointUrl, Targets};
use super::secret::{SigningSecret, SigningSecrets};
use super::signature::sign;

/// A hook that asks the application's backend by a signed request
/// ([guide: The question before a user](crate::guide::contract_backend#the-question-before-a-user)).
pub struct ConversionWebhook {
    url: EndpointUrl,
    secrets: SigningSecrets,
    outbound: Outbound,
    clock: Arc<dyn Clock>,
}

impl ConversionWebhook {
    /// Asks at this URL, and waits so long for the whole answer. With [`Targets::Public`] only at public addresses.
    pub fn new(
        url: EndpointUrl,
        secret: SigningSecret,
        targets: Targets,
        timeout: Duration,
        clock: Arc<dyn Clock>,
    ) -> Self {
        let allow_private = targets == Targets::AlsoLocal;
        let options = OutboundOptions { allow_private, timeout, body_max: BODY_MAX, ..OutboundOptions::default() };
        Self { url, secrets: SigningSecrets::new(secret), outbound: Outbound::new(options), clock }
    }

    /// # Errors
    /// Why there is no answer. It names at most the host of the URL, and nothing of what was answered.
    async fn ask(&self, user: &UserToBe) -> Result<Answer, String> {
        let now = self.clock.now();
        let body = body(user, now).map_err(|error| format!("the question can't be written: {error}"))?;
        let signed = sign(&self.secrets, question_id(user.sign_up_id, now), now, &body);
        let mut request = Request::post(self.url.as_str()).header(CONTENT_TYPE, "application/json");
        for (name, value) in signed.pairs() {
            request = request.header(name, value);
        }
        let request = request.body(body).map_err(|_| "the URL can't be used for a request".to_owned())?;
        let answer = self.outbound.send(request).await.map_err(|error| error.to_string())?;
        match answer.status().as_u16() {
            200..300 => read(answer.body()).ok_or_else(|| "the answer is none of those that are known".to_owned()),
            status => Err(format!("the answer has status {status}")),
        }
    }
}

impl Hook for ConversionWebhook {
    fn before_conversion<'a>(&'a self, user: &'a UserToBe) -> BoxFuture<'a, Answer> {
        Box::pin(async move {
            self.ask(user).await.unwrap_or_else(|reason| {
                tracing::warn!(sign_up.id = %user.sign_up_id, reason, "the application could not be asked about a new user");
                Answer::Failed
            })
        })
    }
}

#[derive(Deserialize)]
struct Answered {
    decision: Decision,
    code: Option<String>,
    message: Option<String>,
    public_metadata: Option<Box<RawValue>>,
}

#[derive(Deserialize)]
#[serde(rename_all = "snake_case")]
enum Decision {
    Allow,
    Refuse,
}

/// What an answer says; `None` where it is no valid answer.
fn read(body: &[u8]) -> Option<Answer> {
    let answered: Answered = serde_json::from_slice(body).ok()?;
    Some(match (answered.decision, answered.public_metadata) {
        (Decision::Allow, None) => Answer::Allow,
        (Decision::Allow, Some(metadata)) => Answer::AllowWith(Additions::new().public_metadata(metadata.get()).ok()?),
        (Decision::Refuse, _) => Answer::Refuse(Refusal::new(answered.code?, answered.message?).ok()?),
    })
}

/// Its own for each question, so that an answer is about this one.
fn question_id(sign_up: SignUpId, now: Timestamp) -> MessageId {
    let mut context = Context::new(&SHA256);
    for part in [b"question before a user".as_slice(), sign_up.as_bytes(), &now.as_millis().to_be_bytes()] {
        context.update(part);
    }
    let mut bytes = [0; 16];
    bytes.copy_from_slice(&context.finish().as_ref()[..16]);
    MessageId::from_bytes(bytes)
}

#[derive(Serialize)]
struct Question<'a> {
    data: Data<'a>,
    object: &'static str,
    #[serde(rename = "type")]
    what: &'static str,
    timestamp: Timestamp,
}

#[derive(Serialize)]
struct Data<'a> {
    object: &'static str,
    id: String,
    user_id: String,
    client_id: String,
    email_addresses: Vec<Address<'a>>,
    phone_numbers: Vec<Address<'a>>,
    external_accounts: Vec<Account<'a>>,
    username: Option<&'a str>,
    password_enabled: bool,
    first_name: Option<&'a str>,
    last_name: Option<&'a str>,
    external_id: Option<&'a str>,
    unsafe_metadata: &'a RawValue,
    public_metadata: &'a RawValue,
    locale: Option<&'a str>,
    legal_accepted_at: Option<Timestamp>,
    invitation_id: Option<String>,
    origin: Option<&'a str>,
    created_at: Timestamp,
}

#[derive(Serialize)]
struct Address<'a> {
    value: &'a str,
    /// The strategy that verified it.
    verified_by: Option<String>,
}

#[derive(Serialize)]
struct Account<'a> {
    provider: &'a str,
    provider_user_id: &'a str,
    email_address: Option<&'a str>,
}

/// The bytes that are signed and sent.
fn body(user: &UserToBe, now: Timestamp) -> serde_json::Result<Vec<u8>> {
    let [unsafe_metadata, public_metadata] =
        [&user.unsafe_metadata, &user.public_metadata].map(|text| serde_json::from_str::<&RawValue>(text));
    let data = Data {
        object: "sign_up_attempt",
        id: user.sign_up_id.to_string(),
        user_id: user.user_id.to_string(),
        client_id: user.client_id.to_string(),
        email_addresses: user.email_addresses.iter().map(|email| address(email, email.value.as_str())).collect(),
        phone_numbers: user.phone_numbers.iter().map(|phone| address(phone, phone.value.as_str())).collect(),
        external_accounts: user
            .external_accounts
            .iter()
            .map(|account| Account {
                provider: &account.provider,
                provider_user_id: &account.profile.subject,
                email_address: account.profile.email_address.as_deref(),
            })
            .collect(),
        username: user.username.as_ref().map(|username| username.as_str()),
        password_enabled: user.has_password,
        first_name: user.first_name.as_deref(),
        last_name: user.last_name.as_deref(),
        external_id: user.external_id.as_deref(),
        unsafe_metadata: unsafe_metadata?,
        public_metadata: public_metadata?,
        locale: user.locale.as_deref(),
        legal_accepted_at: user.legal_accepted_at,
        invitation_id: user.invitation_id.map(|id| id.to_string()),
        origin: user.origin.as_deref(),
        created_at: user.began_at,
    };
    serde_json::to_vec(&Question { data, object: "event", what: "sign_up.before_completion", timestamp: now })
}

fn address<'a, T>(of: &Identification<T>, value: &'a str) -> Address<'a> {
    Address { value, verified_by: of.verified_by.as_ref().map(ToString::to_string) }
}

/// How large an answer may be, in bytes.
const BODY_MAX: usize = 64 * 1024;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_whole_and_valid_answer_counts() {
        assert_eq!(read(br#"{"decision":"allow"}"#), Some(Answer::Allow));
        assert_eq!(read(br#"{"decision":"allow","public_metadata":null,"more":1}"#), Some(Answer::Allow));
        let plan = Additions::new().public_metadata(r#"{"plan":"gold"}"#).expect("an object");
        let with_plan = read(br#"{"decision":"allow","public_metadata":{"plan":"gold"}}"#);
        assert_eq!(with_plan, Some(Answer::AllowWith(plan)));
        let refusal = Refusal::new("company_only", "Please use your company's address.").expect("a refusal");
        let refused = br#"{"decision":"refuse","code":"company_only","message":"Please use your company's address."}"#;
        assert_eq!(read(refused), Some(Answer::Refuse(refusal)));
        for body in [
            &b""[..],
            b"{}",
            b"ok",
            br#"{"decision":"allow""#,
            br#"{"decision":"maybe"}"#,
            br#"{"decision":"allow","public_metadata":[1]}"#,
            br#"{"decision":"refuse"}"#,
            br#"{"decision":"refuse","code":"Company Only","message":"x"}"#,
            br#"{"decision":"refuse","code":"company_only","message":""}"#,
        ] {
            assert_eq!(read(body), None, "{}", String::from_utf8_lossy(body));
        }
    }

    #[test]
    fn each_question_has_an_id_of_its_own() {
        let [first, second] = [1, 2].map(|n| SignUpId::from_bytes([n; 16]));
        let [early, late] = [1, 2].map(Timestamp::from_millis);
        assert_ne!(question_id(first, early), question_id(second, early));
        assert_ne!(question_id(first, early), question_id(first, late));
    }
}
