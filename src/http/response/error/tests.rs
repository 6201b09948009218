use std::collections::BTreeSet;

use super::table::TABLE;
use super::*;

#[test]
fn every_code_has_exactly_one_general_row() {
    let codes = ErrorCode::ALL.iter().map(|c| c.as_str());
    for code in codes.chain(TRANSPORT_ERRORS.iter().map(|f| f.as_str())) {
        let rows = TABLE.iter().filter(|r| r.code == code && r.param.is_none());
        assert_eq!(rows.count(), 1, "{code}");
        assert!(!row(code, None).message.is_empty(), "{code}");
        assert!(!row(code, None).long_message.is_empty(), "{code}");
    }
}

#[test]
fn every_row_belongs_to_a_code_and_stands_once() {
    let known: BTreeSet<&str> =
        ErrorCode::ALL.iter().map(|c| c.as_str()).chain(TRANSPORT_ERRORS.iter().map(|f| f.as_str())).collect();
    let mut seen = BTreeSet::new();
    for row in TABLE {
        assert!(known.contains(row.code), "{}", row.code);
        assert!(seen.insert((row.code, row.param)), "{}", row.code);
    }
}

#[test]
fn statuses_follow_the_contract() {
    let status = |code: ErrorCode| HttpError::from(code).0.status.as_u16();
    assert_eq!(status(ErrorCode::FormIdentifierExists), 422);
    assert_eq!(status(ErrorCode::FormParamValueDisabled), 400);
    assert_eq!(status(ErrorCode::VerificationExpired), 400);
    assert_eq!(status(ErrorCode::SignUpModeRestricted), 403);
    assert_eq!(status(ErrorCode::ResourceNotFound), 404);
    assert_eq!(status(ErrorCode::VerificationCodeTooManyRequests), 429);
}

#[test]
fn several_faults_come_in_one_envelope_each_under_its_name() {
    let reasons = [
        ErrorCode::FormParamFormatInvalid.on("email_address"),
        ErrorCode::FormPasswordLengthTooShort.on("password").with(8),
    ];
    let shown = show(HttpError::from(&reasons[..]));
    assert_eq!(shown.0, 422);
    let errors = &shown.2["errors"];
    assert_eq!(errors[0]["meta"], json!({"param_name": "email_address"}));
    assert_eq!(errors[1]["code"], "form_password_length_too_short");
    assert_eq!(errors[1]["long_message"], "Passwords must be 8 characters or more.");
    let trace = shown.2["clerk_trace_id"].as_str().expect("text").to_owned();
    assert!(trace.len() == 32 && trace.bytes().all(|b| b.is_ascii_hexdigit()));
    assert!(shown.2.get("meta").is_none());
}

#[test]
fn every_wait_says_how_long() {
    let limited = ErrorCode::VerificationCodeTooManyRequests.after(Span::from_millis(29_001));
    assert_eq!(retry_after(limited.into()), "30");
    assert_eq!(retry_after(ErrorCode::TooManyRequests.into()), "1");
    assert_eq!(retry_after(EngineError::Unavailable("store".into()).into()), "1");
    let busy = EngineError::Busy { retry_after: Span::from_secs(2) };
    assert_eq!(retry_after(busy.into()), "2");
}

#[test]
fn causes_stay_in_the_log() {
    let shown = show(EngineError::Unavailable("/var/lib/secret-path".into()).into());
    assert_eq!(shown.0, 503);
    assert!(!shown.2.to_string().contains("secret-path"));
}

#[test]
fn the_client_is_piggybacked() {
    let error = HttpError::from(ErrorCode::FormCodeIncorrect.on("code"));
    let shown = show(error.with_client(json!({"object": "client"})));
    assert_eq!(shown.2["meta"], json!({"client": {"object": "client"}}));
}

fn retry_after(error: HttpError) -> String {
    let (_, headers, _) = show(error);
    headers[RETRY_AFTER].to_str().expect("text").to_owned()
}

fn show(error: HttpError) -> (u16, HeaderMap, Value) {
    let answer = error.into_answer(&RequestId::fresh());
    let body = serde_json::from_slice(answer.body()).expect("JSON");
    let response = answer.into_response();
    (response.status().as_u16(), response.headers().clone(), body)
}

const TRANSPORT_ERRORS: &[TransportError] = &[
    TransportError::OriginInvalid,
    TransportError::OriginMissing,
    TransportError::OriginAuthorizationConflict,
    TransportError::HostInvalid,
    TransportError::MethodNotAllowed,
    TransportError::RequestTimeout,
    TransportError::RequestBodyTooLarge,
    TransportError::UnsupportedContentType,
    TransportError::BodyUnreadable,
    TransportError::SignedOut,
    TransportError::AuthenticationInvalid,
    TransportError::AuthorizationHeaderFormatInvalid,
    TransportError::ClerkKeyInvalid,
    TransportError::DevBrowserUnauthenticated,
    TransportError::TokenReplaced,
    TransportError::SeveralClients,
    TransportError::InternalError,
    TransportError::ServiceUnavailable,
];
