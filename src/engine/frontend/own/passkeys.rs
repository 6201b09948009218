//! The passkeys of the own user. A new one is made in two steps: the engine asks the device, and the device's answer proves
//! that it has made one. Until then it is no passkey of the user.

use std::sync::Arc;

use crate::domain::client::activity::{Activity, Browser};
use crate::domain::id::{IdentificationId, SessionId};
use crate::domain::passkey::{ChallengeChange, ChallengeOwner};
use crate::domain::rejection::{ErrorCode, Rejection};
use crate::domain::time::Timestamp;
use crate::domain::user::{ChangedBy, OwnChange, Passkey, User};
use crate::limiter::LimitedAction;
use crate::passkey::{PasskeyError, Person, Presented};
use crate::store::{Decision, UserWrite};

use super::{Needs, Own, TRIES_MAX};
use crate::engine::admission::RETRY_AFTER;
use crate::engine::frontend::passkeys::{Begun, CREDENTIAL, broken, malformed};
use crate::engine::{Caller, ClientView, Engine, EngineError, RequestContext};

/// A passkey that a person's device is asked to make.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct NewPasskey {
    /// The id that it will have.
    pub id: IdentificationId,
    /// The name that it will have, unless its keeper is known.
    pub name: String,
    /// What the device is asked: `PublicKeyCredentialCreationOptionsJSON` (Web Authentication 5.1.8).
    pub options: String,
    /// When the device was asked.
    pub created_at: Timestamp,
    /// When its answer comes too late.
    pub expire_at: Timestamp,
}

impl Engine {
    /// [`OwnUser::begin_passkey`](crate::engine::OwnUser::begin_passkey).
    pub(crate) async fn begin_own_passkey(
        &self,
        caller: &Caller,
        session: Option<SessionId>,
        context: &RequestContext,
    ) -> Result<(NewPasskey, ClientView), EngineError> {
        self.admitted(async {
            self.inner.admission.spend(LimitedAction::Write, context, self.now())?;
            if !self.settings().attributes.passkey.enabled {
                return Err(Rejection::from(ErrorCode::FeatureNotEnabled).into());
            }
            let own = Own::of(caller, session, context);
            let (user, session) = self.own(own).await?;
            user.check_passkeys(&self.settings())?;
            self.check_fresh(&session, &user, Needs::FreshSecondFactor)?;
            let name = user.public_identifier().unwrap_or(UNNAMED).to_owned();
            let names = [&user.first_name, &user.last_name].into_iter().flatten().map(String::as_str);
            let full = names.collect::<Vec<_>>().join(" ");
            let display_name = if full.is_empty() { &name } else { &full };
            let known: Vec<&str> = user.passkeys.iter().map(|known| known.credential.as_str()).collect();
            let person = Person { handle: *user.id.as_bytes(), name: &name, display_name };
            let ceremony = self.relying_party()?.begin_registration(person, &known).map_err(broken)?;
            let now = self.now();
            let id = self.inner.actor_context.decide(|cx| IdentificationId::generate(cx.now, cx.entropy));
            let name = name_by(context);
            let owner = ChallengeOwner::Registration(session.id);
            let kept = self.challenge_of(owner, *id.as_bytes(), &ceremony, &name);
            let expire_at = kept.expire_at;
            let decision = Decision { challenges: vec![ChallengeChange::Keep(Box::new(kept))], ..Decision::default() };
            let busy = EngineError::Busy { retry_after: RETRY_AFTER };
            let committed = self.commit_own(own, decision, Vec::new()).await?.ok_or(busy)?;
            let client = self.after(own, &committed).await?;
            Ok((NewPasskey { id, name, options: ceremony.options, created_at: now, expire_at }, client))
        })
        .await
    }

    /// [`OwnUser::attempt_passkey`](crate::engine::OwnUser::attempt_passkey).
    pub(crate) async fn attempt_own_passkey(
        &self,
        caller: &Caller,
        session: Option<SessionId>,
        (id, given): (IdentificationId, &str),
        context: &RequestContext,
    ) -> Result<(Arc<User>, ClientView), EngineError> {
        self.admitted(async {
            self.inner.admission.spend(LimitedAction::Attempt, context, self.now())?;
            self.inner.admission.spend(LimitedAction::Write, context, self.now())?;
            if given.is_empty() {
                return Err(ErrorCode::FormParamMissing.on(CREDENTIAL).into());
            }
            let own = Own::of(caller, session, context);
            for _ in 0..TRIES_MAX {
                let (user, session) = self.own(own).await?;
                self.check_fresh(&session, &user, Needs::FreshSecondFactor)?;
                let owner = ChallengeOwner::Registration(session.id);
                let begun = self.begun_ceremony(owner).await?.filter(|begun| begun.id == *id.as_bytes());
                let begun = match begun {
                    Some(begun) if begun.kept.is_good(self.now()) => begun,
                    Some(_) => return Err(Rejection::from(ErrorCode::VerificationExpired).into()),
                    None => match user.passkeys.iter().find(|known| known.id == id) {
                        // The answer to the first request was lost.
                        Some(made) if is_made_by(made, given)? => {
                            let client = self.show_client(caller, context).await?.ok_or(EngineError::SignedOut)?;
                            return Ok((user, client));
                        }
                        Some(_) => return Err(Rejection::from(ErrorCode::VerificationAlreadyVerified).into()),
                        None => return Err(EngineError::NotFound),
                    },
                };
                // The challenge is used up, whether the answer is right or wrong.
                let taken = vec![ChallengeChange::Take(owner, begun.id)];
                let Some(passkey) = self.made_passkey(&begun, given)? else {
                    let decision = Decision { challenges: taken, ..Decision::default() };
                    let refused = Rejection::from(ErrorCode::PasskeyRegistrationFailure);
                    return match self.commit_own(own, decision, Vec::new()).await? {
                        Some(_) => Err(refused.into()),
                        None => continue,
                    };
                };
                let change = OwnChange::AddPasskey(Box::new(passkey));
                let next = self.inner.actor_context.decide(|cx| user.apply_own(&change, cx))?;
                let write = UserWrite::Change { next: Box::new(next.clone()), expected_version: user.version };
                let told = self.tell(&user, &next, ChangedBy::Session);
                let outbox = self.inner.actor_context.outbox(told.effects());
                let decision = Decision { users: vec![write], challenges: taken, outbox, ..Decision::default() };
                if let Some(committed) = self.commit_own(own, decision, Vec::new()).await? {
                    told.committed();
                    return Ok((Arc::new(next), self.after(own, &committed).await?));
                }
            }
            Err(EngineError::Busy { retry_after: RETRY_AFTER })
        })
        .await
    }

    /// [`OwnUser::rename_passkey`](crate::engine::OwnUser::rename_passkey).
    pub(crate) async fn rename_own_passkey(
        &self,
        caller: &Caller,
        session: Option<SessionId>,
        (id, name): (IdentificationId, &str),
        context: &RequestContext,
    ) -> Result<(Arc<User>, ClientView), EngineError> {
        self.admitted(async {
            let (own, change) =
                (Own::of(caller, session, context), OwnChange::RenamePasskey { id, name: name.to_owned() });
            self.change_own(own, Needs::Session, |user, _, cx| user.apply_own(&change, cx)).await
        })
        .await
    }

    /// [`OwnUser::remove_passkey`](crate::engine::OwnUser::remove_passkey).
    pub(crate) async fn remove_own_passkey(
        &self,
        caller: &Caller,
        session: Option<SessionId>,
        id: IdentificationId,
        context: &RequestContext,
    ) -> Result<(Arc<User>, ClientView), EngineError> {
        self.admitted(async {
            let own = Own::of(caller, session, context);
            let (user, seen) = self.own(own).await?;
            let owner = ChallengeOwner::Registration(seen.id);
            let begun = self.begun_ceremony(owner).await?.filter(|begun| begun.id == *id.as_bytes());
            if begun.is_none() {
                let change = OwnChange::RemovePasskey(id);
                return self.change_own(own, Needs::FreshSecondFactor, |user, _, cx| user.apply_own(&change, cx)).await;
            }
            // The person has stopped before the device had made it.
            self.inner.admission.spend(LimitedAction::Write, context, self.now())?;
            let taken = vec![ChallengeChange::Take(owner, *id.as_bytes())];
            let decision = Decision { challenges: taken, ..Decision::default() };
            let committed = self.commit_own(own, decision, Vec::new()).await?.ok_or(EngineError::NotFound)?;
            Ok((user, self.after(own, &committed).await?))
        })
        .await
    }

    /// The passkey that an answer has made; `None` where it proves nothing.
    fn made_passkey(&self, begun: &Begun, given: &str) -> Result<Option<Passkey>, EngineError> {
        let party = self.relying_party()?;
        let allows = |origin: &str| self.may_use_passkeys(party, origin);
        let made = match party.finish_registration(given, &begun.state, allows) {
            Ok(made) => made,
            Err(PasskeyError::Malformed) => return Err(malformed().into()),
            Err(PasskeyError::Refused(reason)) => {
                tracing::info!(reason, "a new passkey was not accepted");
                return Ok(None);
            }
            Err(error @ PasskeyError::Broken(_)) => return Err(broken(error)),
        };
        Ok(Some(Passkey {
            id: IdentificationId::from_bytes(begun.id),
            name: made.keeper.map_or_else(|| begun.note.clone(), str::to_owned),
            credential: made.credential,
            created_at: self.now(),
            last_used_at: None,
        }))
    }
}

/// Whether it is the passkey that the answer of a device is about.
fn is_made_by(passkey: &Passkey, given: &str) -> Result<bool, EngineError> {
    let presented = Presented::read(given).map_err(|_| malformed())?;
    Ok(passkey.credential_id() == Some(presented.credential_id.as_str()))
}

/// A name by which the person tells the device from others.
fn name_by(context: &RequestContext) -> String {
    let agent = context.user_agent.as_deref().unwrap_or_default();
    let Activity { browser, system, .. } = Activity::of(None, agent);
    let browser = browser.name().filter(|_| browser != Browser::Unknown);
    match (browser, system.device_type()) {
        (Some(browser), Some(device)) => format!("{browser} on {device}"),
        (Some(name), None) | (None, Some(name)) => name.to_owned(),
        (None, None) => UNNAMED.to_owned(),
    }
}

/// What is shown where nothing is known.
const UNNAMED: &str = "Passkey";
