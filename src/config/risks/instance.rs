//! Risks of the instance's name, keys and sessions.

use crate::domain::settings::SignUpMode;
use crate::token::Algorithm;

use super::Risks;
use crate::config::checks::is_secret_key;
use crate::config::load::Config;
use crate::config::values::Mode;

pub(super) fn instance(config: &Config) -> Risks {
    let (instance, production) = (&config.instance, config.instance.mode == Mode::Production);
    let settings = config.settings();
    let is_closed = settings.sign_up.mode != SignUpMode::Public
        || settings.sign_up.custom_action_required
        || settings.sign_up.approval_required;
    let mut risks = Risks::default();
    risks.add(
        production && instance.publishable_key.is_none(),
        "instance.publishable_key",
        "is not given: tokens will name https://clerk.localhost as their issuer; make a key for the host that browsers \
         use: printf 'clerk.example.com$' | base64",
    );
    risks.add(
        production && instance.publishable_key.as_ref().is_some_and(|key| key.as_str().starts_with("pk_test_")),
        "instance.publishable_key",
        "begins with pk_test_: pages will treat this instance as a development instance; write pk_live_",
    );
    if let (Some(key), Some(url)) = (&instance.publishable_key, &config.server.public_url)
        && !url.has_path()
        && key.host() != url.host()
        && key.host() != url.authority()
    {
        let (host, url_host) = (key.host(), url.host());
        risks.say(
            "instance.publishable_key",
            format!(
                "is for {host}, but `server.public_url` is on {url_host}: pages will call {host}, and tokens will name \
                 it as their issuer; make a key for {url_host}: printf '{url_host}$' | base64"
            ),
        );
    }
    risks.add(
        production && instance.secret_key.is_none() && is_closed,
        "instance.secret_key",
        "is not given, but with these settings your backend must approve people: no sign-up can be completed; give the \
         key that your backend uses",
    );
    risks.add(
        production && instance.name.as_str() == "Vestibule",
        "instance.name",
        "is still the default: messages and pages will call your application Vestibule; write its name",
    );
    risks.add(
        production && config.session.algorithm == Algorithm::EdDsa,
        "session.algorithm",
        "is \"EdDSA\": Clerk's backend packages refuse such tokens; write \"RS256\" if your backend uses one of them",
    );
    risks.add(
        production && config.session.token_ttl_s > TOKEN_TTL_LONG_S,
        "session.token_ttl_s",
        "is long: your backend accepts the tokens of a session for this long after the session has ended; write 60",
    );
    risks.add(
        !production && instance.secret_key.as_ref().is_some_and(|key| !is_secret_key(key.expose())),
        "instance.secret_key",
        "is easy to guess, and a production instance would not start with it; write sk_test_ and at least 32 random \
         letters and digits",
    );
    risks
}

/// Ten times the default lifetime.
const TOKEN_TTL_LONG_S: u64 = 600;
