//! Which statements about the source of a request are trusted.

use std::net::{IpAddr, Ipv6Addr};

use hyper::header::{FORWARDED, HeaderMap};

use crate::config::Network;

/// The source address of a request: the last address in the forwarding headers that is not a trusted proxy's, or the
/// peer's. Clients can write anything to the left of it.
///
/// Proxies append addresses to `X-Forwarded-For` or, where that is absent, to `Forwarded` (RFC 7239). For an unreadable
/// entry the address of the proxy that wrote it is used: to look further left would let a client choose its address.
pub(in crate::http) fn client_ip(peer: IpAddr, headers: &HeaderMap, proxies: &[Network]) -> IpAddr {
    let is_proxy = |ip: IpAddr| proxies.iter().any(|p| p.contains(ip));
    let mut ip = peer.to_canonical();
    if !is_proxy(ip) {
        return ip;
    }
    let entries: &mut dyn Iterator<Item = Option<IpAddr>> = if headers.contains_key(X_FORWARDED_FOR) {
        &mut elements(headers, X_FORWARDED_FOR).map(node)
    } else {
        &mut elements(headers, FORWARDED.as_str()).map(|element| forwarded_for(element).and_then(node))
    };
    for entry in entries {
        let Some(next) = entry else { break };
        ip = next;
        if !is_proxy(ip) {
            break;
        }
    }
    ip
}

/// The elements of a list header, the last one first. Lines are split as bytes at every comma, so that nothing in a
/// client's part of the line, such as quotes or invalid bytes, can hide what a proxy appended.
fn elements<'a>(headers: &'a HeaderMap, name: &'a str) -> impl Iterator<Item = &'a [u8]> {
    let lines: Vec<&[u8]> = headers.get_all(name).iter().map(|line| line.as_bytes()).collect();
    let elements = lines.into_iter().rev().flat_map(|line| line.rsplit(|byte| *byte == b','));
    // RFC 9110, 5.6.1.2: empty elements don't count.
    elements.map(<[u8]>::trim_ascii).filter(|element| !element.is_empty())
}

/// The node in the `for` parameter of an element of `Forwarded`.
fn forwarded_for(element: &[u8]) -> Option<&[u8]> {
    element.split(|byte| *byte == b';').find_map(|pair| {
        let at = pair.iter().position(|byte| *byte == b'=')?;
        let (name, value) = (pair[..at].trim_ascii(), &pair[at + 1..]);
        name.eq_ignore_ascii_case(b"for").then(|| value.trim_ascii())
    })
}

/// An address in the notations of proxies: bare, with a port, an IPv6 one in brackets or with a zone, all of it
/// possibly in quotes. `unknown` and obfuscated nodes (RFC 7239, 6) are not addresses.
fn node(text: &[u8]) -> Option<IpAddr> {
    let text = std::str::from_utf8(text).ok()?;
    let text = text.strip_prefix('"').and_then(|t| t.strip_suffix('"')).unwrap_or(text).trim();
    let ip = if let Some(bracketed) = text.strip_prefix('[') {
        let (address, rest) = bracketed.split_once(']')?;
        if !rest.is_empty() && !is_port(rest.strip_prefix(':')?) {
            return None;
        }
        IpAddr::V6(without_zone(address).parse::<Ipv6Addr>().ok()?)
    } else if let Ok(ip) = without_zone(text).parse::<IpAddr>() {
        ip
    } else {
        let (address, port) = text.split_once(':').filter(|(_, port)| is_port(port))?;
        IpAddr::V4(address.parse().ok().filter(|_| !port.is_empty())?)
    };
    Some(ip.to_canonical())
}

/// A number, or an obfuscated port (RFC 7239, 6.2).
fn is_port(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'.' | b'_' | b'-'))
}

/// Removes the zone (RFC 4007, 11): the part after `%` names an interface of the proxy's machine.
fn without_zone(address: &str) -> &str {
    address.split_once('%').map_or(address, |(address, _)| address)
}

const X_FORWARDED_FOR: &str = "x-forwarded-for";

#[cfg(test)]
mod tests {
    use hyper::header::{HeaderName, HeaderValue};

    use super::*;

    #[test]
    fn forwarded_addresses_count_only_from_trusted_peers() {
        assert_eq!(ip("192.0.2.1", &[("x-forwarded-for", "198.51.100.7")]), "192.0.2.1");
        assert_eq!(ip("192.0.2.1", &[("forwarded", "for=198.51.100.7")]), "192.0.2.1");
        assert_eq!(ip("10.0.0.1", &[("x-forwarded-for", "198.51.100.7")]), "198.51.100.7");
        assert_eq!(ip("10.0.0.1", &[]), "10.0.0.1");
    }

    #[test]
    fn the_last_address_that_is_no_proxys_counts() {
        let chain = [("x-forwarded-for", "203.0.113.9, 198.51.100.7, 10.2.2.2")];
        assert_eq!(ip("::ffff:10.0.0.1", &chain), "198.51.100.7");
        let lines = [("x-forwarded-for", "203.0.113.9"), ("x-forwarded-for", "198.51.100.7")];
        assert_eq!(ip("10.0.0.1", &lines), "198.51.100.7");
        let with_ports = [("x-forwarded-for", "203.0.113.9:1, 198.51.100.7:2, 10.2.2.2:3,")];
        assert_eq!(ip("10.0.0.1", &with_ports), "198.51.100.7");
        let forwarded = [("forwarded", "for=203.0.113.9, For=\"198.51.100.7:2\";proto=https, by=x ; for=10.2.2.2")];
        assert_eq!(ip("10.0.0.1", &forwarded), "198.51.100.7");
    }

    #[test]
    fn addresses_are_read_as_proxies_spell_them() {
        for (spelled, address) in [
            ("198.51.100.7", "198.51.100.7"),
            ("198.51.100.7:50123", "198.51.100.7"),
            ("\"198.51.100.7:50123\"", "198.51.100.7"),
            ("198.51.100.7:_port", "198.51.100.7"),
            ("2001:db8::17", "2001:db8::17"),
            ("[2001:db8::17]", "2001:db8::17"),
            ("[2001:db8::17]:4711", "2001:db8::17"),
            ("\"[2001:db8::17]:4711\"", "2001:db8::17"),
            ("fe80::1%eth0", "fe80::1"),
            ("[::ffff:198.51.100.7]:1", "198.51.100.7"),
        ] {
            assert_eq!(ip("10.0.0.1", &[("x-forwarded-for", spelled)]), address, "{spelled}");
            assert_eq!(ip("10.0.0.1", &[("forwarded", &format!("proto=http;for={spelled}"))]), address, "{spelled}");
        }
    }

    #[test]
    fn an_unreadable_entry_is_its_proxys_and_never_gives_way_to_what_a_client_wrote() {
        for unreadable in ["unknown", "_hidden", "example.com", "[2001:db8::17", "1.2.3.4:", "1.2.3", "::1]:1", "\"\""]
        {
            let forged = format!("203.0.113.9, {unreadable}");
            assert_eq!(ip("10.0.0.1", &[("x-forwarded-for", &forged)]), "10.0.0.1", "{unreadable}");
            let behind = format!("203.0.113.9, {unreadable}, 10.2.2.2");
            assert_eq!(ip("10.0.0.1", &[("x-forwarded-for", &behind)]), "10.2.2.2", "{unreadable}");
            let written_by_a_client = format!("{unreadable}, 198.51.100.7");
            assert_eq!(ip("10.0.0.1", &[("x-forwarded-for", &written_by_a_client)]), "198.51.100.7", "{unreadable}");
        }
    }

    #[test]
    fn a_clients_part_of_the_line_hides_nothing() {
        let bytes = b"\xff\xfe, 198.51.100.7";
        assert_eq!(client_ip(proxy(), &map(&[("x-forwarded-for", bytes)]), &proxies()).to_string(), "198.51.100.7");
        let open_quote = [("forwarded", "for=\"203.0.113.9, for=198.51.100.7")];
        assert_eq!(ip("10.0.0.1", &open_quote), "198.51.100.7");
        let both = [("forwarded", "for=203.0.113.9"), ("x-forwarded-for", "198.51.100.7")];
        assert_eq!(ip("10.0.0.1", &both), "198.51.100.7");
    }

    fn ip(peer: &str, headers: &[(&'static str, &str)]) -> String {
        let headers: Vec<_> = headers.iter().map(|(name, value)| (*name, value.as_bytes())).collect();
        client_ip(peer.parse().expect("an address"), &map(&headers), &proxies()).to_string()
    }

    fn map(headers: &[(&'static str, &[u8])]) -> HeaderMap {
        let pair = |(name, value): &(&'static str, &[u8])| {
            (HeaderName::from_static(name), HeaderValue::from_bytes(value).expect("a value"))
        };
        headers.iter().map(pair).fold(HeaderMap::new(), |mut map, (name, value)| {
            map.append(name, value);
            map
        })
    }

    fn proxies() -> [Network; 1] {
        ["10.0.0.0/8".parse().expect("a network")]
    }

    fn proxy() -> IpAddr {
        "10.0.0.1".parse().expect("an address")
    }
}
