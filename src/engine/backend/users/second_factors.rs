//! Second factors that the backend sets and asks about.

use crate::domain::id::UserId;
use crate::domain::rejection::{ErrorCode, Rejection};
use crate::domain::user::{SecondFactorChange, UsedCode, UserChange};

use crate::engine::{Engine, EngineError};

/// The kind of a code that was accepted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum CodeKind {
    /// A code of an authenticator app.
    Totp,
    /// A backup code.
    BackupCode,
}

impl Engine {
    /// [`Users::verify_second_factor`](crate::engine::Users::verify_second_factor).
    pub(in crate::engine) async fn verify_second_factor(
        &self,
        id: UserId,
        code: &str,
    ) -> Result<CodeKind, EngineError> {
        self.admitted(async {
            let user = self.known_user(id).await?;
            if !user.has_app() && !user.has_backup_codes() {
                return Err(Rejection::from(ErrorCode::TotpNotEnabled).into());
            }
            let wrong = || EngineError::from(ErrorCode::FormCodeIncorrect.on("code"));
            let step = self.step_of(&user, code).filter(|_| user.has_app());
            let (used, kind) = match step {
                Some(step) => (UsedCode::Totp(step), CodeKind::Totp),
                None => {
                    let digest = self.backup_digest(id, code).ok_or_else(wrong)?;
                    (UsedCode::BackupCode(digest), CodeKind::BackupCode)
                }
            };
            // A code works once here too.
            let change = UserChange::SecondFactor(SecondFactorChange::Use(used));
            self.write_user(id, &change, None).await?;
            Ok(kind)
        })
        .await
    }
}
