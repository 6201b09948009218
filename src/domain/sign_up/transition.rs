//! What a decision comes to.

use crate::domain::client::ClientChange;
use crate::domain::effect::Effect;
use crate::domain::quota::QuotaUse;
use crate::domain::rejection::Rejection;
use crate::domain::user::Conversion;

use super::SignUp;

/// The next value and everything that goes with it, to be committed as one.
#[derive(Clone, Debug, PartialEq)]
pub struct Transition {
    /// The next value.
    pub next: SignUp,
    /// What to answer once the commit stands: a wrong code is counted *and* refused.
    pub verdict: Result<(), Rejection>,
    /// What to do in the world.
    pub effects: Vec<Effect>,
    /// Which budgets it uses.
    pub quota_uses: Vec<QuotaUse>,
    /// What it does to the client.
    pub client_changes: Vec<ClientChange>,
    /// What it becomes, when it is complete.
    pub conversion: Option<Conversion>,
    /// Whether there is anything to commit.
    pub changed: bool,
    /// Whether it is the call that completed the sign-up, made again because its answer was lost: whoever presents the
    /// token that this call replaced may be given the new one then
    /// ([guide: Replaced tokens](crate::guide::contract#replaced-tokens)).
    pub is_replay: bool,
}

impl Transition {
    /// A transition to `next` that succeeds, and nothing else.
    pub(super) fn to(next: SignUp) -> Self {
        Self {
            next,
            verdict: Ok(()),
            effects: Vec::new(),
            quota_uses: Vec::new(),
            client_changes: Vec::new(),
            conversion: None,
            changed: true,
            is_replay: false,
        }
    }

    /// Nothing changes: the answer is the value as it is.
    pub(super) fn unchanged(value: &SignUp) -> Self {
        Self { changed: false, ..Self::to(value.clone()) }
    }

    /// The same where the answer does not reach the sign-up's client: it is owed its new token then, for a token that it
    /// is not told of would lock it out.
    pub(super) fn without_rotation(mut self) -> Self {
        self.client_changes.retain(|change| *change != ClientChange::Rotate);
        self
    }

    /// Nothing changes, and the completing answer is given again.
    pub(super) fn replay(value: &SignUp) -> Self {
        Self { is_replay: true, ..Self::unchanged(value) }
    }
}
