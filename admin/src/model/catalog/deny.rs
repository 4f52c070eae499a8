//! What makes a stated deny rule a DenyRule.

use std::collections::HashMap;

use super::claims::Claimant;
use super::conditions::addresses;
use super::counting_rules::check_everywhere;
use super::known::Known;
use super::page::{Page, Spot, named};
use crate::model::deny::{DenyRule, Person};
use crate::model::document;
use crate::model::name::{ApiName, VersionName};
use crate::model::suggestion::did_you_mean;
use crate::model::violation::Violation;

/// Believes the deny rules of every file, in their order. `is_whole` says whether every file could be read.
pub(super) fn believe(
    (pages, claimants): (&[Page], &[Claimant<'_>]),
    (known, is_whole): (&Known<'_>, bool),
    found: &mut Vec<Violation>,
) -> Vec<DenyRule> {
    if pages.iter().all(|page| page.document.deny.is_empty()) {
        return Vec::new();
    }
    let apis = Apis::stated((pages, claimants), is_whole);
    let mut rules = Vec::new();
    for page in pages {
        let list = page.spot().key("deny");
        for (index, stated) in page.document.deny.iter().enumerate() {
            let spot = list.element(index);
            let rule = rule(&spot, stated, known, found);
            if let Some(rule) = &rule {
                apis.check(&spot, stated, rule, found);
            }
            rules.extend(rule.filter(|_| stated.enabled));
        }
    }
    rules
}

fn rule(
    spot: &Spot<'_>,
    stated: &document::DenyRule,
    known: &Known<'_>,
    found: &mut Vec<Violation>,
) -> Option<DenyRule> {
    let tenant = known.tenant(&spot.key("tenant"), stated.tenant.as_deref(), found);
    check_everywhere(spot, (stated.everywhere, tenant.as_ref()), found);
    check_keys(spot, stated, found);
    let api = stated.api.as_deref();
    let api = api.map(|api| named(&spot.key("api"), api, ApiName::parse, found));
    let version = stated.version.as_deref();
    let version = version.map(|version| named(&spot.key("version"), version, VersionName::parse, found));
    let tenant = tenant?;
    let person = |text: &Option<String>| text.as_deref().map(|text| Person::parse(text, &tenant));
    let (owner, user) = (person(&stated.owner), person(&stated.user));
    Some(DenyRule {
        is_everywhere: stated.everywhere,
        // A name that is none was blamed; the rule must not be one for every Api instead.
        api: or_nothing(api)?,
        version: or_nothing(version)?,
        application: stated.application.clone(),
        owner,
        user,
        addresses: addresses(&spot.key("ip"), &stated.ip, found),
        other_addresses: addresses(&spot.key("not_ip"), &stated.not_ip, found),
        tenant,
        place: spot.place(),
    })
}

fn or_nothing<T>(stated: Option<Option<T>>) -> Option<Option<T>> {
    match stated {
        Some(None) => None,
        Some(Some(name)) => Some(Some(name)),
        None => Some(None),
    }
}

fn check_keys(spot: &Spot<'_>, stated: &document::DenyRule, found: &mut Vec<Violation>) {
    const SAYING: [&str; 6] = ["api", "application", "user", "owner", "ip", "not_ip"];
    if !SAYING.iter().any(|key| spot.states(key) || spot.lost(key)) {
        let violation = spot.blame("the rule would deny every request");
        found.push(violation.fix("state an `api`, `application`, `owner`, `user`, `ip` or `not_ip`"));
    }
    if stated.version.is_some() && stated.api.is_none() && !spot.lost("api") {
        let violation = spot.key("version").blame("a version is one of an API");
        found.push(violation.fix("add `api`"));
    }
    if stated.everywhere && stated.api.is_some() {
        let violation = spot.key("api").blame("an API is one tenant's");
        found.push(violation.fix("remove `everywhere`, and name the tenant"));
    }
    for key in ["application", "owner", "user"] {
        let text = match key {
            "application" => &stated.application,
            "owner" => &stated.owner,
            _ => &stated.user,
        };
        if text.as_deref().is_some_and(str::is_empty) {
            found.push(spot.key(key).blame(format!("`{key}` names nobody")).fix("write a name"));
        }
    }
}

/// The versions that the files state, by tenant and Api.
struct Apis<'a> {
    stated: HashMap<(&'a str, &'a str), Vec<&'a str>>,
    is_whole: bool,
}

impl<'a> Apis<'a> {
    fn stated((pages, claimants): (&[Page], &'a [Claimant<'_>]), is_whole: bool) -> Self {
        let mut stated = HashMap::new();
        let lost = |page: &Page| ["name", "tenant", "versions"].iter().any(|key| page.spot().lost(key));
        for claimant in claimants {
            let Some(name) = claimant.name() else { continue };
            stated.insert((claimant.tenant(), name), claimant.versions().collect());
        }
        Self {
            stated,
            is_whole: is_whole && !pages.iter().any(lost),
        }
    }

    /// Blames an Api or a version that nobody states.
    fn check(&self, spot: &Spot<'_>, stated: &document::DenyRule, rule: &DenyRule, found: &mut Vec<Violation>) {
        let Some(api) = stated.api.as_deref().filter(|_| self.is_whole && !rule.is_everywhere) else {
            return;
        };
        let unknown = |key: &'static str, noun: &str, text: &str, names: Vec<&str>| {
            let violation = spot.key(key).blame(format!("unknown {noun} `{text}`"));
            Violation {
                fix: did_you_mean(text, names),
                ..violation
            }
        };
        let tenant = rule.tenant.as_str();
        let Some(versions) = self.stated.get(&(tenant, api)) else {
            let mut names: Vec<_> = self
                .stated
                .keys()
                .filter(|(of, _)| *of == tenant)
                .map(|(_, name)| *name)
                .collect();
            names.sort_unstable();
            found.push(unknown("api", "API", api, names));
            return;
        };
        if let Some(version) = stated.version.as_deref().filter(|version| !versions.contains(version)) {
            found.push(unknown("version", "version", version, versions.clone()));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_that_is_none_is_not_taken_for_none_that_was_stated() {
        assert_eq!(or_nothing(Some(Some(1))), Some(Some(1)));
        assert_eq!(or_nothing::<u8>(None), Some(None));
        assert_eq!(or_nothing::<u8>(Some(None)), None);
    }
}
