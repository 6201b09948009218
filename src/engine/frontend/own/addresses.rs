//! Adding, proving and removing the own addresses. An address that is not proved yet reserves nothing; the commit of its
//! proof decides whether it is still free.

use std::sync::Arc;

use crate::domain::client::ClientChange;
use crate::domain::client::session::Session;
use crate::domain::id::{IdentificationId, SessionId};
use crate::domain::identifier::{EmailAddress, Identifier, IdentifierKind, PhoneNumber};
use crate::domain::redirect::RedirectUrl;
use crate::domain::rejection::{ErrorCode, Reason};
use crate::domain::user::{AddressVerification, AskedLink, Asker, OwnChange, Purpose, User};
use crate::domain::verification::{OneTimeCode, Strategy, VerificationStatus, check_enabled};
use crate::limiter::LimitedAction;

use super::{Needs, Own, SetsUp, TRIES_MAX};
use crate::engine::admission::RETRY_AFTER;
use crate::engine::frontend::address_steps::Beside;
use crate::engine::{Caller, ClientView, Engine, EngineError, RequestContext};

impl Engine {
    /// [`OwnUser::add_email_address`](crate::engine::OwnUser::add_email_address).
    pub(crate) async fn add_own_email(
        &self,
        caller: &Caller,
        session: Option<SessionId>,
        address: &str,
        context: &RequestContext,
    ) -> Result<(IdentificationId, Arc<User>, ClientView), EngineError> {
        self.admitted(async {
            let own = Own::of(caller, session, context);
            let email = EmailAddress::parse(address)?;
            let change = OwnChange::AddEmail(email.clone());
            let (user, client) = self.add_own(own, &email.identifier(), &change).await?;
            let added = user.unproved_emails.iter().find(|added| added.value.as_str() == email.as_str());
            Ok((added.ok_or(EngineError::Internal)?.id, user, client))
        })
        .await
    }

    /// [`OwnUser::add_phone_number`](crate::engine::OwnUser::add_phone_number).
    pub(crate) async fn add_own_phone(
        &self,
        caller: &Caller,
        session: Option<SessionId>,
        (number, second_factor): (&str, bool),
        context: &RequestContext,
    ) -> Result<(IdentificationId, Arc<User>, ClientView), EngineError> {
        self.admitted(async {
            let own = self.own_phones(Own::of(caller, session, context));
            let number = PhoneNumber::parse(number)?;
            let change = OwnChange::AddPhone { number: number.clone(), second_factor };
            let (user, client) = self.add_own(own, &number.identifier(), &change).await?;
            let added = user.unproved_phones.iter().find(|added| added.value == number);
            Ok((added.ok_or(EngineError::Internal)?.id, user, client))
        })
        .await
    }

    async fn add_own(
        &self,
        own: Own<'_>,
        identifier: &Identifier,
        change: &OwnChange,
    ) -> Result<(Arc<User>, ClientView), EngineError> {
        self.inner.admission.spend(LimitedAction::LookUp, own.context, self.now())?;
        let (user, session) = self.own(own).await?;
        let needs = match change {
            OwnChange::AddPhone { second_factor: true, .. } => Needs::FreshSecondFactor,
            _ => Needs::FreshProof,
        };
        self.check_fresh(&session, &user, needs)?;
        let holder = self.holder_of(identifier).await?;
        if holder.is_some_and(|holder| holder != user.id) && !self.settings().hides_existence(identifier.kind) {
            return Err(ErrorCode::FormIdentifierExists.on(param(identifier)).into());
        }
        self.change_own(own, needs, |user, _, cx| user.apply_own(change, cx)).await
    }

    /// [`OwnUser::address`](crate::engine::OwnUser::address).
    pub(crate) async fn own_address(
        &self,
        caller: &Caller,
        session: Option<SessionId>,
        id: IdentificationId,
        context: &RequestContext,
    ) -> Result<(Arc<User>, Option<AddressVerification>, ClientView), EngineError> {
        self.admitted(async {
            let own = Own::of(caller, session, context);
            let (user, _) = self.own(own).await?;
            if !user.has_address(id) {
                return Err(EngineError::NotFound);
            }
            let verification = self.inner.store().address_verification(id).await?;
            let verification = verification.filter(|known| known.purpose == Purpose::Profile);
            let client = self.show_client(caller, context).await?.ok_or(EngineError::SignedOut)?;
            Ok((user, verification, client))
        })
        .await
    }

    /// [`OwnUser::prepare_address`](crate::engine::OwnUser::prepare_address).
    pub(crate) async fn prepare_own_address(
        &self,
        caller: &Caller,
        session: Option<SessionId>,
        (id, strategy, redirect_url): (IdentificationId, &Strategy, Option<&RedirectUrl>),
        context: &RequestContext,
    ) -> Result<(Arc<User>, AddressVerification, ClientView), EngineError> {
        self.admitted(async {
            let own = self.own_phones(Own::of(caller, session, context));
            self.inner.admission.spend(LimitedAction::Write, context, self.now())?;
            for _ in 0..TRIES_MAX {
                let (user, session) = self.own(own).await?;
                check_fits_task(&session, &user, id)?;
                self.check_fresh(&session, &user, Needs::OfFactor(id))?;
                let address = user.unproved_address(id).ok_or_else(|| match user.has_address(id) {
                    true => EngineError::Rejected(ErrorCode::VerificationAlreadyVerified.into()),
                    false => EngineError::NotFound,
                })?;
                let link = match strategy {
                    Strategy::EmailLink => Some(self.asked_link(own, &address, redirect_url)?),
                    code if *code == code_to(&address) => None,
                    _ => return Err(ErrorCode::FormParamValueInvalid.on("strategy").into()),
                };
                let holder = self.holder_of(&address).await?;
                let is_taken = holder.is_some_and(|holder| holder != user.id);
                if is_taken && !self.settings().hides_existence(address.kind) {
                    return Err(ErrorCode::FormIdentifierExists.on(param(&address)).into());
                }
                let client = caller.client_id();
                let asker = Asker { purpose: Purpose::Profile, client, is_decoy: is_taken, link };
                if let Some((next, client)) = self.send_own(own, &user, id, &asker, Vec::new()).await? {
                    return Ok((user, next, client));
                }
            }
            Err(EngineError::Busy { retry_after: RETRY_AFTER })
        })
        .await
    }

    /// A link to an own address, where the settings verify addresses by links.
    ///
    /// # Errors
    /// `form_param_value_invalid` for a phone number; `form_param_value_disabled` where the settings do not.
    fn asked_link(
        &self,
        own: Own<'_>,
        address: &Identifier,
        redirect_url: Option<&RedirectUrl>,
    ) -> Result<AskedLink, EngineError> {
        if address.kind != IdentifierKind::EmailAddress {
            return Err(ErrorCode::FormParamValueInvalid.on("strategy").into());
        }
        let settings = self.settings();
        check_enabled(&Strategy::EmailLink, &settings)?;
        Ok(AskedLink {
            client: own.caller.client_id().ok_or(EngineError::SignedOut)?,
            redirect_url: redirect_url.cloned(),
            in_cookie: own.context.in_cookie(),
            with_code: check_enabled(&Strategy::EmailCode, &settings).is_ok(),
        })
    }

    /// Sends a code or a link to an own address; `None` where something has changed meanwhile.
    pub(super) async fn send_own(
        &self,
        own: Own<'_>,
        user: &User,
        id: IdentificationId,
        asker: &Asker,
        changes: Vec<ClientChange>,
    ) -> Result<Option<(AddressVerification, ClientView)>, EngineError> {
        let before = self.inner.store().address_verification(id).await?;
        let environment = &self.inner.actor_context;
        let step = environment.decide(|cx| AddressVerification::prepare(user, id, before.as_ref(), asker, cx))?;
        let beside = Beside { changes, ..Beside::of(own.caller, own.context) };
        match self.commit_step(&step, before.as_ref(), None, beside).await? {
            Some(committed) => Ok(Some((step.next, self.after(own, &committed).await?))),
            None => Ok(None),
        }
    }

    /// [`OwnUser::attempt_address`](crate::engine::OwnUser::attempt_address).
    pub(crate) async fn attempt_own_address(
        &self,
        caller: &Caller,
        session: Option<SessionId>,
        (id, code): (IdentificationId, &str),
        context: &RequestContext,
    ) -> Result<(Arc<User>, AddressVerification, ClientView), EngineError> {
        self.admitted(async {
            let own = self.own_phones(Own::of(caller, session, context));
            // A code to a number that is added as a second factor proves it as one.
            let own = if own.sets_up == SetsUp::Factor { own.that(SetsUp::ProvedFactor) } else { own };
            self.inner.admission.spend(LimitedAction::Attempt, context, self.now())?;
            for _ in 0..TRIES_MAX {
                let (user, session) = self.own(own).await?;
                check_fits_task(&session, &user, id)?;
                self.check_fresh(&session, &user, Needs::OfFactor(id))?;
                if !user.has_address(id) {
                    return Err(EngineError::NotFound);
                }
                let known = self.inner.store().address_verification(id).await?;
                let known = known.filter(|known| known.purpose == Purpose::Profile);
                let known = known.ok_or(EngineError::Rejected(ErrorCode::VerificationMissing.into()))?;
                self.check_pending(&known)?;
                let code = OneTimeCode::parse(code).ok_or_else(|| ErrorCode::FormCodeIncorrect.on("code"))?;
                let step = self.inner.actor_context.decide(|cx| known.attempt(&code, &user, caller.client_id(), cx))?;
                let step = step.ok_or(EngineError::Rejected(ErrorCode::VerificationFailed.into()))?;
                let set_up = step.user.as_ref().and_then(|next| self.set_up_by(own, &session, &user, next));
                let beside = Beside { changes: set_up.into_iter().collect(), ..Beside::of(caller, context) };
                let Some(committed) = self.commit_step(&step, Some(&known), Some(&user), beside).await? else {
                    continue;
                };
                if !step.next.is_verified() {
                    return Err(ErrorCode::FormCodeIncorrect.on("code").into());
                }
                let user = step.user.map_or(user, Arc::new);
                return Ok((user, step.next, self.after(own, &committed).await?));
            }
            Err(EngineError::Busy { retry_after: RETRY_AFTER })
        })
        .await
    }

    /// A call about phone numbers: where they can be second factors, a pending session can make it, too.
    fn own_phones<'a>(&self, own: Own<'a>) -> Own<'a> {
        let is_factor = self.settings().attributes.phone_number.is_second_factor();
        if is_factor { own.that(SetsUp::Factor) } else { own }
    }

    /// Refuses a guess at a code that can't be right any more.
    pub(super) fn check_pending(&self, known: &AddressVerification) -> Result<(), Reason> {
        Err(match known.verification.status(self.now(), self.policy().attempts_max) {
            VerificationStatus::Unverified => return Ok(()),
            VerificationStatus::Verified => ErrorCode::VerificationAlreadyVerified.into(),
            VerificationStatus::Expired => ErrorCode::VerificationExpired.into(),
            VerificationStatus::Failed => ErrorCode::VerificationFailed.into(),
        })
    }

    /// [`OwnUser::remove_address`](crate::engine::OwnUser::remove_address).
    pub(crate) async fn remove_own_address(
        &self,
        caller: &Caller,
        session: Option<SessionId>,
        id: IdentificationId,
        context: &RequestContext,
    ) -> Result<(Arc<User>, ClientView), EngineError> {
        self.admitted(async {
            let (own, change) = (Own::of(caller, session, context), OwnChange::RemoveAddress(id));
            self.change_own(own, Needs::OfFactor(id), |user, _, cx| user.apply_own(&change, cx)).await
        })
        .await
    }

    /// [`OwnUser::mark_phone_number`](crate::engine::OwnUser::mark_phone_number).
    pub(crate) async fn mark_own_phone(
        &self,
        caller: &Caller,
        session: Option<SessionId>,
        (id, reserved, default): (IdentificationId, Option<bool>, Option<bool>),
        context: &RequestContext,
    ) -> Result<(Arc<User>, ClientView), EngineError> {
        self.admitted(async {
            let own = self.own_phones(Own::of(caller, session, context));
            let change = OwnChange::MarkPhone { id, reserved, default };
            self.change_own(own, Needs::FreshSecondFactor, |user, _, cx| user.apply_own(&change, cx)).await
        })
        .await
    }
}

/// Lets a pending session prove a phone number, and no other address.
fn check_fits_task(session: &Session, user: &User, id: IdentificationId) -> Result<(), EngineError> {
    let is_phone = user.phone_numbers.iter().chain(&user.unproved_phones).any(|phone| phone.id == id);
    if session.task.is_none() || is_phone { Ok(()) } else { Err(EngineError::SignedOut) }
}

/// The strategy of codes to an address.
pub(super) const fn code_to(address: &Identifier) -> Strategy {
    match address.kind {
        IdentifierKind::PhoneNumber => Strategy::PhoneCode,
        _ => Strategy::EmailCode,
    }
}

const fn param(address: &Identifier) -> &'static str {
    match address.kind {
        IdentifierKind::PhoneNumber => "phone_number",
        _ => "email_address",
    }
}
