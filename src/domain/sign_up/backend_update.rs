//! Updates by the application's backend: if the settings require it, a sign-up waits until the backend has done a step
//! of its own (`custom_action`,
//! [guide: The backend's word on sign-ups](crate::guide::contract_backend#the-backends-word-on-sign-ups)).

use crate::domain::context::Context;
use crate::domain::person;
use crate::domain::rejection::{Reason, Rejection};

use super::update::patch;
use super::{Patch, SignUp, Transition};

/// An update of a sign-up by the application's backend.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct BackendUpdate {
    /// Whether the backend's own step is done; `None` leaves that unchanged.
    pub custom_action: Option<bool>,
    /// The backend's id for the user.
    pub external_id: Patch<String>,
}

impl BackendUpdate {
    /// Reads the parameters, `None` where absent.
    ///
    /// # Errors
    /// Names the external id if it is too long or has control characters.
    pub fn parse(custom_action: Option<bool>, external_id: Option<&str>) -> Result<Self, Reason> {
        let external_id = match external_id {
            None => Patch::Keep,
            Some("") => Patch::Clear,
            Some(text) => Patch::Set(person::external_id(text)?),
        };
        Ok(Self { custom_action, external_id })
    }

    /// Whether the sign-up already has these values.
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
    /// The update may complete the sign-up; the session still belongs to the sign-up's client.
    pub(super) fn update_by_backend(
        &self,
        update: &BackendUpdate,
        cx: &mut Context<'_>,
    ) -> Result<Transition, Rejection> {
        let mut next = self.touched(cx);
        next.custom_action = update.custom_action.unwrap_or(self.custom_action);
        patch(&mut next.external_id, &update.external_id);
        // The response goes to the backend, so it can't carry the client's new token.
        Ok(Transition::to(next).convert_if_complete(cx)?.without_rotation())
    }
}
