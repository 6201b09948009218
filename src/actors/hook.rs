//! Asking the application's hook about a new user, so that neither its silence nor its panic reaches the sign-up.

use std::sync::Arc;

use tokio::task::JoinSet;

use crate::domain::application_value::ApplicationValue;
use crate::domain::hook::{Additions, Answer, Hook, HookOptions, OnFailure, UserToBe};
use crate::domain::refusal::Declined;
use crate::domain::user::Conversion;

/// A hook with the rules for asking it.
#[derive(Clone)]
pub struct Hooked {
    /// The hook.
    pub hook: Arc<dyn Hook>,
    /// The rules.
    pub options: HookOptions,
}

impl Hooked {
    /// Asks about a conversion. What the application adds goes into the conversion, but for its values, which are
    /// returned.
    pub(super) async fn ask(&self, conversion: &mut Conversion) -> Result<Vec<ApplicationValue>, Declined> {
        let id = conversion.user.id;
        let failure = match self.answer(conversion).await {
            Ok(Answer::Allow) => return Ok(Vec::new()),
            Ok(Answer::Refuse(refusal)) => {
                tracing::info!(user.id = %id, error.code = refusal.code(), "the application refused a sign-up");
                return Err(Declined::Refused(refusal));
            }
            Ok(Answer::AllowWith(Additions { public_metadata, values })) => {
                match public_metadata.map_or(Ok(()), |metadata| conversion.merge(&metadata)) {
                    Ok(()) => return Ok(values),
                    Err(_) => "its metadata is too large beside what is there",
                }
            }
            Ok(Answer::Failed) => "it can't tell",
            Err(failure) => failure,
        };
        tracing::error!(user.id = %id, failure, on_failure = ?self.options.on_failure, "a hook failed");
        match self.options.on_failure {
            OnFailure::Allow => Ok(Vec::new()),
            OnFailure::Refuse => Err(Declined::Unchecked),
        }
    }

    /// The hook runs in a task of its own: its panic ends that task alone, and a hook that blocks its thread does not
    /// keep this one from noticing the deadline.
    async fn answer(&self, conversion: &Conversion) -> Result<Answer, &'static str> {
        let user = UserToBe::of(conversion).ok_or("the user came from no sign-up")?;
        let hook = self.hook.clone();
        // When it is dropped, it aborts what has not ended.
        let mut tasks = JoinSet::new();
        tasks.spawn(async move { hook.before_conversion(&user).await });
        match tokio::time::timeout(self.options.deadline, tasks.join_next()).await {
            Ok(Some(Ok(answer))) => Ok(answer),
            Ok(_) => Err("it panicked"),
            Err(_) => Err("it did not answer in time"),
        }
    }
}
