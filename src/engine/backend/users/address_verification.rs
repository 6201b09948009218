//! Proving addresses of users by codes, for the application's backend
//! ([guide: Addresses](crate::guide::contract_backend#addresses)).

use crate::domain::id::{AddressVerificationId, IdentificationId};
use crate::domain::rejection::{ErrorCode, Rejection};
use crate::domain::transition::Effect;
use crate::domain::user::{AddressStep, AddressVerification};
use crate::domain::verification::OneTimeCode;
use crate::store::{AddressVerificationWrite, Commit, CommitError, Decision, UserWrite};

use crate::engine::{Engine, EngineError, RequestContext};

impl Engine {
    /// [`Users::prepare_address`](crate::engine::Users::prepare_address).
    pub(in crate::engine) async fn prepare_address(
        &self,
        id: IdentificationId,
    ) -> Result<AddressVerification, EngineError> {
        self.admitted(async {
            for _ in 0..TRIES_MAX {
                let holder = self.inner.store().holder_of_address(id).await?.ok_or(EngineError::NotFound)?;
                let user = self.known_user(holder).await?;
                let before = self.inner.store().address_verification(id).await?;
                let environment = &self.inner.actor_context;
                let step = environment.decide(|cx| AddressVerification::prepare(&user, id, before.as_ref(), cx))?;
                if self.commit_step(&step, before.as_ref(), None).await? {
                    return Ok(step.next);
                }
            }
            Err(Rejection::from(ErrorCode::ResourceConflict).into())
        })
        .await
    }

    /// [`Users::attempt_address`](crate::engine::Users::attempt_address).
    pub(in crate::engine) async fn attempt_address(
        &self,
        id: IdentificationId,
        verification: AddressVerificationId,
        code: &str,
    ) -> Result<AddressVerification, EngineError> {
        self.admitted(async {
            for _ in 0..TRIES_MAX {
                let known = self.inner.store().address_verification(id).await?;
                let known = known.filter(|known| known.id == verification).ok_or(EngineError::NotFound)?;
                let user = self.known_user(known.user_id).await?;
                // What can't be a code is wrong, and uses up no attempt.
                let Some(code) = OneTimeCode::parse(code) else { return Ok(known) };
                let step = self.inner.actor_context.decide(|cx| known.attempt(&code, &user, cx))?;
                let Some(step) = step else { return Ok(known) };
                if self.commit_step(&step, Some(&known), Some(user.version)).await? {
                    return Ok(step.next);
                }
            }
            Err(Rejection::from(ErrorCode::ResourceConflict).into())
        })
        .await
    }

    /// Commits a step; `false` where the verification or the user has changed since they were read.
    async fn commit_step(
        &self,
        step: &AddressStep,
        before: Option<&AddressVerification>,
        user_version: Option<u64>,
    ) -> Result<bool, EngineError> {
        let (environment, context) = (&self.inner.actor_context, RequestContext::default());
        let effects: Vec<Effect> = step.message.clone().map(Effect::Deliver).into_iter().collect();
        let sent = self.spend_messages(&effects, &context)?;
        let user = step.user.clone().zip(user_version);
        let user = user.map(|(next, expected_version)| UserWrite::Change { next: Box::new(next), expected_version });
        let write = AddressVerificationWrite {
            next: Box::new(step.next.clone()),
            expected: before.map(AddressVerification::stamp),
        };
        let decision = Decision {
            users: user.into_iter().collect(),
            address_verification: Some(write),
            outbox: environment.outbox(effects),
            quota_uses: step.uses.clone(),
            limits: environment.policy.address_limits,
            ..Decision::default()
        };
        let outcome = self.inner.system.persister().commit(Commit::of_decision(self.now(), decision)).await;
        if !matches!(outcome, Ok(_) | Err(CommitError::Unknown)) {
            sent.iter().for_each(|to| self.inner.admission.take_back_message(to, &context));
        }
        match outcome {
            Ok(_) => Ok(true),
            Err(CommitError::Stale) => Ok(false),
            Err(error) => Err(error.into()),
        }
    }
}

/// How often a call decides again when another one was faster.
const TRIES_MAX: usize = 8;
