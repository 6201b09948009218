//! The application behind the HTTP layer: the engine and what answers need besides it.

use std::sync::{Arc, Once};

use crate::domain::redirect::origin_of_page;
use crate::engine::Engine;

use super::HttpOptions;
use super::cookie::CookieSuffix;
use super::dev_outbox::DevOutbox;
use super::mount::Mount;
use super::outcomes::Outcomes;
use super::pages::notice::Look;
use super::response::cors::Origins;
use super::response::refused_origins::RefusedOrigins;

/// Everything a request needs; one per server.
pub struct App {
    pub(super) engine: Engine,
    pub(super) options: HttpOptions,
    pub(super) outbox: Option<Arc<dyn DevOutbox>>,
    /// The origin at which browsers reach the server.
    own_origin: Option<String>,
    pub(super) cookie_suffix: CookieSuffix,
    pub(super) outcomes: Outcomes,
    pub(super) refused_origins: RefusedOrigins,
    pub(super) mount: Mount,
    /// Done after the first request without a peer address, so that the warning is logged once.
    pub(super) no_peer: Once,
}

impl App {
    /// An application of `engine`. Only development instances show the `outbox`.
    pub fn new(engine: Engine, options: HttpOptions, outbox: Option<Arc<dyn DevOutbox>>) -> Self {
        Self {
            own_origin: origin_of_page(&options.public_url),
            cookie_suffix: CookieSuffix::of(&options.publishable_key),
            outbox: outbox.filter(|_| options.development),
            outcomes: Outcomes::new(&options),
            refused_origins: RefusedOrigins::default(),
            mount: Mount::of(&options.public_url),
            no_peer: Once::new(),
            engine,
            options,
        }
    }

    /// The origins whose pages may call now: those that the engine allows, and the server's own.
    pub(super) fn origins(&self) -> Origins {
        Origins::new(self.engine.redirects(), self.own_origin.clone())
    }

    /// The look of the application's pages.
    pub(super) fn look(&self) -> Look<'static> {
        Look::owned(self.engine.branding_in_force(), self.home())
    }

    /// The page to offer where no other is known: the instance's own home, else the page of a development instance,
    /// else the application, which is the first allowed origin of a site. `None` where there is none of them.
    fn home(&self) -> Option<String> {
        let home = self.engine.branding().home_url.clone();
        let own = self.options.development.then(|| self.options.public_url.to_string());
        home.or(own).or_else(|| self.first_site())
    }

    /// The page for invitations without a redirect URL.
    pub(super) fn home_of_invited(&self) -> String {
        self.options.home(self.first_site().as_deref())
    }

    fn first_site(&self) -> Option<String> {
        self.engine.redirects().origins().first_site().map(str::to_owned)
    }
}
