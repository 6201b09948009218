//! The result of a decision about a sign-in.

use crate::domain::client::ClientChange;
use crate::domain::client::session::{Session, SessionTask};
use crate::domain::context::Context;
use crate::domain::id::{SignInId, UserId};
use crate::domain::identifier::Identifier;
use crate::domain::message::Content;
use crate::domain::passkey::ChallengeChange;
use crate::domain::rejection::Reason;
use crate::domain::transition::Effect;
use crate::domain::user::User;
use crate::domain::verification::{SecondFactorNeed, Strategy, Verification};

use super::second_factor::{remembered, second_factor_need};
use super::{Account, Credential, Entry, Phase, Share, SignIn, Try};

/// The result of a decision about a sign-in.
pub type Transition = crate::domain::transition::Transition<SignIn, Outcome>;

/// Results of a decision beside the next value.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Outcome {
    /// The attempt to count, where a code or password was guessed.
    pub tried: Option<Try>,
    /// The completed sign-in.
    pub entry: Option<Entry>,
    /// The user that a step changed before the sign-in is complete, and the version that the change was made from.
    pub changed: Option<(Box<User>, u64)>,
    /// The user whose failures in a row are forgotten.
    pub forgiven: Option<UserId>,
    /// The challenge for a passkey that it makes or uses up.
    pub challenge: Option<ChallengeChange>,
}

impl Transition {
    /// Records an attempt at the account of `user`, or at `identifier` where no user holds it.
    pub(super) fn tried(&mut self, user: Option<&User>, identifier: &Identifier, share: Share, succeeded: bool) {
        let client = self.next.client_id;
        let share = if user.is_some_and(|user| user.knows(client)) { Share::Known } else { share };
        let account = user.map_or_else(|| Account::Unknown(identifier.clone()), |user| Account::User(user.id));
        self.outcome.tried = Some(Try { account, share, source: None, succeeded, needs_more: false, lockout: None });
    }

    /// Refuses a person who has proved their identity but may not sign in. The attempt is counted; nothing else is
    /// changed.
    pub fn kept_out(self, refused: Reason) -> Self {
        let mut refused = Self { client_changes: Vec::new(), ..self.refused(refused) };
        refused.outcome.entry = None;
        refused.outcome.changed = None;
        refused.outcome.forgiven = None;
        refused.effects.clear();
        if let Some(tried) = &mut refused.outcome.tried {
            // A success would reset the failures of others.
            tried.succeeded = false;
            tried.needs_more = false;
        }
        refused
    }

    /// Replaces all messages by decoys and leaves everything else as it is.
    pub fn unsent(mut self) -> Self {
        for effect in &mut self.effects {
            match effect {
                Effect::Deliver(message) => message.content = Content::Decoy,
            }
        }
        self
    }

    /// Replaces the client's sign-in by the next value.
    pub(super) fn kept(mut self, expected: Option<(SignInId, u64)>) -> Self {
        let next = Some(Box::new(self.next.clone()));
        self.client_changes.push(ClientChange::SetSignIn { expected, next });
        self
    }

    /// The first factor is proved: `user` gets a session, unless a second factor is needed.
    pub(super) fn proved(
        self,
        expected: Option<(SignInId, u64)>,
        user: &User,
        proof: (Option<Strategy>, Credential),
        cx: &mut Context<'_>,
    ) -> Self {
        match second_factor_need(user, proof.1.address(), cx.settings) {
            SecondFactorNeed::Needed => self.awaiting_second_factor(expected, &proof.1, cx),
            need => self.completed(expected, user.id, proof, need, cx).seeing(user.has_second_factor()),
        }
    }

    /// The first factor is proved, and a second one is needed. The client gets a new token, because who holds the one from
    /// before may not be the person who proved it.
    pub(super) fn awaiting_second_factor(
        mut self,
        expected: Option<(SignInId, u64)>,
        proof: &Credential,
        cx: &Context<'_>,
    ) -> Self {
        let (password, invitation) = remembered(proof, cx);
        self.next.phase = Phase::SecondFactor { password, invitation };
        self.next.second_factor = None;
        self.half_way(expected, cx)
    }

    /// The code of a reset is proved: the next request with the client's token may set a new password.
    pub(super) fn awaiting_password(self, expected: Option<(SignInId, u64)>, cx: &Context<'_>) -> Self {
        let next = SignIn { phase: Phase::NewPassword, ..self.next.clone() };
        Self { next, ..self }.half_way(expected, cx)
    }

    /// A step after which the holder of the client's token may do more than before.
    fn half_way(mut self, expected: Option<(SignInId, u64)>, cx: &Context<'_>) -> Self {
        self.next.updated_at = cx.now.max(self.next.updated_at);
        if let Some(tried) = &mut self.outcome.tried {
            tried.needs_more = true;
        }
        let at = self.next.updated_at;
        self.kept(expected).renewed(at)
    }

    /// Notes whether the user that the decision saw had a second factor. The commit is refused where it has got one since.
    pub(super) fn seeing(mut self, has_second_factor: bool) -> Self {
        self.outcome.entry.iter_mut().for_each(|entry| entry.had_second_factor = has_second_factor);
        self
    }

    /// All that is needed is proved: `user` gets a session.
    pub(super) fn completed(
        mut self,
        expected: Option<(SignInId, u64)>,
        user: UserId,
        (strategy, proof): (Option<Strategy>, Credential),
        need: SecondFactorNeed,
        cx: &mut Context<'_>,
    ) -> Self {
        let client_id = self.next.client_id;
        let proved_at = |verification: &Verification| verification.verified.as_ref().map(|proof| proof.at);
        let session = Session {
            first_factor_at: self.next.first_factor.as_ref().map_or(Some(cx.now), |f| proved_at(&f.verification)),
            second_factor_at: self.next.second_factor.as_ref().and_then(|factor| proved_at(&factor.verification)),
            task: (need == SecondFactorNeed::ToSetUp).then_some(SessionTask::SetupMfa),
            ..Session::begin(user, client_id, self.next.origin.clone(), cx)
        };
        let entry = Entry {
            user_id: user,
            client_id,
            session_id: session.id,
            proof,
            second: None,
            had_second_factor: false,
            at: cx.now,
        };
        self.outcome.entry = Some(entry);
        self.next.phase = Phase::Complete { session_id: session.id };
        // A response from a provider can't be repeated, and a profile is large: not kept.
        let next = self.next.first_factor.as_ref().map(|_| Box::new(self.next.clone()));
        self.client_changes.push(ClientChange::SetSignIn { expected, next });
        self.client_changes.extend(ClientChange::signed_in(session, cx.policy.single_session, strategy));
        self
    }
}
