//! The command line of the binary.

use std::io::{Read, Write};
use std::net::TcpListener;
use std::os::unix::fs::PermissionsExt;
use std::process::{Command, Output};
use std::thread;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};

use crate::support::backend::{SECRET_KEY, backend};
use crate::support::server::Server;

#[test]
fn help_lists_what_is_built_and_nothing_else() {
    let help = text(&vestibule(&["--help"]).stdout);
    let commands: Vec<_> = help
        .lines()
        .skip_while(|line| *line != "Commands:")
        .skip(1)
        .take_while(|line| !line.is_empty())
        .filter_map(|line| line.split_whitespace().next())
        .collect();
    assert_eq!(
        commands,
        [
            "serve",
            "check",
            "overrides",
            "migrate",
            "store",
            "mail",
            "healthcheck",
            "webhooks",
            "messages",
            "vendor",
            "load"
        ]
    );
    for flag in ["--config", "--listen", "--data"] {
        assert!(help.contains(flag), "{help}");
    }
}

#[test]
fn check_of_the_defaults_has_nothing_to_say() {
    let output = check(&[], &[]);
    assert_eq!(output.status.code(), Some(0));
    // The default port may be in use by another program.
    let printed = text(&output.stdout);
    if !printed.contains("warning: `server.listen`: 127.0.0.1:8080 is in use; ") {
        assert_eq!(printed, "Nothing differs from the defaults.\n\nready to start as a development instance\n");
    }
    assert!(output.stderr.is_empty(), "{output:?}");
}

#[test]
fn check_prints_what_differs_and_where_it_was_given() {
    let folder = tempfile::tempdir().expect("a folder");
    let file = folder.path().join("v.toml");
    std::fs::write(&file, "[server]\nmax_body_bytes = 2048\n\n[settings]\nfile = \"email_code\"\n").expect("a file");
    let file = file.to_str().expect("unicode");
    let environment = [("VESTIBULE_SESSION__SINGLE", "false"), ("VESTIBULE_EMAIL__PASSWORD", "hunter2")];
    let output = check(&["--config", file, "--listen", "127.0.0.1:0"], &environment);
    let printed = text(&output.stdout);
    for (key, remark) in [
        ("server.listen = \"127.0.0.1:0\"", "--listen; default: \"localhost:8080\"".to_owned()),
        ("server.max_body_bytes = 2048", format!("{file}, line 2; default: 65536")),
        ("session.single = false", "VESTIBULE_SESSION__SINGLE; default: true".into()),
        ("email.password = \"********\"", "VESTIBULE_EMAIL__PASSWORD; default: absent".into()),
        ("settings.file = \"email_code\"", format!("{file}, line 5; default: \"password\"")),
        ("settings.attributes.first_name.enabled = true", "the sample \"email_code\", line 12; default: false".into()),
        (
            "settings.attributes.password.enabled = false",
            "not named in the sample \"email_code\"; default: true".into(),
        ),
    ] {
        let line = printed.lines().find(|line| line.trim_start().starts_with(key));
        let line = line.unwrap_or_else(|| panic!("no {key}: {printed}"));
        assert!(line.ends_with(&format!("# {remark}")), "{line}\n{remark}");
    }
    assert_eq!(printed.matches(" = ").count(), 9, "only what differs is listed: {printed}");
    assert!(printed.ends_with("\n\nready to start as a development instance\n"), "{printed}");
}

#[test]
fn check_prints_everything_that_is_in_force_and_it_loads_again() {
    let folder = tempfile::tempdir().expect("a folder");
    let output = check(&["--all", "--data", "new/vestibule", "--listen", "0.0.0.0:0"], &[]);
    assert!(output.status.success(), "{output:?}");
    let printed = text(&output.stdout);
    for line in [
        "listen = \"0.0.0.0:0\"",
        "key_file = \"new/vestibule/instance.key\"",
        "source_attempts_per_10s = 1000",
        "# warning: --listen: `server.listen` is open to other machines",
        "# would start as a development instance; 1 warning\n",
    ] {
        assert!(printed.contains(line), "{line}: {printed}");
    }
    let file = folder.path().join("v.toml");
    std::fs::write(&file, &printed).expect("a file");
    let again = check(&["--all", "--config", file.to_str().expect("unicode")], &[]);
    let values = |text: &str| text.lines().filter(|line| !line.starts_with('#')).map(str::to_owned).collect::<Vec<_>>();
    assert_eq!(values(&text(&again.stdout)), values(&printed));
}

#[test]
fn check_says_what_is_wrong_and_ends_in_a_verdict() {
    let output = check(&[], &[("VESTIBULE_INSTANCE__MODE", "production")]);
    assert_eq!(output.status.code(), Some(1));
    assert_eq!(text(&output.stdout), "1 problem, would not start\n");
    assert!(text(&output.stderr).contains("vestibule: `email.transport` is"), "{output:?}");
    let output = check(&[], &[("VESTIBULE_SERVER__LISTN", "x"), ("VESTIBULE_STORE__KIND", "y")]);
    assert_eq!(text(&output.stdout), "2 problems, would not start\n");
    assert!(text(&output.stderr).contains("did you mean VESTIBULE_SERVER__LISTEN?"), "{output:?}");
    for refused in [
        ("RUST_LOG", "vestibule=loud"),
        ("VESTIBULE_INSTANCE__KEY_FILE", "/"),
        ("VESTIBULE_INSTANCE__KEY_FILE", "missing/key"),
        ("VESTIBULE_INSTANCE__KEY_FILE", "key/"),
        ("VESTIBULE_INSTANCE__KEY_FILE", "/proc/key"),
        ("VESTIBULE_STORE__PATH", "/proc/x"),
        ("VESTIBULE_SERVER__LISTEN", "192.0.2.1:9"),
    ] {
        let output = check(&[], &[FREE, refused]);
        assert_eq!(output.status.code(), Some(1), "{refused:?}");
        assert!(text(&output.stdout).ends_with("\n1 problem, would not start\n"), "{output:?}");
    }
}

#[test]
fn check_and_start_name_variables_that_are_almost_keys() {
    let sentence = "VESTIBULE_SERVER_LISTEN is set, but has no effect; did you mean VESTIBULE_SERVER__LISTEN?";
    let output = check(&[], &[("VESTIBULE_SERVER_LISTEN", "x"), ("VESTIBULE_STRESS", "1"), FREE]);
    let printed = text(&output.stdout);
    assert!(printed.contains(&format!("\nwarning: {sentence}\n")) && !printed.contains("STRESS"), "{printed}");
    assert!(printed.ends_with("\nwould start as a development instance; 1 warning\n"), "{printed}");
    // The address can't be bound, so the process ends by itself.
    let output = Command::new(BINARY)
        .args(["serve", "--listen", "192.0.2.1:9", "--data", "/nowhere"])
        .env("VESTIBULE_SERVER_LISTEN", "x")
        .output()
        .expect("the binary runs");
    assert!(text(&output.stderr).contains(&format!("WARN vestibule::cli::serve: {sentence}")), "{output:?}");
}

#[test]
fn check_speaks_to_programs_in_json() {
    let environment = [("VESTIBULE_SESSION__SINGLE", "false"), ("VESTIBULE_SESSION_SINGLE", "false"), FREE];
    let output = check(&["--json"], &environment);
    let report: Value = serde_json::from_slice(&output.stdout).expect("one object");
    assert_eq!(report["verdict"], "would start as a development instance; 1 warning");
    assert_eq!((&report["would_start"], &report["mode"]), (&json!(true), &json!("development")));
    assert_eq!(report["problems"], json!([]));
    assert_eq!(report["warnings"].as_array().map(Vec::len), Some(1));
    assert_eq!(report["settings_from"], "the sample \"password\"");
    let from = json!({"kind": "environment", "name": "VESTIBULE_SESSION__SINGLE"});
    let difference = json!({"key": "session.single", "value": false, "default": true, "from": from});
    assert_eq!(report["differences"].as_array().map(Vec::len), Some(2));
    assert_eq!(report["differences"][1], difference);
    assert!(report.get("effective").is_none());
    let output = check(&["--json", "--all"], &[("VESTIBULE_INSTANCE__SECRET_KEY", "hunter2")]);
    let report: Value = serde_json::from_slice(&output.stdout).expect("one object");
    assert_eq!(report["effective"]["instance"]["secret_key"], "********");
    assert!(!text(&output.stdout).contains("hunter2"));
    let output = check(&["--json"], &[("VESTIBULE_SERVER__LISTN", "x")]);
    assert_eq!(output.status.code(), Some(1));
    let report: Value = serde_json::from_slice(&output.stdout).expect("one object");
    assert_eq!((&report["verdict"], &report["mode"]), (&json!("1 problem, would not start"), &json!(null)));
}

#[test]
fn what_the_backend_changed_is_shown_and_dropped_while_the_server_is_stopped() {
    let folder = tempfile::tempdir().expect("a folder");
    let config = format!("[instance]\nsecret_key = \"{SECRET_KEY}\"\n");
    let server = Server::start(folder.path(), &config);
    let (file, data) = (folder.path().join("vestibule.toml"), folder.path().join("data"));
    let sources = [
        "--config",
        file.to_str().expect("unicode"),
        "--data",
        data.to_str().expect("unicode"),
        "--listen",
        "127.0.0.1:0",
    ];
    let run = |arguments: &[&str]| vestibule(&[arguments, &sources].concat());
    let change = json!({"allowlist": true});
    assert_eq!(backend(&server, "PATCH", "/v1/instance/restrictions", &change).status, 200);
    for arguments in [&["overrides"][..], &["overrides", "--drop"]] {
        let output = run(arguments);
        assert_eq!(output.status.code(), Some(1), "{output:?}");
        assert!(text(&output.stderr).contains("/v1/instance/overrides"), "{output:?}");
    }
    let beside = text(&run(&["check", "--stored"]).stdout);
    assert!(beside.contains("warning: what the application's backend changed can't be read now"), "{beside}");
    assert_eq!(server.terminate(), Some(0));

    let line = "  settings.restrictions.allowlist.enabled = true  # configured: false\n";
    assert_eq!(text(&run(&["overrides"]).stdout), format!("In force instead of what is configured:\n\n{line}"));
    let checked = text(&run(&["check", "--stored"]).stdout);
    assert!(checked.contains(line), "{checked}");
    let json: Value = serde_json::from_slice(&run(&["check", "--stored", "--json"]).stdout).expect("JSON");
    let shown = json!([{"key": "settings.restrictions.allowlist.enabled", "configured": false, "stored": true}]);
    assert_eq!(json["overrides"], shown);
    assert!(!text(&run(&["check"]).stdout).contains(line), "the data are opened only where that is wanted");

    assert_eq!(text(&run(&["overrides", "--drop"]).stdout), format!("These are dropped:\n\n{line}"));
    assert_eq!(text(&run(&["overrides"]).stdout), "Nothing overrides the configuration.\n");
    let server = Server::start(folder.path(), &config);
    let stored = backend(&server, "GET", "/v1/instance/overrides", &Value::Null).json();
    assert_eq!(stored, json!({"object": "instance_overrides", "version": 2, "overrides": []}));
}

#[test]
fn an_unreadable_log_filter_is_told_at_the_start() {
    let folder = tempfile::tempdir().expect("a folder");
    let output = Command::new(BINARY)
        .args(["serve", "--listen", "127.0.0.1:0", "--data"])
        .arg(folder.path())
        .env("RUST_LOG", "vestibule=loud")
        .output()
        .expect("the binary runs");
    assert_eq!(output.status.code(), Some(1));
    assert!(text(&output.stderr).contains("vestibule: `RUST_LOG` can't be read: "), "{output:?}");
}

#[test]
fn healthcheck_is_the_servers_word() {
    for (status, code) in [("200 OK", 0), ("503 Service Unavailable", 1)] {
        let server = TcpListener::bind("127.0.0.1:0").expect("a port");
        let address = server.local_addr().expect("an address").to_string();
        let answering = thread::spawn(move || {
            let (mut stream, _) = server.accept().expect("a connection");
            let mut request = [0; 512];
            let read = stream.read(&mut request).expect("a request");
            stream.write_all(format!("HTTP/1.0 {status}\r\n\r\n").as_bytes()).expect("an answer");
            text(&request[..read])
        });
        let output = vestibule(&["healthcheck", "--listen", &address]);
        assert_eq!(output.status.code(), Some(code), "{output:?}");
        assert!(answering.join().expect("an answer").starts_with("GET /health/ready HTTP/1.0\r\n"));
    }
}

#[test]
fn healthcheck_asks_a_running_server_whatever_became_of_its_settings_since() {
    let server = TcpListener::bind("127.0.0.1:0").expect("a port");
    let address = server.local_addr().expect("an address").to_string();
    let answering = thread::spawn(move || {
        let (mut stream, _) = server.accept().expect("a connection");
        stream.write_all(b"HTTP/1.0 200 OK\r\n\r\n").expect("an answer");
        let mut request = Vec::new();
        drop(stream.read_to_end(&mut request));
    });
    let folder = tempfile::tempdir().expect("a folder");
    let file = folder.path().join("v.toml");
    std::fs::write(&file, format!("[server]\nlisten = {address:?}\n[settings]\nfile = \"gone.toml\"\n"))
        .expect("a file");
    let output = vestibule(&["healthcheck", "--config", file.to_str().expect("unicode")]);
    assert_eq!(output.status.code(), Some(0), "{output:?}");
    answering.join().expect("an answer");
}

#[test]
fn healthcheck_of_nobody_fails() {
    let free = TcpListener::bind("127.0.0.1:0").and_then(|l| l.local_addr()).expect("a port").to_string();
    let output = vestibule(&["healthcheck", "--listen", &free]);
    assert_eq!(output.status.code(), Some(1));
    assert!(text(&output.stderr).contains("is not ready"), "{output:?}");
}

#[test]
fn check_and_start_agree_about_folders_and_leave_nothing_behind() {
    let folder = tempfile::tempdir().expect("a folder");
    let at = |name: &str| folder.path().join(name).to_str().expect("unicode").to_owned();
    std::fs::write(at("file"), "").expect("a file");
    std::fs::create_dir(at("keys")).expect("a folder");
    for (data, key_file, sentence) in [
        ("/proc/x".to_owned(), at("keys/key"), "the data directory /proc/x can't be used"),
        ("/proc/x".to_owned(), "/proc/x/instance.key".to_owned(), "the data directory /proc/x can't be used"),
        (at("file"), at("keys/key"), "file is not a directory"),
        (at("file/data"), at("keys/key"), "file/data is not a directory"),
        (at("data"), at("missing/key"), "missing for the key file; make it (`mkdir -p -m 700`)"),
        (at("data"), "/proc/key".to_owned(), "the key file /proc/key can't be made in /proc"),
    ] {
        let environment = [("VESTIBULE_STORE__PATH", &*data), ("VESTIBULE_INSTANCE__KEY_FILE", &*key_file), FREE];
        let checked = check(&[], &environment);
        let mut serve = Command::new(BINARY);
        serve.arg("serve").env_clear().envs(environment).current_dir(folder.path());
        for output in [checked, serve.output().expect("it ends by itself")] {
            assert_eq!(output.status.code(), Some(1), "{output:?}");
            assert_eq!(text(&output.stderr).matches("vestibule: ").count(), 1, "{output:?}");
            assert!(text(&output.stderr).contains(sentence), "{sentence}: {output:?}");
        }
    }
    let key = at("keys/key");
    let ready =
        check(&[], &[("VESTIBULE_STORE__PATH", &at("data/below")), ("VESTIBULE_INSTANCE__KEY_FILE", &key), FREE]);
    assert!(text(&ready.stdout).ends_with("\nready to start as a development instance\n"), "{ready:?}");
    let mut left: Vec<_> =
        std::fs::read_dir(folder.path()).expect("a folder").flatten().map(|e| e.file_name()).collect();
    left.sort();
    assert_eq!(left, ["file", "keys"]);
    assert_eq!(std::fs::read_dir(at("keys")).expect("a folder").count(), 0);
}

#[test]
fn check_of_a_folder_of_somebody_else_says_that_it_can_not_be_written() {
    let folder = tempfile::tempdir().expect("a folder");
    std::fs::set_permissions(folder.path(), std::fs::Permissions::from_mode(0o755)).expect("permissions");
    let is_root = Command::new("id").arg("-u").output().is_ok_and(|output| text(&output.stdout).trim() == "0");
    if !is_root || Command::new("setpriv").arg("--version").output().is_err() {
        return;
    }
    // The build folder may be unreadable for other users, so the binary is copied.
    let binary = folder.path().join("vestibule");
    std::fs::copy(BINARY, &binary).expect("a copy");
    for data in [folder.path().to_owned(), folder.path().join("new/data")] {
        let mut command = Command::new("setpriv");
        command.args(["--reuid", "65534", "--regid", "65534", "--clear-groups"]).arg(&binary);
        command.args(["check", "--listen", "127.0.0.1:0", "--data"]).arg(&data).current_dir(folder.path());
        let output = command.output().expect("setpriv runs");
        assert_eq!(output.status.code(), Some(1), "{output:?}");
        assert!(text(&output.stdout).ends_with("\n1 problem, would not start\n"), "{output:?}");
        assert!(text(&output.stderr).contains("can't be written; give this user the permission"), "{output:?}");
    }
}

#[test]
fn check_warns_of_an_address_that_is_in_use() {
    let server = TcpListener::bind("127.0.0.1:0").expect("a port");
    let address = server.local_addr().expect("an address").to_string();
    let output = check(&["--listen", &address], &[]);
    assert_eq!(output.status.code(), Some(0), "most often it is this instance that runs: {output:?}");
    let printed = text(&output.stdout);
    assert!(
        printed.contains(&format!("warning: `server.listen`: {address} is in use; if that is not this")),
        "{printed}"
    );
    assert!(printed.ends_with("\nwould start as a development instance; 1 warning\n"), "{printed}");
}

#[test]
fn check_warns_of_an_instance_key_that_can_be_guessed() {
    let folder = tempfile::tempdir().expect("a folder");
    let file = folder.path().join("instance.key");
    let key = file.display().to_string();
    let variables = [("VESTIBULE_INSTANCE__KEY_FILE", key.as_str()), FREE];
    for (bytes, why) in [
        ([0; 32], Some("it has few different characters")),
        (*b"b5c1f0e27d9a4836b5c1f0e27d9a4836", Some("it repeats itself")),
        (std::array::from_fn(|at| u8::try_from(at).expect("below 32")), Some("it follows the alphabet")),
        (*b"b5c1f0e27d9a48336c2e7f10ab94d85e", None),
    ] {
        std::fs::write(&file, format!("{}\n", STANDARD.encode(bytes))).expect("a file");
        std::fs::set_permissions(&file, std::fs::Permissions::from_mode(0o600)).expect("permissions");
        let printed = text(&check(&[], &variables).stdout);
        let sentence = why.map(|why| format!("warning: the key in {key} is easy to guess: {why}, and with the key"));
        assert_eq!(printed.contains("is easy to guess"), sentence.is_some(), "{printed}");
        assert!(printed.contains(&sentence.unwrap_or_default()), "{printed}");
    }
}

/// Runs `vestibule check` with an empty environment and without data.
fn check(arguments: &[&str], environment: &[(&str, &str)]) -> Output {
    let folder = tempfile::tempdir().expect("a folder");
    let mut command = Command::new(BINARY);
    command.arg("check").args(arguments).env_clear().envs(environment.iter().copied()).current_dir(folder.path());
    command.output().expect("the binary runs")
}

fn vestibule(arguments: &[&str]) -> Output {
    Command::new(BINARY).args(arguments).output().expect("the binary runs")
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

/// Lets the system choose a free port.
const FREE: (&str, &str) = ("VESTIBULE_SERVER__LISTEN", "127.0.0.1:0");
const BINARY: &str = env!("CARGO_BIN_EXE_vestibule");
