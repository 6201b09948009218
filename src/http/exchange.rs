//! One request being answered by a route: what the routes share.

use serde::Serialize;
use serde_json::json;

use crate::engine::{ClientView, Engine, EngineError, Source};

use super::app::App;
use super::error::{Fault, HttpError};
use super::identity::{Identity, Told};
use super::request::{Head, Mode};
use super::response::{Answer, Wrapped};
use super::wire::ClientResource;

/// A request and the application that answers it.
pub(super) struct Exchange<'a> {
    /// The application.
    pub(super) app: &'a App,
    /// The request's head.
    pub(super) head: Head,
    /// Where it came from, as the engine sees it.
    pub(super) source: Source,
}

impl<'a> Exchange<'a> {
    /// The engine.
    pub(super) const fn engine(&self) -> &'a Engine {
        &self.app.engine
    }

    /// Who calls.
    ///
    /// # Errors
    /// 401 for a dev browser that the engine doesn't know: clerk-js then asks for a new one.
    pub(super) async fn identify(&self) -> Result<Identity, HttpError> {
        let identity = self.presented().await?;
        if self.head.mode == Mode::DevBrowser && !identity.is_known() {
            return Err(Fault::DevBrowserUnauthenticated.into());
        }
        Ok(identity)
    }

    /// Who calls, or called a moment ago: the token that a lost answer replaced still counts.
    ///
    /// # Errors
    /// Only when the engine can't tell.
    pub(super) async fn presented(&self) -> Result<Identity, HttpError> {
        Ok(Identity::of(&self.head, self.engine()).await?)
    }

    /// An answer with the client piggybacked.
    pub(super) fn wrapped(&self, identity: &Identity, response: &impl Serialize, client: &ClientView) -> Answer {
        let body = Wrapped { response, client: ClientResource::from(client) };
        self.told(identity, Answer::json(&body), &Told::Client(client))
    }

    /// An answer to somebody without a client.
    pub(super) fn nobody(&self, identity: &Identity) -> Answer {
        let body = Wrapped { response: (), client: () };
        self.told(identity, Answer::json(&body), &Told::Nobody)
    }

    /// `answer` with the headers that tell the client what to keep.
    pub(super) fn told(&self, identity: &Identity, mut answer: Answer, told: &Told<'_>) -> Answer {
        let suffix = &self.app.cookie_suffix;
        identity.tell(told, &self.head, suffix, answer.headers_mut());
        answer
    }

    /// The error answer, with the client piggybacked where there is one.
    pub(super) async fn refuse(&self, identity: &Identity, error: EngineError) -> HttpError {
        let is_callers = matches!(error, EngineError::Rejected(_) | EngineError::NotFound | EngineError::SignedOut);
        if self.head.mode == Mode::DevBrowser && !identity.is_known() && is_callers {
            return Fault::DevBrowserUnauthenticated.into();
        }
        let mut error = HttpError::from(error);
        let suffix = &self.app.cookie_suffix;
        let view = if is_callers && identity.is_known() {
            let shown = self.engine().client_view(&identity.caller, &self.source);
            // The refusal matters more than what stands beside it.
            shown.await.unwrap_or_default()
        } else {
            None
        };
        let told = match &view {
            Some(view) => Told::Client(view),
            None => Told::Nothing,
        };
        identity.tell(&told, &self.head, suffix, error.headers_mut());
        match &view {
            Some(view) => error.with_client(json!(ClientResource::from(view))),
            None => error,
        }
    }
}
