//! Commands and flags.

use std::path::PathBuf;

use clap::{Parser, Subcommand};

use crate::config::Sources;

#[cfg(feature = "load")]
use super::LoadArguments;
#[cfg(feature = "postgres")]
use super::StoreArguments;
use super::{CheckArguments, MailArguments, MessagesArguments, OverridesArguments, VendorArguments, WebhooksArguments};

/// A sign-up engine that speaks Clerk's Frontend API.
#[derive(Clone, Debug, Parser)]
#[command(name = "vestibule", version, about, disable_help_subcommand = true)]
#[command(
    after_help = "Without a command it serves: a development instance on http://localhost:8080 with its data in \
    ./data, a page to sign up on, and a mailbox that shows what it sends.\n\n\
    What is configured is looked for in flags, then in the environment, then in the file, then in the defaults. Every \
    key has its variable, VESTIBULE_<SECTION>__<KEY> with two underscores in the middle: server.listen is \
    VESTIBULE_SERVER__LISTEN. `vestibule check` tells what is in force and where it came from."
)]
pub(super) struct Arguments {
    /// What to do.
    #[command(subcommand)]
    pub(super) command: Option<Command>,
    /// The configuration file (TOML); it names only what differs from the defaults
    #[arg(long, value_name = "FILE", global = true)]
    pub(super) config: Option<PathBuf>,
    /// Address and port to listen on, such as localhost:3333 or 0.0.0.0:8080
    #[arg(long, value_name = "ADDR", global = true)]
    pub(super) listen: Option<String>,
    /// The directory that holds the data; made where there is none
    #[arg(long, value_name = "DIR", global = true)]
    pub(super) data: Option<PathBuf>,
}

/// What to do.
#[derive(Clone, Debug, PartialEq, Subcommand)]
pub(super) enum Command {
    /// Serve until SIGTERM or SIGINT (the default); SIGHUP reads the settings again
    #[command(long_about = "Serves until SIGTERM or SIGINT, then finishes what is begun and ends. SIGHUP reads the \
        [settings] again, from the file or the sample that they came from, and puts them in force without a restart; \
        with a fault in them those before stay in force, and the log says what is wrong. Other keys need a restart.")]
    Serve,
    /// Say whether it would start, what is risky, and what differs from the defaults
    #[command(
        long_about = "Says what differs from the defaults and where each value was given, what is risky and why, and in \
            the last line whether the server would start. Changes nothing: what it tries is undone at once, so it \
            may be run beside a running server, whose address it then warns is in use. The status is 0 if the server would start, else 1; then the problems are on standard error.",
        after_long_help = "With --json: one object.\n\n  \
            verdict        the last line\n  \
            would_start    true or false\n  \
            mode           \"development\" or \"production\"; null where the configuration can't be read\n  \
            problems       sentences: why it would not start\n  \
            warnings       sentences: what is risky, why, and what to write instead\n  \
            settings_from  what the settings were read from\n  \
            differences    objects with key, value, default (null: there is none) and from, an object with kind (\"file\", \
            \"sample\", \"environment\", \"flag\", or \"unnamed\" where a settings document does not name the key), name, and \
            line for files and samples\n  \
            overrides      with --stored: objects with key, configured and stored; absent where there is no data\n  \
            effective      with --all: the whole configuration in force, secrets masked"
    )]
    Check(CheckArguments),
    /// Show or drop what the application's backend changed over the configuration; the server must be stopped
    #[command(
        long_about = "Shows the settings that the application's backend changed, which are stored with the data and \
        in force instead of what is configured. With --drop they are dropped. Opens the data as a start does, so \
        the server must be stopped; while it runs, GET and DELETE /v1/instance/overrides do the same."
    )]
    Overrides(OverridesArguments),
    /// Make the tables of `store.kind = "postgres"`, or bring those of an older version to this one's format
    #[command(
        long_about = "Makes the tables that `store.prefix` names in the database of `store.url`, where they are \
        missing. It may run beside servers. Needed where `store.migrate` is false: then servers need no right to make \
        tables."
    )]
    Migrate,
    /// Copy a store from a folder to PostgreSQL or back, or complete the table of users for SQL
    #[cfg(feature = "postgres")]
    Store(StoreArguments),
    /// Send a test message by the configured providers, and show step by step what happens
    Mail(MailArguments),
    /// Ask the server at the configured address whether it is ready; status 0 if it is, else 1
    Healthcheck,
    /// List the endpoints of webhooks of a running server, test them, or have them told again
    #[command(long_about = "Asks a running server by its Backend API, at the configured address and with \
        `instance.secret_key`. The status is 0 if it did what was asked, else 1.")]
    Webhooks(WebhooksArguments),
    /// List the messages of a running server, send them again, and stop and start channels
    #[command(long_about = "Asks a running server by its Backend API, at the configured address and with \
        `instance.secret_key`. Codes, links and texts are never shown. The status is 0 if it did what was asked, else 1.")]
    Messages(MessagesArguments),
    /// Fetch the packages that browsers load into a folder for `server.npm_dir`
    #[command(
        long_about = "Fetches @clerk/clerk-js and @clerk/ui from a registry of npm packages, checks the SHA-512 of \
        their archives, and puts the files that browsers load into a folder. The versions that this program was tested \
        with must have the SHA-512 that it knows; others must have the one that the registry tells. A version that is \
        there already is replaced in one step. Prints what to set."
    )]
    Vendor(VendorArguments),
    #[cfg(feature = "load")]
    /// Put a server under load with whole sign-ups, and show latencies, throughput and errors
    Load(Box<LoadArguments>),
}

impl Arguments {
    /// Where the configuration comes from, given the process's environment.
    pub(super) fn sources(&self, environment: Vec<(String, String)>) -> Sources {
        Sources { file: self.config.clone(), environment, listen: self.listen.clone(), data: self.data.clone() }
    }
}
