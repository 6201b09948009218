//! `vestibule load` against the binary: what it counts and writes, and its error messages.

use std::path::Path;
use std::process::{Command, Output};

use serde_json::Value;
use tempfile::TempDir;

use crate::support::server::Server;

#[test]
fn every_flow_ends_in_a_session_and_is_counted() {
    let site = Site::start(FREE);
    for (flow, mode, steps) in [
        ("otp", "native", &["attempt", "check", "create", "prepare"][..]),
        ("otp", "cookie", &["attempt", "check", "create", "prepare"]),
        ("password", "native", &["attempt", "check", "create", "prepare"]),
        ("progressive", "native", &["attempt", "check", "create", "prepare", "update"]),
        ("mixed", "cookie", &["attempt", "check", "create", "prepare", "update"]),
    ] {
        let report = site.report(&["--count", "12", "--callers", "4", "--flow", flow, "--mode", mode]);
        assert_eq!((&report["started"], &report["completed"], &report["failed"]), (&12.into(), &12.into(), &0.into()));
        let mut seen: Vec<&str> =
            report["step_latency"].as_object().expect("steps").keys().map(String::as_str).collect();
        seen.sort_unstable();
        assert_eq!(seen, steps, "{flow}");
        assert_eq!(report["flow_latency"]["count"], 12);
        let seconds = report["seconds"].as_array().expect("seconds");
        assert_eq!(seconds.iter().filter_map(|second| second["completed"].as_u64()).sum::<u64>(), 12);
    }
}

#[test]
fn an_open_loop_begins_on_time_and_some_people_leave() {
    let site = Site::start(FREE);
    let report = site.report(&["--rate", "40", "--duration", "1", "--abandon", "0.25"]);
    assert_eq!((&report["started"], &report["abandoned"], &report["completed"]), (&40.into(), &10.into(), &30.into()));
}

#[test]
fn without_test_addresses_codes_come_from_the_mailbox() {
    let site = Site::start("[limits]\nsource = false\naddress = false\n[settings]\nfile = \"email_code\"\n");
    let report = site.report(&["--count", "3", "--callers", "1"]);
    assert_eq!((&report["completed"], &report["step_latency"]["mail"]["count"]), (&3.into(), &3.into()));
}

#[test]
fn the_page_needs_nothing_else() {
    let site = Site::start(FREE);
    let page = site.folder.path().join("report.html");
    let ran = site.load(&["--count", "5", "--callers", "1", "--html", page.to_str().expect("a path")]);
    assert!(ran.status.success(), "{}", said(&ran));
    let page = std::fs::read_to_string(page).expect("a page");
    assert!(page.contains("Load on http://localhost:") && page.contains("<svg"), "{page}");
    assert!(!page.contains("src=") && !page.contains("<script") && !page.contains("href="), "{page}");
}

#[test]
fn what_stands_in_the_way_is_said_in_a_sentence() {
    for (config, arguments, sentence) in [
        (
            "[limits]\nsource_creates_per_10s = 5\n[settings]\nfile = \"email_code\"\n",
            &[][..],
            "VESTIBULE_LIMITS__SOURCE=false",
        ),
        ("[limits]\nsource = false\n[settings.sign_up]\nmode = \"restricted\"\n", &[], "not open to the public"),
        ("[limits]\nsource = false\n[settings]\nfile = \"phone\"\n", &[], "accepts no e-mail addresses"),
        (
            "[limits]\nsource = false\n[settings]\nfile = \"email_code\"\n",
            &["--flow", "password"],
            "accepts no passwords",
        ),
        (&FREE.replace("email_code", "email_link"), &[], "add that strategy"),
    ] {
        let site = Site::start(config);
        let ran = site.load(arguments);
        assert_eq!(ran.status.code(), Some(1), "{config}");
        assert!(said(&ran).contains(sentence), "{config}: {}", said(&ran));
    }
}

#[test]
fn a_place_that_can_not_be_loaded_is_told_from_one_that_may_not() {
    let site = Site::start(FREE);
    let beside = format!("http://localhost:{}/dev", site.server.port);
    for (url, sentence) in [
        ("http://localhost:1", "can't be reached"),
        ("https://example.com", "--allow-remote"),
        ("http://192.0.2.1", "--allow-remote"),
        (&beside, "the URL without /v1"),
    ] {
        let ran = load(url, &[]);
        assert_eq!(ran.status.code(), Some(1), "{url}");
        assert!(said(&ran).contains(sentence), "{url}: {}", said(&ran));
    }
    for wrong in [&["--rate", "0"][..], &["--abandon", "2"], &["--callers", "0"], &["--rate", "1", "--callers", "2"]] {
        assert_eq!(load("http://localhost:1", wrong).status.code(), Some(2), "{wrong:?}");
    }
}

#[test]
fn a_run_fails_by_its_conditions_and_a_bad_one_is_refused_before_it() {
    let site = Site::start(FREE);
    let run = ["--count", "5", "--callers", "1"];
    let with = |conditions: &[&str]| {
        let given: Vec<&str> = conditions.iter().flat_map(|condition| ["--fail-if", condition]).collect();
        site.load(&[&run[..], &given].concat())
    };
    let met = with(&["p95>1us", "failed>0", "completed<6"]);
    assert_eq!(met.status.code(), Some(1));
    for reason in ["--fail-if p95>1us is met: it is ", "--fail-if completed<6 is met: it is 5"] {
        assert!(said(&met).contains(reason), "{}", said(&met));
    }
    assert!(!said(&met).contains("failed>0"), "{}", said(&met));
    assert!(String::from_utf8_lossy(&met.stdout).contains("5 completed"), "the figures are shown all the same");
    assert!(with(&["p99.9>60s", "failed>0"]).status.success());
    for (condition, sentence) in
        [("p99>200", "needs a time"), ("speed>1", "names no known measure"), ("p99", "has no <")]
    {
        let refused = load("http://localhost:1", &["--fail-if", condition]);
        assert_eq!(refused.status.code(), Some(2), "{condition}");
        assert!(said(&refused).contains(sentence), "{condition}: {}", said(&refused));
    }
    let refused = load("http://localhost:1", &["--fail-if", "reached<0.95"]);
    assert_eq!(refused.status.code(), Some(1));
    assert!(said(&refused).contains("needs --rate"), "{}", said(&refused));
}

#[test]
fn a_report_says_when_where_and_what_was_offered() {
    let site = Site::start(FREE);
    let report = site.report(&["--rate", "40", "--duration", "1", "--fail-if", "reached<0.1"]);
    assert_eq!((&report["offered_per_s"], &report["kept_up"]), (&40.0.into(), &true.into()), "{report}");
    assert!(report["reached"].as_f64().is_some_and(|reached| reached > 0.5 && reached <= 1.0), "{report}");
    assert!(report["run"]["began_at"].as_str().is_some_and(|at| at.len() == 20 && at.ends_with('Z')), "{report}");
    assert_eq!(report["run"]["version"], env!("CARGO_PKG_VERSION"));
    assert!(report["run"]["cores"].as_u64().is_some_and(|cores| cores > 0), "{report}");
    assert!(report["flow_latency"]["p95"].as_f64() >= report["flow_latency"]["p90"].as_f64(), "{report}");
    let closed = site.report(&["--count", "3", "--callers", "1"]);
    assert!(closed["offered_per_s"].is_null() && closed["kept_up"].is_null(), "{closed}");
}

#[test]
fn a_server_that_ends_halfway_is_counted_as_failures() {
    let site = Site::start(FREE);
    let url = format!("http://localhost:{}", site.server.port);
    let file = site.folder.path().join("report.json");
    let running = std::thread::spawn({
        let file = file.clone();
        move || load(&url, &["--duration", "3", "--rate", "50", "--json", file.to_str().expect("a path")])
    });
    std::thread::sleep(std::time::Duration::from_millis(1500));
    site.server.kill_in_place();
    let ran = running.join().expect("an end");
    assert_eq!(ran.status.code(), Some(1));
    let report = read(&file);
    let count = |name: &str| report[name].as_u64().expect("a count");
    assert_eq!(count("started"), count("completed") + count("failed"));
    assert!(count("completed") > 0 && count("failed") > 0, "{report}");
    assert!(report["errors"].as_array().is_some_and(|errors| !errors.is_empty()));
}

/// A server under load.
struct Site {
    server: Server,
    folder: TempDir,
}

impl Site {
    fn start(config: &str) -> Self {
        let folder = TempDir::new().expect("a folder");
        Self { server: Server::start(folder.path(), &format!("{config}{CHEAP}")), folder }
    }

    fn load(&self, arguments: &[&str]) -> Output {
        let url = format!("http://localhost:{}", self.server.port);
        load(&url, arguments)
    }

    /// The JSON report of a run without failures.
    fn report(&self, arguments: &[&str]) -> Value {
        let file = self.folder.path().join("report.json");
        let ran = self.load(&[arguments, &["--json", file.to_str().expect("a path")]].concat());
        assert!(ran.status.success(), "{}", said(&ran));
        read(&file)
    }
}

fn load(url: &str, arguments: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_vestibule")).args(["load", url]).args(arguments).output().expect("the binary runs")
}

fn said(ran: &Output) -> String {
    String::from_utf8_lossy(&ran.stderr).into_owned()
}

fn read(file: &Path) -> Value {
    serde_json::from_str(&std::fs::read_to_string(file).expect("a report")).expect("JSON")
}

const FREE: &str = r#"
[limits]
source = false
address = false
[verification]
test_mode = true
[settings.attributes.email_address]
enabled = true
required = true
verifications = ["email_code"]
verify_at_sign_up = true
[settings.attributes.password]
enabled = true
[settings.attributes.username]
enabled = true
"#;

/// Very cheap password hashes.
const CHEAP: &str = "\n[password]\nm_kib = 64\nt = 1\np = 1\n";
