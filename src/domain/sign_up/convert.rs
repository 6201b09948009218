//! Conversion: as soon as no field is missing or unverified, the sign-up becomes a user with a session.

use crate::domain::client::ClientChange;
use crate::domain::client::session::Session;
use crate::domain::context::Context;
use crate::domain::field::Field;
use crate::domain::id::IdentificationId;
use crate::domain::rejection::Rejection;
use crate::domain::requirements::Requirements;
use crate::domain::user::{Conversion, Identification, User, UserAccount};
use crate::domain::verification::{ExternalState, Strategy};

use super::state::{Collected, Phase};
use super::{SignUp, Transition};

impl Transition {
    /// Completes the next value if every requirement is met; checked after every write
    /// ([guide: Requirements](crate::guide::contract_sign_ups#requirements)). It is the only way to become a user, so
    /// restrictions on users are checked here.
    ///
    /// # Errors
    /// Why the person may not become a user.
    pub(super) fn convert_if_complete(mut self, cx: &mut Context<'_>) -> Result<Self, Rejection> {
        if !Requirements::of(&self.next, cx.now, cx.settings, cx.policy).are_met() {
            return Ok(self);
        }
        self.next.check_admitted(cx)?;
        let user_id = self.next.id.cast();
        let session = Session::begin(user_id, self.next.client_id, self.next.origin.clone(), cx);
        let session_id = session.id;
        self.next.phase = Phase::Complete { user_id, session_id, at: cx.now };
        let strategy = self.next.proved_by();
        self.client_changes.extend(ClientChange::signed_in(session, cx.policy.single_session, strategy));
        let accepts = self.next.invited_by();
        self.outcome = Some(Conversion { user: self.next.to_user(cx), session_id, accepts });
        Ok(self)
    }
}

impl SignUp {
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
        User {
            email_addresses: self.email_address.iter().map(|e| identification(e, cx)).collect(),
            phone_numbers: self.phone_number.iter().map(|p| identification(p, cx)).collect(),
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
            sign_up: Some(Box::new(self.clone())),
            ..User::new(self.id.cast(), cx.now)
        }
    }
}

fn identification<T: Clone>(collected: &Collected<T>, cx: &mut Context<'_>) -> Identification<T> {
    let proof = collected.verification.as_ref().and_then(|v| v.verified.as_ref());
    Identification {
        id: IdentificationId::generate(cx.now, cx.entropy),
        value: collected.value.clone(),
        verified_by: proof.map(|proof| proof.by.clone()),
        reserved: false,
    }
}
