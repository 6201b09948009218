//! Who may become a user, asked of a sign-up: by the settings of this moment, whatever road led here. Conversion asks
//! it in one place; what sends messages asks before it does, so that nobody is written to who is refused.

use crate::domain::admission::{Applicant, Known};
use crate::domain::context::Context;
use crate::domain::field::Field;
use crate::domain::policy::Policy;
use crate::domain::rejection::{ErrorCode, Reason, Rejection};
use crate::domain::settings::{Settings, SignUpMode};
use crate::domain::verification::{Profile, Strategy};

use super::{External, SignUp, Transition};

impl SignUp {
    /// Whether it may become a user: the instance is open to it, and the restrictions let the person in. What it owes
    /// beside that, such as a captcha, is a requirement.
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

    /// Whether a message may go to the address in a field.
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

    /// Whether it owes a captcha: the settings want one, none was solved for it, and no account is proved whose
    /// provider tells people from machines. Derived, so that captchas that are switched on count for sign-ups in
    /// flight too.
    pub fn owes_captcha(&self, settings: &Settings, policy: &Policy) -> bool {
        let is_waived = || self.proved_account().is_some_and(|account| policy.waives_captcha(&account.strategy));
        settings.sign_up.captcha_enabled && !self.captcha_solved && !is_waived()
    }

    /// Refuses a step of a sign-up that owes a captcha, unless it is about an account that would settle the debt:
    /// whoever is on the way to such a provider owes it until they are back.
    ///
    /// # Errors
    /// `requires_captcha`: clerk-js shows a captcha then, hands it in by itself and asks again.
    pub(super) fn check_captcha(&self, about: Option<&External>, cx: &Context<'_>) -> Result<(), Reason> {
        let settles = about.is_some_and(|about| cx.policy.waives_captcha(about.strategy()));
        if self.owes_captcha(cx.settings, cx.policy) && !settles {
            return Err(ErrorCode::RequiresCaptcha.into());
        }
        Ok(())
    }

    /// A captcha was solved for it. Nothing else comes of that: what the person was about to do, they do next.
    pub(super) fn solve_captcha(&self, cx: &Context<'_>) -> Transition {
        let mut next = self.touched(cx);
        next.captcha_solved = true;
        Transition::to(next)
    }
}

/// Whether addresses that come from the provider of `strategy` may have a `+`.
pub(super) fn takes_subaddresses(strategy: &Strategy, settings: &Settings) -> bool {
    let social = strategy.provider().and_then(|provider| settings.social.get(&provider));
    !social.is_some_and(|social| social.block_email_subaddresses)
}
