//! Passkeys of sign-ins, and the challenges of all ceremonies: what a device was asked is kept, sealed, until its answer
//! comes. Signatures are checked here, before the decision.

use std::sync::Arc;

use crate::domain::id::SignInId;
use crate::domain::passkey::{ChallengeId, ChallengeOwner, GOOD_FOR, KeptChallenge};
use crate::domain::ports::Sealer;
use crate::domain::rejection::{ErrorCode, Reason};
use crate::domain::sign_in::{PasskeyProof, PasskeyUse, SignIn, Start};
use crate::domain::user::{Passkey, User};
use crate::domain::verification::Strategy;
use crate::passkey::{Ceremony, PasskeyError, Presented, RelyingParty};

use crate::engine::input::{Asked, AttemptFirstFactor};
use crate::engine::{Engine, EngineError};

/// What is kept of a ceremony that has begun.
pub(super) struct Begun {
    pub(super) id: ChallengeId,
    pub(super) kept: KeptChallenge,
    /// What the device was asked, as JSON.
    pub(super) options: String,
    /// What the answer is checked with.
    pub(super) state: String,
    /// What else the caller has noted.
    pub(super) note: String,
}

impl Engine {
    /// The site that passkeys are made for.
    pub(super) fn relying_party(&self) -> Result<&RelyingParty, EngineError> {
        self.inner.relying_party.as_ref().ok_or(EngineError::Rejected(ErrorCode::FeatureNotEnabled.into()))
    }

    /// Whether passkeys may be used by pages or applications of this origin.
    pub(super) fn may_use_passkeys(&self, party: &RelyingParty, origin: &str) -> bool {
        party.allows(origin, |page| self.inner.amendments.redirects().origins().allows(page))
    }

    /// A challenge as it is stored.
    pub(super) fn challenge_of(
        &self,
        owner: ChallengeOwner,
        id: ChallengeId,
        ceremony: &Ceremony,
        note: &str,
    ) -> KeptChallenge {
        let plain = [&ceremony.options, &ceremony.state, note].join(SEPARATOR);
        let sealed = self.inner.key.seal(&context_of(owner, id), plain.as_bytes());
        KeptChallenge { owner, id, sealed, expire_at: self.now() + GOOD_FOR }
    }

    /// The challenge of this owner that waits for its answer, or has waited for it in vain.
    pub(super) async fn begun_ceremony(&self, owner: ChallengeOwner) -> Result<Option<Begun>, EngineError> {
        let Some(kept) = self.inner.store().passkey_challenge(owner).await? else { return Ok(None) };
        let plain = self.inner.key.open(&context_of(owner, kept.id), &kept.sealed);
        let text = plain.and_then(|plain| String::from_utf8(plain).ok()).ok_or(EngineError::Internal)?;
        let mut parts = text.splitn(3, SEPARATOR).map(str::to_owned);
        let mut part = || parts.next().ok_or(EngineError::Internal);
        Ok(Some(Begun { id: kept.id, options: part()?, state: part()?, note: part()?, kept }))
    }

    /// The first step of a sign-in with a passkey: where the user is known, one of theirs is asked for, unless that would
    /// reveal who has some.
    pub(super) fn sign_in_challenge(&self, id: SignInId, user: Option<&User>) -> Result<KeptChallenge, EngineError> {
        if !self.settings().signs_in_with_passkeys() {
            return Err(ErrorCode::FormParamValueDisabled.on("strategy").into());
        }
        let user = user.filter(|_| !self.settings().hides_users());
        self.challenge_for(ChallengeOwner::SignIn(id), user).map(|(kept, _)| kept)
    }

    /// A challenge for one of the user's passkeys, or for any, and what the device is asked.
    pub(super) fn challenge_for(
        &self,
        owner: ChallengeOwner,
        user: Option<&User>,
    ) -> Result<(KeptChallenge, String), EngineError> {
        let known: Vec<&str> =
            user.iter().flat_map(|user| &user.passkeys).map(|known| known.credential.as_str()).collect();
        let ceremony = self.relying_party()?.begin_authentication(&known).map_err(broken)?;
        let id = self.new_challenge_id();
        Ok((self.challenge_of(owner, id, &ceremony, ""), ceremony.options))
    }

    pub(super) fn new_challenge_id(&self) -> ChallengeId {
        let mut id = [0; 16];
        self.inner.actor_context.decide(|cx| cx.entropy.fill(&mut id));
        id
    }

    /// What a sign-in that is created with the strategy of passkeys starts with.
    pub(super) fn start_with_passkey(&self, id: SignInId, user: Option<&User>) -> Result<Start, EngineError> {
        Ok(Start::Passkey(Box::new(self.sign_in_challenge(id, user)?)))
    }

    /// The user whom an attempt concerns: without an identifier, the one who has the presented passkey.
    pub(super) async fn attempting_user(
        &self,
        sign_in: &SignIn,
        asked: &Asked<AttemptFirstFactor>,
    ) -> Result<Option<Arc<User>>, EngineError> {
        let is_named = sign_in.identifier.is_some() || sign_in.user_id.is_some();
        let credential = match asked {
            Ok(AttemptFirstFactor { strategy: Strategy::Passkey, public_key_credential: Some(given), .. }) => given,
            _ => return self.user_of(sign_in).await,
        };
        if is_named || sign_in.awaited_challenge().is_none() {
            return self.user_of(sign_in).await;
        }
        let presented = Presented::read(credential).map_err(|_| malformed())?;
        let Some(holder) = self.inner.store().passkey_holder(&presented.credential_id).await? else { return Ok(None) };
        let user = self.inner.store().user(holder).await?;
        // What a passkey names its user by is part of what it was asked for.
        Ok(user.filter(|user| presented.handle.as_deref() == Some(user.id.as_bytes().as_slice())))
    }

    /// What an attempt with a passkey proves.
    pub(super) async fn passkey_proof(
        &self,
        sign_in: &SignIn,
        user: Option<&User>,
        given: &str,
    ) -> Result<PasskeyProof, EngineError> {
        let begun = self.begun_ceremony(ChallengeOwner::SignIn(sign_in.id)).await?;
        let awaited = sign_in.awaited_challenge().filter(|_| sign_in.awaits_answer(self.now(), self.policy()));
        let Some(challenge) = awaited else {
            // The decision says why none is awaited.
            return Ok(PasskeyProof { challenge: [0; 16], used: None });
        };
        let begun = begun.filter(|begun| begun.id == challenge && begun.kept.is_good(self.now()));
        let begun = begun.ok_or(EngineError::Rejected(ErrorCode::VerificationMissing.into()))?;
        let used = self.passkey_use(user, &begun, given)?;
        Ok(PasskeyProof { challenge, used })
    }

    /// The use of a passkey of the user that an answer proves.
    ///
    /// # Errors
    /// `passkey_invalid_public_key_credential` for what is no answer.
    pub(super) fn passkey_use(
        &self,
        user: Option<&User>,
        begun: &Begun,
        given: &str,
    ) -> Result<Option<PasskeyUse>, EngineError> {
        let presented = Presented::read(given).map_err(|_| malformed())?;
        let is_presented = |known: &&Passkey| known.credential_id() == Some(presented.credential_id.as_str());
        let known = user.and_then(|user| user.passkeys.iter().find(is_presented).map(|known| (user, known)));
        let Some((user, known)) = known else { return Ok(None) };
        if presented.handle.as_ref().is_some_and(|handle| handle != user.id.as_bytes()) {
            return Ok(None);
        }
        let party = self.relying_party()?;
        let allows = |origin: &str| self.may_use_passkeys(party, origin);
        match party.finish_authentication(given, (begun.state.as_str(), known.credential.as_str()), allows) {
            Ok(next) => Ok(Some(PasskeyUse { id: known.id, compared: known.credential.clone(), next })),
            Err(PasskeyError::Malformed) => Err(malformed().into()),
            Err(PasskeyError::Refused(reason)) => {
                tracing::info!(user.id = %user.id, reason, "a passkey was not accepted");
                Ok(None)
            }
            Err(error @ PasskeyError::Broken(_)) => Err(broken(error)),
        }
    }

    /// What the device is asked, while a sign-in waits for the answer.
    pub(super) async fn passkey_options(&self, sign_in: &SignIn) -> Result<Option<String>, EngineError> {
        let is_on = self.settings().signs_in_with_passkeys();
        let Some(challenge) = sign_in.awaited_challenge().filter(|_| is_on) else { return Ok(None) };
        let begun = self.begun_ceremony(ChallengeOwner::SignIn(sign_in.id)).await?;
        let begun = begun.filter(|begun| begun.id == challenge && begun.kept.is_good(self.now()));
        Ok(begun.map(|begun| begun.options))
    }
}

/// The refusal of a parameter that is no answer of a browser.
pub(super) fn malformed() -> Reason {
    ErrorCode::PasskeyInvalidPublicKeyCredential.on(CREDENTIAL)
}

/// The failure of what the engine itself keeps.
pub(super) fn broken(error: PasskeyError) -> EngineError {
    tracing::error!(%error, "a ceremony with a passkey can't go on");
    EngineError::Internal
}

fn context_of(owner: ChallengeOwner, id: ChallengeId) -> Vec<u8> {
    [b"passkey challenge ".as_slice(), &owner.as_bytes(), &id].concat()
}

/// The parameter with the answer of the browser.
pub(super) const CREDENTIAL: &str = "public_key_credential";
/// No JSON on one line and no name contains it.
const SEPARATOR: &str = "\n";
