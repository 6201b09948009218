//! What answers requests: the engine and what stands beside it.

use std::sync::Arc;

use serde::Serialize;

use crate::domain::time::Timestamp;
use crate::engine::Engine;

use super::HttpOptions;
use super::outcomes::Outcomes;
use super::request::cookie::CookieSuffix;
use super::response::cors::Origins;
use super::response::redirect::Redirects;
use super::response::refused_origins::RefusedOrigins;

/// The messages that a development instance captured instead of sending them.
pub trait DevOutbox: Send + Sync {
    /// The messages to one normalised address, or all of them; oldest first.
    fn messages(&self, to: Option<&str>) -> Vec<CapturedMessage>;
}

/// A captured message, as `GET /dev/outbox` shows it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct CapturedMessage {
    /// Its id.
    pub id: String,
    /// `email` or `sms`.
    pub channel: String,
    /// The normalised address.
    pub to: String,
    /// The code it carries.
    pub code: Option<String>,
    /// The link it carries.
    pub link: Option<String>,
    /// The subject of an e-mail.
    pub subject: Option<String>,
    /// The whole text.
    pub text: String,
    /// When it was made.
    pub created_at: Timestamp,
}

/// Everything a request needs; one per server.
pub struct App {
    pub(super) engine: Engine,
    pub(super) options: HttpOptions,
    pub(super) outbox: Option<Arc<dyn DevOutbox>>,
    pub(super) origins: Origins,
    pub(super) redirects: Redirects,
    pub(super) cookie_suffix: CookieSuffix,
    pub(super) outcomes: Outcomes,
    pub(super) refused_origins: RefusedOrigins,
}

impl App {
    /// An application of `engine`. `outbox` is shown by development instances only.
    pub fn new(engine: Engine, options: HttpOptions, outbox: Option<Arc<dyn DevOutbox>>) -> Self {
        Self {
            engine,
            origins: Origins::new(&options),
            redirects: Redirects::new(&options),
            cookie_suffix: CookieSuffix::of(&options.publishable_key),
            outbox: outbox.filter(|_| options.development),
            outcomes: Outcomes::new(&options),
            refused_origins: RefusedOrigins::default(),
            options,
        }
    }

    /// Where people go who have nowhere else to go: the instance's own home, else the page of a development instance,
    /// else the application, which is the first allowed origin. `None` where none of them is a page.
    pub(super) fn home(&self) -> Option<String> {
        let home = self.engine.branding().home_url.clone();
        let own = self.options.development.then(|| self.options.public_url.to_string());
        let is_page = |origin: &&String| origin.starts_with("https://") || origin.starts_with("http://");
        home.or(own).or_else(|| self.options.allowed_origins.iter().find(is_page).cloned())
    }
}
