//! A deny rule: whose requests are refused, whatever else they may (W 3.1, 3.3).

use super::address::Addresses;
use super::name::{ApiName, TenantName, VersionName};
use super::place::Place;

/// Whose requests are refused: all that it states must be true of one. What it does not state is true of every one.
#[derive(Clone, Debug)]
pub struct DenyRule {
    /// The tenant whose APIs it is for.
    pub tenant: TenantName,
    /// Whether it is for the APIs of every tenant instead.
    pub is_everywhere: bool,
    /// The Api that is called.
    pub api: Option<ApiName>,
    /// The version of it.
    pub version: Option<VersionName>,
    /// The name of the application that calls.
    pub application: Option<String>,
    /// Who owns the application.
    pub owner: Option<Person>,
    /// Who calls, or on whose behalf.
    pub user: Option<Person>,
    /// Where the caller is.
    pub addresses: Vec<Addresses>,
    /// Where the caller is not.
    pub other_addresses: Vec<Addresses>,
    /// Where it was stated.
    pub place: Place,
}

/// A user, by tenant and name.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Person {
    /// The tenant.
    pub tenant: TenantName,
    /// The name.
    pub name: String,
}

impl Person {
    /// Reads `name@tenant`; a name alone is one of `tenant`.
    pub fn parse(text: &str, tenant: &TenantName) -> Self {
        let parts = text.rsplit_once('@').filter(|(name, _)| !name.is_empty());
        let stated = parts.and_then(|(name, domain)| Some((name, TenantName::parse(domain).ok()?)));
        let (name, tenant) = stated.unwrap_or_else(|| (text, tenant.clone()));
        Self {
            tenant,
            name: name.to_owned(),
        }
    }
}

impl DenyRule {
    /// Tells whether it asks who calls.
    pub fn asks_identity(&self) -> bool {
        self.application.is_some() || self.owner.is_some() || self.user.is_some()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_person_is_of_the_tenant_that_is_named_or_of_the_rules_own() {
        let own = TenantName::parse("acme.example").unwrap();
        for (text, name, tenant) in [
            ("joe", "joe", "acme.example"),
            ("joe@globex.example", "joe", "globex.example"),
            ("joe@home@globex.example", "joe@home", "globex.example"),
            ("joe@Home", "joe@Home", "acme.example"),
        ] {
            let person = Person::parse(text, &own);
            assert_eq!((person.name.as_str(), person.tenant.as_str()), (name, tenant));
        }
    }
}
