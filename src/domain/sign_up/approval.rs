//! Approval by an administrator: where the settings require it, a sign-up with everything else done waits until the
//! application's backend approves or refuses it ([guide: Approval](crate::guide::contract_sign_ups#approval)).
//!
//! The person can't change it meanwhile, so that the user has the fields that were approved.

use crate::domain::context::Context;
use crate::domain::rejection::{ErrorCode, Reason, Rejection};
use crate::domain::requirements::Requirements;
use crate::domain::time::Timestamp;

use super::state::Approval;
use super::{Command, SignUp, Transition};

impl SignUp {
    /// Since when it waits for approval.
    pub const fn waits_since(&self) -> Option<Timestamp> {
        match self.approval {
            Approval::Waiting { since } => Some(since),
            Approval::None | Approval::Refused { .. } => None,
        }
    }

    /// Why it was refused, if it was.
    pub fn refused(&self) -> Option<Reason> {
        match &self.approval {
            Approval::Refused { reason, .. } => Some(match reason {
                Some(reason) => Reason::from(ErrorCode::SignUpRefused).saying(reason.clone()),
                None => ErrorCode::SignUpRefused.into(),
            }),
            Approval::None | Approval::Waiting { .. } => None,
        }
    }

    /// Why it did not become a user although it met every requirement: the application or an administrator refused.
    pub fn denied(&self) -> Option<Reason> {
        self.refused().or_else(|| self.declined.as_ref().map(Reason::from))
    }

    /// The answer to a command while it waits or after it was refused; `None` where the command is carried out as
    /// usual.
    pub(super) fn while_awaiting_approval(
        &self,
        command: &Command,
        cx: &mut Context<'_>,
    ) -> Option<Result<Transition, Rejection>> {
        if let Some(refused) = self.refused() {
            return Some(match command {
                Command::Approve | Command::Refuse(_) => Err(ErrorCode::SignUpNotAwaitingApproval.into()),
                _ => Err(refused.into()),
            });
        }
        self.waits_since().filter(|_| cx.settings.sign_up.approval_required)?;
        let waits = || Err(ErrorCode::SignUpAwaitsApproval.into());
        match command {
            Command::BackendUpdate(_) | Command::Approve | Command::Refuse(_) => None,
            // A double click, a second tab, or a retry after a lost response.
            Command::Attempt(attempt) if self.was_proved_by(attempt, cx) && !attempt.again => {
                Some(Ok(Transition::unchanged(self)))
            }
            Command::VerifyLink(follow) => Some(match self.verify_link(follow, cx) {
                Ok(transition) if transition.is_changed() => waits(),
                outcome => outcome,
            }),
            Command::Update(_)
            | Command::Prepare(_)
            | Command::Attempt(_)
            | Command::Return(_)
            | Command::SolveCaptcha => Some(waits()),
        }
    }

    /// Makes it a user. The session belongs to the sign-up's client, which learns of it when it next asks.
    pub(super) fn approve(&self, cx: &mut Context<'_>) -> Result<Transition, Rejection> {
        if self.waits_since().is_none() {
            return Err(ErrorCode::SignUpNotAwaitingApproval.into());
        }
        let needed = Requirements::of(self, cx.now, cx.settings, cx.policy);
        if !needed.are_met_but_for_approval() {
            // The settings require more than they did when it began to wait.
            let lacking = needed.missing_fields.iter().chain(&needed.unverified_fields);
            let params = lacking.map(|field| field.as_str().to_owned()).collect();
            return Err(Reason::from(ErrorCode::FormDataMissing).about(params).into());
        }
        Ok(Transition::to(self.touched(cx)).convert(cx)?.without_rotation())
    }

    /// Refuses it, with what the person is told. Its identifiers were never taken, so it may begin again.
    pub(super) fn refuse(&self, reason: Option<&str>, cx: &Context<'_>) -> Result<Transition, Rejection> {
        if self.waits_since().is_none() {
            return Err(ErrorCode::SignUpNotAwaitingApproval.into());
        }
        let mut next = self.touched(cx);
        next.approval = Approval::Refused { at: cx.now, reason: reason.map(str::to_owned) };
        Ok(Transition::to(next))
    }
}
