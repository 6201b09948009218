//! Whom to believe about where a request came from.

use std::net::IpAddr;
use std::str::FromStr;

/// A proxy, or a network of them, whose `X-Forwarded-*` headers are believed: `10.0.0.7` or `10.0.0.0/8`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TrustedProxy {
    network: IpAddr,
    prefix: u8,
}

/// Text that names no address or network.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is neither an IP address nor a network such as 10.0.0.0/8")]
pub struct InvalidProxy(String);

impl TrustedProxy {
    /// Whether `ip` is this proxy or in this network.
    pub fn contains(&self, ip: IpAddr) -> bool {
        let equal = |left: u128, right: u128, width: u32| {
            let ignored = width - u32::from(self.prefix);
            let shift = |bits: u128| bits.checked_shr(ignored).unwrap_or(0);
            shift(left) == shift(right)
        };
        match (self.network, ip.to_canonical()) {
            (IpAddr::V4(own), IpAddr::V4(ip)) => equal(u32::from(own).into(), u32::from(ip).into(), 32),
            (IpAddr::V6(own), IpAddr::V6(ip)) => equal(own.into(), ip.into(), 128),
            _ => false,
        }
    }
}

impl FromStr for TrustedProxy {
    type Err = InvalidProxy;

    fn from_str(text: &str) -> Result<Self, InvalidProxy> {
        let invalid = || InvalidProxy(text.to_owned());
        let (network, prefix) = match text.split_once('/') {
            Some((network, prefix)) => (network, Some(prefix)),
            None => (text, None),
        };
        let network: IpAddr = network.parse().map_err(|_| invalid())?;
        let width = if network.is_ipv4() { 32 } else { 128 };
        let prefix = match prefix {
            Some(prefix) => prefix.parse().map_err(|_| invalid())?,
            None => width,
        };
        if prefix > width {
            return Err(invalid());
        }
        Ok(Self { network, prefix })
    }
}

impl From<IpAddr> for TrustedProxy {
    fn from(ip: IpAddr) -> Self {
        let network = ip.to_canonical();
        Self { network, prefix: if network.is_ipv4() { 32 } else { 128 } }
    }
}

/// The address a request came from: the peer's, or the last one in `forwarded` (the values of `X-Forwarded-For`,
/// in order) that is not a proxy's. What stands left of it anybody could have written.
pub(super) fn client_ip<'a>(
    peer: IpAddr,
    forwarded: impl Iterator<Item = &'a str>,
    proxies: &[TrustedProxy],
) -> IpAddr {
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
        let proxies = ["10.0.0.0/8".parse().expect("a network")];
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

    #[test]
    fn networks_are_read_strictly() {
        for odd in ["", "10.0.0.0/33", "10.0.0/8", "::1/129", "localhost", "::/x"] {
            assert!(odd.parse::<TrustedProxy>().is_err(), "{odd}");
        }
        let everything: TrustedProxy = "::/0".parse().expect("a network");
        assert!(everything.contains("2001:db8::1".parse().expect("an address")));
        assert!(!everything.contains("192.0.2.1".parse().expect("an address")));
    }
}
