//! Re-verification: the person of a session proves a factor again
//! ([guide: Re-verification](crate::guide::contract_me#re-verification)). How far it is, is stored with the session; a code
//! is one of the address that it was sent to, for this session alone.

use std::sync::Arc;

use crate::domain::client::ClientChange;
use crate::domain::client::reverification::{Level, Reverification, ReverificationStatus};
use crate::domain::client::session::Session;
use crate::domain::id::{IdentificationId, SessionId};
use crate::domain::rejection::{ErrorCode, Rejection};
use crate::domain::secret::Secret;
use crate::domain::sign_in::{self, Factor, FactorAddress, Share, Try};
use crate::domain::time::Timestamp;
use crate::domain::user::{AddressVerification, Asker, Purpose, SecondFactorChange, UsedCode, User, UserChange};
use crate::domain::verification::{OneTimeCode, Strategy};
use crate::limiter::LimitedAction;
use crate::store::{Decision, UserWrite};

use super::addresses::code_to;
use super::{Own, TRIES_MAX};
use crate::engine::admission::RETRY_AFTER;
use crate::engine::frontend::address_steps::Beside;
use crate::engine::{Caller, ClientView, Engine, EngineError, RequestContext, SessionView};

/// A re-verification as it is shown.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct ReverificationView {
    /// The session.
    pub session: SessionView,
    /// How far it is.
    pub step: Reverification,
    /// The ways to prove a first factor.
    pub first_factors: Vec<Factor>,
    /// The ways to prove a second factor.
    pub second_factors: Vec<Factor>,
    /// The code that was sent in it.
    pub sent: Option<AddressVerification>,
    /// What the person's device is asked, where a passkey is awaited (`PublicKeyCredentialRequestOptionsJSON`, Web
    /// Authentication 5.1.9), and until when.
    pub passkey: Option<(String, Timestamp)>,
    /// How many attempts a verification allows, from which its status is derived.
    pub attempts_max: u32,
}

/// What a re-verification sends a code to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ReverifyPrepare {
    /// The strategy of the code.
    pub strategy: Strategy,
    /// The address; the first one of its kind where it is absent.
    pub address_id: Option<IdentificationId>,
    /// Whether it is for the second factor.
    pub is_second: bool,
}

/// What a person proves in a re-verification.
#[derive(Clone, Debug)]
pub struct ReverifyAttempt {
    /// The strategy.
    pub strategy: Strategy,
    /// The code as typed, for the strategies of codes.
    pub code: Option<String>,
    /// The password, for the strategy of passwords.
    pub password: Option<Secret<String>>,
    /// The answer of the browser as JSON, for passkeys.
    pub public_key_credential: Option<String>,
    /// Whether it is for the second factor.
    pub is_second: bool,
}

impl Engine {
    /// [`OwnUser::reverify`](crate::engine::OwnUser::reverify).
    pub(crate) async fn start_reverification(
        &self,
        caller: &Caller,
        id: SessionId,
        level: Level,
        context: &RequestContext,
    ) -> Result<(ReverificationView, ClientView), EngineError> {
        self.admitted(async {
            let own = Own::of(caller, Some(id), context);
            self.inner.admission.spend(LimitedAction::Write, context, self.now())?;
            let (user, session) = self.own(own).await?;
            let step = Reverification::begin(level, !self.second_factors_of(&user).is_empty(), self.now());
            self.store_step(own, (user, session), step, Decision::default()).await
        })
        .await
    }

    /// [`OwnUser::prepare_reverification`](crate::engine::OwnUser::prepare_reverification).
    pub(crate) async fn prepare_reverification(
        &self,
        caller: &Caller,
        id: SessionId,
        asked: &ReverifyPrepare,
        context: &RequestContext,
    ) -> Result<(ReverificationView, ClientView), EngineError> {
        self.admitted(async {
            let own = Own::of(caller, Some(id), context);
            self.inner.admission.spend(LimitedAction::Write, context, self.now())?;
            if asked.strategy == Strategy::Passkey {
                let (user, session) = self.own(own).await?;
                self.pending_step(&session, asked.is_second)?;
                if !self.factors_of(&user, asked.is_second).iter().any(|factor| factor.strategy == Strategy::Passkey) {
                    return Err(EngineError::Rejected(ErrorCode::StrategyForUserInvalid.into()));
                }
                return self.prepare_reverified_passkey(own, id).await;
            }
            for _ in 0..TRIES_MAX {
                let (user, session) = self.own(own).await?;
                let step = self.pending_step(&session, asked.is_second)?;
                let offered = self.factors_of(&user, asked.is_second);
                let address = offered.into_iter().filter(|factor| factor.strategy == asked.strategy);
                let address = address.filter_map(|factor| factor.address);
                let address = address.into_iter().find(|address| asked.address_id.is_none_or(|id| id == address.id));
                let address = address.ok_or(EngineError::Rejected(ErrorCode::StrategyForUserInvalid.into()))?;
                let client = caller.client_id();
                let asker = Asker { purpose: Purpose::Session(id), client, is_decoy: false, link: None };
                let step = Reverification { address_id: Some(address.id), ..step };
                let changes = vec![ClientChange::Reverify(id, step)];
                if let Some((sent, client)) = self.send_own(own, &user, address.id, &asker, changes).await? {
                    return Ok((self.view_step(user, &client, id, Some(sent))?, client));
                }
            }
            Err(EngineError::Busy { retry_after: RETRY_AFTER })
        })
        .await
    }

    /// [`OwnUser::attempt_reverification`](crate::engine::OwnUser::attempt_reverification).
    pub(crate) async fn attempt_reverification(
        &self,
        caller: &Caller,
        id: SessionId,
        attempt: &ReverifyAttempt,
        context: &RequestContext,
    ) -> Result<(ReverificationView, ClientView), EngineError> {
        self.admitted(async {
            let own = Own::of(caller, Some(id), context);
            let (user, session) = self.own(own).await?;
            let step = self.pending_step(&session, attempt.is_second)?;
            let offered = self.factors_of(&user, attempt.is_second);
            if !offered.iter().any(|factor| factor.strategy == attempt.strategy) {
                return Err(EngineError::Rejected(ErrorCode::StrategyForUserInvalid.into()));
            }
            let missing = |param: &str| EngineError::from(ErrorCode::FormParamMissing.on(param));
            if attempt.strategy == Strategy::Passkey {
                return self.attempt_reverified_passkey(own, id, attempt.public_key_credential.as_deref()).await;
            }
            if attempt.strategy == Strategy::Password {
                let password = attempt.password.as_ref().filter(|password| !password.expose().is_empty());
                let password = password.ok_or_else(|| missing("password"))?;
                self.prove_password(own, &user, password, ErrorCode::FormPasswordIncorrect.on("password")).await?;
                let step = Reverification { first_factor_at: Some(self.now()), ..step };
                return self.store_step(own, (user, session), step, Decision::default()).await;
            }
            let code = attempt.code.as_deref().filter(|code| !code.is_empty()).ok_or_else(|| missing("code"))?;
            match attempt.strategy {
                Strategy::Totp | Strategy::BackupCode => self.attempt_used_up(own, &attempt.strategy, code).await,
                _ => self.attempt_code(own, id, code, attempt.is_second).await,
            }
        })
        .await
    }

    async fn attempt_code(
        &self,
        own: Own<'_>,
        id: SessionId,
        code: &str,
        is_second: bool,
    ) -> Result<(ReverificationView, ClientView), EngineError> {
        self.inner.admission.spend(LimitedAction::Attempt, own.context, self.now())?;
        for _ in 0..TRIES_MAX {
            let (user, session) = self.own(own).await?;
            let step = self.pending_step(&session, is_second)?;
            let missing = || EngineError::Rejected(ErrorCode::VerificationMissing.into());
            let address = step.address_id.ok_or_else(missing)?;
            let known = self.inner.store().address_verification(address).await?;
            let known = known.filter(|known| known.purpose == Purpose::Session(id)).ok_or_else(missing)?;
            self.check_pending(&known)?;
            let code = OneTimeCode::parse(code).ok_or_else(|| ErrorCode::FormCodeIncorrect.on("code"))?;
            let by = own.caller.client_id();
            let guessed = self.inner.actor_context.decide(|cx| known.attempt(&code, &user, by, cx))?;
            let guessed = guessed.ok_or(EngineError::Rejected(ErrorCode::VerificationFailed.into()))?;
            let (is_right, now) = (guessed.next.is_verified(), self.now());
            let step = match (is_right, is_second) {
                (false, _) => step,
                (true, false) => Reverification { first_factor_at: Some(now), ..step },
                (true, true) => Reverification { second_factor_at: Some(now), ..step },
            };
            let beside = Beside {
                changes: vec![ClientChange::Reverify(id, step)],
                tried: Some(self.tried(own, &user, Share::Codes, is_right)),
                ..Beside::of(own.caller, own.context)
            };
            let Some(committed) = self.commit_step(&guessed, Some(&known), Some(&user), beside).await? else {
                continue;
            };
            if !is_right {
                let refused = Rejection::from(ErrorCode::FormCodeIncorrect.on("code"));
                return Err(self.with_warning(refused, committed.attempts_left).into());
            }
            let client = self.after(own, &committed).await?;
            return Ok((self.view_step(user, &client, id, Some(guessed.next))?, client));
        }
        Err(EngineError::Busy { retry_after: RETRY_AFTER })
    }

    /// Proves a second factor by a code that works once: of an authenticator app, or a backup code.
    async fn attempt_used_up(
        &self,
        own: Own<'_>,
        strategy: &Strategy,
        code: &str,
    ) -> Result<(ReverificationView, ClientView), EngineError> {
        self.inner.admission.spend(LimitedAction::Attempt, own.context, self.now())?;
        for _ in 0..TRIES_MAX {
            let (user, session) = self.own(own).await?;
            let step = self.pending_step(&session, true)?;
            let used = match strategy {
                Strategy::Totp => self.step_of(&user, code).map(UsedCode::Totp),
                _ => self.backup_digest(user.id, code).map(UsedCode::BackupCode),
            };
            let change = used.map(|used| UserChange::SecondFactor(SecondFactorChange::Use(used)));
            let next = change.and_then(|change| self.inner.actor_context.decide(|cx| user.apply(&change, cx)).ok());
            let write =
                |next: &User| UserWrite::Change { next: Box::new(next.clone()), expected_version: user.version };
            let decision = Decision {
                users: next.iter().map(write).collect(),
                tried: Some(Try { needs_more: false, ..self.tried(own, &user, Share::Codes, next.is_some()) }),
                limits: self.policy().address_limits,
                ..Decision::default()
            };
            let step = Reverification { second_factor_at: Some(self.now()), ..step };
            let changes = next.is_some().then_some(ClientChange::Reverify(session.id, step));
            let committed = self.commit_own(own, decision, changes.into_iter().collect()).await?;
            let Some(committed) = committed else { continue };
            let Some(next) = next else {
                let refused = Rejection::from(ErrorCode::FormCodeIncorrect.on("code"));
                return Err(self.with_warning(refused, committed.attempts_left).into());
            };
            let client = self.after(own, &committed).await?;
            return Ok((self.view_step(Arc::new(next), &client, session.id, None)?, client));
        }
        Err(EngineError::Busy { retry_after: RETRY_AFTER })
    }

    async fn store_step(
        &self,
        own: Own<'_>,
        (user, session): (Arc<User>, Session),
        step: Reverification,
        decision: Decision,
    ) -> Result<(ReverificationView, ClientView), EngineError> {
        let changes = vec![ClientChange::Reverify(session.id, step)];
        let committed = self.commit_own(own, decision, changes).await?.ok_or(EngineError::Internal)?;
        let client = self.after(own, &committed).await?;
        Ok((self.view_step(user, &client, session.id, None)?, client))
    }

    pub(super) fn view_step(
        &self,
        user: Arc<User>,
        client: &ClientView,
        id: SessionId,
        sent: Option<AddressVerification>,
    ) -> Result<ReverificationView, EngineError> {
        let session = client.sessions.iter().find(|seen| seen.session.id == id).cloned();
        let session = session.ok_or(EngineError::SignedOut)?;
        let step = session.session.reverification.ok_or(EngineError::Internal)?;
        Ok(ReverificationView {
            session,
            step,
            first_factors: self.factors_of(&user, false),
            second_factors: self.factors_of(&user, true),
            sent,
            passkey: None,
            attempts_max: self.policy().attempts_max,
        })
    }

    /// The re-verification in progress, if it asks for this factor now.
    pub(super) fn pending_step(&self, session: &Session, is_second: bool) -> Result<Reverification, Rejection> {
        let step = session.reverification.filter(|step| step.is_current(self.now()));
        let step = step.ok_or(ErrorCode::SessionReverificationMissing)?;
        let fits = match step.status() {
            ReverificationStatus::NeedsFirstFactor => !is_second,
            ReverificationStatus::NeedsSecondFactor => is_second,
            ReverificationStatus::Complete => false,
        };
        if fits { Ok(step) } else { Err(ErrorCode::InvalidActionForSessionReverification.into()) }
    }

    fn factors_of(&self, user: &User, is_second: bool) -> Vec<Factor> {
        if is_second { self.second_factors_of(user) } else { self.first_factors_of(user) }
    }

    /// A password, a passkey, and the addresses that are proved.
    fn first_factors_of(&self, user: &User) -> Vec<Factor> {
        let settings = self.settings();
        let has_password = user.has_password() && settings.attributes.password.enabled;
        let password = has_password.then_some(Factor { strategy: Strategy::Password, address: None });
        let emails = user.email_addresses.iter().enumerate().filter(|(_, email)| email.is_theirs());
        let emails = emails.filter(|_| settings.attributes.email_address.enabled).map(|(n, email)| FactorAddress {
            id: email.id,
            identifier: email.value.identifier(),
            display: email.value.typed().to_owned(),
            primary: n == 0,
            default: false,
        });
        let phones = user.phone_numbers.iter().enumerate().filter(|(_, phone)| phone.is_theirs());
        let phones = phones.filter(|(_, phone)| !phone.reserved_for_second_factor);
        let phones = phones.filter(|_| settings.attributes.phone_number.enabled).map(|(n, phone)| FactorAddress {
            id: phone.id,
            identifier: phone.value.identifier(),
            display: phone.value.as_str().to_owned(),
            primary: n == 0,
            default: false,
        });
        let has_passkey = settings.attributes.passkey.enabled && !user.passkeys.is_empty();
        let passkey = has_passkey.then_some(Factor { strategy: Strategy::Passkey, address: None });
        password.into_iter().chain(passkey).chain(emails.chain(phones).map(coded)).collect()
    }

    fn second_factors_of(&self, user: &User) -> Vec<Factor> {
        sign_in::second_factors_of(user, &self.settings())
    }
}

fn coded(address: FactorAddress) -> Factor {
    Factor { strategy: code_to(&address.identifier), address: Some(address) }
}
