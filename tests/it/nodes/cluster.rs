//! Some nodes over one database, each behind a proxy of its own.

use std::path::{Path, PathBuf};
use std::thread;

use tempfile::TempDir;
use vestibule::domain::secret::Secret;
use vestibule::store::{PostgresOptions, PostgresStore, Sealing};
use vestibule::token::InstanceKey;

use super::database::socket_in;
use super::proxy::Proxy;
use crate::postgres::cluster::url;
use crate::support::backend::SECRET_KEY;
use crate::support::binary::{Binary, log_of};
use crate::support::endpoint::Endpoint;

/// Nodes with one instance key over the tables of one prefix.
pub(super) struct Cluster {
    folder: TempDir,
    prefix: String,
    pub(super) nodes: Vec<Node>,
}

/// One node. Its process may have ended.
pub(super) struct Node {
    folder: PathBuf,
    config: String,
    /// A shell command that comes before its next start; such a node may never be ready.
    pub(super) command: Option<String>,
    pub(super) proxy: Proxy,
    binary: Option<Binary>,
}

impl Cluster {
    /// Three nodes over tables of `name`, with these further lines of configuration; `None` where there is no PostgreSQL.
    pub(super) fn start(name: &str, config: &str) -> Option<Self> {
        let url = url()?;
        let (_, folder) = url.split_once("host=").expect("a folder");
        Some(Self::over(&socket_in(Path::new(folder)), name, |_| config.to_owned()))
    }

    /// The same over the server that listens on this socket, with a configuration for each node.
    pub(super) fn over(socket: &Path, name: &str, config: impl Fn(usize) -> String) -> Self {
        let mut cluster = Self::before_start(socket, name, config);
        cluster.start_all();
        cluster
    }

    /// The same, not started.
    pub(super) fn before_start(socket: &Path, name: &str, config: impl Fn(usize) -> String) -> Self {
        let folder = TempDir::new().expect("a folder");
        let key = folder.path().join("instance.key");
        InstanceKey::load_or_create(&key).expect("a key");
        let prefix = format!("nodes_{name}");
        let nodes = (0..NODES).map(|index| {
            let own = folder.path().join(index.to_string());
            std::fs::create_dir(&own).expect("a folder");
            let proxy = Proxy::start(socket.to_owned());
            let config = format!(
                "instance.key_file = {key:?}\ninstance.secret_key = \"{SECRET_KEY}\"\nverification.test_mode = true\n\
                 verification.resend_cooldown_s = 0\nlimits.source = false\n\
                 store.kind = \"postgres\"\nstore.url = \"{}\"\nstore.prefix = \"{prefix}\"\n{}",
                proxy.url(),
                config(index)
            );
            Node { folder: own, config, command: None, proxy, binary: None }
        });
        Self { nodes: nodes.collect(), prefix, folder }
    }

    /// Starts the nodes that do not run, all at the same moment.
    pub(super) fn start_all(&mut self) {
        thread::scope(|scope| {
            for node in self.nodes.iter_mut().filter(|node| node.binary.is_none()) {
                scope.spawn(|| node.start());
            }
        });
    }

    /// The nodes as clients see them: also those that do not run.
    pub(super) fn endpoints(&self) -> Vec<Endpoint> {
        self.nodes.iter().filter_map(|node| node.binary.as_deref()).copied().collect()
    }

    /// The store behind `database`, opened beside the nodes.
    pub(super) async fn store_at(&self, database: String) -> PostgresStore {
        let key = InstanceKey::load_or_create(&self.folder.path().join("instance.key")).expect("the key");
        let options = PostgresOptions {
            url: Secret::new(database),
            prefix: self.prefix.clone(),
            sealing: Some(Sealing { key: key.store_key(), seal: true }),
            migrates: false,
            projects: true,
        };
        PostgresStore::open(&options).await.expect("a store")
    }

    /// The same at the server that all tests share.
    pub(super) async fn store(&self) -> PostgresStore {
        self.store_at(url().expect("a server")).await
    }
}

impl Node {
    /// Starts its process, and waits until it is ready; after a command of a test, until it answers.
    pub(super) fn start(&mut self) {
        self.binary = Some(match &self.command {
            None => Binary::start(&self.folder, &self.config),
            Some(command) => Binary::start_live_after(command, &self.folder, &self.config),
        });
    }

    /// Starts its process and waits for its end; returns the exit code.
    pub(super) fn fail_to_start(&self) -> Option<i32> {
        Binary::fail_to_start(&self.folder, &self.config)
    }

    /// Its process as clients see it.
    pub(super) fn endpoint(&self) -> Endpoint {
        **self.binary()
    }

    /// Kills its process.
    pub(super) fn kill(&mut self) {
        self.binary = None;
    }

    /// Kills its process while others still use it.
    pub(super) fn kill_in_place(&self) {
        self.binary().kill_in_place();
    }

    /// Stops its process where it is: no thread of it goes on.
    pub(super) fn pause(&self) {
        self.binary().signal("STOP");
    }

    /// Lets a paused process go on.
    pub(super) fn go_on(&self) {
        self.binary().signal("CONT");
    }

    /// Ends it in order; returns the exit code.
    pub(super) fn end(&mut self) -> Option<i32> {
        self.binary.take().expect("it runs").terminate()
    }

    /// Whether it says that it is ready.
    pub(super) fn is_ready(&self) -> bool {
        self.endpoint().request("GET", "/health/ready", &[], "").is_ok_and(|answer| answer.status == 200)
    }

    /// The id of its process.
    pub(super) fn process(&self) -> u32 {
        self.binary().process()
    }

    /// What it has logged.
    pub(super) fn log(&self) -> String {
        log_of(&self.folder)
    }

    fn binary(&self) -> &Binary {
        self.binary.as_ref().expect("it runs")
    }
}

const NODES: usize = 3;
