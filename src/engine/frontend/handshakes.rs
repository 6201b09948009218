//! The calls of handshakes: a browser asks on its way to a page, and the application's server fetches what it can't be
//! handed ([guide: Handshakes](crate::guide::contract_handshakes)).

use crate::domain::handshake::{Form, FreshSession, GOOD_FOR, KeptHandshake, Outcome, Page, Road, hand_over};
use crate::domain::redirect::RedirectUrl;
use crate::domain::rejection::{ErrorCode, Rejection};
use crate::domain::secret::Secret;
use crate::limiter::LimitedAction;
use crate::store::{Commit, Decision, HandshakeChange};

use super::visible::Visible;
use crate::engine::{Caller, Engine, EngineError, RequestContext};

/// A browser that a server sent here on its way to a page.
#[derive(Clone, Debug, Default)]
pub struct HandshakeRequest {
    /// The page to which it returns: the parameter `redirect_url`.
    pub redirect_url: String,
    /// The host at which the browser reached the engine, in lower case and without a port.
    pub host: Option<String>,
    /// Whether it reached it by https.
    pub secure: bool,
    /// Where the result goes into the URL of the page, as with a `pk_test_` key: the holder of the dev browser that the page
    /// has, or an anonymous caller. `None` where it goes into a cookie.
    pub dev_browser: Option<Caller>,
    /// Whether the application's server can fetch a result that is too large to be handed over.
    pub takes_nonce: bool,
}

/// Where the browser goes with the result of a handshake.
#[derive(Clone)]
#[non_exhaustive]
pub struct Handshake {
    /// The URL for the `Location` of the answer. In a dev browser's handshake it contains the result: a secret.
    pub location: RedirectUrl,
    /// The value of a `Set-Cookie` for the answer: a secret.
    pub cookie: Option<Secret<String>>,
}

impl std::fmt::Debug for Handshake {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Handshake").finish_non_exhaustive()
    }
}

impl Engine {
    /// [`Sessions::handshake`](crate::engine::Sessions::handshake).
    pub(crate) async fn handshake(
        &self,
        caller: &Caller,
        request: &HandshakeRequest,
        context: &RequestContext,
    ) -> Result<Handshake, EngineError> {
        self.admitted(async {
            let page = Page::of(&request.redirect_url, &self.redirects()).map_err(Rejection::from)?;
            let Some(dev_browser) = &request.dev_browser else {
                let reach = page.reached_from(request.host.as_deref()).map_err(Rejection::from)?;
                let road = Road::Cookie(reach);
                let seen = self.visible(caller).await?;
                let (form, value) = self.result(&page, road, seen.as_ref(), request.takes_nonce, context).await?;
                let is_secure = request.secure && page.is_secure();
                let cookie = Secret::new(hand_over(form, value.expose(), reach, is_secure));
                return Ok(Handshake { location: page.back(), cookie: Some(cookie) });
            };
            if dev_browser.was_replaced() {
                // The pages get the new one from another answer, and the server asks again with it.
                return Ok(Handshake { location: page.back(), cookie: None });
            }
            let keeper = self.or_newcomer(dev_browser)?;
            let id = self.current_token(&keeper).ok_or(EngineError::Internal)?;
            let id = Secret::new(format!("{DEV_BROWSER_PREFIX}{}", id.expose()));
            let road = Road::Url { dev_browser: id.expose() };
            let seen = match self.visible(&keeper).await? {
                Some(seen) if seen.client().session_in_use(self.now()).is_some() => Some(seen),
                // Without Clerk's hosts pages keep a cookie instead, whatever the server takes the key for.
                _ => self.visible(caller).await?,
            };
            let (form, value) = self.result(&page, road, seen.as_ref(), request.takes_nonce, context).await?;
            Ok(Handshake { location: page.back_with(form, value.expose()), cookie: None })
        })
        .await
    }

    /// [`Sessions::handshake_cookies`](crate::engine::Sessions::handshake_cookies).
    pub(crate) async fn handshake_cookies(&self, nonce: &str) -> Result<Vec<String>, EngineError> {
        self.admitted(async {
            let unknown = || EngineError::from(Rejection::from(ErrorCode::InvalidNonce.on("nonce")));
            let digest = self.inner.key.handshake_digest(nonce).ok_or_else(unknown)?;
            let kept = self.inner.store().handshake(digest).await?.ok_or_else(unknown)?;
            let decision = Decision { handshakes: vec![HandshakeChange::Take(digest)], ..Decision::default() };
            self.inner.system.persister().commit(Commit::of_decision(self.now(), decision)).await?;
            self.inner.key.open_handshake(&digest, &kept.sealed).ok_or_else(unknown)
        })
        .await
    }

    /// What the page is to know of a client, and in which form. The result itself is taken where it fits, because it needs
    /// no call of the application's server.
    async fn result(
        &self,
        page: &Page,
        road: Road<'_>,
        seen: Option<&Visible>,
        takes_nonce: bool,
        context: &RequestContext,
    ) -> Result<(Form, Secret<String>), EngineError> {
        let now = self.now();
        self.inner.admission.spend(LimitedAction::Token, context, now)?;
        let client = seen.map(Visible::client);
        let session = client.and_then(|client| client.session_in_use(now));
        let changed_at = client.and_then(|client| client.sessions_changed_at);
        let changed_at = changed_at.or(session.map(|session| session.created_at)).unwrap_or(now).min(now).as_secs();
        let token = match session {
            Some(session) => {
                let context = RequestContext { origin: Some(page.origin.clone()), ..RequestContext::default() };
                Some(self.mint(session, &context).await?)
            }
            None => None,
        };
        let session = token.as_ref().map(|token| FreshSession { token: token.expose(), changed_at });
        let outcome = Outcome { page, road, suffix: &self.inner.cookie_suffix, session };
        let signed = self.sign_handshake(outcome.cookies(Form::Token)).await?;
        // A URL holds more than a cookie.
        let bytes_max = match road {
            Road::Cookie(_) => self.inner.handshake_bytes_max,
            Road::Url { .. } => self.inner.handshake_bytes_max.saturating_mul(2),
        };
        if signed.expose().len() <= bytes_max || !takes_nonce {
            return Ok((Form::Token, signed));
        }
        self.inner.admission.spend(LimitedAction::Write, context, now)?;
        let cookies = outcome.cookies(Form::Nonce);
        let mut random = [0; 32];
        self.inner.actor_context.decide(|cx| cx.entropy.fill(&mut random));
        let (nonce, digest) = self.inner.key.handshake_nonce(random);
        let sealed = self.inner.key.seal_handshake(&digest, &cookies);
        let kept = KeptHandshake { digest, sealed, expire_at: now + GOOD_FOR };
        let decision = Decision { handshakes: vec![HandshakeChange::Keep(Box::new(kept))], ..Decision::default() };
        self.inner.system.persister().commit(Commit::of_decision(now, decision)).await?;
        Ok((Form::Nonce, nonce))
    }

    /// Signs a result on a blocking thread, as session tokens are.
    async fn sign_handshake(&self, cookies: Vec<String>) -> Result<Secret<String>, EngineError> {
        let (keyring, iat) = (self.inner.keyring.clone(), self.now().as_secs());
        let exp = iat + GOOD_FOR.as_secs_ceil();
        let signed = tokio::task::spawn_blocking(move || keyring.sign_handshake(&cookies, iat, exp)).await;
        signed.map_err(|_| EngineError::Internal)?.map_err(|error| {
            tracing::error!(%error, "a handshake could not be signed");
            EngineError::Internal
        })
    }
}

/// What the id of a dev browser begins with; the client's token follows.
pub(crate) const DEV_BROWSER_PREFIX: &str = "dvb_";
