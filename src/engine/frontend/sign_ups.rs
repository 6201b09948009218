//! The calls about sign-ups. Each has three steps: look-ups and hashing, one pure command in the sign-up's actor, and
//! the view of the result.

use std::sync::Arc;

use crate::actors::{CallError, Create, SignUpReply};
use crate::domain::field::Field;
use crate::domain::id::{ClientId, SignUpId};
use crate::domain::redirect::RedirectUrl;
use crate::domain::rejection::{ErrorCode, Rejection};
use crate::domain::requirements::Requirements;
use crate::domain::settings::{Settings, SignUpMode};
use crate::domain::sign_up::{Attempt, Command, Fields, Patch, Phase, Prepare, RawFields, SignUp, Status, own_words};
use crate::domain::verification::{Strategy, check_enabled};
use crate::limiter::LimitedAction;

use super::equal_calls::Call;
use super::single_flight::Written;
use super::visible::Visible;
use crate::engine::{Caller, ClientView, Engine, EngineError, RequestContext, SignUpView};

/// The parameters of a prepare as text, `None` where absent.
#[derive(Clone, Debug, Default)]
#[expect(missing_docs, reason = "the parameters of guide/contract_sign_ups.md#prepare")]
pub struct RawPrepare {
    pub strategy: Option<String>,
    pub channel: Option<String>,
    pub redirect_url: Option<RedirectUrl>,
    /// As `redirect_url`, for the end of the flow.
    pub action_complete_redirect_url: Option<RedirectUrl>,
    pub oidc_prompt: Option<String>,
    pub oidc_login_hint: Option<String>,
}

impl Engine {
    /// Begins a sign-up and replaces the client's earlier one. A caller without a client gets a new one, whose token is
    /// in the view. Equal concurrent calls begin one sign-up, and each shows it; the same holds for every call below
    /// that changes something.
    ///
    /// # Errors
    /// [`EngineError::Rejected`] with every fault of the fields, or because the requested authorization request is
    /// impossible; nothing is stored then. Where the fields are valid and only the message may not be sent now, the
    /// sign-up is begun all the same, if the caller has a client: the error is `too_many_requests`, and
    /// [`Engine::client_view`] shows the sign-up. A caller without a client could not receive its token: see
    /// [`Engine::or_opened`].
    pub async fn create_sign_up(
        &self,
        caller: &Caller,
        fields: &RawFields,
        context: &RequestContext,
    ) -> Result<(SignUpView, ClientView), EngineError> {
        let work = {
            let (engine, caller, fields, context) = (self.clone(), caller.clone(), fields.clone(), context.clone());
            async move { engine.begin_sign_up(&caller, &fields, &context).await }
        };
        self.once(caller, &Call::CreateSignUp(fields), context, work).await
    }

    async fn begin_sign_up(
        &self,
        caller: &Caller,
        fields: &RawFields,
        context: &RequestContext,
    ) -> Written<SignUpView> {
        if caller.was_replaced() {
            return Err(EngineError::TokenReplaced);
        }
        let now = self.now();
        self.inner.admission.spend(LimitedAction::Create, context, now)?;
        self.inner.admission.spend(LimitedAction::Write, context, now)?;
        caller.client().map_or(Ok(()), |client| client.admits(None, self.single_session(), now))?;
        let is_told = caller.client().is_some();
        let caller = &self.or_newcomer(caller)?;
        if !caller.is_stored() {
            self.inner.admission.spend(LimitedAction::Client, context, now)?;
        }
        let client = caller.client_id().ok_or(EngineError::Internal)?;
        let id = self.inner.actor_context.decide(|cx| SignUpId::generate(cx.now, cx.entropy));
        let (mut fields, no_trip) = self.read_fields(fields, (id, client), None, caller, context).await?;
        no_trip.map_or(Ok(()), Err)?;
        let create = async |fields: &Fields| {
            let (terms, origin) = (caller.terms(), context.origin.clone());
            self.inner.system.create(id, Create { client, terms, fields: fields.clone(), origin }).await
        };
        let refused = match self.foresee_message(fields.strategy.as_ref(), Some(&fields), None, context) {
            Ok(foreseen) => {
                let outcome = create(&fields).await;
                self.settle_message(foreseen, &outcome, context);
                match outcome {
                    Err(CallError::Rejected(refused)) if is_of_message(&refused) => EngineError::Rejected(refused),
                    outcome => return self.answered(caller, outcome?, context).await,
                }
            }
            Err(EngineError::Limited { retry_after }) => ErrorCode::TooManyRequests.after(retry_after).into(),
            Err(refused) => refused,
        };
        if !is_told {
            return Err(refused);
        }
        fields.strategy = None;
        let answer = create(&fields).await?;
        if answer.sign_up.phase == Phase::Open { Err(refused) } else { self.answered(caller, answer, context).await }
    }

    /// Shows a sign-up of the caller's client.
    ///
    /// # Errors
    /// [`EngineError::NotFound`] for unknown ids and for other clients' sign-ups, alike.
    pub async fn sign_up(&self, caller: &Caller, id: SignUpId) -> Result<SignUpView, EngineError> {
        self.admitted(async {
            let (sign_up, seen) = self.read_sign_up(caller, id).await?;
            Ok(self.view_sign_up(sign_up, &seen))
        })
        .await
    }

    /// Shows a sign-up of the caller's client, and the client.
    ///
    /// # Errors
    /// As [`Engine::sign_up`].
    pub async fn sign_up_and_client(
        &self,
        caller: &Caller,
        id: SignUpId,
        context: &RequestContext,
    ) -> Result<(SignUpView, ClientView), EngineError> {
        self.admitted(async {
            let (value, seen) = self.read_sign_up(caller, id).await?;
            let is_in_progress = seen.is_current(&value) && value.phase == Phase::Open;
            let sign_up = self.view_sign_up(value, &seen);
            let client = match is_in_progress {
                true => self.view_client_with(seen, Some(sign_up.clone()), context).await?,
                false => self.view_client(seen, context).await?,
            };
            Ok((sign_up, client))
        })
        .await
    }

    /// Reads the sign-up first: the client that is read after it is at least as new, so a caller who may see the client
    /// may see the sign-up.
    async fn read_sign_up(&self, caller: &Caller, id: SignUpId) -> Result<(Arc<SignUp>, Visible), EngineError> {
        let client = caller.client_id().ok_or(EngineError::NotFound)?;
        let answer = self.inner.system.read(id, client).await?;
        let seen = self.visible(caller).await?.ok_or(EngineError::NotFound)?;
        Ok((answer.sign_up, seen))
    }

    /// Sets fields.
    ///
    /// # Errors
    /// [`EngineError::Rejected`] with every fault of the fields; nothing is stored then. Where the fields are valid and
    /// only the action requested with them is impossible now, the fields are kept, and the error says what to ask for
    /// again later: `too_many_requests` and `verification_code_too_many_requests` for a message, codes such as
    /// `oauth_token_exchange_error` for an authorization request. There is no such error where the sign-up is complete
    /// without that action, or the same message was sent already. The write that completed the sign-up with its
    /// password, repeated within a minute, shows the result again.
    pub async fn update_sign_up(
        &self,
        caller: &Caller,
        id: SignUpId,
        fields: &RawFields,
        context: &RequestContext,
    ) -> Result<(SignUpView, ClientView), EngineError> {
        let work = {
            let (engine, caller, fields, context) = (self.clone(), caller.clone(), fields.clone(), context.clone());
            async move { engine.change_sign_up(&caller, id, &fields, &context).await }
        };
        self.once(caller, &Call::UpdateSignUp(id, fields), context, work).await
    }

    async fn change_sign_up(
        &self,
        caller: &Caller,
        id: SignUpId,
        fields: &RawFields,
        context: &RequestContext,
    ) -> Written<SignUpView> {
        if caller.was_replaced() {
            return Err(EngineError::TokenReplaced);
        }
        self.inner.admission.spend(LimitedAction::Write, context, self.now())?;
        let client = caller.client_id().ok_or(EngineError::NotFound)?;
        let current = self.inner.system.read(id, client).await?.sign_up;
        let (mut fields, no_trip) = self.read_fields(fields, (id, client), Some(&current), caller, context).await?;
        let update = async |fields: &Fields| {
            let command = Command::Update(Box::new(fields.clone()));
            self.inner.system.command(id, client, caller.terms(), command).await
        };
        let foreseen = match no_trip {
            Some(refused) => Err(refused),
            None => self.foresee_message(fields.strategy.as_ref(), Some(&fields), Some(&current), context),
        };
        let refused = match foreseen {
            Ok(foreseen) => {
                let outcome = update(&fields).await;
                self.settle_message(foreseen, &outcome, context);
                match outcome {
                    Err(CallError::Rejected(refused)) if is_of_message(&refused) => EngineError::Rejected(refused),
                    outcome => return self.answered(caller, outcome?, context).await,
                }
            }
            Err(EngineError::Limited { retry_after }) => ErrorCode::TooManyRequests.after(retry_after).into(),
            Err(refused) => refused,
        };
        // The fields are valid; only the action requested with them is refused.
        let wish = fields.strategy.take();
        let answer = update(&fields).await?;
        let is_met = self.inner.actor_context.decide(|cx| {
            let url = fields.redirect_url.as_ref();
            wish.is_some_and(|strategy| answer.sign_up.holds_answer_to(&strategy, url, cx))
        });
        if answer.sign_up.phase == Phase::Open && !is_met {
            Err(refused)
        } else {
            self.answered(caller, answer, context).await
        }
    }

    /// Begins to verify the field of `strategy`: a code is made and sent.
    ///
    /// # Errors
    /// [`EngineError::Rejected`], such as `verification_code_too_many_requests` within the cool-down.
    pub async fn prepare_verification(
        &self,
        caller: &Caller,
        id: SignUpId,
        strategy: Option<&str>,
        channel: Option<&str>,
        context: &RequestContext,
    ) -> Result<(SignUpView, ClientView), EngineError> {
        let text = |text: Option<&str>| text.map(str::to_owned);
        let raw = RawPrepare { strategy: text(strategy), channel: text(channel), ..RawPrepare::default() };
        self.prepare(caller, id, &raw, context).await
    }

    /// Begins to verify the field of the strategy: a code or a link is made and sent.
    ///
    /// # Errors
    /// As [`Engine::prepare_verification`]; `form_param_missing` for a link without a `redirect_url`.
    pub async fn prepare(
        &self,
        caller: &Caller,
        id: SignUpId,
        raw: &RawPrepare,
        context: &RequestContext,
    ) -> Result<(SignUpView, ClientView), EngineError> {
        let work = {
            let (engine, caller, raw, context) = (self.clone(), caller.clone(), raw.clone(), context.clone());
            async move { engine.prepare_sign_up(&caller, id, &raw, &context).await }
        };
        self.once(caller, &Call::PrepareVerification(id, raw), context, work).await
    }

    async fn prepare_sign_up(
        &self,
        caller: &Caller,
        id: SignUpId,
        raw: &RawPrepare,
        context: &RequestContext,
    ) -> Written<SignUpView> {
        let strategy = raw.strategy.as_deref().and_then(|text| text.parse().ok());
        if let Some(Strategy::OAuth(_)) = strategy {
            let fields = RawFields {
                strategy: raw.strategy.clone(),
                redirect_url: raw.redirect_url.clone(),
                action_complete_redirect_url: raw.action_complete_redirect_url.clone(),
                oidc_prompt: raw.oidc_prompt.clone(),
                oidc_login_hint: raw.oidc_login_hint.clone(),
                ..RawFields::default()
            };
            return self.change_sign_up(caller, id, &fields, context).await;
        }
        self.inner.admission.spend(LimitedAction::Write, context, self.now())?;
        let client = caller.client_id().ok_or(EngineError::NotFound)?;
        let prepare = Prepare::parse(raw.strategy.as_deref(), raw.channel.as_deref());
        let settings = self.settings();
        let hides = settings.attack_protection.enumeration_protection.enabled;
        let is_closed = settings.sign_up.mode != SignUpMode::Public;
        let (mut taken, mut foreseen) = (false, None);
        if hides || is_closed || self.inner.admission.limits_sources() || prepare.is_err() {
            // Report 404 before 422.
            let current = self.inner.system.read(id, client).await?.sign_up;
            self.is_still_invited(&current).await?;
            let strategy = &prepare.as_ref().map_err(Clone::clone)?.strategy;
            taken = self.hidden_holder(&current, strategy).await?;
            foreseen = self.foresee_message(Some(strategy), None, Some(&current), context)?;
        }
        let redirect_url = raw.redirect_url.clone();
        let prepare = Prepare { redirect_url, in_cookie: context.in_cookie(), taken, ..prepare? };
        let outcome = self.inner.system.command(id, client, caller.terms(), Command::Prepare(prepare)).await;
        self.settle_message(foreseen, &outcome, context);
        self.answered(caller, outcome?, context).await
    }

    /// Proves the field of `strategy`. The attempt that meets the last requirement completes the sign-up.
    ///
    /// # Errors
    /// [`EngineError::Rejected`]; a wrong code is counted before it is refused.
    pub async fn attempt_verification(
        &self,
        caller: &Caller,
        id: SignUpId,
        strategy: Option<&str>,
        code: Option<&str>,
        context: &RequestContext,
    ) -> Result<(SignUpView, ClientView), EngineError> {
        let work = {
            let (engine, caller, context) = (self.clone(), caller.clone(), context.clone());
            let (strategy, code) = (strategy.map(str::to_owned), code.map(str::to_owned));
            async move { engine.attempt_sign_up(&caller, id, (strategy.as_deref(), code.as_deref()), &context).await }
        };
        self.once(caller, &Call::AttemptVerification(id, strategy, code), context, work).await
    }

    async fn attempt_sign_up(
        &self,
        caller: &Caller,
        id: SignUpId,
        (strategy, code): (Option<&str>, Option<&str>),
        context: &RequestContext,
    ) -> Written<SignUpView> {
        let now = self.now();
        self.inner.admission.spend(LimitedAction::Attempt, context, now)?;
        self.inner.admission.spend(LimitedAction::Write, context, now)?;
        let attempt = Attempt::parse(strategy, code);
        let client = match (caller.client_id(), caller.replaced()) {
            (Some(client), _) => {
                if attempt.is_err() {
                    // Report 404 before 422.
                    self.inner.system.read(id, client).await?;
                }
                client
            }
            (None, Some((client, _))) => {
                let finished = self.inner.system.read(id, client).await?.sign_up;
                if !matches!(finished.phase, Phase::Complete { .. }) {
                    return Err(EngineError::NotFound);
                }
                client
            }
            (None, None) => return Err(EngineError::NotFound),
        };
        let attempt = Command::Attempt(Attempt { again: caller.client().is_none(), ..attempt? });
        let answer = self.inner.system.command(id, client, caller.terms(), attempt).await.map_err(|error| {
            let error = EngineError::from(error);
            if caller.client().is_none() { EngineError::NotFound } else { error }
        })?;
        self.answered(caller, answer, context).await
    }

    /// Parses fields, asks the provider they name, looks up whether their identifiers are owned, and hashes the
    /// password. The second value says why the redirect to a provider is impossible now, if nothing else is wrong.
    async fn read_fields(
        &self,
        raw: &RawFields,
        (id, client): (SignUpId, ClientId),
        current: Option<&SignUp>,
        caller: &Caller,
        context: &RequestContext,
    ) -> Result<(Fields, Option<EngineError>), EngineError> {
        let settings = self.settings();
        let (mut fields, password) = Fields::parse(raw, &settings)?;
        if raw.is_transfer() {
            let (proved, consumed) = self.handed_over(caller).await?;
            (fields.proved, fields.consumes) = (proved.map(Box::new), Some(consumed));
        }
        fields.captcha_solved = match &fields.proved {
            Some(proved) if proved.captcha_solved => true,
            _ => self.solves_captcha(raw, current, caller, context).await?,
        };
        if let Some(ticket) = raw.ticket() {
            check_enabled(&Strategy::Ticket, &settings)?;
            self.inner.admission.spend(LimitedAction::LookUp, context, self.now())?;
            fields.invitation = Some(Box::new(self.invited_by(ticket, caller).await?));
        }
        let mut no_trip = None;
        let external = match (raw.is_transfer(), &fields.proved) {
            (true, Some(_)) => Ok(None),
            (true, None) => self.taken_over(caller).await.map(Some),
            (false, _) => self.external(raw, fields.strategy.as_ref(), id, client, caller, context).await,
        };
        match external {
            Ok(external) => fields.external = external,
            Err(EngineError::Rejected(refused))
                if matches!(fields.strategy, Some(Strategy::OAuth(_))) && is_of_provider(&refused) =>
            {
                no_trip = Some(EngineError::Rejected(refused));
            }
            Err(error) => return Err(error),
        }
        fields.in_cookie = context.in_cookie();
        if let Some(proved) = &mut fields.proved {
            self.inner.admission.spend(LimitedAction::LookUp, context, self.now())?;
            proved.is_taken = self.holder_of(&proved.identifier).await?.is_some();
        }
        for identifier in fields.identifiers() {
            self.inner.admission.spend(LimitedAction::LookUp, context, self.now())?;
            if self.holder_of(&identifier).await?.is_some() {
                fields.taken.insert(identifier.kind);
            }
        }
        if let Some(current) = current.filter(|_| fields.strategy.as_ref().is_some_and(|s| s.kind().is_some()))
            && fields.invitation.is_none()
        {
            self.is_still_invited(current).await?;
        }
        if let (Some(current), Some(strategy)) = (current, &fields.strategy)
            && strategy.kind().is_some_and(|kind| !fields.names(kind))
            && self.hidden_holder(current, strategy).await?
        {
            fields.taken.extend(strategy.kind());
        }
        // A sign-up that will be refused does not need a hash, which is expensive.
        let is_refused = fields.taken.iter().any(|kind| !settings.hides_existence(*kind))
            || fields.proved.as_ref().is_some_and(|proved| proved.is_taken);
        if let Some(password) = password.filter(|_| !is_refused) {
            let password = password.apart_from(own_words(current, &fields)).apart_from(self.application_words());
            fields.password_digest = Patch::Set(self.hash_password(password, id, context).await?);
        }
        Ok((fields, no_trip))
    }

    /// Whether a user owns the address that `strategy` would send to, and the instance must not reveal it.
    async fn hidden_holder(&self, sign_up: &SignUp, strategy: &Strategy) -> Result<bool, EngineError> {
        let address = strategy.field().and_then(|field| sign_up.address(&field));
        match address.filter(|address| self.settings().hides_existence(address.kind)) {
            Some(address) => Ok(self.holder_of(&address).await?.is_some()),
            None => Ok(false),
        }
    }

    pub(in crate::engine) async fn answered(
        &self,
        caller: &Caller,
        answer: SignUpReply,
        context: &RequestContext,
    ) -> Result<(SignUpView, ClientView), EngineError> {
        let seen = self.visible_with(caller, &answer).await?;
        let is_current = seen.is_current(&answer.sign_up);
        let sign_up = self.view_sign_up(answer.sign_up, &seen);
        let in_progress = is_current.then(|| sign_up.clone());
        let client = self.view_client_with(seen, in_progress, context).await?;
        Ok((sign_up, client))
    }

    /// The view of a sign-up for a caller whose client was read later: a finished sign-up shows a session.
    pub(in crate::engine) fn view_sign_up(&self, value: Arc<SignUp>, seen: &Visible) -> SignUpView {
        let is_current = seen.is_current(&value);
        self.inspected(value, is_current)
    }

    /// The view of a sign-up for the application's backend, which may see all of them.
    pub(in crate::engine) fn inspected(&self, value: Arc<SignUp>, is_current: bool) -> SignUpView {
        let (now, settings, policy) = (self.now(), self.settings(), &self.inner.actor_context.policy);
        let status = match value.status(now, policy) {
            Status::MissingRequirements if !is_current => Status::Abandoned,
            status => status,
        };
        SignUpView {
            status,
            requirements: Requirements::of(&value, now, &settings, policy),
            email_strategies: strategies(&settings, &Field::EmailAddress),
            phone_strategies: strategies(&settings, &Field::PhoneNumber),
            abandon_at: value.abandon_at(policy),
            attempts_max: policy.attempts_max,
            now,
            value,
        }
    }
}

/// Whether a write is refused only because its message may not be sent yet.
fn is_of_message(refused: &Rejection) -> bool {
    refused.is(ErrorCode::VerificationCodeTooManyRequests) || refused.is(ErrorCode::TooManyRequests)
}

/// Whether a write is refused only because the provider that it names can't be used.
fn is_of_provider(refused: &Rejection) -> bool {
    refused.is(ErrorCode::OAuthTokenExchangeError) || refused.is(ErrorCode::OAuthConfigMissing)
}

fn strategies(settings: &Settings, field: &Field) -> Vec<String> {
    let attribute = settings.attribute(field).into_iter();
    attribute.flat_map(|a| &a.verifications).filter(|s| s.is_built()).map(Strategy::to_string).collect()
}
