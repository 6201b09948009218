//! Changing and deleting users.

use std::sync::Arc;

use crate::domain::id::UserId;
use crate::domain::rejection::{ErrorCode, Rejection};
use crate::domain::settings::Lockout;
use crate::domain::sign_in::{FORGOTTEN_AFTER, Failures, SignInAttempts};
use crate::domain::transition::Effect;
use crate::domain::user::{ChangedBy, User, UserChange, UserFields, UserPatch};
use crate::store::{Commit, CommitError, Decision, UserWrite};

use crate::engine::{Engine, EngineError};

impl Engine {
    /// [`Users::change`](crate::engine::Users::change).
    pub(in crate::engine) async fn change_user(
        &self,
        id: UserId,
        change: &UserChange,
        version: Option<u64>,
    ) -> Result<Arc<User>, EngineError> {
        self.admitted(self.write_user(id, change, version)).await
    }

    /// [`Users::update`](crate::engine::Users::update).
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

    /// [`Users::ban`](crate::engine::Users::ban).
    pub(in crate::engine) async fn ban_user(&self, id: UserId, version: Option<u64>) -> Result<Arc<User>, EngineError> {
        self.change_user(id, &UserChange::Ban, version).await
    }

    /// [`Users::unban`](crate::engine::Users::unban).
    pub(in crate::engine) async fn unban_user(
        &self,
        id: UserId,
        version: Option<u64>,
    ) -> Result<Arc<User>, EngineError> {
        self.change_user(id, &UserChange::Unban, version).await
    }

    /// [`Users::lock`](crate::engine::Users::lock).
    pub(in crate::engine) async fn lock_user(
        &self,
        id: UserId,
        version: Option<u64>,
    ) -> Result<Arc<User>, EngineError> {
        let lasts = match (self.lockout(), self.policy().address_limits) {
            (Some(lockout), _) => lockout.duration,
            (None, Some(_)) => Some(FORGOTTEN_AFTER),
            (None, None) => return Err(Rejection::from(ErrorCode::FeatureNotEnabled).into()),
        };
        self.change_user(id, &UserChange::Lock(lasts), version).await
    }

    /// [`Users::sign_in_attempts`](crate::engine::Users::sign_in_attempts).
    pub(in crate::engine) async fn sign_in_attempts(&self, ids: &[UserId]) -> Result<Vec<SignInAttempts>, EngineError> {
        self.admitted(async {
            let mut attempts = Vec::with_capacity(ids.len());
            for id in ids {
                attempts.push(self.attempts_of(*id).await?);
            }
            Ok(attempts)
        })
        .await
    }

    /// How many failures failed sign-ins may have in a row, and how long they lock; `None` where they lock nobody.
    pub(in crate::engine) fn lockout(&self) -> Option<Lockout> {
        self.settings().attack_protection.user_lockout.in_force()
    }

    async fn attempts_of(&self, id: UserId) -> Result<SignInAttempts, EngineError> {
        let Some(lockout) = self.lockout() else { return Ok(SignInAttempts::default()) };
        let failures = self.inner.store().failures(id).await?;
        Ok(Failures::shown(failures.as_ref(), Some(lockout), self.now()))
    }

    /// [`Users::change_all`](crate::engine::Users::change_all).
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

    /// [`Users::delete`](crate::engine::Users::delete).
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

    pub(super) async fn write_user(
        &self,
        id: UserId,
        change: &UserChange,
        version: Option<u64>,
    ) -> Result<Arc<User>, EngineError> {
        for _ in 0..TRIES_MAX {
            let user = self.in_version(id, version).await?;
            let mut next = self.inner.actor_context.decide(|cx| user.apply(change, cx))?;
            // An unlocked user may sign in: failures are forgotten too, and that is a change of the user.
            let forgives = *change == UserChange::Unlock && self.inner.store().failures(id).await?.is_some();
            if next.version == user.version && forgives {
                next.touch(self.now());
            }
            if next.version == user.version {
                return Ok(user);
            }
            let told = self.tell(&user, &next, ChangedBy::Backend);
            let write = UserWrite::Change { next: Box::new(next.clone()), expected_version: user.version };
            if self.commit_users(write, forgives.then_some(id), told.effects()).await? {
                told.committed();
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
        self.commit_users(write, None, Vec::new()).await
    }

    /// The same, with what the user is told of it; and forgets the failed sign-ins of a user.
    async fn commit_users(
        &self,
        write: UserWrite,
        forgiven: Option<UserId>,
        effects: Vec<Effect>,
    ) -> Result<bool, EngineError> {
        let (ignores_dots, outbox) = (self.settings().ignores_dots(), self.inner.actor_context.outbox(effects));
        let decision = Decision { users: vec![write], forgiven, outbox, ignores_dots, ..Decision::default() };
        match self.inner.system.persister().commit(Commit::of_decision(self.now(), decision)).await {
            Ok(_) => Ok(true),
            Err(CommitError::Stale) => Ok(false),
            Err(error) => Err(error.into()),
        }
    }
}

/// How often a write decides again when the user has changed meanwhile. Of the writes that meet, one gets through each time.
const TRIES_MAX: usize = 64;
