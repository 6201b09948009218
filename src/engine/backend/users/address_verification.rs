//! Proving addresses of users by codes, for the application's backend
//! ([guide: Addresses](crate::guide::contract_backend#addresses)).

use crate::domain::id::{AddressVerificationId, IdentificationId};
use crate::domain::rejection::{ErrorCode, Rejection};
use crate::domain::user::{AddressVerification, Asker, Purpose};
use crate::domain::verification::OneTimeCode;
use crate::engine::frontend::address_steps::Beside;
use crate::engine::{Engine, EngineError};

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
                let step = environment
                    .decide(|cx| AddressVerification::prepare(&user, id, before.as_ref(), &Asker::BACKEND, cx))?;
                if self.commit_step(&step, before.as_ref(), None, Beside::default()).await?.is_some() {
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
                let known = known
                    .filter(|known| known.id == verification && known.purpose == Purpose::Backend)
                    .ok_or(EngineError::NotFound)?;
                let user = self.known_user(known.user_id).await?;
                // What can't be a code is wrong, and uses up no attempt.
                let Some(code) = OneTimeCode::parse(code) else { return Ok(known) };
                let step = self.inner.actor_context.decide(|cx| known.attempt(&code, &user, None, cx))?;
                let Some(step) = step else { return Ok(known) };
                if self.commit_step(&step, Some(&known), Some(&user), Beside::default()).await?.is_some() {
                    return Ok(step.next);
                }
            }
            Err(Rejection::from(ErrorCode::ResourceConflict).into())
        })
        .await
    }
}

/// How often a call decides again when another one was faster.
const TRIES_MAX: usize = 8;
