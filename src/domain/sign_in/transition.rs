//! What a decision comes to.

use crate::domain::client::ClientChange;
use crate::domain::client::session::Session;
use crate::domain::context::Context;
use crate::domain::effect::Effect;
use crate::domain::id::{SignInId, UserId};
use crate::domain::identifier::Identifier;
use crate::domain::message::Content;
use crate::domain::quota::{QuotaKind, QuotaUse};
use crate::domain::rejection::{Reason, Rejection};
use crate::domain::user::User;
use crate::domain::verification::Strategy;

use super::{Account, Credential, Entry, Phase, Share, SignIn, Try};

/// The next value and everything that goes with it, to be committed as one.
#[derive(Clone, Debug, PartialEq)]
pub struct Transition {
    /// The next value.
    pub next: SignIn,
    /// What to answer once the commit stands: a wrong code is counted *and* refused.
    pub verdict: Result<(), Rejection>,
    /// What to do in the world.
    pub effects: Vec<Effect>,
    /// Which budgets it uses.
    pub quota_uses: Vec<QuotaUse>,
    /// What it does to the client, which keeps the value.
    pub client_changes: Vec<ClientChange>,
    /// The try that it is, where something was guessed at.
    pub tried: Option<Try>,
    /// Who signed in by what, when it is complete.
    pub entry: Option<Entry>,
}

impl Transition {
    /// A transition to `next` that succeeds, and nothing else.
    pub(super) const fn to(next: SignIn) -> Self {
        Self {
            next,
            verdict: Ok(()),
            effects: Vec::new(),
            quota_uses: Vec::new(),
            client_changes: Vec::new(),
            tried: None,
            entry: None,
        }
    }

    /// Notes a use of a budget for `address` by the value's client.
    pub(super) fn use_quota(&mut self, address: &Identifier, what: QuotaKind) {
        self.quota_uses.push(QuotaUse { address: address.clone(), client: self.next.client_id, what });
    }

    /// Notes a try at the account of `user`, or of nobody who holds `identifier`.
    pub(super) fn tried(&mut self, user: Option<&User>, identifier: &Identifier, share: Share, succeeded: bool) {
        let client = self.next.client_id;
        let share = if user.is_some_and(|user| user.knows(client)) { Share::Known } else { share };
        let account = user.map_or_else(|| Account::Nobody(identifier.clone()), |user| Account::User(user.id));
        self.tried = Some(Try { account, share, source: None, succeeded });
    }

    /// Refuses, and keeps only what is counted: the client holds on to the value it has.
    pub(super) fn refused(mut self, rejection: impl Into<Rejection>) -> Self {
        self.verdict = Err(rejection.into());
        self
    }

    /// Refuses somebody who proved who they are, and may not sign in. The try counts; nothing else comes of it.
    pub fn kept_out(self, refused: Reason) -> Self {
        let mut refused = Self { client_changes: Vec::new(), entry: None, ..self.refused(refused) };
        if let Some(tried) = &mut refused.tried {
            // A success would take back the failures of others.
            tried.succeeded = false;
        }
        refused
    }

    /// The same where the answer does not reach the sign-in's client: it is owed its new token then, for a token that it
    /// is not told of would lock it out.
    pub(super) fn without_rotation(mut self) -> Self {
        self.client_changes.retain(|change| *change != ClientChange::Rotate);
        self
    }

    /// Has nothing sent, and everything else as if it were.
    pub fn unsent(mut self) -> Self {
        for Effect::Deliver(message) in &mut self.effects {
            message.content = Content::Decoy;
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
        self.entry = Some(Entry { user_id: user, client_id, session_id: session.id, proof, at: cx.now });
        self.next.phase = Phase::Complete { session_id: session.id };
        // Nobody comes back from a provider twice, and a profile is large.
        let next = self.next.first_factor.as_ref().map(|_| Box::new(self.next.clone()));
        self.client_changes.push(ClientChange::SetSignIn { expected, next });
        self.client_changes.extend(ClientChange::signed_in(session, cx.policy.single_session, strategy));
        self
    }
}
