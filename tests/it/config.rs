//! Configuration: where values come from, which are refused and how, and which cause a warning.

mod checks;
mod defaults;
mod faults;
mod messages;
mod sources;
mod values;
mod warnings;

use std::fs;

use tempfile::TempDir;
use vestibule::config::{Config, ConfigError, Sources};

fn load_text(text: &str) -> Result<Config, ConfigError> {
    load(text, &[], None)
}

fn load(text: &str, variables: &[(&str, &str)], listen: Option<&str>) -> Result<Config, ConfigError> {
    let directory = TempDir::new().expect("a directory");
    let file = directory.path().join("vestibule.toml");
    fs::write(&file, text).expect("a file");
    let environment = variables.iter().map(|(k, v)| ((*k).to_owned(), (*v).to_owned())).collect();
    Config::load(&Sources { file: Some(file), environment, listen: listen.map(str::to_owned), data: None })
}

#[track_caller]
fn assert_fault(loaded: Result<Config, ConfigError>, sentence: &str) {
    let fault = loaded.expect_err(sentence).to_string();
    assert!(fault.contains(sentence), "{fault}\n  does not say\n{sentence}");
}

const SMTP: &str =
    "[email]\ntransport = \"smtp\"\nhost = \"smtp.example.com\"\nfrom = \"Acme <no-reply@acme.example>\"\n";
