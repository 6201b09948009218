//! Password checks in the hash pool: strength, hashing and comparison run on threads that may block. Each call waits
//! for its client's turn, within the quota of its source. Comparisons take constant time: equally long for unknown
//! users, and whatever the cost of the stored digest was.

use std::sync::{Arc, OnceLock};

use crate::domain::id::{ClientId, SignUpId};
use crate::domain::password_policy::{self, Candidate};
use crate::domain::rejection::ErrorCode;
use crate::domain::secret::Secret;
use crate::domain::sign_in::Fit;
use crate::domain::user::User;
use crate::limiter::LimitedAction;
use crate::password::{DigestCost, HashPool, Requester};
use crate::store::Commit;

use crate::engine::{Engine, EngineError, RequestContext};

impl Engine {
    /// The digest of a new password for a sign-up.
    ///
    /// # Errors
    /// `form_password_pwned` for one that is easily guessed or known from data breaches,
    /// `form_password_not_strong_enough` for one that is weaker than the settings require; [`EngineError::Busy`] while
    /// another one is being hashed for this sign-up, [`EngineError::Limited`] and [`EngineError::Overloaded`] where too
    /// many are.
    pub(in crate::engine) async fn hash_password(
        &self,
        candidate: Candidate,
        id: SignUpId,
        context: &RequestContext,
    ) -> Result<Secret<String>, EngineError> {
        let admission = &self.inner.admission;
        let _turn = admission.take_turn(*id.as_bytes())?;
        admission.spend(LimitedAction::Password, context, self.now())?;
        self.hash_judged(candidate, context.requester()).await
    }

    /// The digest of a password that is not easily guessed; a `requester` has a fair share of the pool.
    ///
    /// # Errors
    /// As [`Self::hash_password`].
    pub(in crate::engine) async fn hash_judged(
        &self,
        candidate: Candidate,
        requester: Option<Requester>,
    ) -> Result<Secret<String>, EngineError> {
        let password = candidate.normalised.clone();
        let weakness = Arc::new(OnceLock::new());
        let found = weakness.clone();
        let judge = move || match candidate.weakness() {
            None => true,
            Some(code) => {
                found.get_or_init(|| code);
                false
            }
        };
        let hashed = self.inner.hashes.hash_if(password.clone(), judge, requester);
        let (digest, is_leaked) = tokio::join!(hashed, self.is_leaked(&password));
        let refused = || weakness.get().copied().unwrap_or(ErrorCode::FormPasswordPwned).on("password");
        digest?.filter(|_| !is_leaked).ok_or_else(|| refused().into())
    }

    /// Whether a password is known from data breaches; `false` where the settings don't ask for this check or the
    /// service is missing.
    async fn is_leaked(&self, password: &Secret<String>) -> bool {
        match &self.inner.pwned_range {
            Some(range) if !self.settings().password_settings.disable_hibp => range.knows(password).await,
            _ => false,
        }
    }

    /// The application's name and hosts: words that attackers try first.
    pub(in crate::engine) fn application_words(&self) -> impl Iterator<Item = &str> {
        let hosts = [self.inner.callback_url.host_str(), self.inner.issuer.strip_prefix("https://")];
        // Without the last label: `com` is not part of a name.
        let labels = hosts.into_iter().flatten().map(|host| host.rsplit_once('.').map_or(host, |(labels, _)| labels));
        std::iter::once(self.inner.branding.name.as_str()).chain(labels)
    }

    /// Checks a user's password. Under enumeration protection each comparison costs the same: one digest at every known
    /// cost, one of which may be the user's. `client` is the caller.
    ///
    /// # Errors
    /// As [`Self::hash_password`], but for `form_password_pwned`.
    pub(in crate::engine) async fn compare(
        &self,
        password: &Secret<String>,
        user: Option<&User>,
        client: ClientId,
        context: &RequestContext,
    ) -> Result<Option<Fit>, EngineError> {
        let admission = &self.inner.admission;
        let _turn = admission.take_turn(*client.as_bytes())?;
        admission.spend(LimitedAction::Password, context, self.now())?;
        let normalised = password_policy::normalise(password.expose());
        let stored = user.and_then(|user| user.password_digest.clone()).filter(|_| normalised.is_some());
        let normalised = Secret::new(normalised.unwrap_or_default());
        let (hashes, requester) = (&self.inner.hashes, context.requester());
        let today = hashes.parameters();
        let cost = stored.as_ref().and_then(HashPool::cost_of).unwrap_or(DigestCost::Own(today));
        let compared = stored.unwrap_or_else(|| HashPool::dummy_hash(&cost));
        // Other systems hash what the person types; we hash its normal form.
        let given = |cost: &DigestCost| match cost {
            DigestCost::Own(_) => normalised.clone(),
            DigestCost::Foreign(_) => password.clone(),
        };
        let fits = hashes.verify(given(&cost), compared.clone(), requester).await?;
        if self.settings().attack_protection.enumeration_protection.enabled {
            self.note_cost(&cost).await?;
            for other in self.inner.costs.beside(&cost) {
                hashes.verify(given(&other), HashPool::dummy_hash(&other), requester).await?;
            }
        }
        if !fits {
            return Ok(None);
        }
        // A full queue must not keep the user out: the digest is renewed another time.
        let renewed = if cost.needs_rehash(today) { hashes.hash(normalised).await.ok() } else { None };
        Ok(Some(Fit { compared, renewed }))
    }

    /// Stores a cost that the instance did not know yet.
    async fn note_cost(&self, cost: &DigestCost) -> Result<(), EngineError> {
        if let Some((name, bytes)) = self.inner.costs.note(cost) {
            let commit = Commit::of_value(self.now(), name, bytes);
            self.inner.system.persister().commit(Commit { concerns_others: true, ..commit }).await?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc;

    use tokio::sync::oneshot;

    use super::*;
    use crate::domain::settings::source_limits::SourceLimits;
    use crate::domain::settings::{Attribute, Settings};
    use crate::domain::sign_up::NewSignUp;
    use crate::engine::Caller;
    use crate::password::{HashOptions, HashParameters};

    fn given(password: &str) -> NewSignUp {
        NewSignUp { password: Some(Secret::new(password.to_owned())), ..NewSignUp::default() }
    }

    fn from(last: u8) -> RequestContext {
        RequestContext { address: Some([192, 0, 2, last].into()), ..RequestContext::default() }
    }

    async fn engine() -> Engine {
        let mut settings = Settings::default();
        let on = Attribute { enabled: true, ..Attribute::default() };
        settings.attributes.password = on.clone();
        settings.attributes.username = Attribute { required: true, ..on };
        let parameters = HashParameters { m_kib: 64, t: 1, p: 1 };
        let hashing = HashOptions { parameters, threads: 1, queue: 16, ..HashOptions::default() };
        let plenty = SourceLimits::default();
        let limits =
            SourceLimits { passwords: plenty.passwords.times(1_000), writes: plenty.writes.times(1_000), ..plenty };
        let builder = Engine::builder().settings(settings).hashing(hashing).source_limits(Some(limits));
        builder.build().await.expect("an engine")
    }

    /// Blocks the only hashing thread until the sender is dropped.
    async fn paused(engine: &Engine) -> mpsc::Sender<()> {
        let (resume, wait) = mpsc::channel::<()>();
        let (began, is_running) = oneshot::channel();
        let held = engine.clone();
        tokio::spawn(async move {
            let judge = move || began.send(()).is_ok() && wait.recv().is_ok();
            held.inner.hashes.hash_if(Secret::new("wanders under elms".to_owned()), judge, None).await
        });
        is_running.await.expect("the pool is at work");
        resume
    }

    #[tokio::test]
    async fn writes_to_one_sign_up_fill_no_queue_and_others_get_through() {
        let engine = engine().await;
        let (sign_up, client) =
            engine.create_sign_up(&Caller::anonymous(), &NewSignUp::default(), &from(1)).await.expect("a sign-up");
        let token = client.new_token.expect("a new client has a token");
        let caller = engine.identify(Some(token.expose())).await.expect("readable");
        let resume = paused(&engine).await;
        let writes: Vec<_> = (0..100)
            .map(|n: u8| {
                let (engine, caller, id) = (engine.clone(), caller.clone(), sign_up.value.id);
                // From different sources: it is the same sign-up all the same. The passwords differ, because equal
                // calls would be merged.
                let fields = given(&format!("wanders under elms {n}"));
                tokio::spawn(async move { engine.update_sign_up(&caller, id, &fields.into(), &from(n)).await })
            })
            .collect();
        let other = {
            let engine = engine.clone();
            let fields = given("strolls beneath oaks");
            tokio::spawn(async move { engine.create_sign_up(&Caller::anonymous(), &fields, &from(200)).await })
        };
        for _ in 0..1_000 {
            tokio::task::yield_now().await;
        }
        drop(resume);
        let mut accepted = 0;
        for write in writes {
            match write.await.expect("a task") {
                Ok(_) => accepted += 1,
                other => assert!(matches!(other, Err(EngineError::Busy { .. })), "{other:?}"),
            }
        }
        assert_eq!(accepted, 1);
        assert!(other.await.expect("a task").is_ok());
    }

    #[tokio::test]
    async fn a_password_is_judged_where_it_is_hashed() {
        let engine = engine().await;
        let resume = paused(&engine).await;
        let fields = given("password1");
        let waiting = {
            let engine = engine.clone();
            tokio::spawn(async move { engine.create_sign_up(&Caller::anonymous(), &fields, &from(1)).await })
        };
        for _ in 0..1_000 {
            tokio::task::yield_now().await;
        }
        assert!(!waiting.is_finished(), "the judge waits for the pool like everything else there");
        drop(resume);
        match waiting.await.expect("a task") {
            Err(EngineError::Rejected(refused)) => assert!(refused.is(ErrorCode::FormPasswordPwned)),
            other => panic!("{other:?}"),
        }
    }
}
