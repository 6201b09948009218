//! Settings that the engine does not implement: attributes, factors and channels.

use super::Risks;
use crate::domain::settings::{Attribute, Settings};
use crate::domain::verification::Strategy;

pub(super) fn attributes(settings: &Settings, sends_by_whatsapp: bool) -> Risks {
    let attributes = &settings.attributes;
    let mut risks = Risks::default();
    risks.add(
        attributes.web3_wallet.enabled,
        "settings.attributes.web3_wallet.enabled",
        "is true, but this is not built yet: pages may show it, but people can't use it; write false",
    );
    add_passkeys(&mut risks, settings);
    for (name, attribute) in [
        ("email_address", &attributes.email_address),
        ("phone_number", &attributes.phone_number),
        ("username", &attributes.username),
        ("password", &attributes.password),
    ] {
        add_factors(&mut risks, name, attribute);
        add_channels(&mut risks, name, attribute, sends_by_whatsapp && name == "phone_number");
    }
    add_second_factors(&mut risks, settings);
    risks
}

fn add_passkeys(risks: &mut Risks, settings: &Settings) {
    let passkey = &settings.attributes.passkey;
    risks.add(
        passkey.enabled && !passkey.used_for_first_factor,
        "settings.attributes.passkey.enabled",
        "is true, but `used_for_first_factor` is not, so people can add passkeys and not sign in with them; write true for \
         both",
    );
    risks.add(
        passkey.required,
        "settings.attributes.passkey.required",
        "has no effect: a passkey is added after the sign-up; remove it",
    );
}

fn add_second_factors(risks: &mut Risks, settings: &Settings) {
    let attributes = &settings.attributes;
    risks.add(
        settings.sign_up.mfa.required && !settings.has_second_factors(),
        "settings.sign_up.mfa.required",
        "is true, but there is no second factor that people could set up, so they sign in without one; set `enabled` and \
         `used_for_second_factor` of settings.attributes.authenticator_app, or write false",
    );
    for (name, attribute) in
        [("authenticator_app", &attributes.authenticator_app), ("backup_code", &attributes.backup_code)]
    {
        risks.add(
            attribute.enabled && !attribute.used_for_second_factor,
            &format!("settings.attributes.{name}.enabled"),
            "is true, but `used_for_second_factor` is not, so people can't use it; write true for both",
        );
    }
    risks.add(
        attributes.backup_code.is_second_factor() && !settings.has_second_factors(),
        "settings.attributes.backup_code.enabled",
        "is true, but there is no other second factor, and backup codes alone are none; turn on \
         settings.attributes.authenticator_app too",
    );
}

fn add_factors(risks: &mut Risks, name: &str, attribute: &Attribute) {
    let section = format!("settings.attributes.{name}");
    let is_set = attribute.used_for_second_factor || !attribute.second_factors.is_empty();
    let is_second = is_set && name != "phone_number";
    let key = if attribute.used_for_second_factor { "used_for_second_factor" } else { "second_factors" };
    risks.add(is_second, &format!("{section}.{key}"), "has no effect: this is no second factor here; remove it");
    for factor in &attribute.first_factors {
        let why = match factor.parse() {
            Err(_) | Ok(Strategy::Admin) => "is not a strategy",
            Ok(Strategy::Web3(_) | Strategy::Enterprise(_)) => "is not built yet",
            Ok(_) => continue,
        };
        risks.say(
            format!("{section}.first_factors"),
            format!("contains {factor:?}, which {why}: people can't sign in with it; remove it"),
        );
    }
}

fn add_channels(risks: &mut Risks, name: &str, attribute: &Attribute, sends_by_whatsapp: bool) {
    let key = format!("settings.attributes.{name}.channels");
    for channel in attribute.channels.iter().filter(|channel| *channel != "sms") {
        let reason = match (channel.as_str(), sends_by_whatsapp) {
            ("whatsapp", true) => continue,
            ("whatsapp", false) if name == "phone_number" => {
                "but `sms.twilio.whatsapp_from` is not set, so such codes go by text message; set it, or write [\"sms\"]"
            }
            _ => "but codes are not sent that way; write [\"sms\"], or remove it",
        };
        risks.say(key.clone(), format!("contains {channel:?}, {reason}"));
    }
    let offers = attribute.channels.iter().any(|channel| channel == "whatsapp");
    if sends_by_whatsapp && attribute.enabled && !offers {
        let reason = "does not contain \"whatsapp\", so Clerk's components do not offer it, although \
                      `sms.twilio.whatsapp_from` is set; write [\"sms\", \"whatsapp\"]";
        risks.say(key, reason.to_owned());
    }
}
