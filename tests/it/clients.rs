//! Clerk's unmodified packages against the engine: the suites in `tests/clients`. Those for Node start the binary; the
//! others are given a server in this process.

use std::env;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::{Mutex, Once, PoisonError};

use serde_json::json;

use crate::support::backend::{SECRET_KEY, Site};
use crate::support::require;

#[test]
fn official_clients_sign_up_against_the_binary() {
    let Some(suites) = suites() else { return };
    // Without a browser the suites that need none still run; the others report themselves as skipped.
    require("browser", chromium().exists());

    run(Command::new("node")
        .args(["--test", "--test-reporter=spec", "--test-concurrency=2", "--test-timeout=240000"])
        .env("VESTIBULE_BIN", env!("CARGO_BIN_EXE_vestibule"))
        .env("CHROMIUM", chromium())
        .current_dir(&suites));
}

#[test]
fn the_backend_package_for_python_understands_the_engine() {
    let suite = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/clients/python");
    let Some(python) = python(&suite) else { return };
    let site = site();
    run(calling(&site, Command::new(python).args(["-B", "-W", "ignore", "-m", "unittest"]).current_dir(suite)));
}

#[test]
fn the_backend_package_for_rust_understands_the_engine() {
    // `.ci/run` builds it, beside the binary.
    let program = Path::new(env!("CARGO_BIN_EXE_vestibule")).with_file_name("clerk_rs_client");
    if require("clerk-rs", program.exists()) {
        let site = site();
        run(calling(&site, &mut Command::new(program)));
    }
}

/// A server for an application's backend.
fn site() -> Site {
    let address = json!({
        "enabled": true, "required": true, "used_for_first_factor": true,
        "verifications": ["email_code"], "verify_at_sign_up": true,
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

/// `command`, which is told where the server is and its secret key.
fn calling<'a>(site: &Site, command: &'a mut Command) -> &'a mut Command {
    let url = format!("http://localhost:{}", site.server.port);
    command.env("VESTIBULE_URL", url).env("VESTIBULE_SECRET_KEY", SECRET_KEY)
}

/// Python with the packages that `suite` needs, in the target folder; `None` where there is no Python.
pub(crate) fn python(suite: &Path) -> Option<PathBuf> {
    let is_new_enough = "import ensurepip, sys; sys.exit(sys.version_info < (3, 10))";
    let found = Command::new("python3").args(["-c", is_new_enough]).output();
    if !require("python", found.is_ok_and(|output| output.status.success())) {
        return None;
    }
    let _one_at_a_time = INSTALLING.lock().unwrap_or_else(PoisonError::into_inner);
    let name = suite.file_name().unwrap_or_default();
    let environment = Path::new(env!("CARGO_TARGET_TMPDIR")).join(name);
    let wanted = suite.join("requirements.txt");
    let (python, installed) = (environment.join("bin/python"), environment.join("installed.txt"));
    let wanted_text = fs::read(&wanted).expect("the requirements are part of the repository");
    if fs::read(&installed).is_ok_and(|text| text == wanted_text) {
        return Some(python);
    }
    run(Command::new("python3").args(["-m", "venv", "--clear"]).arg(&environment));
    run(Command::new(&python).args(["-m", "pip", "install", "--quiet", "--require-hashes", "-r"]).arg(&wanted));
    fs::write(installed, wanted_text).expect("the folder was just made");
    Some(python)
}

/// The folder of the suites with its packages installed; `None` where there is no Node.
pub(crate) fn suites() -> Option<PathBuf> {
    if !require("node", node_major() >= Some(NODE_MAJOR_MIN)) {
        return None;
    }
    let suites = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/clients");
    INSTALLED.call_once(|| install_packages(&suites));
    Some(suites)
}

/// Installs the packages of the lock file, unless they are installed already.
fn install_packages(suites: &Path) {
    let wanted = fs::read(suites.join("package-lock.json")).expect("the lock file is part of the repository");
    let installed = suites.join("node_modules/.vestibule-installed-lock.json");
    if fs::read(&installed).is_ok_and(|lock| lock == wanted) {
        return;
    }
    run(Command::new("npm").arg("ci").current_dir(suites));
    fs::write(installed, wanted).expect("npm ci has just made node_modules");
}

/// Runs a command; if it fails, the test fails with its output.
pub(crate) fn run(command: &mut Command) {
    let output = command.output().unwrap_or_else(|error| panic!("{command:?}: {error}"));
    assert!(
        output.status.success(),
        "{command:?}: {}\n{}{}",
        output.status,
        String::from_utf8_lossy(&output.stdout),
        String::from_utf8_lossy(&output.stderr),
    );
}

fn node_major() -> Option<u32> {
    let output = Command::new("node").arg("--version").output().ok()?;
    let version = String::from_utf8(output.stdout).ok()?;
    version.trim().strip_prefix('v')?.split('.').next()?.parse().ok()
}

pub(crate) fn chromium() -> PathBuf {
    env::var_os("CHROMIUM").map_or_else(|| PathBuf::from("/usr/bin/chromium"), PathBuf::from)
}

/// Two tests that installed the packages at once would disturb each other.
static INSTALLED: Once = Once::new();
static INSTALLING: Mutex<()> = Mutex::new(());
const NODE_MAJOR_MIN: u32 = 20;
