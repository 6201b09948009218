//! Risks of the server's addresses and proxies.

use std::net::IpAddr;

use super::Risks;
use crate::config::load::Config;
use crate::config::values::{Mode, Network, PublicUrl};

pub(super) fn server(config: &Config) -> Risks {
    let (server, production) = (&config.server, config.instance.mode == Mode::Production);
    let mut risks = Risks::default();
    let is_https = server.public_url.as_ref().is_some_and(|url| url.is_https());
    match &server.public_url {
        None => risks.add(
            production,
            "server.public_url",
            "is not given: links in messages will lead to http://localhost, and cookies will not be `Secure` unless a \
             trusted proxy reports https; write the URL that browsers use",
        ),
        Some(url) => {
            risks.add(
                production && !url.is_https(),
                "server.public_url",
                "is not https: cookies will not be `Secure` unless a trusted proxy reports https, and others on the \
                 network can read codes and passwords; put a proxy with TLS in front, and write its URL",
            );
            risks.add(
                !production && !is_local(url.host()),
                "server.public_url",
                "is not an address of this machine, but a development instance shows every code, link and setting to \
                 anyone who can reach it; set instance.mode = \"production\"",
            );
        }
    }
    if let Some(url) = &server.public_url {
        add_path(&mut risks, url);
    }
    let ip = server.listen.address.ip();
    risks.add(
        !production && !ip.is_loopback(),
        "server.listen",
        "is open to other machines, and a development instance shows every code, link and setting to anyone who can \
         reach it; listen on localhost, or set instance.mode = \"production\"",
    );
    risks.add(
        production && !is_private(ip) && !is_https,
        "server.listen",
        "is open to other machines, but `server.public_url` is not https: others on the network can read codes and \
         passwords; listen on localhost behind a proxy with TLS",
    );
    risks.add(
        production && is_https && server.trusted_proxies.is_empty() && config.limits.source,
        "server.trusted_proxies",
        "is empty, but https needs a proxy: the limits by source will count all people behind that proxy as one; write \
         the proxy's address",
    );
    add_proxies(&mut risks, &server.trusted_proxies);
    risks.add(
        server.drain_timeout_s < DRAIN_SHORT_S,
        "server.drain_timeout_s",
        "is short: a restart will interrupt requests in progress; write 10",
    );
    risks
}

pub(super) fn limits(config: &Config) -> Risks {
    let (limits, production) = (&config.limits, config.instance.mode == Mode::Production);
    let mut risks = Risks::default();
    risks.add(
        production && !limits.source,
        "limits.source",
        "is false: one machine can try codes and passwords, send messages and look up addresses as fast as it can; \
         write true, and raise individual limits where they are too low",
    );
    risks.add(
        production && !limits.address,
        "limits.address",
        "is false: anyone can send any number of messages to one address, and can guess codes and passwords without \
         limit; write true, and raise individual limits where they are too low",
    );
    risks
}

/// A URL that already ends in a path which applications would append.
fn add_path(risks: &mut Risks, url: &PublicUrl) {
    let url = url.to_string();
    if let Some((before, _)) = url.split_once("/v1/").or_else(|| url.strip_suffix("/v1").map(|before| (before, ""))) {
        risks.say(
            "server.public_url",
            format!("contains /v1, which applications append themselves: they would call {url}/v1; write {before}"),
        );
    }
}

/// Proxy networks that are too wide, or that contain something else than they seem to.
fn add_proxies(risks: &mut Risks, proxies: &[Network]) {
    for network in proxies {
        let reason = if network.is_nowhere() {
            format!(
                "contains {network}, which is not the address of a machine and has no effect; write the proxy's own \
                 address"
            )
        } else if network.is_wide() {
            format!(
                "contains {network}, which includes more than your own proxies: every machine in it can pretend \
                 another source address by X-Forwarded-For, so that no limit by source applies to it; write the \
                 addresses of your proxies"
            )
        } else if network.whole() != *network {
            let (whole, address) = (network.whole(), network.address());
            format!(
                "contains {network}, which trusts every machine in {whole}; write {address} for that machine alone, or \
                 {whole} for all of them"
            )
        } else {
            continue;
        };
        risks.say("server.trusted_proxies", reason);
    }
}

/// Whether this name or address is local to the machine or a private network.
pub(super) fn is_local(host: &str) -> bool {
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

const DRAIN_SHORT_S: u64 = 3;
