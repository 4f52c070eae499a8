//! Addresses: one, a network, or a range.

use std::fmt;
use std::net::IpAddr;

use ipnet::IpNet;
use thiserror::Error;

/// One address, a network, or a range: from the first to the last of one family.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Addresses {
    first: IpAddr,
    last: IpAddr,
}

/// Why a text names no addresses.
#[derive(Clone, Debug, Eq, Error, PartialEq)]
pub enum AddressError {
    /// It ends before it begins.
    #[error("the range ends before it begins")]
    Backwards,
    /// A network has bits beyond its length; this is the network that they are in.
    #[error("the address has bits beyond the length of the network")]
    HostBits(IpNet),
    /// From a version of the protocol to another one.
    #[error("a range is of one version of IP")]
    Mixed,
    /// It is none of these.
    #[error("neither an address, nor a network such as `10.0.0.0/8`, nor a range such as `10.0.0.1-10.0.0.9`")]
    Unreadable,
}

impl Addresses {
    /// Reads `10.0.0.1`, `10.0.0.0/8` or `10.0.0.1-10.0.0.9`, or the same of IPv6.
    ///
    /// # Errors
    ///
    /// Returns why the text names no addresses.
    pub fn parse(text: &str) -> Result<Self, AddressError> {
        let address = |text: &str| {
            let address = text.trim().parse::<IpAddr>().map_err(|_| AddressError::Unreadable)?;
            Ok(address.to_canonical())
        };
        if text.contains('/') {
            let network: IpNet = text.parse().map_err(|_| AddressError::Unreadable)?;
            return if network.trunc() == network {
                Ok(Self::from(network))
            } else {
                Err(AddressError::HostBits(network.trunc()))
            };
        }
        let (first, last) = text.split_once('-').unwrap_or((text, text));
        let (first, last) = (address(first)?, address(last)?);
        if first.is_ipv4() != last.is_ipv4() {
            Err(AddressError::Mixed)
        } else if first > last {
            Err(AddressError::Backwards)
        } else {
            Ok(Self { first, last })
        }
    }

    /// Tells whether an address is among them. One of IPv4 that is written as IPv6 is meant as IPv4.
    pub fn contain(&self, address: IpAddr) -> bool {
        let address = address.to_canonical();
        // Addresses of IPv4 come before those of IPv6, so a range of one holds none of the other.
        self.first <= address && address <= self.last
    }
}

impl From<IpNet> for Addresses {
    fn from(network: IpNet) -> Self {
        Self {
            first: network.network(),
            last: network.broadcast(),
        }
    }
}

/// Writes the address, or the range.
impl fmt::Display for Addresses {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.first == self.last {
            self.first.fmt(f)
        } else {
            write!(f, "{}-{}", self.first, self.last)
        }
    }
}

#[cfg(test)]
mod tests {
    use std::net::Ipv4Addr;

    use proptest::prelude::*;

    use super::*;

    fn contain(text: &str, address: &str) -> bool {
        Addresses::parse(text).unwrap().contain(address.parse().unwrap())
    }

    #[test]
    fn one_a_network_and_a_range_are_addresses() {
        for (text, inside, outside) in [
            ("10.0.0.1", "10.0.0.1", "10.0.0.2"),
            ("10.0.0.0/8", "10.255.255.255", "11.0.0.0"),
            ("10.0.0.1-10.0.0.9", "10.0.0.9", "10.0.0.10"),
            ("10.0.0.1 - 10.0.0.9", "10.0.0.1", "10.0.0.0"),
            ("2001:db8::/32", "2001:db8:ffff::1", "2001:db9::"),
            ("::1-::ff", "::80", "::100"),
            ("::ffff:10.0.0.1", "10.0.0.1", "10.0.0.2"),
            ("0.0.0.0/0", "255.255.255.255", "::"),
            ("::/0", "::1", "10.0.0.1"),
        ] {
            assert!(contain(text, inside), "{text} {inside}");
            assert!(!contain(text, outside), "{text} {outside}");
        }
        assert!(contain("10.0.0.0/8", "::ffff:10.1.2.3"));
    }

    #[test]
    fn what_is_meant_as_addresses_and_is_none_is_told_apart() {
        let trunc = "10.0.0.0/8".parse().unwrap();
        for (text, expected) in [
            ("10.0.0.1/8", AddressError::HostBits(trunc)),
            ("10.0.0.9-10.0.0.1", AddressError::Backwards),
            ("10.0.0.1-::1", AddressError::Mixed),
            ("10.0.0", AddressError::Unreadable),
            ("10.0.0.0/33", AddressError::Unreadable),
            ("", AddressError::Unreadable),
            ("example.org", AddressError::Unreadable),
        ] {
            assert_eq!(Addresses::parse(text), Err(expected), "{text}");
        }
    }

    proptest! {
        #[test]
        fn a_network_holds_what_shares_its_first_bits(base: u32, other: u32, length in 0..=32_u8) {
            let mask = u32::MAX.checked_shl(u32::from(32 - length)).unwrap_or(0);
            let network = Ipv4Addr::from(base & mask);
            let found = contain(&format!("{network}/{length}"), &Ipv4Addr::from(other).to_string());
            prop_assert_eq!(found, base & mask == other & mask);
        }

        #[test]
        fn a_range_holds_what_lies_between_its_ends(first: u32, last: u32, other: u32) {
            let (first, last) = (first.min(last), first.max(last));
            let range = format!("{}-{}", Ipv4Addr::from(first), Ipv4Addr::from(last));
            let found = contain(&range, &Ipv4Addr::from(other).to_string());
            prop_assert_eq!(found, (first..=last).contains(&other));
        }
    }
}
