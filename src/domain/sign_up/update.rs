//! Applying fields, at create and at update.

use crate::domain::context::Context;
use crate::domain::field::Field;
use crate::domain::identifier::IdentifierKind;
use crate::domain::rejection::{ErrorCode, Reason, Rejection};
use crate::domain::verification::Strategy;

use super::fields::{Fields, Patch};
use super::state::{Collected, SignUp};
use super::{External, Prepare, Transition};

impl SignUp {
    pub(super) fn update(&self, fields: &Fields, cx: &mut Context<'_>) -> Result<Transition, Rejection> {
        fields.agree_with_ticket()?;
        fields.agree_with_proof(cx.settings)?;
        self.refuse_taken(fields, cx)?;
        let mut next = self.touched(cx);
        next.take(fields, cx);
        next.check_mode(cx)?;
        next.check_captcha(fields.external.as_ref(), cx)?;
        if let Some(invitation) = &fields.invitation {
            cx.settings.restrictions.admit_invited(&invitation.email_address)?;
        }
        let mut transition = match &fields.strategy {
            Some(strategy @ (Strategy::EmailCode | Strategy::EmailLink | Strategy::PhoneCode))
                if next.wants_proof(strategy, cx)
                    && !next.awaits_answer(strategy, fields.redirect_url.as_ref(), cx) =>
            {
                let prepare = Prepare {
                    strategy: strategy.clone(),
                    channel: fields.channel,
                    redirect_url: fields.redirect_url.clone(),
                    in_cookie: fields.in_cookie,
                    taken: strategy.kind().is_some_and(|kind| fields.find_taken(kind, &next, cx)),
                    challenge: None,
                };
                next.prepare_in_place(&prepare, cx)?
            }
            _ => Transition::to(next),
        };
        transition.client_changes.extend(fields.uses_up());
        let transition = transition.convert_if_complete(cx)?;
        let leaves = fields.external.as_ref().is_some_and(External::is_answered_elsewhere);
        let at = transition.next.updated_at;
        Ok(if leaves && transition.outcome.is_none() { transition.renewed(at) } else { transition })
    }

    /// Whether a message may be needed: none is sent for a value that is already verified.
    fn wants_proof(&self, strategy: &Strategy, cx: &Context<'_>) -> bool {
        strategy.field().is_some_and(|field| !self.is_verified(&field, cx.now, cx.policy))
    }

    /// Rejects identifiers that a user holds, as far as enumeration protection allows; the commit checks again.
    fn refuse_taken(&self, fields: &Fields, cx: &Context<'_>) -> Result<(), Rejection> {
        let shown = fields.taken.iter().filter(|kind| !cx.settings.hides_existence(**kind));
        Rejection::collect(shown.map(|kind| taken(*kind)).collect())
    }

    fn take(&mut self, fields: &Fields, cx: &Context<'_>) {
        collect(&mut self.email_address, &fields.email_address, |old, new| old.as_str() == new.as_str());
        collect(&mut self.phone_number, &fields.phone_number, |old, new| old == new);
        // The invitation last: it depends on the address, which may have been replaced.
        self.take_proved(fields);
        self.take_ticket(fields.invitation.as_deref(), cx);
        self.captcha_solved |= fields.captcha_solved;
        patch(&mut self.username, &fields.username);
        patch(&mut self.password_digest, &fields.password_digest);
        patch(&mut self.first_name, &fields.first_name);
        patch(&mut self.last_name, &fields.last_name);
        patch(&mut self.locale, &fields.locale);
        if let Some(external) = &fields.external {
            self.take_external(external, cx);
        }
        if let Some(metadata) = &fields.unsafe_metadata {
            self.unsafe_metadata.clone_from(metadata);
        }
        if cx.settings.enabled(&Field::LegalAccepted) {
            match fields.legal_accepted {
                Some(true) => self.legal_accepted_at = self.legal_accepted_at.or(Some(cx.now)),
                Some(false) => self.legal_accepted_at = None,
                None => {}
            }
        }
    }
}

/// The rejection for an identifier of this kind that another user holds.
pub fn taken(kind: IdentifierKind) -> Reason {
    match (kind.field(), kind) {
        (Some(field), _) => ErrorCode::FormIdentifierExists.on(field.as_str()),
        (None, IdentifierKind::ExternalId) => ErrorCode::FormIdentifierExists.on("external_id"),
        (None, _) => ErrorCode::ExternalAccountExists.into(),
    }
}

pub(super) fn patch<T: Clone>(slot: &mut Option<T>, patch: &Patch<T>) {
    match patch {
        Patch::Keep => {}
        Patch::Clear => *slot = None,
        Patch::Set(value) => *slot = Some(value.clone()),
    }
}

/// Like [`patch`], for a value with a verification: setting the same value keeps the verification, another value drops
/// it.
fn collect<T: Clone>(slot: &mut Option<Collected<T>>, patch: &Patch<T>, same: impl Fn(&T, &T) -> bool) {
    match patch {
        Patch::Keep => {}
        Patch::Clear => *slot = None,
        Patch::Set(value) => {
            let verification = slot.take().filter(|old| same(&old.value, value)).and_then(|old| old.verification);
            *slot = Some(Collected { value: value.clone(), verification });
        }
    }
}
