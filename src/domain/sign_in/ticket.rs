//! Signing in with a ticket: of a sign-in token, by which the application's backend has said who the person is, or of an
//! invitation, which was sent to an address of the user. Nothing else has to be proved. That a ticket is used only once is
//! decided by the commit.

use crate::domain::context::Context;
use crate::domain::id::{InvitationId, SignInId, SignInTokenId};
use crate::domain::identifier::{Identifier, IdentifierKind};
use crate::domain::rejection::{ErrorCode, Rejection};
use crate::domain::user::User;
use crate::domain::verification::{SecondFactorNeed, Strategy, Verification};

use super::second_factor::second_factor_need;
use super::{Credential, FirstFactor, SignIn, Transition};

impl SignIn {
    /// Proves the first factor by a ticket, whose token belongs to `user`. The value is new.
    pub(super) fn prove_by_ticket(
        self,
        token: SignInTokenId,
        expected: Option<(SignInId, u64)>,
        user: Option<&User>,
        cx: &mut Context<'_>,
    ) -> Result<Transition, Rejection> {
        let user = user.ok_or(ErrorCode::SignInTokenCannotBeUsed)?;
        // A ticket proves no address.
        let address = Identifier { kind: IdentifierKind::ExternalId, value: token.to_string() };
        Ok(self.complete_by_ticket(address, Credential::Ticket(token), expected, user, cx))
    }

    /// Proves the first factor by the ticket of an invitation to an address of `user`. The value is new.
    pub(super) fn prove_by_invitation(
        self,
        invitation: InvitationId,
        address: &Identifier,
        expected: Option<(SignInId, u64)>,
        user: Option<&User>,
        cx: &mut Context<'_>,
    ) -> Result<Transition, Rejection> {
        let user = user.ok_or(ErrorCode::InvitationAccountNotExists)?;
        let proof = Credential::Invitation { invitation, address: address.clone() };
        Ok(self.complete_by_ticket(address.clone(), proof, expected, user, cx))
    }

    fn complete_by_ticket(
        mut self,
        address: Identifier,
        proof: Credential,
        expected: Option<(SignInId, u64)>,
        user: &User,
        cx: &mut Context<'_>,
    ) -> Transition {
        let verification = Verification::verified_by_provider(Strategy::Ticket, self.client_id, cx.now);
        self.first_factor = Some(FirstFactor { address, verification });
        let (transition, proof) = (Transition::to(self), (Some(Strategy::Ticket), proof));
        if matches!(proof.1, Credential::Invitation { .. }) {
            return transition.proved(expected, user, proof, cx);
        }
        // The application's backend has said who it is: no second factor is asked for.
        let need = match second_factor_need(user, None, cx.settings) {
            SecondFactorNeed::Needed => SecondFactorNeed::None,
            need => need,
        };
        transition.completed(expected, user.id, proof, need, cx)
    }
}
