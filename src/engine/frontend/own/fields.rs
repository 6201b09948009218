//! Names, username, primary addresses and metadata; and the end of a user by its own person.

use std::sync::Arc;

use crate::domain::id::{SessionId, UserId};
use crate::domain::metadata::Metadata;
use crate::domain::rejection::ErrorCode;
use crate::domain::sign_up::Patch;
use crate::domain::user::{OwnChange, ProfilePatch, User, UserFields, UserPatch};
use crate::limiter::LimitedAction;
use crate::store::{Decision, UserWrite};

use super::{Needs, Own, TRIES_MAX};
use crate::engine::admission::RETRY_AFTER;
use crate::engine::{Caller, ClientView, Engine, EngineError, RequestContext};

impl Engine {
    /// [`OwnUser::update`](crate::engine::OwnUser::update).
    pub(crate) async fn update_own(
        &self,
        caller: &Caller,
        session: Option<SessionId>,
        patch: &ProfilePatch,
        context: &RequestContext,
    ) -> Result<(Arc<User>, ClientView), EngineError> {
        self.admitted(async {
            let own = Own::of(caller, session, context);
            let (fields, _) = UserFields::parse(&patch.clone().into(), &self.settings(), self.now())?;
            let is_sensitive = patch.username != Patch::Keep
                || patch.primary_email_address_id.is_some()
                || patch.primary_phone_number_id.is_some();
            let needs = if is_sensitive { Needs::FreshProof } else { Needs::Session };
            let change = OwnChange::Update(Box::new(fields));
            self.change_own(own, needs, |user, _, cx| user.apply_own(&change, cx)).await
        })
        .await
    }

    /// [`OwnUser::merge_metadata`](crate::engine::OwnUser::merge_metadata).
    pub(crate) async fn merge_own_metadata(
        &self,
        caller: &Caller,
        session: Option<SessionId>,
        unsafe_metadata: &Metadata,
        context: &RequestContext,
    ) -> Result<(Arc<User>, ClientView), EngineError> {
        self.admitted(async {
            let change = OwnChange::Metadata(unsafe_metadata.clone());
            let own = Own::of(caller, session, context);
            self.change_own(own, Needs::Session, |user, _, cx| user.apply_own(&change, cx)).await
        })
        .await
    }

    /// [`OwnUser::delete`](crate::engine::OwnUser::delete).
    pub(crate) async fn delete_own(
        &self,
        caller: &Caller,
        session: Option<SessionId>,
        context: &RequestContext,
    ) -> Result<(UserId, ClientView), EngineError> {
        self.admitted(async {
            let own = Own::of(caller, session, context);
            self.inner.admission.spend(LimitedAction::Write, context, self.now())?;
            for _ in 0..TRIES_MAX {
                let (user, session) = self.own(own).await?;
                if !user.delete_self_enabled {
                    return Err(EngineError::Rejected(ErrorCode::UserDeleteSelfNotEnabled.into()));
                }
                self.check_fresh(&session, &user, Needs::FreshProof)?;
                let write = UserWrite::Remove { id: user.id, expected_version: user.version };
                let decision = Decision { users: vec![write], ..Decision::default() };
                if self.commit_own(own, decision, Vec::new()).await?.is_some() {
                    // Read again: the sessions are over with their user.
                    let client = self.show_client(caller, context).await?.ok_or(EngineError::SignedOut)?;
                    return Ok((user.id, client));
                }
            }
            Err(EngineError::Busy { retry_after: RETRY_AFTER })
        })
        .await
    }
}

impl From<ProfilePatch> for UserPatch {
    fn from(patch: ProfilePatch) -> Self {
        Self {
            username: patch.username,
            first_name: patch.first_name,
            last_name: patch.last_name,
            primary_email_address_id: patch.primary_email_address_id,
            primary_phone_number_id: patch.primary_phone_number_id,
            unsafe_metadata: patch.unsafe_metadata,
            ..Self::default()
        }
    }
}
