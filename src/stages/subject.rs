//! What a request is told apart by: the conditions of groups and rules, and the parts of keys.

use std::borrow::Cow;
use std::net::IpAddr;

use http::HeaderName;
use smallvec::SmallVec;

use crate::credential::caller::Caller;
use crate::head::Head;
use crate::model::condition::{Condition, Part};
use crate::model::counting_rule::Variable;
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

/// The parts of a key; few are made, most are borrowed.
pub(super) type Parts<'a> = SmallVec<[Cow<'a, str>; 8]>;

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

    /// Returns the parts of a rule's key; nothing where the rule is not about who calls.
    ///
    /// What the caller may leave out counts as empty: it must not be a way out.
    pub(super) fn key<'k>(&'k self, variables: &[Variable]) -> Option<Parts<'k>> {
        let mut parts = Parts::new();
        for variable in variables {
            let application = || self.caller?.application.as_deref();
            let part = match variable {
                Variable::Api => Cow::Borrowed(&*self.version.api),
                Variable::Application => application()?.uuid.as_str().into(),
                Variable::ApplicationTenant => application()?.tenant().as_str().into(),
                Variable::Claim(name) => self.caller?.claims.of(name).next()?.into(),
                Variable::ClientIp => self.network.as_str().into(),
                Variable::Context => (*self.version.context).into(),
                Variable::Header(name) => self.fields(name).next().unwrap_or_default().into(),
                Variable::Query(name) => super::query::values(self.head.query, name).next().unwrap_or_default(),
                Variable::Resource => (*self.route.template).into(),
                Variable::Tenant => (*self.version.tenant).into(),
                Variable::User => {
                    let user = self.caller?.user.as_ref()?;
                    parts.push(user.tenant.as_str().into());
                    user.name.as_str().into()
                }
                Variable::Version => (*self.version.version).into(),
            };
            parts.push(part);
        }
        Some(parts)
    }
}

/// The name of a network, in hexadecimal digits.
#[derive(Clone, Copy, Debug)]
pub(super) struct Network {
    digits: [u8; 16],
    length: usize,
}

impl Network {
    pub(super) fn as_str(&self) -> &str {
        // Digits are text.
        self.digits
            .get(..self.length)
            .and_then(|digits| str::from_utf8(digits).ok())
            .unwrap_or_default()
    }
}

/// Names what a caller is told apart by who shows nothing else: the address; of IPv6 the network of 64 bits, for whoever
/// has one of its addresses has all of them.
pub(super) fn network(address: IpAddr) -> Network {
    let (bits, length) = match address.to_canonical() {
        IpAddr::V4(address) => (u64::from(address.to_bits()), 8),
        IpAddr::V6(address) => (u64::try_from(address.to_bits() >> 64).unwrap_or_default(), 16),
    };
    let mut digits = [0; 16];
    for (place, digit) in digits.iter_mut().take(length).enumerate() {
        let value = u8::try_from(bits >> (4 * (length - 1 - place)) & 0xf).unwrap_or_default();
        *digit = if value < 10 { b'0' + value } else { b'a' + value - 10 };
    }
    Network { digits, length }
}
