//! The OpenAPI document, and what a tool that makes calls of it finds: no call fails inside, and each answer is one that the
//! document tells of.

use std::path::Path;
use std::process::Command;

use serde_json::{Value, json};

use crate::clients::python;
use crate::support::backend::{SECRET_KEY, Site};

#[test]
fn the_document_is_there_for_everybody_and_tells_of_the_tools_in_development_only() {
    let site = site();
    let answer =
        site.server.request("GET", "/openapi.json", &[("origin", "https://any.example")], "").expect("an answer");
    assert_eq!((answer.status, answer.header("content-type")), (200, Some("application/json")));
    let document = answer.json();
    assert_eq!(document["openapi"], "3.1.0");
    for path in ["/v1/client/sign_ups/{id}", "/v1/users/{id}", "/v1/jwks", "/dev/outbox"] {
        assert!(document["paths"][path]["get"].is_object(), "{path}");
    }
    let body = &document["paths"]["/v1/invitations"]["post"]["requestBody"]["content"]["application/json"]["schema"];
    assert_eq!(body["properties"]["public_metadata"]["type"], "object");
}

/// Debug builds also stop where a call reads a parameter that the document does not name.
#[test]
fn calls_made_of_the_document_are_answered_as_it_tells() {
    let suite = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/clients/openapi");
    let Some(python) = python(&suite) else { return };
    let site = site();
    let url = format!("http://127.0.0.1:{}/openapi.json", site.server.port);
    let key = format!("Authorization: Bearer {SECRET_KEY}");
    for (tag, header, examples) in [
        ("Frontend API", "Sec-Fetch-Site: same-origin", "30"),
        ("Backend API", key.as_str(), "20"),
        ("Operation", "Sec-Fetch-Site: none", "10"),
        ("Development", "Sec-Fetch-Site: same-origin", "10"),
    ] {
        let output = Command::new(&python)
            .args(["-m", "schemathesis.cli", "run", &url, "--include-tag", tag, "--header", header])
            .args(["--checks", "not_a_server_error,response_schema_conformance,status_code_conformance"])
            // It says by status 503 that no application's proxy has asked.
            .args(["--exclude-path", "/v1/proxy-health"])
            .args(["--phases", "fuzzing", "--max-examples", examples, "--seed", "1", "--generation-database", "none"])
            .args(["--request-timeout", "30", "--no-color"])
            .current_dir(env!("CARGO_TARGET_TMPDIR"))
            .output()
            .expect("the tool");
        let told = String::from_utf8_lossy(&output.stdout);
        let tail = &told[told.floor_char_boundary(told.len().saturating_sub(20_000))..];
        assert!(output.status.success(), "{tag}: {}\n{tail}", String::from_utf8_lossy(&output.stderr));
        assert!(told.contains("Fuzzing"), "{tag}: nothing was called\n{tail}");
    }
}

/// A development instance that lets people sign up, with no limits that would answer instead of a call.
fn site() -> Site {
    let address: Value = json!({
        "enabled": true, "required": true, "used_for_first_factor": true,
        "verifications": ["email_code", "email_link"], "verify_at_sign_up": true,
    });
    Site::start(&json!({
        "attributes": {
            "email_address": address,
            "username": {"enabled": true, "used_for_first_factor": true},
            "first_name": {"enabled": true},
            "password": {"enabled": true},
        },
    }))
}
