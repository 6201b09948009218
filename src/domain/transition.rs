//! What a decision comes to: the next value, and as data everything that goes with it. Both flows decide in this form;
//! they differ in the value `T` and in what it becomes, the outcome `O`.

use super::client::ClientChange;
use super::id::ClientId;
use super::identifier::Identifier;
use super::message::Message;
use super::quota::{QuotaKind, QuotaUse};
use super::rejection::Rejection;

/// The next value and everything that goes with it, to be committed as one.
#[derive(Clone, Debug, PartialEq)]
pub struct Transition<T, O> {
    /// The next value.
    pub next: T,
    /// Whether there is anything to commit.
    pub change: Change,
    /// What to answer once it is committed: a wrong code is counted *and* refused.
    pub verdict: Result<(), Rejection>,
    /// What to do in the world.
    pub effects: Vec<Effect>,
    /// Which exact limits it uses.
    pub quota_uses: Vec<QuotaUse>,
    /// What it does to the client.
    pub client_changes: Vec<ClientChange>,
    /// What comes of it beside the next value.
    pub outcome: O,
}

/// Whether a decision changes anything.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Change {
    /// It does: there is something to commit.
    Made,
    /// It does not: the answer is the value as it is.
    Nothing,
    /// It does not, and it is the call that completed the value, made again because its answer was lost. A caller with
    /// the token that this call replaced may be given the new one
    /// ([guide: Replaced tokens](crate::guide::contract#replaced-tokens)).
    Replay,
}

/// Something to be done in the world after the commit. It is stored in the same commit, so that a crash loses none.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Effect {
    /// Send a message.
    Deliver(Message),
}

impl Effect {
    /// The message that it sends.
    pub const fn message(&self) -> Option<&Message> {
        match self {
            Self::Deliver(message) => Some(message),
        }
    }
}

impl<T, O> Transition<T, O> {
    /// Whether there is anything to commit.
    pub fn is_changed(&self) -> bool {
        self.change == Change::Made
    }

    /// The messages among its effects.
    pub fn messages(&self) -> impl Iterator<Item = &Message> {
        self.effects.iter().filter_map(Effect::message)
    }

    /// Refuses, and keeps what is counted.
    pub(in crate::domain) fn refused(mut self, rejection: impl Into<Rejection>) -> Self {
        self.verdict = Err(rejection.into());
        self
    }

    /// The same where the answer does not reach the client of the value: it is owed its new token then, for a token that
    /// it is not told of would lock it out.
    pub(in crate::domain) fn without_rotation(mut self) -> Self {
        self.client_changes.retain(|change| *change != ClientChange::Rotate);
        self
    }

    /// Sends a message on behalf of `client`, counted as `what`.
    pub(in crate::domain) fn send(&mut self, message: Message, client: ClientId, what: QuotaKind) {
        self.use_quota(&message.to, client, what);
        self.effects.push(Effect::Deliver(message));
    }

    /// Notes a use of the limits of `address` by `client`.
    pub(in crate::domain) fn use_quota(&mut self, address: &Identifier, client: ClientId, what: QuotaKind) {
        self.quota_uses.push(QuotaUse { address: address.clone(), client, what });
    }
}

impl<T, O: Default> Transition<T, O> {
    /// A transition to `next` that succeeds, and nothing else.
    pub(in crate::domain) fn to(next: T) -> Self {
        Self {
            next,
            change: Change::Made,
            verdict: Ok(()),
            effects: Vec::new(),
            quota_uses: Vec::new(),
            client_changes: Vec::new(),
            outcome: O::default(),
        }
    }

    /// Nothing changes: the answer is the value as it is.
    pub(in crate::domain) fn unchanged(value: &T) -> Self
    where
        T: Clone,
    {
        Self { change: Change::Nothing, ..Self::to(value.clone()) }
    }

    /// Nothing changes, and the completing answer is given again.
    pub(in crate::domain) fn replay(value: &T) -> Self
    where
        T: Clone,
    {
        Self { change: Change::Replay, ..Self::to(value.clone()) }
    }
}
