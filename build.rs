//! Notes for release builds which commit they are of, for reports of what was measured. `VESTIBULE_COMMIT` wins, where
//! there is no repository. Other builds note nothing, so that a commit is no reason to build anew.
//!
//! Makes the guide's pages for rustdoc: there their links lead to modules and items, in the repository to files.

use std::path::Path;
use std::process::Command;
use std::{env, fs, io};

fn main() -> io::Result<()> {
    println!("cargo:rerun-if-env-changed=VESTIBULE_COMMIT");
    println!("cargo:rerun-if-changed=build.rs");
    let given = env::var("VESTIBULE_COMMIT").ok().filter(|commit| !commit.is_empty());
    let is_release = env::var("PROFILE").is_ok_and(|profile| profile == "release");
    let commit = given.or_else(|| is_release.then(committed).flatten()).unwrap_or_default();
    println!("cargo:rustc-env=VESTIBULE_BUILT_FROM={commit}");
    let out = env::var_os("OUT_DIR").ok_or_else(|| io::Error::other("cargo gives build scripts a folder"))?;
    make_guide(Path::new("src/guide"), &Path::new(&out).join("guide"))
}

/// Copies the pages, with `](page.md` made `](crate::guide::page`, and `](../a.rs "crate::a::A")` made `](crate::a::A)`.
fn make_guide(from: &Path, to: &Path) -> io::Result<()> {
    println!("cargo:rerun-if-changed={}", from.display());
    let mut names = Vec::new();
    for entry in fs::read_dir(from)? {
        names.extend(entry?.file_name().to_str().and_then(|name| name.strip_suffix(".md")).map(str::to_owned));
    }
    fs::create_dir_all(to)?;
    for name in &names {
        let mut page = fs::read_to_string(from.join(format!("{name}.md")))?;
        for other in &names {
            page = page.replace(&format!("]({other}.md"), &format!("](crate::guide::{other}"));
        }
        fs::write(to.join(format!("{name}.md")), with_items(&page))?;
    }
    Ok(())
}

fn with_items(page: &str) -> String {
    let mut parts = page.split("](../");
    let mut made = parts.next().unwrap_or_default().to_owned();
    for part in parts {
        match part.split_once(" \"").and_then(|(_, rest)| rest.split_once("\")")) {
            Some((item, rest)) if item.starts_with("crate::") => made.extend(["](", item, ")", rest]),
            _ => made.extend(["](../", part]),
        }
    }
    made
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
