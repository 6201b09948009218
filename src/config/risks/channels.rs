//! How messages leave, and captchas.

use super::Risks;
use crate::config::checks::{is_loopback, sent};
use crate::config::load::Config;
use crate::config::values::{CaptchaProvider, EmailTransport, Security, SmsTransport};

pub(super) fn channels(config: &Config) -> Risks {
    let (email, settings) = (&config.email, config.settings());
    let (sends_email, sends_sms) = sent(settings);
    let mut risks = Risks::default();
    risks.add(
        sends_email && email.transport == EmailTransport::None,
        "email.transport",
        "is \"none\", but the settings verify e-mail addresses: nobody can finish; write \"smtp\"",
    );
    risks.add(
        sends_sms && config.sms.transport == SmsTransport::None,
        "sms.transport",
        "is \"none\", but the settings verify phone numbers: nobody can finish; switch phone numbers off",
    );
    risks.add(
        email.transport == EmailTransport::Smtp
            && email.security == Security::None
            && !is_loopback(email.host.as_deref()),
        "email.security",
        "is \"none\": codes and links travel readable to another machine; write \"starttls\" or \"tls\"",
    );
    risks.add(
        config.captcha.provider != CaptchaProvider::None && !settings.sign_up.captcha_enabled,
        "captcha.provider",
        "is set up, but the settings ask for no captcha; write captcha_enabled = true in [settings.sign_up]",
    );
    risks
}
