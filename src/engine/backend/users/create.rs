//! Creating users.

use std::sync::Arc;

use crate::domain::sign_up::taken;
use crate::domain::user::{NewUser, NewUserFields, User};
use crate::store::UserWrite;

use crate::engine::{Engine, EngineError};

impl Engine {
    /// [`Users::create`](crate::engine::Users::create).
    pub(in crate::engine) async fn create_user(&self, input: &NewUser) -> Result<Arc<User>, EngineError> {
        self.admitted(async {
            let (mut fields, password) = NewUserFields::parse(input, &self.settings(), self.now())?;
            // Before the password is hashed, which takes long; the commit decides.
            for identifier in fields.identifiers() {
                if self.owner_of(&identifier).await?.is_some() {
                    return Err(taken(identifier.kind).into());
                }
            }
            if let Some(password) = password {
                let digest = self.digest_of(password, fields.own_words().into_iter()).await?;
                fields.password_digest = Some(digest);
            }
            let user = self.inner.actor_context.decide(|cx| User::create(&fields, cx));
            match self.commit_user(UserWrite::Create(Box::new(user.clone()))).await? {
                true => Ok(Arc::new(user)),
                // Its id is in use, though it is new and random.
                false => Err(EngineError::Internal),
            }
        })
        .await
    }
}
