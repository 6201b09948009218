//! What a user is told of a change of the own account ([guide: Notices](crate::guide::contract_me#notices)): within a limit for
//! each user, beyond which changes are made and nothing more is said.

use crate::domain::message::Message;
use crate::domain::sign_in::{Credential, Entry};
use crate::domain::transition::Effect;
use crate::domain::user::{ChangedBy, User};
use crate::limiter::CountedNotices;

use crate::engine::{Engine, EngineError};

/// Notices to commit with the change that they tell of.
#[must_use]
pub(in crate::engine) struct Told<'a> {
    messages: Vec<Message>,
    counted: CountedNotices<'a>,
}

impl Told<'_> {
    /// The notices as effects.
    pub(in crate::engine) fn effects(&self) -> Vec<Effect> {
        self.messages.iter().cloned().map(Effect::Deliver).collect()
    }

    /// Notes that they were committed; otherwise they count for nothing.
    pub(in crate::engine) fn committed(self) {
        self.counted.sent();
    }
}

impl Engine {
    /// What the user is told of the change to `next`.
    pub(in crate::engine) fn tell(&self, user: &User, next: &User, by: ChangedBy) -> Told<'_> {
        self.told(user, self.inner.actor_context.decide(|cx| user.notices(next, by, cx)))
    }

    /// What the user is told of a sign-in, which may connect an account.
    pub(super) async fn tell_of_entry(&self, entry: Option<&Entry>) -> Result<Option<Told<'_>>, EngineError> {
        let Some(Entry { user_id, proof: Credential::NewAccount { address, .. }, .. }) = entry else { return Ok(None) };
        let Some(user) = self.inner.store().user(*user_id).await? else { return Ok(None) };
        let notice = self.inner.actor_context.decide(|cx| user.notice_of_account(address, cx));
        Ok(Some(self.told(&user, notice.into_iter().collect())))
    }

    fn told(&self, user: &User, mut messages: Vec<Message>) -> Told<'_> {
        let counted = self.inner.admission.count_notices(user.id, messages.len(), self.now());
        if counted.count() < messages.len() {
            tracing::warn!(user.id = %user.id, "a user is told of no more changes for a time: there were too many");
        }
        messages.truncate(counted.count());
        Told { messages, counted }
    }
}
