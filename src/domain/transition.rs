//! The result of a decision: the next value, and as data everything that is committed with it. Both flows use this
//! form; they differ in the value `T` and the outcome `O`.

use super::client::ClientChange;
use super::id::ClientId;
use super::identifier::Identifier;
use super::message::Message;
use super::quota::{QuotaKind, QuotaUse};
use super::rejection::Rejection;
use super::time::Timestamp;

/// The next value and everything that goes with it, to be committed as one.
#[derive(Clone, Debug, PartialEq)]
pub struct Transition<T, O> {
    /// The next value.
    pub next: T,
    /// Whether there is anything to commit.
    pub change: Change,
    /// The response once it is committed: a wrong code is counted *and* refused.
    pub verdict: Result<(), Rejection>,
    /// External actions after the commit.
    pub effects: Vec<Effect>,
    /// The exact limits that it uses.
    pub quota_uses: Vec<QuotaUse>,
    /// The changes to the client.
    pub client_changes: Vec<ClientChange>,
    /// The results beside the next value.
    pub outcome: O,
}

/// Whether a decision changes anything.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Change {
    /// There is something to commit.
    Made,
    /// Nothing to commit: the response shows the unchanged value.
    Nothing,
    /// Nothing to commit: the call that completed the value is retried because its response was lost. A caller with the
    /// token that this call rotated may be given the new one
    /// ([guide: Replaced tokens](crate::guide::contract#replaced-tokens)).
    Replay,
}

/// An external action after the commit. It is stored in the same commit, so that a crash loses none.
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

    /// Makes it a refusal; the counters are still committed.
    pub(in crate::domain) fn refused(mut self, rejection: impl Into<Rejection>) -> Self {
        self.verdict = Err(rejection.into());
        self
    }

    /// The same where the response does not reach the value's client: the client gets its new token when it next
    /// presents the one that its own last step gave it. Otherwise the token rotation would lock it out.
    pub(in crate::domain) fn without_rotation(mut self) -> Self {
        self.client_changes.retain(|change| !matches!(change, ClientChange::Rotate | ClientChange::Renew { .. }));
        self
    }

    /// The same with a new token for the client, which the response carries; `at` is the time of this write.
    pub(in crate::domain) fn renewed(mut self, at: Timestamp) -> Self {
        if !self.client_changes.iter().any(|change| matches!(change, ClientChange::Renew { .. })) {
            self.client_changes.push(ClientChange::Renew { at });
        }
        self
    }

    /// Sends a message on behalf of `client`, counted as `what`.
    pub(in crate::domain) fn send(&mut self, message: Message, client: ClientId, what: QuotaKind) {
        self.use_quota(&message.to, client, what);
        self.effects.push(Effect::Deliver(message));
    }

    /// Records a use of the limits of `address` by `client`.
    pub(in crate::domain) fn use_quota(&mut self, address: &Identifier, client: ClientId, what: QuotaKind) {
        self.quota_uses.push(QuotaUse { address: address.clone(), client, what });
    }
}

impl<T, O: Default> Transition<T, O> {
    /// A successful transition to `next`, without anything else.
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

    /// No change: the response shows the unchanged value.
    pub(in crate::domain) fn unchanged(value: &T) -> Self
    where
        T: Clone,
    {
        Self { change: Change::Nothing, ..Self::to(value.clone()) }
    }

    /// No change: the completing response is repeated.
    pub(in crate::domain) fn replay(value: &T) -> Self
    where
        T: Clone,
    {
        Self { change: Change::Replay, ..Self::to(value.clone()) }
    }
}
