//! Create: who it is, and the first step in the same request.

use crate::domain::client::Client;
use crate::domain::context::Context;
use crate::domain::rejection::{ErrorCode, Reason, Rejection};
use crate::domain::time::Timestamp;
use crate::domain::user::User;
use crate::domain::verification::{ExternalAccount, Strategy, check_enabled};

use super::{Create, Phase, SignIn, Start, Transition};

impl SignIn {
    /// A new sign-in, in place of the one its client has. `user` holds the identifier.
    ///
    /// # Errors
    /// `form_identifier_not_found` where nobody holds the identifier, unless the instance keeps that to itself or the
    /// person may sign up by it;
    /// `form_param_missing` for a step that needs an identifier; what the step is refused for.
    pub fn create(create: &Create, user: Option<&User>, cx: &mut Context<'_>) -> Result<Transition, Rejection> {
        let is_protected = cx.settings.attack_protection.enumeration_protection.enabled;
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
            external: None,
            newcomer: create.newcomer.filter(|_| create.identifier.is_some()),
            created_at: cx.now,
            updated_at: cx.now,
            origin: create.origin.clone(),
            recent_sends: Vec::new(),
        };
        match &create.start {
            Start::Identify => Ok(Transition::to(empty).kept(create.replaces)),
            Start::Prepare(prepare) => empty.prepare_in_place(prepare, create.replaces, user, cx),
            Start::Leave(trip) => {
                check_enabled(&trip.strategy, cx.settings)?;
                let external = Some(Box::new(ExternalAccount::pending(trip, cx.now)));
                Ok(Transition::to(Self { external, ..empty }).kept(create.replaces))
            }
            Start::TakeOver(found) => empty.take_over(&found.0, &found.1, create.replaces, cx),
            Start::Password { fits } => {
                empty.offered(&Strategy::Password, user, cx)?;
                empty.prove_password(fits.as_ref(), create.replaces, user, cx)
            }
        }
    }
}

impl Client {
    /// Whether somebody may sign in here now; `user` is who, once that is known.
    ///
    /// # Errors
    /// `session_exists` where one session is all a client holds, `identifier_already_signed_in`.
    pub fn admits(&self, user: Option<&User>, single: bool, now: Timestamp) -> Result<(), Rejection> {
        if let Some(session) = self.session_in_use(now).filter(|_| single) {
            return Err(Reason::from(ErrorCode::SessionExists).instead(session.id).into());
        }
        let theirs = user.and_then(|user| self.live_sessions(now).find(|session| session.user_id == user.id));
        match theirs {
            // The page goes on with it.
            Some(session) => Err(ErrorCode::IdentifierAlreadySignedIn.on("identifier").instead(session.id).into()),
            None => Ok(()),
        }
    }
}
