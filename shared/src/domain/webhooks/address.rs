//! Publicly reachable network addresses.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use url::{Host, Url};

/// Names that lead into a network of one's own (RFC 2606, 6761, 6762, 8375, and what clouds call their own).
const PRIVATE_NAMES: &[&str] = &[
    "localhost",
    "local",
    "internal",
    "intranet",
    "lan",
    "corp",
    "home",
    "home.arpa",
    "localdomain",
    "test",
    "invalid",
];

/// Can the host of the address be a public one? A name may lead to a private address all the same: that is asked each time it is
/// looked up.
pub fn has_public_host(url: &Url) -> bool {
    match url.host() {
        Some(Host::Ipv4(address)) => is_public(IpAddr::V4(address)),
        Some(Host::Ipv6(address)) => is_public(IpAddr::V6(address)),
        Some(Host::Domain(name)) => is_public_name(name.trim_end_matches('.')),
        None => false,
    }
}

fn is_public_name(name: &str) -> bool {
    let is_within = |top: &str| name == top || name.ends_with(&format!(".{top}"));
    name.contains('.') && !PRIVATE_NAMES.iter().any(|top| is_within(top))
}

/// Is the address publicly reachable (RFC 6890)?
pub fn is_public(address: IpAddr) -> bool {
    match address {
        IpAddr::V4(address) => is_public_v4(address),
        IpAddr::V6(address) => match address.to_ipv4_mapped() {
            Some(mapped) => is_public_v4(mapped),
            None => is_public_v6(address),
        },
    }
}

fn is_public_v4(address: Ipv4Addr) -> bool {
    let [a, b, ..] = address.octets();
    let is_shared = a == 100 && (64..128).contains(&b);
    let is_special = a == 0 || a >= 240 || (a == 192 && b == 0) || (a == 198 && (b == 18 || b == 19));
    !(address.is_private()
        || address.is_loopback()
        || address.is_link_local()
        || address.is_broadcast()
        || address.is_documentation()
        || address.is_multicast()
        || is_shared
        || is_special)
}

fn is_public_v6(address: Ipv6Addr) -> bool {
    // Global unicast is 2000::/3; within it are documentation, and addresses that carry one of version 4.
    let [a, b, ..] = address.segments();
    (0x2000..0x4000).contains(&a) && !(a == 0x2001 && (b == 0x0db8 || b < 0x0200)) && a != 0x2002
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_public_addresses_are_public() {
        for public in ["1.1.1.1", "100.63.255.255", "100.128.0.0", "172.32.0.1", "2606:4700::1111", "::ffff:1.1.1.1"] {
            assert!(is_public(public.parse().unwrap()), "{public}");
        }
        for private in [
            "127.0.0.1",
            "10.0.0.1",
            "172.16.0.1",
            "192.168.1.1",
            "169.254.169.254",
            "100.64.0.1",
            "0.0.0.0",
            "224.0.0.1",
            "255.255.255.255",
            "198.18.0.1",
            "::1",
            "::",
            "fe80::1",
            "fd00::1",
            "2001:db8::1",
            "2002:7f00:1::",
            "::ffff:127.0.0.1",
            "64:ff9b::7f00:1",
        ] {
            assert!(!is_public(private.parse().unwrap()), "{private}");
        }
    }

    #[test]
    fn only_public_hosts_are_public() {
        for public in ["https://a.example/hook", "https://1.1.1.1/", "https://[2606:4700::1111]:8443/x"] {
            assert!(has_public_host(&Url::parse(public).unwrap()), "{public}");
        }
        for private in [
            "https://localhost/",
            "https://a.localhost./",
            "https://metadata.google.internal/",
            "https://printer/",
            "https://nas.local/",
            // As browsers and resolvers read numbers.
            "https://2130706433/",
            "https://0x7f.1/",
            "https://127.1/",
            "https://[::1]/",
            "https://[::ffff:10.0.0.1]/",
            "https://169.254.169.254/latest",
        ] {
            assert!(!has_public_host(&Url::parse(private).unwrap()), "{private}");
        }
    }
}
