//! Commands and flags.

use std::path::PathBuf;

use clap::{Parser, Subcommand};

use crate::config::Sources;

use super::LoadArguments;

/// A sign-up engine that speaks Clerk's Frontend API.
#[derive(Clone, Debug, Parser)]
#[command(name = "vestibule", version, about, disable_help_subcommand = true)]
#[command(after_help = "Without a command it serves. With nothing else it is a development instance on \
    http://localhost:8080 with its data in ./data.\nEvery key can come from the environment too: \
    VESTIBULE_<SECTION>__<KEY>, such as VESTIBULE_SERVER__LISTEN.")]
pub struct Arguments {
    /// What to do.
    #[command(subcommand)]
    pub command: Option<Command>,
    /// The configuration file, laid over the defaults
    #[arg(long, value_name = "FILE", global = true)]
    pub config: Option<PathBuf>,
    /// Address and port to listen on, such as 0.0.0.0:8080
    #[arg(long, value_name = "ADDR", global = true)]
    pub listen: Option<String>,
    /// The directory of the data
    #[arg(long, value_name = "DIR", global = true)]
    pub data: Option<PathBuf>,
}

/// What to do.
#[derive(Clone, Debug, Default, PartialEq, Subcommand)]
pub enum Command {
    /// Serve until SIGTERM or SIGINT (the default)
    #[default]
    Serve,
    /// Print the effective configuration with secrets masked, or what is wrong with it
    Check,
    /// Ask the server at the configured address whether it is ready; status 0 if it is, else 1
    Healthcheck,
    /// Put a server under load with whole sign-ups, and show latencies, throughput and errors
    Load(Box<LoadArguments>),
}

impl Arguments {
    /// Where the configuration comes from, given the process's environment.
    pub fn sources(&self, environment: Vec<(String, String)>) -> Sources {
        Sources { file: self.config.clone(), environment, listen: self.listen.clone(), data: self.data.clone() }
    }
}
