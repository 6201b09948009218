//! How a sign-up reacts to each command: the only way to change it.

use crate::domain::client::ClientChange;
use crate::domain::context::Context;
use crate::domain::id::{ClientId, SignUpId};
use crate::domain::rejection::{ErrorCode, Rejection};

use super::state::{SignUp, Status};
use super::{Command, Fields, Transition};

impl SignUp {
    /// A new sign-up with its first fields.
    ///
    /// # Errors
    /// When the instance is closed to the public or an identifier is taken.
    pub fn create(
        id: SignUpId,
        client_id: ClientId,
        fields: &Fields,
        origin: Option<String>,
        cx: &mut Context<'_>,
    ) -> Result<Transition, Rejection> {
        let created = Self::new(id, client_id, origin, cx.now).update(fields, cx);
        // At create no sign-up exists yet to submit a captcha to: it comes with the parameters.
        let mut transition = created.map_err(|refused| match refused.is(ErrorCode::RequiresCaptcha) {
            true => ErrorCode::CaptchaMissingToken.into(),
            false => refused,
        })?;
        transition = transition.told(cx);
        transition.client_changes.insert(0, ClientChange::SetSignUp(id));
        Ok(transition)
    }

    /// The value after `command`, and everything to commit with it.
    ///
    /// # Errors
    /// Why the command is refused; then nothing changes.
    pub fn apply(&self, command: &Command, cx: &mut Context<'_>) -> Result<Transition, Rejection> {
        match self.status(cx.now, cx.policy) {
            Status::MissingRequirements => {}
            Status::Complete => return self.repeated(command, cx),
            Status::Abandoned => {
                let refused = match command {
                    Command::VerifyLink(_) => ErrorCode::VerificationLinkTokenInvalid,
                    Command::Approve | Command::Refuse(_) => ErrorCode::SignUpNotAwaitingApproval,
                    _ => ErrorCode::SignUpCannotBeUpdated,
                };
                return Err(refused.into());
            }
        }
        match command {
            Command::Attempt(attempt) if attempt.again => return self.replayed_attempt(attempt, cx),
            Command::VerifyLink(follow) if follow.again && self.is_left_to_others(cx) => {
                return self.replayed_link(follow, cx);
            }
            _ => {}
        }
        if let Some(answer) = self.while_awaiting_approval(command, cx) {
            return answer;
        }
        let mut transition = match command {
            Command::Update(fields) => self.update(fields, cx)?.told(cx),
            Command::Prepare(prepare) => self.prepare(prepare, cx)?.told(cx),
            Command::Attempt(attempt) => self.attempt(attempt, cx)?.told(cx),
            Command::Return(back) => self.return_from_provider(back, cx)?,
            Command::VerifyLink(follow) => self.verify_link(follow, cx)?,
            Command::BackendUpdate(update) => self.update_by_backend(update, cx)?,
            Command::SolveCaptcha => self.solve_captcha(cx).told(cx),
            Command::Approve => self.approve(cx)?,
            Command::Refuse(reason) => self.refuse(reason.as_deref(), cx)?,
        };
        transition.client_changes.insert(0, ClientChange::RequireSignUp(self.id));
        Ok(transition)
    }

    /// A finished sign-up accepts no changes. A caller that repeats an earlier successful step is shown that it
    /// succeeded.
    fn repeated(&self, command: &Command, cx: &Context<'_>) -> Result<Transition, Rejection> {
        match command {
            Command::Attempt(attempt) => self.replayed_attempt(attempt, cx),
            Command::VerifyLink(follow) => self.replayed_link(follow, cx),
            Command::BackendUpdate(update) if update.is_done(self) => Ok(Transition::unchanged(self)),
            Command::Approve | Command::Refuse(_) => Err(ErrorCode::SignUpNotAwaitingApproval.into()),
            _ => Err(ErrorCode::SignUpCannotBeUpdated.into()),
        }
    }
}
