//! Clerk's unmodified packages against the binary: the suites in `tests/clients`.

use std::env;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Once;

use crate::support::require;

#[test]
fn official_clients_sign_up_against_the_binary() {
    let Some(suites) = suites() else { return };
    // Without a browser the suites that need none still run; the others report themselves as skipped.
    require("browser", chromium().exists());

    run(Command::new("node")
        .args(["--test", "--test-reporter=spec", "--test-concurrency=2", "--test-timeout=120000"])
        .env("VESTIBULE_BIN", env!("CARGO_BIN_EXE_vestibule"))
        .env("CHROMIUM", chromium())
        .current_dir(&suites));
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
fn run(command: &mut Command) {
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

fn chromium() -> PathBuf {
    env::var_os("CHROMIUM").map_or_else(|| PathBuf::from("/usr/bin/chromium"), PathBuf::from)
}

/// Two tests that installed the packages at once would disturb each other.
static INSTALLED: Once = Once::new();
const NODE_MAJOR_MIN: u32 = 20;
