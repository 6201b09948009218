//! `vestibule store copy`: an instance moves to PostgreSQL and back, and goes on.

use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};
use tempfile::TempDir;

use crate::nodes::database::sql;
use crate::postgres::{begun, cluster};
use crate::support::backend::{SECRET_KEY, backend};
use crate::support::binary::{Binary, log_of};
use crate::support::endpoint::Endpoint;
use crate::support::receiver::{Answering, Receiver};
use crate::support::require;

const SETTINGS: &str = r#"
[settings]
file = "email_code"
[verification]
test_mode = true
[limits]
source = false
"#;

/// An instance whose store moves.
struct Instance {
    folder: TempDir,
    url: String,
}

impl Instance {
    /// `None` where there is no server of PostgreSQL.
    fn new() -> Option<Self> {
        Some(Self { url: cluster::url()?, folder: TempDir::new().expect("a folder") })
    }

    fn at(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    fn key_file(&self) -> PathBuf {
        self.at("instance.key")
    }

    /// A configuration with the store on the disk or in these tables.
    fn config(&self, prefix: Option<&str>) -> String {
        let store = prefix
            .map(|prefix| format!("[store]\nkind = \"postgres\"\nurl = \"{}\"\nprefix = \"{prefix}\"\n", self.url));
        let (key, store) = (self.key_file(), store.unwrap_or_default());
        format!("[instance]\nkey_file = {key:?}\nsecret_key = \"{SECRET_KEY}\"\n{store}{SETTINGS}")
    }

    /// Starts a server whose store is in the folder `data` of a folder, or in tables.
    fn start(&self, folder: &str, prefix: Option<&str>) -> Binary {
        let folder = self.at(folder);
        std::fs::create_dir_all(&folder).expect("a folder");
        Binary::start(&folder, &self.config(prefix))
    }

    fn copy(&self, from: &str, to: &str, prefix: &str) -> Output {
        self.begin(from, to, prefix).wait_with_output().expect("an end")
    }

    fn begin(&self, from: &str, to: &str, prefix: &str) -> Child {
        self.begin_with(Command::new(env!("CARGO_BIN_EXE_vestibule")), from, to, prefix)
    }

    /// The same with a command that runs the program, whose arguments come behind its own.
    fn begin_with(&self, mut command: Command, from: &str, to: &str, prefix: &str) -> Child {
        let file = self.at("copy.toml");
        std::fs::write(&file, self.config(None)).expect("a file");
        command.args(["store", "copy", "--config"]).arg(file);
        command.args(["--from", from, "--to", to, "--prefix", prefix]);
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
        command.spawn().expect("the binary runs")
    }

    fn data(&self, folder: &str) -> String {
        self.at(folder).join("data").display().to_string()
    }
}

/// The counts and the digest of a copy that was made.
fn told(done: &Output) -> String {
    let text = String::from_utf8_lossy(&done.stdout).into_owned();
    assert_eq!(done.status.code(), Some(0), "{text}{}", String::from_utf8_lossy(&done.stderr));
    let (_, told) = text.split_once("Both sides have ").expect("a sentence");
    told.lines().next().expect("a line").to_owned()
}

#[tokio::test(flavor = "multi_thread")]
async fn an_instance_moves_to_postgresql_and_back_and_all_that_was_begun_goes_on() {
    let Some(instance) = Instance::new() else { return };
    let receiver = Receiver::start(Answering::Status(200)).await;
    let server = instance.start("before", None);
    let endpoint = json!({"url": receiver.url(), "events": ["user.created"]});
    let made = backend(&server, "POST", "/v1/webhooks/endpoints", &endpoint);
    assert_eq!(made.status, 200, "{}", made.body);
    let ada = finished(&server, begun(&server, "ada"));
    let eve = begun(&server, "eve");
    receiver.wait_for_count(1).await;
    let before = seen(&server);
    assert_eq!(server.terminate(), Some(0), "{}", log_of(&instance.at("before")));

    let there = told(&instance.copy(&instance.data("before"), &instance.url, "it_moves"));
    let at_once = told(&instance.copy(&instance.url, &instance.data("unused"), "it_moves"));
    assert_eq!(at_once, there, "the same comes back");
    let server = instance.start("there", Some("it_moves"));
    assert_eq!(seen(&server), before);
    assert_eq!(sessions(&server, &ada), 1);
    let eve = finished(&server, eve);
    receiver.wait_for_count(2).await;
    let bob = begun(&server, "bob");
    let before = seen(&server);
    assert_eq!(server.terminate(), Some(0), "{}", log_of(&instance.at("there")));

    told(&instance.copy(&instance.url, &instance.data("back"), "it_moves"));
    let server = instance.start("back", None);
    assert_eq!(seen(&server), before);
    let bob = finished(&server, bob);
    for token in [ada, eve, bob] {
        assert_eq!(sessions(&server, &token), 1);
    }
    let got = receiver.wait_for_count(3).await;
    assert!(got.iter().all(|got| got.what() == "user.created"));
    assert_eq!(server.terminate(), Some(0), "{}", log_of(&instance.at("back")));
}

#[test]
fn a_copy_that_is_killed_again_and_again_is_whole_in_the_end() {
    let Some(instance) = Instance::new() else { return };
    let server = instance.start("source", None);
    for n in 0..600 {
        let user = json!({"email_address": [format!("user{n}@example.com")], "public_metadata": {"n": n}});
        let made = backend(&server, "POST", "/v1/users", &user);
        assert_eq!(made.status, 200, "{}", made.body);
    }
    assert_eq!(server.terminate(), Some(0));
    let (source, target) = (instance.data("source"), instance.data("target"));
    let whole = told(&instance.copy(&source, &instance.url, "it_whole"));
    for (from, to, prefix) in [(&source, &instance.url, "it_killed"), (&instance.url, &target, "it_killed")] {
        for round in 0..12_u64 {
            let mut child = instance.begin(from, to, prefix);
            // Before it opens anything, while it writes, while it compares.
            std::thread::sleep(Duration::from_millis(round * round * 4));
            drop(child.kill());
            if child.wait().expect("an end").success() {
                break;
            }
        }
        let last = instance.copy(from, to, prefix);
        if last.status.success() {
            assert_eq!(told(&last), whole, "{from}");
        } else {
            // One of the others had reached its end.
            assert!(String::from_utf8_lossy(&last.stderr).contains("is not empty"), "{last:?}");
        }
    }
    let again = told(&instance.copy(&target, &instance.data("again"), "unused"));
    assert_eq!(again, whole);
    let server = instance.start("target", None);
    let users = backend(&server, "GET", "/v1/users/count", &Value::Null).json();
    assert_eq!(users["total_count"], 600, "{users}");
}

#[test]
fn what_can_not_be_copied_is_told_in_a_sentence() {
    let Some(instance) = Instance::new() else { return };
    let server = instance.start("source", None);
    finished(&server, begun(&server, "ada"));
    let source = instance.data("source");
    let refused = |from: &str, to: &str, prefix: &str, words: &str| {
        let done = instance.copy(from, to, prefix);
        let text = String::from_utf8_lossy(&done.stderr).into_owned();
        assert_eq!(done.status.code(), Some(1), "{text}");
        assert!(text.contains(words) && text.lines().count() == 1 && !text.contains("wanders"), "{text}");
    };
    refused(&source, &instance.url, "it_refused", "another process holds");
    assert_eq!(server.terminate(), Some(0));
    let server = instance.start("there", Some("it_running"));
    begun(&server, "eve");
    refused(&instance.url, &instance.data("new"), "it_running", "stop it");
    refused(&source, &instance.url, "it_running", "stop it");
    assert_eq!(server.terminate(), Some(0));
    refused(&source, &instance.url, "it_running", "is not empty");
    let nowhere = "postgres:///x?host=/nowhere&user=ada&password=wanders";
    refused(&source, nowhere, "it_refused", "the database can't be reached");
    refused(&source, "mysql://ada:wanders@localhost/x", "it_refused", "begins with mysql");
    refused(&source, &instance.url, "It-refused", "a prefix of tables");
    refused(&source, "store.url", "it_refused", "`store.url` is missing");
    refused(&instance.data("nothing"), &instance.url, "it_refused", "there is no store in");
    refused(&instance.url, &instance.data("new"), "it_no_tables", "`vestibule migrate` makes them");
    refused(&source, &source, "it_refused", "the same store");
    std::fs::rename(instance.key_file(), instance.at("kept")).expect("a key file");
    refused(&source, &instance.url, "it_refused", "is missing");
    std::fs::write(instance.key_file(), STANDARD.encode([1; 32])).expect("a key file");
    make_private(&instance.key_file());
    refused(&source, &instance.url, "it_refused", "another instance key");
}

#[test]
fn a_copy_onto_a_full_disk_ends_in_a_sentence_and_goes_on_once_there_is_room() {
    // Root needs no user of its own for that, and as such a one could not reach the database.
    let may_mount = |flags: &&str| {
        let done = Command::new("unshare").args([*flags, "mount", "-t", "tmpfs", "tmpfs", "/mnt"]).output();
        done.is_ok_and(|done| done.status.success())
    };
    let flags = ["-m", "-rm"].into_iter().find(may_mount);
    if !require("unshare", flags.is_some()) {
        return;
    }
    let Some(instance) = Instance::new() else { return };
    let server = instance.start("source", Some("it_full"));
    finished(&server, begun(&server, "ada"));
    assert_eq!(server.terminate(), Some(0));
    // A hundred megabytes that are no records, which a copy need not know.
    let (_, socket) = instance.url.split_once("host=").expect("a folder");
    let filling = "INSERT INTO it_full_kv SELECT '\\x03'::bytea || decode(md5(n::text), 'hex'), n, \
                   decode(repeat(md5(n::text), 1000), 'hex') FROM generate_series(1, 6000) AS n";
    sql(Path::new(socket), filling);
    let whole = told(&instance.copy(&instance.url, &instance.data("enough"), "it_full"));

    let (disk, target) = (instance.at("small"), instance.data("small"));
    std::fs::create_dir(&disk).expect("a folder");
    let mut command = Command::new("unshare");
    command
        .args([flags.unwrap_or_default(), "sh", "-c", ON_A_SMALL_DISK, "sh"])
        .arg(&disk)
        .arg(env!("CARGO_BIN_EXE_vestibule"));
    let done = instance.begin_with(command, &instance.url, &target, "it_full").wait_with_output().expect("an end");
    let first = std::fs::read_to_string(instance.at("small.first")).unwrap_or_default();
    let sentence = "the target can't be written: the disk is full";
    assert!(first.contains(sentence) && first.ends_with("goes on where it stopped\n1\n"), "{first}");
    assert!(String::from_utf8_lossy(&done.stdout).starts_with("Went on with an unfinished copy."), "{done:?}");
    assert_eq!(told(&done), whole);
}

/// Runs a command on a disk that gets room after the first time. The disk is gone with this script.
const ON_A_SMALL_DISK: &str = r#"
disk=$1
shift
mount -t tmpfs -o size=120m tmpfs "$disk" || exit 9
"$@" >"$disk.first" 2>&1
echo $? >>"$disk.first"
mount -o remount,size=600m "$disk" || exit 9
exec "$@"
"#;

fn make_private(file: &Path) {
    use std::os::unix::fs::PermissionsExt;
    std::fs::set_permissions(file, std::fs::Permissions::from_mode(0o600)).expect("permissions");
}

/// What the application's backend sees: users, endpoints of webhooks, messages.
fn seen(server: &Endpoint) -> Value {
    let get = |path| {
        let answer = backend(server, "GET", path, &Value::Null);
        assert_eq!(answer.status, 200, "{}", answer.body);
        answer.json()
    };
    let mut endpoints = get("/v1/webhooks/endpoints");
    for endpoint in endpoints["data"].as_array_mut().expect("endpoints") {
        // It is counted since the start of the server.
        endpoint.as_object_mut().expect("an endpoint").remove("delivered_count");
    }
    json!([get("/v1/users"), endpoints, get("/v1/messages")])
}

fn sessions(server: &Endpoint, token: &str) -> usize {
    let client = server.native("GET", "/v1/client", token, "").expect("an answer").json();
    let sessions = client["response"]["sessions"].as_array().expect("sessions");
    sessions.iter().filter(|session| session["status"] == "active").count()
}

/// Ends a sign-up by its code. Returns the client's token.
fn finished(server: &Endpoint, (id, token): (String, String)) -> String {
    let path = format!("/v1/client/sign_ups/{id}/attempt_verification");
    let done = server.native("POST", &path, &token, "strategy=email_code&code=424242").expect("an answer");
    assert_eq!(done.json()["response"]["status"], "complete", "{}", done.body);
    done.header("authorization").unwrap_or(&token).to_owned()
}
