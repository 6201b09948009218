//! A server with a folder of its own, which calls from one page are allowed at.

use tempfile::TempDir;

use super::browser::{Browser, PAGE};
use super::server::Server;

pub(crate) struct Site {
    pub(crate) server: Server,
    pub(crate) folder: TempDir,
    config: String,
}

impl Site {
    /// Starts it. `config` goes on in the section `[server]`.
    pub(crate) fn start(config: &str) -> Self {
        let folder = TempDir::new().expect("a folder");
        let config = format!("[server]\nallowed_origins = [\"{PAGE}\"]\n{config}");
        Self { server: Server::start(folder.path(), &config), folder, config }
    }

    pub(crate) fn browser(&self) -> Browser<'_> {
        Browser::of(&self.server)
    }

    /// The server that follows on the same data once this one was cut off.
    pub(crate) fn restarted(self) -> Self {
        let Self { server, folder, config } = self;
        drop(server);
        Self { server: Server::start(folder.path(), &config), folder, config }
    }
}
