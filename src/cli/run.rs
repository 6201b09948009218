//! Runs the command of the arguments and returns the exit status.

use std::env;
use std::io::{self, Write};
use std::process::ExitCode;

use clap::Parser;

use crate::config::{Config, Sources, near_misses};

use super::check::{CheckArguments, check};
#[cfg(feature = "load")]
use super::load;
#[cfg(feature = "postgres")]
use super::store;
use super::{Arguments, Command, healthcheck, mail, messages, migrate, overrides, serve, vendor, webhooks};

/// Runs the command that the process's arguments name. Status 0 is success, 1 a failure reported on standard error, 2
/// invalid arguments.
pub fn run() -> ExitCode {
    let arguments = Arguments::parse();
    let unicode = |(name, value): (std::ffi::OsString, std::ffi::OsString)| {
        Some((name.into_string().ok()?, value.into_string().ok()?))
    };
    let sources = arguments.sources(env::vars_os().filter_map(unicode).collect());
    match arguments.command.unwrap_or(Command::Serve) {
        Command::Serve => start(&sources),
        Command::Check(wanted) => show(&wanted, &sources),
        Command::Overrides(wanted) => match Config::load(&sources) {
            Ok(config) => end(overrides(&wanted, &config)),
            Err(error) => fail(error.faults()),
        },
        Command::Migrate => match Config::load(&sources) {
            Ok(config) => end(migrate(&config).and_then(|text| print(&text))),
            Err(error) => fail(error.faults()),
        },
        #[cfg(feature = "postgres")]
        Command::Store(wanted) => match Config::load(&sources) {
            Ok(config) => end(store(&wanted, &config).and_then(|text| print(&text))),
            Err(error) => fail(error.faults()),
        },
        Command::Mail(wanted) => match Config::load(&sources) {
            Ok(config) => end(mail(&wanted, &config)),
            Err(error) => fail(error.faults()),
        },
        Command::Healthcheck => match Config::listen(&sources) {
            Ok(listen) => end(healthcheck(&listen)),
            Err(error) => fail(error.faults()),
        },
        Command::Messages(wanted) => end(messages(&wanted, &sources).and_then(|text| print(&text))),
        Command::Webhooks(wanted) => end(webhooks(&wanted, &sources).and_then(|text| print(&text))),
        Command::Vendor(wanted) => end(vendor(&wanted, &sources).and_then(|text| print(&text))),
        #[cfg(feature = "load")]
        Command::Load(wanted) => end(load(&wanted)),
    }
}

fn start(sources: &Sources) -> ExitCode {
    match Config::load(sources) {
        Ok(config) => end(serve(&config, sources)),
        Err(error) => {
            // A misspelt variable may be the reason.
            near_misses(&sources.environment).iter().for_each(|sentence| say(&format!("vestibule: {sentence}")));
            fail(error.faults())
        }
    }
}

/// Prints differences and verdict on standard output and problems on standard error; with `--json` all on standard
/// output.
fn show(wanted: &CheckArguments, sources: &Sources) -> ExitCode {
    let report = check(wanted, sources);
    let text = if wanted.json {
        format!("{:#}\n", report.json(wanted.all))
    } else {
        report.problems.iter().for_each(|problem| say(&format!("vestibule: {problem}")));
        if wanted.all { report.toml() } else { report.text() }
    };
    match print(&text) {
        Err(sentence) => fail(&[sentence]),
        Ok(()) if report.would_start() => ExitCode::SUCCESS,
        Ok(()) => ExitCode::FAILURE,
    }
}

fn end(done: Result<(), String>) -> ExitCode {
    done.map_or_else(|sentence| fail(&[sentence]), |()| ExitCode::SUCCESS)
}

fn fail(sentences: &[String]) -> ExitCode {
    for sentence in sentences {
        say(&format!("vestibule: {sentence}"));
    }
    ExitCode::FAILURE
}

fn print(text: &str) -> Result<(), String> {
    match io::stdout().lock().write_all(text.as_bytes()) {
        Err(error) if error.kind() != io::ErrorKind::BrokenPipe => Err(format!("standard output: {error}")),
        _ => Ok(()),
    }
}

/// Writes a line to standard error. A failure is ignored, because there is no other place to report it.
fn say(line: &str) {
    drop(writeln!(io::stderr().lock(), "{line}"));
}
