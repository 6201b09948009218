//! The calls about captchas, solved together with a write or between two writes
//! ([guide: Captchas](crate::guide::contract_sign_ups#captchas)). The sign-up knows whether it still owes one.

use crate::captcha::{Captcha, CaptchaError};
use crate::domain::rejection::{ErrorCode, Rejection};
use crate::domain::secret::Secret;
use crate::domain::sign_up::{Command, SignUp, SignUpPatch};
use crate::limiter::LimitedAction;

use crate::engine::{Caller, ClientView, Engine, EngineError, NewSignIn, RequestContext};

impl Engine {
    /// Accepts a captcha that was solved between two steps: the caller's sign-up owes none any more. Where none is
    /// owed, the captcha service is not called and nothing changes. `None` for an anonymous caller.
    ///
    /// # Errors
    /// `captcha_invalid`, `requires_captcha` without a token, and when the service can't be reached.
    pub async fn solve_captcha(
        &self,
        caller: &Caller,
        token: Option<Secret<String>>,
        error: Option<String>,
        context: &RequestContext,
    ) -> Result<Option<ClientView>, EngineError> {
        self.admitted(async {
            let now = self.now();
            self.inner.admission.spend(LimitedAction::Attempt, context, now)?;
            self.inner.admission.spend(LimitedAction::Write, context, now)?;
            if let Some(client) = caller.client()
                && let Some(id) = client.sign_up
            {
                let current = self.inner.system.read(id, client.id).await?.sign_up;
                let solved = SignUpPatch { captcha_token: token, captcha_error: error, ..SignUpPatch::default() };
                if self.solves_captcha(&solved, Some(&current), caller, context).await? {
                    let answer = self
                        .inner
                        .system
                        .command(id, client.id, context.with(caller.terms()), Command::SolveCaptcha)
                        .await?;
                    return Ok(Some(self.answered(caller, answer, context).await?.1));
                }
            }
            self.show_client(caller, context).await
        })
        .await
    }

    /// Asks the captcha service about a write to a sign-up that owes a captcha; `current` is `None` for a new sign-up.
    /// If the service can't be reached, the write is refused. No captcha is asked for when the person goes to a
    /// provider that detects bots itself; whether the sign-up may then still owe it, the sign-up decides.
    pub(in crate::engine) async fn solves_captcha(
        &self,
        input: &SignUpPatch,
        current: Option<&SignUp>,
        caller: &Caller,
        context: &RequestContext,
    ) -> Result<bool, EngineError> {
        let (settings, policy) = (self.settings(), &self.inner.actor_context.policy);
        let Some(captcha) = self.captcha().filter(|_| settings.sign_up.captcha_enabled) else { return Ok(false) };
        if current.is_some_and(|sign_up| !sign_up.owes_captcha(&settings, policy)) {
            return Ok(false);
        }
        if self.is_tested(context) {
            return Ok(true);
        }
        let transferred = caller.client().filter(|_| input.transfer).and_then(|client| client.sign_in.as_deref());
        let transferred = transferred.and_then(|sign_in| Some(sign_in.external.as_deref()?.strategy.clone()));
        let named = || input.strategy.clone();
        if transferred.or_else(named).is_some_and(|strategy| policy.waives_captcha(&strategy)) {
            return Ok(false);
        }
        let missing = if current.is_some() { ErrorCode::RequiresCaptcha } else { ErrorCode::CaptchaMissingToken };
        ask(captcha, (&input.captcha_token, &input.captcha_error), missing, context).await
    }

    /// The same for a sign-in that may become a sign-up: a captcha solved for the sign-in counts for the sign-up too
    /// ([guide: Sign up if missing](crate::guide::contract_sign_ins#sign-up-if-missing)).
    pub(in crate::engine) async fn newcomer_solves_captcha(
        &self,
        input: &NewSignIn,
        context: &RequestContext,
    ) -> Result<bool, EngineError> {
        let Some(captcha) = self.captcha().filter(|_| self.settings().sign_up.captcha_enabled) else {
            return Ok(false);
        };
        if self.is_tested(context) {
            return Ok(true);
        }
        let presented = (&input.captcha_token, &input.captcha_error);
        ask(captcha, presented, ErrorCode::SignUpIfMissingNotAllowed, context).await
    }

    /// Whether the application's own tests make this call.
    fn is_tested(&self, context: &RequestContext) -> bool {
        let token = context.testing_token.as_deref();
        token.is_some_and(|token| self.inner.key.is_testing_token(token, self.now()))
    }
}

/// Asks the service about the presented captcha token; `missing` is the error when there is none.
async fn ask(
    captcha: &Captcha,
    (token, error): (&Option<Secret<String>>, &Option<String>),
    missing: ErrorCode,
    context: &RequestContext,
) -> Result<bool, EngineError> {
    let refused = |code: ErrorCode| EngineError::from(Rejection::from(code));
    let has_failed = error.as_deref().is_some_and(|error| !error.is_empty());
    let missing = if has_failed { ErrorCode::CaptchaInvalid } else { missing };
    // An error of an earlier widget does not matter when a token came after it.
    let token = token.as_ref().map(|token| token.expose().as_str());
    let token = token.filter(|token| !token.is_empty() && token.len() <= TOKEN_MAX).ok_or_else(|| refused(missing))?;
    match captcha.verify(token, context.address).await {
        Ok(()) => Ok(true),
        Err(CaptchaError::Refused) => Err(refused(ErrorCode::CaptchaInvalid)),
        Err(error @ CaptchaError::Unavailable(_)) => Err(EngineError::Unavailable(error.to_string())),
    }
}

/// The longest token of a captcha service, in bytes.
const TOKEN_MAX: usize = 16 * 1024;
