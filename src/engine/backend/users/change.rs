//! Changing and deleting users.

use std::sync::Arc;

use crate::domain::id::UserId;
use crate::domain::rejection::{ErrorCode, Rejection};
use crate::domain::sign_in::FORGOTTEN_AFTER;
use crate::domain::user::{User, UserChange, UserFields, UserPatch};
use crate::store::{Commit, CommitError, Decision, UserWrite};

use crate::engine::{Engine, EngineError};

impl Engine {
    /// Changes a user. With `version`, only if that is still the user's version: so of two administrators who change a
    /// user at the same time the later one is told. A change that changes nothing gives the user as it is.
    ///
    /// # Errors
    /// [`EngineError::NotFound`]; `resource_conflict` where the user has another version, or changes without end;
    /// [`EngineError::Rejected`] as [`User::apply`] refuses, and `form_identifier_exists` for an identifier of another
    /// user.
    pub(in crate::engine) async fn change_user(
        &self,
        id: UserId,
        change: &UserChange,
        version: Option<u64>,
    ) -> Result<Arc<User>, EngineError> {
        self.admitted(self.write_user(id, change, version)).await
    }

    /// Sets attributes of a user, its password among them.
    ///
    /// # Errors
    /// Every fault of the parameters at once, and as [`Users::change`](crate::engine::Users::change).
    pub(in crate::engine) async fn update_user(
        &self,
        id: UserId,
        patch: &UserPatch,
        version: Option<u64>,
    ) -> Result<Arc<User>, EngineError> {
        self.admitted(async {
            let user = self.known_user(id).await?;
            let (mut fields, password) = UserFields::parse(patch, &self.settings(), self.now())?;
            if let Some(password) = password {
                let words = user.own_words().into_iter().chain(fields.own_words());
                let digest = self.digest_of(password, words).await?;
                fields.password_digest = Some(digest);
            }
            self.write_user(id, &UserChange::Update(Box::new(fields)), version).await
        })
        .await
    }

    /// Bans a user: all its sessions are over at once, and it can't sign in until the ban ends.
    ///
    /// # Errors
    /// As [`Users::change`](crate::engine::Users::change).
    pub(in crate::engine) async fn ban_user(&self, id: UserId, version: Option<u64>) -> Result<Arc<User>, EngineError> {
        self.change_user(id, &UserChange::Ban, version).await
    }

    /// Ends a ban. Sessions from before stay over.
    ///
    /// # Errors
    /// As [`Users::change`](crate::engine::Users::change).
    pub(in crate::engine) async fn unban_user(
        &self,
        id: UserId,
        version: Option<u64>,
    ) -> Result<Arc<User>, EngineError> {
        self.change_user(id, &UserChange::Unban, version).await
    }

    /// Locks a user for as long as failed sign-ins are remembered.
    ///
    /// # Errors
    /// `feature_not_enabled` where the policy does not limit failed sign-ins, and as [`Engine::change_user`].
    pub(in crate::engine) async fn lock_user(
        &self,
        id: UserId,
        version: Option<u64>,
    ) -> Result<Arc<User>, EngineError> {
        if self.policy().address_limits.is_none() {
            return Err(Rejection::from(ErrorCode::FeatureNotEnabled).into());
        }
        self.change_user(id, &UserChange::Lock(Some(FORGOTTEN_AFTER)), version).await
    }

    /// Applies one change to several users, one after the other. All of them must exist; where one fails all the same,
    /// those before it are changed, and the call can be repeated.
    ///
    /// # Errors
    /// [`EngineError::NotFound`] before anything is changed, and as [`Users::change`](crate::engine::Users::change).
    pub(in crate::engine) async fn change_users(
        &self,
        ids: &[UserId],
        change: &UserChange,
    ) -> Result<Vec<Arc<User>>, EngineError> {
        self.admitted(async {
            for id in ids {
                self.known_user(*id).await?;
            }
            let mut changed = Vec::with_capacity(ids.len());
            for id in ids {
                changed.push(self.write_user(*id, change, None).await?);
            }
            Ok(changed)
        })
        .await
    }

    /// Deletes a user: its identifiers are free at once, and its sessions are over. Gives the user as it was.
    ///
    /// # Errors
    /// [`EngineError::NotFound`], `resource_conflict` as [`Users::change`](crate::engine::Users::change).
    pub(in crate::engine) async fn delete_user(
        &self,
        id: UserId,
        version: Option<u64>,
    ) -> Result<Arc<User>, EngineError> {
        self.admitted(async {
            for _ in 0..TRIES_MAX {
                let user = self.in_version(id, version).await?;
                let write = UserWrite::Remove { id, expected_version: user.version };
                if self.commit_user(write).await? {
                    return Ok(user);
                }
            }
            Err(Rejection::from(ErrorCode::ResourceConflict).into())
        })
        .await
    }

    async fn write_user(
        &self,
        id: UserId,
        change: &UserChange,
        version: Option<u64>,
    ) -> Result<Arc<User>, EngineError> {
        for _ in 0..TRIES_MAX {
            let user = self.in_version(id, version).await?;
            let next = self.inner.actor_context.decide(|cx| user.apply(change, cx))?;
            if next.version == user.version {
                return Ok(user);
            }
            let write = UserWrite::Change { next: Box::new(next.clone()), expected_version: user.version };
            if self.commit_user(write).await? {
                return Ok(Arc::new(next));
            }
        }
        Err(Rejection::from(ErrorCode::ResourceConflict).into())
    }

    /// The user, if it has the expected version.
    async fn in_version(&self, id: UserId, version: Option<u64>) -> Result<Arc<User>, EngineError> {
        let user = self.known_user(id).await?;
        match version {
            Some(version) if version != user.version => Err(Rejection::from(ErrorCode::ResourceConflict).into()),
            _ => Ok(user),
        }
    }

    /// Commits a write; `false` where the user has changed since it was read.
    pub(super) async fn commit_user(&self, write: UserWrite) -> Result<bool, EngineError> {
        let decision = Decision { users: vec![write], ..Decision::default() };
        match self.inner.system.persister().commit(Commit::of_decision(self.now(), decision)).await {
            Ok(_) => Ok(true),
            Err(CommitError::Stale) => Ok(false),
            Err(error) => Err(error.into()),
        }
    }
}

/// How often a write decides again when the user has changed meanwhile.
const TRIES_MAX: usize = 4;
