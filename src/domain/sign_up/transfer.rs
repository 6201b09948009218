//! Taking over an identifier that a sign-in proved and that no user holds
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
    /// Takes over an identifier that a sign-in of the same client proved. An invitation that proves the same address is
    /// the stronger proof and is kept.
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
    /// Whether the identifier that a sign-in proved can be taken over: the instance has such a field, no other value
    /// was given for it, and no user holds it yet. The person has proved it, so the error may say that it is taken.
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
        // Checked before `is_taken`: a request with another value must not learn whether the proved one is taken.
        if is_given {
            return Err(ErrorCode::FormConditionalParamDisallowed.on(field.as_str()));
        }
        if proved.is_taken { Err(taken(kind)) } else { Ok(()) }
    }

    /// The change to the client: the sign-in is removed, so that it can't be transferred twice.
    pub(super) fn uses_up(&self) -> Option<ClientChange> {
        let expected = self.consumes?;
        Some(ClientChange::SetSignIn { expected: Some(expected), next: None })
    }
}
