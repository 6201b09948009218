//! The second factors in a person's own profile: the authenticator app and the backup codes
//! ([guide: Second factors](crate::guide::contract_sign_ins#second-factors)).

use std::sync::Arc;

use crate::domain::client::session::Session;
use crate::domain::context::Context;
use crate::domain::id::SessionId;
use crate::domain::rejection::{ErrorCode, Rejection};
use crate::domain::secret::Secret;
use crate::domain::user::{SecondFactorChange, User, UserChange};
use crate::limiter::LimitedAction;
use crate::token::{new_totp_secret, totp_secret_text};

use super::own::{Needs, Own, SetsUp};
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
            self.check_offers_app()?;
            let own = Own::of(caller, session, context).that(SetsUp::Factor);
            let (user, _) = self.own(own).await?;
            let secret = self.inner.actor_context.decide(|cx| new_totp_secret(cx.entropy));
            let change = SecondFactorChange::BeginApp { secret: self.sealed_totp_secret(user.id, &secret) };
            let (user, client) = self.change_factors(own, |_| Ok(change.clone())).await?;
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
            self.inner.admission.spend(LimitedAction::Attempt, context, self.now())?;
            self.check_offers_app()?;
            let own = Own::of(caller, session, context).that(SetsUp::ProvedFactor);
            let (user, _) = self.own(own).await?;
            let gets_codes = self.settings().attributes.backup_code.is_second_factor() && !user.has_backup_codes();
            let codes = if gets_codes { self.new_codes() } else { Vec::new() };
            let digests = codes.iter().filter_map(|code| self.backup_digest(user.id, code.expose()));
            let backup_codes: Vec<_> = digests.collect();
            let (user, client) = self
                .change_factors(own, |user| {
                    // Compared with the secret that the commit replaces: it may have been begun anew meanwhile.
                    let is_begun = user.second_factors.as_ref().is_some_and(|own| own.totp.is_some());
                    let step = match (user.has_app(), is_begun) {
                        (true, _) => return Err(ErrorCode::TotpAlreadyEnabled.into()),
                        (false, false) => return Err(ErrorCode::TotpNotEnabled.into()),
                        (false, true) => self.step_of(user, code),
                    };
                    let step = step.ok_or_else(|| ErrorCode::FormCodeIncorrect.on("code"))?;
                    Ok(SecondFactorChange::ProveApp { step, backup_codes: backup_codes.clone() })
                })
                .await?;
            // The user may have got other ones meanwhile.
            let are_theirs = user.second_factors.as_ref().is_some_and(|own| own.backup_codes == backup_codes);
            let backup_codes = if are_theirs { codes } else { Vec::new() };
            Ok((TotpView { user, secret: None, uri: None, backup_codes }, client))
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
            let own = Own::of(caller, session, context);
            let (user, client) = self.change_factors(own, |_| Ok(SecondFactorChange::RemoveApp)).await?;
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
            if !self.settings().attributes.backup_code.is_second_factor() {
                return Err(Rejection::from(ErrorCode::FeatureNotEnabled).into());
            }
            let own = Own::of(caller, session, context);
            let (user, _) = self.own(own).await?;
            let codes = self.new_codes();
            let digests = codes.iter().filter_map(|code| self.backup_digest(user.id, code.expose())).collect();
            let change = SecondFactorChange::SetBackupCodes(digests);
            let (user, client) = self.change_factors(own, |_| Ok(change.clone())).await?;
            Ok((TotpView { user, secret: None, uri: None, backup_codes: codes }, client))
        })
        .await
    }

    /// Changes the second factors of the own user, which is sensitive.
    async fn change_factors(
        &self,
        own: Own<'_>,
        decide: impl Fn(&User) -> Result<SecondFactorChange, Rejection>,
    ) -> Result<(Arc<User>, ClientView), EngineError> {
        let apply =
            |user: &User, _: &Session, cx: &mut Context<'_>| user.apply(&UserChange::SecondFactor(decide(user)?), cx);
        self.change_own(own, Needs::FreshSecondFactor, apply).await
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

/// How many backup codes a person gets at once.
const BACKUP_CODES: usize = 10;
/// Letters of a backup code: 50 bits.
const BACKUP_CODE_LETTERS: usize = 10;
/// Without letters that look like digits.
const LETTERS: &[u8; 32] = b"abcdefghijkmnpqrstuvwxyz23456789";
