//! The second factors in a person's own profile: the authenticator app and the backup codes
//! ([guide: Second factors](crate::guide::contract_sign_ins#second-factors)).

use std::sync::Arc;

use crate::domain::client::ClientChange;
use crate::domain::id::SessionId;
use crate::domain::rejection::{ErrorCode, Rejection};
use crate::domain::secret::Secret;
use crate::domain::user::{SecondFactorChange, User, UserChange};
use crate::limiter::LimitedAction;
use crate::store::{ClientWrite, Commit, CommitError, Decision, UserWrite};
use crate::token::{new_totp_secret, totp_secret_text};

use super::own::Needs;
use crate::engine::{Caller, ClientView, Engine, EngineError, RequestContext};

/// An authenticator app of a user, as its person sees it.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct TotpView {
    /// The user.
    pub user: Arc<User>,
    /// The secret to type into the app, while it is not proved yet.
    pub secret: Option<Secret<String>>,
    /// The URI for the picture that the app reads, while it is not proved yet.
    pub uri: Option<Secret<String>>,
    /// New backup codes, which are shown once.
    pub backup_codes: Vec<Secret<String>>,
}

impl Engine {
    /// [`Users::add_totp`](crate::engine::Users::add_totp).
    pub(crate) async fn add_totp(
        &self,
        caller: &Caller,
        session: Option<SessionId>,
        context: &RequestContext,
    ) -> Result<(TotpView, ClientView), EngineError> {
        self.admitted(async {
            self.inner.admission.spend(LimitedAction::Write, context, self.now())?;
            self.check_offers_app()?;
            let (user, session) = self.of_session(caller, session).await?;
            let secret = self.inner.actor_context.decide(|cx| new_totp_secret(cx.entropy));
            let change = SecondFactorChange::BeginApp { secret: self.sealed_totp_secret(user.id, &secret) };
            let (user, client) = self.change_own_factors(caller, session, &change, context).await?;
            let text = totp_secret_text(secret.expose());
            let uri = Secret::new(self.totp_uri(&user, &text));
            let view = TotpView { user, secret: Some(Secret::new(text)), uri: Some(uri), backup_codes: Vec::new() };
            Ok((view, client))
        })
        .await
    }

    /// [`Users::verify_totp`](crate::engine::Users::verify_totp).
    pub(crate) async fn verify_totp(
        &self,
        caller: &Caller,
        session: Option<SessionId>,
        code: &str,
        context: &RequestContext,
    ) -> Result<(TotpView, ClientView), EngineError> {
        self.admitted(async {
            let now = self.now();
            self.inner.admission.spend(LimitedAction::Attempt, context, now)?;
            self.inner.admission.spend(LimitedAction::Write, context, now)?;
            self.check_offers_app()?;
            let (user, session) = self.of_session(caller, session).await?;
            if user.second_factors.as_ref().is_none_or(|own| own.totp.is_none()) {
                return Err(Rejection::from(ErrorCode::TotpNotEnabled).into());
            }
            let step = self.step_of(&user, code);
            let step = step.ok_or_else(|| EngineError::from(ErrorCode::FormCodeIncorrect.on("code")))?;
            let gets_codes = self.settings().attributes.backup_code.is_second_factor() && !user.has_backup_codes();
            let codes = if gets_codes { self.new_codes() } else { Vec::new() };
            let backup_codes = codes.iter().filter_map(|code| self.backup_digest(user.id, code.expose())).collect();
            let change = SecondFactorChange::ProveApp { step, backup_codes };
            let (user, client) = self.change_own_factors(caller, session, &change, context).await?;
            Ok((TotpView { user, secret: None, uri: None, backup_codes: codes }, client))
        })
        .await
    }

    /// [`Users::remove_totp`](crate::engine::Users::remove_totp).
    pub(crate) async fn remove_totp(
        &self,
        caller: &Caller,
        session: Option<SessionId>,
        context: &RequestContext,
    ) -> Result<(TotpView, ClientView), EngineError> {
        self.admitted(async {
            self.inner.admission.spend(LimitedAction::Write, context, self.now())?;
            let (_, session) = self.of_session(caller, session).await?;
            let change = SecondFactorChange::RemoveApp;
            let (user, client) = self.change_own_factors(caller, session, &change, context).await?;
            Ok((TotpView { user, secret: None, uri: None, backup_codes: Vec::new() }, client))
        })
        .await
    }

    /// [`Users::new_backup_codes`](crate::engine::Users::new_backup_codes).
    pub(crate) async fn new_backup_codes(
        &self,
        caller: &Caller,
        session: Option<SessionId>,
        context: &RequestContext,
    ) -> Result<(TotpView, ClientView), EngineError> {
        self.admitted(async {
            self.inner.admission.spend(LimitedAction::Write, context, self.now())?;
            if !self.settings().attributes.backup_code.is_second_factor() {
                return Err(Rejection::from(ErrorCode::FeatureNotEnabled).into());
            }
            let (user, session) = self.of_session(caller, session).await?;
            let codes = self.new_codes();
            let digests = codes.iter().filter_map(|code| self.backup_digest(user.id, code.expose())).collect();
            let change = SecondFactorChange::SetBackupCodes(digests);
            let (user, client) = self.change_own_factors(caller, session, &change, context).await?;
            Ok((TotpView { user, secret: None, uri: None, backup_codes: codes }, client))
        })
        .await
    }

    /// The user of a live session of the caller's client, and that session; the last active one where none is named. The
    /// session may be pending: a second factor is what it waits for.
    async fn of_session(
        &self,
        caller: &Caller,
        session: Option<SessionId>,
    ) -> Result<(Arc<User>, SessionId), EngineError> {
        let seen = self.visible(caller).await?.ok_or(EngineError::SignedOut)?;
        let client = seen.client();
        let id = session.or(client.last_active_session_id).ok_or(EngineError::SignedOut)?;
        let session = client.live_session(id, self.now()).ok_or(EngineError::SignedOut)?;
        let user = self.inner.store().user(session.user_id).await?.ok_or(EngineError::SignedOut)?;
        if user.has_ended(session).is_some() {
            return Err(EngineError::SignedOut);
        }
        self.check_fresh(session, Needs::FreshProof)?;
        Ok((user, id))
    }

    /// Changes the second factors of the user of a session. A session that waited for a second factor is no longer pending
    /// once there is one.
    async fn change_own_factors(
        &self,
        caller: &Caller,
        session: SessionId,
        change: &SecondFactorChange,
        context: &RequestContext,
    ) -> Result<(Arc<User>, ClientView), EngineError> {
        let id = caller.client_id().ok_or(EngineError::SignedOut)?;
        let settles = matches!(change, SecondFactorChange::ProveApp { .. });
        for _ in 0..TRIES_MAX {
            let (user, _) = self.of_session(caller, Some(session)).await?;
            let change = UserChange::SecondFactor(change.clone());
            let next = self.inner.actor_context.decide(|cx| user.apply(&change, cx))?;
            let set_up = settles.then_some(ClientChange::SecondFactorSetUp(session));
            let decision = Decision {
                client: Some(ClientWrite { id, changes: caller.terms().into_iter().chain(set_up).collect() }),
                users: vec![UserWrite::Change { next: Box::new(next.clone()), expected_version: user.version }],
                ..Decision::default()
            };
            let commit = Commit { end_user: context.end_user(), ..Commit::of_decision(self.now(), decision) };
            match self.inner.system.persister().commit(commit).await {
                Ok(committed) => {
                    let seen = self.visible_after(caller, &committed)?;
                    return Ok((Arc::new(next), self.view_client(seen, context).await?));
                }
                Err(CommitError::Stale) => {}
                Err(error) => return Err(error.into()),
            }
        }
        Err(Rejection::from(ErrorCode::ResourceConflict).into())
    }

    fn check_offers_app(&self) -> Result<(), EngineError> {
        match self.settings().attributes.authenticator_app.is_second_factor() {
            true => Ok(()),
            false => Err(Rejection::from(ErrorCode::FeatureNotEnabled).into()),
        }
    }

    /// The URI by which apps take in a secret (Google Authenticator's key URI format).
    fn totp_uri(&self, user: &User, secret: &str) -> String {
        let issuer = encoded(&self.inner.branding.name);
        let account = encoded(user.public_identifier().unwrap_or_default());
        format!("otpauth://totp/{issuer}:{account}?secret={secret}&issuer={issuer}&algorithm=SHA1&digits=6&period=30")
    }

    fn new_codes(&self) -> Vec<Secret<String>> {
        let code = || {
            let mut bytes = [0; BACKUP_CODE_LETTERS];
            self.inner.actor_context.decide(|cx| cx.entropy.fill(&mut bytes));
            // 32 letters, so that each byte gives one of them with the same chance.
            Secret::new(bytes.iter().map(|byte| char::from(LETTERS[usize::from(byte % 32)])).collect())
        };
        (0..BACKUP_CODES).map(|_| code()).collect()
    }
}

/// A part of a URI: everything but unreserved characters is escaped (RFC 3986 2.3).
fn encoded(text: &str) -> String {
    let mut encoded = String::with_capacity(text.len());
    for byte in text.bytes() {
        match byte {
            b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' => encoded.push(char::from(byte)),
            _ => encoded.push_str(&format!("%{byte:02X}")),
        }
    }
    encoded
}

/// How often a write decides again when the user has changed meanwhile.
const TRIES_MAX: usize = 64;
/// How many backup codes a person gets at once.
const BACKUP_CODES: usize = 10;
/// Letters of a backup code: 50 bits.
const BACKUP_CODE_LETTERS: usize = 10;
/// Without letters that look like digits.
const LETTERS: &[u8; 32] = b"abcdefghijkmnpqrstuvwxyz23456789";
