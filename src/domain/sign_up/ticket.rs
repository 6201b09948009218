//! Tickets: an invitation proves its address and opens an instance that is closed to the public
//! ([guide: Invitations and tickets](crate::guide::contract_sign_ups#invitations-and-tickets)).

use crate::domain::context::Context;
use crate::domain::id::InvitationId;
use crate::domain::invitation::Invitation;
use crate::domain::rejection::{ErrorCode, Reason};
use crate::domain::verification::{Strategy, Verification};

use super::state::Collected;
use super::{Fields, Patch, SignUp};

impl SignUp {
    /// The invitation that it uses. An invitation is for one address: a sign-up whose address has been replaced is no
    /// longer invited.
    pub fn invited_by(&self) -> Option<InvitationId> {
        let proof = self.email_address.as_ref().and_then(|email| email.verification.as_ref());
        self.invitation.filter(|_| proof.is_some_and(|proof| *proof.strategy() == Strategy::Ticket))
    }

    /// Applies the invitation of a ticket: its address, which it proves, and its metadata. Without a ticket, removes an
    /// invitation whose address has been replaced.
    pub(super) fn take_ticket(&mut self, invitation: Option<&Invitation>, cx: &Context<'_>) {
        if let Some(invitation) = invitation {
            let is_known = self.invited_by() == Some(invitation.id);
            let known = self.email_address.take().and_then(|email| email.verification).filter(|_| is_known);
            let verification =
                known.unwrap_or_else(|| Verification::verified_by_provider(Strategy::Ticket, self.client_id, cx.now));
            let value = invitation.email_address.clone();
            self.email_address = Some(Collected { value, verification: Some(verification) });
            self.invitation = Some(invitation.id);
            self.public_metadata.clone_from(&invitation.public_metadata);
        } else if self.invitation.is_some() && self.invited_by().is_none() {
            self.invitation = None;
            self.public_metadata = "{}".into();
        }
    }
}

impl Fields {
    /// Whether the address given beside a ticket is the invited one.
    pub(super) fn agree_with_ticket(&self) -> Result<(), Reason> {
        match (&self.invitation, &self.email_address) {
            (Some(invitation), Patch::Set(email)) if email.as_str() != invitation.email_address.as_str() => {
                Err(ErrorCode::FormConditionalParamDisallowed.on("email_address"))
            }
            _ => Ok(()),
        }
    }
}
