//! What a request is told apart by: the conditions of groups and rules, and the parts of keys.

use std::borrow::Cow;
use std::net::IpAddr;

use http::{HeaderName, HeaderValue};
use smallvec::SmallVec;

use crate::credential::caller::Caller;
use crate::head::Head;
use crate::model::condition::{Condition, Part};
use crate::model::counting_rule::Variable;
use crate::quota::{Names, SubjectDigest};
use crate::snapshot::{Route, Version};

/// A request, and what the stages before found out about it.
#[derive(Clone, Copy, Debug)]
pub(super) struct Request<'a> {
    pub(super) head: &'a Head<'a>,
    pub(super) version: &'a Version,
    pub(super) route: &'a Route,
    pub(super) caller: Option<&'a Caller>,
    pub(super) network: Network,
}

impl<'a> Request<'a> {
    /// Tells whether a condition is true.
    pub(super) fn meets(&self, condition: &Condition) -> bool {
        let is_true = match &condition.part {
            Part::Address(ranges) => ranges.iter().any(|range| range.contain(self.head.client)),
            Part::Claim(name, test) => {
                let claims = self.caller.map(|caller| caller.claims.of(name));
                test.passes(claims.into_iter().flatten())
            }
            Part::Header(name, test) => test.passes(self.fields(name)),
            Part::Query(name, test) => {
                let values: SmallVec<[Cow<'_, str>; 2]> = super::query::values(self.head.query, name).collect();
                test.passes(values.iter().map(|value| &**value))
            }
        };
        is_true != condition.is_inverted
    }

    fn fields(&self, name: &HeaderName) -> impl Iterator<Item = &'a str> {
        let fields = self.head.headers.get_all(name).iter();
        fields.filter_map(|field| str::from_utf8(field.as_bytes()).ok())
    }

    /// Returns the first value of a field that is text; empty where none is.
    fn field(&self, name: &HeaderName) -> &'a [u8] {
        let fields = self.head.headers.get_all(name).iter().map(HeaderValue::as_bytes);
        let mut text = fields.filter(|field| field.is_ascii() || str::from_utf8(field).is_ok());
        text.next().unwrap_or_default()
    }

    /// Reads the parts of a rule's key; nothing where the rule is not about who calls.
    ///
    /// What the caller may leave out counts as empty: it must not be a way out.
    pub(super) fn key(&self, variables: &[Variable], mut names: Names) -> Option<SubjectDigest> {
        for variable in variables {
            let application = || self.caller?.application.as_deref();
            let value;
            let part = match variable {
                Variable::Api => self.version.api.as_bytes(),
                Variable::Application => application()?.uuid.as_bytes(),
                Variable::ApplicationTenant => application()?.tenant().as_str().as_bytes(),
                Variable::Claim(name) => self.caller?.claims.of(name).next()?.as_bytes(),
                Variable::ClientIp => self.network.as_bytes(),
                Variable::Context => self.version.context.as_bytes(),
                Variable::Header(name) => self.field(name),
                Variable::Query(name) => {
                    value = super::query::values(self.head.query, name).next().unwrap_or_default();
                    value.as_bytes()
                }
                Variable::Resource => self.route.template.as_bytes(),
                Variable::Tenant => self.version.tenant.as_bytes(),
                Variable::User => {
                    let user = self.caller?.user.as_ref()?;
                    names.read(user.tenant.as_str().as_bytes());
                    user.name.as_bytes()
                }
                Variable::Version => self.version.version.as_bytes(),
            };
            names.read(part);
        }
        Some(names.digest())
    }
}

/// The name of a network, in hexadecimal digits.
#[derive(Clone, Copy, Debug)]
pub(super) struct Network {
    digits: [[u8; 8]; 2],
    length: usize,
}

impl Network {
    pub(super) fn as_bytes(&self) -> &[u8] {
        self.digits.as_flattened().get(..self.length).unwrap_or_default()
    }
}

/// Names what a caller is told apart by who shows nothing else: the address; of IPv6 the network of 64 bits, for whoever
/// has one of its addresses has all of them.
pub(super) fn network(address: IpAddr) -> Network {
    let (digits, length) = match address.to_canonical() {
        IpAddr::V4(address) => ([hex(address.to_bits()), [0; 8]], 8),
        IpAddr::V6(address) => {
            let part = |shift: u32| hex(u32::try_from(address.to_bits() >> shift & 0xffff_ffff).unwrap_or_default());
            ([part(96), part(64)], 16)
        }
    };
    Network { digits, length }
}

/// Writes a number in eight hexadecimal digits, all of them at once.
fn hex(number: u32) -> [u8; 8] {
    // A digit in each byte, the highest first.
    let mut digits = u64::from(number);
    digits = (digits << 16 | digits) & 0x0000_ffff_0000_ffff;
    digits = (digits << 8 | digits) & 0x00ff_00ff_00ff_00ff;
    digits = (digits << 4 | digits) & 0x0f0f_0f0f_0f0f_0f0f;
    // Six more than nine no longer fit into one: those are letters.
    let letters = (digits + 0x0606_0606_0606_0606) >> 4 & 0x0101_0101_0101_0101;
    let letter = u64::from(b'a' - b'0' - 10);
    (digits + 0x3030_3030_3030_3030 + letters * letter).to_be_bytes()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_network_is_named_by_all_of_its_digits() {
        for (address, expected) in [
            ("192.0.2.255", "c00002ff"),
            ("9.8.7.160", "090807a0"),
            ("::ffff:192.0.2.1", "c0000201"),
            ("2001:db8:abcd:ef01:2345::1", "20010db8abcdef01"),
            ("::1", "0000000000000000"),
        ] {
            let network = network(address.parse().unwrap());
            assert_eq!(str::from_utf8(network.as_bytes()), Ok(expected));
        }
    }
}
