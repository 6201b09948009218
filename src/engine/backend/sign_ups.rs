//! Calls of the application's backend, which authenticates by the secret key: updates of a sign-up (`custom_action`,
//! [guide: The backend's word on sign-ups](crate::guide::contract_backend#the-backends-word-on-sign-ups)) and approvals
//! ([guide: Approval](crate::guide::contract_sign_ups#approval)). An embedder
//! acts as the backend and needs no key.

use std::sync::Arc;

use crate::actors::Terms;
use crate::domain::id::SignUpId;
use crate::domain::ports::KeyedDigest;
use crate::domain::refusal::{MESSAGE_MAX, sentence};
use crate::domain::rejection::{ErrorCode, Rejection};
use crate::domain::secret::Secret;
use crate::domain::sign_up::{BackendUpdate, Command, SignUp};
use crate::domain::time::{Span, Timestamp};

use super::pagination;
use crate::engine::{Engine, EngineError, SignUpView};

impl Engine {
    /// The key that the backend must present, if there is one.
    pub fn secret_key(&self) -> Option<&Secret<String>> {
        self.inner.secret_key.as_ref()
    }

    /// Whether `presented` is the backend's key. The comparison takes constant time.
    pub fn is_backend(&self, presented: &str) -> bool {
        let digest = |key: &str| self.inner.key.digest(&[b"secret key", key.as_bytes()]);
        self.secret_key().is_some_and(|key| self.inner.key.equal(&digest(key.expose()), &digest(presented)))
    }

    /// A token that lets the application's own tests pass without a captcha, and when it expires.
    pub fn create_testing_token(&self) -> (Secret<String>, Timestamp) {
        let expire_at = self.now() + TESTING_TTL;
        (self.inner.key.testing_token(expire_at), expire_at)
    }

    /// [`SignUps::inspect`](crate::engine::SignUps::inspect).
    pub(crate) async fn inspect_sign_up(&self, id: SignUpId) -> Result<SignUpView, EngineError> {
        self.admitted(async {
            // Reads the store, not the actors, so that looking wakes no actor.
            let found = self.inner.store().sign_up(id).await?.ok_or(EngineError::NotFound)?;
            self.as_it_stands(found.into()).await
        })
        .await
    }

    /// [`SignUps::update_by_backend`](crate::engine::SignUps::update_by_backend).
    pub(crate) async fn update_sign_up_by_backend(
        &self,
        id: SignUpId,
        update: BackendUpdate,
    ) -> Result<SignUpView, EngineError> {
        self.admitted(self.command_by_backend(id, Command::BackendUpdate(update))).await
    }

    /// [`SignUps::awaiting_approval`](crate::engine::SignUps::awaiting_approval).
    pub(crate) async fn sign_ups_awaiting_approval(
        &self,
        after: Option<SignUpId>,
        limit: usize,
    ) -> Result<Vec<SignUpView>, EngineError> {
        self.admitted(async {
            let waiting = self.inner.store().awaiting_approval(after, pagination::limit(Some(limit))?).await?;
            let mut views = Vec::with_capacity(waiting.len());
            for sign_up in waiting {
                views.push(self.as_it_stands(sign_up.into()).await?);
            }
            Ok(views)
        })
        .await
    }

    /// [`SignUps::approve`](crate::engine::SignUps::approve).
    pub(crate) async fn approve_sign_up(&self, id: SignUpId) -> Result<SignUpView, EngineError> {
        self.admitted(async { decided(self.command_by_backend(id, Command::Approve).await) }).await
    }

    /// [`SignUps::refuse`](crate::engine::SignUps::refuse).
    pub(crate) async fn refuse_sign_up(&self, id: SignUpId, reason: Option<&str>) -> Result<SignUpView, EngineError> {
        self.admitted(async {
            let reason = reason.map(|text| {
                let too_long = || ErrorCode::FormParamExceedsAllowedSize.on("reason").with(MESSAGE_MAX as u32);
                let odd = || ErrorCode::FormParamFormatInvalid.on("reason");
                if text.len() > MESSAGE_MAX { Err(too_long()) } else { sentence(text.to_owned()).ok_or_else(odd) }
            });
            decided(self.command_by_backend(id, Command::Refuse(reason.transpose()?)).await)
        })
        .await
    }

    async fn command_by_backend(&self, id: SignUpId, command: Command) -> Result<SignUpView, EngineError> {
        let found = self.inner.store().sign_up(id).await?.ok_or(EngineError::NotFound)?;
        let answer = self.inner.system.command(id, found.client_id, Terms::default(), command).await?;
        self.as_it_stands(answer.sign_up).await
    }

    async fn as_it_stands(&self, sign_up: Arc<SignUp>) -> Result<SignUpView, EngineError> {
        let client = self.inner.store().client(sign_up.client_id).await?;
        let is_current = client.is_some_and(|client| client.sign_up == Some(sign_up.id));
        Ok(self.inspected(sign_up, is_current))
    }
}

/// The outcome of an approval or a refusal. A sign-up that is no longer its client's current one does not wait any more.
fn decided<T>(outcome: Result<T, EngineError>) -> Result<T, EngineError> {
    outcome.map_err(|error| match error {
        EngineError::Rejected(rejection) if rejection.is(ErrorCode::SignUpCannotBeUpdated) => {
            Rejection::from(ErrorCode::SignUpNotAwaitingApproval).into()
        }
        error => error,
    })
}

/// How long a testing token is valid: one hour.
const TESTING_TTL: Span = Span::from_secs(3600);
