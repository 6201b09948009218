//! Passwords that the backend gives or asks about. The backend is trusted, so that neither the limits of sources nor the
//! count of failed sign-ins apply.

use crate::domain::id::UserId;
use crate::domain::password_policy;
use crate::domain::rejection::{ErrorCode, Rejection};
use crate::domain::secret::Secret;
use crate::domain::user::GivenPassword;
use crate::password::{DigestCost, ForeignDigest, ForeignDigestError, HashPool};

use crate::engine::{Engine, EngineError};

impl Engine {
    /// [`Users::verify_password`](crate::engine::Users::verify_password).
    pub(in crate::engine) async fn verify_user_password(
        &self,
        id: UserId,
        password: &Secret<String>,
    ) -> Result<(), EngineError> {
        self.admitted(async {
            let user = self.known_user(id).await?;
            let stored = user.password_digest.clone().ok_or_else(|| Rejection::from(ErrorCode::NoPasswordSet))?;
            let given = match HashPool::cost_of(&stored) {
                // Other systems hash what the person types; we hash its normal form.
                Some(DigestCost::Foreign(_)) => Some(password.clone()),
                _ => password_policy::normalise(password.expose()).map(Secret::new),
            };
            let fits = match given {
                Some(given) => self.inner.hashes.verify(given, stored, None).await?,
                None => false,
            };
            if fits { Ok(()) } else { Err(ErrorCode::IncorrectPassword.on("password").into()) }
        })
        .await
    }

    /// The text to store for a password or digest that the backend gives. `words` are the person's own.
    pub(super) async fn digest_of<'a>(
        &self,
        given: GivenPassword,
        words: impl Iterator<Item = &'a str>,
    ) -> Result<Secret<String>, EngineError> {
        let hashes = &self.inner.hashes;
        match given {
            GivenPassword::Unchecked(normalised) => Ok(hashes.hash(normalised).await?),
            GivenPassword::Digest { hasher, digest } => {
                let read = ForeignDigest::parse(&hasher, digest.expose()).map_err(|error| match error {
                    ForeignDigestError::UnknownHasher | ForeignDigestError::Unsupported { .. } => {
                        ErrorCode::FormParamValueInvalid.on("password_hasher")
                    }
                    _ => ErrorCode::FormPasswordDigestInvalid.on("password_digest"),
                })?;
                Ok(hashes.adopt(&read).await?)
            }
            GivenPassword::Checked(candidate) => {
                let candidate = candidate.apart_from(words).apart_from(self.application_words());
                self.hash_judged(candidate, None).await
            }
        }
    }
}
