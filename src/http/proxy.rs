//! Whom to believe about where a request came from.

use std::net::IpAddr;

use crate::config::Network;

/// The address a request came from: the peer's, or the last one in `forwarded` (the values of `X-Forwarded-For`,
/// in order) that is not a proxy's. What stands left of it anybody could have written.
pub(super) fn client_ip<'a>(peer: IpAddr, forwarded: impl Iterator<Item = &'a str>, proxies: &[Network]) -> IpAddr {
    let is_proxy = |ip: IpAddr| proxies.iter().any(|p| p.contains(ip));
    let mut ip = peer.to_canonical();
    if !is_proxy(ip) {
        return ip;
    }
    let hops: Vec<&str> = forwarded.flat_map(|v| v.split(',')).collect();
    for hop in hops.iter().rev() {
        let Ok(next) = hop.trim().parse::<IpAddr>() else {
            break;
        };
        ip = next.to_canonical();
        if !is_proxy(ip) {
            break;
        }
    }
    ip
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn forwarded_addresses_count_only_from_trusted_peers() {
        let proxies: [Network; 1] = ["10.0.0.0/8".parse().expect("a network")];
        let ip = |peer: &str, forwarded: &[&str]| {
            let peer = peer.parse().expect("an address");
            client_ip(peer, forwarded.iter().copied(), &proxies).to_string()
        };
        assert_eq!(ip("192.0.2.1", &["198.51.100.7"]), "192.0.2.1");
        assert_eq!(ip("10.0.0.1", &["198.51.100.7"]), "198.51.100.7");
        assert_eq!(ip("::ffff:10.0.0.1", &["203.0.113.9, 198.51.100.7, 10.2.2.2"]), "198.51.100.7");
        assert_eq!(ip("10.0.0.1", &["203.0.113.9", "198.51.100.7"]), "198.51.100.7");
        assert_eq!(ip("10.0.0.1", &["nonsense"]), "10.0.0.1");
        assert_eq!(ip("10.0.0.1", &[]), "10.0.0.1");
    }
}
