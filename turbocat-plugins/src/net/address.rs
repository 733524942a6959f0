//! Which addresses belong to the inside. Knows nothing of exceptions.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// The word for what an address of the inside is; `None` for one of the outside.
pub(crate) fn inside(address: IpAddr) -> Option<&'static str> {
    match address {
        IpAddr::V4(address) => inside_v4(address),
        IpAddr::V6(address) => inside_v6(address),
    }
}

/// The special-purpose registry of IANA, and the metadata service of Azure, which stands in a
/// public range.
fn inside_v4(address: Ipv4Addr) -> Option<&'static str> {
    Some(match address.octets() {
        [0, ..] => "unspecified",
        [10, ..] | [172, 16..=31, ..] | [192, 168, ..] => "private",
        [100, 64..=127, ..] => "shared by a carrier",
        [127, ..] => "loopback",
        [169, 254, 169, 254] | [168, 63, 129, 16] => "a metadata service",
        [169, 254, ..] => "link-local",
        [192, 0, 0, _] | [192, 88, 99, _] => "reserved for protocols",
        [192, 0, 2, _] | [198, 51, 100, _] | [203, 0, 113, _] => "for documentation",
        [198, 18..=19, ..] => "for benchmarks",
        [224..=239, ..] => "multicast",
        [255, 255, 255, 255] => "broadcast",
        [240..=255, ..] => "reserved",
        _ => return None,
    })
}

/// Only 2000::/3 is the outside; of what lies in it, and of forms that carry an IPv4 address,
/// what the address leads to counts.
fn inside_v6(address: Ipv6Addr) -> Option<&'static str> {
    let parts = address.segments();
    Some(match parts {
        [0, 0, 0, 0, 0, 0, 0, 0] => "unspecified",
        [0, 0, 0, 0, 0, 0, 0, 1] => "loopback",
        // mapped, and what NAT64 makes of an IPv4 address
        [0, 0, 0, 0, 0, 0xffff, high, low] | [0x64, 0xff9b, 0, 0, 0, 0, high, low] => {
            return inside_v4(carried(high, low));
        }
        [0xfd00, 0xec2, 0, 0, 0, 0, 0, 0x254] => "a metadata service",
        [0xfc00..=0xfdff, ..] => "private",
        [0xfe80..=0xfebf, ..] => "link-local",
        [0xfec0..=0xfeff, ..] => "site-local",
        [0xff00..=0xffff, ..] => "multicast",
        // Teredo, benchmarks, ORCHID and others
        [0x2001, 0..=0x1ff, ..] => "reserved for protocols",
        [0x2001, 0xdb8, ..] | [0x3fff, 0..=0xfff, ..] => "for documentation",
        // 6to4
        [0x2002, high, low, ..] => return inside_v4(carried(high, low)),
        [0x2000..=0x3fff, ..] => return None,
        // with it the obsolete ::a.b.c.d
        _ => "reserved",
    })
}

fn carried(high: u16, low: u16) -> Ipv4Addr {
    Ipv4Addr::from((u32::from(high) << 16) | u32::from(low))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_address_of_the_inside_is_known() {
        let check = |address: &str, expected: Option<&str>| {
            assert_eq!(inside(address.parse().unwrap()), expected, "{address}");
        };
        check("0.0.0.0", Some("unspecified"));
        check("0.1.2.3", Some("unspecified"));
        check("10.0.0.1", Some("private"));
        check("10.255.255.255", Some("private"));
        check("100.63.255.255", None);
        check("100.64.0.0", Some("shared by a carrier"));
        check("100.100.100.200", Some("shared by a carrier"));
        check("100.127.255.255", Some("shared by a carrier"));
        check("100.128.0.0", None);
        check("127.0.0.1", Some("loopback"));
        check("127.255.255.254", Some("loopback"));
        check("168.63.129.16", Some("a metadata service"));
        check("169.254.0.1", Some("link-local"));
        check("169.254.169.254", Some("a metadata service"));
        check("172.15.255.255", None);
        check("172.16.0.0", Some("private"));
        check("172.31.255.255", Some("private"));
        check("172.32.0.0", None);
        check("192.0.0.192", Some("reserved for protocols"));
        check("192.0.2.1", Some("for documentation"));
        check("192.88.99.1", Some("reserved for protocols"));
        check("192.168.0.1", Some("private"));
        check("192.169.0.1", None);
        check("198.17.255.255", None);
        check("198.18.0.0", Some("for benchmarks"));
        check("198.19.255.255", Some("for benchmarks"));
        check("198.20.0.0", None);
        check("198.51.100.7", Some("for documentation"));
        check("203.0.113.7", Some("for documentation"));
        check("223.255.255.255", None);
        check("224.0.0.1", Some("multicast"));
        check("239.255.255.255", Some("multicast"));
        check("240.0.0.1", Some("reserved"));
        check("255.255.255.255", Some("broadcast"));
        check("1.1.1.1", None);
        check("93.184.216.34", None);

        check("::", Some("unspecified"));
        check("::1", Some("loopback"));
        check("::2", Some("reserved"));
        check("::127.0.0.1", Some("reserved"));
        check("::8.8.8.8", Some("reserved"));
        check("::ffff:127.0.0.1", Some("loopback"));
        check("::ffff:10.1.2.3", Some("private"));
        check("::ffff:169.254.169.254", Some("a metadata service"));
        check("::ffff:8.8.8.8", None);
        check("::ffff:0:127.0.0.1", Some("reserved"));
        check("64:ff9b::7f00:1", Some("loopback"));
        check("64:ff9b::a9fe:a9fe", Some("a metadata service"));
        check("64:ff9b::8.8.8.8", None);
        check("64:ff9b:1::8.8.8.8", Some("reserved"));
        check("100::1", Some("reserved"));
        check("2001::1", Some("reserved for protocols"));
        check("2001:0:4136:e378:8000:63bf:3fff:fdd2", Some("reserved for protocols"));
        check("2001:2::1", Some("reserved for protocols"));
        check("2001:20::1", Some("reserved for protocols"));
        check("2001:200::1", None);
        check("2001:db8::1", Some("for documentation"));
        check("2002:7f00:1::1", Some("loopback"));
        check("2002:c0a8:1::1", Some("private"));
        check("2002:808:808::1", None);
        check("2606:4700::1111", None);
        check("3fff:fff::1", Some("for documentation"));
        check("3fff:1000::1", None);
        check("4000::1", Some("reserved"));
        check("5f00::1", Some("reserved"));
        check("fc00::1", Some("private"));
        check("fd12:3456::1", Some("private"));
        check("fd00:ec2::254", Some("a metadata service"));
        check("fe80::1", Some("link-local"));
        check("febf::1", Some("link-local"));
        check("fec0::1", Some("site-local"));
        check("ff02::1", Some("multicast"));
    }
}
