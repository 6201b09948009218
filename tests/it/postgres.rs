//! The binary with its store in PostgreSQL.

#[path = "../../src/store/postgres/tests/cluster.rs"]
pub(crate) mod cluster;

use std::path::Path;
use std::process::Command;

use tempfile::TempDir;

use crate::support::binary::{Binary, log_of};
use crate::support::endpoint::Endpoint;

/// A configuration whose tables are named after the test; `None` where there is no server.
fn config(folder: &Path, prefix: &str, migrates: bool) -> Option<String> {
    let (url, key) = (cluster::url()?, folder.join("instance.key"));
    Some(format!(
        r#"
[instance]
key_file = {key:?}
[store]
kind = "postgres"
url = "{url}"
prefix = "{prefix}"
migrate = {migrates}
[settings]
file = "email_code"
[verification]
test_mode = true
[limits]
source = false
"#
    ))
}

#[test]
fn a_sign_up_survives_the_death_of_the_server_and_its_user_stays_signed_in() {
    let folder = TempDir::new().expect("a folder");
    let Some(config) = config(folder.path(), "it_survives", true) else { return };
    let server = Binary::start(folder.path(), &config);
    let (id, token) = begun(&server, "ozymandias");
    server.kill_in_place();
    drop(server);
    let server = Binary::start(folder.path(), &config);
    let done = server.native(
        "POST",
        &format!("/v1/client/sign_ups/{id}/attempt_verification"),
        &token,
        "strategy=email_code&code=424242",
    );
    let done = done.expect("an answer");
    assert_eq!((done.status, done.json()["response"]["status"].as_str()), (200, Some("complete")), "{}", done.body);
    let token = done.header("authorization").unwrap_or(&token).to_owned();
    assert_eq!(server.terminate(), Some(0), "{}", log_of(folder.path()));
    let server = Binary::start(folder.path(), &config);
    let client = server.native("GET", "/v1/client", &token, "").expect("an answer").json();
    assert_eq!(client["response"]["sessions"][0]["status"], "active", "{client}");
    assert!(!folder.path().join("data/journal").exists(), "nothing is kept beside the database");
}

#[test]
fn where_a_start_may_make_no_tables_a_command_makes_them() {
    let folder = TempDir::new().expect("a folder");
    let Some(config) = config(folder.path(), "it_migrates", false) else { return };
    assert_eq!(Binary::fail_to_start(folder.path(), &config), Some(1));
    assert!(log_of(folder.path()).contains("`vestibule migrate` makes them"), "{}", log_of(folder.path()));
    let run = |command: &str| {
        let file = folder.path().join("vestibule.toml");
        let mut program = Command::new(env!("CARGO_BIN_EXE_vestibule"));
        let done = program.args([command, "--config"]).arg(file).args(["--listen", "127.0.0.1:0"]).output();
        let done = done.expect("the binary runs");
        let text = String::from_utf8_lossy(&done.stdout).into_owned() + &String::from_utf8_lossy(&done.stderr);
        (done.status.code(), text)
    };
    let (status, text) = run("check");
    assert!(status == Some(1) && text.contains("`vestibule migrate` makes them"), "{text}");
    assert_eq!(
        run("migrate"),
        (Some(0), "The tables it_migrates_kv, it_migrates_meta and it_migrates_user are there.\n".into())
    );
    let (status, text) = run("check");
    assert_eq!(status, Some(0), "{text}");
    begun(&Binary::start(folder.path(), &config), "ozymandias");
}

/// Begins a sign-up, and has a code sent. Returns its id and the client's token.
pub(crate) fn begun(server: &Endpoint, name: &str) -> (String, String) {
    let form = format!("email_address={name}%2Bclerk_test@example.com");
    let made = server.native("POST", "/v1/client/sign_ups", "", &form).expect("an answer");
    assert_eq!(made.status, 200, "{}", made.body);
    let id = made.json()["response"]["id"].as_str().expect("an id").to_owned();
    let token = made.header("authorization").expect("a token").to_owned();
    let path = format!("/v1/client/sign_ups/{id}/prepare_verification");
    let sent = server.native("POST", &path, &token, "strategy=email_code").expect("an answer");
    assert_eq!(sent.status, 200, "{}", sent.body);
    (id, token)
}
