//! Notes for release builds which commit they are of, for reports of what was measured. `VESTIBULE_COMMIT` wins, where
//! there is no repository. Other builds note nothing, so that a commit is no reason to build anew.

use std::env;
use std::process::Command;

fn main() {
    println!("cargo:rerun-if-env-changed=VESTIBULE_COMMIT");
    println!("cargo:rerun-if-changed=build.rs");
    let given = env::var("VESTIBULE_COMMIT").ok().filter(|commit| !commit.is_empty());
    let is_release = env::var("PROFILE").is_ok_and(|profile| profile == "release");
    let commit = given.or_else(|| is_release.then(committed).flatten()).unwrap_or_default();
    println!("cargo:rustc-env=VESTIBULE_BUILT_FROM={commit}");
}

/// The commit of the repository that this package is, marked where files differ from it; none where it only lies in one.
fn committed() -> Option<String> {
    if !git(&["rev-parse", "--show-prefix"])?.is_empty() {
        return None;
    }
    for path in ["src", "config", "Cargo.toml", "Cargo.lock"] {
        println!("cargo:rerun-if-changed={path}");
    }
    println!("cargo:rerun-if-changed={}", git(&["rev-parse", "--git-path", "logs/HEAD"])?);
    git(&["describe", "--always", "--dirty", "--abbrev=12", "--exclude=*"])
}

fn git(arguments: &[&str]) -> Option<String> {
    let ran = Command::new("git").args(arguments).output().ok().filter(|ran| ran.status.success())?;
    Some(String::from_utf8(ran.stdout).ok()?.trim().to_owned())
}
