//! What makes a stated tier a Tier. Whether its name is taken is asked where references are resolved
//! ([`Known`](super::known::Known)).

use std::collections::HashMap;

use super::conditions;
use super::known::Known;
use super::limits::{self, Unlimited};
use super::page::{Page, Spot, named, unrepeated};
use crate::model::document;
use crate::model::name::{GroupName, TierName};
use crate::model::tier::{Choosers, Group, Tier, TierLevel, UNAUTHENTICATED};
use crate::model::violation::Violation;

/// Believes the tiers of every file, in their order.
pub(super) fn believe(pages: &[Page], known: &Known<'_>, found: &mut Vec<Violation>) -> Vec<Tier> {
    let mut tiers = Vec::new();
    for page in pages {
        let list = page.spot().key("tiers");
        for (index, stated) in page.document.tiers.iter().enumerate() {
            tiers.extend(tier(&list.element(index), stated, known, found));
        }
    }
    tiers
}

fn tier(spot: &Spot<'_>, stated: &document::Tier, known: &Known<'_>, found: &mut Vec<Violation>) -> Option<Tier> {
    let limits = limits::believe(spot, (&stated.limits, Unlimited::Stated(stated.unlimited)), found);
    let groups = groups(spot, stated, found);
    if stated.unlimited && stated.groups.is_empty() && !spot.lost("groups") {
        let violation = spot.key("unlimited").blame("the tier counts nothing");
        found.push(violation.fix("name `Unlimited` where the tier is named, or add a `[[tiers.groups]]`"));
    }
    if stated.per_user && stated.level != TierLevel::Resource {
        let violation = spot
            .key("per_user")
            .blame("only tiers of level `resource` have a count for each user");
        let already = match stated.level {
            TierLevel::Application => "; one of level `application` counts each user of an application by itself",
            TierLevel::Resource | TierLevel::Subscription => "",
        };
        found.push(violation.fix(format!("remove `per_user`{already}")));
    }
    let choosers = choosers(spot, stated, found);
    let tenant = known.tenant(&spot.key("tenant"), stated.tenant.as_deref(), found);
    Some(Tier {
        // Where it is none, whoever resolves references has blamed it.
        name: TierName::parse(&stated.name).ok()?,
        level: stated.level,
        tenant: tenant?,
        limits,
        groups,
        is_hard: stated.stop_on_quota,
        is_per_user: stated.per_user,
        choosers,
        place: spot.place(),
    })
}

fn groups(spot: &Spot<'_>, stated: &document::Tier, found: &mut Vec<Violation>) -> Vec<Group> {
    let list = spot.key("groups");
    if stated.groups.len() > MOST_GROUPS {
        found.push(
            list.element(MOST_GROUPS)
                .blame(format!("there are more than {MOST_GROUPS} groups")),
        );
    }
    let mut names = HashMap::new();
    let mut groups = Vec::with_capacity(stated.groups.len());
    for (index, stated) in stated.groups.iter().enumerate() {
        let spot = list.element(index);
        let at = spot.key("name");
        let name = named(&at, &stated.name, GroupName::parse, found);
        if let Some(first) = names.get(stated.name.as_str()) {
            found.push(at.blame(format!("`{}` is the name of `groups[{first}]` already", stated.name)));
        }
        names.entry(stated.name.as_str()).or_insert(index);
        if stated.conditions.is_empty() && !spot.lost("conditions") {
            let violation = spot
                .key("conditions")
                .blame("a group without conditions takes every request");
            found.push(violation.fix("add a condition, or make its limits the tier's own"));
        }
        let conditions = conditions::believe(&spot.key("conditions"), &stated.conditions, found);
        let limits = limits::believe(&spot, (&stated.limits, Unlimited::Stated(stated.unlimited)), found);
        groups.extend(name.map(|name| Group {
            name,
            conditions,
            limits,
        }));
    }
    groups
}

fn choosers(spot: &Spot<'_>, stated: &document::Tier, found: &mut Vec<Violation>) -> Choosers {
    let document::Tier {
        roles, denied_roles, ..
    } = stated;
    for (key, list) in [("roles", roles), ("denied_roles", denied_roles)] {
        let at = spot.key(key);
        unrepeated(&at, list, found);
        if list.is_empty() {
            continue;
        }
        if stated.level == TierLevel::Resource {
            let violation = at.blame("nobody chooses a tier of level `resource` but who states the API");
            found.push(violation.fix(format!("remove `{key}`")));
        } else if stated.name == UNAUTHENTICATED {
            let violation = at.blame(format!("nobody chooses `{UNAUTHENTICATED}`"));
            found.push(violation.fix(format!("remove `{key}`")));
        }
    }
    if !roles.is_empty() && !denied_roles.is_empty() {
        let violation = spot
            .key("denied_roles")
            .blame("a tier has either `roles` or `denied_roles`");
        found.push(violation.fix("remove one of the two"));
    }
    match (roles.is_empty(), denied_roles.is_empty()) {
        (true, true) => Choosers::All,
        (false, _) => Choosers::Only(roles.clone()),
        (true, false) => Choosers::AllBut(denied_roles.clone()),
    }
}

/// So many groups are looked at for one request.
const MOST_GROUPS: usize = 32;
