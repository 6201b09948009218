//! Signing in with the ticket of a sign-in token: the application's backend has said who the person is, so nothing else has
//! to be proved. That the token is used only once is decided by the commit.

use crate::domain::context::Context;
use crate::domain::id::{SignInId, SignInTokenId};
use crate::domain::identifier::{Identifier, IdentifierKind};
use crate::domain::rejection::{ErrorCode, Rejection};
use crate::domain::user::User;
use crate::domain::verification::{Strategy, Verification};

use super::{Credential, FirstFactor, SignIn, Transition};

impl SignIn {
    /// Proves the first factor by a ticket, whose token belongs to `user`. The value is new.
    pub(super) fn prove_by_ticket(
        mut self,
        token: SignInTokenId,
        expected: Option<(SignInId, u64)>,
        user: Option<&User>,
        cx: &mut Context<'_>,
    ) -> Result<Transition, Rejection> {
        let user = user.ok_or(ErrorCode::SignInTokenCannotBeUsed)?.id;
        // A ticket proves no address.
        let address = Identifier { kind: IdentifierKind::ExternalId, value: token.to_string() };
        let verification = Verification::verified_by_provider(Strategy::Ticket, self.client_id, cx.now);
        self.first_factor = Some(FirstFactor { address, verification });
        let proof = (Some(Strategy::Ticket), Credential::Ticket(token));
        Ok(Transition::to(self).completed(expected, user, proof, cx))
    }
}
