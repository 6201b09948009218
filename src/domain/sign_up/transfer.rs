//! Taking over what a sign-in proved and found to be nobody's
//! ([guide: Transfer](crate::guide::contract_sign_ups#transfer)).

use crate::domain::client::ClientChange;
use crate::domain::field::Field;
use crate::domain::identifier::{EmailAddress, IdentifierKind, PhoneNumber};
use crate::domain::rejection::{ErrorCode, Reason};
use crate::domain::settings::Settings;
use crate::domain::verification::Verification;

use super::state::Collected;
use super::update::taken;
use super::{Fields, Patch, SignUp};

impl SignUp {
    /// Takes in an identifier that a sign-in of the same client proved. An invitation that proves the same address says
    /// more than that, and stays.
    pub(super) fn take_proved(&mut self, fields: &Fields) {
        let Some(proved) = &fields.proved else { return };
        self.captcha_solved |= proved.captcha_solved;
        if self.invited_by().is_some() && self.address(&Field::EmailAddress).as_ref() == Some(&proved.identifier) {
            return;
        }
        let verification = Some(Verification::verified_by_provider(proved.strategy.clone(), self.client_id, proved.at));
        let value = proved.identifier.value.clone();
        match proved.identifier.kind {
            IdentifierKind::EmailAddress => {
                let value = EmailAddress::restore(value.clone(), value);
                self.email_address = Some(Collected { value, verification });
            }
            IdentifierKind::PhoneNumber => {
                self.phone_number = Some(Collected { value: PhoneNumber::restore(value), verification });
            }
            _ => {}
        }
    }
}

impl Fields {
    /// Whether what a sign-in proved can be taken over: the instance asks for such a field, nothing else was given for it,
    /// and it is nobody's still. Whoever proved it may know whose it is.
    pub(super) fn agree_with_proof(&self, settings: &Settings) -> Result<(), Reason> {
        let Some(proved) = &self.proved else { return Ok(()) };
        let kind = proved.identifier.kind;
        let (field, is_given) = match kind {
            IdentifierKind::EmailAddress => {
                let invited = self.invitation.as_ref().map(|invitation| invitation.email_address.as_str());
                let is_another = invited.is_some_and(|invited| invited != proved.identifier.value);
                (Field::EmailAddress, self.email_address != Patch::Keep || is_another)
            }
            IdentifierKind::PhoneNumber => (Field::PhoneNumber, self.phone_number != Patch::Keep),
            _ => return Err(ErrorCode::AccountTransferInvalid.into()),
        };
        if !settings.enabled(&field) {
            return Err(ErrorCode::AccountTransferInvalid.into());
        }
        // Before anything is said of the proved one: what was given beside it is not told about.
        if is_given {
            return Err(ErrorCode::FormConditionalParamDisallowed.on(field.as_str()));
        }
        if proved.is_taken { Err(taken(kind)) } else { Ok(()) }
    }

    /// What taking it over does to the client: a second transfer finds nothing.
    pub(super) fn uses_up(&self) -> Option<ClientChange> {
        let expected = self.consumes?;
        Some(ClientChange::SetSignIn { expected: Some(expected), next: None })
    }
}
