//! Tells public addresses from those of private networks.
//!
//! The list comes from the IANA registries of special-purpose addresses (RFC 6890). It also has the cloud metadata services
//! with addresses outside these registries. An address that contains an IPv4 address (IPv4-mapped, NAT64, 6to4) is judged by
//! that one.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// The metadata service of Azure. It has a public address, but every virtual machine reaches its own service there.
const AZURE: Ipv4Addr = Ipv4Addr::new(168, 63, 129, 16);

/// The kind of an address; `None` for a public one.
pub(super) fn kind_if_not_public(address: IpAddr) -> Option<&'static str> {
    match address {
        IpAddr::V4(address) => of_v4(address),
        IpAddr::V6(address) => of_v6(address),
    }
}

fn of_v4(address: Ipv4Addr) -> Option<&'static str> {
    let kind = match address.octets() {
        [0, ..] => "an unspecified address",
        [127, ..] => "a loopback address",
        [169, 254, ..] => "a link-local address",
        [10, ..] | [172, 16..=31, ..] | [192, 168, ..] => "a private address",
        [100, 64..=127, ..] => "a carrier's own address",
        [192, 0, 0, _] | [192, 88, 99, _] | [198, 18..=19, ..] => "an address for special purposes",
        [192, 0, 2, _] | [198, 51, 100, _] | [203, 0, 113, _] => "an address for documentation",
        [224..=239, ..] => "a multicast address",
        [240..=255, ..] => "a reserved address",
        _ if address == AZURE => "a metadata address",
        _ => return None,
    };
    Some(kind)
}

fn of_v6(address: Ipv6Addr) -> Option<&'static str> {
    let within = |high: u16, low: u16| of_v4(Ipv4Addr::from_bits(u32::from(high) << 16 | u32::from(low)));
    let kind = match address.segments() {
        [0, 0, 0, 0, 0, 0, 0, 0] => "an unspecified address",
        [0, 0, 0, 0, 0, 0, 0, 1] => "a loopback address",
        // IPv4-mapped, and NAT64, through which a network without IPv4 reaches IPv4 hosts (RFC 6052).
        [0, 0, 0, 0, 0, 0xffff, high, low] | [0x64, 0xff9b, 0, 0, 0, 0, high, low] => {
            return within(high, low);
        }
        // 6to4 (RFC 3056): the address follows the prefix.
        [0x2002, high, low, ..] => return within(high, low),
        [0xfe80..=0xfebf, ..] => "a link-local address",
        [0xfc00..=0xfdff | 0xfec0..=0xfeff, ..] => "a private address",
        [0xff00..=0xffff, ..] => "a multicast address",
        [0x2001, 0xdb8, ..] | [0x3fff, 0..=0xfff, ..] => "an address for documentation",
        // Teredo, benchmarks, ORCHID and other protocols' own (RFC 2928).
        [0x2001, 0..=0x1ff, ..] => "an address for special purposes",
        [0x2000..=0x3fff, ..] => return None,
        // No other range is assigned (RFC 4291, section 2.4).
        _ => "a reserved address",
    };
    Some(kind)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn kind(address: &str) -> Option<&'static str> {
        kind_if_not_public(address.parse().unwrap())
    }

    #[test]
    fn public_addresses_are_told_from_all_others() {
        for public in [
            "1.1.1.1",
            "9.255.255.255",
            "11.0.0.0",
            "100.63.255.255",
            "100.128.0.0",
            "172.15.255.255",
            "172.32.0.0",
            "192.0.1.0",
            "192.167.255.255",
            "198.17.255.255",
            "198.20.0.0",
            "223.255.255.255",
            "2606:4700::1111",
            "2001:200::1",
            "3ffe::1",
            // These contain 1.1.1.1.
            "::ffff:1.1.1.1",
            "64:ff9b::1.1.1.1",
            "2002:101:101::1",
        ] {
            assert_eq!(kind(public), None, "{public}");
        }
        for (kind_of_it, addresses) in [
            (
                "a loopback",
                &["127.0.0.1", "127.255.255.254", "::1", "::ffff:127.0.0.1", "64:ff9b::7f00:1"][..],
            ),
            ("an unspecified", &["0.0.0.0", "0.1.2.3", "::", "::ffff:0:0"]),
            ("a link-local", &["169.254.169.254", "fe80::1", "febf::1", "2002:a9fe:a9fe::1"]),
            (
                "a private",
                &[
                    "10.0.0.1",
                    "172.16.0.1",
                    "172.31.255.255",
                    "192.168.1.1",
                    "fd00:ec2::254",
                    "fc00::1",
                    "fec0::1",
                ],
            ),
            ("a private", &["::ffff:10.1.2.3", "64:ff9b::a01:203", "2002:c0a8:101::1"]),
            ("a carrier's", &["100.64.0.1", "100.100.100.200", "100.127.255.255"]),
            ("a multicast", &["224.0.0.1", "239.255.255.255", "ff02::1"]),
            ("a metadata", &["168.63.129.16", "::ffff:168.63.129.16"]),
            (
                "a reserved",
                &["240.0.0.1", "255.255.255.255", "::7f00:1", "64:ff9b:1::a00:1", "100::1", "4000::1"],
            ),
            ("an address", &["192.0.0.192", "192.0.2.1", "198.18.0.1", "203.0.113.9", "192.88.99.1"]),
            ("an address", &["2001:db8::1", "2001::1", "2001:1ff::1", "3fff::1", "3fff:fff::1"]),
        ] {
            for address in addresses {
                let found = kind(address).unwrap_or("public");
                assert!(found.starts_with(kind_of_it), "{address}: {found}");
            }
        }
    }
}
