//! Passwords on their way to the hash pool: judged and hashed there, on threads that may be held up, in the turn of whoever
//! gave them and within the share of where they come from.

use crate::domain::id::{ClientId, SignUpId};
use crate::domain::password_policy::{self, Candidate};
use crate::domain::rejection::Code;
use crate::domain::secret::Secret;
use crate::domain::user::User;
use crate::limiter::Family;

use super::{Engine, EngineError, Source};

impl Engine {
    /// The digest of a password that a sign-up is given.
    ///
    /// # Errors
    /// `form_password_pwned` for one that is easily guessed; [`EngineError::Busy`] while another one is being hashed for
    /// this sign-up, [`EngineError::Limited`] and [`EngineError::Overloaded`] where too many are.
    pub(super) async fn hash_password(
        &self,
        candidate: Candidate,
        id: SignUpId,
        source: &Source,
    ) -> Result<Secret<String>, EngineError> {
        let admission = &self.inner.admission;
        let _turn = admission.take_turn(*id.as_bytes())?;
        admission.spend(Family::Password, source, self.now())?;
        let password = candidate.normalised.clone();
        let judge = move || !candidate.is_guessable();
        let digest = self.inner.hashes.hash_if(password, judge, source.requester()).await?;
        digest.ok_or_else(|| Code::FormPasswordPwned.on("password").into())
    }

    /// Whether a password is the user's; finding out that it is nobody's takes as long. `client` is who asks.
    ///
    /// # Errors
    /// As above, but for `form_password_pwned`.
    pub(super) async fn compare(
        &self,
        password: &Secret<String>,
        user: Option<&User>,
        client: ClientId,
        source: &Source,
    ) -> Result<bool, EngineError> {
        let admission = &self.inner.admission;
        let _turn = admission.take_turn(*client.as_bytes())?;
        admission.spend(Family::Password, source, self.now())?;
        let normalised = password_policy::normalise(password.expose());
        let stored = user.and_then(|user| user.password_digest.clone()).filter(|_| normalised.is_some());
        let password = Secret::new(normalised.unwrap_or_default());
        let hashes = &self.inner.hashes;
        let stored = stored.unwrap_or_else(|| hashes.nobodys());
        Ok(hashes.verify_for(password, stored, source.requester()).await?)
    }
}
