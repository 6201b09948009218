//! The process edge: the command line. It may know everything; nothing knows it.

mod healthcheck;
mod serve;

use std::path::PathBuf;
use std::process::ExitCode;

use clap::{Args, Parser, Subcommand};

use crate::config::{Config, Sources};

/// A sign-up engine that speaks Clerk's Frontend API.
#[derive(Debug, Parser)]
#[command(name = "vestibule", version, args_conflicts_with_subcommands = true)]
struct Cli {
    #[command(subcommand)]
    command: Option<Command>,
    #[command(flatten)]
    options: Options,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Serve until SIGTERM or SIGINT; what happens without a command.
    Serve(Options),
    /// Check the configuration and print what is in force, secrets masked.
    Check(Options),
    /// Ask a running server whether it is ready; exits with 0 if it is.
    Healthcheck(Options),
}

#[derive(Debug, Default, Args)]
struct Options {
    /// The configuration file.
    #[arg(long, value_name = "FILE")]
    config: Option<PathBuf>,
    /// The address to listen on, such as 127.0.0.1:8080.
    #[arg(long, value_name = "ADDR")]
    listen: Option<String>,
    /// The folder of the data.
    #[arg(long, value_name = "DIR")]
    data: Option<PathBuf>,
}

/// Runs the command line of this process.
pub fn run() -> ExitCode {
    let Cli { command, options } = Cli::parse();
    let done = match command.unwrap_or(Command::Serve(options)) {
        Command::Serve(options) => load(options).and_then(|config| serve::serve(&config)),
        Command::Check(options) => load(options).map(|config| print!("{}", config.effective())),
        Command::Healthcheck(options) => load(options).and_then(|config| healthcheck::ask(&config)),
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(sentence) => {
            eprintln!("vestibule: {sentence}");
            ExitCode::FAILURE
        }
    }
}

fn load(options: Options) -> Result<Config, String> {
    let Options { config: file, listen, data } = options;
    let sources = Sources { file, environment: std::env::vars().collect(), listen, data };
    Config::load(&sources).map_err(|error| error.to_string())
}
