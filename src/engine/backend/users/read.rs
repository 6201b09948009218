//! Looking users up.

use std::sync::Arc;

use crate::domain::id::{IdentificationId, UserId};
use crate::domain::identifier::Identifier;
use crate::domain::user::User;

use crate::engine::{Engine, EngineError};

impl Engine {
    /// [`Users::get`](crate::engine::Users::get).
    pub(in crate::engine) async fn user(&self, id: UserId) -> Result<Arc<User>, EngineError> {
        self.admitted(self.known_user(id)).await
    }

    /// [`Users::by_identifier`](crate::engine::Users::by_identifier).
    pub(in crate::engine) async fn user_by_identifier(
        &self,
        identifier: &Identifier,
    ) -> Result<Arc<User>, EngineError> {
        self.admitted(async {
            let id = self.inner.store().owner(identifier).await?.ok_or(EngineError::NotFound)?;
            self.known_user(id).await
        })
        .await
    }

    /// [`Users::by_address`](crate::engine::Users::by_address).
    pub(in crate::engine) async fn user_by_address(&self, id: IdentificationId) -> Result<Arc<User>, EngineError> {
        self.admitted(async {
            let holder = self.inner.store().holder_of_address(id).await?.ok_or(EngineError::NotFound)?;
            let user = self.known_user(holder).await?;
            // It may have lost the address since the look-up.
            if user.has_address(id) { Ok(user) } else { Err(EngineError::NotFound) }
        })
        .await
    }

    pub(in crate::engine) async fn known_user(&self, id: UserId) -> Result<Arc<User>, EngineError> {
        self.inner.store().user(id).await?.ok_or(EngineError::NotFound)
    }
}
