//! What works but is risky or likely not meant. Each sentence says what, why, and what to write instead.

use std::net::IpAddr;

use crate::domain::settings::{Settings, SignUpMode};

use super::checks::{is_loopback, is_secret_key, sent};
use super::layer::Layer;
use super::load::Config;
use super::values::{Algorithm, CaptchaProvider, Durability, EmailTransport, Mode, Security, SmsTransport, StoreKind};

/// A sentence for each risk, beginning with where its key was given, if anywhere.
pub(super) fn risks(config: &Config, layer: &Layer) -> Vec<String> {
    let mut told = Vec::new();
    for (key, reason) in
        [instance(config, layer), server(config), data(config), limits(config), channels(config)].concat()
    {
        told.push(sentence(layer, key, &reason));
    }
    told.extend(no_attributes(config, layer));
    for (key, reason) in providers(config.settings()) {
        told.push(sentence(layer, &key, &reason));
    }
    told
}

type Risk = (&'static str, String);

fn instance(config: &Config, layer: &Layer) -> Vec<Risk> {
    let (instance, production) = (&config.instance, config.instance.mode == Mode::Production);
    let settings = config.settings();
    let is_closed = settings.sign_up.mode != SignUpMode::Public || settings.sign_up.custom_action_required;
    let mut risks = Risks::default();
    risks.add(
        production && instance.publishable_key.is_none(),
        "instance.publishable_key",
        "is not given: tokens will be issued by https://clerk.localhost; make a key of the host that browsers know: \
         printf 'clerk.example.com$' | base64",
    );
    risks.add(
        production && instance.publishable_key.as_ref().is_some_and(|key| key.as_str().starts_with("pk_test_")),
        "instance.publishable_key",
        "begins with pk_test_: pages will take this instance for one in development; write pk_live_",
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
                "is for {host}, but `server.public_url` is on {url_host}: pages will call {host}, and tokens will be issued \
                 by it; make the key of the other host: printf '{url_host}$' | base64"
            ),
        );
    }
    risks.add(
        production && instance.secret_key.is_none() && is_closed,
        "instance.secret_key",
        "is not given, but the settings let in only whom the backend lets in: nobody can sign up; give the key that \
         your backend shows",
    );
    risks.add(
        production && instance.name.as_str() == "Vestibule",
        "instance.name",
        "is still the default: messages and pages will call your application Vestibule; write its name",
    );
    risks.add(
        production && config.session.algorithm == Algorithm::EdDsa,
        "session.algorithm",
        "is \"EdDSA\": Clerk's backend packages refuse such tokens; write \"RS256\" if yours is one of them",
    );
    risks.add(
        production && config.session.token_ttl_s > TOKEN_TTL_LONG_S,
        "session.token_ttl_s",
        "is long: your backend accepts the tokens of a session so long after it was ended; write 60",
    );
    risks.add(
        !production && instance.secret_key.as_ref().is_some_and(|key| !is_secret_key(key.expose())),
        "instance.secret_key",
        "may be guessed, and a production instance would not start with it; write sk_test_ and at least 32 letters and \
         digits",
    );
    risks.add(
        !has_a_way_in(settings) && names_attributes(layer),
        "settings",
        "has no attribute and no provider that people could begin with: nobody can sign up; enable one, or name a sample",
    );
    risks.0
}

fn server(config: &Config) -> Vec<Risk> {
    let (server, production) = (&config.server, config.instance.mode == Mode::Production);
    let mut risks = Risks::default();
    let is_https = server.public_url.as_ref().is_some_and(|url| url.is_https());
    match &server.public_url {
        None => risks.add(
            production,
            "server.public_url",
            "is not given: links in messages will lead to http://localhost, and cookies will not be `Secure` unless a \
             trusted proxy says https; write the URL that browsers use",
        ),
        Some(url) => {
            risks.add(
                production && !url.is_https(),
                "server.public_url",
                "is not https: cookies will not be `Secure` unless a trusted proxy says https, and whoever is on the way \
                 reads codes and passwords; put a proxy with TLS before it and write its URL",
            );
            risks.add(
                !production && !is_local(url.host()),
                "server.public_url",
                "is no address of this machine, but a development instance shows every code, link and setting to whoever \
                 reaches it; set instance.mode = \"production\"",
            );
        }
    }
    let ip = server.listen.address.ip();
    risks.add(
        !production && !ip.is_loopback(),
        "server.listen",
        "is open to other machines, and a development instance shows every code, link and setting to whoever reaches it; \
         listen on localhost, or set instance.mode = \"production\"",
    );
    risks.add(
        production && !is_private(ip) && !is_https,
        "server.listen",
        "is open to other machines, but `server.public_url` is not https: codes and passwords can be read on the way; \
         listen on localhost behind a proxy with TLS",
    );
    risks.add(
        production && is_https && server.trusted_proxies.is_empty() && config.limits.source,
        "server.trusted_proxies",
        "is empty, but TLS is a proxy's job: the limits by source will take everybody behind that proxy for one person; \
         write the proxy's address",
    );
    for network in server.trusted_proxies.iter().filter(|network| network.is_wide()) {
        risks.say(
            "server.trusted_proxies",
            format!(
                "holds {network}, which is more than one's own proxies: anybody in it chooses by X-Forwarded-For where \
                 they seem to be, and no limit by source holds them; write the proxies' own addresses"
            ),
        );
    }
    let in_the_clear = |origin: &str| {
        let host = origin.strip_prefix("http://").map(|rest| rest.rsplit_once(':').map_or(rest, |(host, _)| host));
        host.map(str::to_owned)
    };
    for origin in &server.allowed_origins {
        match in_the_clear(origin.as_str()) {
            Some(host) if production && is_loopback(Some(&host)) => risks.say(
                "server.allowed_origins",
                format!(
                    "lets {} in, which is a page on each visitor's own machine: whatever runs there may act for them; \
                     write the origins of your pages",
                    origin.as_str()
                ),
            ),
            Some(_) if production => risks.say(
                "server.allowed_origins",
                format!(
                    "lets {} in: whoever is on the way can change that page and act for its visitors; write it with https",
                    origin.as_str()
                ),
            ),
            _ => {}
        }
    }
    risks.add(
        server.drain_timeout_s < DRAIN_SHORT_S,
        "server.drain_timeout_s",
        "is short: a restart will cut answers that are begun; write 10",
    );
    risks.0
}

fn data(config: &Config) -> Vec<Risk> {
    let (store, production) = (&config.store, config.instance.mode == Mode::Production);
    let on_disk = store.kind == StoreKind::Sled;
    let mut risks = Risks::default();
    risks.add(
        production && !on_disk,
        "store.kind",
        "is \"memory\": every user is gone when the process ends; write \"sled\"",
    );
    risks.add(
        production && on_disk && store.durability == Durability::None,
        "store.durability",
        "is \"none\": a loss of power takes users with it who were told that they are signed up; write \"synced\"",
    );
    risks.add(
        on_disk && !store.encryption,
        "store.encryption",
        "is false: whoever reads the disk or a copy of it reads addresses and names; write true",
    );
    risks.add(
        production && on_disk && config.key_file().starts_with(&store.path),
        "instance.key_file",
        "lies in the data folder: whoever takes that folder, or a copy of it, has the key as well; keep it elsewhere, \
         such as /etc/vestibule/instance.key",
    );
    risks.add(
        production && u64::from(config.password.m_kib) * u64::from(config.password.t) < 2 * 19_456,
        "password.m_kib",
        "and `password.t` are below 19456 KiB and 2 passes, the least that OWASP advises",
    );
    let is_wanted = !config.settings().password_settings.disable_hibp;
    let is_given = config.password.pwned_range_url.is_some();
    risks.add(
        is_wanted && !is_given,
        "settings.password_settings.disable_hibp",
        "is false, but `password.pwned_range_url` names no service: passwords are held against the compiled-in list \
         only; name one, such as https://api.pwnedpasswords.com/range/",
    );
    risks.add(
        is_given && !is_wanted,
        "password.pwned_range_url",
        "is given, but the settings switch it off: no password is looked up; write disable_hibp = false in \
         [settings.password_settings]",
    );
    risks.0
}

fn limits(config: &Config) -> Vec<Risk> {
    let (limits, production) = (&config.limits, config.instance.mode == Mode::Production);
    let mut risks = Risks::default();
    risks.add(
        production && !limits.source,
        "limits.source",
        "is false: one machine may try codes and passwords, send messages and look up addresses as fast as it can; write \
         true, and raise single limits where they are too low",
    );
    risks.add(
        production && !limits.address,
        "limits.address",
        "is false: anybody may fill a stranger's mailbox, and guess at an account without end; write true, and raise \
         single limits where they are too low",
    );
    risks.0
}

fn channels(config: &Config) -> Vec<Risk> {
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
    risks.0
}

/// Somebody who gives some settings and thinks that the others stay.
fn no_attributes(config: &Config, layer: &Layer) -> Option<String> {
    let outcome = if has_a_way_in(config.settings()) {
        "nothing but accounts at providers is asked for, no address and no name"
    } else {
        "nobody can sign up"
    };
    let sentence = format!(
        "`settings.attributes` is missing in {}: {outcome}; any key of [settings] replaces the whole sample, so copy the \
         attributes of one from config/settings, with `settings.` before each name in brackets",
        config.settings_origin()
    );
    (!names_attributes(layer)).then_some(sentence)
}

/// Whether the settings say of any attribute what it is, be it off.
fn names_attributes(layer: &Layer) -> bool {
    layer.place_within("settings.attributes").is_some()
}

/// Providers that people see but can't use, and those that were set up but nobody sees.
fn providers(settings: &Settings) -> Vec<(String, String)> {
    let mut risks = Vec::new();
    let mut say = |key: String, reason: &str| risks.push((key, reason.to_owned()));
    for (name, _) in settings.social.iter().filter(|(_, social)| social.enabled) {
        let Some(oauth) = settings.oauth.get(name) else {
            let reason = format!(
                "is offered, but the provider does not know this instance: nobody can sign up with it; write \
                 client_id and client_secret in [settings.oauth.{name}]"
            );
            say(format!("settings.social.{name}.enabled"), &reason);
            continue;
        };
        if oauth.client_id.is_empty() {
            let reason =
                "is missing: nobody can sign up with this provider; write the id that it gave this application";
            say(format!("settings.oauth.{name}.client_id"), reason);
        }
        if oauth.client_secret.expose().is_empty() && oauth.token_endpoint_auth_method != "none" {
            let reason =
                "is missing: nobody can sign up with this provider; write the secret that it gave this application";
            say(format!("settings.oauth.{name}.client_secret"), reason);
        }
    }
    for name in settings.oauth.keys().filter(|name| !settings.social.get(*name).is_some_and(|social| social.enabled)) {
        let reason = format!("is set up, but not offered to anybody; write enabled = true in [settings.social.{name}]");
        say(format!("settings.oauth.{name}"), &reason);
    }
    risks
}

/// Whether people can begin a sign-up with anything.
fn has_a_way_in(settings: &Settings) -> bool {
    let attributes = &settings.attributes;
    let identifies = [&attributes.email_address, &attributes.phone_number, &attributes.username];
    identifies.iter().any(|attribute| attribute.enabled) || settings.social.values().any(|social| social.enabled)
}

fn sentence(layer: &Layer, key: &str, reason: &str) -> String {
    match layer.place_within(key) {
        Some(place) => format!("{place}: `{key}` {reason}"),
        None => format!("`{key}` {reason}"),
    }
}

/// Whether only this machine, or one's own network, is called like this.
fn is_local(host: &str) -> bool {
    let host = host.trim_start_matches('[').trim_end_matches(']');
    match host.parse::<IpAddr>() {
        Ok(ip) => is_private(ip),
        Err(_) => host == "localhost" || [".localhost", ".local", ".test"].iter().any(|end| host.ends_with(end)),
    }
}

fn is_private(ip: IpAddr) -> bool {
    match ip {
        IpAddr::V4(ip) => ip.is_loopback() || ip.is_private() || ip.is_link_local(),
        IpAddr::V6(ip) => ip.is_loopback() || ip.is_unique_local() || ip.is_unicast_link_local(),
    }
}

#[derive(Default)]
struct Risks(Vec<Risk>);

impl Risks {
    fn add(&mut self, when: bool, key: &'static str, reason: &str) {
        if when {
            self.say(key, reason.to_owned());
        }
    }

    fn say(&mut self, key: &'static str, reason: String) {
        self.0.push((key, reason));
    }
}

/// Ten times the usual.
const TOKEN_TTL_LONG_S: u64 = 600;
const DRAIN_SHORT_S: u64 = 3;
