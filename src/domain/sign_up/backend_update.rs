//! The backend's say: where the settings want it, a sign-up waits for the application's backend to do something of
//! its own first (`custom_action`,
//! [guide: The backend's word on sign-ups](crate::guide::contract_backend#the-backends-word-on-sign-ups)).

use crate::domain::context::Context;
use crate::domain::rejection::{ErrorCode, Reason, Rejection};

use super::update::patch;
use super::{Patch, SignUp, Transition};

/// What the application's backend says of a sign-up.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct BackendUpdate {
    /// Whether it has done what it wanted to do first; `None` says nothing about that.
    pub custom_action: Option<bool>,
    /// What it calls the user.
    pub external_id: Patch<String>,
}

impl BackendUpdate {
    /// Reads the parameters, `None` where absent.
    ///
    /// # Errors
    /// Names the external id where that is too long or holds control characters.
    pub fn parse(custom_action: Option<bool>, external_id: Option<&str>) -> Result<Self, Reason> {
        const PARAM: &str = "external_id";
        let external_id = match external_id {
            None => Patch::Keep,
            Some("") => Patch::Clear,
            Some(id) if id.chars().count() > EXTERNAL_ID_MAX => {
                return Err(ErrorCode::FormParamMaxLengthExceeded.on(PARAM).with(EXTERNAL_ID_MAX as u32));
            }
            Some(id) if id.chars().any(char::is_control) => return Err(ErrorCode::FormParamFormatInvalid.on(PARAM)),
            Some(id) => Patch::Set(id.to_owned()),
        };
        Ok(Self { custom_action, external_id })
    }

    /// Whether the sign-up is as this wants it.
    pub(super) fn is_done(&self, sign_up: &SignUp) -> bool {
        let is_named = match &self.external_id {
            Patch::Keep => true,
            Patch::Clear => sign_up.external_id.is_none(),
            Patch::Set(id) => sign_up.external_id.as_ref() == Some(id),
        };
        is_named && self.custom_action.is_none_or(|custom_action| custom_action == sign_up.custom_action)
    }
}

impl SignUp {
    /// The backend's word may complete the sign-up; the session is its client's all the same.
    pub(super) fn update_by_backend(
        &self,
        update: &BackendUpdate,
        cx: &mut Context<'_>,
    ) -> Result<Transition, Rejection> {
        let mut next = self.touched(cx);
        next.custom_action = update.custom_action.unwrap_or(self.custom_action);
        patch(&mut next.external_id, &update.external_id);
        // The answer goes to the backend.
        Ok(Transition::to(next).convert_if_complete(cx)?.without_rotation())
    }
}

/// The longest external id, in code points.
const EXTERNAL_ID_MAX: usize = 256;
