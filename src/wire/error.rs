//! Errors ([guide: The error envelope](crate::guide::contract_errors#the-error-envelope)): one table from code to status
//! and texts, and the shape of one error. The envelope around it, and the errors of HTTP itself, are in
//! `http/response/error.rs`.

mod table;

use std::borrow::Cow;

use serde::{Serialize, Serializer};

use crate::domain::id::SessionId;
use crate::domain::rejection::{ErrorCode, OwnWords, Reason, Rejection};
use crate::domain::time::Span;
use crate::engine::EngineError;

use super::AsDisplay;

pub(crate) use table::Row;

/// One error on the wire.
#[derive(Debug, PartialEq, Serialize)]
pub(crate) struct Problem {
    /// The code.
    pub(crate) code: Cow<'static, str>,
    /// What is wrong, beside a field.
    pub(crate) message: Cow<'static, str>,
    /// The same in a sentence.
    pub(crate) long_message: Cow<'static, str>,
    /// What the error is about.
    pub(crate) meta: Meta,
}

/// What an error is about.
#[derive(Debug, Default, PartialEq, Serialize)]
pub(crate) struct Meta {
    /// The parameter at fault.
    #[serde(rename = "param_name", skip_serializing_if = "Option::is_none")]
    pub(crate) param: Option<String>,
    /// The parameters that are missing.
    #[serde(rename = "param_names", skip_serializing_if = "Vec::is_empty")]
    params: Vec<String>,
    /// The addresses that are invited already.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    email_addresses: Vec<String>,
    /// How long an account is still locked, in seconds.
    #[serde(skip_serializing_if = "Option::is_none")]
    lockout_expires_in_seconds: Option<u32>,
    /// For passwords that are too easy to guess.
    #[serde(skip_serializing_if = "Option::is_none")]
    zxcvbn: Option<Zxcvbn>,
    /// The session that can be used instead.
    #[serde(skip_serializing_if = "Option::is_none")]
    session_id: Option<AsDisplay<SessionId>>,
}

/// What would make a password harder to guess. Official clients show these texts, translated by themselves.
#[derive(Debug, PartialEq, Serialize)]
struct Zxcvbn {
    suggestions: [Suggestion; 1],
}

#[derive(Debug, PartialEq, Serialize)]
struct Suggestion {
    code: &'static str,
    message: &'static str,
}

/// Why the engine answers a call with no refusal and no result.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Failure {
    SignedOut,
    AuthenticationInvalid,
    TokenReplaced,
    SeveralClients,
    ServiceUnavailable,
    InternalError,
}

impl Problem {
    /// The error of a code with this row, about `param`; `number` is for its texts.
    pub(crate) fn new(code: &'static str, row: Row, param: Option<&str>, number: Option<u32>) -> Self {
        let (message, long_message) = row.texts(param);
        let fill = |text: &'static str| fill(text, param, number);
        let meta = Meta { param: param.map(str::to_owned), ..Meta::default() };
        Self { code: Cow::Borrowed(code), message: fill(message), long_message: fill(long_message), meta }
    }

    /// The error of a reason.
    pub(crate) fn of(reason: &Reason) -> Self {
        let row = table::of_refusal(reason.code);
        let problem = Self::new(reason.code.as_str(), row, reason.param.as_deref(), reason.number);
        let problem = match reason.words.as_deref() {
            Some(OwnWords { code, message }) => {
                let code = code.clone().map_or(problem.code, Cow::Owned);
                let (message, long_message) = (Cow::Owned(message.clone()), Cow::Owned(message.clone()));
                Self { code, message, long_message, ..problem }
            }
            None => problem,
        };
        let zxcvbn = (reason.code == ErrorCode::FormPasswordNotStrongEnough).then_some(ANOTHER_WORD);
        let is_of_addresses = reason.code == ErrorCode::DuplicateRecord;
        let (params, email_addresses) =
            if is_of_addresses { (Vec::new(), reason.params.clone()) } else { (reason.params.clone(), Vec::new()) };
        let meta = Meta {
            zxcvbn,
            session_id: reason.session.map(AsDisplay),
            params,
            email_addresses,
            lockout_expires_in_seconds: reason.number.filter(|_| reason.code == ErrorCode::UserLocked),
            ..problem.meta
        };
        Self { meta, ..problem }
    }

    /// The errors of an engine error, at least one.
    pub(crate) fn all_of(error: &EngineError) -> Vec<Self> {
        match meaning(error) {
            Meaning::Refused(rejection) => rejection.reasons().iter().map(Self::of).collect(),
            Meaning::Code(code) => vec![Self::of(&code.into())],
            Meaning::Failed(failure) => {
                vec![Self::new(failure.as_str(), table::of_failure(failure), None, None)]
            }
        }
    }
}

impl Failure {
    /// All failures.
    #[cfg(test)]
    const ALL: &[Self] = &[
        Self::SignedOut,
        Self::AuthenticationInvalid,
        Self::TokenReplaced,
        Self::SeveralClients,
        Self::ServiceUnavailable,
        Self::InternalError,
    ];

    /// The code on the wire.
    pub(crate) const fn as_str(self) -> &'static str {
        match self {
            Self::SignedOut => "signed_out",
            Self::AuthenticationInvalid => "authentication_invalid",
            Self::TokenReplaced => "client_state_invalid",
            Self::SeveralClients => "cookie_invalid",
            Self::ServiceUnavailable => "service_unavailable",
            Self::InternalError => "internal_error",
        }
    }
}

impl EngineError {
    /// The code on the wire: of a rejection with several reasons that of the first.
    pub fn code(&self) -> &str {
        match meaning(self) {
            Meaning::Refused(rejection) => rejection.reasons().first().map_or("", Reason::code),
            Meaning::Code(code) => code.as_str(),
            Meaning::Failed(failure) => failure.as_str(),
        }
    }

    /// The HTTP status with which the HTTP front end answers.
    pub fn http_status(&self) -> u16 {
        match meaning(self) {
            Meaning::Refused(rejection) => rejection.http_status(),
            Meaning::Code(code) => code.http_status(),
            Meaning::Failed(failure) => table::of_failure(failure).status,
        }
    }

    /// The parameter at fault, as the wire spells it: of a rejection with several reasons that of the first.
    pub fn param(&self) -> Option<&str> {
        match self {
            Self::Rejected(rejection) => rejection.reasons().first()?.param.as_deref(),
            _ => None,
        }
    }

    /// How long to wait before a retry, for limits and overload: of several reasons the longest.
    pub fn retry_after(&self) -> Option<Span> {
        match self {
            Self::Rejected(rejection) => rejection.retry_after(),
            Self::Overloaded { retry_after } | Self::Limited { retry_after } | Self::Busy { retry_after } => {
                Some(*retry_after)
            }
            _ => None,
        }
    }
}

impl Rejection {
    /// The HTTP status with which the HTTP front end answers. The greatest status of its reasons wins: first a wait,
    /// then an invalid value, then a wrong state.
    pub fn http_status(&self) -> u16 {
        self.reasons().iter().map(|reason| reason.code.http_status()).max().unwrap_or(400)
    }

    /// How long to wait before a retry, where a limit is among its reasons: the longest.
    pub fn retry_after(&self) -> Option<Span> {
        self.reasons().iter().filter_map(|reason| reason.retry_after).max()
    }
}

impl ErrorCode {
    /// The HTTP status of the code
    /// ([guide: Errors and limits on the wire](crate::guide::contract_errors)).
    pub const fn http_status(self) -> u16 {
        table::of_refusal(self).status
    }
}

/// The list `errors` of the answer ([guide: The error envelope](crate::guide::contract_errors#the-error-envelope)), with
/// the texts that people read, as the HTTP front end sends it.
impl Serialize for EngineError {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_seq(Problem::all_of(self))
    }
}

/// The list `errors` of the answer, as that of an [`EngineError`].
impl Serialize for Rejection {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_seq(self.reasons())
    }
}

/// One error of the list `errors` of the answer, as the HTTP front end sends it.
impl Serialize for Reason {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        Problem::of(self).serialize(serializer)
    }
}

/// Every code of the table with its row.
#[cfg(test)]
pub(crate) fn rows() -> impl Iterator<Item = (&'static str, Row)> {
    let refusals = ErrorCode::ALL.iter().map(|code| (code.as_str(), table::of_refusal(*code)));
    refusals.chain(Failure::ALL.iter().map(|failure| (failure.as_str(), table::of_failure(*failure))))
}

/// What an engine error is in the table.
enum Meaning<'a> {
    Refused(&'a Rejection),
    Code(ErrorCode),
    Failed(Failure),
}

fn meaning(error: &EngineError) -> Meaning<'_> {
    match error {
        EngineError::Rejected(rejection) => Meaning::Refused(rejection),
        EngineError::NotFound | EngineError::EventsLost { .. } => Meaning::Code(ErrorCode::ResourceNotFound),
        EngineError::Busy { .. } | EngineError::Limited { .. } => Meaning::Code(ErrorCode::TooManyRequests),
        EngineError::NoClient => Meaning::Failed(Failure::AuthenticationInvalid),
        EngineError::TokenReplaced => Meaning::Failed(Failure::TokenReplaced),
        EngineError::SeveralClients => Meaning::Failed(Failure::SeveralClients),
        EngineError::SignedOut => Meaning::Failed(Failure::SignedOut),
        EngineError::Overloaded { .. } | EngineError::Unavailable(_) => Meaning::Failed(Failure::ServiceUnavailable),
        EngineError::Internal => Meaning::Failed(Failure::InternalError),
    }
}

fn fill(text: &'static str, param: Option<&str>, number: Option<u32>) -> Cow<'static, str> {
    if !text.contains('{') {
        return Cow::Borrowed(text);
    }
    let noun = param.map_or_else(|| "value".into(), |p| p.replace('_', " "));
    let number = number.map_or_else(|| "the allowed number of".into(), |n| n.to_string());
    Cow::Owned(text.replace("{param}", &noun).replace("{n}", &number))
}

/// What would make a password harder to guess.
const ANOTHER_WORD: Zxcvbn = Zxcvbn {
    suggestions: [Suggestion { code: "anotherWord", message: "Add another word or two. Uncommon words are better." }],
};

#[cfg(test)]
mod tests {
    use crate::domain::event::Position;

    use super::*;

    #[test]
    fn of_several_reasons_the_first_gives_the_code_and_the_greatest_the_status_and_the_wait() {
        let reasons = vec![
            ErrorCode::FormParamMissing.on("email_address"),
            ErrorCode::TooManyRequests.after(Span::from_secs(7)),
            ErrorCode::VerificationCodeTooManyRequests.after(Span::from_secs(9)),
        ];
        let error = EngineError::from(Rejection::collect(reasons).expect_err("three reasons"));
        assert_eq!((error.code(), error.param()), ("form_param_missing", Some("email_address")));
        assert_eq!((error.http_status(), error.retry_after()), (429, Some(Span::from_secs(9))));
    }

    #[test]
    fn every_failure_has_its_code_and_status() {
        let retry_after = Span::from_secs(2);
        for (error, code, status, wait) in [
            (EngineError::NotFound, "resource_not_found", 404, None),
            (EngineError::EventsLost { removed_to: Position::new(1, 0) }, "resource_not_found", 404, None),
            (EngineError::NoClient, "authentication_invalid", 401, None),
            (EngineError::TokenReplaced, "client_state_invalid", 400, None),
            (EngineError::SeveralClients, "cookie_invalid", 400, None),
            (EngineError::SignedOut, "signed_out", 401, None),
            (EngineError::Overloaded { retry_after }, "service_unavailable", 503, Some(retry_after)),
            (EngineError::Limited { retry_after }, "too_many_requests", 429, Some(retry_after)),
            (EngineError::Busy { retry_after }, "too_many_requests", 429, Some(retry_after)),
            (EngineError::Unavailable("disk".into()), "service_unavailable", 503, None),
            (EngineError::Internal, "internal_error", 500, None),
        ] {
            assert_eq!((error.code(), error.http_status(), error.retry_after()), (code, status, wait), "{error:?}");
            let written = serde_json::to_string(&error).expect("JSON");
            assert!(written.starts_with(&format!(r#"[{{"code":"{code}","message":""#)), "{written}");
            assert!(!written.contains("disk"), "{written}");
        }
    }

    #[test]
    fn missing_parameters_and_the_end_of_a_lock_are_told() {
        let meta = |reason: &Reason| serde_json::to_value(reason).expect("JSON")["meta"].clone();
        let missing = Reason::from(ErrorCode::FormDataMissing).about(vec!["username".into(), "password".into()]);
        assert_eq!(meta(&missing), serde_json::json!({"param_names": ["username", "password"]}));
        let locked = Reason::from(ErrorCode::UserLocked);
        assert_eq!(meta(&locked), serde_json::json!({}), "until it is unlocked");
        assert_eq!(meta(&locked.with(1800)), serde_json::json!({"lockout_expires_in_seconds": 1800}));
    }

    #[test]
    fn a_weak_password_and_a_session_that_can_be_used_are_told_beside_the_parameter() {
        let session = SessionId::from_bytes([3; 16]);
        let reason = ErrorCode::FormPasswordNotStrongEnough.on("password").instead(session);
        let written = serde_json::to_string(&reason).expect("JSON");
        let meta = format!(
            r#""meta":{{"param_name":"password","zxcvbn":{{"suggestions":[{{"code":"anotherWord","message":"Add another word or two. Uncommon words are better."}}]}},"session_id":"{session}"}}}}"#
        );
        assert!(written.ends_with(&meta), "{written}");
    }
}
