//! Steps after which others may complete the sign-up: an administrator approves it, the backend does its own step, a
//! link is followed in another browser, or a person returns from a provider where the token can't follow. Their
//! responses reach no client, so the session goes to the holder of the client's token. An attacker may know the one that
//! the person began with. So the person's own step replaces it
//! ([guide: Sessions and client tokens](crate::guide::security#sessions-and-client-tokens)).

use crate::domain::context::Context;
use crate::domain::field::Field;
use crate::domain::requirements::Requirements;
use crate::domain::verification::VerificationStatus;

use super::state::Phase;
use super::{SignUp, Transition};

impl SignUp {
    /// Whether others may complete it without another step of its person.
    pub fn is_left_to_others(&self, cx: &Context<'_>) -> bool {
        if self.phase != Phase::Open || self.refused().is_some() {
            return false;
        }
        let needed = Requirements::of(self, cx.now, cx.settings, cx.policy);
        let by_link = self.awaits_link_elsewhere(cx);
        let is_proved = |field: &Field| by_link && *field == Field::EmailAddress;
        needed.identified
            && needed.missing_fields.is_empty()
            && needed.unverified_fields.iter().all(is_proved)
            && !needed.owes_captcha
    }

    /// Whether a link is open that does its work without an answer to this client: another browser may follow it, or
    /// the client's token is in no cookie.
    fn awaits_link_elsewhere(&self, cx: &Context<'_>) -> bool {
        let Some(verification) = self.verification(&Field::EmailAddress) else { return false };
        let is_bound = |in_cookie| in_cookie && cx.settings.attack_protection.email_link.require_same_client;
        verification.link().is_some_and(|link| !is_bound(link.in_cookie))
            && verification.status(cx.now, cx.policy.attempts_max) == VerificationStatus::Unverified
    }
}

impl Transition {
    /// This step where its response reaches the sign-up's client: if others may complete the sign-up from now on, the
    /// client gets a new token.
    pub(super) fn told(self, cx: &Context<'_>) -> Self {
        let is_due = self.is_changed() && self.verdict.is_ok() && self.next.is_left_to_others(cx);
        let at = self.next.updated_at;
        if is_due { self.renewed(at) } else { self }
    }
}
