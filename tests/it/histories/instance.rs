//! Generates random instances: settings and limits.

use proptest::prelude::*;
use vestibule::domain::policy::{AddressLimits, Policy};
use vestibule::domain::settings::{Attribute, OAuth, Settings, SignUpMode, Social};
use vestibule::domain::time::Span;
use vestibule::domain::verification::Strategy as Way;

/// Setup of an instance.
#[derive(Clone, Debug)]
pub(super) struct Instance {
    email: Address,
    phone: Address,
    others: [Use; 5],
    switches: [bool; 9],
    mode: SignUpMode,
    numbers: Numbers,
}

/// Whether a field is off, optional or required.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Use {
    Off,
    Optional,
    Required,
}

/// How an address is requested and verified.
#[derive(Clone, Copy, Debug)]
struct Address {
    asked: Use,
    verified: bool,
    link: bool,
    code: bool,
}

/// Small limits, which a short history can reach.
#[derive(Clone, Copy, Debug)]
struct Numbers {
    ttl_s: u64,
    attempts_max: u32,
    cooldown_s: u64,
    messages: u32,
    guesses: u32,
    failures: u32,
}

pub(super) fn instances() -> impl Strategy<Value = Instance> {
    let modes =
        prop_oneof![8 => Just(SignUpMode::Public), 1 => Just(SignUpMode::Restricted), 1 => Just(SignUpMode::Waitlist)];
    let switches = proptest::array::uniform9(proptest::bool::weighted(0.25));
    let others = [uses(), uses(), uses(), uses(), uses()];
    (addresses(), addresses(), others, switches, modes, numbers()).prop_map(
        |(email, phone, others, switches, mode, numbers)| {
            let phone = Address { link: false, ..phone };
            Instance { email, phone, others, switches, mode, numbers }
        },
    )
}

fn uses() -> impl Strategy<Value = Use> {
    prop_oneof![3 => Just(Use::Off), 2 => Just(Use::Optional), 2 => Just(Use::Required)]
}

fn addresses() -> impl Strategy<Value = Address> {
    let asked = prop_oneof![1 => Just(Use::Off), 3 => Just(Use::Optional), 4 => Just(Use::Required)];
    (asked, proptest::bool::weighted(0.8), any::<bool>(), proptest::bool::weighted(0.8))
        .prop_map(|(asked, verified, link, code)| Address { asked, verified, link, code })
}

fn numbers() -> impl Strategy<Value = Numbers> {
    let ttl_s = prop_oneof![Just(45_u64), Just(600)];
    let cooldown_s = prop_oneof![1 => Just(0_u64), 3 => Just(30)];
    (ttl_s, 1..6_u32, cooldown_s, 1..6_u32, 1..12_u32, 3..12_u32).prop_map(
        |(ttl_s, attempts_max, cooldown_s, messages, guesses, failures)| Numbers {
            ttl_s,
            attempts_max,
            cooldown_s,
            messages,
            guesses,
            failures,
        },
    )
}

impl Instance {
    pub(super) fn settings(&self) -> Settings {
        let mut settings = Settings::default();
        let [username, password, names, account, legal] = self.others;
        let [captcha, action, hides, any_client, blocks, approval, ..] = self.switches;
        settings.attributes.email_address = self.email.attribute(Way::EmailCode);
        settings.attributes.phone_number = self.phone.attribute(Way::PhoneCode);
        settings.attributes.username = username.attribute();
        settings.attributes.password = password.attribute();
        settings.attributes.first_name = names.attribute();
        let provider = Social {
            enabled: account != Use::Off,
            required: account == Use::Required,
            block_email_subaddresses: blocks,
            ..Social::default()
        };
        settings.social.insert(PROVIDER.into(), provider);
        settings.oauth.insert(PROVIDER.into(), OAuth::default());
        settings.sign_up.legal_consent_enabled = legal == Use::Required;
        settings.sign_up.captcha_enabled = captcha;
        settings.sign_up.custom_action_required = action;
        settings.sign_up.approval_required = approval;
        settings.sign_up.mode = self.mode;
        settings.attack_protection.enumeration_protection.enabled = hides;
        settings.attack_protection.email_link.require_same_client = !any_client;
        settings.restrictions.blocklist.enabled = blocks;
        settings.restrictions.blocklist.identifiers =
            vec!["@blocked.example".to_owned()].try_into().expect("a domain to block");
        settings.validate().expect("settings that an operator could write");
        settings
    }

    pub(super) fn policy(&self) -> Policy {
        let [.., test_mode, single_session, waives] = self.switches;
        let Numbers { ttl_s, attempts_max, cooldown_s, messages, guesses, failures } = self.numbers;
        let limits = AddressLimits {
            messages,
            messages_per_client: messages,
            guesses,
            guesses_per_client: guesses,
            account_failures: failures,
            ..AddressLimits::default()
        };
        Policy {
            code_ttl: Span::from_secs(ttl_s),
            link_ttl: Span::from_secs(ttl_s + 10),
            attempts_max,
            resend_cooldown: Span::from_secs(cooldown_s),
            test_mode,
            address_limits: Some(limits),
            abandon_after: Span::from_secs(7200),
            single_session,
            captcha_bypass: waives.then(|| PROVIDER.to_owned()).into_iter().collect(),
            ..Policy::default()
        }
    }
}

impl Use {
    fn attribute(self) -> Attribute {
        Attribute {
            enabled: self != Self::Off,
            required: self == Self::Required,
            used_for_first_factor: self != Self::Off,
            ..Attribute::default()
        }
    }
}

impl Address {
    fn attribute(self, by_code: Way) -> Attribute {
        let mut verifications = Vec::new();
        verifications.extend(self.link.then_some(Way::EmailLink));
        verifications.extend((self.code || !self.link).then_some(by_code));
        Attribute { verify_at_sign_up: self.verified, verifications, ..self.asked.attribute() }
    }
}

/// The only provider.
pub(super) const PROVIDER: &str = "oauth_google";
