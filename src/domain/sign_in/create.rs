//! Create: the identifier, and the first step in the same request.

use crate::domain::context::Context;
use crate::domain::rejection::{ErrorCode, Rejection};
use crate::domain::user::User;
use crate::domain::verification::{ExternalAccount, Strategy, check_enabled};

use super::{Create, Phase, SignIn, Start, Transition};

impl SignIn {
    /// A new sign-in that replaces the one of its client. `user` holds the identifier, or is the one of the ticket.
    ///
    /// # Errors
    /// `form_identifier_not_found` where no user holds the identifier, unless enumeration protection hides that or the
    /// person may sign up with it; `form_param_missing` for a step that needs an identifier; the reason for which the
    /// step is refused.
    pub fn create(create: &Create, user: Option<&User>, cx: &mut Context<'_>) -> Result<Transition, Rejection> {
        let is_protected = cx.settings.hides_users();
        let by_identifier = matches!(create.start, Start::Prepare(_) | Start::Password { .. });
        if create.identifier.is_none() && by_identifier {
            return Err(ErrorCode::FormParamMissing.on("identifier").into());
        }
        if create.identifier.is_some() && user.is_none() && !is_protected && create.newcomer.is_none() {
            return Err(ErrorCode::FormIdentifierNotFound.on("identifier").into());
        }
        let empty = Self {
            id: create.id,
            client_id: create.client_id,
            version: 1,
            phase: Phase::Open,
            identifier: create.identifier.clone(),
            user_id: user.map(|user| user.id),
            first_factor: None,
            second_factor: None,
            external: None,
            newcomer: create.newcomer.filter(|_| create.identifier.is_some()),
            created_at: cx.now,
            updated_at: cx.now,
            origin: create.origin.clone(),
            recent_sends: Vec::new(),
        };
        match &create.start {
            Start::Identify => Ok(Transition::to(empty).kept(create.replaces)),
            Start::Passkey(challenge) => empty.begin_passkey_in_place((**challenge).clone(), create.replaces, user, cx),
            Start::Prepare(prepare) => empty.prepare_in_place(prepare, create.replaces, user, cx),
            Start::Leave(request) => {
                check_enabled(&request.strategy, cx.settings)?;
                let external = Some(Box::new(ExternalAccount::pending(request, cx.now)));
                let transition = Transition::to(Self { external, ..empty }).kept(create.replaces);
                // The return completes the sign-in without an answer to this client, as in a sign-up that is
                // left to others.
                Ok(if request.answered_elsewhere { transition.renewed(cx.now) } else { transition })
            }
            Start::Ticket(token) => empty.prove_by_ticket(*token, create.replaces, user, cx),
            Start::Invited { invitation, address } => {
                empty.prove_by_invitation(*invitation, address, create.replaces, user, cx)
            }
            Start::TakeOver(found) => empty.take_over(&found.0, &found.1, create.replaces, cx),
            Start::Password { fits } => {
                empty.offered(&Strategy::Password, user, cx)?;
                empty.prove_password(fits.as_ref(), create.replaces, user, cx)
            }
        }
    }
}
