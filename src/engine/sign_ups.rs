//! The calls about sign-ups. Each is a sandwich: look-ups and hashing, one pure command in the sign-up's actor,
//! then the view of what came of it.

use crate::actors::{Answer, Create};
use crate::captcha::CaptchaError;
use crate::domain::context::Entropy;
use crate::domain::field::Field;
use crate::domain::id::{ClientId, SignUpId};
use crate::domain::rejection::{Code, Rejection};
use crate::domain::requirements::Requirements;
use crate::domain::settings::Settings;
use crate::domain::sign_up::{Attempt, Command, Fields, Patch, Phase, Prepare, RawFields, SignUp, Status, usable};
use crate::domain::verification::Strategy;
use crate::limiter::Family;

use super::{Caller, ClientView, Engine, EngineError, SignUpView, Source};

/// The parameters of a prepare as text, `None` where absent.
#[derive(Clone, Debug, Default)]
#[expect(missing_docs, reason = "the parameters of CONTRACT 7")]
pub struct RawPrepare {
    pub strategy: Option<String>,
    pub channel: Option<String>,
    /// An absolute URL that the instance allows; whoever takes it in from outside has checked that.
    pub redirect_url: Option<String>,
    /// The same.
    pub action_complete_redirect_url: Option<String>,
    pub oidc_prompt: Option<String>,
    pub oidc_login_hint: Option<String>,
}

impl Engine {
    /// Begins a sign-up, in place of the one the client has. Opens a client for a caller who has none; its token
    /// is in the view.
    ///
    /// # Errors
    /// [`EngineError::Rejected`] with every fault of the fields; nothing is stored then.
    pub async fn create_sign_up(
        &self,
        caller: &Caller,
        fields: &RawFields,
        source: &Source,
    ) -> Result<(SignUpView, ClientView), EngineError> {
        let now = self.now();
        self.inner.admission.spend(Family::Create, source, now)?;
        self.inner.admission.spend(Family::Write, source, now)?;
        let _place = self.inner.admission.enter()?;
        if self.single_session() && caller.client().is_some_and(|c| c.live_sessions(now).next().is_some()) {
            return Err(Rejection::from(Code::SessionExists).into());
        }
        self.pass_captcha(fields, caller, source).await?;
        let (id, client, open) = self.inner.environment.decide(|cx| {
            let id = SignUpId::generate(cx.now, cx.entropy);
            match caller.client_id() {
                Some(client) => (id, client, None),
                None => (id, ClientId::generate(cx.now, cx.entropy), Some(salt(cx.entropy))),
            }
        });
        if open.is_some() {
            self.inner.admission.spend(Family::Client, source, now)?;
        }
        let fields = self.read_fields(fields, (id, client), None, caller, source).await?;
        let foreseen = self.foresee_message(fields.strategy.as_ref(), Some(&fields), None, source)?;
        let create = Create { client, open, fields, origin: source.origin.clone() };
        let outcome = self.inner.system.create(id, create).await;
        self.settle_message(foreseen, &outcome, source);
        self.answered(caller, outcome?, source).await
    }

    /// Shows a sign-up of the caller's client.
    ///
    /// # Errors
    /// [`EngineError::NotFound`] for unknown ids and for other clients' sign-ups, alike.
    pub async fn sign_up(&self, caller: &Caller, id: SignUpId) -> Result<SignUpView, EngineError> {
        let _place = self.inner.admission.enter()?;
        let client = caller.client().ok_or(EngineError::NotFound)?;
        let answer = self.inner.system.read(id, client.id).await?;
        let is_current = client.sign_up == Some(id);
        Ok(self.view_sign_up(answer.sign_up, is_current))
    }

    /// Takes in fields.
    ///
    /// # Errors
    /// [`EngineError::Rejected`] with every fault; nothing is stored then. `too_many_requests` where only the message
    /// that they ask for is too much: the fields are kept, and it can be asked for later.
    pub async fn update_sign_up(
        &self,
        caller: &Caller,
        id: SignUpId,
        fields: &RawFields,
        source: &Source,
    ) -> Result<(SignUpView, ClientView), EngineError> {
        self.inner.admission.spend(Family::Write, source, self.now())?;
        let _place = self.inner.admission.enter()?;
        let client = caller.client_id().ok_or(EngineError::NotFound)?;
        let current = self.inner.system.read(id, client).await?.sign_up;
        let mut fields = self.read_fields(fields, (id, client), Some(&current), caller, source).await?;
        let (foreseen, refused) =
            match self.foresee_message(fields.strategy.as_ref(), Some(&fields), Some(&current), source) {
                Ok(foreseen) => (foreseen, None),
                Err(EngineError::Limited { retry_after }) => (None, Some(retry_after)),
                Err(error) => return Err(error),
            };
        if refused.is_some() {
            fields.strategy = None;
        }
        let outcome = self.inner.system.command(id, client, Command::Update(Box::new(fields))).await;
        self.settle_message(foreseen, &outcome, source);
        let answer = outcome?;
        match refused {
            // Whoever is done without the message does not hear of it.
            Some(retry_after) if answer.sign_up.phase == Phase::Open => {
                Err(Code::TooManyRequests.after(retry_after).into())
            }
            _ => self.answered(caller, answer, source).await,
        }
    }

    /// Begins to verify the field that `strategy` verifies: a code is made and sent.
    ///
    /// # Errors
    /// [`EngineError::Rejected`], such as `verification_code_too_many_requests` within the cool-down.
    pub async fn prepare_verification(
        &self,
        caller: &Caller,
        id: SignUpId,
        strategy: Option<&str>,
        channel: Option<&str>,
        source: &Source,
    ) -> Result<(SignUpView, ClientView), EngineError> {
        let text = |text: Option<&str>| text.map(str::to_owned);
        let raw = RawPrepare { strategy: text(strategy), channel: text(channel), ..RawPrepare::default() };
        self.prepare(caller, id, &raw, source).await
    }

    /// Begins to verify the field that the strategy verifies: a code or a link is made and sent.
    ///
    /// # Errors
    /// As [`Engine::prepare_verification`]; `form_param_missing` for a link without a `redirect_url`.
    pub async fn prepare(
        &self,
        caller: &Caller,
        id: SignUpId,
        raw: &RawPrepare,
        source: &Source,
    ) -> Result<(SignUpView, ClientView), EngineError> {
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
            return self.update_sign_up(caller, id, &fields, source).await;
        }
        self.inner.admission.spend(Family::Write, source, self.now())?;
        let _place = self.inner.admission.enter()?;
        let client = caller.client_id().ok_or(EngineError::NotFound)?;
        let prepare = Prepare::parse(raw.strategy.as_deref(), raw.channel.as_deref());
        let hides = self.settings().attack_protection.enumeration_protection.enabled;
        let (mut taken, mut foreseen) = (false, None);
        if hides || self.inner.admission.limits_sources() || prepare.is_err() {
            // Whoever asks about a sign-up that is not there hears that first.
            let current = self.inner.system.read(id, client).await?.sign_up;
            let strategy = &prepare.as_ref().map_err(Clone::clone)?.strategy;
            taken = self.hidden_holder(&current, strategy).await?;
            foreseen = self.foresee_message(Some(strategy), None, Some(&current), source)?;
        }
        let redirect_url = raw.redirect_url.clone();
        let prepare = Prepare { redirect_url, in_cookie: source.in_cookie(), taken, ..prepare? };
        let outcome = self.inner.system.command(id, client, Command::Prepare(prepare)).await;
        self.settle_message(foreseen, &outcome, source);
        self.answered(caller, outcome?, source).await
    }

    /// Proves the field that `strategy` verifies. The attempt that leaves nothing missing completes the sign-up.
    ///
    /// # Errors
    /// [`EngineError::Rejected`]; a wrong code is counted before it is refused.
    pub async fn attempt_verification(
        &self,
        caller: &Caller,
        id: SignUpId,
        strategy: Option<&str>,
        code: Option<&str>,
        source: &Source,
    ) -> Result<(SignUpView, ClientView), EngineError> {
        let now = self.now();
        self.inner.admission.spend(Family::Attempt, source, now)?;
        self.inner.admission.spend(Family::Write, source, now)?;
        let _place = self.inner.admission.enter()?;
        let attempt = Attempt::parse(strategy, code);
        let client = match (caller.client_id(), caller.replaying()) {
            (Some(client), _) => {
                if attempt.is_err() {
                    // Whoever asks about a sign-up that is not there hears that first.
                    self.inner.system.read(id, client).await?;
                }
                client
            }
            (None, Some(client)) => {
                let finished = self.inner.system.read(id, client).await?.sign_up;
                if !matches!(finished.phase, Phase::Complete { .. }) {
                    return Err(EngineError::NotFound);
                }
                client
            }
            (None, None) => return Err(EngineError::NotFound),
        };
        let attempt = attempt?;
        let answer = self.inner.system.command(id, client, Command::Attempt(attempt)).await.map_err(|error| {
            let error = EngineError::from(error);
            if caller.client().is_none() { EngineError::NotFound } else { error }
        })?;
        self.answered(caller, answer, source).await
    }

    /// Asks the captcha service about whoever begins a sign-up, where the settings want that. A service that can't be
    /// asked lets nobody through.
    async fn pass_captcha(&self, raw: &RawFields, caller: &Caller, source: &Source) -> Result<(), EngineError> {
        let Some(captcha) = self.captcha().filter(|_| self.settings().sign_up.captcha_enabled) else { return Ok(()) };
        let testing = source.testing_token.as_deref();
        if testing.is_some_and(|token| self.inner.key.is_testing_token(token, self.now())) {
            return Ok(());
        }
        let transferred = caller.client().filter(|_| raw.is_transfer()).and_then(|client| client.sign_in.as_deref());
        let transferred = transferred.and_then(|sign_in| sign_in.external.as_deref()?.strategy.provider());
        if raw.strategy.as_ref().or(transferred.as_ref()).is_some_and(|s| captcha.oauth_bypass.contains(s)) {
            return Ok(());
        }
        let refused = |code: Code| EngineError::from(Rejection::from(code));
        if raw.captcha_error.as_deref().is_some_and(|error| !error.is_empty()) {
            return Err(refused(Code::CaptchaInvalid));
        }
        let token = raw.captcha_token.as_ref().filter(|token| !token.expose().is_empty());
        let token = token.ok_or_else(|| refused(Code::CaptchaMissingToken))?;
        captcha.verify(token.expose(), source.address).await.map_err(|error| match error {
            CaptchaError::Refused => refused(Code::CaptchaInvalid),
            CaptchaError::Unavailable(_) => EngineError::Unavailable(error.to_string()),
        })
    }

    /// Parses fields, asks the provider they name, looks up whether their identifiers are held, and hashes the
    /// password.
    async fn read_fields(
        &self,
        raw: &RawFields,
        (id, client): (SignUpId, ClientId),
        current: Option<&SignUp>,
        caller: &Caller,
        source: &Source,
    ) -> Result<Fields, EngineError> {
        let settings = self.settings();
        let (mut fields, password) = Fields::parse(raw, &settings)?;
        if let Some(ticket) = raw.ticket.as_deref().filter(|ticket| !ticket.is_empty()) {
            usable(&Strategy::Ticket, &settings)?;
            self.inner.admission.spend(Family::LookUp, source, self.now())?;
            fields.invitation = Some(Box::new(self.invited_by(ticket).await?));
        }
        fields.external = self.external(raw, fields.strategy.as_ref(), id, client, caller, source).await?;
        fields.in_cookie = source.in_cookie();
        for identifier in fields.identifiers() {
            self.inner.admission.spend(Family::LookUp, source, self.now())?;
            if self.holder_of(&identifier).await?.is_some() {
                fields.taken.insert(identifier.kind);
            }
        }
        if let (Some(current), Some(strategy)) = (current, &fields.strategy)
            && strategy.kind().is_some_and(|kind| !fields.names(kind))
            && self.hidden_holder(current, strategy).await?
        {
            fields.taken.extend(strategy.kind());
        }
        // A sign-up that is going to be refused is not worth a hash.
        let is_refused = fields.taken.iter().any(|kind| !settings.hides_holders(*kind));
        if let Some(password) = password.filter(|_| !is_refused) {
            fields.password_digest = Patch::Set(self.hash_password(password, id, source).await?);
        }
        Ok(fields)
    }

    /// Whether the address that `strategy` would send something to is a user's, where nobody may learn that.
    async fn hidden_holder(&self, sign_up: &SignUp, strategy: &Strategy) -> Result<bool, EngineError> {
        let address = strategy.field().and_then(|field| sign_up.address(&field));
        match address.filter(|address| self.settings().hides_holders(address.kind)) {
            Some(address) => Ok(self.holder_of(&address).await?.is_some()),
            None => Ok(false),
        }
    }

    pub(super) async fn answered(
        &self,
        caller: &Caller,
        answer: Answer,
        source: &Source,
    ) -> Result<(SignUpView, ClientView), EngineError> {
        let client = match answer.client {
            Some(client) => client,
            None => self.inner.store().client(answer.sign_up.client_id).await?.ok_or(EngineError::NoClient)?,
        };
        let is_current = client.sign_up == Some(answer.sign_up.id);
        let sign_up = self.view_sign_up(answer.sign_up, is_current);
        let in_progress = is_current.then(|| sign_up.clone());
        let client = self.view_client(caller, client, in_progress, source).await?;
        Ok((sign_up, client))
    }

    pub(super) fn view_sign_up(&self, value: std::sync::Arc<SignUp>, is_current: bool) -> SignUpView {
        let (now, settings, policy) = (self.now(), self.settings(), &self.inner.environment.policy);
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

fn strategies(settings: &Settings, field: &Field) -> Vec<String> {
    let attribute = settings.attribute(field).into_iter();
    attribute.flat_map(|a| &a.verifications).filter(|s| s.is_built()).map(Strategy::to_string).collect()
}

pub(super) fn salt(entropy: &mut dyn Entropy) -> [u8; 16] {
    let mut salt = [0; 16];
    entropy.fill(&mut salt);
    salt
}
