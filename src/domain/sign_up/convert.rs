//! Conversion: as soon as no field is missing or unverified, the sign-up becomes a user with a session.

use crate::domain::client::ClientChange;
use crate::domain::client::session::Session;
use crate::domain::context::Context;
use crate::domain::field::Field;
use crate::domain::id::IdentificationId;
use crate::domain::refusal::Declined;
use crate::domain::rejection::{Reason, Rejection};
use crate::domain::requirements::Requirements;
use crate::domain::user::{Conversion, Identification, User, UserAccount, first_email_id, first_phone_id};
use crate::domain::verification::{ExternalState, Strategy};

use super::state::{Approval, Collected, Phase};
use super::{Command, SignUp, Transition};

impl Transition {
    /// Completes the next value if every requirement is met; checked after every write
    /// ([guide: Requirements](crate::guide::contract_sign_ups#requirements)). It is the only way to become a user, so
    /// restrictions on users are checked here.
    ///
    /// # Errors
    /// Why the person may not become a user.
    pub(super) fn convert_if_complete(mut self, cx: &mut Context<'_>) -> Result<Self, Rejection> {
        let requirements = Requirements::of(&self.next, cx.now, cx.settings, cx.policy);
        if !requirements.are_met_but_for_approval() {
            self.next.approval = Approval::None;
            return Ok(self);
        }
        if requirements.needs_approval {
            self.next.check_admitted(cx)?;
            let since = self.next.waits_since().unwrap_or(cx.now);
            self.next.approval = Approval::Waiting { since };
            return Ok(self);
        }
        self.convert(cx)
    }

    /// Completes the next value, which has met every requirement.
    ///
    /// # Errors
    /// Why the person may not become a user.
    pub(super) fn convert(mut self, cx: &mut Context<'_>) -> Result<Self, Rejection> {
        self.next.check_admitted(cx)?;
        self.next.approval = Approval::None;
        let user_id = self.next.id.cast();
        let session = Session::begin_first(user_id, self.next.client_id, self.next.origin.clone(), cx);
        let session_id = session.id;
        self.next.phase = Phase::Complete { user_id, session_id, at: cx.now };
        let strategy = self.next.proved_by();
        self.client_changes.extend(ClientChange::signed_in(session, cx.policy.single_session, strategy));
        let accepts = self.next.invited_by();
        self.outcome = Some(Conversion { user: self.next.to_user(cx), session_id, accepts });
        Ok(self)
    }

    /// This conversion after the application declined it, in reaction to `command`; `None` is a create. What was
    /// proved and given stays stored, and the next command that would convert asks again. A create stores nothing, as
    /// every refused create: what it was based on is still there. And an approval that is declined was none.
    ///
    /// # Errors
    /// The refusal, where nothing is stored.
    pub(crate) fn declined(mut self, command: Option<&Command>, declined: Declined) -> Result<Self, Rejection> {
        let refusal = Rejection::from(Reason::from(&declined));
        if matches!(command, None | Some(Command::Approve)) {
            return Err(refusal);
        }
        self.outcome = None;
        self.next.phase = Phase::Open;
        self.next.declined = Some(declined);
        let signs_in = |change: &ClientChange| matches!(change, ClientChange::AddSession { .. } | ClientChange::Rotate);
        self.client_changes.retain(|change| !signs_in(change));
        // From a provider the browser returns to the application's page, which shows the refusal.
        let is_shown_later = matches!(command, Some(Command::Return(_)));
        Ok(if is_shown_later { self } else { self.refused(refusal) })
    }
}

impl SignUp {
    /// For a step that was taken before: completes a sign-up that has met every requirement and is not complete yet,
    /// because the application declined it or the settings require less than before.
    pub(super) fn converted_or_unchanged(&self, cx: &mut Context<'_>) -> Result<Transition, Rejection> {
        let is_due = Requirements::of(self, cx.now, cx.settings, cx.policy).are_met();
        if is_due { Transition::to(self.touched(cx)).convert(cx) } else { Ok(Transition::unchanged(self)) }
    }

    /// The last strategy that the person proved: a code or an account, else the password.
    fn proved_by(&self) -> Option<Strategy> {
        let proofs = [Field::EmailAddress, Field::PhoneNumber];
        let account = self.external_account.as_deref().and_then(|account| match account.state {
            ExternalState::Verified { at, .. } => Some((at, account.strategy.clone())),
            _ => None,
        });
        let latest = proofs
            .iter()
            .filter_map(|field| self.verification(field))
            .filter_map(|v| v.verified.as_ref().map(|proof| (proof.at, proof.by.clone())))
            .chain(account)
            .max_by_key(|(at, _)| *at);
        latest.map(|(_, strategy)| strategy).or_else(|| self.password_digest.as_ref().map(|_| Strategy::Password))
    }

    fn to_user(&self, cx: &mut Context<'_>) -> User {
        let user_id = self.id.cast();
        User {
            email_addresses: self.email_address.iter().map(|e| identification(e, first_email_id(user_id))).collect(),
            phone_numbers: self.phone_number.iter().map(|p| identification(p, first_phone_id(user_id))).collect(),
            external_accounts: self
                .proved_account()
                .and_then(|account| UserAccount::of(account, cx))
                .into_iter()
                .collect(),
            username: self.username.clone(),
            external_id: self.external_id.clone(),
            password_digest: self.password_digest.clone(),
            password_last_updated_at: self.password_digest.as_ref().map(|_| cx.now),
            first_name: self.first_name.clone(),
            last_name: self.last_name.clone(),
            unsafe_metadata: self.unsafe_metadata.clone(),
            public_metadata: self.public_metadata.clone(),
            locale: self.locale.clone(),
            legal_accepted_at: self.legal_accepted_at,
            last_sign_in_at: Some(cx.now),
            last_active_at: Some(cx.now),
            devices: vec![self.client_id],
            delete_self_enabled: cx.settings.actions.delete_self,
            sign_up: Some(Box::new(self.clone())),
            ..User::new(user_id, cx.now)
        }
    }
}

fn identification<T: Clone>(collected: &Collected<T>, id: IdentificationId) -> Identification<T> {
    let proof = collected.verification.as_ref().and_then(|v| v.verified.as_ref());
    Identification {
        verified_by: proof.map(|proof| proof.by.clone()),
        ..Identification::unproved(id, collected.value.clone())
    }
}
