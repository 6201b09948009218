//! The result of a decision about a sign-in.

use crate::domain::client::ClientChange;
use crate::domain::client::session::Session;
use crate::domain::context::Context;
use crate::domain::id::{SignInId, UserId};
use crate::domain::identifier::Identifier;
use crate::domain::message::Content;
use crate::domain::rejection::Reason;
use crate::domain::transition::Effect;
use crate::domain::user::User;
use crate::domain::verification::Strategy;

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
}

impl Transition {
    /// Records an attempt at the account of `user`, or at `identifier` where no user holds it.
    pub(super) fn tried(&mut self, user: Option<&User>, identifier: &Identifier, share: Share, succeeded: bool) {
        let client = self.next.client_id;
        let share = if user.is_some_and(|user| user.knows(client)) { Share::Known } else { share };
        let account = user.map_or_else(|| Account::Unknown(identifier.clone()), |user| Account::User(user.id));
        self.outcome.tried = Some(Try { account, share, source: None, succeeded, lockout: None });
    }

    /// Refuses a person who has proved their identity but may not sign in. The attempt is counted; nothing else is
    /// changed.
    pub fn kept_out(self, refused: Reason) -> Self {
        let mut refused = Self { client_changes: Vec::new(), ..self.refused(refused) };
        refused.outcome.entry = None;
        if let Some(tried) = &mut refused.outcome.tried {
            // A success would reset the failures of others.
            tried.succeeded = false;
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

    /// The first factor is proved and no other is needed: `user` gets a session.
    pub(super) fn completed(
        mut self,
        expected: Option<(SignInId, u64)>,
        user: UserId,
        (strategy, proof): (Option<Strategy>, Credential),
        cx: &mut Context<'_>,
    ) -> Self {
        let client_id = self.next.client_id;
        let session = Session::begin(user, client_id, self.next.origin.clone(), cx);
        self.outcome.entry = Some(Entry { user_id: user, client_id, session_id: session.id, proof, at: cx.now });
        self.next.phase = Phase::Complete { session_id: session.id };
        // A response from a provider can't be repeated, and a profile is large: not kept.
        let next = self.next.first_factor.as_ref().map(|_| Box::new(self.next.clone()));
        self.client_changes.push(ClientChange::SetSignIn { expected, next });
        self.client_changes.extend(ClientChange::signed_in(session, cx.policy.single_session, strategy));
        self
    }
}
