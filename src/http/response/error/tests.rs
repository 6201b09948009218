use std::collections::BTreeSet;

use crate::wire::error::{Row, rows as rows_of_the_engine};

use super::*;

#[test]
fn every_code_has_texts_and_a_code_is_of_one_kind_only() {
    let mut codes = BTreeSet::new();
    for (code, row) in rows() {
        let (message, long_message) = row.texts(None);
        assert!(!message.is_empty() && !long_message.is_empty(), "{code}");
        // A step at the wrong time is told like one with a token that was replaced: both ask the page to begin again.
        assert!(codes.insert(code) || code == ErrorCode::ClientStateInvalid.as_str(), "{code}");
    }
    assert!(codes.len() > ErrorCode::ALL.len() + TransportError::ALL.len(), "failures are missing");
}

#[test]
fn some_parameters_are_spoken_of_in_words_of_their_own() {
    let message = |param| show(ErrorCode::FormIdentifierExists.on(param).into()).2["errors"][0]["message"].clone();
    assert_eq!(message("username"), "That username is taken. Please try another.");
    assert_eq!(message("web3_wallet"), "already exists");
}

#[test]
fn the_contract_has_the_codes_of_the_table_with_their_statuses() {
    let known: BTreeSet<String> = rows().map(|(code, row)| format!("{} {code}", row.status)).collect();
    let page = include_str!("../../../guide/contract_errors.md");
    let tables = page.split("| status | code | when |").skip(1);
    let lines = tables.flat_map(|rest| rest.lines().skip(2).take_while(|line| line.starts_with('|')));
    let told = lines.map(|line| {
        let mut cells = line.trim_matches('|').split(" | ").map(str::trim);
        let mut cell = || cells.next().expect("a cell").trim_matches('`');
        format!("{} {}", cell(), cell())
    });
    assert_eq!(told.collect::<BTreeSet<_>>(), known);
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
    let shown = show(HttpError::from(Rejection::collect(reasons.into()).expect_err("two reasons")));
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

/// Every code with its row.
fn rows() -> impl Iterator<Item = (&'static str, Row)> {
    rows_of_the_engine().chain(TransportError::ALL.iter().map(|error| (error.as_str(), table::of_transport(*error))))
}
