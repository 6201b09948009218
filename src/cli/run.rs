//! From arguments to an exit status.

use std::env;
use std::io::{self, Write};
use std::process::ExitCode;

use clap::Parser;

use crate::config::Config;

use super::{Arguments, Command, healthcheck, load, serve};

/// Does what the process's arguments say. Status 0 is success, 1 a failure told on standard error, 2 arguments that
/// make no sense.
pub fn run() -> ExitCode {
    let arguments = Arguments::parse();
    if let Some(Command::Load(wanted)) = &arguments.command {
        return end(load(wanted));
    }
    let unicode = |(name, value): (std::ffi::OsString, std::ffi::OsString)| {
        Some((name.into_string().ok()?, value.into_string().ok()?))
    };
    let environment = env::vars_os().filter_map(unicode).collect();
    let config = match Config::load(&arguments.sources(environment)) {
        Ok(config) => config,
        Err(error) => return fail(error.faults()),
    };
    let command = arguments.command.unwrap_or_default();
    if command != Command::Healthcheck {
        for warning in config.warnings() {
            say(&format!("warning: {warning}"));
        }
    }
    let done = match command {
        Command::Serve => serve(&config),
        Command::Check => print(&config.effective()),
        Command::Healthcheck => healthcheck(&config.server.listen),
        Command::Load(wanted) => load(&wanted),
    };
    end(done)
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

/// One line on standard error; when that is closed there is nobody to tell.
fn say(line: &str) {
    drop(writeln!(io::stderr().lock(), "{line}"));
}
