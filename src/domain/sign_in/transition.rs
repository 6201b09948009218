//! What a decision comes to.

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

/// What a decision about a sign-in comes to.
pub type Transition = crate::domain::transition::Transition<SignIn, Outcome>;

/// What comes of a decision beside the next value.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Outcome {
    /// The try that it is, where something was guessed at.
    pub tried: Option<Try>,
    /// Who signed in by what, when it is complete.
    pub entry: Option<Entry>,
}

impl Transition {
    /// Notes a try at the account of `user`, or of nobody who holds `identifier`.
    pub(super) fn tried(&mut self, user: Option<&User>, identifier: &Identifier, share: Share, succeeded: bool) {
        let client = self.next.client_id;
        let share = if user.is_some_and(|user| user.knows(client)) { Share::Known } else { share };
        let account = user.map_or_else(|| Account::Nobody(identifier.clone()), |user| Account::User(user.id));
        self.outcome.tried = Some(Try { account, share, source: None, succeeded });
    }

    /// Refuses somebody who proved who they are, and may not sign in. The try counts; nothing else comes of it.
    pub fn kept_out(self, refused: Reason) -> Self {
        let mut refused = Self { client_changes: Vec::new(), ..self.refused(refused) };
        refused.outcome.entry = None;
        if let Some(tried) = &mut refused.outcome.tried {
            // A success would take back the failures of others.
            tried.succeeded = false;
        }
        refused
    }

    /// Has nothing sent, and everything else as if it were.
    pub fn unsent(mut self) -> Self {
        for effect in &mut self.effects {
            match effect {
                Effect::Deliver(message) => message.content = Content::Decoy,
            }
        }
        self
    }

    /// Has the client keep the next value in place of the one it was made from.
    pub(super) fn kept(mut self, expected: Option<(SignInId, u64)>) -> Self {
        let next = Some(Box::new(self.next.clone()));
        self.client_changes.push(ClientChange::SetSignIn { expected, next });
        self
    }

    /// The first factor is proved, and nothing more is asked for: `user` gets a session.
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
        // Nobody comes back from a provider twice, and a profile is large.
        let next = self.next.first_factor.as_ref().map(|_| Box::new(self.next.clone()));
        self.client_changes.push(ClientChange::SetSignIn { expected, next });
        self.client_changes.extend(ClientChange::signed_in(session, cx.policy.single_session, strategy));
        self
    }
}
