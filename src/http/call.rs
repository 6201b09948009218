//! One request while a route answers it: what the routes share.

use std::sync::OnceLock;
use std::time::Duration;

use hyper::Method;
use hyper::header::HeaderMap;
use serde::Serialize;
use serde_json::json;
use serde_json::value::to_raw_value;

use crate::domain::secret::Secret;
use crate::engine::{ClientView, Engine, EngineError, RequestContext, SignUpView};
use crate::wire::{ClientResource, UserResource};

use super::app::App;
use super::request::head::{AuthMode, RequestHead};
use super::request::identity::{self, ClientUpdate, Identity};
use super::response::api_response::{ApiResponse, Wrapped};
use super::response::error::{HttpError, TransportError};

/// A request, and the application that answers it.
pub(super) struct Call<'a> {
    /// The application.
    pub(super) app: &'a App,
    /// The request's head.
    pub(super) head: RequestHead,
    /// The source of the request, as the engine sees it.
    pub(super) context: RequestContext,
    /// The token that the client is owed; this answer must bring it.
    owed: OnceLock<Secret<String>>,
}

impl<'a> Call<'a> {
    /// A request before it is answered.
    pub(super) const fn new(app: &'a App, head: RequestHead, context: RequestContext) -> Self {
        Self { app, head, context, owed: OnceLock::new() }
    }

    /// The engine.
    pub(super) const fn engine(&self) -> &'a Engine {
        &self.app.engine
    }

    /// The caller.
    ///
    /// # Errors
    /// 401 for a dev browser that the engine doesn't know: clerk-js then asks for a new one. Where the token was
    /// replaced a moment ago, the answer with the new one is on its way. Then a browser is asked to retry with the new
    /// token, and a write is refused before it can overwrite the new token.
    pub(super) async fn identify(&self) -> Result<Identity, HttpError> {
        let identity = self.presented().await?;
        let is_spared = self.is_read() && self.head.mode == AuthMode::Cookie && !self.may_ask_again();
        if identity.caller.was_replaced() && !is_spared {
            return Err(EngineError::TokenReplaced.into());
        }
        if self.head.mode == AuthMode::DevBrowser && !identity.is_known() {
            return Err(TransportError::DevBrowserUnauthenticated.into());
        }
        Ok(identity)
    }

    /// The caller of a write, which may be a retry of the call that replaced the token. The engine decides that, so a
    /// replaced token is accepted here.
    ///
    /// # Errors
    /// 401 as [`Self::identify`].
    pub(super) async fn identify_writer(&self) -> Result<Identity, HttpError> {
        let identity = self.presented().await?;
        if self.head.mode == AuthMode::DevBrowser && !identity.is_known() && !identity.caller.was_replaced() {
            return Err(TransportError::DevBrowserUnauthenticated.into());
        }
        Ok(identity)
    }

    /// Whether the browser can be asked to send this request again, with the cookie that it has by then. Once is
    /// enough.
    pub(super) fn may_ask_again(&self) -> bool {
        let is_first = self.head.query.single(ASKED_AGAIN).is_ok_and(|asked| asked.is_none());
        self.is_read() && self.head.mode == AuthMode::Cookie && is_first && self.head.encoded_query.is_ascii()
    }

    /// Whether the request only reads.
    pub(super) fn is_read(&self) -> bool {
        matches!(self.head.method, Method::GET | Method::HEAD)
    }

    /// Makes the browser send this request again. The other answer, which was given a moment earlier, then certainly
    /// reaches the browser first.
    pub(super) async fn ask_again(&self) -> ApiResponse {
        tokio::time::sleep(ASK_AGAIN_AFTER).await;
        let mark = format!("{ASKED_AGAIN}=1");
        let query = match self.head.encoded_query.as_str() {
            "" => mark,
            query => format!("{query}&{mark}"),
        };
        ApiResponse::again(&self.head.reference("", &query))
    }

    /// Adds the token that the client is owed to the headers of an answer, whether it succeeded or failed.
    pub(super) fn hand_out(&self, headers: &mut HeaderMap) {
        if let Some(token) = self.owed.get() {
            identity::hand_out(token, &self.head, headers);
        }
    }

    /// The caller by its current token, or by the token that was replaced by an answer that got lost.
    ///
    /// # Errors
    /// When the tokens belong to several clients, or the engine can't decide.
    pub(super) async fn presented(&self) -> Result<Identity, HttpError> {
        let identity = Identity::of(&self.head, self.engine()).await?;
        if let Some(token) = identity.caller.new_token() {
            // A request identifies its caller once, or gets the same result twice.
            let _first = self.owed.set(token.clone());
        }
        Ok(identity)
    }

    /// An answer that includes the client.
    pub(super) fn wrapped(&self, identity: &Identity, response: &impl Serialize, client: &ClientView) -> ApiResponse {
        self.enclosed(identity, &Wrapped { response, client }, client)
    }

    /// An answer that is the client, which includes it once more.
    pub(super) fn with_client(&self, identity: &Identity, client: &ClientView) -> ApiResponse {
        match to_raw_value(client) {
            Ok(rendered) => self.enclosed(identity, &Wrapped { response: &rendered, client: &rendered }, client),
            Err(_) => self.wrapped(identity, client, client),
        }
    }

    /// An answer that is a sign-up, and includes the client, mostly with the same sign-up: it is rendered once.
    pub(super) fn with_sign_up(&self, identity: &Identity, sign_up: &SignUpView, client: &ClientView) -> ApiResponse {
        match to_raw_value(sign_up) {
            Ok(rendered) => {
                let shown = ClientResource::beside(client, sign_up, &rendered);
                self.enclosed(identity, &Wrapped { response: &rendered, client: shown }, client)
            }
            Err(_) => self.wrapped(identity, sign_up, client),
        }
    }

    /// An answer that is a user, and includes the client, mostly with the same user: it is rendered once.
    pub(super) fn with_user(&self, identity: &Identity, user: &UserResource<'_>, client: &ClientView) -> ApiResponse {
        match to_raw_value(user) {
            Ok(rendered) => {
                let shown = ClientResource::beside_user(client, user, &rendered);
                self.enclosed(identity, &Wrapped { response: &rendered, client: shown }, client)
            }
            Err(_) => self.wrapped(identity, user, client),
        }
    }

    /// An answer to a write of a flow. Where the person leaves the page for a link or a provider (`is_left`), it also
    /// has what their browser needs when it returns.
    pub(super) fn written(
        &self,
        identity: &Identity,
        response: &impl Serialize,
        client: &ClientView,
        is_left: bool,
    ) -> ApiResponse {
        let answer = self.wrapped(identity, response, client);
        if is_left { self.left(identity, answer, client) } else { answer }
    }

    /// `answer` with what a browser that leaves the page needs when it returns.
    pub(super) fn left(&self, identity: &Identity, mut answer: ApiResponse, client: &ClientView) -> ApiResponse {
        identity.write_navigation_credentials(&ClientUpdate::Client(client), &self.head, answer.headers_mut());
        answer
    }

    fn enclosed(&self, identity: &Identity, body: &impl Serialize, client: &ClientView) -> ApiResponse {
        self.with_credentials(identity, ApiResponse::json(body), &ClientUpdate::Client(client))
    }

    /// An answer to a caller without a client.
    pub(super) fn anonymous(&self, identity: &Identity) -> ApiResponse {
        let body = Wrapped { response: (), client: () };
        // Where another answer is bringing a client at this moment, this one must not say that there are no sessions.
        let told = if identity.caller.was_replaced() { ClientUpdate::Unchanged } else { ClientUpdate::Anonymous };
        self.with_credentials(identity, ApiResponse::json(&body), &told)
    }

    /// `answer` with the headers that tell the client what to store.
    pub(super) fn with_credentials(
        &self,
        identity: &Identity,
        mut answer: ApiResponse,
        told: &ClientUpdate<'_>,
    ) -> ApiResponse {
        let suffix = &self.app.cookie_suffix;
        identity.write_credentials(told, &self.head, suffix, answer.headers_mut());
        answer
    }

    /// The error answer, with the client if there is one. Where the client's token was replaced during the call, that
    /// is the only error, without a client: whether the original error still applies depends on the new client.
    pub(super) async fn refuse(&self, identity: &Identity, error: EngineError) -> HttpError {
        let is_callers = matches!(error, EngineError::Rejected(_) | EngineError::NotFound | EngineError::SignedOut);
        if self.head.mode == AuthMode::DevBrowser && !identity.is_known() && is_callers {
            let was_replaced = identity.caller.was_replaced();
            return if was_replaced {
                EngineError::TokenReplaced.into()
            } else {
                TransportError::DevBrowserUnauthenticated.into()
            };
        }
        let is_replaced = error == EngineError::TokenReplaced;
        let mut error = HttpError::from(error);
        if is_replaced {
            return error;
        }
        let suffix = &self.app.cookie_suffix;
        let view = if is_callers && identity.is_known() {
            match self.engine().client_view(&identity.caller, &self.context).await {
                Err(EngineError::TokenReplaced) => return EngineError::TokenReplaced.into(),
                // The refusal matters more than the client beside it.
                shown => shown.unwrap_or_default(),
            }
        } else {
            None
        };
        let told = match &view {
            Some(view) => ClientUpdate::Client(view),
            None => ClientUpdate::Unchanged,
        };
        identity.write_credentials(&told, &self.head, suffix, error.headers_mut());
        match &view {
            Some(view) => error.with_client(json!(view)),
            None => error,
        }
    }
}

/// The query parameter of a request that was sent again.
const ASKED_AGAIN: &str = "_vestibule_again";
const ASK_AGAIN_AFTER: Duration = Duration::from_millis(200);
