//! Which tenants there are, and which hostnames lead to them.

use std::collections::HashMap;

use super::page::{Origin, Page, Spot, named};
use super::security::{clash, field};
use crate::model::document;
use crate::model::name::{HostName, ROOT_TENANT, TenantName};
use crate::model::place::Place;
use crate::model::tenant::{Tenant, TenantState};
use crate::model::violation::Violation;

/// Believes the tenants; the root tenant comes first, stated or not.
pub(super) fn believe(pages: &[Page], found: &mut Vec<Violation>) -> Vec<Tenant> {
    let mut register = Register::default();
    let mut tenants = vec![Tenant {
        domain: TenantName::root(),
        hostnames: Vec::new(),
        state: TenantState::Active,
        authorization: None,
        api_key: None,
        place: Place::default(),
    }];
    for page in pages {
        let root = page.spot();
        let list = root.key("tenants");
        for (index, stated) in page.document.tenants.iter().enumerate() {
            let Some(tenant) = register.enter(&list.element(index), stated, found) else {
                continue;
            };
            match tenants.first_mut() {
                Some(first) if tenant.domain.as_str() == ROOT_TENANT => *first = tenant,
                _ => tenants.push(tenant),
            }
        }
    }
    tenants
}

/// What is taken already, and where.
#[derive(Default)]
struct Register<'a> {
    domains: HashMap<TenantName, Origin<'a>>,
    hostnames: HashMap<HostName, Origin<'a>>,
}

impl<'a> Register<'a> {
    fn enter(&mut self, spot: &Spot<'a>, stated: &document::Tenant, found: &mut Vec<Violation>) -> Option<Tenant> {
        let at = spot.key("domain");
        let hostnames = self.hostnames(&spot.key("hostnames"), &stated.hostnames, found);
        let own =
            |key, text: &Option<String>, found: &mut Vec<Violation>| field(&spot.key(key), text.as_deref()?, found);
        let authorization = own("authorization_header", &stated.authorization_header, found);
        let api_key = own("api_key_header", &stated.api_key_header, found);
        if authorization.is_some() && authorization == api_key {
            found.push(clash(&spot.key("api_key_header")));
        }
        let domain = named(&at, &stated.domain, TenantName::parse, found)?;
        if let Some(first) = self.domains.get(&domain) {
            found.push(at.blame(format!(
                "the tenant `{domain}` is stated already ({})",
                first.seen_from(&at)
            )));
            return None;
        }
        self.domains.insert(domain.clone(), at.origin());
        Some(Tenant {
            domain,
            hostnames,
            state: stated.state,
            authorization,
            api_key,
            place: spot.place(),
        })
    }

    fn hostnames(&mut self, list: &Spot<'a>, stated: &[String], found: &mut Vec<Violation>) -> Vec<HostName> {
        let mut hostnames = Vec::with_capacity(stated.len());
        for (index, text) in stated.iter().enumerate() {
            let at = list.element(index);
            let Some(hostname) = named(&at, text, HostName::parse, found) else {
                continue;
            };
            if let Some(first) = self.hostnames.get(&hostname) {
                let first = first.seen_from(&at);
                found.push(at.blame(format!("the hostname `{hostname}` leads to a tenant already ({first})")));
                continue;
            }
            self.hostnames.insert(hostname.clone(), at.origin());
            hostnames.push(hostname);
        }
        hostnames
    }
}
