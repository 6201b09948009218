//! The calls about sign-ups. Each has three steps: look-ups and hashing, one pure command in the sign-up's actor, and
//! the view of the result.

use std::sync::Arc;

use crate::actors::{CallError, Create, SignUpReply};
use crate::domain::field::Field;
use crate::domain::id::{ClientId, SignUpId};
use crate::domain::quota::{QuotaKind, QuotaUse};
use crate::domain::rejection::{ErrorCode, Rejection};
use crate::domain::requirements::Requirements;
use crate::domain::settings::{Settings, SignUpMode};
use crate::domain::sign_up::{
    Attempt, Command, Fields, NewSignUp, Patch, Phase, Prepare, SignUp, SignUpPatch, Status, own_words,
};
use crate::domain::verification::{Strategy, check_enabled};
use crate::limiter::LimitedAction;
use crate::store::{Commit, CommitError, Decision};

use super::equal_calls::Call;
use super::single_flight::Written;
use super::visible::Visible;
use crate::engine::input::{Asked, AttemptVerification, Given, PrepareVerification};
use crate::engine::{Caller, ClientView, Engine, EngineError, RequestContext, SignUpView};

impl Engine {
    /// [`SignUps::create`](crate::engine::SignUps::create).
    pub(crate) async fn create_sign_up(
        &self,
        caller: &Caller,
        input: &NewSignUp,
        context: &RequestContext,
    ) -> Result<(SignUpView, ClientView), EngineError> {
        self.create_given_sign_up(caller, SignUpPatch::from(input.clone()).into(), context).await
    }

    /// [`SignUps::create`](crate::engine::SignUps::create) by a request.
    pub(crate) async fn create_given_sign_up(
        &self,
        caller: &Caller,
        given: Given<SignUpPatch>,
        context: &RequestContext,
    ) -> Result<(SignUpView, ClientView), EngineError> {
        let given = Arc::new(given);
        let work = self.owned(caller, context, &given, |engine, caller, context, given| async move {
            engine.begin_sign_up(&caller, &given, &context).await
        });
        self.once(caller, &Call::CreateSignUp(&given), context, work).await
    }

    async fn begin_sign_up(
        &self,
        caller: &Caller,
        given: &Given<SignUpPatch>,
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
        let (mut fields, no_trip) = self.read_fields(given, (id, client), None, caller, context).await?;
        no_trip.map_or(Ok(()), Err)?;
        let create = async |fields: &Fields| {
            let (terms, origin) = (context.with(caller.terms()), context.origin.clone());
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
        if answer.is_due() { self.answered(caller, answer, context).await } else { Err(refused) }
    }

    /// [`SignUps::show`](crate::engine::SignUps::show).
    pub(crate) async fn sign_up(&self, caller: &Caller, id: SignUpId) -> Result<SignUpView, EngineError> {
        self.admitted(async {
            let (sign_up, seen) = self.read_sign_up(caller, id).await?;
            Ok(self.view_sign_up(sign_up, &seen))
        })
        .await
    }

    /// [`SignUps::show_with_client`](crate::engine::SignUps::show_with_client).
    pub(crate) async fn sign_up_and_client(
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

    /// [`SignUps::update`](crate::engine::SignUps::update).
    pub(crate) async fn update_sign_up(
        &self,
        caller: &Caller,
        id: SignUpId,
        patch: &SignUpPatch,
        context: &RequestContext,
    ) -> Result<(SignUpView, ClientView), EngineError> {
        self.update_given_sign_up(caller, id, patch.clone().into(), context).await
    }

    /// [`SignUps::update`](crate::engine::SignUps::update) by a request.
    pub(crate) async fn update_given_sign_up(
        &self,
        caller: &Caller,
        id: SignUpId,
        given: Given<SignUpPatch>,
        context: &RequestContext,
    ) -> Result<(SignUpView, ClientView), EngineError> {
        let given = Arc::new(given);
        let work = self.owned(caller, context, &given, move |engine, caller, context, given| async move {
            engine.change_sign_up(&caller, id, &given, &context).await
        });
        self.once(caller, &Call::UpdateSignUp(id, &given), context, work).await
    }

    async fn change_sign_up(
        &self,
        caller: &Caller,
        id: SignUpId,
        given: &Given<SignUpPatch>,
        context: &RequestContext,
    ) -> Written<SignUpView> {
        if caller.was_replaced() {
            return Err(EngineError::TokenReplaced);
        }
        self.inner.admission.spend(LimitedAction::Write, context, self.now())?;
        let client = caller.client_id().ok_or(EngineError::NotFound)?;
        let current = self.inner.system.read(id, client).await?.sign_up;
        let (mut fields, no_trip) = self.read_fields(given, (id, client), Some(&current), caller, context).await?;
        let update = async |fields: &Fields| {
            let command = Command::Update(Box::new(fields.clone()));
            self.inner.system.command(id, client, context.with(caller.terms()), command).await
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
        if answer.is_due() || is_met { self.answered(caller, answer, context).await } else { Err(refused) }
    }

    /// [`SignUps::prepare`](crate::engine::SignUps::prepare).
    pub(crate) async fn prepare(
        &self,
        caller: &Caller,
        id: SignUpId,
        input: &PrepareVerification,
        context: &RequestContext,
    ) -> Result<(SignUpView, ClientView), EngineError> {
        self.prepare_asked(caller, id, Ok(input.clone()), context).await
    }

    /// [`SignUps::prepare`](crate::engine::SignUps::prepare) by a request.
    pub(crate) async fn prepare_asked(
        &self,
        caller: &Caller,
        id: SignUpId,
        asked: Asked<PrepareVerification>,
        context: &RequestContext,
    ) -> Result<(SignUpView, ClientView), EngineError> {
        let asked = Arc::new(asked);
        let work = self.owned(caller, context, &asked, move |engine, caller, context, asked| async move {
            engine.prepare_sign_up(&caller, id, &asked, &context).await
        });
        self.once(caller, &Call::PrepareVerification(id, &asked), context, work).await
    }

    async fn prepare_sign_up(
        &self,
        caller: &Caller,
        id: SignUpId,
        asked: &Asked<PrepareVerification>,
        context: &RequestContext,
    ) -> Written<SignUpView> {
        if caller.was_replaced() {
            return Err(EngineError::TokenReplaced);
        }
        if let Ok(PrepareVerification { strategy: strategy @ Strategy::OAuth(_), authorize, .. }) = asked {
            // An authorization request is stored as an update is, and asks for nothing else.
            let (strategy, authorize) = (Some(strategy.clone()), authorize.clone());
            let patch = SignUpPatch { strategy, authorize, ..SignUpPatch::default() };
            return self.change_sign_up(caller, id, &patch.into(), context).await;
        }
        self.inner.admission.spend(LimitedAction::Write, context, self.now())?;
        let client = caller.client_id().ok_or(EngineError::NotFound)?;
        let settings = self.settings();
        let hides = settings.hides_users();
        let is_closed = settings.sign_up.mode != SignUpMode::Public;
        let (mut taken, mut foreseen) = (false, None);
        if hides || is_closed || self.inner.admission.limits_sources() || asked.is_err() {
            // Report 404 before 422.
            let current = self.inner.system.read(id, client).await?.sign_up;
            self.is_still_invited(&current).await?;
            let strategy = &asked.as_ref().map_err(Clone::clone)?.strategy;
            taken = self.hidden_holder(&current, strategy).await?;
            foreseen = self.foresee_message(Some(strategy), None, Some(&current), context)?;
        }
        let PrepareVerification { strategy, channel, authorize, code_challenge: challenge } = asked.clone()?;
        let redirect_url = authorize.redirect_url;
        if challenge.is_some() {
            self.only_listed(redirect_url.as_ref())?;
        }
        let prepare = Prepare { strategy, channel, redirect_url, in_cookie: context.in_cookie(), taken, challenge };
        let outcome =
            self.inner.system.command(id, client, context.with(caller.terms()), Command::Prepare(prepare)).await;
        self.settle_message(foreseen, &outcome, context);
        self.answered(caller, outcome?, context).await
    }

    /// [`SignUps::attempt`](crate::engine::SignUps::attempt).
    pub(crate) async fn attempt_verification(
        &self,
        caller: &Caller,
        id: SignUpId,
        input: &AttemptVerification,
        context: &RequestContext,
    ) -> Result<(SignUpView, ClientView), EngineError> {
        self.attempt_asked(caller, id, Ok(input.clone()), context).await
    }

    /// [`SignUps::attempt`](crate::engine::SignUps::attempt) by a request.
    pub(crate) async fn attempt_asked(
        &self,
        caller: &Caller,
        id: SignUpId,
        asked: Asked<AttemptVerification>,
        context: &RequestContext,
    ) -> Result<(SignUpView, ClientView), EngineError> {
        let asked = Arc::new(asked);
        let work = self.owned(caller, context, &asked, move |engine, caller, context, asked| async move {
            engine.attempt_sign_up(&caller, id, &asked, &context).await
        });
        self.once(caller, &Call::AttemptVerification(id, &asked), context, work).await
    }

    async fn attempt_sign_up(
        &self,
        caller: &Caller,
        id: SignUpId,
        asked: &Asked<AttemptVerification>,
        context: &RequestContext,
    ) -> Written<SignUpView> {
        let now = self.now();
        self.inner.admission.spend(LimitedAction::Attempt, context, now)?;
        self.inner.admission.spend(LimitedAction::Write, context, now)?;
        let client = match (caller.client_id(), caller.replaced()) {
            (Some(client), _) => {
                if asked.is_err() {
                    // Report 404 before 422.
                    self.inner.system.read(id, client).await?;
                }
                client
            }
            (None, Some((client, _))) => {
                let found = self.inner.system.read(id, client).await?.sign_up;
                self.count_repeat(&found, asked.as_ref().ok()).await?;
                client
            }
            (None, None) => return Err(EngineError::NotFound),
        };
        let AttemptVerification { strategy, code } = asked.clone()?;
        let is_text_message = strategy == Strategy::PhoneCode;
        let attempt = Command::Attempt(Attempt { strategy, code, again: caller.client().is_none() });
        let answer =
            self.inner.system.command(id, client, context.with(caller.terms()), attempt).await.map_err(|error| {
                let error = EngineError::from(error);
                if caller.client().is_none() { EngineError::NotFound } else { error }
            })?;
        if let Some(field) = answer.sign_up.phone_number.as_ref().filter(|_| is_text_message) {
            self.inner.admission.note_proof(&field.value);
        }
        self.answered(caller, answer, context).await
    }

    /// Parses fields, asks the provider they name, looks up whether their identifiers are owned, and hashes the
    /// password. The second value says why the redirect to a provider is impossible now, if nothing else is wrong.
    async fn read_fields(
        &self,
        Given { input, faults }: &Given<SignUpPatch>,
        (id, client): (SignUpId, ClientId),
        current: Option<&SignUp>,
        caller: &Caller,
        context: &RequestContext,
    ) -> Result<(Fields, Option<EngineError>), EngineError> {
        let settings = self.settings();
        let (mut fields, password) = Fields::parse_beside(faults, input, &settings)?;
        if input.transfer {
            let (proved, consumed) = self.handed_over(caller).await?;
            (fields.proved, fields.consumes) = (proved.map(Box::new), Some(consumed));
        }
        fields.captcha_solved = match &fields.proved {
            Some(proved) if proved.captcha_solved => true,
            _ => self.solves_captcha(input, current, caller, context).await?,
        };
        if let Some(ticket) = input.ticket() {
            check_enabled(&Strategy::Ticket, &settings)?;
            self.inner.admission.spend(LimitedAction::LookUp, context, self.now())?;
            fields.invitation = Some(Box::new(self.invited_by(ticket, caller).await?));
        }
        let mut no_trip = None;
        let external = match (input.transfer, &fields.proved) {
            (true, Some(_)) => Ok(None),
            (true, None) => self.taken_over(caller).await.map(Some),
            (false, _) => self.external(input, (id, client), caller, context).await,
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

    /// Counts an attempt with a replaced token as a guess at the address, before it is looked at: the sign-up itself
    /// does not count those that repeat a proof.
    ///
    /// # Errors
    /// [`EngineError::NotFound`] where there is nothing to repeat, and for guesses beyond the limits of the address.
    async fn count_repeat(&self, sign_up: &SignUp, attempt: Option<&AttemptVerification>) -> Result<(), EngineError> {
        let field = attempt.and_then(|attempt| attempt.strategy.field());
        let address = field.and_then(|field| sign_up.address(&field));
        let address = address.filter(|_| self.has_replaced_its_token(sign_up)).ok_or(EngineError::NotFound)?;
        let guess = QuotaUse { address, client: sign_up.client_id, what: QuotaKind::Guess };
        let limits = self.inner.actor_context.policy.address_limits;
        let decision = Decision { quota_uses: vec![guess], limits, ..Decision::default() };
        match self.inner.system.persister().commit(Commit::of_decision(self.now(), decision)).await {
            Ok(_) => Ok(()),
            Err(CommitError::LimitExceeded { .. }) => Err(EngineError::NotFound),
            Err(error) => Err(error.into()),
        }
    }

    /// Whether a step of this sign-up has replaced the client's token: one with the token from before may be such a step
    /// made once more.
    pub(in crate::engine) fn has_replaced_its_token(&self, sign_up: &SignUp) -> bool {
        sign_up.phase != Phase::Open || self.inner.actor_context.decide(|cx| sign_up.is_left_to_others(cx))
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
