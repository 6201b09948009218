//! The calls about sign-ins. A sign-in has no actor: it is decided on over the client as read, and the commit
//! refuses what was decided on a client that has changed meanwhile; then it is decided anew.

use std::sync::Arc;

use crate::domain::client::{Client, ClientChange, ClientConflict};
use crate::domain::context::Context;
use crate::domain::effect::Effect;
use crate::domain::id::{ClientId, SignInId, UserId};
use crate::domain::identifier::Identifier;
use crate::domain::rejection::{Code, Rejection};
use crate::domain::secret::Secret;
use crate::domain::sign_in::{self, Attempt, Create, Prepare, Proof, SignIn, Start, Status, Transition};
use crate::domain::sign_up::{self, ExternalReturn};
use crate::domain::user::User;
use crate::domain::verification::{self, Strategy};
use crate::limiter::Family;
use crate::store::{ClientWrite, Commit, CommitError};
use crate::token::Traveller;

use super::admission::RETRY_AFTER;
use super::external::Wishes;
use super::sign_ups::salt;
use super::{Caller, ClientView, Engine, EngineError, SignInView, Source};

/// The parameters of a create as text, `None` where absent.
#[derive(Clone, Debug, Default)]
#[expect(missing_docs, reason = "the parameters of Clerk's create")]
pub struct RawSignIn {
    pub identifier: Option<String>,
    pub password: Option<Secret<String>>,
    pub strategy: Option<String>,
    pub channel: Option<String>,
    pub transfer: Option<String>,
    /// An absolute URL that the instance allows; whoever takes it in from outside has checked that.
    pub redirect_url: Option<String>,
    /// The same.
    pub action_complete_redirect_url: Option<String>,
    pub oidc_prompt: Option<String>,
    pub oidc_login_hint: Option<String>,
}

/// The parameters of a prepare as text, `None` where absent.
#[derive(Clone, Debug, Default)]
#[expect(missing_docs, reason = "the parameters of Clerk's prepare_first_factor")]
pub struct RawFirstFactor {
    pub strategy: Option<String>,
    pub email_address_id: Option<String>,
    pub phone_number_id: Option<String>,
    pub channel: Option<String>,
}

/// The parameters of an attempt as text, `None` where absent.
#[derive(Clone, Debug, Default)]
#[expect(missing_docs, reason = "the parameters of Clerk's attempt_first_factor")]
pub struct RawProof {
    pub strategy: Option<String>,
    pub code: Option<String>,
    pub password: Option<Secret<String>>,
}

impl Engine {
    /// Begins a sign-in, in place of the one the client has. With a password it is complete at once, with the
    /// strategy of a code the code is sent. Opens a client for a caller who has none; its token is in the view.
    ///
    /// # Errors
    /// [`EngineError::Rejected`], such as `form_identifier_not_found`; a wrong password is counted before it is
    /// refused.
    pub async fn create_sign_in(
        &self,
        caller: &Caller,
        raw: &RawSignIn,
        source: &Source,
    ) -> Result<(SignInView, ClientView), EngineError> {
        let admission = &self.inner.admission;
        let spend = |family| admission.spend(family, source, self.now());
        spend(Family::Create)?;
        spend(Family::Write)?;
        if raw.password.is_some() {
            spend(Family::Attempt)?;
        }
        let _place = admission.enter()?;
        let single = self.single_session();
        let admitted = |client: Option<&Client>, user: Option<&User>| {
            client.map_or(Ok(()), |client| client.admits(user, single, self.now()))
        };
        let known = caller.client().map(|client| &**client);
        admitted(known, None)?;
        let given = raw.identifier.as_deref().filter(|text| !text.is_empty());
        let identifier = given.map(|text| sign_in::identifier(text, &self.settings())).transpose()?;
        if identifier.is_some() {
            spend(Family::LookUp)?;
        }
        let user = self.holder(identifier.as_ref()).await?;
        let user = user.as_deref();
        admitted(known, user)?;
        let (id, client_id, open) = self.inner.environment.decide(|cx| {
            let id = SignInId::generate(cx.now, cx.entropy);
            match caller.client_id() {
                Some(client) => (id, client, None),
                None => (id, ClientId::generate(cx.now, cx.entropy), Some(salt(cx.entropy))),
            }
        });
        if open.is_some() {
            spend(Family::Client)?;
        }
        let is_transfer = raw.transfer.as_deref().is_some_and(|text| text == "true" || text == "1");
        let start = match is_transfer {
            true => self.take_over(caller).await?,
            false => self.start(raw, (id, client_id), identifier.is_some(), user, source).await?,
        };
        let decide = |client: Option<&Client>, cx: &mut Context<'_>| {
            admitted(client, user)?;
            let create = Create {
                id,
                client_id,
                replaces: client.and_then(|client| client.sign_in.as_deref()).map(SignIn::stamp),
                identifier: identifier.clone(),
                start: start.clone(),
                origin: source.origin.clone(),
            };
            Ok(SignIn::create(&create, user, cx)?)
        };
        let open = open.map(|salt| ClientChange::Open { salt });
        let (next, client) = self.change_sign_in(client_id, open, source, decide).await?;
        self.shown(caller, next, client, source).await
    }

    /// Shows the sign-in in progress of the caller's client.
    ///
    /// # Errors
    /// [`EngineError::NotFound`] for all others, alike.
    pub async fn sign_in(
        &self,
        caller: &Caller,
        id: SignInId,
        source: &Source,
    ) -> Result<(SignInView, ClientView), EngineError> {
        let _place = self.inner.admission.enter()?;
        let client = caller.client().ok_or(EngineError::NotFound)?;
        let value = self.in_progress(Some(client), id)?.clone();
        self.shown(caller, value, client.clone(), source).await
    }

    /// Begins to prove a first factor: a code is made and sent.
    ///
    /// # Errors
    /// [`EngineError::Rejected`], such as `strategy_for_user_invalid`.
    pub async fn prepare_first_factor(
        &self,
        caller: &Caller,
        id: SignInId,
        raw: &RawFirstFactor,
        source: &Source,
    ) -> Result<(SignInView, ClientView), EngineError> {
        self.inner.admission.spend(Family::Write, source, self.now())?;
        let _place = self.inner.admission.enter()?;
        let client = caller.client().ok_or(EngineError::NotFound)?;
        let user = self.user_of(self.in_progress(Some(client), id)?).await?;
        let address_id = match raw.strategy.as_deref() {
            Some("phone_code") => raw.phone_number_id.as_deref(),
            _ => raw.email_address_id.as_deref(),
        };
        let prepare = Prepare::parse(raw.strategy.as_deref(), address_id, raw.channel.as_deref())?;
        let decide = |client: Option<&Client>, cx: &mut Context<'_>| {
            Ok(self.in_progress(client, id)?.prepare(&prepare, user.as_deref(), cx)?)
        };
        let (next, client) = self.change_sign_in(client.id, None, source, decide).await?;
        self.shown(caller, next, client, source).await
    }

    /// Proves a first factor, which completes the sign-in.
    ///
    /// # Errors
    /// [`EngineError::Rejected`]; a wrong code or password is counted before it is refused.
    pub async fn attempt_first_factor(
        &self,
        caller: &Caller,
        id: SignInId,
        raw: &RawProof,
        source: &Source,
    ) -> Result<(SignInView, ClientView), EngineError> {
        let now = self.now();
        self.inner.admission.spend(Family::Attempt, source, now)?;
        self.inner.admission.spend(Family::Write, source, now)?;
        let _place = self.inner.admission.enter()?;
        let client = caller.client().ok_or(EngineError::NotFound)?;
        let user = self.user_of(self.in_progress(Some(client), id)?).await?;
        let user = user.as_deref();
        let attempt = self.proof(raw, user, client.id, source).await?;
        let single = self.single_session();
        let decide = |client: Option<&Client>, cx: &mut Context<'_>| {
            let value = self.in_progress(client, id)?;
            client.map_or(Ok(()), |client| client.admits(user, single, cx.now))?;
            Ok(value.attempt(&attempt, user, cx)?)
        };
        let (next, client) = self.change_sign_in(client.id, None, source, decide).await?;
        self.shown(caller, next, client, source).await
    }

    /// Decides, commits, and reveals only then what came of it; again and again while somebody else gets in
    /// between.
    async fn change_sign_in(
        &self,
        id: ClientId,
        open: Option<ClientChange>,
        source: &Source,
        decide: impl Fn(Option<&Client>, &mut Context<'_>) -> Result<Transition, EngineError>,
    ) -> Result<(SignIn, Arc<Client>), EngineError> {
        let environment = &self.inner.environment;
        for _ in 0..TRIES_MAX {
            let client = self.inner.store().client(id).await?;
            let transition = environment.decide(|cx| decide(client.as_deref(), cx))?;
            let Transition { next, verdict, effects, charges, client_changes, signed_in, link } = transition;
            let at = environment.now();
            let sent = self.spend_messages(&effects, source)?;
            // What is only counted opens no client either.
            let changes: Vec<_> = match client_changes.is_empty() {
                true => Vec::new(),
                false => open.iter().cloned().chain(client_changes).collect(),
            };
            let commit = Commit {
                at,
                client: (!changes.is_empty()).then_some(ClientWrite { id, changes }),
                relaxed: signed_in.is_none(),
                signed_in: signed_in.map(|user| (user, at)),
                link: signed_in.zip(link),
                outbox: effects.into_iter().map(|Effect::Deliver(message)| environment.seal(message)).collect(),
                charges,
                limits: environment.policy.address_limits,
                ..Commit::default()
            };
            let outcome = self.inner.system.persister().commit(commit).await;
            if !matches!(outcome, Ok(_) | Err(CommitError::Unknown)) {
                sent.iter().for_each(|to| self.inner.admission.take_back_message(to, source));
            }
            match outcome {
                Err(CommitError::Client(ClientConflict::SignInChanged)) => {}
                Err(CommitError::LimitExceeded { retry_after }) => {
                    return Err(Code::TooManyRequests.after(retry_after).into());
                }
                // Somebody else linked the account a moment ago.
                Err(CommitError::IdentifierTaken(kind)) => return Err(sign_up::taken(kind).into()),
                Err(error) => return Err(error.into()),
                Ok(committed) => {
                    verdict?;
                    return Ok((next, committed.client.or(client).ok_or(EngineError::NoClient)?));
                }
            }
        }
        Err(EngineError::Busy { retry_after: RETRY_AFTER })
    }

    /// Has a sign-in judge what came back from a provider.
    pub(super) async fn settle_sign_in(
        &self,
        id: SignInId,
        client: ClientId,
        back: &ExternalReturn,
        source: &Source,
    ) -> Result<(SignIn, Arc<Client>), EngineError> {
        let decide = |client: Option<&Client>, cx: &mut Context<'_>| {
            Ok(self.in_progress(client, id)?.return_from_provider(back, cx)?)
        };
        self.change_sign_in(client, None, source, decide).await
    }

    /// What a sign-in begins with that takes over the account which the client's sign-up found to be a user's.
    async fn take_over(&self, caller: &Caller) -> Result<Start, EngineError> {
        let nothing = || Rejection::from(Code::AccountTransferInvalid);
        let client = caller.client().ok_or_else(nothing)?;
        let answer = self.inner.system.read(client.sign_up.ok_or_else(nothing)?, client.id).await?;
        let account = answer.sign_up.external_account.as_deref().ok_or_else(nothing)?;
        let (_, answer) = self.transferable(account, Code::ExternalAccountExists, caller).await?;
        Ok(Start::TakeOver(Box::new((account.clone(), answer))))
    }

    /// The sign-in with this id, if it is the one in progress on `client`.
    pub(super) fn in_progress<'a>(&self, client: Option<&'a Client>, id: SignInId) -> Result<&'a SignIn, EngineError> {
        let open = client.and_then(|client| client.open_sign_in(self.now(), &self.inner.environment.policy));
        open.filter(|sign_in| sign_in.id == id).ok_or(EngineError::NotFound)
    }

    async fn holder(&self, identifier: Option<&Identifier>) -> Result<Option<Arc<User>>, EngineError> {
        let Some(identifier) = identifier else { return Ok(None) };
        self.user_behind(self.holder_of(identifier).await?).await
    }

    async fn user_of(&self, sign_in: &SignIn) -> Result<Option<Arc<User>>, EngineError> {
        self.user_behind(sign_in.user_id).await
    }

    /// The user with this id. Where the instance keeps to itself who is one, nobody takes as long.
    async fn user_behind(&self, id: Option<UserId>) -> Result<Option<Arc<User>>, EngineError> {
        let is_protected = self.settings().attack_protection.enumeration_protection.enabled;
        match id {
            Some(id) => return Ok(self.inner.store().user(id).await?),
            None if is_protected => self.nobody().await?,
            None => {}
        }
        Ok(None)
    }

    /// What follows in the step that makes a sign-in.
    async fn start(
        &self,
        raw: &RawSignIn,
        (id, client): (SignInId, ClientId),
        is_identified: bool,
        user: Option<&User>,
        source: &Source,
    ) -> Result<Start, EngineError> {
        let strategy = raw.strategy.as_deref().filter(|text| !text.is_empty());
        let password = raw.password.as_ref().filter(|password| !password.expose().is_empty());
        if let Some(Ok(strategy @ Strategy::OAuth(_))) = strategy.map(str::parse) {
            sign_up::usable(&strategy, &self.settings())?;
            let wishes = Wishes {
                redirect_url: raw.redirect_url.as_deref(),
                action_complete_redirect_url: raw.action_complete_redirect_url.as_deref(),
                prompt: raw.oidc_prompt.as_deref(),
                login_hint: raw.oidc_login_hint.as_deref(),
            };
            let trip = self.leave(&strategy, (Traveller::SignIn(id), client), &wishes, source).await?;
            return Ok(Start::Leave(Box::new(trip)));
        }
        if strategy.or(password.map(|_| "password")).is_some() && !is_identified {
            return Err(Code::FormParamMissing.on("identifier").into());
        }
        match (strategy, password) {
            (None, None) => Ok(Start::Identify),
            (None | Some("password"), Some(password)) => {
                Ok(Start::Password { fits: self.compare(password, user, client, source).await? })
            }
            (Some("password"), None) => Err(Code::FormParamMissing.on("password").into()),
            (Some(_), _) => Ok(Start::Prepare(Prepare::parse(strategy, None, raw.channel.as_deref())?)),
        }
    }

    async fn proof(
        &self,
        raw: &RawProof,
        user: Option<&User>,
        client: ClientId,
        source: &Source,
    ) -> Result<Attempt, EngineError> {
        let missing = |param| EngineError::from(Code::FormParamMissing.on(param));
        let strategy = sign_in::named(raw.strategy.as_deref())?;
        let proof = match strategy {
            Strategy::Password => {
                let password = raw.password.as_ref().filter(|password| !password.expose().is_empty());
                let password = password.ok_or_else(|| missing("password"))?;
                Proof::Password { fits: self.compare(password, user, client, source).await? }
            }
            _ => {
                let code = raw.code.as_deref().filter(|code| !code.is_empty()).ok_or_else(|| missing("code"))?;
                Proof::Code(verification::Code::parse(code))
            }
        };
        Ok(Attempt { strategy, proof })
    }

    pub(super) async fn shown(
        &self,
        caller: &Caller,
        value: SignIn,
        client: Arc<Client>,
        source: &Source,
    ) -> Result<(SignInView, ClientView), EngineError> {
        let view = self.view_sign_in(value).await?;
        let sign_up = self.sign_up_of(&client).await;
        let client = self.view_client(caller, client, sign_up, source).await?;
        Ok((view, client))
    }

    /// A sign-in as it shows itself now. Who it is about shows once that is proved, or where the instance tells
    /// anyway.
    pub(super) async fn view_sign_in(&self, value: SignIn) -> Result<SignInView, EngineError> {
        let user = self.user_of(&value).await?;
        let policy = &self.inner.environment.policy;
        Ok(self.inner.environment.decide(|cx| SignInView {
            status: value.status(),
            supported_identifiers: sign_in::supported_identifiers(cx.settings),
            first_factors: value.first_factors(user.as_deref(), cx),
            abandon_at: value.abandon_at(policy),
            attempts_max: policy.attempts_max,
            now: cx.now,
            user: user.filter(|_| {
                value.status() == Status::Complete || !cx.settings.attack_protection.enumeration_protection.enabled
            }),
            value,
        }))
    }
}

/// How often a call is decided anew before it gives up.
const TRIES_MAX: usize = 8;
