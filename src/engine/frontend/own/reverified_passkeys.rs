//! Passkeys in a re-verification: a device is asked as at a sign-in, for this session alone.

use std::sync::Arc;

use crate::domain::client::ClientChange;
use crate::domain::client::reverification::{Level, Reverification};
use crate::domain::id::SessionId;
use crate::domain::passkey::{ChallengeChange, ChallengeOwner};
use crate::domain::rejection::{ErrorCode, Rejection};
use crate::domain::sign_in::{Share, Try};
use crate::domain::user::User;
use crate::limiter::LimitedAction;
use crate::store::{Decision, UserWrite};

use super::{Own, TRIES_MAX};
use crate::engine::admission::RETRY_AFTER;
use crate::engine::frontend::passkeys::CREDENTIAL;
use crate::engine::{ClientView, Engine, EngineError, ReverificationView};

impl Engine {
    /// Asks for one of the user's passkeys.
    pub(super) async fn prepare_reverified_passkey(
        &self,
        own: Own<'_>,
        id: SessionId,
    ) -> Result<(ReverificationView, ClientView), EngineError> {
        for _ in 0..TRIES_MAX {
            let (user, session) = self.own(own).await?;
            let step = Reverification { address_id: None, ..self.pending_step(&session, false)? };
            let (kept, options) = self.challenge_for(ChallengeOwner::Reverification(id), Some(&user))?;
            let expire_at = kept.expire_at;
            let challenges = vec![ChallengeChange::Keep(Box::new(kept))];
            let decision = Decision { challenges, ..Decision::default() };
            if let Some(committed) = self.commit_own(own, decision, vec![ClientChange::Reverify(id, step)]).await? {
                let client = self.after(own, &committed).await?;
                let view = self.view_step(user, &client, id, None)?;
                return Ok((ReverificationView { passkey: Some((options, expire_at)), ..view }, client));
            }
        }
        Err(EngineError::Busy { retry_after: RETRY_AFTER })
    }

    /// Proves the first factor by a passkey. Where the second one is asked for too, it proves both.
    pub(super) async fn attempt_reverified_passkey(
        &self,
        own: Own<'_>,
        id: SessionId,
        given: Option<&str>,
    ) -> Result<(ReverificationView, ClientView), EngineError> {
        self.inner.admission.spend(LimitedAction::Attempt, own.context, self.now())?;
        let given = given.filter(|given| !given.is_empty());
        let given = given.ok_or_else(|| EngineError::from(ErrorCode::FormParamMissing.on(CREDENTIAL)))?;
        let owner = ChallengeOwner::Reverification(id);
        for _ in 0..TRIES_MAX {
            let (user, session) = self.own(own).await?;
            let step = self.pending_step(&session, false)?;
            let begun = self.begun_ceremony(owner).await?;
            let begun = begun.ok_or(EngineError::Rejected(ErrorCode::VerificationMissing.into()))?;
            if !begun.kept.is_good(self.now()) {
                return Err(Rejection::from(ErrorCode::VerificationExpired).into());
            }
            let used = self.passkey_use(Some(&user), &begun, given)?;
            let next = used.and_then(|used| user.after_use_of(&used, self.now()));
            let write =
                |next: &User| UserWrite::Change { next: Box::new(next.clone()), expected_version: user.version };
            let decision = Decision {
                users: next.iter().map(write).collect(),
                challenges: vec![ChallengeChange::Take(owner, begun.id)],
                // A wrong signature is not counted, since none can be guessed.
                tried: next.is_some().then(|| Try { needs_more: false, ..self.tried(own, &user, Share::Codes, true) }),
                limits: self.policy().address_limits,
                ..Decision::default()
            };
            let now = Some(self.now());
            let second_factor_at = if step.level == Level::MultiFactor { now } else { step.second_factor_at };
            let step = Reverification { first_factor_at: now, second_factor_at, ..step };
            let changes = next.is_some().then_some(ClientChange::Reverify(id, step));
            let Some(committed) = self.commit_own(own, decision, changes.into_iter().collect()).await? else {
                continue;
            };
            let Some(next) = next else {
                let refused = Rejection::from(ErrorCode::PasskeyAuthenticationFailure);
                return Err(self.with_warning(refused, committed.attempts_left).into());
            };
            let client = self.after(own, &committed).await?;
            return Ok((self.view_step(Arc::new(next), &client, id, None)?, client));
        }
        Err(EngineError::Busy { retry_after: RETRY_AFTER })
    }
}
