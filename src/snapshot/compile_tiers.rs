//! Tiers, counting rules and deny rules, compiled: figures become quotas, and names lead to them.

use std::collections::{BTreeSet, HashMap};

use super::figures;
use super::tiers::{Cap, Counted, DenyId, Group, Level, Policy, Rule, RuleId, Tier, TierId, Tiers};
use crate::model::api::{Api, ApiVersion};
use crate::model::catalog::Catalog;
use crate::model::condition::{Condition, Part};
use crate::model::counting_rule::{CountingRule, Variable};
use crate::model::deny::DenyRule;
use crate::model::method::MethodName;
use crate::model::name::{TenantName, TierName};
use crate::model::place::Place;
use crate::model::resource::Resource;
use crate::model::tier::{self, Choosers, Limit, TierLevel, Window};
use crate::quota::{Quota, Secret, SubjectDigest, Subjects};

/// Compiles what counts and what denies.
pub(super) struct TierCompiler<'a> {
    catalog: &'a Catalog,
    secret: &'a Secret,
    tiers: Tiers,
    resource: HashMap<(&'a TenantName, &'a TierName), TierId>,
    anonymous: HashMap<(&'a TenantName, &'a TierName), TierId>,
    /// What could not be compiled, and where that was stated.
    pub(super) refused: Vec<(Place, String)>,
}

/// Whose count it is: the beginning of the names that it is kept by.
struct Whose<'a> {
    tenant: &'a str,
    level: Level,
    name: &'a str,
    subjects: Subjects,
    is_hard: bool,
    place: &'a Place,
}

impl<'a> TierCompiler<'a> {
    /// Compiles everything but what belongs to one version.
    pub(super) fn new(catalog: &'a Catalog, secret: &'a Secret) -> Self {
        let mut compiler = Self {
            catalog,
            secret,
            tiers: Tiers {
                denying: catalog.deny_rules().to_vec(),
                claims: claims(catalog).into_iter().map(Into::into).collect(),
                network: secret.names(3).and("network"),
                ..Tiers::default()
            },
            resource: HashMap::new(),
            anonymous: HashMap::new(),
            refused: Vec::new(),
        };
        for tier in catalog.tiers() {
            compiler.tier(tier);
        }
        for rule in catalog.counting_rules() {
            compiler.rule(rule);
        }
        compiler
    }

    /// Returns what was compiled.
    pub(super) fn finish(self) -> Tiers {
        self.tiers
    }

    /// Finds a resource tier.
    pub(super) fn of_resource(&self, tenant: &TenantName, name: Option<&TierName>) -> Option<TierId> {
        self.resource.get(&(tenant, name?)).copied()
    }

    /// Names a resource as its tier counts it, each of its methods apart. HEAD is GET without its body.
    pub(super) fn subjects(
        &self,
        api: &Api,
        version: &ApiVersion,
        resource: &Resource,
    ) -> Vec<(MethodName, SubjectDigest)> {
        let (api, label) = (api.name.as_str(), version.version.as_str());
        let subject = |(name, text)| {
            let text = if name == MethodName::Head { "GET" } else { text };
            (
                name,
                self.secret.subject(&[api, label, resource.template.as_str(), text]),
            )
        };
        let head = resource
            .methods
            .contains(MethodName::Get)
            .then_some((MethodName::Head, ""));
        resource.methods.iter().chain(head).map(subject).collect()
    }

    /// Compiles what counts and what denies the calls of a version.
    pub(super) fn version(&mut self, api: &Api, version: &ApiVersion) -> Counted {
        let rules = self.catalog.counting_rules().iter().enumerate();
        let rules = rules.filter(|(_, rule)| rule.is_everywhere || rule.tenant == api.tenant);
        let rules = rules.map(|(index, _)| RuleId(index_of(index))).collect();
        let denying = |asks_identity: bool| {
            let all = self.catalog.deny_rules().iter().enumerate();
            let meant = all.filter(|(_, rule)| rule.asks_identity() == asks_identity && is_meant(rule, api, version));
            meant.map(|(index, _)| DenyId(index_of(index))).collect()
        };
        let (denying_anybody, denying_callers) = (denying(false), denying(true));
        let anonymous = version.anonymous_tier.as_ref();
        Counted {
            tier: self.of_resource(&api.tenant, version.tier.as_ref()),
            subject: self.secret.subject(&[api.name.as_str(), version.version.as_str()]),
            anonymous: anonymous.and_then(|name| self.anonymous.get(&(&api.tenant, name)).copied()),
            rules,
            denying_anybody,
            denying_callers,
            production: self.cap(api, version, ("production", version.max_tps.production)),
            sandbox: self.cap(api, version, ("sandbox", version.max_tps.sandbox)),
        }
    }

    fn tier(&mut self, tier: &'a tier::Tier) {
        let key = (&tier.tenant, &tier.name);
        match tier.level {
            TierLevel::Application => {
                let id = self.tier_for(tier, Level::Application, Subjects::Registered);
                let chosen = self.tiers.chosen.entry(tier.tenant.as_str().into()).or_default();
                chosen.application.insert(tier.name.as_str().into(), id);
            }
            TierLevel::Resource => {
                // Users need not be ours.
                let subjects = if tier.is_per_user {
                    Subjects::Invented
                } else {
                    Subjects::Registered
                };
                let id = self.tier_for(tier, Level::Resource, subjects);
                self.resource.insert(key, id);
            }
            TierLevel::Subscription => {
                let id = self.tier_for(tier, Level::Subscription, Subjects::Registered);
                let chosen = self.tiers.chosen.entry(tier.tenant.as_str().into()).or_default();
                chosen.subscription.insert(tier.name.as_str().into(), id);
                // Callers without an application are told apart by their address, of which anybody can have many.
                let id = self.tier_for(tier, Level::Anonymous, Subjects::Invented);
                self.anonymous.insert(key, id);
            }
        }
    }

    fn tier_for(&mut self, tier: &tier::Tier, level: Level, subjects: Subjects) -> TierId {
        let whose = Whose {
            tenant: tier.tenant.as_str(),
            level,
            name: tier.name.as_str(),
            subjects,
            is_hard: tier.is_hard,
            place: &tier.place,
        };
        let id = TierId(index_of(self.tiers.tiers.len()));
        let policies = self.policies(id, &whose, (None, &tier.limits));
        let groups = tier.groups.iter().map(|group| Group {
            conditions: group.conditions.clone(),
            policies: self.policies(id, &whose, (Some(group.name.as_str()), &group.limits)),
        });
        let groups = groups.collect();
        self.tiers.tiers.push(Tier {
            tenant: whose.tenant.into(),
            level,
            name: whose.name.into(),
            is_per_user: tier.is_per_user,
            choosers: tier.choosers.clone(),
            place: tier.place.clone(),
            groups,
            policies,
        });
        id
    }

    fn rule(&mut self, rule: &CountingRule) {
        let is_invented = |variable: &Variable| match variable {
            Variable::Api
            | Variable::Application
            | Variable::ApplicationTenant
            | Variable::Context
            | Variable::Resource
            | Variable::Tenant
            | Variable::Version => false,
            Variable::Claim(_) | Variable::ClientIp | Variable::Header(_) | Variable::Query(_) | Variable::User => true,
        };
        let key = rule.key.variables();
        let is_invented = key.iter().any(is_invented);
        let whose = Whose {
            tenant: rule.tenant.as_str(),
            level: Level::Rule,
            name: rule.name.as_str(),
            subjects: if is_invented {
                Subjects::Invented
            } else {
                Subjects::Registered
            },
            is_hard: rule.is_hard,
            place: &rule.place,
        };
        let id = TierId(index_of(self.tiers.tiers.len()));
        // With the template: what is told apart by another one is something else.
        let policies = self.policies(id, &whose, (Some(rule.key.as_str()), &rule.limits));
        self.push(&whose, policies);
        self.tiers.rules.push(Rule {
            conditions: rule.conditions.clone(),
            key: key.to_vec(),
            // A user is named with a tenant.
            names: self
                .secret
                .names(key.len() + key.iter().filter(|part| **part == Variable::User).count()),
            tier: id,
        });
    }

    fn cap(&mut self, api: &Api, version: &ApiVersion, (name, figure): (&str, Option<u64>)) -> Option<Cap> {
        let second = std::time::Duration::from_secs(1);
        let limits = [Limit::Requests(figure?, Window::Sliding(second))];
        let whose = Whose {
            tenant: api.tenant.as_str(),
            level: Level::Backend,
            name,
            subjects: Subjects::Registered,
            is_hard: true,
            place: &version.place,
        };
        let id = TierId(index_of(self.tiers.tiers.len()));
        let policies = self.policies(id, &whose, (None, &limits));
        self.push(&whose, policies);
        Some(Cap {
            tier: id,
            subject: self
                .secret
                .subject(&[api.name.as_str(), version.version.as_str(), name]),
        })
    }

    fn push(&mut self, whose: &Whose<'_>, policies: std::ops::Range<u32>) {
        self.tiers.tiers.push(Tier {
            tenant: whose.tenant.into(),
            level: whose.level,
            name: whose.name.into(),
            is_per_user: false,
            choosers: Choosers::All,
            place: whose.place.clone(),
            groups: Vec::new(),
            policies,
        });
    }

    /// Makes the limits of a tier, or of one of its parts, quotas.
    ///
    /// A count is kept by what it counts and not by its figures: `requests`, and `requests-2` for the second such limit.
    fn policies(
        &mut self,
        tier: TierId,
        whose: &Whose<'_>,
        (part, limits): (Option<&str>, &[Limit]),
    ) -> std::ops::Range<u32> {
        let first = index_of(self.tiers.policies.len());
        let mut named: Vec<(String, &Limit)> = Vec::with_capacity(limits.len());
        for (index, limit) in limits.iter().enumerate() {
            let before = limits
                .iter()
                .take(index)
                .filter(|other| other.word() == limit.word())
                .count();
            let ordinal = if before > 0 {
                format!("-{}", before + 1)
            } else {
                String::new()
            };
            named.push((format!("{}{ordinal}", limit.word()), limit));
        }
        named.sort_by_key(|(_, limit)| figures::rank(limit));
        for (word, limit) in named {
            let level = whose.level.word();
            let names = [whose.tenant, level, whose.name, part.unwrap_or_default(), &word];
            let counted = match figures::counted(limit) {
                Ok(counted) => counted,
                Err(message) => {
                    self.refused.push((whose.place.clone(), message));
                    continue;
                }
            };
            let quota = Quota::new(counted, whose.subjects, &names, self.secret);
            let told = part.filter(|_| whose.level != Level::Rule);
            let told: Vec<&str> = [Some(level), Some(whose.name), told, Some(&word)]
                .into_iter()
                .flatten()
                .collect();
            let name = figures::quoted(&told);
            self.tiers.policies.push(Policy {
                quota: if whose.is_hard { quota } else { quota.soft() },
                tier,
                stated: figures::stated(&name, limit).into(),
                name: name.into(),
                reach: figures::reach(whose.level, limit),
            });
        }
        first..index_of(self.tiers.policies.len())
    }
}

/// Collects the claims that anything asks for.
fn claims(catalog: &Catalog) -> BTreeSet<&str> {
    let groups = catalog.tiers().iter().flat_map(|tier| &tier.groups);
    let of_groups = groups.flat_map(|group| &group.conditions);
    let of_rules = catalog.counting_rules().iter().flat_map(|rule| &rule.conditions);
    let named = of_groups.chain(of_rules).filter_map(claim);
    let keys = catalog.counting_rules().iter().flat_map(|rule| rule.key.variables());
    let keyed = keys.filter_map(|variable| match variable {
        Variable::Claim(name) => Some(name.as_str()),
        Variable::Api
        | Variable::Application
        | Variable::ApplicationTenant
        | Variable::ClientIp
        | Variable::Context
        | Variable::Header(_)
        | Variable::Query(_)
        | Variable::Resource
        | Variable::Tenant
        | Variable::User
        | Variable::Version => None,
    });
    named.chain(keyed).collect()
}

fn claim(condition: &Condition) -> Option<&str> {
    match &condition.part {
        Part::Claim(name, _) => Some(name),
        Part::Address(_) | Part::Header(..) | Part::Query(..) => None,
    }
}

fn is_meant(rule: &DenyRule, api: &Api, version: &ApiVersion) -> bool {
    (rule.is_everywhere || rule.tenant == api.tenant)
        && rule.api.as_ref().is_none_or(|name| *name == api.name)
        && rule.version.as_ref().is_none_or(|label| *label == version.version)
}

/// Returns a vector's length as an index; a catalog that does not fit 32 bits does not fit memory either.
fn index_of(length: usize) -> u32 {
    u32::try_from(length).unwrap_or(u32::MAX)
}
