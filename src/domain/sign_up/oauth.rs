//! Accounts at providers: the authorization request, and checking its response
//! ([guide: Accounts at providers](crate::guide::contract_sign_ups#accounts-at-providers)).

use std::collections::BTreeSet;

use crate::domain::context::Context;
use crate::domain::field::Field;
use crate::domain::identifier::{EmailAddress, IdentifierKind, Username};
use crate::domain::person::name;
use crate::domain::rejection::{ErrorCode, Rejection};
use crate::domain::settings::Settings;
use crate::domain::verification::{
    AuthorizationRequest, AuthorizationResponse, ExternalAccount, ExternalState, Profile, ProviderOutcome, Strategy,
    Verification, check_enabled,
};

use super::admission::takes_subaddresses;
use super::{Collected, Fields, SignUp, Transition};

/// What a create or update says about an account at a provider.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum External {
    /// An authorization request to the provider.
    Begin(AuthorizationRequest),
    /// The result of a provider, from the application or from a sign-in.
    Answered(Strategy, ProviderOutcome),
}

impl External {
    /// The strategy that proves the account.
    pub const fn strategy(&self) -> &Strategy {
        match self {
            Self::Begin(request) => &request.strategy,
            Self::Answered(strategy, _) => strategy,
        }
    }

    /// Whether it is a request whose response can't give the client a new token.
    pub(super) const fn is_answered_elsewhere(&self) -> bool {
        matches!(self, Self::Begin(AuthorizationRequest { answered_elsewhere: true, .. }))
    }
}

impl SignUp {
    /// Applies the response to an authorization request. Each request takes one response; a response to an earlier one
    /// is refused.
    pub(super) fn return_from_provider(
        &self,
        back: &AuthorizationResponse,
        cx: &mut Context<'_>,
    ) -> Result<Transition, Rejection> {
        let account = self.external_account.as_ref().filter(|account| account.awaits_callback(&back.nonce, cx.now));
        let account = account.ok_or(ErrorCode::OAuthCallbackInvalid)?;
        let mut next = self.touched(cx);
        next.settle((**account).clone(), &back.answer, cx);
        let transition = match Transition::to(next.clone()).convert_if_complete(cx) {
            Ok(transition) => transition,
            // The browser returns to the application's page, which shows the error.
            Err(refused) => {
                next.refuse_account(&refused);
                Transition::to(next)
            }
        };
        Ok(if back.by_owner { transition.told(cx) } else { transition.without_rotation() })
    }

    /// Whether a response from a provider is pending.
    pub fn awaits_provider(&self) -> bool {
        self.external_account.as_deref().is_some_and(|account| account.authorize_url.is_some())
    }

    /// Applies what a create or update says about an account.
    pub(super) fn take_external(&mut self, external: &External, cx: &Context<'_>) {
        match external {
            External::Begin(request) => {
                self.external_account = Some(Box::new(ExternalAccount::pending(request, cx.now)));
            }
            External::Answered(strategy, answer) => {
                let account = ExternalAccount {
                    strategy: strategy.clone(),
                    state: ExternalState::Pending,
                    nonce: [0; 16],
                    redirect_url: None,
                    action_complete_redirect_url: None,
                    authorize_url: None,
                    expire_at: cx.now,
                    profile: None,
                };
                self.settle(account, answer, cx);
            }
        }
    }

    fn settle(&mut self, mut account: ExternalAccount, answer: &ProviderOutcome, cx: &Context<'_>) {
        account.authorize_url = None;
        // The provider may have been disabled since the authorization request.
        let is_on = check_enabled(&account.strategy, cx.settings).map_err(|refused| refused.code);
        account.state = match is_on.and_then(|()| answer.outcome.as_ref().map_err(|code| *code)) {
            Err(code) => ExternalState::Failed { code, session: None },
            Ok(_) if answer.session.is_some() => {
                ExternalState::Failed { code: ErrorCode::IdentifierAlreadySignedIn, session: answer.session }
            }
            // The sign-in checks whether that user may sign in.
            Ok(_) if answer.owner.is_some() => ExternalState::Transferable(ErrorCode::ExternalAccountExists),
            Ok(profile) if !is_admitted(profile, &account.strategy, cx) => {
                ExternalState::Failed { code: ErrorCode::NotAllowedAccess, session: None }
            }
            // The address is a user's, and not proved on both sides: the user must sign in with an existing method.
            Ok(profile) if profile.email_verified && answer.taken.contains(&IdentifierKind::EmailAddress) => {
                ExternalState::Failed { code: ErrorCode::ExternalAccountExists, session: None }
            }
            Ok(_) => ExternalState::Verified { at: cx.now, client: self.client_id },
        };
        if let Ok(profile) = &answer.outcome {
            if account.is_verified() {
                self.prefill(profile, &account.strategy, &answer.taken, cx);
            }
            account.profile = Some(profile.clone());
        }
        self.external_account = Some(Box::new(account));
    }

    /// Marks the account as failed: it proves a person who may not become a user.
    fn refuse_account(&mut self, refused: &Rejection) {
        let code = refused.reasons().first().map_or(ErrorCode::NotAllowedAccess, |reason| reason.code);
        if let Some(account) = &mut self.external_account {
            account.state = ExternalState::Failed { code, session: None };
        }
    }

    /// Copies from a profile what the instance asks for and the person has not given. An address counts as proved only
    /// where the provider vouches for it
    /// ([guide: Takeover by an unverified address](crate::guide::security#takeover-by-an-unverified-address)).
    fn prefill(&mut self, profile: &Profile, strategy: &Strategy, taken: &BTreeSet<IdentifierKind>, cx: &Context<'_>) {
        let settings = cx.settings;
        let is_free = |kind| !taken.contains(&kind);
        if let Some(email) = profile.email().filter(|_| settings.enabled(&Field::EmailAddress))
            && takes_email(profile, is_free(IdentifierKind::EmailAddress), settings)
            && self.email_address.as_ref().is_none_or(|given| given.value.is_like(&email, settings.ignores_dots()))
        {
            // What the person typed stays the address.
            let (value, known) = match self.email_address.take() {
                Some(Collected { value, verification }) => (value, verification),
                None => (email, None),
            };
            let vouched = strategy.provider_verified().filter(|_| profile.email_verified);
            let vouched = vouched.map(|strategy| Verification::verified_by_provider(strategy, self.client_id, cx.now));
            let proved = known.filter(|v| vouched.is_none() || v.verified.is_some());
            self.email_address = Some(Collected { value, verification: proved.or(vouched) });
        }
        let usable = |field: &Field, param: &str, text: &Option<String>| {
            let text = text.as_deref().filter(|_| settings.enabled(field))?;
            name(param, text).ok()
        };
        if self.first_name.is_none() {
            self.first_name = usable(&Field::FirstName, "first_name", &profile.first_name);
        }
        if self.last_name.is_none() {
            self.last_name = usable(&Field::LastName, "last_name", &profile.last_name);
        }
        if self.username.is_none() && settings.enabled(&Field::Username) && is_free(IdentifierKind::Username) {
            let text = profile.username.as_deref();
            self.username = text.and_then(|text| Username::parse(text, &settings.username_settings).ok());
        }
    }
}

impl Fields {
    /// Whether a user holds the address that this write sets in `next`, typed or from a provider, and enumeration
    /// protection must hide that.
    pub(super) fn find_taken(&self, kind: IdentifierKind, next: &SignUp, cx: &Context<'_>) -> bool {
        let is_named = || match &self.external {
            Some(External::Answered(_, answer)) if kind == IdentifierKind::EmailAddress => {
                let named = answer.outcome.as_ref().ok().and_then(Profile::email);
                let is_named = |given: &Collected<EmailAddress>| {
                    named.is_some_and(|named| given.value.is_like(&named, cx.settings.ignores_dots()))
                };
                answer.taken.contains(&kind) && next.email_address.as_ref().is_some_and(is_named)
            }
            _ => false,
        };
        cx.settings.hides_existence(kind) && (self.taken.contains(&kind) || is_named())
    }
}

/// Whether the restrictions admit the address from a provider.
fn is_admitted(profile: &Profile, strategy: &Strategy, cx: &Context<'_>) -> bool {
    let restrictions = &cx.settings.restrictions;
    let subaddresses = takes_subaddresses(strategy, cx.settings);
    let verdict = match (profile.email(), &profile.email_address) {
        (Some(email), _) => restrictions.admit_email(&email, subaddresses),
        (None, Some(text)) => restrictions.admit_unreadable(text),
        (None, None) => Ok(()),
    };
    verdict.is_ok()
}

/// Whether the address of a profile is copied to the sign-up. Under enumeration protection an address that the provider
/// does not vouch for is treated like a typed one: it is copied whether it is free or not. If such an address would not
/// need verification, it is not copied, and the person types it.
fn takes_email(profile: &Profile, is_free: bool, settings: &Settings) -> bool {
    if profile.email_verified || !settings.hides_existence(IdentifierKind::EmailAddress) {
        return is_free;
    }
    settings.attributes.email_address.verify_at_sign_up
}
