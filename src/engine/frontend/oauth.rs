//! The calls about accounts at providers
//! ([guide: Accounts at providers](crate::guide::contract_sign_ups#accounts-at-providers)): starting an authorization
//! request and handling its redirect back. The provider is asked between two reads of the sign-up; the second read is
//! part of a command, which decides.

use std::fmt;

use serde::{Deserialize, Serialize};

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;

use crate::actors::{CallError, SignUpReply};
use crate::domain::client::ClientChange;
use crate::domain::id::{ClientId, SignInId, SignUpId};
use crate::domain::ports::Sealer;
use crate::domain::redirect::RedirectUrl;
use crate::domain::rejection::{ErrorCode, Rejection};
use crate::domain::secret::Secret;
use crate::domain::settings::OAuth;
use crate::domain::sign_in;
use crate::domain::sign_up::{Command, External, Phase, SignUpPatch};
use crate::domain::verification::{
    AuthorizationRequest, AuthorizationResponse, AuthorizeParams, ExternalAccount, Profile, Strategy,
};
use crate::limiter::LimitedAction;
use crate::oauth::{self, Callback, ProviderError, is_denial};
use crate::token::{FlowId, OAuthState, RedirectTargets, TokenCarrier};

use crate::engine::{Caller, ClientView, Engine, EngineError, RequestContext, SignUpView};

/// The parameters of a redirect back from a provider (RFC 6749 4.1.2, RFC 9207).
#[derive(Clone, Debug, Default)]
pub struct ProviderCallback {
    /// The state parameter of the authorization request.
    pub state: Option<String>,
    /// The authorization code, to exchange for the person's profile.
    pub code: Option<Secret<String>>,
    /// The provider's error, if there is no code.
    pub error: Option<String>,
    /// More detailed reasons, which some providers send in parameters of their own.
    pub reasons: Vec<String>,
    /// The issuer, if the provider names itself.
    pub iss: Option<String>,
}

/// Where a browser goes after the redirect back from a provider.
#[derive(Clone)]
#[non_exhaustive]
pub struct CallbackRedirect {
    /// The URL that was given when the authorization request began; `None` where the instance no longer allows it.
    pub url: Option<RedirectUrl>,
    /// A one-time value for an application without cookies: goes on the URL as `rotating_token_nonce`.
    pub native_handoff: Option<String>,
    /// The client, where the client that began came back and may receive its token here; the answer must bring it.
    pub client: Option<ClientView>,
    /// Whether the browser came back too late: its authorization request has ended, or another browser began it.
    /// Nothing has changed then.
    pub is_late: bool,
    /// Whether the same client began the authorization request and came back.
    pub by_owner: bool,
}

/// Without the URL, which may contain secrets of its page, and without the one-time value.
impl fmt::Debug for CallbackRedirect {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut shown = f.debug_struct("CallbackRedirect");
        shown.field("client", &self.client).field("is_late", &self.is_late).field("by_owner", &self.by_owner);
        shown.finish_non_exhaustive()
    }
}

/// What an application without cookies receives when the system's browser returns to it.
#[derive(Serialize, Deserialize)]
struct NativeHandoff {
    code: Option<String>,
    error: Option<String>,
    iss: Option<String>,
    #[serde(default)]
    reasons: Vec<String>,
}

impl Engine {
    /// Handles a redirect back from a provider, and says where the browser goes next. The provider's answer, or the
    /// failure to get it, is stored on the sign-up. A state parameter that is used, expired or another client's changes
    /// nothing, and the browser is redirected all the same.
    ///
    /// # Errors
    /// `oauth_callback_invalid` where the state parameter is not this instance's, or no URL can be found for it.
    pub async fn return_from_provider(
        &self,
        caller: &Caller,
        callback: &ProviderCallback,
        context: &RequestContext,
    ) -> Result<CallbackRedirect, EngineError> {
        self.admitted(async {
            self.inner.admission.spend(LimitedAction::Write, context, self.now())?;
            let invalid = || EngineError::from(Rejection::from(ErrorCode::OAuthCallbackInvalid));
            let state = callback.state.as_deref();
            let (trip, places) =
                state.and_then(|state| OAuthState::read(state, &self.inner.key)).ok_or_else(invalid)?;
            let is_owner = caller.client_id() == Some(trip.client);
            let is_known = match trip.carrier {
                TokenCarrier::Cookie => is_owner,
                TokenCarrier::DevBrowser => is_owner || caller.client_id().is_none(),
                TokenCarrier::Header => true,
            };
            let account = match trip.of {
                _ if !is_known => None,
                FlowId::SignUp(id) => self.awaited(id, &trip).await?,
                FlowId::SignIn(id) => self.awaited_sign_in(id, &trip).await?,
                FlowId::Account(id) => self.awaited_account(id, &trip).await?.map(|(_, account)| account),
            };
            let Some(account) = account else { return self.late(caller, &trip, places).await?.ok_or_else(invalid) };
            if trip.carrier == TokenCarrier::Header {
                let native_handoff = Some(self.native_handoff(&trip, callback));
                let url = account.redirect_url.and_then(|url| self.still_listed(url));
                return Ok(CallbackRedirect { url, native_handoff, client: None, is_late: false, by_owner: is_owner });
            }
            match self.arrive(caller, &trip, &account, callback, context).await {
                // Another redirect with the same state parameter was first, or its flow has ended.
                Err(EngineError::Rejected(refused)) if !refused.is(ErrorCode::TooManyRequests) => {
                    self.late(caller, &trip, places).await?.ok_or_else(|| refused.into())
                }
                Err(EngineError::NotFound) => self.late(caller, &trip, places).await?.ok_or_else(invalid),
                arrived => arrived,
            }
        })
        .await
    }

    /// Handles the return of a pending authorization request.
    async fn arrive(
        &self,
        caller: &Caller,
        trip: &OAuthState,
        account: &ExternalAccount,
        callback: &ProviderCallback,
        context: &RequestContext,
    ) -> Result<CallbackRedirect, EngineError> {
        let is_owner = caller.client_id() == Some(trip.client);
        let returned =
            |url, client| CallbackRedirect { url, native_handoff: None, client, is_late: false, by_owner: is_owner };
        // A dev browser's page stores its token itself; the cookie only identifies it here.
        let hears = is_owner && trip.carrier != TokenCarrier::DevBrowser;
        let terms = if is_owner { caller.terms() } else { Vec::new() };
        let id = match trip.of {
            FlowId::SignUp(id) => id,
            FlowId::Account(id) => return self.arrive_with_account(id, caller, trip, callback, context).await,
            FlowId::SignIn(id) => {
                let back = self.back(trip, account, callback, hears).await?;
                let (value, committed) = self.settle_sign_in(id, trip.client, terms, &back, context).await?;
                let has_session = value.status() == sign_in::Status::Complete;
                let url = account.destination(has_session).cloned().and_then(|url| self.still_allowed(url));
                if !hears {
                    return Ok(returned(url, None));
                }
                let (_, client) = self.shown_after(caller, value, &committed, context).await?;
                return Ok(returned(url, Some(client)));
            }
        };
        let answer = self.settle(id, (trip, terms, context), account, callback, hears).await?;
        let has_session = matches!(answer.sign_up.phase, Phase::Complete { .. });
        let url = account.destination(has_session).cloned().and_then(|url| self.still_allowed(url));
        let client = if hears { Some(self.answered(caller, answer, context).await?.1) } else { None };
        Ok(returned(url, client))
    }

    /// [`SignUps::claim_return`](crate::engine::SignUps::claim_return).
    pub(crate) async fn claim_return(
        &self,
        caller: &Caller,
        id: SignUpId,
        native_handoff: &str,
        context: &RequestContext,
    ) -> Result<(SignUpView, ClientView), EngineError> {
        self.admitted(async {
            self.inner.admission.spend(LimitedAction::Write, context, self.now())?;
            let client = caller.client_id().ok_or(EngineError::NotFound)?;
            let found = self.inner.system.read(id, client).await?.sign_up;
            let invalid = || EngineError::from(Rejection::from(ErrorCode::OAuthCallbackInvalid));
            let account =
                found.external_account.as_deref().filter(|account| account.awaits_callback(&account.nonce, self.now()));
            let account = account.ok_or_else(invalid)?;
            let trip =
                OAuthState { of: FlowId::SignUp(id), client, carrier: TokenCarrier::Header, nonce: account.nonce };
            let callback = self.answer_handed_over(&trip, native_handoff).ok_or_else(invalid)?;
            let answer = self.settle(id, (&trip, caller.terms(), context), account, &callback, true).await?;
            self.answered(caller, answer, context).await
        })
        .await
    }

    /// What the parameters of a create or update say about an account at a provider.
    pub(in crate::engine) async fn external(
        &self,
        input: &SignUpPatch,
        (id, client): (SignUpId, ClientId),
        caller: &Caller,
        context: &RequestContext,
    ) -> Result<Option<External>, EngineError> {
        let missing = |param: &str| Rejection::from(ErrorCode::FormParamMissing.on(param));
        Ok(match &input.strategy {
            Some(strategy @ Strategy::OAuth(_)) => {
                let trip = self.leave(strategy, (FlowId::SignUp(id), client), &input.authorize, context).await?;
                Some(External::Begin(trip))
            }
            Some(strategy @ (Strategy::OAuthToken(_) | Strategy::GoogleOneTap)) => {
                let token = input.token.as_ref().map(|token| token.expose().as_str()).filter(|token| !token.is_empty());
                let token = token.ok_or_else(|| missing("token"))?;
                let (provider, settings) = self.provider(strategy)?;
                let found = self.inner.providers.verify_token(&provider, &settings, token, None).await;
                let profile = found.map_err(|error| match refusal(&provider, &error) {
                    ErrorCode::OAuthCallbackInvalid => Rejection::from(ErrorCode::FormParamValueInvalid.on("token")),
                    code => code.into(),
                })?;
                let answer = self.answer(&provider, Ok(profile), caller.client().map(|client| &**client)).await?;
                Some(External::Answered(strategy.clone(), answer))
            }
            _ => None,
        })
    }

    fn trip(&self, of: FlowId, client: ClientId, context: &RequestContext) -> OAuthState {
        let mut nonce = [0; 16];
        self.inner.actor_context.decide(|cx| cx.entropy.fill(&mut nonce));
        OAuthState { of, client, carrier: context.carrier, nonce }
    }

    async fn authorize_url(
        &self,
        strategy: &Strategy,
        trip: &OAuthState,
        params: &AuthorizeParams,
    ) -> Result<String, EngineError> {
        let (provider, settings) = self.provider(strategy)?;
        let key = &self.inner.key;
        let (nonce, verifier) = (trip.oidc_nonce(key), trip.pkce_verifier(key));
        // Hints that are too long are left out: the authorization request works without them.
        let hint = |text: &'_ Option<String>| text.clone().filter(|text| text.len() <= HINT_MAX);
        let (prompt, login_hint) = (hint(&params.prompt), hint(&params.login_hint));
        let asked = oauth::AuthorizeParams {
            redirect_uri: &self.inner.callback_url,
            state: &trip.state(&places(params), key),
            nonce: nonce.expose(),
            pkce_verifier: verifier.expose(),
            prompt: prompt.as_deref(),
            login_hint: login_hint.as_deref(),
            additional_scopes: &params.additional_scopes,
        };
        let url = self.inner.providers.authorize_url(&provider, &settings, &asked).await;
        Ok(url.map_err(|error| Rejection::from(refusal(&provider, &error)))?.into())
    }

    /// The provider of a strategy, and the instance's configuration for it.
    fn provider(&self, strategy: &Strategy) -> Result<(String, OAuth), EngineError> {
        let provider = strategy.provider().ok_or_else(|| Rejection::from(ErrorCode::OAuthProviderNotEnabled))?;
        let settings = self.settings().oauth.get(&provider).cloned();
        let settings = settings.ok_or_else(|| Rejection::from(ErrorCode::OAuthConfigMissing))?;
        Ok((provider, settings))
    }

    /// The pending account of a sign-up, if it waits for this authorization request.
    async fn awaited(&self, id: SignUpId, trip: &OAuthState) -> Result<Option<ExternalAccount>, EngineError> {
        let found = match self.inner.system.read(id, trip.client).await.map_err(EngineError::from) {
            Ok(answer) => answer.sign_up,
            Err(EngineError::NotFound) => return Ok(None),
            Err(error) => return Err(error),
        };
        let is_open = found.phase == Phase::Open;
        let account =
            found.external_account.as_deref().filter(|account| account.awaits_callback(&trip.nonce, self.now()));
        Ok(account.filter(|_| is_open).cloned())
    }

    /// Asks the provider and applies its answer to the sign-up. If an account or address gets an owner between look-up
    /// and commit, the decision is made once more.
    async fn settle(
        &self,
        id: SignUpId,
        (trip, terms, context): (&OAuthState, Vec<ClientChange>, &RequestContext),
        account: &ExternalAccount,
        callback: &ProviderCallback,
        by_owner: bool,
    ) -> Result<SignUpReply, EngineError> {
        let mut back = self.back(trip, account, callback, by_owner).await?;
        for last in [false, true] {
            let command = Command::Return(Box::new(back.clone()));
            match self.inner.system.command(id, trip.client, context.with(terms.clone()), command).await {
                Err(error) if !last && lost_a_race(&error) => {
                    let provider = account.strategy.provider().unwrap_or_default();
                    let owner = self.inner.store().client(trip.client).await?;
                    back.answer = self.answer(&provider, back.answer.outcome, owner.as_deref()).await?;
                }
                // The browser still has a page to return to, where the person learns that the invitation is no longer
                // valid.
                Err(CallError::Rejected(rejection)) if !last && of_invitation(&rejection).is_some() => {
                    back.answer.outcome = of_invitation(&rejection).map_or(back.answer.outcome, Err);
                }
                done => return Ok(done?),
            }
        }
        Err(EngineError::Internal)
    }

    /// Asks the provider, and looks up the owners of what it returns.
    pub(super) async fn back(
        &self,
        trip: &OAuthState,
        account: &ExternalAccount,
        callback: &ProviderCallback,
        by_owner: bool,
    ) -> Result<AuthorizationResponse, EngineError> {
        let provider = account.strategy.provider().unwrap_or_default();
        let outcome = self.exchange(&account.strategy, trip, callback).await;
        let owner = self.inner.store().client(trip.client).await?;
        let answer = self.answer(&provider, outcome, owner.as_deref()).await?;
        Ok(AuthorizationResponse { nonce: trip.nonce, answer, by_owner })
    }

    /// The pending account of a sign-in, if it waits for this authorization request.
    async fn awaited_sign_in(&self, id: SignInId, trip: &OAuthState) -> Result<Option<ExternalAccount>, EngineError> {
        let client = self.inner.store().client(trip.client).await?;
        let account = client.as_deref().and_then(|client| self.in_progress(Some(client), id).ok()?.external.clone());
        Ok(account.filter(|account| account.awaits_callback(&trip.nonce, self.now())).map(|account| *account))
    }

    /// The state of an authorization request that starts now.
    pub(in crate::engine) async fn leave(
        &self,
        strategy: &Strategy,
        (of, client): (FlowId, ClientId),
        params: &AuthorizeParams,
        context: &RequestContext,
    ) -> Result<AuthorizationRequest, EngineError> {
        let redirect_url = params.redirect_url.clone();
        let redirect_url =
            redirect_url.ok_or_else(|| Rejection::from(ErrorCode::FormParamMissing.on("redirect_url")))?;
        if context.carrier == TokenCarrier::Header {
            // The provider's answer goes there.
            self.only_listed(Some(&redirect_url))?;
        }
        let trip = self.trip(of, client, context);
        Ok(AuthorizationRequest {
            strategy: strategy.clone(),
            nonce: trip.nonce,
            redirect_url,
            action_complete_redirect_url: params.action_complete_redirect_url.clone(),
            authorize_url: self.authorize_url(strategy, &trip, params).await?,
            answered_elsewhere: trip.carrier == TokenCarrier::DevBrowser,
        })
    }

    pub(super) async fn exchange(
        &self,
        strategy: &Strategy,
        trip: &OAuthState,
        callback: &ProviderCallback,
    ) -> Result<Profile, ErrorCode> {
        let error = callback.error.as_deref();
        if is_denial(error, callback.reasons.iter().map(String::as_str)) {
            return Err(ErrorCode::OAuthAccessDenied);
        }
        if error.is_some() {
            return Err(ErrorCode::OAuthCallbackInvalid);
        }
        let code = callback.code.as_ref().ok_or(ErrorCode::OAuthCallbackInvalid)?;
        // The settings may have changed while the person was at the provider.
        let (provider, settings) = self.provider(strategy).map_err(|_| ErrorCode::OAuthConfigMissing)?;
        let key = &self.inner.key;
        let (nonce, verifier) = (trip.oidc_nonce(key), trip.pkce_verifier(key));
        let callback = Callback {
            code: code.expose(),
            iss: callback.iss.as_deref(),
            redirect_uri: &self.inner.callback_url,
            nonce: nonce.expose(),
            pkce_verifier: verifier.expose(),
        };
        let profile = self.inner.providers.exchange(&provider, &settings, &callback).await;
        profile.map_err(|error| refusal(&provider, &error))
    }

    /// The provider's answer that an application presents, if it is that to this authorization request.
    pub(super) fn answer_handed_over(&self, trip: &OAuthState, native_handoff: &str) -> Option<ProviderCallback> {
        let sealed = URL_SAFE_NO_PAD.decode(native_handoff).ok()?;
        let opened = self.inner.key.open(&trip.body(), &sealed)?;
        let opened: NativeHandoff = serde_json::from_slice(&opened).ok()?;
        Some(ProviderCallback {
            state: None,
            code: opened.code.map(Secret::new),
            error: opened.error,
            reasons: opened.reasons,
            iss: opened.iss,
        })
    }

    fn native_handoff(&self, trip: &OAuthState, callback: &ProviderCallback) -> String {
        let content = NativeHandoff {
            code: callback.code.as_ref().map(|code| code.expose().clone()),
            error: callback.error.clone(),
            iss: callback.iss.clone(),
            reasons: callback.reasons.clone(),
        };
        let content = serde_json::to_vec(&content).unwrap_or_default();
        URL_SAFE_NO_PAD.encode(self.inner.key.seal(&trip.body(), &content))
    }
}

/// The URLs that a `state` parameter carries.
fn places(params: &AuthorizeParams) -> RedirectTargets {
    RedirectTargets {
        redirect_url: params.redirect_url.as_ref().map(ToString::to_string).unwrap_or_default(),
        action_complete_redirect_url: params.action_complete_redirect_url.as_ref().map(ToString::to_string),
    }
}

/// The longest hint for a provider's page, in bytes: longer than any address.
const HINT_MAX: usize = 1024;

/// Why the invitation behind a sign-up can't be used any more.
fn of_invitation(rejection: &Rejection) -> Option<ErrorCode> {
    let codes = [
        ErrorCode::TicketInvalidCode,
        ErrorCode::TicketExpiredCode,
        ErrorCode::RevokedInvitation,
        ErrorCode::InvitationAlreadyAccepted,
    ];
    codes.into_iter().find(|code| rejection.is(*code))
}

fn lost_a_race(error: &CallError) -> bool {
    let CallError::Rejected(rejection) = error else { return false };
    rejection.is(ErrorCode::ExternalAccountExists) || rejection.is(ErrorCode::FormIdentifierExists)
}

/// The error code that a provider's failure gets on the sign-up. The provider's own text goes to the log, without
/// secrets.
fn refusal(provider: &str, error: &ProviderError) -> ErrorCode {
    let code = match error {
        ProviderError::NotConfigured(_) => ErrorCode::OAuthConfigMissing,
        ProviderError::Invalid(_) => ErrorCode::OAuthCallbackInvalid,
        ProviderError::FetchUser(_) => ErrorCode::OAuthFetchUserError,
        ProviderError::TokenExchange(_) | ProviderError::Fetch(_) | ProviderError::Timeout => {
            ErrorCode::OAuthTokenExchangeError
        }
    };
    tracing::warn!(provider, %error, error.code = code.as_str(), "a request to a provider failed");
    code
}
