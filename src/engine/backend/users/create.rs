//! Creating users.

use std::sync::Arc;

use crate::domain::id::UserId;
use crate::domain::rejection::ErrorCode;
use crate::domain::secret::Secret;
use crate::domain::sign_up::taken;
use crate::domain::user::{NewUser, NewUserFields, User};
use crate::store::UserWrite;
use crate::token::read_totp_secret;

use crate::engine::{Engine, EngineError};

impl Engine {
    /// [`Users::create`](crate::engine::Users::create).
    pub(in crate::engine) async fn create_user(&self, input: &NewUser) -> Result<Arc<User>, EngineError> {
        self.admitted(async {
            let (mut fields, password) = NewUserFields::parse(input, &self.settings(), self.now())?;
            let app = self.given_app(input)?;
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
            let mut user = self.inner.actor_context.decide(|cx| User::create(&fields, cx));
            if app.is_some() || !input.backup_codes.is_empty() {
                let app = app.map(|secret| self.sealed_totp_secret(user.id, &secret));
                let digest = |code: &Secret<String>| self.backup_digest(user.id, code.expose());
                let codes = input.backup_codes.iter().filter_map(digest).collect();
                user.begin_with_factors(app.as_ref(), codes, self.now());
            }
            match self.commit_user(UserWrite::Create(Box::new(user.clone()))).await? {
                true => Ok(Arc::new(user)),
                // Its id is in use, though it is new and random.
                false => Err(EngineError::Internal),
            }
        })
        .await
    }

    /// The secret of the authenticator app that a new user has already.
    fn given_app(&self, input: &NewUser) -> Result<Option<Secret<Vec<u8>>>, EngineError> {
        let text = input.totp_secret.as_ref().filter(|text| !text.expose().is_empty());
        let attributes = &self.settings().attributes;
        if text.is_some() && !attributes.authenticator_app.is_second_factor() {
            return Err(ErrorCode::FormParamUnknown.on("totp_secret").into());
        }
        if !input.backup_codes.is_empty() && !attributes.backup_code.is_second_factor() {
            return Err(ErrorCode::FormParamUnknown.on("backup_codes").into());
        }
        let is_code = |code: &Secret<String>| self.backup_digest(UserId::from_bytes([0; 16]), code.expose()).is_some();
        if input.backup_codes.len() > BACKUP_CODES_MAX || !input.backup_codes.iter().all(is_code) {
            return Err(ErrorCode::FormParamValueInvalid.on("backup_codes").into());
        }
        let read = |text: &Secret<String>| {
            let invalid = || EngineError::from(ErrorCode::FormParamFormatInvalid.on("totp_secret"));
            read_totp_secret(text.expose()).ok_or_else(invalid)
        };
        text.map(read).transpose()
    }
}

/// How many backup codes a new user may have.
const BACKUP_CODES_MAX: usize = 100;
