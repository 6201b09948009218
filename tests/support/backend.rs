//! An application's backend, which calls the server with the secret key.

use serde_json::Value;
use tempfile::TempDir;

use super::browser::PAGE;
use super::endpoint::{Answer, Endpoint};
use super::server::{Server, log_of};

/// The secret key in the server's configuration.
pub(crate) const SECRET_KEY: &str = "sk_live_0123456789abcdefghijklmnopqrstuv";

/// A server with its own settings.
pub(crate) struct Site {
    pub(crate) server: Server,
    folder: TempDir,
}

impl Site {
    pub(crate) fn start(settings: &Value) -> Self {
        let folder = TempDir::new().expect("a folder");
        let config = format!(
            "[instance]\nsecret_key = \"{SECRET_KEY}\"\n[server]\nallowed_origins = [\"{PAGE}\"]\n\
             [limits]\nsource = false\n"
        );
        let server = Server::start(folder.path(), &config);
        let site = Self { server, folder };
        site.configure(settings);
        site
    }

    pub(crate) fn configure(&self, settings: &Value) {
        self.server.put_settings(settings);
    }

    /// A call with the secret key; a `null` body sends none.
    pub(crate) fn backend(&self, method: &str, path: &str, body: &Value) -> Answer {
        backend(&self.server, method, path, body)
    }

    /// Creates an invitation.
    pub(crate) fn invite(&self, body: &Value) -> Value {
        let made = self.backend("POST", "/v1/invitations", body);
        assert_eq!(made.status, 200, "{}", made.body);
        made.json()
    }

    /// The ticket in an invitation's URL.
    pub(crate) fn ticket_in(url: &Value) -> String {
        url.as_str().and_then(|url| url.split_once("ticket=")).expect("a ticket").1.to_owned()
    }

    /// The server's log.
    pub(crate) fn log(&self) -> String {
        log_of(self.folder.path())
    }
}

/// A call with the secret key to `server`.
pub(crate) fn backend(server: &Endpoint, method: &str, path: &str, body: &Value) -> Answer {
    let headers = [("authorization", &*format!("Bearer {SECRET_KEY}")), ("content-type", "application/json")];
    let body = if body.is_null() { String::new() } else { body.to_string() };
    server.request(method, path, &headers, &body).expect("an answer")
}
