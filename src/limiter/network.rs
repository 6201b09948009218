//! What counts as one source, and as the network around it.

use std::net::{IpAddr, Ipv6Addr};

/// The two networks in which an address is counted, both as IPv6 addresses. IPv4 is mapped as in RFC 4291 2.5.5.2.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Networks {
    /// The source: an IPv4 address, or the /64 of an IPv6 address, which is what one household or machine gets (RFC
    /// 6177).
    pub source: Ipv6Addr,
    /// The network around it, which may belong to one organisation: an IPv4 /24 or an IPv6 /48.
    pub around: Ipv6Addr,
}

impl Networks {
    /// The networks of a peer address; mapped IPv6 counts as IPv4.
    pub fn of(address: IpAddr) -> Self {
        let v6 = match address {
            IpAddr::V4(v4) => v4.to_ipv6_mapped(),
            IpAddr::V6(v6) => v6,
        };
        let (source, around) = if v6.to_ipv4_mapped().is_some() { (128, 96 + 24) } else { (64, 48) };
        Self { source: mask(v6, source), around: mask(v6, around) }
    }
}

/// The first `bits` of an address; the rest is zero.
fn mask(address: Ipv6Addr, bits: u32) -> Ipv6Addr {
    let behind = u128::MAX.checked_shr(bits).unwrap_or(0);
    Ipv6Addr::from(u128::from(address) & !behind)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_is_counted_in_its_own_network_and_in_the_one_around_it() {
        for (address, source, around) in [
            ("192.0.2.9", "::ffff:192.0.2.9", "::ffff:192.0.2.0"),
            ("::ffff:192.0.2.9", "::ffff:192.0.2.9", "::ffff:192.0.2.0"),
            ("2001:db8:7:8:9::1", "2001:db8:7:8::", "2001:db8:7::"),
            ("::1", "::", "::"),
        ] {
            let of = |text: &str| text.parse::<Ipv6Addr>().expect("an address");
            let networks = Networks::of(address.parse().expect("an address"));
            assert_eq!(networks, Networks { source: of(source), around: of(around) }, "{address}");
        }
    }
}
