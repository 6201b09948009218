//! Whether a sign-up may become a user, by the settings of this moment, whichever way it was made. Conversion checks it
//! in one place; a step that sends messages checks it first, so that no message goes to a refused person.

use crate::domain::admission::{Applicant, Known};
use crate::domain::context::Context;
use crate::domain::field::Field;
use crate::domain::policy::Policy;
use crate::domain::rejection::{ErrorCode, Reason, Rejection};
use crate::domain::settings::{Settings, SignUpMode};
use crate::domain::verification::{Profile, Strategy};

use super::{External, SignUp, Transition};

impl SignUp {
    /// Whether it may become a user: the instance is open to it, and the restrictions admit the person. Open
    /// requirements, such as a captcha, are checked elsewhere.
    pub(super) fn check_admitted(&self, cx: &Context<'_>) -> Result<(), Rejection> {
        self.check_mode(cx)?;
        let account = self.proved_account();
        let profile = account.and_then(|account| account.profile.as_ref());
        let from_account = profile.and_then(Profile::email);
        let unreadable = profile.filter(|_| from_account.is_none());
        let is_vouched = profile.is_some_and(|profile| profile.email_verified);
        let given = self.email_address.as_ref().map(|email| &email.value);
        let came_along = |address: &str| from_account.as_ref().is_some_and(|email| email.as_str() == address);
        let subaddresses = account.is_none_or(|account| takes_subaddresses(&account.strategy, cx.settings));
        let given = given.map(|address| {
            let subaddresses = subaddresses || !came_along(address.as_str());
            Known { address, subaddresses, counts: true }
        });
        let of_account = from_account.as_ref().map(|address| Known { address, subaddresses, counts: is_vouched });
        cx.settings.restrictions.admit(&Applicant {
            emails: given.into_iter().chain(of_account).collect(),
            unreadable: unreadable.and_then(|profile| profile.email_address.as_deref()),
            phone: self.phone_number.as_ref().map(|phone| &phone.value),
            invited: self.email_address.as_ref().filter(|_| self.invited_by().is_some()).map(|email| &email.value),
        })
    }

    /// Whether the instance is open to it.
    pub(super) fn check_mode(&self, cx: &Context<'_>) -> Result<(), Reason> {
        match cx.settings.sign_up.mode {
            SignUpMode::Public => Ok(()),
            _ if self.invited_by().is_some() => Ok(()),
            SignUpMode::Restricted => Err(ErrorCode::SignUpModeRestricted.into()),
            SignUpMode::Waitlist => Err(ErrorCode::SignUpRestrictedWaitlist.into()),
        }
    }

    /// Whether messages may be sent to the address in a field.
    pub(super) fn check_may_be_messaged(&self, field: &Field, cx: &Context<'_>) -> Result<(), Reason> {
        self.check_mode(cx)?;
        self.check_captcha(None, cx)?;
        let restrictions = &cx.settings.restrictions;
        let is_invited = self.invited_by().is_some();
        match (field, &self.email_address, &self.phone_number) {
            (Field::EmailAddress, Some(email), _) if is_invited => restrictions.admit_invited(&email.value),
            (Field::EmailAddress, Some(email), _) => restrictions.admit_email(&email.value, true),
            (Field::PhoneNumber, _, Some(phone)) if is_invited => restrictions.admit_invited_phone(&phone.value),
            (Field::PhoneNumber, _, Some(phone)) => restrictions.admit_phone(&phone.value),
            _ => Ok(()),
        }
    }

    /// Whether a captcha must still be solved: the settings require one, none was solved, and no proved account is from
    /// a provider that keeps bots out. Derived, so that switching captchas on affects sign-ups in progress too.
    pub fn owes_captcha(&self, settings: &Settings, policy: &Policy) -> bool {
        let is_waived = || self.proved_account().is_some_and(|account| policy.waives_captcha(&account.strategy));
        settings.sign_up.captcha_enabled && !self.captcha_solved && !is_waived()
    }

    /// Refuses a step of a sign-up that still needs a captcha, unless the step proves an account that replaces the
    /// captcha: while the person is at such a provider, the captcha is still needed.
    ///
    /// # Errors
    /// `requires_captcha`: clerk-js then shows a captcha, submits it by itself and retries.
    pub(super) fn check_captcha(&self, about: Option<&External>, cx: &Context<'_>) -> Result<(), Reason> {
        let settles = about.is_some_and(|about| cx.policy.waives_captcha(about.strategy()));
        if self.owes_captcha(cx.settings, cx.policy) && !settles {
            return Err(ErrorCode::RequiresCaptcha.into());
        }
        Ok(())
    }

    /// Records a solved captcha. The step that needed it is retried by the caller.
    pub(super) fn solve_captcha(&self, cx: &Context<'_>) -> Transition {
        let mut next = self.touched(cx);
        next.captcha_solved = true;
        Transition::to(next)
    }
}

/// Whether a `+` is accepted in addresses from the provider of `strategy`.
pub(super) fn takes_subaddresses(strategy: &Strategy, settings: &Settings) -> bool {
    let social = strategy.provider().and_then(|provider| settings.social.get(&provider));
    !social.is_some_and(|social| social.block_email_subaddresses)
}
