//! The requirement algorithm ([guide: Requirements](crate::guide::contract_sign_ups#requirements)): four lists, derived
//! from the settings and the fields of a sign-up. Never stored, so that new settings apply to sign-ups in progress.

use super::field::Field;
use super::policy::Policy;
use super::settings::Settings;
use super::sign_up::{Phase, SignUp};
use super::time::Timestamp;

/// Which fields a sign-up needs, may have, lacks and has not verified.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Requirements {
    /// What every sign-up needs.
    pub required_fields: Vec<Field>,
    /// What a sign-up may have.
    pub optional_fields: Vec<Field>,
    /// What it still lacks. Where no identifier is required, these are alternatives: one of them is enough.
    pub missing_fields: Vec<Field>,
    /// What was given but is not verified.
    pub unverified_fields: Vec<Field>,
    /// Whether it has an identifier; without one the user could not sign in again.
    pub identified: bool,
    /// Whether the backend has yet to act.
    pub awaits_custom_action: bool,
    /// Whether a captcha must still be solved.
    pub owes_captcha: bool,
    /// Whether an administrator must still approve it, once nothing else is missing.
    pub needs_approval: bool,
}

impl Requirements {
    /// The lists of `sign_up` at `now`.
    pub fn of(sign_up: &SignUp, now: Timestamp, settings: &Settings, policy: &Policy) -> Self {
        let attribute = |field: &&Field| settings.attribute(field).is_some_and(|a| a.enabled);
        let is_required = |field: &Field| settings.attribute(field).is_some_and(|a| a.required);
        // An account at a provider replaces a password (guide/contract_sign_ups.md#requirements).
        let account = sign_up.proved_account().is_some();
        let is_required = |field: &Field| is_required(field) && !(account && *field == Field::Password);
        let (mut required_fields, mut optional_fields): (Vec<Field>, Vec<Field>) =
            Field::ATTRIBUTES.iter().filter(attribute).cloned().partition(is_required);
        if settings.sign_up.legal_consent_enabled {
            required_fields.push(Field::LegalAccepted);
        }
        let social = settings.social.iter().filter(|(_, social)| social.enabled);
        for (strategy, social) in social {
            let list = if social.required { &mut required_fields } else { &mut optional_fields };
            list.push(Field::OAuth(strategy.clone()));
        }
        let mut missing_fields: Vec<Field> = required_fields.iter().filter(|f| !sign_up.has(f)).cloned().collect();
        let identifies = |field: &Field| Field::IDENTIFIERS.contains(field);
        let identified = account || Field::IDENTIFIERS.iter().any(|f| sign_up.has(f));
        if !identified && !required_fields.iter().any(identifies) {
            let alternative = |f: &&Field| identifies(f) || matches!(f, Field::OAuth(_));
            missing_fields.extend(optional_fields.iter().filter(alternative).cloned());
        }
        let unproved = |field: &&Field| {
            settings.attribute(field).is_some_and(|a| a.enabled && a.verify_at_sign_up)
                && sign_up.has(field)
                && !sign_up.is_verified(field, now, policy)
        };
        Self {
            unverified_fields: Field::IDENTIFIERS.iter().filter(unproved).cloned().collect(),
            required_fields,
            optional_fields,
            missing_fields,
            identified,
            awaits_custom_action: settings.sign_up.custom_action_required && !sign_up.custom_action,
            owes_captcha: sign_up.owes_captcha(settings, policy),
            needs_approval: settings.sign_up.approval_required && sign_up.phase == Phase::Open,
        }
    }

    /// Whether the sign-up can become a user.
    pub fn are_met(&self) -> bool {
        self.are_met_but_for_approval() && !self.needs_approval
    }

    /// Whether the sign-up can be approved: nothing else is missing.
    pub fn are_met_but_for_approval(&self) -> bool {
        self.identified
            && self.missing_fields.is_empty()
            && self.unverified_fields.is_empty()
            && !self.awaits_custom_action
            && !self.owes_captcha
    }
}
