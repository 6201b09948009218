//! Listen addresses and networks.

use std::fmt;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::str::FromStr;

use serde::Deserialize;

use super::{InvalidValue, invalid};

/// Addresses to listen on.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(try_from = "String")]
pub struct Listen {
    /// The main address.
    pub address: SocketAddr,
    /// A second address, used if the machine has it: `[::1]` beside `127.0.0.1` for `localhost`. With port 0 it uses
    /// the port that the main address got.
    pub beside: Option<SocketAddr>,
}

impl Listen {
    /// The port; 0 means that the system chooses.
    pub const fn port(&self) -> u16 {
        self.address.port()
    }
}

/// An IP address or a network in CIDR notation (RFC 4632).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(try_from = "String")]
pub struct Network {
    address: IpAddr,
    prefix: u8,
}

impl Network {
    /// Whether it contains `address`. An IPv4 address mapped into IPv6 counts as IPv4.
    pub fn contains(&self, address: IpAddr) -> bool {
        match (self.address, address.to_canonical()) {
            (IpAddr::V4(network), IpAddr::V4(address)) => {
                let mask = u32::MAX.checked_shl(32 - u32::from(self.prefix)).unwrap_or(0);
                u32::from(network) & mask == u32::from(address) & mask
            }
            (IpAddr::V6(network), IpAddr::V6(address)) => {
                let mask = u128::MAX.checked_shl(128 - u32::from(self.prefix)).unwrap_or(0);
                u128::from(network) & mask == u128::from(address) & mask
            }
            _ => false,
        }
    }
}

impl Network {
    /// Whether it is wider than a network of proxies can be. Allowed are whole private networks (RFC 1918, RFC 4193, and
    /// those of one link, RFC 4291 2.5.6), the network inside providers (RFC 6598), which is a /10, and the widest
    /// networks that large providers of proxies publish: an IPv4 /10 and an IPv6 /24.
    pub fn is_wide(&self) -> bool {
        match self.address {
            IpAddr::V4(address) => self.prefix < if address.is_private() || address.is_loopback() { 8 } else { 10 },
            IpAddr::V6(address) => {
                self.prefix < if address.is_unique_local() || address.is_unicast_link_local() { 7 } else { 24 }
            }
        }
    }

    /// Whether it is the unspecified address: `0.0.0.0` or `::` alone.
    pub fn is_nowhere(&self) -> bool {
        self.address.is_unspecified() && self.prefix == self.address_bits()
    }

    /// The address as written.
    pub const fn address(&self) -> IpAddr {
        self.address
    }

    /// The same network, written with its first address.
    #[must_use]
    pub fn whole(&self) -> Self {
        let host_bits = u32::from(self.address_bits() - self.prefix);
        let address = match self.address {
            IpAddr::V4(ip) => IpAddr::V4((u32::from(ip) & u32::MAX.checked_shl(host_bits).unwrap_or(0)).into()),
            IpAddr::V6(ip) => IpAddr::V6((u128::from(ip) & u128::MAX.checked_shl(host_bits).unwrap_or(0)).into()),
        };
        Self { address, prefix: self.prefix }
    }

    const fn address_bits(&self) -> u8 {
        if self.address.is_ipv4() { 32 } else { 128 }
    }

    /// The network with IPv4 mapped into IPv6 turned into IPv4, the form in which peers are looked up.
    fn canonical(self) -> Self {
        match (self.address, self.address.to_canonical(), self.prefix.checked_sub(96)) {
            (IpAddr::V6(_), address @ IpAddr::V4(_), Some(prefix)) => Self { address, prefix },
            _ => self,
        }
    }
}

impl fmt::Display for Network {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.address, self.prefix)
    }
}

impl From<IpAddr> for Network {
    fn from(address: IpAddr) -> Self {
        let address = address.to_canonical();
        Self { address, prefix: if address.is_ipv4() { 32 } else { 128 } }
    }
}

impl FromStr for Listen {
    type Err = InvalidValue;

    fn from_str(text: &str) -> Result<Self, InvalidValue> {
        if let Some(port) = text.strip_prefix("localhost:").and_then(|port| port.parse().ok()) {
            let address = SocketAddr::from((Ipv4Addr::LOCALHOST, port));
            return Ok(Self { address, beside: Some(SocketAddr::from((Ipv6Addr::LOCALHOST, port))) });
        }
        match text.parse() {
            Ok(address) => Ok(Self { address, beside: None }),
            Err(_) => invalid(format!(
                "can't be {text:?}; give an address and a port, such as 127.0.0.1:8080, [::]:8080 or localhost:8080"
            )),
        }
    }
}

impl FromStr for Network {
    type Err = InvalidValue;

    fn from_str(text: &str) -> Result<Self, InvalidValue> {
        let (address, prefix) = text.split_once('/').map_or((text, None), |(a, p)| (a, Some(p)));
        let parsed = address.parse::<IpAddr>().ok().and_then(|address| {
            let longest = if address.is_ipv4() { 32 } else { 128 };
            let prefix = prefix.map_or(Some(longest), |p| p.parse::<u8>().ok())?;
            (prefix <= longest).then(|| Self { address, prefix }.canonical())
        });
        parsed.map_or_else(
            || invalid(format!("can't contain {text:?}; give addresses or networks, such as 10.0.0.0/8 or ::1")),
            Ok,
        )
    }
}
